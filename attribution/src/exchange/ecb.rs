//! The European Central Bank's reference rates: its file of the day (`eurofxref-daily.xml`), and of the last 90.
//!
//! A `Cube` with a `time` is a day; the `Cube`s in it, with `currency` and `rate`, are what one euro costs. Currencies that
//! ISO 4217 does not know (any more) are skipped; anything else that is not as it should be refuses the whole file, so that
//! half a file is never taken for one.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{DecimalRate, PIVOT, QuotedRate};
use crate::day::Day;
use crate::money::Currency;

/// Why a text is no file of rates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No XML, or not all of it.
    #[error("is no XML: {0}")]
    NotXml(String),
    /// No day in it, or a rate outside of one.
    #[error("has no day")]
    NoDay,
    /// A day that is none.
    #[error("has a day that is none: {0:?}")]
    WrongDay(String),
    /// A day without a rate.
    #[error("has no rates for {0}")]
    NoRates(Day),
    /// A currency without a rate, or with one that is none.
    #[error("has {rate:?} as the rate of {currency:?}")]
    WrongRate {
        /// As it is written.
        currency: String,
        /// As it is written.
        rate: String,
    },
}

/// The rates of every day in the file, in its order: everybody's, with the euro as their base.
pub fn read(text: &str) -> Result<Vec<QuotedRate>, FileError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|cause| not_xml(&cause))? {
            Event::Start(element) => walk.enter(&element)?,
            Event::End(_) => walk.leave()?,
            Event::Eof => return walk.end(),
            Event::Text(text) if walk.open == 0 && !text.trim().is_empty() => {
                return Err(not_xml(&"text outside of all elements"));
            }
            Event::DocType(_) => return Err(not_xml(&"a document type is not expected")),
            _ => {}
        }
    }
}

/// Where the reader is, and what it has found.
#[derive(Default)]
struct Walk {
    /// Elements that have begun and not ended.
    open: usize,
    /// The day whose element is open: at which depth, and how many rates were found before it.
    day: Option<(Day, usize, usize)>,
    has_day: bool,
    quotes: Vec<QuotedRate>,
}

impl Walk {
    fn enter(&mut self, element: &BytesStart) -> Result<(), FileError> {
        self.open += 1;
        if element.local_name().as_ref() != "Cube" {
            return Ok(());
        }
        if let Some(time) = attribute(element, "time")? {
            let day = Day::parse(&time).filter(|_| self.day.is_none()).ok_or(FileError::WrongDay(time))?;
            self.has_day = true;
            self.day = Some((day, self.open, self.quotes.len()));
            return Ok(());
        }
        let (currency, rate) = (attribute(element, "currency")?, attribute(element, "rate")?);
        if currency.is_some() || rate.is_some() {
            let (day, ..) = self.day.ok_or(FileError::NoDay)?;
            self.quotes.extend(quote(day, currency.unwrap_or_default(), rate.unwrap_or_default())?);
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), FileError> {
        if let Some((day, depth, before)) = self.day
            && depth == self.open
        {
            if self.quotes.len() == before {
                return Err(FileError::NoRates(day));
            }
            self.day = None;
        }
        // More ends than beginnings are an error of the reader's.
        self.open = self.open.saturating_sub(1);
        Ok(())
    }

    fn end(self) -> Result<Vec<QuotedRate>, FileError> {
        if self.open > 0 {
            return Err(not_xml(&"it breaks off"));
        }
        if self.has_day { Ok(self.quotes) } else { Err(FileError::NoDay) }
    }
}

/// What one element says; `None` where its currency is unknown.
fn quote(day: Day, currency: String, rate: String) -> Result<Option<QuotedRate>, FileError> {
    let decimal = DecimalRate::parse(&rate).ok().filter(|_| !currency.is_empty() && currency != PIVOT);
    let known = Currency::from_code(&currency).zip(Currency::from_code(PIVOT));
    let rate = decimal.ok_or(FileError::WrongRate { currency, rate })?;
    Ok(known.map(|(currency, base)| QuotedRate { base, currency, day, rate, own: false }))
}

fn attribute(element: &BytesStart, name: &str) -> Result<Option<String>, FileError> {
    let found = element.try_get_attribute(name).map_err(|cause| not_xml(&cause))?;
    let value = found.map(|found| found.normalized_value(XmlVersion::Implicit1_0)).transpose();
    value.map(|value| value.map(std::borrow::Cow::into_owned)).map_err(|cause| not_xml(&cause))
}

fn not_xml(cause: &dyn std::fmt::Display) -> FileError {
    FileError::NotXml(cause.to_string())
}

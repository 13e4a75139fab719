//! The parameters of lists, read in one way everywhere.
//!
//! Two kinds, as published: by page number (`page`, `limit` 1–200, 50 unless sent; the answer has `pagination`) and by
//! cursor (`limit` 1–100, 10 unless sent, `starting_after` or `ending_before`, `order`; the answer has `has_more`). Beside
//! them `sort` (`created_at:desc`, or `-created_at`), `expand`, `dateFrom` and `dateTo` (also written `created_gte`,
//! `created_lte`, `createdGte`, `createdLte`, as the published pages differ). Whatever is wrong is collected and refused
//! at once, each with its name; parameters that nobody reads are ignored.

use url::Url;

use super::page::{Cursor, Page, Period, Place, Sort};
use super::{BodyProblem, Fields};
use crate::limits::{CURSOR_PAGE, MAX_CURSOR_PAGE, MAX_PAGE, MAX_PLACE, MAX_SEARCH, MAX_TEXT, PAGE};
use crate::time::{DAY_MILLISECONDS, Timestamp};

/// How long a page of a list by page number is: unless sent, and at most.
const PAGE_LIMITS: (u32, u32) = (PAGE, MAX_PAGE);

/// The same for a list by cursor.
const CURSOR_LIMITS: (u32, u32) = (CURSOR_PAGE, MAX_CURSOR_PAGE);

/// Of a name that is not known so many characters are shown.
const SHOWN: usize = 64;

const FROM: [&str; 3] = ["dateFrom", "created_gte", "createdGte"];
const TO: [&str; 3] = ["dateTo", "created_lte", "createdLte"];

/// Reads the parameters of one call and collects what is wrong with them; [`Parameters::finish`] tells.
pub struct Parameters {
    sent: Vec<(String, String)>,
    fields: Fields,
}

impl Parameters {
    /// Those of the call to this URL.
    pub fn of(url: &Url) -> Self {
        let sent = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self { sent: sent.collect(), fields: Fields::default() }
    }

    /// A text to filter by; absent when empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let sent = self.sent(name);
        self.fields.text(name, sent, MAX_TEXT)
    }

    /// What to look for: `search`.
    pub fn search(&mut self) -> Option<String> {
        let sent = self.sent("search");
        self.fields.text("search", sent, MAX_SEARCH)
    }

    /// A word out of a list to filter by, in either case.
    pub fn word<T>(&mut self, name: &str, words: &[&str], read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let sent = self.sent(name).map(|word| word.to_ascii_lowercase());
        self.fields.word(name, sent, words, read)
    }

    /// `page` and `limit`.
    pub fn page(&mut self) -> Page {
        let number = match self.sent("page") {
            None => Some(1),
            Some(text) => text.parse().ok().filter(|number| *number >= 1),
        };
        if number.is_none() {
            self.fields.refuse("page", "must be a number from 1 on");
        }
        Page { number: number.unwrap_or(1), limit: self.limit(PAGE_LIMITS) }
    }

    /// The same for a list that is published without pages: at most `all` rows unless a page is asked for.
    pub fn page_of_all(&mut self, all: u64) -> Page {
        let asks = self.sent("page").is_some() || self.sent("limit").is_some();
        if asks { self.page() } else { Page { number: 1, limit: u32::try_from(all).unwrap_or(u32::MAX) } }
    }

    /// `limit`, `starting_after` or `ending_before`, and `order`: the newest first unless it says `asc`.
    pub fn cursor(&mut self) -> Cursor {
        let after = self.text("starting_after");
        let before = self.text("ending_before");
        if after.is_some() && before.is_some() {
            self.fields.refuse("ending_before", "cannot be sent together with starting_after");
        }
        let ascending = self.word("order", &["asc", "desc"], |word| match word {
            "asc" => Some(true),
            "desc" => Some(false),
            _ => None,
        });
        Cursor {
            limit: self.limit(CURSOR_LIMITS),
            descending: !ascending.unwrap_or(false),
            place: after.map(Place::After).or(before.map(Place::Before)),
        }
    }

    /// `after`, a place in a feed as an earlier answer named it, and `limit` as of lists by page number.
    pub fn place(&mut self) -> (Option<i64>, u32) {
        let sent = self.sent("after");
        let after = sent.as_deref().and_then(|text| text.parse().ok()).filter(|place| (0..=MAX_PLACE).contains(place));
        if sent.is_some() && after.is_none() {
            self.fields.refuse("after", "must be the `next` of an earlier answer");
        }
        (after, self.limit(PAGE_LIMITS))
    }

    fn limit(&mut self, (default, most): (u32, u32)) -> u32 {
        let limit = match self.sent("limit") {
            None => Some(default),
            Some(text) => text.parse().ok().filter(|limit| (1..=most).contains(limit)),
        };
        if limit.is_none() {
            self.fields.refuse("limit", format!("must be a number from 1 to {most}"));
        }
        limit.unwrap_or(default)
    }

    /// `sort`: one of `columns` by its name (`createdAt` is `created_at`), with a direction as `name:desc` or `-name`;
    /// ascending without one. `default` when it is not sent.
    pub fn sort<C: Copy>(&mut self, columns: &[(&'static str, C)], default: Sort<C>) -> Sort<C> {
        let Some(sent) = self.sent("sort") else { return default };
        let (name, direction) = match (sent.strip_prefix('-'), sent.split_once(':')) {
            (Some(name), None) => (name, "desc"),
            (None, Some((name, direction))) => (name, direction),
            _ => (sent.as_str(), "asc"),
        };
        let name = snake_case(name);
        let column = columns.iter().find(|(known, _)| *known == name);
        let descending = match direction {
            "asc" => Some(false),
            "desc" => Some(true),
            _ => None,
        };
        if let (Some((_, by)), Some(descending)) = (column, descending) {
            return Sort { by: *by, descending };
        }
        let names: Vec<&str> = columns.iter().map(|(known, _)| *known).collect();
        let names = names.join(", ");
        self.fields.refuse("sort", format!("must be one of {names}, with :asc or :desc behind it, or - before it"));
        default
    }

    /// `expand`: what stands beside an object in full.
    pub fn expand<T: Copy + PartialEq>(&mut self, known: &[(&'static str, T)]) -> Vec<T> {
        self.names("expand", known)
    }

    /// `include`: what is worked out for an object.
    pub fn include<T: Copy + PartialEq>(&mut self, known: &[(&'static str, T)]) -> Vec<T> {
        self.names("include", known)
    }

    /// Names with commas between them, each one of `known`; each at most once in what is returned.
    fn names<T: Copy + PartialEq>(&mut self, parameter: &str, known: &[(&'static str, T)]) -> Vec<T> {
        let mut wanted = Vec::new();
        let mut unknown: Vec<String> = Vec::new();
        let sent = self.sent.iter().filter(|(name, _)| name == parameter).flat_map(|(_, value)| value.split(','));
        for name in sent.map(str::trim).filter(|name| !name.is_empty()) {
            match known.iter().find(|(known, _)| *known == name) {
                Some((_, part)) if wanted.contains(part) => {}
                Some((_, part)) => wanted.push(*part),
                None => unknown.push(name.chars().take(SHOWN).collect()),
            }
        }
        if !unknown.is_empty() {
            let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let (known, unknown) = (known.join(", "), unknown.join(", "));
            self.fields.refuse(parameter, format!("knows {known}, and not {unknown}"));
        }
        wanted
    }

    /// `dateFrom` and `dateTo`: a date, which stands for the whole day in UTC, or a date and time with its offset.
    pub fn period(&mut self) -> Period {
        Period { from: self.end(&FROM, 0), to: self.end(&TO, DAY_MILLISECONDS - 1) }
    }

    /// One end of a period, under whichever of its names it was sent; a mere date is so far into its day.
    fn end(&mut self, names: &[&str], into_the_day: i64) -> Option<Timestamp> {
        let (name, text) = names.iter().find_map(|name| self.sent(name).map(|text| (*name, text)))?;
        let day = Timestamp::parse(&format!("{text}T00:00:00Z"));
        let within = day.map(|day| Timestamp::from_milliseconds(day.milliseconds() + into_the_day));
        let moment = within.or_else(|| Timestamp::parse(&text));
        if moment.is_none() {
            let expected =
                "must be a date like 2024-01-20, or a date and time with its offset like 2024-01-20T15:30:00Z";
            self.fields.refuse(name, expected);
        }
        moment
    }

    /// Notes a problem that the list found itself.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.fields.refuse(name, message);
    }

    /// `value`, unless something was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, BodyProblem> {
        self.fields.finish(Some(value))
    }

    fn sent(&self, name: &str) -> Option<String> {
        self.sent.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

/// `createdAt` as `created_at`.
fn snake_case(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

#[cfg(test)]
mod tests;

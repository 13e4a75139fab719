//! Coupons: a code by which a customer pays less, and which is an affiliate's. No rule of money reads them; whoever takes
//! the payment gives the discount.

use crate::limits::MAX_COUPON_CODE;
use serde_json::{Map, Number, Value, json};

use crate::decision::Reason;
use crate::edits::{EditLine, Editor};
use crate::ids::{AffiliateId, CouponId, ProgramId, TeamId};
use crate::messages::{coupon_message, decimal};
use crate::money::{Currency, Money, Rate};
use crate::status::CouponDuration;
use crate::time::Timestamp;

/// A coupon.
#[derive(Clone, Debug, PartialEq)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// The program's owner.
    pub team_id: TeamId,
    /// The program.
    pub program_id: ProgramId,
    /// Whose it is.
    pub affiliate_id: AffiliateId,
    /// What customers type in, upper-case.
    pub code: String,
    /// What it takes off.
    pub discount: Discount,
    /// For how long.
    pub term: Term,
    /// The products that it is for; all of them where there are none.
    pub product_ids: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Option<Timestamp>,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discount {
    /// A share of the price.
    Percentage(Rate),
    /// An amount.
    Fixed(Money),
}

/// For how long a coupon takes its discount off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Off every invoice.
    Forever,
    /// Off the first invoice.
    Once,
    /// Off the invoices of so many months.
    Repeating(u32),
}

/// Reads a code: letters, digits and hyphens, kept in upper case. `None` for any other text.
pub fn coupon_code(text: &str) -> Option<String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && (1..=MAX_COUPON_CODE).contains(&text.len())).then(|| text.to_ascii_uppercase())
}

impl Discount {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Percentage(_) => "percentage",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The percentage, or the amount in major units, as a JSON number.
    pub fn value(&self) -> Value {
        match self {
            Self::Percentage(rate) => rate.to_percent().parse::<Number>().map_or(Value::Null, Value::Number),
            Self::Fixed(amount) => decimal(*amount),
        }
    }

    /// The currency of an amount.
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::Percentage(_) => None,
            Self::Fixed(amount) => Some(amount.currency),
        }
    }
}

impl Term {
    /// The word for it.
    pub fn duration(self) -> CouponDuration {
        match self {
            Self::Forever => CouponDuration::Forever,
            Self::Once => CouponDuration::Once,
            Self::Repeating(_) => CouponDuration::Repeating,
        }
    }

    /// So many months, where they are counted.
    pub fn months(self) -> Option<u32> {
        match self {
            Self::Forever | Self::Once => None,
            Self::Repeating(months) => Some(months),
        }
    }
}

impl Coupon {
    /// The line of its making, with what subscribers are told.
    pub fn made(&self, by: Editor) -> EditLine {
        EditLine { messages: vec![coupon_message("coupon.created", self)], ..self.line("coupon.created", by) }
    }

    /// The line of its end. There is no message for that.
    pub fn removed(&self, by: Editor) -> EditLine {
        self.line("coupon.deleted", by)
    }

    fn line(&self, kind: &'static str, by: Editor) -> EditLine {
        let facts = [("code", json!(self.code)), ("affiliate_id", json!(self.affiliate_id))];
        let detail: Map<String, Value> = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let subject = self.id.as_str().to_owned();
        EditLine { subject, kind, reason: Reason::EditedByOwner, detail, messages: Vec::new(), by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_letters_digits_and_hyphens_in_upper_case() {
        assert_eq!(coupon_code("Save-25"), Some("SAVE-25".to_owned()));
        for text in ["", "SAVE 25", "SAVE_25", "ÄPFEL", "25%", &"X".repeat(51)] {
            assert_eq!(coupon_code(text), None, "{text}");
        }
    }

    #[test]
    fn a_discount_is_written_exactly() {
        let usd = Currency::from_code("USD").unwrap();
        let share = Discount::Percentage(Rate::from_parts_per_million(125_000).unwrap());
        assert_eq!(
            (share.kind(), share.value().to_string(), share.currency()),
            ("percentage", "12.5".to_owned(), None)
        );
        let amount = Discount::Fixed(Money::from_minor(1999, usd).unwrap());
        assert_eq!(
            (amount.kind(), amount.value().to_string(), amount.currency()),
            ("fixed", "19.99".to_owned(), Some(usd))
        );
    }

    #[test]
    fn only_a_repeating_coupon_counts_months() {
        assert_eq!(Term::Forever.months(), None);
        assert_eq!(Term::Once.months(), None);
        assert_eq!(Term::Repeating(3).months(), Some(3));
    }
}

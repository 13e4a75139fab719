//! What bodies of commissions share: amounts that may be nothing, and the currencies that they may be in.

use attribution::limits::MAX_HOLD_DAYS;
use attribution::money::{Currency, Money};
use serde_json::Number;

use crate::input::Fields;

/// Takes an amount in major units that may be nothing.
pub(super) fn amount(fields: &mut Fields, field: &str, value: &Number, currency: Currency) -> Option<Money> {
    Some(Money { minor: fields.amount_or_nothing(field, value, currency)?, currency })
}

/// Takes days of hold.
pub(super) fn hold_days(fields: &mut Fields, value: Option<i64>) -> Option<u32> {
    fields.whole("hold_period_days", value?, 0..=MAX_HOLD_DAYS)
}

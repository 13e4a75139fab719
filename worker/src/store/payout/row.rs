//! The row of a payout, with what it comes to and who is paid.

use attribution::ids::{AffiliateId, PayoutId};
use attribution::money::Currency;
use attribution::payout::{Payout, Tally, Work};
use attribution::status::PayoutStatus;
use attribution::time::Timestamp;
use serde::Deserialize;

use super::Shown;
use crate::store::{UnknownValue, scope, word};

/// Every column of `payout`, and what is read beside it. Sub-selects and no joins: `id` stands for the payout's.
pub(super) const COLUMNS: &str = "payout.id, payout.team_id, payout.program_id, payout.is_test, payout.affiliate_id, \
    payout.invoice_number, payout.currency, payout.status, payout.work, payout.payment_method, \
    payout.payment_reference, payout.processed_at, payout.version, payout.created_at, payout.updated_at, \
    (SELECT COALESCE(SUM(amount_minor), 0) FROM payout_line WHERE payout_id = payout.id) AS sum_minor, \
    (SELECT COUNT(*) FROM payout_line WHERE payout_id = payout.id) AS lines, \
    (SELECT payment_threshold_minor FROM program WHERE program.id = payout.program_id) AS threshold_minor, \
    (SELECT name FROM affiliate WHERE affiliate.id = payout.affiliate_id) AS affiliate_name, \
    (SELECT email FROM affiliate WHERE affiliate.id = payout.affiliate_id) AS affiliate_email";

#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    affiliate_id: String,
    invoice_number: i64,
    currency: String,
    status: String,
    work: Option<String>,
    payment_method: Option<String>,
    payment_reference: Option<String>,
    processed_at: Option<i64>,
    version: i64,
    created_at: i64,
    updated_at: i64,
    sum_minor: i64,
    lines: i64,
    threshold_minor: i64,
    affiliate_name: Option<String>,
    affiliate_email: Option<String>,
}

impl TryFrom<Row> for Shown {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let work = row.work.map(|work| word("payout.work", &work, |word| word.parse::<Work>().ok())).transpose()?;
        let payout = Payout {
            id: PayoutId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            affiliate_id: AffiliateId::new(row.affiliate_id),
            invoice_number: row.invoice_number,
            currency: word("payout.currency", &row.currency, Currency::from_code)?,
            status: word("payout.status", &row.status, PayoutStatus::from_word)?,
            work,
            payment_method: row.payment_method,
            payment_reference: row.payment_reference,
            processed_at: row.processed_at.map(Timestamp::from_milliseconds),
            version: row.version,
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
        };
        let tally = Tally { payout, sum_minor: row.sum_minor, lines: row.lines, threshold_minor: row.threshold_minor };
        Ok(Self { tally, affiliate_name: row.affiliate_name, affiliate_email: row.affiliate_email })
    }
}

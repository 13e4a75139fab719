//! Payouts, and what one is made of, as tables for people's spreadsheets.

use attribution::money::Money;
use attribution::payout::Payout;
use attribution::time::Timestamp;

use crate::affonso::views::earning_type;
use crate::csv::{self, Cell};
use crate::http::Answer;
use crate::store::payout::Shown;
use crate::store::payout::lines::Line;
use attribution::limits::MAX_TABLE;

const PAYOUT_COLUMNS: [&str; 13] = [
    "id",
    "invoice_number",
    "affiliate_id",
    "affiliate_name",
    "affiliate_email",
    "amount",
    "currency",
    "status",
    "payment_method",
    "payment_reference",
    "processed_at",
    "created_at",
    "updated_at",
];

const LINE_COLUMNS: [&str; 12] = [
    "payout_id",
    "invoice_number",
    "commission_id",
    "earning_type",
    "level",
    "referral_id",
    "conversion_id",
    "external_event_id",
    "sale_amount",
    "sale_currency",
    "commission_amount",
    "commission_currency",
];

/// Payouts.
pub(super) fn of_payouts(payouts: &[Shown], is_cut: bool) -> Answer {
    let row = |shown: &Shown| {
        let Shown { tally, affiliate_name, affiliate_email } = shown;
        let payout = &tally.payout;
        [
            Cell::text(Some(payout.id.as_str())),
            Cell::number(Some(payout.invoice_number)),
            Cell::text(Some(payout.affiliate_id.as_str())),
            Cell::text(affiliate_name.as_deref()),
            Cell::text(affiliate_email.as_deref()),
            amount(Some(Money { minor: tally.sum_minor, currency: payout.currency })),
            Cell::text(Some(payout.currency.code())),
            Cell::text(Some(payout.status.as_str())),
            Cell::text(payout.payment_method.as_deref()),
            Cell::text(payout.payment_reference.as_deref()),
            Cell::text(payout.processed_at.map(Timestamp::to_rfc3339)),
            Cell::text(Some(payout.created_at.to_rfc3339())),
            Cell::text(Some(payout.updated_at.to_rfc3339())),
        ]
    };
    answer("payouts", csv::table(PAYOUT_COLUMNS, payouts.iter().map(row)), is_cut)
}

/// What a payout is made of.
pub(super) fn of_lines(payout: &Payout, lines: &[Line], is_cut: bool) -> Answer {
    let row = |line: &Line| {
        let sale = line.sale.as_ref();
        [
            Cell::text(Some(payout.id.as_str())),
            Cell::number(Some(payout.invoice_number)),
            Cell::text(Some(line.commission_id.as_str())),
            Cell::text(earning_type(line.kind)),
            Cell::number(Some(line.level)),
            Cell::text(Some(line.referral_id.as_str())),
            Cell::text(sale.map(|sale| sale.id.as_str())),
            Cell::text(sale.and_then(|sale| sale.key.as_deref())),
            amount(sale.map(|sale| sale.remaining)),
            Cell::text(sale.map(|sale| sale.remaining.currency.code())),
            amount(Some(line.amount)),
            Cell::text(Some(line.amount.currency.code())),
        ]
    };
    let name = format!("payout-{}", payout.invoice_number);
    answer(&name, csv::table(LINE_COLUMNS, lines.iter().map(row)), is_cut)
}

fn amount(money: Option<Money>) -> Cell {
    Cell::number(money.map(Money::to_fixed))
}

fn answer(name: &str, table: String, is_cut: bool) -> Answer {
    let answer = Answer::file("text/csv; charset=utf-8; header=present", table)
        .with_header("content-disposition", format!("attachment; filename=\"{name}.csv\""))
        .with_header("cache-control", "no-store");
    cut(answer, is_cut)
}

/// Says where an answer was cut that would have been longer.
pub(super) fn cut(answer: Answer, is_cut: bool) -> Answer {
    if is_cut { answer.with_header("x-rows-cut-at", MAX_TABLE.to_string()) } else { answer }
}

//! How payouts are shown. Source: the reference of the management API.

use attribution::ids::derive;
use attribution::messages::decimal;
use attribution::money::Money;
use attribution::payout::Payout;
use attribution::time::Timestamp;
use serde_json::{Value, json};

use crate::affonso::views::earning_type;
use crate::store::payout::Shown;
use crate::store::payout::lines::Line;

/// The payout object.
pub(super) fn payout(shown: &Shown) -> Value {
    let Shown { tally, affiliate_name, affiliate_email } = shown;
    let payout = &tally.payout;
    json!({
        "id": payout.id,
        "affiliate_id": payout.affiliate_id,
        "program_id": payout.scope.program_id,
        "invoice_number": payout.invoice_number,
        "amount": decimal(Money { minor: tally.sum_minor, currency: payout.currency }),
        "currency": payout.currency.code(),
        "status": payout.status.as_str(),
        "work": payout.work.map(<&str>::from),
        "payment_method": payout.payment_method,
        "payment_reference": payout.payment_reference,
        "processed_at": payout.processed_at.map(Timestamp::to_rfc3339),
        "managed_payout": false,
        "affiliate": { "name": affiliate_name, "email": affiliate_email },
        "created_at": payout.created_at.to_rfc3339(),
        "updated_at": payout.updated_at.to_rfc3339(),
    })
}

/// The same with what it is made of.
pub(super) fn with_lines(shown: &Shown, lines: &[Line]) -> Value {
    let mut view = payout(shown);
    let transactions: Vec<Value> = lines.iter().map(|line| transaction(&shown.tally.payout, line)).collect();
    if let Some(fields) = view.as_object_mut() {
        fields.insert("transactions".to_owned(), transactions.into());
    }
    view
}

/// One line: the published fields, and after them what it is about. The commission's `amount` is the sale's, refunds taken
/// off; 0 for a lead.
fn transaction(payout: &Payout, line: &Line) -> Value {
    let amount = decimal(line.amount);
    let sale = line.sale.as_ref();
    json!({
        "id": derive("ptx", &[payout.id.as_str(), line.commission_id.as_str()]),
        "amount": amount.clone(),
        "commission": {
            "id": line.commission_id,
            "amount": sale.map_or_else(|| 0.into(), |sale| decimal(sale.remaining)),
            "commission_amount": amount,
            "created_at": line.earned_at.to_rfc3339(),
            "currency": sale.map(|sale| sale.remaining.currency.code()),
            "commission_currency": line.amount.currency.code(),
            "earning_type": earning_type(line.kind),
            "level": line.level,
            "referral_id": line.referral_id,
            "conversion_id": sale.map(|sale| &sale.id),
        },
        "created_at": line.created_at.to_rfc3339(),
    })
}

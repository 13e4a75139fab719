//! A sale that is recorded already: that record stands, and what the repeated call says otherwise is named.

use super::changes::Plan;
use super::outcome::{FirstSeen, Outcome};
use super::requests::RecordSale;
use crate::sale::{Conversion, RecordedSale};

/// The record under the sale's key, or under the id that this very command would have given it.
pub(super) fn answer(command: &RecordSale, sale: &RecordedSale) -> Plan {
    let is_own = sale.conversion.id == command.conversion_id;
    let outcome = Outcome::Sale {
        sale: Box::new(sale.clone()),
        first_seen: if is_own { FirstSeen::Now } else { FirstSeen::Before },
        differing: if is_own { Vec::new() } else { differing_fields(command, &sale.conversion) },
    };
    Plan { scope: sale.conversion.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

/// The fields in which a repeated call says something else than what is recorded.
fn differing_fields(command: &RecordSale, recorded: &Conversion) -> Vec<String> {
    let (sent, kept) = (&command.details, &recorded.details);
    let differs = [
        ("sale_amount", command.amount.minor != recorded.amount.minor),
        ("sale_amount_currency", command.amount.currency != recorded.amount.currency),
        // As it was told: a refund has moved the sale on since.
        (
            "sales_status",
            recorded.decision.inputs.get("sales_status").is_some_and(|told| told != command.sales_status.as_str()),
        ),
        ("status", sent.commission_status != kept.commission_status),
        ("referral_id", sent.referral_id != kept.referral_id),
        ("click_id", sent.click_id != kept.click_id),
        ("customer_id", sent.customer_id != kept.customer_id),
        ("external_user_id", sent.external_user_id != kept.external_user_id),
        ("subscription_id", sent.subscription_id != kept.subscription_id),
        ("product_ids", sent.purchase.product_ids != kept.purchase.product_ids),
        ("price_ids", sent.purchase.price_ids != kept.purchase.price_ids),
        ("interval", sent.purchase.interval != kept.purchase.interval),
        ("is_subscription", sent.purchase.is_subscription != kept.purchase.is_subscription),
        ("metadata", sent.metadata != kept.metadata),
        ("created_at", command.occurred_at.is_some_and(|moment| moment != recorded.created_at)),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field.to_owned()).collect()
}

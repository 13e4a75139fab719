//! What names a customer in what is kept about them: the fields that an erasure empties. One list for whoever erases, in SQL
//! or in memory. Source: design, section 7; docs/privacy.md.
//!
//! What stays has no customer in it: amounts, statuses, dates, reasons, the affiliate, products, and the keys of sales and
//! refunds, without which a repeated call would count twice.

use serde_json::{Map, Value};

use crate::ledger::{KeptAnswer, Outcome};
use crate::sale::SaleDetails;

/// Fields of a line's details: what the caller sent, in their words, and the visit that it named.
pub const LINE_FIELDS: [&str; 4] = ["sent", "click_id", "refund_reason", "because"];

/// Fields of a message's data.
pub const MESSAGE_FIELDS: [&str; 4] = ["email", "emailMasked", "customerId", "externalUserId"];

/// Fields of a sale's details, beside `extra`, which is emptied as a whole.
pub const SALE_FIELDS: [&str; 6] =
    ["customer_id", "external_user_id", "click_id", "referral_id", "subscription_id", "metadata"];

/// Empties the fields that are there.
pub fn empty(fields: &[&str], data: &mut Map<String, Value>) {
    for field in fields {
        if let Some(value) = data.get_mut(*field) {
            *value = Value::Null;
        }
    }
}

/// A sale's details without its customer.
pub fn sale_details(details: &SaleDetails) -> SaleDetails {
    SaleDetails {
        purchase: details.purchase.clone(),
        commission_status: details.commission_status,
        ..SaleDetails::default()
    }
}

/// What stands in the place of an answer that was kept about an erased customer. Nothing hashes to its body, so the same
/// `Idempotency-Key` is refused and nothing is done twice.
pub fn kept_answer(answer: &KeptAnswer) -> KeptAnswer {
    KeptAnswer { body_hash: String::new(), outcome: Outcome::Moved { commissions: 0 }, ..answer.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::incentive::Purchase;

    #[test]
    fn a_sales_details_keep_what_was_bought_and_nothing_of_who_bought_it() {
        let text = || Some("secret".to_owned());
        let details = SaleDetails {
            customer_id: text(),
            external_user_id: text(),
            click_id: text(),
            referral_id: text(),
            subscription_id: text(),
            purchase: Purchase { product_ids: vec!["book".to_owned()], ..Purchase::default() },
            commission_status: None,
            metadata: Some(json!({ "note": "secret" })),
            extra: Map::from_iter([("line_items".to_owned(), json!("secret"))]),
        };
        let erased = serde_json::to_string(&sale_details(&details)).unwrap();
        assert!(erased.contains("book") && !erased.contains("secret"), "{erased}");
    }

    #[test]
    fn the_fields_of_a_sale_are_all_that_names_its_customer() {
        // By name, so that SQL empties the very fields that are emptied here.
        let mut named = serde_json::to_value(SaleDetails::default()).unwrap();
        let fields: Vec<String> = named.as_object_mut().unwrap().keys().cloned().collect();
        let kept = ["purchase", "commission_status", "extra"];
        let mut emptied: Vec<&String> = fields.iter().filter(|field| !kept.contains(&field.as_str())).collect();
        emptied.sort_unstable();
        let mut expected = SALE_FIELDS.to_vec();
        expected.sort_unstable();
        assert_eq!(emptied, expected);
    }

    #[test]
    fn only_fields_that_are_there_are_emptied() {
        let mut data = json!({ "email": "jane@example.com", "amount": 5 });
        empty(&MESSAGE_FIELDS, data.as_object_mut().unwrap());
        assert_eq!(data, json!({ "email": null, "amount": 5 }));
    }
}

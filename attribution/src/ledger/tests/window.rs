//! The attribution window: tested once, from the click to the first sale (design, section 1, choice 9).

use serde_json::json;

use super::World;
use crate::decision::Reason;
use crate::fixtures::{by_customer, click, direct_referral, new_year, sale, sale_to};
use crate::ledger::RecordSale;
use crate::status::ReferralStatus;
use crate::time::Timestamp;

fn on(moment: Timestamp, key: &str) -> RecordSale {
    RecordSale { occurred_at: Some(moment), ..sale(key, "99.00") }
}

fn millisecond_after(moment: Timestamp) -> Timestamp {
    Timestamp::from_milliseconds(moment.milliseconds() + 1)
}

#[test]
fn the_window_ends_with_its_last_millisecond() {
    let last = new_year().plus_days(60);
    let world = World::with_john();
    assert_eq!(world.sells(on(last, "order_1")).conversion.decision.reason, Reason::CommissionEarned);

    let world = World::with_john();
    let late = world.sells(on(millisecond_after(last), "order_1"));
    assert_eq!((late.conversion.attributed, &late.commission), (false, &None));
    assert_eq!((&late.conversion.commission_id, &late.conversion.matched_incentive_id), (&None, &None));
    assert_eq!(late.conversion.decision.reason, Reason::AttributionWindowExpired);
    assert_eq!(late.conversion.decision.inputs["click_age_days"], json!(60));
    assert_eq!(late.conversion.decision.inputs["window_days"], json!(60));
    assert_eq!(world.told(), ["referral.lead"]);
    let lead = world.stored(&click().id);
    assert_eq!((lead.status, lead.converted_at, lead.first_sale_at), (ReferralStatus::Lead, None, None));
    // It was no first sale, so the next one is too late as well.
    let later = world.sells(on(last.plus_days(1), "order_2"));
    assert_eq!(later.conversion.decision.reason, Reason::AttributionWindowExpired);
}

#[test]
fn after_a_sale_inside_the_window_it_is_not_tested_again() {
    let world = World::with_john();
    world.sells(on(new_year().plus_days(59), "order_1"));
    let renewal = world.sells(on(new_year().plus_days(400), "order_2"));
    assert_eq!((renewal.conversion.attributed, renewal.commission.unwrap().amount_minor), (true, Some(2970)));
}

#[test]
fn a_sale_counts_by_the_day_it_happened() {
    let world = World::with_john();
    world.now.set(new_year().plus_days(90));
    let told_late = world.sells(on(new_year().plus_days(5), "order_1"));
    assert_eq!((told_late.conversion.attributed, told_late.conversion.recorded_at), (true, world.now.get()));
    assert_eq!(told_late.conversion.created_at, new_year().plus_days(5));
}

#[test]
fn without_a_click_there_is_no_window() {
    let world = World::new();
    let recorded = world.records(direct_referral());
    let years_later = RecordSale {
        occurred_at: Some(new_year().plus_days(1000)),
        ..sale_to("order_1", &recorded.id, by_customer("cust_456"))
    };
    assert!(world.sells(years_later).conversion.attributed);
}

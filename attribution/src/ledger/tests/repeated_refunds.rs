//! The keys of refunds: what is a repeat, and what is a further refund. Design, section 6.

use super::World;
use super::refunds::refunded;
use crate::fixtures::{money, refund};
use crate::ledger::{FirstSeen, Refund, Rejection};
use crate::status::SalesStatus;

#[test]
fn without_a_key_each_partial_is_a_new_one() {
    let world = World::with_order();
    for (id, remaining) in [("r1", "66"), ("r2", "33"), ("r3", "0")] {
        let unkeyed = Refund { refund_key: None, ..refund(id, "order_1", Some("33")) };
        let (sale, _, first_seen) = refunded(world.call(unkeyed).unwrap());
        assert_eq!((sale.conversion.remaining().to_decimal().as_str(), first_seen), (remaining, FirstSeen::Now));
    }
    assert_eq!((world.rows().refunds.len(), world.total()), (3, 0));
}

#[test]
fn a_second_full_refund_changes_nothing() {
    let world = World::with_order();
    let unkeyed = |id| Refund { refund_key: None, ..refund(id, "order_1", None) };
    refunded(world.call(unkeyed("r1")).unwrap());
    let rows = world.rows();
    for command in [unkeyed("r2"), refund("r3", "order_1", None), unkeyed("r4")] {
        let (sale, _, first_seen) = refunded(world.retry(command).unwrap());
        assert_eq!((sale.conversion.sales_status, first_seen), (SalesStatus::Refunded, FirstSeen::Before));
    }
    assert_eq!(world.rows(), rows);
}

#[test]
fn a_key_with_another_amount_is_refused_by_one_dialect_and_skipped_by_the_other() {
    let world = World::with_order();
    let (_, first) = world.pays_back(refund("r1", "order_1", Some("33")));
    for other in [Some("34"), Some("66"), Some("500"), None] {
        let again = Refund { refund_key: Some("r1".into()), ..refund("again", "order_1", other) };
        assert_eq!(world.refuses(again.clone()), Rejection::RefundKeyReused, "{other:?}");
        let skips = Refund { refuses_other_body: false, ..again };
        let (sale, refund, first_seen) = refunded(world.retry(skips).unwrap());
        assert_eq!((refund.as_ref(), first_seen), (Some(&first), FirstSeen::Before), "{other:?}");
        assert_eq!(sale.conversion.refunded_minor, 3300);
    }
    // Another key is another refund, whatever its amount.
    world.pays_back(refund("r2", "order_1", Some("33")));
    assert_eq!((world.rows().refunds.len(), world.total()), (2, 990));
}

#[test]
fn a_repeated_refund_of_everything_is_known_by_its_key() {
    let world = World::with_order();
    world.pays_back(refund("r1", "order_1", Some("33")));
    let (_, rest) = world.pays_back(refund("r2", "order_1", None));
    assert_eq!((rest.amount, rest.asked), (money("66", "USD"), None));
    // The first one is still the first one.
    let (_, first, first_seen) = refunded(world.retry(refund("r1", "order_1", Some("33"))).unwrap());
    assert_eq!((first.unwrap().amount, first_seen), (money("33", "USD"), FirstSeen::Before));
}

#[test]
fn a_part_of_what_is_paid_back_already_is_refused_by_one_dialect_and_skipped_by_the_other() {
    let world = World::with_order();
    world.pays_back(refund("r1", "order_1", None));
    let part = refund("r2", "order_1", Some("33"));
    assert_eq!(world.refuses(part.clone()), Rejection::RefundTooLarge { remaining: money("0", "USD") });
    let skips = Refund { refuses_other_body: false, ..part };
    let (_, refund, first_seen) = refunded(world.retry(skips).unwrap());
    assert_eq!((refund, first_seen), (None, FirstSeen::Before));
}

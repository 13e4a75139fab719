//! A sale that is only tried: decided as the real one would be, and nothing written. Issue: `dry_run` answers the same
//! amounts and decision.

use super::{Command, World, rejection, sold};
use crate::fixtures::{by_click, by_user, click, early_refund, program, sale, sale_to, sign_up, thirty_percent};
use crate::ids::{CommissionId, ConversionId, IncentiveId};
use crate::incentive::Incentive;
use crate::ledger::{FirstSeen, IdempotencyKey, RecordSale, Rejection};
use crate::program::Program;
use crate::sale::RecordedSale;

fn tried(world: &World, command: RecordSale) -> (RecordedSale, FirstSeen) {
    let before = world.rows();
    let (sale, first_seen, _) = sold(world.call(RecordSale { dry_run: true, ..command }).unwrap());
    assert_eq!(world.rows(), before, "a try has written");
    (sale, first_seen)
}

/// A try, a try again, and the real call: all three come to the same.
fn assert_foreseen(world: &World, command: RecordSale) {
    let (first, first_seen) = tried(world, command.clone());
    assert_eq!(first_seen, FirstSeen::Now);
    assert_eq!(tried(world, command.clone()).0, first);
    assert_eq!(world.sells(command), first);
}

#[test]
fn what_is_tried_comes_to_the_same_as_what_is_done() {
    let capped = Incentive { cap_minor: Some(4000), ..thirty_percent() };
    let world = World::paying([capped]);
    for key in ["order_1", "order_2", "order_3"] {
        // 29.70, then 10.30, then nothing.
        assert_foreseen(&world, sale(key, "99.00"));
    }
    let world = World::new();
    assert_foreseen(&world, sale_to("order_1", &click().id, by_click(&click())));
}

#[test]
fn a_refund_that_waits_for_the_sale_counts_and_goes_on_waiting() {
    let world = World::with_john();
    world.call(early_refund("r1", "order_1", Some("33"))).unwrap();
    let (sale, _) = tried(&world, sale("order_1", "99.00"));
    assert_eq!(sale.commission.unwrap().amount_minor, Some(1980));
    assert_eq!(world.rows().parked.len(), 1);
}

/// The same sale, by a request with ids of its own.
fn another_call(sale: RecordSale) -> RecordSale {
    let (conversion_id, commission_id) = (ConversionId::new("conv_another"), CommissionId::new("com_another"));
    RecordSale { conversion_id, commission_id, ..sale }
}

#[test]
fn a_sale_that_is_recorded_is_answered() {
    let world = World::with_john();
    let recorded = world.sells(sale("order_1", "99.00"));
    assert_eq!(tried(&world, another_call(sale("order_1", "10"))), (recorded, FirstSeen::Before));
}

#[test]
fn a_key_is_neither_asked_nor_taken() {
    let world = World::with_john();
    let key = |body: &str| {
        Some(IdempotencyKey { route: "POST".to_owned(), value: "key_1".to_owned(), body_hash: body.to_owned() })
    };
    let with_key = |mut command: RecordSale, body: &str| {
        command.context.idempotency = key(body);
        command
    };
    tried(&world, with_key(sale("order_1", "99.00"), "a try"));
    world.call(with_key(sale("order_1", "99.00"), "the call")).unwrap();
    let (_, first_seen) = tried(&world, with_key(sale("order_2", "99.00"), "another try"));
    assert_eq!(first_seen, FirstSeen::Now);
}

#[test]
fn it_is_decided_on_what_is_in_force_and_not_on_a_copy() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    // The copy of the configuration still says thirty percent.
    world.sells(sale("order_1", "99.00"));
    world.database.put_program(Program {
        rules_version: 2,
        incentives: vec![Incentive { id: IncentiveId::new("inc_new"), ..thirty_percent() }],
        ..program()
    });
    let (sale, _) = tried(&world, sale("order_2", "99.00"));
    assert_eq!(sale.conversion.matched_incentive_id.unwrap().as_str(), "inc_new");
}

#[test]
fn nobodys_sale_is_refused_as_the_real_one_is() {
    let world = World::with_john();
    let stranger = sale_to("order_1", &click().id, by_user("nobody"));
    let before = world.rows();
    let refused = rejection(world.call(Command::RecordSale(RecordSale { dry_run: true, ..stranger })));
    assert_eq!((refused, world.rows()), (Rejection::ReferralNotFound, before));
}

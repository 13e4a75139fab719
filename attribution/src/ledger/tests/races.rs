//! What goes wrong between deciding and committing, and between two who decide at once.

use super::{World, email_hash, rejection, signed_up, sold};
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, bobs_click, browser_sign_up, click, direct_referral, email, percentage, sale, scope, sign_up,
};
use crate::ids::{ConversionId, IncentiveId};
use crate::incentive::AppliesTo;
use crate::ledger::{Command, Failure, FirstSeen, MAX_ATTEMPTS, Outcome, Rejection, SignUp};
use crate::memory::Fault;
use crate::program::Affiliate;
use crate::status::{FraudMode, ReferralStatus};

/// Each command's first call against a world where it has something to do.
fn commands() -> Vec<(World, Command)> {
    vec![
        (World::new(), sign_up(&click()).into()),
        (World::new(), direct_referral().into()),
        (World::with_john(), sale("order_1", "99.00").into()),
    ]
}

/// Lets `rival` do something between the next command's reading and its commit.
fn overtaking(world: &World, rival: impl FnOnce(&World) + 'static) {
    let handle = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || rival(&handle))));
}

fn is_recorded_now(world: &World, command: Command) {
    let (before, result) = (world.rows(), world.call(command.clone()).unwrap());
    let (now, rows) = (world.rows().events.len(), world.rows());
    assert_eq!(now, before.events.len() + 1, "exactly one line");
    match result {
        Outcome::Referral { referral, first_seen, .. } => {
            assert_eq!((first_seen, rows.referrals.len()), (FirstSeen::Now, 1));
            assert_eq!(rows.referrals[&referral.id], *referral);
        }
        Outcome::Sale { sale, first_seen, differing } => {
            assert_eq!((first_seen, differing, rows.conversions.len()), (FirstSeen::Now, vec![], 1));
            assert_eq!(rows.conversions[&sale.conversion.id], sale.conversion);
            assert_eq!(rows.commissions.len(), 1);
        }
        other => panic!("neither referral nor sale: {other:?}"),
    }
    // Whatever a client's retry is told, it leaves the rows alone.
    world.retry(command).ok();
}

#[test]
fn a_commit_that_was_lost_is_made_again() {
    for (world, command) in commands() {
        world.database.next_commit(Fault::Lost);
        is_recorded_now(&world, command);
    }
}

#[test]
fn a_commit_whose_answer_was_lost_is_known_as_ones_own() {
    for (world, command) in commands() {
        world.database.next_commit(Fault::AnswerLost);
        is_recorded_now(&world, command);
    }
}

#[test]
fn a_commit_that_lands_after_the_next_decision_is_ones_own_too() {
    for (world, command) in commands() {
        world.database.next_commit(Fault::Delayed);
        is_recorded_now(&world, command);
    }
}

#[test]
fn a_sale_by_a_click_survives_a_lost_answer() {
    let world = World::new();
    let mut command = sale("order_1", "99.00");
    command.details.click_id = command.details.referral_id.take();
    world.database.next_commit(Fault::AnswerLost);
    is_recorded_now(&world, command.into());
}

#[test]
fn a_sale_without_a_key_whose_answer_was_lost_is_known_by_its_own_id() {
    let world = World::with_john();
    let mut command = sale("order_1", "99.00");
    command.sale_key = None;
    world.database.next_commit(Fault::AnswerLost);
    let (sale, first_seen, _) = sold(world.call(command).unwrap());
    assert_eq!((first_seen, world.rows().conversions.len()), (FirstSeen::Now, 1));
    assert_eq!(world.rows().conversions[&sale.conversion.id], sale.conversion);
}

#[test]
fn a_blocked_sign_up_whose_answer_was_lost_keeps_its_reason() {
    let world = World::with(|program| program.fraud.self_referral = FraudMode::Block);
    world.database.put_affiliate(Affiliate { email_hash: Some(email_hash("john@example.com")), ..affiliate() });
    world.database.next_commit(Fault::AnswerLost);
    let blocked = signed_up(world.call(sign_up(&click())).unwrap());
    assert_eq!(
        (blocked.referral.status, blocked.first_seen, blocked.reason),
        (ReferralStatus::Rejected, FirstSeen::Now, Reason::SelfReferralBlocked)
    );
}

#[test]
fn what_was_decided_on_a_stale_read_is_decided_again() {
    let world = World::with_john();
    overtaking(&world, |rival| {
        rival.call(sale("order_2", "10")).unwrap();
    });
    world.sells(sale("order_1", "99.00"));
    let customer = world.stored(&click().id);
    // 3.00 and 29.70; the lead and two sales.
    assert_eq!((customer.paid_sales, customer.commission_total_minor, customer.seq), (2, 3270, 3));
    assert_eq!(world.told(), ["referral.lead", "referral.converted", "transaction.created", "transaction.created"]);
}

#[test]
fn of_two_with_one_sale_key_the_second_finds_the_firsts_sale() {
    let world = World::with_john();
    world.signs_up(browser_sign_up(&bobs_click()));
    overtaking(&world, |rival| {
        let mut other = sale("order_1", "99.00");
        other.gate = bobs_click().id;
        other.details.referral_id = Some(bobs_click().id.as_str().into());
        other.conversion_id = ConversionId::new("conv_rival");
        rival.call(other).unwrap();
    });
    let (sale, first_seen, differing) = sold(world.call(sale("order_1", "99.00")).unwrap());
    assert_eq!((sale.conversion.id.as_str(), first_seen), ("conv_rival", FirstSeen::Before));
    assert_eq!((differing, world.rows().conversions.len()), (vec!["referral_id".to_owned()], 1));
    assert_eq!(world.stored(&click().id).paid_sales, 0);
}

#[test]
fn of_two_sign_ups_of_one_customer_the_second_finds_the_firsts_referral() {
    let world = World::new();
    overtaking(&world, |rival| {
        rival.call(sign_up(&bobs_click())).unwrap();
    });
    let second = signed_up(world.call(sign_up(&click())).unwrap());
    assert_eq!((second.referral.id, second.first_seen), (bobs_click().id, FirstSeen::Before));
    assert_eq!((second.reason, world.rows().referrals.len()), (Reason::CustomerAlreadyReferred, 1));
}

#[test]
fn of_two_who_record_one_customer_the_second_is_a_conflict() {
    let world = World::new();
    overtaking(&world, |rival| {
        rival.call(SignUp { email: Some(email("newcustomer@example.com")), ..sign_up(&click()) }).unwrap();
    });
    assert!(matches!(rejection(world.call(direct_referral())), Rejection::IdentityTaken { .. }));
    assert_eq!(world.rows().referrals.len(), 1);
}

#[test]
fn a_sale_and_a_sign_up_of_one_click_are_one_referral() {
    let world = World::new();
    overtaking(&world, |rival| {
        rival.call(sign_up(&click())).unwrap();
    });
    let mut command = sale("order_1", "99.00");
    command.details.click_id = command.details.referral_id.take();
    world.sells(command);
    let customer = world.stored(&click().id);
    assert_eq!((customer.seq, customer.external_user_id.as_deref()), (2, Some("user_1")));
}

#[test]
fn rules_that_changed_before_the_commit_are_the_ones_that_price_it() {
    let world = World::with_john();
    overtaking(&world, |rival| {
        let half = vec![percentage("inc_50", 500_000, AppliesTo::AllPlans)];
        rival.database.change_rules(&scope().program_id, |program| program.incentives = half);
    });
    let commission = world.sells(sale("order_1", "99.00")).commission.unwrap();
    assert_eq!((commission.amount_minor, commission.incentive_id), (Some(4950), Some(IncentiveId::new("inc_50"))));
    assert_eq!(world.rows().events[1].rules_version, 2);
}

#[test]
fn after_five_failures_the_caller_is_asked_to_come_back() {
    for (world, command) in commands() {
        let before = world.database.commits.get();
        for _ in 0..MAX_ATTEMPTS {
            world.database.next_commit(Fault::Lost);
        }
        let rows = world.rows();
        assert!(matches!(world.call(command.clone()), Err(Failure::Busy(_))));
        assert_eq!((world.database.commits.get() - before, world.rows()), (5, rows));
        // Nothing of the failed call stands in the way of the next.
        is_recorded_now(&world, command);
    }
}

#[test]
fn while_the_database_is_away_nothing_is_answered() {
    for (world, command) in commands() {
        let rows = world.rows();
        world.database.is_away.set(true);
        assert!(matches!(world.call(command.clone()), Err(Failure::Unavailable(_))));
        assert_eq!(world.rows(), rows);
        world.database.is_away.set(false);
        is_recorded_now(&world, command);
    }
}

#[test]
fn a_database_that_goes_away_before_the_second_reading_is_unavailable() {
    let world = World::new();
    overtaking(&world, |rival| {
        rival.call(sign_up(&click())).unwrap();
        rival.database.is_away.set(true);
    });
    let mut second = sign_up(&click());
    second.context.request_id = "req_second".into();
    assert!(matches!(world.call(second), Err(Failure::Unavailable(_))));
}

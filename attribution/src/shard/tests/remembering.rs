//! Kept answers are used for a minute and dropped by any later command; a remembered referral saves a trip and never
//! decides. Design, section 4 (the gate; kept answers).

use super::{World, again, with_key};
use crate::fixtures::{bobs_click, browser_sign_up, click, only_key, program, refund, sale, sign_up, thirty_percent};
use crate::incentive::Incentive;
use crate::ledger::{Answer, Command, FirstSeen, Outcome, RecordSale};
use crate::memory::Fault;
use crate::program::Program;

fn first_seen(outcome: &Outcome) -> FirstSeen {
    match outcome {
        Outcome::Referral { first_seen, .. }
        | Outcome::Sale { first_seen, .. }
        | Outcome::Refund { first_seen, .. } => *first_seen,
        other => panic!("not called here: {other:?}"),
    }
}

fn earned(answer: Answer) -> Option<i64> {
    match answer.outcome {
        Outcome::Sale { sale, .. } => sale.commission.and_then(|commission| commission.amount_minor),
        other => panic!("no sale: {other:?}"),
    }
}

fn calls() -> [Command; 2] {
    [sign_up(&click()).into(), sale("order_1", "99.00").into()]
}

#[test]
fn a_repeat_within_a_minute_is_answered_without_any_trip() {
    let world = World::new();
    for (number, command) in calls().into_iter().enumerate() {
        let first = world.call(command.clone()).answer;
        assert_eq!(first_seen(&first.outcome), FirstSeen::Now);
        for milliseconds in [0, 30_000, 29_999] {
            world.later(milliseconds);
            let repeat = again(command.clone(), &format!("again_{number}_{milliseconds}"));
            let (loads, commits, answer) = world.trips(|| world.call(repeat).answer);
            assert_eq!((loads, commits, first_seen(&answer.outcome)), (0, 0, FirstSeen::Before));
        }
    }
    assert_eq!(world.database.rows().conversions.len(), 1);
}

#[test]
fn after_a_minute_the_database_is_asked() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(sale("order_1", "99.00"));
    world.later(60_000);
    let repeat = again(sale("order_1", "99.00").into(), "again");
    let (loads, _, answer) = world.trips(|| world.call(repeat).answer);
    assert!(loads >= 1);
    assert_eq!((first_seen(&answer.outcome), earned(answer)), (FirstSeen::Before, Some(2970)));
    assert_eq!(world.database.rows().conversions.len(), 1);
}

#[test]
fn a_later_command_of_the_same_gate_drops_the_answer() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(sale("order_1", "99.00"));
    world.call(refund("r1", "order_1", Some("33")));
    let (loads, _, answer) = world.trips(|| world.call(again(sale("order_1", "99.00").into(), "again")).answer);
    // What was kept would still say 29.70.
    assert_eq!((loads, earned(answer)), (1, Some(1980)));
}

#[test]
fn a_command_that_was_refused_drops_the_answer_too() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(sale("order_1", "99.00"));
    pollster::block_on(world.execute(refund("r1", "order_1", Some("500")))).unwrap_err();
    let (loads, _, answer) = world.trips(|| world.call(again(sale("order_1", "99.00").into(), "again")).answer);
    assert_eq!((loads, earned(answer)), (1, Some(2970)));
}

#[test]
fn another_gate_leaves_the_answer_alone() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(browser_sign_up(&bobs_click()));
    let (loads, commits, _) = world.trips(|| world.call(again(sign_up(&click()).into(), "again")));
    assert_eq!((loads, commits), (0, 0));
}

#[test]
fn another_body_is_no_repeat() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(sale("order_1", "99.00"));
    let (loads, _, answer) = world.trips(|| world.call(again(sale("order_1", "98.00").into(), "again")).answer);
    let Outcome::Sale { differing, sale, .. } = answer.outcome else { panic!("no sale") };
    assert_eq!((loads, differing, sale.conversion.amount.minor), (1, vec!["sale_amount".to_owned()], 9900));
}

#[test]
fn a_sale_without_any_key_is_a_new_one_each_time() {
    let world = World::new();
    world.call(sign_up(&click()));
    for id in ["first", "second"] {
        let command = again(crate::ledger::RecordSale { sale_key: None, ..sale(id, "99.00") }.into(), id);
        assert_eq!(first_seen(&world.call(command).answer.outcome), FirstSeen::Now);
    }
    assert_eq!(world.database.rows().conversions.len(), 2);
}

#[test]
fn a_repeat_by_idempotency_key_is_the_same_answer_and_says_so_within_the_minute_and_after_it() {
    for milliseconds in [1_000, 61_000] {
        let world = World::new();
        for command in calls() {
            let command = with_key(command, "key-1-of-its-own", "body");
            let command = match command {
                Command::RecordSale(_) => with_key(command, "key-2", "body"),
                other => other,
            };
            let first = world.call(command.clone()).answer;
            world.later(milliseconds);
            let repeat = world.call(again(command, "again")).answer;
            assert_eq!((first.replayed, repeat), (false, Answer { replayed: true, ..first }));
        }
    }
}

#[test]
fn a_first_sign_up_and_the_next_sale_are_one_trip_each() {
    let world = World::new();
    let (loads, commits, _) = world.trips(|| world.call(sign_up(&click())));
    assert_eq!((loads, commits), (0, 1));
    for key in ["order_1", "order_2", "order_3"] {
        let (loads, commits, _) = world.trips(|| world.call(sale(key, "99.00")));
        assert_eq!((loads, commits), (0, 1), "{key}");
    }
    assert_eq!(world.database.rows().referrals[&click().id].commission_total_minor, 8910);
}

/// A payout, another object, a person: somebody who does not pass this shard.
fn changed_elsewhere(world: &World) {
    let mut referral = world.database.rows().referrals[&click().id].clone();
    referral.seq += 1;
    referral.commission_total_minor = 4000;
    world.database.put_referral(referral);
}

#[test]
fn a_stale_memory_is_found_out_by_the_fence() {
    let capped = Incentive { cap_minor: Some(5000), ..thirty_percent() };
    let world = World::paying(Program { incentives: vec![capped], ..program() });
    world.call(sign_up(&click()));
    world.call(sale("order_1", "10.00"));
    changed_elsewhere(&world);
    // By what is remembered 29.70 would fit; by what is so 10.00 do.
    let (loads, commits, answer) = world.trips(|| world.call(sale("order_2", "99.00")).answer);
    assert_eq!((loads, commits, earned(answer)), (1, 2, Some(1000)));
    assert_eq!(world.database.rows().referrals[&click().id].commission_total_minor, 5000);
    // From here on it is remembered as it is.
    let (loads, commits, answer) = world.trips(|| world.call(sale("order_3", "99.00")).answer);
    assert_eq!((loads, commits, earned(answer)), (0, 1, None));
}

#[test]
fn what_was_not_committed_is_not_remembered() {
    let world = World::new();
    world.call(sign_up(&click()));
    for _ in 0..crate::ledger::MAX_ATTEMPTS {
        world.database.next_commit(Fault::Lost);
    }
    pollster::block_on(world.execute(sale("order_1", "99.00"))).unwrap_err();
    let answer = world.call(again(sale("order_1", "99.00").into(), "again")).answer;
    assert_eq!(first_seen(&answer.outcome), FirstSeen::Now);
    let rows = world.database.rows();
    assert_eq!((rows.conversions.len(), rows.referrals[&click().id].commission_total_minor), (1, 2970));
}

#[test]
fn another_customers_sign_up_through_the_same_click_is_answered_from_the_database() {
    let world = World::new();
    world.call(sign_up(&click()));
    let (_, _, answer) = world.trips(|| world.call(again(only_key(&click(), "user_9").into(), "again")).answer);
    let Outcome::Referral { referral, first_seen, .. } = answer.outcome else { panic!("no referral") };
    assert_eq!((first_seen, referral.external_user_id.as_deref()), (FirstSeen::Before, Some("user_1")));
}

#[test]
fn what_is_only_tried_leaves_the_answer_and_the_referral_remembered() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.call(sale("order_1", "99.00"));
    let tried = RecordSale { dry_run: true, ..sale("order_2", "99.00") };
    let (loads, commits, answer) = world.trips(|| world.call(tried).answer);
    assert_eq!((loads, commits, earned(answer)), (1, 0, Some(2970)));
    let (loads, commits, _) = world.trips(|| world.call(again(sale("order_1", "99.00").into(), "again")));
    assert_eq!((loads, commits), (0, 0));
    let (loads, commits, _) = world.trips(|| world.call(sale("order_2", "99.00")));
    assert_eq!((loads, commits), (0, 1));
}

#[test]
fn what_is_only_tried_does_not_wait_for_a_call_that_is_under_way() {
    let world = World::new();
    world.call(sign_up(&click()));
    world.store.holds_commits.set(true);
    pollster::block_on(async {
        let under_way = world.execute(sale("order_1", "99.00"));
        let tried = world.execute(RecordSale { dry_run: true, ..sale("order_1", "99.00") });
        let mut under_way = std::pin::pin!(under_way);
        assert!(futures_util::poll!(under_way.as_mut()).is_pending());
        assert_eq!(first_seen(&tried.await.unwrap().answer.outcome), FirstSeen::Now);
        world.store.holds_commits.set(false);
        assert_eq!(first_seen(&under_way.await.unwrap().answer.outcome), FirstSeen::Now);
    });
}

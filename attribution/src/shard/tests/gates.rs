//! One at a time per referral; a wait ends after ten seconds. Design, sections 4 (the gate) and 6.

use std::pin::pin;
use std::task::Poll;

use futures_util::poll;

use super::{Refused, World, again, with_key};
use crate::fixtures::{bobs_click, browser_sign_up, click, sale, sign_up};
use crate::ledger::{Command, FirstSeen, Outcome, Rejection};
use crate::shard::Carried;

fn answered(result: Poll<Result<Carried, Refused>>) -> Carried {
    match result {
        Poll::Ready(Ok(executed)) => executed,
        other => panic!("not answered: {other:?}"),
    }
}

fn refused(result: Poll<Result<Carried, Refused>>) -> Refused {
    match result {
        Poll::Ready(Err(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// A world in which John has signed up, and whose next commit hangs.
fn hanging() -> World {
    let world = World::new();
    world.call(sign_up(&click()));
    world.store.holds_commits.set(true);
    world
}

#[test]
fn commands_of_one_gate_go_one_after_the_other() {
    let world = hanging();
    pollster::block_on(async {
        let mut first = pin!(world.execute(sale("order_1", "99.00")));
        let mut second = pin!(world.execute(sale("order_2", "99.00")));
        let commits = world.store.commits.get();
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert_eq!(world.store.commits.get(), commits + 1, "the second one has not begun");
        world.store.holds_commits.set(false);
        answered(poll!(&mut first));
        answered(poll!(&mut second));
        // Neither had to be decided twice.
        assert_eq!(world.store.commits.get(), commits + 2);
    });
    assert_eq!(world.database.rows().referrals[&click().id].commission_total_minor, 5940);
}

#[test]
fn commands_of_two_gates_do_not_wait_for_each_other() {
    let world = hanging();
    pollster::block_on(async {
        let mut first = pin!(world.execute(sale("order_1", "99.00")));
        assert!(poll!(&mut first).is_pending());
        world.store.holds_commits.set(false);
        let mut other = pin!(world.execute(browser_sign_up(&bobs_click())));
        answered(poll!(&mut other));
        answered(poll!(&mut first));
    });
}

#[test]
fn the_same_call_twice_at_once_is_carried_out_once() {
    let world = hanging();
    pollster::block_on(async {
        let mut first = pin!(world.execute(sale("order_1", "99.00")));
        let mut second = pin!(world.execute(again(sale("order_1", "99.00").into(), "again")));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        world.later(9_999);
        world.store.holds_commits.set(false);
        answered(poll!(&mut first));
        let (loads, commits) = (world.store.loads.get(), world.store.commits.get());
        let Outcome::Sale { first_seen, .. } = answered(poll!(&mut second)).answer.outcome else { panic!("no sale") };
        assert_eq!(first_seen, FirstSeen::Before);
        assert_eq!((world.store.loads.get(), world.store.commits.get()), (loads, commits));
    });
    assert_eq!(world.database.rows().conversions.len(), 1);
}

fn keyed(key: &str, id: &str) -> Command {
    with_key(again(sale("order_1", "99.00").into(), id), key, "body")
}

#[test]
fn whoever_has_waited_ten_seconds_is_told_to_come_back_and_for_their_own_key_that_it_is_in_flight() {
    let world = hanging();
    pollster::block_on(async {
        let mut first = pin!(world.execute(keyed("key-1", "first")));
        assert!(poll!(&mut first).is_pending());
        let mut same_key = pin!(world.execute(keyed("key-1", "same")));
        let mut other_key = pin!(world.execute(keyed("key-2", "other")));
        let mut no_key = pin!(world.execute(sale("order_2", "99.00")));
        for _ in 0..2 {
            assert!(poll!(&mut same_key).is_pending());
            assert!(poll!(&mut other_key).is_pending());
            assert!(poll!(&mut no_key).is_pending());
            world.later(4_999);
        }
        // 9.998 seconds so far.
        assert!(poll!(&mut same_key).is_pending());
        world.later(2);
        assert!(matches!(refused(poll!(&mut same_key)), Refused::Rejected(Rejection::KeyInFlight)));
        assert!(matches!(refused(poll!(&mut other_key)), Refused::TryLater(_)));
        assert!(matches!(refused(poll!(&mut no_key)), Refused::TryLater(_)));
        // Those who gave up stand in nobody's way.
        world.store.holds_commits.set(false);
        assert!(!answered(poll!(&mut first)).answer.replayed);
        let mut retry = pin!(world.execute(keyed("key-1", "retry")));
        assert!(answered(poll!(&mut retry)).answer.replayed);
    });
    assert_eq!(world.database.rows().conversions.len(), 1);
}

#[test]
fn a_key_is_in_flight_only_while_its_first_call_is() {
    let world = hanging();
    pollster::block_on(async {
        {
            let mut killed = pin!(world.execute(keyed("key-1", "first")));
            assert!(poll!(&mut killed).is_pending());
            // The caller hangs up.
        }
        let mut stuck = pin!(world.execute(sale("order_2", "99.00")));
        assert!(poll!(&mut stuck).is_pending());
        let mut retry = pin!(world.execute(keyed("key-1", "retry")));
        assert!(poll!(&mut retry).is_pending());
        world.later(10_000);
        assert!(matches!(refused(poll!(&mut retry)), Refused::TryLater(_)));
        world.store.holds_commits.set(false);
        answered(poll!(&mut stuck));
    });
}

#[test]
fn a_key_is_in_flight_for_every_call_that_waits_with_it() {
    let world = hanging();
    pollster::block_on(async {
        let mut first = pin!(world.execute(keyed("key-1", "first")));
        assert!(poll!(&mut first).is_pending());
        let mut second = pin!(world.execute(keyed("key-1", "second")));
        assert!(poll!(&mut second).is_pending());
        world.later(10_000);
        assert!(matches!(refused(poll!(&mut second)), Refused::Rejected(Rejection::KeyInFlight)));
        let mut third = pin!(world.execute(keyed("key-1", "third")));
        assert!(poll!(&mut third).is_pending());
        world.later(10_000);
        assert!(matches!(refused(poll!(&mut third)), Refused::Rejected(Rejection::KeyInFlight)));
    });
}

#[test]
fn of_twenty_with_one_key_one_is_carried_out_and_all_are_answered_alike() {
    let world = hanging();
    pollster::block_on(async {
        let calls = (0..20).map(|number| world.execute(keyed("key-1", &format!("call_{number}"))));
        let mut all = pin!(futures_util::future::join_all(calls));
        assert!(poll!(&mut all).is_pending());
        world.store.holds_commits.set(false);
        let answers: Vec<_> = all.await.into_iter().map(|result| result.unwrap().answer).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        assert!(answers.iter().all(|answer| answer.outcome == answers[0].outcome));
    });
    assert_eq!(world.database.rows().conversions.len(), 1);
}

//! The work may stop at any point, and be done by two at once.

use super::world::{Event, World};
use super::*;
use crate::status::CommissionStatus;

/// More than is passed at once, a negative line among them.
const AMOUNTS: [i64; 13] = [500, -200, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100];

const SUM: i64 = 1400;

/// Enough for everything.
const PLENTY: usize = 1000;

/// Works on a payout as `make` makes it, once for every point of that work, with something that happens at the point; then
/// works on, undisturbed, and looks at what has become of it. Says how many points there were.
fn at_every_point<'a>(
    make: impl Fn() -> World<'a>,
    event: impl Fn() -> Event<'a>,
    mut check: impl FnMut(&World<'a>, usize),
) -> usize {
    for point in 0.. {
        let world = make();
        world.at(point, event());
        // Whatever comes of it: that is what happened.
        let _ = world.work(PLENTY);
        if world.event.take().is_some() {
            return point;
        }
        world.work(PLENTY).unwrap();
        check(&world, point);
    }
    unreachable!("work has an end")
}

/// The payout stands: every commission is in it, once.
fn assert_made(world: &World<'_>, at: usize) {
    let payout = world.the_payout().expect("a payout");
    assert_eq!((payout.work, payout.version), (None, 2), "at point {at}");
    assert_eq!(world.statuses(), vec!["processing_payout"; AMOUNTS.len()], "at point {at}");
    assert_eq!(world.lines.borrow().iter().map(|(.., minor)| minor).sum::<i64>(), SUM, "at point {at}");
    assert_eq!(world.lines.borrow().len(), AMOUNTS.len(), "at point {at}");
    assert_eq!(world.kinds(), ["payout.created"], "at point {at}");
}

/// It was given up: nothing is left of it.
fn assert_given_up(world: &World<'_>, at: usize) {
    assert_eq!(world.the_payout(), None, "at point {at}");
    assert!(world.lines.borrow().is_empty(), "at point {at}");
    assert!(world.rows.borrow().iter().all(|row| row.payout.is_none()), "at point {at}");
    assert!(!world.statuses().contains(&"processing_payout"), "at point {at}");
    assert_eq!(world.kinds(), ["payout.given_up"], "at point {at}");
    assert!(world.told.borrow()[0].messages.is_empty());
}

fn made() -> World<'static> {
    let world = World::with(&AMOUNTS);
    world.work(PLENTY).unwrap();
    world
}

#[test]
fn undisturbed_it_is_made_and_paid_at_once() {
    let world = made();
    assert_made(&world, 0);
    let message = world.told.borrow()[0].messages[0].clone();
    assert_eq!((message.kind.as_str(), message.data["amount"].to_string()), ("payout.created", "14".to_owned()));
    world.work(PLENTY).unwrap();
    assert_made(&world, 0);
    world.end(PayoutStatus::Completed);
    world.work(PLENTY).unwrap();
    assert_eq!((world.the_payout().unwrap().work, world.statuses()), (None, vec!["paid"; AMOUNTS.len()]));
}

#[test]
fn whoever_dies_while_gathering_is_followed_by_another() {
    let points = at_every_point(
        || World::with(&AMOUNTS),
        || Event::Death,
        |world, point| {
            assert_made(world, point);
        },
    );
    assert!(points > 30, "{points}");
}

#[test]
fn two_who_gather_at_once_make_one_payout() {
    at_every_point(
        || World::with(&AMOUNTS),
        || Event::Rival(Box::new(|world| world.work(PLENTY).unwrap())),
        |world, point| {
            assert_made(world, point);
        },
    );
}

#[test]
fn what_turns_out_too_little_is_given_up_wherever_somebody_dies() {
    let too_little = || {
        let world = World::with(&AMOUNTS);
        world.threshold.set(SUM + 1);
        world
    };
    for rival in [false, true] {
        let event = move || {
            if rival { Event::Rival(Box::new(|world: &World<'_>| world.work(PLENTY).unwrap())) } else { Event::Death }
        };
        at_every_point(too_little, event, |world, point| {
            assert_given_up(world, point);
            assert_eq!(world.statuses(), vec!["ready_for_payment"; AMOUNTS.len()]);
        });
    }
}

#[test]
fn what_a_person_takes_meanwhile_is_in_the_sum_or_out_of_it_and_never_both() {
    // Without the first one the rest is too little.
    let make = || {
        let world = World::with(&[500, -200]);
        world.threshold.set(300);
        world
    };
    let declines = || {
        Event::Rival(Box::new(|world: &World<'_>| {
            let mut rows = world.rows.borrow_mut();
            if rows[0].status == CommissionStatus::ReadyForPayment {
                rows[0].status = CommissionStatus::Declined;
            }
        }))
    };
    let mut outcomes = (0, 0);
    at_every_point(make, declines, |world, point| {
        if world.statuses()[0] == "declined" {
            assert_given_up(world, point);
            outcomes.0 += 1;
        } else {
            assert_eq!(world.statuses(), ["processing_payout", "processing_payout"]);
            assert_eq!((world.lines.borrow().len(), world.kinds()), (2, vec!["payout.created"]));
            outcomes.1 += 1;
        }
    });
    assert!(outcomes.0 > 0 && outcomes.1 > 0, "{outcomes:?}");
}

#[test]
fn what_becomes_ready_meanwhile_is_in_it_with_its_sum_or_waits() {
    let refund = || {
        Event::Rival(Box::new(|world: &World<'_>| {
            let row = world.rows.borrow()[0].clone();
            let back = super::world::Row { minor: -50, status: CommissionStatus::ReadyForPayment, payout: None, ..row };
            world.rows.borrow_mut().push(back);
        }))
    };
    at_every_point(
        || World::with(&AMOUNTS),
        refund,
        |world, point| {
            world.work(PLENTY).unwrap();
            let told = world.told.borrow()[0].clone();
            let sum: i64 = world.lines.borrow().iter().map(|(.., minor)| minor).sum();
            let is_in = world.statuses().get(AMOUNTS.len()).is_some_and(|status| *status == "processing_payout");
            assert_eq!(sum, if is_in { SUM - 50 } else { SUM }, "at point {point}");
            assert_eq!(
                told.messages[0].data["amount"].to_string(),
                if is_in { "13.5" } else { "14" },
                "at point {point}"
            );
        },
    );
}

#[test]
fn its_end_is_told_to_all_wherever_somebody_dies() {
    let ends = [
        (PayoutStatus::Completed, "paid"),
        (PayoutStatus::Failed, "ready_for_payment"),
        (PayoutStatus::Cancelled, "ready_for_payment"),
    ];
    for (end, status) in ends {
        for rival in [false, true] {
            let event = move || {
                let rival_works = |world: &World<'_>| world.work(PLENTY).unwrap();
                if rival { Event::Rival(Box::new(rival_works)) } else { Event::Death }
            };
            let ended = move || {
                let world = made();
                world.end(end);
                world
            };
            at_every_point(ended, event, |world, point| {
                let payout = world.the_payout().unwrap();
                assert_eq!((payout.status, payout.work, payout.version), (end, None, 3), "at point {point}");
                assert_eq!(world.statuses(), vec![status; AMOUNTS.len()], "at point {point}");
                // Its lines stay: they say what it was made of.
                assert_eq!(world.lines.borrow().len(), AMOUNTS.len());
                assert_eq!(world.kinds().len(), 2);
            });
        }
    }
}

#[test]
fn nothing_is_decided_before_all_were_asked() {
    let world = World::with(&AMOUNTS);
    for passed in [5, 10] {
        world.work(5).unwrap();
        let payout = world.the_payout().unwrap();
        assert_eq!((payout.work, payout.version, world.lines.borrow().len()), (Some(Work::Gathering), 1, passed));
    }
    world.work(5).unwrap();
    assert_made(&world, 0);
    world.end(PayoutStatus::Completed);
    for paid in [6, 12] {
        world.work(6).unwrap();
        let now_paid = world.statuses().iter().filter(|status| **status == "paid").count();
        assert_eq!((now_paid, world.the_payout().unwrap().work), (paid, Some(Work::Settling)));
    }
    world.work(6).unwrap();
    assert_eq!(world.the_payout().unwrap().work, None);
}

#[test]
fn a_payout_without_commissions_is_given_up_without_passing_a_gate() {
    let world = World::with(&[]);
    world.work(0).unwrap();
    assert_given_up(&world, 0);
}

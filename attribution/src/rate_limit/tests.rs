//! What the limits promise, with many isolates whose asks are answered late, or never.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// 2026-01-01T00:00:00Z, the beginning of a minute.
const START: i64 = 1_767_225_600_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(START + milliseconds)
}

/// One key's isolates and its object.
struct World {
    limit: RateLimit,
    isolates: Vec<Allowance>,
    budget: Budget,
    /// Loans on their way: to whom, and after how many further steps.
    on_their_way: Vec<(usize, u32, Loan)>,
    by_minute: BTreeMap<i64, u32>,
    by_second: BTreeMap<i64, u32>,
    by_isolate: BTreeMap<(usize, i64), u32>,
}

/// How long a block that was asked for ahead is on its way, in steps; `None`: it is lost.
type Way = Option<u32>;

impl World {
    fn new(limit: RateLimit, isolates: usize) -> Self {
        Self {
            limit,
            isolates: vec![Allowance::default(); isolates],
            budget: Budget::default(),
            on_their_way: Vec::new(),
            by_minute: BTreeMap::new(),
            by_second: BTreeMap::new(),
            by_isolate: BTreeMap::new(),
        }
    }

    /// A call in one of the isolates, as the platform makes it.
    fn call(&mut self, isolate: usize, now: Timestamp, way: Way) -> Verdict {
        self.deliver(now);
        let mut verdict = self.isolates[isolate].take(self.limit, now);
        if let Verdict::Ask(ask) = verdict {
            let loan = self.budget.lend(&ask, now);
            self.isolates[isolate].receive(&loan, self.limit, now);
            verdict = self.isolates[isolate].take(self.limit, now);
        }
        if let Some(ask) = self.isolates[isolate].ask_ahead(self.limit, now) {
            let loan = self.budget.lend(&ask, now);
            if let Some(steps) = way {
                self.on_their_way.push((isolate, steps, loan));
            }
        }
        if matches!(verdict, Verdict::Allowed(_)) {
            *self.by_minute.entry(minute_of(now)).or_default() += 1;
            *self.by_second.entry(second_of(now)).or_default() += 1;
            *self.by_isolate.entry((isolate, second_of(now))).or_default() += 1;
        }
        verdict
    }

    fn deliver(&mut self, now: Timestamp) {
        for (isolate, steps, loan) in std::mem::take(&mut self.on_their_way) {
            if steps == 0 {
                self.isolates[isolate].receive(&loan, self.limit, now);
            } else {
                self.on_their_way.push((isolate, steps - 1, loan));
            }
        }
    }
}

fn limits() -> impl Strategy<Value = RateLimit> {
    (1_u32..200, 1_u32..30).prop_map(|(per_minute, per_second)| RateLimit { per_minute, per_second })
}

/// Calls: by whom, how long after the one before, and how the block that they ask for ahead fares.
fn calls(isolates: usize) -> impl Strategy<Value = Vec<(usize, i64, Way)>> {
    let pause = prop_oneof![8 => 0_i64..20, 2 => 0_i64..1_500, 1 => 0_i64..40_000];
    let way = prop_oneof![3 => Just(Some(0)), 2 => (0_u32..20).prop_map(Some), 1 => Just(None)];
    proptest::collection::vec((0..isolates, pause, way), 1..600)
}

proptest! {
    #[test]
    fn never_more_than_the_limit_whatever_the_number_of_isolates(
        limit in limits(),
        (isolates, calls) in (1_usize..8).prop_flat_map(|isolates| (Just(isolates), calls(isolates))),
    ) {
        let mut world = World::new(limit, isolates);
        let mut now = 0;
        for (isolate, pause, way) in calls {
            now += pause;
            world.call(isolate, at(now), way);
        }
        let slack = limit.per_second * u32::try_from(isolates).unwrap();
        for (minute, allowed) in &world.by_minute {
            prop_assert!(*allowed <= limit.per_minute, "{allowed} in minute {minute}");
        }
        for (second, allowed) in &world.by_second {
            prop_assert!(*allowed <= 2 * limit.per_second + slack, "{allowed} in second {second}");
        }
        for ((isolate, second), allowed) in &world.by_isolate {
            prop_assert!(*allowed <= limit.per_second, "{allowed} of isolate {isolate} in second {second}");
        }
    }

    #[test]
    fn one_isolate_alone_gets_all_of_its_limit_and_is_told_what_is_left(limit in limits(), calls in calls(1)) {
        let mut world = World::new(limit, 1);
        let mut now = 0;
        for (_, pause, _) in calls {
            now += pause;
            let moment = at(now);
            let before_minute = world.by_minute.get(&minute_of(moment)).copied().unwrap_or(0);
            let before_second = world.by_second.get(&second_of(moment)).copied().unwrap_or(0);
            let verdict = world.call(0, moment, Some(0));
            let fits = before_minute < limit.per_minute && before_second < limit.per_second;
            match verdict {
                Verdict::Allowed(standing) => {
                    prop_assert!(fits);
                    prop_assert_eq!(standing.remaining, limit.per_minute - before_minute - 1);
                    prop_assert_eq!(standing.reset * 1_000, (minute_of(moment) + 1) * 60_000);
                }
                Verdict::Refused(_, after) => {
                    prop_assert!(!fits);
                    // Whoever waits so long is let through.
                    let later = Timestamp::from_milliseconds(moment.milliseconds() + i64::from(after) * 1_000);
                    let is_later = second_of(later) > second_of(moment);
                    prop_assert!(is_later && (before_minute < limit.per_minute || minute_of(later) > minute_of(moment)));
                }
                Verdict::Ask(_) => prop_assert!(false, "asked twice"),
            }
        }
    }
}

const PLAN: RateLimit = RateLimit { per_minute: 600, per_second: 20 };

#[test]
fn a_busy_isolate_waits_for_the_object_once() {
    let mut world = World::new(PLAN, 1);
    let mut waited = 0;
    // Ten calls a second for a minute and a half.
    for call in 0..900 {
        let now = at(call * 100);
        world.deliver(now);
        if matches!(world.isolates[0].clone().take(PLAN, now), Verdict::Ask(_)) {
            waited += 1;
        }
        assert!(matches!(world.call(0, now, Some(0)), Verdict::Allowed(_)), "call {call}");
    }
    assert_eq!(waited, 1);
}

#[test]
fn an_isolate_that_the_object_has_refused_does_not_ask_again_in_that_minute() {
    let limit = RateLimit { per_minute: 3, per_second: 20 };
    let mut world = World::new(limit, 1);
    for call in 0..3 {
        assert!(matches!(world.call(0, at(call), Some(0)), Verdict::Allowed(_)));
    }
    let Verdict::Refused(standing, after) = world.isolates[0].take(limit, at(20_000)) else {
        panic!("the minute is used up");
    };
    assert_eq!((standing.remaining, after), (0, 40));
    assert_eq!(world.isolates[0].ask_ahead(limit, at(20_000)), None);
    assert!(matches!(world.call(0, at(60_000), Some(0)), Verdict::Allowed(_)));
}

#[test]
fn an_object_that_does_not_answer_refuses_nobody() {
    let mut isolate = Allowance::default();
    assert!(matches!(isolate.take(PLAN, at(0)), Verdict::Ask(_)));
    isolate.unanswered(at(0));
    for call in 0..20 {
        assert!(matches!(isolate.take(PLAN, at(call)), Verdict::Allowed(_)));
    }
    assert!(matches!(isolate.take(PLAN, at(20)), Verdict::Refused(_, 1)), "the second is still counted");
    // Later it is asked again.
    assert!(matches!(isolate.take(PLAN, at(3_000)), Verdict::Ask(_)));
}

#[test]
fn an_object_that_was_thrown_away_learns_what_it_had_lent() {
    let limit = RateLimit { per_minute: 10, per_second: 4 };
    let ask = |known_lent| Ask { minute: minute_of(at(0)), wanted: 4, known_lent, limit };
    let mut budget = Budget::default();
    assert_eq!(budget.lend(&ask(0), at(0)).granted, 4);
    let second = budget.lend(&ask(4), at(1_000));
    assert_eq!((second.granted, second.lent), (4, 8));
    let mut budget = Budget::default();
    let third = budget.lend(&ask(8), at(2_000));
    assert_eq!((third.granted, third.lent), (2, 10));
}

#[test]
fn two_keys_do_not_share_a_budget() {
    let (mut noisy, mut quiet) = (World::new(PLAN, 1), World::new(PLAN, 1));
    let refused = (0..1_000).filter(|_| matches!(noisy.call(0, at(0), Some(0)), Verdict::Refused(..))).count();
    assert_eq!(refused, 980);
    assert!(matches!(quiet.call(0, at(0), Some(0)), Verdict::Allowed(_)));
}

#[test]
fn calls_whose_clocks_stand_still_at_the_turn_of_a_minute_lose_no_permits() {
    let mut world = World::new(PLAN, 1);
    // By turns a call that has waited and one whose clock has not moved since before the turn: one of either every 100 ms.
    for step in 0..10 {
        assert!(matches!(world.call(0, at(60_000 + step * 100), Some(0)), Verdict::Allowed(_)), "{step}");
        assert!(matches!(world.call(0, at(59_990), Some(0)), Verdict::Allowed(_)), "{step}");
    }
    let Verdict::Allowed(standing) = world.call(0, at(61_000), Some(0)) else { panic!("refused") };
    assert_eq!((standing.remaining, standing.reset), (600 - 21, (START + 120_000) / 1_000));
}

#[test]
fn a_second_that_was_left_is_not_allowed_again() {
    let mut world = World::new(PLAN, 1);
    let calls = [1_999, 2_000].into_iter().chain([1_999, 2_001].repeat(40));
    let allowed = calls.filter(|now| matches!(world.call(0, at(*now), Some(0)), Verdict::Allowed(_))).count();
    assert_eq!(allowed, 1 + 20, "one in the first second, and a second's calls in the next");
}

#[test]
fn a_clock_that_was_set_back_counts_anew() {
    let mut world = World::new(PLAN, 1);
    world.call(0, at(3_600_000), Some(0));
    let Verdict::Allowed(standing) = world.call(0, at(0), Some(0)) else { panic!("refused") };
    assert_eq!(standing.reset, (START + 60_000) / 1_000);
}

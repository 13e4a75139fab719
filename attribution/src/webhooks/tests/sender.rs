//! The sender's promises, one by one.

use super::memory::{Answer, Scene};
use crate::epoch::Epoch;
use crate::time::Timestamp;
use crate::webhooks::{AttemptError, DeliveryStatus, EventFilter, PostFailure, Standing};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

#[test]
fn messages_are_sent_in_the_order_of_their_commits() {
    let scene = Scene::new();
    for _ in 0..120 {
        scene.commit(0, &["referral.lead"]);
    }
    scene.run().unwrap();
    assert_eq!(scene.received(), (1..=120).collect::<Vec<_>>());
    assert_eq!(scene.run().unwrap(), Standing::Next(None));
    assert_eq!(scene.received().len(), 120, "a second run sends nothing again");
}

#[test]
fn every_message_of_a_line_is_a_delivery_of_its_own() {
    let scene = Scene::new();
    scene.commit(0, &["transaction.created", "referral.converted"]);
    scene.run().unwrap();
    let ids = scene.headers("webhook-id");
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(scene.rows.delivery(0).status, DeliveryStatus::Delivered);
    assert_eq!(scene.rows.delivery(0).kind, "transaction.created");
}

#[test]
fn only_what_is_wanted_is_sent() {
    let scene = Scene::new();
    scene.change(|endpoint| endpoint.events = EventFilter::new(vec!["referral.lead".into()]).unwrap());
    scene.commit(0, &["transaction.created", "referral.lead"]);
    scene.commit(0, &["referral.converted"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [1]);
    assert_eq!(scene.rows.progress.borrow().cursor, Some(2));
}

#[test]
fn a_new_endpoint_starts_at_the_head() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.change(|endpoint| endpoint.starts_after = 1);
    scene.commit(0, &["referral.lead"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [2]);
}

#[test]
fn a_failure_does_not_hold_the_next() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.commit(0, &["referral.lead"]);
    scene.answer(&[Answer::Status(500)]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [1, 2]);
    assert_eq!(scene.bell.armed_for(), Some(5_100));
    scene.live_until(HOUR);
    assert_eq!(scene.received(), [1, 2, 1]);
    let ids = scene.headers("webhook-id");
    assert_eq!(ids[0], ids[2], "a retry has the same id");
    assert_ne!(scene.headers("webhook-timestamp")[0], scene.headers("webhook-timestamp")[2]);
    assert_eq!(scene.bell.armed_for(), None);
}

#[test]
fn first_attempts_keep_their_order_even_if_the_clock_goes_back() {
    let scene = Scene::new();
    scene.watch.0.set(HOUR);
    for _ in 0..30 {
        scene.commit(0, &["referral.lead"]);
    }
    // The first run dies after its first attempt; the next one is on a machine whose clock is behind.
    scene.rows.lost_results.set(1);
    scene.run().unwrap_err();
    scene.watch.0.set(HOUR - 1_000);
    scene.commit(0, &["referral.lead"]);
    scene.run().unwrap();
    scene.live_until(2 * HOUR);
    assert_eq!(scene.received()[1..], (1..=31).collect::<Vec<_>>());
}

#[test]
fn after_ten_attempts_a_delivery_has_failed_and_can_be_sent_again() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    *scene.receiver.always.borrow_mut() = Some(Answer::Nothing(PostFailure::TimedOut));
    scene.run().unwrap();
    scene.live_until(10 * DAY);
    // Each attempt takes a tenth of a second.
    let at: Vec<i64> = scene.receiver.posts.borrow().iter().map(|(at, _)| *at).collect();
    let early = [0, 5_100, 305_200, 2_105_300, 9_305_400];
    let late = [27_305_500, 63_305_600, 113_705_700, 185_705_800, 272_105_900];
    assert_eq!(at, [early, late].concat());
    let delivery = scene.rows.delivery(0);
    assert_eq!((delivery.status, delivery.due_at, delivery.tries), (DeliveryStatus::Failed, None, 10));
    assert_eq!(delivery.attempts[9].error, Some(AttemptError::Timeout));
    assert_eq!(scene.bell.armed_for(), None);

    *scene.receiver.always.borrow_mut() = None;
    scene.rows.deliveries.borrow_mut()[0] = delivery.again(Timestamp::from_milliseconds(4 * DAY));
    scene.watch.0.set(4 * DAY);
    scene.run().unwrap();
    let delivery = scene.rows.delivery(0);
    assert_eq!((delivery.status, delivery.tries, delivery.attempts.len()), (DeliveryStatus::Delivered, 1, 11));
    let ids = scene.headers("webhook-id");
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn a_receivers_retry_after_is_honoured() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.answer(&[Answer::RetryAfter(503, "120")]);
    scene.run().unwrap();
    assert_eq!(scene.bell.armed_for(), Some(120_100));
}

#[test]
fn redirects_are_failures() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.answer(&[Answer::Status(302)]);
    scene.run().unwrap();
    let delivery = scene.rows.delivery(0);
    assert_eq!(delivery.status, DeliveryStatus::Pending);
    assert_eq!((delivery.attempts[0].status, delivery.attempts[0].error), (Some(302), Some(AttemptError::Redirected)));
}

#[test]
fn a_crash_after_the_post_sends_it_again_with_the_same_id() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.rows.lost_results.set(1);
    scene.run().unwrap_err();
    assert_eq!(scene.bell.armed_for(), Some(60_000), "the next run was armed before the work");
    scene.live_until(HOUR);
    let ids = scene.headers("webhook-id");
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(scene.rows.delivery(0).status, DeliveryStatus::Delivered);
}

#[test]
fn a_database_that_is_away_delays_and_loses_nothing() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.ledger.is_away.set(true);
    scene.run().unwrap_err();
    assert_eq!(scene.received(), [0; 0]);
    scene.ledger.is_away.set(false);
    scene.live_until(HOUR);
    assert_eq!(scene.received(), [1]);
}

#[test]
fn whoever_wakes_a_run_that_is_under_way_gets_another() {
    let scene = Scene::new();
    scene.woken.set(true);
    scene.run().unwrap();
    assert_eq!(scene.bell.armed_for(), None, "a wake before the run is answered by the run");
    // During the run: the sender asks twice, and the second answer is yes.
    let asked = std::cell::Cell::new(0);
    let sender = crate::webhooks::Sender {
        id: &scene.id,
        outbox: &scene.ledger,
        storage: &scene.rows,
        transport: &Deaf,
        clock: &scene.watch,
        alarm: &scene.bell,
        targets: &crate::webhooks::TargetPolicy { allow_loopback: false },
    };
    let woken = || asked.replace(asked.get() + 1) > 0;
    pollster::block_on(sender.run(&mut NoRandom, woken)).unwrap();
    assert_eq!(scene.bell.armed_for(), Some(0));
}

struct Deaf;

impl crate::webhooks::Transport for Deaf {
    async fn post(&self, _: &crate::webhooks::Post) -> Result<crate::webhooks::PostResult, PostFailure> {
        panic!("nothing is to be sent")
    }
}

struct NoRandom;

impl crate::ids::Random for NoRandom {
    fn fill(&mut self, _: &mut [u8]) {
        panic!("nothing is random here")
    }
}

#[test]
fn a_target_that_became_forbidden_is_not_called() {
    let scene = Scene::new();
    scene.change(|endpoint| endpoint.url = "https://127.0.0.1/".into());
    scene.commit(0, &["referral.lead"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [0; 0]);
    let delivery = scene.rows.delivery(0);
    assert_eq!(delivery.status, DeliveryStatus::Pending);
    assert_eq!(delivery.attempts[0].error, Some(AttemptError::TargetNotAllowed));
}

#[test]
fn an_event_that_has_left_the_outbox_is_given_up() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.answer(&[Answer::Status(500)]);
    scene.run().unwrap();
    scene.ledger.lines.borrow_mut().clear();
    scene.live_until(HOUR);
    let delivery = scene.rows.delivery(0);
    assert_eq!((delivery.status, delivery.due_at), (DeliveryStatus::Failed, None));
    assert_eq!(delivery.attempts[1].error, Some(AttemptError::EventExpired));
}

#[test]
fn nothing_older_than_thirty_days_is_sent() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.watch.0.set(30 * DAY + 1);
    scene.commit(0, &["referral.lead"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [2]);
}

#[test]
fn lines_of_other_programs_are_passed_over_once() {
    let scene = Scene::new();
    scene.commit(35_000, &["referral.lead"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [35_001]);
    let before = scene.ledger.reads.get();
    scene.run().unwrap();
    assert_eq!(scene.ledger.reads.get() - before, 1);
}

#[test]
fn a_database_set_back_by_a_restore_is_followed() {
    let scene = Scene::new();
    scene.commit(99, &["referral.lead"]);
    scene.run().unwrap();
    scene.ledger.lines.borrow_mut().clear();
    scene.ledger.head.set(50);
    scene.run().unwrap();
    scene.commit(0, &["referral.converted"]);
    scene.run().unwrap();
    assert_eq!(scene.received(), [100, 51]);
}

#[test]
fn after_a_restore_with_a_new_epoch_nothing_is_skipped_and_what_is_said_anew_has_another_id() {
    let scene = Scene::new();
    for _ in 0..99 {
        scene.commit(0, &["referral.lead"]);
    }
    scene.run().unwrap();
    // The last nine are taken back, and then one of them happens again: the same subject, the same seq.
    let lost = scene.ledger.lines.borrow_mut().split_off(90);
    let begins_after = Epoch::new(1).unwrap().begins_after();
    scene.ledger.gap.set(Some((90, begins_after)));
    scene.ledger.head.set(begins_after);
    scene.commit(0, &["referral.lead"]);
    scene.ledger.lines.borrow_mut().last_mut().unwrap().seq = lost[0].seq;
    let reads = scene.ledger.reads.get();
    scene.run().unwrap();
    assert_eq!(scene.received().split_off(99), [begins_after + 1]);
    assert!(scene.ledger.reads.get() - reads <= 2, "the gap is no stretch to be read through");
    let ids = scene.headers("webhook-id");
    assert!(!ids[..99].contains(&ids[99]), "receivers that know the lost one do not take the new one for it");
}

#[test]
fn both_secrets_sign_for_a_day_after_a_rotation() {
    let scene = Scene::new();
    let now = scene.ledger.endpoint.borrow().as_ref().unwrap().created_at;
    scene.change(|endpoint| endpoint.rotate_secret(crate::webhooks::Secret::stored("whsec_bmV3".into()), now));
    for moment in [0, DAY - 1_000, DAY] {
        scene.watch.0.set(moment);
        scene.commit(0, &["referral.lead"]);
        scene.run().unwrap();
    }
    let counts: Vec<usize> =
        scene.headers("webhook-signature").iter().map(|header| header.split(' ').count()).collect();
    assert_eq!(counts, [2, 2, 1]);
}

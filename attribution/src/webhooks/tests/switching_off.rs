//! When an endpoint is switched off, or is gone.

use super::memory::{Answer, Scene};
use crate::webhooks::{DisabledReason, Progress, Standing};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_receiver_that_is_gone_switches_its_endpoint_off_at_once() {
    let scene = Scene::new();
    for _ in 0..3 {
        scene.commit(0, &["referral.lead"]);
    }
    scene.answer(&[Answer::Status(200), Answer::Status(410)]);
    assert_eq!(scene.run().unwrap(), Standing::Disabled);
    assert_eq!(scene.received(), [1, 2], "the third is not tried");
    let disabled = scene.ledger.endpoint.borrow().clone().unwrap().disabled.unwrap();
    assert_eq!(disabled.reason, DisabledReason::Gone);
    assert_eq!(scene.bell.armed_for(), None);

    // Switched on again it goes on where it stood.
    scene.commit(0, &["referral.lead"]);
    scene.change(|endpoint| endpoint.disabled = None);
    scene.run().unwrap();
    scene.live_until(HOUR);
    assert_eq!(scene.received(), [1, 2, 3, 4, 2]);
}

#[test]
fn a_switch_that_was_not_carried_out_is_carried_out_later_unless_the_endpoint_has_changed() {
    for is_changed in [false, true] {
        let scene = Scene::new();
        scene.commit(0, &["referral.lead"]);
        scene.answer(&[Answer::Status(410)]);
        // The database goes away between the attempt and the switch.
        let progress = Progress { cursor: Some(1), disabling: Some((DisabledReason::Gone, 1)), ..Progress::default() };
        *scene.rows.progress.borrow_mut() = progress;
        if is_changed {
            scene.change(|endpoint| endpoint.url = "https://new.example.com/".into());
        }
        scene.run().unwrap();
        assert_eq!(scene.ledger.endpoint.borrow().as_ref().unwrap().is_enabled(), is_changed);
    }
}

#[test]
fn five_days_of_nothing_but_failures_switch_an_endpoint_off() {
    let scene = Scene::new();
    *scene.receiver.always.borrow_mut() = Some(Answer::Status(500));
    scene.commit(0, &["referral.lead"]);
    scene.run().unwrap();
    for hour in 1..=119 {
        scene.live_until(hour * HOUR);
        scene.watch.0.set(hour * HOUR);
        scene.commit(0, &["referral.lead"]);
        scene.run().unwrap();
        assert!(scene.ledger.endpoint.borrow().as_ref().unwrap().is_enabled(), "hour {hour}");
    }
    scene.live_until(121 * HOUR);
    let disabled = scene.ledger.endpoint.borrow().clone().unwrap().disabled.unwrap();
    assert_eq!(disabled.reason, DisabledReason::OnlyFailures);
    assert!((5 * DAY..5 * DAY + HOUR).contains(&disabled.at.milliseconds()), "{disabled:?}");

    // Switched on again it has five days anew.
    scene.change(|endpoint| endpoint.disabled = None);
    scene.run().unwrap();
    assert!(scene.ledger.endpoint.borrow().as_ref().unwrap().is_enabled());
}

#[test]
fn one_success_in_five_days_is_enough() {
    let scene = Scene::new();
    for day in 0..12 {
        scene.live_until(day * DAY);
        scene.watch.0.set(day * DAY);
        *scene.receiver.always.borrow_mut() = Some(Answer::Status(if day % 4 == 3 { 200 } else { 500 }));
        scene.commit(0, &["referral.lead"]);
        scene.run().unwrap();
    }
    assert!(scene.ledger.endpoint.borrow().as_ref().unwrap().is_enabled());
}

#[test]
fn an_endpoint_that_is_gone_leaves_nothing() {
    let scene = Scene::new();
    scene.commit(0, &["referral.lead"]);
    scene.answer(&[Answer::Status(500)]);
    scene.run().unwrap();
    *scene.ledger.endpoint.borrow_mut() = None;
    assert_eq!(scene.run().unwrap(), Standing::Gone);
    assert!(scene.rows.is_cleared.get());
    assert_eq!(scene.bell.armed_for(), None);
}

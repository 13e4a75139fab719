//! Who a customer is: what a sign-up finds out about somebody who is known already (design, section 1).

use serde_json::json;

use super::{SignedUp, World, address, email_hash, user};
use crate::decision::Reason;
use crate::fixtures::{
    bobs_click, browser_sign_up, click, direct_referral, email, only_email, only_key, per_lead, scope, sign_up,
};
use crate::ids::ReferralId;
use crate::incentive::Approval;
use crate::ledger::{FirstSeen, Rejection, SignUp, UnknownClick};
use crate::referral::Click;

/// John again, through another click.
fn through_bob() -> SignUp {
    sign_up(&bobs_click())
}

fn is_existing(signed_up: &SignedUp, click: &Click, reason: Reason) {
    let found = (&signed_up.referral.id, signed_up.first_seen, signed_up.reason);
    assert_eq!(found, (&click.id, FirstSeen::Before, reason));
}

#[test]
fn a_known_key_through_another_click_is_the_first_referral_and_pays_nothing_twice() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.signs_up(sign_up(&click()));
    let before = world.rows();
    is_existing(&world.signs_up(through_bob()), &click(), Reason::CustomerAlreadyReferred);
    assert_eq!(world.rows(), before);
    // Bob's click is still one: somebody else may sign up through it.
    let jane = world.signs_up(only_key(&bobs_click(), "user_2"));
    assert_eq!((jane.referral.id, jane.first_seen), (bobs_click().id, FirstSeen::Now));
}

#[test]
fn a_known_email_with_a_new_key_teaches_the_key() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    let known = world.signs_up(SignUp { external_user_id: Some("user_1b".into()), ..through_bob() });
    is_existing(&known, &click(), Reason::CustomerAlreadyReferred);
    assert_eq!((known.referral.external_user_id.as_deref(), known.referral.seq), (Some("user_1"), 2));
    assert_eq!(known.referral.aliases, [user("user_1b")]);
    let event = world.rows().events[1].clone();
    assert_eq!((event.seq, event.reason, event.messages.len()), (2, Reason::CustomerAlreadyReferred, 0));
    assert_eq!(event.detail["names_added"], json!(["external_user_id"]));
    is_existing(&world.signs_up(only_key(&bobs_click(), "user_1b")), &click(), Reason::CustomerAlreadyReferred);
}

#[test]
fn where_key_and_email_are_two_customers_the_key_wins_and_the_email_stays() {
    let world = World::new();
    world.signs_up(only_key(&click(), "user_1"));
    world.signs_up(only_email(&bobs_click(), "john@example.com"));
    let third = Click { id: ReferralId::new("ref_0000000000000000000000003"), ..click() };
    world.clicks.put(third.clone());
    is_existing(&world.signs_up(sign_up(&third)), &click(), Reason::EmailBelongsToAnotherReferral);
    assert_eq!(world.holder(address("john@example.com")), Some(bobs_click().id));
}

#[test]
fn a_key_that_comes_after_a_mere_email_takes_its_own_place() {
    let world = World::new();
    world.signs_up(only_email(&click(), "john@example.com"));
    let known = world.signs_up(through_bob());
    is_existing(&known, &click(), Reason::CustomerAlreadyReferred);
    assert_eq!((known.referral.external_user_id.as_deref(), known.referral.aliases), (Some("user_1"), vec![]));
}

#[test]
fn a_known_key_with_a_new_email_teaches_the_email() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    world.signs_up(SignUp { email: Some(email("john@work.example")), ..through_bob() });
    assert_eq!(world.holder(address("john@work.example")), Some(click().id));
    assert_eq!(world.stored(&click().id).aliases, [address("john@work.example")]);
    is_existing(
        &world.signs_up(only_email(&bobs_click(), "john@work.example")),
        &click(),
        Reason::CustomerAlreadyReferred,
    );
}

#[test]
fn an_email_that_comes_after_a_mere_key_takes_its_own_place() {
    let world = World::new();
    world.signs_up(only_key(&click(), "user_1"));
    let known = world.signs_up(through_bob()).referral;
    assert_eq!(json!(known.email)["hash"], json!(email_hash("john@example.com")));
    assert_eq!(json!(known.email)["address"], json!("john@example.com"));
}

/// A call that names no click; its gate is the referral that the key was found to mean.
fn without_click(key: &str, gate: &ReferralId) -> SignUp {
    SignUp {
        click_id: gate.clone(),
        unknown_click: UnknownClick::FindCustomer,
        program_id: Some(scope().program_id),
        ..only_key(&click(), key)
    }
}

#[test]
fn without_a_click_a_customer_is_found_by_key() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    let mut command = without_click("user_1", &click().id);
    command.context.request_id = "req_without_click".into();
    let found = world.signs_up(command.clone());
    assert_eq!((found.referral.id, found.first_seen), (click().id, FirstSeen::Before));
    // The same while the click given is one that nobody knows.
    let lost = SignUp { click_id: ReferralId::new("ref_0000000000000000000000009"), ..command };
    is_existing(&world.signs_up(lost), &click(), Reason::CustomerAlreadyReferred);
}

#[test]
fn without_a_click_a_customer_without_a_referral_is_not_found() {
    let world = World::new();
    let nowhere = ReferralId::new("ref_0000000000000000000000009");
    assert_eq!(world.refuses(without_click("user_1", &nowhere)), Rejection::CustomerNotFound);
    // An address alone finds nobody: it proves nothing.
    world.signs_up(sign_up(&click()));
    let email = SignUp { external_user_id: None, email: sign_up(&click()).email, ..without_click("", &nowhere) };
    assert_eq!(world.refuses(email), Rejection::CustomerNotFound);
}

#[test]
fn nothing_is_paid_for_a_lead_whose_customer_was_recorded_directly() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    let recorded = world.records(direct_referral());
    let visitor = world.signs_up(SignUp { email: Some(direct_referral().email), ..sign_up(&click()) });
    assert_eq!((visitor.referral.id, world.rows().commissions.len()), (recorded.id, 1));
}

#[test]
fn a_keyed_lead_overrides_what_only_a_browser_claimed() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.signs_up(browser_sign_up(&click()));
    let keyed = SignUp { email: Some(email("jane@example.com")), ..only_key(&bobs_click(), "user_2") };
    let vouched = world.signs_up(keyed).referral;
    assert_eq!((&vouched.id, vouched.verified), (&bobs_click().id, true));
    assert_eq!(world.holder(user("user_2")), Some(bobs_click().id));
}

#[test]
fn a_keyed_repeat_vouches_for_what_a_browser_claimed() {
    let world = World::new();
    world.signs_up(browser_sign_up(&click()));
    let same = SignUp { email: Some(email("jane@example.com")), ..only_key(&click(), "user_2") };
    assert!(world.signs_up(same).referral.verified);
}

#[test]
fn a_test_customer_is_known_among_test_rows_alone() {
    let world = World::new();
    let [first, second] = [click(), bobs_click()].map(|mut click| {
        click.scope.is_test = true;
        world.clicks.put(click.clone());
        click
    });
    world.signs_up(browser_sign_up(&first));
    is_existing(&world.signs_up(browser_sign_up(&second)), &first, Reason::CustomerAlreadyReferred);
    let live = Click { id: ReferralId::new("ref_0000000000000000000000003"), ..click() };
    world.clicks.put(live.clone());
    assert_eq!(world.signs_up(browser_sign_up(&live)).first_seen, FirstSeen::Now);
}

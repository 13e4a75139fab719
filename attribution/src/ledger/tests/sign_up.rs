//! Sign-ups: seed 000, and who a customer is (design, section 1).

use serde_json::{Value, json};

use super::{SignedUp, World, address, email_hash, signed_up, user};
use crate::decision::Reason;
use crate::fixtures::{affiliate, bobs_click, browser_sign_up, click, only_email, only_key, per_lead, sign_up};
use crate::ids::{ProgramId, ReferralId, TeamId};
use crate::incentive::Approval;
use crate::ledger::{Context, FirstSeen, Rejection, SignUp};
use crate::program::Affiliate;
use crate::status::{EmailPolicy, FraudMode, ReferralStatus};

fn reaching(change: impl FnOnce(&mut Context)) -> SignUp {
    let mut command = sign_up(&click());
    change(&mut command.context);
    command
}

#[test]
fn a_click_becomes_a_lead() {
    let world = World::new();
    let SignedUp { referral, first_seen, reason } = world.signs_up(sign_up(&click()));
    assert_eq!((first_seen, reason), (FirstSeen::Now, Reason::LeadRecorded));
    assert_eq!((&referral.id, &referral.affiliate_id), (&click().id, &affiliate().id));
    assert_eq!((referral.status, referral.converted_at, referral.verified), (ReferralStatus::Lead, None, true));
    assert_eq!((referral.external_user_id.as_deref(), referral.name.as_deref()), (Some("user_1"), Some("John Doe")));
    assert_eq!((referral.clicked_at, referral.created_at), (Some(click().clicked_at), world.now.get()));
    assert_eq!(world.holder(user("user_1")), Some(click().id));
    assert_eq!(world.holder(address("john@example.com")), Some(click().id));
    assert_eq!(world.stored(&click().id), referral);
    assert_eq!((world.rows().events.len(), world.rows().commissions.len()), (1, 0));
}

#[test]
fn subscribers_are_told_of_a_lead() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    let event = &world.rows().events[0];
    assert_eq!((event.seq, event.kind, event.actor.as_str()), (1, "referral.lead", "key:key_1"));
    let data = json!({
        "referralId": "ref_0000000000000000000000001",
        "affiliateId": "aff_alice",
        "affiliateProgramId": "prog_1",
        "trackingId": "alice",
        "status": "LEAD",
        "email": "john@example.com",
        "emailMasked": "j***@example.com",
        "customerId": null,
        "externalUserId": "user_1",
        "createdAt": "2026-01-11T00:00:00Z",
    });
    assert_eq!((event.messages.len(), &event.messages[0].kind[..]), (1, "referral.lead"));
    assert_eq!(event.messages[0].data, data);
}

#[test]
fn a_repeat_is_the_same_referral_whatever_else_it_says() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    let again = SignUp { name: None, ..only_key(&click(), "user_9") };
    let again = signed_up(world.retry(again).unwrap());
    assert_eq!((again.first_seen, again.reason), (FirstSeen::Before, Reason::ClickAlreadyConverted));
    assert_eq!(again.referral.external_user_id.as_deref(), Some("user_1"));
    assert_eq!(world.holder(user("user_9")), None);
}

#[test]
fn an_unknown_click_and_another_teams_are_not_found() {
    let world = World::new();
    let unknown = SignUp { click_id: ReferralId::new("ref_0000000000000000000000009"), ..sign_up(&click()) };
    assert_eq!(world.refuses(unknown), Rejection::ClickNotFound);
    let foreign = reaching(|context| context.reach.team_id = Some(TeamId::new("team_2")));
    assert_eq!(world.refuses(foreign.clone()), Rejection::ClickNotFound);
    assert_eq!(world.refuses(reaching(|context| context.reach.is_test = Some(true))), Rejection::ClickNotFound);
    world.signs_up(sign_up(&click()));
    assert_eq!(world.refuses(foreign), Rejection::ClickNotFound);
}

#[test]
fn a_click_of_another_program_is_named_so() {
    let world = World::new();
    let other = reaching(|context| context.reach.program_id = Some(ProgramId::new("prog_2")));
    assert_eq!(world.refuses(other.clone()), Rejection::OtherProgram);
    world.signs_up(sign_up(&click()));
    assert_eq!(world.refuses(other), Rejection::OtherProgram);
}

#[test]
fn the_policy_says_what_is_kept_of_an_address() {
    let (hash, masked, plain) = (email_hash("john@example.com"), "j***@example.com", "john@example.com");
    let both = json!({ "hash": hash, "masked": masked, "address": plain });
    let no_address = json!({ "hash": hash, "masked": masked, "address": null });
    let cases = [
        (EmailPolicy::Full, true, both),
        (EmailPolicy::Full, false, no_address.clone()),
        (EmailPolicy::Masked, true, no_address),
        (EmailPolicy::Off, true, Value::Null),
    ];
    for (policy, keep_address, kept) in cases {
        let world = World::with(|program| program.email_policy = policy);
        let SignedUp { referral, .. } = world.signs_up(SignUp { keep_address, ..sign_up(&click()) });
        assert_eq!(json!(referral.email), kept, "{policy:?}");
        assert_eq!(world.holder(address(plain)).is_some(), policy != EmailPolicy::Off);
    }
}

#[test]
fn an_email_alone_is_nothing_where_none_is_kept() {
    let world = World::with(|program| program.email_policy = EmailPolicy::Off);
    assert_eq!(world.refuses(only_email(&click(), "john@example.com")), Rejection::NothingKeptOfIdentity);
}

#[test]
fn the_api_that_takes_a_click_alone_records_a_lead_without_names() {
    let world = World::with(|program| program.email_policy = EmailPolicy::Off);
    let alone = SignUp { identity_required: false, ..only_email(&click(), "john@example.com") };
    assert_eq!(world.signs_up(alone).referral.status, ReferralStatus::Lead);
    assert_eq!((world.rows().referrals.len(), world.rows().identities.len()), (1, 0));
}

#[test]
fn a_name_is_dropped_where_none_is_kept() {
    let world = World::with(|program| program.name_tracking = false);
    assert_eq!(world.signs_up(sign_up(&click())).referral.name, None);
}

#[test]
fn a_self_referral_is_ignored_noted_or_blocked() {
    let because = "the customer's e-mail address is the affiliate's";
    let hit = json!([{ "rule": "self_referral", "mode": "detect", "found": "hit", "because": because }]);
    for (mode, noted) in [(FraudMode::Off, None), (FraudMode::Detect, Some(&hit))] {
        let world = self_referring(mode);
        let lead = world.signs_up(sign_up(&click()));
        assert_eq!((lead.referral.status, lead.reason), (ReferralStatus::Lead, Reason::LeadRecorded));
        assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
        assert_eq!(world.rows().events[0].detail.get("fraud_rules"), noted);
    }
    let world = self_referring(FraudMode::Block);
    let blocked = world.signs_up(sign_up(&click()));
    assert_eq!((blocked.referral.status, blocked.first_seen), (ReferralStatus::Rejected, FirstSeen::Now));
    assert_eq!((blocked.reason, world.rows().events[0].reason), (Reason::SelfReferralBlocked, blocked.reason));
    assert!(world.told().is_empty() && world.rows().commissions.is_empty() && world.rows().identities.is_empty());
    // Nothing stands in the way of the same person's sign-up through somebody else's link.
    assert_eq!(world.signs_up(sign_up(&bobs_click())).referral.status, ReferralStatus::Lead);
}

/// Alice's address is John's, and leads are paid.
fn self_referring(mode: FraudMode) -> World {
    let world = World::with(|program| {
        program.fraud.self_referral = mode;
        program.incentives.push(per_lead(500, Approval::Automatic));
    });
    world.database.put_affiliate(Affiliate { email_hash: Some(email_hash("john@example.com")), ..affiliate() });
    world
}

#[test]
fn a_page_must_be_of_an_allowed_origin_and_a_call_without_one_needs_none() {
    let world = World::new();
    let from = |origin: Option<&str>| SignUp { origin: origin.map(str::to_owned), ..browser_sign_up(&click()) };
    for origin in ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"] {
        let refused = Rejection::OriginNotAllowed { origin: origin.into(), program_id: ProgramId::new("prog_1") };
        assert_eq!(world.refuses(from(Some(origin))), refused);
    }
    assert_eq!(world.signs_up(from(None)).first_seen, FirstSeen::Now);
    assert_eq!(World::new().signs_up(from(Some("https://shop.example"))).first_seen, FirstSeen::Now);
}

#[test]
fn nobody_is_told_of_test_rows() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    let mut test_click = bobs_click();
    test_click.scope.is_test = true;
    world.clicks.put(test_click.clone());
    let mut test = sign_up(&test_click);
    test.context.reach.is_test = Some(true);
    assert!(world.signs_up(test).referral.scope.is_test);
    assert_eq!((world.told().len(), world.rows().commissions.len()), (0, 1));
    // Test rows never meet live ones: the same person signs up in earnest.
    assert_eq!(world.signs_up(sign_up(&click())).first_seen, FirstSeen::Now);
    assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
}

#[test]
fn a_referral_outlives_its_raw_click() {
    let world = World::with_john();
    world.clicks.forget(&click().id);
    let mut late = SignUp { program_id: Some(ProgramId::new("prog_1")), ..sign_up(&click()) };
    let found = signed_up(world.retry(late.clone()).unwrap());
    assert_eq!((found.referral.id, found.first_seen), (click().id, FirstSeen::Before));
    late.context.reach.team_id = Some(TeamId::new("team_2"));
    assert_eq!(world.refuses(late), Rejection::ClickNotFound);
}

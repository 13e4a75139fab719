//! Referrals that the owner records directly: seed 003.

use serde_json::json;

use super::{World, address, signed_up, user};
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, another_referral, click, context, direct_referral, email, from_click, new_year, per_lead, sign_up,
};
use crate::incentive::Approval;
use crate::ledger::{CreateReferral, FirstSeen};
use crate::referral::Identity;
use crate::status::{EmailPolicy, ReferralStatus};
use crate::time::Timestamp;

fn with_status(status: ReferralStatus) -> CreateReferral {
    CreateReferral { status, ..direct_referral() }
}

#[test]
fn a_referral_is_recorded_as_the_owner_says() {
    let world = World::new();
    let command = CreateReferral { subscription_id: Some("sub_1".into()), ..with_status(ReferralStatus::Customer) };
    let referral = world.records(command);
    assert_eq!((&referral.id, &referral.affiliate_id), (&direct_referral().referral_id, &affiliate().id));
    assert_eq!((referral.status, referral.verified), (ReferralStatus::Customer, true));
    let names = (referral.customer_id.as_deref(), referral.subscription_id.as_deref(), referral.name.as_deref());
    assert_eq!(names, (Some("cust_456"), Some("sub_1"), Some("John Doe")));
    assert_eq!(referral.email.as_ref().unwrap().address.as_deref(), Some("newcustomer@example.com"));
    assert_eq!(referral.metadata, Some(json!({ "plan": "enterprise", "source": "webinar" })));
    assert_eq!((referral.clicked_at, &referral.click), (None, &None));
    for name in
        [address("newcustomer@example.com"), Identity::customer_id("cust_456"), Identity::subscription_id("sub_1")]
    {
        assert_eq!(world.holder(name), Some(referral.id.clone()));
    }
    assert_eq!(world.stored(&referral.id), referral);
}

#[test]
fn all_but_a_lead_have_a_day_of_conversion() {
    let told = |word: &str| vec![word.to_owned()];
    let cases = [
        (ReferralStatus::Lead, told("referral.lead")),
        (ReferralStatus::Trialing, told("referral.converted")),
        (ReferralStatus::Customer, told("referral.converted")),
        (ReferralStatus::Active, told("referral.converted")),
        (ReferralStatus::Canceled, told("referral.converted")),
    ];
    for (status, messages) in cases {
        let world = World::new();
        let referral = world.records(with_status(status));
        let converted_at = (status != ReferralStatus::Lead).then_some(world.now.get());
        assert_eq!((referral.status, referral.converted_at), (status, converted_at));
        assert_eq!(world.told(), messages, "{status:?}");
    }
}

#[test]
fn a_rejected_one_is_converted_too_but_holds_no_names_and_nobody_is_told() {
    let world = World::new();
    let rejected = signed_up(world.call(with_status(ReferralStatus::Rejected)).unwrap()).referral;
    assert_eq!((rejected.status, rejected.converted_at), (ReferralStatus::Rejected, Some(world.now.get())));
    assert!(world.rows().identities.is_empty() && world.told().is_empty());
    // So the same customer may still be referred.
    world.records(CreateReferral {
        referral_id: another_referral().referral_id,
        context: context("req_2"),
        ..direct_referral()
    });
    assert_eq!(world.holder(Identity::customer_id("cust_456")), Some(another_referral().referral_id));
}

#[test]
fn a_backdated_referral_began_on_its_day() {
    let world = World::new();
    let day = Timestamp::parse("2024-01-20T15:30:00Z").unwrap();
    let referral = world.records(CreateReferral { created_at: Some(day), ..with_status(ReferralStatus::Active) });
    assert_eq!((referral.created_at, referral.converted_at), (day, Some(day)));
    assert_eq!((referral.updated_at, world.rows().events[0].at), (world.now.get(), world.now.get()));
}

#[test]
fn a_click_becomes_the_referral() {
    let world = World::new();
    let referral = world.records(from_click(&click()));
    assert_eq!((&referral.id, referral.clicked_at), (&click().id, Some(new_year())));
    assert_eq!(referral.click, Some(click().facts));
    // The click is spoken for: its visitor's sign-up is answered with the referral that stands.
    let visitor = world.signs_up(sign_up(&click()));
    assert_eq!((visitor.referral.id, visitor.first_seen), (click().id, FirstSeen::Before));
    // The names that it lacked are the same customer's.
    assert_eq!(world.holder(user("user_1")), Some(click().id));
}

#[test]
fn a_customer_who_was_recorded_does_not_become_a_second_lead() {
    let world = World::new();
    let recorded = world.records(CreateReferral { email: email("john@example.com"), ..direct_referral() });
    let john = world.signs_up(sign_up(&click()));
    assert_eq!((john.referral.id, john.first_seen), (recorded.id.clone(), FirstSeen::Before));
    assert_eq!(john.reason, Reason::CustomerAlreadyReferred);
    assert_eq!(world.holder(user("user_1")), Some(recorded.id));
}

#[test]
fn where_no_addresses_are_kept_the_customers_id_is_enough() {
    let world = World::with(|program| {
        program.email_policy = EmailPolicy::Off;
        program.name_tracking = false;
    });
    let referral = world.records(direct_referral());
    assert_eq!((referral.email, referral.name), (None, None));
    assert_eq!(world.rows().identities.len(), 1);
}

#[test]
fn nobody_is_told_of_test_rows() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    let mut command = direct_referral();
    command.scope.is_test = true;
    command.context.reach.is_test = Some(true);
    assert!(world.records(command).scope.is_test);
    assert_eq!((world.told().len(), world.rows().commissions.len()), (0, 1));
    // Test rows never meet live ones: the same customer may be referred in earnest.
    world.records(CreateReferral {
        email: direct_referral().email,
        customer_id: Some("cust_456".into()),
        ..another_referral()
    });
}

#[test]
fn subscribers_are_told_of_a_conversion() {
    let world = World::new();
    world.records(with_status(ReferralStatus::Active));
    let event = &world.rows().events[0];
    assert_eq!((event.kind, event.reason), ("referral.recorded", Reason::ReferralRecorded));
    let data = json!({
        "referralId": "ref_000000000000000000000000D",
        "affiliateId": "aff_alice",
        "affiliateProgramId": "prog_1",
        "trackingId": "alice",
        "status": "ACTIVE",
        "email": "newcustomer@example.com",
        "emailMasked": "n***@example.com",
        "customerId": "cust_456",
        "externalUserId": null,
        "createdAt": "2026-01-11T00:00:00Z",
    });
    assert_eq!(event.messages[0].data, data);
}

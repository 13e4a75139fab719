//! Browser leads: provisional ones where the program waits for a key's word, and the limits of claims.

use super::{World, signed_up};
use crate::decision::Reason;
use crate::fixtures::{
    bobs_click, browser_sign_up, by_click, click, context, only_key, per_lead, program, sale_to, sign_up,
};
use crate::ids::ReferralId;
use crate::incentive::Approval;
use crate::ledger::{FirstSeen, MOST_OF_ADDRESS, MOST_OF_AFFILIATE, Milestone, Rejection, SignUp};
use crate::referral::{Click, Referral};
use crate::status::{CommissionStatus, FraudMode, LeadAuth, ReferralStatus};
use crate::time::Timestamp;

/// Every sign-up earns 5.00, and pages alone are not believed.
fn waiting_for_a_key() -> World {
    World::with(|program| {
        program.lead_auth = LeadAuth::ServerRequired;
        program.incentives.push(per_lead(500, Approval::Automatic));
    })
}

/// What the backend says of the customer whom the page has named.
fn keyed(click: &Click) -> SignUp {
    SignUp { external_user_id: Some("user_2".into()), email: None, ..sign_up(click) }
}

#[test]
fn a_pages_lead_is_provisional_until_a_key_says_so_too() {
    let world = waiting_for_a_key();
    let first = world.signs_up(browser_sign_up(&click()));
    assert_eq!((first.reason, first.referral.status), (Reason::LeadProvisional, ReferralStatus::Lead));
    assert!(world.told().is_empty() && world.rows().commissions.is_empty());
    assert_eq!(world.rows().events[0].reason, Reason::LeadProvisional);
    // The page says it again: still provisional.
    assert_eq!(signed_up(world.retry(browser_sign_up(&click())).unwrap()).reason, Reason::LeadProvisional);

    world.call(keyed(&click())).unwrap();
    assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
    assert_eq!(world.statuses(), [("lead", Some(500), CommissionStatus::ReadyForPayment)]);
    world.retry(keyed(&click())).unwrap();
    assert!(world.stored(&click().id).verified);
    // From now on the page is told so.
    let known = signed_up(world.retry(browser_sign_up(&click())).unwrap());
    assert_eq!(known.reason, Reason::ClickAlreadyConverted);
}

#[test]
fn a_sale_makes_a_provisional_lead_good_and_its_amount_counts_first() {
    let world = waiting_for_a_key();
    world.signs_up(browser_sign_up(&click()));
    world.sells(sale_to("order_1", &click().id, by_click(&click())));
    assert_eq!(world.told(), ["referral.lead", "transaction.created", "referral.converted", "transaction.created"]);
    assert_eq!(world.total(), 500 + 2970);
    world.sells(sale_to("order_2", &click().id, by_click(&click())));
    assert_eq!((world.total(), world.rows().commissions.len()), (500 + 2970 + 2970, 3));
}

#[test]
fn a_change_with_a_key_makes_it_good_as_well() {
    let world = waiting_for_a_key();
    world.signs_up(browser_sign_up(&click()));
    let milestone = Milestone { name: "invited".into(), moves_to: None, detail: serde_json::Map::new() };
    let edit = crate::ledger::EditReferral {
        milestone: Some(milestone),
        ..crate::ledger::EditReferral::of(context("req_event"), click().id, click().scope)
    };
    world.call(edit).unwrap();
    assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
}

#[test]
fn a_claim_that_was_overridden_was_never_told() {
    let world = waiting_for_a_key();
    world.signs_up(browser_sign_up(&click()));
    world.signs_up(keyed(&bobs_click()));
    assert_eq!(world.stored(&click().id).status, ReferralStatus::Rejected);
    assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
    assert_eq!(world.rows().commissions.len(), 1);
}

#[test]
fn of_another_clicks_customer_a_page_is_told_what_it_is_told_of_its_own() {
    let world = waiting_for_a_key();
    world.signs_up(only_key(&click(), "user_1"));
    let claim = SignUp { external_user_id: Some("user_1".into()), email: None, ..browser_sign_up(&bobs_click()) };
    let known = world.signs_up(claim);
    assert_eq!((known.reason, known.first_seen), (Reason::LeadProvisional, FirstSeen::Before));
}

#[test]
fn where_pages_are_believed_nothing_is_withheld() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    let lead = world.signs_up(browser_sign_up(&click()));
    assert_eq!((lead.reason, lead.referral.lead_withheld), (Reason::LeadRecorded, false));
    assert_eq!(world.told(), ["referral.lead", "transaction.created"]);
    assert_eq!(world.statuses(), [("lead", Some(500), CommissionStatus::PendingManualApproval)]);
}

#[test]
fn a_rule_that_blocks_a_pages_lead_tells_the_page_nothing_of_it() {
    let world = waiting_for_a_key();
    world.database.change_rules(&program().id, |program| program.fraud.fast_signup = FraudMode::Block);
    world.database.change_rules(&program().id, |program| program.fraud.fast_signup_seconds = u32::MAX);
    let lead = world.signs_up(browser_sign_up(&click()));
    assert_eq!((lead.reason, lead.referral.status), (Reason::LeadProvisional, ReferralStatus::Rejected));
    assert_eq!(world.rows().events[0].reason, Reason::FastSignupBlocked);
}

/// The claim of a page of this number, from an office.
fn claim(world: &World, number: u32) -> SignUp {
    let id = ReferralId::new(format!("ref_00000000000000000000{number:05}"));
    let click = Click { id, ..click() };
    world.clicks.put(click.clone());
    SignUp {
        external_user_id: Some(format!("claimed_{number}")),
        email: None,
        caller_address: Some("192.0.2.1".into()),
        ..browser_sign_up(&click)
    }
}

#[test]
fn one_network_address_claims_only_so_much_within_an_hour() {
    let world = World::new();
    for number in 0..MOST_OF_ADDRESS {
        world.call(claim(&world, number)).unwrap();
    }
    assert_eq!(world.refuses(claim(&world, 900)), Rejection::TooManyClaims);
    // Somebody else's page may, and so may whoever has a key.
    let elsewhere = SignUp { caller_address: Some("198.51.100.1".into()), ..claim(&world, 901) };
    world.call(elsewhere).unwrap();
    let vouched = keyed(&Click { id: claim(&world, 0).click_id, ..click() });
    let vouched = SignUp { external_user_id: Some("claimed_0".into()), ..vouched };
    world.call(vouched).unwrap();
    // What a key vouched for is no claim any more, and leaves room.
    world.call(claim(&world, 902)).unwrap();
    assert_eq!(world.refuses(claim(&world, 903)), Rejection::TooManyClaims);
    let later = world.now.get().milliseconds() + 60 * 60 * 1000 + 1;
    world.now.set(Timestamp::from_milliseconds(later));
    world.call(claim(&world, 904)).unwrap();
}

#[test]
fn one_affiliate_has_only_so_many_claims_within_an_hour() {
    let world = World::new();
    let made = Referral {
        verified: false,
        created_at: world.now.get(),
        ..Referral::born_of(&click(), "req", world.now.get())
    };
    for number in 0..MOST_OF_AFFILIATE {
        world.database.put_referral(Referral { id: ReferralId::new(format!("ref_other_{number}")), ..made.clone() });
    }
    assert_eq!(world.refuses(claim(&world, 1)), Rejection::TooManyClaims);
    assert_eq!(world.signs_up(browser_sign_up(&bobs_click())).first_seen, FirstSeen::Now);
}

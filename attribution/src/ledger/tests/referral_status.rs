//! Every change of a referral's status, and what it makes of the customer's names: docs/rules.md, section 7.

use ReferralStatus::{Active, Canceled, Customer, Deleted, Lead, Rejected, Trialing};
use serde_json::json;

use super::rejection::to;
use super::{World, address, signed_up, user};
use crate::decision::Reason;
use crate::fixtures::{bobs_click, click, direct_referral, new_year, sale, sign_up};
use crate::ledger::{CreateReferral, EditReferral, Rejection};
use crate::status::ReferralStatus;

#[test]
fn a_referral_moves_as_the_table_says_and_no_other_way() {
    // By hand from docs/rules.md, section 7.
    let table: [(ReferralStatus, &[ReferralStatus]); 6] = [
        (Lead, &[Trialing, Customer, Active, Canceled, Rejected, Deleted]),
        (Trialing, &[Customer, Active, Canceled, Rejected, Deleted]),
        (Customer, &[Trialing, Active, Canceled, Rejected, Deleted]),
        (Active, &[Customer, Canceled, Rejected, Deleted]),
        (Canceled, &[Trialing, Customer, Active, Rejected, Deleted]),
        (Rejected, &[Lead, Trialing, Customer, Active, Canceled, Deleted]),
    ];
    for (from, allowed) in table {
        for next in [Lead, Trialing, Customer, Active, Canceled, Rejected, Deleted] {
            let world = World::new();
            let recorded = world.call(CreateReferral { status: from, ..direct_referral() }).unwrap();
            let referral = signed_up(recorded).referral;
            let names_to_take_back = referral.identities();
            let command = EditReferral { referral_id: referral.id.clone(), names_to_take_back, ..to(next) };
            if next == from {
                assert_eq!(world.changes(command), referral);
            } else if !allowed.contains(&next) {
                let (from, to) = (from.as_str().to_owned(), next.as_str().to_owned());
                let subject = "referral".to_owned();
                assert_eq!(world.refuses(command), Rejection::NoSuchTransition { subject, from, to });
            } else {
                let after = signed_up(world.call(command).unwrap()).referral;
                assert_eq!((after.status, world.stored(&referral.id).status), (next, next));
                let holds = !matches!(next, Rejected | Deleted);
                assert_eq!(world.rows().identities.len(), if holds { 2 } else { 0 }, "{from:?} {next:?}");
                assert_eq!(after.converted_at.is_some(), next != Lead && (from != Lead || next != Deleted));
            }
        }
    }
}

#[test]
fn whoever_leaves_lead_converts_once() {
    let world = World::with_john();
    let at = new_year().plus_days(5);
    let after = world.changes(EditReferral { occurred_at: Some(at), ..to(Customer) });
    assert_eq!(after.converted_at, Some(at));
    world.changes(to(Active));
    assert_eq!(world.stored(&click().id).converted_at, Some(at));
    let converted = world.told().iter().filter(|kind| *kind == "referral.converted").count();
    assert_eq!(converted, 1);
}

#[test]
fn a_rejection_frees_the_names_and_a_release_takes_them_back() {
    let world = World::with_john();
    let rejected = world.changes(to(Rejected));
    assert_eq!(rejected.external_user_id.as_deref(), Some("user_1"));
    assert!(world.rows().identities.is_empty());
    assert_eq!(world.rows().events.pop().unwrap().kind, "referral.rejected");
    assert_eq!(world.releases(Lead).converted_at, None);
    assert_eq!(world.holder(user("user_1")), Some(click().id));
    assert_eq!(world.holder(address("john@example.com")), Some(click().id));
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.reason), ("referral.released", Reason::ReferralReleased));
    assert_eq!(line.detail["names_added"], json!(["external_user_id", "email_hash"]));
    // A lead again, who has yet to convert.
    world.sells(sale("order_1", "99.00"));
    assert_eq!(world.told().iter().filter(|kind| *kind == "referral.converted").count(), 1);
}

#[test]
fn a_rejected_customer_who_signed_up_elsewhere_is_not_taken_back() {
    let world = World::with_john();
    world.changes(to(Rejected));
    let again = world.signs_up(sign_up(&bobs_click()));
    assert_eq!(again.referral.id, bobs_click().id);
    let names_to_take_back = world.stored(&click().id).identities();
    let release = EditReferral { names_to_take_back, ..to(Customer) };
    assert_eq!(world.refuses(release.clone()), Rejection::IdentityTaken { identity: user("user_1") });
    // Where the call did not know what the referral was called, the keys of the rows refuse.
    let unaware = EditReferral { names_to_take_back: Vec::new(), ..release };
    assert!(matches!(world.call(unaware), Err(crate::ledger::Failure::Busy(_))));
    assert_eq!(world.stored(&click().id).status, Rejected);
}

//! A customer who is forgotten: design, section 7.

use serde_json::{Map, json};

use super::edit_referral::edit;
use super::{World, signed_up};
use crate::decision::Reason;
use crate::edits::Edit;
use crate::fixtures::{bobs_click, click, context, from_click, refund, sale, scope, sign_up};
use crate::ids::AffiliateId;
use crate::ledger::{
    Command, EditReferral, EraseReferral, FirstSeen, IdempotencyKey, Milestone, Outcome, Rejection, SignUp,
};
use crate::memory::Fault;
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, ReferralStatus, SalesStatus};

/// Stands in everything that names John, or that was said in his caller's words.
const MARK: &str = "mark4711";

fn marked() -> String {
    MARK.to_owned()
}

fn erase() -> EraseReferral {
    EraseReferral { context: context("req_erase"), referral_id: click().id, scope: scope() }
}

fn john() -> SignUp {
    SignUp {
        external_user_id: Some(marked()),
        name: Some(marked()),
        detail: Map::from_iter([("note".to_owned(), json!(MARK))]),
        ..sign_up(&click())
    }
}

/// John has signed up, bought, had some of it paid back and passed a milestone, each under a key and with his mark.
fn with_traces() -> World {
    let world = World::new();
    let keyed = |mut command: Command, route: &str| {
        let key = IdempotencyKey { route: route.to_owned(), value: "k".to_owned(), body_hash: "sent".to_owned() };
        match &mut command {
            Command::SignUp(command) => command.context.idempotency = Some(key),
            Command::RecordSale(command) => command.context.idempotency = Some(key),
            Command::Refund(command) => command.context.idempotency = Some(key),
            _ => {}
        }
        command
    };
    world.call(keyed(john().into(), "POST /v1/signups")).unwrap();
    let details =
        SaleDetails { customer_id: Some(marked()), metadata: Some(json!(MARK)), ..sale("order_1", "99.00").details };
    let bought = crate::ledger::RecordSale { details, ..sale("order_1", "99.00") };
    world.call(keyed(bought.into(), "POST /v1/conversions")).unwrap();
    let mut part = refund("re_1", "order_1", Some("33.00"));
    part.reason = Some(marked());
    world.call(keyed(part.into(), "POST /v1/refunds")).unwrap();
    let detail = Map::from_iter([("metadata".to_owned(), json!(MARK))]);
    let milestone = Milestone { name: "kyc_passed".to_owned(), moves_to: None, detail };
    world.call(EditReferral { milestone: Some(milestone), subscription_id: Edit::Set(marked()), ..edit() }).unwrap();
    world
}

fn erases(world: &World) {
    let first = signed_up(world.call(erase()).unwrap());
    assert_eq!((first.first_seen, first.reason), (FirstSeen::Now, Reason::CustomerErased));
    let again = signed_up(world.retry(erase()).unwrap());
    assert_eq!((again.first_seen, again.referral), (FirstSeen::Before, first.referral));
}

#[test]
fn nothing_that_names_the_customer_is_left_in_any_row() {
    let world = with_traces();
    let text = |world: &World| format!("{:?}", world.rows());
    let hash = super::email_hash("john@example.com");
    for secret in [MARK, "john@example.com", hash.as_str()] {
        assert!(text(&world).contains(secret), "{secret} was never there");
    }
    erases(&world);
    for secret in [MARK, "john@example.com", "j***@example.com", hash.as_str()] {
        assert!(!text(&world).contains(secret), "{secret} is still there");
    }
    assert!(world.rows().identities.is_empty());
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.actor.as_str()), ("customer.erased", context("").actor.as_str()));
}

#[test]
fn amounts_statuses_and_keys_stay_as_they_are() {
    let world = with_traces();
    let figures = |world: &World| {
        let rows = world.rows();
        let sales: Vec<_> = rows
            .conversions
            .values()
            .map(|sale| {
                (sale.amount, sale.refunded_minor, sale.sales_status, sale.sale_key.clone(), sale.decision.clone())
            })
            .collect();
        let referral = world.stored(&click().id);
        let sums = (referral.status, referral.paid_sales, referral.commission_total_minor, referral.affiliate_id);
        (sales, rows.commissions, rows.sale_keys, rows.refunds.len(), sums)
    };
    let before = figures(&world);
    erases(&world);
    assert_eq!(figures(&world), before);
}

#[test]
fn the_erased_referral_learns_nothing_any_more() {
    let world = with_traces();
    erases(&world);
    assert_eq!(world.refuses(john()), Rejection::ClickNotFound);
    assert_eq!(world.refuses(sale("order_2", "10.00")), Rejection::ReferralNotFound);
    for said in [
        EditReferral { name: Edit::Set(marked()), ..edit() },
        EditReferral { customer_id: Edit::Set(marked()), ..edit() },
        EditReferral { known_as: vec![super::user(MARK)], ..edit() },
    ] {
        assert_eq!(world.refuses(said), Rejection::ReferralNotFound);
    }
    // The same person through another link is a new customer.
    let anew = world.signs_up(SignUp { external_user_id: Some(marked()), ..sign_up(&bobs_click()) });
    assert_eq!((anew.first_seen, anew.referral.id), (FirstSeen::Now, bobs_click().id));
}

#[test]
fn what_was_earned_goes_on() {
    let world = with_traces();
    erases(&world);
    // The rest of the sale is paid back: 30 % of what remained go.
    world.call(refund("re_2", "order_1", None)).unwrap();
    let rows = world.rows();
    let sale = rows.conversions.values().next().unwrap();
    assert_eq!((sale.refunded_minor, sale.sales_status), (9900, SalesStatus::Refunded));
    let commission = rows.commissions.values().next().unwrap();
    assert_eq!((commission.amount_minor, commission.status), (Some(0), CommissionStatus::Refunded));
    // Its owner may still reject it.
    world.changes(EditReferral { status: Some(ReferralStatus::Rejected), ..edit() });
}

#[test]
fn a_key_that_was_used_for_the_customer_is_refused_and_does_nothing_twice() {
    let world = with_traces();
    erases(&world);
    let mut again = refund("re_9", "order_1", Some("1.00"));
    let key =
        IdempotencyKey { route: "POST /v1/refunds".to_owned(), value: "k".to_owned(), body_hash: "sent".to_owned() };
    again.context.idempotency = Some(key);
    assert_eq!(world.refuses(again), Rejection::KeyReused);
}

#[test]
fn one_that_was_rejected_or_removed_is_erased_too() {
    for status in [ReferralStatus::Rejected, ReferralStatus::Deleted] {
        let world = with_traces();
        world.call(EditReferral { status: Some(status), ..edit() }).unwrap();
        erases(&world);
        assert!(!format!("{:?}", world.rows()).contains(MARK), "{status:?}");
        assert_eq!(world.stored(&click().id).status, status);
    }
}

#[test]
fn an_erasure_whose_answer_is_lost_is_carried_out_once() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = with_traces();
        world.database.next_commit(fault());
        world.call(erase()).unwrap();
        let erasures = world.rows().events.iter().filter(|line| line.kind == "customer.erased").count();
        assert_eq!(erasures, 1);
        assert!(!format!("{:?}", world.rows()).contains(MARK));
    }
}

#[test]
fn another_programs_referral_is_not_found() {
    let world = with_traces();
    let mut command = erase();
    command.scope.is_test = true;
    assert!(world.call(command).is_err());
    assert_ne!(world.stored(&click().id).affiliate_id, AffiliateId::new(""));
    assert!(matches!(world.call(erase()), Ok(Outcome::Referral { .. })));
}

#[test]
fn a_click_of_an_erased_referral_is_spoken_for() {
    let world = with_traces();
    erases(&world);
    assert_eq!(world.refuses(from_click(&click())), Rejection::ClickAlreadyConverted);
}

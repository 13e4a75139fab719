//! A referral that its owner removes: docs/rules.md, section 7.

use ReferralStatus::{Deleted, Rejected};

use super::rejection::{declined_and_told, set_status, to, with_all_kinds};
use super::{World, signed_up, sold};
use crate::decision::Reason;
use crate::fixtures::{bobs_click, click, context, refund, sale, scope, sign_up};
use crate::ids::{CommissionId, ConversionId};
use crate::ledger::{Command, IdempotencyKey, Reconsider, RecordSale, Rejection, SignUp, Turn};
use crate::memory::Fault;
use crate::money::Currency;
use crate::status::{CommissionStatus, ReferralStatus, SalesStatus};

#[test]
fn a_deleted_referral_is_gone_and_its_customer_may_be_referred_anew() {
    let world = with_all_kinds();
    world.deletes();
    declined_and_told(&world, Reason::ReferralDeleted);
    assert_eq!(world.told().iter().filter(|kind| *kind == "referral.deleted").count(), 1);
    assert!(world.rows().identities.is_empty());
    // Neither its click nor its id is anybody any more, and John may come through Bob's.
    assert_eq!(
        world.refuses(SignUp { external_user_id: Some("user_3".into()), email: None, ..sign_up(&click()) }),
        Rejection::ClickNotFound
    );
    assert_eq!(world.refuses(sale("order_4", "10")), Rejection::ReferralNotFound);
    assert_eq!(world.signs_up(sign_up(&bobs_click())).referral.id, bobs_click().id);
}

#[test]
fn deleting_what_was_rejected_declines_what_a_person_had_taken_back() {
    let world = World::with_order();
    world.changes(to(Rejected));
    world.call(set_status("order_1", CommissionStatus::ReadyForPayment)).unwrap();
    assert_eq!(world.total(), 2970);
    world.deletes();
    let commission = world.commission("order_1");
    assert_eq!((commission.status, commission.reason), (CommissionStatus::Declined, Reason::ReferralDeleted));
    assert_eq!(world.total(), 0);
}

#[test]
fn a_sale_of_a_deleted_referral_that_is_completed_later_earns_nothing() {
    let world = World::with_john();
    world.sells(RecordSale { sales_status: SalesStatus::Open, ..sale("order_1", "99.00") });
    world.deletes();
    let complete = Reconsider {
        context: context("req_complete"),
        gate: click().id,
        scope: scope(),
        conversion_id: ConversionId::new("conv_order_1"),
        currency: Currency::from_code("USD").unwrap(),
        occurred_at: world.now.get(),
        turn: Turn::SalesStatus(SalesStatus::Complete),
        commission_id: CommissionId::new("com_late"),
    };
    let (sale, ..) = sold(world.call(Command::Reconsider(complete)).unwrap());
    assert_eq!((sale.commission, sale.conversion.attributed), (None, false));
    assert_eq!(sale.conversion.decision.reason, Reason::ReferralDeleted);
}

#[test]
fn a_refund_of_a_deleted_referrals_sale_is_taken_back_from_what_was_paid() {
    let world = World::with_order();
    assert_eq!(world.pays_out(), 1);
    world.deletes();
    let (sale, refund) = world.pays_back(refund("r1", "order_1", None));
    assert_eq!((sale.conversion.sales_status, refund.deducted_minor), (SalesStatus::Refunded, 2970));
    assert_eq!(world.statuses()[0], ("clawback", Some(-2970), CommissionStatus::ReadyForPayment));
}

#[test]
fn a_removal_whose_answer_was_lost_is_recognised_by_its_key() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_order();
        let route = "DELETE /v1/referrals/{id}".to_owned();
        let key = IdempotencyKey { route, value: "req_deleted".to_owned(), body_hash: String::new() };
        let mut command = to(Deleted);
        command.context.idempotency = Some(key);
        world.database.next_commit(fault());
        let answer = world.answer_at(command, world.now.get()).unwrap();
        assert_eq!((signed_up(answer.outcome).referral.status, answer.replayed), (Deleted, false));
        assert_eq!(world.rows().events.iter().filter(|line| line.kind == "referral.deleted").count(), 1);
        assert_eq!(world.refuses(to(Deleted)), Rejection::ReferralNotFound);
    }
}

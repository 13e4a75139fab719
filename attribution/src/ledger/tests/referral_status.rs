//! Rejecting, releasing and removing a referral, and every other change of its status: docs/rules.md, section 7.

use ReferralStatus::{Active, Canceled, Customer, Deleted, Lead, Rejected, Trialing};
use serde_json::json;

use super::edit_referral::edit;
use super::scheduled::{gather, pay, release};
use super::{World, address, earned, rejection, signed_up, sold, user};
use crate::day::Day;
use crate::decision::Reason;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{
    affiliate, bob, bobs_click, click, context, direct_referral, money, new_year, per_lead, refund, sale, scope,
    sign_up, thirty_percent,
};
use crate::ids::{CommissionId, ConversionId, GroupId, IncentiveId, PayoutId};
use crate::incentive::{Approval, Incentive};
use crate::ledger::{
    Command, CommissionEdit, CreateReferral, EditCommission, EditReferral, IdempotencyKey, ManualCommission,
    Reconsider, RecordSale, Rejection, SignUp, Step, Turn,
};
use crate::level::{Base, Level};
use crate::memory::Fault;
use crate::money::{Currency, Rate};
use crate::program::Affiliate;
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, ReferralStatus, SalesStatus};

fn to(status: ReferralStatus) -> EditReferral {
    EditReferral { status: Some(status), context: context(&format!("req_{}", status.as_str())), ..edit() }
}

impl World {
    /// Takes a rejection back, with the names that the referral had.
    fn releases(&self, status: ReferralStatus) -> crate::referral::Referral {
        let names_to_take_back = self.stored(&click().id).identities();
        self.changes(EditReferral { names_to_take_back, ..to(status) })
    }

    /// Removes John's referral.
    pub(super) fn deletes(&self) {
        let first = signed_up(self.call(to(Deleted)).unwrap()).referral;
        assert_eq!(first.status, Deleted);
        assert_eq!(rejection(self.retry(to(Deleted))), Rejection::ReferralNotFound);
    }

    /// Each commission: what it is for, its amount, its status and why.
    fn standing(&self) -> Vec<(&'static str, Option<i64>, CommissionStatus, Reason)> {
        let rows = self.rows().commissions.into_values();
        let mut shown: Vec<_> = rows.map(|row| (row.kind.as_str(), row.amount_minor, row.status, row.reason)).collect();
        shown.sort_by_key(|(kind, amount, ..)| (*kind, *amount));
        shown
    }

    /// The same without the reasons.
    fn statuses(&self) -> Vec<(&'static str, Option<i64>, CommissionStatus)> {
        self.standing().into_iter().map(|(kind, amount, status, _)| (kind, amount, status)).collect()
    }
}

fn manual(key: &str, minor: &str) -> ManualCommission {
    ManualCommission {
        context: context(&format!("req_{key}")),
        gate: click().id,
        scope: scope(),
        amount: money("50", "USD"),
        sales_status: SalesStatus::Complete,
        commission: money(minor, "USD"),
        status: CommissionStatus::ReadyForPayment,
        hold_days: None,
        sale_key: Some(key.to_owned()),
        occurred_at: None,
        details: SaleDetails::default(),
        conversion_id: ConversionId::new(format!("conv_{key}")),
        commission_id: CommissionId::new(format!("com_{key}")),
    }
}

/// Bob recruited Alice and earns a tenth of her commissions; every sign-up earns her 5.00.
fn with_everything() -> World {
    let level = Level {
        id: IncentiveId::new("lvl_1"),
        group_id: GroupId::new("grp_1"),
        position: 1,
        base: Base::Commission,
        rate: Rate::from_parts_per_million(100_000).unwrap(),
    };
    let world = World::with(|program| {
        program.incentives = vec![thirty_percent(), per_lead(500, Approval::Automatic)];
        program.levels = vec![level];
    });
    world.database.put_affiliate(Affiliate { recruited_by: Some(bob().id), ..affiliate() });
    world.signs_up(sign_up(&click()));
    world
}

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

/// What Alice's sign-up, one sale, its level and a manual commission earn.
const EARNED: [(&str, Option<i64>); 4] =
    [("lead", Some(500)), ("level", Some(300)), ("manual", Some(700)), ("sale", Some(3000))];

fn all(status: CommissionStatus) -> Vec<(&'static str, Option<i64>, CommissionStatus)> {
    EARNED.into_iter().map(|(kind, minor)| (kind, minor, status)).collect()
}

fn with_all_kinds() -> World {
    let world = with_everything();
    world.sells(sale("order_1", "100.00"));
    world.call(Command::ManualCommission(manual("order_2", "7"))).unwrap();
    assert_eq!((world.statuses(), world.total()), (all(CommissionStatus::ReadyForPayment), 4200));
    world
}

fn declined_and_told(world: &World, reason: Reason) {
    assert_eq!((world.statuses(), world.total()), (all(CommissionStatus::Declined), 0));
    assert!(world.standing().iter().all(|(.., because)| *because == reason));
    let line = world.rows().events.pop().unwrap();
    let rejected = line.messages.iter().filter(|message| message.kind == "transaction.rejected").count();
    assert_eq!((rejected, line.detail["commission_ids"].as_array().unwrap().len()), (4, 4));
}

#[test]
fn a_rejection_declines_all_that_is_owed_and_a_release_puts_it_up_for_approval() {
    let world = with_all_kinds();
    world.changes(to(Rejected));
    declined_and_told(&world, Reason::ReferralRejected);
    // Sales earn nothing meanwhile.
    assert_eq!(world.sells(sale("order_3", "99.00")).conversion.decision.reason, Reason::ReferralRejected);

    world.releases(Customer);
    assert_eq!((world.statuses(), world.total()), (all(CommissionStatus::PendingManualApproval), 4200));
    assert_eq!(world.told().iter().filter(|kind| *kind == "transaction.updated").count(), 4);
    assert_eq!(earned(world.sells(sale("order_4", "100.00"))).amount_minor, Some(3000));
}

#[test]
fn what_a_person_declined_before_stays_declined() {
    let world = World::with_order();
    world.call(set_status("order_1", CommissionStatus::Declined)).unwrap();
    world.changes(to(Rejected));
    world.releases(Customer);
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Declined, 0));
}

fn set_status(key: &str, status: CommissionStatus) -> Command {
    Command::EditCommission(EditCommission {
        context: context("req_approve"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new(format!("com_{key}")),
        edit: CommissionEdit::Change { status: Some(status), hold_days: None, amount: None, sale_amount: None },
    })
}

#[test]
fn what_is_paid_or_in_a_payout_stays_and_so_does_what_takes_it_back() {
    let world = World::with_order();
    assert_eq!(world.pays_out(), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    let second = gather_into("pay_2");
    world.sells(sale("order_2", "10.00"));
    world.sells(sale("order_3", "20.00"));
    world.call(set_status("order_3", CommissionStatus::PendingManualApproval)).unwrap();
    // The negative line of 9.90 and the 3.00 of the second order.
    assert_eq!(world.moves(second), 2);
    world.changes(to(Rejected));
    use CommissionStatus::{Declined, Paid, ProcessingPayout, ReadyForPayment};
    let expected = |of_second, of_clawback| {
        vec![
            ("clawback", Some(-990), of_clawback),
            ("sale", Some(300), of_second),
            ("sale", Some(600), Declined),
            ("sale", Some(2970), Paid),
        ]
    };
    assert_eq!(world.statuses(), expected(ProcessingPayout, ProcessingPayout));
    assert_eq!(world.total(), 1980 + 300);
    // The payout comes to nothing: what the rejection could not reach is declined now, what is taken back is not.
    assert_eq!(
        world.moves(crate::ledger::MoveCommissions {
            step: Step::Release { payout_id: PayoutId::new("pay_2") },
            ..release()
        }),
        2
    );
    assert_eq!(world.statuses(), expected(Declined, ReadyForPayment));
    assert_eq!(world.total(), 1980);
    assert_eq!(world.told().iter().filter(|kind| *kind == "transaction.rejected").count(), 2);
    // It was the rejection that declined it, so a release brings it back.
    world.releases(Customer);
    assert_eq!(world.commission("order_2").status, CommissionStatus::PendingManualApproval);
}

fn gather_into(payout: &str) -> crate::ledger::MoveCommissions {
    let step = Step::Gather { payout_id: PayoutId::new(payout), affiliate_id: affiliate().id };
    crate::ledger::MoveCommissions { context: context("req_gather_again"), step, ..gather() }
}

#[test]
fn a_payout_that_is_completed_pays_also_for_a_referral_that_was_rejected_meanwhile() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.changes(to(Rejected));
    assert_eq!(world.moves(pay()), 1);
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Paid, 2970));
}

#[test]
fn a_release_brings_back_what_has_room_under_the_cap_and_the_levels_of_that() {
    let world = with_everything();
    let capped = Incentive { cap_minor: Some(5000), ..thirty_percent() };
    world.database.change_rules(&scope().program_id, |program| program.incentives = vec![capped]);
    // 5.00 of the sign-up, then 30.00 and the 15.00 that are left.
    world.sells(sale("order_1", "100.00"));
    assert_eq!(earned(world.sells(sale("order_2", "99.00"))).amount_minor, Some(1500));
    world.changes(to(Rejected));
    // Meanwhile their owner names 10.00 more.
    world.call(Command::ManualCommission(manual("order_3", "10"))).unwrap();
    world.releases(Customer);
    use CommissionStatus::{Declined, PendingManualApproval, ReadyForPayment};
    let expected = [
        ("lead", Some(500), PendingManualApproval),
        ("level", Some(150), Declined),
        ("level", Some(300), PendingManualApproval),
        ("manual", Some(1000), ReadyForPayment),
        ("sale", Some(1500), Declined),
        ("sale", Some(3000), PendingManualApproval),
    ];
    assert_eq!((world.statuses(), world.total()), (expected.to_vec(), 4500));
}

#[test]
fn what_waits_for_a_rate_waits_for_it_again_and_then_for_approval() {
    for rate_comes_first in [true, false] {
        let world = World::paying([thirty_percent()]);
        world.sells(RecordSale { amount: money("100.00", "EUR"), ..sale("order_1", "1") });
        world.changes(to(Rejected));
        assert_eq!(world.commission("order_1").status, CommissionStatus::Declined);
        if rate_comes_first {
            rate_arrives(&world);
            assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Declined, 0));
        }
        world.releases(Customer);
        if !rate_comes_first {
            let waiting = world.commission("order_1");
            assert_eq!((waiting.status, waiting.amount_minor), (CommissionStatus::Pending, None));
            rate_arrives(&world);
        }
        let commission = world.commission("order_1");
        // 100.00 EUR × 1.1 × 30 % = 33.00 USD.
        assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::PendingManualApproval, Some(3300)));
        assert_eq!(world.total(), 3300);
    }
}

fn rate_arrives(world: &World) {
    let day = Day::of(world.now.get());
    let quoted = QuotedRate {
        base: Currency::from_code("EUR").unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        rate: DecimalRate::parse("1.1").unwrap(),
        day,
        own: false,
    };
    world.database.put_rates([quoted]);
    let settle = Reconsider {
        context: context("req_rate"),
        gate: click().id,
        scope: scope(),
        conversion_id: ConversionId::new("conv_order_1"),
        currency: Currency::from_code("EUR").unwrap(),
        occurred_at: world.now.get(),
        turn: Turn::RateArrived,
        commission_id: CommissionId::new("com_none"),
    };
    sold(world.call(Command::Reconsider(settle)).unwrap());
}

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

#[test]
fn a_rejection_that_is_overtaken_by_a_sale_declines_that_too() {
    let world = World::with_john();
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival.call(sale("order_1", "99.00")).unwrap();
    })));
    world.changes(to(Rejected));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Declined, 0));
}

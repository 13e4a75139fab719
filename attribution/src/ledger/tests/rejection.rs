//! What a rejection declines and a release brings back: docs/rules.md, section 7.

use CommissionStatus::{Declined, Paid, PendingManualApproval, ProcessingPayout, ReadyForPayment};
use ReferralStatus::{Customer, Deleted, Rejected};

use super::edit_referral::edit;
use super::scheduled::{gather, pay, release};
use super::{World, earned, rejection, signed_up, sold};
use crate::day::Day;
use crate::decision::Reason;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{affiliate, bob, click, context, money, per_lead, refund, sale, scope, sign_up, thirty_percent};
use crate::ids::{CommissionId, ConversionId, GroupId, IncentiveId, PayoutId};
use crate::incentive::{Approval, Incentive};
use crate::ledger::{
    Command, CommissionEdit, EditCommission, EditReferral, ManualCommission, MoveCommissions, Reconsider, RecordSale,
    Rejection, Step, Turn,
};
use crate::level::{Base, Level};
use crate::memory::Fault;
use crate::money::{Currency, Rate};
use crate::program::Affiliate;
use crate::referral::Referral;
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, ReferralStatus, SalesStatus};

pub fn to(status: ReferralStatus) -> EditReferral {
    EditReferral { status: Some(status), context: context(&format!("req_{}", status.as_str())), ..edit() }
}

impl World {
    /// Takes a rejection back, with the names that the referral had.
    pub(super) fn releases(&self, status: ReferralStatus) -> Referral {
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
    pub(super) fn standing(&self) -> Vec<(&'static str, Option<i64>, CommissionStatus, Reason)> {
        let rows = self.rows().commissions.into_values();
        let mut shown: Vec<_> = rows.map(|row| (row.kind.as_str(), row.amount_minor, row.status, row.reason)).collect();
        shown.sort_by_key(|(kind, amount, ..)| (*kind, *amount));
        shown
    }

    /// The same without the reasons.
    pub(super) fn statuses(&self) -> Vec<(&'static str, Option<i64>, CommissionStatus)> {
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
        status: ReadyForPayment,
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

/// What Alice's sign-up, one sale, its level and a manual commission earn.
const EARNED: [(&str, Option<i64>); 4] =
    [("lead", Some(500)), ("level", Some(300)), ("manual", Some(700)), ("sale", Some(3000))];

fn all(status: CommissionStatus) -> Vec<(&'static str, Option<i64>, CommissionStatus)> {
    EARNED.into_iter().map(|(kind, minor)| (kind, minor, status)).collect()
}

pub fn with_all_kinds() -> World {
    let world = with_everything();
    world.sells(sale("order_1", "100.00"));
    world.call(Command::ManualCommission(manual("order_2", "7"))).unwrap();
    assert_eq!((world.statuses(), world.total()), (all(ReadyForPayment), 4200));
    world
}

pub fn declined_and_told(world: &World, reason: Reason) {
    assert_eq!((world.statuses(), world.total()), (all(Declined), 0));
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
    assert_eq!((world.statuses(), world.total()), (all(PendingManualApproval), 4200));
    assert_eq!(world.told().iter().filter(|kind| *kind == "transaction.updated").count(), 4);
    assert_eq!(earned(world.sells(sale("order_4", "100.00"))).amount_minor, Some(3000));
}

#[test]
fn what_a_person_declined_before_stays_declined() {
    let world = World::with_order();
    world.call(set_status("order_1", Declined)).unwrap();
    world.changes(to(Rejected));
    world.releases(Customer);
    assert_eq!((world.commission("order_1").status, world.total()), (Declined, 0));
}

pub fn set_status(key: &str, status: CommissionStatus) -> Command {
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
    world.call(set_status("order_3", PendingManualApproval)).unwrap();
    // The negative line of 9.90 and the 3.00 of the second order.
    assert_eq!(world.moves(second), 2);
    world.changes(to(Rejected));
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
        world.moves(MoveCommissions { step: Step::Release { payout_id: PayoutId::new("pay_2") }, ..release() }),
        2
    );
    assert_eq!(world.statuses(), expected(Declined, ReadyForPayment));
    assert_eq!(world.total(), 1980);
    assert_eq!(world.told().iter().filter(|kind| *kind == "transaction.rejected").count(), 2);
    // It was the rejection that declined it, so a release brings it back.
    world.releases(Customer);
    assert_eq!(world.commission("order_2").status, PendingManualApproval);
}

fn gather_into(payout: &str) -> MoveCommissions {
    let step = Step::Gather { payout_id: PayoutId::new(payout), affiliate_id: affiliate().id };
    MoveCommissions { context: context("req_gather_again"), step, ..gather() }
}

#[test]
fn a_payout_that_is_completed_pays_also_for_a_referral_that_was_rejected_meanwhile() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.changes(to(Rejected));
    assert_eq!(world.moves(pay()), 1);
    assert_eq!((world.commission("order_1").status, world.total()), (Paid, 2970));
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
        assert_eq!(world.commission("order_1").status, Declined);
        if rate_comes_first {
            rate_arrives(&world);
            assert_eq!((world.commission("order_1").status, world.total()), (Declined, 0));
        }
        world.releases(Customer);
        if !rate_comes_first {
            let waiting = world.commission("order_1");
            assert_eq!((waiting.status, waiting.amount_minor), (CommissionStatus::Pending, None));
            rate_arrives(&world);
        }
        let commission = world.commission("order_1");
        // 100.00 EUR × 1.1 × 30 % = 33.00 USD.
        assert_eq!((commission.status, commission.amount_minor), (PendingManualApproval, Some(3300)));
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
fn a_rejection_that_is_overtaken_by_a_sale_declines_that_too() {
    let world = World::with_john();
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival.call(sale("order_1", "99.00")).unwrap();
    })));
    world.changes(to(Rejected));
    assert_eq!((world.commission("order_1").status, world.total()), (Declined, 0));
}

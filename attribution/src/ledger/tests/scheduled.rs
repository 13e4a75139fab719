//! Holds end, payouts pay what is ready, and what is paid back afterwards is netted: design, sections 2 and 5.

use serde_json::json;

use super::refunds::refunded;
use super::{World, rejection};
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, bobs_click, browser_sign_up, click, context, money, refund, sale, scope, thirty_percent,
};
use crate::ids::{CommissionId, PayoutId, ReferralId};
use crate::incentive::{Approval, Incentive};
use crate::ledger::{Failure, MoveCommissions, Outcome, Refund, Rejection, Step};
use crate::memory::Fault;
use crate::sale::Commission;
use crate::status::{CommissionStatus, SalesStatus};
use crate::time::Timestamp;

pub fn end_hold() -> MoveCommissions {
    MoveCommissions { context: context("req_end_hold"), referral_id: click().id, scope: scope(), step: Step::EndHold }
}

/// Gathers what of Alice's is ready into a payout.
pub fn gather() -> MoveCommissions {
    let step = Step::Gather { payout_id: PayoutId::new("pay_1"), affiliate_id: affiliate().id };
    MoveCommissions { context: context("req_gather"), step, ..end_hold() }
}

/// The payout is paid.
pub fn pay() -> MoveCommissions {
    let step = Step::Pay { payout_id: PayoutId::new("pay_1") };
    MoveCommissions { context: context("req_pay"), step, ..end_hold() }
}

/// The payout came to nothing.
pub fn release() -> MoveCommissions {
    let step = Step::Release { payout_id: PayoutId::new("pay_1") };
    MoveCommissions { context: context("req_release"), step, ..end_hold() }
}

fn moved(answer: Result<Outcome, Failure>) -> u32 {
    match answer.unwrap() {
        Outcome::Moved { commissions } => commissions,
        other => panic!("nothing of commissions: {other:?}"),
    }
}

impl World {
    /// Moves commissions on, twice: the second time there is nothing to move.
    pub(super) fn moves(&self, command: MoveCommissions) -> u32 {
        let first = moved(self.call(command.clone()));
        assert_eq!(moved(self.retry(command)), 0);
        first
    }

    /// Gathers and pays; says how many were.
    pub(super) fn pays_out(&self) -> u32 {
        let gathered = self.moves(gather());
        assert_eq!(self.moves(pay()), gathered);
        gathered
    }

    /// A world in which 29.70 of `order_1` was paid to Alice.
    fn with_payout() -> Self {
        let world = Self::with_order();
        assert_eq!(world.pays_out(), 1);
        world
    }

    /// The negative lines.
    fn clawbacks(&self) -> Vec<Commission> {
        let negative = |commission: &Commission| commission.amount_minor.is_some_and(|minor| minor < 0);
        self.rows().commissions.into_values().filter(negative).collect()
    }
}

fn on_hold() -> World {
    World::paying([Incentive { approval: Approval::HoldPeriod { days: 30 }, ..thirty_percent() }])
}

#[test]
fn a_hold_ends_when_its_time_has_come_and_not_before() {
    let world = on_hold();
    world.sells(sale("order_1", "99.00"));
    // 2026-01-11 and 30 days.
    let end = Timestamp::parse("2026-02-10T00:00:00Z").unwrap();
    world.now.set(Timestamp::from_milliseconds(end.milliseconds() - 1500));
    assert_eq!(world.moves(end_hold()), 0);
    assert_eq!(world.commission("order_1").status, CommissionStatus::Pending);
    world.now.set(end);
    assert_eq!(world.moves(end_hold()), 1);
    let commission = world.commission("order_1");
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::ReadyForPayment, Some(2970)));
    assert_eq!((world.total(), world.stored(&click().id).paid_out), (2970, false));
    assert_eq!(world.rows().events.pop().unwrap().reason, Reason::HoldEnded);
    let data = world.last_told("transaction.approved");
    assert_eq!(
        (&data["commissionId"], &data["commissionStatus"]),
        (&json!("com_order_1"), &json!("READY_FOR_PAYMENT"))
    );
}

#[test]
fn only_holds_that_are_over_end() {
    let world = on_hold();
    world.sells(sale("order_1", "99.00"));
    world.now.set(world.now.get().plus_days(10));
    world.sells(sale("order_2", "99.00"));
    world.now.set(Timestamp::parse("2026-02-11T00:00:00Z").unwrap());
    assert_eq!(world.moves(end_hold()), 1);
    let status = |key| world.commission(key).status;
    assert_eq!((status("order_1"), status("order_2")), (CommissionStatus::ReadyForPayment, CommissionStatus::Pending));
}

#[test]
fn what_waits_for_a_person_or_is_no_longer_owed_is_no_hold() {
    for status in ["pending_manual_approval", "declined", "refunded", "dispute", "paid"] {
        let world = on_hold();
        let mut command = sale("order_1", "99.00");
        command.details.commission_status = CommissionStatus::from_word(status);
        world.sells(command);
        world.now.set(world.now.get().plus_days(90));
        assert_eq!((world.moves(end_hold()), world.commission("order_1").status.as_str()), (0, status));
    }
}

#[test]
fn what_was_paid_back_during_the_hold_is_not_paid_after_it() {
    let world = on_hold();
    world.sells(sale("order_1", "99.00"));
    world.sells(sale("order_2", "99.00"));
    world.pays_back(refund("r1", "order_1", Some("33")));
    world.pays_back(refund("r2", "order_2", None));
    world.now.set(world.now.get().plus_days(31));
    assert_eq!(world.moves(end_hold()), 1);
    let reduced = world.commission("order_1");
    assert_eq!((reduced.status, reduced.amount_minor), (CommissionStatus::ReadyForPayment, Some(1980)));
    assert_eq!(world.commission("order_2").status, CommissionStatus::Refunded);
    assert_eq!(world.pays_out(), 1);
}

#[test]
fn a_payout_pays_what_is_ready_and_nothing_else() {
    let world = on_hold();
    for (key, status) in [
        ("order_1", "ready_for_payment"),
        ("order_2", "pending"),
        ("order_3", "pending_manual_approval"),
        ("order_4", "declined"),
    ] {
        let mut command = sale(key, "99.00");
        command.details.commission_status = CommissionStatus::from_word(status);
        world.sells(command);
    }
    assert_eq!(world.pays_out(), 1);
    let statuses = ["order_1", "order_2", "order_3", "order_4"].map(|key| world.commission(key).status.as_str());
    assert_eq!(statuses, ["paid", "pending", "pending_manual_approval", "declined"]);
    assert!(world.stored(&click().id).paid_out);
    assert_eq!(world.rows().events.pop().unwrap().reason, Reason::CommissionsPaid);
    let data = world.last_told("transaction.paid");
    assert_eq!((&data["commissionId"], &data["commissionStatus"]), (&json!("com_order_1"), &json!("PAID")));
}

#[test]
fn a_payout_that_finds_nothing_leaves_the_referral_unpaid() {
    let world = on_hold();
    world.sells(sale("order_1", "99.00"));
    let rows = world.rows();
    assert_eq!(world.pays_out(), 0);
    assert_eq!((world.rows(), world.stored(&click().id).paid_out), (rows, false));
}

#[test]
fn a_payout_through_one_referral_pays_nothing_of_anothers() {
    let world = World::with_order();
    world.signs_up(browser_sign_up(&bobs_click()));
    let elsewhere = MoveCommissions { referral_id: bobs_click().id, ..gather() };
    assert_eq!(world.moves(elsewhere), 0);
    let nowhere = MoveCommissions { referral_id: ReferralId::new("ref_0000000000000000000nobody"), ..gather() };
    assert_eq!(rejection(world.call(nowhere)), Rejection::ReferralNotFound);
    assert_eq!(world.commission("order_1").status, CommissionStatus::ReadyForPayment);
}

#[test]
fn after_the_payout_a_partial_refund_is_a_negative_line_beside_the_original() {
    let world = World::with_payout();
    let paid = world.commission("order_1");
    let (sale, refund) = world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!((sale.conversion.sales_status, refund.deducted_minor), (SalesStatus::PartialRefunded, 990));
    let original = world.commission("order_1");
    let money_of = |row: &Commission| (row.amount_minor, row.earned_minor, row.status);
    assert_eq!(money_of(&original), money_of(&paid));
    let [clawback] = &world.clawbacks()[..] else { panic!("one negative line: {:?}", world.clawbacks()) };
    assert_eq!((clawback.amount_minor, Some(&clawback.id)), (Some(-990), refund.clawback_id.as_ref()));
    assert_eq!(
        (clawback.reason, clawback.status),
        (Reason::PaidCommissionClawedBack, CommissionStatus::ReadyForPayment)
    );
    assert_eq!((&clawback.affiliate_id, &clawback.referral_id), (&paid.affiliate_id, &paid.referral_id));
    // The answer and subscribers see what is left of it.
    assert_eq!((sale.commission.unwrap().amount(), world.total()), (Some(money("19.80", "USD")), 1980));
    let data = world.last_told("transaction.updated");
    assert_eq!((data["saleAmount"].to_string(), data["commissionAmount"].to_string()), ("66".into(), "19.8".into()));
}

#[test]
fn several_refunds_after_the_payout_take_back_exactly_what_was_paid() {
    let world = World::with_payout();
    for id in ["r1", "r2"] {
        world.pays_back(refund(id, "order_1", Some("33.33")));
    }
    let (sale, _) = world.pays_back(refund("r3", "order_1", None));
    assert_eq!(
        (sale.conversion.sales_status, sale.commission.unwrap().amount_minor),
        (SalesStatus::Refunded, Some(2970))
    );
    assert_eq!(world.commission("order_1").status, CommissionStatus::Paid);
    // 9.999, 19.998 and 29.70, each rounded from the whole: 10.00, 10.00 and 9.70.
    let taken: Vec<_> = world.clawbacks().iter().filter_map(|row| row.amount_minor).collect();
    assert_eq!((taken.iter().sum::<i64>(), taken.len(), world.total()), (-2970, 3, 0));
    // The next payout nets them.
    assert_eq!(world.pays_out(), 3);
    assert_eq!(world.total(), 0);
}

#[test]
fn a_refund_before_and_one_after_the_payout_meet_at_nothing() {
    let world = World::with_order();
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.pays_out(), 1);
    world.pays_back(refund("r2", "order_1", None));
    assert_eq!(world.commission("order_1").amount_minor, Some(1980));
    let [clawback] = &world.clawbacks()[..] else { panic!("one negative line") };
    assert_eq!((clawback.amount_minor, world.total()), (Some(-1980), 0));
}

/// Lets `rival` do something between the next command's reading and its commit.
fn overtaking(world: &World, rival: impl FnOnce(&World) + 'static) {
    let handle = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || rival(&handle))));
}

#[test]
fn a_refund_that_is_overtaken_by_a_payout_becomes_a_clawback() {
    for (amount, taken) in [(None, -2970), (Some("33"), -990)] {
        let world = World::with_order();
        overtaking(&world, |rival| assert_eq!(moved(rival.call(gather())), 1));
        world.pays_back(refund("r1", "order_1", amount));
        let paid = world.commission("order_1");
        assert_eq!((paid.status, paid.amount_minor), (CommissionStatus::ProcessingPayout, Some(2970)));
        let [clawback] = &world.clawbacks()[..] else { panic!("one negative line") };
        assert_eq!((clawback.amount_minor, world.total()), (Some(taken), 2970 + taken));
    }
}

#[test]
fn a_payout_that_is_overtaken_by_a_refund_pays_what_is_left() {
    for (amount, paid, left) in [(None, 0, 0), (Some("33"), 1, 1980)] {
        let world = World::with_order();
        overtaking(&world, move |rival| {
            refunded(rival.call(Refund { refund_key: None, ..refund("r1", "order_1", amount) }).unwrap());
        });
        assert_eq!(world.pays_out(), paid);
        assert_eq!((world.commission("order_1").amount_minor, world.clawbacks().len()), (Some(left), 0));
        assert_eq!((world.total(), world.stored(&click().id).paid_out), (left, paid == 1));
    }
}

#[test]
fn a_payout_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_order();
        world.database.next_commit(fault());
        world.call(gather()).unwrap();
        let gathered = world.commission("order_1");
        assert_eq!((gathered.status, world.rows().events.len()), (CommissionStatus::ProcessingPayout, 3));
        assert_eq!(moved(world.retry(gather())), 0);
        let lines = world.rows().payout_lines;
        assert_eq!(lines, [(PayoutId::new("pay_1"), CommissionId::new("com_order_1"), 2970)]);
    }
}

#[test]
fn a_payout_that_came_to_nothing_frees_what_it_gathered_for_the_next_one() {
    let world = World::with_order();
    let of_first = |command: MoveCommissions| {
        let payout_id = PayoutId::new("pay_0");
        let step = match command.step {
            Step::Gather { affiliate_id, .. } => Step::Gather { payout_id, affiliate_id },
            _ => Step::Release { payout_id },
        };
        MoveCommissions { step, ..command }
    };
    assert_eq!(world.moves(of_first(gather())), 1);
    // What is paid back meanwhile is a line of its own, until nothing was paid that it could take back.
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.moves(of_first(release())), 1);
    let freed = world.commission("order_1");
    assert_eq!((freed.status, freed.payout_id.clone()), (CommissionStatus::ReadyForPayment, None));
    assert_eq!((freed.amount_minor, world.total()), (Some(1980), 1980));
    assert_eq!((world.moves(of_first(release())), world.pays_out()), (0, 1));
    assert_eq!(world.commission("order_1").payout_id, Some(PayoutId::new("pay_1")));
}

#[test]
fn what_is_paid_back_after_a_payout_came_to_nothing_is_not_taken_back_twice() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.moves(release()), 1);
    let payable = |world: &World| {
        let ready = |row: &Commission| row.status == CommissionStatus::ReadyForPayment && row.deleted_at.is_none();
        let rows = world.rows().commissions.into_values().filter(ready);
        rows.filter_map(|row| row.amount_minor).sum::<i64>()
    };
    // 30 % of the 66.00, 33.00 and 0.00 that remain.
    assert_eq!((payable(&world), world.total()), (1980, 1980));
    world.pays_back(refund("r2", "order_1", Some("33")));
    assert_eq!((payable(&world), world.total()), (990, 990));
    let (sale, _) = world.pays_back(refund("r3", "order_1", None));
    assert_eq!((payable(&world), world.total()), (0, 0));
    let commission = sale.commission.unwrap();
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Refunded, Some(0)));
}

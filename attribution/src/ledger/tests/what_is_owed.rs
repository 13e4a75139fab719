//! What is owed after steps that seldom meet: no commission twice, none lost, none for what was paid back. Rules, sections
//! 1, 4, 6, 7 and 8.

use super::scheduled::{gather, pay};
use super::{Command, Reconsider, World, sold};
use crate::day::Day;
use crate::decision::Reason;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{
    affiliate, bob, click, context, early_refund, fixed, money, percentage, refund, sale, scope, sign_up,
    thirty_percent,
};
use crate::ids::{CommissionId, ConversionId, GroupId, IncentiveId, PayoutId};
use crate::incentive::{AppliesTo, Approval, Incentive, Length};
use crate::ledger::{
    CommissionEdit, EditCommission, EditReferral, ManualCommission, MoveCommissions, Outcome, Reassignment, RecordSale,
    Rejection, Step, Turn,
};
use crate::level::{Base, Level};
use crate::money::{Currency, Rate};
use crate::program::Affiliate;
use crate::sale::{Commission, RecordedSale, SaleDetails};
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus, SalesStatus};

/// A change of a commission's status, and of nothing else.
pub fn to_status(commission: &str, status: CommissionStatus) -> Command {
    edit(commission, CommissionEdit::Change { status: Some(status), hold_days: None, amount: None, sale_amount: None })
}

pub fn edit(commission: &str, edit: CommissionEdit) -> Command {
    Command::EditCommission(EditCommission {
        context: context("req_edit"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new(commission),
        edit,
    })
}

/// A change of the customer's referral that changes nothing yet.
pub fn edit_referral() -> EditReferral {
    EditReferral::of(context("req_referral"), click().id, scope())
}

/// The customer is another affiliate's from now on.
pub fn reassign(to: &Affiliate, moves_unpaid: bool) -> Command {
    let reassignment = Reassignment { affiliate_id: to.id.clone(), reason: "an error".to_owned(), moves_unpaid };
    Command::EditReferral(EditReferral { reassignment: Some(reassignment), ..edit_referral() })
}

/// The sale `key` goes on.
pub fn goes_on(world: &World, key: &str, turn: Turn) -> Option<Command> {
    let conversion = world.rows().conversions.get(&ConversionId::new(format!("conv_{key}"))).cloned()?;
    Some(Command::Reconsider(Reconsider {
        context: context("req_turn"),
        gate: click().id,
        scope: scope(),
        conversion_id: conversion.id,
        currency: conversion.amount.currency,
        occurred_at: conversion.created_at,
        turn,
        commission_id: CommissionId::new(format!("com_{key}_completed")),
    }))
}

/// The owner says what the sale `key` of 200 dollars earns: 25.
pub fn manual(key: &str) -> ManualCommission {
    ManualCommission {
        context: context(&format!("req_{key}")),
        gate: click().id,
        scope: scope(),
        amount: money("200.00", "USD"),
        sales_status: SalesStatus::Complete,
        commission: money("25.00", "USD"),
        status: CommissionStatus::ReadyForPayment,
        hold_days: None,
        sale_key: Some(key.to_owned()),
        occurred_at: None,
        details: SaleDetails::default(),
        conversion_id: ConversionId::new(format!("conv_{key}")),
        commission_id: CommissionId::new(format!("com_{key}")),
    }
}

/// So many dollars for a euro.
pub fn euro(rate: &str) -> QuotedRate {
    QuotedRate {
        base: Currency::from_code("EUR").unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        day: Day::parse("2026-01-01").unwrap(),
        rate: DecimalRate::parse(rate).unwrap(),
        own: false,
    }
}

/// A level of the selling affiliates' group: half of what it is a share of.
pub fn half(position: u8, base: Base) -> Level {
    Level {
        id: IncentiveId::new(format!("lvl_{position}")),
        group_id: GroupId::new("grp_1"),
        position,
        base,
        rate: Rate::from_parts_per_million(500_000).unwrap(),
    }
}

/// A world in which Alice earns by `incentive`, and Bob, who recruited her, half of it, or of the sale.
fn with_bob(incentive: Incentive, base: Base) -> World {
    let world = World::with(|program| {
        program.incentives = vec![incentive];
        program.levels = vec![half(1, base)];
    });
    world.database.put_affiliate(Affiliate { recruited_by: Some(bob().id), ..affiliate() });
    world.signs_up(sign_up(&click()));
    world
}

fn on_hold() -> Incentive {
    Incentive { approval: Approval::HoldPeriod { days: 30 }, ..thirty_percent() }
}

fn paid_already(key: &str) -> RecordSale {
    let status = Some(CommissionStatus::Paid);
    let order = sale(key, "99.00");
    RecordSale { details: SaleDetails { commission_status: status, ..order.details }, ..order }
}

fn in_euros(key: &str) -> RecordSale {
    RecordSale { amount: money("99.00", "EUR"), ..sale(key, "1") }
}

fn of_payout(step: Step) -> MoveCommissions {
    MoveCommissions { step, ..gather() }
}

fn release() -> MoveCommissions {
    of_payout(Step::Release { payout_id: PayoutId::new("pay_1") })
}

impl World {
    fn turns(&self, key: &str, turn: Turn) -> RecordedSale {
        sold(self.call(goes_on(self, key, turn).unwrap()).unwrap()).0
    }

    fn level(&self) -> Commission {
        let rows = self.rows().commissions;
        rows.into_values().find(|row| row.kind == CommissionKind::Level).expect("somebody recruited")
    }

    fn rows_of_kind(&self, kind: CommissionKind) -> Vec<Commission> {
        self.rows().commissions.into_values().filter(|row| row.kind == kind).collect()
    }

    /// What a payout would pay, in minor units.
    fn payable(&self) -> i64 {
        let is_ready = |row: &&Commission| row.status == CommissionStatus::ReadyForPayment && row.deleted_at.is_none();
        self.rows().commissions.values().filter(is_ready).filter_map(|row| row.amount_minor).sum()
    }
}

#[test]
fn a_refund_that_waited_takes_back_what_its_sale_says_was_paid() {
    let world = World::with_john();
    world.call(early_refund("r1", "order_1", Some("33.00"))).unwrap();
    world.sells(paid_already("order_1"));
    // A third of 29.70.
    let back = world.rows_of_kind(CommissionKind::Clawback);
    assert_eq!(back.iter().map(|row| row.amount_minor).collect::<Vec<_>>(), [Some(-990)]);
    let refund = world.rows().refunds.into_values().next().unwrap();
    assert_eq!((refund.deducted_minor, refund.clawback_id), (990, Some(back[0].id.clone())));
    assert_eq!((world.payable(), world.total()), (-990, 1980));
}

#[test]
fn two_refunds_that_waited_for_a_manual_sale_that_was_paid_take_back_once_each() {
    let world = World::paying([]);
    world.call(early_refund("r1", "pi_1", Some("50.00"))).unwrap();
    world.call(early_refund("r2", "pi_1", Some("50.00"))).unwrap();
    let paid = ManualCommission { status: CommissionStatus::Paid, ..manual("pi_1") };
    world.call(Command::ManualCommission(paid)).unwrap();
    // 25.00 is 12.50 on half of the sale: twice 6.25.
    let back = world.rows_of_kind(CommissionKind::Clawback);
    assert_eq!(back.iter().map(|row| row.amount_minor).collect::<Vec<_>>(), [Some(-625), Some(-625)]);
    assert_eq!((world.payable(), world.total()), (-1250, 1250));
}

#[test]
fn the_end_of_a_dispute_is_the_levels_too_where_they_are_disputed_and_their_hold_goes_on() {
    let world = with_bob(on_hold(), Base::Commission);
    world.sells(sale("order_1", "99.00"));
    let held = world.level().hold_until;
    assert_eq!(held, Some(world.now.get().plus_days(30)));
    world.call(to_status("com_order_1", CommissionStatus::Dispute)).unwrap();
    assert_eq!(world.level().status, CommissionStatus::Dispute);
    world.call(to_status("com_order_1", CommissionStatus::Pending)).unwrap();
    assert_eq!((world.level().status, world.level().hold_until), (CommissionStatus::Pending, held));
}

#[test]
fn the_end_of_a_dispute_is_not_the_levels_that_were_declined() {
    let world = with_bob(thirty_percent(), Base::Commission);
    world.sells(sale("order_1", "99.00"));
    let level = world.level().id;
    world.call(to_status(level.as_str(), CommissionStatus::Declined)).unwrap();
    world.call(to_status("com_order_1", CommissionStatus::Dispute)).unwrap();
    world.call(to_status("com_order_1", CommissionStatus::ReadyForPayment)).unwrap();
    assert_eq!(world.level().status, CommissionStatus::Declined);
}

#[test]
fn what_was_declined_asks_the_cap_of_whoever_earned_it_also_after_the_customer_is_anothers() {
    let world = World::paying([Incentive { cap_minor: Some(4000), ..thirty_percent() }]);
    world.sells(sale("order_1", "99.00"));
    world.call(to_status("com_order_1", CommissionStatus::Declined)).unwrap();
    world.sells(sale("order_2", "99.00"));
    world.call(reassign(&bob(), false)).unwrap();
    // 40.00 less 29.70.
    let refused = world.refuses(to_status("com_order_1", CommissionStatus::ReadyForPayment));
    assert_eq!(refused, Rejection::CapTooSmall { room: money("10.30", "USD") });
}

#[test]
fn only_what_earns_is_a_payment_of_the_incentives_length() {
    let limited = Incentive { length: Length::Payments(1), cap_minor: Some(1000), ..thirty_percent() };
    let world = World::paying([limited]);
    let declined = ManualCommission { status: CommissionStatus::Declined, ..manual("pi_1") };
    world.call(Command::ManualCommission(declined)).unwrap();
    assert_eq!(world.stored(&click().id).paid_sales, 0);
    world.sells(in_euros("order_1"));
    assert_eq!(world.stored(&click().id).paid_sales, 1);
    // The cap is used up when the rate comes.
    world.call(Command::ManualCommission(manual("pi_2"))).unwrap();
    world.database.put_rates([euro("1.25")]);
    let settled = world.turns("order_1", Turn::RateArrived).commission.unwrap();
    assert_eq!((settled.status, settled.reason), (CommissionStatus::Declined, Reason::CapReached));
    assert_eq!(world.stored(&click().id).paid_sales, 1);
}

#[test]
fn a_sale_whose_commission_was_removed_earns_none_when_it_is_completed() {
    let world = World::paying([thirty_percent()]);
    let open = ManualCommission { sales_status: SalesStatus::Open, ..manual("pi_1") };
    world.call(Command::ManualCommission(open)).unwrap();
    world.call(edit("com_pi_1", CommissionEdit::Delete)).unwrap();
    let completed = world.turns("pi_1", Turn::SalesStatus(SalesStatus::Complete));
    assert_eq!((completed.commission, world.total()), (None, 0));
    assert_eq!(completed.conversion.decision.reason, Reason::CommissionDeleted);
}

#[test]
fn a_completed_sale_makes_a_customer_also_where_its_owner_named_the_commission() {
    let world = World::paying([thirty_percent()]);
    let open = ManualCommission { sales_status: SalesStatus::Open, ..manual("pi_1") };
    world.call(Command::ManualCommission(open)).unwrap();
    assert_eq!(world.stored(&click().id).first_paid_at, None);
    let completed = world.turns("pi_1", Turn::SalesStatus(SalesStatus::Complete));
    assert_eq!(completed.commission.unwrap().amount_minor, Some(2500));
    let customer = world.stored(&click().id);
    assert_eq!((customer.status, customer.first_paid_at), (ReferralStatus::Customer, Some(world.now.get())));
    assert_eq!((customer.paid_sales, world.total()), (1, 2500));
}

#[test]
fn what_a_refund_took_back_of_a_payout_that_came_to_nothing_is_no_debt() {
    for end in [CommissionEdit::Delete, declined()] {
        let world = World::with_order();
        world.moves(gather());
        world.pays_back(refund("r1", "order_1", Some("33.00")));
        assert_eq!(world.moves(release()), 1);
        assert_eq!((world.payable(), world.total()), (1980, 1980));
        world.call(edit("com_order_1", end)).unwrap();
        assert_eq!((world.payable(), world.total()), (0, 0));
    }
}

fn declined() -> CommissionEdit {
    let status = Some(CommissionStatus::Declined);
    CommissionEdit::Change { status, hold_days: None, amount: None, sale_amount: None }
}

#[test]
fn what_was_paid_back_while_its_payout_was_under_way_is_netted_once_that_is_paid() {
    let world = World::with_order();
    world.moves(gather());
    world.pays_back(refund("r1", "order_1", None));
    world.sells(sale("order_2", "99.00"));
    let gathers =
        |payout: &str| of_payout(Step::Gather { payout_id: PayoutId::new(payout), affiliate_id: affiliate().id });
    // The negative line waits for what it takes back.
    assert_eq!(world.moves(gathers("pay_2")), 1);
    assert_eq!(world.moves(pay()), 1);
    assert_eq!(world.moves(gathers("pay_3")), 1);
    let lines: i64 = world.rows().payout_lines.iter().map(|(_, _, minor)| minor).sum();
    assert_eq!((lines, world.total()), (2970, 2970));
}

#[test]
fn a_whole_refund_of_a_payout_that_came_to_nothing_leaves_a_refunded_commission() {
    let world = World::with_order();
    world.moves(gather());
    world.pays_back(refund("r1", "order_1", None));
    world.moves(release());
    let commission = world.commission("order_1");
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Refunded, Some(0)));
    assert_eq!((commission.clawed_back_minor, world.payable(), world.total()), (0, 0, 0));
}

#[test]
fn a_commission_that_was_declined_with_its_referral_stays_so_when_its_rate_comes() {
    let world = World::paying([on_hold()]);
    world.sells(in_euros("order_1"));
    world
        .call(Command::EditReferral(EditReferral { status: Some(ReferralStatus::Rejected), ..edit_referral() }))
        .unwrap();
    world.database.put_rates([euro("1.25")]);
    let settled = world.turns("order_1", Turn::RateArrived).commission.unwrap();
    // Its release finds by the reason what is to be put up for approval.
    assert_eq!((settled.status, settled.reason), (CommissionStatus::Declined, Reason::ReferralRejected));
    assert_eq!((settled.amount_minor, settled.hold_until), (Some(3713), None));
}

#[test]
fn only_what_is_pending_is_on_hold_after_its_rate_came() {
    let world = World::paying([on_hold()]);
    let mut asked = in_euros("order_1");
    asked.details.commission_status = Some(CommissionStatus::ReadyForPayment);
    world.sells(asked);
    world.database.put_rates([euro("1.25")]);
    let settled = world.turns("order_1", Turn::RateArrived).commission.unwrap();
    assert_eq!((settled.status, settled.hold_until), (CommissionStatus::ReadyForPayment, None));
}

#[test]
fn levels_that_wait_for_a_rate_come_also_when_the_sale_turns_out_to_be_in_the_teams_currency() {
    let world = with_bob(fixed("inc_fixed", 500), Base::Sale);
    world.sells(in_euros("order_1"));
    let corrected = CommissionEdit::Change {
        status: None,
        hold_days: None,
        amount: None,
        sale_amount: Some(money("100.00", "USD")),
    };
    world.call(edit("com_order_1", corrected)).unwrap();
    world.turns("order_1", Turn::RateArrived);
    assert_eq!(world.level().amount_minor, Some(5000));
}

#[test]
fn a_recruiter_of_another_program_is_nobody() {
    let stranger = Affiliate { program_id: crate::ids::ProgramId::new("prog_other"), rules_version: 0, ..bob() };
    let world = with_bob(percentage("inc", 300_000, AppliesTo::AllPlans), Base::Commission);
    world.database.put_affiliate(stranger);
    let sold = match world.call(sale("order_1", "99.00")) {
        Ok(Outcome::Sale { sale, .. }) => *sale,
        other => panic!("no sale: {other:?}"),
    };
    assert_eq!((sold.levels.len(), world.total()), (0, 2970));
}

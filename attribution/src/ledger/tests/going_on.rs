//! Sales that go on after they were recorded, and those that their owner prices: docs/rules.md, sections 3, 5 and 9.

use super::{World, sold};
use crate::day::Day;
use crate::decision::{Reason, Verdict};
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{affiliate, click, context, early_refund, money, sale, scope, sign_up, thirty_percent};
use crate::ids::{CommissionId, ConversionId};
use crate::incentive::Incentive;
use crate::ledger::{Command, FirstSeen, ManualCommission, Outcome, Reconsider, RecordSale, Rejection, Turn};
use crate::memory::Fault;
use crate::money::{Currency, Rate};
use crate::program::Affiliate;
use crate::sale::{RecordedSale, SaleDetails};
use crate::status::{CommissionKind, CommissionStatus, Partnership, ReferralStatus, SalesStatus};

fn open_sale(status: SalesStatus) -> RecordSale {
    RecordSale { sales_status: status, ..sale("order_1", "99.00") }
}

fn turn(world: &World, turn: Turn) -> Command {
    let conversion = world.rows().conversions[&ConversionId::new("conv_order_1")].clone();
    Command::Reconsider(Reconsider {
        context: context("req_turn"),
        gate: click().id,
        scope: scope(),
        conversion_id: conversion.id,
        currency: conversion.amount.currency,
        occurred_at: conversion.created_at,
        turn,
        commission_id: CommissionId::new("com_order_1"),
    })
}

fn manual() -> ManualCommission {
    ManualCommission {
        context: context("req_manual"),
        gate: click().id,
        scope: scope(),
        amount: money("200.00", "USD"),
        sales_status: SalesStatus::Complete,
        commission: money("25.00", "USD"),
        status: CommissionStatus::Pending,
        hold_days: Some(14),
        sale_key: Some("pi_1".to_owned()),
        occurred_at: None,
        details: SaleDetails::default(),
        conversion_id: ConversionId::new("conv_manual"),
        commission_id: CommissionId::new("com_manual"),
    }
}

fn euro_in_dollars(rate: &str) -> QuotedRate {
    QuotedRate {
        base: Currency::from_code("EUR").unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        day: Day::parse("2026-01-10").unwrap(),
        rate: DecimalRate::parse(rate).unwrap(),
        own: false,
    }
}

impl World {
    /// The sale goes on, twice: the second time nothing changes.
    fn goes_on(&self, step: Turn) -> RecordedSale {
        let (first, first_seen, _) = sold(self.call(turn(self, step)).unwrap());
        assert_eq!(first_seen, FirstSeen::Now);
        assert_eq!(sold(self.retry(turn(self, step)).unwrap()), (first.clone(), FirstSeen::Before, vec![]));
        first
    }
}

#[test]
fn a_sale_that_is_completed_earns_then_by_the_rules_in_force_then() {
    for before in [SalesStatus::Open, SalesStatus::Trialing, SalesStatus::Failed] {
        let world = World::with_john();
        assert_eq!(world.sells(open_sale(before)).conversion.decision.reason, Reason::SaleNotComplete);
        world.database.change_rules(&scope().program_id, |program| {
            program.incentives = vec![Incentive {
                reward: crate::incentive::Reward::Percentage(Rate::from_parts_per_million(500_000).unwrap()),
                ..thirty_percent()
            }];
        });
        let completed = world.goes_on(Turn::SalesStatus(SalesStatus::Complete));
        let commission = completed.commission.unwrap();
        assert_eq!((commission.amount_minor, commission.status), (Some(4950), CommissionStatus::ReadyForPayment));
        assert_eq!(completed.conversion.matched_incentive_id, commission.incentive_id);
        let customer = world.stored(&click().id);
        assert_eq!((customer.status, customer.paid_sales, world.total()), (ReferralStatus::Customer, 1, 4950));
        assert_eq!(world.last_told("transaction.updated")["saleStatus"], "COMPLETE");
    }
}

#[test]
fn only_what_the_table_has_happens_to_a_sale() {
    let world = World::with_john();
    world.sells(open_sale(SalesStatus::Open));
    let failed = world.goes_on(Turn::SalesStatus(SalesStatus::Failed));
    assert_eq!((failed.conversion.sales_status, failed.commission), (SalesStatus::Failed, None));
    for to in [SalesStatus::Refunded, SalesStatus::PartialRefunded] {
        let refused = world.refuses(turn(&world, Turn::SalesStatus(to)));
        let (subject, from, to) = ("sale".into(), "failed".into(), to.as_str().into());
        assert_eq!(refused, Rejection::NoSuchTransition { subject, from, to });
    }
    world.goes_on(Turn::SalesStatus(SalesStatus::Complete));
    let refused = world.refuses(turn(&world, Turn::SalesStatus(SalesStatus::Open)));
    assert!(matches!(refused, Rejection::NoSuchTransition { .. }));
}

#[test]
fn a_completed_sale_of_somebody_who_may_not_earn_says_why() {
    let world = World::with_john();
    world.sells(open_sale(SalesStatus::Open));
    world.database.change_rules(&scope().program_id, |_| {});
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    let completed = world.goes_on(Turn::SalesStatus(SalesStatus::Complete));
    assert_eq!((completed.conversion.decision.reason, completed.commission), (Reason::AffiliateNotApproved, None));
    let last = completed.conversion.decision.considered.last().unwrap();
    assert_eq!((last.rule.as_str(), last.verdict), ("partnership", Verdict::Decided));
}

#[test]
fn a_completion_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_john();
        world.sells(open_sale(SalesStatus::Open));
        world.database.next_commit(fault());
        world.call(turn(&world, Turn::SalesStatus(SalesStatus::Complete))).unwrap();
        assert_eq!((world.total(), world.rows().commissions.len()), (2970, 1));
    }
}

#[test]
fn a_rate_that_arrives_settles_what_waited_and_is_kept_with_the_sale() {
    let world = World::paying([thirty_percent()]);
    world.sells(RecordSale { amount: money("99.00", "EUR"), ..sale("order_1", "1") });
    // Without a rate nothing happens.
    let rows = world.rows();
    world.call(turn(&world, Turn::RateArrived)).unwrap();
    assert_eq!(world.rows(), rows);
    world.database.put_rates([euro_in_dollars("1.0873")]);
    let settled = world.goes_on(Turn::RateArrived);
    // 99.00 × 1.0873 = 107.6427; × 30 % = 32.29281.
    let converted = settled.conversion.converted.unwrap();
    assert_eq!((converted.minor, converted.by.unwrap().rate), (10764, "1.0873".to_owned()));
    let commission = settled.commission.unwrap();
    assert_eq!((commission.amount_minor, commission.status), (Some(3229), CommissionStatus::ReadyForPayment));
    assert_eq!((settled.conversion.decision.awaiting, world.total()), (None, 3229));
    assert_eq!(settled.conversion.decision.sum, ["99.00 EUR × 1.0873 × 30 % = 32.29 USD"]);
}

#[test]
fn a_sale_whose_rate_is_known_is_converted_at_once() {
    let world = World::paying([thirty_percent()]);
    world.database.put_rates([euro_in_dollars("1.0873")]);
    let sold = world.sells(RecordSale { amount: money("99.00", "EUR"), ..sale("order_1", "1") });
    assert_eq!(sold.commission.unwrap().amount_minor, Some(3229));
    assert_eq!(sold.conversion.amount, money("99.00", "EUR"));
}

#[test]
fn a_try_writes_nothing_and_says_what_the_call_would() {
    let world = World::with_john();
    let rows = world.rows();
    let tried = RecordSale { dry_run: true, ..sale("order_1", "99.00") };
    let (tried, ..) = sold(world.call(tried).unwrap());
    assert_eq!(world.rows(), rows);
    let recorded = world.sells(sale("order_1", "99.00"));
    assert_eq!(tried.conversion.decision, recorded.conversion.decision);
    assert_eq!(tried.commission, recorded.commission);
}

#[test]
fn a_commission_that_the_owner_names_needs_no_incentive_and_keeps_its_payment_apart() {
    let world = World::paying([]);
    let recorded = match world.call(Command::ManualCommission(manual())).unwrap() {
        Outcome::Sale { sale, .. } => *sale,
        other => panic!("no sale: {other:?}"),
    };
    let commission = recorded.commission.unwrap();
    assert_eq!(
        (commission.kind, commission.amount_minor, commission.incentive_id),
        (CommissionKind::Manual, Some(2500), None)
    );
    assert_eq!(
        (commission.status, commission.hold_until),
        (CommissionStatus::Pending, Some(world.now.get().plus_days(14)))
    );
    assert_eq!((world.total(), world.stored(&click().id).status), (2500, ReferralStatus::Customer));
    let mut again = manual();
    again.conversion_id = ConversionId::new("conv_other");
    assert_eq!(world.refuses(Command::ManualCommission(again)), Rejection::SaleKeyTaken);
}

#[test]
fn a_manual_commission_in_another_currency_needs_a_rate() {
    let world = World::paying([]);
    let in_euros = ManualCommission { commission: money("20.00", "EUR"), ..manual() };
    let refused = world.refuses(Command::ManualCommission(in_euros.clone()));
    assert!(matches!(refused, Rejection::MissingRate { .. }));
    world.database.put_rates([euro_in_dollars("1.25")]);
    world.call(Command::ManualCommission(in_euros)).unwrap();
    assert_eq!(world.total(), 2500);
}

#[test]
fn a_refund_that_waits_for_a_manual_sale_meets_it() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    world.call(early_refund("r1", "pi_1", Some("50.00"))).unwrap();
    world.call(Command::ManualCommission(manual())).unwrap();
    // 25.00 × 150.00 ÷ 200.00.
    assert_eq!((world.total(), world.rows().parked.len()), (1875, 0));
}

//! Sales that waited for a rate of exchange, and what happened to them meanwhile: docs/rules.md, sections 4 and 5.

use super::{World, sold};
use crate::day::Day;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{affiliate, bob, click, context, fixed, money, sale, scope, sign_up, thirty_percent};
use crate::ids::{CommissionId, ConversionId, GroupId, IncentiveId};
use crate::incentive::{Approval, Incentive};
use crate::ledger::{Command, CommissionEdit, EditCommission, Reconsider, RecordSale, Turn};
use crate::level::{Base, Level};
use crate::money::{Currency, Rate};
use crate::program::Affiliate;
use crate::sale::{Commission, RecordedSale};
use crate::status::CommissionStatus;
use crate::time::Timestamp;

/// A world in which this incentive holds, and Bob, who recruited Alice, earns a tenth by this base.
fn with_level(incentive: Incentive, base: Base) -> World {
    let level = Level {
        id: IncentiveId::new("lvl_1"),
        group_id: GroupId::new("grp_1"),
        position: 1,
        base,
        rate: Rate::from_parts_per_million(100_000).unwrap(),
    };
    let world = World::with(|program| {
        program.incentives = vec![incentive];
        program.levels = vec![level];
    });
    world.database.put_affiliate(Affiliate { recruited_by: Some(bob().id), ..affiliate() });
    world.signs_up(sign_up(&click()));
    world
}

/// A sale of 100 euros; where its commission is to be, its caller may say.
fn in_euros(asked: Option<CommissionStatus>) -> RecordSale {
    let mut command = RecordSale { amount: money("100.00", "EUR"), ..sale("order_1", "99.00") };
    command.details.commission_status = asked;
    command
}

fn edit(edit: CommissionEdit) -> Command {
    Command::EditCommission(EditCommission {
        context: context("req_edit"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new("com_order_1"),
        edit,
    })
}

/// One euro is 1.10 dollars from now on, and the job goes on with the sale.
fn rate_arrives(world: &World) -> RecordedSale {
    let rate = QuotedRate {
        base: Currency::from_code("EUR").unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        day: Day::parse("2026-01-10").unwrap(),
        rate: DecimalRate::parse("1.10").unwrap(),
        own: false,
    };
    world.database.put_rates([rate]);
    settled(world)
}

fn settled(world: &World) -> RecordedSale {
    let conversion = world.rows().conversions[&ConversionId::new("conv_order_1")].clone();
    let command = Reconsider {
        context: context("req_rate"),
        gate: click().id,
        scope: scope(),
        conversion_id: conversion.id,
        currency: conversion.amount.currency,
        occurred_at: conversion.created_at,
        turn: Turn::RateArrived,
        commission_id: CommissionId::new("com_none"),
    };
    sold(world.call(Command::Reconsider(command)).unwrap()).0
}

#[test]
fn what_was_declined_while_it_waited_stays_declined_whatever_waited() {
    for asked in [None, Some(CommissionStatus::Refunded), Some(CommissionStatus::Paid)] {
        let world = with_level(thirty_percent(), Base::Commission);
        world.sells(in_euros(asked));
        let status = Some(CommissionStatus::Declined);
        let declined = CommissionEdit::Change { status, hold_days: None, amount: None, sale_amount: None };
        world.call(edit(declined)).unwrap();
        let after = rate_arrives(&world);
        // 100.00 × 1.10 × 30 %
        let commission = after.commission.unwrap();
        assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Declined, Some(3300)));
        assert_eq!((after.levels.len(), world.total()), (0, 0));
    }
}

#[test]
fn a_level_of_what_was_paid_outside_is_held_as_long_as_its_sale_was() {
    let held = |days| Incentive { approval: Approval::HoldPeriod { days }, ..thirty_percent() };
    let world = with_level(held(30), Base::Commission);
    world.sells(in_euros(Some(CommissionStatus::Paid)));
    // From now on it is held for a day.
    world.database.change_rules(&scope().program_id, |program| program.incentives = vec![held(1)]);
    let [level] = &rate_arrives(&world).levels[..] else { panic!("one level") };
    // 2026-01-11 and 30 days.
    let end = Timestamp::parse("2026-02-10T00:00:00Z");
    assert_eq!((level.status, level.hold_days, level.hold_until), (CommissionStatus::Pending, Some(30), end));
}

#[test]
fn levels_that_wait_are_made_where_the_sale_is_corrected_into_dollars() {
    let world = with_level(fixed("inc_fixed", 500), Base::Sale);
    let waiting = world.sells(in_euros(None));
    assert_eq!((waiting.commission.and_then(|row| row.amount_minor), waiting.levels.len()), (Some(500), 0));
    let sale_amount = Some(money("80.00", "USD"));
    let corrected = CommissionEdit::Change { status: None, hold_days: None, amount: None, sale_amount };
    world.call(edit(corrected)).unwrap();
    let after = settled(&world);
    // A tenth of 80.00.
    let amounts: Vec<Option<i64>> = after.levels.iter().map(|level: &Commission| level.amount_minor).collect();
    assert_eq!((amounts, after.conversion.converted.map(|converted| converted.minor)), (vec![Some(800)], Some(8000)));
    assert_eq!(after.conversion.decision.awaiting, None);
}

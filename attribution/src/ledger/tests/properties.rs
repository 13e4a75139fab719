//! What holds of money whatever happens, in whatever order: docs/rules.md, sections 1, 5 and 6.

use proptest::prelude::*;

use super::World;
use super::scheduled::{gather, pay};
use crate::day::Day;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::{affiliate, bob, click, context, percentage, refund, sale, scope, sign_up};
use crate::ids::{CommissionId, ConversionId, GroupId, IncentiveId};
use crate::incentive::{AppliesTo, Incentive};
use crate::ledger::{
    Command, CommissionEdit, EditCommission, MoveCommissions, Reconsider, RecordSale, Refund, Step, Turn,
};
use crate::level::{Base, Level};
use crate::money::{Currency, MAX_MINOR, Money, Rate};
use crate::program::{Affiliate, Program};
use crate::sale::Commission;
use crate::status::{CommissionKind, CommissionStatus};

fn dollars(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("USD").unwrap() }
}

fn sale_of(key: &str, amount: Money) -> RecordSale {
    RecordSale { amount, ..sale(key, "1") }
}

fn refund_of(id: &str, key: &str, amount: Option<Money>) -> Refund {
    Refund { amount, ..refund(id, key, None) }
}

/// A world in which Alice earns so many parts per million, and Bob, who recruited her, a share of that and of the sale.
fn with_level(parts_per_million: i64) -> World {
    let level = |position, base| Level {
        id: IncentiveId::new(format!("lvl_{position}")),
        group_id: GroupId::new("grp_1"),
        position,
        base,
        rate: Rate::from_parts_per_million(333_333).unwrap(),
    };
    let world = World::with(|program: &mut Program| {
        program.incentives = vec![percentage("inc", parts_per_million, AppliesTo::AllPlans)];
        program.levels = vec![level(1, Base::Commission), level(2, Base::Sale)];
    });
    world.database.put_affiliate(Affiliate { recruited_by: Some(bob().id), ..affiliate() });
    world.database.put_affiliate(Affiliate { recruited_by: Some(affiliate().id), ..bob() });
    world.signs_up(sign_up(&click()));
    world
}

impl World {
    /// Whatever comes of it.
    fn tries(&self, command: impl Into<Command>) {
        let _refused_or_not = self.call(command);
    }

    /// What each commission of the sale is worth, what was taken back counted in, by level.
    fn net_by_level(&self, key: &str) -> [i64; 3] {
        let conversion = Some(ConversionId::new(format!("conv_{key}")));
        let mut net = [0; 3];
        for row in self.rows().commissions.into_values().filter(|row| row.conversion_id == conversion) {
            net[usize::from(row.level)] += row.amount_minor.unwrap_or(0);
        }
        net
    }

    fn gathers_and_pays(&self, who: &Affiliate, payout: &str) {
        for step in [gather(), pay()] {
            let payout_id = crate::ids::PayoutId::new(payout);
            let step = match step.step {
                Step::Gather { .. } => Step::Gather { payout_id, affiliate_id: who.id.clone() },
                _ => Step::Pay { payout_id },
            };
            self.tries(MoveCommissions { step, ..gather() });
        }
    }
}

fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![1..200_000_i64, 1..=7_i64, (MAX_MINOR - 1000)..=MAX_MINOR]
}

/// Parts of a thousand of the sale that are asked back, one after the other.
fn parts() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(0..1000_i64, 0..6)
}

proptest! {
    #[test]
    fn parts_never_exceed_the_whole(minor in amounts(), rate in 1..=1_000_000_i64, parts in parts(), pays in 0..6_usize) {
        let world = with_level(rate);
        world.tries(sale_of("s", dollars(minor)));
        let earned = world.net_by_level("s");
        prop_assert!(earned[0] <= minor && earned[1] <= earned[0]);
        let mut refunded = 0;
        for (number, part) in parts.into_iter().enumerate() {
            if number == pays {
                world.gathers_and_pays(&affiliate(), "pay_a");
                world.gathers_and_pays(&bob(), "pay_b");
            }
            let amount = i64::try_from(i128::from(minor) * i128::from(part) / 1000).unwrap();
            world.tries(refund_of(&format!("r{number}"), "s", Some(dollars(amount))));
            let conversion = world.rows().conversions.into_values().next().unwrap();
            prop_assert!(conversion.refunded_minor >= refunded && conversion.refunded_minor <= minor);
            refunded = conversion.refunded_minor;
            for (now, full) in world.net_by_level("s").into_iter().zip(earned) {
                prop_assert!((0..=full).contains(&now), "{now} of {full}");
            }
        }
    }

    #[test]
    fn refunding_everything_leaves_nothing(minor in amounts(), rate in 1..=1_000_000_i64, parts in parts(), pays in 0..7_usize) {
        let world = with_level(rate);
        world.tries(sale_of("s", dollars(minor)));
        for (number, part) in parts.iter().copied().chain([1000]).enumerate() {
            if number == pays {
                world.gathers_and_pays(&affiliate(), "pay_a");
            }
            let amount = i64::try_from(i128::from(minor) * i128::from(part) / 1000).unwrap();
            let asked = (number < parts.len()).then(|| dollars(amount));
            world.tries(refund_of(&format!("r{number}"), "s", asked));
        }
        prop_assert_eq!(world.net_by_level("s"), [0, 0, 0]);
        prop_assert_eq!(world.total(), 0);
        prop_assert_eq!(world.rows().conversions.into_values().next().unwrap().remaining().minor, 0);
    }

    #[test]
    fn the_order_of_two_refunds_does_not_matter(
        minor in 2..=MAX_MINOR, rate in 1..=1_000_000_i64, one in 1..500_i64, other in 1..500_i64, paid in 0..3_usize,
    ) {
        let come_out = |order: [i64; 2]| {
            let world = with_level(rate);
            world.tries(sale_of("s", dollars(minor)));
            for (number, part) in order.into_iter().enumerate() {
                if number == paid {
                    world.gathers_and_pays(&affiliate(), "pay_a");
                }
                let amount = i64::try_from((i128::from(minor) * i128::from(part) / 1000).max(1)).unwrap();
                world.tries(refund_of(&format!("r{number}"), "s", Some(dollars(amount))));
            }
            let conversion = world.rows().conversions.into_values().next().unwrap();
            (world.net_by_level("s"), world.total(), conversion.refunded_minor, conversion.sales_status)
        };
        prop_assert_eq!(come_out([one, other]), come_out([other, one]));
    }

    #[test]
    fn converting_never_creates_money(minor in 1..10_000_000_000_i64, digits in 1..99_999_999_i64, scale in 0..8_usize, rate in 1..=1_000_000_i64) {
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let text = format!("{}.{}", &padded[..padded.len() - scale], &padded[padded.len() - scale..]);
        let quoted = QuotedRate {
            base: Currency::from_code("USD").unwrap(),
            currency: Currency::from_code("VND").unwrap(),
            day: Day::parse("2026-01-01").unwrap(),
            rate: DecimalRate::parse(text.trim_end_matches('.')).unwrap(),
            own: true,
        };
        let world = with_level(rate);
        world.database.put_rates([quoted]);
        let dong = Money { minor, currency: Currency::from_code("VND").unwrap() };
        world.tries(sale_of("s", dong));
        let rows = world.rows();
        let Some(conversion) = rows.conversions.into_values().next() else {
            // Beyond the largest amount once converted.
            prop_assert!(i128::from(minor) * 100 * 10_i128.pow(u32::try_from(scale).unwrap()) / i128::from(digits) >= i128::from(MAX_MINOR));
            return Ok(());
        };
        // minor / (digits / 10^scale) dollars, in cents: at most half a cent more than that, and no commission above it.
        let converted = conversion.converted.unwrap().minor;
        let exact = i128::from(minor) * 100 * 10_i128.pow(u32::try_from(scale).unwrap());
        prop_assert!(2 * (i128::from(converted) * i128::from(digits) - exact).abs() <= i128::from(digits));
        let net = world.net_by_level("s");
        prop_assert!(net[0] <= converted && net[1] <= net[0]);
    }
}

/// What may happen to a customer's sales, each with the number of a sale.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Sale(i64),
    ForeignSale(i64),
    Refund(usize, i64),
    Decline(usize),
    Restore(usize),
    RateArrives(usize),
    PayOut,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        (1..20_000_i64).prop_map(Happening::Sale),
        (1..20_000_i64).prop_map(Happening::ForeignSale),
        (0..8_usize, 1..15_000_i64).prop_map(|(sale, minor)| Happening::Refund(sale, minor)),
        (0..8_usize).prop_map(Happening::Decline),
        (0..8_usize).prop_map(Happening::Restore),
        (0..8_usize).prop_map(Happening::RateArrives),
        Just(Happening::PayOut),
    ];
    prop::collection::vec(one, 1..25)
}

fn edit(sale: usize, status: CommissionStatus) -> EditCommission {
    EditCommission {
        context: context("req_edit"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new(format!("com_s{sale}")),
        edit: CommissionEdit::Change { status: Some(status), hold_days: None, amount: None, sale_amount: None },
    }
}

fn happens(world: &World, number: usize, happening: Happening) {
    let euros = Currency::from_code("EUR").unwrap();
    match happening {
        Happening::Sale(minor) => world.tries(sale_of(&format!("s{number}"), dollars(minor))),
        Happening::ForeignSale(minor) => {
            world.tries(sale_of(&format!("s{number}"), Money { minor, currency: euros }));
        }
        Happening::Refund(sale, minor) => {
            let conversion = world.rows().conversions.get(&ConversionId::new(format!("conv_s{sale}"))).cloned();
            let currency = conversion.map_or(euros, |conversion| conversion.amount.currency);
            let amount = Money { minor, currency };
            world.tries(refund_of(&format!("r{number}"), &format!("s{sale}"), Some(amount)));
        }
        Happening::Decline(sale) => world.tries(Command::EditCommission(edit(sale, CommissionStatus::Declined))),
        Happening::Restore(sale) => world.tries(Command::EditCommission(edit(sale, CommissionStatus::ReadyForPayment))),
        Happening::RateArrives(sale) => {
            let Some(conversion) = world.rows().conversions.get(&ConversionId::new(format!("conv_s{sale}"))).cloned()
            else {
                return;
            };
            world.database.put_rates([QuotedRate {
                base: euros,
                currency: dollars(0).currency,
                day: Day::of(conversion.created_at),
                rate: DecimalRate::parse("1.0875").unwrap(),
                own: false,
            }]);
            world.tries(Command::Reconsider(Reconsider {
                context: context("req_rate"),
                gate: click().id,
                scope: scope(),
                conversion_id: conversion.id,
                currency: conversion.amount.currency,
                occurred_at: conversion.created_at,
                turn: Turn::RateArrived,
                commission_id: CommissionId::new("com_unused"),
            }));
        }
        Happening::PayOut => world.gathers_and_pays(&affiliate(), &format!("pay_{number}")),
    }
}

proptest! {
    #[test]
    fn no_interleaving_exceeds_a_cap_and_the_sum_is_always_that_of_the_rows(cap in 1..10_000_i64, history in happenings()) {
        let capped = Incentive { cap_minor: Some(cap), ..percentage("inc", 300_000, AppliesTo::AllPlans) };
        let world = World::paying([capped]);
        for (number, happening) in history.into_iter().enumerate() {
            happens(&world, number, happening);
            let rows: Vec<Commission> = world.rows().commissions.into_values().collect();
            let counted: i64 = rows.iter().map(|row| row.counted_minor(&affiliate().id)).sum();
            prop_assert_eq!(world.total(), counted);
            prop_assert!(counted <= cap, "{} of {}", counted, cap);
            // What was paid out less what is taken back is never more than the cap either.
            let is_due = |row: &&Commission| row.status.counts() && row.deleted_at.is_none();
            let due: i64 = rows.iter().filter(is_due).filter_map(|row| row.amount_minor).sum();
            prop_assert_eq!(due, counted);
            let negative = rows.iter().filter(|row| row.amount_minor.is_some_and(|minor| minor < 0));
            prop_assert!(negative.into_iter().all(|row| row.kind == CommissionKind::Clawback));
        }
    }
}

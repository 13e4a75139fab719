//! Random histories of one customer, of everything that may happen to them: whatever it is, in whatever order, the sum is
//! that of the rows, nothing is owed back that was not paid, and no call is told to come back for ever.

use proptest::prelude::*;

use super::what_is_owed::{edit, edit_referral, euro, goes_on, half, manual, reassign};
use super::{Command, Failure, World};
use crate::fixtures::{
    affiliate, bob, click, context, early_refund, money, per_lead, percentage, refund, sale, scope, sign_up,
};
use crate::ids::{CommissionId, ConversionId, PayoutId};
use crate::incentive::{AppliesTo, Approval, Incentive};
use crate::ledger::{CommissionEdit, EditReferral, ManualCommission, MoveCommissions, RecordSale, Refund, Step, Turn};
use crate::level::Base;
use crate::money::{Money, pro_rata};
use crate::program::Affiliate;
use crate::sale::{Commission, SaleDetails};
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus, SalesStatus};

/// What may happen. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Happening {
    Sale { minor: i64, in_euros: bool, sales_status: SalesStatus, asked: Option<CommissionStatus>, follows: bool },
    Manual { minor: i64, sales_status: SalesStatus, status: CommissionStatus, follows: bool },
    Refund { sale: usize, part: Option<i64> },
    EarlyRefund { part: Option<i64> },
    GoesOn { sale: usize, to: SalesStatus },
    Rate,
    Status { commission: usize, to: CommissionStatus },
    Hold { commission: usize, days: u32 },
    Amount { commission: usize, minor: i64 },
    SaleAmount { commission: usize, minor: i64 },
    Delete { commission: usize },
    Referral { to: ReferralStatus },
    Reassign { to_bob: bool, moves: bool },
    Gather { payout: u8, of_bob: bool },
    Pay { payout: u8 },
    Release { payout: u8 },
    Days { days: u32 },
}

fn commission_status() -> impl Strategy<Value = CommissionStatus> {
    let words: Vec<CommissionStatus> =
        CommissionStatus::words().iter().filter_map(|word| CommissionStatus::from_word(word)).collect();
    prop::sample::select(words)
}

fn sales_status() -> impl Strategy<Value = SalesStatus> {
    use SalesStatus::{Complete, Failed, Open, Trialing};
    prop::sample::select(vec![Complete, Complete, Complete, Open, Trialing, Failed])
}

fn referral_status() -> impl Strategy<Value = ReferralStatus> {
    use ReferralStatus::{Active, Customer, Deleted, Lead, Rejected};
    prop::sample::select(vec![Lead, Lead, Customer, Customer, Active, Active, Rejected, Rejected, Rejected, Deleted])
}

fn happening() -> impl Strategy<Value = Happening> {
    let part = prop::option::of(1..1_000_i64);
    let selling = (1..30_000_i64, any::<bool>(), sales_status(), prop::option::weighted(0.3, commission_status()));
    prop_oneof![
        6 => (selling, any::<bool>()).prop_map(|((minor, in_euros, sales_status, asked), follows)| {
            Happening::Sale { minor, in_euros, sales_status, asked, follows }
        }),
        2 => (1..9_000_i64, sales_status(), commission_status(), any::<bool>()).prop_map(
            |(minor, sales_status, status, follows)| Happening::Manual { minor, sales_status, status, follows }
        ),
        5 => (0..12_usize, part.clone()).prop_map(|(sale, part)| Happening::Refund { sale, part }),
        2 => part.prop_map(|part| Happening::EarlyRefund { part }),
        3 => (0..12_usize, sales_status()).prop_map(|(sale, to)| Happening::GoesOn { sale, to }),
        2 => Just(Happening::Rate),
        5 => (0..20_usize, commission_status()).prop_map(|(commission, to)| Happening::Status { commission, to }),
        1 => (0..20_usize, 0..60_u32).prop_map(|(commission, days)| Happening::Hold { commission, days }),
        1 => (0..20_usize, 1..9_000_i64).prop_map(|(commission, minor)| Happening::Amount { commission, minor }),
        1 => (0..20_usize, 1..30_000_i64).prop_map(|(commission, minor)| Happening::SaleAmount { commission, minor }),
        2 => (0..20_usize).prop_map(|commission| Happening::Delete { commission }),
        3 => referral_status().prop_map(|to| Happening::Referral { to }),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(to_bob, moves)| Happening::Reassign { to_bob, moves }),
        4 => (0..9_u8, any::<bool>()).prop_map(|(payout, of_bob)| Happening::Gather { payout, of_bob }),
        3 => (0..9_u8).prop_map(|payout| Happening::Pay { payout }),
        3 => (0..9_u8).prop_map(|payout| Happening::Release { payout }),
        2 => (1..40_u32).prop_map(|days| Happening::Days { days }),
    ]
}

fn moving(step: Step) -> Command {
    Command::MoveCommissions(MoveCommissions {
        context: context("req_move"),
        referral_id: click().id,
        scope: scope(),
        step,
    })
}

fn payout(number: u8) -> PayoutId {
    PayoutId::new(format!("pay_{number}"))
}

fn was_gathered(world: &World, number: u8) -> bool {
    world.rows().payout_lines.iter().any(|(id, ..)| *id == payout(number))
}

/// The key of the sale of this step: one that a refund waits for, where it follows one.
fn key_of(world: &World, number: usize, follows: bool) -> String {
    let waiting = world.rows().parked.into_values().next().filter(|_| follows);
    waiting.map_or_else(|| format!("s{number}"), |parked| parked.sale_key)
}

fn nth_commission(world: &World, number: usize) -> Option<Commission> {
    let rows: Vec<Commission> = world.rows().commissions.into_values().collect();
    (!rows.is_empty()).then(|| rows[number % rows.len()].clone())
}

fn nth_sale(world: &World, number: usize) -> Option<(String, Money)> {
    let rows: Vec<_> = world.rows().conversions.into_values().collect();
    let row = (!rows.is_empty()).then(|| rows[number % rows.len()].clone())?;
    Some((row.id.as_str().trim_start_matches("conv_").to_owned(), row.amount))
}

fn changed(world: &World, commission: usize, change: CommissionEdit) -> Option<Command> {
    Some(edit(nth_commission(world, commission)?.id.as_str(), change))
}

fn commands(world: &World, number: usize, happening: &Happening) -> Vec<Command> {
    let dollars = |minor: i64| Money { minor, ..money("1", "USD") };
    let one: Option<Command> = match happening.clone() {
        Happening::Sale { minor, in_euros, sales_status, asked, follows } => {
            let key = key_of(world, number, follows);
            let order = sale(&key, "1");
            let currency = money("1", if in_euros { "EUR" } else { "USD" }).currency;
            Some(Command::RecordSale(RecordSale {
                amount: Money { minor, currency },
                sales_status,
                conversion_id: ConversionId::new(format!("conv_{key}")),
                details: SaleDetails { commission_status: asked, ..order.details.clone() },
                ..order
            }))
        }
        Happening::Manual { minor, sales_status, status, follows } => {
            let commission = dollars(minor);
            let key = key_of(world, number, follows);
            Some(Command::ManualCommission(ManualCommission { sales_status, commission, status, ..manual(&key) }))
        }
        Happening::Refund { sale, part } => nth_sale(world, sale).map(|(key, whole)| {
            let amount = part.map(|part| Money { minor: (whole.minor * part / 1_000).max(1), ..whole });
            Command::Refund(Refund { amount, ..refund(&format!("r{number}"), &key, None) })
        }),
        Happening::EarlyRefund { part } => {
            let early = early_refund(&format!("r{number}"), &format!("later_{}", number / 4), None);
            Some(Command::Refund(Refund { amount: part.map(dollars), ..early }))
        }
        Happening::GoesOn { sale, to } => {
            nth_sale(world, sale).and_then(|(key, _)| goes_on(world, &key, Turn::SalesStatus(to)))
        }
        Happening::Rate => {
            world.database.put_rates([euro("1.0875")]);
            let keys = world.rows().conversions.into_keys();
            let keys = keys.map(|id| id.as_str().trim_start_matches("conv_").to_owned());
            return keys.filter_map(|key| goes_on(world, &key, Turn::RateArrived)).collect();
        }
        Happening::Status { commission, to } => {
            let change = CommissionEdit::Change { status: Some(to), hold_days: None, amount: None, sale_amount: None };
            changed(world, commission, change)
        }
        Happening::Hold { commission, days } => {
            let hold_days = Some(days);
            let change = CommissionEdit::Change { status: None, hold_days, amount: None, sale_amount: None };
            changed(world, commission, change)
        }
        Happening::Amount { commission, minor } => {
            let amount = Some(dollars(minor));
            let change = CommissionEdit::Change { status: None, hold_days: None, amount, sale_amount: None };
            changed(world, commission, change)
        }
        Happening::SaleAmount { commission, minor } => {
            let sale_amount = Some(dollars(minor));
            let change = CommissionEdit::Change { status: None, hold_days: None, amount: None, sale_amount };
            changed(world, commission, change)
        }
        Happening::Delete { commission } => changed(world, commission, CommissionEdit::Delete),
        Happening::Referral { to } => {
            let names_to_take_back = world.stored(&click().id).identities();
            let edit = EditReferral { status: Some(to), names_to_take_back, ..edit_referral() };
            Some(Command::EditReferral(edit))
        }
        Happening::Reassign { to_bob, moves } => Some(reassign(&if to_bob { bob() } else { affiliate() }, moves)),
        // A payout is gathered once.
        Happening::Gather { payout: number, .. } if was_gathered(world, number) => None,
        Happening::Gather { payout: number, of_bob } => {
            let affiliate_id = if of_bob { bob().id } else { affiliate().id };
            Some(moving(Step::Gather { payout_id: payout(number), affiliate_id }))
        }
        Happening::Pay { payout: number } => Some(moving(Step::Pay { payout_id: payout(number) })),
        Happening::Release { payout: number } => Some(moving(Step::Release { payout_id: payout(number) })),
        Happening::Days { days } => {
            world.now.set(world.now.get().plus_days(days));
            Some(moving(Step::EndHold))
        }
    };
    one.into_iter().collect()
}

/// A clawback is its owner's to forgive; histories without that say what the ledger itself makes.
fn forgives(world: &World, command: &Command) -> bool {
    let Command::EditCommission(edit) = command else { return false };
    let id: &CommissionId = &edit.commission_id;
    world.rows().commissions.get(id).is_some_and(|row| row.kind == CommissionKind::Clawback)
}

fn world(cap: Option<i64>, held: bool) -> World {
    let approval = if held { Approval::HoldPeriod { days: 30 } } else { Approval::Automatic };
    let world = World::with(|program| {
        let incentive = percentage("inc", 300_000, AppliesTo::AllPlans);
        program.incentives = vec![per_lead(500, approval), Incentive { cap_minor: cap, approval, ..incentive }];
        program.levels = vec![half(1, Base::Commission), half(2, Base::Sale)];
    });
    world.database.put_affiliate(Affiliate { recruited_by: Some(bob().id), ..affiliate() });
    world.database.put_affiliate(Affiliate { recruited_by: Some(affiliate().id), ..bob() });
    world.signs_up(sign_up(&click()));
    world
}

/// What holds of the rows at any time.
fn check(world: &World) {
    let rows = world.rows();
    let referral = world.stored(&click().id);
    let all: Vec<&Commission> = rows.commissions.values().collect();
    let counted: i64 = all.iter().map(|row| row.counted_minor(&referral.affiliate_id)).sum();
    assert_eq!(referral.commission_total_minor, counted, "the sum is not that of the rows");
    for row in &all {
        let is_due = row.status.counts() && row.deleted_at.is_none();
        assert!((row.kind == CommissionKind::Clawback) == row.amount_minor.is_some_and(|minor| minor < 0), "{row:?}");
        let waits_for_ever = row.status == CommissionStatus::Pending
            && row.amount_minor.is_some()
            && row.hold_days.is_some()
            && row.hold_until.is_none();
        assert!(!(is_due && waits_for_ever), "a hold that never ends: {row:?}");
        assert!(row.clawed_back_minor == 0 || row.status.is_paid_out(), "taken back, and not paid: {row:?}");
        if row.kind != CommissionKind::Clawback && is_due {
            check_net(row, &all, &rows.conversions);
        }
    }
    let debts = all.iter().filter(|row| row.kind == CommissionKind::Clawback && row.deleted_at.is_none());
    for debt in debts {
        let of_it = |row: &&&Commission| {
            row.kind != CommissionKind::Clawback && row.conversion_id == debt.conversion_id && row.level == debt.level
        };
        let owed: Vec<_> = all.iter().filter(of_it).collect();
        let is_had = |row: &&&&Commission| row.deleted_at.is_none() && row.status.counts() && row.clawed_back_minor > 0;
        assert_eq!(owed.iter().filter(is_had).count(), 1, "{debt:?} takes back what nobody has: {owed:?}");
    }
}

/// A commission and what takes it back are together what was earned on the rest of the sale.
fn check_net(
    row: &Commission,
    all: &[&Commission],
    conversions: &std::collections::BTreeMap<ConversionId, crate::sale::Conversion>,
) {
    let Some(conversion) = row.conversion_id.as_ref().and_then(|id| conversions.get(id)) else { return };
    let (Some(minor), Some(earned)) = (row.amount_minor, row.earned_minor) else { return };
    let is_line = |line: &&&Commission| {
        let is_of_it = line.conversion_id == row.conversion_id && line.level == row.level;
        line.kind == CommissionKind::Clawback && is_of_it && line.deleted_at.is_none()
    };
    let taken: i64 = all.iter().filter(is_line).filter_map(|line| line.amount_minor).sum();
    assert_eq!(taken, -row.clawed_back_minor, "{row:?}");
    let due = pro_rata(earned, conversion.remaining().minor, conversion.amount.minor);
    assert_eq!(minor + taken, due, "{row:?} of {conversion:?}");
}

proptest! {
    #[test]
    fn whatever_happens_the_rows_add_up(
        cap in prop::option::of(1..20_000_i64),
        held in any::<bool>(),
        history in prop::collection::vec(happening(), 1..40),
    ) {
        let world = world(cap, held);
        for (number, happening) in history.iter().enumerate() {
            for command in commands(&world, number, happening) {
                if forgives(&world, &command) {
                    continue;
                }
                match world.call(command) {
                    Ok(_) | Err(Failure::Rejected(_)) => {}
                    Err(other) => panic!("to be tried again, in vain: {other}"),
                }
                check(&world);
            }
        }
    }
}

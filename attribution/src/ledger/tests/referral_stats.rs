//! What a referral has brought, out of the rows that commands leave.

use super::World;
use super::edit_referral::edit;
use crate::fixtures::{click, money, new_year, per_lead, refund, sale, sign_up};
use crate::incentive::Approval;
use crate::ledger::{EditReferral, RecordSale};
use crate::referral_stats::ReferralStats;
use crate::status::{ReferralStatus, SalesStatus};

impl World {
    fn stats(&self) -> ReferralStats {
        let rows = self.rows();
        ReferralStats::of(rows.conversions.values(), rows.commissions.values())
    }
}

fn at(command: RecordSale, day: u32) -> RecordSale {
    RecordSale { occurred_at: Some(new_year().plus_days(day)), ..command }
}

#[test]
fn a_lead_has_brought_what_its_sign_up_earned() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.signs_up(sign_up(&click()));
    assert_eq!(world.stats(), ReferralStats { commission_minor: 500, ..ReferralStats::default() });
}

#[test]
fn revenue_and_commission_are_what_is_left_of_them() {
    let world = World::with_john();
    world.sells(at(sale("order_1", "100.00"), 3));
    world.sells(at(sale("order_2", "50.00"), 5));
    world.sells(at(sale("order_3", "10.00"), 4));
    world.pays_back(refund("r1", "order_1", Some("25")));
    world.pays_back(refund("r3", "order_3", None));
    // 75.00 + 50.00, and 22.50 + 15.00.
    let expected = ReferralStats {
        revenue_minor: 12_500,
        commission_minor: 3750,
        orders: 3,
        orders_without_rate: 0,
        last_order_at: Some(new_year().plus_days(5)),
    };
    assert_eq!(world.stats(), expected);
    // Also where it had been paid out before.
    assert_eq!(world.pays_out(), 2);
    world.pays_back(refund("r2", "order_2", Some("50")));
    let expected = ReferralStats { revenue_minor: 7500, commission_minor: 2250, ..expected };
    assert_eq!(world.stats(), expected);
}

#[test]
fn what_was_not_paid_or_not_credited_is_no_order() {
    let world = World::with_john();
    for (key, sales_status) in [("a", SalesStatus::Open), ("b", SalesStatus::Trialing), ("c", SalesStatus::Failed)] {
        world.sells(RecordSale { sales_status, ..sale(key, "10.00") });
    }
    // Paid back before it was recorded: an order that brought nothing.
    world.sells(RecordSale { sales_status: SalesStatus::Refunded, ..at(sale("d", "10.00"), 2) });
    let expected =
        ReferralStats { orders: 1, last_order_at: Some(new_year().plus_days(2)), ..ReferralStats::default() };
    assert_eq!(world.stats(), expected);
    world.changes(EditReferral { status: Some(ReferralStatus::Rejected), ..edit() });
    world.sells(sale("e", "10.00"));
    assert_eq!(world.stats(), expected);
}

#[test]
fn a_sale_without_a_rate_is_named_and_not_guessed() {
    let world = World::with_john();
    world.sells(at(RecordSale { amount: money("10.00", "EUR"), ..sale("order_1", "1") }, 2));
    let stats = world.stats();
    assert_eq!((stats.orders, stats.orders_without_rate, stats.revenue_minor, stats.commission_minor), (1, 1, 0, 0));
}

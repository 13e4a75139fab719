//! What a referred customer has brought: sums over the sales and commissions of one referral, for people who look at it.
//!
//! Sums only; what is owed is decided in [`crate::ledger`]. Nothing here keeps state.

use crate::sale::{Commission, Conversion};
use crate::status::{CommissionKind, SalesStatus};
use crate::time::Timestamp;

/// Sums over one referral, in minor units of the team's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferralStats {
    /// What was paid for its orders and not paid back, each as it was converted.
    pub revenue_minor: i64,
    /// What affiliates may keep of it, refunds taken off; who recruited them is left out.
    pub commission_minor: i64,
    /// Sales that were paid and credited, also where they were paid back later.
    pub orders: u32,
    /// Those of them whose currency has no rate yet: they are missing in the revenue.
    pub orders_without_rate: u32,
    /// The latest of them.
    pub last_order_at: Option<Timestamp>,
}

impl ReferralStats {
    /// Adds up.
    pub fn of<'a>(
        sales: impl IntoIterator<Item = &'a Conversion>,
        commissions: impl IntoIterator<Item = &'a Commission>,
    ) -> Self {
        let mut stats = Self::default();
        for sale in sales.into_iter().filter(|sale| is_order(sale)) {
            stats.orders += 1;
            stats.last_order_at = stats.last_order_at.max(Some(sale.created_at));
            match kept_of(sale) {
                Some(minor) => stats.revenue_minor = stats.revenue_minor.saturating_add(minor),
                None => stats.orders_without_rate += 1,
            }
        }
        let kept = commissions.into_iter().filter(|commission| is_kept(commission)).filter_map(Commission::amount);
        stats.commission_minor = kept.fold(0, |sum, amount| sum.saturating_add(amount.minor));
        stats
    }
}

/// A trial, or a payment that failed or has not come, is no order yet.
fn is_order(sale: &Conversion) -> bool {
    let was_paid =
        matches!(sale.sales_status, SalesStatus::Complete | SalesStatus::PartialRefunded | SalesStatus::Refunded);
    was_paid && sale.attributed
}

/// What is left of a sale in the team's currency. One that was paid back before it was recorded has no refunds to show.
fn kept_of(sale: &Conversion) -> Option<i64> {
    if sale.sales_status == SalesStatus::Refunded {
        return Some(0);
    }
    sale.remaining_converted()
}

/// What takes back a paid commission is taken off that one already.
fn is_kept(commission: &Commission) -> bool {
    let is_earned = !matches!(commission.kind, CommissionKind::Level | CommissionKind::Clawback);
    is_earned && commission.status.counts() && commission.deleted_at.is_none()
}

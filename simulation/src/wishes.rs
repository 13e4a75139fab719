//! Wishes: what persons want changed, out of what they could see: commissions, referrals, sales, payouts.
//!
//! Keeps no state.

use attribution::edits::Edit;
use attribution::ledger::{CommissionEdit, Reassignment};
use attribution::money::Money;
use attribution::referral::Referral;
use attribution::sale::{Commission, Conversion};
use attribution::status::{CommissionStatus, PayoutStatus, ReferralStatus, SalesStatus};

use crate::body::{Body, ReferralChange};
use crate::rules::everybody;
use crate::scenario::Scenario;

impl Scenario {
    /// What a person changes; `None` where there is nothing yet.
    pub(crate) fn edit(&self) -> Option<Body> {
        match self.scene.chance.between(0, 9) {
            0..5 => self.edit_commission(),
            5..8 => self.edit_referral(),
            8 => self.proceed(),
            _ => self.manual(),
        }
    }

    /// A payout of what somebody has ready, or the end of one.
    pub(crate) fn payout(&self) -> Option<Body> {
        let chance = &self.scene.chance;
        let pending = self.database.payouts.standing();
        if let Some(payout) = chance.pick(&pending).filter(|_| chance.hits(600)) {
            use PayoutStatus::{Cancelled, Completed, Failed, Processing};
            let status = chance.one_of([Completed, Completed, Completed, Failed, Cancelled, Processing]);
            return Some(Body::EndPayout { payout: payout.clone(), status });
        }
        let affiliate = chance.pick(&self.database.with_ready())?.clone();
        Some(Body::PayOut { affiliate })
    }

    fn edit_commission(&self) -> Option<Body> {
        let chance = &self.scene.chance;
        let rows = self.database.rows();
        let all: Vec<&Commission> = rows.commissions.values().filter(|row| row.deleted_at.is_none()).collect();
        let row = chance.pick(&all)?;
        let status = chance.pick(CommissionStatus::words()).and_then(|word| CommissionStatus::from_word(word));
        let likely = chance.one_of([
            CommissionStatus::ReadyForPayment,
            CommissionStatus::Declined,
            CommissionStatus::Dispute,
            CommissionStatus::Pending,
        ]);
        let wish =
            |status, hold_days, amount, sale_amount| CommissionEdit::Change { status, hold_days, amount, sale_amount };
        let minor = i64::from(chance.one_of([0, 100, 450, 2_970]));
        let amount = Money { minor, currency: row.currency };
        let edit = match chance.between(0, 9) {
            0..5 => wish(Some(likely), None, None, None),
            5 => wish(status, None, None, None),
            6 => wish(None, None, Some(amount), None),
            7 => wish(None, None, None, Some(Money { minor: minor + 1_000, currency: self.currency() })),
            8 => wish(None, Some(chance.between(0, 3)), None, None),
            _ => CommissionEdit::Delete,
        };
        Some(Body::EditCommission { referral: row.referral_id.clone(), commission: row.id.clone(), edit })
    }

    fn edit_referral(&self) -> Option<Body> {
        let chance = &self.scene.chance;
        let rows = self.database.rows();
        let all: Vec<&Referral> = rows.referrals.values().collect();
        let rejected: Vec<&Referral> =
            all.iter().copied().filter(|row| row.status == ReferralStatus::Rejected).collect();
        let some = if chance.hits(500) && !rejected.is_empty() { &rejected } else { &all };
        let referral = chance.pick(some)?.id.clone();
        let wish = match chance.between(0, 9) {
            0..2 => ReferralChange::Status(ReferralStatus::Rejected),
            2..4 => ReferralChange::Status(chance.one_of([ReferralStatus::Lead, ReferralStatus::Customer])),
            4 => ReferralChange::Status(chance.one_of([
                ReferralStatus::Deleted,
                ReferralStatus::Canceled,
                ReferralStatus::Active,
                ReferralStatus::Trialing,
            ])),
            5..8 => {
                let [bob, alice, ..] = everybody();
                let affiliate_id = if chance.hits(500) { alice } else { bob };
                let (reason, moves_unpaid) = ("a mistake".to_owned(), chance.hits(500));
                ReferralChange::Reassign(Reassignment { affiliate_id, reason, moves_unpaid })
            }
            8 if !self.is_orderly => self.names(),
            _ => ReferralChange::Milestone,
        };
        Some(Body::EditReferral { referral, change: wish })
    }

    fn names(&self) -> ReferralChange {
        let chance = &self.scene.chance;
        let edited = |prefix: &str| match chance.between(0, 3) {
            0 => Edit::Keep,
            1 => Edit::Clear,
            _ => Edit::Set(format!("{prefix}_{}", self.any_customer())),
        };
        let (user, customer) = (edited("user"), edited("cust"));
        let email = chance.hits(300).then(|| format!("{}@shop.example", self.any_customer()));
        ReferralChange::Names { user, customer, email }
    }

    fn proceed(&self) -> Option<Body> {
        let chance = &self.scene.chance;
        let rows = self.database.rows();
        let is_open = |row: &&Conversion| {
            matches!(row.sales_status, SalesStatus::Open | SalesStatus::Trialing | SalesStatus::Failed)
        };
        let open: Vec<&Conversion> = rows.conversions.values().filter(is_open).collect();
        let sale = chance.pick(&open)?.id.clone();
        let status = chance.one_of([SalesStatus::Complete, SalesStatus::Complete, SalesStatus::Trialing]);
        Some(Body::Proceed { sale, status })
    }

    fn manual(&self) -> Option<Body> {
        let chance = &self.scene.chance;
        let rows = self.database.rows();
        let all: Vec<&Referral> = rows.referrals.values().collect();
        let referral = chance.pick(&all)?.id.clone();
        let of_call = format!("order_of_call_{}", self.history.calls().len());
        let key = chance.one_of([None, Some(()), Some(())]).map(|()| of_call);
        let paid = i64::from(chance.one_of([1_000, 3_333]));
        let earned = i64::from(chance.one_of([100, 2_500]));
        let status = chance.pick(CommissionStatus::words()).and_then(|word| CommissionStatus::from_word(word))?;
        Some(Body::Manual {
            referral,
            key,
            amount: Money { minor: paid, currency: self.currency() },
            commission: Money { minor: earned, currency: self.currency() },
            status: if chance.hits(500) { CommissionStatus::ReadyForPayment } else { status },
            hold_days: chance.one_of([None, None, Some(1)]),
        })
    }
}

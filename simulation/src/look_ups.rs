//! Look-ups in the database beside the ledger's own: the outbox, and where a call's gate is.
//!
//! Keeps no state.

use attribution::fixtures;
use attribution::ids::{ConversionId, ReferralId};
use attribution::ledger::{Query, State};
use attribution::money::Money;
use attribution::referral::{Identity, Scope};
use attribution::sale::Commission;
use attribution::sale::ParkedRefund;
use attribution::status::CommissionStatus;
use attribution::time::Timestamp;
use attribution::webhooks::Line;
use std::collections::BTreeSet;

use crate::breakage::Breakage;
use crate::database::Database;

impl Database {
    /// The last position of the outbox.
    pub fn head(&self) -> i64 {
        i64::try_from(self.rows.borrow().events.len()).unwrap_or(i64::MAX)
    }

    /// The outbox, in the order of commits.
    pub fn lines(&self) -> Vec<Line> {
        let rows = self.rows.borrow();
        let lines = (1_i64..).zip(&rows.events).map(|(position, event)| Line {
            position,
            subject: event.subject.clone(),
            seq: event.seq,
            at: event.at,
            messages: event.messages.clone(),
        });
        lines.collect()
    }

    /// Referrals with a commission whose hold is over, at most so many.
    pub fn with_ended_hold(&self, now: Timestamp, limit: usize) -> Vec<ReferralId> {
        let rows = self.rows.borrow();
        let is_due = |row: &&Commission| {
            let is_over = row.hold_until.is_some_and(|end| end <= now);
            is_over && row.status == CommissionStatus::Pending && row.amount_minor.is_some() && row.deleted_at.is_none()
        };
        let due: BTreeSet<&ReferralId> =
            rows.commissions.values().filter(is_due).map(|row| &row.referral_id).take(limit).collect();
        let due: Vec<ReferralId> = due.into_iter().cloned().collect();
        if self.scene.breaks(Breakage::DueIsNotLookedAtAgain) {
            for id in &due {
                let query =
                    Query { commissions_of: Some(id.clone()), ..Query::of(fixtures::scope().program_id, false) };
                self.found.borrow_mut().insert(id.clone(), rows.read(&query));
            }
        }
        due
    }

    /// What a command is given to look at: what is there, unless that is built wrong.
    pub(crate) fn as_found(&self, query: &Query, mut state: State) -> State {
        if self.scene.breaks(Breakage::SettledWithoutCap) && query.rates.is_some() {
            state.commissions.clear();
        }
        let found = query.commissions_of.as_ref().and_then(|id| self.found.borrow_mut().remove(id));
        state.commissions = found.map_or(state.commissions, |found| found.commissions);
        state
    }

    /// Refunds that have waited too long, at most so many.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Vec<ParkedRefund> {
        let rows = self.rows.borrow();
        rows.parked.values().filter(|row| row.expires_at <= now).take(limit).cloned().collect()
    }

    /// When the next holds end and the next refunds expire.
    pub fn due_moments(&self) -> (Vec<i64>, Vec<i64>) {
        let rows = self.rows.borrow();
        let pending = rows.commissions.values().filter(|row| row.status == CommissionStatus::Pending);
        let holds = pending.filter_map(|row| row.hold_until).map(Timestamp::milliseconds).collect();
        (holds, rows.parked.values().map(|row| row.expires_at.milliseconds()).collect())
    }

    /// The key of a sale that a refund waits for that is soon given up.
    pub fn about_to_expire(&self, now: i64) -> Option<String> {
        let rows = self.rows.borrow();
        let is_soon = |row: &&ParkedRefund| (row.expires_at.milliseconds() - now).abs() < 600_000;
        rows.parked.values().find(is_soon).map(|row| row.sale_key.clone())
    }

    /// The keys of sales whose hold is about to end, or over.
    pub fn about_to_be_ready(&self, now: i64) -> Vec<(String, Money)> {
        let rows = self.rows.borrow();
        let is_soon = |row: &&Commission| row.hold_until.is_some_and(|end| end.milliseconds() < now + 10_000);
        let held = rows.commissions.values().filter(is_soon);
        let sales = held.filter_map(|row| rows.conversions.get(row.conversion_id.as_ref()?));
        sales.filter_map(|sale| Some((sale.sale_key.clone()?, sale.amount))).collect()
    }

    /// Whether a sale was recorded under this key.
    pub fn is_sold(&self, scope: &Scope, key: &str) -> bool {
        self.find_sale(scope, key).is_some()
    }

    /// The sale that was recorded under this key, and its referral.
    pub fn find_sale(&self, scope: &Scope, key: &str) -> Option<(ConversionId, ReferralId)> {
        let rows = self.rows.borrow();
        let id = rows.sale_keys.get(&(scope.program_id.clone(), scope.is_test, key.to_owned()))?;
        rows.conversions.get(id).map(|sale| (id.clone(), sale.referral_id.clone()))
    }

    /// The referral that a sale means which names its customer only by identities or by its own key.
    pub fn find_gate(&self, scope: &Scope, identities: &[Identity], sale_key: Option<&str>) -> Option<ReferralId> {
        let rows = self.rows.borrow();
        let place = |identity: &Identity| (scope.program_id.clone(), scope.is_test, identity.clone());
        let by_name = identities.iter().find_map(|identity| rows.identities.get(&place(identity)).cloned());
        by_name.or_else(|| {
            let key = (scope.program_id.clone(), scope.is_test, sale_key?.to_owned());
            let conversion = rows.sale_keys.get(&key)?;
            rows.conversions.get(conversion).map(|conversion| conversion.referral_id.clone())
        })
    }
}

//! Look-ups in the database beside the ledger's own: the outbox, and where a call's gate is.
//!
//! Keeps no state.

use attribution::ids::{ConversionId, ReferralId};
use attribution::referral::{Identity, Scope};
use attribution::webhooks::Line;

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

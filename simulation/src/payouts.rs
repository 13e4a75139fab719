//! Payouts: a person pays out what a referral had ready when they looked; it goes through the referral's gate like any
//! other command, and only what is still ready is paid.
//!
//! Keeps no state.

use attribution::fixtures;
use attribution::ids::{CommissionId, PayoutId, ReferralId};
use attribution::ledger::{Command, MoveCommissions, Step};
use attribution::status::CommissionStatus;

use crate::database::Database;
use crate::edge::{Edge, Incoming};
use crate::history::{Body, Told};
use crate::scenario::Scenario;

impl Edge {
    /// Carries out one attempt of a payout.
    pub async fn pay_out(&self, incoming: &Incoming<'_>) -> Told {
        let Body::PayOut { referral, payout, commissions } = incoming.body else {
            return Told::TryLater("no payout".to_owned());
        };
        let step = Step::PayOut { payout_id: payout.clone(), commissions: commissions.clone() };
        let command = MoveCommissions {
            context: incoming.context(true),
            referral_id: referral.clone(),
            scope: fixtures::scope(),
            step,
        };
        self.execute(incoming, Command::MoveCommissions(command)).await
    }
}

impl Scenario {
    /// A payout of what some referral has ready.
    pub(crate) fn pay_out(&self, payout: usize) -> Option<Body> {
        let ready = self.database.ready();
        let referral = self.scene.chance.pick(&ready).map(|(referral, _)| referral.clone())?;
        let of_referral = ready.into_iter().filter(|(of, _)| *of == referral);
        let commissions = of_referral.map(|(_, commission)| commission).collect();
        Some(Body::PayOut { referral, payout: PayoutId::new(format!("pay_{payout}")), commissions })
    }
}

impl Database {
    /// Commissions that could be paid now.
    fn ready(&self) -> Vec<(ReferralId, CommissionId)> {
        let rows = self.rows.borrow();
        let ready = rows.commissions.values().filter(|row| row.status == CommissionStatus::ReadyForPayment);
        ready.map(|row| (row.referral_id.clone(), row.id.clone())).collect()
    }
}

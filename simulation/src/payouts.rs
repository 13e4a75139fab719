//! Payouts: a person pays out what an affiliate has ready by a referral. The payout is a row of its own; its commissions
//! enter it and leave it through the referral's gate, like any other command.
//!
//! State: where each payout is. A repeat goes on where the first try was lost.

use std::cell::RefCell;
use std::collections::BTreeMap;

use attribution::fixtures;
use attribution::ids::{AffiliateId, PayoutId, ReferralId};
use attribution::ledger::{Change, Command, Context, MoveCommissions, Step};
use attribution::payout::Work;
use attribution::status::CommissionStatus;

use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming};
use crate::history::{Body, Told};
use crate::scenario::Scenario;

/// What is being done with each payout.
#[derive(Default)]
pub struct Payouts(RefCell<BTreeMap<PayoutId, Work>>);

impl Payouts {
    /// Begins one, unless it is there already; says where it is.
    fn open(&self, payout: &PayoutId) -> Work {
        *self.0.borrow_mut().entry(payout.clone()).or_insert(Work::Gathering)
    }

    /// It gathers no more.
    fn settle(&self, payout: &PayoutId) {
        self.0.borrow_mut().insert(payout.clone(), Work::Settling);
    }

    /// Whether a batch adds lines to payouts only that are being gathered.
    pub fn take(&self, batch: &[Change]) -> bool {
        let payouts = self.0.borrow();
        batch.iter().all(|change| match change {
            Change::AddPayoutLine(line) => payouts.get(&line.payout_id) == Some(&Work::Gathering),
            _ => true,
        })
    }
}

impl Edge {
    /// Carries out one attempt of a payout: gathers, closes, pays.
    pub async fn pay_out(&self, incoming: &Incoming<'_>) -> Told {
        self.gather_and_pay(incoming).await.unwrap_or_else(Told::TryLater)
    }

    /// The error says why the database is away.
    async fn gather_and_pay(&self, incoming: &Incoming<'_>) -> Result<Told, String> {
        let Body::PayOut { affiliate, payout, .. } = incoming.body else { return Err("no payout".to_owned()) };
        let step = Step::Gather { payout_id: payout.clone(), affiliate_id: affiliate.clone() };
        while self.is_gathering(payout).await? {
            let told = self.move_on(incoming, step.clone()).await;
            // A twin may have closed it meanwhile.
            if !matches!(told, Told::Decided(_)) && self.is_gathering(payout).await? {
                return Ok(told);
            }
            self.settle(payout).await?;
        }
        Ok(self.move_on(incoming, Step::Pay { payout_id: payout.clone() }).await)
    }

    async fn is_gathering(&self, payout: &PayoutId) -> Result<bool, String> {
        let payout = payout.clone();
        let open = move |database: &Database| Ok(database.payouts.open(&payout) == Work::Gathering);
        self.database.request(None, Kind::Other, open).await
    }

    async fn settle(&self, payout: &PayoutId) -> Result<(), String> {
        let payout = payout.clone();
        let settle = move |database: &Database| {
            database.payouts.settle(&payout);
            Ok(())
        };
        self.database.request(None, Kind::Other, settle).await
    }

    async fn move_on(&self, incoming: &Incoming<'_>, step: Step) -> Told {
        let Body::PayOut { referral, .. } = incoming.body else { return Told::TryLater("no payout".to_owned()) };
        let context = Context { idempotency: None, ..incoming.context(true) };
        let command = MoveCommissions { context, referral_id: referral.clone(), scope: fixtures::scope(), step };
        self.execute(incoming, Command::MoveCommissions(command)).await
    }
}

impl Scenario {
    /// A payout of what somebody has ready.
    pub(crate) fn pay_out(&self, payout: usize) -> Option<Body> {
        let ready = self.database.ready();
        let (referral, affiliate) = self.scene.chance.pick(&ready)?.clone();
        Some(Body::PayOut { referral, affiliate, payout: PayoutId::new(format!("pay_{payout}")) })
    }
}

impl Database {
    /// Who has a commission that could be paid now.
    fn ready(&self) -> Vec<(ReferralId, AffiliateId)> {
        let rows = self.rows.borrow();
        let ready = rows.commissions.values().filter(|row| row.status == CommissionStatus::ReadyForPayment);
        ready.map(|row| (row.referral_id.clone(), row.affiliate_id.clone())).collect()
    }
}

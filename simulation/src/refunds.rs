//! Refunds at the edge: the Worker looks for the sale that is named, and sends the refund to its gate; while the sale is
//! not known, to a place that is made from its key.
//!
//! Keeps no state.

use attribution::fixtures;
use attribution::ids::{ConversionId, Placement, ReferralId, RefundId};
use attribution::ledger::{Command, Refund};

use crate::body::Body;
use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming, SHARDS};
use crate::history::Told;

impl Edge {
    /// Carries out one attempt of a refund.
    pub async fn refund(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Refund { sale, amount, key, may_wait } = incoming.body else {
            return Told::TryLater("no refund".to_owned());
        };
        let named = sale.clone();
        let look_up = move |database: &Database| Ok(database.find_sale(&fixtures::scope(), &named));
        let known: Option<(ConversionId, ReferralId)> = match self.database.request(None, Kind::Read, look_up).await {
            Ok(known) => known,
            Err(away) => return Told::TryLater(away),
        };
        let of_key = Placement::of_identity(&fixtures::scope().program_id, sale, SHARDS);
        let gate = known.as_ref().map(|(_, referral)| referral.clone());
        let gate = gate.unwrap_or_else(|| ReferralId::mint(of_key, &mut &self.scene.chance));
        let placement = gate.placement().unwrap_or(of_key);
        let command = Refund {
            context: incoming.context(true),
            clawback_id: self.minted(incoming, self.commission_id(&gate)),
            gate,
            scope: fixtures::scope(),
            sale_key: known.is_none().then(|| sale.clone()),
            conversion_id: known.map(|(sale, _)| sale),
            amount: *amount,
            refund_key: key.clone(),
            refuses_other_body: true,
            may_wait: *may_wait,
            reason: None,
            refunded_at: None,
            currency: None,
            refund_id: self.minted(incoming, RefundId::mint(placement, &mut &self.scene.chance)),
        };
        self.execute(incoming, Command::Refund(command)).await
    }
}

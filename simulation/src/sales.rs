//! Sales at the edge: the Worker tries the gates of a sale in their order, as `worker/src/affonso/conversions.rs` does. What
//! its owner says a sale earns, and how its payment goes on, has one gate.
//!
//! Keeps no state.

use attribution::fixtures;
use attribution::ids::{CommissionId, ReferralId};
use attribution::incentive::Purchase;
use attribution::ledger::{Command, ManualCommission, Reconsider, RecordSale, Rejection, Turn};
use attribution::referral::Identity;
use attribution::sale::{Conversion, SaleDetails};
use attribution::status::SalesStatus;

use crate::body::{Body, SaleBody};
use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming};
use crate::history::Told;

impl Edge {
    /// Tries the gates that the sale names, then the one of whoever holds its names, then keeps it as nobody's.
    pub(crate) async fn sell(&self, incoming: &Incoming<'_>, sale: &SaleBody) -> Told {
        let mut gates: Vec<&ReferralId> = [&sale.referral, &sale.click].into_iter().flatten().collect();
        gates.dedup();
        for gate in gates {
            match self.sell_at(incoming, sale, gate).await {
                Told::Rejected(Rejection::ReferralNotFound) => {}
                told => return told,
            }
        }
        let users = sale.user.iter().map(Identity::external_user_id);
        let names: Vec<Identity> = users.chain(sale.customer.iter().map(Identity::customer_id)).collect();
        let key = sale.key.clone();
        let look_up = move |database: &Database| Ok(database.find_gate(&fixtures::scope(), &names, key.as_deref()));
        match self.database.request(None, Kind::Read, look_up).await {
            Err(away) => return Told::TryLater(away),
            Ok(None) => {}
            Ok(Some(gate)) => match self.sell_at(incoming, sale, &gate).await {
                Told::Rejected(Rejection::ReferralNotFound) => {}
                told => return told,
            },
        }
        if sale.dry_run {
            return Told::Rejected(Rejection::ReferralNotFound);
        }
        let (key, request_id) = (sale.key.clone(), incoming.request_id.to_owned());
        let keep = move |database: &Database| {
            database.keep_unattributed(key.as_deref().unwrap_or(&request_id), &request_id);
            Ok(())
        };
        match self.database.request(None, Kind::Other, keep).await {
            Err(away) => Told::TryLater(away),
            Ok(()) => Told::Rejected(Rejection::ReferralNotFound),
        }
    }

    async fn sell_at(&self, incoming: &Incoming<'_>, sale: &SaleBody, gate: &ReferralId) -> Told {
        let id_of = |named: &Option<ReferralId>| named.as_ref().map(|named| named.as_str().to_owned());
        let command = RecordSale {
            context: incoming.context(true),
            gate: gate.clone(),
            scope: fixtures::scope(),
            amount: sale.amount,
            sales_status: sale.status,
            sale_key: sale.key.clone(),
            further_keys: Vec::new(),
            occurred_at: None,
            details: SaleDetails {
                customer_id: sale.customer.clone(),
                external_user_id: sale.user.clone(),
                click_id: id_of(&sale.click),
                referral_id: id_of(&sale.referral),
                purchase: Purchase { is_subscription: sale.is_subscription, ..Purchase::default() },
                commission_status: sale.asked,
                ..SaleDetails::default()
            },
            conversion_id: self.minted(incoming, self.conversion_id(gate)),
            commission_id: self.minted(incoming, self.commission_id(gate)),
            dry_run: sale.dry_run,
        };
        self.execute(incoming, Command::RecordSale(command)).await
    }

    /// Carries out one attempt of a commission that its owner names.
    pub(crate) async fn record_by_hand(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Manual { referral, key, amount, commission, status, hold_days } = incoming.body else {
            return Told::TryLater("no commission".to_owned());
        };
        let command = ManualCommission {
            context: incoming.context(true),
            gate: referral.clone(),
            scope: fixtures::scope(),
            amount: *amount,
            sales_status: SalesStatus::Complete,
            commission: *commission,
            status: *status,
            hold_days: *hold_days,
            sale_key: key.clone(),
            occurred_at: None,
            details: SaleDetails::default(),
            conversion_id: self.minted(incoming, self.conversion_id(referral)),
            commission_id: self.minted(incoming, self.commission_id(referral)),
        };
        self.execute(incoming, Command::ManualCommission(command)).await
    }

    /// Carries out one attempt of a sale that goes on.
    pub(crate) async fn proceed(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Proceed { sale, status } = incoming.body else { return Told::TryLater("no sale".to_owned()) };
        let named = sale.clone();
        let look_up = move |database: &Database| Ok(database.rows().conversions.get(&named).cloned());
        let sale = match self.database.request(None, Kind::Read, look_up).await {
            Err(away) => return Told::TryLater(away),
            Ok(None) => return Told::Rejected(Rejection::SaleNotFound),
            Ok(Some(sale)) => sale,
        };
        let command = Reconsider {
            context: incoming.context(true),
            commission_id: self.minted(incoming, self.commission_id(&sale.referral_id)),
            ..goes_on(sale, Turn::SalesStatus(*status))
        };
        self.execute(incoming, Command::Reconsider(command)).await
    }
}

/// What has happened to a sale; who says it, and the id of what it may earn, are the caller's.
pub fn goes_on(sale: Conversion, turn: Turn) -> Reconsider {
    Reconsider {
        context: fixtures::context(""),
        gate: sale.referral_id,
        scope: sale.scope,
        conversion_id: sale.id,
        currency: sale.amount.currency,
        occurred_at: sale.created_at,
        turn,
        commission_id: CommissionId::new(""),
    }
}

//! A payment becomes a sale: once, whoever said it first.

use attribution::decision::Reason;
use attribution::ids::{CommissionId, ConversionId};
use attribution::ledger::{Command, Outcome, RecordSale, Rejection};
use attribution::referral::Referral;
use attribution::sale::{Conversion, SaleDetails};
use attribution::status::SalesStatus;
use attribution::stripe::{Body, Fact, Sale};
use serde_json::{Value, json};

use super::customer::Found;
use super::desk::{Desk, Done, names_of_referral, sale_names};
use crate::funnel::Refusal;
use crate::platform::{SystemRandom, now};
use crate::store::unattributed_sale::{self, UnattributedSale};
use crate::store::{conversion, provider_fact, referral};

impl Desk<'_> {
    /// Records a sale, unless it is recorded: by another event, or by the API under one of its keys.
    pub(super) async fn sell(&self, fact: &Fact, sold: &Sale) -> Result<Done, Refusal> {
        let known = conversion::of_any_key(&self.funnel.database, &self.scope, &fact.sale_keys).await?;
        if let Some(sale) = known {
            return self.meet(fact, &sale.conversion).await;
        }
        let found = self.find_customer(&fact.names).await?;
        let Some(referral) = found.referral.clone() else { return Ok(Done::Waits) };
        let referral = self.teach(referral, &fact.names).await?;
        let sale = match self.record(fact, sold, &referral).await {
            // It went while this was decided; the next look-up finds who there is.
            Err(Refusal::Rejected(Rejection::ReferralNotFound)) => {
                return Err(Refusal::TryLater("a sale's referral went away".to_owned()));
            }
            answer => answer?,
        };
        if found.is_misnamed {
            self.list_misnamed(fact, sold, &found, &sale).await?;
        }
        // The same sale under another key, recorded meanwhile.
        self.link_keys(&sale, &fact.sale_keys).await?;
        self.stand_again(fact).await?;
        Ok(Done::Applied(names_of_referral(&referral).into_iter().chain(sale_names(&fact.sale_keys)).collect()))
    }

    async fn record(&self, fact: &Fact, sold: &Sale, referral: &Referral) -> Result<Conversion, Refusal> {
        let placement = referral.id.placement().unwrap_or_else(|| self.funnel.any_placement());
        let mut about = sold.about.clone();
        about.insert("paid_minor".to_owned(), sold.paid_minor.into());
        let command = RecordSale {
            context: self.context(),
            gate: referral.id.clone(),
            scope: self.scope.clone(),
            amount: sold.amount,
            sales_status: SalesStatus::Complete,
            sale_key: fact.sale_keys.first().cloned(),
            further_keys: fact.sale_keys.iter().skip(1).cloned().collect(),
            occurred_at: Some(sold.paid_at),
            details: SaleDetails {
                referral_id: Some(referral.id.as_str().to_owned()),
                subscription_id: fact.names.subscription.clone(),
                purchase: sold.purchase.clone(),
                metadata: Some(json!({ "stripe": about })),
                ..SaleDetails::default()
            },
            conversion_id: ConversionId::mint(placement, &mut SystemRandom),
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
            dry_run: false,
        };
        match self.funnel.execute(Command::RecordSale(command)).await?.outcome {
            Outcome::Sale { sale, .. } => Ok(sale.conversion),
            other => Err(Refusal::TryLater(format!("a sale came to {}", other.name()))),
        }
    }

    /// The sale is recorded: its further keys find it from now on, its payment has come, and its customer is known.
    async fn meet(&self, fact: &Fact, sale: &Conversion) -> Result<Done, Refusal> {
        self.link_keys(sale, &fact.sale_keys).await?;
        if matches!(sale.sales_status, SalesStatus::Open | SalesStatus::Trialing | SalesStatus::Failed) {
            match self.funnel.move_sale(self.context(), sale, SalesStatus::Complete).await {
                Ok(_) | Err(Refusal::Rejected(Rejection::NoSuchTransition { .. })) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let mut names = sale_names(&fact.sale_keys);
        if let Some(referral) = referral::find(&self.funnel.database, &sale.referral_id).await? {
            names.extend(names_of_referral(&self.teach(referral, &fact.names).await?));
        }
        self.stand_again(fact).await?;
        Ok(Done::Applied(names))
    }

    /// A sale moves its customer on; a subscription that has ended since has the last word.
    async fn stand_again(&self, fact: &Fact) -> Result<(), Refusal> {
        let Some(subscription) = &fact.names.subscription else { return Ok(()) };
        let stored = provider_fact::find(&self.funnel.database, &self.scope, subscription).await?;
        if let Some(stored) = &stored
            && let Body::Subscription(state) = &stored.fact.body
        {
            self.subscription(&stored.fact, state).await?;
        }
        Ok(())
    }

    /// All the keys are one sale's.
    pub(super) async fn link(&self, fact: &Fact) -> Result<Done, Refusal> {
        let known = conversion::of_any_key(&self.funnel.database, &self.scope, &fact.sale_keys).await?;
        let Some(sale) = known else { return Ok(Done::Waits) };
        self.link_keys(&sale.conversion, &fact.sale_keys).await?;
        Ok(Done::Applied(sale_names(&fact.sale_keys)))
    }

    async fn link_keys(&self, sale: &Conversion, keys: &[String]) -> Result<(), Refusal> {
        Ok(provider_fact::link_sale(&self.funnel.database, &self.scope, &sale.id, keys).await?)
    }

    /// Lists a sale that waits for its customer, with everything that it was compared to.
    pub(super) async fn list_unattributed(&self, fact: &Fact, sold: &Sale) -> Result<(), Refusal> {
        let found = self.find_customer(&fact.names).await?;
        let row = self.listed(fact, sold, &found, Reason::ReferralNotFound, None);
        Ok(unattributed_sale::record(&self.funnel.database, &row).await?)
    }

    /// Lists a sale that is credited, although the merchant's metadata names somebody who does not exist.
    async fn list_misnamed(&self, fact: &Fact, sold: &Sale, found: &Found, sale: &Conversion) -> Result<(), Refusal> {
        let row = self.listed(fact, sold, found, Reason::IdentifierUnknown, Some(sale.id.clone()));
        Ok(unattributed_sale::record(&self.funnel.database, &row).await?)
    }

    fn listed(
        &self,
        fact: &Fact,
        sold: &Sale,
        found: &Found,
        reason: Reason,
        conversion_id: Option<ConversionId>,
    ) -> UnattributedSale {
        let event = fact.said_by.as_ref();
        let detail = json!({
            "referral_id": Value::Null,
            "click_id": fact.names.clicks.first(),
            "external_user_id": fact.names.users.first(),
            "customer_id": fact.names.customer,
            "provider": "stripe",
            "event_type": event.map(|(kind, _)| kind),
            "event_id": event.map(|(_, id)| id),
            "sale_keys": fact.sale_keys,
            "tried": found.tried,
        });
        UnattributedSale {
            scope: self.scope.clone(),
            sale_key: fact.sale_keys.first().unwrap_or(&fact.object).clone(),
            amount: sold.amount,
            reason,
            detail,
            request_id: self.context().request_id,
            at: now(),
            conversion_id,
        }
    }
}

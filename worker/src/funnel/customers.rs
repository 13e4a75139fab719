//! Customers: what a call names them by, to which gates that leads, and what is reported of them.
//!
//! State: none. A gate that is found by a name is an address only; what the name means is read again behind the gate.

use attribution::ids::{CommissionId, ProgramId, ReferralId};
use attribution::ledger::{
    Answer, Command, Context, EditReferral, FirstSeen, Milestone, Outcome, Rejection, SignUp, Unavailable, UnknownClick,
};
use attribution::referral::{Identity, Referral, Scope};
use attribution::sale::SaleDetails;
use attribution::time::Timestamp;
use serde_json::{Map, Value};

use super::{Funnel, Recorded, Refusal, unexpected_outcome};
use crate::input;
use crate::platform::SystemRandom;
use crate::store;

/// The identifiers by which a call names its customer, as they were sent.
#[derive(Clone, Debug, Default)]
pub struct CustomerNames {
    /// The referral.
    pub referral: Option<String>,
    /// The click that it was.
    pub click: Option<String>,
    /// The merchant's user.
    pub user: Option<String>,
    /// The billing customer.
    pub customer: Option<String>,
}

impl CustomerNames {
    /// Those of a sale.
    pub fn of(details: &SaleDetails) -> Self {
        Self {
            referral: details.referral_id.clone(),
            click: details.click_id.clone(),
            user: details.external_user_id.clone(),
            customer: details.customer_id.clone(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let all = [&self.referral, &self.click, &self.user, &self.customer];
        all.into_iter().all(Option::is_none)
    }

    /// The names of the customer among them: the merchant's user first, for it wins.
    pub fn identities(&self) -> Vec<Identity> {
        let user = self.user.iter().map(Identity::external_user_id);
        user.chain(self.customer.iter().map(Identity::customer_id)).collect()
    }
}

/// What happened to a customer.
pub struct NewEvent {
    /// Who asks; with a key, since a line that was written does not tell whose it is.
    pub context: Context,
    /// The caller's program.
    pub scope: Scope,
    /// What the caller knows the customer by.
    pub names: CustomerNames,
    /// What is put on record.
    pub milestone: Option<Milestone>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Whether it makes a click that is still open a lead.
    pub opens_click: bool,
    /// What else was sent; kept in the line of such a lead.
    pub sent: Map<String, Value>,
}

impl Funnel {
    /// Records an event at the first of its gates that knows the customer. It is new where anything was written for it.
    pub async fn record_event(&self, event: NewEvent) -> Result<Recorded<Referral>, Refusal> {
        let named = self.named_gates(&event.names);
        for gate in &named {
            match self.record_event_at(&event, gate, &named).await {
                Err(Refusal::Rejected(Rejection::ReferralNotFound)) => {}
                answer => return answer,
            }
            if let Some(recorded) = self.open_click(&event, gate, &named).await? {
                return Ok(recorded);
            }
        }
        let gate = self.find_gate(&event.scope, &event.names.identities(), None).await?;
        // Nobody's, unless it was recorded while the customer was known: its key says so at any gate.
        let any = || ReferralId::mint(self.any_placement(), &mut SystemRandom);
        self.record_event_at(&event, &gate.unwrap_or_else(any), &named).await
    }

    async fn record_event_at(
        &self,
        event: &NewEvent,
        gate: &ReferralId,
        named: &[ReferralId],
    ) -> Result<Recorded<Referral>, Refusal> {
        let command = EditReferral {
            same_as: named.to_vec(),
            known_as: event.names.identities(),
            milestone: event.milestone.clone(),
            occurred_at: event.occurred_at,
            ..EditReferral::of(event.context.clone(), gate.clone(), event.scope.clone())
        };
        let Answer { outcome, replayed } = self.execute(Command::EditReferral(command)).await?;
        match outcome {
            Outcome::Referral { referral, first_seen, .. } => {
                Ok(Recorded { row: *referral, is_new: first_seen == FirstSeen::Now, replayed })
            }
            other => Err(unexpected_outcome(&other)),
        }
    }

    /// Makes an open click a lead, and then records what else the event says; `None` where there is no such click, or the
    /// event opens none. A call that ends between the two is completed by its repeat.
    async fn open_click(
        &self,
        event: &NewEvent,
        click: &ReferralId,
        named: &[ReferralId],
    ) -> Result<Option<Recorded<Referral>>, Refusal> {
        if !event.opens_click {
            return Ok(None);
        }
        let placement = click.placement().unwrap_or_else(|| self.any_placement());
        let command = SignUp {
            context: Context { idempotency: None, ..event.context.clone() },
            click_id: click.clone(),
            unknown_click: UnknownClick::Refuse,
            program_id: Some(event.scope.program_id.clone()),
            origin: None,
            verified: true,
            keep_address: true,
            identity_required: false,
            only_leads: false,
            external_user_id: event.names.user.clone(),
            email: None,
            name: None,
            detail: event.sent.clone(),
            caller_address: None,
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        let lead = match self.record_referral(Command::SignUp(command)).await {
            Err(Refusal::Rejected(Rejection::ClickNotFound)) => return Ok(None),
            answer => answer?,
        };
        let (referral, _) = lead.row;
        let recorded = self.record_event_at(event, &referral.id, named).await?;
        // A repeat at the same time may have recorded the event meanwhile; the call that made the lead is still the first.
        let is_new = recorded.is_new || lead.is_new;
        Ok(Some(Recorded { is_new, replayed: recorded.replayed && !lead.is_new, ..recorded }))
    }

    /// The gates that a call names itself: its referral, then its click.
    pub(super) fn named_gates(&self, names: &CustomerNames) -> Vec<ReferralId> {
        let ids = [names.referral.as_deref(), names.click.as_deref()];
        let shards = self.settings.click_shards;
        let mut gates: Vec<_> = ids.into_iter().flatten().filter_map(|id| input::referral_id(id, shards)).collect();
        gates.dedup();
        gates
    }

    /// The gate of whoever holds one of these names, else of the referral under which a sale with this key was recorded
    /// before.
    pub(super) async fn find_gate(
        &self,
        scope: &Scope,
        identities: &[Identity],
        sale_key: Option<&str>,
    ) -> Result<Option<ReferralId>, Unavailable> {
        store::referral::find_gate(&self.database, &scope.program_id, scope.is_test, identities, sale_key).await
    }

    /// The gate of the customer whom a program's merchant knows by this user id.
    pub async fn find_customer(
        &self,
        program: &ProgramId,
        is_test: bool,
        external_user_id: &str,
    ) -> Result<Option<ReferralId>, Unavailable> {
        let identities = [Identity::external_user_id(external_user_id)];
        store::referral::find_gate(&self.database, program, is_test, &identities, None).await
    }
}

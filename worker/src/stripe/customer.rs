//! Whose customer an event is about: by click, user, Stripe's customer, e-mail, subscription, in this order.

use attribution::email::EmailAddress;
use attribution::ids::CommissionId;
use attribution::ledger::{Command, EditReferral, Outcome, Rejection, SignUp, UnknownClick};
use attribution::referral::{Identity, IdentityKind, Referral};
use attribution::status::ReferralStatus;
use attribution::stripe::{Body, Fact, Names, Subscription, SubscriptionTurn};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Done, names_of_referral};
use crate::funnel::Refusal;
use crate::input;
use crate::platform::SystemRandom;
use crate::store::provider_fact::{self, FactName};
use crate::store::referral;

/// What a look-up came to.
pub(super) struct Found {
    /// The customer's referral.
    pub referral: Option<Referral>,
    /// Names by which it was looked for, in order, and which of them led nowhere.
    pub tried: Vec<Value>,
    /// Whether the merchant's own metadata names somebody who does not exist.
    pub is_misnamed: bool,
}

impl Desk<'_> {
    /// All the names are one customer's.
    pub(super) async fn know(&self, names: &Names) -> Result<Done, Refusal> {
        let Some(referral) = self.find_customer(names).await?.referral else { return Ok(Done::Waits) };
        let referral = self.teach(referral, names).await?;
        Ok(Done::Applied(names_of_referral(&referral)))
    }

    /// How a subscription stands moves its customer: what other subscriptions they have counts too.
    pub(super) async fn subscription(&self, fact: &Fact, subscription: &Subscription) -> Result<Done, Refusal> {
        let Some(referral) = self.find_customer(&fact.names).await?.referral else { return Ok(Done::Waits) };
        let referral = self.teach(referral, &fact.names).await?;
        let turn = self.turn_of_customer(fact, subscription).await?;
        let names = names_of_referral(&referral);
        let Some(next) = turn.moves(referral.status) else { return Ok(Done::Applied(names)) };
        let edit = EditReferral {
            status: Some(next),
            occurred_at: Some(subscription.at),
            ..EditReferral::of(self.context(), referral.id.clone(), self.scope.clone())
        };
        match self.funnel.execute(Command::EditReferral(edit)).await {
            // It has moved on meanwhile.
            Ok(_) | Err(Refusal::Rejected(Rejection::NoSuchTransition { .. })) => Ok(Done::Applied(names)),
            Err(refusal) => Err(refusal),
        }
    }

    /// The best of a customer's subscriptions.
    async fn turn_of_customer(&self, fact: &Fact, own: &Subscription) -> Result<SubscriptionTurn, Refusal> {
        let customer = fact.names.customer.iter();
        let names: Vec<FactName> = customer
            .map(|value| FactName { kind: IdentityKind::ProviderCustomerId.as_str(), value: value.clone() })
            .collect();
        let facts = provider_fact::of_names(&self.funnel.database, &self.scope, &names, false).await?;
        let turns = facts.iter().filter_map(|stored| match &stored.fact.body {
            Body::Subscription(other) if stored.fact.object != fact.object => Some(other.turn),
            _ => None,
        });
        let turns: Vec<SubscriptionTurn> = turns.chain([own.turn]).collect();
        let best = [SubscriptionTurn::Active, SubscriptionTurn::Trialing];
        Ok(best.into_iter().find(|turn| turns.contains(turn)).unwrap_or(SubscriptionTurn::Canceled))
    }

    /// Looks a customer up. A click that is still open becomes their sign-up: whoever pays has signed up.
    pub(super) async fn find_customer(&self, names: &Names) -> Result<Found, Refusal> {
        let mut found = Found { referral: None, tried: Vec::new(), is_misnamed: false };
        for click in names.clicks.iter().chain(&names.reference) {
            let referral = self.find_by_click(click, names).await?;
            let is_named = names.clicks.contains(click);
            found.is_misnamed |= referral.is_none() && is_named;
            if referral.is_none() || is_named {
                found.tried.push(tried("click_id", click, referral.as_ref()));
            }
            if found.referral.is_none() {
                found.referral = referral;
            }
        }
        let identities = names.identities();
        let holders = referral::holders(&self.funnel.database, &self.scope, &identities).await?;
        for identity in &identities {
            let holder = holders.iter().find(|(held, _)| held == identity).map(|(_, referral)| referral);
            let holder = holder.filter(|referral| is_there(referral));
            let is_known = |referral: &Referral| referral.identities().contains(identity);
            // The first name of a customer who had none is no wrong one: they learn it now.
            let is_first =
                found.referral.as_ref().is_some_and(|one| one.lacks(IdentityKind::ExternalUserId) || is_known(one));
            let is_user = identity.kind == IdentityKind::ExternalUserId && names.users.contains(&identity.value);
            found.is_misnamed |= is_user && holder.is_none() && !is_first;
            found.tried.push(tried(identity.kind.as_str(), shown(identity, names).as_str(), holder));
            if found.referral.is_none() {
                found.referral = holder.cloned();
            }
        }
        Ok(found)
    }

    /// The referral that a click is, or becomes.
    async fn find_by_click(&self, click: &str, names: &Names) -> Result<Option<Referral>, Refusal> {
        let Some(id) = input::referral_id(click, self.funnel.settings.click_shards) else { return Ok(None) };
        if let Some(referral) = referral::find(&self.funnel.database, &id).await? {
            return Ok(Some(referral).filter(|referral| referral.scope == self.scope && is_there(referral)));
        }
        let placement = id.placement().unwrap_or_else(|| self.funnel.any_placement());
        let sign_up = SignUp {
            context: self.context(),
            click_id: id,
            unknown_click: UnknownClick::Refuse,
            program_id: Some(self.scope.program_id.clone()),
            origin: None,
            verified: true,
            keep_address: true,
            identity_required: false,
            only_leads: false,
            external_user_id: names.users.first().cloned(),
            email: names.email.clone(),
            name: names.name.clone(),
            detail: Map::new(),
            caller_address: None,
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        match self.funnel.execute(Command::SignUp(sign_up)).await {
            Ok(answer) => match answer.outcome {
                Outcome::Referral { referral, .. } => Ok(Some(*referral)),
                other => Err(Refusal::TryLater(format!("a sign-up came to {}", other.name()))),
            },
            Err(Refusal::Rejected(Rejection::ClickNotFound | Rejection::OtherProgram)) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The customer's further names become the referral's, as far as nobody holds them.
    pub(super) async fn teach(&self, referral: Referral, names: &Names) -> Result<Referral, Refusal> {
        if !referral.status.holds_identities() || referral.erased_at.is_some() {
            return Ok(referral);
        }
        let user = names.users.first().filter(|_| referral.lacks(IdentityKind::ExternalUserId));
        let wanted = names.of_provider().into_iter().chain(user.map(Identity::external_user_id));
        let held = referral.identities();
        let new: Vec<Identity> = wanted.filter(|identity| !held.contains(identity)).collect();
        if new.is_empty() || !referral.has_room() {
            return Ok(referral);
        }
        let holders = referral::holders(&self.funnel.database, &self.scope, &new).await?;
        let is_free = |identity: &Identity| holders.iter().all(|(taken, _)| taken != identity);
        let free: Vec<Identity> = new.into_iter().filter(is_free).collect();
        if free.is_empty() {
            return Ok(referral);
        }
        let edit = EditReferral {
            known_as: free,
            ..EditReferral::of(self.context(), referral.id.clone(), self.scope.clone())
        };
        match self.funnel.execute(Command::EditReferral(edit)).await?.outcome {
            Outcome::Referral { referral, .. } => Ok(*referral),
            other => Err(Refusal::TryLater(format!("an edit came to {}", other.name()))),
        }
    }
}

/// What was deleted, or erased, is nobody's any more.
fn is_there(referral: &Referral) -> bool {
    referral.status != ReferralStatus::Deleted && referral.erased_at.is_none()
}

/// An address is shown masked.
fn shown(identity: &Identity, names: &Names) -> String {
    match identity.kind {
        IdentityKind::EmailHash => names.email.as_ref().map(EmailAddress::masked).unwrap_or_default(),
        _ => identity.value.clone(),
    }
}

fn tried(kind: &str, value: &str, found: Option<&Referral>) -> Value {
    let kind = if kind == IdentityKind::EmailHash.as_str() { "email" } else { kind };
    json!({ "name": kind, "value": value, "referral_id": found.map(|referral| referral.id.as_str()) })
}

//! Where facts are carried out: each as far as it can be, and whatever it makes possible with it.

use std::collections::HashSet;

use attribution::email::EmailHasher;
use attribution::ids::mint;
use attribution::ledger::{Context, Reach, Rejection, Unavailable};
use attribution::program::Program;
use attribution::referral::{Identity, Referral, Scope};
use attribution::retention::{PROVIDER_STATE_DAYS, WAITING_FACT_DAYS};
use attribution::status::EmailPolicy;
use attribution::stripe::{Body, Fact};
use worker::console_error;

use crate::configuration::remembers_stripe;
use crate::funnel::{Funnel, Refusal};
use crate::platform::{SystemRandom, now};
use crate::store::provider_fact::{self, FactName, NewFact, StoredFact};

/// So often is a fact merged anew when somebody else was faster.
const MAX_ATTEMPTS: u32 = 5;

/// What one fact makes possible is followed so far in one call; the scheduler goes on.
const MAX_ROUNDS: u32 = 8;

/// What came of a fact.
pub(super) enum Done {
    /// It is carried out; whatever waits under these names may be possible now.
    Applied(Vec<FactName>),
    /// The sale or the customer that it is about is not known.
    Waits,
}

/// Carries out what is said of one program in one mode.
pub struct Desk<'a> {
    pub(super) funnel: &'a Funnel,
    pub(super) scope: Scope,
    pub(super) program: Program,
    pub(super) hasher: EmailHasher,
    request_id: String,
}

impl<'a> Desk<'a> {
    /// The desk of a program that a connection, or a row, names.
    pub async fn of(funnel: &'a Funnel, scope: Scope, request_id: &str) -> Result<Self, Unavailable> {
        let program = funnel.program(&scope.program_id).await?;
        let hasher = EmailHasher::for_program(funnel.settings.identity_secret.as_bytes(), &scope.program_id);
        Ok(Self { funnel, scope, program, hasher, request_id: request_id.to_owned() })
    }

    /// Who asks, for the ledger.
    pub(super) fn context(&self) -> Context {
        Context {
            request_id: self.request_id.clone(),
            actor: "stripe".to_owned(),
            reach: Reach {
                team_id: Some(self.scope.team_id.clone()),
                program_id: Some(self.scope.program_id.clone()),
                is_test: Some(self.scope.is_test),
            },
            idempotency: None,
        }
    }

    /// Carries out, or keeps, all facts of an event; says why nothing can ever come of one, where that is so.
    pub async fn take_all(&self, facts: Vec<Fact>) -> Result<Option<&'static str>, Refusal> {
        let mut refused = None;
        for fact in facts {
            if self.is_of_other_program(&fact) {
                refused = Some("other_program");
                continue;
            }
            match self.take(self.with_hash(fact)).await {
                // No try will ever end otherwise: sending it again helps nobody.
                Err(Refusal::Rejected(Rejection::TotalTooLarge)) => refused = Some("total_too_large"),
                Err(Refusal::Rejected(rejection)) => {
                    return Err(Refusal::TryLater(format!("stripe: refused for now: {}", rejection.name())));
                }
                other => other?,
            }
        }
        Ok(refused)
    }

    /// An account may serve several programs, and its metadata says which one is meant.
    fn is_of_other_program(&self, fact: &Fact) -> bool {
        let is_this =
            |named: &String| *named == self.scope.program_id.as_str() || *named == self.program.number.to_string();
        fact.names.program.as_ref().is_some_and(|named| !is_this(named))
    }

    fn with_hash(&self, mut fact: Fact) -> Fact {
        let email = fact.names.email.as_ref().filter(|_| self.program.email_policy != EmailPolicy::Off);
        fact.names.email_hash = email.map(|email| self.hasher.hash(email));
        fact
    }

    async fn take(&self, fact: Fact) -> Result<(), Refusal> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = provider_fact::find(&self.funnel.database, &self.scope, &fact.object).await?;
            let merged = match &stored {
                Some(stored) => {
                    let (email, name) = (fact.names.email.clone(), fact.names.name.clone());
                    let mut merged = stored.fact.clone().merge(fact.clone());
                    (merged.names.email, merged.names.name) = (email, name);
                    merged
                }
                None => fact.clone(),
            };
            // The last state is written before it is acted on, so that what comes too late meets it.
            if merged.is_state() && !self.keep(&merged, stored.as_ref()).await? {
                continue;
            }
            if let Done::Applied(names) = self.apply(&merged).await? {
                self.settle(&merged.object).await?;
                return self.go_on(names).await;
            }
            if !merged.is_state() && !self.keep(&merged, stored.as_ref()).await? {
                continue;
            }
            // Once more: what it waits for may have come while it was written.
            if let Done::Applied(names) = self.apply(&merged).await? {
                self.settle(&merged.object).await?;
                return self.go_on(names).await;
            }
            return Ok(());
        }
        Err(Refusal::TryLater("a provider's fact was changed again and again".to_owned()))
    }

    /// Stores a fact that waits; false where somebody else was faster.
    async fn keep(&self, fact: &Fact, stored: Option<&StoredFact>) -> Result<bool, Refusal> {
        let plain = without_address(fact);
        if stored.is_some_and(|stored| stored.fact == plain && (stored.waits || fact.is_state())) {
            return Ok(true);
        }
        if let Body::Sale(sold) = &fact.body {
            self.list_unattributed(fact, sold).await?;
        }
        let at = now();
        let new = NewFact {
            scope: &self.scope,
            fact: &plain,
            names: &names_of(&plain),
            waits: true,
            read: stored.map(|stored| stored.version),
            at,
            expires_at: at.plus_days(WAITING_FACT_DAYS),
        };
        Ok(provider_fact::put(&self.funnel.database, &new).await?)
    }

    /// A fact that was carried out waits no longer; of a state it is kept what it was.
    async fn settle(&self, object: &str) -> Result<(), Refusal> {
        let Some(stored) = provider_fact::find(&self.funnel.database, &self.scope, object).await? else {
            return Ok(());
        };
        self.settle_stored(&stored).await
    }

    async fn settle_stored(&self, stored: &StoredFact) -> Result<(), Refusal> {
        if !stored.fact.is_state() {
            return Ok(provider_fact::forget(&self.funnel.database, stored).await?);
        }
        if stored.waits {
            let at = now();
            let new = NewFact {
                scope: &self.scope,
                fact: &stored.fact,
                names: &[],
                waits: false,
                read: Some(stored.version),
                at,
                expires_at: at.plus_days(PROVIDER_STATE_DAYS),
            };
            // One that has changed meanwhile is carried out by whoever changed it.
            provider_fact::put(&self.funnel.database, &new).await?;
        }
        Ok(())
    }

    /// Carries out what waits under these names, and what that makes possible.
    pub async fn go_on(&self, names: Vec<FactName>) -> Result<(), Refusal> {
        let mut names = names;
        for _ in 0..MAX_ROUNDS {
            if names.is_empty() {
                return Ok(());
            }
            let mut facts = provider_fact::of_names(&self.funnel.database, &self.scope, &names, true).await?;
            facts.sort_by_key(|stored| order(&stored.fact));
            names = Vec::new();
            for stored in facts {
                names.extend(self.apply_stored(&stored).await?);
            }
        }
        Ok(())
    }

    /// Carries one stored fact out, if that is possible now; the names under which something else may be.
    pub async fn apply_stored(&self, stored: &StoredFact) -> Result<Vec<FactName>, Refusal> {
        match self.apply(&stored.fact).await? {
            Done::Applied(names) => {
                self.settle_stored(stored).await?;
                Ok(names)
            }
            Done::Waits => Ok(Vec::new()),
        }
    }

    async fn apply(&self, fact: &Fact) -> Result<Done, Refusal> {
        match &fact.body {
            Body::Customer => self.know(&fact.names).await,
            Body::SameSale => self.link(fact).await,
            Body::Sale(sold) => self.sell(fact, sold).await,
            Body::PaidBack(paid_back) => self.pay_back(fact, paid_back).await,
            Body::Dispute(dispute) => self.dispute(fact, dispute).await,
            Body::Subscription(subscription) => self.subscription(fact, subscription).await,
        }
    }
}

/// Customers before their sales, sales before what becomes of them.
fn order(fact: &Fact) -> u8 {
    match fact.body {
        Body::Customer => 0,
        Body::SameSale => 1,
        Body::Sale(_) => 2,
        Body::PaidBack(_) => 3,
        Body::Dispute(_) => 4,
        Body::Subscription(_) => 5,
    }
}

/// The fact as it is stored.
fn without_address(fact: &Fact) -> Fact {
    let mut plain = fact.clone();
    plain.names.email = None;
    plain.names.name = None;
    plain
}

/// Everything by which a fact is found when what it waits for comes.
fn names_of(fact: &Fact) -> Vec<FactName> {
    let clicks = fact.names.clicks.iter().chain(&fact.names.reference).map(|click| referral_name(click));
    let identities = fact.names.identities();
    let names = clicks.chain(identity_names(&identities)).chain(sale_names(&fact.sale_keys));
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert((name.kind, name.value.clone()))).collect()
}

fn referral_name(id: &str) -> FactName {
    FactName { kind: "referral", value: id.to_owned() }
}

fn identity_names(identities: &[Identity]) -> impl Iterator<Item = FactName> {
    identities.iter().map(|identity| FactName { kind: identity.kind.as_str(), value: identity.value.clone() })
}

/// The names of facts about a sale with any of these keys.
pub fn sale_names(keys: &[String]) -> Vec<FactName> {
    keys.iter().map(|key| FactName { kind: "sale_key", value: key.clone() }).collect()
}

/// The names of facts about a referral's customer.
pub fn names_of_referral(referral: &Referral) -> Vec<FactName> {
    std::iter::once(referral_name(referral.id.as_str())).chain(identity_names(&referral.identities())).collect()
}

/// What waited for a customer, or a sale, that a call has just made known. Costs one look-up, and nothing where the
/// program has no connection to Stripe. What fails here is done by the scheduler.
pub async fn go_on_after(funnel: &Funnel, scope: &Scope, names: Vec<FactName>) {
    if !remembers_stripe(&scope.program_id) {
        return;
    }
    let done = async {
        let desk = Desk::of(funnel, scope.clone(), &mint("req", &mut SystemRandom)).await?;
        desk.go_on(names).await
    };
    if let Err(refusal) = done.await {
        console_error!("stripe: what waited is left to the scheduler: {refusal:?}");
    }
}

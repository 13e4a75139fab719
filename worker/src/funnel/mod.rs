//! The way of a command from a dialect to the ledger and back: finds the shard, asks it, and says what came of it.
//!
//! Both dialects go through here, so that neither knows about shards and the ledger does not know about dialects.

mod commissions;
mod customers;
mod requests;

use std::rc::Rc;

use attribution::decision::Reason;
use attribution::email::EmailHasher;
use attribution::fraud::{COUNTRY, IP_HASH};
use attribution::ids::{CommissionId, ConversionId, Placement, ProgramId, Random, ReferralId, RefundId};
use attribution::ledger::{
    Answer, Command, Configuration as _, FirstSeen, IdempotencyKey, Outcome, RecordSale, Refund, Rejection, Unavailable,
};
use attribution::program::Program;
use attribution::referral::{Click, Referral, Scope};
use attribution::sale::RecordedSale;
use attribution::shard::{NewClick, Tracked};
use serde_json::{Value, json};
use worker::Env;

pub use self::commissions::NewCommission;
pub use self::customers::{CustomerNames, NewEvent};
pub use self::requests::{NewRefund, NewSale, Recorded, RefundAnswer, Visit};
use crate::click_ledger::{self, ShardAnswer, ShardRequest, Uncounted};
use crate::configuration::CachedConfiguration;
use crate::configuration_copy::Copies;
use crate::input;
use crate::platform::{Settings, SystemRandom, now};
use crate::store::conversion::NamedSale;
use crate::store::unattributed_sale::{self, UnattributedSale};
use crate::store::{self, Database};
use crate::stripe;

/// Why nothing came of a command.
#[derive(Debug)]
pub enum Refusal {
    /// A rule refused it.
    Rejected(Rejection),
    /// Try again later; says what is away, for the log.
    TryLater(String),
}

impl From<Unavailable> for Refusal {
    fn from(away: Unavailable) -> Self {
        Self::TryLater(away.to_string())
    }
}

/// The ledger as the dialects see it.
pub struct Funnel {
    env: Env,
    /// The operator's settings.
    pub settings: Rc<Settings>,
    /// The database.
    pub database: Database,
}

impl Funnel {
    /// The ledger of this environment.
    pub fn of(env: &Env) -> Result<Self, Unavailable> {
        let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
        Ok(Self { database: Database::of(env)?, settings, env: env.clone() })
    }

    /// Programs, affiliates and keys.
    pub fn configuration(&self) -> CachedConfiguration<'_> {
        CachedConfiguration::with_copies(&self.database, Copies::of(&self.env, &self.settings))
    }

    /// The program with this id, which a key or a row names and which therefore exists.
    pub async fn program(&self, id: &ProgramId) -> Result<Program, Unavailable> {
        let program = self.configuration().program(id, false).await?;
        program.ok_or_else(|| Unavailable(format!("program {id} is named by a key and does not exist")))
    }

    /// A shard for something new.
    pub fn any_placement(&self) -> Placement {
        let mut bytes = [0_u8; 2];
        SystemRandom.fill(&mut bytes);
        Placement::of_shard(u16::from_be_bytes(bytes) % self.settings.click_shards)
    }

    /// Records a click; it is acknowledged by its shard before this returns.
    pub async fn record_click(&self, visit: Visit) -> Result<Recorded<Click>, Refusal> {
        let Visit { affiliate, is_test, clicked_at, mut facts, ip, country, idempotency, event_id } = visit;
        let secret = self.settings.identity_secret.as_bytes();
        let shards = self.settings.click_shards;
        // Either way a call meets its repeats in one shard; a key comes before the browser's name.
        let named = event_id.filter(|_| idempotency.is_none());
        let named = named.map(|name| name.click_id(secret, &affiliate.program_id, &affiliate.id, shards));
        let of_key = |key: &IdempotencyKey| Placement::of_identity(&affiliate.program_id, &key.value, shards);
        let of_name = named.as_ref().and_then(ReferralId::placement);
        let placement = of_name.or(idempotency.as_ref().map(of_key)).unwrap_or_else(|| self.any_placement());
        if let Some(ip) = ip {
            let hasher = EmailHasher::for_program(secret, &affiliate.program_id);
            facts.insert(IP_HASH.to_owned(), hasher.hash_ip(&ip).into());
        }
        if let Some(country) = country {
            facts.insert(COUNTRY.to_owned(), country.into());
        }
        let is_named = named.is_some();
        let click = Click {
            id: named.unwrap_or_else(|| ReferralId::mint(placement, &mut SystemRandom)),
            scope: Scope { team_id: affiliate.team_id, program_id: affiliate.program_id, is_test },
            affiliate_id: affiliate.id,
            tracking_id: affiliate.tracking_id,
            clicked_at: clicked_at.unwrap_or_else(now),
            facts: Value::Object(facts),
        };
        let new = NewClick { click: click.clone(), idempotency, is_named };
        match self.ask(placement, &ShardRequest::Track(Box::new(new))).await? {
            ShardAnswer::Tracked(Tracked::Stored) => Ok(Recorded { row: click, is_new: true, replayed: false }),
            ShardAnswer::Tracked(Tracked::Before(click)) => Ok(Recorded { row: *click, is_new: true, replayed: true }),
            ShardAnswer::Tracked(Tracked::KeyReused) => Err(Refusal::Rejected(Rejection::KeyReused)),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a sign-up or a direct referral through its gate.
    pub async fn record_referral(&self, command: Command) -> Result<Recorded<(Referral, Reason)>, Refusal> {
        let Answer { outcome, replayed } = self.execute(command).await?;
        match outcome {
            Outcome::Referral { referral, first_seen, reason } => {
                stripe::go_on_after(self, &referral.scope, stripe::names_of_referral(&referral)).await;
                Ok(Recorded { row: (*referral, reason), is_new: first_seen == FirstSeen::Now, replayed })
            }
            other => Err(unexpected_outcome(&other)),
        }
    }

    /// Records a sale at the first of its gates that knows the referral. A sale that none knows is kept as unattributed
    /// before it is refused.
    pub async fn record_sale(&self, sale: NewSale) -> Result<Recorded<(RecordedSale, Vec<String>)>, Refusal> {
        let names = CustomerNames::of(&sale.details);
        for gate in self.named_gates(&names) {
            match self.record_at(&sale, gate).await {
                Err(Refusal::Rejected(Rejection::ReferralNotFound)) => {}
                answer => return answer,
            }
        }
        let gate = self.find_gate(&sale.scope, &names.identities(), sale.sale_key.as_deref()).await?;
        let Some(gate) = gate else { return self.refuse_unattributed(&sale).await };
        match self.record_at(&sale, gate).await {
            Err(Refusal::Rejected(Rejection::ReferralNotFound)) => self.refuse_unattributed(&sale).await,
            answer => answer,
        }
    }

    async fn record_at(
        &self,
        sale: &NewSale,
        gate: ReferralId,
    ) -> Result<Recorded<(RecordedSale, Vec<String>)>, Refusal> {
        let placement = gate.placement().unwrap_or_else(|| self.any_placement());
        let is_tried = sale.dry_run;
        let command = RecordSale {
            context: sale.context.clone(),
            gate,
            scope: sale.scope.clone(),
            amount: sale.amount,
            sales_status: sale.sales_status,
            sale_key: sale.sale_key.clone(),
            further_keys: Vec::new(),
            occurred_at: sale.occurred_at,
            details: sale.details.clone(),
            conversion_id: ConversionId::mint(placement, &mut SystemRandom),
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
            dry_run: sale.dry_run,
        };
        let Answer { outcome, replayed } = self.execute(Command::RecordSale(command)).await?;
        match outcome {
            Outcome::Sale { sale, first_seen, differing } => {
                if let (Some(key), FirstSeen::Now) =
                    (sale.conversion.sale_key.as_ref().filter(|_| !is_tried), first_seen)
                {
                    stripe::go_on_after(self, &sale.conversion.scope, stripe::sale_names(std::slice::from_ref(key)))
                        .await;
                }
                Ok(Recorded { row: (*sale, differing), is_new: first_seen == FirstSeen::Now, replayed })
            }
            other => Err(unexpected_outcome(&other)),
        }
    }

    /// The sale that a refund is about: the gate's address, read again behind the gate.
    pub async fn find_sale(&self, scope: &Scope, named: &str) -> Result<Option<NamedSale>, Unavailable> {
        store::conversion::find_named(&self.database, scope, named).await
    }

    /// Records a refund at its sale's gate; while the sale is not known, at one that is made from what names it.
    pub async fn record_refund(
        &self,
        new: NewRefund,
        sale: Option<NamedSale>,
    ) -> Result<Recorded<RefundAnswer>, Refusal> {
        let of_key = || Placement::of_identity(&new.scope.program_id, &new.sale, self.settings.click_shards);
        let gate = sale.as_ref().map(|sale| sale.referral_id.clone());
        let gate = gate.unwrap_or_else(|| ReferralId::mint(of_key(), &mut SystemRandom));
        let placement = gate.placement().unwrap_or_else(of_key);
        let known = sale.is_some();
        let command = Refund {
            context: new.context,
            gate,
            scope: new.scope,
            conversion_id: sale.map(|sale| sale.id),
            sale_key: Some(new.sale).filter(|_| !known),
            amount: new.amount,
            currency: new.currency,
            refund_key: new.refund_key,
            refuses_other_body: new.refuses_other_body,
            may_wait: new.may_wait,
            reason: new.reason,
            refunded_at: new.refunded_at,
            refund_id: RefundId::mint(placement, &mut SystemRandom),
            clawback_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        let Answer { outcome, replayed } = self.execute(Command::Refund(command)).await?;
        let (row, first_seen) = match outcome {
            Outcome::Refund { sale, refund, first_seen } => (RefundAnswer::Refunded { sale, refund }, first_seen),
            Outcome::Parked { refund, first_seen } => (RefundAnswer::Waits(refund), first_seen),
            other => return Err(unexpected_outcome(&other)),
        };
        Ok(Recorded { row, is_new: first_seen == FirstSeen::Now, replayed })
    }

    /// Keeps a sale that nobody is credited with, then refuses it.
    async fn refuse_unattributed(&self, sale: &NewSale) -> Result<Recorded<(RecordedSale, Vec<String>)>, Refusal> {
        if !sale.dry_run {
            unattributed_sale::record(&self.database, &unattributed(sale)).await?;
        }
        Err(Refusal::Rejected(Rejection::ReferralNotFound))
    }

    /// The click with this id, from its shard.
    pub async fn find_click(&self, id: &ReferralId) -> Result<Option<Click>, Refusal> {
        let Some(placement) = id.placement() else { return Ok(None) };
        match self.ask(placement, &ShardRequest::FindClick(id.clone())).await? {
            ShardAnswer::Click(click) => Ok(click),
            other => Err(unexpected(&other)),
        }
    }

    /// The latest clicks of a program, over all shards.
    pub async fn latest_clicks(&self, program: &str, is_test: bool, limit: u32) -> Result<Vec<Click>, Unavailable> {
        click_ledger::latest_clicks(&self.env, &self.settings, program, is_test, limit).await
    }

    /// Whether the first shard answers.
    pub async fn ping_objects(&self) -> Result<(), Refusal> {
        match self.ask(Placement::of_shard(0), &ShardRequest::Ping).await? {
            ShardAnswer::Pong => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The clicks that are not in the counts of D1.
    pub async fn uncounted(&self) -> Result<Uncounted, Unavailable> {
        click_ledger::uncounted(&self.env, &self.settings).await
    }

    /// Sends a command through its gate.
    pub async fn execute(&self, command: Command) -> Result<Answer, Refusal> {
        let placement = command.gate().placement();
        let placement = placement.ok_or_else(|| Refusal::TryLater("a gate without a shard".to_owned()))?;
        match self.ask(placement, &ShardRequest::Execute(Box::new(command))).await? {
            ShardAnswer::Decided(answer) => Ok(answer),
            ShardAnswer::Rejected(rejection) => Err(Refusal::Rejected(rejection)),
            other => Err(unexpected(&other)),
        }
    }

    /// Empties what a click has kept of its visitor.
    pub async fn empty_click(&self, id: &ReferralId) -> Result<(), Unavailable> {
        // A page may have named anything as its earlier click.
        let Some(placement) = input::referral_id(id.as_str(), self.settings.click_shards).and_then(|id| id.placement())
        else {
            return Ok(());
        };
        match self.ask(placement, &ShardRequest::EmptyClick(id.clone())).await? {
            ShardAnswer::Emptied => Ok(()),
            ShardAnswer::TryLater(cause) => Err(Unavailable(cause)),
            other => Err(Unavailable(format!("a shard was to empty a click and answered {}", other.name()))),
        }
    }

    async fn ask(&self, placement: Placement, request: &ShardRequest) -> Result<ShardAnswer, Unavailable> {
        click_ledger::ask(&self.env, &self.settings, placement, request).await
    }
}

fn unexpected_outcome(outcome: &Outcome) -> Refusal {
    Refusal::TryLater(format!("the ledger came to something else than was asked for: {}", outcome.name()))
}

fn unexpected(answer: &ShardAnswer) -> Refusal {
    match answer {
        ShardAnswer::TryLater(cause) => Refusal::TryLater(cause.clone()),
        other => Refusal::TryLater(format!("a shard answered {}", other.name())),
    }
}

fn unattributed(sale: &NewSale) -> UnattributedSale {
    let details = &sale.details;
    UnattributedSale {
        scope: sale.scope.clone(),
        sale_key: sale.sale_key.clone().unwrap_or_else(|| sale.context.request_id.clone()),
        amount: sale.amount,
        reason: Reason::ReferralNotFound,
        detail: json!({
            "referral_id": details.referral_id,
            "click_id": details.click_id,
            "external_user_id": details.external_user_id,
            "customer_id": details.customer_id,
        }),
        request_id: sale.context.request_id.clone(),
        at: now(),
        conversion_id: None,
    }
}

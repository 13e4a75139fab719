//! The ledger's protocol: how a command becomes rows, exactly once, whoever else is writing.
//!
//! A command is decided by a pure rule on what was read, and committed as one batch that fails whole when what was
//! read is no longer so: the referral's `seq` is the fence, primary keys of identities and sale keys settle races
//! between shards, and the rules' version guards the price. After any failed commit the protocol reads again and
//! decides again; the ids that it would write were minted before the first try, so a commit whose answer was lost is
//! recognised as its own. Nothing here keeps state: platform and simulation bring their own [`Store`],
//! [`Configuration`] and [`Clicks`].

mod answer;
mod changes;
mod claims;
mod command;
mod create_referral;
mod crediting;
mod dispute;
mod edit_commission;
mod edit_referral;
mod erasure;
mod judgement;
mod leads;
mod manual_commission;
mod netting;
mod outcome;
mod pricing;
mod reconsider;
mod record_sale;
mod referral_commissions;
mod referral_names;
mod refund;
mod repeated_sale;
mod requests;
mod scheduled;
mod sign_up;
mod suspicion;
#[cfg(test)]
mod tests;
mod trail;

pub use answer::{Answer, Executed, IdempotencyKey, KeptAnswer, KeptKey};
pub use changes::{Change, Event, Plan};
pub use claims::{ClaimCounts, ClaimQuery, MOST_OF_ADDRESS, MOST_OF_AFFILIATE};
pub use command::{Command, Context, Reach};
pub use outcome::{FirstSeen, Outcome, Rejection};
pub use requests::{
    CommissionEdit, CreateReferral, EditCommission, EditReferral, EraseReferral, ExpireRefund, ManualCommission,
    Milestone, MoveCommissions, Reassignment, Reconsider, RecordSale, Refund, SignUp, Step, Turn, UnknownClick,
};

use crate::day::Day;
use crate::email::EmailHasher;
use crate::exchange::QuotedRate;
use crate::ids::{AffiliateId, ConversionId, ProgramId, ReferralId, RefundId, TeamId};
use crate::level::of_group;
use crate::money::{Currency, Money};
use crate::program::{Affiliate, Program};
use crate::referral::{Click, Identity, Referral, Scope};
use crate::sale::{Commission, Conversion, ParkedRefund, RecordedSale, SaleRefund};
use crate::time::Timestamp;

/// How often a command is decided anew before its caller is asked to come back.
pub const MAX_ATTEMPTS: u32 = 5;

/// What a command needs to know of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Referrals to read by id.
    pub referrals: Vec<ReferralId>,
    /// Identities whose holders are wanted, in this scope.
    pub identities: Vec<Identity>,
    /// The sale that may have been recorded; where `referrals` does not name its referral, that one is wanted too.
    pub sale: Option<SaleQuery>,
    /// The refund that may have been recorded under this key, or under the id that this command would give it.
    pub refund: Option<(Option<String>, RefundId)>,
    /// Refunds that wait for a sale with any of these keys, or under the refund's own key.
    pub parked_for: Vec<String>,
    /// The referral whose commissions are wanted.
    pub commissions_of: Option<ReferralId>,
    /// The rates of exchange that a sale needs.
    pub rates: Option<RateQuery>,
    /// How many others signed up from a network address.
    pub same_address: Option<AddressQuery>,
    /// How many claims there have been of late.
    pub claims: Option<ClaimQuery>,
    /// The answer that may have been kept under this key.
    pub kept_answer: Option<KeptKey>,
    /// The program in which identities and sale keys are looked up.
    pub program_id: ProgramId,
    /// Whether among its test rows.
    pub is_test: bool,
}

/// How a sale may be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleQuery {
    /// By any of its keys.
    pub keys: Vec<String>,
    /// By its id: one that the caller names, or that a sale of this command would have, which exists if an earlier try
    /// was committed after all.
    pub id: Option<ConversionId>,
}

/// Rates of exchange from one currency to another, as of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateQuery {
    /// The sale's currency.
    pub from: Currency,
    /// The team's.
    pub to: Currency,
    /// The sale's day.
    pub day: Day,
    /// Whose own rates count beside everybody's.
    pub team_id: TeamId,
}

/// Referrals of one affiliate whose clicks came from one network address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressQuery {
    /// The affiliate.
    pub affiliate_id: AffiliateId,
    /// The address's keyed hash.
    pub ip_hash: String,
    /// The referral that is being made.
    pub other_than: ReferralId,
    /// Those that were made since.
    pub since: Timestamp,
    /// More than so many need not be counted.
    pub most: u32,
}

impl Query {
    /// A query of nothing yet.
    pub fn of(program_id: ProgramId, is_test: bool) -> Self {
        Self {
            referrals: Vec::new(),
            identities: Vec::new(),
            sale: None,
            refund: None,
            parked_for: Vec::new(),
            commissions_of: None,
            rates: None,
            same_address: None,
            claims: None,
            kept_answer: None,
            program_id,
            is_test,
        }
    }
}

/// What the database answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The referrals that were asked for and exist.
    pub referrals: Vec<Referral>,
    /// The identities that are taken, each with the referral that holds it.
    pub holders: Vec<(Identity, Referral)>,
    /// The sale that has the key, or the id.
    pub sale: Option<RecordedSale>,
    /// The refund that has the key, or the id.
    pub refund: Option<SaleRefund>,
    /// Refunds that wait, oldest first.
    pub parked: Vec<ParkedRefund>,
    /// Commissions, each with its sale.
    pub commissions: Vec<(Commission, Option<Conversion>)>,
    /// Quotations of the two currencies, each the latest that is not after the day.
    pub rates: Vec<QuotedRate>,
    /// So many others signed up from the network address; `None` where that was not asked.
    pub same_address: Option<u32>,
    /// Claims of late.
    pub claims: ClaimCounts,
    /// The answer that is kept under the call's `Idempotency-Key`.
    pub kept_answer: Option<KeptAnswer>,
}

impl State {
    /// The referral with this id.
    pub fn referral(&self, id: &ReferralId) -> Option<&Referral> {
        self.referrals.iter().find(|referral| referral.id == *id)
    }

    /// What the commissions that were asked for add to all that `affiliate` may keep by the customer, in minor units.
    pub fn counted_minor(&self, affiliate: &AffiliateId) -> i64 {
        self.commissions.iter().map(|(commission, _)| commission.counted_minor(affiliate)).sum()
    }

    /// The referral that holds this identity.
    pub fn holder(&self, identity: &Identity) -> Option<&Referral> {
        self.holders.iter().find(|(held, _)| held == identity).map(|(_, referral)| referral)
    }
}

/// The store cannot be reached, or failed in a way that says nothing about the rows.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available: {0}")]
pub struct Unavailable(pub String);

/// A batch was not committed, or its answer was lost: read again before anything else.
#[derive(Debug, thiserror::Error)]
#[error("the batch is not known to be committed: {0}")]
pub struct NotCommitted(pub String);

/// The database.
pub trait Store {
    /// Reads all that `query` asks for, at one moment.
    fn load(&self, query: &Query) -> impl Future<Output = Result<State, Unavailable>>;

    /// Writes all of `changes` or none.
    fn commit(&self, scope: &Scope, changes: &[Change]) -> impl Future<Output = Result<(), NotCommitted>>;
}

/// Programs and affiliates, from a cache that may be some seconds old unless `fresh` is asked for.
pub trait Configuration {
    /// The program with its rules.
    fn program(&self, id: &ProgramId, fresh: bool) -> impl Future<Output = Result<Option<Program>, Unavailable>>;

    /// The affiliate.
    fn affiliate(&self, id: &AffiliateId, fresh: bool) -> impl Future<Output = Result<Option<Affiliate>, Unavailable>>;
}

/// The clicks of one shard.
pub trait Clicks {
    /// The click with this id, if it is one of this shard's.
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable>;
}

/// A wait between two attempts.
pub trait Pause {
    /// Waits before the given attempt: longer each time, and not equally long for two who collide.
    fn before(&self, attempt: u32) -> impl Future<Output = ()>;
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule refused it.
    #[error("refused: {}", .0.name())]
    Rejected(Rejection),
    /// Others were faster, again and again.
    #[error("not committed after {MAX_ATTEMPTS} attempts: {0}")]
    Busy(NotCommitted),
    /// The store is away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Everything that a rule may look at.
pub(crate) struct View<'a> {
    pub click: Option<&'a Click>,
    pub state: &'a State,
    pub program: &'a Program,
    pub affiliate: &'a Affiliate,
    /// Who recruited the affiliate, who recruited that one, and so on: as many as the affiliate's group has levels.
    pub recruiters: &'a [Affiliate],
    pub hasher: &'a EmailHasher,
    pub is_test: bool,
    pub now: Timestamp,
}

impl View<'_> {
    /// So many minor units of the team's currency.
    pub fn team_money(&self, minor: i64) -> Money {
        Money { minor, currency: self.program.currency }
    }
}

/// The protocol over one shard's clicks, a store and a configuration.
pub struct Ledger<'a, S, C, K, P> {
    /// The database.
    pub store: &'a S,
    /// Programs and affiliates.
    pub configuration: &'a C,
    /// This shard's clicks.
    pub clicks: &'a K,
    /// Waits between attempts.
    pub pause: &'a P,
    /// The operator's secret under which addresses are hashed.
    pub identity_secret: &'a [u8],
}

impl<S: Store, C: Configuration, K: Clicks, P: Pause> Ledger<'_, S, C, K, P> {
    /// Decides and commits one command. Whoever calls this holds the gate of the command's referral: that saves work;
    /// what keeps the rows right is the commit. `remembered` is the referral of that gate as its last command left it,
    /// where that is known.
    pub async fn execute(
        &self,
        command: &Command,
        remembered: Option<&Referral>,
        now: Timestamp,
    ) -> Result<Executed, Failure> {
        if command.is_dry_run() {
            // No commit would find out that something assumed, or cached, is wrong.
            return Ok(tried(self.plan(command, Age::Fresh, now).await?));
        }
        let mut plan = match self.plan(command, Age::Cached(remembered), now).await {
            // Perhaps because of a configuration that is some seconds old.
            Err(Failure::Rejected(_)) => self.plan(command, Age::Fresh, now).await?,
            other => other?,
        };
        let mut last = NotCommitted("not tried".to_owned());
        for attempt in 1..=MAX_ATTEMPTS {
            if plan.changes.is_empty() {
                return Ok(executed(plan));
            }
            match self.store.commit(&plan.scope, &plan.changes).await {
                Ok(()) => return Ok(executed(plan)),
                Err(failure) => last = failure,
            }
            // What was only assumed the first time is read at once; whoever collides again waits.
            if attempt > 1 {
                self.pause.before(attempt - 1).await;
            }
            plan = self.plan(command, Age::Fresh, now).await?;
        }
        if plan.changes.is_empty() { Ok(executed(plan)) } else { Err(Failure::Busy(last)) }
    }

    /// Lets the command's rule decide: on what can be assumed, where the commit would find out that it is wrong, else on
    /// what is read now.
    async fn plan(&self, command: &Command, age: Age<'_>, now: Timestamp) -> Result<Plan, Failure> {
        let fresh = matches!(age, Age::Fresh);
        let click = self.clicks.find(command.gate())?;
        let program_id = command.program(click.as_ref()).cloned().ok_or(command.unknown_subject())?;
        let program = self.configuration.program(&program_id, fresh).await?.ok_or(command.unknown_subject())?;
        let hasher = EmailHasher::for_program(self.identity_secret, &program.id);
        let is_test = command.is_test(click.as_ref());
        let query = command.query(&program, click.as_ref(), is_test, &hasher, now);
        let subject = Subject { click, program, hasher, is_test, now };
        // Nobody remembers rates of exchange, nor who signed up from where.
        if let Age::Cached(remembered) = age
            && query.rates.is_none()
            && query.same_address.is_none()
            && let Some(assumed) = command.assumed(subject.click.as_ref(), remembered)
        {
            let held = |name: &Identity| assumed.holder(name).is_some();
            let free: Vec<Identity> = query.identities.iter().filter(|name| !held(name)).cloned().collect();
            let plan = self.decide(command, &subject, assumed, fresh).await;
            if let Some(plan) = plan.ok().filter(|plan| plan.is_checked_by_its_commit(&free)) {
                return Ok(plan);
            }
        }
        let state = self.store.load(&query).await?;
        self.decide(command, &subject, state, fresh).await
    }

    async fn decide(&self, command: &Command, subject: &Subject, state: State, fresh: bool) -> Result<Plan, Failure> {
        let Subject { click, program, hasher, is_test, now } = subject;
        if let Some(kept) = &state.kept_answer {
            return Ok(answer::replay(command.context(), program, kept)?);
        }
        if let Some(plan) = command.decide_without_referral(&state, program, *now) {
            return Ok(answer::keep(plan?, command.context(), program, *is_test, *now));
        }
        let (state, claimed) = claims::set_aside(command, click.as_ref(), state);
        let affiliate_id = command.affiliate(click.as_ref(), &state).ok_or(command.unknown_subject())?;
        let affiliate = self.configuration.affiliate(&affiliate_id, fresh).await?;
        let affiliate = affiliate.ok_or(Rejection::AffiliateNotFound)?;
        let recruiters = self.recruiters(command, program, &affiliate, fresh).await?;
        // Copies of different ages: the older version is no longer in force, and the commit will say so.
        let versions = recruiters.iter().chain([&affiliate]).map(|affiliate| affiliate.rules_version);
        let rules_version = versions.fold(program.rules_version, i64::min);
        let program = Program { rules_version, ..program.clone() };
        let view = View {
            click: click.as_ref(),
            state: &state,
            program: &program,
            affiliate: &affiliate,
            recruiters: &recruiters,
            hasher,
            is_test: *is_test,
            now: *now,
        };
        let plan = command.decide(&view)?;
        let plan = claims::override_claims(plan, &claimed, command.context(), &view);
        Ok(answer::keep(plan, command.context(), &program, *is_test, *now))
    }
}

impl<S: Store, C: Configuration, K: Clicks, P: Pause> Ledger<'_, S, C, K, P> {
    /// Who recruited the affiliate, as far as the levels of their group reach; nobody for a command that earns no levels.
    async fn recruiters(
        &self,
        command: &Command,
        program: &Program,
        affiliate: &Affiliate,
        fresh: bool,
    ) -> Result<Vec<Affiliate>, Failure> {
        let levels = of_group(&program.levels, affiliate.group_id.as_ref()).len();
        let mut recruiters: Vec<Affiliate> = Vec::new();
        if !command.earns_levels() {
            return Ok(recruiters);
        }
        while recruiters.len() < levels {
            let below = recruiters.last().unwrap_or(affiliate);
            let Some(id) = below.recruited_by.clone() else { break };
            let recruiter = self.configuration.affiliate(&id, fresh).await?;
            // Nobody of another program earns here, and its rules' version is no part of this one's.
            let Some(recruiter) = recruiter.filter(|recruiter| recruiter.program_id == program.id) else { break };
            recruiters.push(recruiter);
        }
        Ok(recruiters)
    }
}

/// On what a plan may be made.
#[derive(Clone, Copy)]
enum Age<'a> {
    /// A cached configuration, and what can be assumed; with the referral as the gate remembers it.
    Cached(Option<&'a Referral>),
    /// What is read now.
    Fresh,
}

/// What a command is about.
struct Subject {
    click: Option<Click>,
    program: Program,
    hasher: EmailHasher,
    is_test: bool,
    now: Timestamp,
}

/// Of a plan that was only tried, nothing was carried out.
fn tried(mut plan: Plan) -> Executed {
    plan.changes.clear();
    executed(plan)
}

/// What was carried out.
fn executed(plan: Plan) -> Executed {
    Executed {
        committed: plan.referrals(),
        tells_of: plan.tells_of(),
        answer: Answer { outcome: plan.outcome, replayed: plan.replayed },
    }
}

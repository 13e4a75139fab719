//! Answers, and the keys under which they are kept.
//!
//! Source: design, section 6. A key is claimed in the same commit as the effect of its call, so a first try that failed
//! never poisons the retry; the same key with another body is refused.

use serde::{Deserialize, Serialize};

use super::changes::{Change, Plan};
use super::command::Context;
use super::outcome::{FirstSeen, Outcome, Rejection};
use crate::decision::Reason;
use crate::ids::{ProgramId, TeamId};
use crate::program::Program;
use crate::referral::{Referral, Scope};
use crate::time::Timestamp;

/// An `Idempotency-Key`, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The route of the call; calls without an API key have a name space of their own.
    pub route: String,
    /// SHA-256 of the key, lower-case hex.
    pub value: String,
    /// SHA-256 of key and body, lower-case hex.
    pub body_hash: String,
}

/// The place of a kept answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptKey {
    /// Whose it is.
    pub team_id: TeamId,
    /// Whether it belongs to test rows.
    pub is_test: bool,
    /// The route of the call.
    pub route: String,
    /// SHA-256 of the key, lower-case hex.
    pub value: String,
}

/// What a call with a key was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// SHA-256 of the body that was answered.
    pub body_hash: String,
    /// The request that was answered: tells a commit whose answer was lost from a repeat.
    pub request_id: String,
    /// The answer.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// What a command is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it came to.
    pub outcome: Outcome,
    /// Whether this is the kept answer to an earlier call with the same `Idempotency-Key`.
    pub replayed: bool,
}

/// A command that has been carried out.
#[derive(Clone, Debug)]
pub struct Executed {
    /// What the caller is told.
    pub answer: Answer,
    /// The referrals that it wrote, as they are now.
    pub committed: Vec<Referral>,
    /// The program whose subscribers it has something to tell.
    pub tells_of: Option<ProgramId>,
}

/// The kept answer, if this is the same call again.
pub(super) fn replay(context: &Context, program: &Program, kept: &KeptAnswer) -> Result<Plan, Rejection> {
    let body_hash = context.idempotency.as_ref().map(|key| key.body_hash.as_str());
    if body_hash != Some(kept.body_hash.as_str()) {
        return Err(Rejection::KeyReused);
    }
    let scope = Scope { team_id: program.team_id.clone(), program_id: program.id.clone(), is_test: false };
    let replayed = kept.request_id != context.request_id;
    Ok(Plan { scope, changes: Vec::new(), outcome: kept.outcome.clone(), replayed })
}

/// Adds the answer to what is committed, where the call has a key.
pub(super) fn keep(mut plan: Plan, context: &Context, program: &Program, is_test: bool, now: Timestamp) -> Plan {
    let key = context.kept_key(program, is_test);
    if let (Some(key), Some(sent)) = (key, &context.idempotency) {
        let kept = KeptAnswer {
            body_hash: sent.body_hash.clone(),
            request_id: context.request_id.clone(),
            outcome: plan.outcome.clone(),
            at: now,
        };
        plan.changes.push(Change::KeepAnswer(key, Box::new(kept)));
    }
    plan
}

impl Answer {
    /// What a repeat without an `Idempotency-Key` is answered: the same, but seen before.
    pub(crate) fn of_repeat(&self) -> Self {
        let outcome = match self.outcome.clone() {
            Outcome::Referral { referral, first_seen: FirstSeen::Now, reason } => {
                // What is provisional still is, until another command.
                let is_provisional = reason == Reason::LeadProvisional;
                let reason = if is_provisional { reason } else { Reason::ClickAlreadyConverted };
                Outcome::Referral { referral, first_seen: FirstSeen::Before, reason }
            }
            Outcome::Sale { sale, first_seen: FirstSeen::Now, differing } => {
                Outcome::Sale { sale, first_seen: FirstSeen::Before, differing }
            }
            Outcome::Refund { sale, refund, .. } => Outcome::Refund { sale, refund, first_seen: FirstSeen::Before },
            Outcome::Parked { refund, .. } => Outcome::Parked { refund, first_seen: FirstSeen::Before },
            before => before,
        };
        Self { outcome, replayed: false }
    }
}

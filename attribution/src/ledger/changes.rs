//! What a rule wants written: rows, as one batch.

use serde_json::{Map, Value};

use super::answer::{KeptAnswer, KeptKey};
use super::command::Context;
use super::outcome::Outcome;
use crate::decision::{Decision, Reason};
use crate::ids::{AffiliateId, CommissionId, ProgramId, ReferralId};
use crate::messages::Message;
use crate::payout::PayoutLine;
use crate::referral::{Identity, Referral, Scope};
use crate::sale::{Commission, Conversion, ParkedRefund, SaleRefund};
use crate::time::Timestamp;

/// What a rule decided: rows to write, all or none, and what to answer once they are.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose rows they are.
    pub scope: Scope,
    /// Empty when there is nothing new.
    pub changes: Vec<Change>,
    /// What the caller is told.
    pub outcome: Outcome,
    /// Whether that is the kept answer to an earlier call.
    pub replayed: bool,
}

impl Plan {
    /// Whether the batch fails where the plan was decided on something that is no longer, or never was, so: it claims
    /// an identity or raises a `seq`, and claims each of the names that were taken to be nobody's. Any other plan needs
    /// to be decided on what has just been read.
    pub(crate) fn is_checked_by_its_commit(&self, taken_to_be_free: &[Identity]) -> bool {
        let is_fence = |change: &Change| matches!(change, Change::ClaimIdentity(..) | Change::UpdateReferral(_));
        self.changes.iter().any(is_fence) && taken_to_be_free.iter().all(|name| self.claims(name))
    }

    fn claims(&self, name: &Identity) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::ClaimIdentity(_, claimed) if claimed == name))
    }

    /// The referrals that the batch writes, as they are after it.
    pub(crate) fn referrals(&self) -> Vec<Referral> {
        let written = self.changes.iter().filter_map(|change| match change {
            Change::InsertReferral(referral) | Change::UpdateReferral(referral) => Some((**referral).clone()),
            _ => None,
        });
        written.collect()
    }

    /// The program whose subscribers the batch has something to tell.
    pub(crate) fn tells_of(&self) -> Option<ProgramId> {
        let tells = |change: &Change| matches!(change, Change::AppendEvent(event) if !event.messages.is_empty());
        self.changes.iter().any(tells).then(|| self.scope.program_id.clone())
    }
}

/// One row of a batch.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new referral; fails when its id exists.
    InsertReferral(Box<Referral>),
    /// An existing one, with `seq` already raised by one; fails when the stored `seq` is not the one before.
    UpdateReferral(Box<Referral>),
    /// Makes an identity the referral's; fails when it is taken.
    ClaimIdentity(ReferralId, Identity),
    /// Takes an identity back from the referral that holds it.
    ReleaseIdentity(ReferralId, Identity),
    /// Declines what a referral's lead has earned: it was no lead.
    DeclineLeadCommission(ReferralId, Timestamp),
    /// A sale; its key is claimed with it, which fails when it is taken or a refund still waits for it.
    InsertConversion(Box<Conversion>),
    /// Makes a further key the sale's; fails when it is taken or a refund still waits for it.
    ClaimSaleKey(Box<Conversion>, String),
    /// A sale after a refund, or as it goes on.
    UpdateConversion(Box<Conversion>),
    /// What a sale or a lead earns.
    InsertCommission(Box<Commission>),
    /// A commission whose amount or status has changed, or that was removed.
    UpdateCommission(Box<Commission>),
    /// A referral, and these of its commissions, become another affiliate's.
    Reassign(ReferralId, AffiliateId, Vec<CommissionId>),
    /// A commission is in a payout; fails when that is not being gathered.
    AddPayoutLine(Box<PayoutLine>),
    /// A refund; fails when its key is taken.
    InsertRefund(Box<SaleRefund>),
    /// A refund that waits for its sale; fails when the sale's key, or its own, is taken.
    ParkRefund(Box<ParkedRefund>),
    /// A refund waits no longer. Stands before the sale that it waited for.
    SettleRefund(Box<ParkedRefund>),
    /// Takes what the customer is known by out of everything that hangs on the referral: its sales, their refunds, its
    /// lines and what they tell, kept answers, the copy of its click. Amounts, statuses and keys of sales stay.
    EraseTraces(ReferralId, Timestamp),
    /// The line of the ledger that explains the batch; fails when the rules' version has moved on.
    AppendEvent(Box<Event>),
    /// Keeps the answer to a call with an `Idempotency-Key`; fails when the key was used.
    KeepAnswer(KeptKey, Box<KeptAnswer>),
}

/// One immutable line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The referral whose line it is, or the waiting refund.
    pub subject: String,
    /// Its place among the subject's lines; a referral's `seq` after the commit.
    pub seq: i64,
    /// What happened.
    pub kind: &'static str,
    /// Why it came out so.
    pub reason: Reason,
    /// On what it was decided.
    pub detail: Map<String, Value>,
    /// What subscribers are told.
    pub messages: Vec<Message>,
    /// Who caused it.
    pub actor: String,
    /// The request that caused it.
    pub request_id: String,
    /// The version of the rules that it was decided under.
    pub rules_version: i64,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// The line of `referral`'s last change.
    pub(crate) fn of(
        kind: &'static str,
        referral: &Referral,
        decision: Decision,
        context: &Context,
        rules_version: i64,
    ) -> Self {
        Self {
            subject: referral.id.as_str().to_owned(),
            seq: referral.seq,
            kind,
            reason: decision.reason,
            detail: decision.inputs,
            messages: Vec::new(),
            actor: context.actor.clone(),
            request_id: context.request_id.clone(),
            rules_version,
            at: referral.updated_at,
        }
    }

    /// A line of a refund that waits, or waited, for its sale.
    pub(crate) fn of_parked(
        kind: &'static str,
        parked: &ParkedRefund,
        seq: i64,
        decision: Decision,
        context: &Context,
        rules_version: i64,
        at: Timestamp,
    ) -> Self {
        Self {
            subject: parked.id.as_str().to_owned(),
            seq,
            kind,
            reason: decision.reason,
            detail: decision.inputs,
            messages: Vec::new(),
            actor: context.actor.clone(),
            request_id: context.request_id.clone(),
            rules_version,
            at,
        }
    }

    /// Adds what subscribers are told; nobody is told of test rows.
    pub(crate) fn telling(mut self, scope: &Scope, messages: impl IntoIterator<Item = Message>) -> Self {
        if !scope.is_test {
            self.messages.extend(messages);
        }
        self
    }
}

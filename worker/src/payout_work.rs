//! Payouts between the rows and the gates: beginning them, and carrying them on, for whoever asks and for the job.
//!
//! State: rows of `payout` in D1. A payout's row is there before any of its commissions moves, so that whatever is
//! interrupted is found again by the job; the protocol and why it may stop anywhere are [`attribution::payout`]'s.

use attribution::edits::Editor;
use attribution::ids::{AffiliateId, PayoutId, ReferralId, mint};
use attribution::ledger::{Command, Context, MoveCommissions, Pause as _, Reach, Step, Unavailable};
use attribution::money::Currency;
use attribution::payout::{Gates, Payout, carry_on};
use attribution::referral::Scope;
use attribution::time::Timestamp;
use worker::{Env, console_error};

use crate::funnel::{Funnel, Refusal};
use crate::platform::{RandomPause, SystemClock, SystemRandom, now};
use crate::store::payout::making::{self, Ready};
use crate::store::payout::{figures, find_all};
use crate::webhook_sender;

/// So many gates are passed while somebody waits for the answer; the rest is the job's.
pub const INLINE_GATES: usize = 200;

/// So many payouts are begun by one call.
const MAX_BEGUN: usize = 500;

/// So many gates the job passes in a minute.
const GATES_A_MINUTE: usize = 400;

/// So many payouts the job looks at in a minute.
const PAYOUTS_A_MINUTE: u32 = 100;

/// The job stops after so long, and goes on in the next minute.
const JOB_MILLISECONDS: i64 = 20_000;

/// So often is a beginning tried anew.
const ATTEMPTS: u32 = 5;

/// What a person asks for.
pub struct Wanted {
    /// For this affiliate; for everybody who has enough where it is `None`.
    pub affiliate_id: Option<AffiliateId>,
    /// How they are to be paid, where that is not as they said.
    pub payment_method: Option<String>,
}

/// What has been begun.
pub struct Begun {
    /// The payouts.
    pub ids: Vec<PayoutId>,
    /// Whether there were more than are begun at once.
    pub has_more: bool,
}

/// Begins a payout for each affiliate who has enough ready and has none in the making. Nothing is collected yet.
pub async fn begin(
    funnel: &Funnel,
    scope: &Scope,
    currency: Currency,
    wanted: &Wanted,
    by: &Editor,
) -> Result<Begun, Unavailable> {
    let database = &funnel.database;
    let affiliate = wanted.affiliate_id.as_ref();
    let mut lost = String::new();
    for attempt in 1..=ATTEMPTS {
        let mut ready = making::payable(database, scope, affiliate, MAX_BEGUN + 1).await?;
        let has_more = ready.len() > MAX_BEGUN;
        ready.truncate(MAX_BEGUN);
        if ready.is_empty() {
            return Ok(Begun { ids: Vec::new(), has_more });
        }
        let new = |ready: Ready| {
            let id = PayoutId::mint(&mut SystemRandom);
            (Payout::begin(id, scope.clone(), ready.affiliate_id.clone(), currency, by.at), ready)
        };
        let begun: Vec<(Payout, Ready)> = ready.into_iter().map(new).collect();
        match making::insert(database, &begun, wanted.payment_method.as_deref(), by).await {
            Ok(ids) => return Ok(Begun { ids, has_more }),
            Err(cause) => lost = cause.to_string(),
        }
        // Perhaps only the answer was lost.
        let ids: Vec<PayoutId> = begun.into_iter().map(|(payout, _)| payout.id).collect();
        let found = find_all(database, &ids).await?;
        if !found.is_empty() {
            return Ok(Begun { ids: found.into_iter().map(|shown| shown.tally.payout.id).collect(), has_more });
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost))
}

/// Carries these payouts on while somebody waits. What is not done then, or goes wrong, is left to the job.
pub async fn carry_on_inline(funnel: &Funnel, scope: &Scope, ids: &[PayoutId], by: &Editor) {
    let mut budget = INLINE_GATES;
    for id in ids {
        let gates = FunnelGates { funnel, by };
        if let Err(away) = carry_on(id, &mut budget, by, (&funnel.database, &gates, &SystemClock)).await {
            console_error!("payout {id} is left to the job: {away}");
        }
    }
    webhook_sender::note(&scope.program_id);
}

/// The job: goes on with all that was left, those first that have waited longest. One that fails keeps no other from its
/// turn; the last failure is the job's.
pub async fn work_on_payouts(env: &Env) -> Result<(), Unavailable> {
    let funnel = Funnel::of(env)?;
    let by =
        Editor { actor: "schedule:work_on_payouts".to_owned(), request_id: mint("req", &mut SystemRandom), at: now() };
    let gates = FunnelGates { funnel: &funnel, by: &by };
    let end = Timestamp::from_milliseconds(by.at.milliseconds() + JOB_MILLISECONDS);
    let mut budget = GATES_A_MINUTE;
    let mut done = Ok(());
    for id in figures::ids_at_work(&funnel.database, PAYOUTS_A_MINUTE).await? {
        if now() >= end {
            break;
        }
        if let Err(away) = carry_on(&id, &mut budget, &by, (&funnel.database, &gates, &SystemClock)).await {
            done = Err(away);
        }
    }
    done
}

/// The gates of referrals, in their shards.
struct FunnelGates<'a> {
    funnel: &'a Funnel,
    by: &'a Editor,
}

impl Gates for FunnelGates<'_> {
    async fn pass(&self, payout: &Payout, referral: &ReferralId, step: &Step) -> Result<(), Unavailable> {
        let command = Command::MoveCommissions(MoveCommissions {
            context: Context {
                request_id: self.by.request_id.clone(),
                actor: self.by.actor.clone(),
                reach: Reach { team_id: None, program_id: None, is_test: None },
                idempotency: None,
            },
            referral_id: referral.clone(),
            scope: payout.scope.clone(),
            step: step.clone(),
        });
        match self.funnel.execute(command).await {
            Ok(_) => Ok(()),
            Err(Refusal::Rejected(rejection)) => {
                console_error!("payout {}: {referral} is left as it is: {}", payout.id, rejection.name());
                Ok(())
            }
            Err(Refusal::TryLater(cause)) => Err(Unavailable(cause)),
        }
    }
}

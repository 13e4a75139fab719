//! Erasures between the rows, the gates and the shards: beginning them, and carrying them on, for whoever asks and for the
//! job.
//!
//! State: rows of `erasure` in D1. Such a row is there, without a name in it, before any referral is touched, so that
//! whatever is interrupted is found again by the job. Each step may be repeated: a referral that is erased stays so, and an
//! empty click too.

use attribution::ids::{ReferralId, mint};
use attribution::ledger::{Command, Context, EraseReferral, Reach, Rejection, Unavailable};
use attribution::referral::Scope;
use worker::Env;

use crate::funnel::{Funnel, Refusal};
use crate::platform::{SystemRandom, now};
use crate::store::customer::Found;
use crate::store::erasure::{self, Erasure};

/// So many erasures the job carries on in a minute.
const ERASURES_A_MINUTE: u32 = 20;

/// Notes what is to be erased, and erases what hangs on no referral.
pub async fn begin(
    funnel: &Funnel,
    scope: &Scope,
    found: &Found,
    actor: String,
    request_id: String,
) -> Result<Erasure, Unavailable> {
    let clicks = found.referrals.iter().chain(&found.clicks).cloned().collect();
    let erasure = Erasure {
        id: mint("era", &mut SystemRandom),
        scope: scope.clone(),
        referrals: found.referrals.clone(),
        clicks,
        actor,
        request_id,
        requested_at: now(),
    };
    erasure::begin(&funnel.database, &erasure, found).await?;
    Ok(erasure)
}

/// Carries an erasure on to its end.
pub async fn carry_on(funnel: &Funnel, erasure: &Erasure) -> Result<(), Unavailable> {
    for referral in &erasure.referrals {
        erase(funnel, erasure, referral).await?;
    }
    for click in &erasure.clicks {
        funnel.empty_click(click).await?;
    }
    erasure::finish(&funnel.database, &erasure.id, now()).await
}

async fn erase(funnel: &Funnel, erasure: &Erasure, referral: &ReferralId) -> Result<(), Unavailable> {
    let Scope { team_id, program_id, is_test } = &erasure.scope;
    let reach = Reach { team_id: Some(team_id.clone()), program_id: Some(program_id.clone()), is_test: Some(*is_test) };
    let context =
        Context { request_id: erasure.request_id.clone(), actor: erasure.actor.clone(), reach, idempotency: None };
    let command = EraseReferral { context, referral_id: referral.clone(), scope: erasure.scope.clone() };
    match funnel.execute(Command::EraseReferral(command)).await {
        // No row, nothing to erase.
        Ok(_) | Err(Refusal::Rejected(Rejection::ReferralNotFound)) => Ok(()),
        Err(Refusal::Rejected(rejection)) => Err(Unavailable(rejection.name().to_owned())),
        Err(Refusal::TryLater(cause)) => Err(Unavailable(cause)),
    }
}

/// The job: goes on with what was interrupted. One that fails keeps no other from its turn.
pub async fn go_on(env: &Env) -> Result<(), Unavailable> {
    let funnel = Funnel::of(env)?;
    let mut done = Ok(());
    for erasure in erasure::unfinished(&funnel.database, ERASURES_A_MINUTE).await? {
        if let Err(away) = carry_on(&funnel, &erasure).await {
            done = Err(away);
        }
    }
    done
}

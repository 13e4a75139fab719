//! `Idempotency-Key` on the routes that are not the ledger's: the same call again is answered as the first time.
//!
//! State: `kept_answer` in D1. The ledger's commands claim their key in the batch of their effect. What stands here is
//! kept right after its effect: a call whose answer was lost with this Worker may be carried out again, which makes
//! another endpoint, override or test event, or another delivery under the same id, or is a 409 where what it makes has a
//! name; and moves no money.

use attribution::ids::TeamId;
use attribution::ledger::{IdempotencyKey, KeptKey, Rejection, Unavailable};
use serde_json::Value;

use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming};
use crate::platform::now;
use crate::store::kept_answer::{self, KeptResponse};

/// Shown in the first answer only.
const SHOWN_ONCE: &str = "secret";

/// Carries `work` out unless a call with the same key has been answered; then that answer is given again.
pub async fn once<P: From<Refusal> + From<Unavailable>>(
    incoming: &Incoming,
    funnel: &Funnel,
    owner: (&TeamId, bool),
    key: Option<IdempotencyKey>,
    work: impl Future<Output = Result<Answer, P>>,
) -> Result<Answer, P> {
    let Some(IdempotencyKey { route, value, body_hash }) = key else { return work.await };
    let (team_id, is_test) = owner;
    let place = KeptKey { team_id: team_id.clone(), is_test, route, value };
    if let Some((answered, response)) = kept_answer::find_response(&funnel.database, &place).await? {
        if answered != body_hash {
            return Err(Refusal::Rejected(Rejection::KeyReused).into());
        }
        return Ok(Answer::json(response.status, &response.body).replayed(true));
    }
    let answer = work.await?;
    if (200..300).contains(&answer.status) {
        let response = KeptResponse { status: answer.status, body: without_secret(answer.body_json()) };
        let request_id = &incoming.request_id;
        kept_answer::keep_response(&funnel.database, &place, &body_hash, request_id, &response, now()).await?;
    }
    Ok(answer)
}

fn without_secret(mut body: Value) -> Value {
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.remove(SHOWN_ONCE);
    }
    body
}

//! Whether a call is let in: its key (401), how often it calls (429), what the key may do (403), in this order and before
//! anything else about the route is said.
//!
//! A wrong key is 401 on every path of the API, also on one that does not exist or does not take the method: who has no right
//! key learns nothing by trying, and what a right one tries counts against its limit. Without any key, a path that takes keys
//! only is 401 whatever the method, and an unknown one is 404: which paths there are stands in `/openapi.json`.
//!
//! State: none here; keys and limits are remembered where they are looked up.

use attribution::keys::{KeyForm, KeyScope};
use attribution::ledger::Unavailable;
use attribution::rate_limit::Standing;
use worker::Env;

use super::access::{Access, access};
use super::{Selected, endpoints, is_affitor};
use crate::caller::{self, KeyProblem, authenticate};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::rate_limit::{self, Admission};
use crate::store::api_key::ApiKey;
use crate::{affitor, affonso};

/// After so many seconds an address may call again: the counter's minute is not known here.
const ADDRESS_RETRY_SECONDS: u32 = 60;

/// What came of a call at the door.
pub(super) struct Admitted {
    /// Why it is not let in.
    pub refusal: Option<Answer>,
    /// Where its key stands; `None` for a call without one.
    pub standing: Option<Standing>,
}

/// Why a call is not let in.
enum Refused {
    Key(KeyProblem),
    TooManyCalls(u32),
    MissingScope(KeyScope),
    Away(Unavailable),
}

impl From<Unavailable> for Refused {
    fn from(away: Unavailable) -> Self {
        Self::Away(away)
    }
}

/// Whether a key is needed, and what it must be allowed to do.
struct Need {
    is_key_needed: bool,
    scopes: Vec<KeyScope>,
}

/// Lets a call in, or says why not.
pub(super) async fn admit(selected: &Selected, incoming: &Incoming, env: &Env, segments: &[&str]) -> Admitted {
    let open = Admitted { refusal: None, standing: None };
    let Some(need) = need(selected, segments) else { return open };
    if !need.is_key_needed && incoming.header("authorization").is_none() {
        let is_page_call = matches!(selected, Selected::Endpoint(_));
        if is_page_call && !rate_limit::is_open_call_allowed(incoming, env).await {
            let refusal = Some(answer(Refused::TooManyCalls(ADDRESS_RETRY_SECONDS), segments));
            return Admitted { refusal, standing: None };
        }
        return open;
    }
    let mut standing = None;
    let refused = check(&need, incoming, env, segments, &mut standing).await.err();
    Admitted { refusal: refused.map(|refused| answer(refused, segments)), standing }
}

/// `None` for what looks at no key.
fn need(selected: &Selected, segments: &[&str]) -> Option<Need> {
    let optional = |scopes| Some(Need { is_key_needed: false, scopes });
    match selected {
        Selected::Endpoint(endpoint) => match access(*endpoint) {
            Access::Open | Access::Signed => None,
            Access::Browser(scope) => optional(vec![scope]),
            Access::Keyed(scopes) => Some(Need { is_key_needed: true, scopes: scopes.to_vec() }),
        },
        Selected::WrongMethod(_) => {
            let all: Vec<Access> = endpoints(segments).iter().map(|(_, endpoint)| access(*endpoint)).collect();
            if all.iter().any(|access| matches!(access, Access::Open | Access::Signed)) {
                return None;
            }
            let is_key_needed = all.iter().all(|access| matches!(access, Access::Keyed(_)));
            Some(Need { is_key_needed, scopes: Vec::new() })
        }
        Selected::Unknown if matches!(segments.first(), Some(&("v1" | "api"))) => optional(Vec::new()),
        Selected::Preflight | Selected::Unknown => None,
    }
}

async fn check(
    need: &Need,
    incoming: &Incoming,
    env: &Env,
    segments: &[&str],
    standing: &mut Option<Standing>,
) -> Result<(), Refused> {
    let key = key(incoming, env, segments).await?;
    caller::note(&key);
    match rate_limit::count(&key, env).await {
        Admission::Allowed(here) => *standing = Some(here),
        Admission::Refused(here, seconds) => {
            *standing = Some(here);
            return Err(Refused::TooManyCalls(seconds));
        }
    }
    let missing = need.scopes.iter().find(|scope| !key.scopes.allow(**scope));
    missing.map_or(Ok(()), |scope| Err(Refused::MissingScope(*scope)))
}

async fn key(incoming: &Incoming, env: &Env, segments: &[&str]) -> Result<ApiKey, Refused> {
    let accepted: &[KeyForm] = if is_affitor(segments) { &affitor::ACCEPTED_KEYS } else { &affonso::ACCEPTED_KEYS };
    let funnel = Funnel::of(env)?;
    authenticate(incoming, &funnel.configuration(), accepted).await?.map_err(Refused::Key)
}

fn answer(refused: Refused, segments: &[&str]) -> Answer {
    if is_affitor(segments) {
        let problem = match refused {
            Refused::Key(problem) => affitor::Problem::Key(problem),
            Refused::TooManyCalls(seconds) => affitor::Problem::TooManyCalls(seconds),
            Refused::MissingScope(scope) => affitor::Problem::MissingScope(scope),
            Refused::Away(away) => away.into(),
        };
        return problem.answer();
    }
    let problem = match refused {
        Refused::Key(problem) => affonso::Problem::Key(problem),
        Refused::TooManyCalls(seconds) => affonso::Problem::TooManyCalls(seconds),
        Refused::MissingScope(scope) => affonso::Problem::MissingScope(scope),
        Refused::Away(away) => away.into(),
    };
    problem.answer()
}

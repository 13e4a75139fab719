//! `GET /api/v1/programs/me/readiness`: how far the key's program has been set up, and what is missing. Reads only; nothing is
//! cached, so `?force_recheck` changes nothing. Source: reference of the dialects, section 2.6.

use attribution::time::Timestamp;
use serde_json::json;

use super::{Problem, caller};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::platform::now;
use crate::store::readiness::{self, Readiness};

/// Who waits for a change asks again after so many seconds.
const POLL_SECONDS: u32 = 5;

const HOUR_MILLISECONDS: i64 = 60 * 60 * 1000;

/// What a gate says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Pass,
    Fail,
    Unknown,
}

impl Gate {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    /// Passed or failed.
    fn known(passes: bool) -> Self {
        if passes { Self::Pass } else { Self::Fail }
    }

    /// Passed, or nothing can be said yet.
    fn seen(passes: bool) -> Self {
        if passes { Self::Pass } else { Self::Unknown }
    }
}

/// The gates, in the order in which they are passed.
struct Gates {
    profile: Gate,
    economics: Gate,
    payout: Gate,
    tracking: Gate,
    live: Gate,
}

impl Gates {
    fn of(found: &Readiness) -> Self {
        let tracking = match found.last_chain {
            Some(attributed) => Gate::known(attributed == 1),
            None => Gate::seen(found.live_sales == 1),
        };
        Self {
            profile: Gate::known(found.has_website == 1),
            economics: Gate::known(found.incentives > 0 && found.affiliates > 0),
            payout: Gate::seen(found.payable_affiliates > 0),
            tracking,
            live: Gate::seen(found.live_sales == 1),
        }
    }

    /// The first gate that has to be passed by somebody, and how.
    fn blocker(&self) -> Option<(&'static str, &'static str)> {
        let ways = [
            (self.profile, "profile", "Set the program's website_url."),
            (self.economics, "economics", "Make an incentive, and approve an affiliate who earns by it."),
            (self.tracking, "tracking", "Send a test chain and see what its verdict says."),
        ];
        let blocks = |gate: Gate, name: &str| gate == Gate::Fail || (name == "tracking" && gate != Gate::Pass);
        ways.into_iter().find(|(gate, name, _)| blocks(*gate, name)).map(|(_, name, how)| (name, how))
    }

    fn state(&self, found: &Readiness) -> &'static str {
        let set_up = [self.profile, self.economics].into_iter().filter(|gate| *gate == Gate::Pass).count();
        match set_up {
            _ if self.live == Gate::Pass => "live_verified",
            2 if found.last_chain == Some(1) => "integration_verified",
            2 => "ready",
            1 => "configuring",
            _ => "draft",
        }
    }
}

/// How far the program has come, with the counts of the key's own mode.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let program = funnel.program(&key.program_id).await?;
    let found = readiness::find(&funnel.database, &key.program_id, key.is_test, now()).await?;
    let found = found.ok_or(Problem::UnknownPath)?;
    let gates = Gates::of(&found);
    let blocker = gates.blocker().map(|(gate, how)| json!({ "gate": gate, "message": how }));
    let last_click = found.last_click_hour.map(|hour| hour * HOUR_MILLISECONDS);
    let last = last_click.max(found.last_recorded_at).map(|at| Timestamp::from_milliseconds(at).to_rfc3339());
    Ok(Answer::json(
        200,
        &json!({
            "success": true,
            "program_id": program.number,
            "state": gates.state(&found),
            "gates": {
                "profile": gates.profile.word(),
                "economics": gates.economics.word(),
                "payout": gates.payout.word(),
                "tracking": gates.tracking.word(),
                "live": gates.live.word(),
            },
            "blocker": blocker,
            "last_event_at": last,
            "counts_24h": { "clicks": found.clicks, "leads": found.leads, "sales": found.sales },
            "poll": { "retry_after_seconds": POLL_SECONDS },
        }),
    ))
}

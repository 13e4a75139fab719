//! What an object remembers of its last commands: it saves trips to the database and is never the truth.
//!
//! State: two bounded maps in memory. A remembered referral that is stale fails the fence of the commit that was decided
//! on it. A kept answer is given for at most a minute, to the very same request, and dropped by any later command at its
//! gate. Both are written after the commit that they tell of, and gone with the object.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::ids::ReferralId;
use crate::ledger::{Answer, Command};
use crate::referral::Referral;
use crate::time::Timestamp;

/// How long a kept answer may be given.
const LIFE_MILLISECONDS: i64 = 60_000;

/// So many of a kind are remembered; beyond it all of them are forgotten at once.
const MAX_REMEMBERED: usize = 4_000;

/// What an object remembers.
#[derive(Default)]
pub struct Memory {
    referrals: RefCell<HashMap<ReferralId, Referral>>,
    answers: RefCell<HashMap<ReferralId, KeptAnswer>>,
}

struct KeptAnswer {
    request: Command,
    answer: Answer,
    kept_at: Timestamp,
}

impl Memory {
    /// The referral as it was after the last commit at its gate.
    pub fn referral(&self, id: &ReferralId) -> Option<Referral> {
        self.referrals.borrow().get(id).cloned()
    }

    /// What the last command at this gate was answered, if this is the same request again, and what a repeat of it is
    /// answered.
    pub fn answer(&self, command: &Command, now: Timestamp) -> Option<Answer> {
        let answers = self.answers.borrow();
        let kept = answers.get(command.gate())?;
        let age = now.milliseconds() - kept.kept_at.milliseconds();
        let usable = (0..LIFE_MILLISECONDS).contains(&age) && kept.request == command.without_request();
        usable.then(|| kept.answer.clone())
    }

    /// Forgets what is known of a referral: its next command asks the database.
    pub fn forget(&self, id: &ReferralId) {
        self.referrals.borrow_mut().remove(id);
        self.answers.borrow_mut().remove(id);
    }

    /// Remembers what a command at `gate` has committed, and how its repeat is answered.
    pub fn keep(&self, command: &Command, committed: Vec<Referral>, answer: &Answer, now: Timestamp) {
        let gate = command.gate();
        for referral in committed {
            self.forget(&referral.id);
            if referral.id == *gate {
                remember(&self.referrals, gate.clone(), referral);
            }
        }
        if let Some(answer) = command.repeated(answer) {
            let kept = KeptAnswer { request: command.without_request(), answer, kept_at: now };
            remember(&self.answers, gate.clone(), kept);
        }
    }
}

fn remember<V>(map: &RefCell<HashMap<ReferralId, V>>, id: ReferralId, value: V) {
    let mut map = map.borrow_mut();
    if map.len() >= MAX_REMEMBERED {
        map.clear();
    }
    map.insert(id, value);
}

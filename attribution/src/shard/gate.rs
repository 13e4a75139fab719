//! Gates: commands on one referral go through one at a time, since awaits on the database interleave inside an object.
//!
//! They live in memory and save work only: two commands that both passed (after a reset, say) are kept apart by the
//! fence in the database.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use futures_util::lock::{Mutex, OwnedMutexGuard};

use crate::ids::ReferralId;
use crate::time::Timer;

/// How long a command waits for its turn.
const WAIT_MILLISECONDS: u32 = 10_000;

/// The gate stayed shut for too long.
#[derive(Debug, thiserror::Error)]
#[error("the referral's gate stayed shut for {WAIT_MILLISECONDS} ms")]
pub struct GateBusy;

/// The gates that somebody stands at.
#[derive(Default)]
pub struct Gates {
    locks: RefCell<HashMap<ReferralId, Lock>>,
}

type Lock = Arc<Mutex<()>>;

/// A command's turn; the gate opens for the next one when it is dropped.
pub struct Turn<'a> {
    gates: &'a Gates,
    id: ReferralId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Gates {
    /// Waits for the turn of a command on `id`.
    pub async fn enter(&self, id: &ReferralId, clock: &impl Timer) -> Result<Turn<'_>, GateBusy> {
        let lock = Lock::clone(self.locks.borrow_mut().entry(id.clone()).or_default());
        let mut turn = Turn { gates: self, id: id.clone(), guard: None };
        if let Some(guard) = lock.try_lock_owned() {
            turn.guard = Some(guard);
            return Ok(turn);
        }
        match select(lock.lock_owned(), pin!(clock.sleep(WAIT_MILLISECONDS))).await {
            Either::Left((guard, _)) => {
                turn.guard = Some(guard);
                Ok(turn)
            }
            Either::Right(_) => Err(GateBusy),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        // Nobody else holds or awaits the lock when the map's is the only reference left.
        let mut locks = self.gates.locks.borrow_mut();
        if locks.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.id);
        }
    }
}

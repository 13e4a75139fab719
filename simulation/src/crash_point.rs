//! Crash points: the moments at which a fault hurts most, named and counted. A run that never met one has proven
//! nothing about it.
//!
//! State: the counts of one seed, or of many.

use std::cell::RefCell;
use std::collections::BTreeMap;

use strum::{IntoStaticStr, VariantArray};

/// A moment at which something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "title_case")]
pub enum CrashPoint {
    /// An object died after a click was appended and before it was answered.
    AfterAppendBeforeAnswer,
    /// An object died, and what it had written last did not reach the disk.
    LastWritesLost,
    /// An object died, and what it had written last did.
    LastWritesKept,
    /// An object died after its batch was committed and before it heard of it.
    AfterCommitBeforeItsAnswerIsKept,
    /// A dead object's batch was committed after the next instance had decided about the same referral.
    CommitLandsAfterTheNextDecided,
    /// A dead object's batch came after the next instance had decided, and was refused.
    LateCommitRefused,
    /// A batch was committed after its object had been told that it failed.
    CommitLandsAfterItsError,
    /// A batch was committed and its answer lost.
    CommitAnswerLost,
    /// A batch was lost on its way.
    CommitLost,
    /// A request met a database that was away.
    DatabaseAway,
    /// The fence refused a batch: the referral's `seq` had moved on.
    FenceRefused,
    /// Somebody else was first with an identity.
    IdentityTaken,
    /// Somebody else was first with a sale key.
    SaleKeyTaken,
    /// The rules had changed between decision and commit.
    RulesMovedOn,
    /// Counts were stored and the object died before it noted that.
    CountsStoredNotNoted,
    /// Stale counts arrived after newer ones.
    OldCountsArriveLate,
    /// An object died after its batch was committed and before the sender was woken.
    AfterCommitBeforeTheSenderIsWoken,
    /// A sender died after its message was received and before it had marked it so.
    AfterPostBeforeItIsMarked,
    /// A step of a payout was committed after its object had died.
    PayoutLandsAfterItsObjectDied,
    /// A refund took back what had been paid out.
    RefundAfterPayout,
    /// A refund was made while its commission was in a payout.
    RefundInPayout,
    /// A payout was closed while somebody still gathered for it.
    GatheredTooLate,
    /// A job found a payout that was left half way.
    PayoutLeftHalfWay,
    /// A payout came to nothing, and its commissions went free.
    PayoutReleased,
    /// A person wanted to change what was paid, or in a payout.
    EditMeetsPayout,
    /// A person's change was decided on what was no longer so.
    EditFenced,
    /// What a referral was known by had been taken when it was released, or named anew.
    ReleaseFindsNamesTaken,
    /// A sale was decided while its referral was given to another affiliate.
    SaleMeetsReassignment,
    /// A job settled a sale whose rate had come, and behind the gate it had been settled already.
    RateArrivedTwice,
    /// A sale was paid back while it waited for its rate.
    RefundedBeforeItsRate,
    /// A rate was published while a sale was decided without it.
    RateArrivesMeanwhile,
    /// The cap was used up when the rate came.
    CapUsedUpMeanwhile,
    /// A job found a hold that was over, and behind the gate it had been ended already.
    HoldEndedTwice,
    /// A job gave a refund up, and its sale had come.
    ExpiryMeetsItsSale,
    /// The fence refused a sale that was priced with what others had left of a cap.
    SalesRaceForTheCap,
    /// The scheduler died while it did a minute's work.
    MinuteKilledHalfWay,
    /// An alarm went off twice.
    AlarmTwice,
    /// An alarm went off late.
    AlarmLate,
    /// An alarm was killed half way.
    AlarmKilledHalfWay,
    /// The Worker sent a request to its object again.
    ObjectAskedAgain,
    /// The Worker died while its client waited.
    WorkerDied,
    /// A client's answer was lost.
    AnswerLost,
    /// A call was refused because its twin was under way.
    KeyInFlight,
    /// A kept answer was given again.
    AnswerReplayed,
    /// A key was used for another body.
    KeyReused,
}

/// How often each was met.
#[derive(Default)]
pub struct CrashPoints(RefCell<BTreeMap<CrashPoint, u64>>);

impl CrashPoint {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl CrashPoints {
    /// Counts one.
    pub fn hit(&self, point: CrashPoint) {
        *self.0.borrow_mut().entry(point).or_default() += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&self, counts: &[(CrashPoint, u64)]) {
        let mut own = self.0.borrow_mut();
        for (point, count) in counts {
            *own.entry(*point).or_default() += count;
        }
    }

    /// Every point with its count, the ones never met too.
    pub fn all(&self) -> Vec<(CrashPoint, u64)> {
        let own = self.0.borrow();
        CrashPoint::VARIANTS.iter().map(|point| (*point, own.get(point).copied().unwrap_or(0))).collect()
    }
}

//! Breakages: ways in which the world could be built wrong, each breaking one thing that the algorithm rests on. The
//! simulation has to find every one of them; a check that finds none checks nothing.
//!
//! No breakage touches the algorithm: it changes what an implementation of its traits does, or how the world runs it.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// One thing that is built wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Breakage {
    /// The database raises `seq` whatever was read.
    NoFence,
    /// An identity may belong to two referrals: the later one takes it.
    NoIdentityKey,
    /// A sale key may be used by two sales.
    NoSaleKey,
    /// An `Idempotency-Key` may be used by two calls.
    NoIdempotencyKey,
    /// The rules' version is not looked at when a batch is committed.
    NoRulesVersion,
    /// A batch that fails leaves what it had written before.
    BatchInPieces,
    /// The store says that a batch is committed before it is.
    AnswerBeforeCommit,
    /// An answer is kept in a batch of its own, before its effect.
    AnswerKeptBeforeEffect,
    /// The object answers before its writes are on the disk.
    NoOutputGate,
    /// A click and its key are written in two steps.
    ClickAndKeyApart,
    /// A click that a browser sends again under its name is not looked for.
    NamesNotLookedFor,
    /// Counts are added to what is stored.
    CountsAdded,
    /// The stored count is replaced, also by a smaller one.
    CountsReplaced,
    /// Counts are noted as sent before they are.
    CountsNotedFirst,
    /// The alarm is armed when the work is done, and only if it was.
    AlarmArmedAfterWork,
    /// A refund's key may be used by two refunds.
    NoRefundKey,
    /// A sale is let in although a refund waits for it.
    SaleLeavesItsRefundWaiting,
    /// The sender's cursor is written before the deliveries that it has passed.
    CursorBeforeDeliveries,
    /// A sender is woken after a commit, and nobody looks for wakes that were lost.
    WokenByHintsAlone,
    /// A sale under a cap is let in whatever was read.
    CapWithoutFence,
    /// What a job has found to be due is not looked at again behind the gate.
    DueIsNotLookedAtAgain,
    /// What is taken back of a paid commission is counted from what was left of it.
    ClawbackOfWhatWasLeft,
    /// A line is added to a payout wherever that is.
    PayoutLineWithoutGuard,
    /// A payout is changed whatever has become of it since it was read.
    PayoutSavedAnyhow,
    /// A payout that was left half way is nobody's business.
    PayoutsLeftHalfWay,
    /// What was earned so far is not read where a rate has come.
    SettledWithoutCap,
    /// A referral's sum is not written when it is given to another affiliate.
    ReassignedWithoutItsSum,
    /// What a referral was known by is not claimed when it is released.
    ReleasedWithoutItsNames,
    /// Every command gets a lock of its own.
    NoLock,
    /// Ids are minted anew when the Worker asks its object again.
    IdsMintedAnew,
}

impl Breakage {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

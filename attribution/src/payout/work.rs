//! The work on a payout: collecting its commissions, and telling them how it ended.
//!
//! It may stop anywhere and be taken up by anybody, also by several at once: what is still to be done is read anew from the
//! rows, every commission moves through its referral's gate, and each end of a stretch is one guarded write. While it is
//! being gathered no commission is in it that its sum does not count; from then on none can enter it.

use futures_util::future::join_all;

use super::{Payout, Work};
use crate::edits::{EditLine, Editor};
use crate::ids::{PayoutId, ReferralId};
use crate::ledger::{NotCommitted, Step, Unavailable};
use crate::time::Clock;

/// So many gates are passed at the same time.
pub const AT_ONCE: usize = 10;

/// Stretches of one call: gathering, giving up, removing, and what others make of it meanwhile.
const STRETCHES: usize = 10;

/// A payout with what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The payout.
    pub payout: Payout,
    /// What its lines add up to, in minor units of its currency.
    pub sum_minor: i64,
    /// How many they are.
    pub lines: i64,
    /// Below this the program pays nothing out, in minor units.
    pub threshold_minor: i64,
}

/// The rows of payouts.
pub trait Payouts {
    /// The payout as it is now; `None` when there is none.
    fn tally(&self, id: &PayoutId) -> impl Future<Output = Result<Option<Tally>, Unavailable>>;

    /// Referrals with commissions that take `step`, at most so many.
    fn referrals(
        &self,
        payout: &Payout,
        step: &Step,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ReferralId>, Unavailable>>;

    /// Writes what has become of the payout, with its line: only while its version and its lines are those of `before`.
    fn save(&self, before: &Tally, after: &Payout, line: &EditLine) -> impl Future<Output = Result<(), NotCommitted>>;

    /// Ends the settling, or removes a payout that was given up; false, and nothing done, while commissions are still in it.
    fn settle(&self, payout: &Payout) -> impl Future<Output = Result<bool, Unavailable>>;
}

/// The gates of referrals.
pub trait Gates {
    /// Lets the commissions of this referral take `step` that may. A gate that refuses leaves them as they are.
    fn pass(
        &self,
        payout: &Payout,
        referral: &ReferralId,
        step: &Step,
    ) -> impl Future<Output = Result<(), Unavailable>>;
}

/// Carries a payout on until its work is done or `budget` gates were passed; takes those off the budget. `by` is who does
/// it; the moment is the clock's.
pub async fn carry_on(
    id: &PayoutId,
    budget: &mut usize,
    by: &Editor,
    (payouts, gates, clock): (&impl Payouts, &impl Gates, &impl Clock),
) -> Result<(), Unavailable> {
    let mut lost = "not tried".to_owned();
    for _ in 0..STRETCHES {
        let Some(tally) = payouts.tally(id).await? else { return Ok(()) };
        let payout = &tally.payout;
        let Some(step) = payout.step() else { return Ok(()) };
        if !pass_all(payout, &step, budget, payouts, gates).await? {
            return Ok(());
        }
        lost = match payout.work {
            Some(Work::Gathering) => decide(id, by, payouts, clock).await?,
            _ if payouts.settle(payout).await? => return Ok(()),
            _ => "commissions are still in it".to_owned(),
        };
    }
    Err(Unavailable(format!("payout {id}: {lost}")))
}

/// Lets all referrals take the step; false when the budget ended before they did.
async fn pass_all(
    payout: &Payout,
    step: &Step,
    budget: &mut usize,
    payouts: &impl Payouts,
    gates: &impl Gates,
) -> Result<bool, Unavailable> {
    let limit = *budget;
    // One more than may pass tells whether that was all.
    let referrals = payouts.referrals(payout, step, limit + 1).await?;
    let passing = referrals.get(..limit).unwrap_or(&referrals);
    for together in passing.chunks(AT_ONCE) {
        *budget -= together.len();
        let passed = join_all(together.iter().map(|referral| gates.pass(payout, referral, step))).await;
        passed.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(referrals.len() <= limit)
}

/// Decides what has been gathered: the payout stands, or is given up. Says what was in the way, if anything was.
async fn decide(id: &PayoutId, by: &Editor, payouts: &impl Payouts, clock: &impl Clock) -> Result<String, Unavailable> {
    // Read after the last gate: its sum is the one that counts.
    let Some(tally) = payouts.tally(id).await?.filter(|tally| tally.payout.work == Some(Work::Gathering)) else {
        return Ok("others have decided".to_owned());
    };
    let by = Editor { at: clock.now(), ..by.clone() };
    let gathered = tally.payout.gathered(tally.sum_minor, tally.threshold_minor, by.at);
    let line = gathered.line_of_gathering(&tally, by);
    let saved = payouts.save(&tally, &gathered, &line).await;
    Ok(saved.err().map_or_else(String::new, |cause| cause.to_string()))
}

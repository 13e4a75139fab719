//! Claims: what only a browser said of a customer gives way to what a key vouches for.
//!
//! A browser's lead needs no key, so anybody with a click may claim any customer. A keyed sign-up, direct referral, sale
//! or edit that names the same customer together with another click or referral takes the names back, as long as nothing
//! was paid out: the claim is rejected, its lead commission declined, and the line of the ledger says by what.
//!
//! How many claims there may be is limited, by what the batch that makes one checks itself: at most one of a click, and so
//! many within an hour of one affiliate and from one network address. Those that a key vouched for since do not count.
//! Source: design, section 1, "Claims"; docs/fraud.md.

use super::changes::{Change, Event, Plan};
use super::command::{Command, Context};
use super::outcome::Rejection;
use super::requests::SignUp;
use super::{State, View};
use crate::decision::{Decision, Reason};
use crate::email::EmailHasher;
use crate::ids::{AffiliateId, ReferralId};
use crate::referral::{Click, Identity, Referral};
use crate::status::ReferralStatus;
use crate::time::{HOUR_MILLISECONDS, Timestamp};
use crate::transitions::Mover;

/// So many claims of one affiliate may be made within [`WINDOW_MILLISECONDS`].
pub const MOST_OF_AFFILIATE: u32 = 1_000;

/// So many claims may be made from one network address within it. Offices and mobile networks share one.
pub const MOST_OF_ADDRESS: u32 = 60;

/// Claims count for so long: an hour.
pub const WINDOW_MILLISECONDS: i64 = HOUR_MILLISECONDS;

/// Which claims count beside a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimQuery {
    /// Those of this affiliate.
    pub affiliate_id: AffiliateId,
    /// Those from this network address, by its keyed hash.
    pub claimed_from: Option<String>,
    /// Those made later than this.
    pub since: Timestamp,
}

/// How many claims there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimCounts {
    /// Of the affiliate.
    pub of_affiliate: u32,
    /// From the network address.
    pub of_address: u32,
}

impl ClaimQuery {
    /// The claims that count beside `claim`, a referral that is being made.
    pub fn beside(claim: &Referral) -> Self {
        Self {
            affiliate_id: claim.affiliate_id.clone(),
            claimed_from: claim.claimed_from.clone(),
            since: Timestamp::from_milliseconds(claim.created_at.milliseconds() - WINDOW_MILLISECONDS),
        }
    }
}

impl ClaimCounts {
    /// Whether there may be one more.
    pub fn leave_room(self) -> bool {
        self.of_affiliate < MOST_OF_AFFILIATE && self.of_address < MOST_OF_ADDRESS
    }
}

/// What a page's sign-up has to be counted with; none for a call with a key.
pub(super) fn query(
    command: &SignUp,
    click: Option<&Click>,
    hasher: &EmailHasher,
    now: Timestamp,
) -> Option<ClaimQuery> {
    let click = click.filter(|_| !command.verified)?;
    Some(ClaimQuery {
        affiliate_id: click.affiliate_id.clone(),
        claimed_from: claimed_from(command, hasher),
        since: Timestamp::from_milliseconds(now.milliseconds() - WINDOW_MILLISECONDS),
    })
}

/// The keyed hash of the address that a page's call came from.
pub(super) fn claimed_from(command: &SignUp, hasher: &EmailHasher) -> Option<String> {
    command.caller_address.as_ref().filter(|_| !command.verified).map(|address| hasher.hash_ip(address))
}

/// Refuses a claim beyond the limits.
pub(super) fn check_room(command: &SignUp, state: &State) -> Result<(), Rejection> {
    if command.verified || state.claims.leave_room() { Ok(()) } else { Err(Rejection::TooManyClaims) }
}

/// A name that a claim holds, with the claim.
pub(super) type ClaimedName = (Identity, Referral);

/// Takes out of `state` the names that claims hold and this command may take from them.
pub(super) fn set_aside(command: &Command, click: Option<&Click>, state: State) -> (State, Vec<ClaimedName>) {
    let Some(subject) = subject(command, click, &state) else { return (state, Vec::new()) };
    let (claimed, holders) =
        state.holders.into_iter().partition(|(_, holder)| holder.id != subject && may_be_overridden(holder));
    (State { holders, ..state }, claimed)
}

/// What the command would credit instead; `None` where nothing but the claim is known of the customer, or no key
/// vouches for the call.
fn subject(command: &Command, click: Option<&Click>, state: &State) -> Option<ReferralId> {
    match command {
        Command::SignUp(sign_up) => {
            let exists = click.is_some() || state.referral(&sign_up.click_id).is_some();
            (sign_up.verified && exists).then(|| sign_up.click_id.clone())
        }
        Command::CreateReferral(create) => Some(create.referral_id.clone()),
        Command::RecordSale(sale) => super::record_sale::named_subject(sale, click, state),
        Command::EditReferral(edit) => state.referral(&edit.referral_id).map(|referral| referral.id.clone()),
        Command::Reconsider(_)
        | Command::ManualCommission(_)
        | Command::EditCommission(_)
        | Command::Refund(_)
        | Command::MoveCommissions(_)
        | Command::ExpireRefund(_)
        | Command::EraseReferral(_) => None,
    }
}

fn may_be_overridden(holder: &Referral) -> bool {
    !holder.verified && !holder.paid_out && holder.status.may_become(ReferralStatus::Rejected, Mover::Ledger)
}

/// Completes a plan that takes names from claims: each such claim is rejected first, in the same batch.
pub(super) fn override_claims(mut plan: Plan, claimed: &[ClaimedName], context: &Context, view: &View<'_>) -> Plan {
    let taken_by = |name: &Identity| {
        plan.changes.iter().find_map(|change| match change {
            Change::ClaimIdentity(referral_id, identity) if identity == name => Some(referral_id.clone()),
            _ => None,
        })
    };
    let mut overridden: Vec<(&Referral, ReferralId)> = Vec::new();
    for (name, claim) in claimed {
        let known = overridden.iter().any(|(already, _)| already.id == claim.id);
        if let (false, Some(taker)) = (known, taken_by(name)) {
            overridden.push((claim, taker));
        }
    }
    let mut changes = Vec::new();
    for (claim, taker) in overridden {
        reject(claim, &taker, context, view, &mut changes);
    }
    changes.append(&mut plan.changes);
    plan.changes = changes;
    plan
}

fn reject(claim: &Referral, taker: &ReferralId, context: &Context, view: &View<'_>, changes: &mut Vec<Change>) {
    let mut rejected = claim.clone();
    rejected.status = ReferralStatus::Rejected;
    rejected.commission_total_minor = 0;
    rejected.seq += 1;
    rejected.updated_at = view.now;
    let decision = Decision::new(Reason::ClaimOverridden).with("overridden_by", taker.as_str());
    let version = view.program.rules_version;
    let event = Event::of("referral.claim_overridden", &rejected, decision, context, version);
    let names = claim.identities();
    changes.push(Change::UpdateReferral(Box::new(rejected)));
    changes.extend(names.into_iter().map(|name| Change::ReleaseIdentity(claim.id.clone(), name)));
    changes.push(Change::DeclineLeadCommission(claim.id.clone(), view.now));
    changes.push(Change::AppendEvent(Box::new(event)));
}

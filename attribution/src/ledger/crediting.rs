//! What a judged sale writes: its commission, the levels', and how far the customer has come. Used when a sale is recorded
//! and when one that waited for its payment is completed.

use super::View;
use super::judgement::{Earnings, Judgement, Sold};
use super::outcome::Rejection;
use super::pricing::LevelShare;
use crate::decision::Reason;
use crate::ids::{CommissionId, ConversionId};
use crate::incentive::Approval;
use crate::referral::Referral;
use crate::sale::Commission;
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus, SalesStatus};
use crate::time::Timestamp;
use crate::transitions::Mover;

/// What a sale earned.
pub(super) struct Credit {
    /// The affiliate's.
    pub commission: Option<Commission>,
    /// Those of who recruited them.
    pub levels: Vec<Commission>,
}

/// Credits a judged sale: moves `referral` on and makes the commissions. `TotalTooLarge` where the sum is beyond an amount.
pub(super) fn credit(
    referral: &mut Referral,
    sold: &Sold<'_>,
    judgement: &Judgement<'_>,
    ids: (&ConversionId, &CommissionId),
    view: &View<'_>,
) -> Result<Credit, Rejection> {
    let commission = judgement.earns.as_ref().map(|earns| direct(referral, earns, sold, judgement, ids, view));
    if judgement.decision.reason.is_attributed() {
        advance(referral, sold);
    }
    let Some(commission) = commission else { return Ok(Credit { commission: None, levels: Vec::new() }) };
    referral.paid_sales += i64::from(commission.status.counts());
    let counted = commission.counted_minor(&referral.affiliate_id);
    referral.add_commission(counted).ok_or(Rejection::TotalTooLarge)?;
    // What was paid back before it was recorded is nothing, and so are its levels.
    let is_nothing = commission.amount_minor == Some(0);
    let shares = judgement.earns.as_ref().filter(|_| !is_nothing).map_or(&[][..], |earns| &earns.levels);
    let levels = shares.iter().map(|share| level(&commission, share, view)).collect();
    Ok(Credit { commission: Some(commission), levels })
}

fn direct(
    referral: &Referral,
    earns: &Earnings<'_>,
    sold: &Sold<'_>,
    judgement: &Judgement<'_>,
    (conversion_id, id): (&ConversionId, &CommissionId),
    view: &View<'_>,
) -> Commission {
    let (derived, hold_until) = earns.incentive.approval.first_status(view.now);
    // Without an amount there is nothing that could be paid, whatever the caller asks for.
    let status = match earns.minor {
        Some(_) => sold.asked_status.unwrap_or(derived),
        None => CommissionStatus::Pending,
    };
    Commission {
        id: id.clone(),
        scope: referral.scope.clone(),
        referral_id: referral.id.clone(),
        affiliate_id: referral.affiliate_id.clone(),
        conversion_id: Some(conversion_id.clone()),
        kind: CommissionKind::Sale,
        level: 0,
        incentive_id: Some(earns.incentive.id.clone()),
        // What was paid back before it was recorded is nothing.
        amount_minor: if status == CommissionStatus::Refunded { Some(0) } else { earns.minor },
        earned_minor: earns.minor,
        clawed_back_minor: 0,
        currency: view.program.currency,
        status,
        hold_days: earns.incentive.approval.hold_days(),
        hold_until: hold_until.filter(|_| status == CommissionStatus::Pending),
        reason: judgement.decision.reason,
        payout_id: None,
        created_at: view.now,
        updated_at: view.now,
        deleted_at: None,
    }
}

/// A recruiter's share. It waits as the sale's own commission does; what the caller says was paid outside speaks for the
/// selling affiliate alone.
pub(super) fn level(direct: &Commission, share: &LevelShare<'_>, view: &View<'_>) -> Commission {
    let affiliate_id = view.recruiters.get(share.recruiter).map(|recruiter| recruiter.id.clone());
    let (status, hold_until) =
        if direct.status.is_paid_out() { derived_status(direct, view) } else { (direct.status, direct.hold_until) };
    Commission {
        id: direct.id.beside(&format!("level {}", share.level.position)),
        affiliate_id: affiliate_id.unwrap_or_else(|| direct.affiliate_id.clone()),
        kind: CommissionKind::Level,
        level: share.level.position,
        incentive_id: Some(share.level.id.clone()),
        amount_minor: Some(share.minor),
        earned_minor: Some(share.minor),
        clawed_back_minor: 0,
        status,
        hold_until,
        reason: Reason::LevelEarned,
        payout_id: None,
        ..direct.clone()
    }
}

/// The status that the incentive's approval gives, as far as the commission's terms do not say it; a person's approval where
/// the incentive is gone, or holds what it did not hold then.
pub(super) fn derived_status(direct: &Commission, view: &View<'_>) -> (CommissionStatus, Option<Timestamp>) {
    let mut incentives = view.program.incentives.iter();
    let incentive = incentives.find(|incentive| Some(&incentive.id) == direct.incentive_id.as_ref());
    let is_automatic = incentive.is_some_and(|incentive| incentive.approval == Approval::Automatic);
    let unheld = if is_automatic { Approval::Automatic } else { Approval::Manual };
    let approval = direct.hold_days.map_or(unheld, |days| Approval::HoldPeriod { days });
    approval.first_status(direct.created_at)
}

/// Moves the referral on: a paid sale makes a customer or an active subscriber, a trial a trialing one.
pub(super) fn advance(referral: &mut Referral, sold: &Sold<'_>) {
    let next = match sold.sales_status {
        SalesStatus::Complete if sold.purchase.is_subscription => ReferralStatus::Active,
        SalesStatus::Complete => ReferralStatus::Customer,
        SalesStatus::Trialing => ReferralStatus::Trialing,
        _ => return,
    };
    if referral.status.may_become(next, Mover::Ledger) {
        referral.status = next;
    }
    referral.converted_at = referral.converted_at.or(Some(sold.occurred_at));
    referral.first_sale_at = referral.first_sale_at.or(Some(sold.occurred_at));
    if sold.sales_status == SalesStatus::Complete {
        referral.first_paid_at = Some(earlier(referral.first_paid_at, sold.occurred_at));
    }
}

/// Sales may come out of their order: the months count from the earliest.
fn earlier(known: Option<Timestamp>, moment: Timestamp) -> Timestamp {
    known.map_or(moment, |known| known.min(moment))
}

//! What a lead earns; and what a sign-up would have earned and told that was withheld, once nothing stands against it.
//!
//! A sign-up that a fraud rule rejected, and one that only a browser vouches for where the program waits for a key's word,
//! is a row like any other, but earns nothing and tells nobody. A release by a person, or a key's word, puts that right
//! in the same batch: the lead incentive is earned as of then, and both events are sent. Exactly once: the row says that
//! it is still due, and the commission's id follows from the referral's. Source: docs/fraud.md; design, section 1.

use super::View;
use crate::decision::{Decision, Reason};
use crate::ids::{CommissionId, IncentiveId};
use crate::incentive::{PaysFor, Purchase, Reward, choose};
use crate::messages::{Message, lead_commission_message, referral_message};
use crate::referral::Referral;
use crate::sale::Commission;
use crate::status::{CommissionKind, CommissionStatus, Partnership};

/// The lead incentive's commission, if the affiliate earns one: a fixed amount. What only a browser vouches for waits
/// for a person's approval, unless the program trusts browser leads.
pub(super) fn lead_commission(referral: &Referral, id: &CommissionId, view: &View<'_>) -> Option<Commission> {
    if view.affiliate.partnership != Partnership::Approved {
        return None;
    }
    let incentive = choose(&view.program.incentives, view.affiliate, PaysFor::Lead, &Purchase::default())?;
    let Reward::Fixed(minor @ 1..) = incentive.reward else { return None };
    let trusted = referral.verified || view.program.trust_browser_leads;
    let (status, hold_until) = if trusted {
        incentive.approval.first_status(view.now)
    } else {
        (CommissionStatus::PendingManualApproval, None)
    };
    Some(Commission {
        id: id.clone(),
        scope: referral.scope.clone(),
        referral_id: referral.id.clone(),
        affiliate_id: referral.affiliate_id.clone(),
        conversion_id: None,
        kind: CommissionKind::Lead,
        level: 0,
        incentive_id: Some(incentive.id.clone()),
        amount_minor: Some(minor),
        earned_minor: Some(minor),
        clawed_back_minor: 0,
        currency: view.program.currency,
        status,
        hold_days: incentive.approval.hold_days(),
        hold_until,
        reason: if trusted { Reason::LeadCommissionEarned } else { Reason::LeadAwaitsApproval },
        payout_id: None,
        created_at: view.now,
        updated_at: view.now,
        deleted_at: None,
    })
}

/// What is due of a withheld lead.
pub(super) struct DueLead {
    /// What it earned.
    pub commission: Option<Commission>,
    /// What is told.
    pub messages: Vec<Message>,
}

/// Makes good what was withheld of `referral`, which stands from now on and is vouched for; `None` where nothing was.
/// Its total is raised by what the lead earns.
pub(super) fn make_good(referral: &mut Referral, view: &View<'_>) -> Option<DueLead> {
    if !referral.lead_withheld || !referral.verified || !referral.status.holds_identities() {
        return None;
    }
    referral.lead_withheld = false;
    let commission = lead_commission(referral, &CommissionId::of_lead(&referral.id), view);
    // More than an amount can be is not earned: the lead is told all the same.
    let commission = commission.filter(|due| referral.add_commission(due.amount_minor.unwrap_or(0)).is_some());
    let lead = referral_message("referral.lead", referral, view.affiliate);
    let earned = commission.as_ref().map(|commission| lead_commission_message("transaction.created", commission));
    Some(DueLead { commission, messages: std::iter::once(lead).chain(earned).collect() })
}

/// Adds what a lead has earned to the decision that explains it.
pub(super) fn explain(decision: Decision, commission: &Commission) -> Decision {
    decision
        .with("lead_incentive_id", commission.incentive_id.as_ref().map(IncentiveId::as_str))
        .with("commission_id", commission.id.as_str())
        .with("commission_reason", commission.reason.as_str())
}

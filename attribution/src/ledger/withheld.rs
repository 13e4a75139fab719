//! Leads that were withheld: what a sign-up would have earned and told, once nothing stands against it any more.
//!
//! A sign-up that a fraud rule rejected, and one that only a browser vouches for where the program waits for a key's word,
//! is a row like any other, but earns nothing and tells nobody. A release by a person, or a key's word, puts that right
//! in the same batch: the lead incentive is earned as of then, and both events are sent. Exactly once: the row says that
//! it is still due, and the commission's id follows from the referral's. Source: docs/fraud.md; design, section 1.

use super::View;
use super::sign_up::lead_commission;
use crate::decision::Decision;
use crate::ids::{CommissionId, IncentiveId};
use crate::messages::{Message, lead_commission_message, referral_message};
use crate::referral::Referral;
use crate::sale::Commission;

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

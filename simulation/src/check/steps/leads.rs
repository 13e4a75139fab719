//! Leads: one is told, and earns what the rules say, once; at the sign-up, or, where that was withheld, as soon as a person
//! has released it or a key's word has come.
//!
//! Keeps no state.

use attribution::ledger::Command;
use attribution::sale::Commission;
use attribution::status::{CommissionKind, ReferralStatus};

use super::Step;
use super::prices::is_blocked;
use crate::check::Problems;

/// Changes by a person, which also vouch for the customer.
const EDITS: [&str; 4] = ["referral.updated", "referral.released", "referral.reassigned", "referral.milestone"];

/// See the module.
pub fn check(step: &Step<'_>, problems: &mut Problems) {
    let of_lead: Vec<&Commission> = step.commissions().filter(|row| row.kind == CommissionKind::Lead).collect();
    problems.unless(of_lead.len() <= 1, || format!("the lead {} earned {} times", step.after.id, of_lead.len()));
    let is_sign_up = step.line.kind == "referral.lead";
    let was_withheld = step.before.is_some_and(|before| before.lead_withheld);
    let told = step.line.messages.iter().filter(|message| message.kind == "referral.lead").count();
    let due = usize::from((is_sign_up || was_withheld) && !step.after.lead_withheld);
    problems.unless(told == due, || format!("{} tells of {told} leads, due is {due}", step.name()));
    if is_sign_up {
        check_sign_up(step, problems);
    }
    if was_withheld {
        check_made_good(step, problems);
    }
    let earns = due == 1 && step.rules.approves(&step.after.affiliate_id) && step.rules.lead_minor > 0;
    let due = earns.then_some(step.rules.lead_minor);
    let new = of_lead.iter().find(|row| step.commission_before(&row.id).is_none());
    let earned = new.and_then(|row| row.earned_minor);
    problems.unless(earned == due, || format!("{} earned {earned:?} by the lead, due is {due:?}", step.name()));
}

/// A paid visit is rejected where the program blocks that; what only a page says waits where the program wants a key.
fn check_sign_up(step: &Step<'_>, problems: &mut Problems) {
    let is_direct = matches!(&*step.commit.order.command, Command::CreateReferral(_));
    let is_rejected = !is_direct && is_blocked(step);
    problems.unless(is_rejected == (step.after.status == ReferralStatus::Rejected), || {
        format!("{} is {} and its visit was paid for: {is_rejected}", step.name(), step.after.status.as_str())
    });
    let waits = is_rejected || (step.rules.waits_for_key && !step.after.verified);
    problems.unless(step.after.lead_withheld == waits, || format!("{} is to be withheld: {waits}", step.name()));
}

/// What was withheld is made good by what vouches for the customer and lets the referral stand, and by nothing else.
fn check_made_good(step: &Step<'_>, problems: &mut Problems) {
    let stands = step.after.status.holds_identities() && step.after.verified;
    let vouches = match step.line.kind {
        "sale.recorded" => step.line.reason.is_attributed(),
        "referral.completed" => true,
        kind => EDITS.contains(&kind),
    };
    problems.unless(step.after.lead_withheld != (stands && vouches), || {
        format!("{} withholds the lead: {}", step.name(), step.after.lead_withheld)
    });
}

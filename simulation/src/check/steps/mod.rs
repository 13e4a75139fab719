//! The steps: what each commit has made of a referral, its sales and its commissions, judged by the rows before and after
//! it, with sums that are worked out anew.
//!
//! Keeps no state.

mod amounts;
mod leads;
mod levels;
mod prices;
mod sums;
mod transitions;

use attribution::ids::{CommissionId, ConversionId, ReferralId};
use attribution::ledger::Event;
use attribution::referral::Referral;
use attribution::sale::{Commission, Conversion};

use super::{Evidence, Problems};
use crate::commits::Commit;
use crate::rules::Rules;

/// What one commit has made of one referral.
pub struct Step<'a> {
    commit: &'a Commit,
    line: &'a Event,
    before: Option<&'a Referral>,
    after: &'a Referral,
    rules: Rules,
}

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for commit in evidence.commits {
        for line in commit.lines() {
            let id = ReferralId::new(line.subject.as_str());
            // A waiting refund has lines too.
            let Some(after) = commit.after.referrals.get(&id) else { continue };
            let Some(rules) = evidence.rules.of_version(line.rules_version) else {
                problems.unless(false, || format!("line {} of {} names no rules", line.seq, line.subject));
                continue;
            };
            let step = Step { commit, line, before: commit.before.referrals.get(&id), after, rules };
            transitions::check(&step, problems);
            sums::check(&step, problems);
            amounts::check(&step, problems);
            prices::check(&step, problems);
            leads::check(&step, problems);
        }
    }
}

impl<'a> Step<'a> {
    /// The referral's commissions after it.
    fn commissions(&self) -> impl Iterator<Item = &'a Commission> {
        let id = &self.after.id;
        self.commit.after.commissions.values().filter(move |row| row.referral_id == *id)
    }

    /// A commission as it was before.
    fn commission_before(&self, id: &CommissionId) -> Option<&'a Commission> {
        self.commit.before.commissions.get(id)
    }

    /// The referral's sales after it.
    fn sales(&self) -> impl Iterator<Item = &'a Conversion> {
        let id = &self.after.id;
        self.commit.after.conversions.values().filter(move |row| row.referral_id == *id)
    }

    /// A sale as it was before.
    fn sale_before(&self, id: &ConversionId) -> Option<&'a Conversion> {
        self.commit.before.conversions.get(id)
    }

    /// A sale as it is after it.
    fn sale(&self, id: &ConversionId) -> Option<&'a Conversion> {
        self.commit.after.conversions.get(id)
    }

    /// What the line is, for a problem.
    fn name(&self) -> String {
        format!("line {} of {} ({})", self.line.seq, self.line.subject, self.line.kind)
    }
}

/// A share in parts per million, rounded half-up.
fn half_up(minor: i64, parts_per_million: i64) -> i64 {
    (minor * parts_per_million + 500_000).div_euclid(1_000_000)
}

/// What is left of an amount when `part` is left of the `whole`, rounded half-up.
fn pro_rata(minor: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 { 0 } else { (2 * minor * part + whole).div_euclid(2 * whole) }
}

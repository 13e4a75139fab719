//! The program's rules over time: what each version of them pays. The database serves the latest one, the checks read
//! them all.
//!
//! State: one entry per version.

use std::cell::RefCell;

use attribution::fixtures;
use attribution::ids::AffiliateId;
use attribution::incentive::{AppliesTo, Approval};
use attribution::program::{Affiliate, Program};
use attribution::status::Partnership;
use attribution::time::Timestamp;

use crate::chance::Chance;

/// About when a run begins: 2026-01-11T00:00:00Z.
pub const START: Timestamp = Timestamp::from_milliseconds(1_768_089_600_000);

/// One version of the rules.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The share of a sale, in parts per million.
    pub share_ppm: i64,
    /// What a lead pays, in minor units; 0 for nothing.
    pub lead_minor: i64,
    /// Whether Bob may take part. Alice always may.
    pub bob_is_approved: bool,
}

/// All versions; the first one is number 1.
pub struct RuleBook(RefCell<Vec<Rules>>);

impl RuleBook {
    /// Begins with rules that chance chooses.
    pub fn draw(chance: &Chance) -> Self {
        Self(RefCell::new(vec![Rules::draw(chance)]))
    }

    /// Changes the rules.
    pub fn change(&self, chance: &Chance) -> Rules {
        let rules = Rules::draw(chance);
        self.0.borrow_mut().push(rules);
        rules
    }

    /// The rules of a version, if there was one.
    pub fn of_version(&self, version: i64) -> Option<Rules> {
        let place = usize::try_from(version.checked_sub(1)?).ok()?;
        self.0.borrow().get(place).copied()
    }

    /// The version in force.
    pub fn version(&self) -> i64 {
        i64::try_from(self.0.borrow().len()).unwrap_or(i64::MAX)
    }

    /// The program as it is now.
    pub fn program(&self) -> Program {
        let rules_version = self.version();
        let rules = self.of_version(rules_version);
        let mut incentives = Vec::new();
        if let Some(rules) = rules {
            incentives.push(fixtures::percentage("inc_sale", rules.share_ppm, AppliesTo::AllPlans));
            if rules.lead_minor > 0 {
                incentives.push(fixtures::per_lead(rules.lead_minor, Approval::Automatic));
            }
        }
        Program { rules_version, incentives, ..fixtures::program() }
    }

    /// One of the two affiliates as they are now.
    pub fn affiliate(&self, id: &AffiliateId) -> Option<Affiliate> {
        let affiliate = [fixtures::affiliate(), fixtures::bob()].into_iter().find(|affiliate| affiliate.id == *id)?;
        let rules_version = self.version();
        let rules = self.of_version(rules_version)?;
        let partnership = if rules.approves(id) { Partnership::Approved } else { Partnership::Rejected };
        Some(Affiliate { rules_version, partnership, ..affiliate })
    }
}

impl Rules {
    fn draw(chance: &Chance) -> Self {
        Self {
            share_ppm: chance.one_of([300_000, 300_000, 250_000, 333_333, 15_000]),
            lead_minor: chance.one_of([0, 500, 777]),
            bob_is_approved: !chance.hits(200),
        }
    }

    /// Whether this affiliate may take part.
    pub fn approves(&self, id: &AffiliateId) -> bool {
        *id == fixtures::affiliate().id || self.bob_is_approved
    }
}

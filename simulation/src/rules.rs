//! The program's rules over time: what each version of them pays. The database serves the latest one, the checks read
//! them all.
//!
//! State: one entry per version.

use std::cell::RefCell;

use attribution::fixtures;
use attribution::ids::AffiliateId;
use attribution::incentive::{AppliesTo, Approval, Incentive};
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
    /// Days for which what is earned is held; 0 for none.
    pub hold_days: u32,
    /// All that one customer's sales may bring, in minor units.
    pub cap_minor: Option<i64>,
}

/// All versions; the first one is number 1.
pub struct RuleBook {
    versions: RefCell<Vec<Rules>>,
    holds: bool,
    caps: bool,
}

impl RuleBook {
    /// Begins with rules that chance chooses.
    pub fn draw(chance: &Chance) -> Self {
        let (holds, caps) = (chance.hits(400), chance.hits(400));
        Self { versions: RefCell::new(vec![Rules::draw(chance, holds, caps)]), holds, caps }
    }

    /// Changes the rules.
    pub fn change(&self, chance: &Chance) -> Rules {
        let rules = Rules::draw(chance, self.holds, self.caps);
        self.versions.borrow_mut().push(rules);
        rules
    }

    /// The rules of a version, if there was one.
    pub fn of_version(&self, version: i64) -> Option<Rules> {
        let place = usize::try_from(version.checked_sub(1)?).ok()?;
        self.versions.borrow().get(place).copied()
    }

    /// The version in force.
    pub fn version(&self) -> i64 {
        i64::try_from(self.versions.borrow().len()).unwrap_or(i64::MAX)
    }

    /// The program as it is now.
    pub fn program(&self) -> Program {
        let rules_version = self.version();
        let rules = self.of_version(rules_version);
        let mut incentives = Vec::new();
        if let Some(rules) = rules {
            let approval = rules.approval();
            let share = fixtures::percentage("inc_sale", rules.share_ppm, AppliesTo::AllPlans);
            incentives.push(Incentive { approval, cap_minor: rules.cap_minor, ..share });
            if rules.lead_minor > 0 {
                incentives.push(fixtures::per_lead(rules.lead_minor, approval));
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
    fn draw(chance: &Chance, holds: bool, caps: bool) -> Self {
        Self {
            share_ppm: chance.one_of([300_000, 300_000, 250_000, 333_333, 15_000]),
            lead_minor: chance.one_of([0, 500, 777]),
            bob_is_approved: !chance.hits(200),
            hold_days: if holds { chance.one_of([0, 1, 1, 2]) } else { 0 },
            cap_minor: caps.then(|| chance.one_of([500, 3_000, 3_000, 40_000])),
        }
    }

    fn approval(&self) -> Approval {
        if self.hold_days > 0 { Approval::HoldPeriod { days: self.hold_days } } else { Approval::Automatic }
    }

    /// Whether this affiliate may take part.
    pub fn approves(&self, id: &AffiliateId) -> bool {
        *id == fixtures::affiliate().id || self.bob_is_approved
    }
}

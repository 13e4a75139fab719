//! The program's rules over time: what each version of them pays. The database serves the latest one, the checks read
//! them all.
//!
//! State: one entry per version.

use std::cell::RefCell;

use attribution::fixtures;
use attribution::fraud::FraudRules;
use attribution::ids::{AffiliateId, IncentiveId};
use attribution::incentive::{AppliesTo, Approval, Incentive, Length};
use attribution::level::{Base, Level};
use attribution::limits::MAX_LEVELS;
use attribution::money::Rate;
use attribution::program::{Affiliate, Program};
use attribution::status::{FraudMode, LeadAuth, Partnership};
use attribution::time::Timestamp;

use crate::chance::Chance;

/// About when a run begins: 2026-01-11T00:00:00Z.
pub const START: Timestamp = Timestamp::from_milliseconds(1_768_089_600_000);

/// What a sale pays.
#[derive(Clone, Copy, Debug)]
pub enum Pays {
    /// A share, in parts per million.
    Share(i64),
    /// Minor units.
    Fixed(i64),
}

/// One version of the rules.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What a sale pays.
    pub pays: Pays,
    /// What a lead pays, in minor units; 0 for nothing.
    pub lead_minor: i64,
    /// Whether Bob may take part. Alice always may.
    pub bob_is_approved: bool,
    /// Whether Carol may, who recruited Alice.
    pub carol_is_approved: bool,
    /// How commissions come to be payable.
    pub approval: Approval,
    /// How long one customer pays.
    pub length: Length,
    /// All that one customer's sales may bring, in minor units.
    pub cap_minor: Option<i64>,
    /// What those earn who recruited the seller, the nearest first, in parts per million.
    pub levels: [Option<(Base, i64)>; MAX_LEVELS],
    /// Less is not paid out, in minor units.
    pub threshold_minor: i64,
    /// What is done about visits that an advertisement was paid for.
    pub paid_traffic: FraudMode,
    /// Whether a page's lead waits for a key's word.
    pub waits_for_key: bool,
}

/// What the rules of a run may hold at all.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is there or not, independent of the others")]
struct Kinds {
    holds: bool,
    caps: bool,
    levels: bool,
    guards: bool,
    others: bool,
}

/// All versions; the first one is number 1.
pub struct RuleBook {
    versions: RefCell<Vec<Rules>>,
    kinds: Kinds,
}

impl RuleBook {
    /// Begins with rules that chance chooses.
    pub fn draw(chance: &Chance) -> Self {
        let kinds = Kinds {
            holds: chance.hits(400),
            caps: chance.hits(400),
            levels: chance.hits(350),
            guards: chance.hits(400),
            others: chance.hits(300),
        };
        Self { versions: RefCell::new(vec![Rules::draw(chance, kinds)]), kinds }
    }

    /// Changes the rules.
    pub fn change(&self, chance: &Chance) -> Rules {
        let rules = Rules::draw(chance, self.kinds);
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

    /// The program as it was in a version.
    pub fn program(&self, rules_version: i64) -> Option<Program> {
        let rules = self.of_version(rules_version)?;
        let sale = match rules.pays {
            Pays::Share(parts) => fixtures::percentage("inc_sale", parts, AppliesTo::AllPlans),
            Pays::Fixed(minor) => fixtures::fixed("inc_sale", minor),
        };
        let (approval, length) = (rules.approval, rules.length);
        let sale = Incentive { approval, length, cap_minor: rules.cap_minor, ..sale };
        let lead = (rules.lead_minor > 0).then(|| fixtures::per_lead(rules.lead_minor, approval));
        let incentives = [sale].into_iter().chain(lead).collect();
        let fraud = FraudRules { paid_traffic: rules.paid_traffic, ..FraudRules::default() };
        let lead_auth = if rules.waits_for_key { LeadAuth::ServerRequired } else { LeadAuth::Open };
        let levels = rules.levels();
        Some(Program { rules_version, incentives, levels, fraud, lead_auth, ..fixtures::program() })
    }

    /// One of the affiliates as they were in a version.
    pub fn affiliate(&self, id: &AffiliateId, rules_version: i64) -> Option<Affiliate> {
        let place = everybody().iter().position(|affiliate| affiliate == id)?;
        let rules = self.of_version(rules_version)?;
        let partnership = if rules.approves(id) { Partnership::Approved } else { Partnership::Rejected };
        let name = id.as_str().trim_start_matches("aff_").to_owned();
        let recruited_by = everybody().get(place + 1).cloned();
        let (id, tracking_id) = (id.clone(), name.clone());
        Some(Affiliate { id, tracking_id, name, recruited_by, rules_version, partnership, ..fixtures::affiliate() })
    }
}

/// Everybody who takes part, each recruited by the next.
pub fn everybody() -> [AffiliateId; 4] {
    ["aff_bob", "aff_alice", "aff_carol", "aff_dave"].map(AffiliateId::new)
}

impl Rules {
    fn draw(chance: &Chance, kinds: Kinds) -> Self {
        let share = chance.one_of([300_000, 300_000, 250_000, 333_333, 15_000]);
        let is_fixed = kinds.others && chance.hits(150);
        let hold = Approval::HoldPeriod { days: chance.one_of([0, 1, 1, 2]) };
        let by_person = kinds.others && chance.hits(300);
        let unheld = if by_person { Approval::Manual } else { Approval::Automatic };
        let some_length = chance.one_of([Length::CustomerLifetime, Length::Payments(2), Length::Months(1)]);
        Self {
            pays: if is_fixed { Pays::Fixed(chance.one_of([0, 700])) } else { Pays::Share(share) },
            lead_minor: chance.one_of([0, 500, 777]),
            bob_is_approved: !chance.hits(200),
            carol_is_approved: !chance.hits(200),
            approval: if kinds.holds { hold } else { unheld },
            length: if kinds.others { some_length } else { Length::CustomerLifetime },
            cap_minor: kinds.caps.then(|| chance.one_of([500, 3_000, 3_000, 40_000])),
            levels: if kinds.levels { draw_levels(chance) } else { [None; MAX_LEVELS] },
            threshold_minor: chance.one_of([0, 0, 1_000]),
            paid_traffic: if kinds.guards { draw_mode(chance) } else { FraudMode::Off },
            waits_for_key: kinds.guards && chance.hits(500),
        }
    }

    fn levels(&self) -> Vec<Level> {
        let group_id = fixtures::affiliate().group_id;
        let level = |(position, (base, parts)): (u8, (Base, i64))| {
            let (id, group_id) = (IncentiveId::new(format!("lvl_{position}")), group_id.clone()?);
            Some(Level { id, group_id, position, base, rate: Rate::from_parts_per_million(parts)? })
        };
        (1..).zip(self.levels.into_iter().flatten()).filter_map(level).collect()
    }

    /// Days of hold; 0 for none.
    pub fn hold_days(&self) -> u32 {
        self.approval.hold_days().unwrap_or(0)
    }

    /// Whether this affiliate may take part.
    pub fn approves(&self, id: &AffiliateId) -> bool {
        match id.as_str() {
            "aff_bob" => self.bob_is_approved,
            "aff_carol" => self.carol_is_approved,
            _ => true,
        }
    }
}

fn draw_mode(chance: &Chance) -> FraudMode {
    chance.one_of([FraudMode::Off, FraudMode::Detect, FraudMode::Block, FraudMode::Block])
}

fn draw_levels(chance: &Chance) -> [Option<(Base, i64)>; MAX_LEVELS] {
    let many = chance.place(MAX_LEVELS) + 1;
    let mut levels = [None; MAX_LEVELS];
    for level in levels.iter_mut().take(many) {
        let base = chance.one_of([Base::Commission, Base::Commission, Base::Sale]);
        *level = Some((base, chance.one_of([100_000, 55_555, 500_000])));
    }
    levels
}

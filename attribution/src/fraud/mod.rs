//! Fraud rules: what speaks against crediting an affiliate with a customer, and what a program does about it.
//!
//! Each rule is off, noted (`detect`) or stops the credit (`block`), per program. Pure: a rule looks at what the click kept,
//! at what is known of customer and affiliate, and at the settings, and says what it found with the values that it looked
//! at, of which none is an address. Each is described in docs/fraud.md, which is the contract.

pub mod disposable;
mod rules;
#[cfg(test)]
mod tests;
mod visit;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::rules::{Inquiry, examine};
pub use self::visit::{COUNTRY, IP_HASH, Visit};
use crate::decision::Reason;
use crate::status::{FraudMode, FraudRule};

/// What a program has set of its fraud rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudRules {
    /// An affiliate who signs up through their own link.
    pub self_referral: FraudMode,
    /// A customer with a throw-away address.
    pub suspicious_email: FraudMode,
    /// A visit that an advertisement was paid for.
    pub paid_traffic: FraudMode,
    /// A visit from a banned site.
    pub banned_referral: FraudMode,
    /// A visit from a blocked country.
    pub blocked_country: FraudMode,
    /// Many sign-ups of one affiliate from one network address.
    pub duplicate_ip: FraudMode,
    /// A sign-up faster than a person can be.
    pub fast_signup: FraudMode,
    /// Campaigns that may be paid for, in lower case.
    pub allowed_campaigns: Vec<String>,
    /// Further parameters of a landing that mean a paid visit, in lower case.
    pub further_click_ids: Vec<String>,
    /// Sites, in lower case, with everything that lies within them.
    pub banned_domains: Vec<String>,
    /// Countries: ISO 3166, two letters, upper-case.
    pub blocked_countries: Vec<String>,
    /// So many others from one address are too many.
    pub duplicate_ip_threshold: u32,
    /// Others count for so many hours.
    pub duplicate_ip_window_hours: u32,
    /// Whoever signs up sooner after the click is too fast.
    pub fast_signup_seconds: u32,
}

impl Default for FraudRules {
    /// What a new program has: everything off, and these bounds once a rule is on.
    fn default() -> Self {
        Self {
            self_referral: FraudMode::Off,
            suspicious_email: FraudMode::Off,
            paid_traffic: FraudMode::Off,
            banned_referral: FraudMode::Off,
            blocked_country: FraudMode::Off,
            duplicate_ip: FraudMode::Off,
            fast_signup: FraudMode::Off,
            allowed_campaigns: Vec::new(),
            further_click_ids: Vec::new(),
            banned_domains: Vec::new(),
            blocked_countries: Vec::new(),
            duplicate_ip_threshold: 1,
            duplicate_ip_window_hours: 24,
            fast_signup_seconds: 3,
        }
    }
}

impl FraudRules {
    /// What the program does about a rule.
    pub fn mode(&self, rule: FraudRule) -> FraudMode {
        match rule {
            FraudRule::SelfReferral => self.self_referral,
            FraudRule::SuspiciousEmail => self.suspicious_email,
            FraudRule::PaidTraffic => self.paid_traffic,
            FraudRule::BannedReferral => self.banned_referral,
            FraudRule::BlockedCountry => self.blocked_country,
            FraudRule::DuplicateIp => self.duplicate_ip,
            FraudRule::FastSignup => self.fast_signup,
        }
    }
}

impl FraudRule {
    /// All rules, in the order in which they are asked: the first one that blocks gives the reason.
    pub const ALL: [Self; 7] = [
        Self::SelfReferral,
        Self::SuspiciousEmail,
        Self::PaidTraffic,
        Self::BannedReferral,
        Self::BlockedCountry,
        Self::DuplicateIp,
        Self::FastSignup,
    ];

    /// Why nothing was credited, where this rule blocked it.
    pub fn reason(self) -> Reason {
        match self {
            Self::SelfReferral => Reason::SelfReferralBlocked,
            Self::SuspiciousEmail => Reason::SuspiciousEmailBlocked,
            Self::PaidTraffic => Reason::PaidTrafficBlocked,
            Self::BannedReferral => Reason::BannedReferralBlocked,
            Self::BlockedCountry => Reason::BlockedCountryBlocked,
            Self::DuplicateIp => Reason::DuplicateIpBlocked,
            Self::FastSignup => Reason::FastSignupBlocked,
        }
    }
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It speaks against the credit.
    Hit,
    /// It does not.
    Nothing,
    /// What it looks at is not known.
    Unknown,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: FraudRule,
    /// What the program does about it.
    pub mode: FraudMode,
    /// What it found.
    pub found: Found,
    /// Why, with the values that it looked at; no address of anybody.
    pub because: String,
}

/// What all rules said that are not off, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// One line each.
    pub findings: Vec<Finding>,
    /// Whether a person has released the referral: then nothing blocks it any more.
    pub is_cleared: bool,
}

impl Examination {
    /// The rules that have hit.
    pub fn hits(&self) -> Vec<FraudRule> {
        self.findings.iter().filter(|finding| finding.found == Found::Hit).map(|finding| finding.rule).collect()
    }

    /// The rule that stops the credit.
    pub fn blocking(&self) -> Option<FraudRule> {
        self.findings.iter().find(|finding| self.blocks(finding)).map(|finding| finding.rule)
    }

    /// Whether this finding stops the credit.
    pub fn blocks(&self, finding: &Finding) -> bool {
        finding.found == Found::Hit && finding.mode == FraudMode::Block && !self.is_cleared
    }

    /// As the ledger's line keeps it.
    pub fn to_value(&self) -> Value {
        let line = |finding: &Finding| {
            json!({
                "rule": finding.rule.as_str(),
                "mode": finding.mode.as_str(),
                "found": match finding.found {
                    Found::Hit => "hit",
                    Found::Nothing => "nothing",
                    Found::Unknown => "unknown",
                },
                "because": finding.because,
            })
        };
        self.findings.iter().map(line).collect()
    }
}

/// What the rules have said of a referral so far. A referral of which nothing was ever said has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Every rule that has hit, at the sign-up or at a sale, each once.
    pub rules: Vec<FraudRule>,
    /// The rule by which the referral was rejected when it was made.
    pub blocked_by: Option<FraudRule>,
    /// Whether a person has released it since: rules are noted from then on, and block nothing.
    pub cleared: bool,
}

impl Suspicion {
    /// What was said before, and what these rules say now.
    pub fn noted(before: Option<Self>, hits: &[FraudRule]) -> Option<Self> {
        if hits.is_empty() {
            return before;
        }
        let mut noted = before.unwrap_or(Self { rules: Vec::new(), blocked_by: None, cleared: false });
        noted.rules.extend(hits.iter().filter(|rule| !noted.rules.contains(rule)).copied().collect::<Vec<_>>());
        Some(noted)
    }
}

//! What a program's owner has set: settings, incentives, affiliates. Read by every rule, changed by none of them.

use serde::{Deserialize, Serialize};

use crate::ids::{AffiliateId, GroupId, ProgramId, TeamId};
use crate::incentive::Incentive;
use crate::level::Level;
use crate::money::Currency;
use crate::status::{AttributionModel, EmailPolicy, FraudMode, Partnership};

/// One program as of one version of its rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Its id.
    pub id: ProgramId,
    /// Its short id.
    pub number: i64,
    /// Its owner.
    pub team_id: TeamId,
    /// For people.
    pub name: String,
    /// The team's currency: what commissions are paid in.
    pub currency: Currency,
    /// Raised by every change to what stands here; a batch that moves money fails when it has moved on.
    pub rules_version: i64,
    /// Which of two affiliates' clicks counts.
    pub attribution_model: AttributionModel,
    /// From the click to the first sale.
    pub attribution_window_days: u32,
    /// The life of the visitor's cookie.
    pub cookie_window_days: u32,
    /// What is kept of customers' addresses.
    pub email_policy: EmailPolicy,
    /// Whether customers' names are kept.
    pub name_tracking: bool,
    /// Whether a lead that only a browser vouches for is paid without a person's approval.
    pub trust_browser_leads: bool,
    /// Whether Global Privacy Control keeps a visitor from being tracked.
    pub honour_gpc: bool,
    /// An affiliate who signs up through their own link.
    pub self_referral_mode: FraudMode,
    /// Origins whose pages may call the browser routes.
    pub origins: Vec<String>,
    /// Groups' incentives and affiliates' overrides, oldest first.
    pub incentives: Vec<Incentive>,
    /// What those earn who recruited the selling affiliate.
    pub levels: Vec<Level>,
}

impl Program {
    /// Whether pages of `origin` may record for this program. The comparison is exact, as browsers send origins.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }
}

/// Who sends visitors to one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affiliate {
    /// Their id.
    pub id: AffiliateId,
    /// The program's owner.
    pub team_id: TeamId,
    /// The program.
    pub program_id: ProgramId,
    /// The group whose incentives they earn by.
    pub group_id: Option<GroupId>,
    /// What stands in their links.
    pub tracking_id: String,
    /// For people.
    pub name: String,
    /// Keyed hash of their address, to recognise self-referrals.
    pub email_hash: Option<String>,
    /// Who brought them into the program.
    pub recruited_by: Option<AffiliateId>,
    /// Whether they may take part.
    pub partnership: Partnership,
    /// The program's rules version when this was read: two copies of different ages show by it.
    pub rules_version: i64,
}

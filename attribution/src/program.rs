//! What a program's owner has set: settings, incentives, affiliates. Read by every rule, changed by none of them.

use serde::{Deserialize, Serialize};

use crate::fraud::FraudRules;
use crate::ids::{AffiliateId, GroupId, ProgramId, TeamId};
use crate::incentive::Incentive;
use crate::level::Level;
use crate::money::Currency;
use crate::referral::Click;
use crate::status::{AttributionModel, EmailPolicy, LeadAuth, Partnership};

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
    /// Who may say that a visitor has signed up.
    pub lead_auth: LeadAuth,
    /// What speaks against a customer, and what is done about it.
    pub fraud: FraudRules,
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

    /// Which of a visitor's clicks counts: the new one, or under the first-click model the earlier one, as long as sales
    /// of its visitor would be credited. The earlier one must be of the same program and mode. Source: docs/rules.md,
    /// section 10.
    pub fn counting_click<'a>(&self, earlier: Option<&'a Click>, new: &'a Click) -> &'a Click {
        let is_open = |click: &&Click| {
            click.scope == new.scope && new.clicked_at <= click.clicked_at.plus_days(self.attribution_window_days)
        };
        match self.attribution_model {
            AttributionModel::LastClick => new,
            AttributionModel::FirstClick => earlier.filter(is_open).unwrap_or(new),
        }
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
    /// The merchant's user id of theirs, for the same.
    pub external_user_id: Option<String>,
    /// Who brought them into the program.
    pub recruited_by: Option<AffiliateId>,
    /// Whether they may take part.
    pub partnership: Partnership,
    /// The program's rules version when this was read: two copies of different ages show by it.
    pub rules_version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{bobs_click, click, new_year, program, scope};
    use crate::referral::Scope;

    fn counting(model: AttributionModel, earlier: Option<&Click>, days_later: u32) -> AffiliateId {
        let program = Program { attribution_model: model, ..program() };
        let new = Click { clicked_at: new_year().plus_days(days_later), ..bobs_click() };
        program.counting_click(earlier, &new).affiliate_id.clone()
    }

    #[test]
    fn the_last_click_counts_unless_the_program_wants_the_first() {
        assert_eq!(counting(AttributionModel::LastClick, Some(&click()), 1), bobs_click().affiliate_id);
        assert_eq!(counting(AttributionModel::FirstClick, Some(&click()), 1), click().affiliate_id);
        assert_eq!(counting(AttributionModel::FirstClick, None, 1), bobs_click().affiliate_id);
    }

    #[test]
    fn the_first_click_counts_as_long_as_its_window_lasts() {
        // Sixty days, and their end is inside, as it is for sales.
        assert_eq!(counting(AttributionModel::FirstClick, Some(&click()), 60), click().affiliate_id);
        assert_eq!(counting(AttributionModel::FirstClick, Some(&click()), 61), bobs_click().affiliate_id);
    }

    #[test]
    fn a_click_of_another_program_or_mode_is_no_earlier_one() {
        let elsewhere = Scope { program_id: ProgramId::new("prog_2"), ..scope() };
        for scope in [elsewhere, Scope { is_test: true, ..scope() }] {
            let earlier = Click { scope, ..click() };
            assert_eq!(counting(AttributionModel::FirstClick, Some(&earlier), 1), bobs_click().affiliate_id);
        }
    }
}

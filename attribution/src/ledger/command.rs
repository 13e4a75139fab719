//! Commands. They travel from Worker to object as they stand here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Answer, IdempotencyKey, KeptKey};
use super::outcome::Rejection;
use super::{Plan, Query, State, View, create_referral, record_sale, sign_up};
use crate::email::{EmailAddress, EmailHasher};
use crate::ids::{AffiliateId, CommissionId, ConversionId, ProgramId, ReferralId, TeamId};
use crate::money::Money;
use crate::program::Program;
use crate::referral::{Click, Referral, Scope};
use crate::sale::SaleDetails;
use crate::status::{ReferralStatus, SalesStatus};
use crate::time::Timestamp;

/// A request to the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A visitor who came through a click has signed up.
    SignUp(SignUp),
    /// A program's owner records a referral directly.
    CreateReferral(CreateReferral),
    /// A customer has bought something.
    RecordSale(RecordSale),
}

/// Who asks, and what they may touch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Names the request in answers and in the ledger.
    pub request_id: String,
    /// Who caused it: `key:<id>`, `browser`.
    pub actor: String,
    /// What they may touch.
    pub reach: Reach,
    /// The key under which a repeat of the call is answered as this one was.
    pub idempotency: Option<IdempotencyKey>,
}

/// What a caller may touch. `None` restricts nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// Rows of this team.
    pub team_id: Option<TeamId>,
    /// Rows of this program.
    pub program_id: Option<ProgramId>,
    /// Test rows, or live ones.
    pub is_test: Option<bool>,
}

impl Context {
    /// Where the answer to this call is kept: with the caller's team, or, without a key, with the program's.
    pub(super) fn kept_key(&self, program: &Program, is_test: bool) -> Option<KeptKey> {
        let key = self.idempotency.as_ref()?;
        let team_id = self.reach.team_id.as_ref().unwrap_or(&program.team_id).clone();
        Some(KeptKey { team_id, is_test, route: key.route.clone(), value: key.value.clone() })
    }
}

impl Reach {
    /// Refuses rows that the caller may not touch: another team's are not found, another program's are named so.
    pub(crate) fn admit(&self, scope: &Scope, not_found: Rejection) -> Result<(), Rejection> {
        let same_team = self.team_id.as_ref().is_none_or(|team| *team == scope.team_id);
        let same_mode = self.is_test.is_none_or(|is_test| is_test == scope.is_test);
        if !same_team || !same_mode {
            return Err(not_found);
        }
        if self.program_id.as_ref().is_some_and(|program| *program != scope.program_id) {
            return Err(Rejection::OtherProgram);
        }
        Ok(())
    }
}

/// A visitor who came through a click has signed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a term of the caller's interface, independent of the others"
)]
pub struct SignUp {
    /// Who asks.
    pub context: Context,
    /// The gate: the click, or the referral of the customer who was found by key.
    pub click_id: ReferralId,
    /// What to do when there is no such click.
    pub unknown_click: UnknownClick,
    /// The program that the caller speaks for, where the click does not say.
    pub program_id: Option<ProgramId>,
    /// The page's origin, for a call from a browser.
    pub origin: Option<String>,
    /// Whether a key vouches for it.
    pub verified: bool,
    /// Whether the caller's interface keeps addresses at all.
    pub keep_address: bool,
    /// Whether a sign-up without any name of its customer is refused. One of the two APIs takes the click alone.
    pub identity_required: bool,
    /// Whether a customer who is beyond a lead already is refused. The other API answers with the referral.
    pub only_leads: bool,
    /// The merchant's user id.
    pub external_user_id: Option<String>,
    /// The customer's address.
    pub email: Option<EmailAddress>,
    /// The customer's name.
    pub name: Option<String>,
    /// What else was sent; kept in the event's line.
    pub detail: Map<String, Value>,
    /// Minted for a lead incentive's commission, before the first try.
    pub commission_id: CommissionId,
}

/// What a sign-up does when its click is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownClick {
    /// Refuses.
    Refuse,
    /// Looks for the customer by user id.
    FindCustomer,
}

/// A program's owner records a referral directly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateReferral {
    /// Who asks.
    pub context: Context,
    /// The referral's id: the click's, or a minted one.
    pub referral_id: ReferralId,
    /// Whether `referral_id` names a click that must exist.
    pub from_click: bool,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// Who is credited.
    pub affiliate_id: AffiliateId,
    /// The customer's address.
    pub email: EmailAddress,
    /// The billing customer.
    pub customer_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// How far the customer has come.
    pub status: ReferralStatus,
    /// When it began, where that is not now.
    pub created_at: Option<Timestamp>,
    /// The customer's name.
    pub name: Option<String>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// Minted for a lead incentive's commission.
    pub commission_id: CommissionId,
}

/// A customer has bought something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordSale {
    /// Who asks.
    pub context: Context,
    /// The gate: the referral, or the click, that the caller's identifiers were found to mean.
    pub gate: ReferralId,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// The key by which the same sale is recognised.
    pub sale_key: Option<String>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Identifiers, products and the rest, as the caller sent them.
    pub details: SaleDetails,
    /// Minted before the first try.
    pub conversion_id: ConversionId,
    /// Minted before the first try.
    pub commission_id: CommissionId,
}

impl Command {
    /// Whose turn it takes: commands with the same gate go one after the other.
    pub fn gate(&self) -> &ReferralId {
        match self {
            Self::SignUp(command) => &command.click_id,
            Self::CreateReferral(command) => &command.referral_id,
            Self::RecordSale(command) => &command.gate,
        }
    }

    /// Who asks.
    pub fn context(&self) -> &Context {
        match self {
            Self::SignUp(command) => &command.context,
            Self::CreateReferral(command) => &command.context,
            Self::RecordSale(command) => &command.context,
        }
    }

    /// The request without what is made anew for each try: equal for a call and its repeat.
    pub(crate) fn without_request(&self) -> Self {
        let mut command = self.clone();
        match &mut command {
            Self::SignUp(command) => {
                command.context.request_id.clear();
                command.commission_id = CommissionId::new("");
            }
            Self::CreateReferral(command) => {
                command.context.request_id.clear();
                command.commission_id = CommissionId::new("");
            }
            Self::RecordSale(command) => {
                command.context.request_id.clear();
                command.commission_id = CommissionId::new("");
                command.conversion_id = ConversionId::new("");
            }
        }
        command
    }

    /// What a repeat of this request is answered while nothing else has happened; `None` where a repeat is a new request.
    pub(crate) fn repeated(&self, answer: &Answer) -> Option<Answer> {
        if self.context().idempotency.is_some() {
            return Some(Answer { outcome: answer.outcome.clone(), replayed: true });
        }
        match self {
            Self::SignUp(_) => Some(answer.of_repeat()),
            Self::RecordSale(command) => command.sale_key.is_some().then(|| answer.of_repeat()),
            Self::CreateReferral(_) => None,
        }
    }

    /// The program under whose rules it is decided: a sign-up's is the click's, all others name their own.
    pub(super) fn program<'a>(&'a self, click: Option<&'a Click>) -> Option<&'a ProgramId> {
        match self {
            Self::SignUp(command) => click.map(|click| &click.scope.program_id).or(command.program_id.as_ref()),
            Self::CreateReferral(command) => Some(&command.scope.program_id),
            Self::RecordSale(command) => Some(&command.scope.program_id),
        }
    }

    pub(super) fn is_test(&self, click: Option<&Click>) -> bool {
        match self {
            Self::SignUp(command) => {
                let asked = command.context.reach.is_test.unwrap_or(false);
                click.map_or(asked, |click| click.scope.is_test)
            }
            Self::CreateReferral(command) => command.scope.is_test,
            Self::RecordSale(command) => command.scope.is_test,
        }
    }

    /// What a first attempt may take the database to hold, without asking it: a sign-up's click is no referral yet and
    /// its customer unknown; a sale that names one referral finds it as the last command at its gate left it. The commit
    /// finds out where that is wrong; `None` where it could not.
    pub(super) fn assumed(&self, click: Option<&Click>, remembered: Option<&Referral>) -> Option<State> {
        match self {
            Self::SignUp(_) => (click.is_some() && remembered.is_none()).then(State::default),
            Self::RecordSale(command) => record_sale::assumed(command, remembered?),
            Self::CreateReferral(_) => None,
        }
    }

    /// What to say when nothing is known of what the command is about.
    pub(super) fn unknown_subject(&self) -> Rejection {
        match self {
            Self::SignUp(command) if command.unknown_click == UnknownClick::FindCustomer => Rejection::CustomerNotFound,
            Self::SignUp(_) => Rejection::ClickNotFound,
            Self::CreateReferral(_) => Rejection::AffiliateNotFound,
            Self::RecordSale(_) => Rejection::ReferralNotFound,
        }
    }

    pub(super) fn query(&self, program: &Program, is_test: bool, hasher: &EmailHasher) -> Query {
        let program_id = program.id.clone();
        let kept_answer = self.context().kept_key(program, is_test);
        match self {
            Self::SignUp(command) => Query {
                referrals: vec![command.click_id.clone()],
                identities: sign_up::identities(command, program, hasher),
                sale_key: None,
                conversion_id: None,
                kept_answer,
                program_id,
                is_test,
            },
            Self::CreateReferral(command) => Query {
                referrals: vec![command.referral_id.clone()],
                identities: create_referral::identities(command, program, hasher),
                sale_key: None,
                conversion_id: None,
                kept_answer,
                program_id,
                is_test,
            },
            Self::RecordSale(command) => Query {
                referrals: record_sale::named_referrals(command),
                identities: record_sale::identities(command),
                sale_key: command.sale_key.clone(),
                conversion_id: Some(command.conversion_id.clone()),
                kept_answer,
                program_id,
                is_test,
            },
        }
    }

    /// Whose incentives and name the decision needs.
    pub(super) fn affiliate(&self, click: Option<&Click>, state: &State) -> Option<AffiliateId> {
        let of_click = || click.map(|click| click.affiliate_id.clone());
        match self {
            Self::SignUp(command) => {
                let known = state.referral(&command.click_id).map(|referral| referral.affiliate_id.clone());
                let holder = || state.holders.first().map(|(_, referral)| referral.affiliate_id.clone());
                known.or_else(of_click).or_else(holder)
            }
            Self::CreateReferral(command) => Some(command.affiliate_id.clone()),
            Self::RecordSale(command) => {
                let known = record_sale::known_referral(command, state).map(|referral| referral.affiliate_id.clone());
                let sold = || state.sale.as_ref().map(|sale| sale.conversion.affiliate_id.clone());
                known.or_else(of_click).or_else(sold)
            }
        }
    }

    pub(super) fn decide(&self, view: &View<'_>) -> Result<Plan, Rejection> {
        match self {
            Self::SignUp(command) => sign_up::decide(command, view),
            Self::CreateReferral(command) => create_referral::decide(command, view),
            Self::RecordSale(command) => record_sale::decide(command, view),
        }
    }
}

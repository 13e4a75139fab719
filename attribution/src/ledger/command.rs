//! Commands: who asks for what, and what each needs to be decided.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, IdempotencyKey, KeptKey};
use super::outcome::Rejection;
use super::requests::{
    CreateReferral, EditCommission, EditReferral, EraseReferral, ExpireRefund, ManualCommission, MoveCommissions,
    Reconsider, RecordSale, Refund, SignUp, Turn, UnknownClick,
};
use super::{
    Plan, Query, RateQuery, SaleQuery, State, View, claims, create_referral, edit_commission, edit_referral, erasure,
    manual_commission, reconsider, record_sale, referral_names, refund, scheduled, sign_up, suspicion,
};
use crate::day::Day;
use crate::email::EmailHasher;
use crate::ids::{AffiliateId, CommissionId, ConversionId, ProgramId, ReferralId, RefundId, TeamId};
use crate::money::Currency;
use crate::program::Program;
use crate::referral::{Click, Referral, Scope};
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
    /// A recorded sale goes on.
    Reconsider(Reconsider),
    /// A program's owner records a sale with what it earns.
    ManualCommission(ManualCommission),
    /// A program's owner changes a commission.
    EditCommission(EditCommission),
    /// A program's owner changes a referral.
    EditReferral(EditReferral),
    /// A sale was paid back, wholly or in part.
    Refund(Refund),
    /// Commissions of a referral are moved on by a job or a payout.
    MoveCommissions(MoveCommissions),
    /// A refund has waited too long for its sale.
    ExpireRefund(ExpireRefund),
    /// A customer is to be forgotten.
    EraseReferral(EraseReferral),
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

impl Command {
    /// Whose turn it takes: commands with the same gate go one after the other.
    pub fn gate(&self) -> &ReferralId {
        match self {
            Self::SignUp(command) => &command.click_id,
            Self::CreateReferral(command) => &command.referral_id,
            Self::RecordSale(command) => &command.gate,
            Self::Reconsider(command) => &command.gate,
            Self::ManualCommission(command) => &command.gate,
            Self::EditCommission(command) => &command.gate,
            Self::EditReferral(command) => &command.referral_id,
            Self::Refund(command) => &command.gate,
            Self::MoveCommissions(command) => &command.referral_id,
            Self::ExpireRefund(command) => &command.gate,
            Self::EraseReferral(command) => &command.referral_id,
        }
    }

    /// Who asks.
    pub fn context(&self) -> &Context {
        match self {
            Self::SignUp(command) => &command.context,
            Self::CreateReferral(command) => &command.context,
            Self::RecordSale(command) => &command.context,
            Self::Reconsider(command) => &command.context,
            Self::ManualCommission(command) => &command.context,
            Self::EditCommission(command) => &command.context,
            Self::EditReferral(command) => &command.context,
            Self::Refund(command) => &command.context,
            Self::MoveCommissions(command) => &command.context,
            Self::ExpireRefund(command) => &command.context,
            Self::EraseReferral(command) => &command.context,
        }
    }

    /// The request without what is made anew for each try: equal for a call and its repeat.
    pub(crate) fn without_request(&self) -> Self {
        let mut command = self.clone();
        match &mut command {
            Self::SignUp(command) => {
                command.context.request_id.clear();
                command.caller_address = None;
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
            Self::Refund(command) => {
                command.context.request_id.clear();
                command.refund_id = RefundId::new("");
                command.clawback_id = CommissionId::new("");
            }
            Self::Reconsider(command) => {
                command.context.request_id.clear();
                command.commission_id = CommissionId::new("");
            }
            Self::ManualCommission(command) => {
                command.context.request_id.clear();
                command.commission_id = CommissionId::new("");
                command.conversion_id = ConversionId::new("");
            }
            Self::EditCommission(command) => command.context.request_id.clear(),
            Self::EditReferral(command) => command.context.request_id.clear(),
            Self::MoveCommissions(command) => command.context.request_id.clear(),
            Self::ExpireRefund(command) => command.context.request_id.clear(),
            Self::EraseReferral(command) => command.context.request_id.clear(),
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
            Self::Refund(command) => command.refund_key.is_some().then(|| answer.of_repeat()),
            Self::CreateReferral(_)
            | Self::Reconsider(_)
            | Self::ManualCommission(_)
            | Self::EditCommission(_)
            | Self::EditReferral(_)
            | Self::MoveCommissions(_)
            | Self::ExpireRefund(_)
            | Self::EraseReferral(_) => None,
        }
    }

    /// Whether it is only tried, and nothing written.
    pub(crate) fn is_dry_run(&self) -> bool {
        matches!(self, Self::RecordSale(command) if command.dry_run)
    }

    /// Whether it may make commissions for those who recruited the affiliate.
    pub(super) fn earns_levels(&self) -> bool {
        matches!(self, Self::RecordSale(_) | Self::Reconsider(_))
    }

    /// The program under whose rules it is decided: a sign-up's is the click's, all others name their own.
    pub(super) fn program<'a>(&'a self, click: Option<&'a Click>) -> Option<&'a ProgramId> {
        match self {
            Self::SignUp(command) => click.map(|click| &click.scope.program_id).or(command.program_id.as_ref()),
            other => other.scope().map(|scope| &scope.program_id),
        }
    }

    pub(super) fn is_test(&self, click: Option<&Click>) -> bool {
        match self {
            Self::SignUp(command) => {
                let asked = command.context.reach.is_test.unwrap_or(false);
                click.map_or(asked, |click| click.scope.is_test)
            }
            other => other.scope().is_some_and(|scope| scope.is_test),
        }
    }

    /// Whose rows a command names itself; a sign-up's are its click's.
    fn scope(&self) -> Option<&Scope> {
        match self {
            Self::SignUp(_) => None,
            Self::CreateReferral(command) => Some(&command.scope),
            Self::RecordSale(command) => Some(&command.scope),
            Self::Reconsider(command) => Some(&command.scope),
            Self::ManualCommission(command) => Some(&command.scope),
            Self::EditCommission(command) => Some(&command.scope),
            Self::EditReferral(command) => Some(&command.scope),
            Self::Refund(command) => Some(&command.scope),
            Self::MoveCommissions(command) => Some(&command.scope),
            Self::ExpireRefund(command) => Some(&command.scope),
            Self::EraseReferral(command) => Some(&command.scope),
        }
    }

    /// What a first attempt may take the database to hold, without asking it: a sign-up's click is no referral yet and
    /// its customer unknown; a sale that names one referral finds it as the last command at its gate left it. The commit
    /// finds out where that is wrong; `None` where it could not.
    pub(super) fn assumed(&self, click: Option<&Click>, remembered: Option<&Referral>) -> Option<State> {
        match self {
            Self::SignUp(_) => (click.is_some() && remembered.is_none()).then(State::default),
            Self::RecordSale(command) => record_sale::assumed(command, remembered?),
            _ => None,
        }
    }

    /// What to say when nothing is known of what the command is about.
    pub(super) fn unknown_subject(&self) -> Rejection {
        match self {
            Self::SignUp(command) if command.unknown_click == UnknownClick::FindCustomer => Rejection::CustomerNotFound,
            Self::SignUp(_) => Rejection::ClickNotFound,
            Self::CreateReferral(_) => Rejection::AffiliateNotFound,
            Self::Refund(_) | Self::Reconsider(_) => Rejection::SaleNotFound,
            Self::EditCommission(_) => Rejection::CommissionNotFound,
            Self::RecordSale(_)
            | Self::ManualCommission(_)
            | Self::EditReferral(_)
            | Self::MoveCommissions(_)
            | Self::ExpireRefund(_)
            | Self::EraseReferral(_) => Rejection::ReferralNotFound,
        }
    }

    /// What the command needs to know of the database.
    pub(super) fn query(
        &self,
        program: &Program,
        click: Option<&Click>,
        is_test: bool,
        hasher: &EmailHasher,
        now: Timestamp,
    ) -> Query {
        // What is only tried neither has nor takes the answer of its key.
        let kept_answer = self.context().kept_key(program, is_test).filter(|_| !self.is_dry_run());
        let query = Query { kept_answer, ..Query::of(program.id.clone(), is_test) };
        match self {
            Self::SignUp(command) => Query {
                referrals: vec![command.click_id.clone()],
                identities: sign_up::identities(command, program, hasher),
                same_address: suspicion::same_address(click, program, now),
                claims: claims::query(command, click, hasher, now),
                ..query
            },
            Self::CreateReferral(command) => Query {
                referrals: vec![command.referral_id.clone()],
                identities: create_referral::identities(command, program, hasher),
                ..query
            },
            Self::RecordSale(command) => Query {
                referrals: record_sale::named_referrals(command),
                identities: record_sale::identities(command),
                sale: Some(SaleQuery { keys: command.keys(), id: Some(command.conversion_id.clone()) }),
                parked_for: command.keys(),
                rates: rates(command.amount.currency, command.occurred_at.unwrap_or(now), program),
                same_address: record_sale::opens_click(command, click)
                    .and_then(|click| suspicion::same_address(Some(click), program, now)),
                ..query
            },
            Self::Reconsider(command) => Query {
                referrals: vec![command.gate.clone()],
                sale: Some(SaleQuery { keys: Vec::new(), id: Some(command.conversion_id.clone()) }),
                commissions_of: Some(command.gate.clone()),
                rates: rates(command.currency, command.occurred_at, program),
                ..query
            },
            Self::ManualCommission(command) => Query {
                referrals: vec![command.gate.clone()],
                sale: Some(SaleQuery { keys: key(command.sale_key.as_ref()), id: Some(command.conversion_id.clone()) }),
                parked_for: key(command.sale_key.as_ref()),
                rates: rates(command.foreign_currency(program), command.occurred_at.unwrap_or(now), program),
                ..query
            },
            Self::EditCommission(command) => {
                Query { referrals: vec![command.gate.clone()], commissions_of: Some(command.gate.clone()), ..query }
            }
            Self::EditReferral(command) => Query {
                referrals: referral_names::named_referrals(command),
                identities: referral_names::identities(command, program, hasher),
                commissions_of: Some(command.referral_id.clone()),
                ..query
            },
            Self::Refund(command) => Query {
                referrals: vec![command.gate.clone()],
                sale: Some(SaleQuery { keys: key(command.sale_key.as_ref()), id: command.conversion_id.clone() }),
                refund: Some((command.refund_key.clone(), command.refund_id.clone())),
                parked_for: key(command.sale_key.as_ref()),
                ..query
            },
            Self::MoveCommissions(command) => Query {
                referrals: vec![command.referral_id.clone()],
                commissions_of: Some(command.referral_id.clone()),
                ..query
            },
            Self::EraseReferral(command) => Query { referrals: vec![command.referral_id.clone()], ..query },
            Self::ExpireRefund(command) => Query { parked_for: vec![command.sale_key.clone()], ..query },
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
            Self::Refund(_) => state.sale.as_ref().map(|sale| sale.conversion.affiliate_id.clone()),
            Self::Reconsider(command) => match command.turn {
                Turn::RateArrived => state.sale.as_ref().map(|sale| sale.conversion.affiliate_id.clone()),
                Turn::SalesStatus(_) => affiliate_of(&command.gate, state),
            },
            Self::EditReferral(EditReferral { reassignment: Some(to), .. }) => Some(to.affiliate_id.clone()),
            Self::EditReferral(EditReferral { referral_id: gate, .. })
            | Self::ManualCommission(ManualCommission { gate, .. })
            | Self::EditCommission(EditCommission { gate, .. })
            | Self::MoveCommissions(MoveCommissions { referral_id: gate, .. })
            | Self::EraseReferral(EraseReferral { referral_id: gate, .. }) => affiliate_of(gate, state),
            Self::ExpireRefund(_) => None,
        }
    }

    pub(super) fn decide(&self, view: &View<'_>) -> Result<Plan, Rejection> {
        match self {
            Self::SignUp(command) => sign_up::decide(command, view),
            Self::CreateReferral(command) => create_referral::decide(command, view),
            Self::RecordSale(command) => record_sale::decide(command, view),
            Self::Refund(command) => match &view.state.sale {
                Some(sale) => refund::decide(command, sale, view),
                None => Err(Rejection::SaleNotFound),
            },
            Self::Reconsider(command) => reconsider::decide(command, view),
            Self::ManualCommission(command) => manual_commission::decide(command, view),
            Self::EditCommission(command) => edit_commission::decide(command, view),
            Self::EditReferral(command) => edit_referral::decide(command, view),
            Self::MoveCommissions(command) => scheduled::move_commissions(command, view),
            Self::EraseReferral(command) => erasure::decide(command, view),
            Self::ExpireRefund(_) => Err(Rejection::SaleNotFound),
        }
    }

    /// Decides what is about a refund whose sale nobody knows, and so about no affiliate; `None` for anything else.
    pub(super) fn decide_without_referral(
        &self,
        state: &State,
        program: &Program,
        now: Timestamp,
    ) -> Option<Result<Plan, Rejection>> {
        match self {
            Self::Refund(command) if state.sale.is_none() => Some(refund::without_sale(command, state, program, now)),
            Self::ExpireRefund(command) => Some(Ok(scheduled::expire(command, state, program, now))),
            _ => None,
        }
    }
}

/// The key of a sale that has one, or none.
fn key(key: Option<&String>) -> Vec<String> {
    key.into_iter().cloned().collect()
}

/// The rates that a sale in `currency` needs; none where it is the team's.
fn rates(currency: Currency, occurred_at: Timestamp, program: &Program) -> Option<RateQuery> {
    (currency != program.currency).then(|| RateQuery {
        from: currency,
        to: program.currency,
        day: Day::of(occurred_at),
        team_id: program.team_id.clone(),
    })
}

fn affiliate_of(referral: &ReferralId, state: &State) -> Option<AffiliateId> {
    state.referral(referral).map(|referral| referral.affiliate_id.clone())
}

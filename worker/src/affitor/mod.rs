//! The Affitor dialect: `/api/v1/*`, flat answers, money in integer minor units.
//!
//! Turns requests into commands and outcomes into answers; holds no rule. The one table from problem to status and
//! body is [`Problem::answer`]. Sources: seeds 001 and 004, and the published texts of its errors.

pub mod click;
pub mod lead;
pub mod readiness;
pub mod refund;
pub mod sale;
mod test_chain;
pub mod test_mode;
mod visitor;

use attribution::ids::ProgramId;
use attribution::keys::{KeyForm, KeyScope};
use attribution::ledger::{Configuration as _, Rejection, Unavailable};
use serde_json::{Value, json};
use worker::console_error;

use crate::caller::{KeyProblem, authenticate};
use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming, RETRY_AFTER_SECONDS};
use crate::input::BodyProblem;
use crate::store::api_key::ApiKey;

/// Seconds after which a page may try again that has claimed too much: claims count for an hour.
const CLAIMS_RETRY_SECONDS: &str = "600";

/// Why a call of this dialect has no good answer.
#[derive(Debug)]
pub enum Problem {
    /// The key.
    Key(KeyProblem),
    /// The key lacks this scope.
    MissingScope(KeyScope),
    /// The key, or the address, has called too often; it may again after so many seconds.
    TooManyCalls(u32),
    /// The body.
    Body(BodyProblem),
    /// A published refusal: 400 with its text.
    Refused(&'static str),
    /// A rule refused it, or something is away.
    Ledger(Refusal),
    /// The same transaction again.
    DuplicateTransaction,
    /// The program has had enough tests for now.
    TooManyTests {
        /// Of which kind.
        what: &'static str,
        /// When there may be another one.
        seconds: i64,
    },
    /// No such route.
    UnknownPath,
    /// The route takes other methods: these.
    WrongMethod(String),
}

impl From<BodyProblem> for Problem {
    fn from(problem: BodyProblem) -> Self {
        Self::Body(problem)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Ledger(refusal)
    }
}

impl From<Unavailable> for Problem {
    fn from(away: Unavailable) -> Self {
        Self::Ledger(away.into())
    }
}

impl Problem {
    /// Status and body of every problem of this dialect.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Key(KeyProblem::Missing) => failure(401, "Authorization header is required"),
            Self::Key(_) => failure(401, "Invalid or unknown API token"),
            Self::MissingScope(scope) => failure(403, &format!("The API token lacks the scope {}", scope.as_str())),
            Self::TooManyCalls(seconds) => {
                failure(429, &format!("Rate limit exceeded. Try again in {seconds} seconds."))
                    .with_header("retry-after", seconds.to_string())
            }
            Self::Body(problem @ BodyProblem::TooLarge) => failure(413, &problem.message()),
            Self::Body(problem) => failure(400, &problem.message()),
            Self::Refused(text) => failure(400, text),
            Self::Ledger(Refusal::Rejected(rejection)) => rejected(rejection),
            Self::Ledger(Refusal::TryLater(cause)) => {
                console_error!("try later: {cause}");
                failure(503, "The ledger is not available right now. Try again.")
                    .with_header("retry-after", RETRY_AFTER_SECONDS)
            }
            Self::DuplicateTransaction => {
                failure(409, "Duplicate transaction_id. This sale has already been recorded.")
            }
            Self::TooManyTests { what, seconds } => {
                let text = format!("Too many {what} for this program. Try again in {seconds} seconds.");
                failure(429, &text).with_header("retry-after", seconds.to_string())
            }
            Self::UnknownPath => failure(404, "There is no such route"),
            Self::WrongMethod(allowed) => {
                failure(405, &format!("This route takes {allowed}")).with_header("allow", allowed.clone())
            }
        }
    }
}

fn failure(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({ "error": text }))
}

fn rejected(rejection: &Rejection) -> Answer {
    match rejection {
        Rejection::ClickNotFound | Rejection::CustomerNotFound | Rejection::NothingKeptOfIdentity => {
            failure(400, lead::CUSTOMER_NOT_FOUND)
        }
        Rejection::TooManyClaims => failure(429, "Too many leads without a key. Try again later.")
            .with_header("retry-after", CLAIMS_RETRY_SECONDS),
        Rejection::OtherProgram => failure(400, "Customer does not belong to this program"),
        Rejection::ReferralNotFound => failure(400, sale::CUSTOMER_NOT_FOUND),
        Rejection::AffiliateNotFound | Rejection::ClickOfOtherAffiliate | Rejection::ClickAlreadyConverted => {
            failure(400, "No partner-program relationship found for this customer")
        }
        Rejection::BeyondLead { status } => {
            failure(400, &format!("Customer status cannot be updated to lead. Current status: {}", status.as_str()))
        }
        Rejection::TotalTooLarge => failure(400, "amount_cents: the customer's commissions add up to too much"),
        Rejection::IdentityTaken { identity } => {
            failure(400, &format!("{} belongs to another customer", identity.kind.as_str()))
        }
        Rejection::IdentifiersDisagree { first, second } => {
            failure(400, &format!("The identifiers point to different customers: {first} and {second}"))
        }
        Rejection::SaleNotFound => failure(404, "Sale not found for transaction_id"),
        Rejection::RefundCurrency { expected } => failure(400, &format!("currency: the sale was in {expected}")),
        Rejection::RefundTooLarge { remaining } => {
            failure(400, &format!("refund_amount_cents: is more than what remains of the sale: {remaining}"))
        }
        Rejection::KeyInFlight => failure(409, "A call with this Idempotency-Key is under way. Try again.")
            .with_header("retry-after", RETRY_AFTER_SECONDS),
        Rejection::RefundKeyReused => failure(422, "This refund_id was used for another refund."),
        Rejection::KeyReused => {
            failure(422, "This Idempotency-Key was used for another body. Use a new key for a new call.")
        }
        // Nothing that this interface has a route for comes to one of these.
        Rejection::SaleKeyTaken
        | Rejection::CommissionNotFound
        | Rejection::NoSuchTransition { .. }
        | Rejection::CommissionPaidOut
        | Rejection::SaleIsRefunded
        | Rejection::AmountUnknown
        | Rejection::IsClawback
        | Rejection::CapTooSmall { .. }
        | Rejection::MissingRate { .. }
        | Rejection::AffiliateNotApproved => failure(400, "The call does not fit the sale as it is recorded"),
        Rejection::OriginNotAllowed { origin, program_id } => origin_not_allowed(origin, program_id),
    }
}

fn origin_not_allowed(origin: &str, program_id: &ProgramId) -> Answer {
    let text =
        format!("Origin {origin} is not allowed for program {program_id}: add it to the program's allowed origins");
    failure(403, &text)
}

/// The keys that this dialect takes: a program's token, or its team's secret key.
pub(crate) const ACCEPTED_KEYS: [KeyForm; 3] = [KeyForm::ProgramToken, KeyForm::Live, KeyForm::Test];

/// The caller of a route that needs a key.
async fn caller(incoming: &Incoming, funnel: &Funnel) -> Result<ApiKey, Problem> {
    authenticate(incoming, &funnel.configuration(), &ACCEPTED_KEYS).await?.map_err(Problem::Key)
}

/// The caller of a route that takes a key or none; present but wrong is refused.
async fn optional_caller(incoming: &Incoming, funnel: &Funnel) -> Result<Option<ApiKey>, Problem> {
    match caller(incoming, funnel).await {
        Ok(key) => Ok(Some(key)),
        Err(Problem::Key(KeyProblem::Missing)) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The program that a call names.
enum NamedProgram {
    /// It names none.
    NotNamed,
    /// It names one that does not exist.
    Unknown,
    /// This one.
    Found(ProgramId),
}

/// Finds the program that a call names by its id or by its number, as a number or as text.
async fn named_program(funnel: &Funnel, named: Option<&Value>) -> Result<NamedProgram, Problem> {
    let text = match named {
        Some(Value::String(text)) if !text.trim().is_empty() => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Ok(NamedProgram::NotNamed),
    };
    let found = if let Ok(number) = text.parse::<i64>() {
        funnel.configuration().program_id(number).await?
    } else {
        let program = funnel.configuration().program(&ProgramId::new(text), false).await?;
        program.map(|program| program.id)
    };
    Ok(found.map_or(NamedProgram::Unknown, NamedProgram::Found))
}

/// A program is named by its number or its id: anything else is a wrong type.
fn check_program_field(field: &str, named: Option<&Value>) -> Result<(), Problem> {
    match named {
        None | Some(Value::Null | Value::String(_) | Value::Number(_)) => Ok(()),
        Some(_) => Err(BodyProblem::Fields(vec![crate::input::FieldProblem {
            field: field.to_owned(),
            message: "must be a program's number or id".to_owned(),
        }])
        .into()),
    }
}

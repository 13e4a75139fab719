//! The Affonso dialect: `/v1/*`, an envelope around everything, money as decimals in major units.
//!
//! Turns requests into commands and outcomes into answers; holds no rule. The one table from problem to status and
//! body is [`Problem::answer`].

pub mod affiliates;
mod beside;
pub mod clicks;
pub mod commissions;
pub mod conversions;
pub mod coupons;
pub mod customers;
pub mod events;
pub mod feed;
mod incentive_body;
pub mod incentives;
pub mod keys;
mod lists;
pub mod payouts;
pub mod program;
pub mod rates;
pub mod referrals;
pub mod refunds;
mod sales_status;
pub mod signups;
pub mod summary;
mod views;
pub mod webhook_deliveries;
pub mod webhooks;

use attribution::edits::Editor;
use attribution::ids::ProgramId;
use attribution::keys::{KeyForm, KeyScope};
use attribution::ledger::{Context, IdempotencyKey, Reach, Rejection, Unavailable};
use attribution::referral::{IdentityKind, Scope};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use worker::console_error;

use crate::caller::{KeyProblem, authenticate};
use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming, RETRY_AFTER_SECONDS};
use crate::input::{self, BodyProblem, FieldProblem};
use crate::once;
use crate::platform::now;
use crate::store::api_key::ApiKey;

/// So often is a change of settings decided anew when somebody else was faster: whatever changes a program competes.
const CHANGE_ATTEMPTS: u32 = 10;

/// Why a call of this dialect has no good answer.
#[derive(Debug)]
pub enum Problem {
    /// The key.
    Key(KeyProblem),
    /// The body.
    Body(BodyProblem),
    /// A rule, or something that is away.
    Refused(Refusal),
    /// The key may not do this: why.
    Forbidden(&'static str),
    /// The key lacks this scope.
    MissingScope(KeyScope),
    /// The key has called too often; it may again after so many seconds.
    TooManyCalls(u32),
    /// No such object: its kind.
    NotFound(&'static str),
    /// What a field names does not exist.
    NoSuch {
        /// What kind of object it would be.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The object is in a state that does not allow the call.
    Conflict {
        /// The error's code.
        code: &'static str,
        /// One sentence for people.
        message: String,
    },
    /// Something of the program has this already.
    Duplicate {
        /// The field whose value is taken.
        field: &'static str,
        /// One sentence for people.
        message: String,
    },
    /// The payout's commissions are still being collected.
    PayoutGathering,
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
        Self::Refused(refusal)
    }
}

impl From<Unavailable> for Problem {
    fn from(away: Unavailable) -> Self {
        Self::Refused(away.into())
    }
}

/// The success envelope.
pub(crate) fn success(status: u16, data: &Value) -> Answer {
    Answer::json(status, &json!({ "success": true, "data": data }))
}

impl Problem {
    /// Status and body of every problem of this dialect.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Key(problem) => key_problem(*problem),
            Self::Body(problem) => body_problem(problem),
            Self::Refused(Refusal::Rejected(rejection)) => rejected(rejection),
            Self::Refused(Refusal::TryLater(cause)) => {
                console_error!("try later: {cause}");
                failure(503, "SERVICE_UNAVAILABLE", "The ledger is not available right now. Try again.", None)
                    .with_header("retry-after", RETRY_AFTER_SECONDS)
            }
            Self::Forbidden(message) => failure(403, "FORBIDDEN", message, None),
            Self::MissingScope(scope) => failure(
                403,
                "INSUFFICIENT_PERMISSIONS",
                &format!("The API key lacks the scope {}", scope.as_str()),
                None,
            ),
            Self::TooManyCalls(seconds) => too_many_calls(*seconds),
            Self::NotFound(kind) => failure(404, "NOT_FOUND", &format!("{kind} not found"), None),
            Self::NoSuch { kind, field } => failure(404, "NOT_FOUND", &format!("{kind} not found"), Some(field)),
            Self::Conflict { code, message } => failure(409, code, message, None),
            Self::Duplicate { field, message } => failure(409, "DUPLICATE_ERROR", message, Some(field)),
            Self::PayoutGathering => {
                let message = "The payout's commissions are still being collected. Try again.";
                failure(409, "PAYOUT_GATHERING", message, None).with_header("retry-after", RETRY_AFTER_SECONDS)
            }
            Self::UnknownPath => failure(404, "NOT_FOUND", "There is no such route", None),
            Self::WrongMethod(allowed) => {
                failure(405, "METHOD_NOT_ALLOWED", &format!("This route takes {allowed}"), None)
                    .with_header("allow", allowed.clone())
            }
        }
    }
}

fn failure(status: u16, code: &str, message: &str, field: Option<&str>) -> Answer {
    let mut error = json!({ "code": code, "message": message });
    if let (Some(field), Some(error)) = (field, error.as_object_mut()) {
        error.insert("field".to_owned(), field.into());
    }
    Answer::json(status, &json!({ "success": false, "error": error }))
}

fn too_many_calls(seconds: u32) -> Answer {
    let message = format!("The API key has called too often. Try again in {seconds} seconds.");
    let error = json!({ "code": "RATE_LIMIT_EXCEEDED", "message": message, "retryAfter": seconds });
    Answer::json(429, &json!({ "success": false, "error": error })).with_header("retry-after", seconds.to_string())
}

fn key_problem(problem: KeyProblem) -> Answer {
    let (code, message) = match problem {
        KeyProblem::Missing => ("MISSING_API_KEY", "API key is required. Use Authorization: Bearer <api_key>"),
        KeyProblem::Malformed => {
            ("INVALID_API_KEY_FORMAT", "The API key has no valid form. Use Authorization: Bearer sk_live_…")
        }
        KeyProblem::Unknown => ("INVALID_API_KEY", "The API key is not valid"),
        KeyProblem::Disabled => ("API_KEY_DISABLED", "The API key has been disabled"),
        KeyProblem::Expired => ("API_KEY_EXPIRED", "The API key has expired"),
    };
    failure(401, code, message, None)
}

fn body_problem(problem: &BodyProblem) -> Answer {
    match problem {
        BodyProblem::TooLarge => failure(413, "PAYLOAD_TOO_LARGE", &problem.message(), None),
        BodyProblem::Malformed(message) => failure(400, "VALIDATION_ERROR", message, None),
        BodyProblem::Fields(problems) => invalid_fields(&problem.message(), problems),
    }
}

fn invalid_fields(message: &str, problems: &[FieldProblem]) -> Answer {
    let details: Vec<Value> =
        problems.iter().map(|problem| json!({ "field": problem.field, "message": problem.message })).collect();
    let field = problems.first().map(|problem| problem.field.as_str());
    Answer::json(
        400,
        &json!({
            "success": false,
            "error": { "code": "VALIDATION_ERROR", "message": message, "field": field, "details": details },
        }),
    )
}

fn rejected(rejection: &Rejection) -> Answer {
    let invalid = |field: &str, message: &str| {
        invalid_fields(
            &format!("{field}: {message}"),
            &[FieldProblem { field: field.to_owned(), message: message.to_owned() }],
        )
    };
    match rejection {
        Rejection::ClickNotFound => failure(404, "NOT_FOUND", "Click not found", Some("click_id")),
        // No route of this dialect takes leads without a key.
        Rejection::TooManyClaims => failure(429, "RATE_LIMIT_EXCEEDED", "Too many leads without a key", None),
        Rejection::CustomerNotFound => failure(404, "NOT_FOUND", "Customer not found", None),
        Rejection::ReferralNotFound => {
            failure(404, "NOT_FOUND", "No referral is known by the identifiers of this call", None)
        }
        Rejection::OtherProgram => failure(404, "NOT_FOUND", "Referral not found", None),
        Rejection::AffiliateNotFound => failure(404, "NOT_FOUND", "Affiliate not found", Some("affiliate_id")),
        Rejection::ClickAlreadyConverted => invalid("click_id", "the click has been converted already"),
        Rejection::ClickOfOtherAffiliate => invalid("click_id", "the click belongs to another affiliate"),
        Rejection::NothingKeptOfIdentity => {
            invalid("external_user_id", "is required: this program keeps no e-mail addresses")
        }
        Rejection::BeyondLead { status } => {
            invalid("click_id", &format!("the customer is beyond a lead: {}", status.as_str()))
        }
        Rejection::TotalTooLarge => invalid("sale_amount", "the customer's commissions add up to too much"),
        Rejection::IdentityTaken { identity } => {
            let field = taken_field(identity.kind);
            let message = format!("A referral with this {field} already exists in the program");
            failure(409, "DUPLICATE_ERROR", &message, Some(field))
        }
        Rejection::IdentifiersDisagree { first, second } => invalid_fields(
            &format!("the identifiers point to different referrals: {first} and {second}"),
            &[FieldProblem {
                field: "referral_id".to_owned(),
                message: format!("identifiers point to {first} and to {second}"),
            }],
        ),
        Rejection::SaleNotFound => failure(404, "NOT_FOUND", "Conversion not found", None),
        Rejection::RefundCurrency { expected } => invalid("currency", &format!("the sale was in {expected}")),
        Rejection::RefundTooLarge { remaining } => {
            invalid("amount", &format!("is more than what remains of the sale: {remaining}"))
        }
        Rejection::KeyInFlight => {
            failure(409, "IDEMPOTENCY_KEY_IN_USE", "A call with this Idempotency-Key is under way. Try again.", None)
                .with_header("retry-after", RETRY_AFTER_SECONDS)
        }
        Rejection::RefundKeyReused => failure(
            422,
            "EVENT_ID_REUSED",
            "This external_event_id was used for another refund. Use a new one for a new refund.",
            Some("external_event_id"),
        ),
        Rejection::KeyReused => failure(
            422,
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key was used for another body. Use a new key for a new call.",
            None,
        ),
        Rejection::SaleKeyTaken => {
            let message = "A sale with this payment_intent_id already exists in the program";
            failure(409, "DUPLICATE_ERROR", message, Some("payment_intent_id"))
        }
        Rejection::CommissionNotFound => failure(404, "NOT_FOUND", "Commission not found", None),
        Rejection::NoSuchTransition { subject, from, to } => failure(
            409,
            "INVALID_STATUS_TRANSITION",
            &format!("A {subject} that is {from} cannot become {to}"),
            Some(if subject == "sale" { "sales_status" } else { "status" }),
        ),
        Rejection::CommissionPaidOut => {
            failure(409, "COMMISSION_PAID_OUT", "The commission is paid, or in a payout, and stays as it is", None)
        }
        Rejection::SaleIsRefunded => {
            failure(409, "SALE_REFUNDED", "Something of the sale was paid back; its amounts stand", None)
        }
        Rejection::AmountUnknown => {
            failure(409, "MISSING_RATE", "The commission has no amount: it waits for a rate of exchange", None)
        }
        Rejection::IsClawback => {
            failure(409, "IS_CLAWBACK", "The ledger made this line to take back what was paid out", None)
        }
        Rejection::CapTooSmall { room } => {
            failure(409, "CAP_REACHED", &format!("The incentive's cap leaves {room} for this customer"), Some("status"))
        }
        Rejection::MissingRate { from, to, day } => {
            invalid("commission_currency", &format!("no rate from {from} to {to} for {day}: PUT /v1/rates/{day}"))
        }
        Rejection::AffiliateNotApproved => invalid("affiliate_id", "the affiliate's partnership is not approved"),
        Rejection::OriginNotAllowed { origin, program_id } => failure(
            403,
            "FORBIDDEN",
            &format!("Origin {origin} is not among the allowed origins of program {program_id}"),
            None,
        ),
    }
}

fn taken_field(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::EmailHash => "email",
        other => other.as_str(),
    }
}

/// The keys that this dialect takes: a team's secret ones.
pub(crate) const ACCEPTED_KEYS: [KeyForm; 2] = [KeyForm::Live, KeyForm::Test];

/// The caller of a route of this dialect.
pub(crate) async fn caller(incoming: &Incoming, funnel: &Funnel) -> Result<ApiKey, Problem> {
    authenticate(incoming, &funnel.configuration(), &ACCEPTED_KEYS).await?.map_err(Problem::Key)
}

const LIVE_KEY_NEEDED: &str =
    "Live and test mode share this: a test key may read it. Use a live key (sk_live_…) to change it.";

/// The caller of a route that changes what both modes share: settings, affiliates, coupons. A test key touches test rows
/// only, so it may read them and nothing more.
pub(crate) async fn live_caller(incoming: &Incoming, funnel: &Funnel) -> Result<ApiKey, Problem> {
    let key = caller(incoming, funnel).await?;
    if key.is_test { Err(Problem::Forbidden(LIVE_KEY_NEEDED)) } else { Ok(key) }
}

/// A change that changes nothing: names one field that it could.
fn nothing_sent(field: &str) -> BodyProblem {
    BodyProblem::of(field, "or another field is required")
}

/// Carries out what is not the ledger's, unless a call with the same `Idempotency-Key` has been answered.
pub(crate) async fn once(
    incoming: &Incoming,
    funnel: &Funnel,
    work: LocalBoxFuture<'_, Result<Answer, Problem>>,
) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let idempotency = input::idempotency_key(incoming, true)?;
    once::once(incoming, funnel, (&key.team_id, key.is_test), idempotency, work).await
}

/// Who asks, for the ledger: a key reaches its team's rows of its mode.
fn context(incoming: &Incoming, key: &ApiKey) -> Result<Context, Problem> {
    Ok(Context {
        request_id: incoming.request_id.clone(),
        actor: format!("key:{}", key.id),
        reach: Reach { team_id: Some(key.team_id.clone()), program_id: None, is_test: Some(key.is_test) },
        idempotency: input::idempotency_key(incoming, true)?,
    })
}

/// The same for calls whose identifiers and keys are the program's own.
fn program_context(incoming: &Incoming, key: &ApiKey) -> Result<Context, Problem> {
    let mut context = context(incoming, key)?;
    context.reach.program_id = Some(key.program_id.clone());
    Ok(context)
}

/// Who edits what both modes share, for the ledger.
fn editor(incoming: &Incoming, key: &ApiKey) -> Editor {
    Editor { actor: format!("key:{}", key.id), request_id: incoming.request_id.clone(), at: now() }
}

/// The same for a change whose result does not tell whose it was: without a key of the caller's the request is its own, so
/// that a commit whose answer was lost is recognised.
fn recognisable(mut context: Context, route: &str) -> Context {
    let own = || IdempotencyKey {
        route: format!("{route} by request"),
        value: context.request_id.clone(),
        body_hash: String::new(),
    };
    if context.idempotency.is_none() {
        context.idempotency = Some(own());
    }
    context
}

/// Where the rows of a key's calls belong.
fn scope(key: &ApiKey) -> Scope {
    Scope { team_id: key.team_id.clone(), program_id: key.program_id.clone(), is_test: key.is_test }
}

/// `programId`, where it is sent, must be the key's own.
fn check_program(sent: Option<&String>, key: &ApiKey) -> Result<(), Problem> {
    match sent {
        Some(sent) if ProgramId::new(sent) != key.program_id => Err(Problem::NotFound("Program")),
        _ => Ok(()),
    }
}

//! `GET /v1/referrals`: the referrals of a program, by cursor.

use attribution::email::{EmailAddress, EmailHasher};
use attribution::ids::AffiliateId;
use attribution::referral::Identity;
use attribution::status::FraudRule;

use super::super::beside::Expansion;
use super::super::lists::{Parameters, cursor_page};
use super::super::{Problem, caller, scope};
use super::{EXPANSIONS, STATUSES, shown, status};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::BodyProblem;
use crate::store::page::{Cursor, Place};
use crate::store::referral::list::{self as store, Filter, Suspected};

/// Makes a name of what was sent.
type Named = fn(String) -> Identity;

/// By what a customer can be looked for besides the address: the parameters, under either name.
const IDENTITIES: [(&str, Named); 4] = [
    ("external_user_id", Identity::external_user_id),
    ("externalUserId", Identity::external_user_id),
    ("customer_id", Identity::customer_id),
    ("customerId", Identity::customer_id),
];

/// The program's referrals, the newest first unless `order` says otherwise; removed ones are not shown.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let hasher = EmailHasher::for_program(funnel.settings.identity_secret.as_bytes(), &key.program_id);
    let (filter, cursor, expansions) = check(incoming, &hasher)?;
    let scope = scope(&key);
    let page = store::list(&funnel.database, &scope, &filter, &cursor).await?;
    let Some((referrals, has_more)) = page else { return Err(unknown_place(&cursor).into()) };
    let shown = shown(funnel, &scope, &expansions, &referrals).await?;
    Ok(cursor_page(&shown, has_more))
}

fn check(incoming: &Incoming, hasher: &EmailHasher) -> Result<(Filter, Cursor, Vec<Expansion>), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let email = parameters.text("email");
    let address = email.as_deref().and_then(EmailAddress::parse);
    if email.is_some() && address.is_none() {
        parameters.refuse("email", "must be a valid e-mail address");
    }
    let named = IDENTITIES.iter().filter_map(|(name, identity)| parameters.text(name).map(identity));
    let mut identities: Vec<Identity> = named.collect();
    identities.extend(address.map(|address| Identity::email_hash(hasher.hash(&address))));
    let filter = Filter {
        affiliate_id: parameters.text("affiliate_id").map(AffiliateId::new),
        identities,
        status: parameters.word("status", &STATUSES, status),
        fraud: parameters.word("fraud", &suspected_words(), suspected),
        created: parameters.period(),
    };
    let cursor = parameters.cursor();
    let expansions = parameters.expand(&EXPANSIONS);
    parameters.finish((filter, cursor, expansions))
}

/// What fraud rules may have said.
const SUSPECTED: [(&str, Suspected); 3] =
    [("any", Suspected::Any), ("detected", Suspected::Detected), ("blocked", Suspected::Blocked)];

fn suspected_words() -> Vec<&'static str> {
    SUSPECTED.iter().map(|(word, _)| *word).chain(FraudRule::words().iter().copied()).collect()
}

fn suspected(word: &str) -> Option<Suspected> {
    let known = SUSPECTED.into_iter().find(|(known, _)| *known == word).map(|(_, suspected)| suspected);
    known.or_else(|| FraudRule::from_word(word).map(Suspected::By))
}

/// A cursor is the id of a referral of the caller's program.
fn unknown_place(cursor: &Cursor) -> BodyProblem {
    let field = if matches!(cursor.place, Some(Place::Before(_))) { "ending_before" } else { "starting_after" };
    BodyProblem::of(field, "names no referral of this program")
}

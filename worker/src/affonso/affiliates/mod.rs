//! `/v1/affiliates`: a program's affiliates, as their owner manages them. Fields as published; `recruited_by`,
//! `company_name`, `country_code` and `updated_at` are additions to what is shown.
//!
//! State: rows of `affiliate` in D1. A change is decided on what was read and written only where that is still so; whoever
//! else changes something at the same time loses nothing. Both modes share affiliates: a test key reads them only.

mod fields;
pub mod overrides;
mod view;

use attribution::account::{Account, AccountRefusal, Unique};
use attribution::email::EmailHasher;
use attribution::ids::{AffiliateId, GroupId, ProgramId};
use attribution::ledger::{Pause as _, Unavailable};
use attribution::status::Partnership;
use serde_json::json;

pub(super) use self::view::affiliate;
use self::view::{EXPANSIONS, Expansion};
use super::lists::{Parameters, page_of};
use super::{CHANGE_ATTEMPTS, Problem, caller, editor, live_caller, success};
use crate::configuration::{forget_affiliate, forget_program};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem};
use crate::platform::{RandomPause, SystemRandom, now};
use crate::store::account::{self, Filter, SortedBy};
use crate::store::api_key::ApiKey;
use crate::store::page::{Page, Sort};
use crate::webhook_sender;

/// What such an object is called in a 404.
pub(super) const KIND: &str = "Affiliate";

const SORTS: [(&str, SortedBy); 5] = [
    ("created_at", SortedBy::CreatedAt),
    ("updated_at", SortedBy::UpdatedAt),
    ("name", SortedBy::Name),
    ("email", SortedBy::Email),
    ("partnership_status", SortedBy::Partnership),
];

const NEWEST_FIRST: Sort<SortedBy> = Sort { by: SortedBy::CreatedAt, descending: true };

/// The program's affiliates: those that were not deleted.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let (filter, page, sort, expansions) = check_list(incoming)?;
    let (accounts, total) = account::list(&funnel.database, &key.program_id, &filter, page, sort).await?;
    let shown = view::of_all(funnel, &key.program_id, &accounts, &expansions).await?;
    Ok(page_of(&shown, page, total))
}

fn check_list(incoming: &Incoming) -> Result<(Filter, Page, Sort<SortedBy>, Vec<Expansion>), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    // Published is also `null`, for affiliates without a partnership: here everybody has one.
    let words: Vec<&str> = Partnership::words().iter().copied().chain(["null"]).collect();
    let partnership = parameters.word("partnership_status", &words, |word| match word {
        "null" => Some(Vec::new()),
        word => Partnership::from_word(word).map(|one| vec![one]),
    });
    let filter = Filter {
        partnership,
        search: parameters.search(),
        group_id: parameters.text("group_id").map(GroupId::new),
        program_id: parameters.text("program_id").map(ProgramId::new),
        came: parameters.period(),
    };
    let page = parameters.page();
    let sort = parameters.sort(&SORTS, NEWEST_FIRST);
    let expansions = parameters.expand(&EXPANSIONS);
    parameters.finish((filter, page, sort, expansions))
}

/// One affiliate of the program (404 for anybody else's, and for a deleted one).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let expansions = parameters.expand(&EXPANSIONS);
    let expansions = parameters.finish(expansions)?;
    let account = find(funnel, &key, id).await?;
    Ok(success(200, &view::of_one(funnel, &account, &expansions).await?))
}

/// Makes an affiliate, who may take part at once:
/// 1. key (401; 403 for a test key) and body (400);
/// 2. group and recruiter are the program's (404), tracking id, address and user are nobody else's (409).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let opening = fields::opening(input::read(incoming)?, &key.program_id)?;
    let hasher = hasher(funnel, &key);
    let owner = (key.team_id.clone(), key.program_id.clone());
    let wanted = Account::open(owner, opening, &hasher, &mut SystemRandom, now());
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let (surroundings, _) = account::surroundings(&funnel.database, &wanted).await?;
        let made = wanted.clone().placed(&surroundings)?;
        match account::insert(&funnel.database, &made, &made.line(None, editor(incoming, &key))).await {
            Ok(()) => return made_known(funnel, &made).await,
            Err(cause) => lost = cause.to_string(),
        }
        // Perhaps only the answer was lost.
        if let Some(made) = account::find(&funnel.database, &key.program_id, &wanted.id).await? {
            return made_known(funnel, &made).await;
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

async fn made_known(funnel: &Funnel, made: &Account) -> Result<Answer, Problem> {
    tell(funnel, made).await?;
    Ok(success(201, &view::of_one(funnel, made, &[]).await?))
}

/// Changes what is sent. What the rules read counts for what is decided from now on.
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let edit = fields::edit(input::read(incoming)?)?;
    let hasher = hasher(funnel, &key);
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let account = find(funnel, &key, id).await?;
        let Some(edited) = account.edited(edit.clone(), &hasher, now()) else {
            return Ok(success(200, &view::of_one(funnel, &account, &[]).await?));
        };
        let (surroundings, rules_version) = account::surroundings(&funnel.database, &edited).await?;
        edited.admit(&surroundings)?;
        match save(incoming, funnel, &key, (&account, &edited), rules_version).await {
            Ok(()) => return Ok(success(200, &view::of_one(funnel, &edited, &[]).await?)),
            Err(cause) => lost = cause.to_string(),
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

/// Ends an affiliate: nothing is earned any more, links end, what was earned stays.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let account = find(funnel, &key, id).await?;
        let deleted = account.deleted(now());
        let (_, rules_version) = account::surroundings(&funnel.database, &deleted).await?;
        match save(incoming, funnel, &key, (&account, &deleted), rules_version).await {
            Ok(()) => {
                let body = json!({ "success": true, "message": "Affiliate deleted successfully" });
                return Ok(Answer::json(200, &body));
            }
            Err(cause) => lost = cause.to_string(),
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

/// Writes what has become of an account, and tells of it.
async fn save(
    incoming: &Incoming,
    funnel: &Funnel,
    key: &ApiKey,
    (before, after): (&Account, &Account),
    rules_version: i64,
) -> Result<(), Unavailable> {
    let line = after.line(Some(before), editor(incoming, key));
    let committed = account::update(&funnel.database, before, after, rules_version, &line).await;
    committed.map_err(|cause| Unavailable(cause.to_string()))?;
    forget_affiliate(&after.id);
    if !before.is_read_alike(after) {
        forget_program(&after.program_id);
    }
    tell(funnel, after).await
}

/// Lets subscribers be told at once. The program is read for that: who subscribes is remembered with it.
async fn tell(funnel: &Funnel, account: &Account) -> Result<(), Unavailable> {
    funnel.program(&account.program_id).await?;
    webhook_sender::note(&account.program_id);
    Ok(())
}

/// The affiliate with this id, if it is one of the caller's program.
pub(super) async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Account, Problem> {
    let account = account::find(&funnel.database, &key.program_id, &AffiliateId::new(id)).await?;
    account.ok_or(Problem::NotFound(KIND))
}

fn hasher(funnel: &Funnel, key: &ApiKey) -> EmailHasher {
    EmailHasher::for_program(funnel.settings.identity_secret.as_bytes(), &key.program_id)
}

impl From<AccountRefusal> for Problem {
    fn from(refusal: AccountRefusal) -> Self {
        let taken = |field, what: &str| Self::Duplicate {
            field,
            message: format!("An affiliate with this {what} already exists in the program"),
        };
        match refusal {
            AccountRefusal::NoSuchGroup => Self::NoSuch { kind: "Group", field: "group_id" },
            AccountRefusal::NoSuchRecruiter => Self::NoSuch { kind: KIND, field: "recruited_by" },
            AccountRefusal::RecruitedByThemselves => {
                BodyProblem::of("recruited_by", "would make the affiliate recruit themselves").into()
            }
            AccountRefusal::Taken(Unique::TrackingId) => taken("tracking_id", "tracking id"),
            AccountRefusal::Taken(Unique::Email) => taken("email", "e-mail address"),
            AccountRefusal::Taken(Unique::ExternalUserId) => taken("external_user_id", "external user id"),
        }
    }
}

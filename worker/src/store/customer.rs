//! All that is kept about one customer: which rows it is, and what they say.
//!
//! A customer is whoever holds one of the names, under all names that they are known by. Referrals that were rejected or
//! removed hold no name any more and keep it in their row: those are found by it, and lead no further, since whoever made
//! such a claim may have named somebody else's customer beside themselves.

use attribution::ids::ReferralId;
use attribution::ledger::Unavailable;
use attribution::referral::{Identity, Referral, Scope};
use serde::Deserialize;
use serde_json::{Map, Value};
use worker::{D1PreparedStatement, query};

use super::{Database, away, referral, rows};

/// The rows about a customer.
#[derive(Default)]
pub struct Found {
    /// Their referrals: the one that stands first.
    pub referrals: Vec<ReferralId>,
    /// Further clicks of theirs that are no referral.
    pub clicks: Vec<ReferralId>,
    /// Keys of sales that nobody is credited with.
    pub unattributed_sales: Vec<String>,
    /// Numbers of test events.
    pub test_events: Vec<i64>,
    /// All that they are known by.
    pub names: Vec<Identity>,
}

impl Found {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.referrals.is_empty() && self.unattributed_sales.is_empty() && self.test_events.is_empty()
    }
}

/// Whom the names mean.
pub enum Customer {
    /// One customer; perhaps nobody.
    One(Found),
    /// Two: their referrals.
    Several(ReferralId, ReferralId),
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

#[derive(Deserialize)]
struct NumberRow {
    event_id: i64,
}

/// Finds the customer whom a program knows by these names.
pub async fn find(database: &Database, scope: &Scope, names: &[Identity]) -> Result<Customer, Unavailable> {
    let holders = referral::holders(database, scope, names).await?;
    let first = holders.first().map(|(_, referral)| referral);
    let other = first.and_then(|first| holders.iter().map(|(_, other)| other).find(|other| other.id != first.id));
    if let (Some(first), Some(other)) = (first, other) {
        return Ok(Customer::Several(first.id.clone(), other.id.clone()));
    }
    let mut known = names.to_vec();
    known.extend(first.into_iter().flat_map(Referral::identities));
    let (removed, sales, test_events) = by_names(database, scope, first.map(|referral| &referral.id), &known).await?;
    let mut referrals: Vec<ReferralId> = first.map(|referral| referral.id.clone()).into_iter().collect();
    referrals.extend(removed.into_iter().filter(|id| Some(id) != first.map(|referral| &referral.id)));
    let clicks = clicks_of(database, &referrals).await?;
    Ok(Customer::One(Found { referrals, clicks, unattributed_sales: sales, test_events, names: known }))
}

/// The referrals that hold no name any more, sales that are nobody's, and test events, which say one of the names.
async fn by_names(
    database: &Database,
    scope: &Scope,
    holder: Option<&ReferralId>,
    names: &[Identity],
) -> Result<(Vec<ReferralId>, Vec<String>, Vec<i64>), Unavailable> {
    let names = serde_json::to_string(names).map_err(|cause| Unavailable(cause.to_string()))?;
    let statements = [
        removed(database, scope, &names),
        unattributed(database, scope, holder, &names),
        test_events(database, scope, holder, &names),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [removed, sales, events] = answers.as_slice() else {
        return Err(Unavailable("three reads, not three answers".to_owned()));
    };
    let removed: Vec<IdRow> = rows(removed)?;
    let sales: Vec<IdRow> = rows(sales)?;
    let events: Vec<NumberRow> = rows(events)?;
    Ok((
        removed.into_iter().map(|row| ReferralId::new(row.id)).collect(),
        sales.into_iter().map(|row| row.id).collect(),
        events.into_iter().map(|row| row.event_id).collect(),
    ))
}

fn removed(database: &Database, scope: &Scope, names: &str) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT referral.id FROM referral \
         WHERE program_id = ?1 AND is_test = ?2 AND status IN ('rejected', 'deleted') AND erased_at IS NULL \
           AND EXISTS (SELECT 1 FROM json_each(?3) AS name WHERE name.value ->> 'value' = CASE name.value ->> 'kind' \
               WHEN 'external_user_id' THEN referral.external_user_id WHEN 'customer_id' THEN referral.customer_id \
               WHEN 'subscription_id' THEN referral.subscription_id WHEN 'email_hash' THEN referral.email_hash END \
             OR EXISTS (SELECT 1 FROM json_each(referral.aliases) AS alias \
               WHERE alias.value ->> 'kind' = name.value ->> 'kind' AND alias.value ->> 'value' = name.value ->> 'value'))",
        scope.program_id,
        i64::from(scope.is_test),
        names
    )
}

fn unattributed(
    database: &Database,
    scope: &Scope,
    holder: Option<&ReferralId>,
    names: &str,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT sale_key AS id FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND (EXISTS ( \
           SELECT 1 FROM json_each(?3) AS name WHERE name.value ->> 'value' = CASE name.value ->> 'kind' \
             WHEN 'external_user_id' THEN detail ->> 'external_user_id' \
             WHEN 'customer_id' THEN detail ->> 'customer_id' \
             WHEN 'provider_customer_id' THEN detail ->> 'customer_id' END) \
           OR ?4 IN (detail ->> 'referral_id', detail ->> 'click_id'))",
        scope.program_id,
        i64::from(scope.is_test),
        names,
        holder
    )
}

/// Test events know users only, and belong to both modes.
fn test_events(
    database: &Database,
    scope: &Scope,
    holder: Option<&ReferralId>,
    names: &str,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT event_id FROM test_event WHERE program_id = ?1 AND (EXISTS (SELECT 1 FROM json_each(?2) AS name \
           WHERE name.value ->> 'kind' = 'external_user_id' AND name.value ->> 'value' = body ->> 'customer_key') \
           OR body ->> 'click_id' = ?3)",
        scope.program_id,
        names,
        holder
    )
}

/// Clicks that lines and sales of these referrals name, or their own clicks: visits of the same person, as far as none
/// has become another referral.
async fn clicks_of(database: &Database, referrals: &[ReferralId]) -> Result<Vec<ReferralId>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT DISTINCT named.id FROM ( \
           SELECT detail ->> 'click_id' AS id FROM event WHERE subject IN (SELECT value FROM json_each(?1)) \
           UNION ALL SELECT details ->> 'click_id' FROM conversion WHERE referral_id IN (SELECT value FROM json_each(?1)) \
           UNION ALL SELECT click ->> 'existing_click_id' FROM referral WHERE id IN (SELECT value FROM json_each(?1)) \
         ) AS named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM referral WHERE referral.id = named.id)",
        serde_json::to_string(referrals)?
    );
    let found: Vec<IdRow> = database.all(statement).await?;
    Ok(found.into_iter().map(|row| ReferralId::new(row.id)).collect())
}

/// What is exported of each kind of row: its name there, and the rows by `?1` (ids of referrals), `?2` (keys of sales that
/// are nobody's), `?3` (numbers of test events), `?4` (the team), `?5` (the program) and `?6` (the mode).
const EXPORTED: [(&str, &str); 9] = [
    (
        "referrals",
        "SELECT id, affiliate_id, status, external_user_id, customer_id, subscription_id, email, email_hash, email_masked, \
           name, metadata, aliases, verified, paid_out, clicked_at, click, first_sale_at, first_paid_at, paid_sales, \
           commission_total_minor, created_at, converted_at, updated_at \
         FROM referral WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY created_at, id",
    ),
    (
        "identities",
        "SELECT kind, value, referral_id FROM identity WHERE program_id = ?5 AND is_test = ?6 \
           AND referral_id IN (SELECT value FROM json_each(?1)) ORDER BY kind, value",
    ),
    (
        "sales",
        "SELECT id, referral_id, affiliate_id, sale_key, amount_minor, currency, refunded_minor, sales_status, details, \
           attributed, reason, decision, created_at, recorded_at, updated_at \
         FROM conversion WHERE referral_id IN (SELECT value FROM json_each(?1)) ORDER BY created_at, id",
    ),
    (
        "commissions",
        "SELECT id, referral_id, affiliate_id, conversion_id, kind, level, amount_minor, currency, status, reason, \
           created_at, updated_at \
         FROM commission WHERE referral_id IN (SELECT value FROM json_each(?1)) ORDER BY created_at, id",
    ),
    (
        "refunds",
        "SELECT id, conversion_id, refund_key, amount_minor, currency, reason, refunded_at, created_at FROM refund \
         WHERE conversion_id IN (SELECT id FROM conversion WHERE referral_id IN (SELECT value FROM json_each(?1))) \
         ORDER BY created_at, id",
    ),
    (
        "history",
        "SELECT subject, seq, kind, reason, detail, messages, actor, request_id, at FROM event \
         WHERE subject IN (SELECT value FROM json_each(?1)) OR subject IN (SELECT refund.id FROM conversion \
           JOIN refund ON refund.conversion_id = conversion.id \
           WHERE conversion.referral_id IN (SELECT value FROM json_each(?1))) \
         ORDER BY position",
    ),
    (
        "kept_answers",
        "SELECT route, request_id, outcome, created_at FROM kept_answer WHERE team_id = ?4 AND is_test = ?6 \
           AND EXISTS (SELECT 1 FROM json_each(?1) AS id WHERE instr(outcome, id.value) > 0) ORDER BY created_at",
    ),
    (
        "unattributed_sales",
        "SELECT sale_key, amount_minor, currency, reason, detail, request_id, created_at FROM unattributed_sale \
         WHERE program_id = ?5 AND is_test = ?6 AND sale_key IN (SELECT value FROM json_each(?2)) ORDER BY created_at",
    ),
    (
        "test_events",
        "SELECT event_id, kind, body, created_at, expires_at FROM test_event \
         WHERE event_id IN (SELECT value FROM json_each(?3)) ORDER BY event_id",
    ),
];

/// Columns that hold JSON.
const JSON_COLUMNS: [&str; 9] =
    ["metadata", "aliases", "click", "details", "decision", "detail", "messages", "outcome", "body"];

/// Everything that D1 keeps about a customer, by kind of row; amounts in minor units, moments in milliseconds since 1970.
pub async fn export(database: &Database, scope: &Scope, found: &Found) -> Result<Map<String, Value>, Unavailable> {
    let statement = |sql: &&str| {
        // All statements bind the same values, and D1 refuses values that a text does not name.
        let padded = format!("WITH given AS (SELECT ?1, ?2, ?3, ?4, ?5, ?6) {sql}");
        query!(
            &database.0,
            padded,
            serde_json::to_string(&found.referrals)?,
            serde_json::to_string(&found.unattributed_sales)?,
            serde_json::to_string(&found.test_events)?,
            scope.team_id,
            scope.program_id,
            i64::from(scope.is_test)
        )
    };
    let statements: worker::Result<Vec<_>> = EXPORTED.iter().map(|(_, sql)| statement(sql)).collect();
    let answers = database.batch(statements.map_err(|cause| away(&cause))?).await.map_err(|cause| away(&cause))?;
    let mut exported = Map::new();
    for ((name, _), answer) in EXPORTED.iter().zip(&answers) {
        let found: Vec<Map<String, Value>> = rows(answer)?;
        exported.insert((*name).to_owned(), found.into_iter().map(readable).collect());
    }
    Ok(exported)
}

/// A row with its JSON as such.
fn readable(mut row: Map<String, Value>) -> Value {
    for column in JSON_COLUMNS {
        let parsed = row.get(column).and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(parsed) = parsed {
            row.insert(column.to_owned(), parsed);
        }
    }
    Value::Object(row)
}

//! Referrals: rows of `referral`, and which identities they hold.

use attribution::email::KeptEmail;
use attribution::ids::{AffiliateId, ConversionId, ProgramId, ReferralId};
use attribution::ledger::{ClaimQuery, MOST_OF_ADDRESS, MOST_OF_AFFILIATE, Unavailable};
use attribution::referral::{Identity, Referral, Scope};
use attribution::status::ReferralStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use self::counted::{claims_from_address, claims_of_affiliate};
use super::{Database, UnknownValue, conversion, json, scope, word};

pub mod counted;
pub mod list;
pub mod stats;

/// Every column of `referral`, qualified for joins.
const COLUMNS: &str = "referral.id, referral.team_id, referral.program_id, referral.is_test, referral.affiliate_id, \
    referral.status, referral.external_user_id, referral.customer_id, referral.subscription_id, referral.email, \
    referral.email_hash, referral.email_masked, referral.name, referral.metadata, referral.aliases, referral.verified, \
    referral.lead_withheld, referral.suspicion, referral.paid_out, \
    referral.clicked_at, referral.click, referral.first_sale_at, referral.first_paid_at, referral.paid_sales, \
    referral.commission_total_minor, referral.seq, referral.created_by_request, referral.created_at, \
    referral.converted_at, referral.updated_at, referral.erased_at";

#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    affiliate_id: String,
    status: String,
    external_user_id: Option<String>,
    customer_id: Option<String>,
    subscription_id: Option<String>,
    email: Option<String>,
    email_hash: Option<String>,
    email_masked: Option<String>,
    name: Option<String>,
    metadata: Option<String>,
    aliases: String,
    verified: i64,
    lead_withheld: i64,
    suspicion: Option<String>,
    paid_out: i64,
    clicked_at: Option<i64>,
    click: Option<String>,
    first_sale_at: Option<i64>,
    first_paid_at: Option<i64>,
    paid_sales: i64,
    commission_total_minor: i64,
    seq: i64,
    created_by_request: String,
    created_at: i64,
    converted_at: Option<i64>,
    updated_at: i64,
    erased_at: Option<i64>,
}

impl TryFrom<Row> for Referral {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let (hash, masked) = (row.email_hash, row.email_masked);
        let email = hash.zip(masked).map(|(hash, masked)| KeptEmail { hash, masked, address: row.email });
        Ok(Self {
            id: ReferralId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            affiliate_id: AffiliateId::new(row.affiliate_id),
            status: word("referral.status", &row.status, ReferralStatus::from_word)?,
            external_user_id: row.external_user_id,
            customer_id: row.customer_id,
            subscription_id: row.subscription_id,
            email,
            name: row.name,
            metadata: row.metadata.map(|text| json("referral.metadata", &text)).transpose()?,
            aliases: json("referral.aliases", &row.aliases)?,
            verified: row.verified == 1,
            lead_withheld: row.lead_withheld == 1,
            suspicion: row.suspicion.map(|text| json("referral.suspicion", &text)).transpose()?,
            // The limits of claims look at it where it is stored.
            claimed_from: None,
            paid_out: row.paid_out == 1,
            clicked_at: row.clicked_at.map(Timestamp::from_milliseconds),
            click: row.click.map(|text| json("referral.click", &text)).transpose()?,
            first_sale_at: row.first_sale_at.map(Timestamp::from_milliseconds),
            first_paid_at: row.first_paid_at.map(Timestamp::from_milliseconds),
            paid_sales: row.paid_sales,
            commission_total_minor: row.commission_total_minor,
            seq: row.seq,
            created_by_request: row.created_by_request,
            created_at: Timestamp::from_milliseconds(row.created_at),
            converted_at: row.converted_at.map(Timestamp::from_milliseconds),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
            erased_at: row.erased_at.map(Timestamp::from_milliseconds),
        })
    }
}

/// A referral found by one of its identities.
#[derive(Deserialize)]
pub(super) struct HolderRow {
    identity_kind: String,
    identity_value: String,
    #[serde(flatten)]
    referral: Row,
}

impl HolderRow {
    pub(super) fn into_holder(self) -> Result<(Identity, Referral), UnknownValue> {
        let kind = word("identity.kind", &self.identity_kind, |kind| kind.parse().ok())?;
        Ok((Identity { kind, value: self.identity_value }, self.referral.try_into()?))
    }
}

/// Who holds any of these names, each with the name.
pub async fn holders(
    database: &Database,
    scope: &Scope,
    names: &[Identity],
) -> Result<Vec<(Identity, Referral)>, Unavailable> {
    let select = select_holders(database, &scope.program_id, scope.is_test, names);
    let rows: Vec<HolderRow> = database.all(select).await?;
    Ok(rows.into_iter().map(HolderRow::into_holder).collect::<Result<_, _>>()?)
}

/// The referral with this id, whoever owns it; the caller checks whose it is.
pub async fn find(database: &Database, id: &ReferralId) -> Result<Option<Referral>, Unavailable> {
    let row: Option<Row> = database.first(select(database, std::slice::from_ref(id))).await?;
    Ok(row.map(Referral::try_from).transpose()?)
}

/// The referrals with these ids, whoever owns them.
pub async fn find_all(database: &Database, ids: &[ReferralId]) -> Result<Vec<Referral>, Unavailable> {
    let rows: Vec<Row> = database.all(select(database, ids)).await?;
    Ok(rows.into_iter().map(Referral::try_from).collect::<Result<_, _>>()?)
}

pub(super) fn select(database: &Database, ids: &[ReferralId]) -> worker::Result<D1PreparedStatement> {
    let ids = serde_json::to_string(ids)?;
    let sql = format!("SELECT {COLUMNS} FROM referral WHERE id IN (SELECT value FROM json_each(?1))");
    query!(&database.0, sql, ids)
}

/// The same, and the referral of a sale that is named by any of its keys or its id.
pub(super) fn select_with_sale(
    database: &Database,
    ids: &[ReferralId],
    program: &ProgramId,
    is_test: bool,
    sale_keys: &[String],
    sale: Option<&ConversionId>,
) -> worker::Result<D1PreparedStatement> {
    let (ids, sale_keys) = (serde_json::to_string(ids)?, serde_json::to_string(sale_keys)?);
    let sql = format!(
        "SELECT {COLUMNS} FROM referral WHERE id IN (SELECT value FROM json_each(?1) \
         UNION SELECT referral_id FROM conversion WHERE id IN (SELECT ?5 UNION ALL {}))",
        conversion::of_keys("?2", "?3", "?4")
    );
    query!(&database.0, sql, ids, program, i64::from(is_test), sale_keys, sale)
}

/// The referrals that hold any of `identities`, each row with the identity it was found by. `CROSS JOIN` keeps the
/// order: a look-up by the whole primary key for each wanted name, and never a scan of the program's identities.
pub(super) fn select_holders(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    identities: &[Identity],
) -> worker::Result<D1PreparedStatement> {
    let wanted = serde_json::to_string(identities)?;
    let sql = format!(
        "SELECT identity.kind AS identity_kind, identity.value AS identity_value, {COLUMNS} \
         FROM json_each(?3) AS wanted \
         CROSS JOIN identity ON identity.program_id = ?1 AND identity.is_test = ?2 \
           AND identity.kind = wanted.value ->> 'kind' AND identity.value = wanted.value ->> 'value' \
         CROSS JOIN referral ON referral.id = identity.referral_id"
    );
    query!(&database.0, sql, program.as_str(), i64::from(is_test), wanted)
}

/// The referral that a call means which names its customer only by identities or by the sale's own key: by user id,
/// then customer id, then the key. The gate's address; what it says is read again behind the gate.
pub async fn find_gate(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    identities: &[Identity],
    sale_key: Option<&str>,
) -> Result<Option<ReferralId>, Unavailable> {
    #[derive(Deserialize)]
    struct GateRow {
        referral_id: String,
    }
    let wanted = serde_json::to_string(identities).map_err(|cause| Unavailable(cause.to_string()))?;
    let statement = query!(
        &database.0,
        "SELECT referral_id FROM ( \
           SELECT wanted.key AS rank, identity.referral_id AS referral_id FROM json_each(?3) AS wanted \
           CROSS JOIN identity ON identity.program_id = ?1 AND identity.is_test = ?2 \
             AND identity.kind = wanted.value ->> 'kind' AND identity.value = wanted.value ->> 'value' \
           UNION ALL \
           SELECT 1000, conversion.referral_id FROM sale_key JOIN conversion ON conversion.id = sale_key.conversion_id \
           WHERE sale_key.program_id = ?1 AND sale_key.is_test = ?2 AND sale_key.value = ?4 \
         ) ORDER BY rank LIMIT 1",
        program.as_str(),
        i64::from(is_test),
        wanted,
        sale_key
    );
    let row: Option<GateRow> = database.first(statement).await?;
    Ok(row.map(|row| ReferralId::new(row.referral_id)))
}

/// A claim beyond the limits sets NULL in `verified`, which fails the batch.
pub(super) fn insert(database: &Database, referral: &Referral) -> worker::Result<D1PreparedStatement> {
    let email = referral.email.as_ref();
    let beside = ClaimQuery::beside(referral);
    let sql = format!(
        "INSERT INTO referral (id, team_id, program_id, is_test, affiliate_id, status, external_user_id, customer_id, \
           subscription_id, email, email_hash, email_masked, name, metadata, aliases, verified, clicked_at, click, \
           first_sale_at, paid_sales, commission_total_minor, seq, created_by_request, created_at, converted_at, \
           updated_at, first_paid_at, lead_withheld, suspicion, claimed_from) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
           CASE WHEN ?16 = 1 OR ({of_affiliate} < {MOST_OF_AFFILIATE} AND {of_address} < {MOST_OF_ADDRESS}) THEN ?16 END, ?17, ?18, ?19, ?20, ?21, ?22, \
           ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)",
        of_affiliate = claims_of_affiliate("?4", "?5", "?31"),
        of_address = claims_from_address("?4", "?30", "?31"),
    );
    query!(
        &database.0,
        sql,
        referral.id,
        referral.scope.team_id,
        referral.scope.program_id,
        i64::from(referral.scope.is_test),
        referral.affiliate_id,
        referral.status.as_str(),
        referral.external_user_id,
        referral.customer_id,
        referral.subscription_id,
        email.and_then(|email| email.address.as_ref()),
        email.map(|email| &email.hash),
        email.map(|email| &email.masked),
        referral.name,
        referral.metadata.as_ref().map(ToString::to_string),
        serde_json::to_string(&referral.aliases)?,
        i64::from(referral.verified),
        referral.clicked_at,
        referral.click.as_ref().map(ToString::to_string),
        referral.first_sale_at,
        referral.paid_sales,
        referral.commission_total_minor,
        referral.seq,
        referral.created_by_request,
        referral.created_at,
        referral.converted_at,
        referral.updated_at,
        referral.first_paid_at,
        i64::from(referral.lead_withheld),
        suspicion(referral)?,
        referral.claimed_from,
        beside.since
    )
}

fn suspicion(referral: &Referral) -> Result<Option<String>, serde_json::Error> {
    referral.suspicion.as_ref().map(serde_json::to_string).transpose()
}

/// The fence: sets NULL, which fails the batch, when `seq` is no longer the one before the referral's own. Only what
/// commands change is written; the click stays, and a new affiliate has a change of its own, since it is indexed.
pub(super) fn update(database: &Database, referral: &Referral) -> worker::Result<D1PreparedStatement> {
    let email = referral.email.as_ref();
    query!(
        &database.0,
        "UPDATE referral SET seq = CASE seq WHEN ?2 - 1 THEN ?2 END, status = ?3, external_user_id = ?4, \
           customer_id = ?5, subscription_id = ?6, email = ?7, email_hash = ?8, email_masked = ?9, aliases = ?10, \
           verified = ?11, first_sale_at = ?12, paid_sales = ?13, commission_total_minor = ?14, converted_at = ?15, \
           updated_at = ?16, name = ?17, paid_out = ?18, metadata = ?19, first_paid_at = ?20, lead_withheld = ?21, \
           suspicion = ?22, claimed_from = CASE ?11 WHEN 0 THEN claimed_from END \
         WHERE id = ?1",
        referral.id,
        referral.seq,
        referral.status.as_str(),
        referral.external_user_id,
        referral.customer_id,
        referral.subscription_id,
        email.and_then(|email| email.address.as_ref()),
        email.map(|email| &email.hash),
        email.map(|email| &email.masked),
        serde_json::to_string(&referral.aliases)?,
        i64::from(referral.verified),
        referral.first_sale_at,
        referral.paid_sales,
        referral.commission_total_minor,
        referral.converted_at,
        referral.updated_at,
        referral.name,
        i64::from(referral.paid_out),
        referral.metadata.as_ref().map(ToString::to_string),
        referral.first_paid_at,
        i64::from(referral.lead_withheld),
        suspicion(referral)?
    )
}

/// Makes `identity` the referral's; the primary key fails the batch when it is taken.
pub(super) fn claim(
    database: &Database,
    scope: &Scope,
    referral: &ReferralId,
    identity: &Identity,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO identity (program_id, is_test, kind, value, referral_id, team_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        scope.program_id,
        i64::from(scope.is_test),
        identity.kind.as_str(),
        identity.value,
        referral,
        scope.team_id
    )
}

/// Takes `identity` back from the referral that holds it.
pub(super) fn release(
    database: &Database,
    scope: &Scope,
    referral: &ReferralId,
    identity: &Identity,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "DELETE FROM identity WHERE program_id = ?1 AND is_test = ?2 AND kind = ?3 AND value = ?4 AND referral_id = ?5",
        scope.program_id,
        i64::from(scope.is_test),
        identity.kind.as_str(),
        identity.value,
        referral
    )
}

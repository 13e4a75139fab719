//! Programs: settings, origins and incentives, read together as one snapshot of one rules version.

use attribution::ids::{AffiliateId, GroupId, IncentiveId, ProgramId, TeamId, WebhookEndpointId};
use attribution::incentive::{AppliesTo, Approval, Incentive, Length, Owner, PaysFor, Reward};
use attribution::ledger::Unavailable;
use attribution::level::{Base, Level};
use attribution::money::{Currency, MAX_MINOR, Rate};
use attribution::program::Program;
use attribution::status::{AttributionModel, EmailPolicy, FraudMode};
use serde::{Deserialize, Serialize};
use worker::query;

use super::{Database, UnknownValue, away, json, rows, webhook_endpoint, word};

/// A program as of one moment.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    /// Settings, origins and incentives.
    pub program: Program,
    /// Who is told of its live rows.
    pub subscribers: Vec<WebhookEndpointId>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    number: i64,
    team_id: String,
    name: String,
    currency: String,
    rules_version: i64,
    attribution_model: String,
    attribution_window_days: u32,
    cookie_window_days: u32,
    email_policy: String,
    name_tracking: i64,
    trust_browser_leads: i64,
    honour_gpc: i64,
    self_referral_mode: String,
}

#[derive(Deserialize)]
struct OriginRow {
    origin: String,
}

#[derive(Deserialize)]
struct SubscriberRow {
    id: String,
}

#[derive(Deserialize)]
struct IncentiveRow {
    id: String,
    group_id: Option<String>,
    affiliate_id: Option<String>,
    pays_for: String,
    rate_ppm: Option<i64>,
    amount_minor: Option<i64>,
    apply_to: String,
    product_ids: String,
    approval: String,
    hold_days: u32,
    length: String,
    length_value: Option<u32>,
    cap_minor: Option<i64>,
}

#[derive(Deserialize)]
struct LevelRow {
    id: String,
    group_id: String,
    position: u8,
    base: String,
    rate_ppm: i64,
}

/// The program with this id, all of it read at one moment.
pub async fn find(database: &Database, id: &ProgramId) -> Result<Option<Snapshot>, Unavailable> {
    let statements = [
        query!(
            &database.0,
            "SELECT program.id, program.number, program.team_id, program.name, team.currency, program.rules_version, \
               program.attribution_model, program.attribution_window_days, program.cookie_window_days, program.email_policy, \
               program.name_tracking, program.trust_browser_leads, program.honour_gpc, program.self_referral_mode \
             FROM program JOIN team ON team.id = program.team_id WHERE program.id = ?1",
            id
        ),
        query!(&database.0, "SELECT origin FROM program_origin WHERE program_id = ?1", id),
        query!(
            &database.0,
            "SELECT id, group_id, affiliate_id, pays_for, rate_ppm, amount_minor, apply_to, product_ids, approval, \
               hold_days, length, length_value, cap_minor FROM incentive WHERE program_id = ?1 ORDER BY created_at, id",
            id
        ),
        query!(&database.0, "SELECT id, group_id, position, base, rate_ppm FROM level WHERE program_id = ?1", id),
        webhook_endpoint::select_live(database, id),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [settings, origins, incentives, levels, subscribers] = answers.as_slice() else {
        return Err(Unavailable("a batch of five answered otherwise".to_owned()));
    };
    let settings: Vec<Row> = rows(settings)?;
    let Some(row) = settings.into_iter().next() else { return Ok(None) };
    let origins: Vec<OriginRow> = rows(origins)?;
    let incentives: Vec<IncentiveRow> = rows(incentives)?;
    let levels: Vec<LevelRow> = rows(levels)?;
    let subscribers: Vec<SubscriberRow> = rows(subscribers)?;
    Ok(Some(Snapshot {
        program: program(row, origins, incentives, levels)?,
        subscribers: subscribers.into_iter().map(|row| WebhookEndpointId::new(row.id)).collect(),
    }))
}

/// The id of the program with this number.
pub async fn by_number(database: &Database, number: i64) -> Result<Option<ProgramId>, Unavailable> {
    #[derive(Deserialize)]
    struct IdRow {
        id: String,
    }
    // Beyond it JavaScript, and so the database's interface, has no exact number.
    if number.unsigned_abs() > MAX_MINOR.unsigned_abs() {
        return Ok(None);
    }
    let row: Option<IdRow> =
        database.first(query!(&database.0, "SELECT id FROM program WHERE number = ?1", number)).await?;
    Ok(row.map(|row| ProgramId::new(row.id)))
}

/// Whether pages of this origin may call for any program: all that a preflight can be asked.
pub async fn any_allows_origin(database: &Database, origin: &str) -> Result<bool, Unavailable> {
    let statement = query!(&database.0, "SELECT origin FROM program_origin WHERE origin = ?1 LIMIT 1", origin);
    let row: Option<OriginRow> = database.first(statement).await?;
    Ok(row.is_some())
}

fn program(
    row: Row,
    origins: Vec<OriginRow>,
    incentives: Vec<IncentiveRow>,
    levels: Vec<LevelRow>,
) -> Result<Program, UnknownValue> {
    Ok(Program {
        id: ProgramId::new(row.id),
        number: row.number,
        team_id: TeamId::new(row.team_id),
        name: row.name,
        currency: word("team.currency", &row.currency, Currency::from_code)?,
        rules_version: row.rules_version,
        attribution_model: word("program.attribution_model", &row.attribution_model, AttributionModel::from_word)?,
        attribution_window_days: row.attribution_window_days,
        cookie_window_days: row.cookie_window_days,
        email_policy: word("program.email_policy", &row.email_policy, EmailPolicy::from_word)?,
        name_tracking: row.name_tracking == 1,
        trust_browser_leads: row.trust_browser_leads == 1,
        honour_gpc: row.honour_gpc == 1,
        self_referral_mode: word("program.self_referral_mode", &row.self_referral_mode, FraudMode::from_word)?,
        origins: origins.into_iter().map(|row| row.origin).collect(),
        incentives: incentives.into_iter().map(Incentive::try_from).collect::<Result<_, _>>()?,
        levels: levels.into_iter().map(Level::try_from).collect::<Result<_, _>>()?,
    })
}

impl TryFrom<IncentiveRow> for Incentive {
    type Error = UnknownValue;

    fn try_from(row: IncentiveRow) -> Result<Self, UnknownValue> {
        let owner = match (row.group_id, row.affiliate_id) {
            (_, Some(affiliate)) => Owner::Affiliate(AffiliateId::new(affiliate)),
            (Some(group), None) => Owner::Group(GroupId::new(group)),
            (None, None) => return Err(UnknownValue { column: "incentive.group_id", value: "nobody".to_owned() }),
        };
        let rate = row.rate_ppm.and_then(Rate::from_parts_per_million).map(Reward::Percentage);
        let reward = rate.or(row.amount_minor.map(Reward::Fixed));
        Ok(Self {
            reward: reward.ok_or(UnknownValue { column: "incentive.rate_ppm", value: row.id.clone() })?,
            id: IncentiveId::new(row.id),
            owner,
            pays_for: word("incentive.pays_for", &row.pays_for, |word| match word {
                "sale" => Some(PaysFor::Sale),
                "lead" => Some(PaysFor::Lead),
                _ => None,
            })?,
            applies_to: applies_to(&row.apply_to, &row.product_ids)?,
            approval: word("incentive.approval", &row.approval, |word| match word {
                "automatic" => Some(Approval::Automatic),
                "hold_period" => Some(Approval::HoldPeriod { days: row.hold_days }),
                "manual" => Some(Approval::Manual),
                _ => None,
            })?,
            length: length(&row.length, row.length_value)?,
            cap_minor: row.cap_minor,
        })
    }
}

impl TryFrom<LevelRow> for Level {
    type Error = UnknownValue;

    fn try_from(row: LevelRow) -> Result<Self, UnknownValue> {
        let rate = Rate::from_parts_per_million(row.rate_ppm);
        Ok(Self {
            rate: rate.ok_or(UnknownValue { column: "level.rate_ppm", value: row.id.clone() })?,
            id: IncentiveId::new(row.id),
            group_id: GroupId::new(row.group_id),
            position: row.position,
            base: word("level.base", &row.base, |word| match word {
                "commission" => Some(Base::Commission),
                "sale" => Some(Base::Sale),
                _ => None,
            })?,
        })
    }
}

fn length(length: &str, value: Option<u32>) -> Result<Length, UnknownValue> {
    word("incentive.length", length, |word| match (word, value) {
        ("customer_lifetime", _) => Some(Length::CustomerLifetime),
        ("time_limited", Some(months)) => Some(Length::Months(months)),
        ("payment_limited", Some(payments)) => Some(Length::Payments(payments)),
        _ => None,
    })
}

fn applies_to(apply_to: &str, product_ids: &str) -> Result<AppliesTo, UnknownValue> {
    if apply_to == "specific_products" {
        return Ok(AppliesTo::SpecificProducts(json("incentive.product_ids", product_ids)?));
    }
    word("incentive.apply_to", apply_to, |word| match word {
        "yearly_plans" => Some(AppliesTo::YearlyPlans),
        "monthly_plans" => Some(AppliesTo::MonthlyPlans),
        "one_time_products" => Some(AppliesTo::OneTimeProducts),
        "all_plans" => Some(AppliesTo::AllPlans),
        _ => None,
    })
}

//! How affiliates may promote a program: `GET` and `PATCH /v1/program/restrictions`. State: `program.restrictions`.

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update};
use crate::store::{Database, away, json};

/// The ways of promotion, each allowed or not; absent: as it was, and allowed where nothing was ever said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrictions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websites: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub social_marketing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organic_social: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_marketing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_ads: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_marketing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_sites: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_sites: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incentivized_traffic: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trademark_bidding: Option<bool>,
}

#[derive(Deserialize)]
struct Row {
    restrictions: String,
}

#[derive(Serialize)]
struct Change<'a> {
    restrictions: &'a Restrictions,
}

/// What was ever said about the program with this id, which a key names.
pub async fn find(database: &Database, program: &ProgramId) -> Result<Restrictions, Unavailable> {
    let statement = query!(&database.0, "SELECT restrictions FROM program WHERE id = ?1", program);
    let row: Option<Row> = database.first(statement).await?;
    Ok(json("program.restrictions", &row.ok_or_else(|| missing(program))?.restrictions)?)
}

/// Changes what is sent.
pub async fn change(database: &Database, program: &ProgramId, restrictions: &Restrictions) -> Result<(), Unavailable> {
    let statement = update(database, program, &Change { restrictions }).map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

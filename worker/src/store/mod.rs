//! All SQL against D1: one file per aggregate, named columns, each row struct beside its query.
//!
//! D1 is the truth for money. Reads of one object go to the primary. Writes that touch a referral go through
//! [`ledger_store`] alone, as one batch with the fence in it.

pub mod account;
pub mod affiliate;
pub mod api_key;
pub mod backlog;
pub mod click_count;
pub mod commission;
pub mod commission_summary;
pub mod conversion;
pub mod coupon;
pub mod customer;
pub mod erasure;
pub mod event;
pub mod exchange_rate;
pub mod group;
pub mod incentive;
pub mod kept_answer;
pub mod ledger_store;
pub mod level;
pub mod migrations;
pub mod outbox;
pub mod overview;
pub mod page;
pub mod payout;
pub mod program;
pub mod program_settings;
pub mod provider_fact;
pub mod readiness;
pub mod referral;
pub mod refund;
mod rules_version;
pub mod stripe_connection;
pub mod test_chain;
pub mod test_event;
pub mod unattributed_sale;
pub mod waiting_sale;
pub mod webhook_endpoint;

use attribution::epoch::Epoch;
use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{D1Database, D1PreparedStatement, D1Result, Env};

use crate::platform::Settings;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "DB";

/// A row that says something that the rules have no word for: a migration and the code disagree.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds {value}")]
pub struct UnknownValue {
    /// The column.
    pub column: &'static str,
    /// What it holds.
    pub value: String,
}

/// The database, and the epoch in which events are written.
pub struct Database(D1Database, Epoch);

impl Database {
    /// Takes the binding out of the environment.
    pub fn of(env: &Env) -> Result<Self, Unavailable> {
        let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
        env.d1(BINDING).map(|database| Self(database, settings.epoch)).map_err(|cause| away(&cause))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            one: i64,
        }
        let row: Option<Row> = self.first(Ok(self.0.prepare("SELECT 1 AS one"))).await?;
        match row {
            Some(Row { one: 1 }) => Ok(()),
            _ => Err(Unavailable("the database answers nonsense".to_owned())),
        }
    }

    async fn first<T: DeserializeOwned>(
        &self,
        statement: worker::Result<D1PreparedStatement>,
    ) -> Result<Option<T>, Unavailable> {
        let statement = statement.map_err(|cause| away(&cause))?;
        statement.first::<T>(None).await.map_err(|cause| away(&cause))
    }

    async fn all<T: DeserializeOwned>(
        &self,
        statement: worker::Result<D1PreparedStatement>,
    ) -> Result<Vec<T>, Unavailable> {
        let statement = statement.map_err(|cause| away(&cause))?;
        let answer = statement.all().await.map_err(|cause| away(&cause))?;
        rows(&answer)
    }

    async fn batch(&self, statements: Vec<D1PreparedStatement>) -> worker::Result<Vec<D1Result>> {
        self.0.batch(statements).await
    }
}

fn rows<T: DeserializeOwned>(answer: &D1Result) -> Result<Vec<T>, Unavailable> {
    answer.results::<T>().map_err(|cause| away(&cause))
}

fn away(cause: &worker::Error) -> Unavailable {
    Unavailable(cause.to_string())
}

/// Whose row it is, out of the columns that every row has.
fn scope(team_id: String, program_id: String, is_test: i64) -> Scope {
    Scope { team_id: TeamId::new(team_id), program_id: ProgramId::new(program_id), is_test: is_test == 1 }
}

/// A word that the rules know, out of a column.
fn word<T>(column: &'static str, value: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, UnknownValue> {
    read(value).ok_or_else(|| UnknownValue { column, value: value.to_owned() })
}

/// JSON out of a column. Errors go to the log, and the text may name a customer: it stays out.
fn json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, UnknownValue> {
    serde_json::from_str(text)
        .map_err(|_| UnknownValue { column, value: format!("{} bytes that are not its JSON", text.len()) })
}

impl From<UnknownValue> for Unavailable {
    fn from(unknown: UnknownValue) -> Self {
        Self(unknown.to_string())
    }
}

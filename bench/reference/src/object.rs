//! The bare object: one warm Durable Object with a table to append to and a row to read, and the way to D1.
//!
//! State: `appended` and `kept` in its SQLite; in memory the referrals that it has signed up, so that a conversion
//! needs no look-up.

use std::cell::{Cell, RefCell};

use worker::{DurableObject, Env, Request, Response, Result, SqlStorage, State, durable_object};

use crate::{DATABASE, route, rows};

/// Conversions go to so many referrals of each object, in turn; the harness prepares at least as many.
const KNOWN_REFERRALS: usize = 100;

/// As long as the product's answer to a repeated sign-up.
const KEPT_BYTES: i64 = 550;

/// See the module.
#[durable_object]
pub struct BareObject {
    sql: SqlStorage,
    env: Env,
    referrals: RefCell<Vec<String>>,
    conversions: Cell<usize>,
}

impl DurableObject for BareObject {
    /// Creates the tables. Where that fails, so does every request, and the harness counts it.
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        let made = sql
            .exec("CREATE TABLE IF NOT EXISTS appended (position INTEGER PRIMARY KEY, body TEXT NOT NULL)", None)
            .and_then(|_| {
                sql.exec("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, body TEXT NOT NULL)", None)
            })
            .and_then(|_| {
                let body = "k".repeat(usize::try_from(KEPT_BYTES).unwrap_or(0));
                sql.exec("INSERT INTO kept (id, body) VALUES (1, ?) ON CONFLICT DO NOTHING", vec![body.into()])
            });
        if let Err(cause) = made {
            worker::console_error!("the bare object has no tables: {cause}");
        }
        Self { sql, env, referrals: RefCell::default(), conversions: Cell::new(0) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        // A body that nobody reads costs the runtime a quarter of its requests per second.
        let body = request.text().await?;
        match route(&request.inner().url()) {
            "append" => self.append(body),
            "read" => self.read(),
            "signup" => self.sign_up().await,
            "conversion" => self.convert().await,
            _ => Response::error("no such route", 404),
        }
    }
}

impl BareObject {
    fn append(&self, body: String) -> Result<Response> {
        self.sql.exec("INSERT INTO appended (body) VALUES (?)", vec![body.into()])?;
        Response::empty()
    }

    fn read(&self) -> Result<Response> {
        let body = self.sql.exec("SELECT body FROM kept WHERE id = 1", None)?.raw().next();
        match body.transpose()?.as_deref() {
            Some([worker::SqlStorageValue::String(body)]) => Response::ok(body.as_str()),
            _ => Response::error("nothing kept", 500),
        }
    }

    async fn sign_up(&self) -> Result<Response> {
        let referral = rows::mint("ref");
        let database = self.env.d1(DATABASE)?;
        database.batch(rows::sign_up(&database, &referral)?).await?;
        let mut known = self.referrals.borrow_mut();
        if known.len() < KNOWN_REFERRALS {
            known.push(referral);
        }
        Response::empty()
    }

    async fn convert(&self) -> Result<Response> {
        let turn = self.conversions.get();
        self.conversions.set(turn + 1);
        let referral = {
            let known = self.referrals.borrow();
            known.get(turn.checked_rem(known.len()).unwrap_or(0)).cloned()
        };
        let Some(referral) = referral else { return Response::error("nobody has signed up", 409) };
        let database = self.env.d1(DATABASE)?;
        // Unique for the referral, which is all that its index asks: no look-up of the last one.
        let seq = i64::try_from(turn).unwrap_or(i64::MAX).saturating_add(2);
        database.batch(rows::conversion(&database, &referral, seq)?).await?;
        Response::empty()
    }
}

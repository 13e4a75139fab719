//! Programs, affiliates and keys as the isolate remembers them: at most ten seconds old.
//!
//! State: maps in the isolate's memory, thrown away with it and bounded. A look-up that misses asks D1 at once,
//! so what was just created works; a disabled key is dead within ten seconds. Money is safe from stale rules: a batch
//! names the older of the versions that program and affiliate were read under, and the second attempt reads afresh.
//! While D1 fails, copies that the shards keep stand in ([`crate::configuration_copy`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use attribution::ids::{AffiliateId, ProgramId, WebhookEndpointId};
use attribution::ledger::{Configuration, Unavailable};
use attribution::program::{Affiliate, Program};
use attribution::time::Timestamp;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::configuration_copy::Copies;
use crate::platform::now;
use crate::store::api_key::ApiKey;
use crate::store::stripe_connection::StripeConnection;
use crate::store::{self, Database};

/// How long a remembered row may be used.
const LIFE_MILLISECONDS: i64 = 10_000;

/// So many rows of a kind are remembered; beyond it all of them are forgotten at once.
const MAX_REMEMBERED: usize = 10_000;

thread_local! {
    static PROGRAMS: Memory<ProgramId, Program> = Memory::default();
    static SUBSCRIBERS: Memory<ProgramId, Vec<WebhookEndpointId>> = Memory::default();
    static HEARS_STRIPE: Memory<ProgramId, bool> = Memory::default();
    static STRIPE: Memory<ProgramId, StripeConnection> = Memory::default();
    static PROGRAM_IDS: Memory<i64, ProgramId> = Memory::default();
    static AFFILIATES: Memory<AffiliateId, Affiliate> = Memory::default();
    static AFFILIATES_BY_CODE: Memory<(String, ProgramId), Affiliate> = Memory::default();
    static AFFILIATES_BY_PAGE: Memory<(String, Option<String>), Affiliate> = Memory::default();
    static KEYS: Memory<String, ApiKey> = Memory::default();
}

struct Memory<K, V>(RefCell<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(RefCell::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    fn recall(&self, key: &K) -> Option<V> {
        let rows = self.0.borrow();
        let (read_at, value) = rows.get(key)?;
        let age = now().milliseconds() - read_at.milliseconds();
        (age < LIFE_MILLISECONDS).then(|| value.clone())
    }

    fn remember(&self, key: K, value: V) {
        let mut rows = self.0.borrow_mut();
        if rows.len() >= MAX_REMEMBERED {
            rows.clear();
        }
        rows.insert(key, (now(), value));
    }

    fn forget(&self, key: &K) {
        self.0.borrow_mut().remove(key);
    }

    fn forget_all(&self, is_meant: impl Fn(&V) -> bool) {
        self.0.borrow_mut().retain(|_, (_, value)| !is_meant(value));
    }
}

/// Who is told of a program's live rows, as far as this isolate remembers: nobody where it does not. Costs no trip.
pub fn remembered_subscribers(program: &ProgramId) -> Vec<WebhookEndpointId> {
    SUBSCRIBERS.with(|memory| memory.recall(program)).unwrap_or_default()
}

/// Whether Stripe speaks of a program, as far as this isolate remembers: no where it does not. Costs no trip.
pub fn remembers_stripe(program: &ProgramId) -> bool {
    HEARS_STRIPE.with(|memory| memory.recall(program)).unwrap_or_default()
}

/// Lets this isolate read a program afresh: something about it was just changed here.
pub fn forget_program(program: &ProgramId) {
    STRIPE.with(|memory| memory.forget(program));
    PROGRAMS.with(|memory| memory.forget(program));
}

/// Lets this isolate read an affiliate afresh, by whatever they are looked up: they were just changed here.
pub fn forget_affiliate(id: &AffiliateId) {
    AFFILIATES.with(|memory| memory.forget(id));
    AFFILIATES_BY_CODE.with(|memory| memory.forget_all(|affiliate| affiliate.id == *id));
    AFFILIATES_BY_PAGE.with(|memory| memory.forget_all(|affiliate| affiliate.id == *id));
}

/// Lets this isolate read a key afresh: it was just changed here.
pub fn forget_key(id: &str) {
    KEYS.with(|memory| memory.forget_all(|key| key.id == id));
}

/// The configuration as remembered, and D1 behind it.
pub struct CachedConfiguration<'a> {
    database: &'a Database,
    copies: Option<Copies<'a>>,
}

impl<'a> CachedConfiguration<'a> {
    /// Asks `database` for what is not remembered.
    pub fn of(database: &'a Database) -> Self {
        Self { database, copies: None }
    }

    /// The same, and the copies while that fails.
    pub fn with_copies(database: &'a Database, copies: Copies<'a>) -> Self {
        Self { database, copies: Some(copies) }
    }

    async fn or_copy<V: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        read: impl Future<Output = Result<Option<V>, Unavailable>>,
    ) -> Result<Option<V>, Unavailable> {
        match &self.copies {
            Some(copies) => copies.or_copy(name, read).await,
            None => read.await,
        }
    }

    /// The id of the program with this number.
    pub async fn program_id(&self, number: i64) -> Result<Option<ProgramId>, Unavailable> {
        if let Some(id) = PROGRAM_IDS.with(|memory| memory.recall(&number)) {
            return Ok(Some(id));
        }
        let read = store::program::by_number(self.database, number);
        let id = self.or_copy(&format!("program number {number}"), read).await?;
        if let Some(id) = &id {
            PROGRAM_IDS.with(|memory| memory.remember(number, id.clone()));
        }
        Ok(id)
    }

    /// Whose links in this program carry the code. Nobody is not remembered: who was just created works at once.
    pub async fn affiliate_of_program(
        &self,
        code: &str,
        program: &ProgramId,
    ) -> Result<Option<Affiliate>, Unavailable> {
        let key = (code.to_owned(), program.clone());
        if let Some(affiliate) = AFFILIATES_BY_CODE.with(|memory| memory.recall(&key)) {
            return Ok(Some(affiliate));
        }
        let read = store::affiliate::of_program(self.database, code, program);
        let affiliate = self.or_copy(&format!("code {code} of {program}"), read).await?;
        if let Some(affiliate) = &affiliate {
            AFFILIATES_BY_CODE.with(|memory| memory.remember(key, affiliate.clone()));
        }
        Ok(affiliate)
    }

    /// Whose links carry the code, for a page of this origin that names no program.
    pub async fn affiliate_of_page(&self, code: &str, origin: Option<&str>) -> Result<Option<Affiliate>, Unavailable> {
        let key = (code.to_owned(), origin.map(str::to_owned));
        if let Some(affiliate) = AFFILIATES_BY_PAGE.with(|memory| memory.recall(&key)) {
            return Ok(Some(affiliate));
        }
        let read = store::affiliate::of_page(self.database, code, origin);
        let name = format!("code {code} on {}", origin.unwrap_or_default());
        let affiliate = self.or_copy(&name, read).await?;
        if let Some(affiliate) = &affiliate {
            AFFILIATES_BY_PAGE.with(|memory| memory.remember(key, affiliate.clone()));
        }
        Ok(affiliate)
    }

    /// The program's connection to Stripe. None is not remembered: one that was just made works at once.
    pub async fn stripe_connection(&self, program: &ProgramId) -> Result<Option<StripeConnection>, Unavailable> {
        if let Some(connection) = STRIPE.with(|memory| memory.recall(program)) {
            return Ok(Some(connection));
        }
        let connection = store::stripe_connection::find(self.database, program).await?;
        if let Some(connection) = &connection {
            STRIPE.with(|memory| memory.remember(program.clone(), connection.clone()));
        }
        Ok(connection)
    }

    /// The key with this SHA-256.
    pub async fn key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable> {
        let key_hash = key_hash.to_owned();
        if let Some(key) = KEYS.with(|memory| memory.recall(&key_hash)) {
            return Ok(Some(key));
        }
        let read = store::api_key::find(self.database, &key_hash);
        let key = self.or_copy(&format!("key {key_hash}"), read).await?;
        if let Some(key) = &key {
            KEYS.with(|memory| memory.remember(key_hash, key.clone()));
        }
        Ok(key)
    }
}

impl Configuration for CachedConfiguration<'_> {
    async fn program(&self, id: &ProgramId, fresh: bool) -> Result<Option<Program>, Unavailable> {
        let remembered = if fresh { None } else { PROGRAMS.with(|memory| memory.recall(id)) };
        if remembered.is_some() {
            return Ok(remembered);
        }
        let read = store::program::find(self.database, id);
        let snapshot = if fresh { read.await? } else { self.or_copy(&format!("program {id}"), read).await? };
        let Some(snapshot) = snapshot else { return Ok(None) };
        PROGRAMS.with(|memory| memory.remember(id.clone(), snapshot.program.clone()));
        SUBSCRIBERS.with(|memory| memory.remember(id.clone(), snapshot.subscribers));
        HEARS_STRIPE.with(|memory| memory.remember(id.clone(), snapshot.hears_stripe));
        Ok(Some(snapshot.program))
    }

    async fn affiliate(&self, id: &AffiliateId, fresh: bool) -> Result<Option<Affiliate>, Unavailable> {
        let remembered = if fresh { None } else { AFFILIATES.with(|memory| memory.recall(id)) };
        if remembered.is_some() {
            return Ok(remembered);
        }
        let affiliate = store::affiliate::find(self.database, id).await?;
        if let Some(affiliate) = &affiliate {
            AFFILIATES.with(|memory| memory.remember(id.clone(), affiliate.clone()));
        }
        Ok(affiliate)
    }
}

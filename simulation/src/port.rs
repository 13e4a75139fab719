//! The database as one instance of an object reaches it: through its output gate, and with its own cache of the
//! configuration.
//!
//! State: the cache, at most ten seconds old; it dies with the instance.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::ids::{AffiliateId, ProgramId, WebhookEndpointId};
use attribution::ledger::{Change, Configuration, NotCommitted, Query, State, Unavailable};
use attribution::program::{Affiliate, Program};
use attribution::referral::Scope;
use attribution::shard::{ClickCount, CountStore};
use attribution::time::Timestamp;
use attribution::webhooks::{
    DisabledReason, Endpoint, Line, Outbox, Post, PostFailure, PostResult, Reading, Transport, Window,
};

use crate::breakage::Breakage;
use crate::commits::Order;
use crate::database::{Database, Kind};
use crate::executor::Life;
use crate::storage::Storage;

/// How long a remembered row may be used.
const LIFE_MILLISECONDS: i64 = 10_000;

/// See the module.
pub struct Port {
    database: Rc<Database>,
    storage: Storage,
    life: Life,
    program: RefCell<Option<(i64, Program)>>,
    affiliates: RefCell<BTreeMap<AffiliateId, (i64, Affiliate)>>,
}

impl Port {
    /// The port of an instance.
    pub fn of(database: Rc<Database>, storage: Storage, life: Life) -> Self {
        Self { database, storage, life, program: RefCell::default(), affiliates: RefCell::default() }
    }

    /// The endpoint whose sender this may be.
    pub fn endpoint_id(&self) -> WebhookEndpointId {
        self.database.subscriber.endpoint.id.clone()
    }

    async fn send<T: 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce(&Database) -> Result<T, String> + 'static,
    ) -> Result<T, String> {
        self.storage.settle().await;
        self.database.request(Some(self.life), kind, work).await
    }

    fn is_usable(&self, read_at: i64) -> bool {
        self.database.scene.executor.now() - read_at < LIFE_MILLISECONDS
    }
}

impl Port {
    /// Reads what a command asks for, and how many quotations there are.
    pub async fn load(&self, query: &Query) -> Result<(State, usize), Unavailable> {
        let (life, query) = (self.life, query.clone());
        self.send(Kind::Read, move |database| Ok(database.load(life, &query))).await.map_err(Unavailable)
    }

    /// Writes a command's batch.
    pub async fn commit(&self, order: Order, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        let (life, scope, batch) = (self.life, scope.clone(), changes.to_vec());
        let work = move |database: &Database| database.commit(life, order, &scope, &batch);
        if self.database.scene.breaks(Breakage::AnswerBeforeCommit) {
            let database = Rc::clone(&self.database);
            self.database.scene.executor.spawn(None, async move {
                // Whatever comes of it: it was called committed already.
                let _ = database.request(Some(life), Kind::Commit, work).await;
            });
            self.database.scene.wait(1, 10).await;
            return Ok(());
        }
        self.send(Kind::Commit, work).await.map_err(NotCommitted)
    }
}

impl CountStore for Port {
    async fn store_counts(&self, shard: u16, counts: &[ClickCount]) -> Result<(), Unavailable> {
        let counts = counts.to_vec();
        let work = move |database: &Database| {
            database.store_counts(shard, &counts);
            Ok(())
        };
        self.send(Kind::Counts, work).await.map_err(Unavailable)
    }
}

impl Configuration for Port {
    async fn program(&self, id: &ProgramId, fresh: bool) -> Result<Option<Program>, Unavailable> {
        let remembered = self.program.borrow().clone();
        if let Some((_, program)) = remembered.filter(|(read_at, _)| !fresh && self.is_usable(*read_at)) {
            return Ok(Some(program));
        }
        let id = id.clone();
        let work = move |database: &Database| {
            let program = database.rules.program(database.rules.version());
            Ok(program.filter(|program| program.id == id))
        };
        let program = self.send(Kind::Read, work).await.map_err(Unavailable)?;
        let now = self.database.scene.executor.now();
        *self.program.borrow_mut() = program.clone().map(|program| (now, program));
        Ok(program)
    }

    async fn affiliate(&self, id: &AffiliateId, fresh: bool) -> Result<Option<Affiliate>, Unavailable> {
        let remembered = self.affiliates.borrow().get(id).cloned();
        if let Some((_, affiliate)) = remembered.filter(|(read_at, _)| !fresh && self.is_usable(*read_at)) {
            return Ok(Some(affiliate));
        }
        let wanted = id.clone();
        let work = move |database: &Database| Ok(database.rules.affiliate(&wanted, database.rules.version()));
        let affiliate = self.send(Kind::Read, work).await.map_err(Unavailable)?;
        let now = self.database.scene.executor.now();
        if let Some(affiliate) = &affiliate {
            self.affiliates.borrow_mut().insert(id.clone(), (now, affiliate.clone()));
        }
        Ok(affiliate)
    }
}

impl Outbox for Port {
    async fn read(&self, _id: &WebhookEndpointId, window: &Window) -> Result<Option<Reading>, Unavailable> {
        let window = *window;
        let work = move |database: &Database| {
            let endpoint = database.subscriber.endpoint.clone();
            let from = window.after.unwrap_or(i64::MIN).max(endpoint.starts_after);
            let next = (from < database.head()).then(|| from.max(0) + 1);
            let mut lines = database.lines(|position, event| {
                let is_near = position > from && position <= from.saturating_add(window.span);
                is_near && event.at >= window.since && !event.messages.is_empty()
            });
            lines.truncate(window.limit);
            Ok(Some(Reading { endpoint, head: database.head(), next, lines }))
        };
        self.send(Kind::Read, work).await.map_err(Unavailable)
    }

    async fn lines(&self, _endpoint: &Endpoint, positions: &[i64]) -> Result<Vec<Line>, Unavailable> {
        let positions = positions.to_vec();
        let work = move |database: &Database| Ok(database.lines(|position, _| positions.contains(&position)));
        self.send(Kind::Read, work).await.map_err(Unavailable)
    }

    /// Nobody fails for five days here.
    async fn disable(
        &self,
        _id: &WebhookEndpointId,
        _version: i64,
        _reason: DisabledReason,
        _at: Timestamp,
    ) -> Result<(), Unavailable> {
        Ok(())
    }
}

impl Transport for Port {
    async fn post(&self, post: &Post) -> Result<PostResult, PostFailure> {
        self.storage.settle().await;
        self.database.subscriber.post(self.life, post).await
    }
}

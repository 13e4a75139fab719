//! A cached configuration over the database in memory, and one shard's clicks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use crate::ids::{AffiliateId, ProgramId, ReferralId};
use crate::ledger::{Clicks, Configuration, Unavailable};
use crate::memory::Database;
use crate::program::{Affiliate, Program};
use crate::referral::Click;

/// Programs and affiliates as an isolate knows them: what was read once stays until somebody asks for a fresh look.
pub struct CachedConfiguration {
    database: Rc<Database>,
    programs: RefCell<HashMap<ProgramId, Program>>,
    affiliates: RefCell<HashMap<AffiliateId, Affiliate>>,
}

impl CachedConfiguration {
    /// An empty cache.
    pub fn over(database: Rc<Database>) -> Self {
        Self { database, programs: RefCell::default(), affiliates: RefCell::default() }
    }
}

/// What the cache holds, unless it holds nothing or a fresh look is asked for: then the row, which it holds from then on.
fn cached<K: Clone + Eq + Hash, V: Clone>(
    cache: &RefCell<HashMap<K, V>>,
    key: &K,
    fresh: bool,
    row: impl FnOnce() -> Result<Option<V>, Unavailable>,
) -> Result<Option<V>, Unavailable> {
    let held = cache.borrow().get(key).cloned();
    if held.is_some() && !fresh {
        return Ok(held);
    }
    let row = row()?;
    match &row {
        Some(row) => cache.borrow_mut().insert(key.clone(), row.clone()),
        None => cache.borrow_mut().remove(key),
    };
    Ok(row)
}

impl Configuration for CachedConfiguration {
    async fn program(&self, id: &ProgramId, fresh: bool) -> Result<Option<Program>, Unavailable> {
        cached(&self.programs, id, fresh, || self.database.program(id))
    }

    async fn affiliate(&self, id: &AffiliateId, fresh: bool) -> Result<Option<Affiliate>, Unavailable> {
        cached(&self.affiliates, id, fresh, || {
            let Some(affiliate) = self.database.affiliate(id)? else { return Ok(None) };
            let program = self.database.program(&affiliate.program_id)?;
            let rules_version = program.map_or(affiliate.rules_version, |program| program.rules_version);
            Ok(Some(Affiliate { rules_version, ..affiliate }))
        })
    }
}

/// The clicks of one shard.
#[derive(Default)]
pub struct MemoryClicks(RefCell<HashMap<ReferralId, Click>>);

impl MemoryClicks {
    pub fn put(&self, click: Click) {
        self.0.borrow_mut().insert(click.id.clone(), click);
    }

    /// What the shard does with raw clicks some time after their window.
    pub fn forget(&self, id: &ReferralId) {
        self.0.borrow_mut().remove(id);
    }
}

impl Clicks for MemoryClicks {
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        Ok(self.0.borrow().get(id).cloned())
    }
}

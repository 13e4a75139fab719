//! A database in memory that takes and refuses batches as `migrations/0002_ledger.sql` does. Faults are ordered in
//! advance. Knows no rule.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;

use crate::decision::Reason;
use crate::erasure;
use crate::exchange::QuotedRate;
use crate::fraud::Visit;
use crate::ids::{AffiliateId, CommissionId, ConversionId, PayoutId, ProgramId, ReferralId, RefundId};
use crate::ledger::{
    AddressQuery, Change, ClaimCounts, ClaimQuery, Event, KeptAnswer, KeptKey, NotCommitted, Outcome, Query, SaleQuery,
    State, Store, Unavailable,
};
use crate::program::{Affiliate, Program};
use crate::referral::{Identity, Referral, Scope};
use crate::sale::{Commission, Conversion, ParkedRefund, RecordedSale, SaleRefund};
use crate::status::{CommissionKind, CommissionStatus};

/// The tables, each under its primary key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub referrals: BTreeMap<ReferralId, Referral>,
    pub identities: HashMap<(ProgramId, bool, Identity), ReferralId>,
    pub conversions: BTreeMap<ConversionId, Conversion>,
    pub commissions: BTreeMap<CommissionId, Commission>,
    pub sale_keys: HashMap<(ProgramId, bool, String), ConversionId>,
    pub refunds: BTreeMap<RefundId, SaleRefund>,
    pub parked: BTreeMap<RefundId, ParkedRefund>,
    pub payout_lines: Vec<(PayoutId, CommissionId, i64)>,
    /// Quotations, which no batch writes.
    pub rates: Vec<QuotedRate>,
    pub kept_answers: BTreeMap<KeptKey, KeptAnswer>,
    pub events: Vec<Event>,
}

/// What goes wrong with one commit.
pub enum Fault {
    /// The batch is not applied.
    Lost,
    /// The batch is applied, but its answer never arrives.
    AnswerLost,
    /// The batch is applied only when the next one arrives, just before that.
    Delayed,
    /// Somebody else comes first; then the batch is tried.
    Overtaken(Box<dyn FnOnce()>),
}

/// The database. Handles to it are shared: `Rc<Database>`.
#[derive(Default)]
pub struct Database {
    rows: RefCell<Rows>,
    programs: RefCell<HashMap<ProgramId, Program>>,
    affiliates: RefCell<HashMap<AffiliateId, Affiliate>>,
    faults: RefCell<VecDeque<Fault>>,
    delayed: RefCell<Vec<(Scope, Vec<Change>)>>,
    /// While true, nothing can be read or written.
    pub is_away: Cell<bool>,
    /// Loads so far.
    pub loads: Cell<u32>,
    /// Batches so far, failed ones included.
    pub commits: Cell<u32>,
}

impl Database {
    pub fn put_program(&self, program: Program) {
        self.programs.borrow_mut().insert(program.id.clone(), program);
    }

    /// Changes a referral behind the rules' back, as a payout will.
    pub fn put_referral(&self, referral: Referral) {
        self.rows.borrow_mut().referrals.insert(referral.id.clone(), referral);
    }

    pub fn put_affiliate(&self, affiliate: Affiliate) {
        self.affiliates.borrow_mut().insert(affiliate.id.clone(), affiliate);
    }

    pub fn program(&self, id: &ProgramId) -> Result<Option<Program>, Unavailable> {
        self.reach()?;
        Ok(self.programs.borrow().get(id).cloned())
    }

    pub fn affiliate(&self, id: &AffiliateId) -> Result<Option<Affiliate>, Unavailable> {
        self.reach()?;
        Ok(self.affiliates.borrow().get(id).cloned())
    }

    /// What the owner does in the dashboard: caches keep the old rules, the version is raised.
    pub fn change_rules(&self, id: &ProgramId, change: impl FnOnce(&mut Program)) {
        let mut programs = self.programs.borrow_mut();
        let program = programs.get_mut(id).expect("the program exists");
        change(program);
        program.rules_version += 1;
    }

    /// Publishes rates of exchange.
    pub fn put_rates(&self, rates: impl IntoIterator<Item = QuotedRate>) {
        self.rows.borrow_mut().rates.extend(rates);
    }

    /// Orders a fault; each commit takes one, in order.
    pub fn next_commit(&self, fault: Fault) {
        self.faults.borrow_mut().push_back(fault);
    }

    /// A copy of all rows.
    pub fn rows(&self) -> Rows {
        self.rows.borrow().clone()
    }

    fn reach(&self) -> Result<(), Unavailable> {
        if self.is_away.get() { Err(Unavailable("the database is away".to_owned())) } else { Ok(()) }
    }

    fn apply(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        let version = self.programs.borrow().get(&scope.program_id).map(|program| program.rules_version);
        let committed = self.rows.borrow().after(scope, changes, version);
        *self.rows.borrow_mut() = committed.map_err(|why| NotCommitted(why.to_owned()))?;
        Ok(())
    }

    fn apply_delayed(&self) {
        for (scope, changes) in self.delayed.take() {
            // Nobody waits for the answer of a batch that was given up.
            let _ = self.apply(&scope, &changes);
        }
    }

    /// Whoever overtakes meets no fault that was ordered for the one overtaken.
    fn let_in(&self, rival: Box<dyn FnOnce()>) {
        let rest = self.faults.take();
        rival();
        self.faults.replace(rest);
    }
}

impl Store for Database {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        self.loads.set(self.loads.get() + 1);
        self.reach()?;
        Ok(self.rows.borrow().read(query))
    }

    async fn commit(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        self.commits.set(self.commits.get() + 1);
        self.reach().map_err(|away| NotCommitted(away.to_string()))?;
        self.apply_delayed();
        let fault = self.faults.borrow_mut().pop_front();
        match fault {
            None => self.apply(scope, changes),
            Some(Fault::Lost) => Err(NotCommitted("lost before it was applied".to_owned())),
            Some(Fault::AnswerLost) => {
                self.apply(scope, changes)?;
                Err(NotCommitted("lost after it was applied".to_owned()))
            }
            Some(Fault::Delayed) => {
                self.delayed.borrow_mut().push((scope.clone(), changes.to_vec()));
                Err(NotCommitted("no answer yet".to_owned()))
            }
            Some(Fault::Overtaken(rival)) => {
                self.let_in(rival);
                self.apply(scope, changes)
            }
        }
    }
}

impl Rows {
    /// The rows after a batch: all of it, or the constraint that forbids it. `rules_version` is the one in force.
    pub fn after(&self, scope: &Scope, batch: &[Change], rules_version: Option<i64>) -> Result<Self, &'static str> {
        let mut rows = self.clone();
        for change in batch {
            rows.apply(scope, change, rules_version)?;
        }
        Ok(rows)
    }

    /// What a query finds.
    pub fn read(&self, query: &Query) -> State {
        let referrals = query.referrals.iter().filter_map(|id| self.referrals.get(id).cloned()).collect();
        let Query { program_id, is_test, .. } = query;
        let holder = |identity: &Identity| {
            let id = self.identities.get(&(program_id.clone(), *is_test, identity.clone()))?;
            Some((identity.clone(), self.referrals.get(id)?.clone()))
        };
        let sale = query.sale.as_ref().and_then(|wanted| self.recorded_sale(wanted, program_id, *is_test));
        let mut referrals: Vec<Referral> = referrals;
        if let Some(sale) = &sale
            && !query.referrals.contains(&sale.conversion.referral_id)
        {
            referrals.extend(self.referrals.get(&sale.conversion.referral_id).cloned());
        }
        let of_program = |scope: &Scope| scope.program_id == *program_id && scope.is_test == *is_test;
        let refund_key = query.refund.as_ref().and_then(|(key, _)| key.as_ref());
        let refund = query.refund.as_ref().and_then(|(key, id)| {
            let is_wanted = |refund: &&SaleRefund| {
                refund.id == *id || (key.is_some() && refund.refund_key == *key && of_program(&refund.scope))
            };
            self.refunds.values().find(is_wanted).cloned()
        });
        let waits = |parked: &&ParkedRefund| {
            let by_sale = query.parked_for.contains(&parked.sale_key);
            of_program(&parked.scope) && (by_sale || (refund_key.is_some() && parked.refund_key.as_ref() == refund_key))
        };
        let commissions = self.commissions.values().filter(|row| row.deleted_at.is_none());
        let commissions = commissions.filter(|row| query.commissions_of.as_ref() == Some(&row.referral_id));
        let with_sale = |row: &Commission| {
            let conversion = row.conversion_id.as_ref().and_then(|id| self.conversions.get(id).cloned());
            (row.clone(), conversion)
        };
        let kept_answer = query.kept_answer.as_ref().and_then(|key| self.kept_answers.get(key).cloned());
        State {
            referrals,
            holders: query.identities.iter().filter_map(holder).collect(),
            sale,
            refund,
            parked: self.parked.values().filter(waits).cloned().collect(),
            commissions: commissions.map(with_sale).collect(),
            same_address: query.same_address.as_ref().map(|wanted| self.same_address(*is_test, wanted)),
            claims: query.claims.as_ref().map(|wanted| self.claims_of(*is_test, wanted)).unwrap_or_default(),
            rates: if query.rates.is_some() { self.rates.clone() } else { Vec::new() },
            kept_answer,
        }
    }

    fn same_address(&self, is_test: bool, wanted: &AddressQuery) -> u32 {
        let is_meant = |referral: &&Referral| {
            let click = referral.click.as_ref();
            referral.affiliate_id == wanted.affiliate_id
                && referral.scope.is_test == is_test
                && referral.id != wanted.other_than
                && referral.created_at >= wanted.since
                && click.and_then(|click| Visit::of(click).ip_hash) == Some(wanted.ip_hash.as_str())
        };
        u32::try_from(self.referrals.values().filter(is_meant).count()).unwrap_or(u32::MAX).min(wanted.most)
    }

    fn claims_of(&self, is_test: bool, wanted: &ClaimQuery) -> ClaimCounts {
        let is_claim = |row: &&Referral| !row.verified && row.scope.is_test == is_test && row.created_at > wanted.since;
        let count = |is_meant: &dyn Fn(&Referral) -> bool| {
            let rows = self.referrals.values().filter(is_claim);
            u32::try_from(rows.filter(|row| is_meant(row)).count()).unwrap_or(u32::MAX)
        };
        ClaimCounts {
            of_affiliate: count(&|row| row.affiliate_id == wanted.affiliate_id),
            of_address: count(&|row| wanted.claimed_from.is_some() && row.claimed_from == wanted.claimed_from),
        }
    }

    fn recorded_sale(&self, wanted: &SaleQuery, program_id: &ProgramId, is_test: bool) -> Option<RecordedSale> {
        let mut keys = wanted.keys.iter().map(|key| (program_id.clone(), is_test, key.clone()));
        let id = keys.find_map(|key| self.sale_keys.get(&key)).or(wanted.id.as_ref())?;
        let conversion = self.conversions.get(id)?.clone();
        let commission = conversion.commission_id.as_ref().and_then(|id| self.commissions.get(id).cloned());
        let of_sale = |row: &&Commission| row.conversion_id.as_ref() == Some(id) && row.deleted_at.is_none();
        let levels = self.commissions.values().filter(of_sale).filter(|row| row.kind == CommissionKind::Level);
        let mut levels: Vec<Commission> = levels.cloned().collect();
        levels.sort_by_key(|level| level.level);
        Some(RecordedSale { conversion, commission, levels })
    }

    /// Writes one row or says which constraint forbids it.
    fn apply(&mut self, scope: &Scope, change: &Change, rules_version: Option<i64>) -> Result<(), &'static str> {
        match change {
            Change::InsertReferral(referral) => self.insert_referral(referral),
            Change::UpdateReferral(referral) => {
                let stored = self.referrals.get_mut(&referral.id).ok_or("no such referral to have an event")?;
                if stored.seq + 1 != referral.seq {
                    return Err("referral.seq is not the one that was read");
                }
                // A new affiliate has a change of its own, as in SQL.
                *stored = Referral { affiliate_id: stored.affiliate_id.clone(), ..(**referral).clone() };
                Ok(())
            }
            Change::ClaimIdentity(id, identity) => {
                self.require(id)?;
                claim(&mut self.identities, place(scope, identity.clone()), id)
            }
            Change::ReleaseIdentity(id, identity) => {
                self.identities.retain(|(_, _, held), holder| held != identity || holder != id);
                Ok(())
            }
            Change::DeclineLeadCommission(id, at) => {
                let of_lead = |row: &&mut Commission| {
                    row.referral_id == *id && row.conversion_id.is_none() && row.deleted_at.is_none()
                };
                for commission in self.commissions.values_mut().filter(of_lead) {
                    commission.status = CommissionStatus::Declined;
                    commission.reason = Reason::ClaimOverridden;
                    commission.updated_at = *at;
                }
                Ok(())
            }
            Change::InsertConversion(conversion) => {
                self.require(&conversion.referral_id)?;
                if let Some(key) = &conversion.sale_key {
                    self.claim_sale_key(scope, key, &conversion.id)?;
                }
                insert(&mut self.conversions, &conversion.id, conversion)
            }
            Change::ClaimSaleKey(conversion, key) => self.claim_sale_key(scope, key, &conversion.id),
            Change::UpdateConversion(conversion) => update(&mut self.conversions, &conversion.id, conversion),
            Change::Reassign(id, affiliate, commissions) => {
                let referral = self.referrals.get_mut(id).ok_or("no such referral")?;
                referral.affiliate_id = affiliate.clone();
                for commission in self.commissions.values_mut().filter(|row| commissions.contains(&row.id)) {
                    commission.affiliate_id = affiliate.clone();
                }
                Ok(())
            }
            Change::AddPayoutLine(line) => {
                if self
                    .payout_lines
                    .iter()
                    .any(|(payout, id, _)| (payout, id) == (&line.payout_id, &line.commission_id))
                {
                    return Err("the commission is in the payout");
                }
                self.payout_lines.push((line.payout_id.clone(), line.commission_id.clone(), line.amount_minor));
                Ok(())
            }
            Change::UpdateCommission(commission) => {
                let stored = self.commissions.get_mut(&commission.id).ok_or("no such row")?;
                *stored = Commission { affiliate_id: stored.affiliate_id.clone(), ..(**commission).clone() };
                Ok(())
            }
            Change::InsertRefund(refund) => {
                self.refund_key_is_free(scope, refund.refund_key.as_deref())?;
                insert(&mut self.refunds, &refund.id, refund)
            }
            Change::ParkRefund(parked) => {
                if self.sale_keys.contains_key(&place(scope, parked.sale_key.clone())) {
                    return Err("the sale is there");
                }
                self.refund_key_is_free(scope, parked.refund_key.as_deref())?;
                insert(&mut self.parked, &parked.id, parked)
            }
            Change::SettleRefund(parked) => {
                self.parked.remove(&parked.id);
                Ok(())
            }
            Change::InsertCommission(commission) => {
                self.require(&commission.referral_id)?;
                insert(&mut self.commissions, &commission.id, commission)
            }
            Change::EraseTraces(id, _) => {
                self.erase_traces(id);
                Ok(())
            }
            Change::KeepAnswer(key, answer) => insert(&mut self.kept_answers, key, answer),
            Change::AppendEvent(event) => {
                if rules_version != Some(event.rules_version) {
                    return Err("event.rules_version has moved on");
                }
                if self.events.iter().any(|old| old.subject == event.subject && old.seq == event.seq) {
                    return Err("event's subject and seq are taken");
                }
                self.events.push((**event).clone());
                Ok(())
            }
        }
    }

    /// A claim beyond the limits is no row.
    fn insert_referral(&mut self, referral: &Referral) -> Result<(), &'static str> {
        let counts = self.claims_of(referral.scope.is_test, &ClaimQuery::beside(referral));
        if !referral.verified && !counts.leave_room() {
            return Err("referral.verified: there are too many claims");
        }
        insert(&mut self.referrals, &referral.id, referral)
    }

    fn claim_sale_key(&mut self, scope: &Scope, key: &str, sale: &ConversionId) -> Result<(), &'static str> {
        if self.parked.values().any(|parked| parked.scope == *scope && parked.sale_key == key) {
            return Err("a refund waits for the sale");
        }
        claim(&mut self.sale_keys, place(scope, key.to_owned()), sale)
    }

    fn erase_traces(&mut self, id: &ReferralId) {
        let mut sales = Vec::new();
        for sale in self.conversions.values_mut().filter(|sale| sale.referral_id == *id) {
            sale.details = erasure::sale_details(&sale.details);
            sales.push(sale.id.clone());
        }
        let mut subjects = vec![id.as_str().to_owned()];
        for refund in self.refunds.values_mut().filter(|refund| sales.contains(&refund.conversion_id)) {
            refund.reason = None;
            subjects.push(refund.id.as_str().to_owned());
        }
        for line in self.events.iter_mut().filter(|line| subjects.contains(&line.subject)) {
            erasure::empty(&erasure::LINE_FIELDS, &mut line.detail);
            for data in line.messages.iter_mut().filter_map(|message| message.data.as_object_mut()) {
                erasure::empty(&erasure::MESSAGE_FIELDS, data);
            }
        }
        for answer in self.kept_answers.values_mut() {
            let waited = matches!(&answer.outcome, Outcome::Parked { refund, .. } if subjects.iter().any(|of| of == refund.id.as_str()));
            if waited || answer.outcome.referral_id() == Some(id) {
                *answer = erasure::kept_answer(answer);
            }
        }
    }

    /// One key, one refund: recorded or waiting.
    fn refund_key_is_free(&self, scope: &Scope, key: Option<&str>) -> Result<(), &'static str> {
        let Some(key) = key else { return Ok(()) };
        let recorded = self.refunds.values().map(|refund| (&refund.scope, refund.refund_key.as_deref()));
        let waiting = self.parked.values().map(|parked| (&parked.scope, parked.refund_key.as_deref()));
        let taken = recorded.chain(waiting).any(|(of, other)| of == scope && other == Some(key));
        if taken { Err("the refund's key is taken") } else { Ok(()) }
    }

    /// The foreign keys to `referral`.
    fn require(&self, id: &ReferralId) -> Result<(), &'static str> {
        self.referrals.contains_key(id).then_some(()).ok_or("no such referral")
    }
}

/// A primary key that begins with the program and the mode.
fn place<T>(scope: &Scope, value: T) -> (ProgramId, bool, T) {
    (scope.program_id.clone(), scope.is_test, value)
}

fn insert<K: Clone + Ord, V: Clone>(table: &mut BTreeMap<K, V>, id: &K, row: &V) -> Result<(), &'static str> {
    if table.contains_key(id) {
        return Err("a row has this id");
    }
    table.insert(id.clone(), row.clone());
    Ok(())
}

fn update<K: Ord, V: Clone>(table: &mut BTreeMap<K, V>, id: &K, row: &V) -> Result<(), &'static str> {
    let stored = table.get_mut(id).ok_or("no such row")?;
    *stored = row.clone();
    Ok(())
}

fn claim<K: Eq + Hash, V: Clone>(table: &mut HashMap<K, V>, key: K, owner: &V) -> Result<(), &'static str> {
    match table.entry(key) {
        Entry::Occupied(_) => Err("identity or sale key is taken"),
        Entry::Vacant(free) => {
            free.insert(owner.clone());
            Ok(())
        }
    }
}

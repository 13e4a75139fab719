//! The scenario: what there is to do for clients in one seed. Customers, clicks and orders are few, so that calls meet.
//!
//! In an orderly seed every click is another customer's and every call names it: all commands on a referral come through
//! one gate. Then no batch may fail on the fence, which is what the lock is for.
//!
//! State: how many orders and keys there were.

use std::cell::Cell;
use std::rc::Rc;

use attribution::fixtures;
use attribution::ids::{AffiliateId, ReferralId};
use attribution::money::{Currency, Money};
use attribution::status::{CommissionStatus, ReferralStatus, SalesStatus};

use crate::body::{Body, SaleBody};
use crate::database::Database;
use crate::executor::Sleep;
use crate::history::{Call, History};
use crate::rates::any_currency;
use crate::rules::everybody;
use crate::scene::Scene;

/// See the module.
pub struct Scenario {
    pub(crate) scene: Rc<Scene>,
    pub(crate) database: Rc<Database>,
    pub(crate) history: Rc<History>,
    /// Whether every click is another customer's.
    pub is_orderly: bool,
    /// Whether persons change things.
    has_edits: bool,
    /// Whether sales are in other currencies too.
    has_currencies: bool,
    customers: u32,
    keys: Cell<u32>,
    longest_breath: u32,
}

impl Scenario {
    /// Draws one.
    pub fn draw(scene: Rc<Scene>, database: Rc<Database>, history: Rc<History>) -> Self {
        let is_orderly = scene.chance.hits(200);
        let customers = scene.chance.between(1, 5);
        let longest_breath = scene.chance.one_of([5, 60, 400, 4_000]);
        let (has_edits, has_currencies) = (scene.chance.hits(500), scene.chance.hits(350));
        let keys = Cell::new(0);
        Self { scene, database, history, is_orderly, has_edits, has_currencies, customers, keys, longest_breath }
    }

    /// A client's pause before the next thing; now and then a long one, in which caches grow old.
    pub fn breathe(&self) -> Sleep {
        let long = self.scene.chance.hits(15);
        self.scene.wait(1, if long { 70_000 } else { self.longest_breath })
    }

    /// The next call to make; `None` where the owner changed the rules instead.
    pub fn next(&self) -> Option<usize> {
        let chance = &self.scene.chance;
        if chance.hits(40) {
            let rules = self.database.rules.change(chance);
            self.scene.note(|| format!("rules     version {} is {rules:?}", self.database.rules.version()));
            return None;
        }
        if self.has_currencies && chance.hits(90) {
            self.database.publish_one(chance);
            return None;
        }
        let calls = self.history.calls().len();
        if calls > 0 && chance.hits(200) {
            return Some(chance.place(calls));
        }
        let body = self.body();
        let key = self.key().filter(|_| body.may_have_key());
        Some(self.history.add(body, key))
    }

    fn body(&self) -> Body {
        let chance = &self.scene.chance;
        let click = chance.pick(&self.history.clicks()).cloned();
        if chance.hits(400) && !self.database.about_to_be_ready(self.scene.executor.now()).is_empty() {
            return self.refund();
        }
        if self.has_edits
            && chance.hits(300)
            && let Some(edit) = self.edit()
        {
            return edit;
        }
        match (chance.between(0, 99), click) {
            (0..25, _) | (_, None) => Body::Click {
                affiliate: self.affiliate(),
                days_ago: chance.one_of([None, None, None, Some(59), Some(61)]),
                landing: chance.hits(400).then(|| chance.between(0, 20)),
            },
            (25..55, Some(click)) => self.sign_up(click),
            (55..62, click) if !self.is_orderly => self.direct(click),
            (62..74, _) => self.refund(),
            (74..83, Some(click)) => self.payout().unwrap_or_else(|| self.sale(&click)),
            (_, Some(click)) => self.sale(&click),
        }
    }

    fn sign_up(&self, click: ReferralId) -> Body {
        let chance = &self.scene.chance;
        let (verified, only_leads) = (chance.hits(650), chance.hits(300));
        let customer = self.customer_of(&click);
        let other = if self.is_orderly || !chance.hits(60) { customer.clone() } else { self.any_customer() };
        let user = (self.is_orderly || chance.hits(850)).then(|| format!("user_{customer}"));
        let email = (user.is_none() || chance.hits(600)).then(|| format!("{other}@shop.example"));
        Body::SignUp { click, user, email, verified, only_leads }
    }

    fn direct(&self, click: Option<ReferralId>) -> Body {
        let chance = &self.scene.chance;
        let customer = self.any_customer();
        Body::Direct {
            affiliate: self.affiliate(),
            email: format!("{customer}@shop.example"),
            customer: chance.hits(500).then(|| format!("cust_{customer}")),
            click: click.filter(|_| chance.hits(300)),
            status: chance.one_of([ReferralStatus::Lead, ReferralStatus::Lead, ReferralStatus::Customer]),
        }
    }

    fn sale(&self, click: &ReferralId) -> Body {
        let chance = &self.scene.chance;
        let customer = self.customer_of(click);
        let by_id = self.is_orderly || chance.hits(600);
        let by_referral = chance.hits(500);
        let order = chance.between(0, 2);
        let key =
            if self.is_orderly { format!("{click}_{order}") } else { format!("order_{order}_{}", self.customers) };
        let user = (!by_id || chance.hits(300)).then(|| format!("user_{customer}"));
        let awaited = self.database.about_to_expire(self.scene.executor.now());
        let key = awaited.filter(|_| !self.is_orderly && chance.hits(300)).unwrap_or(key);
        let minor = i64::from(chance.one_of([1, 5, 150, 333, 1_999, 9_900, 123_457]));
        Body::Sale(Box::new(SaleBody {
            referral: (by_id && by_referral).then(|| click.clone()),
            click: (by_id && !by_referral).then(|| click.clone()),
            user: user.filter(|_| !self.is_orderly),
            customer: (!self.is_orderly && chance.hits(300)).then(|| format!("cust_{customer}")),
            key: match chance.between(0, 9) {
                0 => None,
                1..4 => Some(key),
                _ => Some(format!("order_of_call_{}", self.history.calls().len())),
            },
            amount: Money { minor, currency: self.currency() },
            status: chance.one_of([
                SalesStatus::Complete,
                SalesStatus::Complete,
                SalesStatus::Complete,
                SalesStatus::Complete,
                SalesStatus::Failed,
                SalesStatus::Open,
            ]),
            asked: self.asked_status(),
            is_subscription: chance.hits(200),
            dry_run: chance.hits(30),
        }))
    }

    /// Where a caller wants a commission to be.
    fn asked_status(&self) -> Option<CommissionStatus> {
        let chance = &self.scene.chance;
        let words = CommissionStatus::words();
        let asked = chance.pick(words).and_then(|word| CommissionStatus::from_word(word));
        asked.filter(|_| self.has_edits && chance.hits(150))
    }

    /// The currency of an amount.
    pub(crate) fn currency(&self) -> Currency {
        if self.has_currencies { any_currency(&self.scene.chance) } else { fixtures::program().currency }
    }

    /// A refund of a sale that somebody has asked for already, or, now and then, of one that may come.
    fn refund(&self) -> Body {
        let chance = &self.scene.chance;
        let sales: Vec<(String, Money)> = {
            let calls = self.history.calls();
            // A refund that overtakes its sale finds its gate by the sale's key: in an orderly seed nobody is so fast.
            let is_ready = |call: &Call| !self.is_orderly || call.attempts.iter().any(|attempt| attempt.told.is_some());
            let sale = |call: &Call| match &call.body {
                Body::Sale(sale) if is_ready(call) && !sale.dry_run => Some((sale.key.clone()?, sale.amount)),
                Body::Manual { key, amount, .. } if is_ready(call) => Some((key.clone()?, *amount)),
                _ => None,
            };
            calls.iter().filter_map(sale).collect()
        };
        let to_come = Money { minor: 333, currency: self.currency() };
        let to_come = (format!("order_{}_{}", chance.between(0, 2), self.customers), to_come);
        let held = self.database.about_to_be_ready(self.scene.executor.now());
        let sales = if held.is_empty() { sales } else { held };
        let known = chance.pick(&sales).filter(|_| self.is_orderly || !chance.hits(250)).cloned();
        let (sale, whole) = known.unwrap_or(to_come);
        let part = |minor| Some(Money { minor, ..whole });
        let shared = chance.hits(300);
        let number = if shared { chance.between(0, 3) as usize } else { 1_000 + self.history.calls().len() };
        Body::Refund {
            amount: chance.one_of([None, Some(whole), part(whole.minor.div_euclid(3).max(1)), part(1)]),
            key: chance.hits(700).then(|| format!("refund_{number}")),
            sale,
            may_wait: !self.is_orderly && chance.hits(600),
        }
    }

    /// A key for a quarter of the calls; rarely one that was used before.
    fn key(&self) -> Option<String> {
        if !self.scene.chance.hits(250) {
            return None;
        }
        if !self.scene.chance.hits(80) {
            self.keys.set(self.keys.get() + 1);
        }
        Some(format!("key_{}", self.keys.get()))
    }

    fn affiliate(&self) -> AffiliateId {
        let [bob, alice, ..] = everybody();
        if self.scene.chance.hits(600) { alice } else { bob }
    }

    /// Whose click it is: anybody's, or in an orderly seed its own customer's.
    fn customer_of(&self, click: &ReferralId) -> String {
        if self.is_orderly { format!("of_{click}") } else { self.any_customer() }
    }

    pub(crate) fn any_customer(&self) -> String {
        self.scene.chance.between(1, self.customers).to_string()
    }
}

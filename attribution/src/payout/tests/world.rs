//! Payouts, commissions and gates in memory; at any point something may happen.

use std::cell::{Cell, RefCell};

use super::*;
use crate::edits::EditLine;
use crate::ledger::{NotCommitted, Unavailable};
use crate::status::CommissionStatus;
use crate::time::Clock;

/// A commission, as far as payouts go.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub referral: ReferralId,
    pub minor: i64,
    pub status: CommissionStatus,
    pub payout: Option<PayoutId>,
}

/// What happens at a point.
pub enum Event<'a> {
    /// Whoever works dies there.
    Death,
    /// Somebody else does something there.
    Rival(Box<dyn Fn(&World<'a>) + 'a>),
}

#[derive(Default)]
pub struct World<'a> {
    pub payouts: RefCell<Vec<Payout>>,
    pub rows: RefCell<Vec<Row>>,
    pub lines: RefCell<Vec<(PayoutId, usize, i64)>>,
    pub told: RefCell<Vec<EditLine>>,
    pub threshold: Cell<i64>,
    /// Points that were passed.
    pub point: Cell<usize>,
    pub event: RefCell<Option<(usize, Event<'a>)>>,
}

impl<'a> World<'a> {
    /// A world with these commissions, ready, each of its own referral, and a payout that has just been begun.
    pub fn with(amounts: &[i64]) -> Self {
        let world = Self::default();
        for minor in amounts {
            let referral = ReferralId::new(format!("ref_{}", world.rows.borrow().len()));
            let row = Row { referral, minor: *minor, status: CommissionStatus::ReadyForPayment, payout: None };
            world.rows.borrow_mut().push(row);
        }
        world.payouts.borrow_mut().push(payout());
        world
    }

    /// Something will happen at this point.
    pub fn at(&self, point: usize, event: Event<'a>) {
        self.point.set(0);
        *self.event.borrow_mut() = Some((point, event));
    }

    /// One point: before and after everything that is done.
    fn pass_point(&self) -> Result<(), Unavailable> {
        let point = self.point.get();
        self.point.set(point + 1);
        let due = self.event.borrow().as_ref().is_some_and(|(at, _)| *at == point);
        if !due {
            return Ok(());
        }
        match self.event.take().map(|(_, event)| event) {
            Some(Event::Death) => Err(Unavailable("died".to_owned())),
            Some(Event::Rival(act)) => {
                act(self);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Works on the payout as far as it goes.
    pub fn work(&self, budget: usize) -> Result<(), Unavailable> {
        let mut budget = budget;
        pollster::block_on(carry_on(&payout().id, &mut budget, &by(), (self, self, self)))
    }

    pub fn the_payout(&self) -> Option<Payout> {
        self.payouts.borrow().first().cloned()
    }

    /// A person ends it.
    pub fn end(&self, status: PayoutStatus) {
        let before = pollster::block_on(self.tally(&payout().id)).unwrap().unwrap();
        let edit = PayoutEdit { status, payment_method: None, payment_reference: None };
        let after = before.payout.edited(&edit, self.now()).unwrap().unwrap();
        let line = after.line_of_edit(&before, by());
        pollster::block_on(self.save(&before, &after, &line)).unwrap();
    }

    pub fn statuses(&self) -> Vec<&'static str> {
        self.rows.borrow().iter().map(|row| row.status.as_str()).collect()
    }

    pub fn kinds(&self) -> Vec<&'static str> {
        self.told.borrow().iter().map(|line| line.kind).collect()
    }

    fn takes(row: &Row, step: &Step) -> bool {
        match step {
            Step::Gather { .. } => row.status == CommissionStatus::ReadyForPayment,
            Step::Pay { payout_id } | Step::Release { payout_id } => {
                row.status == CommissionStatus::ProcessingPayout && row.payout.as_ref() == Some(payout_id)
            }
            Step::EndHold => false,
        }
    }

    fn collected(&self, id: &PayoutId) -> (i64, i64) {
        let lines = self.lines.borrow();
        let own: Vec<i64> = lines.iter().filter(|(of, ..)| of == id).map(|(.., minor)| *minor).collect();
        (own.iter().sum(), i64::try_from(own.len()).unwrap())
    }
}

impl Clock for World<'_> {
    fn now(&self) -> Timestamp {
        new_year().plus_days(2)
    }
}

impl Payouts for World<'_> {
    async fn tally(&self, id: &PayoutId) -> Result<Option<Tally>, Unavailable> {
        self.pass_point()?;
        let found = self.payouts.borrow().iter().find(|payout| payout.id == *id).cloned();
        let (sum_minor, lines) = self.collected(id);
        let threshold_minor = self.threshold.get();
        let tally = found.map(|payout| Tally { payout, sum_minor, lines, threshold_minor });
        self.pass_point()?;
        Ok(tally)
    }

    async fn referrals(&self, _: &Payout, step: &Step, limit: usize) -> Result<Vec<ReferralId>, Unavailable> {
        self.pass_point()?;
        let rows = self.rows.borrow().clone();
        let taking = rows.iter().filter(|row| Self::takes(row, step)).map(|row| row.referral.clone());
        Ok(taking.take(limit).collect())
    }

    async fn save(&self, before: &Tally, after: &Payout, line: &EditLine) -> Result<(), NotCommitted> {
        self.pass_point().map_err(|away| NotCommitted(away.0))?;
        let collected = self.collected(&after.id);
        let is_as_before = |stored: &&mut Payout| {
            stored.id == after.id
                && stored.version == before.payout.version
                && collected == (before.sum_minor, before.lines)
        };
        let Some(stored) =
            self.payouts.borrow_mut().iter_mut().find(is_as_before).map(|stored| *stored = after.clone())
        else {
            return Err(NotCommitted("others were faster".to_owned()));
        };
        self.told.borrow_mut().push(line.clone());
        self.pass_point().map_err(|away| NotCommitted(away.0))?;
        Ok(stored)
    }

    async fn settle(&self, payout: &Payout) -> Result<bool, Unavailable> {
        self.pass_point()?;
        let is_in =
            |row: &Row| row.payout.as_ref() == Some(&payout.id) && row.status == CommissionStatus::ProcessingPayout;
        if self.rows.borrow().iter().any(is_in) {
            return Ok(false);
        }
        if payout.is_given_up() {
            self.payouts.borrow_mut().retain(|stored| stored.id != payout.id);
            self.lines.borrow_mut().retain(|(of, ..)| *of != payout.id);
        }
        for stored in self.payouts.borrow_mut().iter_mut().filter(|stored| stored.id == payout.id) {
            stored.work = stored.work.filter(|work| *work != Work::Settling);
        }
        self.pass_point()?;
        Ok(true)
    }
}

impl Gates for World<'_> {
    async fn pass(&self, payout: &Payout, referral: &ReferralId, step: &Step) -> Result<(), Unavailable> {
        self.pass_point()?;
        let is_open = self.payouts.borrow().iter().any(|stored| {
            stored.id == payout.id && stored.status == PayoutStatus::Pending && stored.work == Some(Work::Gathering)
        });
        for (number, row) in self.rows.borrow_mut().iter_mut().enumerate() {
            if row.referral != *referral || !Self::takes(row, step) {
                continue;
            }
            match step {
                // The line fails its batch.
                Step::Gather { .. } if !is_open => return Err(Unavailable("closed".to_owned())),
                Step::Gather { payout_id, .. } => {
                    row.status = CommissionStatus::ProcessingPayout;
                    row.payout = Some(payout_id.clone());
                    self.lines.borrow_mut().push((payout_id.clone(), number, row.minor));
                }
                Step::Pay { .. } => row.status = CommissionStatus::Paid,
                Step::Release { .. } | Step::EndHold => {
                    row.status = CommissionStatus::ReadyForPayment;
                    row.payout = None;
                }
            }
        }
        self.pass_point()
    }
}

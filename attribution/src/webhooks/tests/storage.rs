//! A sender's storage in memory, which loses results when it is told to.

use std::cell::{Cell, RefCell};

use crate::ledger::Unavailable;
use crate::time::Timestamp;
use crate::webhooks::{Delivery, DeliveryStatus, Figures, Progress, SenderStorage};

/// The sender's own rows, in the order in which they were recorded.
#[derive(Default)]
pub struct Rows {
    pub progress: RefCell<Progress>,
    pub deliveries: RefCell<Vec<Delivery>>,
    /// The next results are lost, as by a crash after the attempt.
    pub lost_results: Cell<u32>,
    pub is_cleared: Cell<bool>,
}

impl Rows {
    pub fn delivery(&self, number: usize) -> Delivery {
        self.deliveries.borrow()[number].clone()
    }
}

impl SenderStorage for Rows {
    fn progress(&self) -> Result<Progress, Unavailable> {
        Ok(self.progress.borrow().clone())
    }

    fn take(&self, new: &[Delivery], progress: &Progress, forget_before: Timestamp) -> Result<(), Unavailable> {
        let mut rows = self.deliveries.borrow_mut();
        rows.retain(|row| row.created_at >= forget_before);
        for delivery in new {
            if rows.iter().all(|row| row.id != delivery.id) {
                rows.push(delivery.clone());
            }
        }
        *self.progress.borrow_mut() = progress.clone();
        Ok(())
    }

    fn record(&self, delivery: &Delivery, progress: &Progress) -> Result<(), Unavailable> {
        if self.lost_results.get() > 0 {
            self.lost_results.set(self.lost_results.get() - 1);
            return Err(Unavailable("the object was reset".into()));
        }
        let mut rows = self.deliveries.borrow_mut();
        *rows.iter_mut().find(|row| row.id == delivery.id).unwrap() = delivery.clone();
        *self.progress.borrow_mut() = progress.clone();
        Ok(())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unavailable> {
        let rows = self.deliveries.borrow();
        let mut due: Vec<Delivery> =
            rows.iter().filter(|row| row.due_at.is_some_and(|at| at <= now)).cloned().collect();
        due.sort_by_key(|row| row.due_at);
        due.truncate(limit);
        Ok(due)
    }

    fn next_due_at(&self) -> Result<Option<Timestamp>, Unavailable> {
        Ok(self.deliveries.borrow().iter().filter_map(|row| row.due_at).min())
    }

    fn figures(&self) -> Result<Figures, Unavailable> {
        let rows = self.deliveries.borrow();
        let count = |status| i64::try_from(rows.iter().filter(|row| row.status == status).count()).unwrap();
        Ok(Figures {
            cursor: self.progress.borrow().cursor,
            pending: count(DeliveryStatus::Pending),
            failed: count(DeliveryStatus::Failed),
            oldest_pending_at: None,
        })
    }

    async fn clear(&self) -> Result<(), Unavailable> {
        self.deliveries.borrow_mut().clear();
        *self.progress.borrow_mut() = Progress::default();
        self.is_cleared.set(true);
        Ok(())
    }
}

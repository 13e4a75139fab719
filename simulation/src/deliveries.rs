//! A sender's storage over a simulated disk: what `worker/src/webhook_sender/storage.rs` is over the platform's SQLite.
//!
//! State: on the disk.

use std::rc::Rc;

use attribution::ledger::Unavailable;
use attribution::scheduler::Alarm;
use attribution::time::Timestamp;
use attribution::webhooks::{Delivery, DeliveryStatus, Figures, Progress, SenderStorage};

use crate::breakage::Breakage;
use crate::disk::Tables;
use crate::storage::Storage;

impl SenderStorage for Storage {
    fn progress(&self) -> Result<Progress, Unavailable> {
        Ok(self.read(|tables| tables.progress.clone()))
    }

    fn take(&self, new: &[Delivery], progress: &Progress, _forget_before: Timestamp) -> Result<(), Unavailable> {
        let new: Vec<Rc<Delivery>> = new.iter().cloned().map(Rc::new).collect();
        if self.scene().breaks(Breakage::CursorBeforeDeliveries) {
            self.write_rows(|tables| tables.progress = progress.clone());
            self.write_later(move |tables| add(tables, new));
            return Ok(());
        }
        self.write_rows(|tables| {
            add(tables, new);
            tables.progress = progress.clone();
        });
        Ok(())
    }

    fn record(&self, delivery: &Delivery, progress: &Progress) -> Result<(), Unavailable> {
        self.write_rows(|tables| {
            if let Some(row) = tables.deliveries.iter_mut().find(|row| row.id == delivery.id) {
                *row = Rc::new(delivery.clone());
            }
            tables.progress = progress.clone();
        });
        Ok(())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unavailable> {
        let mut due = self.read(|tables| {
            let due = tables.deliveries.iter().filter(|row| row.due_at.is_some_and(|at| at <= now));
            due.map(|row| (**row).clone()).collect::<Vec<_>>()
        });
        due.sort_by_key(|row| row.due_at);
        due.truncate(limit);
        Ok(due)
    }

    fn next_due_at(&self) -> Result<Option<Timestamp>, Unavailable> {
        Ok(self.read(|tables| tables.deliveries.iter().filter_map(|row| row.due_at).min()))
    }

    fn figures(&self) -> Result<Figures, Unavailable> {
        Ok(self.read(|tables| Figures {
            cursor: tables.progress.cursor,
            pending: count(tables, DeliveryStatus::Pending),
            failed: count(tables, DeliveryStatus::Failed),
            oldest_pending_at: None,
        }))
    }

    async fn clear(&self) -> Result<(), Unavailable> {
        self.write_rows(|tables| {
            tables.deliveries.clear();
            tables.progress = Progress::default();
        });
        Ok(())
    }
}

impl Alarm for Storage {
    async fn arm(&self, at: Option<Timestamp>) -> Result<(), Unavailable> {
        self.set_alarm(at.map(Timestamp::milliseconds));
        self.scene().wait(1, 5).await;
        Ok(())
    }
}

fn add(tables: &mut Tables, new: Vec<Rc<Delivery>>) {
    for delivery in new {
        if tables.deliveries.iter().all(|row| row.id != delivery.id) {
            tables.deliveries.push(delivery);
        }
    }
}

fn count(tables: &Tables, status: DeliveryStatus) -> i64 {
    let count = tables.deliveries.iter().filter(|row| row.status == status).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

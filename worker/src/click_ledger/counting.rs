//! What of a shard's clicks D1 has yet to hear of, and that it hears all of it again after a restore.

use attribution::epoch::Epoch;
use attribution::ledger::Unavailable;
use serde::{Deserialize, Serialize};

use super::storage::ShardStorage;

/// An hour, in milliseconds.
const HOUR_MILLISECONDS: i64 = 3_600_000;

/// Clicks that are not in the counts of D1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// So many.
    pub clicks: i64,
    /// When the oldest was, in milliseconds since 1970; of one that is counted here and not sent, its hour.
    pub oldest_at: Option<i64>,
}

impl Uncounted {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let oldest_at = self.oldest_at.into_iter().chain(other.oldest_at).min();
        Self { clicks: self.clicks.saturating_add(other.clicks), oldest_at }
    }
}

impl ShardStorage {
    /// Where the database was set back since this storage was last opened, all counts are to be sent again, and copies of
    /// a later configuration are forgotten. An instance of an earlier epoch, as there are while a deployment is rolled
    /// out, changes nothing.
    pub(super) fn enter(&self, epoch: Epoch) -> Result<(), Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            number: u16,
        }
        let rows: Vec<Row> = self.rows("SELECT number FROM epoch", vec![])?;
        let known = rows.first().map_or(0, |row| row.number);
        if epoch.number() <= known {
            return Ok(());
        }
        // No await between the three: one transaction.
        self.run("UPDATE click_count SET sent = 0 WHERE sent > 0", vec![])?;
        self.run("DELETE FROM configuration_copy", vec![])?;
        self.run("INSERT OR REPLACE INTO epoch (one, number) VALUES (1, ?)", vec![i64::from(epoch.number()).into()])
    }

    /// Clicks that are not in the counts of D1, as far as is known here.
    pub(super) fn uncounted(&self) -> Result<Uncounted, Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            clicks: i64,
            oldest: Option<i64>,
        }
        let unsent: Vec<Row> = self.rows(
            "SELECT COALESCE(SUM(clicks - sent), 0) AS clicks, MIN(hour) AS oldest FROM click_count WHERE sent < clicks",
            vec![],
        )?;
        let mut all = Uncounted::default();
        for Row { clicks, oldest } in unsent {
            all = all.and(Uncounted { clicks, oldest_at: oldest.map(|hour| hour * HOUR_MILLISECONDS) });
        }
        for month in self.months.borrow().iter() {
            let sql = format!(
                "SELECT COUNT(*) AS clicks, MIN(clicked_at) AS oldest FROM click_{month} \
                 WHERE position > (SELECT position FROM counted WHERE month = ?)"
            );
            let new: Vec<Row> = self.rows(&sql, vec![month.as_str().into()])?;
            for Row { clicks, oldest } in new {
                all = all.and(Uncounted { clicks, oldest_at: oldest });
            }
        }
        Ok(all)
    }
}

//! Click counts: what each shard has counted, per hour, program and affiliate.

use attribution::ledger::Unavailable;
use attribution::shard::{ClickCount, CountStore};
use worker::query;

use super::{Database, away};

impl CountStore for Database {
    /// A count only ever grows, so the larger of two is the newer one: a write that lands late, or twice, changes
    /// nothing.
    async fn store_counts(&self, shard: u16, counts: &[ClickCount]) -> Result<(), Unavailable> {
        let counts = serde_json::to_string(counts).map_err(|cause| Unavailable(cause.to_string()))?;
        let statement = query!(
            &self.0,
            "INSERT INTO click_count (program_id, affiliate_id, is_test, hour, shard, team_id, clicks) \
             SELECT value ->> 'program_id', value ->> 'affiliate_id', value ->> 'is_test', value ->> 'hour', ?1, \
               value ->> 'team_id', value ->> 'clicks' \
             FROM json_each(?2) WHERE true \
             ON CONFLICT DO UPDATE SET clicks = excluded.clicks WHERE excluded.clicks > clicks",
            i64::from(shard),
            counts
        );
        let statement = statement.map_err(|cause| away(&cause))?;
        statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
    }
}

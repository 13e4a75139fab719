//! What a referral has brought, out of its sales and commissions.

use attribution::ids::ReferralId;
use attribution::ledger::Unavailable;
use attribution::referral_stats::ReferralStats;
use attribution::sale::{Commission, RecordedSale};

use super::super::{Database, away, commission, conversion, rows};

/// Sums over one referral, as of one moment.
pub async fn of(database: &Database, id: &ReferralId) -> Result<ReferralStats, Unavailable> {
    let reads = [conversion::select_of_referral(database, id), commission::select_of_referral(database, id)];
    let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [sales, commissions] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let sales: Vec<conversion::Row> = rows(sales)?;
    let commissions: Vec<commission::Row> = rows(commissions)?;
    let sales: Vec<RecordedSale> = sales.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    let commissions: Vec<Commission> = commissions.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(ReferralStats::of(sales.iter().map(|sale| &sale.conversion), &commissions))
}

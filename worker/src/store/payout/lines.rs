//! What a payout is made of: its lines, each with its commission and its sale.

use attribution::ids::{CommissionId, ConversionId, PayoutId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::money::{Currency, Money};
use attribution::status::CommissionKind;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::query;

use crate::store::{Database, UnknownValue, word};

/// One line of a payout.
#[derive(Clone, Debug)]
pub struct Line {
    /// The commission.
    pub commission_id: CommissionId,
    /// Its referral.
    pub referral_id: ReferralId,
    /// What is paid by it; negative for what is taken back.
    pub amount: Money,
    /// When it was gathered.
    pub created_at: Timestamp,
    /// What the commission is earned for.
    pub kind: CommissionKind,
    /// 0 for the selling affiliate, 1 for who recruited them, and so on.
    pub level: u8,
    /// When the commission was made.
    pub earned_at: Timestamp,
    /// Its sale; `None` for a lead.
    pub sale: Option<LineSale>,
}

/// The sale of a line.
#[derive(Clone, Debug)]
pub struct LineSale {
    /// Its id.
    pub id: ConversionId,
    /// The key by which its caller knows it.
    pub key: Option<String>,
    /// What was paid and not paid back.
    pub remaining: Money,
}

#[derive(Deserialize)]
struct Row {
    commission_id: String,
    referral_id: String,
    amount_minor: i64,
    created_at: i64,
    kind: String,
    level: u8,
    currency: String,
    earned_at: i64,
    sale_id: Option<String>,
    sale_key: Option<String>,
    sale_minor: Option<i64>,
    sale_currency: Option<String>,
}

/// The lines of a payout as they were gathered, at most so many.
pub async fn of_payout(database: &Database, id: &PayoutId, limit: u32) -> Result<Vec<Line>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT line.commission_id, line.referral_id, line.amount_minor, line.created_at, commission.kind, \
           commission.level, commission.currency, commission.created_at AS earned_at, conversion.id AS sale_id, \
           conversion.sale_key, conversion.amount_minor - conversion.refunded_minor AS sale_minor, \
           conversion.currency AS sale_currency \
         FROM payout_line AS line JOIN commission ON commission.id = line.commission_id \
           LEFT JOIN conversion ON conversion.id = commission.conversion_id \
         WHERE line.payout_id = ?1 ORDER BY commission.created_at, line.commission_id LIMIT ?2",
        id,
        limit
    );
    let rows: Vec<Row> = database.all(statement).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

impl TryFrom<Row> for Line {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let currency = word("commission.currency", &row.currency, Currency::from_code)?;
        let sold_in =
            row.sale_currency.map(|code| word("conversion.currency", &code, Currency::from_code)).transpose()?;
        let remaining = row.sale_minor.zip(sold_in).map(|(minor, currency)| Money { minor, currency });
        let key = row.sale_key;
        let sale =
            row.sale_id.zip(remaining).map(|(id, remaining)| LineSale { id: ConversionId::new(id), key, remaining });
        Ok(Self {
            commission_id: CommissionId::new(row.commission_id),
            referral_id: ReferralId::new(row.referral_id),
            amount: Money { minor: row.amount_minor, currency },
            created_at: Timestamp::from_milliseconds(row.created_at),
            kind: word("commission.kind", &row.kind, CommissionKind::from_word)?,
            level: row.level,
            earned_at: Timestamp::from_milliseconds(row.earned_at),
            sale,
        })
    }
}

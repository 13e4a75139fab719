//! What becomes of a sale's payment: paid back, or disputed.
//!
//! Stripe tells running totals. Each step of one is a refund whose key says from where it went: whoever comes with the
//! same start finds the step that was made, and goes on behind it. So totals may come in any order and any number of
//! times, and several charges and disputes of one sale add up, never beyond the sale.

use attribution::ledger::{CommissionEdit, Rejection};
use attribution::money::{Money, pro_rata};
use attribution::sale::{Conversion, RecordedSale};
use attribution::status::CommissionStatus;
use attribution::stripe::{Dispute, DisputeTurn, Fact, PaidBack};
use attribution::time::Timestamp;

use super::desk::{Desk, Done};
use crate::funnel::{NewRefund, RefundAnswer, Refusal};
use crate::store::conversion::{self, NamedSale};

/// One charge has so many partial refunds at most.
const MAX_STEPS: u32 = 100;

/// What was paid back, by one of Stripe's objects.
struct Total<'a> {
    object: &'a str,
    /// In minor units of the sale.
    minor: i64,
    at: Timestamp,
    reason: Option<&'a String>,
}

impl Desk<'_> {
    /// So much of a charge is paid back by now: the same part of the sale is.
    pub(super) async fn pay_back(&self, fact: &Fact, paid_back: &PaidBack) -> Result<Done, Refusal> {
        let Some(sale) = self.find_sale(fact).await? else { return Ok(Done::Waits) };
        let conversion = &sale.conversion;
        let total = Total {
            object: &fact.object,
            minor: pro_rata(conversion.amount.minor, paid_back.minor, paid_back.of_minor),
            at: paid_back.at,
            reason: paid_back.reason.as_ref(),
        };
        self.reach(conversion, &total).await
    }

    /// A dispute makes what the sale earned wait; one that is lost is a refund.
    pub(super) async fn dispute(&self, fact: &Fact, dispute: &Dispute) -> Result<Done, Refusal> {
        let Some(sale) = self.find_sale(fact).await? else { return Ok(Done::Waits) };
        if dispute.turn == DisputeTurn::Open {
            self.edit(&sale, CommissionEdit::Dispute).await?;
            return Ok(Done::Applied(Vec::new()));
        }
        if dispute.turn == DisputeTurn::Lost {
            let reason = "dispute lost".to_owned();
            let minor = disputed_part(&sale.conversion, dispute.amount);
            let total = Total { object: &fact.object, minor, at: dispute.at, reason: Some(&reason) };
            if let Done::Waits = self.reach(&sale.conversion, &total).await? {
                return Ok(Done::Waits);
            }
        }
        let Some(sale) = self.find_sale(fact).await? else { return Ok(Done::Waits) };
        if sale.commission.as_ref().is_some_and(|commission| commission.status == CommissionStatus::Dispute) {
            self.edit(&sale, CommissionEdit::EndDispute).await?;
        }
        Ok(Done::Applied(Vec::new()))
    }

    async fn find_sale(&self, fact: &Fact) -> Result<Option<RecordedSale>, Refusal> {
        Ok(conversion::of_any_key(&self.funnel.database, &self.scope, &fact.sale_keys).await?)
    }

    async fn edit(&self, sale: &RecordedSale, edit: CommissionEdit) -> Result<(), Refusal> {
        let Some(commission) = &sale.commission else { return Ok(()) };
        match self.funnel.edit_commission(self.context(), commission, edit).await {
            // Its owner has removed it.
            Ok(_) | Err(Refusal::Rejected(Rejection::CommissionNotFound)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Pays the sale back up to a total of this object's.
    async fn reach(&self, sale: &Conversion, total: &Total<'_>) -> Result<Done, Refusal> {
        let mut reached = 0;
        for _ in 0..MAX_STEPS {
            if reached >= total.minor {
                return Ok(Done::Applied(Vec::new()));
            }
            let missing = Money { minor: total.minor - reached, currency: sale.amount.currency };
            let step = match self.step(sale, total, reached, Some(missing)).await {
                // Others have paid some of it back: what is left is all there is.
                Err(Refusal::Rejected(Rejection::RefundTooLarge { .. })) => self.step(sale, total, reached, None).await,
                other => other,
            };
            match step {
                Ok(Some(asked)) => reached += asked.minor,
                // All that remained, or nothing was left.
                Ok(None) => return Ok(Done::Applied(Vec::new())),
                // It was never paid, as far as its caller says.
                Err(Refusal::Rejected(Rejection::NoSuchTransition { .. })) => return Ok(Done::Waits),
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::TryLater("a charge with too many refunds".to_owned()))
    }

    /// One step from what was reached, or the one that was made from there; as much as it was to be.
    async fn step(
        &self,
        sale: &Conversion,
        total: &Total<'_>,
        reached: i64,
        amount: Option<Money>,
    ) -> Result<Option<Money>, Refusal> {
        let refund = NewRefund {
            context: self.context(),
            scope: self.scope.clone(),
            sale: sale.id.as_str().to_owned(),
            amount,
            currency: None,
            refund_key: Some(format!("stripe {} from {reached}", total.object)),
            refuses_other_body: false,
            may_wait: false,
            reason: total.reason.cloned(),
            refunded_at: Some(total.at),
        };
        let named =
            NamedSale { id: sale.id.clone(), referral_id: sale.referral_id.clone(), currency: sale.amount.currency };
        match self.funnel.record_refund(refund, Some(named)).await?.row {
            RefundAnswer::Refunded { refund, .. } => Ok(refund.and_then(|refund| refund.asked)),
            RefundAnswer::Waits(_) => Err(Refusal::TryLater("the refund of a known sale waits".to_owned())),
        }
    }
}

/// The disputed part of a sale: tax is disputed with the rest.
fn disputed_part(sale: &Conversion, disputed: Money) -> i64 {
    let paid = sale.details.metadata.as_ref().and_then(|metadata| metadata.pointer("/stripe/paid_minor"));
    let paid = paid.and_then(serde_json::Value::as_i64).unwrap_or(sale.amount.minor).max(1);
    if disputed.currency != sale.amount.currency || disputed.minor >= paid {
        return sale.amount.minor;
    }
    pro_rata(sale.amount.minor, disputed.minor, paid)
}

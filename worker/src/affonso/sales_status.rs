//! How a sale's payment goes on: `sales_status` of `PUT /v1/conversions/{id}` and `PUT /v1/commissions/{id}`. Source:
//! docs/rules.md, sections 3 and 7.
//!
//! A full refund is what `refunded` means, so it goes the way of `POST /v1/conversions/{id}/refund`.

use attribution::sale::{Conversion, RecordedSale};
use attribution::status::SalesStatus;

use super::{Problem, context};
use crate::funnel::{Funnel, NewRefund, Recorded, RefundAnswer};
use crate::http::Incoming;
use crate::input::BodyProblem;
use crate::store::api_key::ApiKey;
use crate::store::conversion::NamedSale;

/// Moves a sale on; it as it is then, with what it earns.
pub(super) async fn set(
    incoming: &Incoming,
    funnel: &Funnel,
    key: &ApiKey,
    sale: &Conversion,
    next: SalesStatus,
) -> Result<Recorded<RecordedSale>, Problem> {
    match next {
        SalesStatus::PartialRefunded => {
            let message = "needs an amount: POST /v1/conversions/{id}/refund with `amount`";
            Err(BodyProblem::of("sales_status", message).into())
        }
        // What is so already stays as it is: a sale that was recorded as paid back has nothing to refund.
        SalesStatus::Refunded if sale.sales_status != SalesStatus::Refunded => {
            pay_back(incoming, funnel, key, sale).await
        }
        next => Ok(funnel.move_sale(context(incoming, key)?, sale, next).await?),
    }
}

/// Pays all that remains back.
async fn pay_back(
    incoming: &Incoming,
    funnel: &Funnel,
    key: &ApiKey,
    sale: &Conversion,
) -> Result<Recorded<RecordedSale>, Problem> {
    let refund = NewRefund {
        context: context(incoming, key)?,
        scope: sale.scope.clone(),
        sale: sale.id.as_str().to_owned(),
        amount: None,
        currency: None,
        refund_key: None,
        refuses_other_body: true,
        may_wait: false,
        reason: None,
        refunded_at: None,
    };
    let named =
        NamedSale { id: sale.id.clone(), referral_id: sale.referral_id.clone(), currency: sale.amount.currency };
    let Recorded { row, is_new, replayed } = funnel.record_refund(refund, Some(named)).await?;
    match row {
        RefundAnswer::Refunded { sale, .. } => Ok(Recorded { row: *sale, is_new, replayed }),
        RefundAnswer::Waits(_) => Err(Problem::NotFound("Conversion")),
    }
}

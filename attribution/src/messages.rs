//! What subscribers are told: the data of webhook messages, in camelCase with upper-case statuses.
//!
//! Built by the rules as of the commit and stored in the event's line; a sender wraps them in an envelope later.
//! Source: reference of both dialects, section 1.13.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

use crate::account::Account;
use crate::coupon::Coupon;
use crate::money::{Currency, Money};
use crate::payout::Payout;
use crate::program::Affiliate;
use crate::referral::Referral;
use crate::sale::{Commission, Conversion};
use crate::status::CommissionKind;
use crate::time::Timestamp;

/// One message, without its envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `referral.lead`, `transaction.created`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// As of the commit.
    pub data: Value,
}

/// `referral.*`.
pub fn referral_message(kind: &str, referral: &Referral, affiliate: &Affiliate) -> Message {
    let email = referral.email.as_ref();
    let data = json!({
        "referralId": referral.id.as_str(),
        "affiliateId": referral.affiliate_id.as_str(),
        "affiliateProgramId": referral.scope.program_id.as_str(),
        "trackingId": affiliate.tracking_id,
        "status": referral.status.as_str().to_uppercase(),
        "email": email.and_then(|email| email.address.clone()),
        "emailMasked": email.map(|email| email.masked.clone()),
        "customerId": referral.customer_id,
        "externalUserId": referral.external_user_id,
        "createdAt": referral.created_at.to_rfc3339(),
    });
    Message { kind: kind.to_owned(), data }
}

/// `transaction.*` for a sale, refunds taken off; the commission's fields are null when it earned none.
pub fn sale_message(kind: &str, conversion: &Conversion, commission: Option<&Commission>) -> Message {
    let amount = commission.and_then(Commission::amount);
    let data = json!({
        "transactionId": conversion.id.as_str(),
        "referralId": conversion.referral_id.as_str(),
        "affiliateId": conversion.affiliate_id.as_str(),
        "affiliateProgramId": conversion.scope.program_id.as_str(),
        "saleAmount": decimal(conversion.remaining()),
        "saleCurrency": conversion.amount.currency.code(),
        "saleStatus": conversion.sales_status.as_str().to_uppercase(),
        "commissionId": commission.map(|commission| commission.id.as_str()),
        "commissionAmount": amount.map(decimal),
        "commissionCurrency": commission.map(|commission| commission.currency.code()),
        "commissionStatus": commission.map(|commission| commission.status.as_str().to_uppercase()),
        "holdPeriodDays": commission.and_then(|commission| commission.hold_days),
        "type": "COMMISSION",
        "createdAt": conversion.created_at.to_rfc3339(),
    });
    Message { kind: kind.to_owned(), data }
}

/// `transaction.*` for a sale, and for each level that it earned.
pub fn sale_messages(
    kind: &str,
    conversion: &Conversion,
    commission: Option<&Commission>,
    levels: &[Commission],
) -> Vec<Message> {
    let of_levels = levels.iter().map(|level| commission_message(kind, Some(conversion), level));
    std::iter::once(sale_message(kind, conversion, commission)).chain(of_levels).collect()
}

/// `transaction.*` for any commission. One beside the sale's own (a level's, or what takes another back) goes by its own
/// id, as a bonus.
pub fn commission_message(kind: &str, conversion: Option<&Conversion>, commission: &Commission) -> Message {
    let Some(conversion) = conversion else { return lead_commission_message(kind, commission) };
    let mut message = sale_message(kind, conversion, Some(commission));
    let is_beside = matches!(commission.kind, CommissionKind::Level | CommissionKind::Clawback);
    if let (true, Some(data)) = (is_beside, message.data.as_object_mut()) {
        data.insert("transactionId".to_owned(), commission.id.as_str().into());
        data.insert("affiliateId".to_owned(), commission.affiliate_id.as_str().into());
        data.insert("type".to_owned(), "BONUS".into());
        data.insert("level".to_owned(), commission.level.into());
    }
    message
}

/// `transaction.*` for what a lead has earned.
pub fn lead_commission_message(kind: &str, commission: &Commission) -> Message {
    let data = json!({
        "transactionId": commission.id.as_str(),
        "referralId": commission.referral_id.as_str(),
        "affiliateId": commission.affiliate_id.as_str(),
        "affiliateProgramId": commission.scope.program_id.as_str(),
        "saleAmount": null,
        "saleCurrency": null,
        "saleStatus": null,
        "commissionId": commission.id.as_str(),
        "commissionAmount": commission.amount().map(decimal),
        "commissionCurrency": commission.currency.code(),
        "commissionStatus": commission.status.as_str().to_uppercase(),
        "holdPeriodDays": commission.hold_days,
        "type": "COMMISSION",
        "createdAt": commission.created_at.to_rfc3339(),
    });
    Message { kind: kind.to_owned(), data }
}

/// `affiliate.*`.
pub fn affiliate_message(kind: &str, account: &Account) -> Message {
    let status = account.partnership.as_str().to_uppercase();
    let data = json!({
        "affiliateId": account.id.as_str(),
        "affiliateProgramId": account.program_id.as_str(),
        "name": account.name,
        "email": account.email,
        "trackingId": account.tracking_id,
        "status": status,
        "partnershipStatus": status,
        "groupId": account.group_id,
        "externalUserId": account.particulars.external_user_id,
        "source": account.source,
        "onboardingCompleted": account.particulars.onboarding_completed,
        "country": account.particulars.country_code,
        "createdAt": account.created_at.to_rfc3339(),
        "updatedAt": account.updated_at.map(Timestamp::to_rfc3339),
    });
    Message { kind: kind.to_owned(), data }
}

/// `coupon.*`.
pub fn coupon_message(kind: &str, coupon: &Coupon) -> Message {
    let data = json!({
        "couponId": coupon.id.as_str(),
        "affiliateId": coupon.affiliate_id.as_str(),
        "affiliateProgramId": coupon.program_id.as_str(),
        "code": coupon.code,
        "discountType": coupon.discount.kind(),
        "discountValue": coupon.discount.value(),
        "currency": coupon.discount.currency().map(Currency::code),
        "duration": coupon.term.duration().as_str(),
        "durationInMonths": coupon.term.months(),
        "productIds": coupon.product_ids,
        "createdAt": coupon.created_at.to_rfc3339(),
    });
    Message { kind: kind.to_owned(), data }
}

/// `payout.*`; `sum_minor` is what its lines add up to.
pub fn payout_message(kind: &str, payout: &Payout, sum_minor: i64) -> Message {
    let data = json!({
        "payoutId": payout.id.as_str(),
        "affiliateId": payout.affiliate_id.as_str(),
        "affiliateProgramId": payout.scope.program_id.as_str(),
        "invoiceNumber": payout.invoice_number,
        "amount": decimal(Money { minor: sum_minor, currency: payout.currency }),
        "currency": payout.currency.code(),
        "status": payout.status.as_str().to_uppercase(),
        "isManagedPayout": false,
        "paymentMethod": payout.payment_method,
        "paymentReference": payout.payment_reference,
        "paidAt": payout.processed_at.map(Timestamp::to_rfc3339),
        "createdAt": payout.created_at.to_rfc3339(),
        "updatedAt": payout.updated_at.to_rfc3339(),
    });
    Message { kind: kind.to_owned(), data }
}

/// An amount as a JSON number in major units, exactly as its decimal text.
pub fn decimal(money: Money) -> Value {
    money.to_decimal().parse::<Number>().map_or(Value::Null, Value::Number)
}

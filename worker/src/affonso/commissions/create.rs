//! `POST /v1/commissions`: a sale together with what it earns, as the program's owner says. Source: docs/rules.md,
//! section 9.

use attribution::ids::ReferralId;
use attribution::incentive::Purchase;
use attribution::ledger::{Context, Rejection};
use attribution::money::{Currency, Money};
use attribution::referral::Scope;
use attribution::sale::SaleDetails;
use attribution::status::{CommissionStatus, SalesStatus};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::super::{Problem, caller, program_context, scope, success, views};
use super::body::{amount, hold_days};
use crate::funnel::{Funnel, NewCommission, Recorded, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::commission::list::Entry;

#[derive(Deserialize)]
struct Body {
    referral_id: Option<String>,
    sale_amount: Option<Number>,
    sale_amount_currency: Option<String>,
    commission_amount: Option<Number>,
    commission_currency: Option<String>,
    is_subscription: Option<bool>,
    status: Option<String>,
    sales_status: Option<String>,
    payment_intent_id: Option<String>,
    hold_period_days: Option<i64>,
    created_at: Option<String>,
    metadata: Option<Map<String, Value>>,
}

/// Records a commission:
/// 1. key (401) and body (400);
/// 2. the referral's gate decides: recorded (201), no such referral (404), payment recorded before (409), no rate from the
///    sale's currency into the team's (400).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let team = funnel.program(&key.program_id).await?.currency;
    let new = check(body, team, (program_context(incoming, &key)?, scope(&key)))?;
    // An id that no shard could have given is nobody's.
    let id = input::referral_id(new.referral_id.as_str(), funnel.settings.click_shards);
    let referral_id = id.ok_or(Refusal::Rejected(Rejection::ReferralNotFound))?;
    let Recorded { row, replayed, .. } = funnel.record_commission(NewCommission { referral_id, ..new }).await?;
    let data = views::commission(&Entry::of(row.commission, row.conversion), team);
    Ok(success(201, &data).replayed(replayed))
}

fn check(body: Body, team: Currency, (context, scope): (Context, Scope)) -> Result<NewCommission, BodyProblem> {
    let mut fields = Fields::default();
    let referral_id = fields.required("referral_id", body.referral_id, MAX_TEXT);
    let (sale, commission) = amounts(
        &mut fields,
        (body.sale_amount, body.sale_amount_currency),
        (body.commission_amount, body.commission_currency),
        team,
    );
    let status = fields.word("status", body.status, CommissionStatus::words(), CommissionStatus::from_word);
    let sales_status = fields.word("sales_status", body.sales_status, SalesStatus::words(), SalesStatus::from_word);
    let hold_days = hold_days(&mut fields, body.hold_period_days);
    let occurred_at = fields.moment("created_at", body.created_at);
    let payment_intent_id = fields.text("payment_intent_id", body.payment_intent_id, MAX_TEXT);
    let kept = payment_intent_id.iter().map(|id| (views::PAYMENT_INTENT_ID.to_owned(), id.as_str().into()));
    let details = SaleDetails {
        referral_id: referral_id.clone(),
        purchase: Purchase { is_subscription: body.is_subscription.unwrap_or(false), ..Purchase::default() },
        metadata: fields.kept("metadata", body.metadata),
        extra: kept.collect(),
        ..SaleDetails::default()
    };
    let found = referral_id.zip(sale).zip(commission);
    fields.finish(found.map(|((referral_id, amount), commission)| NewCommission {
        context,
        scope,
        referral_id: ReferralId::new(referral_id),
        amount,
        sales_status: sales_status.unwrap_or(SalesStatus::Complete),
        commission,
        status: status.unwrap_or(CommissionStatus::Pending),
        hold_days,
        sale_key: payment_intent_id,
        occurred_at,
        details,
    }))
}

type Sent = (Option<Number>, Option<String>);

/// The sale's amount and the commission's, each in its currency: the team's unless sent. A commission may be in the sale's
/// too.
fn amounts(fields: &mut Fields, sale: Sent, commission: Sent, team: Currency) -> (Option<Money>, Option<Money>) {
    let mut currency = |field, sent: Option<String>| match sent.filter(|code| !code.trim().is_empty()) {
        Some(code) => fields.currency(field, Some(code)),
        None => Some(team),
    };
    let of_sale = currency("sale_amount_currency", sale.1);
    let of_commission = currency("commission_currency", commission.1);
    if let (Some(of_sale), Some(of_commission)) = (of_sale, of_commission)
        && ![team, of_sale].contains(&of_commission)
    {
        fields.refuse("commission_currency", format!("must be the team's ({team}) or the sale's ({of_sale})"));
    }
    let mut taken = |field, value: Option<Number>, currency: Option<Currency>| match value {
        Some(value) => amount(fields, field, &value, currency?),
        None => fields.missing(field),
    };
    (taken("sale_amount", sale.0, of_sale), taken("commission_amount", commission.0, of_commission))
}

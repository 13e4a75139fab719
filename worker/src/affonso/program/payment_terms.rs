//! `/v1/program/payment-terms`: what affiliates are paid and how. The commission that it shows and changes is the incentive
//! by which most sales of the default group earn: the one that pays for every plan.
//!
//! State: columns of `program`, and `incentive`, in D1. A change of the incentive is decided on what was read and written
//! only while the program's rules are still those.

mod body;

use attribution::ids::{GroupId, IncentiveId};
use attribution::incentive::{Length, Owner};
use attribution::ledger::{Pause as _, Unavailable};
use attribution::messages::decimal;
use attribution::money::Money;
use attribution::terms::Terms;
use serde_json::{Value, json};

use self::body::{Commission, Sent, duration, unit};
use crate::affonso::{CHANGE_ATTEMPTS, Problem, caller, incentives, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::platform::{RandomPause, SystemRandom, now};
use crate::store::api_key::ApiKey;
use crate::store::incentive::OwnedIncentive;
use crate::store::program_settings::payment_terms::{self, PaymentTerms, Pricing};

/// The terms.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let sent = Sent::read(incoming, currency)?;
    if sent == Sent::default() {
        return Err(nothing_sent("commission_rate").into());
    }
    if sent.commission == Commission::default() {
        payment_terms::change(&funnel.database, &key.program_id, &sent.change).await?;
    } else {
        change_with_pricing(funnel, &key, &sent).await?;
    }
    forget_program(&key.program_id);
    answer(funnel, &key).await
}

async fn change_with_pricing(funnel: &Funnel, key: &ApiKey, sent: &Sent) -> Result<(), Problem> {
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let current = payment_terms::find(&funnel.database, &key.program_id).await?;
        let before = current.incentive.as_ref().map(|incentive| &incentive.terms);
        let terms = sent.commission.terms(before, current.currency)?;
        let incentive = priced(&current, terms)?;
        let pricing = if before.is_some() { Pricing::Changed(&incentive) } else { Pricing::New(&incentive) };
        let (database, change) = (&funnel.database, &sent.change);
        match payment_terms::change_with_pricing(database, &key.team_id, &key.program_id, change, pricing).await {
            Ok(()) => return Ok(()),
            Err(cause) => lost = cause.to_string(),
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

/// The incentive with these terms: the one that there is, or a new one of the default group.
fn priced(current: &PaymentTerms, terms: Terms) -> Result<OwnedIncentive, Problem> {
    let now = now();
    if let Some(incentive) = &current.incentive {
        return Ok(OwnedIncentive { terms, updated_at: now, ..incentive.clone() });
    }
    let group: &GroupId = current.default_group.as_ref().ok_or_else(|| Problem::Conflict {
        code: "NO_DEFAULT_GROUP",
        message: "The program has no group yet: make one first".to_owned(),
    })?;
    Ok(OwnedIncentive {
        id: IncentiveId::mint(&mut SystemRandom),
        owner: Owner::Group(group.clone()),
        terms,
        created_at: now,
        updated_at: now,
        rules_version: current.rules_version,
    })
}

async fn answer(funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let terms = payment_terms::find(&funnel.database, &key.program_id).await?;
    Ok(success(200, &view(&terms)))
}

fn view(terms: &PaymentTerms) -> Value {
    let incentive = terms.incentive.as_ref().map(|incentive| &incentive.terms);
    // Where no incentive pays for every plan, a percentage of nothing is what affiliates earn.
    let (kind, rate) = match incentive {
        Some(incentive) => (incentive.reward.kind(), incentives::amount(incentive, terms.currency)),
        None => ("percentage", json!(0)),
    };
    let length = incentive.map_or(Length::CustomerLifetime, |incentive| incentive.length);
    let value = length.value().filter(|_| duration(length) == "custom");
    let threshold = Money { minor: terms.payment_threshold_minor, currency: terms.currency };
    let invoice = &terms.invoice;
    json!({
        "commission_type": kind,
        "commission_rate": rate,
        "commission_duration": duration(length),
        "commission_duration_value": value,
        "commission_duration_unit": unit(length),
        "payment_threshold": decimal(threshold),
        "payment_frequency": terms.payment_frequency,
        "cookie_lifetime": terms.cookie_window_days,
        "auto_payout": terms.auto_payout,
        "invoice_required": invoice.invoice_required,
        "invoice_company_name": invoice.invoice_company_name,
        "invoice_address": invoice.invoice_address,
        "invoice_city": invoice.invoice_city,
        "invoice_state": invoice.invoice_state,
        "invoice_postal_code": invoice.invoice_postal_code,
        "invoice_country": invoice.invoice_country,
        "invoice_vat_id": invoice.invoice_vat_id,
        "owner_first_name": invoice.owner_first_name,
        "owner_last_name": invoice.owner_last_name,
        "owner_email": invoice.owner_email,
    })
}

//! `/v1/program/restrictions`: how affiliates may promote the program; everything is allowed until it is not. No rule reads
//! it. State: `program.restrictions` in D1.

use serde_json::{Value, json};

use crate::affonso::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input;
use crate::store::api_key::ApiKey;
use crate::store::program_settings::restrictions::{self, Restrictions};

/// What is allowed.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let change = input::read::<Restrictions>(incoming)?;
    if change == Restrictions::default() {
        return Err(nothing_sent("websites").into());
    }
    restrictions::change(&funnel.database, &key.program_id, &change).await?;
    forget_program(&key.program_id);
    answer(funnel, &key).await
}

async fn answer(funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let restrictions = restrictions::find(&funnel.database, &key.program_id).await?;
    Ok(success(200, &view(&restrictions)))
}

fn view(said: &Restrictions) -> Value {
    json!({
        "websites": said.websites.unwrap_or(true),
        "social_marketing": said.social_marketing.unwrap_or(true),
        "organic_social": said.organic_social.unwrap_or(true),
        "email_marketing": said.email_marketing.unwrap_or(true),
        "paid_ads": said.paid_ads.unwrap_or(true),
        "content_marketing": said.content_marketing.unwrap_or(true),
        "coupon_sites": said.coupon_sites.unwrap_or(true),
        "review_sites": said.review_sites.unwrap_or(true),
        "incentivized_traffic": said.incentivized_traffic.unwrap_or(true),
        "trademark_bidding": said.trademark_bidding.unwrap_or(true),
    })
}

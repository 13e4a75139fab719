//! `/demo`: a small shop that loads the tracker the way a customer would, and its backend, which holds the secret key.
//!
//! Served only where the operator has set `DEMO_SECRET_KEY`, as `make dev` does. The backend makes the calls of the public
//! API with that key, like any merchant's, only without the network between; the page never sees the key.

use attribution::ids::mint;
use attribution::incentive::{PaysFor, Purchase, Reward, choose};
use attribution::ledger::Configuration as _;
use attribution::program::{Affiliate, Program};
use attribution::sale::{Commission, RecordedSale};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, Headers};

use super::{POLICY_WITH_TRACKER, page};
use crate::affonso::{self, Problem, referrals::timeline_of};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input;
use crate::platform::SystemRandom;
use crate::store;

/// What the shop sells: product and price in US dollars.
const PRODUCTS: [(&str, &str); 3] = [("starter", "19.00"), ("classic", "49.00"), ("reserve", "120.00")];

/// The demo as the operator has set it up.
pub struct Demo {
    secret_key: String,
    tracking_id: String,
}

impl Demo {
    /// `None` where there is no demo.
    pub fn of(env: &Env) -> Option<Self> {
        let text = |name: &str| env.var(name).map(|value| value.to_string()).ok().filter(|value| !value.is_empty());
        Some(Self { secret_key: text("DEMO_SECRET_KEY")?, tracking_id: text("DEMO_TRACKING_ID")? })
    }

    /// The shop.
    pub async fn html(&self, incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
        let (program, affiliate) = self.configuration(incoming, funnel).await?;
        let replaced = [
            ("{{program_id}}", program.id.as_str().to_owned()),
            ("{{program_name}}", program.name.clone()),
            ("{{tracking_id}}", affiliate.tracking_id.clone()),
            ("{{affiliate_name}}", affiliate.name.clone()),
            ("{{commission_rule}}", commission_rule(&program, &affiliate)),
        ];
        let mut html = include_str!("demo/shop.html").to_owned();
        for (name, value) in replaced {
            html = html.replace(name, &escaped(&value));
        }
        Ok(page("text/html; charset=utf-8", html, POLICY_WITH_TRACKER))
    }

    async fn configuration(&self, incoming: &Incoming, funnel: &Funnel) -> Result<(Program, Affiliate), Problem> {
        let key = affonso::caller(&self.call(incoming, "GET", &Value::Null)?, funnel).await?;
        let program = funnel.program(&key.program_id).await?;
        let affiliate = funnel.configuration().affiliate_of_program(&self.tracking_id, &program.id).await?;
        Ok((program, affiliate.ok_or(Problem::NotFound("Affiliate"))?))
    }

    /// A call of the public API, as the shop's backend makes it.
    fn call(&self, incoming: &Incoming, method: &str, body: &Value) -> Result<Incoming, Problem> {
        let headers = Headers::new();
        let set = headers.set("authorization", &format!("Bearer {}", self.secret_key));
        set.map_err(|_| Problem::NotFound("Demo"))?;
        Ok(Incoming {
            method: method.to_owned(),
            url: incoming.url.clone(),
            headers,
            body: Ok(body.to_string().into_bytes()),
            country: None,
            request_id: incoming.request_id.clone(),
        })
    }

    /// `POST /demo/backend/purchase`: the shop has been paid, and reports the sale to the ledger.
    pub async fn purchase(&self, incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
        #[derive(Deserialize)]
        struct Body {
            product: String,
            customer_key: String,
            order_id: String,
        }
        let body = input::read::<Body>(incoming)?;
        let price = PRODUCTS.iter().find(|(product, _)| *product == body.product).map(|(_, price)| *price);
        let price = price.ok_or(Problem::NotFound("Product"))?;
        let sale = json!({
            "external_user_id": body.customer_key,
            "click_id": click_cookie(incoming),
            "sale_amount": price.parse::<serde_json::Number>().ok(),
            "sale_amount_currency": "USD",
            "product_ids": [body.product],
            "external_event_id": body.order_id,
        });
        let call = self.call(incoming, "POST", &sale)?;
        let answer = match affonso::conversions::create(&call, funnel).await {
            Ok(answer) => answer.body_json(),
            Err(problem) => {
                let answer = problem.answer();
                if answer.status != 404 {
                    return Ok(answer);
                }
                return Ok(Answer::json(200, &organic(&body.order_id, price)));
            }
        };
        let conversion = answer.get("data").cloned().unwrap_or_default();
        let credited = conversion.get("commission_amount").is_some_and(|amount| !amount.is_null());
        let message = conversion.pointer("/decision/explanation").cloned();
        let answer =
            json!({ "order_id": body.order_id, "credited": credited, "conversion": conversion, "message": message });
        Ok(Answer::json(200, &answer))
    }

    /// `GET /demo/backend/ledger`: what the ledger has recorded of this visitor, and why.
    pub async fn ledger(&self, incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
        let key = affonso::caller(&self.call(incoming, "GET", &Value::Null)?, funnel).await?;
        let click_id = incoming.parameter("click_id").unwrap_or_default();
        let click_id = input::referral_id(&click_id, funnel.settings.click_shards);
        let click = match &click_id {
            Some(id) => funnel.find_click(id).await?.filter(|click| click.scope.team_id == key.team_id),
            None => None,
        };
        let id = match (incoming.parameter("customer_key"), click_id) {
            (Some(customer), click_id) => {
                funnel.find_customer(&key.program_id, key.is_test, &customer).await?.or(click_id)
            }
            (None, click_id) => click_id,
        };
        let referral = match &id {
            Some(id) => store::referral::find(&funnel.database, id).await?,
            None => None,
        };
        let referral = referral.filter(|referral| referral.scope.team_id == key.team_id);
        let (mut timeline, mut sales) = (json!([]), Vec::new());
        if let Some(referral) = &referral {
            timeline = timeline_of(funnel, &referral.id).await?;
            sales = store::conversion::of_referral(&funnel.database, &referral.id).await?;
        }
        let affiliate_id = referral.as_ref().map(|referral| &referral.affiliate_id);
        let affiliate_id = affiliate_id.or(click.as_ref().map(|click| &click.affiliate_id));
        let affiliate_name = match affiliate_id {
            Some(id) => funnel.configuration().affiliate(id, false).await?.map(|affiliate| affiliate.name),
            None => None,
        };
        let body = json!({
            "click": click.map(|click| json!({
                "id": click.id.as_str(), "created_at": click.clicked_at.to_rfc3339(),
                "tracking_id": click.tracking_id, "affiliate_name": affiliate_name,
            })),
            "referral": referral.map(|referral| json!({
                "id": referral.id.as_str(), "status": referral.status.as_str(),
                "affiliate_id": referral.affiliate_id.as_str(), "affiliate_name": affiliate_name,
                "email": referral.email.map(|email| email.masked), "created_at": referral.created_at.to_rfc3339(),
            })),
            "timeline": timeline,
            "sales": sales.iter().map(sale).collect::<Vec<_>>(),
        });
        Ok(Answer::json(200, &body))
    }
}

/// The shop's style.
pub fn css() -> Answer {
    page("text/css; charset=utf-8", include_str!("demo/shop.css"), POLICY_WITH_TRACKER)
}

/// The shop's script.
pub fn script() -> Answer {
    page("text/javascript; charset=utf-8", include_str!("demo/shop.js"), POLICY_WITH_TRACKER)
}

/// `POST /demo/backend/account`: the shop's own sign-up, which gives the customer an id.
pub fn account(incoming: &Incoming) -> Result<Answer, Problem> {
    #[derive(Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "a shop would keep it; this one only checks that it was sent")]
        email: String,
    }
    input::read::<Body>(incoming)?;
    Ok(Answer::json(200, &json!({ "user_id": mint("usr", &mut SystemRandom) })))
}

/// The click that the tracker has left in the visitor's cookie.
fn click_cookie(incoming: &Incoming) -> Option<String> {
    let cookies = incoming.header("cookie")?;
    let found = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("affitor_click_id="))?;
    Some(found.to_owned())
}

fn organic(order_id: &str, price: &str) -> Value {
    json!({
        "order_id": order_id,
        "credited": false,
        "conversion": null,
        "message": format!("Sold for {price} USD. This customer came through no affiliate, so nobody is credited."),
    })
}

fn sale(sale: &RecordedSale) -> Value {
    let RecordedSale { conversion, commission, .. } = sale;
    let commission = commission.as_ref();
    json!({
        "id": conversion.id.as_str(),
        "created_at": conversion.created_at.to_rfc3339(),
        "amount": conversion.amount.to_fixed(),
        "currency": conversion.amount.currency.code(),
        "commission_amount": commission.and_then(Commission::amount).map(attribution::money::Money::to_fixed),
        "commission_currency": commission.map(|commission| commission.currency.code()),
        "commission_status": commission.map(|commission| commission.status.as_str()),
        "reason": conversion.decision.reason.as_str(),
        "explanation": conversion.decision.reason.explanation(),
    })
}

/// What a one-time purchase earns this affiliate, in words.
fn commission_rule(program: &Program, affiliate: &Affiliate) -> String {
    match choose(&program.incentives, affiliate, PaysFor::Sale, &Purchase::default()).map(|incentive| incentive.reward)
    {
        Some(Reward::Percentage(rate)) => format!("{} % of every sale", rate.to_percent()),
        Some(Reward::Fixed(minor)) => {
            let amount = attribution::money::Money { minor, currency: program.currency };
            format!("{amount} for every sale")
        }
        None => "nothing for one-time purchases".to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

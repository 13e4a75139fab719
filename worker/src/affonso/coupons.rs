//! `/v1/coupons`: codes by which customers pay less, each an affiliate's. Fields as published, `currency` among them. No
//! payment provider is told of them, so the provider's fields are null.
//!
//! State: rows of `coupon` in D1. A code is one coupon's in its program, in whichever case it is typed.

use attribution::account::Account;
use attribution::coupon::{Coupon, Discount, Term, coupon_code};
use attribution::ids::{AffiliateId, CouponId, ProgramId};
use attribution::ledger::{Pause as _, Unavailable};
use attribution::limits::MAX_COUPON_CODE;
use attribution::limits::MAX_LENGTH;
use attribution::money::Currency;
use attribution::status::CouponDuration;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::lists::{Parameters, page_of};
use super::{CHANGE_ATTEMPTS, Problem, affiliates, caller, editor, live_caller, success};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::{RandomPause, SystemRandom, now};
use crate::store::account;
use crate::store::api_key::ApiKey;
use crate::store::coupon::{self, Filter, SortedBy};
use crate::store::page::{Page, Sort};
use crate::webhook_sender;

/// What such an object is called in a 404.
const KIND: &str = "Coupon";

const SORTS: [(&str, SortedBy); 2] = [("created_at", SortedBy::CreatedAt), ("code", SortedBy::Code)];

const NEWEST_FIRST: Sort<SortedBy> = Sort { by: SortedBy::CreatedAt, descending: true };

/// What can be shown with a coupon: whose it is.
const EXPANSIONS: [(&str, Expansion); 1] = [("affiliate", Expansion::Affiliate)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expansion {
    Affiliate,
}

#[derive(Deserialize)]
struct Body {
    affiliate_id: Option<String>,
    code: Option<String>,
    discount_type: Option<String>,
    discount_value: Option<Number>,
    duration: Option<String>,
    duration_in_months: Option<i64>,
    currency: Option<String>,
    product_ids: Option<Vec<String>>,
}

/// What a good body says.
struct Checked {
    affiliate_id: AffiliateId,
    code: String,
    discount: Discount,
    term: Term,
    product_ids: Vec<String>,
}

/// The program's coupons.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let (filter, page, sort, expansions) = check_list(incoming)?;
    let (coupons, total) = coupon::list(&funnel.database, &key.program_id, &filter, page, sort).await?;
    let shown = of_all(funnel, &key, &coupons, &expansions).await?;
    Ok(page_of(&shown, page, total))
}

fn check_list(incoming: &Incoming) -> Result<(Filter, Page, Sort<SortedBy>, Vec<Expansion>), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let filter = Filter {
        affiliate_id: parameters.text("affiliate_id").map(AffiliateId::new),
        program_id: parameters.text("program_id").map(ProgramId::new),
        search: parameters.search(),
    };
    let page = parameters.page();
    let sort = parameters.sort(&SORTS, NEWEST_FIRST);
    let expansions = parameters.expand(&EXPANSIONS);
    parameters.finish((filter, page, sort, expansions))
}

/// One coupon of the program (404 for anybody else's).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let expansions = parameters.expand(&EXPANSIONS);
    let expansions = parameters.finish(expansions)?;
    let coupon = find(funnel, &key, id).await?;
    let shown = of_all(funnel, &key, std::slice::from_ref(&coupon), &expansions).await?;
    Ok(success(200, &shown.into_iter().next().unwrap_or_default()))
}

/// Makes a coupon: key (401; 403 for a test key), body (400), its affiliate (404), its code (409).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let Checked { affiliate_id, code, discount, term, product_ids } = check(body, currency)?;
    let made = Coupon {
        id: CouponId::mint(&mut SystemRandom),
        team_id: key.team_id.clone(),
        program_id: key.program_id.clone(),
        affiliate_id,
        code,
        discount,
        term,
        product_ids,
        created_at: now(),
        updated_at: None,
    };
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        if account::find(&funnel.database, &key.program_id, &made.affiliate_id).await?.is_none() {
            return Err(Problem::NoSuch { kind: affiliates::KIND, field: "affiliate_id" });
        }
        if coupon::is_code_taken(&funnel.database, &made).await? {
            let message = "A coupon with this code already exists in the program".to_owned();
            return Err(Problem::Duplicate { field: "code", message });
        }
        match coupon::insert(&funnel.database, &made, &made.made(editor(incoming, &key))).await {
            Ok(()) => return Ok(made_known(&made)),
            Err(cause) => lost = cause.to_string(),
        }
        // Perhaps only the answer was lost.
        if coupon::find(&funnel.database, &key.program_id, &made.id).await?.is_some() {
            return Ok(made_known(&made));
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

fn made_known(made: &Coupon) -> Answer {
    webhook_sender::note(&made.program_id);
    success(201, &view(made))
}

/// Removes a coupon. Its code may be given again.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let found = find(funnel, &key, id).await?;
    if !coupon::delete(&funnel.database, &found, &found.removed(editor(incoming, &key))).await? {
        return Err(Problem::NotFound(KIND));
    }
    Ok(Answer::json(200, &json!({ "success": true, "message": "Coupon deleted successfully" })))
}

fn check(body: Body, team_currency: Currency) -> Result<Checked, BodyProblem> {
    let mut fields = Fields::default();
    let affiliate_id = fields.required("affiliate_id", body.affiliate_id.clone(), MAX_TEXT).map(AffiliateId::new);
    let code = fields.required("code", body.code.clone(), MAX_TEXT);
    let code = code.and_then(|text| {
        let code = coupon_code(&text);
        if code.is_none() {
            fields.refuse("code", format!("must be 1 to {MAX_COUPON_CODE} letters, digits and hyphens"));
        }
        code
    });
    let discount = discount(&mut fields, &body, team_currency);
    let term = term(&mut fields, &body);
    let product_ids = fields.texts("product_ids", body.product_ids);
    let checked =
        (|| Some(Checked { affiliate_id: affiliate_id?, code: code?, discount: discount?, term: term?, product_ids }))(
        );
    fields.finish(checked)
}

fn discount(fields: &mut Fields, body: &Body, team_currency: Currency) -> Option<Discount> {
    let kind = fields.required("discount_type", body.discount_type.clone(), MAX_TEXT);
    let kind = kind.map(|kind| kind.to_ascii_lowercase());
    let words = ["percentage", "fixed"];
    let is_percentage = fields.word("discount_type", kind, &words, |word| match word {
        "percentage" => Some(true),
        "fixed" => Some(false),
        _ => None,
    });
    let currency = fields.currency("currency", body.currency.clone()).unwrap_or(team_currency);
    let Some(value) = &body.discount_value else {
        fields.refuse("discount_value", "is required and must be a positive number");
        return None;
    };
    if is_percentage? {
        fields.percentage("discount_value", value).map(Discount::Percentage)
    } else {
        fields.positive_amount("discount_value", Some(value), currency).map(Discount::Fixed)
    }
}

fn term(fields: &mut Fields, body: &Body) -> Option<Term> {
    let duration = fields.required("duration", body.duration.clone(), MAX_TEXT);
    let duration = duration.map(|duration| duration.to_ascii_lowercase());
    let duration = fields.word("duration", duration, CouponDuration::words(), CouponDuration::from_word)?;
    match (duration, body.duration_in_months) {
        (CouponDuration::Forever, None) => Some(Term::Forever),
        (CouponDuration::Once, None) => Some(Term::Once),
        (CouponDuration::Repeating, Some(months)) => {
            fields.whole("duration_in_months", months, 1..=MAX_LENGTH).map(Term::Repeating)
        }
        (CouponDuration::Repeating, None) => {
            fields.refuse("duration_in_months", "is required with duration repeating");
            None
        }
        (CouponDuration::Forever | CouponDuration::Once, Some(_)) => {
            fields.refuse("duration_in_months", "is only for duration repeating");
            None
        }
    }
}

async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Coupon, Problem> {
    let coupon = coupon::find(&funnel.database, &key.program_id, &CouponId::new(id)).await?;
    coupon.ok_or(Problem::NotFound(KIND))
}

/// Coupons of one program, with their affiliates where that is wanted: null for one who was deleted.
async fn of_all(
    funnel: &Funnel,
    key: &ApiKey,
    coupons: &[Coupon],
    expansions: &[Expansion],
) -> Result<Vec<Value>, Unavailable> {
    if !expansions.contains(&Expansion::Affiliate) {
        return Ok(coupons.iter().map(view).collect());
    }
    let ids: Vec<&AffiliateId> = coupons.iter().map(|coupon| &coupon.affiliate_id).collect();
    let accounts = account::find_all(&funnel.database, &key.program_id, &ids).await?;
    Ok(coupons.iter().map(|coupon| with_affiliate(coupon, &accounts)).collect())
}

fn with_affiliate(coupon: &Coupon, accounts: &[Account]) -> Value {
    let mut shown = view(coupon);
    let affiliate = accounts.iter().find(|account| account.id == coupon.affiliate_id).map(affiliates::affiliate);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("affiliate".to_owned(), affiliate.unwrap_or_default());
    }
    shown
}

fn view(coupon: &Coupon) -> Value {
    json!({
        "id": coupon.id,
        "affiliate_id": coupon.affiliate_id,
        "program_id": coupon.program_id,
        "code": coupon.code,
        "discount_type": coupon.discount.kind(),
        "discount_value": coupon.discount.value(),
        "currency": coupon.discount.currency().map(Currency::code),
        "duration": coupon.term.duration().as_str(),
        "duration_in_months": coupon.term.months(),
        "product_ids": coupon.product_ids,
        "provider": null,
        "provider_coupon_id": null,
        "provider_promo_code_id": null,
        "created_at": coupon.created_at.to_rfc3339(),
        "updated_at": coupon.updated_at.map(Timestamp::to_rfc3339),
    })
}

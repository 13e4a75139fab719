//! `--apply`: what is missing is reported to the ledger as any backend would, under the invoice's id.
//!
//! An export has no products: there each is tried first (`dry_run`), and a sale that an incentive for some products might
//! price is left to its owner rather than credited by the wrong one. Stripe's API has them.

use std::fmt;

use serde_json::{Value, json};

use super::super::{list, rows, text};
use super::invoices::{Invoice, number};
use crate::api::{Api, Call};
use crate::output::progress;
use crate::problem::Problem;

/// What came of a missing invoice.
#[derive(Debug)]
pub struct Applied {
    invoice: Invoice,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// Recorded; what it earns and why.
    Recorded { conversion: String, commission: Option<String>, reason: String },
    /// Kept as a sale of nobody's.
    Nobodys(String),
    /// Refused: what was wrong with it.
    Refused(String),
    /// An incentive may depend on what was bought, which the export does not say.
    NeedsProducts(String),
}

impl Applied {
    /// Whether the ledger knows of it now.
    pub fn is_done(&self) -> bool {
        !matches!(self.outcome, Outcome::NeedsProducts(_) | Outcome::Refused(_))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let (outcome, conversion, commission, reason) = match &self.outcome {
            Outcome::Recorded { conversion, commission, reason } => {
                ("recorded", Some(conversion), commission.as_ref(), reason)
            }
            Outcome::Nobodys(reason) => ("unattributed", None, None, reason),
            Outcome::Refused(reason) => ("refused", None, None, reason),
            Outcome::NeedsProducts(reason) => ("left_alone", None, None, reason),
        };
        json!({
            "invoice": self.invoice.id, "outcome": outcome, "conversion_id": conversion, "commission": commission,
            "reason": reason,
        })
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invoice = &self.invoice;
        match &self.outcome {
            Outcome::Recorded { commission: Some(commission), .. } => {
                write!(f, "credited   {invoice}  earns {commission}")
            }
            Outcome::Recorded { commission: None, reason, .. } => {
                write!(f, "recorded   {invoice}  earns nothing: {reason}")
            }
            Outcome::Nobodys(reason) => write!(f, "nobody's   {invoice}  {reason}"),
            Outcome::Refused(reason) => write!(f, "refused    {invoice}  {reason}"),
            Outcome::NeedsProducts(because) => {
                write!(f, "left alone {invoice}  {because}; STRIPE_API_KEY lets Stripe say what was bought")
            }
        }
    }
}

/// Reports them, one after the other. A run that was interrupted is simply repeated.
pub fn credit(api: &Api, missing: &[Invoice]) -> Result<Vec<Applied>, Problem> {
    let counter = progress(u64::try_from(missing.len()).ok(), "invoices");
    let mut applied = Vec::new();
    for invoice in missing {
        let outcome = credit_one(api, invoice)?;
        applied.push(Applied { invoice: invoice.clone(), outcome });
        counter.inc(1);
    }
    counter.finish_and_clear();
    Ok(applied)
}

fn credit_one(api: &Api, invoice: &Invoice) -> Result<Outcome, Problem> {
    let mut body = body(api, invoice)?;
    if invoice.purchase.is_some() {
        return report(api, &body);
    }
    if let Some(fields) = body.as_object_mut() {
        fields.insert("dry_run".to_owned(), true.into());
    }
    let tried = match post(api, &body) {
        Err(Problem::Refused { status: 404, .. }) => Value::Null,
        Err(Problem::Refused { status: 400, message, .. }) => return Ok(Outcome::Refused(message)),
        tried => tried?,
    };
    if let Some(because) = needs_products(&tried) {
        return Ok(Outcome::NeedsProducts(because));
    }
    if let Some(fields) = body.as_object_mut() {
        fields.remove("dry_run");
    }
    report(api, &body)
}

fn report(api: &Api, body: &Value) -> Result<Outcome, Problem> {
    match post(api, body) {
        Err(Problem::Refused { status: 404, message, .. }) => Ok(Outcome::Nobodys(message)),
        Err(Problem::Refused { status: 400, message, .. }) => Ok(Outcome::Refused(message)),
        answer => Ok(recorded(&answer?)),
    }
}

fn post(api: &Api, body: &Value) -> Result<Value, Problem> {
    api.call(&Call { body: Some(body), ..Call::to("POST", &["v1", "conversions"]) })
}

fn recorded(answer: &Value) -> Outcome {
    let commission = answer.pointer("/data/commission_amount").filter(|amount| amount.is_number());
    Outcome::Recorded {
        conversion: text(answer, "/data/id").to_owned(),
        commission: commission.map(|amount| format!("{amount} {}", text(answer, "/data/commission_currency"))),
        reason: text(answer, "/data/reason").to_owned(),
    }
}

/// The sale as a backend would report it. The address names nobody there, so its referral is looked for first, where
/// nothing else does.
fn body(api: &Api, invoice: &Invoice) -> Result<Value, Problem> {
    let mut body = json!({
        "external_event_id": invoice.id,
        "sale_amount": number(invoice.paid),
        "sale_amount_currency": invoice.paid.currency.code(),
        "created_at": invoice.at.to_rfc3339(),
        "is_subscription": invoice.is_subscription,
        "metadata": { "reconciled": true },
    });
    let names = [("click_id", &invoice.click), ("external_user_id", &invoice.user), ("customer_id", &invoice.customer)];
    let Some(fields) = body.as_object_mut() else { return Ok(body) };
    if let Some(purchase) = &invoice.purchase {
        fields.insert("product_ids".to_owned(), json!(purchase.product_ids));
        fields.insert("price_ids".to_owned(), json!(purchase.price_ids));
        fields.extend(purchase.interval.map(|interval| ("interval".to_owned(), interval.as_str().into())));
    }
    let by_address = match (&invoice.click, &invoice.user, &invoice.email) {
        (None, None, Some(email)) => referral(api, invoice.customer.as_deref(), email)?,
        _ => None,
    };
    if let Some(id) = by_address {
        fields.insert("referral_id".to_owned(), id.into());
        return Ok(body);
    }
    for (name, value) in names {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    Ok(body)
}

/// The referral of the provider's customer, else of the address.
fn referral(api: &Api, customer: Option<&str>, email: &str) -> Result<Option<String>, Problem> {
    let named = [customer.map(|id| ("customer_id", id)), Some(("email", email))];
    for query in named.into_iter().flatten() {
        let found = rows(api.get(&["v1", "referrals"], &[query])?);
        if let Some(row) = found.first() {
            return Ok(Some(text(row, "/id").to_owned()));
        }
    }
    Ok(None)
}

/// An incentive that did not cover the purchase as far as it is known.
fn needs_products(tried: &Value) -> Option<String> {
    let because = |rule: &Value| text(rule, "/because").to_owned();
    let considered = list(tried, "/data/considered").iter().filter(|rule| text(rule, "/rule") == "incentive");
    considered.map(because).find(|because| because.ends_with("does not cover the purchase"))
}

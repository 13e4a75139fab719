//! `PUT /v1/commissions/{id}`: corrects a commission, or says how the payment of its sale goes on. Source: docs/rules.md,
//! sections 3 and 7.
//!
//! These are two commands, and nothing must be half done: a new `sales_status` is sent alone; the one that the sale has
//! may stand beside anything.

use attribution::ledger::CommissionEdit;
use attribution::money::{Currency, Money};
use attribution::sale::{Commission, Conversion};
use attribution::status::{CommissionKind, CommissionStatus, SalesStatus};
use serde::Deserialize;
use serde_json::Number;

use super::super::{Problem, caller, context, nothing_sent, sales_status, success, views};
use super::body::{amount, hold_days};
use super::find;
use crate::funnel::{Funnel, Recorded};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields};
use crate::store::commission::list::Entry;

#[derive(Deserialize)]
struct Body {
    status: Option<String>,
    sales_status: Option<String>,
    hold_period_days: Option<i64>,
    sale_amount: Option<Number>,
    sale_amount_currency: Option<String>,
    commission_amount: Option<Number>,
    commission_currency: Option<String>,
}

/// What a good body asks for; one of the two at least.
struct Asked {
    /// The payment of the sale goes on.
    payment: Option<SalesStatus>,
    /// The commission is corrected.
    correction: Option<Correction>,
}

struct Correction {
    status: Option<CommissionStatus>,
    hold_days: Option<u32>,
    sale_amount: Option<Number>,
    sale_currency: Option<Currency>,
    amount: Option<Money>,
}

/// Changes what is sent:
/// 1. key (401) and body (400), the commission or the sale by its id (404);
/// 2. the gate of its referral decides: changed or so already (200), not from where it is (409).
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let team = funnel.program(&key.program_id).await?.currency;
    let asked = check(body, team)?;
    let entry = find(funnel, &key, id).await?;
    let Asked { payment, correction } = asked;
    let is_so_already = |next: &SalesStatus| entry.sale().is_some_and(|sale| sale.sales_status == *next);
    let payment = payment.filter(|next| correction.is_none() || !is_so_already(next));
    let Recorded { row: entry, replayed, .. } = match (payment, correction) {
        (Some(_), Some(_)) => {
            let message = "is sent alone: what it changes may decide what else can be changed";
            return Err(BodyProblem::of("sales_status", message).into());
        }
        (None, None) => return Err(nothing_sent("status").into()),
        (Some(next), None) => {
            let Some(sale) = entry.sale() else {
                return Err(BodyProblem::of("sales_status", "a lead's commission has no sale").into());
            };
            let Recorded { row, is_new, replayed } = sales_status::set(incoming, funnel, &key, sale, next).await?;
            Recorded { row: entry.after(row), is_new, replayed }
        }
        (None, Some(correction)) => {
            let Entry::Earned(commission, sale) = &entry else {
                let message = "the sale has no commission, so only sales_status can be sent";
                return Err(BodyProblem::of(correction.first_field(), message).into());
            };
            let edit = correction.of(commission, sale.as_deref())?;
            let edited = funnel.edit_commission(context(incoming, &key)?, commission, edit).await?;
            let Recorded { row: (commission, sale), is_new, replayed } = edited;
            Recorded { row: Entry::Earned(Box::new(commission), sale.map(Box::new)), is_new, replayed }
        }
    };
    Ok(success(200, &views::commission(&entry, team)).replayed(replayed))
}

fn check(body: Body, team: Currency) -> Result<Asked, BodyProblem> {
    let mut fields = Fields::default();
    let status = fields.word("status", body.status, CommissionStatus::words(), CommissionStatus::from_word);
    let payment = fields.word("sales_status", body.sales_status, SalesStatus::words(), SalesStatus::from_word);
    let hold_days = hold_days(&mut fields, body.hold_period_days);
    let sale_currency = fields.currency("sale_amount_currency", body.sale_amount_currency);
    if sale_currency.is_some() && body.sale_amount.is_none() {
        fields.refuse("sale_amount_currency", "is only sent together with sale_amount");
    }
    let currency = fields.currency("commission_currency", body.commission_currency);
    if currency.is_some_and(|currency| currency != team) {
        fields.refuse("commission_currency", format!("must be the team's: {team}"));
    }
    let amount = body.commission_amount.and_then(|value| amount(&mut fields, "commission_amount", &value, team));
    let correction = Correction { status, hold_days, sale_amount: body.sale_amount, sale_currency, amount };
    let is_correction = correction.is_any();
    let correction = is_correction.then_some(correction);
    let asked = (payment.is_some() || is_correction).then_some(Asked { payment, correction });
    let is_clean = fields.is_clean();
    fields.finish(asked).map_err(|problem| if is_clean { nothing_sent("status") } else { problem })
}

impl Correction {
    fn is_any(&self) -> bool {
        let Self { status, hold_days, sale_amount, amount, .. } = self;
        status.is_some() || hold_days.is_some() || sale_amount.is_some() || amount.is_some()
    }

    /// The name of a field that it has.
    fn first_field(&self) -> &'static str {
        let fields = [
            ("status", self.status.is_some()),
            ("hold_period_days", self.hold_days.is_some()),
            ("sale_amount", self.sale_amount.is_some()),
        ];
        fields.into_iter().find(|(_, is_sent)| *is_sent).map_or("commission_amount", |(field, _)| field)
    }

    /// The command's words for it. A sale's amount is in the sale's currency unless another is sent.
    fn of(self, commission: &Commission, sale: Option<&Conversion>) -> Result<CommissionEdit, BodyProblem> {
        let mut fields = Fields::default();
        let sale_amount = self.sale_amount.and_then(|value| {
            if !matches!(commission.kind, CommissionKind::Sale | CommissionKind::Manual) {
                fields.refuse("sale_amount", "is changed through the sale's own commission");
            }
            let currency = self.sale_currency.or(sale.map(|sale| sale.amount.currency))?;
            amount(&mut fields, "sale_amount", &value, currency)
        });
        fields.finish(Some(CommissionEdit::Change {
            status: self.status,
            hold_days: self.hold_days,
            amount: self.amount,
            sale_amount,
        }))
    }
}

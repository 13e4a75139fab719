//! What affiliates are paid and how: `GET` and `PATCH /v1/program/payment-terms`.
//!
//! State: columns of `program`, and the incentive by which most sales of the default group earn. Where that is changed
//! too, everything is written only while the rules version is still the one that was read.

use attribution::edits::Edit;
use attribution::ids::{GroupId, ProgramId, TeamId};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::limits::MAX_INCENTIVES;
use attribution::money::Currency;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update};
use crate::store::incentive::{self, OwnedIncentive};
use crate::store::{Database, UnknownValue, away, json, rows, rules_version, word};

/// What affiliates are paid and how.
#[derive(Clone, Debug)]
pub struct PaymentTerms {
    /// The team's currency.
    pub currency: Currency,
    /// Nothing less is paid out, in minor units of the team's currency.
    pub payment_threshold_minor: i64,
    /// `monthly`, `biweekly` or `weekly`.
    pub payment_frequency: String,
    /// The life of the visitor's cookie.
    pub cookie_window_days: u32,
    /// Whether payouts are made without a person.
    pub auto_payout: bool,
    /// What stands on invoices.
    pub invoice: Billing,
    /// The default group.
    pub default_group: Option<GroupId>,
    /// By which most sales of its affiliates earn.
    pub incentive: Option<OwnedIncentive>,
    /// The rules version of all of this.
    pub rules_version: i64,
}

/// What stands on invoices, as it is stored; what was never set is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Billing {
    pub invoice_required: bool,
    pub invoice_company_name: Option<String>,
    pub invoice_address: Option<String>,
    pub invoice_city: Option<String>,
    pub invoice_state: Option<String>,
    pub invoice_postal_code: Option<String>,
    pub invoice_country: Option<String>,
    pub invoice_vat_id: Option<String>,
    pub owner_first_name: Option<String>,
    pub owner_last_name: Option<String>,
    pub owner_email: Option<String>,
}

/// What is changed of it; absent: not changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In minor units of the team's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_threshold_minor: Option<i64>,
    /// `monthly`, `biweekly` or `weekly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_frequency: Option<&'static str>,
    /// The life of the visitor's cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_window_days: Option<u32>,
    /// Whether payouts are made without a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_payout: Option<bool>,
    /// What stands on invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<BillingChange>,
}

/// What is changed of what stands on invoices; null: cleared.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BillingChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_required: Option<bool>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_company_name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_address: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_city: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_state: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_postal_code: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_country: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub invoice_vat_id: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub owner_first_name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub owner_last_name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub owner_email: Edit<String>,
}

/// What is to become of the incentive.
pub enum Pricing<'a> {
    /// There is none yet: this one is made.
    New(&'a OwnedIncentive),
    /// It has other terms.
    Changed(&'a OwnedIncentive),
}

#[derive(Deserialize)]
struct Row {
    currency: String,
    payment_threshold_minor: i64,
    payment_frequency: String,
    cookie_window_days: u32,
    auto_payout: i64,
    invoice: String,
    default_group: Option<String>,
    rules_version: i64,
}

/// The terms of the program with this id, which a key names, all of them read at one moment.
pub async fn find(database: &Database, program: &ProgramId) -> Result<PaymentTerms, Unavailable> {
    let statements = [
        query!(
            &database.0,
            "SELECT team.currency, program.payment_threshold_minor, program.payment_frequency, \
               program.cookie_window_days, program.auto_payout, program.invoice, affiliate_group.id AS default_group, \
               program.rules_version \
             FROM program JOIN team ON team.id = program.team_id \
             LEFT JOIN affiliate_group ON affiliate_group.program_id = program.id AND affiliate_group.is_default = 1 \
             WHERE program.id = ?1",
            program
        ),
        incentive::select_default(database, program),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [settings, incentives] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let settings: Vec<Row> = rows(settings)?;
    let incentives: Vec<incentive::Row> = rows(incentives)?;
    let row = settings.into_iter().next().ok_or_else(|| missing(program))?;
    Ok(terms(row, incentives.into_iter().next())?)
}

fn terms(row: Row, incentive: Option<incentive::Row>) -> Result<PaymentTerms, UnknownValue> {
    Ok(PaymentTerms {
        currency: word("team.currency", &row.currency, Currency::from_code)?,
        payment_threshold_minor: row.payment_threshold_minor,
        payment_frequency: row.payment_frequency,
        cookie_window_days: row.cookie_window_days,
        auto_payout: row.auto_payout == 1,
        invoice: json("program.invoice", &row.invoice)?,
        default_group: row.default_group.map(GroupId::new),
        incentive: incentive.map(TryInto::try_into).transpose()?,
        rules_version: row.rules_version,
    })
}

/// Changes what is sent.
pub async fn change(database: &Database, program: &ProgramId, change: &Change) -> Result<(), Unavailable> {
    let statement = update(database, program, change).map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Changes what is sent together with the incentive; not committed where the program's rules have moved on since they
/// were read.
pub async fn change_with_pricing(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    change: &Change,
    pricing: Pricing<'_>,
) -> Result<(), NotCommitted> {
    let (read, incentive) = match pricing {
        // There is always room for the one that these terms are about.
        Pricing::New(made) => {
            let at_most = MAX_INCENTIVES + 1;
            (made.rules_version, incentive::insertion(database, team, program, made, at_most))
        }
        Pricing::Changed(changed) => (changed.rules_version, incentive::replacement(database, changed)),
    };
    let fence = rules_version::raise_from(database, program, read);
    let writes = [fence, update(database, program, change), incentive].into_iter().collect::<worker::Result<_>>();
    let writes = writes.map_err(|cause| NotCommitted(cause.to_string()))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| NotCommitted(cause.to_string()))
}

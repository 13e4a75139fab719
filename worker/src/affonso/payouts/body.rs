//! What calls of `/v1/payouts` say: bodies, filters, and the form of the answer.

use attribution::ids::AffiliateId;
use attribution::payout::PayoutEdit;
use attribution::status::PayoutStatus;
use serde::Deserialize;

use crate::affonso::lists::Parameters;
use crate::http::Incoming;
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::payout_work::Wanted;
use crate::store::page::{Page, Sort};
use crate::store::payout::list::{Filter, SortedBy};

const SORTS: [(&str, SortedBy); 3] =
    [("created_at", SortedBy::CreatedAt), ("amount", SortedBy::Amount), ("invoice_number", SortedBy::InvoiceNumber)];

const NEWEST_FIRST: Sort<SortedBy> = Sort { by: SortedBy::CreatedAt, descending: true };

#[derive(Deserialize)]
struct NewBody {
    #[serde(alias = "affiliateId")]
    affiliate_id: Option<String>,
    #[serde(alias = "paymentMethod")]
    payment_method: Option<String>,
}

#[derive(Deserialize)]
struct EditBody {
    status: Option<String>,
    #[serde(rename = "paymentMethod", alias = "payment_method")]
    payment_method: Option<String>,
    #[serde(rename = "paymentReference", alias = "payment_reference")]
    payment_reference: Option<String>,
}

/// What is to be listed, and how.
pub(super) struct Listed {
    pub filter: Filter,
    pub page: Page,
    pub sort: Sort<SortedBy>,
    /// As a table, and all of it.
    pub as_table: bool,
}

/// Whose payouts are wanted. No body at all means everybody's.
pub(super) fn read_wanted(incoming: &Incoming) -> Result<Wanted, BodyProblem> {
    let body: NewBody = input::read_optional(incoming)?;
    let mut fields = Fields::default();
    let wanted = Wanted {
        affiliate_id: fields.text("affiliate_id", body.affiliate_id, MAX_TEXT).map(AffiliateId::new),
        payment_method: fields.text("payment_method", body.payment_method, MAX_TEXT),
    };
    fields.finish(Some(wanted))
}

pub(super) fn read_edit(incoming: &Incoming) -> Result<PayoutEdit, BodyProblem> {
    let body: EditBody = input::read(incoming)?;
    let mut fields = Fields::default();
    let status = fields.required("status", body.status, MAX_TEXT);
    let status = fields.word("status", status, PayoutStatus::words(), PayoutStatus::from_word);
    let payment_method = fields.text("paymentMethod", body.payment_method, MAX_TEXT);
    let payment_reference = fields.text("paymentReference", body.payment_reference, MAX_TEXT);
    fields.finish(status.map(|status| PayoutEdit { status, payment_method, payment_reference }))
}

pub(super) fn read_list(incoming: &Incoming) -> Result<Listed, BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let affiliate_id = parameters.text("affiliateId").or_else(|| parameters.text("affiliate_id"));
    let filter = Filter {
        status: parameters.word("status", PayoutStatus::words(), PayoutStatus::from_word),
        affiliate_id: affiliate_id.map(AffiliateId::new),
        begun: parameters.period(),
    };
    let page = parameters.page();
    let sort = parameters.sort(&SORTS, NEWEST_FIRST);
    let as_table = form(incoming, &mut parameters);
    parameters.finish(Listed { filter, page, sort, as_table })
}

/// Whether the answer is to be a table.
pub(super) fn read_form(incoming: &Incoming) -> Result<bool, BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let as_table = form(incoming, &mut parameters);
    parameters.finish(as_table)
}

/// `format` says it, else `Accept`.
fn form(incoming: &Incoming, parameters: &mut Parameters) -> bool {
    let wanted = parameters.word("format", &["json", "csv"], |word| match word {
        "csv" => Some(true),
        "json" => Some(false),
        _ => None,
    });
    wanted.unwrap_or_else(|| accepts_csv(incoming.header("accept").as_deref().unwrap_or_default()))
}

fn accepts_csv(accept: &str) -> bool {
    let types = accept.split(',').filter_map(|range| range.split(';').next());
    types.map(str::trim).any(|kind| kind.eq_ignore_ascii_case("text/csv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_wanted_by_who_names_its_type() {
        for accept in ["text/csv", "application/json;q=0.5, text/csv;q=0.9", "TEXT/CSV;header=present"] {
            assert!(accepts_csv(accept), "{accept}");
        }
        for accept in ["", "*/*", "text/*", "application/json", "text/html, application/xml"] {
            assert!(!accepts_csv(accept), "{accept}");
        }
    }
}

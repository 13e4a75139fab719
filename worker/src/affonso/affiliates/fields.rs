//! The bodies of affiliates: what is sent to make one and to change one, and what is wrong with it.

use attribution::account::{AccountEdit, Opening, Particulars, TrackingId};
use attribution::edits::Edit;
use attribution::email::EmailAddress;
use attribution::ids::{AffiliateId, GroupId, ProgramId};
use attribution::limits::MAX_NAME;
use attribution::limits::MAX_TRACKING_ID;
use attribution::status::{Partnership, PayoutMethod};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::affonso::nothing_sent;
use crate::input::{BodyProblem, Fields, MAX_TEXT};

/// The published names of payout details. The pages write them in one way, the client in the other.
const PAYOUT_DETAILS: [(&str, &str); 9] = [
    ("email", "email"),
    ("accountId", "account_id"),
    ("address", "address"),
    ("bankName", "bank_name"),
    ("accountNumber", "account_number"),
    ("swiftCode", "swift_code"),
    ("iban", "iban"),
    ("routingNumber", "routing_number"),
    ("accountName", "account_name"),
];

#[derive(Deserialize)]
pub(super) struct NewBody {
    name: Option<String>,
    email: Option<String>,
    program_id: Option<String>,
    tracking_id: Option<String>,
    group_id: Option<String>,
    recruited_by: Option<String>,
    company_name: Option<String>,
    country_code: Option<String>,
    onboarding_completed: Option<bool>,
    payout_method: Option<String>,
    payout_details: Option<Map<String, Value>>,
    external_user_id: Option<String>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
pub(super) struct ChangeBody {
    name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    group_id: Edit<String>,
    #[serde(default)]
    recruited_by: Edit<String>,
    status: Option<String>,
    #[serde(default)]
    company_name: Edit<String>,
    #[serde(default)]
    country_code: Edit<String>,
    onboarding_completed: Option<bool>,
    payout_method: Option<String>,
    payout_details: Option<Map<String, Value>>,
    #[serde(default)]
    external_user_id: Edit<String>,
    #[serde(default)]
    metadata: Edit<Map<String, Value>>,
}

/// What an owner says of a new affiliate, if nothing is wrong with it.
pub(super) fn opening(body: NewBody, program: &ProgramId) -> Result<Opening, BodyProblem> {
    let mut fields = Fields::default();
    let name = fields.required("name", body.name, MAX_NAME);
    let email = fields.required("email", body.email, MAX_TEXT);
    let email = email.and_then(|email| address(&mut fields, &email));
    if body.program_id.is_some_and(|sent| ProgramId::new(sent) != *program) {
        fields.refuse("program_id", "is not the program of this API key");
    }
    let tracking_id = fields.text("tracking_id", body.tracking_id, MAX_TEXT);
    let tracking_id = tracking_id.and_then(|text| tracking(&mut fields, &text));
    let group_id = fields.text("group_id", body.group_id, MAX_TEXT).map(GroupId::new);
    let recruited_by = fields.text("recruited_by", body.recruited_by, MAX_TEXT).map(AffiliateId::new);
    let country_code = fields.text("country_code", body.country_code, MAX_TEXT);
    let particulars = Particulars {
        onboarding_completed: body.onboarding_completed.unwrap_or(false),
        external_user_id: fields.text("external_user_id", body.external_user_id, MAX_TEXT),
        metadata: fields.kept("metadata", body.metadata),
        company_name: fields.text("company_name", body.company_name, MAX_NAME),
        country_code: country_code.and_then(|code| country(&mut fields, &code)),
        payout_method: payout_method(&mut fields, body.payout_method).filter(|method| *method != PayoutMethod::None),
        payout_details: payout_details(&mut fields, body.payout_details).filter(|details| !details.is_empty()),
    };
    let opening =
        name.zip(email).map(|(name, email)| Opening { name, email, tracking_id, group_id, recruited_by, particulars });
    fields.finish(opening)
}

/// What an owner changes of an affiliate, if nothing is wrong with it.
pub(super) fn edit(body: ChangeBody) -> Result<AccountEdit, BodyProblem> {
    let mut fields = Fields::default();
    let email = kept_or_filled(&mut fields, "email", body.email, MAX_TEXT);
    let country_code = match clearable(&mut fields, "country_code", body.country_code, MAX_TEXT) {
        Edit::Set(code) => country(&mut fields, &code).map_or(Edit::Keep, Edit::Set),
        other => other,
    };
    let edit = AccountEdit {
        name: kept_or_filled(&mut fields, "name", body.name, MAX_NAME),
        email: email.and_then(|email| address(&mut fields, &email)),
        group_id: clearable(&mut fields, "group_id", body.group_id, MAX_TEXT).map(GroupId::new),
        recruited_by: clearable(&mut fields, "recruited_by", body.recruited_by, MAX_TEXT).map(AffiliateId::new),
        partnership: fields.word("status", lower(body.status), Partnership::words(), Partnership::from_word),
        onboarding_completed: body.onboarding_completed,
        external_user_id: clearable(&mut fields, "external_user_id", body.external_user_id, MAX_TEXT),
        metadata: fields.clearable_kept("metadata", body.metadata),
        company_name: clearable(&mut fields, "company_name", body.company_name, MAX_NAME),
        country_code,
        payout_method: payout_method(&mut fields, body.payout_method),
        payout_details: payout_details(&mut fields, body.payout_details),
    };
    let edit = fields.finish(Some(edit))?;
    if edit == AccountEdit::default() { Err(nothing_sent("name")) } else { Ok(edit) }
}

/// A text that may not be emptied.
fn kept_or_filled(fields: &mut Fields, field: &str, sent: Option<String>, max: usize) -> Option<String> {
    sent.and_then(|text| fields.required(field, Some(text), max))
}

/// A text that may be emptied, by null or by an empty text.
fn clearable(fields: &mut Fields, field: &str, edit: Edit<String>, max: usize) -> Edit<String> {
    match edit {
        Edit::Set(text) => fields.text(field, Some(text), max).map_or(Edit::Clear, Edit::Set),
        other => other,
    }
}

fn address(fields: &mut Fields, text: &str) -> Option<EmailAddress> {
    let address = EmailAddress::parse(text);
    if address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    address
}

fn tracking(fields: &mut Fields, text: &str) -> Option<TrackingId> {
    let tracking_id = TrackingId::parse(text);
    if tracking_id.is_none() {
        fields
            .refuse("tracking_id", format!("must be 1 to {MAX_TRACKING_ID} letters, digits, hyphens and underscores"));
    }
    tracking_id
}

fn country(fields: &mut Fields, text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_code {
        fields.refuse("country_code", "must be a two-letter country code of ISO 3166, like US");
    }
    is_code.then(|| text.to_ascii_uppercase())
}

fn payout_method(fields: &mut Fields, sent: Option<String>) -> Option<PayoutMethod> {
    fields.word("payout_method", lower(sent), PayoutMethod::words(), PayoutMethod::from_word)
}

/// The details that are known, under one spelling of their names. Others are ignored, as unknown fields are.
fn payout_details(fields: &mut Fields, sent: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
    let mut sent = sent?;
    let mut details = Map::new();
    for (name, other_name) in PAYOUT_DETAILS {
        let given = sent.remove(name).or_else(|| sent.remove(other_name)).filter(|value| !value.is_null());
        let field = format!("payout_details.{name}");
        let text = match given {
            Some(Value::String(text)) => fields.text(&field, Some(text), MAX_TEXT),
            Some(_) => {
                fields.refuse(&field, "must be a text");
                None
            }
            None => None,
        };
        if let Some(text) = text {
            details.insert(name.to_owned(), text.into());
        }
    }
    Some(details)
}

fn lower(word: Option<String>) -> Option<String> {
    word.map(|word| word.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opened(body: Value) -> Result<Opening, String> {
        let body = serde_json::from_value(body).unwrap();
        opening(body, &ProgramId::new("prog_1")).map_err(|problem| problem.message())
    }

    fn edited(body: Value) -> Result<AccountEdit, String> {
        edit(serde_json::from_value(body).unwrap()).map_err(|problem| problem.message())
    }

    #[test]
    fn name_and_address_are_all_that_is_needed() {
        let opening = opened(json!({ "name": " Jane ", "email": "Jane@Example.com" })).unwrap();
        assert_eq!((opening.name.as_str(), opening.email.as_str()), ("Jane", "jane@example.com"));
        assert_eq!(opened(json!({})).unwrap_err(), "name: is required; email: is required");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let jane = json!({ "name": "Jane", "email": "jane@example.com", "program_id": "prog_1" });
        for (field, value) in [
            ("name", json!("x".repeat(101))),
            ("email", json!("jane")),
            ("program_id", json!("prog_2")),
            ("tracking_id", json!("jane smith")),
            ("country_code", json!("USA")),
            ("country_code", json!("ÄÖ")),
            ("company_name", json!("x".repeat(101))),
            ("payout_method", json!("cash")),
            ("payout_details", json!({ "email": 5 })),
            ("external_user_id", json!("x".repeat(256))),
        ] {
            let mut body = jane.clone();
            body[field] = value;
            assert!(opened(body).unwrap_err().starts_with(field), "{field}");
        }
        for (field, value) in [("name", json!("")), ("email", json!(" ")), ("status", json!("gone"))] {
            assert!(edited(json!({ field: value })).unwrap_err().starts_with(field), "{field}");
        }
    }

    #[test]
    fn null_clears_what_may_be_empty() {
        let edit = edited(json!({ "group_id": null, "company_name": "", "country_code": "de", "name": null })).unwrap();
        assert_eq!(edit.group_id, Edit::Clear);
        assert_eq!(edit.company_name, Edit::Clear);
        assert_eq!(edit.country_code, Edit::Set("DE".to_owned()));
        assert_eq!((edit.name, edit.metadata), (None, Edit::Keep));
    }

    #[test]
    fn payout_details_have_one_spelling() {
        let details = |sent| edited(json!({ "payout_details": sent })).unwrap().payout_details.unwrap();
        let expected = Map::from_iter([("accountId".to_owned(), json!("Z1"))]);
        assert_eq!(details(json!({ "account_id": "Z1" })), expected);
        assert_eq!(details(json!({ "accountId": " Z1 ", "favourite_colour": "red", "iban": null })), expected);
    }
}

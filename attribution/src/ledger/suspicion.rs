//! Fraud rules in the ledger: what they are asked at a sign-up and at a sale, and how what they say is kept.
//!
//! At a sign-up they are asked of what the call says; at a sale of what the referral knows. How many others signed up from
//! the click's network address is looked up in the database only when a referral is made, and only where the program asks:
//! sign-ups that are under way at the same moment do not see each other. Source: docs/fraud.md.

use super::requests::SignUp;
use super::trail::Trail;
use super::{AddressQuery, View};
use crate::email::{EmailAddress, EmailHasher};
use crate::fraud::{Examination, Found, Inquiry, Visit, examine};
use crate::program::Program;
use crate::referral::{Click, Referral};
use crate::status::FraudMode;
use crate::time::{HOUR_MILLISECONDS, Timestamp};

/// What the rules say of a sign-up.
pub(super) fn of_sign_up(command: &SignUp, click: &Click, view: &View<'_>) -> Examination {
    let seconds = (view.now.milliseconds() - click.clicked_at.milliseconds()).div_euclid(1_000);
    let inquiry = Inquiry {
        visit: Some(Visit::of(&click.facts)),
        affiliate: view.affiliate,
        email_hashes: command.email.iter().flat_map(|email| hashes(email, view.hasher)).collect(),
        email_domain: command.email.as_ref().map(|email| email.domain().to_owned()),
        external_user_id: command.external_user_id.as_deref(),
        same_address: view.state.same_address,
        seconds_after_click: Some(seconds),
    };
    examine(&view.program.fraud, &inquiry, false)
}

/// What they say of a sale of this referral.
pub(super) fn of_sale(referral: &Referral, view: &View<'_>) -> Examination {
    let email = referral.email.as_ref();
    let address = email.and_then(|email| EmailAddress::parse(email.address.as_ref()?));
    let kept = email.map(|email| email.hash.clone());
    let inquiry = Inquiry {
        visit: referral.click.as_ref().map(Visit::of),
        affiliate: view.affiliate,
        email_hashes: kept.into_iter().chain(address.iter().flat_map(|address| hashes(address, view.hasher))).collect(),
        email_domain: email.and_then(|email| email.domain()).map(str::to_owned),
        external_user_id: referral.external_user_id.as_deref(),
        // Of a referral that is there it was asked when that was made.
        same_address: view.state.same_address.filter(|_| view.state.referral(&referral.id).is_none()),
        seconds_after_click: None,
    };
    let is_cleared = referral.suspicion.as_ref().is_some_and(|suspicion| suspicion.cleared);
    examine(&view.program.fraud, &inquiry, is_cleared)
}

/// An address as it stands, and without what its owner may add to it.
fn hashes(email: &EmailAddress, hasher: &EmailHasher) -> Vec<String> {
    [Some(hasher.hash(email)), email.without_tag().map(|plain| hasher.hash(&plain))].into_iter().flatten().collect()
}

/// The look-up that the rules need before a click becomes a referral; none where nobody asks.
pub(super) fn same_address(click: Option<&Click>, program: &Program, now: Timestamp) -> Option<AddressQuery> {
    let click = click.filter(|_| program.fraud.duplicate_ip != FraudMode::Off)?;
    let hours = i64::from(program.fraud.duplicate_ip_window_hours);
    Some(AddressQuery {
        affiliate_id: click.affiliate_id.clone(),
        ip_hash: Visit::of(&click.facts).ip_hash?.to_owned(),
        other_than: click.id.clone(),
        since: Timestamp::from_milliseconds(now.milliseconds() - hours * HOUR_MILLISECONDS),
        most: program.fraud.duplicate_ip_threshold,
    })
}

/// Puts what the rules said on a sale's trail.
pub(super) fn note(examination: &Examination, trail: &mut Trail) {
    let blocking = examination.blocking();
    for finding in &examination.findings {
        let (rule, because) = (finding.rule.as_str(), finding.because.clone());
        match finding.found {
            Found::Nothing => trail.passed(rule, because),
            Found::Unknown => trail.left_out(rule, because),
            Found::Hit if blocking == Some(finding.rule) => trail.decided(rule, because),
            Found::Hit => trail.noted(rule, because),
        }
    }
}

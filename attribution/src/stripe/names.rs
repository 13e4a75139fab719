//! What an event calls its customer: the merchant's own names in the metadata, and Stripe's.
//!
//! Source: the reference of both dialects, sections 1.14 and 2.11; design, section 1 (15: the order of look-up).

use serde::{Deserialize, Serialize};

use super::json::Object;
use crate::email::EmailAddress;
use crate::referral::{Identity, IdentityKind};

/// Metadata that names a click, or the referral that it became; the last one is an older generation's.
const CLICKS: [&str; 3] = ["affitor_click_id", "affonso_referral", "customer_code"];

/// Metadata that names the merchant's user; the last two are an older generation's.
const USERS: [&str; 3] = ["affitor_customer_key", "customer_key", "user_id"];

/// The names of one customer, as far as one event gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Clicks or referrals, as the merchant wrote them.
    pub clicks: Vec<String>,
    /// Users, as the merchant wrote them.
    pub users: Vec<String>,
    /// `client_reference_id`: a click or a user, by the merchant's choice.
    pub reference: Option<String>,
    /// Stripe's customer.
    pub customer: Option<String>,
    /// Stripe's subscription.
    pub subscription: Option<String>,
    /// The customer's address: never stored.
    #[serde(skip)]
    pub email: Option<EmailAddress>,
    /// Its keyed hash, which may be.
    pub email_hash: Option<String>,
    /// The customer's name: never stored with a fact.
    #[serde(skip)]
    pub name: Option<String>,
    /// The program that the merchant meant, where their account serves several.
    pub program: Option<String>,
}

impl Names {
    /// Adds what a `metadata` says; what is known already comes first.
    pub(super) fn read(&mut self, metadata: Option<Object<'_>>) {
        let Some(metadata) = metadata else { return };
        let of = |names: &[&str]| names.iter().filter_map(|name| metadata.text(name)).collect::<Vec<_>>();
        add(&mut self.clicks, of(&CLICKS));
        add(&mut self.users, of(&USERS));
        self.program = self.program.take().or_else(|| metadata.text("program_id"));
    }

    /// The identities by which the customer may be known, the most telling first.
    pub fn identities(&self) -> Vec<Identity> {
        let users = self.users.iter().map(Identity::external_user_id);
        let reference = self.reference.iter().map(Identity::external_user_id);
        let provider = self.customer.iter().flat_map(|customer| {
            [
                Identity { kind: IdentityKind::ProviderCustomerId, value: customer.clone() },
                Identity::customer_id(customer),
            ]
        });
        let email = self.email_hash.iter().map(Identity::email_hash);
        let subscription = self.subscription.iter().map(Identity::subscription_id);
        users.chain(reference).chain(provider).chain(email).chain(subscription).collect()
    }

    /// Stripe's own names of the customer: those that a later event may have nothing else than.
    pub fn of_provider(&self) -> Vec<Identity> {
        let customer = self.customer.iter();
        let customer = customer.map(|value| Identity { kind: IdentityKind::ProviderCustomerId, value: value.clone() });
        customer.chain(self.subscription.iter().map(Identity::subscription_id)).collect()
    }

    /// Adds the names of the same thing that another event gave.
    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.clicks, other.clicks);
        add(&mut self.users, other.users);
        self.reference = self.reference.take().or(other.reference);
        self.customer = self.customer.take().or(other.customer);
        self.subscription = self.subscription.take().or(other.subscription);
        self.email_hash = self.email_hash.take().or(other.email_hash);
        self.program = self.program.take().or(other.program);
    }
}

fn add(known: &mut Vec<String>, more: Vec<String>) {
    for name in more {
        if !known.contains(&name) {
            known.push(name);
        }
    }
}

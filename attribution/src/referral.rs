//! Clicks, referrals and what their customers are known by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::email::KeptEmail;
use crate::fraud::Suspicion;
use crate::ids::{AffiliateId, ProgramId, ReferralId, TeamId};
use crate::money::MAX_MINOR;
use crate::status::ReferralStatus;
use crate::time::Timestamp;

/// A customer has at most so many further names; a row stays small.
const MAX_ALIASES: usize = 50;

/// Whose row it is: no rule ever looks beyond it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The owner.
    pub team_id: TeamId,
    /// The program.
    pub program_id: ProgramId,
    /// Test rows never meet live ones.
    pub is_test: bool,
}

/// A visit through an affiliate's link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Click {
    /// Also the id of the referral that it becomes.
    pub id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// Who is credited.
    pub affiliate_id: AffiliateId,
    /// What stood in the link.
    pub tracking_id: String,
    /// When the visit was: the caller's date, or the moment it was recorded.
    pub clicked_at: Timestamp,
    /// Everything else that was sent: page, referrer, campaign, sub ids. No address of the visitor.
    pub facts: Value,
}

/// What a customer is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Which kind of name it is.
    pub kind: IdentityKind,
    /// The name.
    pub value: String,
}

/// Kinds of names that customers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IdentityKind {
    /// The merchant's own user id; one of the two APIs calls it `customer_key`.
    ExternalUserId,
    /// The billing customer.
    CustomerId,
    /// Keyed hash of the e-mail address.
    EmailHash,
    /// The subscription.
    SubscriptionId,
    /// The payment provider's customer.
    ProviderCustomerId,
}

impl IdentityKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Identity {
    /// A user id of the merchant's.
    pub fn external_user_id(value: impl Into<String>) -> Self {
        Self { kind: IdentityKind::ExternalUserId, value: value.into() }
    }

    /// A billing customer.
    pub fn customer_id(value: impl Into<String>) -> Self {
        Self { kind: IdentityKind::CustomerId, value: value.into() }
    }

    /// A keyed hash of an address.
    pub fn email_hash(value: impl Into<String>) -> Self {
        Self { kind: IdentityKind::EmailHash, value: value.into() }
    }

    /// A subscription.
    pub fn subscription_id(value: impl Into<String>) -> Self {
        Self { kind: IdentityKind::SubscriptionId, value: value.into() }
    }
}

/// One customer, referred by one affiliate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Referral {
    /// The click's id, where it came from one.
    pub id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// Who is credited.
    pub affiliate_id: AffiliateId,
    /// How far the customer has come.
    pub status: ReferralStatus,
    /// The merchant's user id.
    pub external_user_id: Option<String>,
    /// The billing customer.
    pub customer_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// What is kept of the address.
    pub email: Option<KeptEmail>,
    /// The customer's name, where the program keeps names.
    pub name: Option<String>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// Further names of the same customer.
    pub aliases: Vec<Identity>,
    /// False while only a browser vouches for it.
    pub verified: bool,
    /// Whether its sign-up has not been told and has earned nothing yet: a fraud rule rejected it, or only a browser says
    /// so and the program waits for a key's word. What was withheld is due once, when that is over.
    #[serde(default)]
    pub lead_withheld: bool,
    /// What fraud rules have said of it.
    pub suspicion: Option<Suspicion>,
    /// Keyed hash of the network address from which a page claimed it. Written once and looked at by the limits of claims
    /// alone; gone once a key vouches for it.
    #[serde(skip)]
    pub claimed_from: Option<String>,
    /// Whether any of its commissions was paid out: what is paid is not taken back by another claim.
    pub paid_out: bool,
    /// When the click was; `None` for a referral that had none.
    pub clicked_at: Option<Timestamp>,
    /// What the click knew.
    pub click: Option<Value>,
    /// The first sale that was attributed.
    pub first_sale_at: Option<Timestamp>,
    /// The first complete one: an incentive's months count from it.
    pub first_paid_at: Option<Timestamp>,
    /// Attributed sales that earned a commission.
    pub paid_sales: i64,
    /// What they earned, in minor units of the team's currency.
    pub commission_total_minor: i64,
    /// The fence: raised by every commit that touches this referral.
    pub seq: i64,
    /// The request that made it.
    pub created_by_request: String,
    /// When it began, as far as the caller is concerned.
    pub created_at: Timestamp,
    /// When it stopped being a mere lead.
    pub converted_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When everything that its customer was known by was erased: from then on nothing new is learnt of them here.
    pub erased_at: Option<Timestamp>,
}

impl Referral {
    /// The referral that a click becomes, before anything is known of its customer.
    pub fn born_of(click: &Click, request_id: &str, now: Timestamp) -> Self {
        Self {
            id: click.id.clone(),
            scope: click.scope.clone(),
            affiliate_id: click.affiliate_id.clone(),
            status: ReferralStatus::Lead,
            external_user_id: None,
            customer_id: None,
            subscription_id: None,
            email: None,
            name: None,
            metadata: None,
            aliases: Vec::new(),
            verified: true,
            lead_withheld: false,
            suspicion: None,
            claimed_from: None,
            paid_out: false,
            clicked_at: Some(click.clicked_at),
            click: Some(click.facts.clone()),
            first_sale_at: None,
            first_paid_at: None,
            paid_sales: 0,
            commission_total_minor: 0,
            seq: 1,
            created_by_request: request_id.to_owned(),
            created_at: now,
            converted_at: None,
            updated_at: now,
            erased_at: None,
        }
    }

    /// A key vouches for it: it is no claim any more.
    pub fn vouch(&mut self) {
        self.verified = true;
        self.claimed_from = None;
    }

    /// Everything that the customer is known by through this referral.
    pub fn identities(&self) -> Vec<Identity> {
        let named = [
            self.external_user_id.clone().map(Identity::external_user_id),
            self.customer_id.clone().map(Identity::customer_id),
            self.email.as_ref().map(|email| Identity::email_hash(email.hash.clone())),
            self.subscription_id.clone().map(Identity::subscription_id),
        ];
        named.into_iter().flatten().chain(self.aliases.iter().cloned()).collect()
    }

    /// The same referral without its customer: what it has earned, how it ended and when stay.
    #[must_use]
    pub fn erased(&self, now: Timestamp) -> Self {
        Self {
            external_user_id: None,
            customer_id: None,
            subscription_id: None,
            email: None,
            name: None,
            metadata: None,
            aliases: Vec::new(),
            click: None,
            claimed_from: None,
            seq: self.seq + 1,
            updated_at: now,
            erased_at: Some(now),
            ..self.clone()
        }
    }

    /// Adds what a commission pays to the total; `None` when that is more than an amount can be.
    pub fn add_commission(&mut self, minor: i64) -> Option<()> {
        let total = self.commission_total_minor.checked_add(minor).filter(|total| *total <= MAX_MINOR)?;
        self.commission_total_minor = total;
        Some(())
    }

    /// Whether one more name can be taken on.
    pub fn has_room(&self) -> bool {
        self.aliases.len() < MAX_ALIASES
    }

    /// Whether the customer is not known by a name of this kind yet.
    pub fn lacks(&self, kind: IdentityKind) -> bool {
        match kind {
            IdentityKind::ExternalUserId => self.external_user_id.is_none(),
            IdentityKind::CustomerId => self.customer_id.is_none(),
            IdentityKind::SubscriptionId => self.subscription_id.is_none(),
            IdentityKind::EmailHash => self.email.is_none(),
            IdentityKind::ProviderCustomerId => !self.aliases.iter().any(|alias| alias.kind == kind),
        }
    }

    /// Takes on another name of the same customer: in its own field where that is free, else as an alias. `email` is
    /// what is kept of the address, where the name is its hash.
    pub fn learn(&mut self, identity: &Identity, email: Option<KeptEmail>) {
        if !self.lacks(identity.kind) {
            self.aliases.push(identity.clone());
            return;
        }
        let value = Some(identity.value.clone());
        match identity.kind {
            IdentityKind::ExternalUserId => self.external_user_id = value,
            IdentityKind::CustomerId => self.customer_id = value,
            IdentityKind::SubscriptionId => self.subscription_id = value,
            IdentityKind::EmailHash => self.email = email,
            IdentityKind::ProviderCustomerId => self.aliases.push(identity.clone()),
        }
    }
}

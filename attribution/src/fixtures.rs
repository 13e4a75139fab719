//! Rows that the rules' tests share.

use serde_json::{Map, json};

use crate::email::EmailAddress;
use crate::fraud::FraudRules;
use crate::ids::{
    AffiliateId, CommissionId, ConversionId, GroupId, IncentiveId, ProgramId, ReferralId, RefundId, TeamId,
};
use crate::incentive::{AppliesTo, Approval, Incentive, Length, Owner, PaysFor, Reward};
use crate::ledger::{Context, CreateReferral, Reach, RecordSale, Refund, SignUp, UnknownClick};
use crate::money::{Currency, Money, Rate};
use crate::program::{Affiliate, Program};
use crate::referral::{Click, Scope};
use crate::sale::SaleDetails;
use crate::status::{AttributionModel, EmailPolicy, LeadAuth, Partnership, ReferralStatus, SalesStatus};
use crate::time::Timestamp;

/// 2026-01-01T00:00:00Z.
pub fn new_year() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

pub fn scope() -> Scope {
    Scope { team_id: TeamId::new("team_1"), program_id: ProgramId::new("prog_1"), is_test: false }
}

pub fn affiliate() -> Affiliate {
    Affiliate {
        id: AffiliateId::new("aff_alice"),
        team_id: TeamId::new("team_1"),
        program_id: ProgramId::new("prog_1"),
        group_id: Some(GroupId::new("grp_1")),
        tracking_id: "alice".into(),
        name: "Alice".into(),
        email_hash: None,
        external_user_id: None,
        recruited_by: None,
        partnership: Partnership::Approved,
        rules_version: 1,
    }
}

pub fn percentage(id: &str, parts_per_million: i64, applies_to: AppliesTo) -> Incentive {
    Incentive {
        id: IncentiveId::new(id),
        owner: Owner::Group(GroupId::new("grp_1")),
        pays_for: PaysFor::Sale,
        reward: Reward::Percentage(Rate::from_parts_per_million(parts_per_million).unwrap()),
        applies_to,
        approval: Approval::Automatic,
        length: Length::CustomerLifetime,
        cap_minor: None,
    }
}

pub fn fixed(id: &str, minor: i64) -> Incentive {
    Incentive { reward: Reward::Fixed(minor), ..percentage(id, 1, AppliesTo::AllPlans) }
}

/// 30 % of everything, e-mail addresses kept, no fraud rules.
pub fn program() -> Program {
    Program {
        id: ProgramId::new("prog_1"),
        number: 1,
        team_id: TeamId::new("team_1"),
        name: "Test".into(),
        currency: Currency::from_code("USD").unwrap(),
        rules_version: 1,
        attribution_model: AttributionModel::LastClick,
        attribution_window_days: 60,
        cookie_window_days: 60,
        email_policy: EmailPolicy::Full,
        name_tracking: true,
        trust_browser_leads: false,
        honour_gpc: true,
        lead_auth: LeadAuth::Open,
        fraud: FraudRules::default(),
        origins: vec!["https://shop.example".into()],
        incentives: vec![percentage("inc_30", 300_000, AppliesTo::AllPlans)],
        levels: Vec::new(),
    }
}

/// A click through Alice's link on new year's day.
pub fn click() -> Click {
    Click {
        id: ReferralId::new("ref_0000000000000000000000001"),
        scope: scope(),
        affiliate_id: AffiliateId::new("aff_alice"),
        tracking_id: "alice".into(),
        clicked_at: new_year(),
        facts: json!({ "page_url": "https://shop.example/?aff=alice" }),
    }
}

/// Another affiliate of the same group.
pub fn bob() -> Affiliate {
    Affiliate { id: AffiliateId::new("aff_bob"), tracking_id: "bob".into(), name: "Bob".into(), ..affiliate() }
}

/// A later click, through Bob's link.
pub fn bobs_click() -> Click {
    Click {
        id: ReferralId::new("ref_0000000000000000000000002"),
        affiliate_id: bob().id,
        tracking_id: "bob".into(),
        clicked_at: new_year().plus_days(1),
        ..click()
    }
}

/// A fixed amount for every sign-up.
pub fn per_lead(minor: i64, approval: Approval) -> Incentive {
    Incentive { pays_for: PaysFor::Lead, approval, ..fixed("inc_lead", minor) }
}

pub fn email(address: &str) -> EmailAddress {
    EmailAddress::parse(address).unwrap()
}

pub fn money(amount: &str, currency: &str) -> Money {
    Money::from_decimal(amount, Currency::from_code(currency).unwrap()).unwrap()
}

/// A backend's call with a live key of the program.
pub fn context(request_id: &str) -> Context {
    let reach = Reach { team_id: Some(scope().team_id), program_id: Some(scope().program_id), is_test: Some(false) };
    Context { request_id: request_id.to_owned(), actor: "key:key_1".to_owned(), reach, idempotency: None }
}

/// A page's call, which carries no key: the click id is the proof.
pub fn browser_context(request_id: &str) -> Context {
    let reach = Reach { team_id: None, program_id: None, is_test: None };
    Context { request_id: request_id.to_owned(), actor: "browser".to_owned(), reach, idempotency: None }
}

/// The backend says that John, user 1, signed up after `click`.
pub fn sign_up(click: &Click) -> SignUp {
    SignUp {
        context: context(&format!("req_sign_up_{}", click.id)),
        click_id: click.id.clone(),
        unknown_click: UnknownClick::Refuse,
        program_id: None,
        origin: None,
        verified: true,
        keep_address: true,
        identity_required: true,
        only_leads: false,
        external_user_id: Some("user_1".to_owned()),
        email: Some(email("john@example.com")),
        name: Some("John Doe".to_owned()),
        detail: Map::new(),
        caller_address: None,
        commission_id: CommissionId::new(format!("com_lead_{}", click.id)),
    }
}

/// The shop's page says the same of Jane, user 2.
pub fn browser_sign_up(click: &Click) -> SignUp {
    SignUp {
        context: browser_context(&format!("req_browser_{}", click.id)),
        origin: Some("https://shop.example".to_owned()),
        verified: false,
        external_user_id: Some("user_2".to_owned()),
        email: Some(email("jane@example.com")),
        ..sign_up(click)
    }
}

/// The owner says that Alice referred a customer, without a click: the example of seed 003.
pub fn direct_referral() -> CreateReferral {
    CreateReferral {
        context: context("req_direct"),
        referral_id: ReferralId::new("ref_000000000000000000000000D"),
        from_click: false,
        scope: scope(),
        affiliate_id: affiliate().id,
        email: email("newcustomer@example.com"),
        customer_id: Some("cust_456".to_owned()),
        subscription_id: None,
        status: ReferralStatus::Lead,
        created_at: None,
        name: Some("John Doe".to_owned()),
        metadata: Some(json!({ "plan": "enterprise", "source": "webinar" })),
        commission_id: CommissionId::new("com_direct"),
    }
}

/// The backend says that the customer of [`click`] paid `amount` dollars for the order `key`.
pub fn sale(key: &str, amount: &str) -> RecordSale {
    RecordSale {
        context: context(&format!("req_{key}")),
        gate: click().id,
        scope: scope(),
        amount: money(amount, "USD"),
        sales_status: SalesStatus::Complete,
        sale_key: Some(key.to_owned()),
        further_keys: Vec::new(),
        occurred_at: None,
        details: SaleDetails { referral_id: Some(click().id.as_str().to_owned()), ..SaleDetails::default() },
        conversion_id: ConversionId::new(format!("conv_{key}")),
        commission_id: CommissionId::new(format!("com_{key}")),
        dry_run: false,
    }
}

/// The backend says that of the order `key` so many dollars were paid back, or all that remains; `id` tells this refund
/// from others.
pub fn refund(id: &str, key: &str, amount: Option<&str>) -> Refund {
    Refund {
        context: context(&format!("req_{id}")),
        gate: click().id,
        scope: scope(),
        conversion_id: Some(ConversionId::new(format!("conv_{key}"))),
        sale_key: None,
        amount: amount.map(|amount| money(amount, "USD")),
        refund_key: Some(id.to_owned()),
        refuses_other_body: true,
        may_wait: false,
        reason: None,
        refunded_at: None,
        currency: None,
        refund_id: RefundId::new(format!("rfd_{id}")),
        clawback_id: CommissionId::new(format!("com_back_{id}")),
    }
}

/// The same before the order is known: it may wait.
pub fn early_refund(id: &str, key: &str, amount: Option<&str>) -> Refund {
    Refund {
        gate: ReferralId::new("ref_0000000000000000000000wait"),
        conversion_id: None,
        sale_key: Some(key.to_owned()),
        may_wait: true,
        ..refund(id, key, amount)
    }
}

pub fn only_key(click: &Click, key: &str) -> SignUp {
    SignUp { external_user_id: Some(key.into()), email: None, ..sign_up(click) }
}

pub fn only_email(click: &Click, text: &str) -> SignUp {
    SignUp { external_user_id: None, email: Some(email(text)), ..sign_up(click) }
}

/// A sale at which the caller names its customer by these details alone.
pub fn sale_to(key: &str, gate: &ReferralId, details: SaleDetails) -> RecordSale {
    RecordSale { gate: gate.clone(), details, ..sale(key, "99.00") }
}

pub fn by_click(click: &Click) -> SaleDetails {
    SaleDetails { click_id: Some(click.id.as_str().to_owned()), ..SaleDetails::default() }
}

pub fn by_customer(id: &str) -> SaleDetails {
    SaleDetails { customer_id: Some(id.to_owned()), ..SaleDetails::default() }
}

pub fn by_user(id: &str) -> SaleDetails {
    SaleDetails { external_user_id: Some(id.to_owned()), ..SaleDetails::default() }
}

pub fn from_click(click: &Click) -> CreateReferral {
    CreateReferral { referral_id: click.id.clone(), from_click: true, ..direct_referral() }
}

pub fn thirty_percent() -> Incentive {
    percentage("inc_30", 300_000, AppliesTo::AllPlans)
}

/// A second such call, about another customer.
pub fn another_referral() -> CreateReferral {
    CreateReferral {
        context: context("req_another"),
        referral_id: ReferralId::new("ref_000000000000000000000000E"),
        email: email("other@example.com"),
        customer_id: None,
        commission_id: CommissionId::new("com_another"),
        ..direct_referral()
    }
}

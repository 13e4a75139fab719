//! How this dialect shows affiliates, and what of theirs can be shown with them.

use attribution::account::Account;
use attribution::coupon::Coupon;
use attribution::ids::{AffiliateId, ProgramId};
use attribution::incentive::Owner;
use attribution::ledger::Unavailable;
use attribution::money::Currency;
use attribution::time::Timestamp;
use serde_json::{Value, json};

use super::super::incentives;
use crate::funnel::Funnel;
use crate::store;
use crate::store::incentive::OwnedIncentive;

/// What can be shown with an affiliate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expansion {
    PromoCodes,
    CommissionOverrides,
    InvoiceDetails,
    PayoutMethod,
    OnboardingResponses,
}

/// By their published names, which are also those of the fields that are added.
pub(super) const EXPANSIONS: [(&str, Expansion); 5] = [
    ("promoCodes", Expansion::PromoCodes),
    ("commissionOverrides", Expansion::CommissionOverrides),
    ("invoiceDetails", Expansion::InvoiceDetails),
    ("payoutMethod", Expansion::PayoutMethod),
    ("onboardingResponses", Expansion::OnboardingResponses),
];

/// One affiliate.
pub(super) async fn of_one(funnel: &Funnel, account: &Account, expansions: &[Expansion]) -> Result<Value, Unavailable> {
    let shown = of_all(funnel, &account.program_id, std::slice::from_ref(account), expansions).await?;
    Ok(shown.into_iter().next().unwrap_or_default())
}

/// Affiliates of one program. What is shown with them is read for all of them at once.
pub(super) async fn of_all(
    funnel: &Funnel,
    program: &ProgramId,
    accounts: &[Account],
    expansions: &[Expansion],
) -> Result<Vec<Value>, Unavailable> {
    let ids: Vec<&AffiliateId> = accounts.iter().map(|account| &account.id).collect();
    let mut beside = Beside::default();
    if expansions.contains(&Expansion::PromoCodes) {
        beside.coupons = store::coupon::of_affiliates(&funnel.database, program, &ids).await?;
    }
    if expansions.contains(&Expansion::CommissionOverrides) {
        beside.overrides = store::incentive::of_affiliates(&funnel.database, program, &ids).await?;
        beside.currency = Some(funnel.program(program).await?.currency);
    }
    Ok(accounts.iter().map(|account| expanded(account, expansions, &beside)).collect())
}

/// What was read to be shown with affiliates.
#[derive(Default)]
struct Beside {
    coupons: Vec<Coupon>,
    overrides: Vec<OwnedIncentive>,
    currency: Option<Currency>,
}

fn expanded(account: &Account, expansions: &[Expansion], beside: &Beside) -> Value {
    let mut shown = affiliate(account);
    let Some(fields) = shown.as_object_mut() else { return shown };
    for (name, expansion) in EXPANSIONS.iter().filter(|(_, expansion)| expansions.contains(expansion)) {
        let value = match expansion {
            Expansion::PromoCodes => {
                beside.coupons.iter().filter(|coupon| coupon.affiliate_id == account.id).map(promo_code).collect()
            }
            Expansion::CommissionOverrides => overrides(account, beside),
            Expansion::InvoiceDetails => invoice_details(account),
            Expansion::PayoutMethod => payout_method(account),
            // Nobody is asked anything here.
            Expansion::OnboardingResponses => Value::Null,
        };
        fields.insert((*name).to_owned(), value);
    }
    shown
}

/// The affiliate object.
pub(in crate::affonso) fn affiliate(account: &Account) -> Value {
    let particulars = &account.particulars;
    json!({
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "tracking_id": account.tracking_id,
        "source": account.source,
        "partnership_status": account.partnership.as_str(),
        "onboarding_completed": particulars.onboarding_completed,
        "program_id": account.program_id,
        "group_id": account.group_id,
        "external_user_id": particulars.external_user_id,
        "metadata": particulars.metadata,
        "created_at": account.created_at.to_rfc3339(),
        "recruited_by": account.recruited_by,
        "company_name": particulars.company_name,
        "country_code": particulars.country_code,
        "updated_at": account.updated_at.map(Timestamp::to_rfc3339),
    })
}

/// A coupon as the affiliate's; the ids are the payment provider's, `id` is an addition.
fn promo_code(coupon: &Coupon) -> Value {
    json!({
        "id": coupon.id,
        "code": coupon.code,
        "promo_code_id": null,
        "coupon_id": null,
        "discount_type": coupon.discount.kind(),
        "discount_value": coupon.discount.value(),
        "duration": coupon.term.duration().as_str(),
        "created_at": coupon.created_at.to_rfc3339(),
    })
}

fn overrides(account: &Account, beside: &Beside) -> Value {
    let Some(currency) = beside.currency else { return Value::Null };
    let owner = Owner::Affiliate(account.id.clone());
    beside.overrides.iter().filter(|one| one.owner == owner).map(|one| incentives::view(one, currency)).collect()
}

/// What is known for invoices. The published object has texts that are never null: what is not known is empty there.
fn invoice_details(account: &Account) -> Value {
    let particulars = &account.particulars;
    if particulars.company_name.is_none() && particulars.country_code.is_none() {
        return Value::Null;
    }
    json!({
        "company_name": particulars.company_name,
        "first_name": "",
        "last_name": "",
        "address_line_1": "",
        "address_line_2": null,
        "city": "",
        "postal_code": null,
        "state": null,
        "country": particulars.country_code.as_deref().unwrap_or_default(),
        "vat_id": null,
        "tax_id": null,
    })
}

fn payout_method(account: &Account) -> Value {
    let Some(method) = account.particulars.payout_method else { return Value::Null };
    json!({ "type": method.as_str(), "details": account.particulars.payout_details.clone().unwrap_or_default() })
}

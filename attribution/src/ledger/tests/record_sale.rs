//! Sales: whose customer bought, and whether that is credited. Seed 002; design, section 1.

use serde_json::json;

use super::{World, sold, user};
use crate::decision::Reason;
use crate::fixtures::{
    bob, bobs_click, by_click, by_customer, by_user, click, context, direct_referral, email, money, new_year, sale,
    sale_to, scope, sign_up,
};
use crate::ledger::{CreateReferral, EditReferral, FirstSeen, RecordSale, Rejection, SignUp};
use crate::program::Affiliate;
use crate::referral::Identity;
use crate::sale::SaleDetails;
use crate::status::{Partnership, ReferralStatus, SalesStatus};

#[test]
fn a_sale_makes_a_customer() {
    let world = World::with_john();
    let conversion = world.sells(sale("order_1", "99.00")).conversion;
    assert_eq!((conversion.attributed, conversion.decision.reason), (true, Reason::CommissionEarned));
    assert_eq!((conversion.created_at, conversion.recorded_at), (world.now.get(), world.now.get()));
    let customer = world.stored(&click().id);
    assert_eq!((customer.status, customer.converted_at), (ReferralStatus::Customer, Some(world.now.get())));
    assert_eq!((customer.paid_sales, customer.commission_total_minor, customer.seq), (1, 2970, 2));
    assert_eq!(customer.first_sale_at, Some(world.now.get()));
}

#[test]
fn a_subscription_makes_an_active_customer_and_a_later_single_purchase_leaves_it_so() {
    let world = World::with_john();
    let mut subscription = sale("order_1", "99.00");
    subscription.details.purchase.is_subscription = true;
    world.sells(subscription);
    assert_eq!(world.stored(&click().id).status, ReferralStatus::Active);
    world.sells(sale("order_2", "10"));
    let customer = world.stored(&click().id);
    // 29.70 and 3.00
    assert_eq!((customer.status, customer.commission_total_minor), (ReferralStatus::Active, 3270));
}

#[test]
fn a_click_that_never_signed_up_becomes_a_referral_by_its_sale() {
    let world = World::new();
    let details = SaleDetails { customer_id: Some("cust_1".into()), ..by_click(&click()) };
    let sale = world.sells(sale_to("order_1", &click().id, details));
    assert_eq!((sale.conversion.referral_id, sale.commission.unwrap().amount_minor), (click().id, Some(2970)));
    let customer = world.stored(&click().id);
    assert_eq!((customer.status, customer.seq), (ReferralStatus::Customer, 1));
    assert_eq!((customer.clicked_at, customer.customer_id.as_deref()), (Some(new_year()), Some("cust_1")));
    assert_eq!(world.told(), ["referral.converted", "transaction.created"]);
    // A sign-up that comes after the sale finds the customer.
    let visitor = world.signs_up(sign_up(&click()));
    assert_eq!((visitor.first_seen, visitor.referral.status), (FirstSeen::Before, ReferralStatus::Customer));
}

#[test]
fn a_name_learnt_at_the_first_sale_is_enough_for_the_second() {
    let world = World::with_john();
    let mut first = sale("order_1", "99.00");
    first.details.customer_id = Some("cust_1".into());
    world.sells(first);
    assert_eq!(world.holder(Identity::customer_id("cust_1")), Some(click().id));
    assert_eq!(world.stored(&click().id).customer_id.as_deref(), Some("cust_1"));
    let second = world.sells(sale_to("order_2", &click().id, by_customer("cust_1")));
    assert_eq!((second.conversion.referral_id, world.stored(&click().id).paid_sales), (click().id, 2));
    world.sells(sale_to("order_3", &click().id, by_user("user_1")));
}

#[test]
fn a_second_name_of_one_kind_is_learnt_as_an_alias() {
    let world = World::with_john();
    let mut first = sale("order_1", "99.00");
    first.details.external_user_id = Some("user_1b".into());
    world.sells(first);
    assert_eq!(world.stored(&click().id).aliases, [user("user_1b")]);
    world.sells(sale_to("order_2", &click().id, by_user("user_1b")));
}

#[test]
fn identifiers_of_two_customers_are_refused_naming_both() {
    let world = World::with_john();
    world.signs_up(SignUp { external_user_id: Some("user_2".into()), email: None, ..sign_up(&bobs_click()) });
    let both = Rejection::IdentifiersDisagree { first: click().id, second: bobs_click().id };
    let user = SaleDetails { external_user_id: Some("user_2".into()), ..by_click(&click()) };
    assert_eq!(world.refuses(sale_to("order_1", &click().id, user)), both);
    let referral = SaleDetails { referral_id: Some(click().id.as_str().into()), ..by_click(&bobs_click()) };
    assert_eq!(world.refuses(sale_to("order_1", &click().id, referral)), both);
    let names = SaleDetails { customer_id: Some("cust_456".into()), ..by_user("user_1") };
    let recorded = world.records(CreateReferral { context: context("req_direct"), ..direct_referral() });
    let disagreeing = Rejection::IdentifiersDisagree { first: click().id, second: recorded.id };
    assert_eq!(world.refuses(sale_to("order_1", &click().id, names)), disagreeing);
}

#[test]
fn one_sale_key_is_one_sale_and_what_differs_is_named() {
    let world = World::with_john();
    let recorded = world.sells(sale("order_1", "99.00"));
    let mut other = sale("order_1", "98.00");
    other.sales_status = SalesStatus::Refunded;
    other.details.customer_id = Some("cust_1".into());
    other.details.metadata = Some(json!({ "plan": "pro" }));
    other.occurred_at = Some(new_year());
    let (existing, first_seen, mut differing) = sold(world.retry(other).unwrap());
    assert_eq!((existing, first_seen), (recorded.clone(), FirstSeen::Before));
    differing.sort();
    assert_eq!(differing, ["created_at", "customer_id", "metadata", "sale_amount", "sales_status"]);
    let euros = RecordSale { amount: money("99.00", "EUR"), ..sale("order_1", "99.00") };
    let (existing, _, differing) = sold(world.retry(euros).unwrap());
    assert_eq!((existing, differing), (recorded, vec!["sale_amount_currency".to_owned()]));
}

#[test]
fn two_sales_without_a_key_are_two_sales() {
    let world = World::with_john();
    for key in ["order_1", "order_2"] {
        world.call(RecordSale { sale_key: None, ..sale(key, "99.00") }).unwrap();
    }
    assert_eq!((world.rows().conversions.len(), world.stored(&click().id).commission_total_minor), (2, 5940));
}

#[test]
fn a_rejected_referrals_sale_is_kept_and_earns_nothing() {
    let world = World::new();
    let rejected = CreateReferral { status: ReferralStatus::Rejected, ..direct_referral() };
    let id = rejected.referral_id.clone();
    world.call(rejected).unwrap();
    let details = SaleDetails { referral_id: Some(id.as_str().into()), ..by_customer("cust_456") };
    let sale = world.sells(sale_to("order_1", &id, details));
    assert_eq!((sale.conversion.attributed, sale.commission), (false, None));
    assert_eq!(sale.conversion.decision.reason, Reason::ReferralRejected);
    assert_eq!((world.stored(&id).status, world.told().len()), (ReferralStatus::Rejected, 0));
    // The customer's names stay free, so no referral is found by them.
    assert_eq!(world.refuses(sale_to("order_2", &id, by_customer("cust_456"))), Rejection::ReferralNotFound);
}

#[test]
fn a_sale_that_names_a_deleted_referral_and_anothers_customer_is_priced_as_the_others() {
    let world = World::with_john();
    world.signs_up(SignUp {
        external_user_id: Some("user_2".into()),
        email: Some(email("jane@example.com")),
        ..sign_up(&bobs_click())
    });
    let edit = EditReferral::of(context("req_delete"), click().id, scope());
    world.call(EditReferral { status: Some(ReferralStatus::Deleted), ..edit }).unwrap();
    world.database.change_rules(&scope().program_id, |_| {});
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, rules_version: 2, ..bob() });
    // Alice may take part, and is not whose customer it is.
    let named = SaleDetails { external_user_id: Some("user_2".into()), ..by_click(&click()) };
    let sale = world.sells(sale_to("order_1", &click().id, named));
    assert_eq!((sale.conversion.referral_id, sale.conversion.affiliate_id), (bobs_click().id, bob().id));
    assert_eq!((sale.conversion.decision.reason, sale.commission), (Reason::AffiliateNotApproved, None));
}

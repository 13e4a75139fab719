//! What a sale earns: design, section 5; seed 002 for the statuses.

use serde_json::{Number, json};

use super::{World, earned};
use crate::decision::Reason;
use crate::fixtures::{affiliate, bobs_click, click, fixed, money, percentage, sale, sign_up, thirty_percent};
use crate::ids::{CommissionId, ConversionId, IncentiveId};
use crate::incentive::{AppliesTo, Incentive, Owner};
use crate::ledger::RecordSale;
use crate::money::Currency;
use crate::program::{Affiliate, Program};
use crate::sale::RecordedSale;
use crate::status::{CommissionStatus, Partnership, ReferralStatus, SalesStatus};

fn with_john(change: impl FnOnce(&mut Program)) -> World {
    let world = World::with(change);
    world.signs_up(sign_up(&click()));
    world
}

/// The sale is credited and earns nothing, for this reason.
fn earns_nothing(sale: &RecordedSale, reason: Reason) {
    assert_eq!((sale.conversion.attributed, &sale.commission), (true, &None));
    assert_eq!((&sale.conversion.commission_id, &sale.conversion.matched_incentive_id), (&None, &None));
    assert_eq!(sale.conversion.decision.reason, reason);
}

#[test]
fn thirty_percent_of_99_dollars_is_29_70() {
    let world = World::paying([thirty_percent()]);
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!(sale.conversion.matched_incentive_id.as_ref().unwrap().as_str(), "inc_30");
    assert_eq!(sale.conversion.decision.inputs["commission_amount"].to_string(), "29.7");
    let commission = earned(sale);
    assert_eq!(commission.amount(), Some(money("29.70", "USD")));
    assert_eq!((commission.status, commission.reason), (CommissionStatus::ReadyForPayment, Reason::CommissionEarned));
    assert_eq!(world.rows().commissions.into_values().collect::<Vec<_>>(), [commission]);
}

#[test]
fn a_share_is_rounded_half_up_to_the_currencys_own_unit() {
    let cases = [
        ("USD", "0.05", "0.02"),   // 1.5 cents
        ("USD", "0.15", "0.05"),   // 4.5 cents
        ("USD", "0.04", "0.01"),   // 1.2 cents
        ("USD", "0.01", "0"),      // 0.3 cents
        ("JPY", "1005", "302"),    // 301.5 yen
        ("JPY", "1003", "301"),    // 300.9 yen
        ("KWD", "1.235", "0.371"), // 370.5 fils
    ];
    for (currency, amount, share) in cases {
        let world = with_john(|program| program.currency = Currency::from_code(currency).unwrap());
        let sale = RecordSale { amount: money(amount, currency), ..sale("order_1", "1") };
        assert_eq!(earned(world.sells(sale)).amount(), Some(money(share, currency)), "{amount} {currency}");
    }
}

#[test]
fn a_fixed_reward_is_the_same_for_every_amount() {
    let world = World::paying([fixed("inc_fixed", 1500)]);
    for (key, amount) in [("order_1", "0.01"), ("order_2", "5000")] {
        assert_eq!(earned(world.sells(sale(key, amount))).amount(), Some(money("15", "USD")));
    }
}

#[test]
fn a_fixed_reward_of_nothing_excludes_a_product() {
    let excluded = Incentive { applies_to: AppliesTo::SpecificProducts(vec!["gift_card".into()]), ..fixed("none", 0) };
    let world = World::paying([thirty_percent(), excluded]);
    let mut gift_card = sale("order_1", "99.00");
    gift_card.details.purchase.product_ids = vec!["gift_card".into()];
    let sold = world.sells(gift_card);
    earns_nothing(&sold, Reason::ExcludedByIncentive);
    assert_eq!(sold.conversion.decision.inputs["incentive_id"], json!("none"));
    assert_eq!(world.stored(&click().id).paid_sales, 0);
    assert_eq!(earned(world.sells(sale("order_2", "99.00"))).amount_minor, Some(2970));
}

#[test]
fn an_affiliates_own_incentive_beats_the_groups() {
    let own = Incentive { owner: Owner::Affiliate(affiliate().id), ..percentage("own", 400_000, AppliesTo::AllPlans) };
    let commission = earned(World::paying([thirty_percent(), own]).sells(sale("order_1", "99.00")));
    assert_eq!((commission.incentive_id, commission.amount_minor), (Some(IncentiveId::new("own")), Some(3960)));
}

#[test]
fn without_an_incentive_the_sale_is_recorded_and_credited() {
    let world = World::paying([]);
    earns_nothing(&world.sells(sale("order_1", "99.00")), Reason::NoMatchingIncentive);
    let customer = world.stored(&click().id);
    assert_eq!((customer.status, customer.commission_total_minor), (ReferralStatus::Customer, 0));
    let data = &world.rows().events[1].messages[1].data;
    assert_eq!((&data["saleAmount"].to_string()[..], &data["commissionAmount"]), ("99", &json!(null)));
}

#[test]
fn an_affiliate_who_is_not_approved_earns_nothing() {
    let world = World::new();
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    world.signs_up(sign_up(&click()));
    earns_nothing(&world.sells(sale("order_1", "99.00")), Reason::AffiliateNotApproved);
}

#[test]
fn what_is_not_paid_earns_nothing() {
    let cases = [
        (SalesStatus::Open, ReferralStatus::Lead),
        (SalesStatus::Trialing, ReferralStatus::Trialing),
        (SalesStatus::Failed, ReferralStatus::Lead),
        (SalesStatus::Refunded, ReferralStatus::Lead),
    ];
    for (sales_status, status) in cases {
        let world = World::paying([thirty_percent()]);
        let sold = world.sells(RecordSale { sales_status, ..sale("order_1", "99.00") });
        earns_nothing(&sold, Reason::SaleNotComplete);
        assert_eq!((sold.conversion.sales_status, world.rows().commissions.len()), (sales_status, 0));
        assert_eq!(world.stored(&click().id).status, status, "{sales_status:?}");
    }
}

#[test]
fn subscribers_are_told_of_the_conversion_and_the_transaction() {
    let world = World::paying([thirty_percent()]);
    world.sells(sale("order_1", "99.00"));
    assert_eq!(world.told(), ["referral.lead", "referral.converted", "transaction.created"]);
    let event = &world.rows().events[1];
    assert_eq!((event.kind, event.seq, event.reason), ("sale.recorded", 2, Reason::CommissionEarned));
    assert_eq!(event.messages[0].data["status"], json!("CUSTOMER"));
    let data = json!({
        "transactionId": "conv_order_1",
        "referralId": "ref_0000000000000000000000001",
        "affiliateId": "aff_alice",
        "affiliateProgramId": "prog_1",
        "saleAmount": Number::from(99),
        "saleCurrency": "USD",
        "saleStatus": "COMPLETE",
        "commissionId": "com_order_1",
        "commissionAmount": "29.7".parse::<Number>().unwrap(),
        "commissionCurrency": "USD",
        "commissionStatus": "READY_FOR_PAYMENT",
        "holdPeriodDays": null,
        "type": "COMMISSION",
        "createdAt": "2026-01-11T00:00:00Z",
    });
    assert_eq!(event.messages[1].data, data);
    // The customer is one already: a second sale is only a transaction.
    world.sells(sale("order_2", "99.00"));
    assert_eq!(world.told()[3..], ["transaction.created"]);
}

#[test]
fn nobody_is_told_of_test_rows() {
    let world = World::paying([thirty_percent()]);
    let mut test_click = bobs_click();
    test_click.scope.is_test = true;
    world.clicks.put(test_click.clone());
    let mut command = sale("order_1", "99.00");
    (command.scope.is_test, command.gate) = (true, test_click.id.clone());
    command.context.reach.is_test = Some(true);
    command.details.referral_id = None;
    command.details.click_id = Some(test_click.id.as_str().into());
    let sold = world.sells(command);
    assert!(sold.conversion.scope.is_test);
    assert_eq!((earned(sold).amount_minor, world.told().len()), (Some(2970), 1));
    // Nor do test rows meet live ones: the same key is another sale.
    let live = RecordSale {
        conversion_id: ConversionId::new("conv_live"),
        commission_id: CommissionId::new("com_live"),
        ..sale("order_1", "99.00")
    };
    world.sells(live);
    assert_eq!(world.rows().sale_keys.len(), 2);
}

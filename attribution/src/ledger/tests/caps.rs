//! A cap is all that an affiliate may earn by one customer: reduced to fit, then nothing. Design, section 5; reference
//! of the dialects, section 1.9.

use super::{World, earned};
use crate::decision::Reason;
use crate::fixtures::{bobs_click, fixed, money, refund, sale, sign_up, thirty_percent};
use crate::incentive::{AppliesTo, Incentive};
use crate::ledger::{RecordSale, SignUp};
use crate::memory::Fault;
use crate::status::SalesStatus;

/// 30 %, and at most 50.00 for one customer.
fn capped() -> Incentive {
    Incentive { cap_minor: Some(5000), ..thirty_percent() }
}

fn product(key: &str, amount: &str, id: &str) -> RecordSale {
    let mut command = sale(key, amount);
    command.details.purchase.product_ids = vec![id.to_owned()];
    command
}

#[test]
fn what_does_not_fit_under_the_cap_is_reduced_and_then_there_is_nothing() {
    let world = World::paying([capped()]);
    assert_eq!(earned(world.sells(sale("order_1", "99.00"))).amount(), Some(money("29.70", "USD")));
    let reduced = world.sells(sale("order_2", "99.00"));
    assert_eq!(reduced.conversion.matched_incentive_id.as_ref().unwrap().as_str(), "inc_30");
    let commission = earned(reduced);
    assert_eq!((commission.amount(), commission.earned_minor), (Some(money("20.30", "USD")), Some(2030)));
    let nothing = world.sells(sale("order_3", "99.00"));
    // The sale is recorded and credited all the same.
    assert_eq!((nothing.conversion.attributed, &nothing.commission), (true, &None));
    assert_eq!(nothing.conversion.decision.reason, Reason::CapReached);
    assert_eq!(nothing.conversion.sales_status, SalesStatus::Complete);
    assert_eq!((world.total(), world.rows().commissions.len()), (5000, 2));
}

#[test]
fn a_first_sale_beyond_the_cap_earns_the_cap() {
    let world = World::paying([capped()]);
    assert_eq!(earned(world.sells(sale("order_1", "5000"))).amount_minor, Some(5000));
    let exactly = World::paying([capped()]);
    exactly.sells(sale("order_1", "100.00"));
    // 30.00 and 20.00 are exactly 50.00: nothing of the second one is cut.
    assert_eq!(
        earned(exactly.sells(RecordSale { amount: money("66.67", "USD"), ..sale("order_2", "1") })).amount_minor,
        Some(2000)
    );
    assert_eq!(exactly.sells(sale("order_3", "1")).conversion.decision.reason, Reason::CapReached);
}

#[test]
fn two_products_share_one_cap() {
    let both = AppliesTo::SpecificProducts(vec!["book".into(), "course".into()]);
    let one_incentive = World::paying([Incentive { applies_to: both, ..capped() }]);
    let of = |id: &str| Incentive { applies_to: AppliesTo::SpecificProducts(vec![id.into()]), ..capped() };
    let two_incentives = World::paying([of("book"), of("course")]);
    for world in [one_incentive, two_incentives] {
        assert_eq!(earned(world.sells(product("order_1", "99.00", "book"))).amount_minor, Some(2970));
        assert_eq!(earned(world.sells(product("order_2", "99.00", "course"))).amount_minor, Some(2030));
        assert_eq!(world.sells(product("order_3", "9.00", "book")).conversion.decision.reason, Reason::CapReached);
        assert_eq!(world.total(), 5000);
    }
}

#[test]
fn a_fixed_amount_is_capped_too() {
    let world = World::paying([Incentive { cap_minor: Some(4000), ..fixed("inc_fixed", 1500) }]);
    let amounts = ["order_1", "order_2", "order_3"].map(|key| earned(world.sells(sale(key, "99.00"))).amount_minor);
    assert_eq!(amounts, [Some(1500), Some(1500), Some(1000)]);
    assert_eq!(world.sells(sale("order_4", "99.00")).conversion.decision.reason, Reason::CapReached);
}

#[test]
fn each_customer_has_a_cap_of_their_own() {
    let world = World::paying([capped()]);
    world.sells(sale("order_1", "5000"));
    world.signs_up(SignUp { external_user_id: Some("user_9".into()), email: None, ..sign_up(&bobs_click()) });
    let mut other = sale("order_2", "5000");
    other.gate = bobs_click().id;
    other.details.referral_id = Some(bobs_click().id.as_str().to_owned());
    assert_eq!(earned(world.sells(other)).amount_minor, Some(5000));
}

#[test]
fn a_refund_gives_room_again() {
    let world = World::paying([capped()]);
    world.sells(sale("order_1", "99.00"));
    world.sells(sale("order_2", "99.00"));
    assert_eq!(world.sells(sale("order_3", "99.00")).commission, None);
    world.pays_back(refund("r1", "order_1", None));
    assert_eq!(world.total(), 2030);
    // 60.00 would be earned, 29.70 fit.
    assert_eq!(earned(world.sells(sale("order_4", "200.00"))).amount_minor, Some(2970));
    assert_eq!(world.total(), 5000);
    // A sale that found no room earns nothing later either.
    assert_eq!(world.rows().commissions.len(), 3);
}

#[test]
fn a_capped_commission_is_reduced_pro_rata_from_what_it_earned() {
    let world = World::paying([capped()]);
    world.sells(sale("order_1", "200.00"));
    world.pays_back(refund("r1", "order_1", Some("50.00")));
    // Three quarters of 50.00, not of 60.00.
    assert_eq!((world.commission("order_1").amount_minor, world.total()), (Some(3750), 3750));
}

#[test]
fn two_who_sell_at_once_share_the_cap() {
    let cases = [("order_2", "99.00", 2030, 5000), ("order_2", "10.00", 300, 3270)];
    for (key, amount, second, total) in cases {
        let world = World::paying([capped()]);
        let rival = world.clone();
        let first = move || {
            rival.call(sale("order_1", "99.00")).unwrap();
        };
        world.database.next_commit(Fault::Overtaken(Box::new(first)));
        assert_eq!(earned(world.sells(sale(key, amount))).amount_minor, Some(second));
        assert_eq!(world.total(), total);
    }
}

#[test]
fn whoever_comes_second_at_a_full_cap_earns_nothing() {
    let world = World::paying([capped()]);
    let rival = world.clone();
    let first = move || {
        rival.call(sale("order_1", "5000")).unwrap();
    };
    world.database.next_commit(Fault::Overtaken(Box::new(first)));
    assert_eq!(world.sells(sale("order_2", "99.00")).conversion.decision.reason, Reason::CapReached);
    assert_eq!((world.rows().commissions.len(), world.total()), (1, 5000));
}

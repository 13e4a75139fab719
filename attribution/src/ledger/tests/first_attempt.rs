//! The first attempt trusts a cache and takes a click to be new: it must not show in any answer.

use super::{World, email_hash, signed_up};
use crate::decision::Reason;
use crate::fixtures::{affiliate, bob, bobs_click, browser_sign_up, click, email, sale, scope, sign_up};
use crate::ledger::{FirstSeen, SignUp};
use crate::program::Affiliate;
use crate::status::{EmailPolicy, FraudMode, Partnership};

#[test]
fn a_first_sign_up_is_one_trip_and_a_repeat_is_found_out_by_its_commit() {
    let world = World::new();
    let trips = || (world.database.loads.get(), world.database.commits.get());
    world.call(sign_up(&click())).unwrap();
    assert_eq!(trips(), (0, 1));
    let mut repeat = sign_up(&click());
    repeat.context.request_id = "req_repeat".into();
    let repeated = signed_up(world.call(repeat).unwrap());
    assert_eq!((repeated.first_seen, trips()), (FirstSeen::Before, (1, 2)));
}

#[test]
fn a_repeat_by_email_is_answered_where_no_addresses_are_kept() {
    let world = World::with(|program| program.email_policy = EmailPolicy::Off);
    world.signs_up(sign_up(&click()));
    let by_email = SignUp { external_user_id: None, ..sign_up(&click()) };
    let repeat = signed_up(world.retry(by_email).unwrap());
    assert_eq!((repeat.referral.id, repeat.first_seen), (click().id, FirstSeen::Before));
}

#[test]
fn a_known_customer_is_not_rejected_through_another_click() {
    let world = World::with(|program| program.fraud.self_referral = FraudMode::Block);
    world.database.put_affiliate(Affiliate { email_hash: Some(email_hash("bob@example.com")), ..bob() });
    world.signs_up(sign_up(&click()));
    let again = SignUp { email: Some(email("bob@example.com")), ..sign_up(&bobs_click()) };
    let known = world.signs_up(again);
    assert_eq!((known.referral.id, known.reason), (click().id, Reason::CustomerAlreadyReferred));
}

#[test]
fn an_origin_that_was_just_allowed_may_call() {
    let world = World::with_john();
    let new = "https://new.example".to_owned();
    let allowed = new.clone();
    world.database.change_rules(&scope().program_id, |program| program.origins.push(allowed));
    let page = SignUp { origin: Some(new), ..browser_sign_up(&bobs_click()) };
    assert_eq!(world.signs_up(page).first_seen, FirstSeen::Now);
}

#[test]
fn a_cached_copy_of_old_rules_prices_nothing() {
    let world = World::with_john();
    world.database.change_rules(&scope().program_id, |program| program.incentives.clear());
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!((sale.commission, sale.conversion.decision.reason), (None, Reason::NoMatchingIncentive));
}

#[test]
fn a_cached_copy_of_an_affiliate_who_is_out_earns_nothing() {
    let world = World::with_john();
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    // As every change to what prices a sale, this one raises the version.
    world.database.change_rules(&scope().program_id, |_| {});
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!((sale.commission, sale.conversion.decision.reason), (None, Reason::AffiliateNotApproved));
}

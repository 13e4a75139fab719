//! What nobody may achieve: moving another customer, program or price by what they send, or by when they send it.

use super::World;
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, bobs_click, browser_sign_up, click, direct_referral, email, fixed, new_year, program, sale, scope,
    sign_up,
};
use crate::ids::ProgramId;
use crate::ledger::{Configuration as _, FirstSeen, RecordSale, Rejection, SignUp, UnknownClick};
use crate::money::MAX_MINOR;
use crate::program::{Affiliate, Program};
use crate::referral::{Identity, Scope};
use crate::status::Partnership;
use crate::time::{DAY_MILLISECONDS, Timestamp};

#[test]
fn a_fresh_program_does_not_vouch_for_a_stale_affiliate() {
    let world = World::with_john();
    world.sells(sale("order_1", "99.00"));
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    world.database.put_program(Program { rules_version: 2, ..program() });
    // Some other command has refreshed the program in the same isolate.
    pollster::block_on(world.configuration.program(&scope().program_id, true)).unwrap();
    let refused = world.sells(sale("order_2", "99.00"));
    assert_eq!((refused.conversion.decision.reason, refused.commission), (Reason::AffiliateNotApproved, None));
}

#[test]
fn a_referral_is_not_changed_under_another_programs_rules() {
    let world = World::new();
    let recorded = world.records(direct_referral());
    let other = ProgramId::new("prog_2");
    world.database.put_program(Program { id: other.clone(), ..program() });
    let foreign = SignUp {
        click_id: recorded.id.clone(),
        unknown_click: UnknownClick::FindCustomer,
        program_id: Some(other),
        ..browser_sign_up(&click())
    };
    assert_eq!(world.refuses(foreign), Rejection::CustomerNotFound);
    assert_eq!(world.stored(&recorded.id).seq, 1);
}

#[test]
fn a_browser_gives_nobody_elses_referral_a_name() {
    let world = World::with_john();
    let claim = SignUp { external_user_id: Some("user_1".into()), ..browser_sign_up(&bobs_click()) };
    let known = world.signs_up(claim);
    assert_eq!((known.referral.id, known.first_seen), (click().id, FirstSeen::Before));
    assert_eq!(world.stored(&click().id).seq, 1);
    assert_eq!(world.rows().identities.len(), 2);
}

#[test]
fn a_customer_has_only_so_many_names() {
    let world = World::with_john();
    for number in 0..60 {
        let named = SignUp { external_user_id: Some(format!("user_1_{number}")), ..sign_up(&bobs_click()) };
        world.call(named).unwrap();
    }
    assert_eq!(world.stored(&click().id).aliases.len(), 50);
    assert_eq!(world.holder(Identity::external_user_id("user_1_49")), Some(click().id));
    assert_eq!(world.holder(Identity::external_user_id("user_1_50")), None);
}

#[test]
fn a_sale_long_before_the_click_is_not_credited_to_it() {
    let world = World::with_john();
    let imported = |days: i64, key: &str| RecordSale {
        occurred_at: Some(Timestamp::from_milliseconds(new_year().milliseconds() - days * DAY_MILLISECONDS)),
        ..sale(key, "99.00")
    };
    let old = world.sells(imported(2, "order_1"));
    assert_eq!((old.conversion.attributed, old.conversion.decision.reason), (false, Reason::SaleBeforeClick));
    assert_eq!(world.stored(&click().id).first_sale_at, None);
    // A date without a time is the day's first moment.
    let same_day = world.sells(imported(1, "order_2"));
    assert!(same_day.conversion.attributed);
}

#[test]
fn commissions_never_add_up_to_more_than_an_amount_can_be() {
    let world = World::paying([fixed("inc_huge", MAX_MINOR)]);
    world.sells(sale("order_1", "1.00"));
    assert_eq!(world.refuses(sale("order_2", "1.00")), Rejection::TotalTooLarge);
    assert_eq!(world.stored(&click().id).commission_total_minor, MAX_MINOR);
}

#[test]
fn a_call_that_only_records_leads_is_told_of_a_customer_beyond_one() {
    let world = World::with_john();
    world.sells(sale("order_1", "99.00"));
    let status = world.stored(&click().id).status;
    let mut lead = SignUp { only_leads: true, email: Some(email("new@example.com")), ..sign_up(&click()) };
    lead.context.request_id = "req_another".into();
    assert_eq!(world.refuses(lead), Rejection::BeyondLead { status });
    // Of a customer who came through another click a browser is told nothing.
    let stranger =
        SignUp { only_leads: true, external_user_id: Some("user_1".into()), ..browser_sign_up(&bobs_click()) };
    assert_eq!(world.signs_up(stranger).referral.id, click().id);
}

#[test]
fn a_test_row_without_a_click_is_not_a_live_calls() {
    let world = World::new();
    let mut of_test = direct_referral();
    of_test.scope = Scope { is_test: true, ..scope() };
    of_test.context.reach.is_test = Some(true);
    let recorded = world.records(of_test);
    let live = SignUp { click_id: recorded.id, program_id: Some(scope().program_id), ..browser_sign_up(&click()) };
    assert_eq!(world.refuses(live), Rejection::ClickNotFound);
}

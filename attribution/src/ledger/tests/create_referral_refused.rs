//! When a direct referral is refused: seed 003; a customer is referred once per program.

use super::{World, address};
use crate::fixtures::{another_referral, bob, click, direct_referral, email, from_click, program, sign_up};
use crate::ids::{AffiliateId, ProgramId, ReferralId, TeamId};
use crate::ledger::{CreateReferral, Rejection};
use crate::program::{Affiliate, Program};
use crate::referral::{Click, Identity, Scope};

#[test]
fn a_click_that_is_a_referral_already_is_refused() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    assert_eq!(world.refuses(from_click(&click())), Rejection::ClickAlreadyConverted);
}

#[test]
fn a_click_must_exist_and_be_the_affiliates_the_programs_and_the_modes() {
    let world = World::new();
    let lost = Click { id: ReferralId::new("ref_0000000000000000000000009"), ..click() };
    assert_eq!(world.refuses(from_click(&lost)), Rejection::ClickNotFound);
    let bobs = CreateReferral { affiliate_id: bob().id, ..from_click(&click()) };
    assert_eq!(world.refuses(bobs), Rejection::ClickOfOtherAffiliate);
    put_click_of(&world, |scope| scope.is_test = true);
    assert_eq!(world.refuses(from_click(&click())), Rejection::ClickNotFound);
    world.database.put_program(Program { id: ProgramId::new("prog_2"), ..program() });
    put_click_of(&world, |scope| scope.program_id = ProgramId::new("prog_2"));
    assert_eq!(world.refuses(from_click(&click())), Rejection::OtherProgram);
}

/// The same click, but belonging elsewhere.
fn put_click_of(world: &World, change: impl FnOnce(&mut Scope)) {
    let mut elsewhere = click();
    change(&mut elsewhere.scope);
    world.clicks.put(elsewhere);
}

#[test]
fn another_teams_click_is_not_found() {
    let world = World::new();
    let theirs = ProgramId::new("prog_2");
    let team = TeamId::new("team_2");
    let program = Program { id: theirs.clone(), team_id: team.clone(), ..program() };
    world.database.put_program(program);
    put_click_of(&world, |scope| *scope = Scope { team_id: team, program_id: theirs, is_test: false });
    assert_eq!(world.refuses(from_click(&click())), Rejection::ClickNotFound);
}

#[test]
fn a_customer_is_referred_once() {
    let world = World::new();
    world.records(CreateReferral { subscription_id: Some("sub_1".into()), ..direct_referral() });
    let same_email = CreateReferral { email: email("NewCustomer@Example.com"), ..another_referral() };
    let same_customer = CreateReferral { customer_id: Some("cust_456".into()), ..another_referral() };
    let same_subscription = CreateReferral { subscription_id: Some("sub_1".into()), ..another_referral() };
    let cases = [
        (same_email, address("newcustomer@example.com")),
        (same_customer, Identity::customer_id("cust_456")),
        (same_subscription, Identity::subscription_id("sub_1")),
    ];
    for (command, identity) in cases {
        assert_eq!(world.refuses(command), Rejection::IdentityTaken { identity });
    }
    world.records(another_referral());
}

#[test]
fn a_customer_who_signed_up_is_not_recorded_again() {
    let world = World::new();
    world.signs_up(sign_up(&click()));
    let john = CreateReferral { email: email("john@example.com"), ..direct_referral() };
    assert_eq!(world.refuses(john), Rejection::IdentityTaken { identity: address("john@example.com") });
}

#[test]
fn an_affiliate_must_be_the_programs_and_the_teams() {
    let world = World::new();
    let nobody = CreateReferral { affiliate_id: AffiliateId::new("aff_nobody"), ..direct_referral() };
    assert_eq!(world.refuses(nobody), Rejection::AffiliateNotFound);
    let mut foreign = direct_referral();
    foreign.scope.team_id = TeamId::new("team_2");
    assert_eq!(world.refuses(foreign), Rejection::AffiliateNotFound);
    world.database.put_affiliate(Affiliate { program_id: ProgramId::new("prog_2"), ..bob() });
    let elsewhere = CreateReferral { affiliate_id: bob().id, ..direct_referral() };
    assert_eq!(world.refuses(elsewhere), Rejection::AffiliateNotFound);
}

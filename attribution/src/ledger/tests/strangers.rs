//! Sales of customers who are not the caller's: not found, whatever else is right.

use super::World;
use crate::fixtures::{bobs_click, by_click, by_customer, by_user, click, program, sale, sale_to, sign_up};
use crate::ids::{ConversionId, ProgramId, ReferralId, TeamId};
use crate::ledger::{RecordSale, Rejection};
use crate::program::Program;
use crate::referral::{Click, Scope};
use crate::sale::SaleDetails;

#[test]
fn who_is_not_known_or_not_the_callers_is_not_found() {
    let world = World::with_john();
    let nobody = ReferralId::new("ref_0000000000000000000000009");
    assert_eq!(world.refuses(sale_to("order_1", &nobody, by_customer("nobody"))), Rejection::ReferralNotFound);
    let mut foreign = sale("order_1", "99.00");
    foreign.context.reach.team_id = Some(TeamId::new("team_2"));
    assert_eq!(world.refuses(foreign), Rejection::ReferralNotFound);
    let mut test = sale("order_1", "99.00");
    test.scope.is_test = true;
    test.context.reach.is_test = Some(true);
    assert_eq!(world.refuses(test), Rejection::ReferralNotFound);
    let mut other = sale("order_1", "99.00");
    other.context.reach.program_id = Some(ProgramId::new("prog_2"));
    assert_eq!(world.refuses(other), Rejection::OtherProgram);
}

/// Another team's program, in whose click the caller of `world` has no business.
fn click_of_another_team(world: &World) -> Click {
    let (team_id, program_id) = (TeamId::new("team_2"), ProgramId::new("prog_2"));
    let program = Program { id: program_id.clone(), team_id: team_id.clone(), ..program() };
    world.database.put_program(program);
    let theirs = Click { scope: Scope { team_id, program_id, is_test: false }, ..bobs_click() };
    world.clicks.put(theirs.clone());
    theirs
}

#[test]
fn another_teams_sale_is_not_found_by_its_key() {
    let world = World::with_john();
    let theirs = click_of_another_team(&world);
    let mut by_themselves = sale_to("order_1", &theirs.id, by_click(&theirs));
    by_themselves.scope = theirs.scope.clone();
    by_themselves.context.reach.team_id = Some(theirs.scope.team_id.clone());
    by_themselves.context.reach.program_id = Some(theirs.scope.program_id.clone());
    world.sells(by_themselves);
    let mine = RecordSale {
        conversion_id: ConversionId::new("conv_mine"),
        ..sale_to("order_1", &theirs.id, by_click(&theirs))
    };
    assert_eq!(world.refuses(mine), Rejection::ReferralNotFound);
}

#[test]
fn another_teams_referral_is_never_named() {
    let world = World::with_john();
    let theirs = click_of_another_team(&world);
    let mut customer = sign_up(&theirs);
    customer.context.reach.team_id = Some(theirs.scope.team_id.clone());
    customer.context.reach.program_id = Some(theirs.scope.program_id.clone());
    world.signs_up(customer);
    let mine_and_theirs = SaleDetails { external_user_id: Some("user_1".into()), ..by_click(&theirs) };
    // To this caller the other click does not exist: what is left means John.
    let sale = world.sells(sale_to("order_1", &click().id, mine_and_theirs));
    assert_eq!(sale.conversion.referral_id, click().id);
}

#[test]
fn another_teams_click_is_not_found_and_another_programs_is_named_so() {
    let world = World::with_john();
    let theirs = click_of_another_team(&world);
    let mut command = sale_to("order_1", &theirs.id, by_click(&theirs));
    assert_eq!(world.refuses(command.clone()), Rejection::ReferralNotFound);
    command.context.reach.team_id = None;
    assert_eq!(world.refuses(command), Rejection::OtherProgram);
}

#[test]
fn a_click_that_was_not_named_does_not_become_a_customer() {
    let world = World::new();
    let nobody = sale_to("order_1", &click().id, by_user("nobody"));
    assert_eq!(world.refuses(nobody), Rejection::ReferralNotFound);
}

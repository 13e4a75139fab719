//! What nobody may achieve: moving another customer, program or price by what they send, or by when they send it.

use super::{World, email_hash};
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, bob, bobs_click, browser_sign_up, by_click, by_user, click, context, direct_referral, email, fixed,
    new_year, only_key, per_lead, program, sale, sale_to, scope, sign_up,
};
use crate::ids::ProgramId;
use crate::incentive::Approval;
use crate::ledger::{
    Command, CommissionEdit, Configuration as _, CreateReferral, EditCommission, FirstSeen, RecordSale, Rejection,
    SignUp, UnknownClick,
};
use crate::money::MAX_MINOR;
use crate::program::{Affiliate, Program};
use crate::referral::{Identity, Referral, Scope};
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, Partnership, ReferralStatus};
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

#[test]
fn a_claim_gives_way_to_a_keyed_sign_up_with_all_that_it_held() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    let claim = world.signs_up(browser_sign_up(&click())).referral;
    let named = SignUp { email: None, external_user_id: Some("user_2".into()), ..sign_up(&bobs_click()) };
    let vouched = world.signs_up(named).referral;
    assert_eq!((&vouched.id, &vouched.affiliate_id), (&bobs_click().id, &bob().id));
    let overridden = world.stored(&claim.id);
    assert_eq!((overridden.status, overridden.commission_total_minor), (ReferralStatus::Rejected, 0));
    // Jane's address was part of the claim and is nobody's now.
    assert_eq!(world.holder(Identity::email_hash(email_hash("jane@example.com"))), None);
    let statuses: Vec<_> =
        world.rows().commissions.values().map(|row| (row.affiliate_id.clone(), row.status)).collect();
    assert!(statuses.contains(&(affiliate().id, CommissionStatus::Declined)), "{statuses:?}");
    assert!(statuses.contains(&(bob().id, CommissionStatus::ReadyForPayment)), "{statuses:?}");
    let reasons: Vec<_> = world.rows().events.into_iter().map(|event| (event.subject, event.reason)).collect();
    assert!(reasons.contains(&(claim.id.as_str().to_owned(), Reason::ClaimOverridden)), "{reasons:?}");
}

#[test]
fn what_a_person_did_with_a_claims_commission_does_not_keep_it_from_being_declined() {
    for (edit, status, reason) in [
        (to_dispute(), CommissionStatus::Declined, Reason::ClaimOverridden),
        // What was removed stays as it was.
        (CommissionEdit::Delete, CommissionStatus::PendingManualApproval, Reason::CommissionDeleted),
    ] {
        let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
        world.signs_up(browser_sign_up(&click()));
        let of_claim = || world.rows().commissions.into_values().find(|row| row.referral_id == click().id).unwrap();
        let change = EditCommission {
            context: context("req_edit"),
            gate: click().id,
            scope: scope(),
            commission_id: of_claim().id,
            edit,
        };
        world.call(Command::EditCommission(change)).unwrap();
        world.signs_up(only_key(&bobs_click(), "user_2"));
        assert_eq!(world.stored(&click().id).status, ReferralStatus::Rejected);
        assert_eq!((of_claim().status, of_claim().reason), (status, reason));
    }
}

fn to_dispute() -> CommissionEdit {
    let status = Some(CommissionStatus::Dispute);
    CommissionEdit::Change { status, hold_days: None, amount: None, sale_amount: None }
}

#[test]
fn a_claim_gives_way_to_a_sale_that_names_another_click() {
    let world = World::new();
    world.signs_up(browser_sign_up(&click()));
    let named = SaleDetails { external_user_id: Some("user_2".into()), ..by_click(&bobs_click()) };
    let sold = world.sells(sale_to("order_1", &bobs_click().id, named));
    assert_eq!(sold.conversion.affiliate_id, bob().id);
    assert_eq!(world.holder(Identity::external_user_id("user_2")), Some(bobs_click().id));
    assert_eq!(world.stored(&click().id).status, ReferralStatus::Rejected);
}

#[test]
fn a_sale_that_names_the_claim_alone_vouches_for_it() {
    let world = World::new();
    world.signs_up(browser_sign_up(&click()));
    let sold = world.sells(sale_to("order_1", &click().id, by_user("user_2")));
    assert_eq!(sold.conversion.affiliate_id, affiliate().id);
    assert!(world.stored(&click().id).verified);
    // From now on it is no mere claim.
    let late = world.signs_up(only_key(&bobs_click(), "user_2"));
    assert_eq!((late.referral.id, late.first_seen), (click().id, FirstSeen::Before));
}

#[test]
fn another_browser_does_not_override_a_claim() {
    let world = World::new();
    world.signs_up(browser_sign_up(&click()));
    let other = world.signs_up(browser_sign_up(&bobs_click()));
    assert_eq!((other.referral.id, other.first_seen), (click().id, FirstSeen::Before));
}

#[test]
fn what_was_paid_out_is_not_overridden() {
    let world = World::new();
    let claim = world.signs_up(browser_sign_up(&click())).referral;
    world.database.put_referral(Referral { paid_out: true, ..claim });
    let late = world.signs_up(only_key(&bobs_click(), "user_2"));
    assert_eq!((late.referral.id, late.first_seen), (click().id, FirstSeen::Before));
}

#[test]
fn a_claim_gives_way_to_a_referral_that_the_owner_records() {
    let world = World::new();
    let claimed = world.signs_up(browser_sign_up(&click())).referral;
    let recorded = world.records(CreateReferral { email: email("jane@example.com"), ..direct_referral() });
    assert_eq!(world.holder(Identity::email_hash(email_hash("jane@example.com"))), Some(recorded.id));
    assert_eq!(world.stored(&claimed.id).status, ReferralStatus::Rejected);
}

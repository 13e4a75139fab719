//! A referral is given to another affiliate: docs/rules.md, section 9.

use serde_json::json;

use super::edit_referral::edit;
use super::scheduled::gather;
use super::{World, earned, signed_up};
use crate::decision::Reason;
use crate::fixtures::{
    affiliate, bob, bobs_click, browser_sign_up, click, context, money, per_lead, refund, sale, scope, sign_up,
    thirty_percent,
};
use crate::ids::{AffiliateId, ConversionId, GroupId, IncentiveId, PayoutId, ProgramId};
use crate::incentive::{AppliesTo, Approval, Incentive, Owner};
use crate::ledger::{EditReferral, MoveCommissions, Reassignment, Rejection, Step};
use crate::level::{Base, Level};
use crate::memory::Fault;
use crate::money::Rate;
use crate::program::Affiliate;
use crate::sale::Commission;
use crate::status::{CommissionKind, CommissionStatus, Partnership, ReferralStatus};

fn to(affiliate: &Affiliate, moves_unpaid: bool) -> EditReferral {
    let reassignment =
        Reassignment { affiliate_id: affiliate.id.clone(), reason: "he brought them".to_owned(), moves_unpaid };
    EditReferral { context: context("req_reassign"), reassignment: Some(reassignment), ..edit() }
}

fn carol() -> Affiliate {
    Affiliate { id: AffiliateId::new("aff_carol"), tracking_id: "carol".into(), ..affiliate() }
}

impl World {
    fn earner(&self, key: &str) -> AffiliateId {
        self.commission(key).affiliate_id
    }

    fn credited(&self, key: &str) -> AffiliateId {
        self.rows().conversions[&ConversionId::new(format!("conv_{key}"))].affiliate_id.clone()
    }

    fn levels(&self) -> Vec<Commission> {
        self.rows().commissions.into_values().filter(|row| row.kind == CommissionKind::Level).collect()
    }
}

#[test]
fn from_then_on_sales_earn_for_the_new_affiliate_and_what_was_earned_stays() {
    let world = World::with_order();
    let given = world.changes(to(&bob(), false));
    assert_eq!((given.affiliate_id, given.commission_total_minor), (bob().id, 0));
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.reason), ("referral.reassigned", Reason::ReferralReassigned));
    let said = ["affiliate_before", "affiliate_id", "because", "unpaid_commissions"].map(|name| &line.detail[name]);
    assert_eq!(said, [&json!("aff_alice"), &json!("aff_bob"), &json!("he brought them"), &json!("keep")]);
    assert_eq!(line.messages[0].data["trackingId"], json!("bob"));

    assert_eq!(earned(world.sells(sale("order_2", "10.00"))).affiliate_id, bob().id);
    assert_eq!((world.earner("order_1"), world.credited("order_1")), (affiliate().id, affiliate().id));
    assert_eq!(world.total(), 300);
}

#[test]
fn what_is_not_paid_moves_where_that_is_asked_for_and_what_is_paid_does_not() {
    let world = World::with(|program| program.incentives.push(per_lead(500, Approval::Automatic)));
    world.signs_up(sign_up(&click()));
    world.sells(sale("order_1", "10.00"));
    assert_eq!(world.pays_out(), 2);
    world.sells(sale("order_2", "20.00"));
    let in_payout = Step::Gather { payout_id: PayoutId::new("pay_2"), affiliate_id: affiliate().id };
    assert_eq!(world.moves(MoveCommissions { step: in_payout, ..gather() }), 1);
    world.sells(sale("order_3", "30.00"));
    world.sells(sale("order_4", "40.00"));
    world.pays_back(refund("r4", "order_4", None));
    // Of the first order, which was paid, 1.00 is taken back.
    world.pays_back(refund("r1", "order_1", Some("3.33")));

    let given = world.changes(to(&bob(), true));
    // Only the third order is owed.
    assert_eq!((given.affiliate_id, given.commission_total_minor), (bob().id, 900));
    let owners = ["order_1", "order_2", "order_3", "order_4"].map(|key| (world.earner(key), world.credited(key)));
    let (alice, bob) = (affiliate().id, bob().id);
    let alices = (alice.clone(), alice.clone());
    assert_eq!(owners, [alices.clone(), alices.clone(), (bob.clone(), bob), alices]);
    let others = world
        .rows()
        .commissions
        .into_values()
        .filter(|row| row.amount_minor == Some(500) || row.amount_minor == Some(-100));
    assert!(others.map(|row| row.affiliate_id).eq([alice.clone(), alice]));
    assert_eq!(world.told().last().map(String::as_str), Some("transaction.updated"));
}

#[test]
fn the_levels_of_what_moves_are_declined_and_no_others() {
    let level = Level {
        id: IncentiveId::new("lvl_1"),
        group_id: GroupId::new("grp_1"),
        position: 1,
        base: Base::Commission,
        rate: Rate::from_parts_per_million(100_000).unwrap(),
    };
    let world = World::with(|program| program.levels = vec![level]);
    world.database.put_affiliate(Affiliate { recruited_by: Some(carol().id), ..affiliate() });
    world.database.put_affiliate(carol());
    world.signs_up(sign_up(&click()));
    world.sells(sale("order_1", "100.00"));
    assert_eq!(world.pays_out(), 1);
    world.sells(sale("order_2", "200.00"));
    world.changes(to(&bob(), true));
    // Carol's 3.00 stand beside Alice's 30.00, which were paid; her 6.00 went with what became Bob's.
    let shown: Vec<_> =
        world.levels().into_iter().map(|row| (row.amount_minor, row.status, row.affiliate_id)).collect();
    assert!(shown.contains(&(Some(300), CommissionStatus::ReadyForPayment, carol().id)), "{shown:?}");
    assert!(shown.contains(&(Some(600), CommissionStatus::Declined, carol().id)), "{shown:?}");
    // Nobody recruited Bob.
    assert_eq!(world.sells(sale("order_3", "10.00")).levels, []);
}

#[test]
fn a_second_reassignment_moves_what_is_the_second_affiliates_alone() {
    let world = World::with_order();
    world.database.put_affiliate(carol());
    world.changes(to(&bob(), false));
    world.sells(sale("order_2", "10.00"));
    world.changes(EditReferral { context: context("req_again"), ..to(&carol(), true) });
    assert_eq!((world.earner("order_1"), world.earner("order_2")), (affiliate().id, carol().id));
    assert_eq!(world.total(), 300);
    // Back to who had it first: what was theirs all along counts again.
    world.changes(EditReferral { context: context("req_back"), ..to(&affiliate(), false) });
    assert_eq!(world.total(), 2970);
}

#[test]
fn the_cap_of_the_new_pair_counts_only_what_is_theirs() {
    let capped = || Incentive { cap_minor: Some(5000), ..thirty_percent() };
    // Alice has used 40.00 of her 50.00.
    let world = World::paying([capped()]);
    world.sells(RecordedAs::sale("order_1", "133.33"));
    assert_eq!(world.total(), 4000);
    world.changes(to(&bob(), false));
    assert_eq!(earned(world.sells(sale("order_2", "150.00"))).amount_minor, Some(4500));
    assert_eq!(earned(world.sells(sale("order_3", "150.00"))).amount_minor, Some(500));

    // What moves to Bob uses up his.
    let world = World::paying([capped()]);
    world.sells(RecordedAs::sale("order_1", "133.33"));
    world.changes(to(&bob(), true));
    assert_eq!(earned(world.sells(sale("order_2", "150.00"))).amount_minor, Some(1000));
}

/// 133.33 × 30 % = 39.999, which is 40.00.
struct RecordedAs;

impl RecordedAs {
    fn sale(key: &str, amount: &str) -> crate::ledger::RecordSale {
        crate::ledger::RecordSale { amount: money(amount, "USD"), ..sale(key, "1") }
    }
}

#[test]
fn the_new_affiliates_own_incentives_price_what_comes() {
    let own = Incentive {
        owner: Owner::Affiliate(bob().id),
        ..crate::fixtures::percentage("inc_bob", 500_000, AppliesTo::AllPlans)
    };
    let world = World::paying([thirty_percent(), own]);
    world.changes(to(&bob(), false));
    assert_eq!(earned(world.sells(sale("order_1", "10.00"))).amount_minor, Some(500));
}

#[test]
fn a_refund_of_what_stayed_the_old_affiliates_takes_from_the_old_affiliate() {
    let world = World::with_order();
    world.changes(to(&bob(), false));
    world.sells(sale("order_2", "10.00"));
    let (sale, refund) = world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!((sale.commission.unwrap().affiliate_id, refund.deducted_minor), (affiliate().id, 990));
    assert_eq!((world.commission("order_1").amount_minor, world.total()), (Some(1980), 300));

    // After it was paid out, a negative line of the old affiliate's.
    let world = World::with_order();
    assert_eq!(world.pays_out(), 1);
    world.changes(to(&bob(), true));
    world.pays_back(crate::fixtures::refund("r1", "order_1", None));
    let rows = world.rows().commissions.into_values();
    let clawback = rows.into_iter().find(|row| row.kind == CommissionKind::Clawback).unwrap();
    assert_eq!((clawback.affiliate_id, clawback.amount_minor), (affiliate().id, Some(-2970)));
    assert_eq!(world.total(), 0);
}

#[test]
fn who_is_not_approved_or_not_of_the_program_gets_nothing() {
    let world = World::with_order();
    world.database.put_affiliate(Affiliate { partnership: Partnership::Pending, ..bob() });
    assert_eq!(world.refuses(to(&bob(), true)), Rejection::AffiliateNotApproved);
    let elsewhere = Affiliate { program_id: ProgramId::new("prog_2"), ..carol() };
    assert_eq!(world.refuses(to(&elsewhere, true)), Rejection::AffiliateNotFound);
    world.database.put_affiliate(elsewhere.clone());
    assert_eq!(world.refuses(to(&elsewhere, true)), Rejection::AffiliateNotFound);
    assert_eq!(world.stored(&click().id).affiliate_id, affiliate().id);
}

#[test]
fn the_same_affiliate_again_changes_nothing_whoever_they_are() {
    let world = World::with_order();
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    let rows = world.rows();
    let answer = signed_up(world.call(to(&affiliate(), true)).unwrap());
    assert_eq!((answer.referral, world.rows()), (rows.referrals[&click().id].clone(), rows));
}

#[test]
fn a_reassignment_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_order();
        world.database.next_commit(fault());
        let given = world.changes(to(&bob(), true));
        assert_eq!((given.affiliate_id, given.commission_total_minor), (bob().id, 2970));
        assert_eq!(world.rows().events.iter().filter(|line| line.kind == "referral.reassigned").count(), 1);
    }
}

#[test]
fn a_sale_that_overtakes_a_reassignment_moves_with_it() {
    let world = World::with_john();
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival.call(sale("order_1", "99.00")).unwrap();
    })));
    world.changes(to(&bob(), true));
    assert_eq!((world.earner("order_1"), world.total()), (bob().id, 2970));
}

#[test]
fn a_rejected_referral_can_be_given_away_and_released_for_its_new_affiliate() {
    let world = World::with_order();
    world.signs_up(browser_sign_up(&bobs_click()));
    let names = world.stored(&click().id).identities();
    world.changes(EditReferral { status: Some(ReferralStatus::Rejected), ..edit() });
    world.changes(to(&bob(), true));
    let names_to_take_back = names;
    world.changes(EditReferral { status: Some(ReferralStatus::Customer), names_to_take_back, ..edit() });
    let commission = world.commission("order_1");
    assert_eq!((commission.affiliate_id, commission.status), (bob().id, CommissionStatus::PendingManualApproval));
    assert_eq!(world.total(), 2970);
    assert_eq!(world.stored(&click().id).scope, scope());
}

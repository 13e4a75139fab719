//! Payouts that come to nothing: what they gathered goes free, and what was paid back meanwhile is taken off. Rules, section 8.

use serde_json::json;

use super::World;
use super::scheduled::{gather, pay, release};
use crate::decision::Reason;
use crate::fixtures::{affiliate, click, refund, sale};
use crate::ids::PayoutId;
use crate::ledger::{MoveCommissions, Step};
use crate::sale::Commission;
use crate::status::{CommissionStatus, ReferralStatus};

#[test]
fn a_payout_that_came_to_nothing_frees_what_it_gathered_for_the_next_one() {
    let world = World::with_order();
    let of_first = |command: MoveCommissions| {
        let payout_id = PayoutId::new("pay_0");
        let step = match command.step {
            Step::Gather { affiliate_id, .. } => Step::Gather { payout_id, affiliate_id },
            _ => Step::Release { payout_id },
        };
        MoveCommissions { step, ..command }
    };
    assert_eq!(world.moves(of_first(gather())), 1);
    // What is paid back meanwhile is a line of its own, which goes with the payout.
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.moves(of_first(release())), 1);
    let freed = world.commission("order_1");
    assert_eq!((freed.status, freed.payout_id.clone()), (CommissionStatus::ReadyForPayment, None));
    assert_eq!((freed.amount_minor, freed.clawed_back_minor, world.total()), (Some(1980), 0, 1980));
    let [withdrawn] = &world.clawbacks()[..] else { panic!("one negative line") };
    assert_eq!((withdrawn.deleted_at, withdrawn.reason), (Some(world.now.get()), Reason::PayoutEnded));
    assert_eq!(world.last_told("transaction.deleted")["commissionId"], json!(withdrawn.id.as_str()));
    assert_eq!((world.moves(of_first(release())), world.pays_out()), (0, 1));
    assert_eq!(world.commission("order_1").payout_id, Some(PayoutId::new("pay_1")));
}

#[test]
fn what_is_paid_back_after_a_payout_came_to_nothing_is_not_taken_back_twice() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.moves(release()), 1);
    let payable = |world: &World| {
        let ready = |row: &Commission| row.status == CommissionStatus::ReadyForPayment && row.deleted_at.is_none();
        let rows = world.rows().commissions.into_values().filter(ready);
        rows.filter_map(|row| row.amount_minor).sum::<i64>()
    };
    // 30 % of the 66.00, 33.00 and 0.00 that remain.
    assert_eq!((payable(&world), world.total()), (1980, 1980));
    world.pays_back(refund("r2", "order_1", Some("33")));
    assert_eq!((payable(&world), world.total()), (990, 990));
    let (sale, _) = world.pays_back(refund("r3", "order_1", None));
    assert_eq!((payable(&world), world.total()), (0, 0));
    let commission = sale.commission.unwrap();
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Refunded, Some(0)));
}

#[test]
fn what_was_paid_back_wholly_while_in_a_payout_that_came_to_nothing_is_refunded() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    world.pays_back(refund("r2", "order_1", None));
    assert_eq!(world.clawbacks().len(), 2);
    assert_eq!(world.moves(release()), 1);
    let commission = world.commission("order_1");
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Refunded, Some(0)));
    assert_eq!((commission.clawed_back_minor, world.total()), (0, 0));
    assert!(world.clawbacks().iter().all(|line| line.deleted_at.is_some()));
    assert_eq!(world.moves(gather()), 0);
}

#[test]
fn a_negative_line_waits_while_what_it_takes_back_is_in_a_payout() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    world.sells(sale("order_2", "99.00"));
    // Into another payout goes the second sale alone.
    let step = Step::Gather { payout_id: PayoutId::new("pay_2"), affiliate_id: affiliate().id };
    assert_eq!(world.moves(MoveCommissions { step, ..gather() }), 1);
    assert_eq!(world.commission("order_2").payout_id, Some(PayoutId::new("pay_2")));
    assert_eq!(world.moves(pay()), 1);
    // Now that the first sale is paid, 9.90 of it are to be taken back.
    let step = Step::Gather { payout_id: PayoutId::new("pay_3"), affiliate_id: affiliate().id };
    assert_eq!(world.moves(MoveCommissions { step, ..gather() }), 1);
    let [line] = &world.clawbacks()[..] else { panic!("one negative line") };
    assert_eq!((line.amount_minor, line.payout_id.clone()), (Some(-990), Some(PayoutId::new("pay_3"))));
}

#[test]
fn what_is_declined_after_its_payout_came_to_nothing_leaves_no_debt() {
    let world = World::with_order();
    assert_eq!(world.moves(gather()), 1);
    world.pays_back(refund("r1", "order_1", Some("33")));
    let mut rejected = world.stored(&click().id);
    rejected.status = ReferralStatus::Rejected;
    world.database.put_referral(rejected);
    assert_eq!(world.moves(release()), 1);
    let commission = world.commission("order_1");
    assert_eq!((commission.status, commission.amount_minor), (CommissionStatus::Declined, Some(1980)));
    let is_owed = |row: &Commission| row.status == CommissionStatus::ReadyForPayment && row.deleted_at.is_none();
    assert!(!world.clawbacks().iter().any(is_owed));
}

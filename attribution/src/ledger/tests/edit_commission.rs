//! What a program's owner does to a commission: docs/rules.md, sections 2, 4 and 7.

use super::scheduled::gather;
use super::{World, rejection};
use crate::decision::Reason;
use crate::fixtures::{click, context, money, per_lead, refund, sale, scope, thirty_percent};
use crate::ids::{CommissionId, TeamId};
use crate::incentive::{Approval, Incentive};
use crate::ledger::{Command, CommissionEdit, EditCommission, Outcome, Rejection};
use crate::memory::Fault;
use crate::sale::Commission;
use crate::status::CommissionStatus;

fn edit(key: &str, edit: CommissionEdit) -> Command {
    Command::EditCommission(EditCommission {
        context: context("req_edit"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new(format!("com_{key}")),
        edit,
    })
}

fn to_status(status: CommissionStatus) -> CommissionEdit {
    CommissionEdit::Change { status: Some(status), hold_days: None, amount: None, sale_amount: None }
}

fn to_amounts(amount: Option<&str>, sale_amount: Option<&str>) -> CommissionEdit {
    let dollars = |text: &str| money(text, "USD");
    CommissionEdit::Change {
        status: None,
        hold_days: None,
        amount: amount.map(dollars),
        sale_amount: sale_amount.map(dollars),
    }
}

fn to_hold(days: u32) -> CommissionEdit {
    CommissionEdit::Change { status: None, hold_days: Some(days), amount: None, sale_amount: None }
}

impl World {
    /// Changes the commission, twice: the second time nothing changes.
    fn edits(&self, key: &str, change: CommissionEdit) -> Commission {
        let command = edit(key, change);
        let first = changed(self.call(command.clone()).unwrap());
        if first.deleted_at.is_none() {
            assert_eq!(changed(self.retry(command).unwrap()), first);
        } else {
            assert_eq!(rejection(self.retry(command)), Rejection::CommissionNotFound);
        }
        first
    }
}

fn changed(outcome: Outcome) -> Commission {
    match outcome {
        Outcome::Commission { commission, .. } => *commission,
        other => panic!("no commission: {other:?}"),
    }
}

#[test]
fn a_person_approves_and_declines_and_each_is_told() {
    let world = World::paying([Incentive { approval: Approval::Manual, ..thirty_percent() }]);
    world.sells(sale("order_1", "99.00"));
    let approved = world.edits("order_1", to_status(CommissionStatus::ReadyForPayment));
    assert_eq!((approved.status, approved.amount_minor), (CommissionStatus::ReadyForPayment, Some(2970)));
    assert_eq!(world.last_told("transaction.approved")["commissionStatus"], "READY_FOR_PAYMENT");
    world.edits("order_1", to_status(CommissionStatus::Declined));
    assert_eq!(world.last_told("transaction.rejected")["commissionStatus"], "DECLINED");
    // What is declined counts no longer, and counts again when it is taken back.
    assert_eq!(world.total(), 0);
    world.edits("order_1", to_status(CommissionStatus::PendingManualApproval));
    assert_eq!(world.total(), 2970);
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.reason, line.actor.as_str()), (Reason::CommissionUpdated, "key:key_1"));
    assert_eq!(
        (&line.detail["status_before"], &line.detail["status"]),
        (&"declined".into(), &"pending_manual_approval".into())
    );
}

#[test]
fn what_a_person_calls_paid_is_paid_and_refunds_take_it_back_by_a_line_of_their_own() {
    let world = World::with_order();
    assert_eq!(world.edits("order_1", to_status(CommissionStatus::Paid)).payout_id, None);
    assert!(world.stored(&click().id).paid_out);
    world.pays_back(refund("r1", "order_1", None));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Paid, 0));
}

#[test]
fn what_the_table_does_not_have_is_refused_and_so_is_what_is_in_a_payout() {
    let world = World::with_order();
    world.moves(gather());
    let refused = |to: CommissionStatus| world.refuses(edit("order_1", to_status(to)));
    for to in [CommissionStatus::Paid, CommissionStatus::Declined, CommissionStatus::ReadyForPayment] {
        let expected = Rejection::NoSuchTransition {
            subject: "commission".into(),
            from: "processing_payout".into(),
            to: to.as_str().into(),
        };
        assert_eq!(refused(to), expected);
    }
    assert_eq!(world.refuses(edit("order_1", to_amounts(Some("1.00"), None))), Rejection::CommissionPaidOut);
    assert_eq!(world.refuses(edit("order_1", CommissionEdit::Delete)), Rejection::CommissionPaidOut);
}

#[test]
fn an_amount_that_the_owner_names_stands_and_refunds_reduce_it_pro_rata() {
    let world = World::with_order();
    let named = world.edits("order_1", to_amounts(Some("10.00"), None));
    assert_eq!(
        (named.amount_minor, named.earned_minor, named.reason),
        (Some(1000), Some(1000), Reason::ManualCommission)
    );
    assert_eq!(world.total(), 1000);
    // A third of 99.00 goes back: 6.67 of 10.00 are left.
    world.pays_back(refund("r1", "order_1", Some("33.00")));
    assert_eq!((world.commission("order_1").amount_minor, world.total()), (Some(667), 667));
    assert_eq!(world.refuses(edit("order_1", to_amounts(Some("5.00"), None))), Rejection::SaleIsRefunded);
    assert_eq!(world.refuses(edit("order_1", to_amounts(None, Some("5.00")))), Rejection::SaleIsRefunded);
}

#[test]
fn a_sale_amount_that_the_owner_corrects_leaves_the_commission_as_it_is() {
    let world = World::with_order();
    assert_eq!(world.edits("order_1", to_amounts(None, Some("50.00"))).amount_minor, Some(2970));
    let conversion = world.rows().conversions.into_values().next().unwrap();
    assert_eq!(conversion.amount, money("50.00", "USD"));
    assert_eq!(conversion.converted.unwrap().minor, 5000);
    let line = world.rows().events.pop().unwrap();
    assert_eq!(
        (line.detail["sale_amount_before"].to_string(), line.detail["sale_amount"].to_string()),
        ("99".into(), "50".into())
    );
}

#[test]
fn the_hold_of_what_is_pending_counts_from_its_making() {
    let world = World::paying([Incentive { approval: Approval::HoldPeriod { days: 30 }, ..thirty_percent() }]);
    world.sells(sale("order_1", "99.00"));
    let made = world.commission("order_1").created_at;
    world.now.set(world.now.get().plus_days(3));
    let held = world.edits("order_1", to_hold(7));
    assert_eq!((held.hold_days, held.hold_until), (Some(7), Some(made.plus_days(7))));
    world.edits("order_1", to_status(CommissionStatus::ReadyForPayment));
    // The days are noted; they run when it is pending again.
    assert_eq!(world.edits("order_1", to_hold(8)).hold_until, None);
    let again = world.edits("order_1", to_status(CommissionStatus::Pending));
    assert_eq!(again.hold_until, Some(made.plus_days(8)));
}

#[test]
fn a_deleted_commission_counts_no_longer_and_its_sale_says_so() {
    let world = World::with_order();
    let deleted = world.edits("order_1", CommissionEdit::Delete);
    assert_eq!((deleted.deleted_at, deleted.reason), (Some(world.now.get()), Reason::CommissionDeleted));
    let conversion = world.rows().conversions.into_values().next().unwrap();
    assert_eq!((conversion.commission_id, conversion.decision.reason), (None, Reason::CommissionDeleted));
    assert_eq!((world.total(), world.moves(gather())), (0, 0));
    assert_eq!(world.last_told("transaction.deleted")["commissionId"], "com_order_1");
    // A refund of the sale finds nothing to take back.
    let (_, refunded) = world.pays_back(refund("r1", "order_1", None));
    assert_eq!(refunded.deducted_minor, 0);
}

#[test]
fn a_lead_commission_is_changed_like_any_other() {
    let world = World::paying([per_lead(500, Approval::Automatic)]);
    let lead = format!("lead_{}", click().id);
    assert_eq!(world.edits(&lead, to_amounts(Some("7.50"), None)).amount_minor, Some(750));
    assert_eq!(world.edits(&lead, to_status(CommissionStatus::Dispute)).status, CommissionStatus::Dispute);
    assert_eq!(world.total(), 750);
    world.edits(&lead, CommissionEdit::Delete);
    assert_eq!(world.total(), 0);
}

#[test]
fn what_a_refund_took_back_is_the_ledgers_own_line() {
    let world = World::with_order();
    world.pays_out();
    world.pays_back(refund("r1", "order_1", Some("33.00")));
    assert_eq!(world.refuses(edit("back_r1", to_amounts(Some("1.00"), None))), Rejection::IsClawback);
    assert_eq!(world.refuses(edit("back_r1", CommissionEdit::Delete)), Rejection::IsClawback);
}

#[test]
fn a_change_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        let world = World::with_order();
        world.database.next_commit(fault());
        world.call(edit("order_1", to_status(CommissionStatus::Declined))).unwrap();
        assert_eq!((world.commission("order_1").status, world.rows().events.len()), (CommissionStatus::Declined, 3));
    }
}

#[test]
fn nobody_else_reaches_it() {
    let world = World::with_order();
    let mut command = edit("order_1", CommissionEdit::Delete);
    if let Command::EditCommission(edit) = &mut command {
        edit.context.reach.team_id = Some(TeamId::new("team_other"));
    }
    assert_eq!(world.refuses(command), Rejection::CommissionNotFound);
    assert_eq!(world.refuses(edit("nobody", CommissionEdit::Delete)), Rejection::CommissionNotFound);
}

//! What a payment provider's events ask of the ledger: a sale with several keys, disputes and their ends.

use super::{World, rejection, sold};
use crate::fixtures::{click, context, early_refund, refund, sale, scope, thirty_percent};
use crate::ids::CommissionId;
use crate::incentive::{Approval, Incentive};
use crate::ledger::{Command, CommissionEdit, EditCommission, FirstSeen, Outcome, RecordSale, Rejection};
use crate::memory::Fault;
use crate::sale::Commission;
use crate::status::{CommissionStatus, SalesStatus};

fn invoice() -> RecordSale {
    RecordSale { further_keys: vec!["pi_1".to_owned(), "ch_1".to_owned()], ..sale("in_1", "99.00") }
}

fn keys(world: &World) -> Vec<String> {
    let mut keys: Vec<String> = world.rows().sale_keys.into_keys().map(|(_, _, key)| key).collect();
    keys.sort();
    keys
}

#[test]
fn a_sale_is_known_by_all_of_its_keys() {
    let world = World::with_john();
    world.sells(invoice());
    assert_eq!(keys(&world), ["ch_1", "in_1", "pi_1"]);
    for key in ["pi_1", "ch_1"] {
        let (again, first_seen, _) = sold(world.call(sale(key, "99.00")).unwrap());
        assert_eq!((again.conversion.sale_key.as_deref(), first_seen), (Some("in_1"), FirstSeen::Before));
    }
    assert_eq!(world.rows().conversions.len(), 1);
}

#[test]
fn a_sale_whose_further_key_is_recorded_is_that_sale() {
    let world = World::with_john();
    world.sells(sale("pi_1", "99.00"));
    let (known, first_seen, _) = sold(world.call(invoice()).unwrap());
    assert_eq!((known.conversion.sale_key.as_deref(), first_seen), (Some("pi_1"), FirstSeen::Before));
    // The same when the other one comes between look-up and commit.
    let world = World::with_john();
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || {
        rival.call(sale("ch_1", "99.00")).unwrap();
    })));
    sold(world.call(invoice()).unwrap());
    assert_eq!((world.rows().conversions.len(), world.rows().commissions.len()), (1, 1));
}

#[test]
fn a_refund_that_waits_under_a_further_key_meets_its_sale() {
    let world = World::with_john();
    world.call(early_refund("r1", "pi_1", Some("33.00"))).unwrap();
    let (sale, _, _) = sold(world.call(invoice()).unwrap());
    assert_eq!(sale.conversion.sales_status, SalesStatus::PartialRefunded);
    assert_eq!(sale.conversion.remaining().to_decimal(), "66");
    assert!(world.rows().parked.is_empty());
    assert_eq!(keys(&world), ["ch_1", "in_1", "pi_1"]);
}

fn edit(turn: CommissionEdit) -> Command {
    Command::EditCommission(EditCommission {
        context: context("req_dispute"),
        gate: click().id,
        scope: scope(),
        commission_id: CommissionId::new("com_order_1"),
        edit: turn,
    })
}

impl World {
    /// Turns the dispute, twice: the second time nothing changes.
    fn disputes(&self, turn: CommissionEdit) -> Commission {
        let first = commission(self.call(edit(turn.clone())).unwrap());
        let lines = self.rows().events.len();
        assert_eq!(commission(self.call(edit(turn)).unwrap()), first);
        assert_eq!(self.rows().events.len(), lines);
        first
    }
}

fn commission(outcome: Outcome) -> Commission {
    match outcome {
        Outcome::Commission { commission, .. } => *commission,
        other => panic!("no commission: {other:?}"),
    }
}

#[test]
fn a_dispute_makes_a_commission_wait_and_its_end_puts_it_where_its_approval_does() {
    use CommissionStatus::{Dispute, Pending, PendingManualApproval, ReadyForPayment};
    for (approval, after) in [
        (Approval::Automatic, ReadyForPayment),
        (Approval::HoldPeriod { days: 30 }, Pending),
        (Approval::Manual, PendingManualApproval),
    ] {
        let world = World::paying([Incentive { approval, ..thirty_percent() }]);
        let before = world.sells(sale("order_1", "99.00")).commission.unwrap();
        // An end without a beginning changes nothing.
        assert_eq!(world.disputes(CommissionEdit::EndDispute), before);
        assert_eq!(world.disputes(CommissionEdit::Dispute).status, Dispute);
        let back = world.disputes(CommissionEdit::EndDispute);
        assert_eq!((back.status, back.hold_until), (after, before.hold_until));
        assert_eq!(back.amount_minor, before.amount_minor);
    }
}

#[test]
fn what_was_paid_back_or_declined_is_no_matter_of_a_dispute() {
    let world = World::paying([thirty_percent()]);
    world.sells(sale("order_1", "99.00"));
    world.call(refund("r1", "order_1", None)).unwrap();
    assert_eq!(world.disputes(CommissionEdit::Dispute).status, CommissionStatus::Refunded);
    assert_eq!(
        rejection(world.call(Command::EditCommission(EditCommission {
            commission_id: CommissionId::new("com_none"),
            context: context("req_dispute"),
            gate: click().id,
            scope: scope(),
            edit: CommissionEdit::Dispute,
        }))),
        Rejection::CommissionNotFound
    );
}

#[test]
fn a_disputed_sale_that_is_paid_back_stays_so() {
    let world = World::paying([thirty_percent()]);
    world.sells(sale("order_1", "99.00"));
    world.disputes(CommissionEdit::Dispute);
    world.call(refund("r1", "order_1", None)).unwrap();
    assert_eq!(world.disputes(CommissionEdit::EndDispute).status, CommissionStatus::Refunded);
}

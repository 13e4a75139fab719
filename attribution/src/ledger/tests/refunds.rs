//! What is paid back is earned back: design, sections 5 and 6; reference of the dialects, sections 1.8, 1.13 and 2.5.

use serde_json::{Value, json};

use super::{World, earned, rejection};
use crate::decision::Reason;
use crate::fixtures::{affiliate, click, fixed, money, refund, sale, sign_up, thirty_percent};
use crate::ids::ConversionId;
use crate::incentive::Approval;
use crate::ledger::{FirstSeen, Outcome, RecordSale, Refund, Rejection};
use crate::memory::Fault;
use crate::money::Currency;
use crate::program::Affiliate;
use crate::sale::{Commission, RecordedSale, SaleRefund};
use crate::status::{CommissionStatus, Partnership, ReferralStatus, SalesStatus};

/// A refund's answer: the sale after it, the refund, and whether it is new.
pub fn refunded(outcome: Outcome) -> (RecordedSale, Option<SaleRefund>, FirstSeen) {
    match outcome {
        Outcome::Refund { sale, refund, first_seen } => (*sale, refund.map(|refund| *refund), first_seen),
        other => panic!("no refund: {other:?}"),
    }
}

impl World {
    /// Pays back, twice: the second call is answered the same and changes nothing.
    pub(super) fn pays_back(&self, command: Refund) -> (RecordedSale, SaleRefund) {
        assert!(command.refund_key.is_some(), "only a refund with a key can be repeated");
        let (sale, refund, first_seen) = refunded(self.call(command.clone()).unwrap());
        assert_eq!(first_seen, FirstSeen::Now);
        assert_eq!(refunded(self.retry(command).unwrap()), (sale.clone(), refund.clone(), FirstSeen::Before));
        assert_eq!(self.rows().conversions[&sale.conversion.id], sale.conversion);
        (sale, refund.expect("something was paid back"))
    }

    /// A world in which John has bought for 99.00 and Alice has 29.70 of it.
    pub(super) fn with_order() -> Self {
        let world = Self::with_john();
        world.sells(sale("order_1", "99.00"));
        world
    }

    /// The commission of the only sale that has one.
    pub(super) fn commission(&self, key: &str) -> Commission {
        let rows = self.rows();
        let conversion = &rows.conversions[&ConversionId::new(format!("conv_{key}"))];
        rows.commissions[conversion.commission_id.as_ref().unwrap()].clone()
    }

    /// What John has earned Alice, refunds taken off.
    pub(super) fn total(&self) -> i64 {
        self.stored(&click().id).commission_total_minor
    }

    pub(super) fn last_told(&self, kind: &str) -> Value {
        let messages = self.rows().events.into_iter().flat_map(|event| event.messages);
        messages.rev().find(|message| message.kind == kind).expect("subscribers are told").data
    }
}

fn status_of(sale: &RecordedSale) -> (SalesStatus, String) {
    (sale.conversion.sales_status, sale.conversion.remaining().to_decimal())
}

#[test]
fn a_third_paid_back_takes_a_third_of_the_commission() {
    let world = World::with_order();
    let (sale, refund) = world.pays_back(refund("r1", "order_1", Some("33.00")));
    assert_eq!(status_of(&sale), (SalesStatus::PartialRefunded, "66".to_owned()));
    // What was sold stays as it was; what was paid back stands beside it.
    assert_eq!((sale.conversion.amount, sale.conversion.refunded_minor), (money("99", "USD"), 3300));
    assert_eq!((refund.amount, refund.deducted_minor, refund.clawback_id), (money("33", "USD"), 990, None));
    let commission = earned(sale);
    assert_eq!((commission.amount(), commission.earned_minor), (Some(money("19.80", "USD")), Some(2970)));
    assert_eq!(commission.status, CommissionStatus::ReadyForPayment);
    assert_eq!((world.commission("order_1"), world.total()), (commission, 1980));
    let event = world.rows().events.pop().unwrap();
    assert_eq!((event.reason, event.seq), (Reason::SalePartlyRefunded, 3));
}

#[test]
fn a_full_refund_leaves_nothing() {
    for amount in [None, Some("99.00")] {
        let world = World::with_order();
        let (sale, refund) = world.pays_back(refund("r1", "order_1", amount));
        assert_eq!(status_of(&sale), (SalesStatus::Refunded, "0".to_owned()));
        assert_eq!((refund.amount, refund.deducted_minor), (money("99", "USD"), 2970));
        let commission = earned(sale);
        assert_eq!((commission.amount(), commission.status), (Some(money("0", "USD")), CommissionStatus::Refunded));
        assert_eq!((world.commission("order_1"), world.total()), (commission, 0));
        assert_eq!(world.rows().events.pop().unwrap().reason, Reason::SaleRefunded);
    }
}

#[test]
fn ten_refunds_of_a_cent_take_what_one_of_ten_cents_takes() {
    // 30 % of a cent is 0.3 cents, which alone would be rounded away ten times: the sum is rounded once.
    let several = World::with_john();
    several.sells(sale("order_1", "10.00"));
    let deducted: i64 = (0..10)
        .map(|number| several.pays_back(refund(&format!("r{number}"), "order_1", Some("0.01"))).1.deducted_minor)
        .sum();
    let one = World::with_john();
    one.sells(sale("order_1", "10.00"));
    one.pays_back(refund("r", "order_1", Some("0.10")));
    assert_eq!((deducted, several.commission("order_1").amount()), (3, Some(money("2.97", "USD"))));
    assert_eq!((several.total(), one.total()), (297, 297));
    // And what is left goes to the last cent.
    several.pays_back(refund("rest", "order_1", None));
    assert_eq!((several.commission("order_1").amount_minor, several.total()), (Some(0), 0));
    assert_eq!(several.rows().refunds.values().map(|refund| refund.amount.minor).sum::<i64>(), 1000);
}

#[test]
fn a_fixed_commission_is_reduced_pro_rata_too() {
    let world = World::paying([fixed("inc_fixed", 1500)]);
    world.sells(sale("order_1", "99.00"));
    world.pays_back(refund("r1", "order_1", Some("33.00")));
    assert_eq!(world.commission("order_1").amount(), Some(money("10", "USD")));
}

#[test]
fn a_currency_without_a_second_digit_is_rounded_to_its_own_unit() {
    let world = World::with(|program| program.currency = Currency::from_code("JPY").unwrap());
    world.signs_up(sign_up(&click()));
    world.sells(RecordSale { amount: money("1000", "JPY"), ..sale("order_1", "1") });
    // 999 of 1000 yen remain: 299.7 of 300.
    world.pays_back(Refund { amount: Some(money("1", "JPY")), ..refund("r1", "order_1", None) });
    assert_eq!(world.commission("order_1").amount(), Some(money("300", "JPY")));
    world.pays_back(Refund { amount: Some(money("1", "JPY")), ..refund("r2", "order_1", None) });
    assert_eq!(world.commission("order_1").amount(), Some(money("299", "JPY")));
}

#[test]
fn more_than_what_remains_is_refused_with_what_remains() {
    let world = World::with_order();
    let beyond = |amount: &str| refund("beyond", "order_1", Some(amount));
    assert_eq!(world.refuses(beyond("99.01")), Rejection::RefundTooLarge { remaining: money("99", "USD") });
    world.pays_back(refund("r1", "order_1", Some("60")));
    assert_eq!(world.refuses(beyond("39.01")), Rejection::RefundTooLarge { remaining: money("39", "USD") });
    // The key of what was refused is free, and exactly what remains is everything.
    let (sale, _) = world.pays_back(beyond("39"));
    assert_eq!(status_of(&sale), (SalesStatus::Refunded, "0".to_owned()));
    assert_eq!(world.commission("order_1").status, CommissionStatus::Refunded);
    assert_eq!(
        world.refuses(refund("more", "order_1", Some("0.01"))),
        Rejection::RefundTooLarge { remaining: money("0", "USD") }
    );
}

#[test]
fn another_currency_is_refused_with_the_sales() {
    let world = World::with_order();
    let euros = Refund { amount: Some(money("33", "EUR")), ..refund("r1", "order_1", None) };
    let expected = Currency::from_code("USD").unwrap();
    assert_eq!(world.refuses(euros), Rejection::RefundCurrency { expected });
}

#[test]
fn a_sale_that_earned_nothing_is_paid_back_all_the_same() {
    let world = World::paying([]);
    world.sells(sale("order_1", "99.00"));
    let (partly, first) = world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!((status_of(&partly).1.as_str(), partly.commission, first.deducted_minor), ("66", None, 0));
    let data = world.last_told("transaction.updated");
    assert_eq!((&data["saleAmount"].to_string()[..], &data["commissionAmount"]), ("66", &json!(null)));
    let (fully, _) = world.pays_back(refund("r2", "order_1", None));
    assert_eq!((fully.conversion.sales_status, fully.commission), (SalesStatus::Refunded, None));
    assert_eq!((world.rows().commissions.len(), world.total()), (0, 0));
}

#[test]
fn a_rejected_referrals_sale_is_paid_back_too() {
    let world = World::with_order();
    world
        .database
        .put_referral(crate::referral::Referral { status: ReferralStatus::Rejected, ..world.stored(&click().id) });
    let (sale, _) = world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(status_of(&sale), (SalesStatus::PartialRefunded, "66".to_owned()));
    let referral = world.stored(&click().id);
    assert_eq!((referral.status, referral.commission_total_minor), (ReferralStatus::Rejected, 1980));
    world.pays_back(refund("r2", "order_1", None));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Refunded, 0));
}

#[test]
fn an_affiliate_who_is_out_loses_what_is_paid_back() {
    let world = World::with_order();
    world.database.put_affiliate(Affiliate { partnership: Partnership::Rejected, ..affiliate() });
    world.pays_back(refund("r1", "order_1", None));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Refunded, 0));
}

#[test]
fn only_the_refunded_sale_is_reduced() {
    let world = World::with(|program| {
        program.incentives = vec![thirty_percent(), crate::fixtures::per_lead(500, Approval::Automatic)];
    });
    world.signs_up(sign_up(&click()));
    world.sells(sale("order_1", "99.00"));
    world.sells(sale("order_2", "10.00"));
    world.pays_back(refund("r1", "order_1", None));
    assert_eq!(world.commission("order_2").amount(), Some(money("3", "USD")));
    // 5.00 for the lead and 3.00 for the other sale.
    assert_eq!(world.total(), 800);
}

#[test]
fn a_commission_that_waits_for_a_rate_waits_no_longer_once_all_is_paid_back() {
    let world = World::with_john();
    world.sells(RecordSale { amount: money("99", "EUR"), ..sale("order_1", "1") });
    let euros = |id, amount: &str| Refund { amount: Some(money(amount, "EUR")), ..refund(id, "order_1", None) };
    let (partly, first) = world.pays_back(euros("r1", "33"));
    assert_eq!((status_of(&partly).1.as_str(), first.deducted_minor), ("66", 0));
    assert_eq!(
        (partly.commission.unwrap().amount_minor, world.commission("order_1").status),
        (None, CommissionStatus::Pending)
    );
    world.pays_back(euros("r2", "66"));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Refunded, 0));
}

#[test]
fn subscribers_are_told_reduced_amounts() {
    let world = World::with_order();
    let before = world.told().len();
    world.pays_back(refund("r1", "order_1", Some("33")));
    assert_eq!(world.told()[before..], ["transaction.updated"]);
    let amounts = |data: &Value| {
        let text = |name: &str| data[name].to_string();
        [text("saleAmount"), text("commissionAmount"), text("saleStatus"), text("commissionStatus")]
    };
    let partly = ["66", "19.8", "\"PARTIAL_REFUNDED\"", "\"READY_FOR_PAYMENT\""];
    assert_eq!(amounts(&world.last_told("transaction.updated")), partly);
    world.pays_back(refund("r2", "order_1", None));
    assert_eq!(world.told()[before..], ["transaction.updated", "transaction.rejected"]);
    let data = world.last_told("transaction.rejected");
    assert_eq!(amounts(&data), ["0", "0", "\"REFUNDED\"", "\"REFUNDED\""]);
    assert_eq!((&data["transactionId"], &data["commissionId"]), (&json!("conv_order_1"), &json!("com_order_1")));
}

#[test]
fn a_refund_survives_what_goes_wrong_with_its_commit() {
    for fault in [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed] {
        for refund_key in [None, Some("key".to_owned())] {
            let world = World::with_order();
            world.database.next_commit(fault());
            let command = Refund { refund_key, ..refund("r1", "order_1", Some("33")) };
            let (sale, _, first_seen) = refunded(world.call(command).unwrap());
            assert_eq!((status_of(&sale).1.as_str(), first_seen), ("66", FirstSeen::Now));
            assert_eq!((world.rows().refunds.len(), world.total()), (1, 1980));
        }
    }
}

#[test]
fn a_sale_that_nobody_knows_is_not_found() {
    let world = World::with_order();
    let unknown = refund("r1", "order_9", None);
    assert_eq!(world.refuses(unknown.clone()), Rejection::SaleNotFound);
    let mut other = refund("r1", "order_1", None);
    other.context.reach.team_id = Some(crate::ids::TeamId::new("team_2"));
    assert_eq!(rejection(world.call(other)), Rejection::SaleNotFound);
    assert_eq!((world.rows().refunds.len(), world.total()), (0, 2970));
}

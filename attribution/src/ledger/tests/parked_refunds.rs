//! Refunds that come before their sale: design, sections 5 and 6.

use super::refunds::refunded;
use super::{World, earned, sold};
use crate::decision::Reason;
use crate::fixtures::{context, early_refund, money, refund, sale, scope};
use crate::ids::RefundId;
use crate::ledger::{ExpireRefund, FirstSeen, Outcome, Refund, Rejection};
use crate::memory::Fault;
use crate::sale::{ParkedRefund, RecordedSale};
use crate::status::{CommissionStatus, SalesStatus};
use crate::time::Timestamp;

fn parked(outcome: Outcome) -> (ParkedRefund, FirstSeen) {
    match outcome {
        Outcome::Parked { refund, first_seen } => (*refund, first_seen),
        other => panic!("it does not wait: {other:?}"),
    }
}

impl World {
    /// Asks a refund to wait, twice.
    fn waits(&self, command: Refund) -> ParkedRefund {
        let (waiting, first_seen) = parked(self.call(command.clone()).unwrap());
        assert_eq!(first_seen, FirstSeen::Now);
        assert_eq!(parked(self.retry(command).unwrap()), (waiting.clone(), FirstSeen::Before));
        assert_eq!(self.rows().parked[&waiting.id], waiting);
        waiting
    }

    /// The lines of a subject, by their reasons.
    fn reasons_of(&self, subject: &str) -> Vec<Reason> {
        let rows = self.rows();
        rows.events.iter().filter(|event| event.subject == subject).map(|event| event.reason).collect()
    }
}

/// What remains of the sale, what it earns, and where both stand.
fn rest(sale: &RecordedSale) -> (String, Option<i64>, SalesStatus) {
    let earned = sale.commission.as_ref().and_then(|commission| commission.amount_minor);
    (sale.conversion.remaining().to_decimal(), earned, sale.conversion.sales_status)
}

const PARTLY: Option<&str> = Some("33.00");

fn expire(waiting: &ParkedRefund) -> ExpireRefund {
    ExpireRefund {
        context: context("req_expire"),
        gate: early_refund("r1", "order_1", None).gate,
        scope: scope(),
        refund_id: waiting.id.clone(),
        sale_key: waiting.sale_key.clone(),
    }
}

#[test]
fn a_refund_before_its_sale_is_not_found_unless_it_may_wait() {
    let world = World::with_john();
    let published = Refund { may_wait: false, ..early_refund("r1", "order_1", PARTLY) };
    assert_eq!(world.refuses(published), Rejection::SaleNotFound);
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    assert_eq!((waiting.id.as_str(), waiting.sale_key.as_str()), ("rfd_r1", "order_1"));
    assert_eq!((waiting.amount, waiting.parked_at), (Some(money("33", "USD")), world.now.get()));
    // 2026-01-11 and 30 days.
    assert_eq!(waiting.expires_at, Timestamp::parse("2026-02-10T00:00:00Z").unwrap());
    assert_eq!((world.rows().refunds.len(), world.rows().conversions.len()), (0, 0));
    assert_eq!(world.reasons_of("rfd_r1"), [Reason::RefundWaitsForItsSale]);
}

#[test]
fn a_waiting_refunds_key_with_another_amount_is_refused_by_one_dialect_and_skipped_by_the_other() {
    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    for amount in [Some("34"), None] {
        let again = Refund { refund_key: Some("r1".into()), ..early_refund("again", "order_1", amount) };
        assert_eq!(world.refuses(again.clone()), Rejection::RefundKeyReused);
        let skips = Refund { refuses_other_body: false, ..again };
        assert_eq!(parked(world.retry(skips).unwrap()), (waiting.clone(), FirstSeen::Before));
    }
}

#[test]
fn the_sale_settles_what_waits_for_it_in_its_own_batch() {
    let cases = [
        (vec![PARTLY], ("66", 1980, SalesStatus::PartialRefunded)),
        (vec![None], ("0", 0, SalesStatus::Refunded)),
        (vec![Some("99.00")], ("0", 0, SalesStatus::Refunded)),
        (vec![PARTLY, Some("33.01")], ("32.99", 990, SalesStatus::PartialRefunded)),
        (vec![PARTLY, None], ("0", 0, SalesStatus::Refunded)),
        // Never beyond the sale, however much was asked for.
        (vec![Some("150")], ("0", 0, SalesStatus::Refunded)),
        (vec![Some("60"), Some("60")], ("0", 0, SalesStatus::Refunded)),
        (vec![None, PARTLY], ("0", 0, SalesStatus::Refunded)),
    ];
    for (amounts, (remaining, minor, status)) in cases {
        let world = World::with_john();
        for (number, amount) in amounts.iter().enumerate() {
            world.waits(early_refund(&format!("r{number}"), "order_1", *amount));
        }
        let commits = world.database.commits.get();
        let (sale, first_seen, _) = sold(world.call(sale("order_1", "99.00")).unwrap());
        assert_eq!((first_seen, world.database.commits.get()), (FirstSeen::Now, commits + 1), "{amounts:?}");
        assert_eq!(rest(&sale), (remaining.to_owned(), Some(minor), status), "{amounts:?}");
        assert_eq!((world.commission("order_1").amount_minor, world.total()), (Some(minor), minor), "{amounts:?}");
        let rows = world.rows();
        assert_eq!((rows.parked.len(), &rows.conversions[&sale.conversion.id]), (0, &sale.conversion));
        let paid_back: i64 = rows.refunds.values().map(|refund| refund.amount.minor).sum();
        assert_eq!(paid_back, sale.conversion.refunded_minor, "{amounts:?}");
        let taken: i64 = rows.refunds.values().map(|refund| refund.deducted_minor).sum();
        assert_eq!(taken, 2970 - minor, "{amounts:?}");
        // And nothing happens a second time.
        assert_eq!(sold(world.retry(crate::fixtures::sale("order_1", "99.00")).unwrap()).0, sale);
    }
}

#[test]
fn what_has_waited_says_that_it_met_its_sale_and_is_known_by_its_key() {
    let world = World::with_john();
    world.waits(early_refund("r1", "order_1", PARTLY));
    world.sells(sale("order_1", "99.00"));
    assert_eq!(world.reasons_of("rfd_r1"), [Reason::RefundWaitsForItsSale, Reason::RefundMetItsSale]);
    // The client that was told to wait comes again, now that the sale is known, by its key or by its id.
    for command in [early_refund("r1", "order_1", PARTLY), refund("r1", "order_1", PARTLY)] {
        let (sale, refund, first_seen) = refunded(world.retry(command).unwrap());
        assert_eq!((rest(&sale).0.as_str(), first_seen), ("66", FirstSeen::Before));
        assert_eq!((refund.unwrap().id, earned(sale).amount_minor), (RefundId::new("rfd_r1"), Some(1980)));
    }
    let other = Refund { refund_key: Some("r1".into()), ..refund("other", "order_1", Some("34")) };
    assert_eq!(world.refuses(other), Rejection::RefundKeyReused);
    // The rest can be paid back as ever.
    world.pays_back(refund("r2", "order_1", None));
    assert_eq!((world.commission("order_1").status, world.total()), (CommissionStatus::Refunded, 0));
}

#[test]
fn subscribers_are_told_what_is_left() {
    for (amount, kind, [sale_amount, commission]) in
        [(PARTLY, "transaction.updated", ["66", "19.8"]), (None, "transaction.rejected", ["0", "0"])]
    {
        let world = World::with_john();
        world.waits(early_refund("r1", "order_1", amount));
        assert_eq!(world.told(), ["referral.lead"]);
        world.sells(sale("order_1", "99.00"));
        assert_eq!(world.told().last().unwrap(), kind);
        let data = world.last_told(kind);
        assert_eq!([data["saleAmount"].to_string(), data["commissionAmount"].to_string()], [sale_amount, commission]);
    }
}

#[test]
fn only_its_own_sale_settles_it() {
    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    world.sells(sale("order_2", "99.00"));
    assert_eq!((&world.rows().parked[&waiting.id], world.total()), (&waiting, 2970));
}

#[test]
fn in_another_currency_it_is_settled_without_effect_and_says_so() {
    let world = World::with_john();
    let euros = Refund { amount: Some(money("33", "EUR")), ..early_refund("r1", "order_1", None) };
    world.waits(euros);
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!(rest(&sale), ("99".to_owned(), Some(2970), SalesStatus::Complete));
    assert_eq!((world.rows().parked.len(), world.total()), (0, 2970));
    assert_eq!(world.reasons_of("rfd_r1"), [Reason::RefundWaitsForItsSale, Reason::RefundDidNotFitItsSale]);
}

#[test]
fn what_finds_nothing_left_is_settled_without_effect_and_says_so() {
    let world = World::with_john();
    world.waits(early_refund("r1", "order_1", None));
    world.waits(early_refund("r2", "order_1", PARTLY));
    world.sells(sale("order_1", "99.00"));
    assert_eq!(world.reasons_of("rfd_r1").last(), Some(&Reason::RefundMetItsSale));
    assert_eq!(world.reasons_of("rfd_r2").last(), Some(&Reason::RefundDidNotFitItsSale));
}

#[test]
fn after_thirty_days_it_waits_no_longer() {
    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    world.now.set(Timestamp::from_milliseconds(waiting.expires_at.milliseconds() - 1500));
    world.call(expire(&waiting)).unwrap();
    assert_eq!(world.rows().parked.len(), 1, "not before its time");
    world.now.set(waiting.expires_at);
    world.call(expire(&waiting)).unwrap();
    assert_eq!(world.rows().parked.len(), 0);
    assert_eq!(world.reasons_of("rfd_r1"), [Reason::RefundWaitsForItsSale, Reason::RefundExpired]);
    world.retry(expire(&waiting)).unwrap();
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!(rest(&sale), ("99".to_owned(), Some(2970), SalesStatus::Complete));
}

#[test]
fn what_has_met_its_sale_does_not_expire() {
    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    world.sells(sale("order_1", "99.00"));
    world.now.set(waiting.expires_at.plus_days(1));
    let rows = world.rows();
    world.call(expire(&waiting)).unwrap();
    assert_eq!(world.rows(), rows);
}

/// Both have met, once.
fn met(world: &World) {
    let rows = world.rows();
    assert_eq!((rows.parked.len(), rows.refunds.len(), rows.conversions.len()), (0, 1, 1));
    let conversion = rows.conversions.values().next().unwrap();
    assert_eq!((conversion.refunded_minor, conversion.sales_status), (3300, SalesStatus::PartialRefunded));
    assert_eq!((world.commission("order_1").amount_minor, world.total()), (Some(1980), 1980));
}

#[test]
fn a_sale_that_is_overtaken_by_its_refund_settles_it() {
    let world = World::with_john();
    let rival = world.clone();
    let refund_first =
        move || assert_eq!(parked(rival.call(early_refund("r1", "order_1", PARTLY)).unwrap()).1, FirstSeen::Now);
    world.database.next_commit(Fault::Overtaken(Box::new(refund_first)));
    let sale = world.sells(sale("order_1", "99.00"));
    assert_eq!(rest(&sale).0, "66");
    met(&world);
}

#[test]
fn a_refund_that_is_overtaken_by_its_sale_is_applied() {
    let world = World::with_john();
    let rival = world.clone();
    let sale_first = move || assert_eq!(sold(rival.call(sale("order_1", "99.00")).unwrap()).1, FirstSeen::Now);
    world.database.next_commit(Fault::Overtaken(Box::new(sale_first)));
    let (sale, _) = world.pays_back(early_refund("r1", "order_1", PARTLY));
    assert_eq!(rest(&sale).0, "66");
    met(&world);
}

#[test]
fn whatever_goes_wrong_with_either_commit_they_meet_once() {
    let faults: [fn() -> Fault; 3] = [|| Fault::Lost, || Fault::AnswerLost, || Fault::Delayed];
    for of_refund in [None, Some(faults[0]), Some(faults[1]), Some(faults[2])] {
        for of_sale in faults {
            let world = World::with_john();
            if let Some(fault) = of_refund {
                world.database.next_commit(fault());
            }
            let (_, first_seen) = parked(world.call(early_refund("r1", "order_1", PARTLY)).unwrap());
            assert_eq!(first_seen, FirstSeen::Now);
            world.database.next_commit(of_sale());
            let (sale, first_seen, _) = sold(world.call(sale("order_1", "99.00")).unwrap());
            assert_eq!((rest(&sale).0.as_str(), first_seen), ("66", FirstSeen::Now));
            met(&world);
        }
    }
}

#[test]
fn of_an_expiry_and_a_sale_at_once_only_one_has_the_refund() {
    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    world.now.set(waiting.expires_at);
    let (rival, job) = (world.clone(), expire(&waiting));
    world.database.next_commit(Fault::Overtaken(Box::new(move || drop(rival.call(job).unwrap()))));
    assert_eq!(rest(&world.sells(sale("order_1", "99.00"))).0, "99");
    assert_eq!((world.rows().parked.len(), world.rows().refunds.len(), world.total()), (0, 0, 2970));

    let world = World::with_john();
    let waiting = world.waits(early_refund("r1", "order_1", PARTLY));
    world.now.set(waiting.expires_at);
    let rival = world.clone();
    world.database.next_commit(Fault::Overtaken(Box::new(move || drop(rival.call(sale("order_1", "99.00")).unwrap()))));
    world.call(expire(&waiting)).unwrap();
    assert_eq!(world.reasons_of("rfd_r1"), [Reason::RefundWaitsForItsSale, Reason::RefundMetItsSale]);
    met(&world);
}

#[test]
fn a_key_that_waits_for_one_unknown_sale_does_not_wait_for_another() {
    let world = World::with_john();
    world.waits(early_refund("r1", "order_1", PARTLY));
    let of_another = Refund { refund_id: RefundId::new("rfd_another"), ..early_refund("r1", "order_2", PARTLY) };
    assert_eq!(world.refuses(of_another), Rejection::RefundKeyReused);
    assert_eq!(rest(&world.sells(sale("order_2", "99.00"))).0, "99");
    assert_eq!(
        rest(&sold(world.call(sale("order_1", "99.00")).unwrap()).0),
        ("66".to_owned(), Some(1980), SalesStatus::PartialRefunded)
    );
}

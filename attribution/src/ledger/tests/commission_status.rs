//! Where a new commission stands: by the incentive, by the caller, or waiting for a rate (design, section 5).

use serde_json::json;

use super::{World, earned};
use crate::decision::Reason;
use crate::fixtures::{click, fixed, money, sale, thirty_percent};
use crate::incentive::{Approval, Incentive};
use crate::ledger::RecordSale;
use crate::status::{CommissionStatus, ReferralStatus};
use crate::time::Timestamp;

#[test]
fn the_incentives_approval_decides_the_commissions_status() {
    // 2026-01-11 and 30 days.
    let end = Timestamp::parse("2026-02-10T00:00:00Z");
    let cases = [
        (Approval::Automatic, CommissionStatus::ReadyForPayment, None, None),
        (Approval::HoldPeriod { days: 30 }, CommissionStatus::Pending, Some(30), end),
        (Approval::Manual, CommissionStatus::PendingManualApproval, None, None),
    ];
    for (approval, status, hold_days, hold_until) in cases {
        let world = World::paying([Incentive { approval, ..thirty_percent() }]);
        let commission = earned(world.sells(sale("order_1", "99.00")));
        let hold = (commission.hold_days, commission.hold_until);
        assert_eq!((commission.status, hold), (status, (hold_days, hold_until)));
        assert_eq!(world.rows().events[1].messages[1].data["holdPeriodDays"], json!(hold_days));
    }
}

#[test]
fn the_callers_status_wins() {
    for word in CommissionStatus::words() {
        let world = World::paying([Incentive { approval: Approval::HoldPeriod { days: 30 }, ..thirty_percent() }]);
        let mut command = sale("order_1", "99.00");
        command.details.commission_status = CommissionStatus::from_word(word);
        let commission = earned(world.sells(command));
        // What was paid back before it was recorded is nothing.
        let amount = if *word == "refunded" { 0 } else { 2970 };
        assert_eq!((commission.status.as_str(), commission.amount_minor), (*word, Some(amount)));
        let counts = !matches!(*word, "declined" | "refunded");
        assert_eq!(world.total(), if counts { 2970 } else { 0 });
        // Only what is pending has a hold that the scheduled job will end.
        assert_eq!(commission.hold_until.is_some(), *word == "pending");
    }
}

fn ninety_nine_euros() -> RecordSale {
    RecordSale { amount: money("99.00", "EUR"), ..sale("order_1", "1") }
}

#[test]
fn in_another_currency_the_commission_waits_for_a_rate() {
    let world = World::paying([thirty_percent()]);
    let sold = world.sells(ninety_nine_euros());
    assert_eq!((sold.conversion.attributed, sold.conversion.amount), (true, money("99.00", "EUR")));
    assert_eq!(sold.conversion.decision.reason, Reason::MissingRate);
    let commission = earned(sold);
    assert_eq!((commission.amount_minor, commission.currency.code()), (None, "USD"));
    assert_eq!((commission.status, commission.reason), (CommissionStatus::Pending, Reason::MissingRate));
    let customer = world.stored(&click().id);
    assert_eq!((customer.status, customer.commission_total_minor), (ReferralStatus::Customer, 0));
    let data = &world.rows().events[1].messages[1].data;
    assert_eq!((&data["saleCurrency"], &data["commissionAmount"]), (&json!("EUR"), &json!(null)));
}

#[test]
fn a_fixed_reward_needs_no_rate() {
    let world = World::paying([fixed("inc_fixed", 1500)]);
    assert_eq!(earned(world.sells(ninety_nine_euros())).amount(), Some(money("15", "USD")));
}

#[test]
fn a_commission_without_an_amount_waits_whatever_status_the_caller_wants() {
    let world = World::paying([thirty_percent()]);
    let mut command = ninety_nine_euros();
    command.details.commission_status = Some(CommissionStatus::ReadyForPayment);
    assert_eq!(earned(world.sells(command)).status, CommissionStatus::Pending);
}

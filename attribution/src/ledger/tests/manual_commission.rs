//! Commissions that the program's owner names: when they were made, and what they leave in the ledger. Rules, section 9.

use serde_json::json;

use super::{Command, ManualCommission, Outcome, World, sold};
use crate::decision::Reason;
use crate::fixtures::{click, context, money, new_year, scope};
use crate::ids::{CommissionId, ConversionId};
use crate::ledger::{Failure, Rejection};
use crate::sale::SaleDetails;
use crate::status::{CommissionStatus, SalesStatus};

/// The owner says that John paid 80 dollars, and that it earns 12.
fn manual() -> ManualCommission {
    ManualCommission {
        context: context("req_manual"),
        gate: click().id,
        scope: scope(),
        amount: money("80.00", "USD"),
        sales_status: SalesStatus::Complete,
        commission: money("12.00", "USD"),
        status: CommissionStatus::Pending,
        hold_days: Some(30),
        sale_key: Some("pi_1".to_owned()),
        occurred_at: None,
        details: SaleDetails::default(),
        conversion_id: ConversionId::new("conv_manual"),
        commission_id: CommissionId::new("com_manual"),
    }
}

fn record(world: &World, command: ManualCommission) -> Result<Outcome, Failure> {
    world.call(Command::ManualCommission(command))
}

#[test]
fn it_was_made_when_its_owner_says_and_its_hold_counts_from_then() {
    for (occurred_at, made_at) in [(None, new_year().plus_days(10)), (Some(new_year()), new_year())] {
        let world = World::with_john();
        let (sale, ..) = sold(record(&world, ManualCommission { occurred_at, ..manual() }).unwrap());
        let commission = sale.commission.unwrap();
        assert_eq!((commission.created_at, commission.hold_until), (made_at, Some(made_at.plus_days(30))));
        assert_eq!((sale.conversion.created_at, sale.conversion.recorded_at), (made_at, world.now.get()));
        assert_eq!(commission.updated_at, world.now.get());
    }
}

#[test]
fn its_line_names_the_sale() {
    let world = World::with_john();
    record(&world, manual()).unwrap();
    let line = world.rows().events.pop().unwrap();
    assert_eq!((line.kind, line.reason), ("commission.recorded", Reason::ManualCommission));
    assert_eq!(line.detail["conversion_id"], json!("conv_manual"));
    assert_eq!((&line.detail["commission_sent"], &line.detail["sale_amount"]), (&json!(12), &json!(80)));
}

#[test]
fn its_payment_is_recorded_once() {
    let world = World::with_john();
    record(&world, manual()).unwrap();
    assert!(matches!(
        world.retry(Command::ManualCommission(manual())),
        Err(Failure::Rejected(Rejection::SaleKeyTaken))
    ));
}

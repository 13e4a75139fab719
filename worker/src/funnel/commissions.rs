//! Commands about money that is recorded already, or that its owner names: what each came to.

use attribution::ids::{CommissionId, ConversionId, Placement, ReferralId};
use attribution::ledger::{
    Answer, Command, CommissionEdit, Context, EditCommission, FirstSeen, ManualCommission, Outcome, Reconsider, Turn,
};
use attribution::money::Money;
use attribution::referral::Scope;
use attribution::sale::{Commission, Conversion, RecordedSale, SaleDetails};
use attribution::status::{CommissionStatus, SalesStatus};
use attribution::time::Timestamp;

use super::{Funnel, Recorded, Refusal, unexpected_outcome};
use crate::platform::SystemRandom;

/// A commission that the program's owner names.
pub struct NewCommission {
    /// Who asks.
    pub context: Context,
    /// The caller's program.
    pub scope: Scope,
    /// The customer's referral.
    pub referral_id: ReferralId,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// What it earns.
    pub commission: Money,
    /// Where the commission is.
    pub status: CommissionStatus,
    /// Days of hold, where they are named.
    pub hold_days: Option<u32>,
    /// The payment by which the sale is recognised.
    pub sale_key: Option<String>,
    /// When it was made, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// What else was said of the sale.
    pub details: SaleDetails,
}

impl Funnel {
    /// Records a sale with what its owner says that it earns.
    pub async fn record_commission(&self, new: NewCommission) -> Result<Recorded<RecordedSale>, Refusal> {
        let placement = self.placement_of(new.referral_id.placement());
        let command = ManualCommission {
            context: new.context,
            gate: new.referral_id,
            scope: new.scope,
            amount: new.amount,
            sales_status: new.sales_status,
            commission: new.commission,
            status: new.status,
            hold_days: new.hold_days,
            sale_key: new.sale_key,
            occurred_at: new.occurred_at,
            details: new.details,
            conversion_id: ConversionId::mint(placement, &mut SystemRandom),
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        recorded_sale(self.execute(Command::ManualCommission(command)).await?)
    }

    /// Says how the payment of a sale goes on.
    pub async fn move_sale(
        &self,
        context: Context,
        sale: &Conversion,
        next: SalesStatus,
    ) -> Result<Recorded<RecordedSale>, Refusal> {
        let placement = self.placement_of(sale.referral_id.placement());
        let command = Reconsider {
            context,
            gate: sale.referral_id.clone(),
            scope: sale.scope.clone(),
            conversion_id: sale.id.clone(),
            currency: sale.amount.currency,
            occurred_at: sale.created_at,
            turn: Turn::SalesStatus(next),
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        };
        recorded_sale(self.execute(Command::Reconsider(command)).await?)
    }

    /// Changes or removes a commission; it as it is then, with its sale.
    pub async fn edit_commission(
        &self,
        context: Context,
        commission: &Commission,
        edit: CommissionEdit,
    ) -> Result<Recorded<(Commission, Option<Conversion>)>, Refusal> {
        let command = EditCommission {
            context,
            gate: commission.referral_id.clone(),
            scope: commission.scope.clone(),
            commission_id: commission.id.clone(),
            edit,
        };
        let Answer { outcome, replayed } = self.execute(Command::EditCommission(command)).await?;
        match outcome {
            Outcome::Commission { commission, conversion } => {
                Ok(Recorded { row: (*commission, conversion.map(|sale| *sale)), is_new: true, replayed })
            }
            other => Err(unexpected_outcome(&other)),
        }
    }

    fn placement_of(&self, gate: Option<Placement>) -> Placement {
        gate.unwrap_or_else(|| self.any_placement())
    }
}

fn recorded_sale(Answer { outcome, replayed }: Answer) -> Result<Recorded<RecordedSale>, Refusal> {
    match outcome {
        Outcome::Sale { sale, first_seen, .. } => {
            Ok(Recorded { row: *sale, is_new: first_seen == FirstSeen::Now, replayed })
        }
        other => Err(unexpected_outcome(&other)),
    }
}

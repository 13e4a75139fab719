//! What happens to the ledger's rows as time goes by: holds end, refunds whose sale never came expire, sales are converted
//! whose rate of exchange has come.
//!
//! A job only finds what is due; what becomes of it is decided behind the gate, where it is looked at again. So a job that
//! runs twice, late or beside another changes nothing twice.

use attribution::ids::{CommissionId, Placement, ReferralId, mint};
use attribution::ledger::{
    Command, Context, ExpireRefund, MoveCommissions, Reach, Reconsider, Step, Turn, Unavailable,
};
use worker::{Env, console_error};

use super::storage::Book;
use crate::click_ledger::{self, ShardAnswer, ShardRequest};
use crate::platform::{Settings, SystemRandom, now};
use crate::store::{self, Database};

/// So many rows are looked at in one minute; the rest waits for the next.
const ROWS_A_MINUTE: u32 = 200;

/// Commissions whose hold is over become ready for payment.
pub async fn end_holds(env: &Env) -> Result<(), Unavailable> {
    let due = store::commission::with_ended_hold(&Database::of(env)?, now(), ROWS_A_MINUTE).await?;
    let commands = due.into_iter().map(|(referral_id, scope)| {
        let context = context("schedule:end_holds");
        Command::MoveCommissions(MoveCommissions { context, referral_id, scope, step: Step::EndHold })
    });
    execute_all(env, commands).await
}

/// Refunds that have waited too long for their sale are given up.
pub async fn expire_refunds(env: &Env) -> Result<(), Unavailable> {
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    let over = store::refund::expired(&Database::of(env)?, now(), ROWS_A_MINUTE).await?;
    let commands = over.into_iter().map(|parked| {
        let shards = settings.click_shards;
        let placement = Placement::of_identity(&parked.scope.program_id, &parked.sale_key, shards);
        Command::ExpireRefund(ExpireRefund {
            context: context("schedule:expire_refunds"),
            gate: ReferralId::mint(placement, &mut SystemRandom),
            scope: parked.scope,
            refund_id: parked.id,
            sale_key: parked.sale_key,
        })
    });
    execute_all(env, commands).await
}

/// Sales that waited for a rate of exchange are converted, and what they earned gets its amount. Those that cannot be are
/// come back to after all the others.
pub async fn settle_sales(env: &Env, book: &Book) -> Result<(), Unavailable> {
    let database = Database::of(env)?;
    let found = store::waiting_sale::to_settle(&database, &book.looked_to(), ROWS_A_MINUTE).await?;
    book.note_looked_to(found.next.unwrap_or_default());
    let commands = found.sales.into_iter().filter_map(|sale| {
        let placement = sale.referral_id.placement()?;
        Some(Command::Reconsider(Reconsider {
            context: context("schedule:settle_sales"),
            gate: sale.referral_id,
            scope: sale.scope,
            conversion_id: sale.id,
            currency: sale.currency,
            occurred_at: sale.occurred_at,
            turn: Turn::RateArrived,
            commission_id: CommissionId::mint(placement, &mut SystemRandom),
        }))
    });
    execute_all(env, commands).await
}

fn context(actor: &str) -> Context {
    Context {
        request_id: mint("req", &mut SystemRandom),
        actor: actor.to_owned(),
        reach: Reach { team_id: None, program_id: None, is_test: None },
        idempotency: None,
    }
}

/// Sends each through its gate. One that fails waits for the next minute and keeps no other from its turn; the last
/// failure is the job's.
async fn execute_all(env: &Env, commands: impl Iterator<Item = Command>) -> Result<(), Unavailable> {
    let mut done = Ok(());
    for command in commands {
        if let Err(away) = execute(env, command).await {
            done = Err(away);
        }
    }
    done
}

/// Sends a command through its gate. One that is refused has been overtaken: its rows are somebody else's business now.
async fn execute(env: &Env, command: Command) -> Result<(), Unavailable> {
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    let placement = command.gate().placement();
    let placement = placement.ok_or_else(|| Unavailable("a gate without a shard".to_owned()))?;
    let actor = command.context().actor.clone();
    match click_ledger::ask(env, &settings, placement, &ShardRequest::Execute(Box::new(command))).await? {
        ShardAnswer::Decided(_) => Ok(()),
        ShardAnswer::Rejected(rejection) => {
            console_error!("{actor}: left alone: {}", rejection.name());
            Ok(())
        }
        other => Err(Unavailable(format!("a shard answered {}", other.name()))),
    }
}

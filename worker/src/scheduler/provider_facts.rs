//! Goes on with what a payment provider said and could not be carried out: its sale, or its customer, may have come since.
//!
//! The call that makes them known goes on by itself; this makes up for what ended in between. All that waits is looked at
//! in turn, so many each minute. State: how far this instance has looked, in its memory; a new one begins again.

use attribution::ids::mint;
use attribution::ledger::Unavailable;
use worker::{Env, console_error};

use super::storage::Book;
use crate::funnel::{Funnel, Refusal};
use crate::platform::SystemRandom;
use crate::store::provider_fact;
use crate::stripe::Desk;

/// So many facts are looked at in one minute; the rest waits for the next.
const FACTS_A_MINUTE: u32 = 200;

/// The job. A fact that fails keeps no other from its turn; the last failure is the job's.
pub async fn go_on(env: &Env, book: &Book) -> Result<(), Unavailable> {
    let funnel = Funnel::of(env)?;
    let (facts, next) = provider_fact::waiting(&funnel.database, &book.facts_looked_to(), FACTS_A_MINUTE).await?;
    book.note_facts_looked_to(next.unwrap_or_default());
    let mut done = Ok(());
    for stored in facts {
        let worked = async {
            let desk = Desk::of(&funnel, stored.scope.clone(), &mint("req", &mut SystemRandom)).await?;
            let names = desk.apply_stored(&stored).await?;
            desk.go_on(names).await
        };
        match worked.await {
            Ok(()) => {}
            Err(Refusal::Rejected(rejection)) => console_error!("provider facts: left alone: {}", rejection.name()),
            Err(Refusal::TryLater(cause)) => done = Err(Unavailable(cause)),
        }
    }
    done
}

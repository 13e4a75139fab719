//! Stripe in: `POST /webhooks/stripe/{program}`. What an event means is read by `attribution::stripe`; here each fact is
//! carried out through the ledger, or kept until the sale or the customer that it is about is known.
//!
//! State: D1 alone (`provider_fact`). Safe because every effect has a key of its own: a sale its invoice, a refund the
//! charge and how much of it was paid back before, names their identity's row, a subscription and a dispute their last
//! state. So events need no row of their own: any of them may come again, late, or beside another, and is answered 2xx
//! only once its effect, or what waits for it, is committed. Two that wait for each other meet: each is written before it
//! looks for the other, and the scheduler looks again every minute.

mod customer;
mod desk;
mod reversal;
mod sale;

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use attribution::limits::MAX_EVENT;
use attribution::referral::Scope;
use attribution::stripe::{Event, verify};
use serde_json::json;
use worker::console_error;

pub use self::desk::{Desk, go_on_after, names_of_referral, sale_names};
use crate::affonso::Problem;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::BodyProblem;
use crate::platform::now;
use crate::store::stripe_connection::{self, StripeConnection};

/// Takes an event:
/// 1. the program's secrets, and which of them signed the body (400; the same for a program that does not exist);
/// 2. each fact is carried out, or kept (503 where neither was possible: Stripe comes again).
pub async fn receive(incoming: &Incoming, funnel: &Funnel, program: &str) -> Result<Answer, Problem> {
    let (connection, program) = connection(funnel, program).await?.ok_or_else(unsigned)?;
    let body = incoming.body.as_deref().map_err(|_| unreadable())?;
    let is_test = signed_mode(incoming, body, &connection).ok_or_else(unsigned)?;
    let event = Event::read(body).map_err(|_| unreadable())?;
    // A secret of one mode does not speak for the other.
    if event.livemode == is_test {
        return Err(unsigned());
    }
    let Some(team_id) = connection.team_id else { return Err(unsigned()) };
    let scope = Scope { team_id, program_id: program, is_test };
    let done = Desk::of(funnel, scope.clone(), &incoming.request_id).await?.take_all(event.facts).await?;
    // For people only: an event whose time is not noted was taken all the same.
    if let Err(away) = stripe_connection::note_event(&funnel.database, &scope.program_id, is_test, now()).await {
        console_error!("stripe: the time of an event is not noted: {away}");
    }
    let mut answer = json!({ "received": true, "handled": event.is_handled && done.is_none() });
    if let (Some(reason), Some(answer)) = (done, answer.as_object_mut()) {
        answer.insert("reason".to_owned(), reason.into());
    }
    Ok(Answer::json(200, &answer))
}

/// The program by its id or its number, with its secrets.
async fn connection(funnel: &Funnel, program: &str) -> Result<Option<(StripeConnection, ProgramId)>, Unavailable> {
    let configuration = funnel.configuration();
    let id = match program.parse::<i64>() {
        Ok(number) => configuration.program_id(number).await?,
        Err(_) => Some(ProgramId::new(program)),
    };
    let Some(id) = id else { return Ok(None) };
    let connection = configuration.stripe_connection(&id).await?;
    Ok(connection.map(|connection| (connection, id)))
}

/// Whether a secret of test mode signed the body, or one of live mode; `None` where none did.
fn signed_mode(incoming: &Incoming, body: &[u8], connection: &StripeConnection) -> Option<bool> {
    let header = incoming.header("stripe-signature")?;
    let live = connection.live_secrets.iter().map(String::as_str);
    let secrets: Vec<&str> = live.chain(connection.test_secrets.iter().map(String::as_str)).collect();
    let place = verify(&header, body, &secrets, now()).ok()?;
    Some(place >= connection.live_secrets.len())
}

fn unsigned() -> Problem {
    let message = "does not verify for this address: check the endpoint's signing secret, its mode and the clock";
    BodyProblem::of("Stripe-Signature", message).into()
}

fn unreadable() -> Problem {
    BodyProblem::Malformed(format!("the body must be an event of Stripe's, at most {MAX_EVENT} bytes")).into()
}

//! The jobs, in the order in which they run each minute. A new one is a variant here, its name and its arm in `run`.

use std::pin::pin;
use std::time::Duration;

use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::scheduler::Job;
use attribution::webhooks::{Figures, RollCall, Senders};
use futures_util::future::{Either, join_all, select};
use worker::{Delay, Env};

use super::storage::Book;
use super::{provider_facts, rates, retention, time_jobs};
use crate::platform::now;
use crate::store::Database;
use crate::webhook_sender::{self, SenderAnswer, SenderRequest};
use crate::{erasure_work, payout_work};

/// A job that takes longer has failed, so that the next one gets its turn. What it has begun may still end.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What is done every minute.
#[derive(Clone, Copy)]
enum Task {
    /// Wakes the senders that have fallen behind.
    CallTheRoll,
    /// Makes commissions payable whose hold is over.
    EndHolds,
    /// Gives refunds up whose sale never came.
    ExpireRefunds,
    /// Goes on with what a payment provider said of sales and customers that have come since.
    ApplyProviderFacts,
    /// Goes on with payouts that were left half way.
    WorkOnPayouts,
    /// Goes on with erasures that were interrupted.
    FinishErasures,
    /// Forgets what was kept long enough.
    ForgetOld,
    /// Fetches the rates of exchange, once an hour.
    FetchRates,
    /// Converts the sales whose rate has come.
    SettleSales,
}

const TASKS: [Task; 9] = [
    Task::CallTheRoll,
    Task::EndHolds,
    Task::ExpireRefunds,
    Task::ApplyProviderFacts,
    Task::WorkOnPayouts,
    Task::FinishErasures,
    Task::ForgetOld,
    Task::FetchRates,
    Task::SettleSales,
];

/// A task with what it needs.
pub struct ScheduledJob<'a> {
    task: Task,
    env: &'a Env,
    book: &'a Book,
}

impl<'a> ScheduledJob<'a> {
    /// All of them, in order.
    pub fn all(env: &'a Env, book: &'a Book) -> Vec<Self> {
        TASKS.into_iter().map(|task| Self { task, env, book }).collect()
    }

    async fn work(&self) -> Result<(), Unavailable> {
        match self.task {
            Task::CallTheRoll => {
                let database = Database::of(self.env)?;
                let roll_call = RollCall { census: &database, storage: self.book, senders: &SenderObjects(self.env) };
                roll_call.run(now()).await
            }
            Task::EndHolds => time_jobs::end_holds(self.env).await,
            Task::ExpireRefunds => time_jobs::expire_refunds(self.env).await,
            Task::ApplyProviderFacts => provider_facts::go_on(self.env, self.book).await,
            Task::WorkOnPayouts => payout_work::work_on_payouts(self.env).await,
            Task::FinishErasures => erasure_work::go_on(self.env).await,
            Task::ForgetOld => retention::forget_old(self.env, self.book).await,
            Task::FetchRates => rates::fetch(self.env, self.book).await,
            Task::SettleSales => time_jobs::settle_sales(self.env, self.book).await,
        }
    }
}

impl Job for ScheduledJob<'_> {
    fn name(&self) -> &'static str {
        match self.task {
            Task::CallTheRoll => "wake_webhook_senders",
            Task::EndHolds => "end_holds",
            Task::ExpireRefunds => "expire_refunds",
            Task::ApplyProviderFacts => "apply_provider_facts",
            Task::WorkOnPayouts => "work_on_payouts",
            Task::FinishErasures => "finish_erasures",
            Task::ForgetOld => "forget_old",
            Task::FetchRates => "fetch_rates",
            Task::SettleSales => "settle_sales",
        }
    }

    async fn run(&self) -> Result<(), Unavailable> {
        match select(pin!(self.work()), Delay::from(TIME_LIMIT)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Unavailable(format!("took longer than {} s", TIME_LIMIT.as_secs()))),
        }
    }
}

/// The senders' objects.
struct SenderObjects<'a>(&'a Env);

impl Senders for SenderObjects<'_> {
    async fn wake(&self, ids: &[WebhookEndpointId]) -> Vec<Result<Figures, Unavailable>> {
        join_all(ids.iter().map(|id| async move {
            match webhook_sender::ask(self.0, id, &SenderRequest::Wake).await? {
                SenderAnswer::Figures(figures) => Ok(figures),
                other => Err(Unavailable(format!("a sender was woken and answered {other:?}"))),
            }
        }))
        .await
    }
}

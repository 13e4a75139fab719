//! The scheduler's object: what is done once a minute ([`attribution::scheduler::minute`]), as `worker/src/scheduler/` does
//! it. A job only finds what is due; it is decided behind the gate of the referral or of the waiting refund.
//!
//! State: the roll of senders, on the object's disk.

use std::pin::pin;
use std::rc::Rc;

use attribution::edits::Editor;
use attribution::fixtures;
use attribution::ids::{CommissionId, Placement, ReferralId, WebhookEndpointId, mint};
use attribution::ledger::{
    Command, Context, ExpireRefund, MoveCommissions, Outcome, Reach, Reconsider, Step, Turn, Unavailable,
};
use attribution::payout::{Gates, Payout, carry_on};
use attribution::scheduler::{Job, JobLog, JobRun, minute};
use attribution::time::Clock as _;
use attribution::webhooks::{Census, CensusTaker, Figures, Roll, RollCall, RollStorage, Senders, Spoken, Subscriber};

use crate::breakage::Breakage;
use crate::cashier::{Till, step_of};
use crate::crash_point::CrashPoint;
use crate::database::{Database, Kind};
use crate::edge::SHARDS;
use crate::executor::Life;
use crate::objects::{Objects, Reply, Request, SENDER};
use crate::race::{First, first_of};
use crate::sales::goes_on;
use crate::storage::Storage;

/// So many rows are looked at in one minute; few, so that one is not always enough.
const ROWS_A_MINUTE: usize = 8;

/// A job that takes longer has failed. What it has begun may still end.
const TIME_LIMIT_MILLISECONDS: u32 = 30_000;

/// What is done every minute.
#[derive(Clone, Copy)]
enum Task {
    CallTheRoll,
    EndHolds,
    ExpireRefunds,
    SettleSales,
    CarryPayoutsOn,
}

/// A task with what it needs.
struct ScheduledJob<'a> {
    task: Task,
    scheduler: &'a Scheduler,
}

/// One instance of the scheduler.
pub struct Scheduler {
    /// The shards and the sender.
    pub objects: Rc<Objects>,
    /// Its own disk.
    pub storage: Storage,
    /// Its own life.
    pub life: Life,
}

impl Scheduler {
    /// What its alarm does. Nothing that goes wrong in a minute makes the alarm fail.
    pub async fn pass_minute(&self) {
        let jobs = [Task::CallTheRoll, Task::EndHolds, Task::ExpireRefunds, Task::SettleSales, Task::CarryPayoutsOn];
        let jobs = jobs.map(|task| ScheduledJob { task, scheduler: self });
        let scene = self.storage.scene();
        for problem in minute(&jobs, self, &**scene, &self.storage).await {
            scene.note(|| format!("scheduler {problem}"));
        }
    }

    fn database(&self) -> &Rc<Database> {
        self.objects.database()
    }

    async fn find<T: 'static>(&self, look: impl FnOnce(&Database) -> T + 'static) -> Result<T, Unavailable> {
        self.storage.settle().await;
        let look_up = move |database: &Database| Ok(look(database));
        self.database().request(Some(self.life), Kind::Read, look_up).await.map_err(Unavailable)
    }

    async fn end_holds(&self) -> Result<(), Unavailable> {
        let now = self.storage.scene().now();
        for referral_id in self.find(move |database| database.with_ended_hold(now, ROWS_A_MINUTE)).await? {
            let context = self.context("schedule:end_holds");
            let scope = fixtures::scope();
            let command = MoveCommissions { context, referral_id, scope, step: Step::EndHold };
            let outcome = self.execute(Command::MoveCommissions(command)).await?;
            if outcome == Some(Outcome::Moved { commissions: 0 }) {
                self.storage.scene().hit(CrashPoint::HoldEndedTwice);
            }
        }
        Ok(())
    }

    async fn expire_refunds(&self) -> Result<(), Unavailable> {
        let scene = self.storage.scene();
        let now = scene.now();
        for parked in self.find(move |database| database.expired(now, ROWS_A_MINUTE)).await? {
            let placement = Placement::of_identity(&parked.scope.program_id, &parked.sale_key, SHARDS);
            let sale_key = parked.sale_key.clone();
            let command = ExpireRefund {
                context: self.context("schedule:expire_refunds"),
                gate: ReferralId::mint(placement, &mut &scene.chance),
                scope: parked.scope.clone(),
                refund_id: parked.id,
                sale_key: parked.sale_key,
            };
            self.execute(Command::ExpireRefund(command)).await?;
            if self.database().is_sold(&parked.scope, &sale_key) {
                scene.hit(CrashPoint::ExpiryMeetsItsSale);
            }
        }
        Ok(())
    }

    async fn settle_sales(&self) -> Result<(), Unavailable> {
        let scene = self.storage.scene();
        for sale in self.find(|database| database.to_settle(ROWS_A_MINUTE)).await? {
            let placement = sale.referral_id.placement().ok_or_else(|| Unavailable("no shard".to_owned()))?;
            let refunded = sale.refunded_minor;
            let command = Reconsider {
                context: self.context("schedule:settle_sales"),
                commission_id: CommissionId::mint(placement, &mut &scene.chance),
                ..goes_on(sale, Turn::RateArrived)
            };
            let outcome = self.execute(Command::Reconsider(command)).await?;
            if outcome.is_some() && refunded > 0 {
                scene.hit(CrashPoint::RefundedBeforeItsRate);
            }
        }
        Ok(())
    }

    async fn carry_payouts_on(&self) -> Result<(), Unavailable> {
        let (mut done, mut budget) = (Ok(()), ROWS_A_MINUTE);
        for payout in self.find(|database| database.payouts.at_work()).await? {
            self.storage.scene().hit(CrashPoint::PayoutLeftHalfWay);
            let by = self.editor("schedule:work_on_payouts");
            let till = Till::of_object(self.database(), &self.storage, self.life);
            let gates = GatesOfJob(self, &by);
            if let Err(away) = carry_on(&payout, &mut budget, &by, (&till, &gates, &**self.storage.scene())).await {
                done = Err(away);
            }
        }
        done
    }

    fn editor(&self, actor: &str) -> Editor {
        let Context { request_id, actor, .. } = self.context(actor);
        Editor { actor, request_id, at: self.storage.scene().now() }
    }

    fn context(&self, actor: &str) -> Context {
        let request_id = mint("req", &mut &self.storage.scene().chance);
        self.objects.history().note_job(&request_id);
        let reach = Reach { team_id: None, program_id: None, is_test: None };
        Context { request_id, actor: actor.to_owned(), reach, idempotency: None }
    }

    /// Sends a command through its gate; `None` if it is refused: somebody was faster.
    async fn execute(&self, command: Command) -> Result<Option<Outcome>, Unavailable> {
        let placement = command.gate().placement();
        let placement = placement.ok_or_else(|| Unavailable("a gate without a shard".to_owned()))?;
        self.storage.settle().await;
        match Box::pin(self.objects.ask(placement.shard, Request::Execute(Box::new(command)))).await {
            Ok(Reply::Executed(Ok(answer))) => Ok(Some(answer.outcome)),
            Ok(Reply::Executed(Err(attribution::shard::Refused::Rejected(_)))) => Ok(None),
            other => Err(Unavailable(format!("a shard answered {other:?}"))),
        }
    }
}

impl Job for ScheduledJob<'_> {
    fn name(&self) -> &'static str {
        match self.task {
            Task::CallTheRoll => "wake_webhook_senders",
            Task::EndHolds => "end_holds",
            Task::ExpireRefunds => "expire_refunds",
            Task::SettleSales => "settle_sales",
            Task::CarryPayoutsOn => "work_on_payouts",
        }
    }

    async fn run(&self) -> Result<(), Unavailable> {
        let scheduler = self.scheduler;
        let scene = scheduler.storage.scene();
        let work = async {
            match self.task {
                Task::CallTheRoll if scene.breaks(Breakage::WokenByHintsAlone) => Ok(()),
                Task::CallTheRoll => {
                    let call = RollCall { census: scheduler, storage: &scheduler.storage, senders: scheduler };
                    call.run(scene.now()).await
                }
                Task::EndHolds => scheduler.end_holds().await,
                Task::ExpireRefunds => scheduler.expire_refunds().await,
                Task::SettleSales => scheduler.settle_sales().await,
                Task::CarryPayoutsOn if scene.breaks(Breakage::PayoutsLeftHalfWay) => Ok(()),
                Task::CarryPayoutsOn => scheduler.carry_payouts_on().await,
            }
        };
        match first_of(pin!(work), scene.executor.sleep(TIME_LIMIT_MILLISECONDS)).await {
            First::Work(done) => done,
            First::End => Err(Unavailable("took too long".to_owned())),
        }
    }
}

/// The gates as the job passes them.
struct GatesOfJob<'a>(&'a Scheduler, &'a Editor);

impl Gates for GatesOfJob<'_> {
    async fn pass(&self, payout: &Payout, referral: &ReferralId, step: &Step) -> Result<(), Unavailable> {
        let Self(scheduler, by) = self;
        scheduler.execute(step_of(payout, referral, step, by)).await.map(|_| ())
    }
}

impl JobLog for Scheduler {
    fn note(&self, run: &JobRun) -> Result<(), Unavailable> {
        self.storage.scene().note(|| format!("scheduler {}: {:?}", run.name, run.error));
        Ok(())
    }
}

impl CensusTaker for Scheduler {
    async fn census(&self, after: Option<i64>, span: i64) -> Result<Census, Unavailable> {
        self.find(move |database| {
            let told =
                |position: i64| after.is_some_and(|after| position > after && position <= after.saturating_add(span));
            let spoken = database.lines(|position, event| told(position) && !event.messages.is_empty()).pop();
            let (program_id, is_test) = (fixtures::scope().program_id, false);
            let id = database.subscriber.endpoint.id.clone();
            Census {
                subscribers: vec![Subscriber { id, program_id: program_id.clone(), is_test }],
                spoken: spoken
                    .map(|line| Spoken { program_id, is_test, position: line.position })
                    .into_iter()
                    .collect(),
                head: database.head(),
                next: after.filter(|after| *after < database.head()).map(|after| after + 1),
            }
        })
        .await
    }
}

impl Senders for Scheduler {
    async fn wake(&self, ids: &[WebhookEndpointId]) -> Vec<Result<Figures, Unavailable>> {
        let mut answers = Vec::new();
        for _ in ids {
            answers.push(match Box::pin(self.objects.ask(SENDER, Request::Wake)).await {
                Ok(Reply::Woken(figures)) => figures,
                _ => Err(Unavailable("the sender was lost".to_owned())),
            });
        }
        answers
    }
}

impl RollStorage for Storage {
    fn load(&self) -> Result<Roll, Unavailable> {
        Ok(self.read(|tables| tables.roll.clone()))
    }

    fn save(&self, roll: &Roll) -> Result<(), Unavailable> {
        self.write_rows(|tables| tables.roll = roll.clone());
        Ok(())
    }
}

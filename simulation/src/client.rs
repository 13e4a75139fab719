//! Clients: each does one thing after the other, comes back after errors and lost answers with the same body, sometimes
//! sends everything twice at once, and sometimes repeats what was answered long ago.
//!
//! State: none beyond the history; what they ask is drawn from the scenario.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use attribution::ledger::Rejection;

use crate::crash_point::CrashPoint;
use crate::edge::{Edge, Incoming};
use crate::executor::Executor;
use crate::history::Told;
use crate::race::{First, first_of};
use crate::scenario::Scenario;
use crate::scene::Scene;

/// So often a client comes back.
const MAX_ATTEMPTS: u32 = 6;

/// A client's world.
pub struct Client {
    /// The Worker.
    pub edge: Rc<Edge>,
    /// What there is to do.
    pub scenario: Rc<Scenario>,
    /// So many are there.
    present: Cell<u32>,
}

impl Client {
    /// Nobody yet.
    pub fn of(edge: Rc<Edge>, scenario: Rc<Scenario>) -> Self {
        Self { edge, scenario, present: Cell::new(0) }
    }

    /// Whether everything was done that clients wanted.
    pub fn are_gone(&self) -> bool {
        self.present.get() == 0
    }

    /// One comes, does so many things, and goes.
    pub fn come(self: &Rc<Self>, operations: u32) {
        self.stay(Rc::clone(self).live(operations));
    }

    /// One comes and makes these calls again.
    pub fn come_again(self: &Rc<Self>, calls: Vec<usize>) {
        let client = Rc::clone(self);
        self.stay(async move {
            for call in calls {
                Rc::clone(&client).perform(call).await;
            }
        });
    }

    fn stay(self: &Rc<Self>, stay: impl Future<Output = ()> + 'static) {
        self.present.set(self.present.get() + 1);
        let client = Rc::clone(self);
        self.scene().executor.spawn(None, async move {
            stay.await;
            client.present.set(client.present.get() - 1);
        });
    }

    fn scene(&self) -> &Rc<Scene> {
        &self.edge.scene
    }

    /// Does so many things.
    async fn live(self: Rc<Self>, operations: u32) {
        for _ in 0..operations {
            self.scenario.breathe().await;
            let Some(call) = self.scenario.next() else { continue };
            if self.scene().chance.hits(150) {
                let twin = Rc::clone(&self);
                self.stay(async move { twin.perform(call).await });
            }
            Rc::clone(&self).perform(call).await;
        }
    }

    /// Makes a call until it is answered, or the client has had enough.
    async fn perform(self: Rc<Self>, call: usize) {
        for round in 0..MAX_ATTEMPTS {
            let told = self.attempt(call).await;
            let come_back = matches!(&told, None | Some(Told::TryLater(_) | Told::Rejected(Rejection::KeyInFlight)));
            if !come_back || self.scene().chance.hits(20) {
                return;
            }
            self.scene().wait(10, 400 << round).await;
        }
    }

    async fn attempt(&self, call: usize) -> Option<Told> {
        let (scene, history) = (self.scene(), &self.edge.history);
        let executor: &Rc<Executor> = &scene.executor;
        let (body, key) = history.call(call)?;
        let request_id = self.edge.request_id();
        let name = history.begin(call, &request_id, executor.now());
        scene.note(|| format!("call {call:<4} {request_id} asks {body:?} key {key:?}"));
        scene.wait(1, 15).await;
        let incoming = Incoming { name, request_id: &request_id, body: &body, key: key.as_deref() };
        let work = pin!(self.edge.handle(&incoming));
        let told = if scene.chance.hits(scene.faults.rates().worker_dies) {
            match first_of(work, scene.wait(1, 120)).await {
                First::Work(told) => told,
                First::End => {
                    scene.hit(CrashPoint::WorkerDied);
                    return None;
                }
            }
        } else {
            work.await
        };
        scene.wait(1, 15).await;
        if scene.chance.hits(scene.faults.rates().message_lost) {
            scene.hit(CrashPoint::AnswerLost);
            return None;
        }
        scene.note(|| format!("call {call:<4} {request_id} is told {told:?}"));
        match &told {
            Told::Rejected(Rejection::KeyInFlight) => scene.hit(CrashPoint::KeyInFlight),
            Told::Rejected(Rejection::KeyReused | Rejection::RefundKeyReused) => scene.hit(CrashPoint::KeyReused),
            _ => {}
        }
        history.tell(name, executor.now(), told.clone());
        Some(told)
    }
}

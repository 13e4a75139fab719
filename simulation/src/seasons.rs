//! Seasons: clients come, and come again days later, about when a hold ends or a waiting refund is given up. Between two
//! seasons nobody calls, and the scheduler's minutes come hours late.
//!
//! State: in the parts of the world.

use std::rc::Rc;

use crate::check;
use crate::edge::SHARDS;
use crate::objects::Request;
use crate::world::World;

/// The longest that clients take, with every pause and every retry.
const DAY_OF_CLIENTS_MILLISECONDS: i64 = 3_600_000;

/// Within this time cron has started the scheduler.
const STARTING_MILLISECONDS: i64 = 3_000;

/// After the last fault and the last call, everything must have settled within this time: what was given up is applied,
/// the last retry of an alarm has come, and one alarm after the other has carried its counts.
const SETTLING_MILLISECONDS: i64 = 420_000;

/// A message that was refused in every attempt so far is tried again over three days; a hold takes at most two.
const RETRIES_MILLISECONDS: i64 = 300_000_000;

/// How late a minute is while nobody calls.
const LATE_MILLISECONDS: u32 = 21_600_000;

/// The number of the scheduler's object.
pub const SCHEDULER: u16 = SHARDS + 1;

impl World {
    /// Clients live, faults end, everything settles.
    pub(crate) fn live(&self) -> Vec<String> {
        let chance = &self.scene.chance;
        self.scene.note(|| format!("faults    {:?}, orderly: {}", self.scene.faults.rates(), self.scenario.is_orderly));
        let seasons = chance.one_of([1, 2, 2, 3]);
        for season in 0..seasons {
            if season > 0 && !self.let_days_pass() {
                break;
            }
            self.start_scheduler();
            let (clients, most) = if season == 0 { (chance.between(2, 5), 14) } else { (chance.between(1, 3), 8) };
            for _ in 0..clients {
                self.client.come(chance.between(most / 2, most));
            }
            self.pass(STARTING_MILLISECONDS, || false);
            self.pass(DAY_OF_CLIENTS_MILLISECONDS, || self.client.are_gone());
        }
        self.scene.faults.end();
        // Some rates never come.
        if chance.hits(850) {
            self.database.publish_all();
        }
        self.faults_ended_at.set(Some(self.scene.executor.now()));
        self.scene.note(|| "faults    end".to_owned());
        self.settle();
        check::everything(self)
    }

    /// Every answered call comes once more.
    pub(crate) fn repeat(&self) -> Vec<String> {
        let answered = |call: &crate::history::Call| call.attempts.iter().any(|attempt| attempt.told.is_some());
        let again: Vec<usize> = self
            .history
            .calls()
            .iter()
            .enumerate()
            .filter(|(_, call)| answered(call))
            .map(|(place, _)| place)
            .collect();
        self.start_scheduler();
        self.client.come_again(again);
        self.pass(DAY_OF_CLIENTS_MILLISECONDS, || self.client.are_gone());
        self.settle();
        check::everything(self)
    }

    /// Nobody calls any more: some minutes pass, then whatever is left to retry or to end.
    fn settle(&self) {
        self.start_scheduler();
        self.pass(SETTLING_MILLISECONDS, || false);
        self.wait_long(RETRIES_MILLISECONDS);
    }

    /// Until shortly before, or after, something is due, which is then found while clients are there; false if nothing is.
    fn let_days_pass(&self) -> bool {
        let chance = &self.scene.chance;
        let (holds, refunds) = self.database.due_moments();
        let first = if chance.hits(500) { &holds } else { &refunds };
        let due = chance.pick(first).or_else(|| chance.pick(&holds)).or_else(|| chance.pick(&refunds));
        let Some(due) = due else { return false };
        let moment = due + i64::from(chance.between(0, 10_000)) - 3_000;
        self.scene.note(|| "clients   are gone for days".to_owned());
        self.wait_long((moment - self.scene.executor.now()).max(0));
        true
    }

    fn wait_long(&self, milliseconds: i64) {
        self.alarms.postpone(SCHEDULER, LATE_MILLISECONDS);
        self.pass(milliseconds, || false);
    }

    /// What cron does. The minutes come in time again.
    fn start_scheduler(&self) {
        let (scene, alarms, objects) = (Rc::clone(&self.scene), Rc::clone(&self.alarms), Rc::clone(&self.objects));
        self.scene.executor.spawn(None, async move {
            scene.wait(1, 2_500).await;
            alarms.postpone(SCHEDULER, 0);
            // Lost, it is left to the next time.
            let _ = objects.ask(SCHEDULER, Request::Start).await;
        });
    }
}

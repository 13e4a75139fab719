//! The shard's storage over a simulated [`Disk`]: what `worker/src/click_ledger/storage.rs` is over the platform's SQLite.
//!
//! State: on the disk. Here is only what the instance has yet to do for it.

use std::cell::Cell;
use std::rc::Rc;

use attribution::ids::ReferralId;
use attribution::ledger::{Clicks, Unavailable};
use attribution::referral::Click;
use attribution::shard::{ClickCount, NewClick, ObjectStorage, Tracked};
use attribution::time::Timestamp;

use crate::breakage::Breakage;
use crate::disk::{ArmedAlarm, Count, Disk, Tables};
use crate::executor::Life;
use crate::scene::Scene;

/// So many counts are sent at once; few, so that one alarm is not always enough.
const COUNTS_PER_SEND: usize = 2;

/// The storage of one instance.
#[derive(Clone)]
pub struct Storage {
    scene: Rc<Scene>,
    disk: Rc<Disk>,
    life: Life,
    is_flushing: Rc<Cell<bool>>,
    /// When the alarm is to go off that is armed only after the work.
    postponed_alarm: Rc<Cell<Option<i64>>>,
}

impl Storage {
    /// The storage as an instance opens it.
    pub fn open(scene: Rc<Scene>, disk: Rc<Disk>, life: Life) -> Self {
        Self { scene, disk, life, is_flushing: Rc::default(), postponed_alarm: Rc::default() }
    }

    /// The output gate: nothing leaves the object before its writes are on the disk.
    pub async fn settle(&self) {
        if self.scene.breaks(Breakage::NoOutputGate) {
            return;
        }
        if let Some(settled) = self.disk.settled() {
            // Lost only with the object.
            let _ = settled.await;
        }
    }

    /// The work of a request or an alarm is done, successfully or not.
    pub fn work_is_done(&self, successfully: bool) {
        let postponed = self.postponed_alarm.take();
        if let Some(due) = postponed.filter(|_| successfully) {
            self.write(|disk| disk.set_alarm(Some(due)));
        }
    }

    /// An alarm that went off and was not set anew is over.
    pub fn end_alarm(&self, alarm: ArmedAlarm) {
        if self.disk.read(|tables| tables.alarm) == Some(alarm) {
            self.write(|disk| disk.set_alarm(None));
        }
    }

    /// Time, chance, faults.
    pub fn scene(&self) -> &Rc<Scene> {
        &self.scene
    }

    /// What the living instance sees.
    pub fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        self.disk.read(look)
    }

    /// Writes rows.
    pub fn write_rows<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        self.write(|disk| disk.write(change))
    }

    /// Writes rows in a later step, as only a storage does that is built wrong.
    pub fn write_later(&self, change: impl FnOnce(&mut Tables) + 'static) {
        let storage = self.clone();
        self.scene.executor.spawn(Some(self.life), async move {
            storage.scene.wait(1, 5).await;
            storage.write_rows(change);
        });
    }

    /// Sets or takes back the alarm.
    pub fn set_alarm(&self, due: Option<i64>) {
        self.write(|disk| disk.set_alarm(due));
    }

    fn note(&self, what: impl FnOnce() -> String) {
        self.scene.note(|| format!("shard {}   {}", self.life.shard, what()));
    }

    /// Writes, and sees to it that it reaches the disk in a while.
    fn write<T>(&self, change: impl FnOnce(&Disk) -> T) -> T {
        let result = change(&self.disk);
        if !self.is_flushing.replace(true) {
            let (scene, disk, is_flushing) = (Rc::clone(&self.scene), Rc::clone(&self.disk), self.is_flushing.clone());
            self.scene.executor.spawn(Some(self.life), async move {
                while !disk.is_flushed() {
                    scene.wait(1, 12).await;
                    disk.flush();
                }
                is_flushing.set(false);
            });
        }
        result
    }
}

impl Clicks for Storage {
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        Ok(self.disk.read(|tables| tables.clicks.iter().find(|click| click.id == *id).map(|click| (**click).clone())))
    }
}

impl ObjectStorage for Storage {
    fn append(&self, new: &NewClick, _now: Timestamp) -> Result<Tracked, Unavailable> {
        self.note(|| format!("appends {}", new.click.id));
        let apart = self.scene.breaks(Breakage::ClickAndKeyApart);
        let later = apart.then(|| self.clone());
        Ok(self.write(|disk| disk.write(|tables| append(tables, new, later))))
    }

    fn find_recent(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        if self.scene.breaks(Breakage::NamesNotLookedFor) { Ok(None) } else { self.find(id) }
    }

    fn count(&self) -> Result<(), Unavailable> {
        self.write(|disk| disk.write(count));
        Ok(())
    }

    fn unsent_counts(&self) -> Result<Vec<ClickCount>, Unavailable> {
        let unsent: Vec<ClickCount> = self.disk.read(|tables| unsent(tables).take(COUNTS_PER_SEND).collect());
        if self.scene.breaks(Breakage::CountsNotedFirst) {
            self.note_sent(&unsent)?;
        }
        Ok(unsent)
    }

    fn note_sent(&self, counts: &[ClickCount]) -> Result<(), Unavailable> {
        self.write(|disk| disk.write(|tables| note_sent(tables, counts)));
        Ok(())
    }

    async fn arm_alarm(&self, milliseconds: u32) -> Result<(), Unavailable> {
        let due = self.scene.executor.now() + i64::from(milliseconds);
        self.note(|| format!("arms its alarm for {}", Timestamp::from_milliseconds(due).to_rfc3339()));
        if self.scene.breaks(Breakage::AlarmArmedAfterWork) {
            self.postponed_alarm.set(Some(due));
        } else {
            self.write(|disk| disk.set_alarm(Some(due)));
        }
        self.scene.wait(1, 5).await;
        Ok(())
    }

    async fn disarm_alarm(&self) -> Result<(), Unavailable> {
        self.note(|| "takes its alarm back".to_owned());
        self.postponed_alarm.set(None);
        self.write(|disk| disk.set_alarm(None));
        self.scene.wait(1, 5).await;
        Ok(())
    }
}

/// `written_later` writes the click in a step of its own, after the key.
fn append(tables: &mut Tables, new: &NewClick, written_later: Option<Storage>) -> Tracked {
    let click = Rc::new(new.click.clone());
    if let Some(key) = &new.idempotency {
        let name = (key.route.clone(), key.value.clone());
        if let Some((body_hash, place)) = tables.keys.get(&name) {
            let before = tables.clicks.get(*place).map_or_else(|| new.click.clone(), |click| (**click).clone());
            let same = *body_hash == key.body_hash;
            return if same { Tracked::Before(Box::new(before)) } else { Tracked::KeyReused };
        }
        tables.keys.insert(name, (key.body_hash.clone(), tables.clicks.len()));
    }
    if tables.clicks.iter().any(|stored| stored.id == click.id) {
        return Tracked::Stored;
    }
    match written_later.filter(|_| new.idempotency.is_some()) {
        None => tables.clicks.push(click),
        Some(storage) => storage.write_later(move |tables| tables.clicks.push(click)),
    }
    Tracked::Stored
}

fn count(tables: &mut Tables) {
    for click in tables.clicks.iter().skip(tables.counted) {
        let hour = click.clicked_at.milliseconds().div_euclid(3_600_000);
        let scope = &click.scope;
        let (program, affiliate) = (scope.program_id.as_str(), click.affiliate_id.as_str());
        let key = (program.to_owned(), affiliate.to_owned(), i64::from(scope.is_test), hour);
        let count = tables.counts.entry(key).or_default();
        scope.team_id.as_str().clone_into(&mut count.team_id);
        count.clicks += 1;
    }
    tables.counted = tables.clicks.len();
}

fn unsent(tables: &Tables) -> impl Iterator<Item = ClickCount> {
    let unsent = tables.counts.iter().filter(|(_, count)| count.sent < count.clicks);
    unsent.map(|((program_id, affiliate_id, is_test, hour), Count { team_id, clicks, .. })| ClickCount {
        program_id: program_id.clone(),
        affiliate_id: affiliate_id.clone(),
        is_test: *is_test,
        hour: *hour,
        team_id: team_id.clone(),
        clicks: *clicks,
    })
}

fn note_sent(tables: &mut Tables, counts: &[ClickCount]) {
    for ClickCount { program_id, affiliate_id, is_test, hour, clicks, .. } in counts {
        let key = (program_id.clone(), affiliate_id.clone(), *is_test, *hour);
        if let Some(count) = tables.counts.get_mut(&key) {
            count.sent = count.sent.max(*clicks);
        }
    }
}

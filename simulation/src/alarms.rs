//! The platform's alarms: at least once, perhaps late, perhaps twice, and again for some time when the object dies over
//! it. An alarm that was set anew meanwhile stands in for the old one.
//!
//! State: which alarm of each disk has its task already.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::crash_point::CrashPoint;
use crate::disk::ArmedAlarm;
use crate::objects::Objects;
use crate::scene::Scene;

/// So often the platform tries again.
const MAX_RETRIES: u32 = 6;

/// Before the first retry; twice as long before each next one.
const FIRST_RETRY_MILLISECONDS: u32 = 2_000;

/// See the module.
pub struct Alarms {
    scene: Rc<Scene>,
    objects: Rc<Objects>,
    set: RefCell<BTreeMap<u16, u64>>,
    postponed: Cell<Option<(u16, u32)>>,
}

impl Alarms {
    /// The alarms of these objects.
    pub fn of(scene: Rc<Scene>, objects: Rc<Objects>) -> Self {
        Self { scene, objects, set: RefCell::default(), postponed: Cell::new(None) }
    }

    /// From now on this object's alarms come so much later; the one that is set no longer does.
    pub fn postpone(&self, object: u16, milliseconds: u32) {
        self.postponed.set(Some((object, milliseconds)));
        self.set.borrow_mut().remove(&object);
    }

    /// Sees to every alarm that has reached a disk.
    pub fn watch(self: &Rc<Self>) {
        for (shard, disk) in (0_u16..).zip(self.objects.disks()) {
            let Some(alarm) = disk.durable_alarm() else { continue };
            if self.set.borrow_mut().insert(shard, alarm.number) != Some(alarm.number) {
                self.scene.executor.spawn(None, Rc::clone(self).ring(shard, alarm));
            }
        }
    }

    async fn ring(self: Rc<Self>, shard: u16, alarm: ArmedAlarm) {
        let (scene, rates) = (&self.scene, self.scene.faults.rates());
        let wait = u32::try_from(alarm.due - scene.executor.now()).unwrap_or(0);
        let more = self.postponed.get().filter(|(object, _)| *object == shard).map_or(0, |(_, more)| more);
        scene.executor.sleep(wait + more).await;
        if scene.chance.hits(rates.alarm_late) && self.stands(shard, alarm) {
            scene.hit(CrashPoint::AlarmLate);
            scene.wait(500, 20_000).await;
        }
        if scene.chance.hits(rates.alarm_twice) && self.stands(shard, alarm) {
            scene.hit(CrashPoint::AlarmTwice);
            let twin = Rc::clone(&self);
            scene.executor.spawn(None, async move {
                twin.scene.wait(1, 100).await;
                // It is one too many anyhow.
                let _ = twin.objects.ring(shard, alarm).await;
            });
        }
        for retry in 0..=MAX_RETRIES {
            if !self.stands(shard, alarm) || self.objects.ring(shard, alarm).await.is_ok() {
                return;
            }
            scene.executor.sleep(FIRST_RETRY_MILLISECONDS << retry).await;
        }
    }

    fn stands(&self, shard: u16, alarm: ArmedAlarm) -> bool {
        self.objects.disks().get(usize::from(shard)).is_some_and(|disk| disk.read(|tables| tables.alarm) == Some(alarm))
    }
}

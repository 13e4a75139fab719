//! The minute's look at the outbox ([`attribution::webhooks::RollCall`]): wakes a sender whose wake was lost.
//!
//! State: the roll, which the scheduler's own storage keeps; here it survives everything.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use attribution::fixtures;
use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::time::Clock as _;
use attribution::webhooks::{Census, CensusTaker, Figures, Roll, RollCall, RollStorage, Senders, Spoken, Subscriber};

use crate::breakage::Breakage;
use crate::database::{Database, Kind};
use crate::objects::{Objects, Reply, Request, SENDER};

/// See the module.
pub struct Minutes {
    database: Rc<Database>,
    objects: Rc<Objects>,
    roll: RefCell<Roll>,
    /// Whether there is another minute.
    pub go_on: Cell<bool>,
}

impl Minutes {
    /// Before the first minute.
    pub fn of(database: Rc<Database>, objects: Rc<Objects>) -> Self {
        Self { database, objects, roll: RefCell::default(), go_on: Cell::new(true) }
    }

    /// Minute after minute.
    pub async fn pass(self: Rc<Self>) {
        let scene = Rc::clone(&self.database.scene);
        while self.go_on.get() && !scene.breaks(Breakage::WokenByHintsAlone) {
            scene.executor.sleep(60_000).await;
            let call = RollCall { census: &*self, storage: &*self, senders: &*self };
            let called = call.run(scene.now()).await;
            scene.note(|| format!("roll call {called:?}"));
        }
    }
}

impl CensusTaker for Minutes {
    async fn census(&self, after: Option<i64>, span: i64) -> Result<Census, Unavailable> {
        let work = move |database: &Database| {
            let told =
                |position: i64| after.is_some_and(|after| position > after && position <= after.saturating_add(span));
            let spoken =
                database.lines().into_iter().rev().find(|line| told(line.position) && !line.messages.is_empty());
            let (program_id, is_test) = (fixtures::scope().program_id, false);
            let id = database.subscriber.endpoint.id.clone();
            Ok(Census {
                subscribers: vec![Subscriber { id, program_id: program_id.clone(), is_test }],
                spoken: spoken
                    .map(|line| Spoken { program_id, is_test, position: line.position })
                    .into_iter()
                    .collect(),
                head: database.head(),
            })
        };
        self.database.request(None, Kind::Read, work).await.map_err(Unavailable)
    }
}

impl Senders for Minutes {
    async fn wake(&self, ids: &[WebhookEndpointId]) -> Vec<Result<Figures, Unavailable>> {
        let mut answers = Vec::new();
        for _ in ids {
            answers.push(match self.objects.ask(SENDER, Request::Wake).await {
                Ok(Reply::Woken(figures)) => figures,
                _ => Err(Unavailable("the sender was lost".to_owned())),
            });
        }
        answers
    }
}

impl RollStorage for Minutes {
    fn load(&self) -> Result<Roll, Unavailable> {
        Ok(self.roll.borrow().clone())
    }

    fn save(&self, roll: &Roll) -> Result<(), Unavailable> {
        *self.roll.borrow_mut() = roll.clone();
        Ok(())
    }
}

//! The cashiers: who begins payouts, says how they ended, and carries them on: a person through the Worker, as
//! `worker/src/payout_work.rs` does, and a job. The protocol is [`attribution::payout::carry_on`].
//!
//! Keeps no state.

use std::rc::Rc;

use attribution::edits::{EditLine, Editor};
use attribution::fixtures;
use attribution::ids::{PayoutId, ReferralId};
use attribution::ledger::{Command, Context, MoveCommissions, NotCommitted, Reach, Step, Unavailable};
use attribution::payout::{Gates, Payout, PayoutEdit, Payouts, Tally, carry_on};
use attribution::time::Clock as _;

use crate::body::Body;
use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming};
use crate::executor::Life;
use crate::history::Told;
use crate::storage::Storage;

/// So many gates are passed while a person waits; few, so that the job has something left to do.
const INLINE_GATES: usize = 3;

/// So often is a beginning, or a change, tried anew.
const ATTEMPTS: u32 = 5;

/// The payouts as somebody reaches them: a Worker, or an object through its output gate.
pub struct Till<'a> {
    database: &'a Rc<Database>,
    object: Option<(&'a Storage, Life)>,
}

impl<'a> Till<'a> {
    /// The Worker's.
    pub fn of_worker(database: &'a Rc<Database>) -> Self {
        Self { database, object: None }
    }

    /// An object's.
    pub fn of_object(database: &'a Rc<Database>, storage: &'a Storage, life: Life) -> Self {
        Self { database, object: Some((storage, life)) }
    }

    async fn ask<T: 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce(&Database) -> Result<T, String> + 'static,
    ) -> Result<T, String> {
        if let Some((storage, _)) = self.object {
            storage.settle().await;
        }
        self.database.request(self.object.map(|(_, life)| life), kind, work).await
    }
}

impl Payouts for Till<'_> {
    async fn tally(&self, id: &PayoutId) -> Result<Option<Tally>, Unavailable> {
        let id = id.clone();
        self.ask(Kind::Read, move |database| Ok(database.tally(&id))).await.map_err(Unavailable)
    }

    async fn referrals(&self, payout: &Payout, step: &Step, limit: usize) -> Result<Vec<ReferralId>, Unavailable> {
        let (payout, step) = (payout.clone(), step.clone());
        let work = move |database: &Database| Ok(database.that_take(&payout, &step, limit));
        self.ask(Kind::Read, work).await.map_err(Unavailable)
    }

    async fn save(&self, before: &Tally, after: &Payout, line: &EditLine) -> Result<(), NotCommitted> {
        let (before, after, line) = (before.clone(), after.clone(), line.clone());
        let work = move |database: &Database| database.save_payout(&before, &after, &line);
        self.ask(Kind::Other, work).await.map_err(NotCommitted)
    }

    async fn settle(&self, payout: &Payout) -> Result<bool, Unavailable> {
        let payout = payout.clone();
        self.ask(Kind::Other, move |database| Ok(database.settle_payout(&payout))).await.map_err(Unavailable)
    }
}

/// The gates as a person's call passes them.
struct GatesOfCall<'a>(&'a Edge, &'a Incoming<'a>);

impl Gates for GatesOfCall<'_> {
    async fn pass(&self, payout: &Payout, referral: &ReferralId, step: &Step) -> Result<(), Unavailable> {
        let Self(edge, incoming) = self;
        let by = edge.editor(incoming);
        match edge.execute(incoming, step_of(payout, referral, step, &by)).await {
            Told::TryLater(cause) => Err(Unavailable(cause)),
            _ => Ok(()),
        }
    }
}

/// The command by which a referral's commissions take a payout's step.
pub fn step_of(payout: &Payout, referral: &ReferralId, step: &Step, by: &Editor) -> Command {
    let context = Context {
        request_id: by.request_id.clone(),
        actor: by.actor.clone(),
        reach: Reach { team_id: None, program_id: None, is_test: None },
        idempotency: None,
    };
    let (referral_id, scope, step) = (referral.clone(), payout.scope.clone(), step.clone());
    Command::MoveCommissions(MoveCommissions { context, referral_id, scope, step })
}

impl Edge {
    /// Carries out one attempt of a payout.
    pub(crate) async fn pay_out(&self, incoming: &Incoming<'_>) -> Told {
        let begun = self.begin(incoming).await;
        match begun {
            Err(away) => Told::TryLater(away),
            Ok(None) => Told::Payout(None),
            Ok(Some(id)) => self.finish(incoming, &id).await,
        }
    }

    async fn begin(&self, incoming: &Incoming<'_>) -> Result<Option<PayoutId>, String> {
        let Body::PayOut { affiliate } = incoming.body else { return Err("no payout".to_owned()) };
        let till = Till::of_worker(&self.database);
        let mut lost = String::new();
        for _ in 0..ATTEMPTS {
            let wanted = affiliate.clone();
            let Some(ready) = till.ask(Kind::Read, move |database| Ok(database.payable(&wanted))).await? else {
                return Ok(None);
            };
            let id = self.minted(incoming, PayoutId::mint(&mut &self.scene.chance));
            let (scope, currency) = (fixtures::scope(), fixtures::program().currency);
            let payout = Payout::begin(id.clone(), scope, affiliate.clone(), currency, self.scene.now());
            let line = payout.line_of_beginning(ready, self.editor(incoming));
            let begin = move |database: &Database| Ok(database.begin_payout(&payout, &line));
            match till.ask(Kind::Other, begin).await {
                Ok(is_new) => return Ok(is_new.then_some(id)),
                Err(cause) => lost = cause,
            }
            // Perhaps only the answer was lost.
            if till.tally(&id).await.map_err(|away| away.to_string())?.is_some() {
                return Ok(Some(id));
            }
        }
        Err(lost)
    }

    /// Carries out one attempt of saying where a payout is.
    pub(crate) async fn end_payout(&self, incoming: &Incoming<'_>) -> Told {
        let Body::EndPayout { payout, status } = incoming.body else { return Told::TryLater("no payout".to_owned()) };
        let till = Till::of_worker(&self.database);
        let edit = PayoutEdit { status: *status, payment_method: None, payment_reference: None };
        let mut lost = String::new();
        for _ in 0..ATTEMPTS {
            let before = match till.tally(payout).await {
                Err(away) => return Told::TryLater(away.to_string()),
                Ok(None) => return Told::PayoutRefused,
                Ok(Some(before)) => before,
            };
            let after = match before.payout.edited(&edit, self.scene.now()) {
                Err(_) => return Told::PayoutRefused,
                Ok(None) => return self.finish(incoming, payout).await,
                Ok(Some(after)) => after,
            };
            let line = after.line_of_edit(&before, self.editor(incoming));
            match till.save(&before, &after, &line).await {
                Ok(()) => return self.finish(incoming, payout).await,
                Err(cause) => lost = cause.to_string(),
            }
        }
        Told::TryLater(lost)
    }

    /// Carries a payout on while somebody waits. What is not done then, or goes wrong, is left to the job.
    async fn finish(&self, incoming: &Incoming<'_>, id: &PayoutId) -> Told {
        let till = Till::of_worker(&self.database);
        let (by, mut budget) = (self.editor(incoming), INLINE_GATES);
        let gates = GatesOfCall(self, incoming);
        if let Err(away) = carry_on(id, &mut budget, &by, (&till, &gates, &*self.scene)).await {
            self.scene.note(|| format!("payout {id} is left to the job: {away}"));
        }
        match till.tally(id).await {
            Ok(tally) => Told::Payout(tally.map(|tally| Box::new(tally.payout))),
            Err(away) => Told::TryLater(away.to_string()),
        }
    }

    fn editor(&self, incoming: &Incoming<'_>) -> Editor {
        let (actor, request_id) = ("key:key_1".to_owned(), incoming.request_id.to_owned());
        Editor { actor, request_id, at: self.scene.now() }
    }
}

//! The Worker between client and object: it mints ids before the first hop, and asks the object a second time when that is
//! lost, as `worker/src/funnel/` does.
//!
//! Keeps no state: a Worker may die at any await.

use std::rc::Rc;

use attribution::fixtures;
use attribution::ids::{CommissionId, ConversionId, Placement, ReferralId, mint};
use attribution::ledger::{Command, Context, IdempotencyKey};
use attribution::shard::Refused;

use crate::body::Body;
use crate::breakage::Breakage;
use crate::crash_point::CrashPoint;
use crate::database::Database;
use crate::history::{AttemptName, History, Told};
use crate::letter::Lost;
use crate::objects::{Objects, Reply, Request};
use crate::scene::Scene;

/// Shards: several, so that races across them are seen.
pub const SHARDS: u16 = 4;

/// See the module.
pub struct Edge {
    /// Time and chance.
    pub scene: Rc<Scene>,
    /// The database, for look-ups.
    pub database: Rc<Database>,
    /// The shards.
    pub objects: Rc<Objects>,
    /// Where minted ids are written down.
    pub history: Rc<History>,
}

/// One attempt of a call, as it reached the Worker.
pub struct Incoming<'a> {
    /// The attempt.
    pub name: AttemptName,
    /// As the Worker calls it.
    pub request_id: &'a str,
    /// What is asked.
    pub body: &'a Body,
    /// The `Idempotency-Key`.
    pub key: Option<&'a str>,
}

impl Edge {
    /// Carries out one attempt.
    pub async fn handle(&self, incoming: &Incoming<'_>) -> Told {
        match incoming.body {
            Body::Click { .. } => self.track(incoming).await,
            Body::SignUp { .. } => self.sign_up(incoming).await,
            Body::Direct { .. } => self.record_directly(incoming).await,
            Body::Sale(sale) => self.sell(incoming, sale).await,
            Body::Refund { .. } => self.refund(incoming).await,
            Body::Manual { .. } => self.record_by_hand(incoming).await,
            Body::Proceed { .. } => self.proceed(incoming).await,
            Body::EditCommission { .. } => self.edit_commission(incoming).await,
            Body::EditReferral { .. } => self.edit_referral(incoming).await,
            Body::PayOut { .. } => self.pay_out(incoming).await,
            Body::EndPayout { .. } => self.end_payout(incoming).await,
        }
    }

    pub(crate) async fn execute(&self, incoming: &Incoming<'_>, mut command: Command) -> Told {
        let Some(placement) = command.gate().placement() else { return Told::TryLater("no shard".to_owned()) };
        for attempt in 0..2 {
            if attempt > 0 {
                self.scene.hit(CrashPoint::ObjectAskedAgain);
                self.mint_anew(incoming, &mut command);
            }
            match self.objects.ask(placement.shard, Request::Execute(Box::new(command.clone()))).await {
                Ok(Reply::Executed(Ok(answer))) => {
                    if answer.replayed {
                        self.scene.hit(CrashPoint::AnswerReplayed);
                    }
                    return Told::Decided(Box::new(answer));
                }
                Ok(Reply::Executed(Err(Refused::Rejected(rejection)))) => return Told::Rejected(rejection),
                Ok(other) => return Told::TryLater(format!("{other:?}")),
                Err(Lost) => {}
            }
        }
        Told::TryLater("the shard was lost twice".to_owned())
    }

    /// What a Worker does that is built wrong.
    fn mint_anew(&self, incoming: &Incoming<'_>, command: &mut Command) {
        if !self.scene.breaks(Breakage::IdsMintedAnew) {
            return;
        }
        if let Command::RecordSale(sale) = command {
            sale.conversion_id = self.minted(incoming, self.conversion_id(&sale.gate));
            sale.commission_id = self.minted(incoming, self.commission_id(&sale.gate));
        }
    }

    pub(crate) fn any_placement(&self) -> Placement {
        Placement::of_shard(u16::try_from(self.scene.chance.between(0, u32::from(SHARDS) - 1)).unwrap_or(0))
    }

    pub(crate) fn conversion_id(&self, gate: &ReferralId) -> ConversionId {
        ConversionId::mint(gate.placement().unwrap_or(Placement::of_shard(0)), &mut &self.scene.chance)
    }

    pub(crate) fn commission_id(&self, gate: &ReferralId) -> CommissionId {
        CommissionId::mint(gate.placement().unwrap_or(Placement::of_shard(0)), &mut &self.scene.chance)
    }

    pub(crate) fn minted<T: std::fmt::Display>(&self, incoming: &Incoming<'_>, id: T) -> T {
        self.history.mint(incoming.name, &id.to_string());
        id
    }

    /// A name for a request.
    pub fn request_id(&self) -> String {
        mint("req", &mut &self.scene.chance)
    }
}

impl Incoming<'_> {
    pub(crate) fn context(&self, verified: bool) -> Context {
        let idempotency = self.idempotency();
        let context =
            if verified { fixtures::context(self.request_id) } else { fixtures::browser_context(self.request_id) };
        Context { idempotency, ..context }
    }

    pub(crate) fn idempotency(&self) -> Option<IdempotencyKey> {
        let (route, value) = (self.body.route().to_owned(), self.key?.to_owned());
        Some(IdempotencyKey { route, value, body_hash: format!("{:?}", self.body) })
    }
}

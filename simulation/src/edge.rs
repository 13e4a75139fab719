//! The Worker between client and object: it mints ids before the first hop, asks the object a second time when that is
//! lost, and tries the gates of a sale in their order, as `worker/src/funnel.rs` does.
//!
//! Keeps no state: a Worker may die at any await.

use std::rc::Rc;

use attribution::email::EmailAddress;
use attribution::fixtures;
use attribution::ids::{CommissionId, ConversionId, Placement, ReferralId, mint};
use attribution::ledger::{
    Command, Context, CreateReferral, IdempotencyKey, RecordSale, Rejection, SignUp, UnknownClick,
};
use attribution::money::{Currency, Money};
use attribution::referral::{Click, Identity};
use attribution::sale::SaleDetails;
use attribution::shard::{NewClick, Refused, Tracked};
use attribution::time::{Clock as _, DAY_MILLISECONDS, Timestamp};
use serde_json::{Map, json};

use crate::breakage::Breakage;
use crate::crash_point::CrashPoint;
use crate::database::{Database, Kind};
use crate::history::{AttemptName, Body, History, Told};
use crate::letter::Lost;
use crate::objects::{Objects, Reply, Request};
use crate::scene::Scene;

/// Shards: several, so that races across them are seen.
pub const SHARDS: u16 = 4;

/// The page from which browsers call.
const ORIGIN: &str = "https://shop.example";

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
            Body::Sale { .. } => self.sell(incoming).await,
            Body::Refund { .. } => self.refund(incoming).await,
            Body::PayOut { .. } => self.pay_out(incoming).await,
        }
    }

    async fn track(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Click { affiliate, days_ago } = incoming.body else { return Told::TryLater("no click".to_owned()) };
        let idempotency = incoming.idempotency();
        let of_key = |key: &IdempotencyKey| Placement::of_identity(&fixtures::scope().program_id, &key.value, SHARDS);
        let placement = idempotency.as_ref().map_or_else(|| self.any_placement(), of_key);
        let now = self.scene.now();
        let back = days_ago.map_or(0, |days| i64::from(days) * DAY_MILLISECONDS);
        let mut click = Click {
            id: self.minted(incoming, ReferralId::mint(placement, &mut &self.scene.chance)),
            scope: fixtures::scope(),
            affiliate_id: affiliate.clone(),
            tracking_id: affiliate.as_str().to_owned(),
            clicked_at: Timestamp::from_milliseconds(now.milliseconds() - back),
            facts: json!({}),
        };
        for attempt in 0..2 {
            if attempt > 0 {
                self.scene.hit(CrashPoint::ObjectAskedAgain);
                if self.scene.breaks(Breakage::IdsMintedAnew) {
                    click.id = self.minted(incoming, ReferralId::mint(placement, &mut &self.scene.chance));
                }
            }
            let request = Request::Track(Box::new(NewClick { click: click.clone(), idempotency: idempotency.clone() }));
            match self.objects.ask(placement.shard, request).await {
                Ok(Reply::Tracked(Ok(Tracked::Stored))) => return Told::Click(Box::new(click)),
                Ok(Reply::Tracked(Ok(Tracked::Before(before)))) => {
                    self.scene.hit(CrashPoint::AnswerReplayed);
                    return Told::Click(before);
                }
                Ok(Reply::Tracked(Ok(Tracked::KeyReused))) => return Told::Rejected(Rejection::KeyReused),
                Ok(other) => return Told::TryLater(format!("{other:?}")),
                Err(Lost) => {}
            }
        }
        Told::TryLater("the shard was lost twice".to_owned())
    }

    async fn sign_up(&self, incoming: &Incoming<'_>) -> Told {
        let Body::SignUp { click, user, email, verified, only_leads } = incoming.body else {
            return Told::TryLater("no sign-up".to_owned());
        };
        let command = SignUp {
            context: incoming.context(*verified),
            click_id: click.clone(),
            unknown_click: if *only_leads && *verified { UnknownClick::FindCustomer } else { UnknownClick::Refuse },
            program_id: verified.then(|| fixtures::scope().program_id),
            origin: (!verified).then(|| ORIGIN.to_owned()),
            verified: *verified,
            keep_address: !only_leads,
            identity_required: !only_leads,
            only_leads: *only_leads,
            external_user_id: user.clone(),
            email: email.as_deref().and_then(EmailAddress::parse),
            name: None,
            detail: Map::new(),
            commission_id: self.minted(incoming, self.commission_id(click)),
        };
        self.execute(incoming, Command::SignUp(command)).await
    }

    async fn record_directly(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Direct { affiliate, email, customer, click, status } = incoming.body else {
            return Told::TryLater("no referral".to_owned());
        };
        let Some(address) = EmailAddress::parse(email) else { return Told::TryLater("no address".to_owned()) };
        let place = Placement::of_identity(&fixtures::scope().program_id, address.as_str(), SHARDS);
        let minted = || self.minted(incoming, ReferralId::mint(place, &mut &self.scene.chance));
        let referral_id = click.clone().unwrap_or_else(minted);
        let command = CreateReferral {
            context: incoming.context(true),
            commission_id: self.minted(incoming, self.commission_id(&referral_id)),
            referral_id,
            from_click: click.is_some(),
            scope: fixtures::scope(),
            affiliate_id: affiliate.clone(),
            email: address,
            customer_id: customer.clone(),
            subscription_id: None,
            status: *status,
            created_at: None,
            name: None,
            metadata: None,
        };
        self.execute(incoming, Command::CreateReferral(command)).await
    }

    /// Tries the gates that the sale names, then the one of whoever holds its names, then keeps it as nobody's.
    async fn sell(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Sale { referral, click, user, customer, key, .. } = incoming.body else {
            return Told::TryLater("no sale".to_owned());
        };
        let mut gates: Vec<&ReferralId> = [referral, click].into_iter().flatten().collect();
        gates.dedup();
        for gate in gates {
            match self.sell_at(incoming, gate).await {
                Told::Rejected(Rejection::ReferralNotFound) => {}
                told => return told,
            }
        }
        let users = user.iter().map(Identity::external_user_id);
        let names: Vec<Identity> = users.chain(customer.iter().map(Identity::customer_id)).collect();
        let sale_key = key.clone();
        let look_up =
            move |database: &Database| Ok(database.find_gate(&fixtures::scope(), &names, sale_key.as_deref()));
        match self.database.request(None, Kind::Read, look_up).await {
            Err(away) => return Told::TryLater(away),
            Ok(None) => {}
            Ok(Some(gate)) => match self.sell_at(incoming, &gate).await {
                Told::Rejected(Rejection::ReferralNotFound) => {}
                told => return told,
            },
        }
        let (key, request_id) = (key.clone(), incoming.request_id.to_owned());
        let keep = move |database: &Database| {
            database.keep_unattributed(key.as_deref().unwrap_or(&request_id), &request_id);
            Ok(())
        };
        match self.database.request(None, Kind::Other, keep).await {
            Err(away) => Told::TryLater(away),
            Ok(()) => Told::Rejected(Rejection::ReferralNotFound),
        }
    }

    async fn sell_at(&self, incoming: &Incoming<'_>, gate: &ReferralId) -> Told {
        let Body::Sale { referral, click, user, customer, key, minor, status } = incoming.body else {
            return Told::TryLater("no sale".to_owned());
        };
        let Some(currency) = Currency::from_code("USD") else { return Told::TryLater("no dollars".to_owned()) };
        let command = RecordSale {
            context: incoming.context(true),
            gate: gate.clone(),
            scope: fixtures::scope(),
            amount: Money { minor: *minor, currency },
            sales_status: *status,
            sale_key: key.clone(),
            occurred_at: None,
            details: SaleDetails {
                customer_id: customer.clone(),
                external_user_id: user.clone(),
                click_id: click.as_ref().map(|click| click.as_str().to_owned()),
                referral_id: referral.as_ref().map(|referral| referral.as_str().to_owned()),
                ..SaleDetails::default()
            },
            conversion_id: self.minted(incoming, self.conversion_id(gate)),
            commission_id: self.minted(incoming, self.commission_id(gate)),
            dry_run: false,
        };
        self.execute(incoming, Command::RecordSale(command)).await
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

    fn any_placement(&self) -> Placement {
        Placement::of_shard(u16::try_from(self.scene.chance.between(0, u32::from(SHARDS) - 1)).unwrap_or(0))
    }

    fn conversion_id(&self, gate: &ReferralId) -> ConversionId {
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

    fn idempotency(&self) -> Option<IdempotencyKey> {
        let route = match self.body {
            Body::Click { .. } => "POST clicks",
            Body::SignUp { verified: true, .. } => "POST signups",
            Body::SignUp { verified: false, .. } => "browser POST signups",
            Body::Direct { .. } => "POST referrals",
            Body::Sale { .. } => "POST conversions",
            Body::Refund { .. } => "POST refund",
            Body::PayOut { .. } => "POST payouts",
        };
        let value = self.key?.to_owned();
        Some(IdempotencyKey { route: route.to_owned(), value, body_hash: format!("{:?}", self.body) })
    }
}

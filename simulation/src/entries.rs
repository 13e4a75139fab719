//! How a customer comes in: clicks, sign-ups and direct referrals at the edge.
//!
//! Keeps no state.

use attribution::email::EmailAddress;
use attribution::event_id::EventId;
use attribution::fixtures;
use attribution::ids::{Placement, ReferralId};
use attribution::ledger::{Command, CreateReferral, IdempotencyKey, Rejection, SignUp, UnknownClick};
use attribution::referral::Click;
use attribution::shard::{NewClick, Tracked};
use attribution::time::{Clock as _, DAY_MILLISECONDS, Timestamp};
use serde_json::{Map, json};

use crate::body::Body;
use crate::breakage::Breakage;
use crate::crash_point::CrashPoint;
use crate::edge::{Edge, Incoming, SHARDS};
use crate::history::Told;
use crate::letter::Lost;
use crate::objects::{IDENTITY_SECRET, Reply, Request};

/// What a visit has that an advertisement was paid for.
pub const PAID_MARK: &str = "gclid";

/// The page from which browsers call.
const ORIGIN: &str = "https://shop.example";

impl Edge {
    /// Carries out one attempt of a click.
    pub(crate) async fn track(&self, incoming: &Incoming<'_>) -> Told {
        let Body::Click { affiliate, days_ago, landing } = incoming.body else {
            return Told::TryLater("no click".to_owned());
        };
        let idempotency = incoming.idempotency();
        let program = fixtures::scope().program_id;
        let of_key = |key: &IdempotencyKey| Placement::of_identity(&program, &key.value, SHARDS);
        // A key comes before the browser's name.
        let name = landing.filter(|_| idempotency.is_none());
        let name = name.and_then(|number| EventId::parse(&format!("landing_{number}")));
        let named = name.map(|name| name.click_id(IDENTITY_SECRET, &program, affiliate, SHARDS));
        let placement = idempotency.as_ref().map_or_else(|| self.any_placement(), of_key);
        let placement = named.as_ref().and_then(ReferralId::placement).unwrap_or(placement);
        let minted = || ReferralId::mint(placement, &mut &self.scene.chance);
        let now = self.scene.now();
        let back = days_ago.map_or(0, |days| i64::from(days) * DAY_MILLISECONDS);
        let mut click = Click {
            id: self.minted(incoming, named.clone().unwrap_or_else(minted)),
            scope: fixtures::scope(),
            affiliate_id: affiliate.clone(),
            tracking_id: affiliate.as_str().to_owned(),
            clicked_at: Timestamp::from_milliseconds(now.milliseconds() - back),
            facts: if self.scene.chance.hits(200) { json!({ PAID_MARK: "1" }) } else { json!({}) },
        };
        for attempt in 0..2 {
            if attempt > 0 {
                self.scene.hit(CrashPoint::ObjectAskedAgain);
                if self.scene.breaks(Breakage::IdsMintedAnew) {
                    click.id = self.minted(incoming, minted());
                }
            }
            let (is_named, idempotency) = (named.is_some(), idempotency.clone());
            let request = Request::Track(Box::new(NewClick { click: click.clone(), idempotency, is_named }));
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

    /// Carries out one attempt of a sign-up.
    pub(crate) async fn sign_up(&self, incoming: &Incoming<'_>) -> Told {
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
            caller_address: None,
            commission_id: self.minted(incoming, self.commission_id(click)),
        };
        self.execute(incoming, Command::SignUp(command)).await
    }

    /// Carries out one attempt of a direct referral.
    pub(crate) async fn record_directly(&self, incoming: &Incoming<'_>) -> Told {
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
}

//! The one subscriber: an endpoint that wants everything, and the receiver behind it, which sometimes refuses, sometimes
//! answers too late, and sometimes answers although the sender is dead.
//!
//! State: what was received, by the message's id.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::fixtures;
use attribution::ids::WebhookEndpointId;
use attribution::time::Timestamp;
use attribution::webhooks::{Endpoint, EventFilter, Post, PostFailure, PostResult, Secret};

use crate::crash_point::CrashPoint;
use crate::executor::Life;
use crate::letter::{Sender, letter};
use crate::scene::Scene;

/// See the module.
pub struct Subscriber {
    scene: Rc<Scene>,
    /// The endpoint as the database has it.
    pub endpoint: Endpoint,
    received: RefCell<BTreeMap<String, Vec<String>>>,
}

impl Subscriber {
    /// One that has heard nothing.
    pub fn new(scene: Rc<Scene>) -> Self {
        let beginning = Timestamp::from_milliseconds(0);
        let endpoint = Endpoint {
            id: WebhookEndpointId::new("whe_1"),
            scope: fixtures::scope(),
            url: "https://hooks.example.com/".to_owned(),
            own_host: "api.example.com".to_owned(),
            events: EventFilter::everything(),
            description: None,
            secret: Secret::stored("whsec_c2VjcmV0".to_owned()),
            previous_secrets: Vec::new(),
            disabled: None,
            starts_after: 0,
            version: 1,
            created_at: beginning,
            updated_at: beginning,
        };
        Self { scene, endpoint, received: RefCell::default() }
    }

    /// The bodies that were received, by the message's id.
    pub fn received(&self) -> BTreeMap<String, Vec<String>> {
        self.received.borrow().clone()
    }

    /// Posts; the request is a task of its own, which outlives the object that sent it.
    pub async fn post(self: &Rc<Self>, from: Life, post: &Post) -> Result<PostResult, PostFailure> {
        let (answer, waiting) = letter();
        self.scene.executor.spawn(None, Rc::clone(self).receive(from, post.clone(), answer));
        let status = waiting.await.map_err(|_| PostFailure::Unreachable)??;
        Ok(PostResult { status, retry_after: None })
    }

    async fn receive(self: Rc<Self>, from: Life, post: Post, answer: Sender<Result<u16, PostFailure>>) {
        let (scene, rates) = (&self.scene, self.scene.faults.rates());
        scene.wait(1, 60).await;
        if scene.chance.hits(rates.request_lost) {
            return answer.send(Err(PostFailure::Unreachable));
        }
        if scene.chance.hits(rates.request_lost) {
            return answer.send(Ok(500));
        }
        let id = post.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id.clone());
        self.received.borrow_mut().entry(id.unwrap_or_default()).or_default().push(post.body);
        if scene.chance.hits(rates.kill_in_flight) {
            scene.doom(from);
        }
        scene.wait(1, 60).await;
        if !answer.is_awaited() {
            scene.hit(CrashPoint::AfterPostBeforeItIsMarked);
        }
        let lost = scene.chance.hits(rates.answer_lost);
        answer.send(if lost { Err(PostFailure::TimedOut) } else { Ok(200) });
    }
}

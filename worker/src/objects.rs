//! Calling a Durable Object: one JSON value there, one back.

use std::time::Duration;

use attribution::ledger::Unavailable;
use futures_util::future::{Either, select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::wasm_bindgen::JsCast as _;
use worker::{
    Delay, Env, EnvBinding as _, Method, ObjectNamespace, Request, RequestInit, Response, Stub, console_error, js_sys,
    web_sys,
};

use crate::http;
use crate::platform::Settings;

/// How long an object is waited for that answers from its own storage.
pub const WAIT: Duration = Duration::from_secs(10);

/// An object by its namespace's binding and its name.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// The binding in wrangler.toml.
    pub binding: &'a str,
    /// The name.
    pub name: &'a str,
    /// Where it is made if it does not exist yet.
    pub location: Option<&'a str>,
    /// How long its answer is waited for; `None` for an object that bounds that itself.
    pub wait: Option<Duration>,
}

impl Object<'_> {
    /// Asks, and asks once more where the call itself fails: an object that was reset (by every deployment, say) fails
    /// the call that it was in. Requests must bear being made twice.
    pub async fn ask<T: DeserializeOwned>(&self, env: &Env, request: &impl Serialize) -> Result<T, Unavailable> {
        let body = serde_json::to_vec(request).map_err(|cause| Unavailable(cause.to_string()))?;
        // Boxed: the same code for all kinds of requests, once.
        let answer = match Box::pin(self.send(env, &body)).await {
            Ok(answer) => answer,
            Err(first) => {
                console_error!("{} is asked again: {first}", self.name);
                Box::pin(self.send(env, &body)).await?
            }
        };
        serde_json::from_slice(&answer).map_err(|cause| Unavailable(cause.to_string()))
    }

    async fn send(&self, env: &Env, body: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let exchange = Box::pin(self.exchange(env, body));
        let Some(wait) = self.wait else { return exchange.await.map_err(|cause| Unavailable(cause.to_string())) };
        match select(exchange, Delay::from(wait)).await {
            Either::Left((answer, _)) => answer.map_err(|cause| Unavailable(cause.to_string())),
            Either::Right(_) => Err(Unavailable(format!("{} does not answer", self.name))),
        }
    }

    async fn exchange(&self, env: &Env, body: &[u8]) -> worker::Result<Vec<u8>> {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(worker::js_sys::Uint8Array::from(body).into()));
        let request = Request::new_with_init("https://object/", &init)?;
        // A stub is of no use after its object has failed: each try gets its own.
        let response = self.stub(env)?.fetch_with_request(request).await?;
        // Whole and at once: the SDK would read it piece by piece, which is a tenth of what a call costs.
        http::bytes(web_sys::Response::from(response).array_buffer()?).await
    }

    fn stub(&self, env: &Env) -> worker::Result<Stub> {
        let namespace = self.namespace(env)?;
        match self.location {
            Some(location) => namespace.get_by_name_with_location_hint(self.name, location),
            None => namespace.get_by_name(self.name),
        }
    }

    /// The objects of the binding, within the jurisdiction where one is set: a name stands for another object there. The
    /// SDK has no word for it.
    fn namespace(&self, env: &Env) -> worker::Result<ObjectNamespace> {
        let namespace = env.durable_object(self.binding)?;
        let settings = Settings::of(env).map_err(|problem| worker::Error::RustError(problem.to_string()))?;
        let Some(jurisdiction) = settings.jurisdiction.as_deref() else { return Ok(namespace) };
        let all = js_sys::Reflect::get(env.as_ref(), &self.binding.into())?;
        let restrict: js_sys::Function = js_sys::Reflect::get(&all, &"jurisdiction".into())?.dyn_into()?;
        ObjectNamespace::get(restrict.call1(&all, &jurisdiction.into())?)
    }
}

/// An object's answer.
pub fn answer(value: &impl Serialize) -> worker::Result<Response> {
    Response::from_bytes(serde_json::to_vec(value)?)
}

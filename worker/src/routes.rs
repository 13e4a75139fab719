//! The route table (the tracker's lines of it are served under any prefix and other names too: `attribution::outside::paths`), and
//! what every route shares: who may call it ([`access`], [`admission`]), the dialect's form for what goes wrong, CORS, the
//! request's id.

mod access;
mod admission;
mod affiliates;
mod customers;
mod payouts;
mod program;
mod sales;
mod team;
#[cfg(test)]
mod tests;
mod tracking;
mod webhooks;

use attribution::ledger::Unavailable;
use attribution::outside::BodyProblem;
use attribution::outside::paths::{self, PathAliases};
use futures_util::future::LocalBoxFuture;
use worker::{Env, Response, console_error};

use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::pages::{Page, dashboard, demo, demo::Demo, tracker};
use crate::platform::Settings;
use crate::{affitor, affonso, health, input, metrics, rate_limit, store, stripe};

use self::admission::Admitted;

/// Everything that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Health,
    Metrics,
    CreateClick,
    CreateSignup,
    ListConversions,
    CreateConversion,
    UnattributedSales,
    ShowConversion,
    UpdateConversion,
    ExplainConversion,
    RefundConversion,
    ListCommissions,
    CreateCommission,
    ShowCommission,
    UpdateCommission,
    DeleteCommission,
    PendingRefunds,
    ListReferrals,
    CreateReferral,
    ShowReferral,
    UpdateReferral,
    DeleteReferral,
    ReassignReferral,
    ReferralTimeline,
    ListEvents,
    CreateEvent,
    ExportCustomer,
    EraseCustomer,
    ListAffiliates,
    CreateAffiliate,
    ShowAffiliate,
    UpdateAffiliate,
    DeleteAffiliate,
    ListOverrides,
    CreateOverride,
    ShowOverride,
    UpdateOverride,
    DeleteOverride,
    StripeEvent,
    ShowStripe,
    UpdateStripe,
    CommissionSummary,
    ListPayouts,
    CreatePayouts,
    ShowPayout,
    UpdatePayout,
    ListCoupons,
    CreateCoupon,
    ShowCoupon,
    DeleteCoupon,
    LatestRates,
    MissingRates,
    ShowRates,
    SetRates,
    ListKeys,
    CreateKey,
    ShowKey,
    DeleteKey,
    RotateKey,
    ListWebhooks,
    CreateWebhook,
    ShowWebhook,
    UpdateWebhook,
    DeleteWebhook,
    RotateWebhookSecret,
    PingWebhook,
    ListDeliveries,
    ReplayDelivery,
    ReplayFailedDeliveries,
    ShowProgram,
    UpdateProgram,
    ShowPaymentTerms,
    UpdatePaymentTerms,
    ShowTracking,
    UpdateTracking,
    ShowRestrictions,
    UpdateRestrictions,
    ShowFraudRules,
    UpdateFraudRules,
    ListGroups,
    CreateGroup,
    ShowGroup,
    UpdateGroup,
    DeleteGroup,
    ListIncentives,
    CreateIncentive,
    ShowIncentive,
    UpdateIncentive,
    DeleteIncentive,
    ShowLevels,
    ReplaceLevels,
    TrackClick,
    TrackLead,
    TrackSale,
    TrackRefund,
    TestEvent,
    ShowReadiness,
    TrackerFile,
    Page(Page),
    DashboardOverview,
    Demo,
    DemoStyle,
    DemoScript,
    DemoAccount,
    DemoPurchase,
    DemoLedger,
}

use Endpoint as E;

/// The methods and endpoints of a path; none for an unknown one.
fn endpoints(segments: &[&str]) -> &'static [(&'static str, Endpoint)] {
    match segments {
        ["healthz"] => &[("GET", E::Health)],
        ["metrics"] => &[("GET", E::Metrics)],

        ["v1", "clicks"] => &[("POST", E::CreateClick)],
        ["v1", "signups"] => &[("POST", E::CreateSignup)],
        ["v1", "conversions"] => &[("GET", E::ListConversions), ("POST", E::CreateConversion)],
        ["v1", "conversions", "unattributed"] => &[("GET", E::UnattributedSales)],
        ["v1", "conversions", _] => &[("GET", E::ShowConversion), ("PUT", E::UpdateConversion)],
        ["v1", "conversions", _, "explain"] => &[("GET", E::ExplainConversion)],
        ["v1", "conversions", _, "refund"] => &[("POST", E::RefundConversion)],
        ["v1", "commissions"] => &[("GET", E::ListCommissions), ("POST", E::CreateCommission)],
        ["v1", "commissions", "summary"] => &[("GET", E::CommissionSummary)],
        ["v1", "commissions", _] => {
            &[("GET", E::ShowCommission), ("PUT", E::UpdateCommission), ("DELETE", E::DeleteCommission)]
        }
        ["v1", "refunds", "pending"] => &[("GET", E::PendingRefunds)],
        ["v1", "referrals"] => &[("GET", E::ListReferrals), ("POST", E::CreateReferral)],
        ["v1", "referrals", _] => {
            &[("GET", E::ShowReferral), ("PUT", E::UpdateReferral), ("DELETE", E::DeleteReferral)]
        }
        ["v1", "referrals", _, "reassign"] => &[("POST", E::ReassignReferral)],
        ["v1", "referrals", _, "timeline"] => &[("GET", E::ReferralTimeline)],
        ["v1", "events"] => &[("GET", E::ListEvents), ("POST", E::CreateEvent)],
        ["v1", "customers", "export"] => &[("POST", E::ExportCustomer)],
        ["v1", "customers", "erase"] => &[("POST", E::EraseCustomer)],
        ["v1", "affiliates"] => &[("GET", E::ListAffiliates), ("POST", E::CreateAffiliate)],
        ["v1", "affiliates", _] => {
            &[("GET", E::ShowAffiliate), ("PUT", E::UpdateAffiliate), ("DELETE", E::DeleteAffiliate)]
        }
        ["v1", "affiliates", _, "overrides"] => &[("GET", E::ListOverrides), ("POST", E::CreateOverride)],
        ["v1", "affiliates", _, "overrides", _] => &[
            ("GET", E::ShowOverride),
            ("PATCH", E::UpdateOverride),
            ("PUT", E::UpdateOverride),
            ("DELETE", E::DeleteOverride),
        ],
        ["v1", "payouts"] => &[("GET", E::ListPayouts), ("POST", E::CreatePayouts)],
        ["v1", "payouts", _] => &[("GET", E::ShowPayout), ("PUT", E::UpdatePayout)],
        ["v1", "coupons"] => &[("GET", E::ListCoupons), ("POST", E::CreateCoupon)],
        ["v1", "coupons", _] => &[("GET", E::ShowCoupon), ("DELETE", E::DeleteCoupon)],
        ["v1", "rates"] => &[("GET", E::LatestRates)],
        ["v1", "rates", "missing"] => &[("GET", E::MissingRates)],
        ["v1", "rates", _] => &[("GET", E::ShowRates), ("PUT", E::SetRates)],
        ["v1", "keys"] => &[("GET", E::ListKeys), ("POST", E::CreateKey)],
        ["v1", "keys", _] => &[("GET", E::ShowKey), ("DELETE", E::DeleteKey)],
        ["v1", "keys", _, "rotate"] => &[("POST", E::RotateKey)],
        ["v1", "webhooks"] => &[("GET", E::ListWebhooks), ("POST", E::CreateWebhook)],
        ["v1", "webhooks", _] => &[("GET", E::ShowWebhook), ("PUT", E::UpdateWebhook), ("DELETE", E::DeleteWebhook)],
        ["v1", "webhooks", _, "rotate-secret"] => &[("POST", E::RotateWebhookSecret)],
        ["v1", "webhooks", _, "ping"] => &[("POST", E::PingWebhook)],
        ["v1", "webhooks", _, "deliveries"] => &[("GET", E::ListDeliveries)],
        ["v1", "webhooks", _, "deliveries", _, "replay"] => &[("POST", E::ReplayDelivery)],
        ["v1", "webhooks", _, "replay-failed"] => &[("POST", E::ReplayFailedDeliveries)],

        ["v1", "program", rest @ ..] => program_endpoints(rest),

        ["api", "v1", "track", "click"] => &[("POST", E::TrackClick)],
        ["api", "v1", "track", "lead"] => &[("POST", E::TrackLead)],
        ["api", "v1", "track", "sale"] => &[("POST", E::TrackSale)],
        ["api", "v1", "track", "refund"] => &[("POST", E::TrackRefund)],
        ["api", "v1", "cli", "test-event"] => &[("POST", E::TestEvent)],

        ["api", "v1", "programs", "me", "readiness"] => &[("GET", E::ShowReadiness)],

        ["webhooks", "stripe", _] => &[("POST", E::StripeEvent)],

        ["js", _] => &[("GET", E::TrackerFile)],

        ["dashboard"] => &[("GET", E::Page(Page::Dashboard))],
        ["dashboard", "dashboard.css"] => &[("GET", E::Page(Page::DashboardStyle))],
        ["dashboard", "dashboard.js"] => &[("GET", E::Page(Page::DashboardScript))],
        ["dashboard", "overview"] => &[("GET", E::DashboardOverview)],

        ["openapi.json"] => &[("GET", E::Page(Page::OpenApi))],
        ["docs"] => &[("GET", E::Page(Page::Docs))],
        ["docs", "docs.css"] => &[("GET", E::Page(Page::DocsStyle))],
        ["docs", "docs.js"] => &[("GET", E::Page(Page::DocsScript))],

        ["demo"] => &[("GET", E::Demo)],
        ["demo", "shop.css"] => &[("GET", E::DemoStyle)],
        ["demo", "shop.js"] => &[("GET", E::DemoScript)],
        ["demo", "backend", "account"] => &[("POST", E::DemoAccount)],
        ["demo", "backend", "purchase"] => &[("POST", E::DemoPurchase)],
        ["demo", "backend", "ledger"] => &[("GET", E::DemoLedger)],

        ["favicon.ico"] => &[("GET", E::Page(Page::NoIcon))],
        _ => &[],
    }
}

/// The same of `/v1/program` and what is below it.
fn program_endpoints(segments: &[&str]) -> &'static [(&'static str, Endpoint)] {
    match segments {
        [] => &[("GET", E::ShowProgram), ("PATCH", E::UpdateProgram)],
        ["payment-terms"] => &[("GET", E::ShowPaymentTerms), ("PATCH", E::UpdatePaymentTerms)],
        ["tracking"] => &[("GET", E::ShowTracking), ("PATCH", E::UpdateTracking)],
        ["restrictions"] => &[("GET", E::ShowRestrictions), ("PATCH", E::UpdateRestrictions)],
        ["stripe"] => &[("GET", E::ShowStripe), ("PUT", E::UpdateStripe)],
        ["fraud-rules"] => &[("GET", E::ShowFraudRules), ("PATCH", E::UpdateFraudRules)],
        ["groups"] => &[("GET", E::ListGroups), ("POST", E::CreateGroup)],
        ["groups", _] => &[("GET", E::ShowGroup), ("PATCH", E::UpdateGroup), ("DELETE", E::DeleteGroup)],
        ["groups", _, "incentives"] => &[("GET", E::ListIncentives), ("POST", E::CreateIncentive)],
        ["groups", _, "incentives", _] => &[
            ("GET", E::ShowIncentive),
            ("PATCH", E::UpdateIncentive),
            ("PUT", E::UpdateIncentive),
            ("DELETE", E::DeleteIncentive),
        ],
        ["groups", _, "levels"] => &[("GET", E::ShowLevels), ("PUT", E::ReplaceLevels)],
        _ => &[],
    }
}

/// Answers one request.
pub async fn handle(incoming: &mut Incoming, env: &Env) -> worker::Result<Response> {
    take_usual_path(incoming, env);
    let incoming = &*incoming;
    let decoded = incoming.segments();
    let segments: Vec<&str> = decoded.iter().map(AsRef::as_ref).collect();
    if let Some(problem) = input::too_long(incoming) {
        return shared(refusal(problem, &segments), incoming, &segments).into_response(incoming);
    }
    let selected = select(incoming, &segments);
    // By a pointer: what needs no key does not have to wait until all of this is compiled.
    let admitted: LocalBoxFuture<'_, _> = Box::pin(admission::admit(&selected, incoming, env, &segments));
    let Admitted { refusal, standing } = admitted.await;
    let answer = match (refusal, selected) {
        (Some(refusal), Selected::Endpoint(E::TrackClick)) => affitor::click::unread(incoming, refusal),
        (Some(refusal), _) => refusal,
        (None, Selected::Endpoint(_)) if let Some(problem) = wrong_type(incoming, &segments) => problem,
        (None, Selected::Endpoint(endpoint)) => serve(endpoint, incoming, env, &segments).await,
        (None, Selected::Preflight) => preflight(incoming, env).await,
        (None, Selected::WrongMethod(allowed)) => wrong_method(&segments, allowed),
        (None, Selected::Unknown) => unknown_path(&segments),
    };
    let limits = standing.into_iter().flat_map(rate_limit::headers);
    let answer = limits.fold(answer, |answer, (name, value)| answer.with_header(name, value));
    shared(answer, incoming, &segments).into_response(incoming)
}

/// Gives a call of the tracker under a prefix or another name its usual path, the only one that anything behind this sees.
/// What is a route as it stands stays one.
fn take_usual_path(incoming: &mut Incoming, env: &Env) {
    let decoded = incoming.segments();
    let segments: Vec<&str> = decoded.iter().map(AsRef::as_ref).collect();
    let is_unknown_file = matches!(segments.as_slice(), ["js", name] if !tracker::has(name));
    if !is_unknown_file && !endpoints(&segments).is_empty() {
        return;
    }
    let settings = Settings::of(env).ok();
    let no_aliases = PathAliases::default();
    let aliases = settings.as_ref().map_or(&no_aliases, |settings| &settings.path_aliases);
    if let Some(path) = paths::meant(incoming.url.path(), aliases, tracker::has) {
        incoming.url.set_path(&path);
    }
}

enum Selected {
    Endpoint(Endpoint),
    Preflight,
    WrongMethod(String),
    Unknown,
}

/// HEAD is served like GET (the platform drops the body); OPTIONS only where browsers of other origins call.
fn select(incoming: &Incoming, segments: &[&str]) -> Selected {
    let methods = endpoints(segments);
    if methods.is_empty() {
        return Selected::Unknown;
    }
    if incoming.method == "OPTIONS" && is_browser_route(segments) {
        return Selected::Preflight;
    }
    let wanted = if incoming.method == "HEAD" { "GET" } else { incoming.method.as_str() };
    if let Some((_, endpoint)) = methods.iter().find(|(method, _)| *method == wanted) {
        return Selected::Endpoint(*endpoint);
    }
    let allowed: Vec<&str> = methods.iter().map(|(method, _)| *method).collect();
    Selected::WrongMethod(allowed.join(", "))
}

#[expect(clippy::too_many_lines, reason = "one match from every endpoint to what serves it")]
async fn serve(endpoint: Endpoint, incoming: &Incoming, env: &Env, segments: &[&str]) -> Answer {
    let funnel = match Funnel::of(env) {
        Ok(funnel) => funnel,
        Err(away) => return without_funnel(endpoint, away, env, segments),
    };
    let funnel = &funnel;
    if funnel.settings.is_paused && waits_for_restore(endpoint, incoming) {
        return without_funnel(endpoint, Unavailable("paused for a restore".to_owned()), env, segments);
    }
    let id = segments.get(2).copied().unwrap_or_default();
    match endpoint {
        E::Health => health::check(funnel, env).await,
        E::Metrics => boxed(Box::pin(metrics::show(incoming, funnel, env))).await,
        E::CreateClick | E::CreateSignup | E::CreateReferral | E::CreateConversion | E::RefundConversion => {
            affonso_answer(recording(endpoint, incoming, funnel, id)).await
        }
        E::ListConversions
        | E::UnattributedSales
        | E::ShowConversion
        | E::UpdateConversion
        | E::ExplainConversion
        | E::ListCommissions
        | E::CreateCommission
        | E::ShowCommission
        | E::UpdateCommission
        | E::DeleteCommission => boxed(Box::pin(sales::serve(endpoint, incoming, funnel, id))).await,
        E::PendingRefunds => affonso_answer(Box::pin(affonso::refunds::pending(incoming, funnel))).await,
        E::ListReferrals
        | E::ShowReferral
        | E::UpdateReferral
        | E::DeleteReferral
        | E::ReassignReferral
        | E::ReferralTimeline
        | E::ListEvents
        | E::CreateEvent
        | E::ExportCustomer
        | E::EraseCustomer => boxed(Box::pin(customers::serve(endpoint, incoming, funnel, id))).await,
        E::ListAffiliates
        | E::CreateAffiliate
        | E::ShowAffiliate
        | E::UpdateAffiliate
        | E::DeleteAffiliate
        | E::ListOverrides
        | E::CreateOverride
        | E::ShowOverride
        | E::UpdateOverride
        | E::DeleteOverride => {
            boxed(Box::pin(self::affiliates::affiliates(endpoint, incoming, funnel, segments))).await
        }
        E::CommissionSummary | E::ListPayouts | E::CreatePayouts | E::ShowPayout | E::UpdatePayout => {
            boxed(Box::pin(payouts::serve(endpoint, incoming, funnel, id))).await
        }
        E::ListCoupons | E::CreateCoupon | E::ShowCoupon | E::DeleteCoupon => {
            boxed(Box::pin(self::affiliates::coupons(endpoint, incoming, funnel, id))).await
        }
        E::LatestRates | E::MissingRates | E::ShowRates | E::SetRates => {
            boxed(Box::pin(team::rates(endpoint, incoming, funnel, id))).await
        }
        E::ListKeys | E::CreateKey | E::ShowKey | E::DeleteKey | E::RotateKey => {
            boxed(Box::pin(team::keys(endpoint, incoming, funnel, id))).await
        }
        E::ListWebhooks
        | E::CreateWebhook
        | E::ShowWebhook
        | E::UpdateWebhook
        | E::DeleteWebhook
        | E::RotateWebhookSecret
        | E::PingWebhook
        | E::ListDeliveries
        | E::ReplayDelivery
        | E::ReplayFailedDeliveries => {
            boxed(Box::pin(self::webhooks::serve(endpoint, incoming, env, funnel, segments))).await
        }
        E::ShowProgram
        | E::UpdateProgram
        | E::ShowPaymentTerms
        | E::UpdatePaymentTerms
        | E::ShowTracking
        | E::UpdateTracking
        | E::ShowRestrictions
        | E::UpdateRestrictions
        | E::ShowFraudRules
        | E::UpdateFraudRules
        | E::ShowStripe
        | E::UpdateStripe => boxed(Box::pin(program::settings(endpoint, incoming, funnel))).await,
        E::ListGroups
        | E::CreateGroup
        | E::ShowGroup
        | E::UpdateGroup
        | E::DeleteGroup
        | E::ListIncentives
        | E::CreateIncentive
        | E::ShowIncentive
        | E::UpdateIncentive
        | E::DeleteIncentive
        | E::ShowLevels
        | E::ReplaceLevels => boxed(Box::pin(program::groups(endpoint, incoming, funnel, segments))).await,
        E::TrackClick | E::TrackLead | E::TrackSale | E::TrackRefund | E::TestEvent | E::ShowReadiness => {
            boxed(Box::pin(tracking::serve(endpoint, incoming, funnel))).await
        }
        E::StripeEvent => affonso_answer(Box::pin(stripe::receive(incoming, funnel, id))).await,
        E::TrackerFile => tracker::file(segments.get(1).copied().unwrap_or_default()),
        E::Page(page) => page.answer(),
        E::DashboardOverview => affonso_answer(Box::pin(dashboard::overview(incoming, funnel))).await,
        E::Demo | E::DemoStyle | E::DemoScript | E::DemoAccount | E::DemoPurchase | E::DemoLedger => {
            boxed(Box::pin(serve_demo(endpoint, incoming, env, funnel))).await
        }
    }
}

/// Whether a call has to come again after a restore: everything that writes does, but a click, which its shard keeps.
fn waits_for_restore(endpoint: Endpoint, incoming: &Incoming) -> bool {
    let is_read = matches!(incoming.method.as_str(), "GET" | "HEAD");
    !is_read && !matches!(endpoint, E::CreateClick | E::TrackClick)
}

/// The answer while a setting or a binding is missing: nothing is served then, and health says what it is.
fn without_funnel(endpoint: Endpoint, away: Unavailable, env: &Env, segments: &[&str]) -> Answer {
    match endpoint {
        E::Health => health::without_settings(&away, env),
        // Its token is a setting too.
        E::Metrics => affonso::Problem::UnknownPath.answer(),
        _ if is_affitor(segments) => affitor::Problem::from(away).answer(),
        _ => affonso::Problem::from(away).answer(),
    }
}

/// What is recorded in the Affonso dialect.
fn recording<'a>(
    endpoint: Endpoint,
    incoming: &'a Incoming,
    funnel: &'a Funnel,
    id: &'a str,
) -> LocalBoxFuture<'a, Result<Answer, affonso::Problem>> {
    match endpoint {
        E::CreateClick => Box::pin(affonso::clicks::create(incoming, funnel)),
        E::CreateSignup => Box::pin(affonso::signups::create(incoming, funnel)),
        E::CreateReferral => Box::pin(affonso::referrals::create(incoming, funnel)),
        E::CreateConversion => Box::pin(affonso::conversions::create(incoming, funnel)),
        _ => Box::pin(affonso::refunds::create(incoming, funnel, id)),
    }
}

async fn serve_demo(endpoint: Endpoint, incoming: &Incoming, env: &Env, funnel: &Funnel) -> Answer {
    let Some(demo) = Demo::of(env) else { return affonso::Problem::UnknownPath.answer() };
    let answer = match endpoint {
        E::DemoStyle => Ok(demo::css()),
        E::DemoScript => Ok(demo::script()),
        E::DemoAccount => demo::account(incoming),
        E::DemoPurchase => demo.purchase(incoming, funnel).await,
        E::DemoLedger => demo.ledger(incoming, funnel).await,
        _ => demo.html(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}

/// What a route of the dialect answers. Routes are called through a pointer, so that none of them becomes part of one
/// large function that has to be compiled for every other (half of the cold start).
async fn affonso_answer(work: LocalBoxFuture<'_, Result<Answer, affonso::Problem>>) -> Answer {
    work.await.unwrap_or_else(|problem| problem.answer())
}

/// The same for what has its answer.
async fn boxed(work: LocalBoxFuture<'_, Answer>) -> Answer {
    work.await
}

fn is_affitor(segments: &[&str]) -> bool {
    segments.first() == Some(&"api")
}

/// The routes that pages of other origins call.
fn is_browser_route(segments: &[&str]) -> bool {
    matches!(segments, ["api", "v1", "track", "click" | "lead"])
}

/// A body of another type than JSON; pages may call JSON plain text, which needs no preflight.
fn wrong_type(incoming: &Incoming, segments: &[&str]) -> Option<Answer> {
    let is_api = matches!(segments.first(), Some(&("v1" | "api")));
    let problem = input::wrong_type(incoming).filter(|_| is_api && !is_browser_route(segments));
    problem.map(|problem| refusal(problem, segments))
}

/// What is wrong with a call, in its dialect.
fn refusal(problem: BodyProblem, segments: &[&str]) -> Answer {
    if is_affitor(segments) {
        affitor::Problem::from(problem).answer()
    } else {
        affonso::Problem::from(problem).answer()
    }
}

fn unknown_path(segments: &[&str]) -> Answer {
    if is_affitor(segments) { affitor::Problem::UnknownPath.answer() } else { affonso::Problem::UnknownPath.answer() }
}

fn wrong_method(segments: &[&str], allowed: String) -> Answer {
    if is_affitor(segments) {
        affitor::Problem::WrongMethod(allowed).answer()
    } else {
        affonso::Problem::WrongMethod(allowed).answer()
    }
}

/// A preflight names an origin and no program: it passes when any program allows the origin, and when D1 cannot say. The
/// call itself is then checked against its own program.
async fn preflight(incoming: &Incoming, env: &Env) -> Answer {
    let answer = Answer::empty(204);
    let Some(origin) = incoming.header("origin") else { return answer };
    let allowed = match Funnel::of(env) {
        Ok(funnel) => store::program::any_allows_origin(&funnel.database, &origin).await,
        Err(away) => Err(away),
    };
    let (allowed, seconds) = match allowed {
        Ok(allowed) => (allowed, "86400"),
        Err(away) => {
            console_error!("preflight: {away}");
            (true, "5")
        }
    };
    if !allowed {
        return answer;
    }
    answer
        .with_header("access-control-allow-origin", origin)
        .with_header("access-control-allow-methods", "POST")
        .with_header("access-control-allow-headers", "content-type, authorization, idempotency-key")
        .with_header("access-control-max-age", seconds)
}

/// What answers of browser routes carry. A refused origin may read why: the text names the origin and a
/// program, whose id stands in every page of its site.
fn shared(answer: Answer, incoming: &Incoming, segments: &[&str]) -> Answer {
    if !is_browser_route(segments) {
        return answer;
    }
    let answer = answer.with_header("vary", "Origin");
    match incoming.header("origin") {
        Some(origin) if incoming.method != "OPTIONS" => answer.with_header("access-control-allow-origin", origin),
        _ => answer,
    }
}

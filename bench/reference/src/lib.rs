//! The bare Worker that the product is measured against: each route does only the one thing that the platform makes
//! unavoidable, with nothing around it. No key, no JSON, no rule, no error text.
//!
//! | Route | What it does |
//! |---|---|
//! | `/empty` | answers nothing |
//! | `/insert` | one row in D1 |
//! | `/append` | a hop to an object, which appends one row to its SQLite |
//! | `/read` | a hop to an object, which reads one row of its SQLite |
//! | `/signup` | a hop to an object, which writes the rows of a sign-up to D1 in one batch |
//! | `/conversion` | the same with the rows of a conversion |
//!
//! It is given as many objects as the product has shards, and picks one at random.

mod object;
mod rows;

use worker::{Context, D1Database, Env, Request, Response, Result, Stub, event, query};

/// The names of the bindings, as the product's.
const DATABASE: &str = "DB";
const OBJECTS: &str = "CLICK_LEDGER";

/// Serves one request.
#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
    match route(&request.inner().url()) {
        "empty" => {
            // Unread, it would cost the runtime more.
            request.text().await?;
            Response::empty()
        }
        "insert" => insert(&env.d1(DATABASE)?, request.text().await?).await,
        // The object's answer goes out as it came, and so does the request's body go in.
        _ => any_object(&env)?.fetch_with_request(request).await,
    }
}

/// The last part of the path. Parsing the whole URL is not unavoidable.
fn route(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Into a table that the harness has made.
async fn insert(database: &D1Database, body: String) -> Result<Response> {
    query!(database, "INSERT INTO bare (body) VALUES (?1)", body)?.run().await?;
    Response::empty()
}

fn any_object(env: &Env) -> Result<Stub> {
    let shards: f64 = env.var("CLICK_SHARDS")?.to_string().parse().unwrap_or(1.0);
    let shard = (worker::js_sys::Math::random() * shards).floor();
    env.durable_object(OBJECTS)?.get_by_name(&format!("shard-{shard}"))
}

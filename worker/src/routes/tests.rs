//! That the route table and the API's document (docs/openapi/) name the same routes, and the same scopes for each. The table is read out of its own source:
//! an arm in a form that is not known here fails, so that none can be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::access::{Access, access};
use super::endpoints;

const SOURCE: &str = include_str!("../routes.rs");
const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/openapi.json"));

/// Pages for people with their files, and the demo shop, which is no part of the API.
const PAGES: [&str; 13] = [
    "GET /dashboard",
    "GET /dashboard/dashboard.css",
    "GET /dashboard/dashboard.js",
    "GET /demo",
    "GET /demo/backend/ledger",
    "GET /demo/shop.css",
    "GET /demo/shop.js",
    "GET /docs",
    "GET /docs/docs.css",
    "GET /docs/docs.js",
    "GET /favicon.ico",
    "POST /demo/backend/account",
    "POST /demo/backend/purchase",
];

/// The paths of the table, `{}` for a part that may be anything.
fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    // By the function that has the arms: what stands before its own segments.
    let mut prefixes = BTreeMap::from([("endpoints", String::new())]);
    let mut prefix: Option<String> = None;
    for line in SOURCE.lines() {
        if let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
            prefix = prefixes.get(name).cloned();
        }
        if line == "}" {
            prefix = None;
        }
        let (Some(prefix), Some((pattern, arm))) = (&prefix, line.trim().split_once(" =>")) else { continue };
        if pattern == "_" && arm.trim() == "&[]," {
            continue;
        }
        let (path, is_delegated) = path_of(prefix, pattern);
        if is_delegated {
            let name = arm.trim().split_once('(').expect("an arm with `..` calls another function").0;
            prefixes.insert(name, path);
        } else {
            paths.push(path);
        }
    }
    paths
}

/// `["v1", "clicks", _]` behind a prefix, and whether another function reads what follows.
fn path_of(prefix: &str, pattern: &str) -> (String, bool) {
    let inner = pattern.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or("?");
    let mut path = prefix.to_owned();
    for segment in inner.split(", ").filter(|segment| !segment.is_empty()) {
        let literal = segment.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match (segment, literal) {
            ("rest @ ..", _) => return (path, true),
            ("_", _) => path.push_str("/{}"),
            (_, Some(literal)) if !literal.contains('"') => {
                path.push('/');
                path.push_str(literal);
            }
            _ => panic!("an arm of the route table in a form that this test does not know: {pattern}"),
        }
    }
    (path, false)
}

/// `GET /v1/conversions/{}` for every line of the table.
fn table() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for path in paths() {
        let filled = path.replace("{}", "something");
        let segments: Vec<&str> = filled.trim_start_matches('/').split('/').collect();
        let methods = endpoints(&segments);
        assert!(!methods.is_empty(), "{path} is in the source of the table, and not in the table");
        routes.extend(methods.iter().map(|(method, _)| format!("{method} {path}")));
    }
    routes
}

/// The same for every operation of the document.
fn document() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        let path = segments.collect::<Vec<_>>().join("/");
        let methods = operations.as_object().unwrap().keys();
        routes.extend(methods.map(|method| format!("{} {path}", method.to_ascii_uppercase())));
    }
    routes
}

#[test]
fn every_route_is_documented_and_every_documented_one_is_served() {
    let pages: BTreeSet<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    let table = table();
    assert!(table.len() > 90, "only {} routes were found", table.len());
    assert_eq!(pages.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "pages that are not served");
    let api: BTreeSet<String> = table.difference(&pages).cloned().collect();
    let document = document();
    assert_eq!(api.difference(&document).collect::<Vec<_>>(), Vec::<&String>::new(), "not documented");
    assert_eq!(document.difference(&api).collect::<Vec<_>>(), Vec::<&String>::new(), "documented and not served");
}

/// What the document says of who may call: with an empty choice first where a key is optional, none for everybody.
fn documented_access(operation: &Value) -> (bool, BTreeSet<String>) {
    let choices = operation["security"].as_array().unwrap();
    let is_optional = choices.iter().any(|choice| choice.as_object().unwrap().is_empty());
    let scopes = choices.iter().flat_map(|choice| choice.as_object().unwrap().values());
    let scopes =
        scopes.flat_map(|scopes| scopes.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap().to_owned()));
    (is_optional, scopes.collect())
}

#[test]
fn every_route_names_the_scopes_that_it_needs_and_the_document_the_same_ones() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut checked = 0;
    for path in paths() {
        let filled = path.replace("{}", "something");
        let segments: Vec<&str> = filled.trim_start_matches('/').split('/').collect();
        for (method, endpoint) in endpoints(&segments) {
            let expected = match access(*endpoint) {
                Access::Open | Access::Signed => (false, Vec::new()),
                Access::Browser(scope) => (true, vec![scope]),
                Access::Keyed(scopes) => (false, scopes.to_vec()),
            };
            let is_api = matches!(segments.first(), Some(&("v1" | "api"))) || path == "/dashboard/overview";
            assert_eq!(is_api, !expected.1.is_empty(), "{method} {path}: calls of the API need scopes, and no others");
            if PAGES.contains(&format!("{method} {path}").as_str()) {
                continue;
            }
            let operation = document["paths"].as_object().unwrap().iter().find_map(|(documented, operations)| {
                let parts = documented.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
                let is_this = parts.collect::<Vec<_>>().join("/") == path;
                is_this.then(|| &operations[method.to_ascii_lowercase()])
            });
            let expected = (expected.0, expected.1.iter().map(|scope| scope.as_str().to_owned()).collect());
            assert_eq!(documented_access(operation.unwrap()), expected, "{method} {path}");
            checked += 1;
        }
    }
    assert!(checked > 90, "only {checked} operations were looked at");
}

#[test]
#[should_panic(expected = "in a form that this test does not know")]
fn an_arm_in_another_form_is_not_passed_over() {
    path_of("", "[\"v1\", name] if name == \"clicks\"");
}

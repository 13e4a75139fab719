//! That the route table and the API's document (docs/openapi/) name the same routes. The table is read out of its own source:
//! an arm in a form that is not known here fails, so that none can be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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

#[test]
#[should_panic(expected = "in a form that this test does not know")]
fn an_arm_in_another_form_is_not_passed_over() {
    path_of("", "[\"v1\", name] if name == \"clicks\"");
}

//! The OpenAPI document, against the router.

use std::collections::BTreeSet;

use serde_json::Value;

use super::endpoints::{REFUSED, routes};
use super::fixture::Fixture;

async fn document() -> Value {
    let answer = Fixture::new().await.get("/openapi.json").send().await;
    assert_eq!(answer.code(), 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    serde_json::from_slice(&answer.body).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    })
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_other_way_round() {
    let document = document().await;
    let documented: BTreeSet<_> =
        operations(&document).map(|(path, method, _)| (path.clone(), method.to_uppercase())).collect();
    let routes: BTreeSet<_> = routes()
        .into_iter()
        .flat_map(|(path, methods)| methods.into_iter().map(move |method| (path.clone(), method.to_owned())))
        .filter(|(_, method)| method != REFUSED)
        .collect();
    let missing: Vec<_> = routes.difference(&documented).collect();
    assert!(missing.is_empty(), "these lack an entry (CONTRIBUTING.md, \"An endpoint\"): {missing:?}");
    let gone: Vec<_> = documented.difference(&routes).collect();
    assert!(gone.is_empty(), "the document has what the router does not: {gone:?}");
}

#[tokio::test]
async fn entries_are_whole() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{method} {path} has no summary");
        assert!(summary.len() < 100 && !summary.contains('`'), "{method} {path}: {summary}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path} has no success");
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{method} {path} {status}");
            let is_failure = !status.starts_with('2');
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            let is_sealed = path.starts_with("/v3/") && !path.starts_with("/v3/file-bytes/");
            let body = if is_sealed { "SealedErrorBody" } else { "ErrorBody" };
            let expected = format!("#/components/schemas/{body}");
            assert_eq!(is_failure, *schema == *expected, "{method} {path} {status}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|item| references(item, found));
            }
            _ => {}
        }
    }
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn limits_are_numbers() {
    let text = document().await.to_string();
    for prefix in ["`MAX_", "`DEFAULT_"] {
        let name = text.split_once(prefix).map(|(_, rest)| rest.split('`').next());
        assert_eq!(name, None, "name {prefix}… in http/openapi/descriptions.rs, `value_of`");
    }
}

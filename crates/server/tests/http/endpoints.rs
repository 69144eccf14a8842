//! The tables of endpoints in docs/compatibility.md, against the router, in both directions.

use std::collections::BTreeMap;

use http::{Method, StatusCode};

use super::fixture::Fixture;
use super::storage::NO_ID;

const DOCUMENT: &str = include_str!("../../../../docs/compatibility.md");
const ROUTER: &str = include_str!("../../src/http/router.rs");
const PATHS: [&str; 3] = [
    include_str!("../../../api/src/paths.rs"),
    include_str!("../../../api/src/paths/accounts.rs"),
    include_str!("../../../api/src/paths/sealed.rs"),
];
/// What stands in place of methods if every method gets the same refusal.
pub const REFUSED: &str = "501";

/// The rows of the tables: a path, and methods or a reason.
fn rows() -> Vec<(&'static str, &'static str)> {
    let section =
        DOCUMENT.split("## Endpoints\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `/")?.split_once("` | "));
    cells.map(|(path, rest)| (path, rest.trim_end_matches(" |"))).collect()
}

/// A path with something in place of its variable segments.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { NO_ID } else { segment });
    format!("/{}", segments.collect::<Vec<_>>().join("/"))
}

#[tokio::test]
async fn every_endpoint_of_the_document_is_answered_as_it_says() {
    let fixture = Fixture::new().await;
    let (mut served, mut refused) = (0, 0);
    for (path, methods) in rows() {
        let path = example(path);
        let is_served =
            methods.split(", ").all(|method| method.bytes().all(|byte| byte.is_ascii_uppercase()));
        if is_served {
            for method in methods.split(", ") {
                served += 1;
                let answer = fixture.request(method.parse().unwrap(), &path).send().await;
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_ne!(answer.status, StatusCode::NOT_IMPLEMENTED, "{method} {path}");
                assert!(!text.contains("no such path"), "{method} {path}");
            }
            // What the document leaves out is not there either.
            let others = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
            for method in others.into_iter().filter(|method| !methods.contains(method.as_str())) {
                let answer = fixture.request(method.clone(), &path).send().await;
                let absent =
                    [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND, StatusCode::NOT_IMPLEMENTED];
                assert!(
                    absent.contains(&answer.status),
                    "{method} {path} is served, and not in the document"
                );
            }
        } else {
            refused += 1;
            assert_eq!(fixture.get(&path).send().await.code(), 501, "{path}");
            assert_eq!(fixture.post(&path).send().await.code(), 501, "{path}");
        }
    }
    assert!(served > 60 && refused > 10, "{served} {refused}");
}

#[test]
fn every_route_stands_in_the_document_with_its_methods() {
    let routes = routes();
    assert!(routes.len() > 80, "{}", routes.len());
    let mut listed = BTreeMap::new();
    for (path, methods) in rows() {
        let is_served = methods.split(", ").all(|method| METHODS.iter().any(|(name, _)| *name == method));
        let mut methods: Vec<_> = if is_served { methods.split(", ").collect() } else { vec![REFUSED] };
        methods.sort_unstable();
        assert!(listed.insert(format!("/{path}"), methods).is_none(), "{path} is listed twice");
    }
    for (path, methods) in &routes {
        assert_eq!(listed.get(path), Some(methods), "what docs/compatibility.md says of {path}");
    }
    for path in listed.keys() {
        assert!(routes.contains_key(path), "{path} is in docs/compatibility.md, and no route");
    }
}

/// Methods, and what the router calls them.
const METHODS: [(&str, &str); 6] = [
    ("GET", "get("),
    ("POST", "post("),
    ("PUT", "put("),
    ("PATCH", "patch("),
    ("DELETE", "delete("),
    (REFUSED, "any("),
];

/// The routes in the text of the router: paths and methods.
pub fn routes() -> BTreeMap<String, Vec<&'static str>> {
    let calls = ROUTER.split(".route(").skip(1).map(|text| {
        let (path, handlers) = text.split_once(',').unwrap();
        let mut depth = 1;
        let end = handlers.find(|character| {
            depth += match character {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let handlers = &handlers[..end.unwrap()];
        let is_called = |name: &str| handlers.contains(name);
        let mut methods: Vec<_> =
            METHODS.iter().filter(|(_, name)| is_called(name)).map(|(method, _)| *method).collect();
        methods.sort_unstable();
        (path_of(path.trim()), methods)
    });
    let routes: Vec<_> = calls.collect();
    let (count, routes) = (routes.len(), routes.into_iter().collect::<BTreeMap<_, _>>());
    assert_eq!(count, routes.len(), "one route for each path");
    routes
}

/// A path that stands in the router as text or as the name of a constant.
fn path_of(expression: &str) -> String {
    let Some(name) = expression.strip_prefix("paths::") else {
        return expression.trim_matches('"').to_owned();
    };
    let declaration = format!("pub const {name}: &str =");
    let value = PATHS.iter().find_map(|text| Some(text.split_once(declaration.as_str())?.1)).unwrap();
    value.split('"').nth(1).unwrap().to_owned()
}

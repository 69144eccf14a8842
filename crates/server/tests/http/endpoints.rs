//! The tables of endpoints in docs/compatibility.md, against the router.

use http::{Method, StatusCode};

use super::fixture::Fixture;
use super::storage::NO_ID;

const DOCUMENT: &str = include_str!("../../../../docs/compatibility.md");

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

//! Bodies: their limits, and what is done with those that are odd.

use axum::body::{Body, Bytes};
use http::Request;
use serde_json::json;
use tower::ServiceExt as _;
use tozstore_server::config::{Config, LimitsConfig};

use super::fixture::Fixture;

#[tokio::test]
async fn what_is_not_as_expected_gets_400() {
    let fixture = Fixture::new().await;
    for body in [
        "",
        "null",
        "null\n",
        "[]",
        "{",
        "{}",
        "\"\"",
        r#"{"email":null}"#,
        r#"{"email":1}"#,
        "{\"email\":\"a\"}x",
    ] {
        assert_eq!(fixture.post("/v1/account/challenge").body(body).send().await.code(), 400, "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(fixture.post("/v1/account/challenge").body(deep).send().await.code(), 400);
    assert_eq!(fixture.post("/v1/account/challenge").body([0xff, 0xfe]).send().await.code(), 400);
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let fixture = Fixture::new().await;
    let body = json!({ "email": "a@example.com", "ClientID": "x", "more": { "email": [1] } });
    assert_eq!(fixture.post("/v1/account/challenge").json(body).send().await.code(), 200);
}

#[tokio::test]
async fn a_body_past_the_limit_gets_413() {
    let limits = LimitsConfig { body_bytes: 64 * 1024, ..LimitsConfig::default() };
    let fixture = Fixture::with_config(Config { limits, ..Config::default() }).await;
    let body = json!({ "email": "a".repeat(64 * 1024) }).to_string();
    let announced = fixture.post("/v1/account/challenge").header("content-length", body.len().to_string());
    assert_eq!(announced.body(body.clone()).send().await.code(), 413);
    // Without its length, as it comes in chunks.
    let chunks = body
        .into_bytes()
        .chunks(1000)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
        .collect::<Vec<_>>();
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let request = Request::post("/v1/account/challenge").body(body).unwrap();
    assert_eq!(fixture.router.clone().oneshot(request).await.unwrap().status(), 413);
}

#[tokio::test]
async fn bodies_of_requests_that_need_none_are_ignored() {
    let fixture = Fixture::new().await;
    let token = &fixture.account.queen.token;
    let path = format!("/v1/client/{}", fixture.account.queen.id);
    for body in ["null\n", "rubbish", "{\"a\":1}"] {
        let call = fixture.get(&path).bearer(token).header("content-type", "application/json");
        assert_eq!(call.body(body).send().await.code(), 200);
    }
}

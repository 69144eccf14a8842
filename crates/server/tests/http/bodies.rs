//! Bodies: their limits, and what is done with those that are odd.

use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;
use tozstore_server::config::{Config, LimitsConfig};
use tozstore_server::store::StoreError;

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
async fn strangers_send_small_bodies_only() {
    let fixture = Fixture::new().await;
    let large = json!({ "email": "a", "token": "t", "more": "x".repeat(128 * 1024) });
    for path in [
        "/v1/auth/token",
        "/v1/account/profile",
        "/v1/account/challenge",
        "/v1/account/auth",
        "/v1/account/e3db/clients/register",
    ] {
        assert_eq!(fixture.post(path).json(large.clone()).send().await.code(), 413, "{path}");
    }
}

#[tokio::test]
async fn bodies_and_answers_share_a_limited_memory() {
    let fixture = Fixture::new().await;
    let queen = &fixture.account.queen;
    let limits = &fixture.app.config.limits;
    let data = json!({ "field": "x".repeat(3_000_000) });
    let body = super::storage::body(queen.id, "t", json!({}), data);
    let all = fixture.app.body_memory.take(limits.bodies_bytes).unwrap();
    let refused = fixture.post("/v1/storage/records").bearer(&queen.token).json(body.clone()).send().await;
    assert_eq!((refused.code(), refused.header("retry-after")), (503, Some("1")));
    drop(all);
    let written = fixture.post("/v1/storage/records").bearer(&queen.token).json(body).send().await;
    assert_eq!(written.code(), 201);
    // The store answers before it lets go of the job, and with it of the body; not so late as the next job.
    fixture.app.store.write("nothing", |_| Ok::<_, StoreError>(())).await.unwrap();
    assert!(fixture.app.body_memory.take(limits.bodies_bytes).is_some());

    let path = super::storage::record_path(&written.json());
    let request = Request::get(path).header("authorization", format!("Bearer {}", queen.token));
    let answer = fixture.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(fixture.app.answer_memory.take(limits.answers_bytes).is_none());
    // The connection holds the bytes for longer than the body.
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(fixture.app.answer_memory.take(limits.answers_bytes).is_none());
    assert!(bytes.len() > 3_000_000);
    drop(bytes);
    assert!(fixture.app.answer_memory.take(limits.answers_bytes).is_some());
}

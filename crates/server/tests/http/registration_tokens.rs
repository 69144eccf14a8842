//! Registration tokens: shapes, limits, whose they are.

use serde_json::{Value, json};
use tozstore_server::config::{Config, LimitsConfig};

use super::fixture::{Answer, Fixture, text};

async fn create(fixture: &Fixture, body: Value) -> Answer {
    fixture.post("/v1/account/tokens").bearer(&fixture.account.token).json(body).send().await
}

async fn list(fixture: &Fixture, token: &str) -> Vec<Value> {
    let answer = fixture.get("/v1/account/tokens").bearer(token).body("null\n").send().await;
    assert_eq!(answer.code(), 200);
    answer.json().as_array().unwrap().clone()
}

async fn delete(fixture: &Fixture, bearer: &str, token: &str) -> u16 {
    fixture.delete(format!("/v1/account/tokens/{token}")).bearer(bearer).send().await.code()
}

#[tokio::test]
async fn a_listed_token_is_what_its_creation_answered() {
    let fixture = Fixture::new().await;
    for body in [
        json!({ "permissions": { "enabled": true, "one_time": false, "allowed_types": ["general", "b"], "more": [1] } }),
        json!({ "name": "name", "permissions": { "enabled": false }, "total_uses_allowed": 3 }),
        json!({ "name": "", "permissions": null, "total_uses_allowed": 0, "token": "ignored", "uses": 7 }),
        json!({}),
    ] {
        let answer = create(&fixture, body.clone()).await;
        assert_eq!(answer.code(), 201, "{body}");
        let created = answer.json();
        assert!(text(&created["token"]).len() == 64);
        assert_eq!(created["uses"], 0);
        if let Some(permissions) = body.get("permissions").filter(|permissions| permissions.is_object()) {
            assert_eq!(&created["permissions"], permissions);
        }
        assert_eq!(list(&fixture, &fixture.account.token).await.last(), Some(&created));
    }
    let named = list(&fixture, &fixture.account.token).await[2].clone();
    assert_eq!((&named["name"], &named["total_uses_allowed"]), (&json!("name"), &json!(3)));
    // A restart keeps the key that the listing is opened with.
    let before = list(&fixture, &fixture.account.token).await;
    let fixture = fixture.restart().await;
    assert_eq!(list(&fixture, &fixture.account.token).await, before);
}

#[tokio::test]
async fn uses_are_counted() {
    let fixture = Fixture::new().await;
    fixture.client("a").await;
    fixture.client("b").await;
    assert_eq!(list(&fixture, &fixture.account.token).await[0]["uses"], 2);
}

#[tokio::test]
async fn a_deleted_token_is_gone_at_once() {
    let fixture = Fixture::new().await;
    let token = fixture.account.registration_token.clone();
    assert_eq!(delete(&fixture, &fixture.account.token, &token.to_uppercase()).await, 204);
    assert_eq!(list(&fixture, &fixture.account.token).await, Vec::<Value>::new());
    assert_eq!(delete(&fixture, &fixture.account.token, &token).await, 404);
}

#[tokio::test]
async fn tokens_of_other_accounts_are_not_there() {
    let fixture = Fixture::new().await;
    let other = fixture.other_account("other@example.com").await;
    assert_eq!(list(&fixture, &other.token).await.len(), 1);
    assert_eq!(delete(&fixture, &fixture.account.token, &other.registration_token).await, 404);
    assert_eq!(delete(&fixture, &fixture.account.token, "x").await, 404);
    assert_eq!(list(&fixture, &other.token).await.len(), 1);
    for bearer in ["", &fixture.account.queen.token] {
        assert_eq!(delete(&fixture, bearer, &other.registration_token).await, 401);
        assert_eq!(fixture.get("/v1/account/tokens").bearer(bearer).send().await.code(), 401);
    }
}

#[tokio::test]
async fn the_number_and_size_of_tokens_are_limited() {
    let limits = LimitsConfig { registration_tokens_per_account: 2, ..LimitsConfig::default() };
    let fixture = Fixture::with_config(Config { limits, ..Config::default() }).await;
    for body in [
        json!({ "name": "a".repeat(257) }),
        json!({ "permissions": { "x": "a".repeat(4096) } }),
        json!({ "total_uses_allowed": -1 }),
        json!({ "total_uses_allowed": u64::MAX }),
    ] {
        assert_eq!(create(&fixture, body.clone()).await.code(), 400, "{body}");
    }
    assert_eq!(create(&fixture, json!({})).await.code(), 201);
    assert_eq!(create(&fixture, json!({})).await.code(), 409);
}

//! Access tokens: how they are asked for, what they open, when they end.

use serde_json::{Value, json};

use super::fixture::{Answer, Fixture, TestClient, text};

/// Standard base64 with padding, which Basic authentication uses.
pub fn basic(id: &str, secret: &str) -> String {
    let text =
        tozstore_crypto::encode_base64url(format!("{id}:{secret}")).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    format!("Basic {text}{padding}")
}

async fn ask(fixture: &Fixture, client: &TestClient) -> Answer {
    let header = basic(&client.api_key_id, &client.api_secret);
    fixture
        .post("/v1/auth/token")
        .header("authorization", header)
        .body("grant_type=client_credentials")
        .send()
        .await
}

async fn code_of_lookup(fixture: &Fixture, token: &str) -> u16 {
    let path = format!("/v1/storage/clients/{}", fixture.account.queen.id);
    fixture.get(path).bearer(token).send().await.code()
}

#[tokio::test]
async fn the_answer_has_what_every_client_needs() {
    let fixture = Fixture::new().await;
    let answer = ask(&fixture, &fixture.account.queen).await;
    assert_eq!(answer.code(), 200);
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["expires_at"], "2027-01-15T08:15:00.500000Z");
    assert!(body.get("error").is_none());
    assert_eq!(code_of_lookup(&fixture, &text(&body["access_token"])).await, 200);
}

#[tokio::test]
async fn any_content_type_will_do() {
    let fixture = Fixture::new().await;
    let client = &fixture.account.queen;
    for content_type in ["x-www-form-urlencoded", "text/plain; charset=utf-8", "application/json", "rubbish"]
    {
        let call = fixture.post("/v1/auth/token").header("content-type", content_type);
        let call = call.header("authorization", basic(&client.api_key_id, &client.api_secret));
        assert_eq!(call.body("grant_type=client_credentials").send().await.code(), 200, "{content_type}");
    }
}

#[tokio::test]
async fn the_expiry_never_has_a_fraction_of_zero() {
    let fixture = Fixture::new().await;
    fixture.clock.set(tozstore_api::Timestamp::from_micros(1_800_000_100_000_000));
    let body = ask(&fixture, &fixture.account.queen).await.json();
    assert_eq!(body["expires_at"], "2027-01-15T08:16:40.000001Z");
}

#[tokio::test]
async fn bad_credentials_are_refused() {
    let fixture = Fixture::new().await;
    let client = &fixture.account.queen;
    let wrong = "0".repeat(64);
    for header in [
        basic(&client.api_key_id, &wrong),
        basic(&wrong, &client.api_secret),
        basic("", ""),
        "Basic !".to_owned(),
        "Basic".to_owned(),
        "Bearer x".to_owned(),
    ] {
        let call = fixture.post("/v1/auth/token").header("authorization", &header);
        assert_eq!(call.body("grant_type=client_credentials").send().await.code(), 401, "{header}");
    }
    assert_eq!(fixture.post("/v1/auth/token").send().await.code(), 401);
    let call =
        fixture.post("/v1/auth/token").header("authorization", basic(&client.api_key_id, &client.api_secret));
    assert_eq!(call.body("grant_type=password").send().await.code(), 400);
}

#[tokio::test]
async fn many_tokens_are_good_at_once() {
    let fixture = Fixture::new().await;
    let mut tokens = vec![fixture.account.queen.token.clone()];
    for _ in 0..5 {
        fixture.advance_seconds(1);
        tokens.push(text(&ask(&fixture, &fixture.account.queen).await.json()["access_token"]));
    }
    for token in &tokens {
        assert_eq!(code_of_lookup(&fixture, token).await, 200);
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let fixture = Fixture::new().await;
    let token = fixture.account.queen.token.clone();
    fixture.advance_seconds(899);
    assert_eq!(code_of_lookup(&fixture, &token).await, 200);
    fixture.advance_seconds(1);
    assert_eq!(code_of_lookup(&fixture, &token).await, 401);
}

#[tokio::test]
async fn a_token_survives_a_restart() {
    let fixture = Fixture::new().await.restart().await;
    let token = fixture.account.queen.token.clone();
    assert_eq!(code_of_lookup(&fixture, &token).await, 200);
}

#[tokio::test]
async fn a_bare_token_and_any_case_of_the_scheme_will_do() {
    let fixture = Fixture::new().await;
    let (path, token) =
        (format!("/v1/storage/clients/{}", fixture.account.queen.id), &fixture.account.queen.token);
    for value in [token.clone(), format!("bearer {token}"), format!("BEARER {token}")] {
        assert_eq!(fixture.get(&path).header("authorization", &value).send().await.code(), 200, "{value}");
    }
    for value in ["", "Bearer", "Bearer ", "Bearer x", "Basic x", "v1.AA.AA", "Digest v1"] {
        let answer = fixture.get(&path).header("authorization", value).send().await;
        assert_eq!(answer.code(), 401, "{value}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(fixture.get(&path).send().await.code(), 401);
    let twice = fixture.get(&path).bearer(token).bearer(token).send().await;
    assert_eq!(twice.code(), 401);
}

#[tokio::test]
async fn an_account_token_is_no_access_token() {
    let fixture = Fixture::new().await;
    assert_eq!(code_of_lookup(&fixture, &fixture.account.token).await, 401);
    let answer = fixture.get("/v1/account/tokens").bearer(&fixture.account.queen.token).send().await;
    assert_eq!(answer.code(), 401);
}

#[tokio::test]
async fn a_disabled_client_gets_and_uses_no_token() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let enable = async |enabled: Value| {
        let call = fixture.patch(format!("/v1/client/admin/{}/enable", client.id));
        call.bearer(&fixture.account.queen.token).json(json!({ "enabled": enabled })).send().await.code()
    };
    fixture.advance_seconds(1);
    assert_eq!(enable(json!(false)).await, 200);
    assert_eq!(code_of_lookup(&fixture, &client.token).await, 401);
    assert_eq!(ask(&fixture, &client).await.code(), 401);
    let path = format!("/v1/storage/clients/{}", client.id);
    let signed = fixture.sign(&client, "GET", &path);
    assert_eq!(fixture.get(&path).header("authorization", signed).send().await.code(), 401);
    // Enabled again, it needs a new token: the old one may be in other hands.
    assert_eq!(enable(json!(true)).await, 200);
    assert_eq!(code_of_lookup(&fixture, &client.token).await, 401);
    let token = text(&ask(&fixture, &client).await.json()["access_token"]);
    assert_eq!(code_of_lookup(&fixture, &token).await, 200);
}

#[tokio::test]
async fn validating_tells_whose_token_it_is() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let ask = async |token: &str| {
        let call = fixture.post("/v1/auth/validate").bearer(&fixture.account.queen.token);
        call.json(json!({ "token": token, "internal": false })).send().await
    };
    let good = ask(&client.token).await;
    assert_eq!(good.code(), 200);
    assert_eq!(good.json(), json!({ "client_id": client.id, "valid": true }));
    assert_eq!(ask("rubbish").await.code(), 401);
    assert_eq!(ask(&fixture.account.token).await.code(), 401);
    let stranger = fixture.post("/v1/auth/validate").json(json!({ "token": client.token })).send().await;
    assert_eq!(stranger.code(), 401);
}

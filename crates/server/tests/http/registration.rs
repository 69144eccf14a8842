//! Registering clients: what each official client sends, what tokens permit, and the mark of a backup.

use serde_json::{Value, json};
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};

use super::fixture::{Answer, Fixture, text};

fn key() -> String {
    EncryptionPrivateKey::generate().public_key().to_string()
}

async fn register(fixture: &Fixture, token: &str, client: Value) -> Answer {
    fixture
        .post("/v1/account/e3db/clients/register")
        .json(json!({ "token": token, "client": client }))
        .send()
        .await
}

/// A token of the fixture's account.
async fn token(fixture: &Fixture, body: Value) -> String {
    let answer = fixture.post("/v1/account/tokens").bearer(&fixture.account.token).json(body).send().await;
    assert_eq!(answer.code(), 201);
    text(&answer.json()["token"])
}

#[tokio::test]
async fn the_answer_has_what_every_client_needs() {
    let fixture = Fixture::new().await;
    let (key, signing) = (key(), SigningKeyPair::generate().public_key().to_string());
    let client = json!({ "name": "client_b'3fa' +x@y", "public_key": { "curve25519": key }, "signing_key": { "ed25519": signing } });
    let answer = register(&fixture, &fixture.account.registration_token, client).await;
    assert_eq!(answer.code(), 201);
    assert_eq!(answer.header("x-backup-client"), Some(fixture.account.queen.id.to_string().as_str()));
    let body = answer.json();
    for secret in ["api_key_id", "api_secret"] {
        let text = text(&body[secret]);
        assert!(
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{text}"
        );
    }
    assert_eq!(body["name"], "client_b'3fa' +x@y");
    assert_eq!(body["public_key"], json!({ "curve25519": key }));
    assert_eq!(body["signing_key"], json!({ "ed25519": signing }));
    assert_eq!(body["enabled"], true);
    assert_eq!(body["type"], "general");
    assert_eq!(body["has_backup"], false);
}

#[tokio::test]
async fn a_client_without_signing_key_is_told_an_empty_object() {
    let fixture = Fixture::new().await;
    let token = &fixture.account.registration_token;
    for signing_key in [Value::Null, json!({}), json!({ "ed25519": "" })] {
        let client = json!({ "name": "a", "type": "general", "public_key": { "curve25519": key() }, "signing_key": signing_key });
        let answer = register(&fixture, token, client).await;
        assert_eq!(answer.code(), 201, "{signing_key}");
        assert_eq!(answer.json()["signing_key"], json!({}));
    }
    let absent =
        register(&fixture, token, json!({ "name": "a", "public_key": { "curve25519": key() } })).await;
    assert_eq!(absent.json()["signing_key"], json!({}));
    // Keys of other kinds are passed on.
    let p384 = register(&fixture, token, json!({ "name": "a", "public_key": { "p384": "BLABLA" } })).await;
    assert_eq!(p384.json()["public_key"], json!({ "p384": "BLABLA" }));
}

#[tokio::test]
async fn unsound_requests_are_refused() {
    let fixture = Fixture::new().await;
    let token = &fixture.account.registration_token;
    for client in [
        json!({ "name": "a" }),
        json!({ "name": "a", "public_key": {} }),
        json!({ "name": "a", "public_key": { "curve25519": "AAAA" } }),
        json!({ "name": "a", "public_key": { "curve25519": "A".repeat(43) } }),
        json!({ "name": "a", "public_key": { "curve25519": key() }, "signing_key": { "ed25519": "AAAA" } }),
        json!({ "public_key": { "curve25519": key() } }),
        json!({ "name": "a".repeat(1025), "public_key": { "curve25519": key() } }),
        json!({ "name": "a", "type": "a".repeat(1025), "public_key": { "curve25519": key() } }),
    ] {
        assert_eq!(register(&fixture, token, client.clone()).await.code(), 400, "{client}");
    }
}

#[tokio::test]
async fn two_clients_may_have_the_same_name_and_keys() {
    let fixture = Fixture::new().await;
    let client = json!({ "name": "a", "public_key": { "curve25519": key() } });
    let first = register(&fixture, &fixture.account.registration_token, client.clone()).await.json();
    let second = register(&fixture, &fixture.account.registration_token, client).await.json();
    assert_ne!(first["client_id"], second["client_id"]);
}

#[tokio::test]
async fn tokens_permit_what_they_say() {
    let fixture = Fixture::new().await;
    let client = |kind: &str| json!({ "name": "a", "type": kind, "public_key": { "curve25519": key() } });
    assert_eq!(register(&fixture, &"0".repeat(64), client("general")).await.code(), 401);
    assert_eq!(register(&fixture, "", client("general")).await.code(), 401);

    let once = token(&fixture, json!({ "permissions": { "enabled": true, "one_time": true } })).await;
    assert_eq!(register(&fixture, &once, client("general")).await.code(), 201);
    assert_eq!(register(&fixture, &once, client("general")).await.code(), 401);

    let twice = token(&fixture, json!({ "permissions": { "enabled": true }, "total_uses_allowed": 2 })).await;
    for code in [201, 201, 403, 403] {
        assert_eq!(register(&fixture, &twice, client("general")).await.code(), code);
    }

    let typed =
        token(&fixture, json!({ "permissions": { "enabled": true, "allowed_types": ["general"] } })).await;
    assert_eq!(register(&fixture, &typed, client("general")).await.code(), 201);
    assert_eq!(register(&fixture, &typed, client("identity")).await.code(), 403);

    // A refused registration uses up nothing.
    let scarce = json!({ "permissions": { "allowed_types": ["general"], "one_time": true } });
    let scarce = token(&fixture, scarce).await;
    assert_eq!(register(&fixture, &scarce, client("identity")).await.code(), 403);
    let answer = register(&fixture, &scarce, client("general")).await;
    assert_eq!(answer.code(), 201);
    // It did not say that clients are enabled.
    assert_eq!(answer.json()["enabled"], false);
}

#[tokio::test]
async fn concurrent_registrations_do_not_exceed_what_a_token_allows() {
    let fixture = Fixture::new().await;
    let token = token(&fixture, json!({ "permissions": { "enabled": true }, "total_uses_allowed": 3 })).await;
    let client = json!({ "name": "a", "public_key": { "curve25519": key() } });
    let calls = (0..10).map(|_| register(&fixture, &token, client.clone()));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
}

#[tokio::test]
async fn a_backup_is_marked_by_whoever_holds_a_token_of_the_account() {
    let fixture = Fixture::new().await;
    let has_backup = async |id: &str| {
        let call = fixture.get(format!("/v1/client/admin/{id}")).bearer(&fixture.account.queen.token);
        call.send().await.json()["has_backup"].as_bool().unwrap()
    };
    let once = token(&fixture, json!({ "permissions": { "enabled": true, "one_time": true } })).await;
    for token in [&once, &fixture.account.registration_token] {
        let client = json!({ "name": "a", "public_key": { "curve25519": key() } });
        let id = text(&register(&fixture, token, client).await.json()["client_id"]);
        assert!(!has_backup(&id).await);
        // Without authentication, as one official client does; and twice.
        for _ in 0..2 {
            let answer = fixture.post(format!("/v1/account/backup/{token}/{id}")).send().await;
            assert!(answer.status == 204 && answer.body.is_empty());
        }
        assert!(has_backup(&id).await);
    }
    // With a bearer token of the new client, as others do.
    let client = fixture.client("b").await;
    let path = format!("/v1/account/backup/{}/{}", fixture.account.registration_token, client.id);
    assert_eq!(fixture.post(path).bearer(&client.token).body("null\n").send().await.code(), 204);
}

#[tokio::test]
async fn others_cannot_mark_a_backup_nor_tell_what_is_there() {
    let fixture = Fixture::new().await;
    let other = fixture.other_account("other@example.com").await;
    let client = fixture.client("a").await;
    let nobody = "00000000-0000-4000-8000-000000000001";
    let foreign = &other.registration_token;
    let mut bodies = Vec::new();
    for path in [
        format!("/v1/account/backup/{foreign}/{}", client.id),
        format!("/v1/account/backup/{foreign}/{nobody}"),
        format!("/v1/account/backup/{}/{}", "0".repeat(64), client.id),
        format!("/v1/account/backup/{}/x", fixture.account.registration_token),
    ] {
        let answer = fixture.post(&path).send().await;
        assert_eq!(answer.code(), 403, "{path}");
        bodies.push(answer.told());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

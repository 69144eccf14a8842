//! Accounts: creation, profile, metadata, change of the administering client, deletion.

use serde_json::{Value, json};
use tozstore_crypto::{
    EncryptionPrivateKey, SigningKeyPair, account_signing_key, answer_challenge, decode_base64url,
};
use tozstore_server::config::{AccountsConfig, Config};
use tozstore_server::store::{ChangeKind, StoreError};

use super::fixture::{Answer, Fixture, account_body, text};

async fn create(fixture: &Fixture, email: &str) -> Answer {
    let key = SigningKeyPair::generate();
    let body = account_body(email, &key, &key, &EncryptionPrivateKey::generate(), &key);
    fixture.post("/v1/account/profile").json(body).send().await
}

async fn change(fixture: &Fixture, body: Value) -> Answer {
    fixture.patch("/v1/account/profile").bearer(&fixture.account.token).json(body).send().await
}

async fn put_meta(fixture: &Fixture, body: impl Into<Vec<u8>>) -> u16 {
    fixture.put("/v1/account/profile/meta").bearer(&fixture.account.token).body(body).send().await.code()
}

async fn meta(fixture: &Fixture) -> Answer {
    fixture.get("/v1/account/profile/meta").bearer(&fixture.account.token).send().await
}

#[tokio::test]
async fn creation_answers_with_token_profile_and_first_client() {
    let fixture = Fixture::new().await;
    let answer = create(&fixture, "New@example.com").await;
    assert_eq!(answer.code(), 201);
    let body = answer.json();
    assert_eq!(body["profile"]["email"], "New@example.com");
    for salt in ["auth_salt", "enc_salt", "paper_auth_salt", "paper_enc_salt"] {
        assert_eq!(body["profile"][salt], "c2FsdHNhbHRzYWx0c2FsdA");
    }
    assert!(body["profile"]["verified"].is_boolean());
    assert!(body["profile"]["signing_key"]["ed25519"].is_string());
    let client = &body["account"]["client"];
    assert_eq!(text(&client["api_secret"]).len(), 64);
    assert_eq!(client["enabled"], true);
    assert_eq!(client["public_key"], body["account"]["public_key"]);
    // The account's placement is in its id, and in its client's.
    assert_eq!(text(&body["profile"]["id"])[32..], text(&client["client_id"])[32..]);
}

#[tokio::test]
async fn an_address_has_one_account_in_any_spelling() {
    let fixture = Fixture::new().await;
    assert_eq!(create(&fixture, "queen@EXAMPLE.com").await.code(), 409);
    assert_eq!(create(&fixture, "").await.code(), 400);
    assert_eq!(create(&fixture, &"a".repeat(513)).await.code(), 400);
}

#[tokio::test]
async fn creation_can_be_closed() {
    let fixture = Fixture::new().await;
    let config = Config { accounts: AccountsConfig { open: false }, ..Config::default() };
    let app = tozstore_server::App::new(
        config,
        fixture.app.store.clone(),
        fixture.app.blobs.clone(),
        fixture.clock.clone(),
        tozstore_server::keys::ServerKeys::derive(&[0; 32]),
    );
    let mut fixture = fixture;
    fixture.router = tozstore_server::http::router(app);
    assert_eq!(create(&fixture, "new@example.com").await.code(), 403);
}

#[tokio::test]
async fn metadata_is_kept_as_it_was_put() {
    let fixture = Fixture::new().await;
    assert_eq!(meta(&fixture).await.json(), json!({}));
    let text = r#"{"b":"1","a":{"c":[null,true]},"backupEnabled":"x"}"#;
    assert_eq!(put_meta(&fixture, text).await, 200);
    assert_eq!(meta(&fixture).await.body, text.as_bytes());
    assert_eq!(put_meta(&fixture, "{}").await, 200);
    assert_eq!(meta(&fixture).await.json(), json!({}));
    for body in ["", "null", "[]", "1"] {
        assert_eq!(put_meta(&fixture, body).await, 400, "{body}");
    }
    assert_eq!(put_meta(&fixture, json!({ "a": "a".repeat(64 * 1024) }).to_string()).await, 413);
    assert_eq!(fixture.get("/v1/account/profile/meta").send().await.code(), 401);
}

#[tokio::test]
async fn a_profile_changes_member_by_member() {
    let fixture = Fixture::new().await;
    let answer = change(&fixture, json!({ "profile": { "name": "Other", "email": null } })).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(answer.json()["profile"]["name"], "Other");
    assert_eq!(answer.json()["profile"]["email"], "Queen@example.com");
    assert_eq!(change(&fixture, json!({ "account": { "cc_token": "x" } })).await.code(), 200);
    assert_eq!(change(&fixture, json!({})).await.code(), 200);
    fixture.other_account("other@example.com").await;
    assert_eq!(change(&fixture, json!({ "profile": { "email": "OTHER@example.com" } })).await.code(), 409);
    assert_eq!(change(&fixture, json!({ "profile": { "email": "moved@example.com" } })).await.code(), 200);
    assert_eq!(create(&fixture, "Queen@example.com").await.code(), 201);
    for body in [
        json!({ "profile": { "auth_salt": "a".repeat(129) } }),
        json!({ "profile": { "signing_key": {} } }),
        json!({ "profile": { "name": "a".repeat(513) } }),
    ] {
        assert_eq!(change(&fixture, body.clone()).await.code(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_at_hand() {
    let mut fixture = Fixture::new().await;
    let older = fixture.account.token.clone();
    fixture.advance_seconds(1);
    let log_in = async |key: &SigningKeyPair| {
        let asked = json!({ "email": fixture.account.email });
        let challenge =
            text(&fixture.post("/v1/account/challenge").json(asked).send().await.json()["challenge"]);
        let response = key.sign(&decode_base64url(&challenge).unwrap()).to_string();
        let body = json!({ "email": fixture.account.email, "challenge": challenge, "response": response, "keyid": "password" });
        fixture.post("/v1/account/auth").json(body).send().await
    };
    let session = text(&log_in(&fixture.account.login_key).await.json()["token"]);
    fixture.advance_seconds(1);
    // Whoever knew the old password may have come in last.
    let newer = text(&log_in(&fixture.account.login_key).await.json()["token"]);
    fixture.advance_seconds(1);
    let new_key = SigningKeyPair::generate();
    let body = json!({ "profile": { "signing_key": { "ed25519": new_key.public_key() }, "auth_salt": "bmV3", "enc_salt": "bmV3" } });
    assert_eq!(fixture.patch("/v1/account/profile").bearer(&session).json(body).send().await.code(), 200);
    assert_eq!(log_in(&fixture.account.login_key).await.code(), 401);
    assert_eq!(log_in(&new_key).await.code(), 200);
    for ended in [older, newer] {
        fixture.account.token = ended;
        assert_eq!(meta(&fixture).await.code(), 401);
    }
    fixture.account.token = session;
    assert_eq!(meta(&fixture).await.code(), 200);
}

#[tokio::test]
async fn a_new_administering_client_takes_over() {
    let fixture = Fixture::new().await;
    let client = json!({ "name": "new", "public_key": { "curve25519": EncryptionPrivateKey::generate().public_key() } });
    let call = fixture.post("/v1/account/e3db/clients/queen").bearer(&fixture.account.token);
    let answer = call.json(json!({ "client": client })).send().await;
    assert_eq!(answer.code(), 200);
    let body = answer.json();
    // The shape of a registration.
    assert_eq!(
        (&body["name"], &body["enabled"], &body["signing_key"]),
        (&json!("new"), &json!(true), &json!({}))
    );
    assert_eq!(body["public_key"], client["public_key"]);
    let form = format!("client_id={}&client_secret={}", text(&body["api_key_id"]), text(&body["api_secret"]));
    let token = text(&fixture.post("/v1/auth/token").body(form).send().await.json()["access_token"]);
    assert_eq!(fixture.get("/v1/client/admin").bearer(&token).send().await.code(), 200);
    assert_eq!(fixture.get("/v1/client/admin").bearer(&fixture.account.queen.token).send().await.code(), 403);
    let registered = fixture.client("a").await;
    let own = fixture.get(format!("/v1/client/{}", registered.id)).bearer(&registered.token).send().await;
    assert_eq!(own.code(), 200);
    // Backups go to the new one, and the profile names it.
    let registration = json!({ "token": fixture.account.registration_token, "client": { "name": "b",
        "public_key": { "curve25519": EncryptionPrivateKey::generate().public_key() } } });
    let registered = fixture.post("/v1/account/e3db/clients/register").json(registration).send().await;
    assert_eq!(registered.header("x-backup-client"), body["client_id"].as_str());
    let profile = change(&fixture, json!({})).await.json();
    assert_eq!(profile["account"]["client"]["client_id"], body["client_id"]);
    assert!(profile["account"]["client"].get("api_secret").is_none());
}

/// What an official account client sent: creation, metadata, and logins with keys of its password and paper key.
#[tokio::test]
async fn an_account_of_an_official_client_logs_in() {
    let vector: Value =
        serde_json::from_str(include_str!("../../../../vectors/12-account-login.json")).unwrap();
    let fixture = Fixture::new().await;
    let body = json!({ "profile": vector["profile"], "account": vector["account"] });
    let created = fixture.post("/v1/account/profile").json(body).send().await;
    assert_eq!(created.code(), 201);
    let created = created.json();
    for (name, value) in vector["profile"].as_object().unwrap() {
        assert_eq!(&created["profile"][name], value, "{name}");
    }
    let token = text(&created["token"]);
    let put =
        fixture.put("/v1/account/profile/meta").bearer(&token).json(vector["meta"].clone()).send().await;
    assert_eq!(put.code(), 200);

    for (keyid, secret, salt) in
        [("password", "password", "auth_salt"), ("paper", "paper_key", "paper_auth_salt")]
    {
        let asked = json!({ "email": "alice@example.com" });
        let challenge = fixture.post("/v1/account/challenge").json(asked).send().await.json();
        assert_eq!(challenge[salt], vector["profile"][salt]);
        let key = account_signing_key(&text(&vector[secret]), &text(&challenge[salt]).parse().unwrap());
        let challenge = text(&challenge["challenge"]);
        let response = answer_challenge(&key, &challenge).unwrap();
        let answer = json!({ "email": "alice@example.com", "challenge": challenge, "response": response, "keyid": keyid });
        let session = fixture.post("/v1/account/auth").json(answer).send().await;
        assert_eq!(session.code(), 200, "{keyid}");
        let session = session.json();
        assert_eq!(session["profile"], created["profile"]);
        let meta = fixture.get("/v1/account/profile/meta").bearer(text(&session["token"])).send().await;
        assert_eq!(meta.json(), vector["meta"]);
    }
}

#[tokio::test]
async fn a_new_paper_key_is_the_only_one() {
    let fixture = Fixture::new().await;
    let new_key = SigningKeyPair::generate();
    let body = json!({ "profile": { "paper_signing_key": { "ed25519": new_key.public_key() },
        "paper_auth_salt": "bmV3", "paper_enc_salt": "bmV3" } });
    let answer = change(&fixture, body).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(answer.json()["profile"]["paper_enc_salt"], "bmV3");
    for (key, keyid, code) in [
        (&fixture.account.paper_key, "paper", 401),
        (&new_key, "paper", 200),
        (&fixture.account.login_key, "password", 200),
    ] {
        let asked = json!({ "email": fixture.account.email });
        let challenge = fixture.post("/v1/account/challenge").json(asked).send().await.json();
        let challenge = text(&challenge["challenge"]);
        let response = key.sign(&decode_base64url(&challenge).unwrap()).to_string();
        let answer = json!({ "email": fixture.account.email, "challenge": challenge, "response": response, "keyid": keyid });
        assert_eq!(fixture.post("/v1/account/auth").json(answer).send().await.code(), code, "{keyid}");
    }
}

#[tokio::test]
async fn only_the_administering_client_deletes_an_account() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let other = fixture.other_account("other@example.com").await;
    let delete = async |by: &super::fixture::TestClient, id: &str| {
        let path = format!("/v2/account/{id}");
        fixture
            .delete(&path)
            .header("authorization", fixture.sign(by, "DELETE", &path))
            .body("null\n")
            .send()
            .await
            .code()
    };
    assert_eq!(delete(&client, &fixture.account.id).await, 403);
    // An account of others is not there, no more than one that never was.
    for id in [other.id.as_str(), "00000000-0000-4000-8000-000000000001", "x"] {
        assert_eq!(delete(&fixture.account.queen, id).await, 404, "{id}");
        assert_eq!(delete(&client, id).await, 404, "{id}");
    }
    assert_eq!(delete(&fixture.account.queen, &fixture.account.id).await, 204);
    assert_eq!(delete(&fixture.account.queen, &fixture.account.id).await, 401);
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_once_and_erased_in_the_background() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let other = fixture.other_account("other@example.com").await;
    let path = format!("/v2/account/{}", fixture.account.id);
    let signed = fixture.sign(&fixture.account.queen, "DELETE", &path);
    assert_eq!(fixture.delete(&path).header("authorization", signed).send().await.code(), 204);
    for (token, path) in [
        (&client.token, format!("/v1/client/{}", client.id)),
        (&fixture.account.queen.token, format!("/v1/client/{}", fixture.account.queen.id)),
        (&fixture.account.token, "/v1/account/tokens".to_owned()),
    ] {
        assert_eq!(fixture.get(&path).bearer(token).send().await.code(), 401, "{path}");
    }
    let lookup =
        fixture.get(format!("/v1/storage/clients/{}", client.id)).bearer(&other.queen.token).send().await;
    assert_eq!(lookup.code(), 404);
    let body = json!({ "token": fixture.account.registration_token, "client": { "name": "b",
        "public_key": { "curve25519": EncryptionPrivateKey::generate().public_key() } } });
    assert_eq!(fixture.post("/v1/account/e3db/clients/register").json(body).send().await.code(), 401);
    // The address is free again, and the new account is empty.
    let again = fixture.other_account(&fixture.account.email).await;
    let list = fixture.get("/v1/client/admin").bearer(&again.queen.token).send().await.json();
    assert_eq!(list["clients"].as_array().unwrap().len(), 1);

    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    let (client, queen) = (client.id, fixture.account.queen.id);
    let changes =
        fixture.app.store.read::<_, StoreError, _>("changes", |tx| tx.changes_after(0, 1000)).await.unwrap();
    assert!(changes.iter().all(|row| row.change.client != Some(client) && row.change.client != Some(queen)));
    assert!(changes.iter().any(|row| row.change.kind == ChangeKind::AccountDeleted));
}

#[tokio::test]
async fn an_account_with_many_clients_is_deleted_in_steps() {
    let fixture = Fixture::new().await;
    for number in 0..205 {
        fixture.client(&number.to_string()).await;
    }
    let path = format!("/v2/account/{}", fixture.account.id);
    assert_eq!(fixture.delete(&path).bearer(&fixture.account.queen.token).send().await.code(), 204);
    assert_eq!(create(&fixture, &fixture.account.email).await.code(), 201);
}

#[tokio::test]
async fn every_change_is_in_the_outbox() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let admin = format!("/v1/client/admin/{}", client.id);
    let queen = &fixture.account.queen.token;
    fixture.patch(format!("{admin}/enable")).bearer(queen).json(json!({ "enabled": false })).send().await;
    fixture.delete(&admin).bearer(queen).send().await;
    put_meta(&fixture, "{}").await;
    let token = &fixture.account.registration_token;
    fixture.delete(format!("/v1/account/tokens/{token}")).bearer(&fixture.account.token).send().await;
    let changes =
        fixture.app.store.read::<_, StoreError, _>("changes", |tx| tx.changes_after(0, 1000)).await.unwrap();
    let kinds: Vec<ChangeKind> = changes.iter().map(|row| row.change.kind).collect();
    assert_eq!(
        kinds,
        [
            ChangeKind::AccountCreated,
            ChangeKind::ClientRegistered,
            ChangeKind::RegistrationTokenCreated,
            ChangeKind::ClientRegistered,
            ChangeKind::ClientUpdated,
            ChangeKind::ClientDeleted,
            ChangeKind::AccountUpdated,
            ChangeKind::RegistrationTokenDeleted,
        ]
    );
}

//! Clients: look-ups by others, their own entry, administration by their account.

use serde_json::{Value, json};
use tozstore_crypto::SigningKeyPair;

use super::fixture::{Fixture, TestClient, text};

const NOBODY: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn any_client_may_look_up_any_other() {
    let fixture = Fixture::new().await;
    let other = fixture.other_account("other@example.com").await;
    let client = fixture.client("a").await;
    let keys = json!({ "curve25519": client.encryption.public_key() });
    let signing = json!({ "ed25519": client.signing.public_key() });
    for id in [client.id.to_string(), client.id.to_string().to_uppercase()] {
        let info = fixture.get(format!("/v1/storage/clients/{id}")).bearer(&other.queen.token).send().await;
        assert_eq!(info.code(), 200);
        let expected =
            json!({ "client_id": client.id, "public_key": keys, "signing_key": signing, "validated": true });
        assert_eq!(info.json(), expected);
        let public = fixture.get(format!("/v1/client/{id}/public")).bearer(&other.queen.token).send().await;
        assert_eq!(
            public.json(),
            json!({ "client_id": client.id, "public_key": keys, "signing_key": signing })
        );
    }
    assert_eq!(fixture.get(format!("/v1/storage/clients/{}", client.id)).send().await.code(), 401);
}

#[tokio::test]
async fn a_missing_signing_key_is_null_in_one_place_and_empty_in_the_other() {
    let fixture = Fixture::new().await;
    let client =
        json!({ "name": "a", "public_key": { "curve25519": fixture.account.queen.encryption.public_key() } });
    let body = json!({ "token": fixture.account.registration_token, "client": client });
    let registered = fixture.post("/v1/account/e3db/clients/register").json(body).send().await.json();
    let id = text(&registered["client_id"]);
    let get = async |path: String| fixture.get(path).bearer(&fixture.account.queen.token).send().await.json();
    assert_eq!(get(format!("/v1/storage/clients/{id}")).await["signing_key"], Value::Null);
    assert_eq!(get(format!("/v1/client/{id}/public")).await["signing_key"], json!({}));
}

#[tokio::test]
async fn whoever_is_not_there_gets_404() {
    let fixture = Fixture::new().await;
    let token = &fixture.account.queen.token;
    for id in
        [NOBODY, "doesnt%20exist", "doesnt+exist", "find?email=a@example.com", "a@example.com", "%ff", "%2F"]
    {
        assert_eq!(
            fixture.get(format!("/v1/storage/clients/{id}")).bearer(token).send().await.code(),
            404,
            "{id}"
        );
    }
    assert_eq!(fixture.get(format!("/v1/client/{NOBODY}/public")).bearer(token).send().await.code(), 404);
    // Who is not known does not learn that.
    assert_eq!(fixture.get("/v1/storage/clients/x").send().await.code(), 401);
}

#[tokio::test]
async fn many_are_looked_up_at_once_within_a_limit() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let post = async |ids: Value| {
        let call =
            fixture.post("/v1/client/public").bearer(&client.token).header("content-type", "text/plain");
        call.json(json!({ "client_ids": ids })).send().await
    };
    let answer = post(json!([client.id, NOBODY, "rubbish", fixture.account.queen.id])).await;
    assert_eq!(answer.code(), 200);
    let clients = answer.json()["clients"].as_object().unwrap().clone();
    assert_eq!(clients.len(), 2);
    assert_eq!(
        clients[&client.id.to_string()]["signing_key"],
        json!({ "ed25519": client.signing.public_key() })
    );
    assert_eq!(post(json!([])).await.json(), json!({ "clients": {} }));
    assert_eq!(post(json!(vec![NOBODY; 1000])).await.code(), 200);
    assert_eq!(post(json!(vec![NOBODY; 1001])).await.code(), 400);
    assert_eq!(post(Value::Null).await.code(), 400);
}

#[tokio::test]
async fn a_client_sees_its_own_entry_alone() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let answer = fixture.get(format!("/v1/client/{}", client.id)).bearer(&client.token).send().await;
    assert_eq!(answer.code(), 200);
    let entry = answer.json();
    assert_eq!(
        entry,
        json!({
            "client_id": client.id, "api_key_id": client.api_key_id, "name": "a", "type": "general", "enabled": true,
            "has_backup": false, "public_key": { "curve25519": client.encryption.public_key() },
            "signing_key": { "ed25519": client.signing.public_key() },
        })
    );
    let others = [fixture.account.queen.id.to_string(), NOBODY.to_owned()];
    let mut answers = Vec::new();
    for id in others {
        let answer = fixture.get(format!("/v1/client/{id}")).bearer(&client.token).send().await;
        assert_eq!(answer.code(), 403);
        answers.push(answer.told());
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_signing_key_is_added_once() {
    let fixture = Fixture::new().await;
    let mut client = fixture.client("a").await;
    let body = json!({ "token": fixture.account.registration_token, "client": { "name": "a",
        "public_key": { "curve25519": client.encryption.public_key() } } });
    let registered = fixture.post("/v1/account/e3db/clients/register").json(body).send().await.json();
    client.id = text(&registered["client_id"]).parse().unwrap();
    let form = format!(
        "client_id={}&client_secret={}",
        text(&registered["api_key_id"]),
        text(&registered["api_secret"])
    );
    client.token = text(&fixture.post("/v1/auth/token").body(form).send().await.json()["access_token"]);
    let patch = async |token: &str, key: Value| {
        let call = fixture.patch(format!("/v1/client/{}/keys", client.id)).bearer(token);
        call.json(json!({ "ClientID": "x", "signing_key": key })).send().await
    };
    let key = json!({ "ed25519": client.signing.public_key() });
    assert_eq!(patch(&fixture.account.queen.token, key.clone()).await.code(), 403);
    assert_eq!(patch(&client.token, json!({})).await.code(), 400);
    assert_eq!(patch(&client.token, json!({ "ed25519": "AA" })).await.code(), 400);
    for _ in 0..2 {
        let answer = patch(&client.token, key.clone()).await;
        assert_eq!(answer.code(), 200);
        assert_eq!(answer.json()["signing_key"], key);
    }
    let other = json!({ "ed25519": SigningKeyPair::generate().public_key() });
    assert_eq!(patch(&client.token, other).await.code(), 409);
    let path = format!("/v1/client/{}", client.id);
    let signed = fixture.sign(&client, "GET", &path);
    assert_eq!(fixture.get(&path).header("authorization", signed).send().await.code(), 200);
}

#[tokio::test]
async fn an_account_lists_its_clients_page_by_page() {
    let fixture = Fixture::new().await;
    fixture.other_account("other@example.com").await;
    for name in ["a", "b", "c"] {
        fixture.client(name).await;
    }
    let (mut names, mut next, mut trips) = (Vec::new(), 0, 0);
    loop {
        let path = format!("/v1/client/admin?next={next}&limit=1");
        let page = fixture.get(path).bearer(&fixture.account.queen.token).send().await.json();
        trips += 1;
        names.extend(page["clients"].as_array().unwrap().iter().map(|client| text(&client["name"])));
        next = page["next_token"].as_u64().unwrap();
        if next == 0 {
            break;
        }
    }
    assert_eq!(names, ["Queen", "a", "b", "c"]);
    assert!(trips > 3);
    let all = fixture.get("/v1/client/admin").bearer(&fixture.account.queen.token).send().await.json();
    assert_eq!((all["clients"].as_array().unwrap().len(), &all["next_token"]), (4, &json!(0)));
    for query in ["next=x", "limit=-1", "next=99999999999999999999"] {
        let path = format!("/v1/client/admin?{query}");
        assert_eq!(
            fixture.get(path).bearer(&fixture.account.queen.token).send().await.code(),
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_account_administers_its_own_clients_alone() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let other = fixture.other_account("other@example.com").await;
    let foreign = fixture.client_of(&other, "b").await;
    let calls = async |by: &TestClient, id: &str| {
        let path = format!("/v1/client/admin/{id}");
        let enable =
            fixture.patch(format!("{path}/enable")).bearer(&by.token).header("content-type", "text/plain");
        [
            fixture.get(&path).bearer(&by.token).send().await.code(),
            enable.json(json!({ "enabled": true })).send().await.code(),
            fixture.delete(&path).bearer(&by.token).body("null\n").send().await.code(),
        ]
    };
    // A client that does not administer learns nothing about who there is.
    for id in [&client.id.to_string(), &foreign.id.to_string(), NOBODY] {
        assert_eq!(calls(&client, id).await, [403, 403, 403], "{id}");
    }
    assert_eq!(fixture.get("/v1/client/admin").bearer(&client.token).send().await.code(), 403);
    for id in [&foreign.id.to_string(), NOBODY, "x"] {
        assert_eq!(calls(&fixture.account.queen, id).await, [404, 404, 404], "{id}");
    }
    assert_eq!(calls(&fixture.account.queen, &client.id.to_string()).await, [200, 200, 204]);
    assert_eq!(calls(&fixture.account.queen, &client.id.to_string()).await, [404, 404, 404]);
    let path = format!("/v1/storage/clients/{}", client.id);
    assert_eq!(fixture.get(&path).bearer(&client.token).send().await.code(), 401);
    assert_eq!(fixture.get(&path).bearer(&other.queen.token).send().await.code(), 404);
}

#[tokio::test]
async fn the_administering_client_cannot_lock_itself_out() {
    let fixture = Fixture::new().await;
    let queen = &fixture.account.queen;
    let path = format!("/v1/client/admin/{}", queen.id);
    let disable =
        fixture.patch(format!("{path}/enable")).bearer(&queen.token).json(json!({ "enabled": false }));
    assert_eq!(disable.send().await.code(), 409);
    assert_eq!(fixture.delete(&path).bearer(&queen.token).send().await.code(), 409);
    assert_eq!(fixture.get(&path).bearer(&queen.token).send().await.json()["enabled"], true);
}

#[tokio::test]
async fn a_token_issued_while_its_client_was_being_disabled_stays_dead() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let (path, own) = (format!("/v1/client/admin/{}/enable", client.id), format!("/v1/client/{}", client.id));
    let enable = async |enabled: bool| {
        let call = fixture.patch(&path).bearer(&fixture.account.queen.token);
        assert_eq!(call.json(json!({ "enabled": enabled })).send().await.code(), 200);
    };
    // The time of disabling is taken before its turn to write comes.
    fixture.advance_seconds(-1);
    enable(false).await;
    fixture.advance_seconds(2);
    enable(true).await;
    assert_eq!(fixture.get(&own).bearer(&client.token).send().await.code(), 401);
    let form = format!("client_id={}&client_secret={}", client.api_key_id, client.api_secret);
    let fresh = text(&fixture.post("/v1/auth/token").body(form).send().await.json()["access_token"]);
    assert_eq!(fixture.get(&own).bearer(&fresh).send().await.code(), 200);
}

#[tokio::test]
async fn a_disabled_client_is_out_at_once_by_every_way_in() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let own = format!("/v1/client/{}", client.id);
    let form = format!("client_id={}&client_secret={}", client.api_key_id, client.api_secret);
    let ways = async || {
        let signed = fixture.sign(&client, "GET", &own);
        [
            fixture.get(&own).bearer(&client.token).send().await.code(),
            fixture.get(&own).header("authorization", signed).send().await.code(),
            fixture.post("/v1/auth/token").body(form.clone()).send().await.code(),
        ]
    };
    let enable = async |enabled: bool| {
        let call = fixture.patch(format!("/v1/client/admin/{}/enable", client.id));
        let call = call.bearer(&fixture.account.queen.token).header("content-type", "text/plain");
        let answer = call.json(json!({ "enabled": enabled })).send().await;
        assert_eq!(answer.json()["enabled"], enabled);
        let path = format!("/v1/client/admin/{}", client.id);
        let shown = fixture.get(path).bearer(&fixture.account.queen.token).send().await.json();
        assert_eq!(shown["enabled"], enabled);
    };
    assert_eq!(ways().await, [200; 3]);
    for _ in 0..2 {
        enable(false).await;
        assert_eq!(ways().await, [401; 3]);
    }
    // Whoever shares with it may still look it up.
    let lookup =
        fixture.get(format!("/v1/storage/clients/{}", client.id)).bearer(&fixture.account.queen.token);
    assert_eq!(lookup.send().await.code(), 200);
    fixture.advance_seconds(1);
    enable(true).await;
    let [old_token, signature, new_token] = ways().await;
    assert_eq!((old_token, signature, new_token), (401, 200, 200));
}

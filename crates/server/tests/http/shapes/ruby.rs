//! The Ruby client: a fresh token before each call, paths in the writing of forms, nulls for what is not set, times
//! with offsets, and answers that must have every member.

use http::Method;
use serde_json::{Value, json};
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};

use super::{record, registered};
use crate::fixture::{Answer, Fixture, TestClient, text};
use crate::storage::NO_ID;
use crate::tokens::basic;

impl Fixture {
    /// A call of the Ruby client, with a token of its own.
    async fn ruby(&self, client: &TestClient, method: Method, path: &str, body: Value) -> Answer {
        let call = self.post("/v1/auth/token").header("content-type", "application/x-www-form-urlencoded");
        let call = call.header("authorization", basic(&client.api_key_id, &client.api_secret));
        let answer = call.body("grant_type=client_credentials").send().await;
        assert_eq!(answer.code(), 200);
        assert_eq!(answer.header("content-type"), Some("application/json"), "by it the answer is read");
        let call = self.request(method, path).bearer(text(&answer.json()["access_token"]));
        let call = call.header("content-type", "application/json").header("accept", "*/*");
        if body.is_null() { call.send().await } else { call.json(body).send().await }
    }

    async fn ruby_client(&self, name: &str) -> TestClient {
        let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let client = json!({ "name": name, "public_key": { "curve25519": encryption.public_key() } });
        let body = json!({ "token": self.account.registration_token, "client": client });
        let call = self.post("/v1/account/e3db/clients/register").header("content-type", "application/json");
        let answer = call.json(body).send().await;
        assert_eq!(answer.code(), 201);
        assert!(answer.header("x-backup-client").is_some());
        assert_eq!(
            (&answer.json()["name"], &answer.json()["public_key"]),
            (&json!(name), &client["public_key"])
        );
        registered(&answer.json(), signing, encryption)
    }
}

fn unset() -> Value {
    json!({ "record_id": null, "created": null, "last_modified": null, "version": null, "plain": { "p": "q" } })
}

#[tokio::test]
async fn records_are_written_with_nulls_and_updated_with_times() {
    let fixture = Fixture::new().await;
    let writer = fixture.ruby_client("writer").await;
    let sent = record(&writer, "t", unset(), json!({ "a": "1", "a b/c": "2" }));
    let answer = fixture.ruby(&writer, Method::POST, "/v1/storage/records", sent).await;
    assert_eq!(answer.code(), 201);
    let meta = answer.json()["meta"].clone();
    for member in
        ["record_id", "writer_id", "user_id", "type", "plain", "created", "last_modified", "version"]
    {
        assert!(meta.get(member).is_some_and(|value| !value.is_null()), "{member}");
    }
    let at = |version: &str| format!("/v1/storage/records/safe/{}/{version}", text(&meta["record_id"]));
    let mut again = meta.clone();
    for member in ["created", "last_modified"] {
        again[member] = json!(text(&meta[member]).replace('Z', "+00:00"));
    }
    let sent = json!({ "meta": again, "data": { "a": "3", "a b/c": "4" } });
    assert_eq!(fixture.ruby(&writer, Method::PUT, &at(NO_ID), sent.clone()).await.code(), 409);
    let answer = fixture.ruby(&writer, Method::PUT, &at(&text(&meta["version"])), sent).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(answer.json()["meta"]["created"], meta["created"], "its own times are not taken");
    let path = format!("/v1/storage/records/{}", text(&meta["record_id"]));
    // Names of fields are escaped; those that there are not are left out.
    let fields = format!("{path}?field=a+b%2Fc&field=none");
    let answer = fixture.ruby(&writer, Method::GET, &fields, Value::Null).await;
    assert_eq!(answer.json()["data"], json!({ "a b/c": "4" }));
    assert_eq!(fixture.ruby(&writer, Method::DELETE, &at(NO_ID), Value::Null).await.code(), 409);
    assert_eq!(fixture.ruby(&writer, Method::DELETE, &path, Value::Null).await.code(), 204);
    assert_eq!(fixture.ruby(&writer, Method::GET, &path, Value::Null).await.code(), 404);
}

#[tokio::test]
async fn whoever_is_not_there_is_not_found() {
    let fixture = Fixture::new().await;
    let writer = fixture.ruby_client("writer").await;
    let path = format!("/v1/storage/clients/{}", writer.id);
    let info = fixture.ruby(&writer, Method::GET, &path, Value::Null).await;
    assert_eq!(info.code(), 200);
    assert_eq!(info.json()["validated"], true, "it takes no other type");
    let nobody = "/v1/storage/clients/doesnt+exist";
    assert_eq!(fixture.ruby(&writer, Method::GET, nobody, Value::Null).await.code(), 404);
}

#[tokio::test]
async fn sharing_finds_empty_lists_and_names() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.ruby_client("writer").await, fixture.ruby_client("reader").await);
    // The marks of a type but letters, digits, `*`, `-`, `.` and `_` are escaped, and a space is a plus sign.
    let (record_type, segment) = ("it's/a*type", "it%27s%2Fa*type");
    let listing = async |client: &TestClient, path: &str| {
        let path = format!("/v1/storage/policy/{path}");
        let answer = fixture.ruby(client, Method::GET, &path, Value::Null).await;
        assert_eq!(answer.code(), 200);
        answer.json()
    };
    assert_eq!(listing(&writer, "outgoing").await, json!([]));
    let key = |holder: &TestClient| {
        format!("/v1/storage/access_keys/{w}/{w}/{}/{segment}", holder.id, w = writer.id)
    };
    let own = fixture.ruby(&writer, Method::GET, &key(&writer), Value::Null).await;
    assert_eq!(own.code(), 404);
    for holder in [&writer, &reader] {
        let answer = fixture.ruby(&writer, Method::PUT, &key(holder), json!({ "eak": "a.b" })).await;
        assert_eq!(answer.code(), 201);
        let answer = fixture.ruby(&writer, Method::PUT, &key(holder), json!({ "eak": "a.b" })).await;
        assert_eq!(answer.code(), 409, "it takes that for done");
    }
    let sent = record(&writer, record_type, unset(), json!({ "a": "1" }));
    assert_eq!(fixture.ruby(&writer, Method::POST, "/v1/storage/records", sent).await.code(), 201);
    let policy = format!("/v1/storage/policy/{w}/{w}/{}/{segment}", reader.id, w = writer.id);
    let allow = json!({ "allow": [{ "read": {} }] });
    assert!(fixture.ruby(&writer, Method::PUT, &policy, allow).await.status.is_success());
    let outgoing = json!([{ "reader_id": reader.id, "record_type": record_type, "reader_name": "reader" }]);
    assert_eq!(listing(&writer, "outgoing").await, outgoing);
    let incoming = json!([{ "writer_id": writer.id, "record_type": record_type, "writer_name": "writer" }]);
    assert_eq!(listing(&reader, "incoming").await, incoming);

    let query = json!({ "count": 100, "include_data": true, "content_types": [record_type], "after_index": 0, "include_all_writers": true, "writer_ids": [] });
    let answer = fixture.ruby(&reader, Method::POST, "/v1/storage/search", query).await;
    assert_eq!(answer.code(), 200);
    let found = &answer.json()["results"][0];
    for member in ["authorizer_id", "authorizer_public_key", "eak", "signer_id"] {
        assert!(!found["access_key"][member].is_null(), "{member}");
    }
    assert_eq!(
        (&found["record_data"], &found["meta"]["plain"]),
        (&json!({ "a": "1" }), &json!({ "p": "q" }))
    );

    let deny = json!({ "deny": [{ "read": {} }] });
    assert!(fixture.ruby(&writer, Method::PUT, &policy, deny).await.status.is_success());
    assert_eq!(fixture.ruby(&writer, Method::DELETE, &key(&reader), Value::Null).await.code(), 204);
    assert_eq!(listing(&writer, "outgoing").await, json!([]));
}

#[tokio::test]
async fn a_space_in_a_type_is_a_plus_sign_to_it_alone() {
    let fixture = Fixture::new().await;
    let writer = fixture.ruby_client("writer").await;
    // It keeps its key of "a type" under "a+type", and finds it again there.
    let path = format!("/v1/storage/access_keys/{w}/{w}/{w}/a+type", w = writer.id);
    assert_eq!(fixture.ruby(&writer, Method::PUT, &path, json!({ "eak": "a.b" })).await.code(), 201);
    assert_eq!(fixture.ruby(&writer, Method::GET, &path, Value::Null).await.code(), 200);
    let sent = record(&writer, "a type", unset(), json!({ "a": "1" }));
    assert_eq!(fixture.ruby(&writer, Method::POST, "/v1/storage/records", sent).await.code(), 201);
    // A plus sign in a path is one (RFC 3986), so that a search has no key for the record.
    let query = json!({ "count": 100, "include_data": true, "content_types": ["a type"] });
    let page = fixture.ruby(&writer, Method::POST, "/v1/storage/search", query).await.json();
    assert_eq!(page["results"][0].get("access_key"), Some(&Value::Null));
}

#[tokio::test]
async fn pages_are_full_but_for_the_last() {
    let fixture = Fixture::new().await;
    let writer = fixture.ruby_client("writer").await;
    for number in 0..7 {
        let sent = record(&writer, "t", unset(), json!({ "n": number.to_string() }));
        assert_eq!(fixture.ruby(&writer, Method::POST, "/v1/storage/records", sent).await.code(), 201);
    }
    let (mut sizes, mut after) = (Vec::new(), json!(0));
    // It stops at a page that is not full.
    while sizes.last().is_none_or(|size| *size == 3) && sizes.len() < 9 {
        let query = json!({ "count": 3, "include_data": false, "after_index": after });
        let page = fixture.ruby(&writer, Method::POST, "/v1/storage/search", query).await.json();
        sizes.push(page["results"].as_array().unwrap().len());
        after = page["last_index"].clone();
    }
    assert_eq!(sizes, [3, 3, 1]);
}

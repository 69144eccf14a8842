//! The Go clients: no `Content-Type` on any request, `null` and a line feed where there is no body, bodies on GET,
//! zero values for what is not set, and answers decoded into structures of fixed types.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tozstore_api::MAX_BATCH_RECORDS;
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};

use super::{ZERO_ID, ZERO_TIME, is_time, members, record, registered};
use crate::fixture::{Answer, Fixture, TestClient, text};
use crate::storage::NO_ID;
use crate::tokens::basic;

/// What a call without parameters sends.
pub(super) const NOTHING: &str = "null\n";

impl Fixture {
    /// A call of a Go client.
    async fn go(&self, client: &TestClient, method: Method, path: &str, body: impl ToString) -> Answer {
        let call = self.request(method, path).bearer(&client.token);
        call.body(body.to_string()).send().await
    }

    /// A client that a Go client registered, with a token.
    async fn go_client(&self, name: &str) -> TestClient {
        let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let body = json!({
            "token": self.account.registration_token,
            "client": {
                "name": name, "type": "general", "public_key": { "curve25519": encryption.public_key() },
                "signing_key": { "ed25519": signing.public_key() },
            },
        });
        let answer = self.post("/v1/account/e3db/clients/register").body(format!("{body}\n")).send().await;
        assert_eq!(answer.code(), 201);
        let mut client = registered(&answer.json(), signing, encryption);
        let answer = go_token(self, &client.api_key_id, &client.api_secret).await;
        client.token = text(&answer.json()["access_token"]);
        client
    }
}

async fn go_token(fixture: &Fixture, id: &str, secret: &str) -> Answer {
    let call = fixture.post("/v1/auth/token").header("authorization", basic(id, secret));
    let call = call.header("content-type", "application/x-www-form-urlencoded");
    call.body("grant_type=client_credentials").send().await
}

/// Its structures: a member of another type is an error.
#[derive(Deserialize)]
struct GoMeta {
    record_id: String,
    writer_id: String,
    user_id: String,
    #[serde(rename = "type")]
    record_type: String,
    plain: std::collections::HashMap<String, String>,
    version: String,
}

#[derive(Deserialize)]
struct GoRecord {
    meta: GoMeta,
    data: std::collections::HashMap<String, String>,
}

fn go_record(answer: &Answer) -> GoRecord {
    let body = answer.json();
    assert!(is_time(&body["meta"]["created"]) && is_time(&body["meta"]["last_modified"]), "{body}");
    serde_json::from_value(body).unwrap()
}

#[tokio::test]
async fn it_registers_with_and_without_a_signing_key_and_gets_a_token() {
    let fixture = Fixture::new().await;
    let key = EncryptionPrivateKey::generate().public_key();
    let token = &fixture.account.registration_token;
    for client in [
        json!({ "name": "an email: a@b", "public_key": { "curve25519": key } }),
        json!({ "name": "a", "type": "general", "public_key": { "curve25519": key }, "signing_key": { "ed25519": "" } }),
    ] {
        let body = json!({ "token": token, "client": client });
        let answer = fixture.post("/v1/account/e3db/clients/register").body(format!("{body}\n")).send().await;
        assert_eq!(answer.code(), 201, "{body}");
        assert!(answer.header("x-backup-client").is_some());
        let registered = answer.json();
        let (id, secret) = (text(&registered["api_key_id"]), text(&registered["api_secret"]));
        // It escapes both as for a query before it encodes them; then that changes nothing.
        assert!(format!("{id}{secret}").bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let answer = go_token(&fixture, &id, &secret).await;
        assert_eq!(answer.code(), 200);
        assert_eq!(members(&answer.json()), ["access_token", "expires_at", "expires_in", "token_type"]);
    }
}

#[tokio::test]
async fn it_tries_bad_credentials_twice_in_two_ways() {
    let fixture = Fixture::new().await;
    let (id, secret) = (&fixture.account.queen.api_key_id, &fixture.account.queen.api_secret);
    let wrong = "0".repeat(64);
    assert_eq!(go_token(&fixture, id, &wrong).await.code(), 401);
    for (secret, code) in [(&wrong, 401), (secret, 200)] {
        let form = format!("client_id={id}&client_secret={secret}&grant_type=client_credentials");
        let call = fixture.post("/v1/auth/token").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(call.body(form).send().await.code(), code);
    }
}

#[tokio::test]
async fn bodies_where_none_is_needed_are_not_read() {
    let fixture = Fixture::new().await;
    let client = fixture.go_client("a").await;
    let (w, info) = (client.id, format!("/v1/storage/clients/{}", client.id));
    assert_eq!(fixture.go(&client, Method::GET, &info, NOTHING).await.code(), 200);
    for path in ["/v1/auth/healthcheck", "/v1/storage/servicecheck", "/v2/account/servicecheck"] {
        assert_eq!(fixture.go(&client, Method::GET, path, NOTHING).await.code(), 200, "{path}");
    }
    let path = format!("/v1/storage/access_keys/{w}/{w}/{w}/t");
    let body = json!({ "WriterID": w, "UserID": w, "ReaderID": w, "RecordType": "t" });
    assert_eq!(fixture.go(&client, Method::GET, &path, &body).await.code(), 404);
    for path in ["incoming", "outgoing", "proxies", "granted"] {
        let answer = fixture.go(&client, Method::GET, &format!("/v1/storage/policy/{path}"), NOTHING).await;
        assert_eq!((answer.code(), answer.json()), (200, json!([])));
    }
    let path = format!("/v1/account/backup/{}/{w}", fixture.account.registration_token);
    assert!(fixture.go(&client, Method::POST, &path, NOTHING).await.status.is_success());
    for body in [NOTHING, "rubbish", "{\"a\":1}"] {
        let path = format!("/v1/client/{w}");
        assert_eq!(fixture.go(&client, Method::GET, &path, body).await.code(), 200);
    }
    // Ids are escaped as in a query: what is none is not there.
    let path = "/v1/storage/clients/doesnt+exist";
    assert_eq!(fixture.go(&client, Method::GET, path, NOTHING).await.code(), 404);
}

#[tokio::test]
async fn records_carry_zero_values_there_and_fixed_types_back() {
    let fixture = Fixture::new().await;
    let writer = fixture.go_client("writer").await;
    let meta = json!({ "record_id": "", "created": ZERO_TIME, "last_modified": ZERO_TIME, "version": "", "plain": null });
    let body = record(&writer, "t", meta, json!({ "a": "1" }));
    let answer = fixture.go(&writer, Method::POST, "/v1/storage/records", &body).await;
    assert_eq!(answer.code(), 201);
    let first = go_record(&answer);
    assert!(first.meta.plain.is_empty() && first.data["a"] == "1");
    // The second version sends ids of zeros.
    let meta = json!({ "record_id": ZERO_ID, "created": ZERO_TIME, "last_modified": ZERO_TIME, "version": ZERO_ID, "plain": { "p": "q" } });
    let body = record(&writer, "t", meta, json!({ "a": "1" }));
    let answer = fixture.go(&writer, Method::POST, "/v2/storage/records", &body).await;
    assert_eq!(answer.code(), 201);
    let second = go_record(&answer);
    assert!(second.meta.record_id != ZERO_ID && second.meta.version != ZERO_ID);
    assert_eq!((second.meta.plain["p"].as_str(), second.meta.record_type.as_str()), ("q", "t"));
    assert_eq!(
        (&second.meta.writer_id, &second.meta.user_id),
        (&writer.id.to_string(), &writer.id.to_string())
    );

    // An update sends the record as it is.
    let GoMeta { record_id, version, .. } = &first.meta;
    let meta = json!({ "record_id": record_id, "created": ZERO_TIME, "last_modified": ZERO_TIME, "version": version, "plain": null });
    let body = record(&writer, "t", meta, json!({ "a": "2" }));
    let at = |version: &str| format!("/v1/storage/records/safe/{record_id}/{version}");
    assert_eq!(fixture.go(&writer, Method::PUT, &at(NO_ID), &body).await.code(), 409, "never issued");
    let answer = fixture.go(&writer, Method::PUT, &at(version), &body).await;
    assert_eq!(answer.code(), 200);
    let updated = go_record(&answer);
    assert_ne!(&updated.meta.version, version);
    let answer = fixture.go(&writer, Method::PUT, &at(&updated.meta.version), &body).await;
    assert_eq!(answer.code(), 200, "the version that was answered is good for the next");
    let whatever = format!("/v1/storage/records/{record_id}");
    assert_eq!(fixture.go(&writer, Method::PUT, &whatever, &body).await.code(), 200);
    let fields = format!("{whatever}?field=a&field=none+such");
    assert_eq!(go_record(&fixture.go(&writer, Method::GET, &fields, NOTHING).await).data["a"], "2");
    assert_eq!(fixture.go(&writer, Method::DELETE, &whatever, NOTHING).await.code(), 204);
    assert_eq!(fixture.go(&writer, Method::GET, &whatever, NOTHING).await.code(), 404);
}

#[tokio::test]
async fn a_batch_is_a_get_with_a_body() {
    let fixture = Fixture::new().await;
    let writer = fixture.go_client("writer").await;
    let mut ids = Vec::new();
    for number in 0..2 {
        let body = record(&writer, "t", json!({ "plain": null }), json!({ "n": number.to_string() }));
        let answer = fixture.go(&writer, Method::POST, "/v1/storage/records", body).await;
        ids.push(answer.json()["meta"]["record_id"].clone());
    }
    ids.push(json!(NO_ID));
    let batch = async |body: Value| fixture.go(&writer, Method::GET, "/v1/storage/records", body).await;
    let answer = batch(json!({ "record_ids": ids, "include_data": true })).await;
    assert_eq!(answer.code(), 200);
    let found = answer.json();
    assert_eq!(members(&found), ["records"]);
    assert_eq!(found["records"].as_array().unwrap().len(), 2);
    assert_eq!(found["records"][1]["record_data"], json!({ "n": "1" }));
    let found = batch(json!({ "record_ids": ids })).await.json();
    assert_eq!(found["records"][0]["record_data"], Value::Null);
    let too_many = vec![NO_ID; MAX_BATCH_RECORDS + 1];
    assert_eq!(batch(json!({ "record_ids": too_many })).await.code(), 400);
}

#[tokio::test]
async fn keys_are_answered_in_texts_and_shared_once() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.go_client("writer").await, fixture.go_client("reader").await);
    let (w, r) = (writer.id, reader.id);
    let key =
        |reader| format!("/v1/storage/access_keys/{w}/{w}/{reader}/a type/of slashes").replace(' ', "%20");
    // It writes types as they are: a slash makes another path.
    let body = json!({ "WriterID": w, "UserID": w, "ReaderID": w, "RecordType": "t", "eak": "SOMERANDOMNPOTENTIALLYNONVALIDKEY" });
    assert_eq!(fixture.go(&writer, Method::PUT, &key(w), &body).await.code(), 404);
    let key = |reader| format!("/v1/storage/access_keys/{w}/{w}/{reader}/a%20type");
    for reader in [w, r] {
        let answer = fixture.go(&writer, Method::PUT, &key(reader), &body).await;
        assert_eq!(answer.code(), 201);
        let body = answer.json();
        assert!(body.as_object().unwrap().values().all(Value::is_string), "{body}");
        assert_eq!(body["eak"], "SOMERANDOMNPOTENTIALLYNONVALIDKEY");
        assert_eq!(fixture.go(&writer, Method::PUT, &key(reader), &body).await.code(), 409);
    }
    // The reader's key it takes from the service of clients.
    let public = fixture.go(&writer, Method::GET, &format!("/v1/client/{r}/public"), NOTHING).await;
    assert_eq!(public.code(), 200);
    assert_eq!(public.json()["public_key"]["curve25519"], json!(reader.encryption.public_key()));
    // Policies are texts with white space.
    let policy = format!("/v1/storage/policy/{w}/{w}/{r}/a%20type");
    for change in ["{\"allow\": [{\"read\": {}}]}", "{ \"deny\":[ {\"read\":{} } ] }\n"] {
        assert_eq!(fixture.go(&writer, Method::PUT, &policy, change).await.code(), 201, "{change}");
    }
    let answer = fixture.go(&reader, Method::GET, &key(r), NOTHING).await;
    assert_eq!(answer.code(), 200);
    let seen = answer.json();
    assert_eq!((&seen["authorizer_id"], &seen["eak"]), (&json!(w), &body["eak"]));
    assert_eq!(seen["authorizer_public_key"], json!({ "curve25519": writer.encryption.public_key() }));
    assert_eq!(fixture.go(&writer, Method::DELETE, &key(r), NOTHING).await.code(), 204);
    assert_eq!(fixture.go(&reader, Method::GET, &key(r), NOTHING).await.code(), 404);
}

#[tokio::test]
async fn searches_leave_out_what_is_zero() {
    let fixture = Fixture::new().await;
    let writer = fixture.go_client("writer").await;
    for (colour, size) in [("red", "l"), ("red", "s"), ("blue", "l")] {
        let plain = json!({ "plain": { "colour": colour, "size": size } });
        let body = record(&writer, "t", plain, json!({ "a": "1" }));
        assert_eq!(fixture.go(&writer, Method::POST, "/v1/storage/records", body).await.code(), 201);
    }
    let search = async |body: Value| {
        let answer = fixture.go(&writer, Method::POST, "/v1/storage/search", body).await;
        assert_eq!(answer.code(), 200);
        let page = answer.json();
        assert!(page["last_index"].is_i64() || page["last_index"].is_u64());
        (page["results"].as_array().unwrap().len(), page["last_index"].clone())
    };
    assert_eq!(search(json!({})).await.0, 3);
    // Its metadata are a flat map: all of them must hold.
    assert_eq!(search(json!({ "count": 50, "plain": { "colour": "red" } })).await.0, 2);
    assert_eq!(search(json!({ "count": 50, "plain": { "colour": "red", "size": "l" } })).await.0, 1);
    let (first, last) = search(json!({ "count": 2 })).await;
    assert_eq!((first, search(json!({ "count": 2, "after_index": last })).await.0), (2, 1));
}

//! The Java client: one exact status for each call, anything else is an error; members that must be there, if as null;
//! notes without members that it does not know; queries signed decoded.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tozstore_crypto::{EncryptionPrivateKey, FileTally, SigningKeyPair};

use super::{is_time, members, record, registered};
use crate::fixture::{Answer, Fixture, TestClient, text};
use crate::tokens::basic;

const JSON: &str = "application/json; charset=UTF-8";

impl Fixture {
    /// A call of the Java client, which wants one status and no other.
    async fn java(
        &self,
        client: &TestClient,
        method: Method,
        path: &str,
        body: Value,
        status: u16,
    ) -> Answer {
        let call = self.request(method.clone(), path).bearer(&client.token);
        let call = if body.is_null() { call } else { call.header("content-type", JSON).json(body) };
        let answer = call.send().await;
        assert_eq!(answer.code(), status, "{method} {path}: {answer:?}");
        answer
    }

    async fn java_client(&self, name: &str) -> TestClient {
        let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let client = json!({
            "name": name, "public_key": { "curve25519": encryption.public_key() },
            "signing_key": { "ed25519": signing.public_key() },
        });
        let body = json!({ "token": self.account.registration_token, "client": client });
        let call = self.post("/v1/account/e3db/clients/register").header("content-type", JSON);
        let answer = call.json(body).send().await;
        assert_eq!(answer.code(), 201);
        let answered = answer.json();
        assert!(answered["enabled"].is_boolean());
        assert_eq!(answered["name"], name);
        for member in ["public_key", "signing_key"] {
            assert_eq!(answered[member], client[member]);
        }
        let mut client = registered(&answered, signing, encryption);
        let call = self.post("/v1/auth/token").header("content-type", "text/plain; charset=utf-8");
        let call = call.header("authorization", basic(&client.api_key_id, &client.api_secret));
        let answer = call.body("grant_type=client_credentials").send().await;
        assert_eq!(answer.code(), 200);
        assert!(answer.json()["expires_in"].is_u64(), "it takes a missing one apart");
        client.token = text(&answer.json()["access_token"]);
        client
    }
}

fn key_of(writer: &TestClient, reader: &TestClient, record_type: &str) -> String {
    format!("/v1/storage/access_keys/{w}/{w}/{}/{record_type}", reader.id, w = writer.id)
}

fn policy_of(writer: &TestClient, holder: &TestClient, record_type: &str) -> String {
    format!("/v1/storage/policy/{w}/{w}/{}/{record_type}", holder.id, w = writer.id)
}

#[tokio::test]
async fn every_call_has_one_status() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.java_client("writer").await, fixture.java_client("reader").await);
    let own = key_of(&writer, &writer, "t");
    fixture.java(&writer, Method::GET, &own, Value::Null, 404).await;
    fixture.java(&writer, Method::PUT, &own, json!({ "eak": "first.key" }), 201).await;
    // It relies on the first key: another of its own is turned away, and that is no error to it.
    fixture.java(&writer, Method::PUT, &own, json!({ "eak": "other.key" }), 409).await;
    let key = fixture.java(&writer, Method::GET, &own, Value::Null, 200).await.json();
    assert_eq!(key["eak"], "first.key");

    let sent = record(&writer, "t", json!({ "plain": { "p": "q" } }), json!({ "a": "1" }));
    let written = fixture.java(&writer, Method::POST, "/v1/storage/records", sent, 201).await.json();
    let meta = &written["meta"];
    assert!(is_time(&meta["created"]) && is_time(&meta["last_modified"]));
    let plain = format!("/v1/storage/records/{}", text(&meta["record_id"]));
    let safe =
        |version: &Value| format!("/v1/storage/records/safe/{}/{}", text(&meta["record_id"]), text(version));
    // Null metadata take the old ones away, and are answered as none.
    let sent = record(&writer, "t", json!({ "plain": null }), json!({ "a": "2" }));
    let updated = fixture.java(&writer, Method::PUT, &safe(&meta["version"]), sent.clone(), 200).await.json();
    assert_eq!(updated["meta"]["plain"], json!({}));
    fixture.java(&writer, Method::PUT, &safe(&meta["version"]), sent, 409).await;

    fixture.java(&reader, Method::GET, &plain, Value::Null, 404).await;
    fixture.java(&writer, Method::PUT, &key_of(&writer, &reader, "t"), json!({ "eak": "a.b" }), 201).await;
    let policy = policy_of(&writer, &reader, "t");
    let (allow, deny) = (json!({ "allow": [{ "read": {} }] }), json!({ "deny": [{ "read": {} }] }));
    fixture.java(&writer, Method::PUT, &policy, allow.clone(), 201).await;
    fixture.java(&writer, Method::PUT, &policy, allow, 201).await;
    fixture.java(&reader, Method::GET, &plain, Value::Null, 200).await;
    for (client, path, count) in [
        (&writer, "outgoing", 1),
        (&reader, "incoming", 1),
        (&writer, "incoming", 0),
        (&reader, "outgoing", 0),
    ] {
        let path = format!("/v1/storage/policy/{path}");
        let listed = fixture.java(client, Method::GET, &path, Value::Null, 200).await.json();
        assert_eq!(listed.as_array().unwrap().len(), count, "{path}");
    }
    fixture.java(&writer, Method::DELETE, &key_of(&writer, &reader, "t"), Value::Null, 204).await;
    fixture.java(&writer, Method::PUT, &policy, deny, 201).await;
    fixture.java(&reader, Method::GET, &plain, Value::Null, 404).await;

    fixture.java(&writer, Method::DELETE, &safe(&meta["version"]), Value::Null, 409).await;
    fixture.java(&writer, Method::DELETE, &safe(&updated["meta"]["version"]), Value::Null, 204).await;
    fixture.java(&writer, Method::GET, &plain, Value::Null, 404).await;
}

#[tokio::test]
async fn authorizers_are_added_and_removed_whether_there_or_not() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.java_client("writer").await, fixture.java_client("other").await);
    let policy = policy_of(&writer, &other, "t");
    let of_all = format!("/v1/storage/policy/{w}/{w}/{}", other.id, w = writer.id);
    let (allow, deny) =
        (json!({ "allow": [{ "authorizer": {} }] }), json!({ "deny": [{ "authorizer": {} }] }));
    fixture.java(&writer, Method::PUT, &policy, deny.clone(), 201).await;
    fixture.java(&writer, Method::DELETE, &of_all, Value::Null, 200).await;
    fixture.java(&writer, Method::PUT, &policy, allow.clone(), 201).await;
    for (client, path) in [(&writer, "proxies"), (&other, "granted")] {
        let path = format!("/v1/storage/policy/{path}");
        let listed = fixture.java(client, Method::GET, &path, Value::Null, 200).await.json();
        assert_eq!(
            listed,
            json!([{ "authorizer_id": other.id, "writer_id": writer.id, "user_id": writer.id, "record_type": "t", "authorized_by": writer.id }])
        );
    }
    fixture.java(&writer, Method::PUT, &policy, deny, 201).await;
    fixture.java(&writer, Method::PUT, &policy, allow, 201).await;
    fixture.java(&writer, Method::DELETE, &of_all, Value::Null, 200).await;
    let listed = fixture.java(&writer, Method::GET, "/v1/storage/policy/proxies", Value::Null, 200).await;
    assert_eq!(listed.json(), json!([]));
}

#[tokio::test]
async fn missing_signing_keys_are_null_and_there() {
    let fixture = Fixture::new().await;
    let writer = fixture.java_client("writer").await;
    let client = json!({ "name": "old", "public_key": { "curve25519": writer.encryption.public_key() } });
    let body = json!({ "token": fixture.account.registration_token, "client": client });
    let old = fixture.post("/v1/account/e3db/clients/register").json(body).send().await.json();
    let info = format!("/v1/storage/clients/{}", text(&old["client_id"]));
    let info = fixture.java(&writer, Method::GET, &info, Value::Null, 200).await.json();
    assert_eq!(info.get("signing_key"), Some(&Value::Null), "an empty object it takes apart");
    let info = format!("/v1/storage/clients/{}", writer.id);
    let info = fixture.java(&writer, Method::GET, &info, Value::Null, 200).await.json();
    assert_eq!(info["signing_key"], json!({ "ed25519": writer.signing.public_key() }));
    for nobody in ["6bc381c7-a41d-45ae-89aa-0890ad654673", "someone@example.com"] {
        fixture.java(&writer, Method::GET, &format!("/v1/storage/clients/{nobody}"), Value::Null, 404).await;
    }
    let own = key_of(&writer, &writer, "t");
    fixture.java(&writer, Method::PUT, &own, json!({ "eak": "a.b" }), 201).await;
    let key = fixture.java(&writer, Method::GET, &own, Value::Null, 200).await.json();
    assert_eq!(key["signer_signing_key"], json!({ "ed25519": writer.signing.public_key() }));
    assert_eq!((&key["signer_id"], &key["authorizer_id"]), (&json!(writer.id), &json!(writer.id)));
}

#[tokio::test]
async fn types_are_one_segment_of_a_path() {
    let fixture = Fixture::new().await;
    let writer = fixture.java_client("writer").await;
    for (record_type, segment) in [("a/b", "a%2Fb"), ("a b", "a%20b"), ("a+b", "a+b"), ("ä", "%C3%A4")] {
        let path = key_of(&writer, &writer, segment);
        fixture.java(&writer, Method::PUT, &path, json!({ "eak": "a.b" }), 201).await;
        let sent = record(&writer, record_type, json!({ "plain": null }), json!({ "a": "1" }));
        fixture.java(&writer, Method::POST, "/v1/storage/records", sent, 201).await;
        // It sends what was set and nothing else.
        let query = json!({ "content_types": [record_type], "include_data": true });
        let page = fixture.java(&writer, Method::POST, "/v1/storage/search", query, 200).await.json();
        assert_eq!(page["results"][0]["access_key"]["eak"], "a.b", "{record_type}");
        let after = json!({ "content_types": [record_type], "after_index": page["last_index"], "count": 1 });
        let page = fixture.java(&writer, Method::POST, "/v1/storage/search", after, 200).await.json();
        assert_eq!(page["results"], json!([]), "it asks until a page is empty");
    }
}

#[tokio::test]
async fn files_are_announced_202_sent_200_and_committed_201() {
    let fixture = Fixture::new().await;
    let writer = fixture.java_client("writer").await;
    let mut tally = FileTally::new();
    tally.count(b"bytes");
    let sealed = tally.finish();
    let checksum = sealed.checksum.to_string();
    let file_meta = json!({ "checksum": checksum, "size": sealed.len_bytes, "compression": "raw", "file_name": "mine.txt" });
    let sent = record(&writer, "t", json!({ "plain": {}, "file_meta": file_meta }), json!({}));
    let pending = fixture.java(&writer, Method::POST, "/v1/storage/files", sent, 202).await.json();
    let url = text(&pending["file_url"]);
    let target = &url[url.find("/v3/").unwrap()..];
    let call = fixture.put(target).header("content-md5", &checksum).header("content-length", "5");
    let answer = call.header("content-type", "application/octet-stream").body("bytes").send().await;
    assert_eq!(answer.code(), 200);
    let path = format!("/v1/storage/files/{}", text(&pending["id"]));
    let committed = fixture.java(&writer, Method::PATCH, &path, Value::Null, 201).await.json();
    let id = text(&committed["meta"]["record_id"]);
    let read =
        fixture.java(&writer, Method::GET, &format!("/v1/storage/records/{id}"), Value::Null, 200).await;
    assert_eq!(read.json()["data"], json!({}));
    assert_eq!(read.json()["meta"]["file_meta"]["checksum"], json!(checksum));
    fixture.java(&writer, Method::GET, &format!("/v1/storage/files/{id}"), Value::Null, 200).await;
    let nothing = "/v1/storage/files/6bc381c7-a41d-45ae-89aa-0890ad654673";
    fixture.java(&writer, Method::GET, nothing, Value::Null, 404).await;
}

/// All that it knows of a note: another member is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "what matters is that they can be read")]
struct JavaNote {
    note_id: String,
    id_string: Option<String>,
    client_id: Option<String>,
    mode: String,
    recipient_signing_key: String,
    writer_signing_key: String,
    writer_encryption_key: String,
    encrypted_access_key: String,
    #[serde(rename = "type")]
    note_type: Option<String>,
    data: std::collections::HashMap<String, String>,
    plain: Option<std::collections::HashMap<String, String>>,
    file_meta: Option<std::collections::HashMap<String, String>>,
    signature: String,
    created_at: String,
    max_views: i64,
    views: i64,
    expiration: Option<String>,
    expires: Option<bool>,
    eacp: Option<Value>,
}

#[tokio::test]
async fn notes_have_nulls_and_no_strange_members() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.java_client("writer").await, fixture.java_client("reader").await);
    let path = "/v2/storage/notes";
    let sent = json!({
        "note_id": null, "id_string": "a name+", "client_id": writer.id, "mode": "Sodium",
        "recipient_signing_key": reader.signing.public_key(), "writer_signing_key": writer.signing.public_key(),
        "writer_encryption_key": writer.encryption.public_key(), "encrypted_access_key": "e.k", "type": null,
        "data": { "a": "sealed" }, "plain": null, "file_meta": null, "signature": "s", "created_at": null,
        "max_views": -1, "views": 0, "expiration": null, "expires": true, "eacp": null,
    });
    let header = fixture.sign_text(&writer, true, "POST", path, "");
    let call = fixture.post(path).header("authorization", header).header("content-type", JSON);
    let answer = call.json(sent).send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    let written: JavaNote = serde_json::from_value(answer.json()).unwrap();
    // The query is signed decoded, and whatever its values hold.
    for (wire, signed) in [
        (format!("note_id={}", written.note_id), format!("note_id={}", written.note_id)),
        ("id_string=a%20name%2B".to_owned(), "id_string=a name+".to_owned()),
    ] {
        let header = fixture.sign_text(&reader, true, "GET", path, &signed);
        let answer = fixture.get(format!("{path}?{wire}")).header("authorization", header).send().await;
        assert_eq!(answer.code(), 200, "{wire}: it lapses at no time, whatever it says");
        let read: JavaNote = serde_json::from_value(answer.json()).unwrap();
        assert_eq!(read.note_id, written.note_id);
    }
    let path = format!("{path}/{}", written.note_id);
    for code in [204, 404] {
        let header = fixture.sign_text(&writer, true, "DELETE", &path, "");
        assert_eq!(fixture.delete(&path).header("authorization", header).send().await.code(), code);
    }
}

#[tokio::test]
async fn searches_by_terms_spell_the_order_their_own_way() {
    let fixture = Fixture::new().await;
    let writer = fixture.java_client("writer").await;
    let mut ids = Vec::new();
    for number in ["1", "2"] {
        let sent = record(&writer, "t", json!({ "plain": { "n": number } }), json!({ "a": number }));
        let written = fixture.java(&writer, Method::POST, "/v1/storage/records", sent, 201).await.json();
        ids.push(written["meta"]["record_id"].clone());
    }
    for (order, first) in [(Value::Null, 0), (json!({ "sortOrder": "DESCENDING" }), 1)] {
        let body = json!({ "limit": 0, "next_token": 0, "include_data": true, "include_all_writers": false, "match": null, "exclude": [], "range": null, "order": order });
        let page = fixture.java(&writer, Method::POST, "/v2/search", body, 200).await.json();
        assert_eq!(members(&page), ["last_index", "results", "search_id", "total_results"]);
        assert_eq!(page["results"][0]["meta"]["record_id"], ids[first], "{order}");
    }
}

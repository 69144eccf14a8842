//! The C client: one exact status for each call, or it aborts; a slash behind the path of records; a search without a
//! body; members in answers that no other client reads. How it writes its requests line by line, `running.rs` has.

use http::Method;
use serde_json::{Value, json};
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};

use super::{record, registered};
use crate::fixture::{Answer, Fixture, TestClient, text};
use crate::tokens::basic;

const JSON: &str = "application/json";

impl Fixture {
    /// A call of the C client, with its one token.
    async fn c(&self, client: &TestClient, method: Method, path: &str, body: &str, status: u16) -> Answer {
        let call = self.request(method.clone(), path).bearer(&client.token).header("content-type", JSON);
        let length = body.len().to_string();
        let answer = call.header("content-length", length).body(body).send().await;
        assert_eq!(answer.code(), status, "{method} {path}: {answer:?}");
        answer
    }

    /// It registers nobody: its credentials come from a file.
    async fn c_client(&self) -> TestClient {
        let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let client = json!({
            "name": "c", "public_key": { "curve25519": encryption.public_key() },
            "signing_key": { "ed25519": signing.public_key() },
        });
        let body = json!({ "token": self.account.registration_token, "client": client });
        let answer = self.post("/v1/account/e3db/clients/register").json(body).send().await;
        let mut client = registered(&answer.json(), signing, encryption);
        let call = self.post("/v1/auth/token").header("content-type", "application/x-www-form-urlencoded");
        let call = call.header("authorization", basic(&client.api_key_id, &client.api_secret));
        let answer = call.body("grant_type=client_credentials").send().await;
        assert_eq!(answer.code(), 200);
        client.token = text(&answer.json()["access_token"]);
        client
    }
}

#[tokio::test]
async fn a_record_is_written_and_read_with_exact_statuses() {
    let fixture = Fixture::new().await;
    let writer = fixture.c_client().await;
    let key = format!("/v1/storage/access_keys/{w}/{w}/{w}/feedback", w = writer.id);
    fixture.c(&writer, Method::GET, &key, "", 404).await;
    let info = format!("/v1/storage/clients/{}", writer.id);
    let info = fixture.c(&writer, Method::GET, &info, "", 200).await.json();
    assert_eq!(info["public_key"]["curve25519"], json!(writer.encryption.public_key()));
    let put = fixture.c(&writer, Method::PUT, &key, r#"{"eak":"a.b"}"#, 201).await;
    assert_eq!(put.json()["eak"], "a.b", "an empty body it takes apart");
    let seen = fixture.c(&writer, Method::GET, &key, "", 200).await.json();
    for member in ["eak", "authorizer_id", "authorizer_public_key", "signer_id", "signer_signing_key"] {
        assert!(!seen[member].is_null(), "{member}");
    }

    // What it signs has a length by accident: the signature is any text.
    let mut sent = record(&writer, "feedback", json!({ "plain": {} }), json!({ "comment": "a.b.c.d" }));
    sent["rec_sig"] = json!("c2hvcnQ");
    let written =
        fixture.c(&writer, Method::POST, "/v1/storage/records/", &sent.to_string(), 201).await.json();
    assert_eq!((&written["rec_sig"], &written["data"]), (&sent["rec_sig"], &sent["data"]));
    let path = format!("/v1/storage/records/{}", text(&written["meta"]["record_id"]));
    let read = fixture.c(&writer, Method::GET, &path, "", 200).await.json();
    assert_eq!(read, written);
    // It can ask for several at once, which is no id.
    fixture.c(&writer, Method::GET, &format!("{path},{}", writer.id), "", 404).await;
}

#[tokio::test]
async fn a_record_without_a_signature_is_answered_with_the_member() {
    let fixture = Fixture::new().await;
    let writer = fixture.c_client().await;
    let sent = record(&writer, "feedback", json!({}), json!({ "comment": "a.b.c.d" }));
    let written =
        fixture.c(&writer, Method::POST, "/v1/storage/records/", &sent.to_string(), 201).await.json();
    assert_eq!(written.get("rec_sig"), Some(&Value::Null));
    assert_eq!(written["meta"]["plain"], json!({}));
}

#[tokio::test]
async fn a_search_without_a_body_finds_what_is_its_own() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.c_client().await, fixture.c_client().await);
    for client in [&writer, &other] {
        let sent = record(client, "feedback", json!({ "plain": {} }), json!({ "comment": "a.b.c.d" }));
        fixture.c(client, Method::POST, "/v1/storage/records/", &sent.to_string(), 201).await;
    }
    let page = fixture.c(&writer, Method::POST, "/v1/storage/search", "", 200).await.json();
    assert_eq!(page["results"].as_array().unwrap().len(), 1);
    assert_eq!(page["results"][0]["meta"]["writer_id"], json!(writer.id));
    assert_eq!(page["results"][0]["record_data"], Value::Null);
}

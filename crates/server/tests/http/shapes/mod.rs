//! What official clients in other languages send, as they send it, and what they need to be answered: a file for each.
//!
//! Each test is a session of that client: its headers, its bodies down to the white space, its way of writing paths and
//! of signing, and the statuses and members without which it gives up. The interop protocol says which they are.

mod c;
mod go;
mod go_signed;
mod java;
mod ruby;

use serde_json::{Value, json};
use tozstore_crypto::{EncryptionPrivateKey, RequestNonce, SigningKeyPair, blake2b_256};

use super::fixture::{Fixture, TestClient};

/// What some clients send for an id that there is not yet.
const ZERO_ID: &str = "00000000-0000-0000-0000-000000000000";
/// And for a time.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

impl Fixture {
    /// An `Authorization` header over path and query in the client's own writing, whatever goes over the wire.
    fn sign_text(
        &self,
        client: &TestClient,
        is_named: bool,
        method: &str,
        path: &str,
        query: &str,
    ) -> String {
        let uid = if is_named { client.id.to_string() } else { String::new() };
        let (key, seconds) = (&client.signing, self.clock_seconds());
        let nonce = RequestNonce::random();
        let header = format!("TSV1-ED25519-BLAKE2B; {}; {seconds}; {nonce}; uid:{uid}", key.public_key());
        let text = format!("{path}; {query}; {method}; {header}");
        format!("{header}; {}", key.sign(&blake2b_256(text.as_bytes())))
    }
}

/// A client that a session registered, with keys of its own.
fn registered(answer: &Value, signing: SigningKeyPair, encryption: EncryptionPrivateKey) -> TestClient {
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let id = text("client_id").parse().unwrap();
    let (api_key_id, api_secret) = (text("api_key_id"), text("api_secret"));
    TestClient { id, api_key_id, api_secret, token: String::new(), signing, encryption }
}

/// The names of an object's members, in the order of the alphabet.
fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Whether a text has the form `2027-01-15T08:00:00.500000Z`, the only one that all clients read.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000000Z" && !text.ends_with(".000000Z")
}

/// A record as a client sends it, with what it puts into the metadata besides.
fn record(writer: &TestClient, record_type: &str, more: Value, data: Value) -> Value {
    let mut meta = json!({ "writer_id": writer.id, "user_id": writer.id, "type": record_type });
    meta.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "meta": meta, "data": data })
}

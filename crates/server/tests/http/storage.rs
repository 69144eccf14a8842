//! Requests to the storage endpoints, for the tests of several nouns.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::{RecordType, paths};
use tozstore_crypto::ClientId;

use super::fixture::{Answer, Fixture, TestClient};

/// An id that nothing has.
pub const NO_ID: &str = "6bc381c7-a41d-45ae-89aa-0890ad654673";

/// A record as it is sent.
pub fn body(writer: ClientId, record_type: &str, plain: Value, data: Value) -> Value {
    json!({ "meta": { "writer_id": writer, "user_id": writer, "type": record_type, "plain": plain }, "data": data })
}

/// The path of a key.
pub fn key_path(writer: &TestClient, reader: &TestClient, record_type: &str) -> String {
    paths::access_key(writer.id, writer.id, reader.id, &RecordType::new(record_type).unwrap())
}

/// The path of a policy.
pub fn policy_path(writer: &TestClient, holder: &TestClient, record_type: &str) -> String {
    paths::policy(writer.id, writer.id, holder.id, &RecordType::new(record_type).unwrap())
}

impl Fixture {
    /// A request of a client, with a body if there is one.
    pub async fn call(&self, client: &TestClient, method: Method, path: &str, body: Option<Value>) -> Answer {
        let call = self.request(method, path).bearer(&client.token);
        match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    /// A new record; the answer's body.
    pub async fn write(&self, writer: &TestClient, record_type: &str, plain: Value, data: Value) -> Value {
        let body = body(writer.id, record_type, plain, data);
        let answer = self.call(writer, Method::POST, paths::RECORDS, Some(body)).await;
        assert_eq!(answer.code(), 201, "{answer:?}");
        answer.json()
    }

    /// The status of reading a record.
    pub async fn read_code(&self, client: &TestClient, record: &Value) -> u16 {
        self.call(client, Method::GET, &record_path(record), None).await.code()
    }

    /// The status of putting a key.
    pub async fn put_key(&self, by: &TestClient, writer: &TestClient, reader: &TestClient, of: &str) -> u16 {
        let body = json!({ "eak": format!("{}.{}", by.id, reader.id) });
        self.call(by, Method::PUT, &key_path(writer, reader, of), Some(body)).await.code()
    }

    /// The status of reading a key.
    pub async fn key_code(&self, by: &TestClient, writer: &TestClient, reader: &TestClient, of: &str) -> u16 {
        self.call(by, Method::GET, &key_path(writer, reader, of), None).await.code()
    }

    /// The status of deleting a key.
    pub async fn delete_key(
        &self,
        by: &TestClient,
        writer: &TestClient,
        reader: &TestClient,
        of: &str,
    ) -> u16 {
        self.call(by, Method::DELETE, &key_path(writer, reader, of), None).await.code()
    }

    /// The status of putting a policy: `change` is `allow` or `deny`.
    pub async fn policy(
        &self,
        by: &TestClient,
        (writer, holder): (&TestClient, &TestClient),
        of: &str,
        change: &str,
        grants: &[&str],
    ) -> u16 {
        let grants: Vec<_> = grants.iter().map(|grant| json!({ *grant: {} })).collect();
        let path = policy_path(writer, holder, of);
        self.call(by, Method::PUT, &path, Some(json!({ change: grants }))).await.code()
    }

    /// Puts a key and lets a client read.
    pub async fn share(&self, writer: &TestClient, reader: &TestClient, of: &str) {
        assert_eq!(self.put_key(writer, writer, reader, of).await, 201);
        assert_eq!(self.policy(writer, (writer, reader), of, "allow", &["read"]).await, 201);
    }

    /// The answer to a search.
    pub async fn search(&self, client: &TestClient, request: Value) -> Value {
        let answer = self.call(client, Method::POST, paths::SEARCH, Some(request)).await;
        assert_eq!(answer.code(), 200, "{answer:?}");
        answer.json()
    }

    /// The ids that a search finds, in order.
    pub async fn found(&self, client: &TestClient, request: Value) -> Vec<Value> {
        let page = self.search(client, request).await;
        page["results"].as_array().unwrap().iter().map(|result| result["meta"]["record_id"].clone()).collect()
    }

    /// A listing of policies.
    pub async fn listing(&self, client: &TestClient, path: &str) -> Value {
        let answer = self.call(client, Method::GET, path, None).await;
        assert_eq!(answer.code(), 200, "{answer:?}");
        answer.json()
    }
}

/// The id of a record that was answered.
pub fn id(record: &Value) -> Value {
    record["meta"]["record_id"].clone()
}

/// The path of a record that was answered.
pub fn record_path(record: &Value) -> String {
    format!("{}/{}", paths::RECORDS, record["meta"]["record_id"].as_str().unwrap())
}

/// The path of a record that was answered, with its version.
pub fn safe_path(record: &Value) -> String {
    let (id, version) = (&record["meta"]["record_id"], &record["meta"]["version"]);
    format!("{}/safe/{}/{}", paths::RECORDS, id.as_str().unwrap(), version.as_str().unwrap())
}

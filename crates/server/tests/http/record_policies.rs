//! Single records for single readers: `PUT /v1/storage/policy/{writer_id}/{user_id}/{client_id}/{record_id}/{type}`.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::fixture::{Fixture, TestClient};
use super::storage::{NO_ID, id, safe_path};

struct Cast {
    fixture: Fixture,
    writer: TestClient,
    reader: TestClient,
    stranger: TestClient,
    shared: Value,
    other: Value,
}

impl Cast {
    /// A writer with two records of one type.
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let writer = fixture.client("writer").await;
        let (reader, stranger) = (fixture.client("reader").await, fixture.client("stranger").await);
        let shared = fixture.write(&writer, "t", json!({}), json!({ "f": "a" })).await;
        let other = fixture.write(&writer, "t", json!({}), json!({ "f": "b" })).await;
        Self { fixture, writer, reader, stranger, shared, other }
    }

    /// The status of letting a client read the first record, or no longer.
    async fn put(&self, by: &TestClient, reader: &TestClient, change: &str) -> u16 {
        self.put_body(by, reader, "t", json!({ change: [{ "read": {} }] })).await
    }

    async fn put_body(&self, by: &TestClient, reader: &TestClient, of: &str, body: Value) -> u16 {
        let record = id(&self.shared);
        let writer = self.writer.id;
        let path =
            format!("/v1/storage/policy/{writer}/{writer}/{}/{}/{of}", reader.id, record.as_str().unwrap());
        self.fixture.call(by, Method::PUT, &path, Some(body)).await.code()
    }

    /// The statuses of reading the one and the other record.
    async fn reads(&self, client: &TestClient) -> (u16, u16) {
        (
            self.fixture.read_code(client, &self.shared).await,
            self.fixture.read_code(client, &self.other).await,
        )
    }
}

#[tokio::test]
async fn one_record_is_read_and_no_other() {
    let cast = Cast::new().await;
    assert_eq!(cast.reads(&cast.reader).await, (404, 404));
    for change in ["allow", "allow"] {
        assert_eq!(cast.put(&cast.writer, &cast.reader, change).await, 201);
        assert_eq!(cast.reads(&cast.reader).await, (200, 404));
        assert_eq!(cast.reads(&cast.stranger).await, (404, 404));
    }
    let ids = json!({ "record_ids": [id(&cast.shared), id(&cast.other)], "include_data": true });
    let batch = cast.fixture.call(&cast.reader, Method::GET, paths::RECORDS, Some(ids)).await.json();
    let found: Vec<_> =
        batch["records"].as_array().unwrap().iter().map(|one| one["meta"]["record_id"].clone()).collect();
    assert_eq!(found, [id(&cast.shared)]);
    for change in ["deny", "deny"] {
        assert_eq!(cast.put(&cast.writer, &cast.reader, change).await, 201);
        assert_eq!(cast.reads(&cast.reader).await, (404, 404));
    }
}

#[tokio::test]
async fn the_reader_of_one_record_changes_nothing() {
    let cast = Cast::new().await;
    assert_eq!(cast.put(&cast.writer, &cast.reader, "allow").await, 201);
    let path = safe_path(&cast.shared);
    assert_eq!(cast.fixture.call(&cast.reader, Method::DELETE, &path, None).await.code(), 403);
    let body = json!({ "meta": cast.shared["meta"], "data": { "f": "c" } });
    assert_eq!(cast.fixture.call(&cast.reader, Method::PUT, &path, Some(body)).await.code(), 403);
    // Nor does it let others read; a stranger does not even learn that the record is there.
    assert_eq!(cast.put(&cast.reader, &cast.stranger, "allow").await, 403);
    assert_eq!(cast.put(&cast.stranger, &cast.stranger, "allow").await, 404);
    assert_eq!(cast.reads(&cast.stranger).await, (404, 404));
}

#[tokio::test]
async fn an_authorizer_shares_records_with_others_only() {
    let cast = Cast::new().await;
    let authorizer = cast.fixture.client("authorizer").await;
    let (fixture, writer) = (&cast.fixture, &cast.writer);
    assert_eq!(fixture.policy(writer, (writer, &authorizer), "t", "allow", &["authorizer"]).await, 201);
    assert_eq!(cast.put(&authorizer, &cast.reader, "allow").await, 201);
    assert_eq!(cast.reads(&cast.reader).await, (200, 404));
    assert_eq!(cast.put(&authorizer, &authorizer, "allow").await, 404);
    assert_eq!(cast.reads(&authorizer).await, (404, 404));
    assert_eq!(cast.put(&authorizer, &cast.reader, "deny").await, 201);
    assert_eq!(cast.reads(&cast.reader).await, (404, 404));
}

#[tokio::test]
async fn withdrawing_the_type_withdraws_its_records() {
    let cast = Cast::new().await;
    let (fixture, writer, reader) = (&cast.fixture, &cast.writer, &cast.reader);
    for shares_type in [true, false] {
        assert_eq!(cast.put(writer, reader, "allow").await, 201);
        if shares_type {
            fixture.share(writer, reader, "t").await;
            assert_eq!(cast.reads(reader).await, (200, 200));
        }
        assert_eq!(fixture.policy(writer, (writer, reader), "t", "deny", &["read"]).await, 201);
        assert_eq!(cast.reads(reader).await, (404, 404));
    }
    // A right to one record goes with the record.
    assert_eq!(cast.put(writer, reader, "allow").await, 201);
    assert_eq!(fixture.call(writer, Method::DELETE, &safe_path(&cast.shared), None).await.code(), 204);
    assert_eq!(cast.put(writer, reader, "allow").await, 404);
    assert_eq!(cast.reads(reader).await, (404, 404));
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let cast = Cast::new().await;
    let (writer, reader) = (&cast.writer, &cast.reader);
    for grants in [json!([{ "edit": {} }]), json!([{ "read": {} }, { "authorizer": {} }]), json!([])] {
        assert_eq!(cast.put_body(writer, reader, "t", json!({ "allow": grants })).await, 400);
    }
    // The type in the path is the record's.
    assert_eq!(cast.put_body(writer, reader, "u", json!({ "allow": [{ "read": {} }] })).await, 404);
    let path =
        |record: &str, holder: &str| format!("/v1/storage/policy/{0}/{0}/{holder}/{record}/t", writer.id);
    let allow = || Some(json!({ "allow": [{ "read": {} }] }));
    let record = id(&cast.shared);
    for path in [path(NO_ID, &reader.id.to_string()), path(record.as_str().unwrap(), NO_ID)] {
        assert_eq!(cast.fixture.call(writer, Method::PUT, &path, allow()).await.code(), 404, "{path}");
    }
}

//! Listings of grants by page, bulk deletion, and what is out of scope.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::fixture::{Fixture, TestClient};
use super::storage::{NO_ID, id};

async fn page(fixture: &Fixture, client: &TestClient, path: &str, request: Value) -> Value {
    let signature = fixture.sign(client, "POST", path);
    let answer = fixture.post(path).header("authorization", signature).json(request).send().await;
    assert_eq!(answer.code(), 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn shares_are_listed_by_page_and_filtered() {
    let fixture = Fixture::new().await;
    let (writer, a, b) =
        (fixture.client("writer").await, fixture.client("a").await, fixture.client("b").await);
    for (reader, of) in [(&a, "t"), (&b, "t"), (&a, "u")] {
        fixture.share(&writer, reader, of).await;
    }
    let outgoing = |request| page(&fixture, &writer, paths::SHARE_OUTGOING, request);
    let share = |reader: &TestClient, of: &str| json!({ "reader_id": reader.id, "record_type": of });
    let all = json!({ "shares": [share(&a, "t"), share(&b, "t"), share(&a, "u")], "next_token": 0 });
    assert_eq!(outgoing(json!({})).await, all);
    assert_eq!(outgoing(Value::Null).await, all);
    let of_type = json!({ "shares": [share(&a, "t"), share(&b, "t")], "next_token": 0 });
    assert_eq!(outgoing(json!({ "record_type": "t" })).await, of_type);
    let of_reader = json!({ "shares": [share(&b, "t")], "next_token": 0 });
    assert_eq!(outgoing(json!({ "reader_id": b.id })).await, of_reader);
    let first = outgoing(json!({ "limit": 2 })).await;
    assert_eq!(first, json!({ "shares": [share(&a, "t"), share(&b, "t")], "next_token": 2 }));
    let rest = outgoing(json!({ "limit": 2, "next_token": 2 })).await;
    assert_eq!(rest, json!({ "shares": [share(&a, "u")], "next_token": 0 }));
    let incoming = page(&fixture, &b, paths::SHARE_INCOMING, json!({ "writer_id": writer.id })).await;
    assert_eq!(
        incoming,
        json!({ "shares": [{ "writer_id": writer.id, "record_type": "t" }], "next_token": 0 })
    );
    let none = page(&fixture, &b, paths::SHARE_INCOMING, json!({ "writer_id": NO_ID })).await;
    assert_eq!(none["shares"], json!([]));
}

#[tokio::test]
async fn authorizations_are_listed_by_page() {
    let fixture = Fixture::new().await;
    let (writer, proxy) = (fixture.client("writer").await, fixture.client("proxy").await);
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "allow", &["authorizer"]).await, 201);
    let outgoing = page(&fixture, &writer, paths::AUTHORIZER_OUTGOING, json!({})).await;
    let entry = &outgoing["authorizations"][0];
    assert_eq!((&entry["authorizer_id"], &entry["record_type"]), (&json!(proxy.id), &json!("t")));
    assert!(entry["created_at"].is_string() && entry["created_at"] == entry["last_modified"]);
    let incoming =
        page(&fixture, &proxy, paths::AUTHORIZER_INCOMING, json!({ "authorized_by": writer.id })).await;
    assert_eq!(incoming["authorizations"][0]["authorized_by"], json!(writer.id));
    assert_eq!(incoming["authorizations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn many_records_are_deleted_at_once_and_the_rest_is_named() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    fixture.share(&reader, &writer, "shared").await;
    let data = || json!({ "a": "1" });
    let own = fixture.write(&writer, "t", json!({}), data()).await;
    let shared = fixture.write(&reader, "shared", json!({}), data()).await;
    let hidden = fixture.write(&reader, "hidden", json!({}), data()).await;
    let path = paths::RECORDS_BULK_DELETE;
    let delete = async |ids: Value| {
        let signature = fixture.sign(&writer, "DELETE", path);
        let body = json!({ "record_ids": ids });
        fixture.delete(path).header("authorization", signature).json(body).send().await
    };
    let answer = delete(json!([id(&own), id(&own), id(&shared), id(&hidden), NO_ID])).await;
    assert_eq!(answer.code(), 200);
    let errors = answer.json()["record_delete_error"].clone();
    assert_eq!(errors["shared"], json!([{ "record_id": id(&shared), "error": "Forbidden" }]));
    let unknown = errors["N/A"].as_array().unwrap();
    assert_eq!(unknown.len(), 2);
    assert!(unknown.contains(&json!({ "record_id": NO_ID, "error": "Not Found" })));
    assert!(unknown.contains(&json!({ "record_id": id(&hidden), "error": "Not Found" })));
    assert_eq!(fixture.read_code(&writer, &own).await, 404);
    assert_eq!(
        (fixture.read_code(&reader, &shared).await, fixture.read_code(&reader, &hidden).await),
        (200, 200)
    );
    assert_eq!(delete(json!([])).await.json(), json!({ "record_delete_error": {} }));
    let many: Vec<_> = (0..1001).map(|_| NO_ID).collect();
    assert_eq!(delete(json!(many)).await.code(), 400);
}

#[tokio::test]
async fn records_are_written_at_the_second_version_too() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let body = super::storage::body(writer.id, "t", json!({}), json!({ "a": "1" }));
    let answer = fixture.call(&writer, Method::POST, paths::RECORDS_V2, Some(body)).await;
    assert_eq!(answer.code(), 201);
    assert_eq!(fixture.read_code(&writer, &answer.json()).await, 200);
}

#[tokio::test]
async fn what_is_out_of_scope_says_so() {
    let fixture = Fixture::new().await;
    for path in [
        "/v1/secure-compute/compute",
        "/v1/identity/login",
        "/auth/realms/r/protocol/openid-connect/token",
        "/v2/storage/realms/r/image/u/p",
        "/v1/billing/plan",
        "/v1/metric/requests",
    ] {
        assert_eq!(fixture.get(path).send().await.code(), 501, "{path}");
        assert_eq!(fixture.post(path).json(json!({})).send().await.code(), 501, "{path}");
    }
}

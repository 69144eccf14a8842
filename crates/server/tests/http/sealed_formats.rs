//! A record type has one format: what the interop endpoints answer on a sealed one.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_server::store::{SealedKey, SealedTable, StoreError};

use super::fixture::{Fixture, TestClient};
use super::storage::{body, key_path, policy_path};

const REFUSED: &str = "this record type is sealed";

/// Gives a type the row that its log has.
async fn seal(fixture: &Fixture, writer: &TestClient, name: &str) {
    let (key, account) =
        (SealedKey::new(writer.id, format!("{name}\0")), fixture.account.id.parse().unwrap());
    let put = fixture.app.store.write::<_, StoreError, _>("seal", move |tx| {
        tx.put_sealed_row(SealedTable::Logs, &key, account, b"")
    });
    put.await.unwrap();
}

#[tokio::test]
async fn interop_writes_of_a_sealed_type_are_refused() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    seal(&fixture, &writer, "t").await;
    let (key, policy) = (key_path(&writer, &writer, "t"), policy_path(&writer, &reader, "t"));
    let (eak, read) = (json!({ "eak": "a.b" }), json!({ "allow": [{ "read": {} }] }));
    let authorize = json!({ "allow": [{ "authorizer": {} }] });
    let deny = json!({ "deny": [{ "read": {} }] });
    let record = body(writer.id, "t", json!({}), json!({ "a": "b" }));
    let mut about_reader = record.clone();
    about_reader["meta"]["user_id"] = json!(reader.id);
    let mut file = record.clone();
    file["meta"]["file_meta"] =
        json!({ "checksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "compression": "raw", "size": 0 });
    let calls: [(Method, &str, Option<&Value>); 9] = [
        (Method::PUT, &key, Some(&eak)),
        (Method::DELETE, &key, None),
        (Method::PUT, &policy, Some(&read)),
        (Method::PUT, &policy, Some(&authorize)),
        (Method::PUT, &policy, Some(&deny)),
        (Method::POST, paths::RECORDS, Some(&record)),
        (Method::POST, paths::RECORDS_V2, Some(&about_reader)),
        (Method::POST, paths::FILES, Some(&file)),
        (Method::POST, paths::FILES_V2, Some(&file)),
    ];
    for (method, path, body) in calls {
        let answer = fixture.call(&writer, method.clone(), path, body.cloned()).await;
        assert_eq!(answer.code(), 409, "{method} {path} {answer:?}");
        assert_eq!(answer.json()["error"], REFUSED, "{method} {path}");
    }
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 404);
    assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 404);
    // Other types, and those of others by that name, are as they were.
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "T").await, 201);
    assert_eq!(fixture.put_key(&reader, &reader, &reader, "t").await, 201);
    for path in [paths::POLICY_OUTGOING, paths::POLICY_PROXIES] {
        assert_eq!(fixture.listing(&writer, path).await, json!([]), "{path}");
    }
}

#[tokio::test]
async fn a_file_that_was_announced_before_is_not_committed() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut file = body(writer.id, "t", json!({}), json!({}));
    file["meta"]["file_meta"] =
        json!({ "checksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "compression": "raw", "size": 0 });
    let announced = fixture.call(&writer, Method::POST, paths::FILES, Some(file)).await;
    assert_eq!(announced.code(), 202, "{announced:?}");
    let url = announced.json()["file_url"].as_str().unwrap().to_owned();
    let path = &url[url.find("/v3/").unwrap()..];
    assert_eq!(fixture.put(path).send().await.code(), 200);
    seal(&fixture, &writer, "t").await;
    let id = announced.json()["id"].as_str().unwrap().to_owned();
    let commit = fixture.call(&writer, Method::PATCH, &format!("/v1/storage/files/{id}"), None).await;
    assert_eq!((commit.code(), commit.json()["error"].as_str().unwrap()), (409, REFUSED));
}

#[tokio::test]
async fn strangers_do_not_learn_that_a_type_is_sealed() {
    let fixture = Fixture::new().await;
    let (writer, stranger) = (fixture.client("writer").await, fixture.client("stranger").await);
    seal(&fixture, &writer, "sealed").await;
    let (read, deny) = (json!({ "allow": [{ "read": {} }] }), json!({ "deny": [{ "read": {} }] }));
    for name in ["sealed", "unused"] {
        let key = key_path(&writer, &stranger, name);
        let policy = policy_path(&writer, &stranger, name);
        let record = body(writer.id, name, json!({}), json!({ "a": "b" }));
        let give_up = policy.replace("/policy/", "/policy/reader/");
        let calls: [(Method, &str, Option<&Value>, u16); 6] = [
            (Method::GET, &key, None, 404),
            (Method::DELETE, &key, None, 403),
            (Method::PUT, &policy, Some(&read), 403),
            (Method::POST, paths::RECORDS, Some(&record), 403),
            (Method::PUT, &give_up, Some(&deny), 204),
            (Method::DELETE, &key.replace("/access_keys/", "/access_keys/reader/"), None, 204),
        ];
        for (method, path, body, status) in calls {
            let answer = fixture.call(&stranger, method.clone(), path, body.cloned()).await;
            assert_eq!(answer.code(), status, "{method} {path} {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_sealed_type_is_not_shared_with_a_group() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    seal(&fixture, &writer, "t").await;
    let group = fixture.group(&writer, "team", &["SHARE_CONTENT"]).await;
    assert_eq!(fixture.share_type(&writer, &group, "t", false).await, 409);
    assert_eq!(fixture.share_type(&writer, &group, "u", false).await, 201);
    // What is not shared is not there to be taken back, and that is fine.
    assert_eq!(fixture.unshare_type(&writer, &group, "t").await, 204);
}

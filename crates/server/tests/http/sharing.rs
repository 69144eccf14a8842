//! Sharing and revoking, call by call as the official clients do it.

use http::Method;
use serde_json::json;
use tozstore_api::paths;
use tozstore_server::store::{ChangeKind, ChangeRow, StoreError};

use super::fixture::Fixture;
use super::storage::{body, id, key_path, record_path, safe_path};

#[tokio::test]
async fn share_revoke_and_share_again_in_either_order() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 404);
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    for policy_first in [true, false, true] {
        assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 200);
        assert_eq!(fixture.put_key(&writer, &writer, &reader, "t").await, 201);
        assert_eq!(fixture.put_key(&writer, &writer, &reader, "t").await, 409);
        assert_eq!(fixture.read_code(&reader, &record).await, 404);
        assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "allow", &["read"]).await, 201);
        assert_eq!(fixture.call(&reader, Method::GET, &record_path(&record), None).await.json(), record);
        assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 200);
        // A reader reads, and that is all.
        let update = body(writer.id, "t", json!({}), json!({ "a": "2" }));
        let edit = safe_path(&record).replace("safe/", "safe/edit/");
        for path in [safe_path(&record), record_path(&record), edit] {
            assert_eq!(fixture.call(&reader, Method::PUT, &path, Some(update.clone())).await.code(), 403);
        }
        assert_eq!(fixture.call(&reader, Method::DELETE, &record_path(&record), None).await.code(), 403);
        let deny = fixture.policy(&writer, (&writer, &reader), "t", "deny", &["read"]);
        if policy_first {
            assert_eq!(deny.await, 201);
            assert_eq!(fixture.delete_key(&writer, &writer, &reader, "t").await, 204);
        } else {
            assert_eq!(fixture.delete_key(&writer, &writer, &reader, "t").await, 204);
            assert_eq!(deny.await, 201);
        }
        assert_eq!(fixture.read_code(&reader, &record).await, 404);
        assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 404);
    }
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 200);
}

#[tokio::test]
async fn an_authorizer_shares_and_revokes_on_the_writers_behalf() {
    let fixture = Fixture::new().await;
    let (writer, proxy, reader) =
        (fixture.client("writer").await, fixture.client("proxy").await, fixture.client("reader").await);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    assert_eq!(fixture.put_key(&proxy, &writer, &reader, "t").await, 403);
    assert_eq!(fixture.put_key(&writer, &writer, &proxy, "t").await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "allow", &["authorizer"]).await, 201);
    assert_eq!(fixture.key_code(&proxy, &writer, &proxy, "t").await, 200);
    assert_eq!(fixture.read_code(&proxy, &record).await, 404);
    // It cannot let itself in, make others its like, touch the writer's key, or share another type.
    assert_eq!(fixture.policy(&proxy, (&writer, &proxy), "t", "allow", &["read"]).await, 403);
    for grants in [&["authorizer"][..], &["edit"], &["read", "edit"]] {
        assert_eq!(fixture.policy(&proxy, (&writer, &reader), "t", "allow", grants).await, 403);
    }
    assert_eq!(fixture.delete_key(&proxy, &writer, &writer, "t").await, 403);
    assert_eq!(fixture.put_key(&proxy, &writer, &reader, "u").await, 403);
    for round in 0..2 {
        assert_eq!(fixture.put_key(&proxy, &writer, &reader, "t").await, 201, "{round}");
        assert_eq!(fixture.policy(&proxy, (&writer, &reader), "t", "allow", &["read"]).await, 201);
        assert_eq!(fixture.read_code(&reader, &record).await, 200);
        let key = fixture.call(&reader, Method::GET, &key_path(&writer, &reader, "t"), None).await.json();
        assert_eq!(key["authorizer_id"], json!(proxy.id));
        assert_eq!(key["authorizer_public_key"], json!({ "curve25519": proxy.encryption.public_key() }));
        assert_eq!(key["signer_id"], json!(writer.id));
        assert_eq!(key["signer_signing_key"], json!({ "ed25519": writer.signing.public_key() }));
        assert_eq!(fixture.listing(&writer, paths::POLICY_OUTGOING).await.as_array().unwrap().len(), 1);
        assert_eq!(fixture.listing(&proxy, paths::POLICY_OUTGOING).await, json!([]));
        if round == 0 {
            assert_eq!(fixture.policy(&proxy, (&writer, &reader), "t", "deny", &["read"]).await, 201);
            assert_eq!(fixture.delete_key(&proxy, &writer, &reader, "t").await, 204);
            assert_eq!(fixture.read_code(&reader, &record).await, 404);
        }
    }
    // Without the right to share, nothing more; what was shared stays.
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "deny", &["authorizer"]).await, 201);
    assert_eq!(fixture.delete_key(&writer, &writer, &proxy, "t").await, 204);
    assert_eq!(fixture.key_code(&proxy, &writer, &proxy, "t").await, 404);
    assert_eq!(fixture.delete_key(&proxy, &writer, &reader, "t").await, 403);
    assert_eq!(fixture.policy(&proxy, (&writer, &reader), "t", "deny", &["read"]).await, 403);
    assert_eq!(fixture.read_code(&reader, &record).await, 200);
}

#[tokio::test]
async fn who_may_edit_edits_by_version() {
    let fixture = Fixture::new().await;
    let (writer, editor, proxy) =
        (fixture.client("writer").await, fixture.client("editor").await, fixture.client("proxy").await);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.policy(&writer, (&writer, &editor), "t", "allow", &["read", "edit"]).await, 201);
    let edit = |record| safe_path(record).replace("safe/", "safe/edit/");
    let update = body(writer.id, "t", json!({}), json!({ "a": "2" }));
    let put = async |path: String| fixture.call(&editor, Method::PUT, &path, Some(update.clone())).await;
    let answer = put(edit(&record)).await;
    assert_eq!(answer.code(), 200);
    let edited = answer.json();
    assert_eq!(edited["meta"]["writer_id"], json!(writer.id));
    assert_eq!(put(edit(&record)).await.code(), 409);
    assert_eq!(put(safe_path(&edited)).await.code(), 403);
    assert_eq!(fixture.call(&editor, Method::DELETE, &record_path(&record), None).await.code(), 403);
    // Withdrawn with the right to read, and not given back with it.
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "allow", &["authorizer"]).await, 201);
    assert_eq!(fixture.policy(&proxy, (&writer, &editor), "t", "deny", &["read"]).await, 201);
    assert_eq!(put(edit(&edited)).await.code(), 404);
    assert_eq!(fixture.policy(&proxy, (&writer, &editor), "t", "allow", &["read"]).await, 201);
    assert_eq!(put(edit(&edited)).await.code(), 403);
}

#[tokio::test]
async fn what_a_deleted_client_wrote_is_absent_at_once() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    fixture.share(&writer, &reader, "t").await;
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "allow", &["authorizer"]).await, 201);
    let queen = &fixture.account.queen;
    let path = format!("/v1/client/admin/{}", writer.id);
    assert!(fixture.call(queen, Method::DELETE, &path, None).await.status.is_success());
    assert_eq!(fixture.read_code(&writer, &record).await, 401);
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 404);
    assert_eq!(fixture.put_key(&reader, &writer, queen, "t").await, 403);
    let all = json!({ "include_all_writers": true });
    assert_eq!(fixture.search(&reader, all).await["results"], json!([]));
    let batch = json!({ "record_ids": [id(&record)] });
    let batch = fixture.call(&reader, Method::GET, paths::RECORDS, Some(batch)).await.json();
    assert_eq!(batch, json!({ "records": [] }));
    for path in [paths::POLICY_INCOMING, paths::POLICY_GRANTED] {
        assert_eq!(fixture.listing(&reader, path).await, json!([]));
    }
}

#[tokio::test]
async fn sharing_raced_with_revoking_ends_in_one_of_both() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let key = key_path(&writer, &reader, "t");
    let policy = super::storage::policy_path(&writer, &reader, "t");
    let mut calls = Vec::new();
    for task in 0..64 {
        let (change, key_call) = match task % 2 {
            0 => ("allow", fixture.put(&key).json(json!({ "eak": "e" }))),
            _ => ("deny", fixture.delete(&key)),
        };
        let policy_call = fixture.put(&policy).json(json!({ change: [{ "read": {} }] }));
        let read_call = fixture.get(record_path(&record)).bearer(&reader.token);
        let (key_call, policy_call) = (key_call.bearer(&writer.token), policy_call.bearer(&writer.token));
        calls.push(tokio::spawn(async move {
            let codes = (key_call.send().await.code(), policy_call.send().await.code());
            (codes, read_call.send().await.code())
        }));
    }
    for call in calls {
        let ((key, policy), read) = call.await.unwrap();
        assert!([201, 204, 409].contains(&key), "{key}");
        assert_eq!(policy, 201);
        assert!([200, 404].contains(&read), "{read}");
    }
    let shared = fixture.listing(&writer, paths::POLICY_OUTGOING).await.as_array().unwrap().len();
    assert_eq!(fixture.read_code(&reader, &record).await, if shared == 1 { 200 } else { 404 });
    let incoming = fixture.listing(&reader, paths::POLICY_INCOMING).await.as_array().unwrap().len();
    assert_eq!(incoming, shared);
    // The last word counts.
    assert_eq!(fixture.delete_key(&writer, &writer, &reader, "t").await, 204);
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "deny", &["read"]).await, 201);
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    fixture.share(&writer, &reader, "t").await;
    assert_eq!(fixture.read_code(&reader, &record).await, 200);
}

#[tokio::test]
async fn each_change_is_noted_once_and_refusals_never() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let changes = async || {
        let read = |tx: &dyn tozstore_server::store::ReadTx| tx.changes_after(0, 1000);
        fixture.app.store.read::<Vec<ChangeRow>, StoreError, _>("changes", read).await.unwrap()
    };
    let before = changes().await.len();
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let update = body(writer.id, "t", json!({}), json!({ "a": "2" }));
    assert_eq!(
        fixture.call(&writer, Method::PUT, &record_path(&record), Some(update.clone())).await.code(),
        200
    );
    assert_eq!(fixture.call(&writer, Method::PUT, &safe_path(&record), Some(update)).await.code(), 409);
    assert_eq!(fixture.put_key(&writer, &writer, &reader, "t").await, 201);
    assert_eq!(fixture.put_key(&writer, &writer, &reader, "t").await, 409);
    for change in ["deny", "allow", "allow"] {
        assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", change, &["read"]).await, 201);
    }
    assert_eq!(fixture.policy(&reader, (&writer, &reader), "t", "allow", &["edit"]).await, 403);
    for _ in 0..2 {
        assert_eq!(fixture.delete_key(&writer, &writer, &reader, "t").await, 204);
    }
    assert_eq!(fixture.call(&writer, Method::DELETE, &record_path(&record), None).await.code(), 204);
    let noted = changes().await.split_off(before);
    let kinds: Vec<_> = noted.iter().map(|row| row.change.kind).collect();
    assert_eq!(
        kinds,
        [
            ChangeKind::RecordWritten,
            ChangeKind::RecordUpdated,
            ChangeKind::AccessKeyPut,
            ChangeKind::PolicyPut,
            ChangeKind::AccessKeyDeleted,
            ChangeKind::RecordDeleted,
        ]
    );
    assert!(
        noted.iter().all(|row| row.change.actor == Some(writer.id) && row.change.client == Some(writer.id))
    );
    assert!(noted.is_sorted_by(|a, b| a.at < b.at && a.sequence < b.sequence));
}

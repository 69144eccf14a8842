//! A store may run a job more than once. What a handler does must come out as if it had run once.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use tozstore_api::paths;
use tozstore_crypto::StoreId;
use tozstore_server::App;
use tozstore_server::http::router;
use tozstore_server::keys::ServerKeys;
use tozstore_server::store::{BoxFuture, ChangeRow, ReadJob, Store, StoreError, Verdict, WriteJob};

use super::fixture::{Answer, Fixture, TestClient};
use super::storage::{body, id, key_path, policy_path, record_path, safe_path};

/// Runs every job twice, and keeps what the second run did.
struct Rerunning(Arc<dyn Store>);

impl Store for Rerunning {
    fn id(&self) -> StoreId {
        self.0.id()
    }

    fn run_read(&self, name: &'static str, mut job: ReadJob) -> BoxFuture<Result<(), StoreError>> {
        self.0.run_read(
            name,
            Box::new(move |tx| {
                job(tx);
                job(tx);
            }),
        )
    }

    fn run_write(&self, name: &'static str, job: WriteJob) -> BoxFuture<Result<(), StoreError>> {
        let (store, job) = (Arc::clone(&self.0), Arc::new(Mutex::new(job)));
        Box::pin(async move {
            let first = Arc::clone(&job);
            let run = move |tx: &mut dyn tozstore_server::store::WriteTx| {
                first.lock().unwrap()(tx);
                Verdict::Abort
            };
            store.run_write(name, Box::new(run)).await?;
            store.run_write(name, Box::new(move |tx| job.lock().unwrap()(tx))).await
        })
    }

    fn close(&self) -> BoxFuture<()> {
        self.0.close()
    }
}

#[tokio::test]
async fn every_handler_can_run_again() {
    let mut fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let store: Arc<dyn Store> = Arc::new(Rerunning(Arc::clone(&fixture.app.store)));
    let dir = tempfile::tempdir().unwrap();
    let keys = ServerKeys::open(dir.path()).unwrap();
    let app =
        App::new(fixture.app.config.clone(), store, fixture.app.blobs.clone(), fixture.clock.clone(), keys);
    fixture.router = router(app);
    // The new server has other keys: its requests are signed, so that it need not know the old one's tokens.
    let call =
        async |by: &TestClient, method: Method, path: &str, body: Option<serde_json::Value>| -> Answer {
            let signature = fixture.sign(by, method.as_str(), path);
            let call = fixture.request(method, path).header("authorization", signature);
            call.json(body.unwrap_or_default()).send().await
        };
    let changes = async || {
        let read = |tx: &dyn tozstore_server::store::ReadTx| tx.changes_after(0, 1000);
        fixture.app.store.read::<Vec<ChangeRow>, StoreError, _>("changes", read).await.unwrap().len()
    };
    let before = changes().await;

    let sent = body(writer.id, "t", json!({ "p": "q" }), json!({ "a": "1" }));
    let answer = call(&writer, Method::POST, paths::RECORDS, Some(sent.clone())).await;
    assert_eq!(answer.code(), 201);
    let record = answer.json();
    assert_eq!(call(&writer, Method::GET, &record_path(&record), None).await.json(), record);
    let answer = call(&writer, Method::PUT, &safe_path(&record), Some(sent.clone())).await;
    assert_eq!(answer.code(), 200);
    let updated = answer.json();
    assert_eq!(call(&writer, Method::PUT, &safe_path(&record), Some(sent)).await.code(), 409);
    let (key, policy) = (key_path(&writer, &reader, "t"), policy_path(&writer, &reader, "t"));
    let eak = json!({ "eak": "e" });
    assert_eq!(call(&writer, Method::PUT, &key, Some(eak.clone())).await.code(), 201);
    assert_eq!(call(&writer, Method::PUT, &key, Some(eak)).await.code(), 409);
    let allow = json!({ "allow": [{ "read": {} }, { "authorizer": {} }] });
    assert_eq!(call(&writer, Method::PUT, &policy, Some(allow)).await.code(), 201);
    let search = json!({ "include_all_writers": true, "include_data": true });
    let page = call(&reader, Method::POST, paths::SEARCH, Some(search)).await.json();
    assert_eq!(page["results"].as_array().unwrap().len(), 1);
    assert_eq!(page["results"][0]["meta"], updated["meta"]);
    let batch =
        call(&reader, Method::GET, paths::RECORDS, Some(json!({ "record_ids": [id(&record)] }))).await.json();
    assert_eq!(batch["records"].as_array().unwrap().len(), 1);
    let listing = call(&reader, Method::GET, paths::POLICY_INCOMING, None).await.json();
    assert_eq!(listing.as_array().unwrap().len(), 1);
    let deny = json!({ "deny": [{ "read": {} }] });
    assert_eq!(call(&writer, Method::PUT, &policy, Some(deny)).await.code(), 201);
    let authorizer = paths::policy_authorizer(writer.id, writer.id, reader.id);
    assert_eq!(call(&writer, Method::DELETE, &authorizer, None).await.code(), 200);
    assert_eq!(call(&reader, Method::GET, &key, None).await.code(), 404);
    assert_eq!(call(&writer, Method::DELETE, &record_path(&record), None).await.code(), 204);

    // Written, updated, key put, allowed, denied, authorizer and key removed, deleted.
    assert_eq!(changes().await - before, 8);
}

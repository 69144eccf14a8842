//! Runs the store's suite on every engine.

use std::sync::Arc;

use tozstore_server::clock::SystemClock;
use tozstore_server::store::{SqliteOptions, SqliteStore, Store, StoreError};

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(dir.path(), Arc::new(SystemClock), SqliteOptions::default()).unwrap());
    let a =
        store.write::<_, StoreError, _>("x", |tx| Ok((tx.stamp()?, tx.next_record_index()?))).await.unwrap();
    let b =
        store.write::<_, StoreError, _>("x", |tx| Ok((tx.stamp()?, tx.next_record_index()?))).await.unwrap();
    assert!(a < b);
    let list = store.read::<_, StoreError, _>("y", |tx| tx.changes_after(0, 10)).await.unwrap();
    assert!(list.is_empty());
    store.close().await;
}

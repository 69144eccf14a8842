//! Nobody keeps more than there is room for.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_server::config::{Config, QuotasConfig};
use tozstore_server::store::{StoreError, UsageLimits, UsageOwner};

use super::files::{announcement, sealed};
use super::fixture::{Answer, Fixture, TestClient};
use super::storage::{body, record_path, safe_path};

fn with_quotas(quotas: QuotasConfig) -> Config {
    Config { quotas, ..Config::default() }
}

impl Fixture {
    async fn try_write(&self, writer: &TestClient, data: &str) -> Answer {
        let sent = body(writer.id, "t", Value::Null, json!({ "a": data }));
        self.call(writer, Method::POST, paths::RECORDS, Some(sent)).await
    }

    async fn set_limits(&self, limits: UsageLimits) {
        let owner = UsageOwner::Account(self.account.id.parse().unwrap());
        let write =
            self.app.store.write::<_, StoreError, _>("test", move |tx| tx.put_usage_limits(owner, limits));
        write.await.unwrap();
    }
}

#[tokio::test]
async fn records_are_counted_by_client_and_by_account() {
    let quotas = QuotasConfig { account_records: 3, client_records: 2, ..QuotasConfig::default() };
    let fixture = Fixture::with_config(with_quotas(quotas)).await;
    let (first, second) = (fixture.client("first").await, fixture.client("second").await);
    let record = fixture.write(&first, "t", Value::Null, json!({ "a": "1" })).await;
    fixture.write(&first, "t", Value::Null, json!({ "a": "1" })).await;
    let refused = fixture.try_write(&first, "1").await;
    assert_eq!(refused.code(), 429, "{refused:?}");
    assert_eq!(refused.headers["retry-after"], "3600");
    let told = refused.told();
    assert!(told.contains("quota of the client") && told.contains("2 records, has 2"), "{told}");
    fixture.write(&second, "t", Value::Null, json!({ "a": "1" })).await;
    let told = fixture.try_write(&second, "1").await.told();
    assert!(told.contains("quota of the account") && told.contains("3 records, has 3"), "{told}");
    // Changing is not writing more, and what is deleted makes room.
    let sent = body(first.id, "t", Value::Null, json!({ "a": "2" }));
    let changed = fixture.call(&first, Method::PUT, &safe_path(&record), Some(sent)).await;
    assert_eq!(changed.code(), 200, "{changed:?}");
    assert_eq!(fixture.call(&first, Method::DELETE, &record_path(&record), None).await.code(), 204);
    assert_eq!(fixture.try_write(&second, "1").await.code(), 201);
    // The quotas of another account are its own.
    let other = fixture.other_account("other@example.com").await;
    let stranger = fixture.client_of(&other, "stranger").await;
    assert_eq!(fixture.try_write(&stranger, "1").await.code(), 201);
}

#[tokio::test]
async fn bytes_are_counted_to_the_last_one() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    // {"a":""} and {} are ten bytes around the value.
    fixture.set_limits(UsageLimits { bytes: Some(1010), ..UsageLimits::default() }).await;
    assert_eq!(fixture.try_write(&writer, &"v".repeat(1001)).await.code(), 429);
    let answer = fixture.try_write(&writer, &"v".repeat(1000)).await;
    assert_eq!(answer.code(), 201, "{answer:?}");
    let record = answer.json();
    let path = record_path(&record);
    let change = |len: usize| {
        let sent = body(writer.id, "t", Value::Null, json!({ "a": "w".repeat(len) }));
        fixture.request(Method::PUT, path.clone()).bearer(&writer.token).json(sent).send()
    };
    assert_eq!(change(1001).await.code(), 429);
    assert_eq!(change(1000).await.code(), 200);
    // A quota that was made smaller takes nothing away, and lets nothing grow.
    fixture.set_limits(UsageLimits { bytes: Some(10), ..UsageLimits::default() }).await;
    assert_eq!(change(1000).await.code(), 200);
    assert_eq!(change(900).await.code(), 200);
    assert_eq!(change(901).await.code(), 429);
    fixture.set_limits(UsageLimits::default()).await;
    assert_eq!(change(5000).await.code(), 200);
}

#[tokio::test]
async fn files_are_refused_before_they_are_sent() {
    let quotas = QuotasConfig { account_files: 1, account_bytes: 1000, ..QuotasConfig::default() };
    let fixture = Fixture::with_config(with_quotas(quotas)).await;
    let writer = fixture.client("writer").await;
    let announce = |bytes: &[u8]| {
        let sent = announcement(&writer, "t", bytes);
        fixture.post(paths::FILES).bearer(&writer.token).json(sent).send()
    };
    let told = announce(&[1; 1001]).await.told();
    assert!(told.contains("1000 bytes, has 0"), "{told}");
    // Two that are announced at once: the second finds no room when it is committed.
    let (first, second) = (announce(&[1; 500]).await.json(), announce(&[2; 100]).await.json());
    for (pending, bytes) in [(&first, vec![1; 500]), (&second, vec![2; 100])] {
        assert_eq!(fixture.send_bytes(pending, &bytes).await.code(), 200, "{:?}", sealed(&bytes));
    }
    assert_eq!(fixture.commit(&writer, &first).await.code(), 201);
    let refused = fixture.commit(&writer, &second).await;
    assert_eq!(refused.code(), 429, "{refused:?}");
    assert!(announce(&[1; 10]).await.told().contains("1 files, has 1"));
}

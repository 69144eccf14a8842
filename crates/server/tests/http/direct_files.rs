//! Files whose bytes clients send to an S3 store, and fetch there, themselves; and what becomes of files when it fails.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_crypto::PendingFileId;
use tozstore_server::blobs::BlobKey;
use tozstore_server::keys::FileTransfer;

use super::files::sealed;
use super::fixture::{Fixture, TestClient, text};
use super::object_server::Fault;
use super::storage::id;

const BYTES: &[u8] = b"sealed bytes";
/// As many, and others.
const OTHERS: &[u8] = b"SEALED BYTES";

fn url(record: &Value) -> &Value {
    &record["meta"]["file_meta"]["file_url"]
}

impl Fixture {
    fn set(&self, fault: Fault) {
        self.objects.as_ref().unwrap().set(fault);
    }

    /// Puts bytes where they are sent for a pending file, as a store lets it be done that does not look at checksums.
    async fn smuggle(&self, pending: &Value, bytes: &[u8]) {
        let id: PendingFileId = text(&pending["id"]).parse().unwrap();
        let mut writer = self.app.blobs.create(BlobKey::from_bytes(*id.as_bytes()));
        writer.write(bytes).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn content(&self, reader: &TestClient, record: &Value) -> Vec<u8> {
        let read = self.read_file(reader, record).await;
        assert_eq!(read.code(), 200);
        let fetched = self.fetch(url(&read.json())).await;
        assert_eq!(fetched.status, 200);
        fetched.body
    }
}

#[tokio::test]
async fn bytes_pass_the_server_by() {
    let fixture = Fixture::with_s3(true).await;
    let writer = fixture.client("writer").await;
    let pending = fixture.announce(&writer, BYTES).await;
    let address = text(&pending["file_url"]);
    assert!(
        address.contains("/bucket/some/prefix/") && address.contains("&X-Amz-Expires=21600&"),
        "{address}"
    );
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 400, "nothing was sent");
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    let committed = fixture.commit(&writer, &pending).await;
    assert_eq!(committed.code(), 201, "{committed:?}");
    let record = committed.json();
    let address = text(url(&record));
    assert!(address.contains("/bucket/some/prefix/") && address.contains("&X-Amz-Expires=900&"), "{address}");
    assert_eq!(fixture.content(&writer, &record).await, BYTES);
    assert_eq!(fixture.blobs(), 1, "what was sent is left beside its copy");
    let figures = fixture.app.metrics.text();
    assert!(figures.contains("tozstore_blob_operation_seconds_count{operation=\"copy\"} 1"), "{figures}");
    assert!(!figures.contains("tozstore_file_bytes_total{"), "{figures}");
}

#[tokio::test]
async fn what_was_committed_stays_whatever_is_sent_later() {
    let fixture = Fixture::with_s3(true).await;
    let writer = fixture.client("writer").await;
    let pending = fixture.announce(&writer, BYTES).await;
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    let record = fixture.commit(&writer, &pending).await.json();
    // The address holds still.
    fixture.smuggle(&pending, OTHERS).await;
    assert_eq!(fixture.content(&writer, &record).await, BYTES);
    assert_eq!(fixture.blobs(), 2);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 2, "the address holds still, so what is there is not removed for good");
    fixture.sweep_all().await;
    assert_eq!(fixture.blobs(), 1);
}

#[tokio::test]
async fn what_was_not_announced_is_not_committed() {
    let fixture = Fixture::with_s3(true).await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let pending = fixture.announce(&writer, BYTES).await;
    assert_eq!(fixture.send_bytes(&pending, OTHERS).await.status, 403);
    for wrong in [OTHERS, b"longer than that", b""] {
        fixture.smuggle(&pending, wrong).await;
        assert_eq!(fixture.commit(&writer, &pending).await.code(), 400);
        assert_eq!(fixture.blobs(), 0, "refused bytes are left");
        assert_eq!(fixture.commit(&writer, &pending).await.code(), 400);
    }
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    assert_eq!(fixture.commit(&other, &pending).await.code(), 404);
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 201);
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 404);
}

#[tokio::test]
async fn what_was_never_committed_is_swept() {
    let fixture = Fixture::with_s3(true).await;
    let writer = fixture.client("writer").await;
    let pending = fixture.announce(&writer, BYTES).await;
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    fixture.advance_seconds(6 * 3600);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1, "it may be on its way still");
    fixture.advance_seconds(24 * 3600);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 0);
}

#[tokio::test]
async fn addresses_of_the_server_serve_as_well() {
    let fixture = Fixture::with_s3(true).await;
    let writer = fixture.client("writer").await;
    let pending = fixture.announce(&writer, BYTES).await;
    let expires = fixture.app.now().plus_seconds(60);
    let upload = FileTransfer::Upload(text(&pending["id"]).parse().unwrap());
    let path = paths::file_bytes(&fixture.app.keys.issue_file_transfer(upload, expires));
    assert_eq!(fixture.put(path).body(OTHERS).send().await.code(), 400);
    let path = paths::file_bytes(&fixture.app.keys.issue_file_transfer(upload, expires));
    assert_eq!(fixture.put(path).body(BYTES).send().await.code(), 200);
    let record = fixture.commit(&writer, &pending).await.json();
    assert_eq!(fixture.content(&writer, &record).await, BYTES);
}

#[tokio::test]
async fn a_store_that_fails_lets_nothing_be_committed() {
    for presign in [true, false] {
        let fixture = Fixture::with_s3(presign).await;
        let writer = fixture.client("writer").await;
        let kept = fixture.write_file(&writer, BYTES).await;
        let pending = fixture.announce(&writer, OTHERS).await;
        if presign {
            assert_eq!(fixture.send_bytes(&pending, OTHERS).await.code(), 200);
        }
        for fault in [Fault::Busy, Fault::Forbidden] {
            fixture.set(fault);
            let refused = if presign {
                fixture.commit(&writer, &pending).await
            } else {
                fixture.send_bytes(&pending, OTHERS).await
            };
            assert_eq!(refused.code(), 503, "{refused:?}");
            assert_eq!(refused.header("retry-after"), Some("1"));
            assert!(!refused.told().contains("bucket"), "{refused:?}");
            if !presign {
                assert_eq!(fixture.commit(&writer, &pending).await.code(), 400);
                let read = fixture.read_file(&writer, &kept).await.json();
                assert_eq!(fixture.fetch(url(&read)).await.code(), 503);
            }
            // What needs no bytes goes on, and sweeping tries again later.
            assert_eq!(fixture.read_file(&writer, &kept).await.code(), 200);
            fixture.round().await;
        }
        let answer = fixture.get("/readyz").send().await;
        assert_eq!(answer.code(), 503);
        assert!(answer.json()["error"].as_str().unwrap().contains("files"), "{answer:?}");

        fixture.set(Fault::None);
        if !presign {
            assert_eq!(fixture.send_bytes(&pending, OTHERS).await.code(), 200);
        }
        let record = fixture.commit(&writer, &pending).await.json();
        assert_eq!(fixture.content(&writer, &record).await, OTHERS);
        assert_eq!(fixture.content(&writer, &kept).await, BYTES);
        let path = format!("{}/{}", paths::RECORDS, text(&id(&kept)));
        assert_eq!(fixture.call(&writer, Method::DELETE, &path, None).await.code(), 204);
        fixture.sweep_all().await;
        assert_eq!(fixture.blobs(), 1);
    }
}

#[tokio::test]
async fn large_files_go_through_the_server_in_parts() {
    let fixture = Fixture::with_s3(false).await;
    let writer = fixture.client("writer").await;
    let bytes: Vec<u8> = (0..11 * 1024 * 1024 + 5_u32).map(|n| (n * 7) as u8).collect();
    let record = fixture.write_file(&writer, &bytes).await;
    assert!(fixture.content(&writer, &record).await == bytes, "other bytes came back");
    let meta = &record["meta"]["file_meta"];
    assert_eq!(meta["checksum"], json!(sealed(&bytes).checksum.to_string()));
    assert_eq!(fixture.objects.as_ref().unwrap().part_count(), 0);
}

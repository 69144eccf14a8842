//! What every place for the bytes of files must do, on each of them; and what becomes of requests when it does not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod object_server;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use object_server::{Fault, ObjectServer};
use tozstore_crypto::{FileTally, SealedFile};
use tozstore_server::blobs::{BlobKey, Blobs};
use tozstore_server::http::Error;

/// More than two of the largest parts.
const LARGE_BYTES: usize = 11 * 1024 * 1024 + 1;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 256) as u8).collect()
}

fn sealed(bytes: &[u8]) -> SealedFile {
    let mut tally = FileTally::new();
    tally.count(bytes);
    tally.finish()
}

async fn read(blobs: &Blobs, key: BlobKey) -> Option<Vec<u8>> {
    let stream = blobs.open(key).await.unwrap()?;
    Some(stream.try_collect::<Vec<_>>().await.unwrap().concat())
}

async fn write(blobs: &Blobs, key: BlobKey, bytes: &[u8]) {
    let mut writer = blobs.create(key);
    for piece in bytes.chunks(100_000) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap();
}

async fn conform(blobs: Blobs) {
    blobs.check().await.unwrap();
    let (key, other) = (BlobKey::new().unwrap(), BlobKey::new().unwrap());
    for len in [0, 1, 512 * 1024, 5 * 1024 * 1024, LARGE_BYTES] {
        let bytes = bytes(len);
        let expected = sealed(&bytes);
        let mut writer = blobs.create(key);
        for piece in bytes.chunks(100_000) {
            writer.write(piece).await.unwrap();
        }
        assert_eq!(read(&blobs, key).await, None, "it is there before it is finished");
        assert_eq!(blobs.len_bytes(key).await.unwrap(), None);
        assert!(!blobs.holds(key, &expected).await.unwrap());
        assert!(!blobs.copy(key, other, 0).await.unwrap());
        writer.finish().await.unwrap();
        assert!(read(&blobs, key).await.unwrap() == bytes, "other bytes come back of {len}");
        assert_eq!(blobs.len_bytes(key).await.unwrap(), Some(len as u64));

        // A copy is apart from what it was made of.
        assert!(blobs.copy(key, other, len as u64).await.unwrap());
        write(&blobs, key, b"something else").await;
        assert!(blobs.holds(other, &expected).await.unwrap());
        assert!(!blobs.holds(key, &expected).await.unwrap());
        let wrong = SealedFile { checksum: sealed(b"x").checksum, ..expected };
        assert!(!blobs.holds(other, &wrong).await.unwrap());
        assert!(!blobs.holds(other, &SealedFile { len_bytes: len as u64 + 1, ..expected }).await.unwrap());
        for key in [key, key, other] {
            blobs.remove(key).await.unwrap();
            assert_eq!(read(&blobs, key).await, None);
        }
    }
    for len in [4, LARGE_BYTES] {
        let mut writer = blobs.create(key);
        writer.write(&bytes(len)).await.unwrap();
        writer.abort().await;
        assert_eq!(read(&blobs, key).await, None);
    }
}

#[tokio::test]
async fn memory_conforms() {
    conform(Blobs::in_memory()).await;
}

#[tokio::test]
async fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conform(Blobs::in_dir(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn an_s3_store_conforms() {
    let server = ObjectServer::start().await;
    conform(server.blobs(false)).await;
    assert_eq!((server.blob_count(), server.part_count()), (0, 0));
}

#[tokio::test]
async fn what_is_dropped_unfinished_leaves_nothing_behind() {
    let server = ObjectServer::start().await;
    let mut writer = server.blobs(false).create(BlobKey::new().unwrap());
    writer.write(&bytes(LARGE_BYTES)).await.unwrap();
    assert_eq!(server.part_count(), 2);
    drop(writer);
    while server.part_count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.blob_count(), 0);
}

#[tokio::test]
async fn whoever_has_a_signed_address_does_what_it_says_and_no_more() {
    let server = ObjectServer::start().await;
    let blobs = server.blobs(true);
    let (key, other) = (BlobKey::new().unwrap(), BlobKey::new().unwrap());
    let http = reqwest::Client::new();
    let url = blobs.upload_url(key, &sealed(b"bytes").checksum, 60).await.unwrap();
    let put = async |url: &str, md5_of: &[u8], bytes: &'static [u8]| {
        let md5 = sealed(md5_of).checksum.to_string();
        http.put(url).header("content-md5", md5).body(bytes).send().await.unwrap().status()
    };
    assert_eq!(http.put(&url).body("bytes").send().await.unwrap().status(), 403, "the checksum was signed");
    assert_eq!(put(&url, b"other", b"other").await, 403, "the checksum was signed");
    assert_eq!(put(&url, b"bytes", b"other").await, 400, "the store looks at the checksum");
    let elsewhere = url.replace(&key.to_string(), &other.to_string());
    assert_eq!(put(&elsewhere, b"bytes", b"bytes").await, 403, "the key was signed");
    assert_eq!(http.get(&url).send().await.unwrap().status(), 403, "the method was signed");
    // This store keeps what it refused, so a commit must look itself.
    assert!(!blobs.holds(key, &sealed(b"bytes")).await.unwrap());
    let right = http
        .put(&url)
        .header("content-md5", sealed(b"bytes").checksum.to_string())
        .header("content-type", "application/octet-stream")
        .header("expect", "100-continue")
        .body("bytes");
    assert_eq!(right.send().await.unwrap().status(), 200);
    let url = blobs.download_url(key, 60).await.unwrap();
    let fetched = http.get(&url).send().await.unwrap();
    assert_eq!(fetched.status(), 200);
    assert_eq!(fetched.headers()["content-length"], "5");
    assert_eq!(fetched.bytes().await.unwrap(), &b"bytes"[..]);
    assert_eq!(http.get(url.split('?').next().unwrap()).send().await.unwrap().status(), 403);
    assert_eq!(put(&url, b"bytes", b"bytes").await, 403);
}

/// Every operation, each of which must fail in the way that becomes 503.
async fn assert_failing(blobs: &Blobs, key: BlobKey) {
    let is_failure = |outcome: Result<(), Error>| match outcome {
        Err(Error::Blobs(text)) => assert!(!text.contains("a secret of the tests"), "{text}"),
        outcome => assert!(outcome.is_err_and(|error| matches!(error, Error::Blobs(_))), "not a failure"),
    };
    is_failure(blobs.check().await);
    is_failure(blobs.open(key).await.map(drop));
    is_failure(blobs.len_bytes(key).await.map(drop));
    is_failure(blobs.holds(key, &sealed(b"bytes")).await.map(drop));
    is_failure(blobs.copy(key, BlobKey::new().unwrap(), 5).await.map(drop));
    is_failure(blobs.remove(key).await);
    let mut writer = blobs.create(key);
    writer.write(b"bytes").await.unwrap();
    is_failure(writer.finish().await);
    is_failure(blobs.create(key).write(&bytes(LARGE_BYTES)).await);
}

#[tokio::test]
async fn a_store_that_fails_fails_every_operation_in_the_same_way() {
    let server = ObjectServer::start().await;
    let blobs = server.blobs(true);
    let key = BlobKey::new().unwrap();
    write(&blobs, key, b"bytes").await;
    for fault in [Fault::Busy, Fault::Forbidden] {
        server.set(fault);
        assert_failing(&blobs, key).await;
    }
    server.set(Fault::Silent);
    let mut files = server.files(false);
    files.timeout_s = 1;
    assert_failing(&Blobs::in_s3(&files).unwrap(), key).await;
    server.set(Fault::None);
    assert_eq!(read(&blobs, key).await.unwrap(), b"bytes");
    // There is nobody.
    let mut files = server.files(false);
    files.endpoint = "http://127.0.0.1:1".into();
    assert_failing(&Blobs::in_s3(&files).unwrap(), key).await;
    // Another secret.
    let dir = tempfile::tempdir().unwrap();
    let mut files = server.files(false);
    files.secret_key_file = dir.path().join("secret");
    std::fs::write(&files.secret_key_file, "another").unwrap();
    assert_failing(&Blobs::in_s3(&files).unwrap(), key).await;
}

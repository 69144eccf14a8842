//! Files: announced, sent, committed, fetched, replaced, deleted, and swept.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_crypto::{FileTally, SealedFile};
use tozstore_server::config::{Config, FilesConfig, ListenConfig};
use tozstore_server::jobs;

use super::fixture::{Answer, Fixture, TestClient, text};
use super::storage::{NO_ID, body, id, record_path, safe_path};

pub(super) fn sealed(bytes: &[u8]) -> SealedFile {
    let mut tally = FileTally::new();
    tally.count(bytes);
    tally.finish()
}

pub(super) fn announcement(writer: &TestClient, record_type: &str, bytes: &[u8]) -> Value {
    let file = sealed(bytes);
    let mut sent = body(writer.id, record_type, json!({ "p": "q" }), json!({}));
    sent["meta"]["file_meta"] = json!({
        "checksum": file.checksum.to_string(), "size": file.len_bytes, "compression": "raw", "file_name": "mine.txt",
    });
    sent
}

/// Path and query of an absolute address of the fixture's server.
pub(super) fn target(url: &Value) -> String {
    let url = url.as_str().unwrap();
    let (_, rest) = url.split_once("://").unwrap();
    rest[rest.find('/').unwrap()..].to_owned()
}

impl Fixture {
    pub(super) async fn announce(&self, writer: &TestClient, bytes: &[u8]) -> Value {
        let sent = announcement(writer, "t", bytes);
        let answer = self.call(writer, Method::POST, paths::FILES, Some(sent)).await;
        assert_eq!(answer.code(), 202, "{answer:?}");
        answer.json()
    }

    pub(super) async fn send_bytes(&self, pending: &Value, bytes: &[u8]) -> Answer {
        let (md5, len) = (sealed(bytes).checksum.to_string(), bytes.len().to_string());
        let headers = [
            ("content-md5", md5.as_str()),
            ("content-length", len.as_str()),
            ("content-type", "application/octet-stream"),
        ];
        self.transfer(Method::PUT, &pending["file_url"], &headers, bytes).await
    }

    pub(super) async fn commit(&self, client: &TestClient, pending: &Value) -> Answer {
        let path = format!("{}/{}", paths::FILES, text(&pending["id"]));
        self.call(client, Method::PATCH, &path, None).await
    }

    pub(super) async fn write_file(&self, writer: &TestClient, bytes: &[u8]) -> Value {
        let pending = self.announce(writer, bytes).await;
        assert_eq!(self.send_bytes(&pending, bytes).await.code(), 200);
        let committed = self.commit(writer, &pending).await;
        assert_eq!(committed.code(), 201, "{committed:?}");
        committed.json()
    }

    pub(super) async fn read_file(&self, client: &TestClient, record: &Value) -> Answer {
        self.call(client, Method::GET, &file_path(record), None).await
    }

    pub(super) async fn fetch(&self, url: &Value) -> Answer {
        self.transfer(Method::GET, url, &[], b"").await
    }

    /// Asks whoever an address is of.
    async fn transfer(&self, method: Method, url: &Value, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
        if !is_direct(url) {
            let call = self.request(method, target(url)).body(bytes);
            return headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await;
        }
        let call = reqwest::Client::new().request(method, text(url)).body(bytes.to_vec());
        let call = headers.iter().fold(call, |call, &(name, value)| call.header(name, value));
        let answer = call.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    /// Whether clients send bytes to the store of bytes themselves.
    pub(super) fn is_direct(&self) -> bool {
        self.app.blobs.can_sign()
    }

    /// Asserts that nobody is given these bytes any more, once what is gone is swept.
    pub(super) async fn assert_gone(&self, url: &Value) {
        if is_direct(url) {
            self.round().await;
            assert_eq!(self.fetch(url).await.status, 404);
        } else {
            assert_eq!(self.fetch(url).await.code(), 404);
        }
    }

    /// Lets pass what may be left of uploads that were not committed, and sweeps.
    pub(super) async fn sweep_all(&self) {
        self.advance_seconds(31 * 3600);
        self.round().await;
    }

    /// How many files lie in the place of bytes; in a folder, with unfinished ones.
    pub(super) fn blobs(&self) -> usize {
        if let Some(objects) = &self.objects {
            return objects.blob_count();
        }
        let folders = std::fs::read_dir(self.data_dir().join("files")).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    }

    pub(super) async fn round(&self) {
        jobs::round(&self.app).await.unwrap();
    }
}

/// Whether an address is that of a store of bytes.
fn is_direct(url: &Value) -> bool {
    text(url).contains("X-Amz-Signature=")
}

fn file_path(record: &Value) -> String {
    format!("{}/{}", paths::FILES, text(&id(record)))
}

fn url(record: &Value) -> &Value {
    &record["meta"]["file_meta"]["file_url"]
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7) as u8).collect();
    for (announce, commit) in [(paths::FILES, paths::FILES_V2), (paths::FILES_V2, paths::FILES)] {
        let sent = announcement(&writer, "t", &bytes);
        let pending = fixture.call(&writer, Method::POST, announce, Some(sent)).await;
        assert_eq!(pending.code(), 202);
        let pending = pending.json();
        assert_eq!(pending.as_object().unwrap().len(), 2, "{pending}");
        let answer = fixture.send_bytes(&pending, &bytes).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
        let path = format!("{commit}/{}", text(&pending["id"]));
        let committed =
            fixture.request(Method::PATCH, &path).bearer(&writer.token).body("null\n").send().await;
        assert_eq!(committed.code(), 201, "{committed:?}");
        let record = committed.json();
        assert_ne!(id(&record), pending["id"]);
        assert_eq!(record["data"], json!({}));
        assert_eq!(record["meta"]["plain"], json!({ "p": "q" }));
        let file = &record["meta"]["file_meta"];
        assert_eq!(file["size"], json!(bytes.len()));
        assert_eq!(file["checksum"], json!(sealed(&bytes).checksum.to_string()));
        assert_eq!(file["compression"], "raw");
        assert!(!text(&file["file_name"]).is_empty() && file["file_name"] != "mine.txt");
        assert!(text(&file["file_url"]).starts_with("http://"));

        let read = fixture.read_file(&writer, &record).await;
        assert_eq!(read.code(), 200);
        let fetched = fixture.fetch(url(&read.json())).await;
        assert_eq!(fetched.status, 200);
        assert_eq!(fetched.header("content-length"), Some("3000000"));
        assert_eq!(fetched.header("content-type"), Some("application/octet-stream"));
        assert_eq!(fetched.header("content-encoding"), None);
        assert!(fetched.body == bytes, "other bytes came back");
        // A second commit finds nothing.
        assert_eq!(fixture.commit(&writer, &pending).await.code(), 404);
    }
}

#[tokio::test]
async fn file_records_are_records() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let record = fixture.write_file(&writer, b"bytes").await;
    let plain_record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let mut expected = record.clone();
    expected["meta"]["file_meta"]["file_url"] = Value::Null;
    let read = fixture.call(&writer, Method::GET, &record_path(&record), None).await.json();
    assert_eq!(read, expected);
    let page = fixture.search(&writer, json!({ "include_data": true })).await;
    assert_eq!(page["results"][0]["meta"], expected["meta"]);
    assert_eq!(page["results"][0]["record_data"], json!({}));
    assert!(page["results"][1]["meta"].get("file_meta").is_none());

    // A plain record has no file to read, and a record endpoint takes none.
    assert_eq!(fixture.read_file(&writer, &plain_record).await.code(), 404);
    let sent = announcement(&writer, "t", b"x");
    assert_eq!(fixture.call(&writer, Method::POST, paths::RECORDS, Some(sent)).await.code(), 400);

    // Who may read the record may read the file.
    assert_eq!(fixture.read_file(&reader, &record).await.code(), 404);
    fixture.share(&writer, &reader, "t").await;
    let shared = fixture.read_file(&reader, &record).await.json();
    assert_eq!(fixture.fetch(url(&shared)).await.body, b"bytes");
    let list = json!({ "id": [id(&record), id(&plain_record), NO_ID, id(&record)], "includeData": true });
    let listed = fixture.call(&reader, Method::POST, paths::FILE_LIST, Some(list)).await;
    assert_eq!(listed.code(), 200);
    let listed = listed.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(id(&listed[0]), id(&record));
    assert_eq!(fixture.fetch(url(&listed[0])).await.body, b"bytes");
}

#[tokio::test]
async fn what_was_not_announced_is_not_taken() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let pending = fixture.announce(&writer, b"right").await;
    // Nothing was sent yet.
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 400);
    if fixture.is_direct() {
        return;
    }
    for wrong in [&b"wrong"[..], b"righ", b"right and more", b""] {
        assert_eq!(fixture.send_bytes(&pending, wrong).await.code(), 400);
        // Without any header that would tell at once.
        let answer = fixture.put(target(&pending["file_url"])).body(wrong).send().await;
        assert_eq!(answer.code(), 400);
        assert_eq!(fixture.commit(&writer, &pending).await.code(), 400);
    }
    let answer =
        fixture.put(target(&pending["file_url"])).header("content-md5", "?").body("right").send().await;
    assert_eq!(answer.code(), 400);
    assert_eq!(fixture.blobs(), 0, "refused bytes are left");
    assert_eq!(fixture.send_bytes(&pending, b"right").await.code(), 200);
    assert_eq!(fixture.commit(&other, &pending).await.code(), 404);
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 201);
    assert_eq!(fixture.send_bytes(&pending, b"right").await.code(), 404);
}

#[tokio::test]
async fn announcements_are_checked() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let announce =
        async |sent: Value| fixture.call(&writer, Method::POST, paths::FILES, Some(sent)).await.code();
    assert_eq!(announce(announcement(&other, "t", b"x")).await, 403);
    let with = |name: &str, value: Value| {
        let mut sent = announcement(&writer, "t", b"x");
        sent["meta"]["file_meta"][name] = value;
        sent
    };
    assert_eq!(announce(with("checksum", json!("AAAA"))).await, 400);
    assert_eq!(announce(with("size", json!(-1))).await, 400);
    assert_eq!(announce(with("size", json!(5_u64 * 1024 * 1024 * 1024 + 1))).await, 400);
    assert_eq!(announce(with("size", json!(5_u64 * 1024 * 1024 * 1024))).await, 202);
    assert_eq!(announce(with("compression", Value::Null)).await, 202);
    let mut sent = announcement(&writer, "t", b"x");
    sent["data"] = Value::Null;
    assert_eq!(announce(sent).await, 202);
    let unknown = fixture.post(paths::FILES).json(announcement(&writer, "t", b"x")).send().await;
    assert_eq!(unknown.code(), 401);
}

#[tokio::test]
async fn addresses_lapse_and_serve_one_purpose() {
    let config = Config {
        files: FilesConfig { upload_lifetime_s: 100, download_lifetime_s: 60, ..FilesConfig::default() },
        listen: ListenConfig { public_url: "https://store.example/".into(), ..ListenConfig::default() },
        ..Config::default()
    };
    let fixture = Fixture::with_config(config).await;
    let writer = fixture.client("writer").await;
    let record = fixture.write_file(&writer, b"bytes").await;
    if fixture.is_direct() {
        return;
    }
    assert!(text(url(&record)).starts_with("https://store.example/v3/file-bytes/"));
    let pending = fixture.announce(&writer, b"other").await;
    assert_eq!(fixture.fetch(&pending["file_url"]).await.code(), 403);
    assert_eq!(fixture.put(target(url(&record))).body("bytes").send().await.code(), 403);
    assert_eq!(fixture.get("/v3/file-bytes/x.y").send().await.code(), 403);
    fixture.advance_seconds(59);
    assert_eq!(fixture.fetch(url(&record)).await.status, 200);
    fixture.advance_seconds(1);
    assert_eq!(fixture.fetch(url(&record)).await.code(), 403);
    assert_eq!(fixture.send_bytes(&pending, b"other").await.code(), 200);
    fixture.advance_seconds(40);
    assert_eq!(fixture.send_bytes(&pending, b"other").await.code(), 403);
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 404);
    assert_eq!(fixture.blobs(), 2);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1, "the bytes of a lapsed file are left");
    assert_eq!(fixture.fetch(url(&fixture.read_file(&writer, &record).await.json())).await.body, b"bytes");
}

#[tokio::test]
async fn the_host_of_the_request_is_where_bytes_are() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let post = || fixture.post(paths::FILES).bearer(&writer.token).json(announcement(&writer, "t", b"x"));
    let pending = post().header("host", "10.0.0.1:99").send().await.json();
    if fixture.is_direct() {
        return;
    }
    assert!(text(&pending["file_url"]).starts_with("http://10.0.0.1:99/v3/"));
    let pending = post().header("host", "a.example").header("x-forwarded-proto", "https").send().await.json();
    assert!(text(&pending["file_url"]).starts_with("https://a.example/v3/"));
}

#[tokio::test]
async fn deleted_files_are_gone_with_their_bytes() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let (first, second) = (fixture.write_file(&writer, b"1").await, fixture.write_file(&writer, b"2").await);
    assert_eq!(fixture.call(&writer, Method::DELETE, &safe_path(&first), None).await.code(), 204);
    assert_eq!(fixture.read_file(&writer, &first).await.code(), 404);
    fixture.assert_gone(url(&first)).await;
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1);
    assert_eq!(fixture.fetch(url(&second)).await.body, b"2");
    // With the client, its files go too, those that are pending included.
    let pending = fixture.announce(&writer, b"3").await;
    assert_eq!(fixture.send_bytes(&pending, b"3").await.code(), 200);
    let admin = format!("/v1/client/admin/{}", writer.id);
    let deleted = fixture.delete(admin).bearer(&fixture.account.queen.token).send().await;
    assert!(deleted.status.is_success(), "{deleted:?}");
    fixture.assert_gone(url(&second)).await;
    fixture.sweep_all().await;
    assert_eq!(fixture.blobs(), 0);
}

#[tokio::test]
async fn content_is_replaced_at_a_version() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let record = fixture.write_file(&writer, b"old").await;
    let version_path = |prefix: &str, record: &Value| {
        format!("{}{prefix}/{}/{}", paths::FILES, text(&id(record)), text(&record["meta"]["version"]))
    };
    let path = version_path("", &record);
    let pending = fixture.call(&writer, Method::PUT, &path, Some(announcement(&writer, "t", b"new"))).await;
    assert_eq!(pending.code(), 202);
    let pending = pending.json();
    assert_eq!(fixture.send_bytes(&pending, b"new").await.code(), 200);
    let replaced = fixture.commit(&writer, &pending).await;
    assert_eq!(replaced.code(), 201);
    let replaced = replaced.json();
    assert_eq!(id(&replaced), id(&record));
    assert_ne!(replaced["meta"]["version"], record["meta"]["version"]);
    fixture.assert_gone(url(&record)).await;
    assert_eq!(fixture.fetch(url(&replaced)).await.body, b"new");
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1);

    // An old version, another type, a record without a file.
    let sent = || Some(announcement(&writer, "t", b"new"));
    assert_eq!(fixture.call(&writer, Method::PUT, &path, sent()).await.code(), 409);
    let path = version_path("", &replaced);
    let other_type = Some(announcement(&writer, "u", b"new"));
    assert_eq!(fixture.call(&writer, Method::PUT, &path, other_type).await.code(), 400);
    let plain_record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(
        fixture.call(&writer, Method::PUT, &version_path("", &plain_record), sent()).await.code(),
        404
    );

    // A reader must be let edit.
    let edit_path = version_path("/edit", &replaced);
    fixture.share(&writer, &reader, "t").await;
    assert_eq!(fixture.call(&reader, Method::PUT, &edit_path, sent()).await.code(), 403);
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "allow", &["edit"]).await, 201);
    assert_eq!(fixture.call(&reader, Method::PUT, &path, sent()).await.code(), 403);
    let pending = fixture.call(&reader, Method::PUT, &edit_path, sent()).await.json();
    assert_eq!(fixture.send_bytes(&pending, b"new").await.code(), 200);
    let commit = format!("{edit_path}/{}", text(&pending["id"]));
    assert_eq!(fixture.call(&writer, Method::PATCH, &commit, None).await.code(), 404);
    assert_eq!(fixture.call(&reader, Method::PATCH, &commit, None).await.code(), 201);
    // A file that was changed meanwhile is not overwritten.
    let stale = fixture.call(&reader, Method::PUT, &edit_path, sent()).await;
    assert_eq!(stale.code(), 409);
}

#[tokio::test]
async fn metadata_changes_without_the_content() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = fixture.write_file(&writer, b"bytes").await;
    let path = |record: &Value| {
        format!("{}/record/safe/{}/{}", paths::FILES, text(&id(record)), text(&record["meta"]["version"]))
    };
    let mut sent = record.clone();
    sent["meta"]["plain"] = json!({ "new": "1" });
    let updated = fixture.call(&writer, Method::PUT, &path(&record), Some(sent.clone())).await;
    assert_eq!(updated.code(), 200, "{updated:?}");
    let updated = updated.json();
    assert_eq!(updated["meta"]["plain"], json!({ "new": "1" }));
    assert_eq!(updated["meta"]["file_meta"]["checksum"], record["meta"]["file_meta"]["checksum"]);
    assert_eq!(fixture.fetch(url(&updated)).await.body, b"bytes");
    assert_eq!(fixture.call(&writer, Method::PUT, &path(&record), Some(sent)).await.code(), 409);
    // The same through the endpoint of records, as official clients do it.
    let mut sent = body(writer.id, "t", json!({ "newer": "2" }), json!({}));
    sent["rec_sig"] = json!("signed");
    let updated = fixture.call(&writer, Method::PUT, &safe_path(&updated), Some(sent.clone())).await;
    assert_eq!(updated.code(), 200, "{updated:?}");
    assert_eq!(updated.json()["meta"]["plain"], json!({ "newer": "2" }));
    let read = fixture.read_file(&writer, &record).await.json();
    assert_eq!((&read["meta"]["plain"], &read["rec_sig"]), (&json!({ "newer": "2" }), &json!("signed")));
    assert_eq!(fixture.fetch(url(&read)).await.body, b"bytes");
    let fields = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.call(&writer, Method::PUT, &safe_path(&fields), Some(sent)).await.code(), 400);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1);
}

#[tokio::test]
async fn commit_and_delete_may_race() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    for _ in 0..10 {
        let record = fixture.write_file(&writer, b"old").await;
        let version = text(&record["meta"]["version"]);
        let path = format!("{}/{}/{version}", paths::FILES, text(&id(&record)));
        let sent = Some(announcement(&writer, "t", b"new"));
        let pending = fixture.call(&writer, Method::PUT, &path, sent).await.json();
        assert_eq!(fixture.send_bytes(&pending, b"new").await.code(), 200);
        let record_path = record_path(&record);
        let (committed, deleted) = tokio::join!(
            fixture.commit(&writer, &pending),
            fixture.call(&writer, Method::DELETE, &record_path, None)
        );
        assert!(matches!(committed.code(), 201 | 404), "{committed:?}");
        assert_eq!(deleted.code(), 204);
        assert_eq!(fixture.read_file(&writer, &record).await.code(), 404);
    }
    fixture.sweep_all().await;
    assert_eq!(fixture.blobs(), 0);
}

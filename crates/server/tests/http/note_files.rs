//! Notes with files: announced, sent, committed, fetched, and gone with the note.

use http::Method;
use serde_json::{Value, json};
use tozstore_crypto::SigningKeyPair;
use tozstore_server::config::{Config, FilesConfig};
use tozstore_server::store::ChangeKind;

use super::files::{sealed, target};
use super::fixture::{Answer, Fixture, TestClient, text};
use super::notes::{NOTES, by_id, note};

pub(super) const BYTES: &[u8] = b"sealed bytes";

fn announcement(writer: &TestClient, recipient: &SigningKeyPair, more: Value) -> Value {
    let file = sealed(BYTES);
    let mut body = note(&writer.signing, recipient, more);
    body["file_meta"] = json!({
        "checksum": file.checksum.to_string(), "size": file.len_bytes, "compression": "raw", "file_url": "https://x",
    });
    body
}

fn url(note: &Value) -> &Value {
    &note["file_meta"]["file_url"]
}

impl Fixture {
    /// Announced and sent, not committed.
    pub(super) async fn sent_note(
        &self,
        writer: &TestClient,
        recipient: &SigningKeyPair,
        more: Value,
    ) -> Value {
        let pending = self.announce_note(writer, announcement(writer, recipient, more)).await;
        assert_eq!(pending.code(), 202, "{pending:?}");
        let pending = pending.json();
        assert_eq!(self.send_bytes(&pending, BYTES).await.code(), 200);
        pending
    }

    async fn announce_note(&self, writer: &TestClient, body: Value) -> Answer {
        self.as_client(writer, Method::POST, &format!("{NOTES}/files"), Some(body)).await
    }

    pub(super) async fn commit_note(&self, client: &TestClient, pending: &Value) -> Answer {
        let path = format!("{NOTES}/files/{}", text(&pending["id"]));
        self.as_client(client, Method::PATCH, &path, None).await
    }

    async fn new_note_with_file(
        &self,
        writer: &TestClient,
        recipient: &SigningKeyPair,
        more: Value,
    ) -> Value {
        let pending = self.sent_note(writer, recipient, more).await;
        let committed = self.commit_note(writer, &pending).await;
        assert_eq!(committed.code(), 201, "{committed:?}");
        committed.json()
    }
}

#[tokio::test]
async fn a_note_comes_with_its_file() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let more = json!({ "id_string": "n", "plain": { "p": "q" } });
    let body = announcement(&writer, &reader, more);
    let pending = fixture.announce_note(&writer, body.clone()).await;
    assert_eq!(pending.code(), 202);
    let pending = pending.json();
    assert_eq!(pending.as_object().unwrap().len(), 2, "{pending}");
    // Nothing is there before the commit, and nothing is committed before the bytes are there.
    assert_eq!(fixture.as_holder(&reader, Method::GET, &format!("{NOTES}?id_string=n")).await.code(), 404);
    assert_eq!(fixture.commit_note(&writer, &pending).await.code(), 400);
    let refused = fixture.send_bytes(&pending, b"others").await.status;
    assert_eq!(refused, if fixture.is_direct() { 403 } else { 400 });
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    let other = fixture.client("other").await;
    assert_eq!(fixture.commit_note(&other, &pending).await.code(), 404);
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 404, "it is no record");
    let written = fixture.commit_note(&writer, &pending).await;
    assert_eq!(written.code(), 201, "{written:?}");
    let written = written.json();
    assert_eq!(fixture.commit_note(&writer, &pending).await.code(), 404);
    assert_eq!(fixture.note_changes().await, [ChangeKind::NoteWritten]);

    let read = fixture.as_holder(&reader, Method::GET, &by_id(&written)).await;
    let read = read.json();
    let file = sealed(BYTES);
    assert_eq!(
        read["file_meta"],
        json!({
            "checksum": file.checksum.to_string(), "size": file.len_bytes.to_string(), "compression": "raw",
            "file_url": url(&read),
        })
    );
    let mut expected = body;
    expected.as_object_mut().unwrap().extend(
        json!({
            "note_id": written["note_id"], "client_id": writer.id, "created_at": written["created_at"], "type": "",
            "max_views": -1, "views": 1, "expiration": "0001-01-01T00:00:00Z", "file_meta": read["file_meta"],
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(read, expected, "these members and no others");
    let fetched = fixture.fetch(url(&read)).await;
    assert_eq!((fetched.status.as_u16(), fetched.body.as_slice()), (200, BYTES));
    assert_eq!(fetched.header("content-length"), Some("12"));
}

#[tokio::test]
async fn announcements_of_notes_are_checked() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let announce = async |name: &str, value: Value| {
        let mut body = announcement(&writer, &reader, json!({}));
        body["file_meta"][name] = value;
        fixture.announce_note(&writer, body).await.code()
    };
    assert_eq!(announce("size", json!("12")).await, 202);
    assert_eq!(announce("checksum", json!("AAAA")).await, 400);
    assert_eq!(announce("size", json!(-1)).await, 400);
    assert_eq!(announce("size", json!(5_u64 * 1024 * 1024 * 1024 + 1)).await, 400);
    let bare = note(&writer.signing, &reader, json!({}));
    assert_eq!(fixture.announce_note(&writer, bare).await.code(), 400);
    let odd = announcement(&writer, &reader, json!({ "signature": "s".repeat(4097) }));
    assert_eq!(fixture.announce_note(&writer, odd).await.code(), 400);
    let file_alone = announcement(&writer, &reader, json!({ "data": {} }));
    assert_eq!(fixture.announce_note(&writer, file_alone).await.code(), 202);
    // Strangers leave no files.
    let path = format!("{NOTES}/files");
    let call = fixture.signed(&writer.signing, None, Method::POST, &path);
    assert_eq!(call.json(announcement(&writer, &reader, json!({}))).send().await.code(), 403);
    let unsigned = fixture.post(path).bearer(&writer.token).json(announcement(&writer, &reader, json!({})));
    assert_eq!(unsigned.send().await.code(), 401);
    // Without a file there is no address of one, whoever says so.
    let lying = json!({ "file_meta": { "file_url": "https://evil.example", "k": "v" } });
    let plain = fixture.new_note(&writer, &reader, lying).await;
    assert_eq!(plain["file_meta"], json!({ "k": "v" }));
}

#[tokio::test]
async fn a_name_is_taken_by_the_first_commit() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let body = || announcement(&writer, &reader, json!({ "id_string": "n" }));
    let (first, second) = (
        fixture.announce_note(&writer, body()).await.json(),
        fixture.announce_note(&writer, body()).await.json(),
    );
    for pending in [&first, &second] {
        assert_eq!(fixture.send_bytes(pending, BYTES).await.code(), 200);
    }
    assert_eq!(fixture.commit_note(&writer, &first).await.code(), 201);
    assert_eq!(fixture.commit_note(&writer, &second).await.code(), 409);
    assert_eq!(fixture.announce_note(&writer, body()).await.code(), 409);
    // What was refused can be committed once the name is free.
    let replaced = note(&writer.signing, &reader, json!({ "id_string": "n" }));
    let replaced = fixture.as_client(&writer, Method::PUT, NOTES, Some(replaced)).await.json();
    let path = format!("{NOTES}/{}", text(&replaced["note_id"]));
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &path, None).await.code(), 204);
    assert_eq!(fixture.commit_note(&writer, &second).await.code(), 201);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1, "the bytes of the replaced note are left");
}

#[tokio::test]
async fn the_file_goes_with_its_note() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let leaving = fixture.client("leaving").await;
    let erased = fixture.new_note_with_file(&leaving, &reader, json!({})).await;
    let pending = fixture.announce_note(&leaving, announcement(&leaving, &reader, json!({}))).await.json();
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    assert_eq!(fixture.blobs(), 2);
    // What was sent to the store of bytes itself, and not committed, waits there for its time.
    let left = usize::from(fixture.is_direct());
    let admin = format!("/v1/client/admin/{}", leaving.id);
    let deleted = fixture.delete(admin).bearer(&fixture.account.queen.token).send().await;
    assert!(deleted.status.is_success(), "{deleted:?}");
    fixture.round().await;
    assert_eq!(fixture.blobs(), left);
    fixture.assert_gone(url(&erased)).await;

    let deleted = fixture.new_note_with_file(&writer, &reader, json!({})).await;
    let path = format!("{NOTES}/{}", text(&deleted["note_id"]));
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &path, None).await.code(), 204);
    fixture.assert_gone(url(&deleted)).await;

    let replaced = fixture.new_note_with_file(&writer, &reader, json!({ "id_string": "n" })).await;
    let other = note(&writer.signing, &reader, json!({ "id_string": "n" }));
    assert_eq!(fixture.as_client(&writer, Method::PUT, NOTES, Some(other)).await.code(), 200);
    fixture.assert_gone(url(&replaced)).await;

    let lapsing = json!({ "expires": true, "expiration": "2027-01-15T08:01:00Z" });
    let lapsing = fixture.new_note_with_file(&writer, &reader, lapsing).await;
    let used_up = fixture.new_note_with_file(&writer, &reader, json!({ "max_views": 1 })).await;
    fixture.round().await;
    assert_eq!(fixture.blobs(), left + 2);
    assert_eq!(fixture.fetch(url(&lapsing)).await.status, 200);
    fixture.advance_seconds(60);
    fixture.assert_gone(url(&lapsing)).await;
    fixture.round().await;
    assert_eq!(fixture.blobs(), left + 1);

    // The last reader has time to fetch the file.
    let read = fixture.as_holder(&reader, Method::GET, &by_id(&used_up)).await.json();
    assert_eq!(fixture.read_note_code(&reader, &used_up).await, 404);
    assert_eq!(fixture.fetch(url(&read)).await.body, BYTES);
    fixture.round().await;
    assert_eq!(fixture.blobs(), left + 1);
    fixture.advance_seconds(24 * 3600);
    fixture.round().await;
    assert_eq!(fixture.blobs(), left);
}

#[tokio::test]
async fn what_was_announced_lapses() {
    let files = FilesConfig { upload_lifetime_s: 100, download_lifetime_s: 60, ..FilesConfig::default() };
    let fixture = Fixture::with_config(Config { files, ..Config::default() }).await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let pending = fixture.announce_note(&writer, announcement(&writer, &reader, json!({}))).await.json();
    assert_eq!(fixture.send_bytes(&pending, BYTES).await.code(), 200);
    let written = fixture.new_note_with_file(&writer, &reader, json!({})).await;
    if fixture.is_direct() {
        return;
    }
    fixture.advance_seconds(60);
    assert_eq!(fixture.fetch(url(&written)).await.code(), 403);
    assert_eq!(fixture.put(target(url(&written))).body(BYTES).send().await.code(), 403);
    fixture.advance_seconds(40);
    assert_eq!(fixture.commit_note(&writer, &pending).await.code(), 404);
    fixture.round().await;
    assert_eq!(fixture.blobs(), 1);
}

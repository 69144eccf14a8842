//! Notes: written, read, counted, replaced and deleted, by those who hold the keys.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tozstore_crypto::{ClientId, RequestNonce, RequestToSign, SigningKeyPair};
use tozstore_server::config::Config;
use tozstore_server::jobs;
use tozstore_server::store::{ChangeKind, ChangeRow, ReadTx, StoreError};

use super::fixture::{Answer, Call, Fixture, TestClient, text};
use super::storage::NO_ID;

pub(super) const NOTES: &str = "/v2/storage/notes";
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// A note as it is sent.
pub(super) fn note(writer: &SigningKeyPair, recipient: &SigningKeyPair, more: Value) -> Value {
    let mut note = json!({
        "mode": "Sodium", "recipient_signing_key": recipient.public_key(), "writer_signing_key": writer.public_key(),
        "writer_encryption_key": "writer", "encrypted_access_key": "key.nonce", "data": { "b": "1", "a": "2" },
        "signature": "signed",
    });
    note.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    note
}

pub(super) fn by_id(note: &Value) -> String {
    format!("{NOTES}?note_id={}", text(&note["note_id"]))
}

impl Fixture {
    /// A request signed with a key, in the name of a client or of nobody.
    pub(super) fn signed(
        &self,
        key: &SigningKeyPair,
        id: Option<ClientId>,
        method: Method,
        path: &str,
    ) -> Call {
        let seconds = self.clock_seconds().unsigned_abs();
        let (plain, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let request = RequestToSign { method: method.as_str(), path: plain, query };
        let header = request.sign(seconds, RequestNonce::random(), id, key);
        self.request(method.clone(), path).header("authorization", header)
    }

    pub(super) async fn as_client(
        &self,
        client: &TestClient,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let call = self.signed(&client.signing, Some(client.id), method, path);
        call.json(body.unwrap_or_default()).send().await
    }

    /// By the holder of a key, in nobody's name.
    pub(super) async fn as_holder(&self, key: &SigningKeyPair, method: Method, path: &str) -> Answer {
        self.signed(key, None, method, path).send().await
    }

    pub(super) async fn new_note(
        &self,
        writer: &TestClient,
        recipient: &SigningKeyPair,
        more: Value,
    ) -> Value {
        let body = note(&writer.signing, recipient, more);
        let answer = self.as_client(writer, Method::POST, NOTES, Some(body)).await;
        assert_eq!(answer.code(), 201, "{answer:?}");
        answer.json()
    }

    pub(super) async fn read_note_code(&self, key: &SigningKeyPair, note: &Value) -> u16 {
        self.as_holder(key, Method::GET, &by_id(note)).await.code()
    }

    pub(super) async fn note_changes(&self) -> Vec<ChangeKind> {
        let read = |tx: &dyn ReadTx| tx.changes_after(0, 1000);
        let rows = self.app.store.read::<Vec<ChangeRow>, StoreError, _>("changes", read).await.unwrap();
        rows.into_iter().filter(|row| row.change.note.is_some()).map(|row| row.change.kind).collect()
    }
}

#[tokio::test]
async fn a_note_is_read_by_its_recipient_by_id_and_name() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let written =
        fixture.new_note(&writer, &reader.signing, json!({ "id_string": "a name+é", "type": "t" })).await;
    let mut expected =
        note(&writer.signing, &reader.signing, json!({ "id_string": "a name+é", "type": "t" }));
    expected.as_object_mut().unwrap().extend(
        json!({
            "note_id": written["note_id"], "client_id": writer.id, "plain": {}, "created_at": written["created_at"],
            "max_views": -1, "views": 0, "expiration": NO_TIME,
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(written, expected, "these members and no others");
    for (views, path) in [
        by_id(&written),
        format!("{NOTES}?id_string=a%20name%2B%C3%A9"),
        format!("{NOTES}/?id_string=a+name%2B%C3%A9&note_id=&email_otp="),
    ]
    .iter()
    .zip(1..)
    .map(|(path, n)| (n, path))
    {
        let answer = fixture.as_client(&reader, Method::GET, path, None).await;
        expected["views"] = json!(views);
        assert_eq!(answer.json(), expected, "{path}");
        assert!(String::from_utf8(answer.body).unwrap().contains(r#""data":{"b":"1","a":"2"}"#));
    }
    // The key is what counts: nobody's name, and the name of another, do as well.
    assert_eq!(fixture.read_note_code(&reader.signing, &written).await, 200);
    let in_other_name = fixture.signed(&reader.signing, Some(writer.id), Method::GET, &by_id(&written));
    assert_eq!(in_other_name.send().await.code(), 200);
}

#[tokio::test]
async fn others_do_not_read() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let written = fixture.new_note(&writer, &reader.signing, json!({})).await;
    for key in [&writer.signing, &SigningKeyPair::generate()] {
        assert_eq!(fixture.read_note_code(key, &written).await, 401);
    }
    let token = fixture.get(by_id(&written)).bearer(&reader.token).send().await;
    assert_eq!((token.code(), fixture.get(by_id(&written)).send().await.code()), (401, 401));
    for (query, code) in [
        (format!("?note_id={NO_ID}"), 404),
        ("?id_string=none".into(), 404),
        ("?note_id=x".into(), 400),
        ("?note_id=".into(), 400),
        (String::new(), 400),
        ("?note_id=x&note_id=y".into(), 400),
    ] {
        let answer = fixture.as_holder(&reader.signing, Method::GET, &format!("{NOTES}{query}")).await;
        assert_eq!(answer.code(), code, "{query}");
    }
    // Nothing of that was a view.
    let path = format!("{NOTES}?note_id={}", text(&written["note_id"]));
    assert_eq!(fixture.as_holder(&reader.signing, Method::GET, &path).await.json()["views"], 1);
}

#[tokio::test]
async fn strangers_write_notes_without_names() {
    let fixture = Fixture::new().await;
    let (stranger, reader) = (SigningKeyPair::generate(), SigningKeyPair::generate());
    let body = note(&stranger, &reader, json!({ "id_string": "name", "max_views": 2, "client_id": NO_ID }));
    let answer = fixture.signed(&stranger, None, Method::POST, NOTES).json(body.clone()).send().await;
    assert_eq!(answer.code(), 201);
    let written = answer.json();
    assert_eq!((&written["id_string"], &written["max_views"]), (&json!(""), &json!(2)));
    assert_eq!(written.get("client_id"), None);
    let views = format!("{NOTES}/views?note_id={}", text(&written["note_id"]));
    let left = async || fixture.as_holder(&reader, Method::GET, &views).await.json();
    assert_eq!(left().await, json!(2));
    assert_eq!(fixture.read_note_code(&reader, &written).await, 200);
    assert_eq!(left().await, json!(1));
    assert_eq!(fixture.read_note_code(&reader, &written).await, 200);
    assert_eq!(fixture.read_note_code(&reader, &written).await, 404);
    assert_eq!(left().await, json!(0));
    // In the name of a client whose key it is not, nothing is written.
    let client = fixture.client("a").await;
    let call = fixture.signed(&stranger, Some(client.id), Method::POST, NOTES);
    assert_eq!(call.json(body).send().await.code(), 401);
    // What they leave behind goes after a month.
    fixture.advance_seconds(31 * 24 * 3600);
    jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.note_changes().await, [ChangeKind::NoteDeleted]);
}

#[tokio::test]
async fn strangers_can_be_kept_from_writing() {
    let mut config = Config::default();
    config.notes.strangers_may_write = false;
    let fixture = Fixture::with_config(config).await;
    let key = SigningKeyPair::generate();
    let body = note(&key, &key, json!({}));
    assert_eq!(fixture.signed(&key, None, Method::POST, NOTES).json(body).send().await.code(), 403);
    let client = fixture.client("a").await;
    let written = fixture.new_note(&client, &key, json!({})).await;
    assert_eq!(fixture.read_note_code(&key, &written).await, 200);
}

#[tokio::test]
async fn strangers_have_so_much_room_together() {
    let mut config = Config::default();
    config.notes.strangers_notes = 2;
    config.notes.strangers_bytes = 100_000;
    let fixture = Fixture::with_config(config).await;
    let (reader, client) = (SigningKeyPair::generate(), fixture.client("a").await);
    let write = async |data: String| {
        let key = SigningKeyPair::generate();
        let body = note(&key, &reader, json!({ "data": { "a": data } }));
        fixture.signed(&key, None, Method::POST, NOTES).json(body).send().await
    };
    let large = || "x".repeat(60_000);
    let first = write(large()).await;
    assert_eq!(first.code(), 201);
    let refused = write(large()).await;
    assert_eq!(refused.code(), 507);
    assert!(text(&refused.json()["error"]).contains("no room"), "{refused:?}");
    assert_eq!(write("x".into()).await.code(), 201);
    assert_eq!(write("x".into()).await.code(), 507);
    // Clients have room of their own.
    for _ in 0..3 {
        fixture.new_note(&client, &reader, json!({ "data": { "a": large() } })).await;
    }
    // When theirs are gone there is room again.
    fixture.advance_seconds(31 * 24 * 3600);
    jobs::round(&fixture.app).await.unwrap();
    assert_eq!(write(large()).await.code(), 201);
}

#[tokio::test]
async fn odd_notes_are_refused() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    for more in [
        json!({ "data": {} }),
        json!({ "max_views": -2 }),
        json!({ "id_string": "n".repeat(513) }),
        json!({ "signature": "s".repeat(4097) }),
        json!({ "eacp": { "moon_eacp": {} } }),
        json!({ "recipient_signing_key": "short" }),
        json!({ "expiration": "tomorrow" }),
    ] {
        let body = note(&client.signing, &client.signing, more.clone());
        let answer = fixture.as_client(&client, Method::POST, NOTES, Some(body)).await;
        assert_eq!(answer.code(), 400, "{more}");
    }
    assert_eq!(
        fixture
            .as_client(&client, Method::PUT, NOTES, Some(note(&client.signing, &client.signing, json!({}))))
            .await
            .code(),
        400
    );
}

#[tokio::test]
async fn names_are_unique_and_replaced_by_their_owner_alone() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let (key, new_key) = (SigningKeyPair::generate(), SigningKeyPair::generate());
    let name = |recipient: &SigningKeyPair| note(&writer.signing, recipient, json!({ "id_string": "n" }));
    let put = async |by, recipient| fixture.as_client(by, Method::PUT, NOTES, Some(name(recipient))).await;
    // There is nothing yet: it is written.
    let answer = put(&writer, &key).await;
    assert_eq!(answer.code(), 200);
    let first = answer.json();
    assert_eq!(fixture.as_client(&other, Method::POST, NOTES, Some(name(&key))).await.code(), 409);
    assert_eq!(fixture.as_client(&writer, Method::POST, NOTES, Some(name(&key))).await.code(), 409);
    assert_eq!(put(&other, &key).await.code(), 403);
    let by_name = format!("{NOTES}?id_string=n");
    assert_eq!(fixture.as_holder(&key, Method::GET, &by_name).await.json()["views"], 1);

    let answer = put(&writer, &new_key).await;
    assert_eq!(answer.code(), 200);
    let second = answer.json();
    assert_ne!(first["note_id"], second["note_id"]);
    assert_eq!((&second["views"], &second["id_string"]), (&json!(0), &json!("n")));
    assert_eq!(fixture.read_note_code(&key, &first).await, 404);
    assert_eq!(fixture.as_holder(&key, Method::GET, &by_name).await.code(), 401);
    assert_eq!(fixture.as_holder(&new_key, Method::GET, &by_name).await.code(), 200);
    // Nobody in particular owns no name.
    let call = fixture.signed(&writer.signing, None, Method::PUT, NOTES).json(name(&key));
    assert_eq!(call.send().await.code(), 401);
    assert_eq!(fixture.note_changes().await, [ChangeKind::NoteWritten, ChangeKind::NoteReplaced]);
}

#[tokio::test]
async fn only_the_writer_deletes() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let written = fixture.new_note(&writer, &reader.signing, json!({})).await;
    let path = format!("{NOTES}/{}", text(&written["note_id"]));
    assert_eq!(fixture.as_client(&reader, Method::DELETE, &path, None).await.code(), 403);
    assert_eq!(fixture.as_holder(&SigningKeyPair::generate(), Method::DELETE, &path).await.code(), 404);
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &path, None).await.code(), 204);
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &path, None).await.code(), 404);
    assert_eq!(fixture.read_note_code(&reader.signing, &written).await, 404);
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &format!("{NOTES}/x"), None).await.code(), 404);
    assert_eq!(fixture.note_changes().await, [ChangeKind::NoteWritten, ChangeKind::NoteDeleted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_exact_among_many_readers() {
    let fixture = Arc::new(Fixture::new().await);
    let (writer, reader) = (fixture.client("writer").await, Arc::new(SigningKeyPair::generate()));
    let written = Arc::new(fixture.new_note(&writer, &reader, json!({ "max_views": 10 })).await);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (fixture, reader, written) =
                (Arc::clone(&fixture), Arc::clone(&reader), Arc::clone(&written));
            tokio::spawn(async move {
                let answer = fixture.as_holder(&reader, Method::GET, &by_id(&written)).await;
                (answer.code(), answer.json()["views"].clone())
            })
        })
        .collect();
    let mut views = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (200, count) => views.push(count.as_u64().unwrap()),
            (code, _) => assert_eq!(code, 404),
        }
    }
    views.sort_unstable();
    assert_eq!(views, (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn notes_lapse_and_are_swept() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let expiration = "2027-01-15T09:00:01+01:00";
    let lapsing = json!({ "id_string": "n", "expires": true, "expiration": expiration });
    let lapses = fixture.new_note(&writer, &reader, lapsing.clone()).await;
    assert_eq!(
        (&lapses["expires"], &lapses["expiration"]),
        (&json!(true), &json!("2027-01-15T08:00:01.000001Z"))
    );
    // Neither a time alone nor the word alone makes a note lapse: one official client sends the word without a time.
    let stays = [
        fixture.new_note(&writer, &reader, json!({ "expires": true, "expiration": null })).await,
        fixture.new_note(&writer, &reader, json!({ "expires": false, "expiration": expiration })).await,
    ];
    assert_eq!(fixture.read_note_code(&reader, &lapses).await, 200);
    fixture.advance_seconds(1);
    assert_eq!(fixture.read_note_code(&reader, &lapses).await, 404);
    // Its name is free at once.
    let again = fixture.new_note(&writer, &reader, json!({ "id_string": "n" })).await;
    let other = fixture.new_note(&writer, &reader, lapsing_now(&lapsing)).await;
    jobs::round(&fixture.app).await.unwrap();
    for kept in stays.iter().chain([&again]) {
        assert_eq!(fixture.read_note_code(&reader, kept).await, 200);
    }
    assert_eq!(fixture.read_note_code(&reader, &other).await, 404);
    let written = [ChangeKind::NoteWritten; 3];
    let rest =
        [ChangeKind::NoteDeleted, ChangeKind::NoteWritten, ChangeKind::NoteWritten, ChangeKind::NoteDeleted];
    assert_eq!(fixture.note_changes().await, [&written[..], &rest].concat());
}

fn lapsing_now(note: &Value) -> Value {
    let mut note = note.clone();
    note["id_string"] = json!("m");
    note
}

#[tokio::test]
async fn a_code_opens_a_note_once() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let eacp = json!({ "tozny_otp_eacp": { "include": true } });
    let written = fixture.new_note(&writer, &reader, json!({ "eacp": eacp })).await;
    assert_eq!(written["eacp"], eacp);
    let prime = format!("{NOTES}/prime?note_id={}", text(&written["note_id"]));
    let code = async |minutes: u32| {
        let body = json!({ "otp": { "expiry_minutes": minutes } });
        let answer = fixture.as_client(&writer, Method::PATCH, &prime, Some(body)).await;
        assert_eq!(answer.code(), 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!(answer["note_id"], written["note_id"]);
        text(&answer["otp"]["password"])
    };
    let read = async |code: &str| {
        let path = format!("{}&tozny_otp={code}", by_id(&written));
        fixture.as_holder(&reader, Method::GET, &path).await.code()
    };
    assert_eq!(fixture.read_note_code(&reader, &written).await, 401);
    assert_eq!(read("guess").await, 401);
    let first = code(5).await;
    let second = code(5).await;
    assert_eq!((read(&first).await, read(&second).await, read(&second).await), (401, 200, 401));
    let late = code(5).await;
    fixture.advance_seconds(300);
    assert_eq!(read(&late).await, 401);
    assert_eq!(fixture.signed(&reader, None, Method::PATCH, &prime).send().await.code(), 403);
    let challenge = format!("{NOTES}/challenge?note_id={}", text(&written["note_id"]));
    let answer = fixture.as_holder(&reader, Method::PATCH, &challenge).await;
    assert_eq!((answer.code(), answer.json()), (200, json!({})));
    assert_eq!(fixture.as_holder(&SigningKeyPair::generate(), Method::PATCH, &challenge).await.code(), 401);
    let week = json!({ "otp": { "expiry_minutes": 10_081 } });
    assert_eq!(fixture.as_client(&writer, Method::PATCH, &prime, Some(week)).await.code(), 400);
    let plain = fixture.new_note(&writer, &reader, json!({})).await;
    let prime = format!("{NOTES}/prime?note_id={}", text(&plain["note_id"]));
    assert_eq!(fixture.as_client(&writer, Method::PATCH, &prime, None).await.code(), 400);
}

#[tokio::test]
async fn one_note_opens_another_for_a_while() {
    let fixture = Fixture::new().await;
    let (writer, reader, keeper) =
        (fixture.client("writer").await, SigningKeyPair::generate(), SigningKeyPair::generate());
    let key = fixture.new_note(&writer, &keeper, json!({ "max_views": 1 })).await;
    let eacp = json!({ "last_access_eacp": { "last_read_note_id": key["note_id"] } });
    let locked = fixture.new_note(&writer, &reader, json!({ "eacp": eacp })).await;
    assert_eq!(fixture.read_note_code(&reader, &locked).await, 401);
    assert_eq!(fixture.read_note_code(&reader, &key).await, 401);
    assert_eq!(fixture.read_note_code(&reader, &locked).await, 401);
    assert_eq!(fixture.read_note_code(&keeper, &key).await, 200);
    assert_eq!(fixture.read_note_code(&reader, &locked).await, 200);
    fixture.advance_seconds(300);
    assert_eq!(fixture.read_note_code(&reader, &locked).await, 200);
    fixture.advance_seconds(1);
    assert_eq!(fixture.read_note_code(&reader, &locked).await, 401);
}

#[tokio::test]
async fn policies_that_nobody_can_satisfy_here_are_kept_and_refused() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    for (eacp, word) in [
        (json!({ "email_eacp": { "email_address": "a@example.com", "template": "t" } }), "e-mail"),
        (json!({ "tozid_eacp": { "realm_name": "r" } }), "identity provider"),
    ] {
        let written = fixture.new_note(&writer, &reader, json!({ "eacp": eacp })).await;
        assert_eq!(written["eacp"], eacp);
        let answer = fixture.as_holder(&reader, Method::GET, &by_id(&written)).await;
        assert_eq!(answer.code(), 401);
        assert!(text(&answer.json()["error"]).contains(word), "{answer:?}");
        let challenge = format!("{NOTES}/challenge?note_id={}", text(&written["note_id"]));
        assert_eq!(fixture.as_holder(&reader, Method::PATCH, &challenge).await.code(), 501);
    }
}

#[tokio::test]
async fn notes_of_a_record_are_listed_and_deleted_by_their_writer() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let of_record = json!({ "record_id": NO_ID, "is_secret": true, "max_views": 3 });
    let mut ids = Vec::new();
    for _ in 0..3 {
        let written = fixture.new_note(&writer, &other.signing, of_record.clone()).await;
        assert_eq!((&written["record_id"], &written["is_secret"]), (&json!(NO_ID), &json!(true)));
        ids.push(written["note_id"].clone());
    }
    fixture.new_note(&other, &other.signing, of_record).await;
    let list = async |by, query: &str| {
        fixture.as_client(by, Method::GET, &format!("{NOTES}/{NO_ID}/view{query}"), None).await.json()
    };
    let page = list(&writer, "?nextToken=0&max=2").await;
    assert_eq!(page["results"][1]["note_id"], ids[1]);
    let first = json!({
        "note_id": ids[0], "client_id": writer.id, "created_at": page["results"][0]["created_at"], "max_views": 3,
        "views": 0, "expiration": NO_TIME, "expires": false, "record_id": NO_ID, "is_secret": true,
    });
    assert_eq!(page["results"][0], first);
    let rest = list(&writer, &format!("?next_token={}", page["next_token"])).await;
    assert_eq!((rest["results"].as_array().unwrap().len(), &rest["next_token"]), (1, &json!(0)));
    let other_way = format!("{NOTES}/?recordId={NO_ID}");
    let all = fixture.as_client(&writer, Method::GET, &other_way, None).await.json();
    assert_eq!(all["results"].as_array().unwrap().len(), 3);
    let path = format!("{NOTES}/{NO_ID}/records");
    assert_eq!(fixture.as_holder(&writer.signing, Method::DELETE, &path).await.code(), 401);
    assert_eq!(fixture.as_client(&writer, Method::DELETE, &path, None).await.code(), 204);
    assert_eq!(list(&writer, "").await, json!({ "results": [], "next_token": 0 }));
    assert_eq!(list(&other, "").await["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_signed_request_counts_once_and_strangers_crowd_out_no_client() {
    let mut config = Config::default();
    config.limits.strangers_replay_cache_requests = 2;
    let fixture = Fixture::with_config(config).await;
    let (writer, reader) = (fixture.client("writer").await, SigningKeyPair::generate());
    let written = fixture.new_note(&writer, &reader, json!({})).await;
    let sign = |path: &str, seconds: i64, key: &SigningKeyPair| {
        let (path, query) = path.split_once('?').unwrap();
        let request = RequestToSign { method: "GET", path, query: Some(query) };
        request.sign(seconds.unsigned_abs(), RequestNonce::random(), None, key)
    };
    let now = fixture.clock_seconds();
    let path = by_id(&written);
    let send = async |header: &str| fixture.get(&path).header("authorization", header).send().await.code();
    // Keys of nobody take no place, however many there are.
    for _ in 0..5 {
        assert_eq!(send(&sign(&path, now + 300, &SigningKeyPair::generate())).await, 401);
    }
    let header = sign(&path, now, &reader);
    assert_eq!((send(&header).await, send(&header).await), (200, 401));
    // Too many for the cache: what is as old as what was forgotten is refused, rather than taken twice.
    for _ in 0..3 {
        assert_eq!(send(&sign(&path, now + 1, &reader)).await, 200);
    }
    assert_eq!(send(&header).await, 401);
    assert_eq!(send(&sign(&path, now, &reader)).await, 401);
    // Clients have a place of their own.
    let answer = fixture
        .as_client(&writer, Method::POST, NOTES, Some(note(&writer.signing, &reader, json!({}))))
        .await;
    assert_eq!(answer.code(), 201);
}

//! A server that lies about notes, before the real one. With a pinned writer nothing passes that this writer did not
//! write for this reader; which of its notes it is, whether it is all of it, and everything beside the fields, the format
//! cannot tell. What is not detected is asserted too, so that nobody takes it for granted.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tozstore::{
    Client, EncryptionPrivateKey, Error, ExpectedWriter, Note, NoteId, NoteWriter, SigningKeyPair,
    UntrustedData, fields,
};
use tozstore_crypto::NoteToSeal;
use tozstore_e2e::World;

/// Changes an answer.
type Change = Box<dyn FnMut(&mut Value) + Send>;
/// Makes another answer of the honest one to a read of a note.
type Lie = Box<dyn FnMut(u16, Value) -> (u16, Value) + Send>;

#[derive(Clone)]
struct Liar {
    honest_url: String,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    lie: Arc<Mutex<Lie>>,
    /// The last honest answer.
    seen: Arc<Mutex<Value>>,
}

async fn forward(State(liar): State<Liar>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let is_read = parts.method == "GET" && target.starts_with("/v2/storage/notes?");
    let mut forwarded =
        Request::builder().method(parts.method.clone()).uri(format!("{}{target}", liar.honest_url));
    for (name, value) in &parts.headers {
        forwarded = forwarded.header(name, value);
    }
    let (mut parts, body) =
        liar.http.request(forwarded.body(Full::new(body)).unwrap()).await.unwrap().into_parts();
    let mut body = body.collect().await.unwrap().to_bytes();
    if is_read {
        let honest: Value = serde_json::from_slice(&body).unwrap();
        if parts.status.is_success() {
            *liar.seen.lock().unwrap() = honest.clone();
        }
        let (status, told) = (*liar.lie.lock().unwrap())(parts.status.as_u16(), honest);
        parts.status = status.try_into().unwrap();
        body = told.to_string().into();
        parts.headers.remove("content-length");
    }
    Response::from_parts(parts, Body::from(body))
}

struct Scene {
    world: World,
    writer: Client,
    reader: Client,
    liar: Liar,
}

impl Scene {
    async fn start() -> Self {
        let world = World::start().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = format!("http://{}", listener.local_addr().unwrap());
        let liar = Liar {
            honest_url: world.api_url.clone(),
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            lie: Arc::new(Mutex::new(Box::new(|status, answer| (status, answer)))),
            seen: Arc::default(),
        };
        let app = axum::Router::new().fallback(forward).with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let reader = Client::register(&api_url, world.token.expose(), "reader").await.unwrap();
        let (writer, reader) = (world.client("writer").await, Client::new(reader.credentials).unwrap());
        Self { world, writer, reader, liar }
    }

    fn lie(&self, mut lie: impl FnMut(&mut Value) + Send + 'static) {
        self.answer(move |status, mut answer| {
            lie(&mut answer);
            (status, answer)
        });
    }

    fn answer(&self, lie: impl FnMut(u16, Value) -> (u16, Value) + Send + 'static) {
        *self.liar.lie.lock().unwrap() = Box::new(lie);
    }

    /// The honest answer to the last read.
    fn seen(&self) -> Value {
        self.liar.seen.lock().unwrap().clone()
    }

    async fn new_note(&self, value: &str) -> NoteId {
        let fields = fields! { "a" => value, "b" => "2" };
        self.writer.write_note(self.reader.id(), fields).plain("k", "v").await.unwrap().id
    }

    async fn pinned(&self, id: NoteId) -> Result<Note, Error> {
        self.reader.read_note(id, ExpectedWriter::Client(self.writer.id())).await
    }

    async fn by_anyone(&self, id: NoteId) -> Result<Note, Error> {
        self.reader.read_note(id, ExpectedWriter::Anyone).await
    }

    /// A note for the reader under keys of the server's own.
    fn forged(&self) -> (Value, NoteWriter) {
        let (encryption, signing) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        let reader = self.reader.credentials();
        let (sealed, _) = NoteToSeal {
            fields: &[("a", "forged")],
            writer_encryption_key: &encryption,
            writer_signing_key: &signing,
            recipient_encryption_key: &reader.public_key(),
            recipient_signing_key: &reader.public_signing_key().unwrap(),
        }
        .seal()
        .unwrap();
        let writer =
            NoteWriter { encryption_key: encryption.public_key(), signing_key: signing.public_key() };
        (serde_json::to_value(sealed).unwrap(), writer)
    }
}

/// What the format covers, in place of what stands there.
fn put(answer: &mut Value, sealed: &Value) {
    for (name, value) in sealed.as_object().unwrap() {
        answer[name] = value.clone();
    }
}

fn why(result: Result<Note, Error>) -> UntrustedData {
    match result {
        Err(Error::Untrusted(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_forged_note_passes_only_where_no_writer_is_expected() {
    let scene = Scene::start().await;
    let id = scene.new_note("1").await;
    let (forged, forger) = scene.forged();
    scene.lie(move |answer| put(answer, &forged));
    assert_eq!(why(scene.pinned(id).await), UntrustedData::NoteByOtherWriter { note: id });
    // Not detected: a note carries its writer's keys. They are shown.
    let passed = scene.by_anyone(id).await.unwrap();
    assert_eq!((passed.field("a"), passed.writer()), (Some("forged"), forger));
}

#[tokio::test]
async fn the_keys_of_another_do_not_fit() {
    let scene = Scene::start().await;
    let id = scene.new_note("1").await;
    scene.pinned(id).await.unwrap();
    let honest = scene.seen();
    let (forged, _) = scene.forged();
    for (own_keys, by_anyone) in [
        // The writer's name on what another sealed.
        (&["writer_signing_key", "writer_encryption_key"][..], UntrustedData::NoteUnreadable { note: id }),
        (&["writer_encryption_key"], UntrustedData::NoteUnreadable { note: id }),
        (&["writer_signing_key"], UntrustedData::NoteSignatureFalse { note: id }),
    ] {
        let (mut told, honest) = (forged.clone(), honest.clone());
        for name in own_keys {
            told[name] = honest[name].clone();
        }
        let is_whole = own_keys.len() == 2;
        scene.lie(move |answer| put(answer, &told));
        let pinned = why(scene.pinned(id).await);
        let expected =
            if is_whole { by_anyone.clone() } else { UntrustedData::NoteByOtherWriter { note: id } };
        assert_eq!(pinned, expected, "{own_keys:?}");
        assert_eq!(why(scene.by_anyone(id).await), by_anyone, "{own_keys:?}");
    }
    // Another's name on what the writer sealed.
    let other = scene.forged().0;
    for name in ["writer_signing_key", "writer_encryption_key"] {
        let key = other[name].clone();
        scene.lie(move |answer| answer[name] = key.clone());
        assert_eq!(why(scene.pinned(id).await), UntrustedData::NoteByOtherWriter { note: id });
        assert!(matches!(scene.by_anyone(id).await, Err(Error::Untrusted(_))));
    }
}

#[tokio::test]
async fn fields_that_were_changed_do_not_pass_and_fields_that_were_left_out_do() {
    let scene = Scene::start().await;
    let (id, other) = (scene.new_note("1").await, scene.new_note("other").await);
    scene.pinned(other).await.unwrap();
    let other = scene.seen();
    let unreadable = UntrustedData::NoteUnreadable { note: id };
    let false_signature = UntrustedData::NoteSignatureFalse { note: id };
    let other_data = other["data"]["a"].clone();
    let other_signature = other["signature"].clone();
    let lies: [(Change, UntrustedData); 6] = [
        (
            Box::new(|answer| {
                let altered = format!("{}A", &answer["data"]["a"].as_str().unwrap()[1..]);
                answer["data"]["a"] = json!(altered);
            }),
            unreadable.clone(),
        ),
        (Box::new(move |answer| answer["data"]["a"] = other_data.clone()), unreadable),
        (
            Box::new(|answer| {
                let (a, b) = (answer["data"]["a"].clone(), answer["data"]["b"].clone());
                answer["data"] = json!({ "a": b, "b": a });
            }),
            false_signature.clone(),
        ),
        (Box::new(|answer| answer["data"]["c"] = answer["data"]["a"].clone()), false_signature.clone()),
        (Box::new(move |answer| answer["signature"] = other_signature.clone()), false_signature.clone()),
        (Box::new(|answer| answer["signature"] = json!("")), false_signature),
    ];
    for (at, (lie, expected)) in lies.into_iter().enumerate() {
        scene.lie(lie);
        assert_eq!(why(scene.pinned(id).await), expected, "lie {at}");
        assert!(matches!(scene.by_anyone(id).await, Err(Error::Untrusted(_))), "lie {at}");
    }
    // Not detected: each field is signed, but not which there are.
    scene.lie(|answer| drop(answer["data"].as_object_mut().unwrap().remove("a")));
    let passed = scene.pinned(id).await.unwrap();
    assert_eq!((passed.field("a"), passed.field("b")), (None, Some("2")));
}

#[tokio::test]
async fn another_note_passes_only_if_it_is_by_the_same_writer_for_the_same_reader() {
    let scene = Scene::start().await;
    let (id, other_id) = (scene.new_note("1").await, scene.new_note("other").await);
    scene.pinned(other_id).await.unwrap();
    let other = scene.seen();
    // Given out as what it is, it is not what was asked for.
    let as_it_is = other.clone();
    scene.lie(move |answer| *answer = as_it_is.clone());
    assert_eq!(why(scene.pinned(id).await), UntrustedData::WrongAnswer("note"));
    // For another reader: neither its keys nor its contents fit.
    let stranger = scene.world.client("other").await;
    let for_other = scene.writer.write_note(stranger.id(), fields! { "a" => "1" }).await.unwrap();
    let taken = stranger.read_note(for_other.id, ExpectedWriter::Client(scene.writer.id())).await;
    assert_eq!(taken.unwrap().field("a"), Some("1"));
    scene.lie(|answer| answer["recipient_signing_key"] = answer["writer_signing_key"].clone());
    assert_eq!(why(scene.pinned(id).await), UntrustedData::WrongAnswer("note"));
    // Not detected: no signature covers the id.
    scene.lie(move |answer| put(answer, &sealed_part(&other)));
    assert_eq!(scene.pinned(id).await.unwrap().field("a"), Some("other"));
}

/// What the format covers of an answer.
fn sealed_part(answer: &Value) -> Value {
    let mut sealed = json!({});
    for name in [
        "data",
        "mode",
        "recipient_signing_key",
        "writer_signing_key",
        "writer_encryption_key",
        "encrypted_access_key",
        "signature",
    ] {
        sealed[name] = answer[name].clone();
    }
    sealed
}

#[tokio::test]
async fn old_notes_metadata_and_views_are_the_servers_word() {
    let scene = Scene::start().await;
    let name = "n";
    let from = ExpectedWriter::Client(scene.writer.id());
    let replace = |value| scene.writer.replace_note(name, scene.reader.id(), fields! { "a" => value });
    replace("old").await.unwrap();
    scene.reader.read_note_by_name(name, from).await.unwrap();
    let old = scene.seen();
    replace("new").await.unwrap();
    assert_eq!(scene.reader.read_note_by_name(name, from).await.unwrap().field("a"), Some("new"));
    // Not detected: a note that was replaced is given out again.
    scene.lie(move |answer| *answer = old.clone());
    assert_eq!(scene.reader.read_note_by_name(name, from).await.unwrap().field("a"), Some("old"));
    // Not detected: everything beside the fields.
    let id = scene.new_note("1").await;
    scene.lie(|answer| {
        answer["plain"] = json!({ "k": "lie" });
        answer["views"] = json!(99);
        answer["client_id"] = Value::Null;
        answer["created_at"] = json!("2000-01-01T00:00:00.000000Z");
    });
    let passed = scene.pinned(id).await.unwrap();
    let meta = passed.meta();
    assert_eq!((meta.plain.value("k"), meta.views, meta.client_id), (Some("lie"), 99, None));
    // Not detected: views that are not counted.
    let once = scene.writer.write_note(scene.reader.id(), fields! { "a" => "once" }).max_views(1);
    let once = once.await.unwrap().id;
    scene.answer(|status, answer| (status, answer));
    scene.pinned(once).await.unwrap();
    assert!(matches!(scene.pinned(once).await, Err(Error::NotFound(_))));
    let kept = scene.seen();
    scene.answer(move |_, _| (200, kept.clone()));
    assert_eq!(scene.pinned(once).await.unwrap().field("a"), Some("once"));
}

#[tokio::test]
async fn files_of_notes_do_not_change_places() {
    let scene = Scene::start().await;
    let write = async |content: &'static [u8]| {
        scene.writer.write_note(scene.reader.id(), fields! {}).file(content).await.unwrap().id
    };
    let (id, other) = (write(b"one").await, write(b"two").await);
    scene.pinned(other).await.unwrap();
    let other = scene.seen();
    scene.lie(move |answer| answer["file_meta"] = other["file_meta"].clone());
    let note = scene.pinned(id).await.unwrap();
    let error = note.file().unwrap().read(&mut Vec::new(), |_| {}).await.unwrap_err();
    let expected = UntrustedData::NoteFileUnreadable { note: id };
    assert!(matches!(&error, Error::Untrusted(why) if *why == expected), "{error}");
    // Not detected: that there is a file.
    scene.lie(|answer| drop(answer.as_object_mut().unwrap().remove("file_meta")));
    assert!(scene.pinned(id).await.unwrap().file().is_none());
}

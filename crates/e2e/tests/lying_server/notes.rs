//! Notes of the interop format. `lying_notes.rs` has more lies about them.

use serde_json::{Value, json};
use tozstore::{Client, EncryptionPrivateKey, Error, ExpectedWriter, Note, NoteId, SigningKeyPair, fields};
use tozstore_crypto::NoteToSeal;
use tozstore_e2e::lying::{Answer, Cell, Outcome, Party, Stand, Tried, Verdict, judge};

use super::{all, interop};

const NOTES: &str = "/v2/storage/notes?";

async fn scene() -> (Stand, Party, Party, NoteId) {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let written = alice.client.write_note(bob.id(), fields! { "a" => "1", "b" => "2" }).plain("k", "v");
    let id = written.await.unwrap().id;
    bob.client.read_note(id, ExpectedWriter::Client(alice.id())).await.unwrap();
    (stand, alice, bob, id)
}

pub async fn forged_interop() -> Cell {
    let (stand, alice, bob, id) = scene().await;
    let (encryption, signing) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
    let (forged, _) = NoteToSeal {
        fields: &[("a", "forged")],
        writer_encryption_key: &encryption,
        writer_signing_key: &signing,
        recipient_encryption_key: &bob.encryption_key().public_key(),
        recipient_signing_key: &bob.signing_key().public_key(),
    }
    .seal()
    .unwrap();
    let forged = serde_json::to_value(forged).unwrap();
    let put = move |answer: &mut Value| {
        for (name, value) in forged.as_object().unwrap() {
            answer[name] = value.clone();
        }
    };
    let pinned = async |client: &Client| client.read_note(id, ExpectedWriter::Client(alice.id())).await;
    let by_anyone = async |client: &Client| client.read_note(id, ExpectedWriter::Anyone).await;
    let is_forged =
        |read: &Result<Note, Error>| read.as_ref().is_ok_and(|read| read.field("a") == Some("forged"));
    stand.liar.json("GET", NOTES, put.clone());
    let to_who_expects = interop(&stand.liar, &bob, pinned, is_forged).await;
    let to_others = interop(&stand.liar, &bob, by_anyone, is_forged).await;
    // The server says that those are the writer's keys, too.
    let (public, info) = (encryption.public_key().to_string(), format!("/v1/storage/clients/{}", alice.id()));
    let signing = signing.public_key().to_string();
    stand.liar.after(move |asked, answer| {
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if asked.is("GET", NOTES) {
            put(&mut body);
        } else if asked.is("GET", &info) {
            body["public_key"] = json!({ "curve25519": public });
            body["signing_key"] = json!({ "ed25519": signing });
        } else {
            return;
        }
        *answer = Answer::json(answer.status, &body);
    });
    let with_keys = interop(&stand.liar, &bob, pinned, is_forged).await;
    stand.liar.json("GET", NOTES, |answer| {
        answer["data"].as_object_mut().unwrap().remove("b");
        answer["plain"] = json!({ "k": "lie" });
    });
    let is_trimmed = |read: &Result<Note, Error>| {
        let plain = |read: &Note| read.meta().plain.value("k") == Some("lie");
        read.as_ref().is_ok_and(|read| read.field("b").is_none() && plain(read))
    };
    let trimmed = interop(&stand.liar, &bob, pinned, is_trimmed).await;
    Cell::default()
        .when("a writer expected", judge(to_who_expects, Verdict::NotDetectable))
        .when("with keys that are said to be that writer's", judge(with_keys, Verdict::NotDetectable))
        .when("no writer expected", judge(to_others, Verdict::NotDetectable))
        .when("trimmed, metadata", judge(trimmed, Verdict::NotDetectable))
}

pub async fn old_interop() -> Cell {
    let (stand, alice, bob, _) = scene().await;
    let from = ExpectedWriter::Client(alice.id());
    alice.client.replace_note("n", bob.id(), fields! { "a" => "old" }).await.unwrap();
    bob.interop_fresh(&stand.liar).read_note_by_name("n", from).await.unwrap();
    let old = stand.liar.kept_json("GET", NOTES);
    alice.client.replace_note("n", bob.id(), fields! { "a" => "new" }).await.unwrap();
    bob.client.read_note_by_name("n", from).await.unwrap();
    stand.liar.json("GET", NOTES, move |answer| *answer = old.clone());
    let read = async |client: &Client| client.read_note_by_name("n", from).await;
    let is_old = |read: &Result<Note, Error>| read.as_ref().is_ok_and(|read| read.field("a") == Some("old"));
    Cell::of(judge(interop(&stand.liar, &bob, read, is_old).await, Verdict::NotDetectable))
}

pub async fn views_interop() -> Cell {
    let (stand, alice, bob, _) = scene().await;
    let from = ExpectedWriter::Client(alice.id());
    let once = alice.client.write_note(bob.id(), fields! { "a" => "once" }).max_views(1).await.unwrap().id;
    bob.interop_fresh(&stand.liar).read_note(once, from).await.unwrap();
    let kept = stand.liar.kept_json("GET", NOTES);
    assert!(matches!(bob.client.read_note(once, from).await, Err(Error::NotFound(_))));
    stand.liar.before(move |asked| asked.is("GET", NOTES).then(|| Answer::json(200, &kept)));
    let read = async |client: &Client| client.read_note(once, from).await;
    let tried = all([interop(&stand.liar, &bob, read, Result::is_ok).await]);
    assert_eq!(tried, Tried { fresh: Outcome::Deceived, seen: Outcome::Deceived });
    Cell::of(judge(tried, Verdict::NotDetectable))
}

//! Fields and plain metadata of records: swapped, left out, added, changed.

use serde_json::{Value, json};
use tozstore::{Client, Error, Record, RecordId, SealedClient, ShareFrom, fields};
use tozstore_api::sealed::RecordView;
use tozstore_crypto::sealed::{FieldBody, FieldName, Plain, RecordFields};
use tozstore_e2e::lying::{Cell, Party, Stand, Verdict, judge};

use super::{TYPE, all, interop, read_checked, sealed};

/// A record of two versions, others of the same and another type, and who may read them.
struct SealedNotes {
    stand: Stand,
    alice: Party,
    bob: Party,
    note: RecordId,
    /// The versions before the last.
    first: RecordView,
    /// Other records.
    others: Vec<RecordView>,
}

async fn sealed_notes() -> SealedNotes {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let plain = || vec![("k".to_owned(), "v".to_owned())];
    let write = async |record_type: &str, text: &str| {
        let fields = fields! { "a" => text, "b" => "b" };
        alice.sealed.write_in(alice.id(), record_type, fields, plain()).await.unwrap()
    };
    let view = async |record_type: &str, id| {
        let rows = stand.rows(&alice, record_type).await;
        rows.records.into_iter().find(|view| view.record.version.object().place.record == id).unwrap()
    };
    let note = write(TYPE, "one").await;
    let first = view(TYPE, note.id()).await;
    alice.sealed.update(&note, fields! { "a" => "two", "b" => "b" }).await.unwrap();
    let (other, diary) = (write(TYPE, "other").await, write("diary", "diary").await);
    for record_type in [TYPE, "diary"] {
        alice.sealed.share(record_type, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    }
    bob.sealed.read(alice.id(), TYPE, note.id()).await.unwrap();
    let others = vec![view(TYPE, other.id()).await, view("diary", diary.id()).await];
    SealedNotes { stand, alice, bob, note: note.id(), first, others }
}

fn field(name: &str) -> FieldName {
    FieldName::from_bytes(name.as_bytes()).unwrap()
}

fn body(view: &RecordView, name: &str) -> FieldBody {
    view.record.fields.find(&field(name)).unwrap().clone()
}

/// Puts a field in the place of the one of that name; none takes it out.
fn put(view: &mut RecordView, name: &str, body: Option<FieldBody>) {
    let others = view.record.fields.iter().filter(|(known, _)| **known != field(name));
    let others = others.map(|(name, body)| (name.clone(), body.clone()));
    let fields = others.chain(body.map(|body| (field(name), body))).collect();
    view.record.fields = RecordFields::new(fields).unwrap();
}

type Lie = Box<dyn FnMut(&mut RecordView) + Send>;

async fn sealed_lies(notes: &SealedNotes, lies: Vec<Lie>) -> Cell {
    let mut tried = Vec::new();
    for lie in lies {
        notes.stand.liar.sealed("GET", "/v3/records/", lie);
        for victim in [&notes.alice, &notes.bob] {
            let read = async |client: &SealedClient| client.read(notes.alice.id(), TYPE, notes.note).await;
            tried.push(sealed(&notes.stand.liar, victim, read, Result::is_ok).await);
        }
    }
    Cell::of(judge(all(tried), Verdict::NotDetectable))
}

pub async fn swapped_sealed() -> Cell {
    let notes = sealed_notes().await;
    let mut lies: Vec<Lie> = vec![Box::new(|view| {
        let (a, b) = (body(view, "a"), body(view, "b"));
        put(view, "a", Some(b));
        put(view, "b", Some(a));
    })];
    for other in notes.others.iter().chain([&notes.first]).cloned() {
        let key = other.key.clone();
        lies.push(Box::new(move |view| put(view, "a", Some(body(&other, "a")))));
        lies.push(Box::new(move |view| view.key = key.clone()));
    }
    sealed_lies(&notes, lies).await
}

pub async fn dropped_sealed() -> Cell {
    let notes = sealed_notes().await;
    let lies: Vec<Lie> = vec![
        Box::new(|view| put(view, "a", None)),
        // As if it had not been asked for.
        Box::new(|view| view.record.fields = view.record.fields.project(|name| *name != field("a"))),
        Box::new(|view| put(view, "c", Some(body(view, "a")))),
        Box::new(|view| put(view, "c", Some(FieldBody::Sealed(vec![7; 100])))),
    ];
    sealed_lies(&notes, lies).await
}

pub async fn plain_sealed() -> Cell {
    let notes = sealed_notes().await;
    let changed = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let plain = Plain::new(pairs.collect()).unwrap();
        Box::new(move |view: &mut RecordView| view.record.plain = plain.clone()) as Lie
    };
    let lies = vec![changed(&[("k", "lie")]), changed(&[]), changed(&[("k", "v"), ("more", "x")])];
    sealed_lies(&notes, lies).await
}

/// How the same lies end for who just reads, and for who checks signatures.
async fn interop_lies(
    lies: Vec<fn(&mut Value, &Value)>,
    is_deceived: fn(&Record) -> bool,
    condition: &str,
) -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let write = |text: &str| alice.client.write(TYPE, fields! { "a" => text, "b" => "b" }).plain("k", "v");
    let (note, other) = (write("one").await.unwrap(), write("other").await.unwrap());
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(note.id()).await.unwrap();
    bob.interop_fresh(&stand.liar).read(other.id()).await.unwrap();
    let other = stand.liar.kept_json("GET", "/v1/storage/records/");
    let is_deceived = |read: &Result<Record, Error>| read.as_ref().is_ok_and(is_deceived);
    let (mut read, mut checked) = (Vec::new(), Vec::new());
    for lie in lies {
        let other = other.clone();
        stand.liar.json("GET", "/v1/storage/records/", move |answer| lie(answer, &other));
        for victim in [&alice, &bob] {
            let plainly = async |client: &Client| client.read(note.id()).await;
            let with_care = async |client: &Client| read_checked(client, note.id()).await;
            read.push(interop(&stand.liar, victim, plainly, is_deceived).await);
            checked.push(interop(&stand.liar, victim, with_care, is_deceived).await);
        }
    }
    Cell::of(judge(all(read), Verdict::NotDetectable))
        .when(condition, judge(all(checked), Verdict::NotDetectable))
}

const CHECKED: &str = "signed, and signatures demanded";

pub async fn swapped_interop() -> Cell {
    let lies: Vec<fn(&mut Value, &Value)> = vec![
        |answer, _| {
            let (a, b) = (answer["data"]["a"].clone(), answer["data"]["b"].clone());
            answer["data"] = json!({ "a": b, "b": a });
        },
        |answer, other| answer["data"]["a"] = other["data"]["a"].clone(),
    ];
    interop_lies(lies, |read| read.field("a") != Some("one"), CHECKED).await
}

pub async fn dropped_interop() -> Cell {
    let lies: Vec<fn(&mut Value, &Value)> =
        vec![|answer, _| drop(answer["data"].as_object_mut().unwrap().remove("a")), |answer, other| {
            answer["data"]["c"] = other["data"]["a"].clone()
        }];
    interop_lies(lies, |read| read.field("a").is_none() || read.field("c").is_some(), CHECKED).await
}

pub async fn plain_interop() -> Cell {
    let lies: Vec<fn(&mut Value, &Value)> =
        vec![|answer, _| answer["meta"]["plain"] = json!({ "k": "lie" }), |answer, _| {
            answer["meta"]["plain"] = json!({})
        }];
    interop_lies(lies, |read| read.plain().value("k") != Some("v"), CHECKED).await
}

//! The keys of a type, as its writer and its readers get them.

use serde_json::{Value, json};
use tozstore::{
    Client, ClientId, EncryptionPrivateKey, Error, Record, SealedClient, SealedRecord, ShareFrom, fields,
};
use tozstore_api::sealed::{EntryPage, SealedBody as _, WrapStep, WrapSteps};
use tozstore_crypto::sealed::{AccessKey, EntryPlace, Subject, Tree, Wrap};
use tozstore_crypto::{AccessKey as InteropKey, WrappedAccessKey};
use tozstore_e2e::lying::{Answer, Cell, Outcome, Party, Stand, Tried, Verdict, judge, outcome, reseal};

use super::{TYPE, all, interop, sealed};

fn log_of(writer: &Party) -> String {
    format!("/v3/logs/{}/{TYPE}", writer.id())
}

/// Where the interop format has the key of a type.
pub fn key_path(writer: &Party, reader: &Party, record_type: &str) -> String {
    let (writer, reader) = (writer.id(), reader.id());
    format!("/v1/storage/access_keys/{writer}/{writer}/{reader}/{record_type}")
}

async fn write_sealed(client: &SealedClient) -> Result<SealedRecord, Error> {
    client.write(TYPE, fields! { "a" => "secret" }).await
}

pub async fn own_key_sealed() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    write_sealed(&alice.sealed).await.unwrap();
    let rows = stand.rows(&alice, TYPE).await;
    let (key, place, own) = (AccessKey::generate(), alice.place(TYPE), alice.chain().fingerprint());
    let head = key.head(&place, 0, 0);
    let entry_place =
        EntryPlace { record_type: &place, position: 0, previous: None, author_bundle: own, heads: &[head] };
    let (public, to) = (alice.keys().wrap_public_key(), (Subject::Client(alice.id()), own));
    let wrap = Wrap::of_access_keys(&entry_place, &public, to, 0, &[&key], None).unwrap();
    let root = Tree::of([wrap.leaf(0).unwrap()]).root();
    let answer = move |steps: &mut WrapSteps| steps.0[0].wrap = wrap.clone();
    stand.liar.sealed("GET", format!("{}/wrap", log_of(&alice)), answer.clone());
    let key_alone = sealed(&stand.liar, &alice, write_sealed, Result::is_ok).await;
    // With an entry that would commit to it, signed by whom the server likes.
    let server = stand.party("server").await;
    let forged = reseal(rows.entries[0].entry.object(), &server.keys().signing_key(), |entry| {
        entry.epochs[0].head = head;
        entry.wrap_root = root;
    });
    let log = log_of(&alice);
    stand.liar.after(move |asked, answered| {
        if asked.is("GET", &log) && asked.target.ends_with("/wrap") {
            let mut steps = WrapSteps::from_bytes(&answered.body).unwrap();
            answer(&mut steps);
            *answered = Answer::sealed(200, &steps);
        } else if asked.is("GET", &log) {
            let mut page = EntryPage::from_bytes(&answered.body).unwrap();
            page.entries[0].entry = forged.clone();
            page.head.digest = forged.digest();
            *answered = Answer::sealed(200, &page);
        }
    });
    let with_entry = sealed(&stand.liar, &alice, write_sealed, Result::is_ok).await;
    Cell::of(judge(all([key_alone, with_entry]), Verdict::NotWithoutLog))
}

pub async fn own_key_interop() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let server = EncryptionPrivateKey::generate();
    let mut tried = Vec::new();
    for authorizer in [alice.id(), ClientId::random()] {
        let eak = InteropKey::generate().wrap(&alice.encryption_key().public_key(), &server).to_string();
        let public = server.public_key().to_string();
        stand.liar.json("GET", key_path(&alice, &alice, TYPE), move |answer| {
            answer["eak"] = json!(eak);
            answer["authorizer_id"] = json!(authorizer);
            answer["authorizer_public_key"] = json!({ "curve25519": public });
        });
        let write = async |client: &Client| client.write(TYPE, fields! { "a" => "secret" }).await;
        tried.push(interop(&stand.liar, &alice, write, Result::is_ok).await);
    }
    Cell::of(judge(all(tried), Verdict::NotDetectable)).note("by our client")
}

pub async fn denied_sealed() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let before = stand.fork().await;
    write_sealed(&alice.sealed).await.unwrap();
    stand.liar.go_to(&before.url);
    let mut tried = Tried { fresh: Outcome::Refused, seen: Outcome::Refused };
    // The memory first: after the newcomer there is a log again.
    tried.seen = outcome(write_sealed(&alice.seen(&stand.liar).await).await, Result::is_ok);
    tried.fresh = outcome(write_sealed(&alice.fresh(&stand.liar).await).await, Result::is_ok);
    Cell::of(judge(tried, Verdict::NotWithoutLog))
}

pub async fn denied_interop() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let before = stand.fork().await;
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    stand.liar.go_to(&before.url);
    let write = async |client: &Client| client.write(TYPE, fields! { "a" => "secret" }).await;
    let seen = outcome(write(&alice.interop_seen(&stand.liar)).await, Result::is_ok);
    let fresh = outcome(write(&alice.interop_fresh(&stand.liar)).await, Result::is_ok);
    Cell::of(judge(Tried { fresh, seen }, Verdict::NotDetectable))
}

pub async fn transposed_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    write_sealed(&alice.sealed).await.unwrap();
    alice.sealed.write("diary", fields! { "a" => "1" }).await.unwrap();
    let old = stand.rows(&alice, TYPE).await.wraps;
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    alice.sealed.rotate(alice.id(), TYPE).await.unwrap();
    let of = |steps: Vec<WrapStep>, party: &Party| {
        let mut steps = steps.into_iter();
        steps.rfind(|step| step.wrap.subject == Subject::Client(party.id())).unwrap()
    };
    let new = stand.rows(&alice, TYPE).await.wraps;
    let diary = of(stand.rows(&alice, "diary").await.wraps, &alice);
    let (bobs, own) = (of(new.clone(), &bob), of(new, &alice));
    let mut bobs_as_own = bobs.clone();
    bobs_as_own.wrap.subject = own.wrap.subject;
    bobs_as_own.wrap.subject_head = own.wrap.subject_head;
    // The wrap of another type in this entry's place.
    let mut diary_here = own.clone();
    diary_here.wrap = diary.wrap.clone();
    let mut tried = Vec::new();
    for told in [diary, diary_here, bobs, bobs_as_own, of(old, &alice)] {
        stand.liar.sealed("GET", format!("{}/wrap", log_of(&alice)), move |steps: &mut WrapSteps| {
            steps.0 = vec![told.clone()];
        });
        tried.push(sealed(&stand.liar, &alice, write_sealed, Result::is_ok).await);
    }
    Cell::of(judge(all(tried), Verdict::NotWithoutLog))
}

pub async fn transposed_interop() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let diary = alice.client.write("diary", fields! { "a" => "1" }).await.unwrap();
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.interop_fresh(&stand.liar).read(diary.id()).await.unwrap();
    let told = stand.liar.kept_json("GET", &key_path(&alice, &alice, "diary"));
    stand.liar.json("GET", key_path(&alice, &alice, TYPE), move |answer| *answer = told.clone());
    let write = async |client: &Client| client.write(TYPE, fields! { "a" => "secret" }).await;
    let tried = interop(&stand.liar, &alice, write, Result::is_ok).await;
    // What the newcomer wrote is not under the key of its type.
    let written = stand.liar.kept_json("POST", "/v1/storage/records");
    let id = written["meta"]["record_id"].as_str().unwrap().parse().unwrap();
    assert!(alice.client.read(id).await.is_err());
    Cell::of(judge(tried, Verdict::NotDetectable)).note("between two types")
}

pub async fn handed_back_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    // Each reads the other's type.
    for (writer, reader) in [(&alice, &bob), (&bob, &alice)] {
        write_sealed(&writer.sealed).await.unwrap();
        writer.sealed.share(TYPE, &reader.id().into(), ShareFrom::Beginning).await.unwrap();
        reader.sealed.list(writer.id(), TYPE, 0).await.unwrap();
    }
    let made = stand.rows(&alice, TYPE).await.wraps;
    let made = made.into_iter().find(|step| step.wrap.subject == Subject::Client(bob.id())).unwrap();
    let mut named = made.clone();
    named.wrap.subject = Subject::Client(alice.id());
    named.wrap.subject_head = alice.chain().fingerprint();
    let mut tried = Vec::new();
    for told in [made, named] {
        stand.liar.sealed("GET", format!("{}/wrap", log_of(&bob)), move |steps: &mut WrapSteps| {
            steps.0[0].wrap = told.wrap.clone();
        });
        let read = async |client: &SealedClient| client.list(bob.id(), TYPE, 0).await;
        tried.push(sealed(&stand.liar, &alice, read, Result::is_ok).await);
    }
    Cell::of(judge(all(tried), Verdict::NotWithoutLog))
}

pub async fn handed_back_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, carol) =
        (stand.party("alice").await, stand.party("bob").await, stand.party("carol").await);
    alice.client.write("diary", fields! { "a" => "1" }).await.unwrap();
    alice.client.share("diary", bob.id()).await.unwrap();
    bob.client.add_authorizer(TYPE, alice.id()).await.unwrap();
    // The key to the diary, as alice wrapped it for bob.
    let reads = bob.interop_fresh(&stand.liar);
    reads.read(alice.client.write("diary", fields! { "a" => "2" }).await.unwrap().id()).await.unwrap();
    let made = stand.liar.kept_json("GET", &key_path(&alice, &bob, "diary"))["eak"].clone();
    let told = made.clone();
    stand.liar.json("GET", key_path(&bob, &alice, TYPE), move |answer| answer["eak"] = told.clone());
    let share = async |client: &Client| client.share_on_behalf_of(bob.id(), TYPE, carol.id()).await;
    let tried = interop(&stand.liar, &alice, share, Result::is_ok).await;
    // The authorizer gave the key of its own diary away.
    let open = |eak: &Value, own: &Party| {
        let eak: WrappedAccessKey = eak.as_str().unwrap().parse().unwrap();
        eak.open(&alice.encryption_key().public_key(), &own.encryption_key()).unwrap().fingerprint()
    };
    let (put, _) = stand.liar.kept("PUT", &key_path(&bob, &carol, TYPE));
    let put: Value = serde_json::from_slice(&put.body).unwrap();
    assert!(open(&put["eak"], &carol) == open(&made, &bob));
    Cell::of(judge(tried, Verdict::NotDetectable))
}

/// Another key for one reader than for the others, by an authorizer.
pub async fn differing_key_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, mallory) =
        (stand.party("alice").await, stand.party("bob").await, stand.party("mallory").await);
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(note.id()).await.unwrap();
    let key = InteropKey::generate();
    let eak = key.wrap(&bob.encryption_key().public_key(), &mallory.encryption_key()).to_string();
    let sealed_value = tozstore_crypto::seal_field(&key, "forged");
    let (authorizer, public) = (mallory.id(), mallory.encryption_key().public_key().to_string());
    let path = key_path(&alice, &bob, TYPE);
    stand.liar.after(move |asked, answer| {
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if asked.is("GET", &path) {
            body = json!({
                "eak": eak, "authorizer_id": authorizer, "authorizer_public_key": { "curve25519": public },
                "signer_id": body["signer_id"], "signer_signing_key": body["signer_signing_key"],
            });
        } else if asked.is("GET", "/v1/storage/records/") {
            body["data"] = json!({ "a": sealed_value });
        } else {
            return;
        }
        *answer = Answer::json(200, &body);
    });
    let read = async |client: &Client| client.read(note.id()).await;
    let is_deceived =
        |read: &Result<Record, _>| read.as_ref().is_ok_and(|read| read.field("a") == Some("forged"));
    Cell::of(judge(interop(&stand.liar, &bob, read, is_deceived).await, Verdict::NotDetectable))
}

//! Readers: whose keys are shared with, who is let in, who is kept.

use serde_json::{Value, json};
use tozstore::{
    Client, Contact, EncryptionPrivateKey, Error, Known, KnownKeys, Rights, SealedClient, ShareFrom, Shared,
    SigningKeyPair, fields,
};
use tozstore_api::sealed::{Append, BundleHeads, BundlePage, Head, Marks, SealedBody as _};
use tozstore_crypto::sealed::{BundleLink, Change, Grant, Subject};
use tozstore_crypto::{AccessKey, WrappedAccessKey};
use tozstore_e2e::lying::{
    Answer, Cell, Insider, Liar, Outcome, Party, Stand, Tried, Verdict, extend_log, judge, next_entry,
    outcome,
};

use super::keys::key_path;
use super::{TYPE, interop, sealed};

/// Gives other keys as those of a client, and takes entries that name them.
pub fn give_bundles(liar: &Liar, of: &Party, links: Vec<BundleLink>) {
    let (client, chain) = (of.id(), format!("/v3/clients/{}/bundles", of.id()));
    liar.before(|asked| {
        // An honest server would find out that those are not the newest keys.
        let is_entry = asked.is("POST", "/v3/logs/");
        is_entry.then(|| {
            let entry = Append::from_bytes(&asked.body).unwrap().entry;
            let (position, digest) = (entry.object().position, entry.digest());
            Answer::sealed(201, &Head { position, digest, marks: Marks::default() })
        })
    });
    liar.after(move |asked, answer| {
        if asked.is("GET", &chain) {
            let deleted = false;
            *answer = Answer::sealed(200, &BundlePage { deleted, links: links.clone() });
        } else if asked.is("POST", "/v3/bundles") {
            let mut heads = BundleHeads::from_bytes(&answer.body).unwrap();
            for head in heads.0.iter_mut().filter(|head| head.client == client) {
                head.link = links.last().cloned();
            }
            *answer = Answer::sealed(200, &heads);
        }
    });
}

async fn sealed_readers() -> (Stand, Party, Party, BundleLink) {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let forged = BundleLink::first(&SigningKeyPair::generate(), bob.place(TYPE).store, bob.id()).unwrap();
    (stand, alice, bob, forged)
}

pub async fn first_contact_sealed() -> Cell {
    let (stand, alice, bob, forged) = sealed_readers().await;
    let shown = forged.bundle().digest();
    give_bundles(&stand.liar, &bob, vec![forged]);
    let share = async |client: &SealedClient, contact: Contact| {
        client.share(TYPE, &contact, ShareFrom::Beginning).await
    };
    let is_deceived = |shared: &Result<Shared, Error>| {
        shared.as_ref().is_ok_and(|shared| (shared.fingerprint, shared.known) == (shown, Known::FirstContact))
    };
    let fingerprint = Contact { client: bob.id(), fingerprint: Some(bob.sealed.fingerprint()) };
    let card: Contact = bob.sealed.contact_card("Bob").unwrap().to_string().parse().unwrap();
    let named = async |client: &SealedClient| share(client, fingerprint).await;
    let by_card = async |client: &SealedClient| share(client, card).await;
    let by_id = async |client: &SealedClient| share(client, bob.id().into()).await;
    let named = super::all([
        sealed(&stand.liar, &alice, named, is_deceived).await,
        sealed(&stand.liar, &alice, by_card, is_deceived).await,
    ]);
    let by_id = sealed(&stand.liar, &alice, by_id, is_deceived).await;
    Cell::default()
        .when("with fingerprint or card", judge(named, Verdict::NotWithoutLog))
        .when("else first contact, said so", judge(by_id, Verdict::NotWithoutLog))
}

/// Gives another public key as that of a client.
fn give_public_key(liar: &Liar, of: &Party, key: &EncryptionPrivateKey) {
    let public = key.public_key().to_string();
    liar.json("GET", format!("/v1/storage/clients/{}", of.id()), move |answer| {
        answer["public_key"] = json!({ "curve25519": public });
    });
}

pub async fn first_contact_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let server = EncryptionPrivateKey::generate();
    give_public_key(&stand.liar, &bob, &server);
    let share = async |client: &Client| client.share(TYPE, bob.id()).await;
    let mut pins = KnownKeys::new();
    pins.pin(bob.id(), bob.encryption_key().public_key());
    let pinned = outcome(share(&alice.interop_with(&stand.liar, pins)).await, Result::is_ok);
    let first = interop(&stand.liar, &alice, share, Result::is_ok).await;
    // The server opens the key of the type.
    let (put, _) = stand.liar.kept("PUT", &key_path(&alice, &bob, TYPE));
    let put: Value = serde_json::from_slice(&put.body).unwrap();
    let eak: WrappedAccessKey = put["eak"].as_str().unwrap().parse().unwrap();
    assert!(eak.open(&alice.encryption_key().public_key(), &server).is_ok());
    let pinned = Tried { fresh: pinned, seen: pinned };
    Cell::default()
        .when("pinned by hand", judge(pinned, Verdict::NotWithoutLog))
        .when("else", judge(first, Verdict::NotWithoutLog))
}

pub async fn later_sealed() -> Cell {
    let (stand, alice, bob, forged) = sealed_readers().await;
    let contact = Contact { client: bob.id(), fingerprint: Some(bob.sealed.fingerprint()) };
    alice.sealed.verify_client(&contact).await.unwrap();
    give_bundles(&stand.liar, &bob, vec![forged]);
    let share =
        async |client: &SealedClient| client.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await;
    Cell::of(judge(sealed(&stand.liar, &alice, share, Result::is_ok).await, Verdict::NotWithoutLog))
}

pub async fn later_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.info(bob.id()).await.unwrap();
    give_public_key(&stand.liar, &bob, &EncryptionPrivateKey::generate());
    let share = async |client: &Client| client.share(TYPE, bob.id()).await;
    Cell::of(judge(interop(&stand.liar, &alice, share, Result::is_ok).await, Verdict::NotDetectable))
}

pub async fn added_sealed() -> Cell {
    let (stand, alice, bob, _) = sealed_readers().await;
    let eve = stand.party("eve").await;
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let insider = Insider::new(stand.rows(&alice, TYPE).await, alice.place(TYPE), &bob, &[&alice]);
    let grant = |rights| {
        let known = Known::Compared;
        Change::Grant(
            Subject::Client(eve.id()),
            Grant { head: eve.chain().fingerprint(), rights, from_segment: 0, known },
        )
    };
    let reading = || (Vec::new(), vec![grant(Rights::READ)]);
    let editing = || (vec![grant(Rights::EDIT)], Vec::new());
    let (bobs, eves) = (bob.keys().signing_key(), eve.keys().signing_key());
    let mut tried = Vec::new();
    for view in [
        // In the writer's name, by keys that are not the writer's; and by those who hold no right to share.
        next_entry(&insider.log, &alice, &eves, reading(), &[]),
        next_entry(&insider.log, &alice, &bobs, editing(), &[]),
        next_entry(&insider.log, &eve, &eves, reading(), &[]),
        next_entry(&insider.log, &bob, &bobs, reading(), &[]),
        next_entry(&insider.log, &bob, &bobs, editing(), &[]),
    ] {
        extend_log(&stand.liar, view, Vec::new(), Vec::new());
        for victim in [&alice, &bob] {
            let read = async |client: &SealedClient| client.list(alice.id(), TYPE, 0).await;
            tried.push(sealed(&stand.liar, victim, read, Result::is_ok).await);
        }
    }
    Cell::of(judge(super::all(tried), Verdict::NotWithoutLog))
}

pub async fn added_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, eve) = (stand.party("alice").await, stand.party("bob").await, stand.party("eve").await);
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    assert!(eve.client.read(note.id()).await.is_err());
    bob.interop_fresh(&stand.liar).read(note.id()).await.unwrap();
    // The server gives to one what belongs to another reader, who wraps the key.
    let record = stand.liar.kept_json("GET", "/v1/storage/records/");
    let mut key = stand.liar.kept_json("GET", &key_path(&alice, &bob, TYPE));
    let eak: WrappedAccessKey = key["eak"].as_str().unwrap().parse().unwrap();
    let opened: AccessKey = eak.open(&alice.encryption_key().public_key(), &bob.encryption_key()).unwrap();
    key["eak"] = json!(opened.wrap(&eve.encryption_key().public_key(), &bob.encryption_key()).to_string());
    key["authorizer_id"] = json!(bob.id());
    key["authorizer_public_key"] = json!({ "curve25519": bob.encryption_key().public_key().to_string() });
    let path = key_path(&alice, &eve, TYPE);
    stand.liar.before(move |asked| {
        let told = if asked.is("GET", &path) {
            &key
        } else if asked.is("GET", "/v1/storage/records/") {
            &record
        } else {
            return None;
        };
        Some(Answer::json(200, told))
    });
    assert_eq!(eve.interop_fresh(&stand.liar).read(note.id()).await.unwrap().field("a"), Some("1"));
    let look = async |client: &Client| client.outgoing().await;
    let sees_bob_alone = |shares: &Result<Vec<tozstore::OutgoingShare>, Error>| {
        shares.as_ref().is_ok_and(|shares| shares.iter().all(|share| share.reader_id == bob.id()))
    };
    let tried = interop(&stand.liar, &alice, look, sees_bob_alone).await;
    Cell::of(judge(tried, Verdict::NotDetectable)).note("policies are the server's")
}

pub async fn kept_sealed() -> Cell {
    let (stand, alice, bob, _) = sealed_readers().await;
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    let before = alice.sealed.write(TYPE, fields! { "a" => "before" }).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    alice.sealed.revoke(TYPE, bob.id()).await.unwrap();
    let after = alice.sealed.write(TYPE, fields! { "a" => "after" }).await.unwrap();
    // The server goes on giving it everything that there is.
    let rows = stand.rows(&alice, TYPE).await;
    let opened = bob.sealed.open_leaked(alice.id(), TYPE, &rows).await.unwrap();
    let is_opened = |id| opened.iter().any(|record| record.id == id && record.fields.is_some());
    assert!(is_opened(before.id()));
    let after = if is_opened(after.id()) { Verdict::NotDetectable } else { Verdict::NoEffect };
    Cell::of(after).note("on what is written after (A)")
}

pub async fn kept_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let before = alice.client.write(TYPE, fields! { "a" => "before" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(before.id()).await.unwrap();
    alice.client.revoke(TYPE, bob.id()).await.unwrap();
    let after = alice.client.write(TYPE, fields! { "a" => "after" }).await.unwrap();
    alice.interop_fresh(&stand.liar).read(after.id()).await.unwrap();
    let data = stand.liar.kept_json("GET", "/v1/storage/records/")["data"].to_string();
    let opened = bob.client.open_leaked(alice.id(), TYPE, after.id(), &data).await.unwrap();
    assert_eq!(opened.value("a"), Some("after"));
    // The writer sees no reader any more.
    let look = async |client: &Client| client.outgoing().await;
    let is_empty = |shares: &Result<Vec<tozstore::OutgoingShare>, Error>| {
        shares.as_ref().is_ok_and(|shares| shares.is_empty())
    };
    let tried = interop(&stand.liar, &alice, look, is_empty).await;
    assert_eq!(tried, Tried { fresh: Outcome::Deceived, seen: Outcome::Deceived });
    Cell::of(judge(tried, Verdict::NotDetectable)).note("reads on")
}

//! Whole records: exchanged, old, denied, forged.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tozstore::{
    Client, CompleteOptions, Error, Record, Rights, SealedClient, SealedRecord, ShareFrom, fields,
};
use tozstore_api::sealed::RecordView;
use tozstore_crypto::sealed::{EpochId, RecordDraft, RecordPlace};
use tozstore_crypto::{AccessKey, EncryptionPrivateKey, WrappedAccessKey, seal_field};
use tozstore_e2e::lying::{Answer, Cell, Insider, Party, Stand, Tried, Verdict, judge};

use super::keys::key_path;
use super::{TYPE, all, interop, read_checked, sealed};

/// A writer, a reader, and a record that both have read.
struct Scene {
    stand: Stand,
    alice: Party,
    bob: Party,
    note: SealedRecord,
}

async fn scene() -> Scene {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "one" }).await.unwrap();
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.sealed.read(alice.id(), TYPE, note.id()).await.unwrap();
    Scene { stand, alice, bob, note }
}

impl Scene {
    async fn view(&self) -> RecordView {
        self.insider(&self.bob, &[]).await.record(self.note.id())
    }

    async fn insider(&self, client: &Party, others: &[&Party]) -> Insider {
        let authors: Vec<_> = [&self.alice].into_iter().chain(others.iter().copied()).collect();
        let rows = self.stand.rows(&self.alice, TYPE).await;
        Insider::new(rows, self.alice.place(TYPE), client, &authors)
    }

    /// Everybody reads the record.
    async fn read(&self, is_deceived: impl Fn(&Result<SealedRecord, Error>) -> bool) -> Tried {
        let read = async |client: &SealedClient| client.read(self.alice.id(), TYPE, self.note.id()).await;
        all([
            sealed(&self.stand.liar, &self.alice, read, &is_deceived).await,
            sealed(&self.stand.liar, &self.bob, read, &is_deceived).await,
        ])
    }

    /// The same, if the server answers with this.
    async fn read_as(&self, view: RecordView) -> Tried {
        self.stand.liar.sealed("GET", "/v3/records/", move |told: &mut RecordView| *told = view.clone());
        self.read(Result::is_ok).await
    }
}

pub async fn exchanged_sealed() -> Cell {
    let scene = scene().await;
    let other = scene.alice.sealed.write(TYPE, fields! { "a" => "other" }).await.unwrap();
    let other = scene.insider(&scene.bob, &[]).await.record(other.id());
    Cell::of(judge(scene.read_as(other).await, Verdict::NotDetectable))
}

pub async fn replayed_sealed() -> Cell {
    let scene = scene().await;
    let old = scene.view().await;
    scene.alice.sealed.update(&scene.note, fields! { "a" => "two" }).await.unwrap();
    scene.bob.sealed.read(scene.alice.id(), TYPE, scene.note.id()).await.unwrap();
    Cell::of(judge(scene.read_as(old).await, Verdict::NotWithoutLog))
}

pub async fn said_deleted_sealed() -> Cell {
    let scene = scene().await;
    scene.stand.liar.hide("GET", "/v3/records/");
    let denied = scene.read(|read| matches!(read, Err(Error::NotFound(_)))).await;
    scene.stand.liar.be_honest();
    // A tombstone by who is not the writer; and by nobody at all.
    let insider = scene.insider(&scene.bob, &[]).await;
    let view = insider.record(scene.note.id());
    let version = view.record.version.object();
    let place = RecordPlace { version: 2, ..version.place.clone() };
    let draft = RecordDraft {
        place,
        previous: Some(view.record.version.digest()),
        author: scene.alice.id(),
        author_bundle: version.author_bundle,
        basis: insider.head(),
        written_ms: version.written_ms,
    };
    let tombstone = draft.delete(&scene.bob.keys().signing_key()).unwrap();
    let of_bobs = RecordDraft { author: scene.bob.id(), ..draft };
    assert!(of_bobs.delete(&scene.bob.keys().signing_key()).is_err());
    let shown = scene.read_as(RecordView { record: tombstone, ..view }).await;
    Cell::default()
        .when("said not to be there", judge(denied, Verdict::NotWithoutLog))
        .when("a deletion shown that the writer did not sign", judge(shown, Verdict::NotWithoutLog))
}

pub async fn undone_sealed() -> Cell {
    let scene = scene().await;
    let old = scene.view().await;
    scene.alice.sealed.delete(&scene.note).await.unwrap();
    let deleted = scene.bob.sealed.read(scene.alice.id(), TYPE, scene.note.id()).await.unwrap();
    assert!(deleted.is_deleted());
    Cell::of(judge(scene.read_as(old).await, Verdict::NotWithoutLog))
}

pub async fn forged_by_server_sealed() -> Cell {
    let scene = scene().await;
    let server = scene.stand.party("server").await;
    let insider = scene.insider(&scene.bob, &[]).await;
    let (view, at) = (insider.record(scene.note.id()), (insider.head(), insider.epoch()));
    // It has no key of the type.
    let keyless = Insider { ring: Default::default(), ..insider };
    let named = keyless.version(&view, &scene.alice, &server.keys().signing_key(), at);
    let own = keyless.version(&view, &server, &server.keys().signing_key(), at);
    let tried = all([scene.read_as(named).await, scene.read_as(own).await]);
    Cell::of(judge(tried, Verdict::NotWithoutLog))
}

pub async fn forged_by_reader_sealed() -> Cell {
    let scene = scene().await;
    let insider = scene.insider(&scene.bob, &[]).await;
    let (view, at) = (insider.record(scene.note.id()), (insider.head(), insider.epoch()));
    let key = scene.bob.keys().signing_key();
    let named = insider.version(&view, &scene.alice, &key, at);
    let own = insider.version(&view, &scene.bob, &key, at);
    let tried = all([scene.read_as(named).await, scene.read_as(own).await]);
    Cell::of(judge(tried, Verdict::NotWithoutLog))
}

pub async fn backdated_sealed() -> Cell {
    let scene = scene().await;
    let eve = scene.stand.party("eve").await;
    let contact = eve.id().into();
    let (alice, writer) = (&scene.alice, scene.alice.id());
    alice.sealed.grant(writer, TYPE, &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    let then = scene.insider(&eve, &[]).await;
    let at = (then.head(), then.epoch());
    alice.sealed.revoke(TYPE, eve.id()).await.unwrap();
    let now = scene.insider(&scene.bob, &[]).await;
    let key = eve.keys().signing_key();
    // On the entry after its removal it is refused; before, with its old keys or with those of a reader, it is marked.
    let (late, first_epoch) = ((now.head(), now.epoch()), at);
    let refused = scene.read_as(now.version(&now.record(scene.note.id()), &eve, &key, late)).await;
    assert_eq!(judge(refused, Verdict::NotDetectable), Verdict::Detected);
    for (insider, at) in [(&then, first_epoch), (&now, (first_epoch.0, now.epoch()))] {
        let forged = insider.version(&now.record(scene.note.id()), &eve, &key, at);
        scene.stand.liar.sealed("GET", "/v3/records/", move |told: &mut RecordView| *told = forged.clone());
        for victim in [&scene.alice, &scene.bob] {
            for client in [victim.fresh(&scene.stand.liar).await, victim.seen(&scene.stand.liar).await] {
                let read = client.read(writer, TYPE, scene.note.id()).await.unwrap();
                assert!(read.field("a") == Some("forged") && read.is_author_revoked());
            }
        }
    }
    // Once the writer has counted, it has to be among what was.
    alice.sealed.complete(writer, TYPE, &CompleteOptions::default(), |_| ()).await.unwrap();
    assert!(alice.sealed.take_census(TYPE, &BTreeSet::new()).await.unwrap().entry.is_some());
    let mut tried = Vec::new();
    for (insider, at) in [(&then, first_epoch), (&now, (first_epoch.0, now.epoch()))] {
        tried.push(scene.read_as(insider.version(&now.record(scene.note.id()), &eve, &key, at)).await);
    }
    let counted = judge(all(tried), Verdict::NotDetectable);
    Cell::of(Verdict::Marked).note("`author_revoked`").when("from the next census on", counted)
}

pub async fn older_epoch_sealed() -> Cell {
    let scene = scene().await;
    let old = scene.insider(&scene.bob, &[]).await.epoch();
    scene.alice.sealed.rotate(scene.alice.id(), TYPE).await.unwrap();
    scene.alice.sealed.update(&scene.note, fields! { "a" => "two" }).await.unwrap();
    let insider = scene.insider(&scene.bob, &[]).await;
    let mut view = insider.record(scene.note.id());
    let data_key = insider.data_key(&view, &scene.alice);
    let place = view.record.version.object().place.clone();
    let wrap = |epoch: EpochId| insider.key(&epoch).wrapping_key(epoch).wrap(&place, &data_key);
    view.key = wrap(old);
    let tried = scene.read_as(view.clone()).await;
    // The way in which it was made is right: under its own epoch it is taken.
    view.key = wrap(insider.epoch());
    scene.stand.liar.sealed("GET", "/v3/records/", move |told: &mut RecordView| *told = view.clone());
    let bob = scene.bob.fresh(&scene.stand.liar).await;
    assert!(bob.read(scene.alice.id(), TYPE, scene.note.id()).await.is_ok());
    Cell::of(judge(tried, Verdict::NotDetectable)).not_built("under a floor", "detected")
}

/// The same scene in the interop format. The record as the server gives it, and the reader's key of the type.
struct InteropScene {
    stand: Stand,
    alice: Party,
    bob: Party,
    note: Record,
    told: Value,
    key: AccessKey,
}

async fn interop_scene() -> InteropScene {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let note = alice.client.write(TYPE, fields! { "a" => "one" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(note.id()).await.unwrap();
    bob.interop_fresh(&stand.liar).read(note.id()).await.unwrap();
    let told = stand.liar.kept_json("GET", "/v1/storage/records/");
    let eak = stand.liar.kept_json("GET", &key_path(&alice, &bob, TYPE))["eak"].clone();
    let eak: WrappedAccessKey = eak.as_str().unwrap().parse().unwrap();
    let key = eak.open(&alice.encryption_key().public_key(), &bob.encryption_key()).unwrap();
    InteropScene { stand, alice, bob, note, told, key }
}

impl InteropScene {
    /// Everybody reads the record, and checks its signature if `is_checked`.
    async fn read(&self, is_checked: bool, is_deceived: impl Fn(&Result<Record, Error>) -> bool) -> Tried {
        let read = async |client: &Client| match is_checked {
            true => read_checked(client, self.note.id()).await,
            false => client.read(self.note.id()).await,
        };
        all([
            interop(&self.stand.liar, &self.alice, read, &is_deceived).await,
            interop(&self.stand.liar, &self.bob, read, &is_deceived).await,
        ])
    }

    fn answer(&self, told: Value) {
        self.stand
            .liar
            .before(move |asked| asked.is("GET", "/v1/storage/records/").then(|| Answer::json(200, &told)));
    }

    fn forged(&self, key: &AccessKey) -> Value {
        let mut told = self.told.clone();
        told["data"] = json!({ "a": seal_field(key, "forged") });
        told
    }
}

fn says(read: &Result<Record, Error>, value: &str) -> bool {
    read.as_ref().is_ok_and(|read| read.field("a") == Some(value))
}

pub async fn exchanged_interop() -> Cell {
    let scene = interop_scene().await;
    let other = scene.alice.client.write(TYPE, fields! { "a" => "other" }).await.unwrap();
    scene.bob.interop_fresh(&scene.stand.liar).read(other.id()).await.unwrap();
    let mut told = scene.stand.liar.kept_json("GET", "/v1/storage/records/");
    told["meta"]["record_id"] = scene.told["meta"]["record_id"].clone();
    scene.answer(told);
    let plainly = scene.read(false, |read| says(read, "other")).await;
    let checked = scene.read(true, |read| says(read, "other")).await;
    Cell::of(judge(all([plainly, checked]), Verdict::NotDetectable)).note("also if signed")
}

pub async fn replayed_interop() -> Cell {
    let scene = interop_scene().await;
    let mut note = scene.alice.client.read(scene.note.id()).await.unwrap();
    note.set("a", "two");
    scene.alice.client.update(&mut note).await.unwrap();
    scene.bob.client.read(note.id()).await.unwrap();
    scene.answer(scene.told.clone());
    Cell::of(judge(scene.read(true, |read| says(read, "one")).await, Verdict::NotDetectable))
}

pub async fn said_deleted_interop() -> Cell {
    let scene = interop_scene().await;
    scene.stand.liar.hide("GET", "/v1/storage/records/");
    let tried = scene.read(false, |read| matches!(read, Err(Error::NotFound(_)))).await;
    Cell::of(judge(tried, Verdict::NotDetectable))
}

pub async fn undone_interop() -> Cell {
    let scene = interop_scene().await;
    scene.alice.client.delete_any(scene.note.id()).await.unwrap();
    assert!(scene.bob.client.read(scene.note.id()).await.is_err());
    scene.answer(scene.told.clone());
    Cell::of(judge(scene.read(true, |read| says(read, "one")).await, Verdict::NotDetectable))
}

pub async fn forged_by_server_interop() -> Cell {
    let scene = interop_scene().await;
    let made_up = AccessKey::generate();
    scene.answer(scene.forged(&made_up));
    let without_key = scene.read(false, |read| says(read, "forged")).await;
    // With a key of its own making, as if the writer had wrapped it.
    let server = EncryptionPrivateKey::generate();
    let mut key = scene.stand.liar.kept_json("GET", &key_path(&scene.alice, &scene.bob, TYPE));
    key["eak"] = json!(made_up.wrap(&scene.bob.encryption_key().public_key(), &server).to_string());
    key["authorizer_public_key"] = json!({ "curve25519": server.public_key().to_string() });
    let (told, path) = (scene.forged(&made_up), key_path(&scene.alice, &scene.bob, TYPE));
    scene.stand.liar.before(move |asked| {
        if asked.is("GET", &path) {
            return Some(Answer::json(200, &key));
        }
        asked.is("GET", "/v1/storage/records/").then(|| Answer::json(200, &told))
    });
    let read = async |client: &Client| client.read(scene.note.id()).await;
    let with_key = interop(&scene.stand.liar, &scene.bob, read, |read| says(read, "forged")).await;
    Cell::of(judge(without_key, Verdict::NotDetectable))
        .when("a reader is given a key of the server's", judge(with_key, Verdict::NotDetectable))
}

async fn forged_with_key(is_revoked: bool) -> Tried {
    let scene = interop_scene().await;
    if is_revoked {
        scene.alice.client.revoke(TYPE, scene.bob.id()).await.unwrap();
        let carol = scene.stand.party("carol").await;
        scene.alice.client.share(TYPE, carol.id()).await.unwrap();
        carol.client.read(scene.note.id()).await.unwrap();
        scene.answer(scene.forged(&scene.key));
        let read = async |client: &Client| client.read(scene.note.id()).await;
        return interop(&scene.stand.liar, &carol, read, |read| says(read, "forged")).await;
    }
    scene.answer(scene.forged(&scene.key));
    scene.read(false, |read| says(read, "forged")).await
}

pub async fn forged_by_reader_interop() -> Cell {
    Cell::of(judge(forged_with_key(false).await, Verdict::NotDetectable))
}

pub async fn backdated_interop() -> Cell {
    Cell::of(judge(forged_with_key(true).await, Verdict::NotDetectable))
}

/// Who may write is nothing that readers are shown: what a former editor writes is read on.
pub async fn editors_removal_interop() -> Cell {
    Cell::of(judge(forged_with_key(true).await, Verdict::NotDetectable))
}

//! Histories: kept from somebody, or two of them shown.

use std::sync::{Arc, Mutex};

use tozstore::{
    Client, Error, Rights, SealedClient, SealedGrant, SealedPage, SealedRecord, ShareFrom, fields,
};
use tozstore_api::sealed::{RecordView, SealedErrorCode};
use tozstore_e2e::lying::{
    Answer, Asked, Cell, Fork, Kept, Liar, Outcome, Party, Stand, Tried, Verdict, judge, outcome,
};

use super::{TYPE, all, interop, sealed};

/// What a process with this memory, and one without any, make of something.
async fn with_memory<T: std::fmt::Debug>(
    liar: &Liar,
    (party, memory): (&Party, &Kept),
    act: impl AsyncFn(&SealedClient) -> Result<T, Error>,
) -> Tried {
    // The memory first: the newcomer may change something.
    let seen = outcome(act(&party.sealed_at(liar, memory.copy()).await).await, Result::is_ok);
    let fresh = outcome(act(&party.fresh(liar).await).await, Result::is_ok);
    Tried { fresh, seen }
}

/// A type with a reader, an editor, a record; a copy of the data; and then what changed.
struct Changed {
    stand: Stand,
    alice: Party,
    bob: Party,
    editor: Party,
    note: SealedRecord,
    /// Where the liar goes: to the copy.
    _before: Fork,
    /// What they remembered before the change.
    old_memories: [Kept; 3],
    /// The record as it was written after it.
    later: RecordView,
}

/// Changes a type by a revocation of another reader, or by a rotation alone.
async fn changed(is_revoked: bool) -> Changed {
    let stand = Stand::start().await;
    let (alice, bob, editor, eve) = (
        stand.party("alice").await,
        stand.party("bob").await,
        stand.party("editor").await,
        stand.party("eve").await,
    );
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for (client, rights) in [(&bob, Rights::READ), (&eve, Rights::READ), (&editor, Rights::EDIT)] {
        let contact = client.id().into();
        alice.sealed.grant(alice.id(), TYPE, &contact, rights, ShareFrom::Beginning).await.unwrap();
        client.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    }
    let before = stand.fork().await;
    let old_memories = [alice.memory(), bob.memory(), editor.memory()];
    if is_revoked {
        alice.sealed.revoke(TYPE, eve.id()).await.unwrap();
    } else {
        alice.sealed.rotate(alice.id(), TYPE).await.unwrap();
    }
    alice.sealed.update(&note, fields! { "a" => "2" }).await.unwrap();
    for client in [&bob, &editor] {
        client.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    }
    let later = stand.rows(&alice, TYPE).await.records.remove(0);
    stand.liar.go_to(&before.url);
    Changed { stand, alice, bob, editor, note, _before: before, old_memories, later }
}

impl Changed {
    /// Somebody who is shown the old log, and a version that was written after it.
    async fn shown_later(&self, party: &Party, memory: &Kept) -> Tried {
        let later = self.later.clone();
        self.stand
            .liar
            .before(move |asked| asked.is("GET", "/v3/records/").then(|| Answer::sealed(200, &later)));
        let read = async |client: &SealedClient| client.read(self.alice.id(), TYPE, self.note.id()).await;
        let tried = with_memory(&self.stand.liar, (party, memory), read).await;
        self.stand.liar.be_honest();
        tried
    }
}

pub async fn removal_withheld_sealed() -> Cell {
    let changed = changed(true).await;
    let write = async |client: &SealedClient| client.write(TYPE, fields! { "a" => "secret" }).await;
    let (alice, memory) = (&changed.alice, changed.alice.memory());
    let later = changed.shown_later(alice, &changed.old_memories[0]).await;
    let writes = with_memory(&changed.stand.liar, (alice, &memory), write).await;
    Cell::of(judge(writes, Verdict::NotWithoutLog))
        .when("at the first version shown whose basis is after it", judge(later, Verdict::NotWithoutLog))
}

pub async fn removal_withheld_interop() -> Cell {
    interop_withheld().await
}

/// The writer's other devices are not told that somebody was removed: they see that reader in their lists, or do not
/// look, and the reader opens what they write.
async fn interop_withheld() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(note.id()).await.unwrap();
    let before = stand.fork().await;
    alice.client.revoke(TYPE, bob.id()).await.unwrap();
    alice.client.write(TYPE, fields! { "a" => "2" }).await.unwrap();
    stand.liar.go_to(&before.url);
    let write = async |client: &Client| {
        assert_eq!(client.outgoing().await.unwrap().len(), 1);
        let written = client.write(TYPE, fields! { "a" => "secret" }).await?;
        let told = bob.interop_fresh(&stand.liar).read(written.id()).await.unwrap();
        assert_eq!(told.field("a"), Some("secret"));
        Ok(written)
    };
    Cell::of(judge(interop(&stand.liar, &alice, write, Result::is_ok).await, Verdict::NotDetectable))
}

pub async fn rotation_withheld_sealed() -> Cell {
    let changed = changed(false).await;
    let writer = changed.alice.id();
    let write = async |client: &SealedClient| {
        client.write_in(writer, TYPE, fields! { "a" => "secret" }, Vec::new()).await
    };
    let editor = &changed.editor;
    let seen = with_memory(&changed.stand.liar, (editor, &editor.memory()), write).await;
    let apart = with_memory(&changed.stand.liar, (editor, &changed.old_memories[2]), write).await;
    Cell::of(judge(seen, Verdict::NotWithoutLog))
        .when("an author that is kept apart", judge(apart, Verdict::NotWithoutLog))
}

/// An author goes on under the key that it has: the removal of a reader makes no other.
pub async fn rotation_withheld_interop() -> Cell {
    interop_withheld().await
}

pub async fn old_epoch_sealed() -> Cell {
    let changed = changed(false).await;
    let read = async |client: &SealedClient| client.list(changed.alice.id(), TYPE, 0).await;
    let bob = &changed.bob;
    let seen = with_memory(&changed.stand.liar, (bob, &bob.memory()), read).await;
    let later = changed.shown_later(bob, &changed.old_memories[1]).await;
    Cell::of(judge(seen, Verdict::NotWithoutLog))
        .when("a version with a later basis shown", judge(later, Verdict::NotWithoutLog))
}

pub async fn fork_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, carol) =
        (stand.party("alice").await, stand.party("bob").await, stand.party("carol").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for reader in [&bob, &carol] {
        alice.sealed.share(TYPE, &reader.id().into(), ShareFrom::Beginning).await.unwrap();
        reader.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    }
    let fork = stand.fork().await;
    let at_fork = stand.other_liar().await;
    at_fork.go_to(&fork.url);
    // Two devices of the writer, each in a history of its own.
    let other = alice.seen(&at_fork).await;
    for (device, text) in [(&alice.sealed, "main"), (&other, "fork")] {
        device.rotate(alice.id(), TYPE).await.unwrap();
        device.update(&note, fields! { "a" => text }).await.unwrap();
    }
    let read = async |client: &SealedClient| client.read(alice.id(), TYPE, note.id()).await;
    let is_fork =
        |read: &Result<SealedRecord, Error>| read.as_ref().is_ok_and(|read| read.field("a") == Some("fork"));
    assert_eq!(read(&bob.sealed).await.unwrap().field("a"), Some("main"));
    let apart = sealed(&at_fork, &carol, read, is_fork).await;
    // What she remembers then is of the fork. A version crosses over, and an entry: the next one of the other log.
    let memory = Kept::copy(&carol.memory());
    read(&carol.sealed_at(&at_fork, memory.clone()).await).await.unwrap();
    let crossing = stand.rows(&alice, TYPE).await;
    let version = crossing.records[0].clone();
    at_fork.sealed("GET", "/v3/records/", move |told: &mut RecordView| *told = version.clone());
    let by_version = with_memory(&at_fork, (&carol, &memory), read).await;
    let entry = crossing.entries.last().unwrap().clone();
    at_fork.entries(alice.id(), TYPE, move |page| {
        (page.head.position, page.head.digest) = (entry.entry.object().position, entry.entry.digest());
        page.entries.push(entry.clone());
    });
    let by_entry = with_memory(&at_fork, (&carol, &memory), read).await;
    // And who remembers the one is told when it meets the other.
    let met = carol.sealed_at(&stand.liar, memory.copy()).await;
    assert_eq!(outcome(read(&met).await, |_| false), Outcome::Refused);
    Cell::default()
        .when(
            "at the next version or entry that crosses from one to the other",
            judge(all([by_version, by_entry]), Verdict::NotWithoutLog),
        )
        .when("until then", judge(apart, Verdict::NotWithoutLog))
}

pub async fn fork_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, carol) = (stand.party("alice").await, stand.party("carol").await);
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share(TYPE, carol.id()).await.unwrap();
    let fork = stand.fork().await;
    let at_fork = stand.other_liar().await;
    at_fork.go_to(&fork.url);
    for (device, text) in [(alice.client.clone(), "main"), (alice.interop_seen(&at_fork), "fork")] {
        let mut read = device.read(note.id()).await.unwrap();
        read.set("a", text);
        device.update(&mut read).await.unwrap();
    }
    // She has seen the one, and is shown the other.
    assert_eq!(carol.client.read(note.id()).await.unwrap().field("a"), Some("main"));
    let read = async |client: &Client| client.read(note.id()).await;
    let is_fork = |read: &Result<_, Error>| {
        read.as_ref().is_ok_and(|read: &tozstore::Record| read.field("a") == Some("fork"))
    };
    Cell::of(judge(interop(&at_fork, &carol, read, is_fork).await, Verdict::NotDetectable))
}

pub async fn went_on_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, carol, eve, mallory) = (
        stand.party("alice").await,
        stand.party("carol").await,
        stand.party("eve").await,
        stand.party("mallory").await,
    );
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for (client, rights) in [(&carol, Rights::READ), (&eve, Rights::SHARE)] {
        let contact = client.id().into();
        alice.sealed.grant(alice.id(), TYPE, &contact, rights, ShareFrom::Beginning).await.unwrap();
    }
    carol.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let old_memory = carol.memory();
    let fork = stand.fork().await;
    alice.sealed.revoke(TYPE, eve.id()).await.unwrap();
    alice.sealed.write(TYPE, fields! { "a" => "2" }).await.unwrap();
    carol.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    // The delegate goes on where it was still one.
    stand.liar.go_to(&fork.url);
    let delegate = eve.fresh(&stand.liar).await;
    let (contact, writer) = (mallory.id().into(), alice.id());
    delegate.grant(writer, TYPE, &contact, Rights::READ, ShareFrom::Beginning).await.unwrap();
    let grants = async |client: &SealedClient| client.grants(writer, TYPE).await;
    let has_mallory = |grants: &Result<Vec<SealedGrant>, Error>| {
        grants.as_ref().is_ok_and(|grants| grants.iter().any(|held| held.client == mallory.id()))
    };
    let list = async |client: &SealedClient| client.list(writer, TYPE, 0).await;
    let tried = all([
        sealed(&stand.liar, &alice, grants, has_mallory).await,
        sealed(&stand.liar, &carol, list, Result::<SealedPage, _>::is_ok).await,
    ]);
    let apart = with_memory(&stand.liar, (&carol, &old_memory), list).await;
    Cell::of(judge(tried, Verdict::NotWithoutLog))
        .when("somebody who is kept apart", judge(apart, Verdict::NotWithoutLog))
}

/// Keeps the first request that this is asked for, and refuses it.
fn refuse_once(
    liar: &Liar,
    method: &'static str,
    target: &'static str,
    refusal: Answer,
) -> Arc<Mutex<Option<Asked>>> {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    liar.before(move |asked| {
        let mut kept = keep.lock().unwrap();
        if kept.is_some() || !asked.is(method, target) {
            return None;
        }
        *kept = Some(asked.clone());
        Some(refusal.clone())
    });
    kept
}

async fn serve_loser(stand: &Stand, fork: &Fork, kept: &Mutex<Option<Asked>>) {
    let kept = kept.lock().unwrap().take().unwrap();
    let answer = stand.liar.send(&fork.url, &kept).await;
    assert!(answer.status < 300, "{answer:?}");
    stand.liar.be_honest();
    stand.liar.go_to(&fork.url);
}

pub async fn lost_race_sealed() -> Cell {
    let mut tried = Vec::new();
    for is_entry in [true, false] {
        let stand = Stand::start().await;
        let (alice, carol, dave) =
            (stand.party("alice").await, stand.party("carol").await, stand.party("dave").await);
        let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
        alice.sealed.share(TYPE, &carol.id().into(), ShareFrom::Beginning).await.unwrap();
        let fork = stand.fork().await;
        let device = alice.fresh(&stand.liar).await;
        let kept = if is_entry {
            // It loses, and wins with another entry for the same place.
            let refusal = Answer::refusal(409, SealedErrorCode::HeadMoved);
            let kept = refuse_once(&stand.liar, "POST", "/v3/logs/", refusal);
            device.share(TYPE, &dave.id().into(), ShareFrom::Beginning).await.unwrap();
            kept
        } else {
            let refusal = Answer::refusal(409, SealedErrorCode::VersionConflict);
            let kept = refuse_once(&stand.liar, "PUT", "/v3/records/", refusal);
            let lost = device.update(&note, fields! { "a" => "lost" }).await;
            assert!(matches!(lost, Err(Error::Conflict)));
            alice.sealed.update(&note, fields! { "a" => "won" }).await.unwrap();
            kept
        };
        carol.sealed.read(alice.id(), TYPE, note.id()).await.unwrap();
        serve_loser(&stand, &fork, &kept).await;
        let read = async |client: &SealedClient| client.read(alice.id(), TYPE, note.id()).await;
        let is_deceived = |read: &Result<SealedRecord, Error>| {
            let expected = if is_entry { "1" } else { "lost" };
            read.as_ref().is_ok_and(|read| read.field("a") == Some(expected))
        };
        tried.push(sealed(&stand.liar, &carol, read, is_deceived).await);
    }
    Cell::of(judge(all(tried), Verdict::NotWithoutLog))
}

pub async fn lost_race_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, carol) = (stand.party("alice").await, stand.party("carol").await);
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share(TYPE, carol.id()).await.unwrap();
    let fork = stand.fork().await;
    let update = async |client: &Client, text: &str| {
        let mut read = client.read(note.id()).await.unwrap();
        read.set("a", text);
        client.update(&mut read).await
    };
    let refusal = Answer::refusal(409, SealedErrorCode::VersionConflict);
    let kept = refuse_once(&stand.liar, "PUT", "/v1/storage/records/", refusal);
    assert!(matches!(update(&alice.interop_fresh(&stand.liar), "lost").await, Err(Error::Conflict)));
    update(&alice.client, "won").await.unwrap();
    carol.client.read(note.id()).await.unwrap();
    serve_loser(&stand, &fork, &kept).await;
    let read = async |client: &Client| client.read(note.id()).await;
    let is_lost = |read: &Result<tozstore::Record, Error>| {
        read.as_ref().is_ok_and(|read| read.field("a") == Some("lost"))
    };
    Cell::of(judge(interop(&stand.liar, &carol, read, is_lost).await, Verdict::NotDetectable))
}

//! Completion of rotations: the real SDK against the real `/v3`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeSet;

use tozstore::{
    CompleteOptions, Completion, Error, HeldReason, MemoryStateStore, Rights, SealedClient, ShareFrom, fields,
};
use tozstore_e2e::World;
use tozstore_server::store::DatabaseCopy;

async fn newcomer(world: &World, name: &str) -> SealedClient {
    world.client(name).await.sealed(MemoryStateStore::new()).await.unwrap()
}

async fn written(client: &SealedClient, writer: &SealedClient, text: &str) -> tozstore::SealedRecord {
    client.write_in(writer.id(), "note", fields! { "text" => text }, vec![]).await.unwrap()
}

async fn complete(client: &SealedClient, writer: &SealedClient) -> Completion {
    client.complete(writer.id(), "note", &CompleteOptions::default(), |_| ()).await.unwrap()
}

/// How many records of a copy of the server's database the client opens.
async fn opened(client: &SealedClient, writer: &SealedClient, world: &World) -> usize {
    let copy = world.copy_data();
    let database = DatabaseCopy::open(&copy.path().join("tozstore.db")).unwrap();
    let rows = database.sealed_type(writer.id(), "note".parse().unwrap()).await.unwrap();
    let records = client.open_leaked(writer.id(), "note", &rows).await.unwrap();
    records.iter().filter(|record| record.fields.is_some()).count()
}

#[tokio::test]
async fn what_was_written_before_comes_under_the_newest_keys_within_its_segment() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (newcomer(&world, "alice").await, newcomer(&world, "bob").await, newcomer(&world, "carol").await);
    let mut notes = Vec::new();
    for number in 0..3 {
        notes.push(written(&alice, &alice, &number.to_string()).await.id());
    }
    assert_eq!(complete(&alice, &alice).await, Completion::default());
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.list(alice.id(), "note", 0).await.unwrap();
    alice.share("note", &carol.id().into(), ShareFrom::Now).await.unwrap();
    notes.push(written(&alice, &alice, "3").await.id());
    bob.list(alice.id(), "note", 0).await.unwrap();
    alice.revoke("note", bob.id()).await.unwrap();
    notes.push(written(&alice, &alice, "4").await.id());
    // What it had, it has: until what it had is worth nothing.
    assert_eq!(opened(&bob, &alice, &world).await, 4);

    let mut told = Vec::new();
    let options = CompleteOptions { keys_per_s: Some(1000), ..CompleteOptions::default() };
    let done = alice.complete(alice.id(), "note", &options, |at| told.push(at)).await.unwrap();
    // Three of the first segment, and one of the second.
    assert_eq!((done.rewrapped, done.held), (4, vec![]));
    assert_eq!((told[0].rewrapped, told[0].left), (4, 0));
    assert_eq!(opened(&bob, &alice, &world).await, 0);
    assert_eq!(complete(&alice, &alice).await, Completion::default());
    for (number, note) in notes.iter().enumerate() {
        let read = alice.read(alice.id(), "note", *note).await.unwrap();
        assert_eq!((read.field("text"), read.version()), (Some(&*number.to_string()), 1));
    }
    // A reader from now on is shown nothing of the past by it.
    assert_eq!(carol.list(alice.id(), "note", 0).await.unwrap().records.len(), 2);
    assert!(matches!(carol.read(alice.id(), "note", notes[0]).await, Err(Error::NotFound(_))));
    assert_eq!(opened(&carol, &alice, &world).await, 2);
    // Once more, from a device that has nothing but the credentials; and a reader does not do it.
    assert!(carol.complete(alice.id(), "note", &CompleteOptions::default(), |_| ()).await.is_err());
    alice.rotate(alice.id(), "note").await.unwrap();
    assert_eq!(complete(&alice, &alice).await.rewrapped, 5);
}

#[tokio::test]
async fn several_pages_are_gone_over_by_a_delegate_while_others_write() {
    let world = World::start().await;
    let (alice, delegate) = (newcomer(&world, "alice").await, newcomer(&world, "delegate").await);
    for number in 0..1010 {
        written(&alice, &alice, &number.to_string()).await;
    }
    let rights = Rights::ROTATE;
    alice.grant(alice.id(), "note", &delegate.id().into(), rights, ShareFrom::Beginning).await.unwrap();
    alice.rotate(alice.id(), "note").await.unwrap();
    let mut told = Vec::new();
    let options = CompleteOptions::default();
    let (done, _) = tokio::join!(
        delegate.complete(alice.id(), "note", &options, |at| told.push(at)),
        written(&alice, &alice, "meanwhile")
    );
    assert_eq!(done.unwrap(), Completion { rewrapped: 1010, held: vec![] });
    let pages: Vec<_> = told.iter().map(|at| (at.rewrapped, at.left)).collect();
    assert_eq!(pages[..2], [(1000, 10), (1010, 0)]);
    // The writer goes over what another did: a wrap that does not open would be found out.
    assert_eq!(complete(&alice, &alice).await.rewrapped, 1010);
    assert_eq!(complete(&alice, &alice).await.rewrapped, 0);
}

#[tokio::test]
async fn what_a_former_editor_wrote_waits_for_somebody_to_vouch_for_it() {
    let world = World::start().await;
    let (alice, editor) = (newcomer(&world, "alice").await, newcomer(&world, "editor").await);
    written(&alice, &alice, "own").await;
    let contact = editor.id().into();
    alice.grant(alice.id(), "note", &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    let seen = written(&editor, &alice, "seen").await;
    let unseen = written(&editor, &alice, "unseen").await;
    // What was read while its author might write is known to be from then.
    alice.read(alice.id(), "note", seen.id()).await.unwrap();
    alice.revoke("note", editor.id()).await.unwrap();
    assert!(alice.read(alice.id(), "note", unseen.id()).await.unwrap().is_author_revoked());

    let done = complete(&alice, &alice).await;
    assert_eq!(done.rewrapped, 2);
    let held: Vec<_> = done.held.iter().map(|held| (held.record, held.author, held.reason)).collect();
    assert_eq!(held, [(unseen.id(), editor.id(), HeldReason::AuthorRevoked)]);
    let accept = BTreeSet::from([editor.id()]);
    let options = CompleteOptions { accept, ..CompleteOptions::default() };
    let done = alice.complete(alice.id(), "note", &options, |_| ()).await.unwrap();
    assert_eq!(done, Completion { rewrapped: 1, held: vec![] });
    assert_eq!(opened(&editor, &alice, &world).await, 0);
}

#[tokio::test]
async fn a_census_says_what_there_is_and_former_editors_add_nothing() {
    let world = World::start().await;
    let (alice, editor, bob, carol) = (
        newcomer(&world, "alice").await,
        newcomer(&world, "editor").await,
        newcomer(&world, "bob").await,
        newcomer(&world, "carol").await,
    );
    let none = BTreeSet::new();
    let own = written(&alice, &alice, "own").await;
    let gone = written(&alice, &alice, "gone").await;
    alice.delete(&gone).await.unwrap();
    let contact = editor.id().into();
    alice.grant(alice.id(), "note", &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    let edited = written(&editor, &alice, "edited").await;
    let late = written(&editor, &alice, "late").await;
    assert!(matches!(bob.verify_type(alice.id(), "note").await, Err(Error::NotFound(_))));
    alice.read(alice.id(), "note", edited.id()).await.unwrap();
    alice.revoke("note", editor.id()).await.unwrap();
    alice.share("note", &carol.id().into(), ShareFrom::Now).await.unwrap();

    // Nothing is counted that nobody vouches for, or that hangs on older keys.
    let done = complete(&alice, &alice).await;
    assert_eq!((done.rewrapped, done.held.len()), (2, 1));
    let taken = alice.take_census("note", &none).await.unwrap();
    assert_eq!((taken.entry, taken.held.len()), (None, 1));
    let accept = BTreeSet::from([editor.id()]);
    let options = CompleteOptions { accept: accept.clone(), ..CompleteOptions::default() };
    alice.complete(alice.id(), "note", &options, |_| ()).await.unwrap();
    let taken = alice.take_census("note", &accept).await.unwrap();
    assert_eq!((taken.count, taken.held), (4, vec![]));
    let entry = taken.entry.unwrap();

    // What was counted is taken from a former editor, with the leaf that the server sends.
    for reader in [&alice, &bob] {
        let read = reader.read(alice.id(), "note", late.id()).await.unwrap();
        assert_eq!((read.field("text"), read.is_author_revoked()), (Some("late"), false));
        assert_eq!(reader.list(alice.id(), "note", 0).await.unwrap().records.len(), 3);
        let compared = reader.verify_type(alice.id(), "note").await.unwrap();
        assert_eq!((compared.entry, compared.count, compared.compared), (entry, 4, 4));
    }
    // A reader from now on proves the tree without seeing what is not for it.
    let compared = carol.verify_type(alice.id(), "note").await.unwrap();
    assert_eq!((compared.count, compared.compared), (4, 0));
    // What is written later is later.
    alice.update(&own, fields! { "text" => "later" }).await.unwrap();
    written(&alice, &alice, "new").await;
    assert_eq!(bob.verify_type(alice.id(), "note").await.unwrap().compared, 4);
    let again = alice.take_census("note", &none).await.unwrap();
    assert_eq!((again.count, again.held), (5, vec![]));
    assert_eq!(bob.verify_type(alice.id(), "note").await.unwrap().entry, again.entry.unwrap());
    assert_eq!(carol.verify_type(alice.id(), "note").await.unwrap().compared, 2);
    // Older keys are gone, and nothing needed them.
    assert_eq!(alice.read(alice.id(), "note", own.id()).await.unwrap().field("text"), Some("later"));
    assert!(matches!(bob.take_census("note", &none).await, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_is_written_to_is_counted_too() {
    let world = World::start().await;
    let alice = newcomer(&world, "alice").await;
    let editor = newcomer(&world, "editor").await;
    written(&alice, &alice, "first").await;
    let contact = editor.id().into();
    alice.grant(alice.id(), "note", &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    let writes = async {
        for number in 0..20 {
            written(&editor, &alice, &number.to_string()).await;
        }
    };
    let none = BTreeSet::new();
    let (taken, ()) = tokio::join!(alice.take_census("note", &none), writes);
    assert!(taken.unwrap().entry.is_some());
    assert_eq!(alice.take_census("note", &none).await.unwrap().count, 21);
    alice.verify_type(alice.id(), "note").await.unwrap();
}

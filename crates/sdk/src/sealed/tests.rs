//! What the client decides, against a server that keeps the rules, and one that lies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tozstore_crypto::sealed::{Backwards, Known, Rights};
use tozstore_crypto::{ClientId, SigningKeyPair};

use super::state_store::ChangeState;
use super::test_server::{Lie, STORE, TestServer, TestWire};
use super::*;
use crate::fields;

struct Setup {
    server: Arc<Mutex<TestServer>>,
    /// The keys that clients are registered with.
    registered: Mutex<HashMap<u8, String>>,
}

/// State that a test keeps while clients come and go.
#[derive(Clone, Default)]
struct Kept(Arc<MemoryStateStore>);

impl StateStore for Kept {
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error> {
        self.0.update(change)
    }
}

impl Setup {
    fn new() -> Self {
        Self { server: Arc::default(), registered: Mutex::default() }
    }

    async fn client(&self, seed: u8) -> SealedClient {
        self.device(seed, Kept::default()).await.unwrap()
    }

    async fn device(&self, seed: u8, kept: Kept) -> Result<SealedClient, Error> {
        let client = ClientId::from_bytes([seed; 16]);
        let wire = Box::new(TestWire { server: Arc::clone(&self.server), client });
        let registered = {
            let mut registered = self.registered.lock().unwrap();
            let pair = || SigningKeyPair::generate().expose_text().to_string();
            SigningKeyPair::from_text(registered.entry(seed).or_insert_with(pair)).unwrap()
        };
        SealedClient::open(wire, &registered, STORE, client, Box::new(kept)).await
    }

    fn lie(&self, lie: impl Into<Option<Lie>>) {
        self.server.lock().unwrap().lie = lie.into();
    }
}

async fn written(client: &SealedClient, text: &str) -> SealedRecord {
    client.write("note", fields! { "text" => text, "zone" => "x" }).await.unwrap()
}

#[tokio::test]
async fn a_reader_reads_until_it_is_revoked_and_nobody_waits() {
    let setup = Setup::new();
    let (alice, bob, carol) = (setup.client(10).await, setup.client(11).await, setup.client(12).await);
    let note = written(&alice, "first").await;
    let shared = alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    assert_eq!((shared.known, shared.fingerprint), (Known::FirstContact, bob.fingerprint()));
    let carols = Contact { client: carol.id(), fingerprint: Some(carol.fingerprint()) };
    assert_eq!(alice.share("note", &carols, ShareFrom::Now).await.unwrap().known, Known::Compared);
    assert_eq!(bob.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("first"));
    // Carol reads from now on.
    assert!(carol.read(alice.id(), "note", note.id()).await.is_err());
    let later = written(&alice, "later").await;
    assert_eq!(carol.read(alice.id(), "note", later.id()).await.unwrap().field("text"), Some("later"));

    assert!(alice.revoke("note", bob.id()).await.unwrap().is_some());
    assert_eq!(alice.revoke("note", bob.id()).await.unwrap(), None);
    let after = alice.update(&note, fields! { "text" => "after" }).await.unwrap();
    assert_eq!(after.version(), 2);
    assert!(matches!(bob.read(alice.id(), "note", note.id()).await, Err(Error::NotFound(_))));
    assert_eq!(carol.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("after"));
    assert_eq!(alice.grants(alice.id(), "note").await.unwrap().len(), 1);
    assert_eq!(alice.list(alice.id(), "note", 0).await.unwrap().records.len(), 2);
    alice.delete(&after).await.unwrap();
    assert!(carol.read(alice.id(), "note", note.id()).await.unwrap().is_deleted());
}

#[tokio::test]
async fn a_write_that_meets_a_newer_epoch_is_wrapped_anew_and_sent_again() {
    let setup = Setup::new();
    let kept = Kept::default();
    let (one, two) = (setup.device(10, kept.clone()).await.unwrap(), setup.device(10, kept).await.unwrap());
    let bob = setup.client(11).await;
    written(&one, "first").await;
    written(&two, "also").await;
    one.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    one.revoke("note", bob.id()).await.unwrap();
    let record = written(&two, "under the old key").await;
    assert_eq!(setup.server.lock().unwrap().refused_epochs, 1);
    assert_eq!(
        one.read(one.id(), "note", record.id()).await.unwrap().field("text"),
        Some("under the old key")
    );
}

#[tokio::test]
async fn devices_that_race_lose_nothing() {
    let setup = Setup::new();
    let kept = Kept::default();
    let (one, two) = (setup.device(10, kept.clone()).await.unwrap(), setup.device(10, kept).await.unwrap());
    let readers = [setup.client(11).await, setup.client(12).await];
    let note = written(&one, "first").await;
    for reader in &readers {
        one.share("note", &reader.id().into(), ShareFrom::Beginning).await.unwrap();
    }
    let (first, second) =
        tokio::join!(one.revoke("note", readers[0].id()), two.revoke("note", readers[1].id()));
    assert!(first.unwrap().is_some() && second.unwrap().is_some());
    assert_eq!(one.grants(one.id(), "note").await.unwrap(), []);
    let conflicting = one.read(one.id(), "note", note.id()).await.unwrap();
    two.update(&note, fields! { "text" => "two" }).await.unwrap();
    assert!(matches!(one.update(&conflicting, fields! { "text" => "one" }).await, Err(Error::Conflict)));
}

#[tokio::test]
async fn an_entry_with_many_wraps_comes_in_pages_and_a_lost_race_begins_again_with_fresh_keys() {
    let setup = Setup::new();
    let (alice, bob) = (setup.client(10).await, setup.client(11).await);
    let note = written(&alice, "first").await;
    let mut contacts = vec![Contact::from(bob.id())];
    for number in 0..1100_u128 {
        let client = ClientId::from_bytes((1_000_000 + number).to_be_bytes());
        setup.server.lock().unwrap().add_client(client);
        contacts.push(client.into());
    }
    let shared = alice.share_all("note", &contacts, ShareFrom::Beginning).await.unwrap();
    let entries: std::collections::BTreeSet<_> =
        shared.iter().map(|shared| shared.entry.unwrap().position).collect();
    assert_eq!((shared.len(), entries.len()), (1101, 2));
    // In pieces: the key that was in use was written down nowhere before it was decided who gets it.
    assert!(setup.server.lock().unwrap().staged.is_empty());

    setup.server.lock().unwrap().lost_commits = 1;
    setup.server.lock().unwrap().lost_pages = 1;
    alice.revoke("note", contacts[1].client).await.unwrap();
    {
        let server = setup.server.lock().unwrap();
        let canaries: Vec<_> =
            server.staged.iter().map(|stage| stage.entry.object().epochs[0].head.canary).collect();
        assert_eq!((canaries.len(), server.has_no_stage(), server.lost_pages), (2, true, 0));
        assert_ne!(canaries[0], canaries[1]);
    }
    assert_eq!(alice.grants(alice.id(), "note").await.unwrap().len(), 1100);
    let after = alice.update(&note, fields! { "text" => "after" }).await.unwrap();
    assert_eq!(bob.read(alice.id(), "note", after.id()).await.unwrap().field("text"), Some("after"));
    alice.rotate(alice.id(), "note").await.unwrap();
    alice.share_all("note", &contacts[..2], ShareFrom::Now).await.unwrap();
    assert_eq!(setup.server.lock().unwrap().staged.len(), 4);
}

#[tokio::test]
async fn editors_write_and_delegates_revoke() {
    let setup = Setup::new();
    let (alice, editor, delegate, bob) =
        (setup.client(10).await, setup.client(11).await, setup.client(12).await, setup.client(13).await);
    written(&alice, "first").await;
    let grant = async |client: &SealedClient, rights| {
        alice.grant(alice.id(), "note", &client.id().into(), rights, ShareFrom::Beginning).await.unwrap();
    };
    grant(&bob, Rights::READ).await;
    // It has seen the log as a reader before it becomes more.
    grant(&delegate, Rights::READ).await;
    delegate.list(alice.id(), "note", 0).await.unwrap();
    grant(&editor, Rights::EDIT).await;
    grant(&delegate, Rights::REVOKE.with(Rights::SHARE)).await;
    let edited = editor.write_in(alice.id(), "note", fields! { "text" => "edited" }, vec![]).await.unwrap();
    let read = bob.read(alice.id(), "note", edited.id()).await.unwrap();
    assert_eq!((read.author(), read.writer()), (editor.id(), alice.id()));
    assert!(delegate.revoke_in(alice.id(), "note", bob.id()).await.unwrap().is_some());
    assert!(bob.read(alice.id(), "note", edited.id()).await.is_err());
    assert!(matches!(delegate.revoke_in(alice.id(), "note", editor.id()).await, Err(Error::Caller(_))));
    assert!(bob.write_in(alice.id(), "note", fields! {}, vec![]).await.is_err());
    // What a former editor wrote is marked until somebody counts.
    alice.revoke("note", editor.id()).await.unwrap();
    let marked = alice.read(alice.id(), "note", edited.id()).await.unwrap();
    assert!(marked.is_author_revoked() && !read.is_author_revoked());
}

#[tokio::test]
async fn names_may_be_hidden_and_readers_verified_alone() {
    let setup = Setup::new();
    let (alice, bob) = (setup.client(10).await, setup.client(11).await);
    alice.create_type("note", TypeOptions { hides_names: true, is_verified_only: true }).await.unwrap();
    assert!(alice.create_type("note", TypeOptions::default()).await.is_err());
    let note = written(&alice, "hidden").await;
    assert!(alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.is_err());
    let card = bob.contact_card("Bob").unwrap().to_string();
    alice.share("note", &card.parse().unwrap(), ShareFrom::Beginning).await.unwrap();
    assert_eq!(bob.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("hidden"));
    alice.revoke("note", bob.id()).await.unwrap();
    assert_eq!(alice.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("hidden"));
}

#[tokio::test]
async fn what_was_seen_is_not_taken_back() {
    let setup = Setup::new();
    let kept = Kept::default();
    let alice = setup.device(10, kept.clone()).await.unwrap();
    let note = written(&alice, "one").await;
    alice.update(&note, fields! { "text" => "two" }).await.unwrap();
    alice.rotate(alice.id(), "note").await.unwrap();
    let fails = async |lie| {
        setup.lie(lie);
        // A new process, with the state that the last one kept.
        let again = setup.device(10, kept.clone()).await.unwrap();
        let failed = again.read(again.id(), "note", note.id()).await.unwrap_err();
        setup.lie(None);
        failed
    };
    let is_rolled_back = |error: &Error| match error {
        Error::Untrusted(UntrustedData::SealedBackwards { source, .. }) => {
            matches!(**source, Backwards::RolledBack { .. })
        }
        _ => false,
    };
    for lie in [Lie::OldVersions, Lie::NoRecord, Lie::ShortLog(1)] {
        let error = fails(lie).await;
        assert!(is_rolled_back(&error), "{lie:?}: {error}");
    }
    // Somebody made sure that it was restored, and says so.
    setup.lie(Lie::OldVersions);
    let again = setup.device(10, kept.clone()).await.unwrap();
    again.forget_type(again.id(), "note").await.unwrap();
    assert_eq!(again.read(again.id(), "note", note.id()).await.unwrap().version(), 1);
    // Without a memory it is not found out: that is what the state is for.
    setup.lie(Lie::OldVersions);
    let newcomer = setup.device(10, Kept::default()).await.unwrap();
    assert_eq!(newcomer.read(newcomer.id(), "note", note.id()).await.unwrap().field("text"), Some("one"));
}

#[tokio::test]
async fn what_was_not_signed_is_not_read() {
    let setup = Setup::new();
    let alice = setup.client(10).await;
    let note = written(&alice, "one").await;
    written(&alice, "two").await;
    for lie in [Lie::DropField, Lie::LeafForField, Lie::OtherRecord] {
        setup.lie(lie);
        let failed = alice.read(alice.id(), "note", note.id()).await;
        assert!(matches!(failed, Err(Error::Untrusted(_))), "{lie:?}");
    }
}

#[tokio::test]
async fn what_was_seen_is_not_left_out() {
    let setup = Setup::new();
    let (alice, bob) = (setup.client(10).await, setup.client(11).await);
    let first = written(&alice, "one").await;
    let second = written(&alice, "two").await;
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.list(alice.id(), "note", 0).await.unwrap();
    let is_rolled_back =
        |error: Error| matches!(error, Error::Untrusted(UntrustedData::SealedBackwards { .. }));
    for lie in [Lie::HideFirst, Lie::NoRecord] {
        setup.lie(lie);
        for client in [&alice, &bob] {
            let failed = match lie {
                Lie::HideFirst => client.list(alice.id(), "note", 0).await.unwrap_err(),
                _ => client.read(alice.id(), "note", first.id()).await.unwrap_err(),
            };
            assert!(is_rolled_back(failed), "{lie:?}");
        }
    }
    setup.lie(None);
    // What was deleted, and who was removed, is another matter.
    alice.delete(&first).await.unwrap();
    assert_eq!(bob.list(alice.id(), "note", 0).await.unwrap().records.len(), 1);
    alice.revoke("note", bob.id()).await.unwrap();
    assert!(matches!(bob.read(alice.id(), "note", second.id()).await, Err(Error::NotFound(_))));
    assert!(matches!(bob.list(alice.id(), "note", 0).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn who_has_to_see_all_grants_goes_on_with_no_fewer() {
    let setup = Setup::new();
    let (alice, delegate, bob) = (setup.client(10).await, setup.client(11).await, setup.client(12).await);
    let note = written(&alice, "one").await;
    let contact = delegate.id().into();
    alice.grant(alice.id(), "note", &contact, Rights::SHARE, ShareFrom::Beginning).await.unwrap();
    let contact = bob.id().into();
    delegate.grant(alice.id(), "note", &contact, Rights::READ, ShareFrom::Beginning).await.unwrap();
    setup.lie(Lie::WithholdGrants);
    let again = setup.client(10).await;
    let withheld = |error| matches!(error, Error::Untrusted(UntrustedData::SealedGrantsWithheld { .. }));
    assert!(withheld(again.grants(again.id(), "note").await.unwrap_err()));
    assert!(withheld(again.rotate(again.id(), "note").await.unwrap_err()));
    // Records are read on.
    assert_eq!(again.read(again.id(), "note", note.id()).await.unwrap().field("text"), Some("one"));
}

#[tokio::test]
async fn keys_of_others_are_not_exchanged_unseen() {
    let setup = Setup::new();
    let (alice, bob, eve) = (setup.client(10).await, setup.client(11).await, setup.client(12).await);
    written(&alice, "one").await;
    let contact = Contact { client: bob.id(), fingerprint: Some(bob.fingerprint()) };
    setup.lie(Lie::KeysOf(eve.id()));
    // The bundle of another client is none of this one's.
    assert!(alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.is_err());
    setup.lie(None);
    assert_eq!(alice.verify_client(&contact).await.unwrap(), bob.fingerprint());
    let wrong = Contact { client: bob.id(), fingerprint: Some(eve.fingerprint()) };
    let failed = alice.share("note", &wrong, ShareFrom::Beginning).await;
    assert!(matches!(failed, Err(Error::Untrusted(UntrustedData::SealedKeysChanged { .. }))));
    assert!(alice.accept_client(&wrong).await.is_err());
    assert_eq!(
        alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap().known,
        Known::Compared
    );
}

#[tokio::test]
async fn a_bundle_that_the_client_did_not_make_stops_it() {
    let setup = Setup::new();
    setup.client(10).await;
    // The same client id, registered with another key.
    let client = ClientId::from_bytes([10; 16]);
    let wire = Box::new(TestWire { server: Arc::clone(&setup.server), client });
    let other = SigningKeyPair::generate();
    let opened = SealedClient::open(wire, &other, STORE, client, Box::new(MemoryStateStore::new())).await;
    assert!(matches!(opened, Err(Error::Untrusted(UntrustedData::NotMyBundle { .. }))));
}

#[tokio::test]
async fn a_state_of_others_is_refused() {
    let setup = Setup::new();
    let kept = Kept::default();
    kept.update(&mut |_| Ok(b"something else".to_vec())).unwrap();
    let opened = setup.device(10, kept).await;
    assert!(matches!(opened, Err(Error::Untrusted(UntrustedData::SealedStateFalse))));
}

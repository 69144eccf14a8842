//! Sealed types: the real SDK against the real `/v3`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;

use tozstore::{
    ChangeState, Client, Contact, Error, Known, MemoryStateStore, Rights, SealedClient, ShareFrom,
    StateStore, TypeOptions, UntrustedData, fields,
};
use tozstore_e2e::World;

/// What several processes of one client remember together.
#[derive(Clone, Default)]
struct Kept(Arc<MemoryStateStore>);

impl StateStore for Kept {
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error> {
        self.0.update(change)
    }
}

async fn sealed(client: &Client) -> SealedClient {
    client.sealed(MemoryStateStore::new()).await.unwrap()
}

async fn newcomer(world: &World, name: &str) -> SealedClient {
    sealed(&world.client(name).await).await
}

#[tokio::test]
async fn a_record_is_written_changed_listed_and_deleted() {
    let world = World::start().await;
    let alice = newcomer(&world, "alice").await;
    let options = TypeOptions { hides_names: true, is_verified_only: false };
    alice.create_type("hidden", options).await.unwrap();
    assert!(alice.create_type("hidden", options).await.is_err());
    // The first record makes its type. Names of types are any text.
    for name in ["hidden", "note", "a/b c+ä?%"] {
        let note = alice.write(name, fields! { "text" => "one", "zone" => "x" }).await.unwrap();
        let read = alice.read(alice.id(), name, note.id()).await.unwrap();
        assert_eq!((read.field("text"), read.field("zone"), read.version()), (Some("one"), Some("x"), 1));
        let second = alice.update(&read, fields! { "text" => "two" }).await.unwrap();
        assert_eq!(second.version(), 2);
        // Whoever read the first version comes too late.
        assert!(matches!(alice.update(&read, fields! { "text" => "late" }).await, Err(Error::Conflict)));
        let other = alice.write(name, fields! { "text" => "other" }).await.unwrap();
        let page = alice.list(alice.id(), name, 0).await.unwrap();
        let listed: Vec<_> = page.records.iter().map(|record| (record.id(), record.field("text"))).collect();
        assert_eq!(listed, [(note.id(), Some("two")), (other.id(), Some("other"))]);
        assert_eq!(page.next, None);
        assert!(matches!(alice.delete(&read).await, Err(Error::Conflict)));
        alice.delete(&second).await.unwrap();
        assert!(alice.read(alice.id(), name, note.id()).await.unwrap().is_deleted());
        assert_eq!(alice.list(alice.id(), name, 0).await.unwrap().records.len(), 1);
        assert!(alice.update(&second, fields! { "text" => "three" }).await.is_err());
    }
    let listed = alice.list(alice.id(), "note", 0).await.unwrap();
    let elsewhere = alice.read(alice.id(), "none", listed.records[0].id()).await;
    assert!(matches!(elsewhere, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_reader_reads_until_it_is_revoked() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (newcomer(&world, "alice").await, newcomer(&world, "bob").await, newcomer(&world, "carol").await);
    let note = alice.write("note", fields! { "text" => "first" }).await.unwrap();
    assert!(matches!(bob.read(alice.id(), "note", note.id()).await, Err(Error::NotFound(_))));
    let shared = alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    assert_eq!((shared.known, shared.fingerprint), (Known::FirstContact, bob.fingerprint()));
    assert_eq!(bob.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("first"));
    // Shared again, compared this time; a fingerprint of somebody else is refused.
    let wrong = Contact { client: bob.id(), fingerprint: Some(carol.fingerprint()) };
    let refused = alice.share("note", &wrong, ShareFrom::Beginning).await;
    assert!(matches!(refused, Err(Error::Untrusted(UntrustedData::SealedKeysChanged { .. }))));
    let card: Contact = carol.contact_card("Carol").unwrap().to_string().parse().unwrap();
    let shared = alice.share("note", &card, ShareFrom::Now).await.unwrap();
    assert_eq!(shared.known, Known::Compared);
    // From now on.
    assert!(matches!(carol.read(alice.id(), "note", note.id()).await, Err(Error::NotFound(_))));
    assert!(carol.list(alice.id(), "note", 0).await.unwrap().records.is_empty());
    let later = alice.write("note", fields! { "text" => "later" }).await.unwrap();
    for reader in [&bob, &carol] {
        assert_eq!(reader.read(alice.id(), "note", later.id()).await.unwrap().field("text"), Some("later"));
    }
    assert_eq!(bob.list(alice.id(), "note", 0).await.unwrap().records.len(), 2);

    assert!(alice.revoke("note", bob.id()).await.unwrap().is_some());
    assert_eq!(alice.revoke("note", bob.id()).await.unwrap(), None);
    let after = alice.update(&note, fields! { "text" => "after" }).await.unwrap();
    for record in [note.id(), later.id()] {
        assert!(matches!(bob.read(alice.id(), "note", record).await, Err(Error::NotFound(_))));
    }
    assert!(matches!(bob.list(alice.id(), "note", 0).await, Err(Error::NotFound(_))));
    assert_eq!(carol.read(alice.id(), "note", after.id()).await.unwrap().field("text"), Some("after"));
    // The writer reads what was written under every key.
    assert_eq!(alice.read(alice.id(), "note", later.id()).await.unwrap().field("text"), Some("later"));
    assert_eq!(alice.grants(alice.id(), "note").await.unwrap().len(), 1);
}

#[tokio::test]
async fn editors_write_and_delegates_revoke() {
    let world = World::start().await;
    let (alice, editor, delegate, bob) = (
        newcomer(&world, "alice").await,
        newcomer(&world, "editor").await,
        newcomer(&world, "delegate").await,
        newcomer(&world, "bob").await,
    );
    alice.create_type("note", TypeOptions::default()).await.unwrap();
    let grant = async |client: &SealedClient, rights| {
        alice.grant(alice.id(), "note", &client.id().into(), rights, ShareFrom::Beginning).await.unwrap();
    };
    grant(&bob, Rights::READ).await;
    grant(&delegate, Rights::READ).await;
    // It has seen the log as a reader before it becomes more.
    delegate.list(alice.id(), "note", 0).await.unwrap();
    grant(&editor, Rights::EDIT).await;
    grant(&delegate, Rights::REVOKE.with(Rights::SHARE)).await;
    let plain = vec![("colour".to_owned(), "red".to_owned())];
    let edited =
        editor.write_in(alice.id(), "note", fields! { "text" => "edited" }, plain.clone()).await.unwrap();
    let read = bob.read(alice.id(), "note", edited.id()).await.unwrap();
    assert_eq!((read.author(), read.writer(), read.plain()), (editor.id(), alice.id(), &plain[..]));
    assert!(bob.write_in(alice.id(), "note", fields! {}, vec![]).await.is_err());
    let own = alice.read(alice.id(), "note", edited.id()).await.unwrap();
    let changed = alice.update(&own, fields! { "text" => "mine" }).await.unwrap();
    let changed = editor.update(&changed, fields! { "text" => "yours" }).await.unwrap();
    assert!(delegate.revoke_in(alice.id(), "note", bob.id()).await.unwrap().is_some());
    assert!(matches!(bob.read(alice.id(), "note", edited.id()).await, Err(Error::NotFound(_))));
    // Under the newer key, which the editor did not know of.
    editor.update(&changed, fields! { "text" => "anew" }).await.unwrap();
    alice.revoke("note", editor.id()).await.unwrap();
    let marked = alice.read(alice.id(), "note", edited.id()).await.unwrap();
    assert_eq!(marked.field("text"), Some("anew"));
    assert!(marked.is_author_revoked() && !read.is_author_revoked());
    assert!(editor.update(&marked, fields! { "text" => "no more" }).await.is_err());
}

#[tokio::test]
async fn devices_of_one_client_race_and_lose_nothing() {
    let world = World::start().await;
    let client = world.client("alice").await;
    let kept = Kept::default();
    // The second device shares nothing but the credentials with the first.
    let (one, two) = (client.sealed(kept).await.unwrap(), sealed(&client).await);
    let (bob, carol, dave) =
        (newcomer(&world, "bob").await, newcomer(&world, "carol").await, newcomer(&world, "dave").await);
    assert_eq!(one.fingerprint(), two.fingerprint());
    one.write("note", fields! { "text" => "first" }).await.unwrap();
    let before = two.write("note", fields! { "text" => "also" }).await.unwrap();
    for reader in [&bob, &carol] {
        one.share("note", &reader.id().into(), ShareFrom::Beginning).await.unwrap();
    }
    one.revoke("note", bob.id()).await.unwrap();
    // It knows neither of the shares nor of the newer key: the server refuses the write, and it finds its way.
    let record = two.write("note", fields! { "text" => "under the new key" }).await.unwrap();
    for reader in [&one, &carol] {
        let read = reader.read(one.id(), "note", record.id()).await.unwrap();
        assert_eq!(read.field("text"), Some("under the new key"));
    }
    let contact = dave.id().into();
    let (revoked, shared) =
        tokio::join!(one.revoke("note", carol.id()), two.share("note", &contact, ShareFrom::Beginning));
    assert!(revoked.unwrap().is_some() && shared.unwrap().entry.is_some());
    for device in [&one, &two] {
        let held: Vec<_> =
            device.grants(one.id(), "note").await.unwrap().iter().map(|held| held.client).collect();
        assert_eq!(held, [dave.id()]);
    }
    let last = one.update(&before, fields! { "text" => "last" }).await.unwrap();
    assert!(carol.read(one.id(), "note", last.id()).await.is_err());
    assert_eq!(dave.read(one.id(), "note", last.id()).await.unwrap().field("text"), Some("last"));
    assert_eq!(dave.list(one.id(), "note", 0).await.unwrap().records.len(), 3);
}

//! Sealed types: the real SDK against the real `/v3`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tozstore::{
    Backwards, ChangeState, Client, Contact, Error, Known, MemoryStateStore, Query, RecordId, Rights,
    SealedClient, ShareFrom, StateStore, TypeOptions, UntrustedData, fields,
};
use tozstore_e2e::World;
use tozstore_server::store::DatabaseCopy;

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

/// What a client opens, with all that it ever held, of a copy of the server's database: the text of each record.
async fn opened(
    client: &SealedClient,
    writer: &SealedClient,
    world: &World,
) -> Vec<(RecordId, Option<String>)> {
    let copy = world.copy_data();
    let database = copy.path().join("tozstore.db");
    let rows = DatabaseCopy::open(&database)
        .unwrap()
        .sealed_type(writer.id(), "note".parse().unwrap())
        .await
        .unwrap();
    let records = client.open_leaked(writer.id(), "note", &rows).await.unwrap();
    let text = |record: tozstore::LeakedRecord| {
        let text = record.fields.map(|fields| fields[0].expose_text().unwrap().to_owned());
        (record.id, text)
    };
    records.into_iter().map(text).collect()
}

#[tokio::test]
async fn a_copy_of_the_database_opens_nothing_that_was_written_after_the_revocation() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (newcomer(&world, "alice").await, newcomer(&world, "bob").await, newcomer(&world, "carol").await);
    let eve = newcomer(&world, "eve").await;
    let before = alice.write("note", fields! { "text" => "before" }).await.unwrap();
    let changed = alice.write("note", fields! { "text" => "old" }).await.unwrap();
    for reader in [&bob, &carol] {
        alice.share("note", &reader.id().into(), ShareFrom::Beginning).await.unwrap();
    }
    bob.list(alice.id(), "note", 0).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let all = [(before.id(), text("before")), (changed.id(), text("old"))];
    assert_eq!(opened(&bob, &alice, &world).await, all);
    let old_copy = world.copy_data();

    alice.revoke("note", bob.id()).await.unwrap();
    alice.update(&changed, fields! { "text" => "new" }).await.unwrap();
    let after = alice.write("note", fields! { "text" => "after" }).await.unwrap();
    let left = [(before.id(), text("before")), (changed.id(), None), (after.id(), None)];
    assert_eq!(opened(&bob, &alice, &world).await, left);
    // Nor after the keys went on, and were shared anew with others.
    alice.share("note", &eve.id().into(), ShareFrom::Beginning).await.unwrap();
    alice.rotate(alice.id(), "note").await.unwrap();
    let last = alice.write("note", fields! { "text" => "last" }).await.unwrap();
    assert_eq!(
        opened(&bob, &alice, &world).await[1..],
        [left[1..].to_vec(), vec![(last.id(), None)]].concat()
    );
    // The way in which that was tried opens all for who may read all.
    let all = [
        (before.id(), text("before")),
        (changed.id(), text("new")),
        (after.id(), text("after")),
        (last.id(), text("last")),
    ];
    for reader in [&alice, &carol, &eve] {
        assert_eq!(opened(reader, &alice, &world).await, all);
    }
    // What it was shown and what old backups hold stays known to it: nobody claims otherwise.
    let database = old_copy.path().join("tozstore.db");
    let rows = DatabaseCopy::open(&database)
        .unwrap()
        .sealed_type(alice.id(), "note".parse().unwrap())
        .await
        .unwrap();
    let kept = bob.open_leaked(alice.id(), "note", &rows).await.unwrap();
    assert!(kept.iter().all(|record| record.fields.is_some()));
}

#[tokio::test]
async fn the_formats_do_not_see_one_another() {
    let world = World::start().await;
    let (client, reader) = (world.client("alice").await, world.client("reader").await);
    let (alice, bob) = (sealed(&client).await, sealed(&reader).await);
    let note = alice.write("note", fields! { "text" => "sealed" }).await.unwrap();
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    let is_conflict = |error: &Error| matches!(error, Error::Conflict | Error::Refused { status: 409, .. });
    let refused = client.write("note", fields! { "text" => "interop" }).await.unwrap_err();
    assert!(is_conflict(&refused), "{refused:?}");
    let refused = client.share("note", reader.id()).await.unwrap_err();
    assert!(is_conflict(&refused), "{refused:?}");
    assert!(matches!(client.read(note.id()).await, Err(Error::NotFound(_))));
    assert!(matches!(reader.read(note.id()).await, Err(Error::NotFound(_))));
    for one in [&client, &reader] {
        assert!(one.read_many(&[note.id()]).await.unwrap().is_empty());
        let found: Vec<_> = one.query(Query::new().all_writers()).records().try_collect().await.unwrap();
        assert!(found.is_empty());
        assert!(one.outgoing().await.unwrap().is_empty() && one.incoming().await.unwrap().is_empty());
    }
    // And the other way: what began as interop stays so.
    let letter = client.write("letter", fields! { "text" => "interop" }).await.unwrap();
    let refused = alice.write("letter", fields! { "text" => "sealed" }).await.unwrap_err();
    assert!(is_conflict(&refused), "{refused:?}");
    assert!(is_conflict(&alice.create_type("letter", TypeOptions::default()).await.unwrap_err()));
    assert!(matches!(alice.list(alice.id(), "letter", 0).await, Err(Error::NotFound(_))));
    assert_eq!(client.read(letter.id()).await.unwrap().field("text"), Some("interop"));
    assert_eq!(alice.read(alice.id(), "note", note.id()).await.unwrap().field("text"), Some("sealed"));
}

#[tokio::test]
async fn long_lists_come_by_page() {
    let world = World::start().await;
    let (alice, bob) = (newcomer(&world, "alice").await, newcomer(&world, "bob").await);
    alice.create_type("note", TypeOptions::default()).await.unwrap();
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    // A page has 8 MiB.
    let text = "x".repeat(3 << 20);
    let mut written = Vec::new();
    for _ in 0..5 {
        written.push(alice.write("note", fields! { "text" => text.as_str() }).await.unwrap().id());
    }
    let (mut listed, mut pages, mut after) = (Vec::new(), 0, Some(0));
    while let Some(from) = after {
        let page = bob.list(alice.id(), "note", from).await.unwrap();
        listed.extend(page.records.iter().map(|record| record.id()));
        (after, pages) = (page.next, pages + 1);
    }
    assert_eq!((listed, pages), (written, 3));
}

#[tokio::test]
async fn a_server_that_was_set_back_is_found_out() {
    let world = World::start().await;
    let (client, reader) = (world.client("alice").await, world.client("bob").await);
    let (kept, readers) = (Kept::default(), Kept::default());
    let alice = client.sealed(kept.clone()).await.unwrap();
    let bob = reader.sealed(readers.clone()).await.unwrap();
    let note = alice.write("note", fields! { "text" => "one" }).await.unwrap();
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    let before = world.copy_data();
    let changed = alice.update(&note, fields! { "text" => "two" }).await.unwrap();
    let new = alice.write("note", fields! { "text" => "new" }).await.unwrap();
    bob.read(alice.id(), "note", note.id()).await.unwrap();
    let between = world.copy_data();
    alice.rotate(alice.id(), "note").await.unwrap();

    let is_rolled_back = |error: &Error| match error {
        Error::Untrusted(UntrustedData::SealedBackwards { source, .. }) => {
            matches!(**source, Backwards::RolledBack { .. })
        }
        _ => false,
    };
    let at = async |client: &Client, api_url: &str, kept: &Kept| {
        let client = Client::new(client.credentials().clone().with_api_url(api_url)).unwrap();
        client.sealed(kept.clone()).await.unwrap()
    };
    // The log is shorter than it was; so are records, for who has seen more.
    for copy in [&before, &between] {
        let (server, api_url) = world.serve_copy(copy.path()).await;
        let again = at(&client, &api_url, &kept).await;
        for failed in [
            again.read(again.id(), "note", note.id()).await.unwrap_err(),
            again.list(again.id(), "note", 0).await.unwrap_err(),
            again.write("note", fields! { "text" => "three" }).await.unwrap_err(),
            again.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap_err(),
        ] {
            assert!(is_rolled_back(&failed), "{failed}");
        }
        server.shutdown().await;
    }
    let (server, api_url) = world.serve_copy(before.path()).await;
    let bob_again = at(&reader, &api_url, &readers).await;
    let failed = bob_again.read(alice.id(), "note", note.id()).await.unwrap_err();
    assert!(is_rolled_back(&failed), "{failed}");
    // Somebody who knows that it was restored says so, and goes on from what is there.
    let again = at(&client, &api_url, &kept).await;
    again.forget_type(again.id(), "note").await.unwrap();
    assert_eq!(again.read(again.id(), "note", note.id()).await.unwrap().field("text"), Some("one"));
    assert!(matches!(again.read(again.id(), "note", new.id()).await, Err(Error::NotFound(_))));
    again.update(&note, fields! { "text" => "another second" }).await.unwrap();
    // Whoever comes from the other history is told.
    assert!(again.update(&changed, fields! { "text" => "three" }).await.is_err());
    server.shutdown().await;
}

#[tokio::test]
async fn a_log_of_several_pages_is_read_to_its_head() {
    let world = World::start().await;
    let (alice, bob) = (newcomer(&world, "alice").await, newcomer(&world, "bob").await);
    let first = alice.write("note", fields! { "text" => "first" }).await.unwrap();
    alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    // A page has 500 entries.
    for _ in 0..510 {
        alice.rotate(alice.id(), "note").await.unwrap();
    }
    let last = alice.write("note", fields! { "text" => "last" }).await.unwrap();
    for (id, text) in [(last.id(), "last"), (first.id(), "first")] {
        assert_eq!(bob.read(alice.id(), "note", id).await.unwrap().field("text"), Some(text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_while_keys_change() {
    let world = World::start().await;
    let client = world.client("alice").await;
    let alice = sealed(&client).await;
    let (bob, editor) = (newcomer(&world, "bob").await, newcomer(&world, "editor").await);
    alice.create_type("note", TypeOptions::default()).await.unwrap();
    let contact = editor.id().into();
    alice.grant(alice.id(), "note", &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    let writer = alice.id();
    let writes = async {
        for number in 0..20 {
            let text = number.to_string();
            editor.write_in(writer, "note", fields! { "text" => text.as_str() }, vec![]).await.unwrap();
        }
    };
    let changes = async {
        for _ in 0..5 {
            alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
            assert!(alice.revoke("note", bob.id()).await.unwrap().is_some());
        }
    };
    tokio::join!(writes, changes);
    let listed = sealed(&client).await.list(writer, "note", 0).await.unwrap();
    let texts: Vec<_> =
        listed.records.iter().map(|record| record.field("text").unwrap().to_owned()).collect();
    assert_eq!(texts, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

/// So many clients with keys, of whom nothing more is heard.
async fn crowd(world: &World, size: usize) -> Vec<Contact> {
    let newcomers =
        (0..size).map(|number| async move { newcomer(world, &format!("reader {number}")).await.id() });
    let ids: Vec<_> = futures_util::stream::iter(newcomers).buffer_unordered(16).collect().await;
    ids.into_iter().map(Contact::from).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_2500_readers_is_revoked_in_one_step() {
    let world = World::start().await;
    let client = world.client("alice").await;
    let (one, two) = (sealed(&client).await, sealed(&client).await);
    let (bob, eve) = (newcomer(&world, "bob").await, newcomer(&world, "eve").await);
    let mut readers = crowd(&world, 2498).await;
    readers.extend([Contact::from(bob.id()), Contact::from(eve.id())]);
    let note = one.write("note", fields! { "text" => "first" }).await.unwrap();
    one.share_all("note", &readers, ShareFrom::Beginning).await.unwrap();
    assert_eq!(eve.read(one.id(), "note", note.id()).await.unwrap().field("text"), Some("first"));

    let entry = one.revoke("note", eve.id()).await.unwrap().unwrap();
    let note = one.update(&note, fields! { "text" => "second" }).await.unwrap();
    assert!(matches!(eve.read(one.id(), "note", note.id()).await, Err(Error::NotFound(_))));
    assert_eq!(bob.read(one.id(), "note", note.id()).await.unwrap().field("text"), Some("second"));
    assert_eq!(one.grants(one.id(), "note").await.unwrap().len(), 2499);
    let of_eve = opened(&eve, &one, &world).await;
    assert_eq!(of_eve, [(note.id(), None)]);

    // Two devices at once, with pages of one between those of the other: one loses, begins again, and takes nothing back.
    let (first, second) =
        tokio::join!(one.revoke("note", readers[0].client), two.revoke("note", readers[1].client));
    let mut positions = [first.unwrap().unwrap().position, second.unwrap().unwrap().position];
    positions.sort_unstable();
    assert_eq!(positions, [entry.position + 1, entry.position + 2]);
    let left: Vec<_> = two.grants(one.id(), "note").await.unwrap().iter().map(|held| held.client).collect();
    assert_eq!(left.len(), 2497);
    assert!(!left.contains(&readers[0].client) && !left.contains(&readers[1].client));
    two.update(&note, fields! { "text" => "third" }).await.unwrap();
    assert_eq!(bob.read(one.id(), "note", note.id()).await.unwrap().field("text"), Some("third"));
}

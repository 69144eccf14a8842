//! Notes: for one pair of keys, by clients and by those who are none.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tozstore::{
    EncryptionPrivateKey, Error, ExpectedWriter, SigningKeyPair, Stranger, UntrustedData, fields,
};
use tozstore_e2e::World;

#[tokio::test]
async fn a_note_is_opened_by_its_recipient_alone() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let from_writer = ExpectedWriter::Client(writer.id());
    let long = "x".repeat(100_000);
    for value in ["", "a", "é\u{0}\"\\\u{1F511}", long.as_str()] {
        let note = writer.write_note(reader.id(), fields! { "b ü" => value, "a" => "2" }).plain("k", "v");
        let written = note.await.unwrap();
        let read = reader.read_note(written.id, from_writer).await.unwrap();
        assert_eq!(read.fields().iter().collect::<Vec<_>>(), [("b ü", value), ("a", "2")]);
        assert_eq!(read.meta().client_id, Some(writer.id()));
        assert_eq!((read.meta().plain.value("k"), read.meta().views), (Some("v"), 1));
        assert!(matches!(writer.read_note(written.id, from_writer).await, Err(Error::Credentials(_))));
    }
}

#[tokio::test]
async fn the_expected_writer_is_pinned() {
    let world = World::start().await;
    let (writer, other, reader) =
        (world.client("writer").await, world.client("other").await, world.client("reader").await);
    let written = writer.write_note(reader.id(), fields! { "a" => "1" }).await.unwrap();
    let by_other = reader.read_note(written.id, ExpectedWriter::Client(other.id())).await;
    assert!(
        matches!(by_other, Err(Error::Untrusted(UntrustedData::NoteByOtherWriter { note })) if note == written.id)
    );
    assert_eq!(reader.read_note(written.id, ExpectedWriter::Anyone).await.unwrap().field("a"), Some("1"));
}

#[tokio::test]
async fn names_are_read_and_replaced() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let name = "a name / with + & ü";
    writer.replace_note(name, reader.id(), fields! { "a" => "1" }).await.unwrap();
    let second = writer.replace_note(name, reader.id(), fields! { "a" => "2" }).await.unwrap();
    let from = ExpectedWriter::Client(writer.id());
    let read = reader.read_note_by_name(name, from).await.unwrap();
    assert_eq!((read.field("a"), read.meta().id), (Some("2"), second.id));
    let taken = reader.write_note(reader.id(), fields! { "a" => "3" }).name(name).await;
    assert!(matches!(taken, Err(Error::Refused { status: 409, .. })));
    let taken = reader.replace_note(name, reader.id(), fields! { "a" => "3" }).await;
    assert!(matches!(taken, Err(Error::Refused { status: 403, .. })));
    writer.delete_note(second.id).await.unwrap();
    assert!(matches!(writer.delete_note(second.id).await, Err(Error::NotFound(_))));
    assert!(matches!(reader.read_note_by_name(name, from).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn views_run_out() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let written = writer.write_note(reader.id(), fields! { "a" => "1" }).max_views(1).await.unwrap();
    assert_eq!(reader.note_views(written.id).await.unwrap(), Some(1));
    reader.read_note(written.id, ExpectedWriter::Anyone).await.unwrap();
    assert_eq!(reader.note_views(written.id).await.unwrap(), Some(0));
    assert!(matches!(reader.read_note(written.id, ExpectedWriter::Anyone).await, Err(Error::NotFound(_))));
    let free = writer.write_note(reader.id(), fields! { "a" => "1" }).await.unwrap();
    assert_eq!(reader.note_views(free.id).await.unwrap(), None);
}

#[tokio::test]
async fn strangers_write_to_clients_and_clients_to_strangers() {
    let world = World::start().await;
    let client = world.client("client").await;
    let keys = || (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
    let (encryption, signing) = keys();
    let stranger = Stranger::new(&world.api_url, encryption, signing).unwrap();
    let credentials = client.credentials();
    let client_keys = tozstore::NoteWriter {
        encryption_key: credentials.public_key(),
        signing_key: credentials.public_signing_key().unwrap(),
    };
    let written = stranger.write_note(client_keys, fields! { "a" => "in" }).await.unwrap();
    assert_eq!(written.client_id, None);
    let expected = ExpectedWriter::Keys(stranger.public_keys());
    assert_eq!(client.read_note(written.id, expected).await.unwrap().field("a"), Some("in"));
    stranger.delete_note(written.id).await.unwrap();

    let back =
        client.write_note(stranger.public_keys(), fields! { "a" => "out" }).name("back").await.unwrap();
    let from = ExpectedWriter::Keys(client_keys);
    assert_eq!(stranger.read_note(back.id, from).await.unwrap().field("a"), Some("out"));
    assert_eq!(stranger.read_note_by_name("back", from).await.unwrap().field("a"), Some("out"));
    let other = Stranger::generate(&world.api_url).unwrap();
    assert!(matches!(other.read_note(back.id, from).await, Err(Error::Credentials(_))));
    let named = stranger.write_note(client_keys, fields! { "a" => "1" }).name("n").await;
    assert!(matches!(named, Err(Error::Caller(_))));
}

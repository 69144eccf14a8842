//! Notes with files, and new content for files.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::{Arc, Mutex};

use tozstore::{Error, ExpectedWriter, Plain, Progress, Stranger, UntrustedData, fields};
use tozstore_e2e::World;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 / 7) as u8).collect()
}

#[tokio::test]
async fn a_file_goes_with_a_note() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let from = ExpectedWriter::Client(writer.id());
    for len in [0, 1, 65_537, 3_000_000] {
        let content = bytes(len);
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reports);
        let written = writer
            .write_note(reader.id(), fields! { "name" => "a b" })
            .file(std::io::Cursor::new(content.clone()))
            .progress(move |at| seen.lock().unwrap().push(at))
            .await
            .unwrap();
        let last = reports.lock().unwrap().last().copied().unwrap();
        assert!(last.done_bytes == last.total_bytes && last.total_bytes > len as u64, "{last:?}");
        let note = reader.read_note(written.id, from).await.unwrap();
        assert_eq!((note.field("name"), note.meta().views), (Some("a b"), 1));
        let file = note.file().unwrap();
        assert_eq!(file.sealed_len_bytes(), last.total_bytes);
        // As often as one likes: the note was read once.
        for _ in 0..2 {
            let mut read = Vec::new();
            file.read(&mut read, |_: Progress| {}).await.unwrap();
            assert!(read == content, "other bytes came back");
        }
        writer.delete_note(written.id).await.unwrap();
        assert!(matches!(file.read(&mut Vec::new(), |_| {}).await, Err(Error::NotFound(_))));
    }
    let alone = writer.write_note(reader.id(), fields! {}).file(&b"alone"[..]).max_views(1).await.unwrap();
    let note = reader.read_note(alone.id, from).await.unwrap();
    let mut read = Vec::new();
    note.file().unwrap().read(&mut read, |_| {}).await.unwrap();
    assert_eq!((read.as_slice(), note.fields().is_empty()), (&b"alone"[..], true));
    let plain = writer.write_note(reader.id(), fields! { "a" => "1" }).await.unwrap();
    assert!(reader.read_note(plain.id, from).await.unwrap().file().is_none());
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_is_sent() {
    let world = World::start().await;
    let (writer, stranger) = (world.client("writer").await, Stranger::generate(&world.api_url).unwrap());
    let keys = stranger.public_keys();
    for note in [
        stranger.write_note(keys, fields! { "a" => "1" }).file(&b"x"[..]),
        writer.replace_note("n", keys, fields! { "a" => "1" }).file(&b"x"[..]),
        writer.write_note(keys, fields! {}),
    ] {
        assert!(matches!(note.await, Err(Error::Caller(_))));
    }
    let named = || writer.write_note(keys, fields! {}).name("n").file(&b"x"[..]);
    named().await.unwrap();
    assert!(matches!(named().await, Err(Error::Refused { status: 409, .. })));
}

#[tokio::test]
async fn a_file_of_another_note_or_a_damaged_one_does_not_open() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let written = writer.write_note(reader.id(), fields! {}).file(std::io::Cursor::new(bytes(200_000)));
    let written = written.await.unwrap();
    let note = reader.read_note(written.id, ExpectedWriter::Client(writer.id())).await.unwrap();
    let stored = world.file_bytes();
    let [stored] = &stored[..] else { panic!("{stored:?}") };
    let sealed = std::fs::read(stored).unwrap();
    let other = writer.write_note(reader.id(), fields! {}).file(std::io::Cursor::new(bytes(200_000)));
    other.await.unwrap();
    let other = world.file_bytes().into_iter().find(|path| path != stored).unwrap();
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    for damaged in [altered, sealed[..124 + 65_553].to_vec(), std::fs::read(other).unwrap()] {
        std::fs::write(stored, damaged).unwrap();
        let error = note.file().unwrap().read_to(&path, |_| {}).await.unwrap_err();
        let told =
            matches!(error, Error::Untrusted(UntrustedData::NoteFileUnreadable { .. }) | Error::Network(_));
        assert!(told, "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    std::fs::write(stored, sealed).unwrap();
    note.file().unwrap().read_to(&path, |_| {}).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes(200_000), "other bytes came back");
}

#[tokio::test]
async fn content_is_replaced_by_the_writer_and_not_by_readers() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let plain = Plain::from_iter([("name".to_owned(), "a b".to_owned())]);
    let first = writer.write_file("photo", &b"first"[..], plain.clone(), |_| {}).await.unwrap();
    writer.share("photo", reader.id()).await.unwrap();
    let second = writer.replace_file(&first, &b"second"[..], plain, |_| {}).await.unwrap();
    assert_eq!(second.id(), first.id());
    assert_ne!(second.version(), first.version());
    assert_eq!(second.plain().value("name"), Some("a b"));
    for client in [&writer, &reader] {
        let mut read = Vec::new();
        client.read_file(first.id(), &mut read, |_| {}).await.unwrap();
        assert_eq!(read, b"second");
    }
    // The older version is not there any more.
    let late = writer.replace_file(&first, &b"third"[..], Plain::default(), |_| {}).await;
    assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
    let by_reader = reader.replace_file(&second, &b"third"[..], Plain::default(), |_| {}).await;
    assert!(
        matches!(by_reader, Err(Error::Refused { status: 403, .. } | Error::NotFound(_))),
        "{by_reader:?}"
    );
}

//! Files: sent, fetched, shared, deleted; nothing that is cut off looks whole.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tozstore::{Error, Plain, UntrustedData};
use tozstore_e2e::World;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 / 7) as u8).collect()
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_written() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    for len in [0, 1, 65_536, 65_537, 3_000_000] {
        let content = bytes(len);
        let plain = Plain::from_iter([("name".to_owned(), "a b".to_owned())]);
        let mut sent = Vec::new();
        let file = writer.write_file("photo", &content[..], plain, |at| sent.push(at)).await.unwrap();
        assert!(file.sealed_len_bytes() > len as u64);
        assert_eq!(file.plain().entries().collect::<Vec<_>>(), [("name", "a b")]);
        let mut read = Vec::new();
        let again = writer.read_file(file.id(), &mut read, |_| {}).await.unwrap();
        assert_eq!((again.id(), again.version()), (file.id(), file.version()));
        assert!(read == content, "other bytes came back");
    }
    let file = writer.write_file("photo", &b"shared"[..], Plain::default(), |_| {}).await.unwrap();
    let mut read = Vec::new();
    assert!(matches!(reader.read_file(file.id(), &mut read, |_| {}).await, Err(Error::NotFound(_))));
    writer.share("photo", reader.id()).await.unwrap();
    reader.read_file(file.id(), &mut read, |_| {}).await.unwrap();
    assert_eq!(read, b"shared");

    let record = writer.read(file.id()).await.unwrap();
    assert_eq!(record.file().unwrap().sealed_len_bytes(), file.sealed_len_bytes());
    writer.delete(file.id(), file.version()).await.unwrap();
    assert!(matches!(writer.file(file.id()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_damaged_file_leaves_nothing_at_its_path() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let file = client.write_file("t", &bytes(200_000)[..], Plain::default(), |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    client.read_file_to(file.id(), &path, |_| {}).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes(200_000), "other bytes came back");
    std::fs::remove_file(&path).unwrap();

    let stored = world.file_bytes();
    let [stored] = &stored[..] else { panic!("{stored:?}") };
    let sealed = std::fs::read(stored).unwrap();
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    let whole_blocks = sealed[..124 + 65_553].to_vec();
    for damaged in [altered, whole_blocks, sealed[..1000].to_vec()] {
        std::fs::write(stored, damaged).unwrap();
        let error = client.read_file_to(file.id(), &path, |_| {}).await.unwrap_err();
        let told =
            matches!(error, Error::Untrusted(UntrustedData::FileUnreadable { .. }) | Error::Network(_));
        assert!(told, "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

//! A released server's data folder, with keys of clients kept beside it: today's server serves it, and today's SDK opens
//! what was sealed and goes on from there.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::fs;
use std::path::{Path, PathBuf};

use tozstore::{
    Client, Credentials, Error, FileStateStore, RecordId, SealedClient, ShareFrom, TypeOptions, fields,
};
use tozstore_e2e::World;

const CLIENTS: [&str; 3] = ["alice", "bob", "carol"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A client with what it remembers of sealed types, both from this folder.
async fn opened(folder: &Path, name: &str, api_url: &str) -> (Client, SealedClient) {
    let credentials = Credentials::load(folder.join(format!("{name}.json"))).unwrap();
    let client = Client::new(credentials.with_api_url(api_url)).unwrap();
    let sealed = client.sealed(FileStateStore::new(folder.join(format!("{name}.state")))).await.unwrap();
    (client, sealed)
}

/// `TOZSTORE_GOLDEN=0014 cargo nextest run --test golden --run-ignored only` makes the folder of a new schema.
#[tokio::test]
#[ignore = "makes what the other test opens"]
async fn make() {
    // Without a name there is nothing to make.
    let Ok(name) = std::env::var("TOZSTORE_GOLDEN") else { return };
    let folder = golden().join(name);
    fs::create_dir_all(&folder).unwrap();
    let world = World::start().await;
    for name in CLIENTS {
        world.register(name).await.credentials.save(folder.join(format!("{name}.json"))).unwrap();
    }
    let (interop, alice) = opened(&folder, "alice", &world.api_url).await;
    let (_, bob) = opened(&folder, "bob", &world.api_url).await;
    let (_, carol) = opened(&folder, "carol", &world.api_url).await;
    let options = TypeOptions { hides_names: true, is_verified_only: false };
    alice.create_type("hidden", options).await.unwrap();
    let mut ids = vec![alice.write("hidden", fields! { "text" => "hidden" }).await.unwrap().id()];
    let first = alice.write("note", fields! { "text" => "first" }).await.unwrap();
    let kept = alice.write("note", fields! { "text" => "before the rotation" }).await.unwrap();
    for reader in [&bob, &carol] {
        alice.share("note", &reader.id().into(), ShareFrom::Beginning).await.unwrap();
        assert!(!reader.list(alice.id(), "note", 0).await.unwrap().records.is_empty());
    }
    alice.revoke("note", bob.id()).await.unwrap().unwrap();
    alice.rotate(alice.id(), "note").await.unwrap();
    let first = alice.update(&first, fields! { "text" => "changed" }).await.unwrap();
    let gone = alice.write("note", fields! { "text" => "gone" }).await.unwrap();
    alice.delete(&gone).await.unwrap();
    ids.extend([first.id(), kept.id()]);
    let interop = interop.write("interop", fields! { "text" => "of the interop format" }).await.unwrap();
    ids.push(interop.id());
    let lines: Vec<_> = ids.iter().map(RecordId::to_string).collect();
    fs::write(folder.join("records"), lines.join("\n")).unwrap();
    // Stopped in good order, so that all is in one file.
    let data = world.restart().await.copy_data();
    for name in ["tozstore.db", "server.key"] {
        fs::copy(data.path().join(name), folder.join(name)).unwrap();
    }
    let database = rusqlite::Connection::open(folder.join("tozstore.db")).unwrap();
    database.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM").unwrap();
    for name in CLIENTS {
        fs::remove_file(folder.join(format!("{name}.state.lock"))).unwrap();
    }
}

#[tokio::test]
async fn what_a_released_server_kept_is_opened_and_goes_on() {
    let folders: Vec<_> = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!folders.is_empty());
    let world = World::start().await;
    for folder in folders {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let (path, target) =
                (entry.as_ref().unwrap().path(), copy.path().join(entry.unwrap().file_name()));
            fs::copy(&path, &target).unwrap();
            // Keys are read from files of their owner alone, which a checkout does not keep.
            #[cfg(unix)]
            fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        let text = fs::read_to_string(copy.path().join("records")).unwrap();
        let ids: Vec<RecordId> = text.lines().map(|line| line.parse().unwrap()).collect();
        let [hidden, first, kept, interop] = ids[..] else { panic!("{ids:?}") };
        let (server, api_url) = world.serve_copy(copy.path()).await;

        let (alices, alice) = opened(copy.path(), "alice", &api_url).await;
        let (_, bob) = opened(copy.path(), "bob", &api_url).await;
        let (_, carol) = opened(copy.path(), "carol", &api_url).await;
        let text = async |client: &SealedClient, name: &str, id| {
            let record = client.read(alice.id(), name, id).await?;
            Ok::<_, Error>(record.field("text").unwrap().to_owned())
        };
        assert_eq!(text(&alice, "hidden", hidden).await.unwrap(), "hidden");
        for reader in [&alice, &carol] {
            assert_eq!(text(reader, "note", first).await.unwrap(), "changed");
            assert_eq!(text(reader, "note", kept).await.unwrap(), "before the rotation");
            assert_eq!(reader.list(alice.id(), "note", 0).await.unwrap().records.len(), 2);
        }
        assert!(matches!(text(&bob, "note", kept).await, Err(Error::NotFound(_))));
        let read = alices.read(interop).await.unwrap();
        assert_eq!(read.field("text"), Some("of the interop format"));

        let current = alice.read(alice.id(), "note", kept).await.unwrap();
        alice.update(&current, fields! { "text" => "after the upgrade" }).await.unwrap();
        alice.share("note", &bob.id().into(), ShareFrom::Beginning).await.unwrap();
        for reader in [&bob, &carol] {
            assert_eq!(text(reader, "note", kept).await.unwrap(), "after the upgrade");
        }
        alice.revoke("note", carol.id()).await.unwrap().unwrap();
        assert!(matches!(text(&carol, "note", first).await, Err(Error::NotFound(_))));
        server.shutdown().await;
    }
}

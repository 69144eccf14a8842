//! Files that are committed while they, or what they would replace, are deleted and swept. Whatever comes first: nothing
//! fails by the server's fault, no record is without its bytes, and no bytes are left behind.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_crypto::SigningKeyPair;

use super::files::announcement;
use super::fixture::{Answer, Fixture, TestClient, text};
use super::notes::NOTES;
use super::storage::{id, safe_path};

const ROUNDS: usize = 24;

struct World {
    fixture: Fixture,
    writer: TestClient,
}

impl World {
    async fn start() -> Arc<Self> {
        let fixture = Fixture::new().await;
        let writer = fixture.client("writer").await;
        Arc::new(Self { fixture, writer })
    }

    /// Announced new content, sent and not committed.
    async fn sent(&self, path: &str, method: Method, bytes: &[u8]) -> Value {
        let body = announcement(&self.writer, "t", bytes);
        let pending = self.fixture.call(&self.writer, method, path, Some(body)).await;
        assert_eq!(pending.code(), 202, "{pending:?}");
        let pending = pending.json();
        assert_eq!(self.fixture.send_bytes(&pending, bytes).await.code(), 200);
        pending
    }

    /// What a record that is there holds.
    async fn content(&self, record: &Value) -> Option<Vec<u8>> {
        let read = self.fixture.read_file(&self.writer, record).await;
        match read.code() {
            200 => {
                let fetched = self.fixture.fetch(&read.json()["meta"]["file_meta"]["file_url"]).await;
                assert_eq!(fetched.status, 200, "a record without its bytes");
                Some(fetched.body)
            }
            code => {
                assert_eq!(code, 404);
                None
            }
        }
    }
}

fn is_one_of(answer: &Answer, codes: &[u16]) {
    assert!(codes.contains(&answer.code()), "{answer:?}");
}

/// Sweeps while `work` goes on, and once more after it.
async fn swept<T: Send + 'static>(world: &Arc<World>, work: impl Future<Output = T> + Send + 'static) -> T {
    let work = tokio::spawn(work);
    while !work.is_finished() {
        world.fixture.round().await;
        tokio::task::yield_now().await;
    }
    let done = work.await.unwrap();
    world.fixture.round().await;
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_and_a_deletion_race() {
    let world = World::start().await;
    let mut there = Vec::new();
    for round in 0..ROUNDS {
        let record = world.fixture.write_file(&world.writer, b"old").await;
        let version = text(&record["meta"]["version"]);
        let path = format!("{}/{}/{version}", paths::FILES, text(&id(&record)));
        let pending = world.sent(&path, Method::PUT, b"new").await;
        let (deleting, committing) = (Arc::clone(&world), Arc::clone(&world));
        let old = record.clone();
        let race = async move {
            let delete = tokio::spawn(async move {
                if round % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                deleting.fixture.call(&deleting.writer, Method::DELETE, &safe_path(&old), None).await
            });
            let commit =
                tokio::spawn(async move { committing.fixture.commit(&committing.writer, &pending).await });
            (delete.await.unwrap(), commit.await.unwrap())
        };
        let (deleted, committed) = swept(&world, race).await;
        is_one_of(&deleted, &[204, 409]);
        is_one_of(&committed, &[201, 404]);
        assert_ne!(deleted.code() == 204, committed.code() == 201, "exactly one of them is done");
        let expected = (committed.code() == 201).then(|| b"new".to_vec());
        assert_eq!(world.content(&record).await, expected);
        there.extend(expected.map(|_| record));
    }
    world.fixture.sweep_all().await;
    assert_eq!(world.fixture.blobs(), there.len(), "bytes are left behind, or missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_one_file_race_with_its_end_of_life() {
    let world = World::start().await;
    let mut there = Vec::new();
    for round in 0..ROUNDS {
        let pending = world.sent(paths::FILES, Method::POST, b"bytes").await;
        let race = {
            let world = Arc::clone(&world);
            async move {
                let commits = (0..3).map(|_| {
                    let (world, pending) = (Arc::clone(&world), pending.clone());
                    tokio::spawn(async move { world.fixture.commit(&world.writer, &pending).await })
                });
                let commits: Vec<_> = commits.collect();
                if round % 2 == 1 {
                    // It lapses now, or has been committed already.
                    world.fixture.advance_seconds(6 * 3600);
                }
                let mut answers = Vec::new();
                for commit in commits {
                    answers.push(commit.await.unwrap());
                }
                answers
            }
        };
        let answers = swept(&world, race).await;
        answers.iter().for_each(|answer| is_one_of(answer, &[201, 401, 404]));
        let done: Vec<_> = answers.iter().filter(|answer| answer.code() == 201).collect();
        assert!(done.len() <= 1, "{answers:?}");
        there.extend(done.into_iter().map(Answer::json));
        if round % 2 == 1 {
            world.fixture.clock.set(super::fixture::START);
        }
    }
    for record in &there {
        assert_eq!(world.content(record).await.as_deref(), Some(&b"bytes"[..]));
    }
    world.fixture.sweep_all().await;
    assert_eq!(world.fixture.blobs(), there.len(), "bytes are left behind, or missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_with_files_race_for_a_name() {
    let world = World::start().await;
    let reader = Arc::new(SigningKeyPair::generate());
    let more = json!({ "id_string": "n" });
    let mut last = None;
    for _ in 0..ROUNDS / 2 {
        let mut pending = Vec::new();
        if let Some(note) = last.take() {
            let path = format!("{NOTES}/{}", text(&Value::clone(&note)["note_id"]));
            let deleted = world.fixture.as_client(&world.writer, Method::DELETE, &path, None).await;
            assert_eq!(deleted.code(), 204);
        }
        for _ in 0..3 {
            pending.push(world.fixture.sent_note(&world.writer, &reader, more.clone()).await);
        }
        let race = {
            let world = Arc::clone(&world);
            async move {
                let commits: Vec<_> = pending
                    .into_iter()
                    .map(|pending| {
                        let world = Arc::clone(&world);
                        tokio::spawn(async move { world.fixture.commit_note(&world.writer, &pending).await })
                    })
                    .collect();
                let mut answers = Vec::new();
                for commit in commits {
                    answers.push(commit.await.unwrap());
                }
                answers
            }
        };
        let answers = swept(&world, race).await;
        answers.iter().for_each(|answer| is_one_of(answer, &[201, 409]));
        let done: Vec<_> = answers.iter().filter(|answer| answer.code() == 201).map(Answer::json).collect();
        let [note] = &done[..] else { panic!("{answers:?}") };
        let read =
            world.fixture.as_holder(&reader, Method::GET, &format!("{NOTES}?id_string=n")).await.json();
        assert_eq!(read["note_id"], note["note_id"]);
        let fetched = world.fixture.fetch(&read["file_meta"]["file_url"]).await;
        assert_eq!(fetched.body, super::note_files::BYTES);
        last = Some(note.clone());
    }
    world.fixture.sweep_all().await;
    assert_eq!(world.fixture.blobs(), 1, "bytes are left behind, or missing");
}

//! What processes that share a store tell one another: requests that came in, attempts, what they have in common.
#![allow(clippy::panic, clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use database::Database;
use tozstore_server::clock::SystemClock;
use tozstore_server::store::{AttemptCount, PostgresStore, RequestNote, SharedMemory, Store as _};

struct Processes {
    stores: [PostgresStore; 2],
    database: Database,
}

impl Processes {
    fn start() -> Self {
        let database = Database::new();
        let open = || database.open(Arc::new(SystemClock));
        Self { stores: [open(), open()], database }
    }

    fn shared(&self, process: usize) -> Arc<dyn SharedMemory> {
        self.stores[process % 2].shared().unwrap()
    }
}

fn request(signer: u8, signed_s: u64, name: u8) -> RequestNote {
    RequestNote { signer: [signer; 16], signed_s, name: [name; 16] }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn each_request_is_the_first_once() {
    let processes = Processes::start();
    let mut tasks = Vec::new();
    for turn in 0..6 {
        let shared = processes.shared(turn);
        tasks.push(tokio::spawn(async move {
            let mut firsts = Vec::new();
            for name in 0..100 {
                // In orders that cross.
                let name = if turn % 3 == 0 { 99 - name } else { name };
                if shared.note_request(request(name % 3, 1000, name)).await.unwrap() {
                    firsts.push(name);
                }
            }
            firsts
        }));
    }
    let mut firsts = Vec::new();
    for task in tasks {
        firsts.extend(task.await.unwrap());
    }
    firsts.sort_unstable();
    assert_eq!(firsts, (0..100).collect::<Vec<u8>>());
}

/// A request whose note was kept, but whose answer was lost, is not taken for a repetition of itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn connections_that_break_turn_nobody_away() {
    let processes = Processes::start();
    let (shared, noted) = (processes.shared(0), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&noted);
    let noting = tokio::spawn(async move {
        for n in 0..500_u64 {
            assert!(shared.note_request(request(1, 1000 + n, 1)).await.unwrap(), "{n}");
            count.store(n, Ordering::Relaxed);
        }
    });
    let mut cut_at = 0;
    while !noting.is_finished() {
        // Not so often that it gives up.
        if noted.load(Ordering::Relaxed) > cut_at + 5 {
            cut_at = noted.load(Ordering::Relaxed);
            tokio::task::block_in_place(|| processes.database.cut_connections());
        }
        tokio::task::yield_now().await;
    }
    noting.await.unwrap();
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn what_is_forgotten_is_refused() {
    let processes = Processes::start();
    let (one, other) = (processes.shared(0), processes.shared(1));
    for name in 0..10 {
        assert!(one.note_request(request(1, 1000 + u64::from(name), name)).await.unwrap());
    }
    assert!(one.note_request(request(2, 1000, 1)).await.unwrap());
    one.keep_requests([1; 16], 4).await.unwrap();
    for name in 0..10 {
        assert!(!other.note_request(request(1, 1000 + u64::from(name), name)).await.unwrap(), "{name}");
    }
    // New ones of the same age too, and nobody else's.
    assert!(!other.note_request(request(1, 1005, 77)).await.unwrap());
    assert!(other.note_request(request(1, 1006, 77)).await.unwrap());
    assert!(!other.note_request(request(2, 1000, 1)).await.unwrap());
    assert!(other.note_request(request(2, 1000, 2)).await.unwrap());
    // Seven of the first signer, and of those below the floor the one that was refused; the second has two.
    let mut forgotten = 0;
    loop {
        let step = one.forget_requests(2000, 3).await.unwrap();
        forgotten += step;
        if step < 3 {
            break;
        }
    }
    assert!((7..=16).contains(&forgotten), "{forgotten}");
    assert!(one.note_request(request(1, 1000, 1)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn no_attempt_is_missed() {
    let processes = Processes::start();
    let mut tasks = Vec::new();
    for turn in 0..4 {
        let shared = processes.shared(turn);
        tasks.push(tokio::spawn(async move {
            for last_s in 0..25 {
                let add =
                    move |count: AttemptCount| Ok(AttemptCount { attempts: count.attempts + 1, last_s });
                assert_eq!(shared.change_attempts(7, Box::new(add)).await.unwrap(), Ok(()));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let tell = |count: AttemptCount| Err(count.attempts.into());
    assert_eq!(processes.shared(0).change_attempts(7, Box::new(tell)).await.unwrap(), Err(100));
    assert_eq!(processes.shared(1).change_attempts(8, Box::new(tell)).await.unwrap(), Err(0));
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn the_first_decides_until_one_replaces() {
    let processes = Processes::start();
    let (one, other) = (processes.shared(0), processes.shared(1));
    assert!(one.agree("a", [1; 32], false).await.unwrap());
    assert!(!other.agree("a", [2; 32], false).await.unwrap());
    assert!(other.agree("a", [1; 32], false).await.unwrap());
    assert!(other.agree("b", [2; 32], false).await.unwrap());
    assert!(other.agree("a", [2; 32], true).await.unwrap());
    assert!(!one.agree("a", [1; 32], false).await.unwrap());
}

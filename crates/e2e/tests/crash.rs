//! What the server has acknowledged survives its sudden death.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt as _;
use tozstore::{Account, Client, Credentials, NewAccount, Query, RecordId, Secret, TokenOptions, fields};

const ROUNDS: usize = 20;
const WRITERS: usize = 32;
/// Records acknowledged in one round before the server is killed.
const WRITES_PER_ROUND: usize = 100;

/// A write that the server acknowledged.
struct Acknowledged {
    id: RecordId,
    value: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(folder.path());
    let credentials = register(&server.api_url).await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(write_until_killed(&mut server, &credentials, round).await);
        server = Process::start(folder.path());
        check(&server.api_url, &credentials, &acknowledged).await;
    }
    assert!(acknowledged.len() >= ROUNDS * WRITES_PER_ROUND, "{} writes", acknowledged.len());
}

/// Writes from many tasks at once, kills the server in the midst of it, and returns what it had acknowledged.
async fn write_until_killed(
    server: &mut Process,
    credentials: &Credentials,
    round: usize,
) -> Vec<Acknowledged> {
    let mut limits = tozstore::Limits::default();
    limits.max_tries = 1;
    let client =
        Client::builder(credentials.clone().with_api_url(&server.api_url)).limits(limits).build().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, count) = (client.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut done = Vec::new();
                loop {
                    let value = format!("{round}/{writer}/{}", done.len());
                    // The first failure is the server's death.
                    match client.write("t", fields! { "value" => value.clone() }).await {
                        Ok(record) => done.push(Acknowledged { id: record.id(), value }),
                        Err(_) => return done,
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while count.load(Ordering::Relaxed) < WRITES_PER_ROUND
        && !writers.iter().all(|writer| writer.is_finished())
    {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    server.kill();
    let mut all = Vec::new();
    for writer in writers {
        all.extend(writer.await.unwrap());
    }
    all
}

async fn check(api_url: &str, credentials: &Credentials, acknowledged: &[Acknowledged]) {
    let client = Client::new(credentials.clone().with_api_url(api_url)).unwrap();
    let ids: Vec<_> = acknowledged.iter().map(|one| one.id).collect();
    let read = client.read_many(&ids).await.unwrap();
    assert_eq!(read.len(), acknowledged.len(), "acknowledged records are missing");
    for (record, expected) in read.iter().zip(acknowledged) {
        assert_eq!((record.id(), record.field("value")), (expected.id, Some(expected.value.as_str())));
    }
    // Whatever else is there was written too, whole: every record opens.
    let all: Vec<_> = client.query(Query::new().page_size(1000)).records().try_collect().await.unwrap();
    assert!(all.len() >= acknowledged.len());
}

async fn register(api_url: &str) -> Credentials {
    let password = Secret::new("kP3v-9sXq-Lw2t-Zr8b");
    let new = NewAccount { name: "Owner", email: "owner@example.com", password: &password };
    let (account, _) = Account::create(api_url, new).await.unwrap();
    let token = account.create_token(TokenOptions::default()).await.unwrap();
    Client::register(api_url, token.token.expose(), "writer").await.unwrap().credentials
}

/// The real binary in a process of its own.
struct Process {
    child: Child,
    api_url: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let api_url =
            lines.by_ref().map(Result::unwrap).find_map(|line| address_in(&line)).expect("an address");
        // What else it prints is taken off its hands: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, api_url }
    }

    /// SIGKILL: it has no chance to tidy up.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of output, such as `listening on http://127.0.0.1:40001`.
fn address_in(line: &str) -> Option<String> {
    let start = line.find("127.0.0.1:")?;
    let address = line[start..].split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).next()?;
    Some(format!("http://{address}"))
}

/// The binary that `TOZSTORE_BIN` names, or the one that was built beside this test.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TOZSTORE_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let path = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join(format!("tozstore{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "build it first: cargo build -p tozstore-cli, or set TOZSTORE_BIN");
    path
}

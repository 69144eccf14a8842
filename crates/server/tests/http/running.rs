//! The whole server over a socket: it starts, answers, and stops without dropping what is under way.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tozstore_server::config::{Config, LimitsConfig, ListenConfig, StoreConfig};
use tozstore_server::keys::{KEY_FILE, ServerKeyError};
use tozstore_server::{RunningServer, Server, StartError, http};

use super::files::target;
use super::fixture::Fixture;

use crate::database::Database;

fn config(dir: &tempfile::TempDir) -> Config {
    let listen = ListenConfig { address: ([127, 0, 0, 1], 0).into(), ..ListenConfig::default() };
    Config { data_dir: dir.path().join("data"), listen, ..Config::default() }
}

async fn exchange(server: &RunningServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_server_answers_and_keeps_its_identity() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(config(&dir)).await.unwrap();
    let (id, key) = (server.store_id(), std::fs::read(dir.path().join("data").join(KEY_FILE)).unwrap());
    let answer =
        exchange(&server, "GET /v1/auth/healthcheck HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // One official client reads no chunked answers, and one writes a whole URL into its first line.
    let target = format!("POST http://{}/v1/account/challenge/ HTTP/1.1", server.local_addr());
    let answer = exchange(
        &server,
        &format!(
            "{target}\r\nhost: a\r\nconnection: close\r\ncontent-length: 15\r\n\r\n{{\"email\":\"a@b\"}}"
        ),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-length: ") && !answer.contains("transfer-encoding"), "{answer}");
    server.shutdown().await;
    let server = Server::start(config(&dir)).await.unwrap();
    assert_eq!(server.store_id(), id);
    assert_eq!(std::fs::read(dir.path().join("data").join(KEY_FILE)).unwrap(), key);
    server.shutdown().await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn servers_share_a_database() {
    let database = Database::new();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let store = StoreConfig { url: database.url.clone().into(), ..StoreConfig::default() };
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(Server::start(Config { store: store.clone(), ..config(&dirs[0]) }).await.unwrap());
    }
    assert!(!dirs[0].path().join("data/tozstore.db").exists());
    // One with a key of its own, then one with files of its own.
    let stranger = Config { store: store.clone(), ..config(&dirs[1]) };
    let refused = Server::start(stranger.clone()).await.map(|server| server.store_id()).unwrap_err();
    assert!(matches!(refused, StartError::Key(ServerKeyError::Other(_))), "{refused}");
    assert!(refused.to_string().contains("server_key_file"), "{refused}");
    let server_key_file = dirs[0].path().join("data").join(KEY_FILE);
    let refused = Server::start(Config { server_key_file, ..stranger }).await;
    assert!(matches!(refused, Err(StartError::OtherFiles)));
    assert_eq!(servers[0].store_id(), servers[1].store_id());
    for server in servers {
        let answer =
            exchange(&server, "GET /v1/auth/healthcheck HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        server.shutdown().await;
    }
    let store = StoreConfig {
        url: "postgres://user:hunter2@host:nan/db".to_owned().into(),
        ..StoreConfig::default()
    };
    let refused = Server::start(Config { store, ..config(&dirs[0]) }).await;
    let text = refused.map(|server| server.store_id()).unwrap_err().to_string();
    assert!(
        text.contains("postgres://user:password@host:port/database") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_data_directory_serves_one_process_and_a_port_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(config(&dir)).await.unwrap();
    assert!(matches!(Server::start(config(&dir)).await, Err(StartError::Store(_))));
    let other_dir = tempfile::tempdir().unwrap();
    let listen = ListenConfig { address: server.local_addr(), ..ListenConfig::default() };
    let taken = Config { listen, ..config(&other_dir) };
    assert!(matches!(Server::start(taken).await, Err(StartError::Listen { .. })));
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_server_stops() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(config(&dir)).await.unwrap();
    let address = server.local_addr();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server asks for the body, so it has begun with the request.
    let head = "POST /v1/account/challenge HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 15\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let mut stopping = Box::pin(server.shutdown());
    poll_fn(|context| {
        assert!(stopping.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let stopping = tokio::spawn(stopping);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"{\"email\":\"a@b\"}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn connections_that_say_nothing_lose_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let limits = LimitsConfig {
        connections: 1,
        header_read_timeout_s: 1,
        connection_pause_s: 1,
        ..LimitsConfig::default()
    };
    let server = Server::start(Config { limits, ..config(&dir) }).await.unwrap();
    let request = "GET /v1/auth/healthcheck HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    // Nothing at all; less than tells the version; HTTP/2 with settings, and no request after them.
    for opening in ["", "PRI * H", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"] {
        let mut silent = TcpStream::connect(server.local_addr()).await.unwrap();
        silent.write_all(opening.as_bytes()).await.unwrap();
        let answer = exchange(&server, request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{opening:?}: {answer}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(config(&dir)).await.unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    // No more than the server has to read before it refuses, or the answer could be lost.
    let head = format!("GET /v1/auth/healthcheck HTTP/1.1\r\nx: {}", "a".repeat(64 * 1024));
    stream.write_all(&head.as_bytes()[..64 * 1024]).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    drop(stream);
    server.shutdown().await;
}

#[tokio::test]
async fn bytes_of_files_are_asked_for_before_they_are_sent() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopped) = watch::channel(());
    tokio::spawn(http::serve(listener, None, std::sync::Arc::clone(&fixture.app), stopped));
    let pending = fixture.announce(&writer, b"bytes").await;
    let path = target(&pending["file_url"]);
    let put = async |target: &str, len: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    // What cannot be right is refused before a byte of it is sent.
    for (target, len, status) in [
        (path.clone(), 6, "400"),
        ("/v3/file-bytes/x.y".to_owned(), 5, "403"),
        ("/v3/none".to_owned(), 5, "404"),
    ] {
        let mut answer = String::new();
        put(&target, len).await.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let mut stream = put(&path, 5).await;
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"bytes").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(fixture.commit(&writer, &pending).await.code(), 201);
}

//! A server in this process, and a relay before it that counts what passes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tozstore_server::config::Config;

/// Settings of a server with the embedded store in a folder, on a free port. Who measures asks more than anybody may.
pub(crate) fn config(data_dir: &Path) -> Config {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.listen.address = ([127, 0, 0, 1], 0).into();
    config.listen.drain_s = 0;
    (config.rates.client_per_s, config.rates.account_per_s, config.rates.address_per_s) = (0, 0, 0);
    config
}

/// The address of a server, for the SDK.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Passes bytes on, and counts them.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Bytes of requests and of answers, with their headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Relay {
    pub(crate) async fn start(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&counts)));
        Ok(Self { address, counts, accepting })
    }

    /// What passed since the last call.
    pub(crate) fn take(&self) -> Passed {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Passed { sent: take(&self.counts.sent), received: take(&self.counts.received) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, counts: Arc<Counts>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(server).await else { continue };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ((client_reads, client_writes), (server_reads, server_writes)) =
            (client.into_split(), server.into_split());
        let (up, down) = (Arc::clone(&counts), Arc::clone(&counts));
        tokio::spawn(async move { pass(client_reads, server_writes, &up.sent).await });
        tokio::spawn(async move { pass(server_reads, client_writes, &down.received).await });
    }
}

/// Counts before it passes on: whoever has an answer finds it counted.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, count: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(bytes) = from.read(&mut buffer).await {
        count.fetch_add(bytes as u64, Ordering::Relaxed);
        if bytes == 0 || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}

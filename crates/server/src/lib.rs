//! The TozStore server: rows, access decisions, HTTP.
//!
//! [`Server::start`] runs all of it; [`App`] and [`http::router`] are the same without sockets.

pub mod admin;
mod admission;
mod app;
pub mod archive;
pub mod audit;
pub mod blobs;
pub mod clock;
pub mod config;
pub mod hooks;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod keys;
mod login_failures;
pub mod mail;
pub mod metrics;
pub mod moving;
pub mod policy;
mod quotas;
mod rates;
pub mod readiness;
mod replays;
pub mod store;
pub mod telemetry;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tozstore_crypto::StoreId;

pub use app::App;
use blobs::{Blobs, S3Error};
use clock::{Clock, SystemClock};
use config::{Config, FilesConfig, StoreConfig};
use http::{Certificates, TlsError};
use keys::{KEY_FILE, ServerKeyError, ServerKeys};
use mail::{MailError, Mailer};
use store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store, StoreError};
use telemetry::{Exporter, TelemetryError};

/// Name of the database in the data directory.
const DATABASE_FILE: &str = "tozstore.db";
/// Name of the folder with the bytes of files in the data directory.
const BLOB_DIR: &str = "files";

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that runs. Dropping it stops it in the background; [`RunningServer::shutdown`] waits.
pub struct RunningServer {
    local_addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    certificates: Option<Arc<Certificates>>,
    app: Arc<App>,
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
    /// What tells an operator how it goes, to the end.
    operations: Option<(watch::Sender<()>, JoinHandle<()>)>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder for the bytes of files cannot be used.
    #[error("the folder {path} cannot be used: {source}")]
    BlobDir {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The data directory cannot be made.
    #[error("the data directory {path} cannot be made: {source}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The server's key cannot be used.
    #[error(transparent)]
    Key(#[from] ServerKeyError),
    /// Nothing can listen at the address.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// Mails cannot be sent as it is set up.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The other servers on the store keep files elsewhere.
    #[error(
        "the other servers on this store keep the bytes of files in another place: give all of them the same bucket, or \
         the same folder on a file system that they share"
    )]
    OtherFiles,
    /// There can be no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The bytes of files cannot be kept in S3 as it is set up.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Spans cannot be sent as it is set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl Server {
    /// Opens the data directory, and the database and the bucket if they are named, and serves them. When this is done, connections are accepted.
    ///
    /// # Errors
    /// The data cannot be opened, or the address is taken.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let address = config.listen.address;
        let (data_dir, store_config) = (config.data_dir.clone(), config.store.clone());
        let files_config = config.files.clone();
        let key_file = Some(config.server_key_file.clone()).filter(|path| !path.as_os_str().is_empty());
        // Before the store: what is set up wrongly is told at once.
        let certificates = Certificates::open(&config.tls)?;
        let tls = certificates.as_ref().map(Certificates::acceptor).transpose()?;
        let mailer = Mailer::new(&config.mail)?;
        let exporter = Exporter::new(&config.telemetry)?;
        let opening = {
            let clock = Arc::clone(&clock);
            let key_file = key_file.clone();
            tokio::task::spawn_blocking(move || {
                open(&data_dir, key_file.as_deref(), &store_config, &files_config, clock)
            })
        };
        let (keys, store, blobs) = opening.await.map_err(|error| StoreError::Internal(error.into()))??;
        if let Some(shared) = store.shared() {
            let commitment = *keys.commitment();
            if !shared.agree("server_key", commitment, config.store.new_server_key).await? {
                let path = key_file.unwrap_or_else(|| config.data_dir.join(KEY_FILE));
                return Err(ServerKeyError::Other(path.display().to_string()).into());
            }
            match blobs.place().await {
                Ok(place) if !shared.agree("files", place, false).await? => {
                    return Err(StartError::OtherFiles);
                }
                Ok(_) => {}
                // What needs it is refused until it can be reached.
                Err(error) => {
                    tracing::warn!(%error, "it cannot be told whether the others keep files in the same place")
                }
            }
        }
        let (listener, local_addr) = bind(address).await?;
        let operations_listener = match config.metrics.listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let app = App::new(config, store, blobs, clock, keys);
        if let Err(error) = app.admission.watch_processor(Handle::current()) {
            tracing::warn!(%error, "under overload, requests will wait for the processor instead of being refused");
        }
        let metrics_addr = operations_listener.as_ref().map(|&(_, address)| address);
        let operations = operations_listener.map(|(listener, _)| {
            let (stop, stopped) = watch::channel(());
            (stop, tokio::spawn(http::serve_operations(listener, Arc::clone(&app), stopped)))
        });
        let (stop, stopped) = watch::channel(());
        let mut tasks = vec![
            tokio::spawn(http::serve(listener, tls, Arc::clone(&app), stopped.clone())),
            tokio::spawn(hooks::run(Arc::clone(&app), stopped.clone())),
            tokio::spawn(jobs::run(Arc::clone(&app), stopped.clone())),
        ];
        if let Some(mailer) = mailer {
            tasks.push(tokio::spawn(mail::run(Arc::clone(&app), mailer, stopped.clone())));
        }
        if let Some(exporter) = exporter {
            tasks.push(tokio::spawn(telemetry::run(Arc::clone(&app), exporter, stopped.clone())));
        }
        if let Some(certificates) = &certificates {
            tasks.push(tokio::spawn(Arc::clone(certificates).watch(stopped)));
        }
        tracing::info!(%local_addr, store_id = %app.store.id(), "the server is up");
        Ok(RunningServer { local_addr, metrics_addr, certificates, app, stop, tasks, operations })
    }
}

/// Opens the rows of a server as it would itself, for its operator. Rows in a file are opened by one program at a time.
///
/// # Errors
/// They cannot be opened.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let (data_dir, store) = (config.data_dir.clone(), config.store.clone());
    let opening = tokio::task::spawn_blocking(move || open_rows(&data_dir, &store, Arc::new(SystemClock)));
    opening.await.map_err(|error| StoreError::Internal(error.into()))?
}

impl RunningServer {
    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it tells its figures, if it does.
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Whether it speaks TLS.
    pub const fn is_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// Reads the files of the certificate again, and says in the log how it went. It does so by itself too, but later.
    pub fn reload_certificates(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.reload_and_tell();
        }
    }

    /// Which store it serves.
    pub fn store_id(&self) -> StoreId {
        self.app.store.id()
    }

    /// Says that it is not ready and goes on for the time that balancers need to see it; then accepts no more
    /// connections, lets requests under way finish (for the time that the set-up gives them), and closes the store last.
    pub async fn shutdown(self) {
        let Self { app, stop, tasks, operations, .. } = self;
        app.readiness.stop();
        tokio::time::sleep(Duration::from_secs(app.config.listen.drain_s)).await;
        drop(stop);
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server failed");
            }
        }
        app.store.close().await;
        if let Some((stop, task)) = operations {
            drop(stop);
            let _ = task.await;
        }
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen_error = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let local_addr = listener.local_addr().map_err(listen_error)?;
    Ok((listener, local_addr))
}

fn open(
    data_dir: &Path,
    key_file: Option<&Path>,
    store: &StoreConfig,
    files: &FilesConfig,
    clock: Arc<dyn Clock>,
) -> Result<(ServerKeys, Arc<dyn Store>, Blobs), StartError> {
    keys::create_private_dir(data_dir)
        .map_err(|source| StartError::DataDir { path: data_dir.to_owned(), source })?;
    let keys = match key_file {
        Some(path) => ServerKeys::open_file(path)?,
        None => ServerKeys::open(data_dir)?,
    };
    let store = open_rows(data_dir, store, clock)?;
    let blobs = if files.url.is_empty() {
        let path = data_dir.join(BLOB_DIR);
        let blobs = if store.shared().is_some() { Blobs::in_shared_dir(&path) } else { Blobs::in_dir(&path) };
        blobs.map_err(|source| StartError::BlobDir { path, source })?
    } else {
        Blobs::in_s3(files)?
    };
    Ok((keys, store, blobs))
}

fn open_rows(
    data_dir: &Path,
    store: &StoreConfig,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match store.url.address() {
        Some(url) => {
            let ca_file = Some(store.ca_file.clone()).filter(|path| !path.as_os_str().is_empty());
            let options =
                PostgresOptions { readers: store.connections, ca_file, ..PostgresOptions::default() };
            Arc::new(PostgresStore::open(url, clock, options)?)
        }
        None => Arc::new(SqliteStore::open(&data_dir.join(DATABASE_FILE), clock, SqliteOptions::default())?),
    })
}

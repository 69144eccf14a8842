//! An S3 server in this process, which checks signatures and keeps bytes in a temporary folder, and its bad days.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by tests, each of which uses a part")]

use std::fs;
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use tower_http::cors::CorsLayer;
use tozstore_server::blobs::Blobs;
use tozstore_server::config::FilesConfig;

/// After which a connection is closed on which nothing is asked, as other stores do. A client that does not read the
/// answer to an upload waits for it.
const IDLE_TIME: Duration = Duration::from_secs(2);
const BUCKET: &str = "bucket";
const ACCESS_KEY: &str = "test";
const SECRET_KEY: &str = "a secret of the tests";

/// What such a server does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It says that it cannot now.
    Busy,
    /// It says that we may not.
    Forbidden,
    /// It does not answer.
    Silent,
}

/// An S3 server with an empty bucket. It ends with the runtime in which it began.
pub struct ObjectServer {
    root: PathBuf,
    /// Gone with this, if it is.
    temporary: Option<tempfile::TempDir>,
    pub address: SocketAddr,
    fault: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

impl ObjectServer {
    pub async fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self::start_at(address, temporary.path()).await;
        server.temporary = Some(temporary);
        server
    }

    /// At an address, with its data in a folder that stays.
    pub async fn start_at(address: SocketAddr, root: &Path) -> Self {
        let root = root.to_owned();
        fs::create_dir_all(data(&root).join(BUCKET)).unwrap();
        fs::write(root.join("secret"), format!("{SECRET_KEY}\n")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(data(&root)).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let fault = Arc::new(AtomicU8::new(Fault::None as u8));
        let shown = Arc::clone(&fault);
        let answer = async move |request: Request<Body>| -> Response {
            match shown.load(Ordering::Relaxed) {
                fault if fault == Fault::Busy as u8 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                fault if fault == Fault::Forbidden as u8 => StatusCode::FORBIDDEN.into_response(),
                fault if fault == Fault::Silent as u8 => pending().await,
                _ => service.clone().oneshot(request).await.unwrap().map(Body::new),
            }
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        // Pages of other origins may use it, as the rule in docs/operating.md lets them.
        let router = Router::new().fallback(answer).layer(CorsLayer::permissive());
        let service = TowerToHyperService::new(router);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let mut builder = auto::Builder::new(TokioExecutor::new());
                    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIME);
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { root, temporary: None, address, fault, task }
    }

    /// How a server is set up to keep its bytes here.
    pub fn files(&self, presign: bool) -> FilesConfig {
        FilesConfig {
            url: format!("s3://{BUCKET}/some/prefix"),
            endpoint: format!("http://{}", self.address),
            access_key: ACCESS_KEY.into(),
            secret_key_file: self.root.join("secret"),
            timeout_s: 20,
            presign,
            ..FilesConfig::default()
        }
    }

    pub fn blobs(&self, presign: bool) -> Blobs {
        Blobs::in_s3(&self.files(presign)).unwrap()
    }

    /// From now on, requests are answered so.
    pub fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
    }

    /// How many blobs there are.
    pub fn blob_count(&self) -> usize {
        let all = files_under(&data(&self.root).join(BUCKET));
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        all.iter().map(name).filter(|name| name.len() == 32).count()
    }

    /// How many parts there are of what is not finished.
    pub fn part_count(&self) -> usize {
        let all = files_under(&data(&self.root));
        all.iter().filter(|path| path.to_str().unwrap().contains(".upload_id-")).count()
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn data(root: &Path) -> PathBuf {
    root.join("data")
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // What is removed meanwhile is not there.
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            found.extend(files_under(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

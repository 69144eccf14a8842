//! Connections: accepting them, serving them, letting them finish.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use futures_util::future::Either;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use super::admission;
use super::metrics::operations_router;
use super::rates::Peer;
use super::router;
use super::stalls::Unstalled;
use crate::App;

/// Streams that one HTTP/2 connection may have open.
const HTTP2_STREAMS: u32 = 128;
/// Memory for the head of a request, and for what of its body has come but was not asked for.
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;
/// Pause after the system could not accept a connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that an operator's programs may have open.
const OPERATIONS_CONNECTIONS: usize = 32;

/// Serves connections, over TLS if there is an acceptor, until `stop` changes or its sender is gone; then lets requests
/// under way finish, for a time.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    stop: watch::Receiver<()>,
) {
    let connections = app.config.limits.connections.min(Semaphore::MAX_PERMITS);
    let wait = Duration::from_secs(app.config.listen.shutdown_wait_s);
    let offer = Offer { router: router(Arc::clone(&app)), sheds: Some(Arc::clone(&app)), connections, wait };
    run(listener, tls, &app, offer, stop).await;
}

/// Tells an operator's programs how it goes, until `stop` changes or its sender is gone.
pub async fn serve_operations(listener: TcpListener, app: Arc<App>, stop: watch::Receiver<()>) {
    let router = operations_router(Arc::clone(&app));
    let wait = Duration::from_secs(1);
    let offer = Offer { router, sheds: None, connections: OPERATIONS_CONNECTIONS, wait };
    run(listener, None, &app, offer, stop).await;
}

/// What is offered on a listener.
struct Offer {
    router: Router,
    /// Who knows when to refuse requests, if they are refused when there is too much to do.
    sheds: Option<Arc<App>>,
    connections: usize,
    /// For requests under way, when the server stops.
    wait: Duration,
}

async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: &Arc<App>,
    offer: Offer,
    mut stop: watch::Receiver<()>,
) {
    let Offer { router, sheds, connections, wait } = offer;
    let limits = &app.config.limits;
    let connections = Arc::new(Semaphore::new(connections));
    let header_time = Duration::from_secs(limits.header_read_timeout_s);
    let pause = Duration::from_secs(limits.connection_pause_s);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(HTTP1_BUFFER_BYTES)
        .header_read_timeout(header_time);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(HTTP2_STREAMS);
    let graceful = GracefulShutdown::new();
    while let Some((stream, peer, permit)) = tokio::select! {
        accepted = accept(&listener, &connections) => accepted,
        _ = stop.changed() => None,
    } {
        let held = (permit, app.metrics.connection_opens());
        let stalls = app.metrics.stalls();
        let service = TowerToHyperService::new(FromPeer {
            router: router.clone(),
            peer: Peer(peer),
            sheds: sheds.clone(),
        });
        let (builder, service, tls, watcher) = (builder.clone(), service, tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            // A connection that breaks off is the other side's business.
            match tls {
                None => {
                    let stream = Unstalled::new(stream, header_time, pause, stalls);
                    let _ = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await;
                }
                Some(tls) => match tokio::time::timeout(header_time, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let stream = Unstalled::new(stream, header_time, pause, stalls);
                        let _ = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
                    Err(_) => {
                        stalls.inc();
                    }
                },
            }
            drop(held);
        });
    }
    drop(listener);
    if tokio::time::timeout(wait, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish before the server stopped");
    }
}

/// The routes, for a connection from `peer`.
#[derive(Clone)]
struct FromPeer {
    router: Router,
    peer: Peer,
    /// Of a listener that refuses requests when there is too much to do.
    sheds: Option<Arc<App>>,
}

impl<B> Service<Request<B>> for FromPeer
where
    Router: Service<Request<B>, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, <Router as Service<Request<B>>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.router.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(refusal) = self.sheds.as_ref().and_then(|app| admission::refuse_early(app, &request)) {
            return Either::Left(ready(Ok(refusal)));
        }
        request.extensions_mut().insert(self.peer);
        Either::Right(self.router.call(request))
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and written at once; waiting for more to send would only delay them.
                let _ = stream.set_nodelay(true);
                return Some((stream, peer.ip(), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

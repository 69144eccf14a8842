//! Sends spans to the collector, many at a time. What it does not take is dropped: no request waits for it, and none fails.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{Span, encode};
use crate::App;
use crate::config::TelemetryConfig;

/// Spans of one message.
const BATCH_SPANS: usize = 512;
/// How long the first span of a message waits for others.
const BATCH_WAIT: Duration = Duration::from_secs(2);
/// Time in which the collector must answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why spans cannot be sent as it is set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The address is none.
    #[error("telemetry.endpoint: {0:?} is no address such as http://127.0.0.1:4318/v1/traces")]
    Address(String),
    /// There is no client for it.
    #[error("spans cannot be sent: {0}")]
    Client(#[from] reqwest::Error),
}

/// The way to a collector.
pub struct Exporter {
    http: reqwest::Client,
    endpoint: Url,
    service: String,
}

impl Exporter {
    /// As it is set up; none if nothing is traced.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(config: &TelemetryConfig) -> Result<Option<Self>, TelemetryError> {
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let endpoint = Url::parse(&config.endpoint).ok();
        let endpoint = endpoint
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| TelemetryError::Address(config.endpoint.clone()))?;
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .user_agent(concat!("tozstore/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Some(Self { http, endpoint, service: config.service_name.clone() }))
    }

    async fn send(&self, spans: &[Span]) -> Result<(), String> {
        let request = self
            .http
            .post(self.endpoint.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(encode(&self.service, spans));
        // The address may hold a password.
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status())) }
    }
}

/// Sends what comes until `stop` changes or its sender is gone, and then what is left.
pub async fn run(app: Arc<App>, exporter: Exporter, mut stop: watch::Receiver<()>) {
    let Some(mut waiting) = app.telemetry.take_waiting() else { return };
    let mut is_failing = false;
    let mut is_stopping = false;
    while !is_stopping {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = stop.changed() => is_stopping = true,
            received = waiting.recv_many(&mut batch, BATCH_SPANS) => is_stopping = received == 0,
        }
        if is_stopping {
            waiting.close();
            drain(&mut waiting, &mut batch);
        } else {
            tokio::select! {
                () = gather(&mut waiting, &mut batch) => {}
                _ = stop.changed() => {
                    is_stopping = true;
                    waiting.close();
                    drain(&mut waiting, &mut batch);
                }
            }
        }
        for spans in batch.chunks(BATCH_SPANS) {
            let sent = exporter.send(spans).await;
            // Once, not at each message.
            match (&sent, is_failing) {
                (Err(error), false) => {
                    tracing::warn!(error, "the collector does not take spans; they are dropped")
                }
                (Ok(()), true) => tracing::info!("the collector takes spans again"),
                _ => {}
            }
            is_failing = sent.is_err();
        }
        let dropped = app.telemetry.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "spans were dropped: there are more than the collector takes");
        }
    }
}

/// Waits for a message to be full, for a while.
async fn gather(waiting: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    let end = Instant::now() + BATCH_WAIT;
    while batch.len() < BATCH_SPANS {
        let room = BATCH_SPANS - batch.len();
        match timeout_at(end, waiting.recv_many(batch, room)).await {
            Ok(received) if received > 0 => {}
            _ => return,
        }
    }
}

/// Takes all that is left.
fn drain(waiting: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    while let Ok(span) = waiting.try_recv() {
        batch.push(span);
    }
}

//! Traces: one span for each request, sent to a collector that speaks OTLP, if one is named.
//!
//! A span says what the log says, and no more: the pattern of the route, never ids of clients or records, queries, headers
//! or bodies.

mod exporter;
mod otlp;
mod trace_context;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tozstore_api::Timestamp;

use crate::config::TelemetryConfig;

pub use exporter::{Exporter, TelemetryError, run};
pub use otlp::encode;
pub use trace_context::TraceContext;

/// Spans that wait to be sent. More of them are dropped: requests do not wait for a collector.
const QUEUE_SPANS: usize = 4096;

tokio::task_local! {
    static STORE_TIME: Arc<StoreTime>;
}

/// What is traced, and the spans that wait to be sent.
pub struct Telemetry {
    one_in: u64,
    /// None if nothing is traced.
    queue: Option<mpsc::Sender<Span>>,
    waiting: Mutex<Option<mpsc::Receiver<Span>>>,
    dropped: AtomicU64,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its place in a trace.
    pub context: TraceContext,
    /// The span of whoever asked, if that is part of a trace.
    pub parent: Option<[u8; 8]>,
    /// The method.
    pub method: &'static str,
    /// The pattern of the route.
    pub route: String,
    /// The status of the answer.
    pub status: u16,
    /// The id of the request, as in the log.
    pub request_id: String,
    /// When it came.
    pub begun: Timestamp,
    /// How long it took until the head of the answer.
    pub taken: Duration,
    /// Jobs of the store, and how long they took together, waits included.
    pub store_jobs: u64,
    /// The same.
    pub store_taken: Duration,
}

/// What a request needed of the store.
#[derive(Debug, Default)]
struct StoreTime {
    jobs: AtomicU64,
    micros: AtomicU64,
}

impl Telemetry {
    /// As it is set up.
    pub fn new(config: &TelemetryConfig) -> Self {
        let (queue, waiting) = match config.endpoint.is_empty() {
            true => (None, None),
            false => {
                let (queue, waiting) = mpsc::channel(QUEUE_SPANS);
                (Some(queue), Some(waiting))
            }
        };
        let one_in = u64::from(config.one_in).max(1);
        Self { one_in, queue, waiting: Mutex::new(waiting), dropped: AtomicU64::new(0) }
    }

    /// Whether a request is traced, and as what: `parent` is what it says of itself, whose decision counts.
    pub fn begin(&self, parent: Option<&TraceContext>) -> Option<TraceContext> {
        self.queue.as_ref()?;
        match parent {
            Some(parent) => parent.is_sampled.then(|| parent.child()),
            None => Some(TraceContext::random()).filter(|context| context.is_drawn(self.one_in)),
        }
    }

    /// Takes a span, or drops it if too many wait.
    pub fn end(&self, span: Span) {
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(span).is_ok());
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The spans that wait, for the one that sends them.
    fn take_waiting(&self) -> Option<mpsc::Receiver<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many were dropped since this was asked last.
    fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// Answers a request, and tells what it needed of the store: jobs, and how long they took.
pub async fn with_store_time<T>(answer: impl Future<Output = T>) -> (T, u64, Duration) {
    let time = Arc::new(StoreTime::default());
    let answered = STORE_TIME.scope(Arc::clone(&time), answer).await;
    let jobs = time.jobs.load(Ordering::Relaxed);
    (answered, jobs, Duration::from_micros(time.micros.load(Ordering::Relaxed)))
}

/// A job of the store was done for the request that is being answered, if there is one that is traced.
pub fn store_job_ends(taken: Duration) {
    let _ = STORE_TIME.try_with(|time| {
        time.jobs.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
        time.micros.fetch_add(micros, Ordering::Relaxed);
    });
}

//! An engine with figures: how long its jobs wait and take. They are logged as part of the request that asked.

use std::sync::Arc;

use tokio::time::Instant;
use tozstore_crypto::StoreId;
use tracing::Span;

use super::{BoxFuture, ReadJob, SharedMemory, Store, StoreError, WriteJob};
use crate::admission::Admission;
use crate::metrics::{JobKind, Metrics, UnderWay};
use crate::telemetry::store_job_ends;

/// A store whose jobs are counted.
pub struct MeteredStore {
    inner: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
}

impl MeteredStore {
    /// Counts the jobs of `inner`, and tells `admission` how long they wait.
    pub const fn new(inner: Arc<dyn Store>, metrics: Arc<Metrics>, admission: Arc<Admission>) -> Self {
        Self { inner, metrics, admission }
    }
}

impl Store for MeteredStore {
    fn id(&self) -> StoreId {
        self.inner.id()
    }

    fn run_read(&self, name: &'static str, mut job: ReadJob) -> BoxFuture<Result<(), StoreError>> {
        let (inner, metrics, span) = (Arc::clone(&self.inner), Arc::clone(&self.metrics), Span::current());
        let admission = Arc::clone(&self.admission);
        Box::pin(async move {
            let asked = Instant::now();
            let mut wait = Wait::begin(&metrics, admission, JobKind::Read, asked);
            let job: ReadJob = Box::new(move |tx| {
                wait.end();
                span.in_scope(|| job(tx));
            });
            let outcome = inner.run_read(name, job).await;
            let taken = asked.elapsed();
            metrics.job_ends(JobKind::Read, name, taken, outcome.is_ok());
            store_job_ends(taken);
            outcome
        })
    }

    fn run_write(&self, name: &'static str, mut job: WriteJob) -> BoxFuture<Result<(), StoreError>> {
        let (inner, metrics, span) = (Arc::clone(&self.inner), Arc::clone(&self.metrics), Span::current());
        let admission = Arc::clone(&self.admission);
        Box::pin(async move {
            let asked = Instant::now();
            let mut wait = Wait::begin(&metrics, admission, JobKind::Write, asked);
            let job: WriteJob = Box::new(move |tx| {
                wait.end();
                span.in_scope(|| job(tx))
            });
            let outcome = inner.run_write(name, job).await;
            let taken = asked.elapsed();
            metrics.job_ends(JobKind::Write, name, taken, outcome.is_ok());
            store_job_ends(taken);
            outcome
        })
    }

    fn shared(&self) -> Option<Arc<dyn SharedMemory>> {
        self.inner.shared()
    }

    fn close(&self) -> BoxFuture<()> {
        self.inner.close()
    }
}

/// From asking for a job to its first run. One that is dropped before that waits no longer, and is no wait.
struct Wait {
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
    kind: JobKind,
    asked: Instant,
    under_way: Option<UnderWay>,
}

impl Wait {
    fn begin(metrics: &Arc<Metrics>, admission: Arc<Admission>, kind: JobKind, asked: Instant) -> Self {
        admission.gate(kind).enter();
        let under_way = Some(metrics.job_waits(kind));
        Self { metrics: Arc::clone(metrics), admission, kind, asked, under_way }
    }

    fn end(&mut self) {
        if self.under_way.take().is_some() {
            let now = Instant::now();
            self.metrics.job_begins(self.kind, now.duration_since(self.asked));
            self.admission.gate(self.kind).begin(self.asked, now);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if self.under_way.take().is_some() {
            self.admission.gate(self.kind).leave();
        }
    }
}

//! Figures about a server at work, for Prometheus: how much, how long, how often not.
//!
//! They belong to one [`App`](crate::App), not to the process. No label names anybody: labels come from lists in the
//! code, such as patterns of routes and names of jobs, so that there is a bound to their number.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::text`] (OpenMetrics 1.0, which Prometheus reads).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the ranges of times, in seconds.
const TIME_BUCKETS_S: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// What a server counts.
pub struct Metrics {
    registry: Registry,
    memory: Gauge,
    open_files: Gauge,
    requests: Times<Request>,
    requests_under_way: Gauge,
    requests_limit: Gauge,
    jobs: Times<StoreJob>,
    waits: Times<StoreKind>,
    waiting: Family<StoreKind, Gauge>,
    limits: Family<StoreKind, Gauge>,
    failures: Family<StoreKind, Counter>,
    blobs: Times<BlobOperation>,
    blob_failures: Family<BlobOperation, Counter>,
    file_bytes: Family<FileFlow, Counter>,
    files_removed: Counter,
    rounds: Family<Outcome, Counter>,
    last_round: Gauge,
    tokens: Family<TokenCall, Counter>,
    sheds: Family<Shed, Counter>,
    rates_exceeded: Family<CallerKind, Counter>,
    audit_position: Gauge,
    deliveries: Family<Outcome, Counter>,
    connections: Gauge,
    stalls: Counter,
}

/// A request, as far as figures tell requests apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The pattern of its route.
    pub route: String,
    /// Its method, one of those that are served, else `other`.
    pub method: &'static str,
    /// The class of its status, such as `2xx`.
    pub status: &'static str,
}

/// What a job of the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// It looks.
    Read,
    /// It may change things.
    Write,
}

impl JobKind {
    const fn label(self) -> StoreKind {
        StoreKind {
            kind: match self {
                Self::Read => "read",
                Self::Write => "write",
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreJob {
    kind: &'static str,
    job: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BlobOperation {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileFlow {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Outcome {
    const fn of(is_ok: bool) -> Self {
        Self { outcome: if is_ok { "ok" } else { "failed" } }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenCall {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallerKind {
    caller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shed {
    reason: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Figures that begin at nothing.
    pub fn new() -> Self {
        let mut whole = Registry::default();
        let mut process = Names(whole.sub_registry_with_prefix("process"));
        let memory = process.add("resident_memory_bytes", "Memory that the process takes", Gauge::default());
        let open_files = process.add("open_fds", "File descriptors that are open", Gauge::default());
        let started: Gauge =
            process.add("start_time_seconds", "When the server began, Unix time", Gauge::default());
        started.set(unix_seconds());
        let mut names = Names(whole.sub_registry_with_prefix("tozstore"));
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        names.0.register("build", "The program", version);
        let requests =
            names.add("http_request_seconds", "From a request's head to that of its answer", times());
        let requests_under_way = names.add("http_requests_in_flight", "Requests under way", Gauge::default());
        let jobs = names.add("store_job_seconds", "From asking the store to its answer", times());
        let waits = names.add("store_wait_seconds", "From asking the store to its beginning", times());
        let waiting = names.add("store_jobs_waiting", "Jobs that the store has not begun", Family::default());
        let limits = names.add(
            "store_jobs_limit",
            "Jobs that may wait before requests are refused",
            Family::default(),
        );
        let requests_limit = names.add(
            "http_requests_limit",
            "Requests that may be under way before others are refused",
            Gauge::default(),
        );
        let failures = names.add("store_failures", "Jobs that the store could not do", Family::default());
        let blobs =
            names.add("blob_operation_seconds", "From asking the place of files to its answer", times());
        let blob_failures =
            names.add("blob_failures", "What the place of files could not do", Family::default());
        let file_bytes = names.add("file_bytes", "Bytes of files, sent in and out", Family::default());
        let files_removed =
            names.add("files_removed", "Files removed that nothing has any more", Counter::default());
        let rounds = names.add("sweep_rounds", "Rounds of cleaning up", Family::default());
        let last_round = names.add(
            "sweep_last_success_timestamp_seconds",
            "When a round of cleaning up last went well, Unix time",
            Gauge::default(),
        );
        let tokens = names.add("tokens", "Tokens issued and refused", Family::default());
        let sheds = names.add("sheds", "Requests refused for want of room", Family::default());
        let rates_exceeded = names.add(
            "rates_exceeded",
            "Requests refused because there were too many of one caller",
            Family::default(),
        );
        let audit_position =
            names.add("audit_position", "Place of the last entry of the audit log", Gauge::default());
        let deliveries = names.add("hook_deliveries", "Tries of deliveries to hooks", Family::default());
        let connections = names.add("connections", "Connections that are open", Gauge::default());
        let stalls =
            names.add("stalls", "Connections closed because nothing moved on them", Counter::default());
        Self {
            registry: whole,
            memory,
            open_files,
            requests,
            requests_under_way,
            requests_limit,
            jobs,
            waits,
            waiting,
            limits,
            failures,
            blobs,
            blob_failures,
            file_bytes,
            files_removed,
            rounds,
            last_round,
            tokens,
            sheds,
            rates_exceeded,
            audit_position,
            deliveries,
            connections,
            stalls,
        }
    }

    /// All figures, as [`MEDIA_TYPE`].
    pub fn text(&self) -> String {
        if let Some((memory_bytes, open_files)) = process_figures() {
            self.memory.set(memory_bytes);
            self.open_files.set(open_files);
        }
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// Counts a request as under way until the answer is dropped.
    pub fn request_begins(&self) -> UnderWay {
        UnderWay::begin(&self.requests_under_way)
    }

    /// A request was answered.
    pub fn request_answered(&self, request: &Request, time: Duration) {
        self.requests.get_or_create(request).observe(time.as_secs_f64());
    }

    /// A job waits until the answer is dropped.
    pub fn job_waits(&self, kind: JobKind) -> UnderWay {
        UnderWay::begin(&self.waiting.get_or_create(&kind.label()))
    }

    /// Where to say how many requests may be under way.
    pub fn requests_limit(&self) -> Gauge {
        self.requests_limit.clone()
    }

    /// Where to say how many jobs of a kind may wait.
    pub fn jobs_limit(&self, kind: JobKind) -> Gauge {
        self.limits.get_or_create_owned(&kind.label())
    }

    /// A job has begun after a wait.
    pub fn job_begins(&self, kind: JobKind, wait: Duration) {
        self.waits.get_or_create(&kind.label()).observe(wait.as_secs_f64());
    }

    /// A job has ended.
    pub fn job_ends(&self, kind: JobKind, job: &'static str, time: Duration, is_ok: bool) {
        let StoreKind { kind: name } = kind.label();
        self.jobs.get_or_create(&StoreJob { kind: name, job }).observe(time.as_secs_f64());
        if !is_ok {
            self.failures.get_or_create(&kind.label()).inc();
        }
    }

    /// The place of files was asked to do something.
    pub fn blobs_asked(&self, operation: &'static str, time: Duration, is_ok: bool) {
        let operation = BlobOperation { operation };
        self.blobs.get_or_create(&operation).observe(time.as_secs_f64());
        if !is_ok {
            self.blob_failures.get_or_create(&operation).inc();
        }
    }

    /// Bytes of files that were sent here.
    pub fn file_bytes_in(&self, bytes: u64) {
        self.file_bytes.get_or_create(&FileFlow { direction: "in" }).inc_by(bytes);
    }

    /// Where to count bytes of files that are sent from here.
    pub fn file_bytes_out(&self) -> Counter {
        self.file_bytes.get_or_create_owned(&FileFlow { direction: "out" })
    }

    /// Files were removed.
    pub fn files_removed(&self, files: u64) {
        self.files_removed.inc_by(files);
    }

    /// A round of cleaning up has ended.
    pub fn round_ends(&self, is_ok: bool) {
        self.rounds.get_or_create(&Outcome::of(is_ok)).inc();
        if is_ok {
            self.last_round.set(unix_seconds());
        }
    }

    /// Somebody asked for a token of a kind, and got it or not.
    pub fn token_asked(&self, kind: &'static str, is_issued: bool) {
        let outcome = if is_issued { "issued" } else { "refused" };
        self.tokens.get_or_create(&TokenCall { kind, outcome }).inc();
    }

    /// A request was refused for want of room for `reason`.
    pub fn shed(&self, reason: &'static str) {
        self.sheds.get_or_create(&Shed { reason }).inc();
    }

    /// A request was refused because a caller of this kind had sent too many.
    pub fn rate_exceeded(&self, caller: &'static str) {
        self.rates_exceeded.get_or_create(&CallerKind { caller }).inc();
    }

    /// The audit log has so many entries. Whether that is news.
    pub fn audit_grew(&self, position: u64) -> bool {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.audit_position.set(position) != position
    }

    /// A delivery to a hook was tried.
    pub fn delivery_tried(&self, is_ok: bool) {
        self.deliveries.get_or_create(&Outcome::of(is_ok)).inc();
    }

    /// Counts a connection as open until the answer is dropped.
    pub fn connection_opens(&self) -> UnderWay {
        UnderWay::begin(&self.connections)
    }

    /// Where to count connections on which nothing moved.
    pub fn stalls(&self) -> Counter {
        self.stalls.clone()
    }
}

/// Something that is counted for as long as this lives.
#[derive(Debug)]
pub struct UnderWay(Gauge);

impl UnderWay {
    fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Names<'a>(&'a mut Registry);

impl Names<'_> {
    fn add<M: prometheus_client::registry::Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        metric: M,
    ) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn times<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Family::new_with_constructor(|| Histogram::new(TIME_BUCKETS_S))
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Memory in bytes, and open files, where the system tells.
fn process_figures() -> Option<(i64, i64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    let files = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some((kib.saturating_mul(1024), i64::try_from(files).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_counted_while_it_lives() {
        let metrics = Metrics::new();
        let waiting =
            || metrics.text().lines().any(|line| line == "tozstore_store_jobs_waiting{kind=\"read\"} 1");
        let wait = metrics.job_waits(JobKind::Read);
        assert!(waiting(), "{}", metrics.text());
        drop(wait);
        assert!(!waiting());
    }
}

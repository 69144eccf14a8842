//! How much is begun at a time. What cannot be served soon is refused at once: a server that takes everything answers
//! everything late, and spends itself on answers that nobody waits for any more.
//!
//! Two things are looked at before a request is read. How many requests are under way bounds memory and the wait for the
//! processor: it is kept so that a task that could go on does so within about [`LimitsConfig::queue_delay_ms`]. How many
//! jobs wait for the store, readers and writers apart, bounds the wait for rows, in the same way. How many that is depends
//! on the machine, the disk and on what is asked, so it is found by measuring: it shrinks when waits were longer, and
//! grows when requests are refused although they were not.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::config::LimitsConfig;
use crate::metrics::{JobKind, Metrics};

/// Fewest jobs that may wait. Writes are flushed to disk many at a time: with few of them, a slow disk would do fewer
/// still.
const LEAST_READS: usize = 32;
const LEAST_WRITES: usize = 256;
/// Fewest requests that may be under way.
const LEAST_REQUESTS: usize = 256;
/// Jobs that may wait until anything is known, and at most.
const FIRST_JOBS: usize = 1024;
const MOST_JOBS: usize = 16_384;
/// What is measured before a limit is changed again.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_JOBS: u32 = 16;
/// How often the wait for the processor is measured.
const PULSE: Duration = Duration::from_millis(10);

/// Why a request is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// Too many requests are under way.
    Requests,
    /// Too many jobs wait for the store.
    Store,
}

/// Decides which requests are begun.
#[derive(Debug)]
pub struct Admission {
    requests: Arc<Gate>,
    reads: Gate,
    writes: Gate,
}

/// A request that was begun, until it is answered.
#[derive(Debug)]
pub struct Admitted(Arc<Gate>);

impl Admission {
    /// Nothing is under way yet.
    pub fn new(limits: &LimitsConfig, metrics: &Metrics) -> Self {
        let target = Duration::from_millis(limits.queue_delay_ms);
        let jobs = |least, kind| Gate::new(least, FIRST_JOBS, MOST_JOBS, target, metrics.jobs_limit(kind));
        let most = limits.requests;
        let told = metrics.requests_limit();
        Self {
            requests: Arc::new(Gate::new(LEAST_REQUESTS.min(most), most, most, target, told)),
            reads: jobs(LEAST_READS, JobKind::Read),
            writes: jobs(LEAST_WRITES, JobKind::Write),
        }
    }

    /// Begins a request that will ask the store for such a job.
    ///
    /// # Errors
    /// There is too much to do already.
    pub fn admit(&self, kind: JobKind) -> Result<Admitted, Crowded> {
        if self.gate(kind).is_full() {
            return Err(Crowded::Store);
        }
        if self.has_too_many_requests() {
            return Err(Crowded::Requests);
        }
        self.requests.enter();
        Ok(Admitted(Arc::clone(&self.requests)))
    }

    /// Whether no further request is begun, whatever it asks for.
    pub fn has_too_many_requests(&self) -> bool {
        self.requests.is_full()
    }

    /// Where jobs of a kind wait.
    pub const fn gate(&self, kind: JobKind) -> &Gate {
        match kind {
            JobKind::Read => &self.reads,
            JobKind::Write => &self.writes,
        }
    }

    /// Measures, as long as there is a server, how long what could go on waits for the processor. A thread asks the runtime
    /// for a task, as the threads of the store do when they are done: it takes its turn among the tasks that they wake.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn watch_processor(self: &Arc<Self>, runtime: Handle) -> io::Result<()> {
        let admission = Arc::downgrade(self);
        let pulse = move || {
            loop {
                thread::sleep(PULSE);
                let Some(admission) = admission.upgrade() else { return };
                let asked = Instant::now();
                runtime.spawn(async move { admission.requests.measure(asked, Instant::now()) });
            }
        };
        thread::Builder::new().name("pulse".into()).spawn(pulse).map(drop)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What waits at one place: the jobs of one kind, or the requests under way.
#[derive(Debug)]
pub struct Gate {
    waiting: AtomicUsize,
    limit: AtomicUsize,
    refused: AtomicBool,
    told: Gauge,
    least: usize,
    most: usize,
    target: Duration,
    window: Mutex<Window>,
}

/// What was measured since the limit was changed last, of jobs that came since then.
#[derive(Debug)]
struct Window {
    began: Instant,
    jobs: u32,
    waited: Duration,
}

impl Window {
    fn since(began: Instant) -> Self {
        Self { began, jobs: 0, waited: Duration::ZERO }
    }
}

impl Gate {
    fn new(least: usize, first: usize, most: usize, target: Duration, told: Gauge) -> Self {
        told.set(i64::try_from(first).unwrap_or(i64::MAX));
        Self {
            waiting: AtomicUsize::new(0),
            limit: AtomicUsize::new(first),
            refused: AtomicBool::new(false),
            told,
            least,
            most,
            target,
            window: Mutex::new(Window::since(Instant::now())),
        }
    }

    /// A job waits.
    pub fn enter(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A job waits no longer.
    pub fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// A job that was asked for at a moment has begun now.
    pub fn begin(&self, asked: Instant, now: Instant) {
        self.leave();
        self.measure(asked, now);
    }

    fn is_full(&self) -> bool {
        let is_full = self.waiting.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed);
        if is_full {
            self.refused.store(true, Ordering::Relaxed);
        }
        is_full
    }

    fn measure(&self, asked: Instant, now: Instant) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // One that came before the last change tells of the limit before it.
        if asked < window.began {
            return;
        }
        window.jobs += 1;
        window.waited += now.duration_since(asked);
        if window.jobs < WINDOW_JOBS || now.duration_since(window.began) < WINDOW {
            return;
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let mean = window.waited / window.jobs;
        let changed = if mean > self.target {
            let fitting = limit as f64 * self.target.as_secs_f64() / mean.as_secs_f64();
            (fitting as usize).max(limit / 2).max(self.least)
        } else if self.refused.load(Ordering::Relaxed) {
            (limit + limit / 8 + 1).min(self.most)
        } else {
            limit
        };
        self.limit.store(changed, Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
        self.told.set(i64::try_from(changed).unwrap_or(i64::MAX));
        *window = Window::since(now);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn requests_are_counted_until_they_are_answered() {
        let limits = LimitsConfig { requests: 2, ..LimitsConfig::default() };
        let admission = Admission::new(&limits, &Metrics::new());
        let first = admission.admit(JobKind::Read).unwrap();
        let _second = admission.admit(JobKind::Write).unwrap();
        assert_eq!(admission.admit(JobKind::Read).unwrap_err(), Crowded::Requests);
        drop(first);
        assert!(admission.admit(JobKind::Read).is_ok());
    }

    /// A store with its queue, on a clock of its own.
    struct Slow {
        gate: Gate,
        queue: VecDeque<Instant>,
        now: Instant,
    }

    impl Slow {
        fn new() -> Self {
            let gate = Gate::new(8, FIRST_JOBS, MOST_JOBS, Duration::from_millis(50), Gauge::default());
            Self { gate, queue: VecDeque::new(), now: Instant::now() }
        }

        /// Takes `per_job` for each job, and is offered `jobs` in that time; the wait of the last one after ten seconds.
        fn work(&mut self, per_job: Duration, jobs: usize) -> Duration {
            let end = self.now + Duration::from_secs(10);
            let mut wait = Duration::ZERO;
            while self.now < end {
                for _ in 0..jobs {
                    if !self.gate.is_full() {
                        self.gate.enter();
                        self.queue.push_back(self.now);
                    }
                }
                self.now += per_job;
                if let Some(asked) = self.queue.pop_front() {
                    wait = self.now - asked;
                    self.gate.begin(asked, self.now);
                }
            }
            wait
        }
    }

    #[test]
    fn the_wait_stays_near_the_target_whatever_the_store_can_do() {
        let mut store = Slow::new();
        for per_job_us in [100, 1_000, 3_000, 200] {
            let wait = store.work(Duration::from_micros(per_job_us), 4);
            assert!((25..=100).contains(&wait.as_millis()), "{per_job_us}: {wait:?}, {:?}", store.gate);
        }
        assert_eq!(store.gate.waiting.load(Ordering::Relaxed), store.queue.len());
    }

    #[test]
    fn fewer_requests_are_begun_while_the_processor_is_held_up() {
        let limits = LimitsConfig { requests: 1000, queue_delay_ms: 50, ..LimitsConfig::default() };
        let admission = Admission::new(&limits, &Metrics::new());
        let mut now = Instant::now();
        let mut pulses = |late: Duration| {
            for _ in 0..640 {
                let due = now + PULSE;
                now = due + late;
                admission.requests.measure(due, now);
            }
        };
        pulses(Duration::from_millis(200));
        let admitted: Vec<_> = std::iter::from_fn(|| admission.admit(JobKind::Read).ok()).collect();
        assert_eq!(admitted.len(), LEAST_REQUESTS);
        // A request was refused, and nothing is late any more.
        assert!(admission.has_too_many_requests());
        pulses(Duration::ZERO);
        assert!(!admission.has_too_many_requests());
        assert!(admission.admit(JobKind::Read).is_ok());
    }

    #[test]
    fn what_keeps_up_is_not_limited() {
        let mut store = Slow::new();
        store.work(Duration::from_millis(1), 1);
        assert_eq!(store.gate.limit.load(Ordering::Relaxed), FIRST_JOBS);
    }
}

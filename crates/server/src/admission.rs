//! How much is begun at a time. What cannot be served soon is refused at once: a server that takes everything answers
//! everything late, and spends itself on answers that nobody waits for any more.
//!
//! Two things are looked at before a request is read. How many requests are under way bounds memory and the wait for the
//! processor. How many jobs wait for the store, readers and writers apart, bounds the wait for rows: their number is kept
//! so that a job waits for about [`LimitsConfig::queue_delay_ms`]. How many that is depends on the disk and on what is
//! asked, so it is found by measuring: it shrinks when jobs waited for longer, and grows when requests are refused
//! although they did not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

use crate::config::LimitsConfig;
use crate::metrics::{JobKind, Metrics};

/// Fewest jobs that may wait. Writes are flushed to disk many at a time: with few of them, a slow disk would do fewer
/// still.
const LEAST_READS: usize = 32;
const LEAST_WRITES: usize = 256;
/// Jobs that may wait until anything is known, and at most.
const FIRST_JOBS: usize = 1024;
const MOST_JOBS: usize = 16_384;
/// What is measured before a limit is changed again.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_JOBS: u32 = 16;

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
    requests: Arc<AtomicUsize>,
    most_requests: usize,
    reads: Gate,
    writes: Gate,
}

/// A request that was begun, until it is answered.
#[derive(Debug)]
pub struct Admitted(Arc<AtomicUsize>);

impl Admission {
    /// Nothing is under way yet.
    pub fn new(limits: &LimitsConfig, metrics: &Metrics) -> Self {
        let target = Duration::from_millis(limits.queue_delay_ms);
        Self {
            requests: Arc::default(),
            most_requests: limits.requests,
            reads: Gate::new(LEAST_READS, target, metrics.jobs_limit(JobKind::Read)),
            writes: Gate::new(LEAST_WRITES, target, metrics.jobs_limit(JobKind::Write)),
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
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.most_requests {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            return Err(Crowded::Requests);
        }
        Ok(Admitted(Arc::clone(&self.requests)))
    }

    /// Where jobs of a kind wait.
    pub const fn gate(&self, kind: JobKind) -> &Gate {
        match kind {
            JobKind::Read => &self.reads,
            JobKind::Write => &self.writes,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The jobs of one kind that wait for the store.
#[derive(Debug)]
pub struct Gate {
    waiting: AtomicUsize,
    limit: AtomicUsize,
    told: Gauge,
    least: usize,
    target: Duration,
    window: Mutex<Window>,
}

/// What was measured since the limit was changed last, of jobs that came since then.
#[derive(Debug)]
struct Window {
    began: Instant,
    jobs: u32,
    waited: Duration,
    refused: bool,
}

impl Window {
    fn since(began: Instant) -> Self {
        Self { began, jobs: 0, waited: Duration::ZERO, refused: false }
    }
}

impl Gate {
    fn new(least: usize, target: Duration, told: Gauge) -> Self {
        told.set(FIRST_JOBS as i64);
        Self {
            waiting: AtomicUsize::new(0),
            limit: AtomicUsize::new(FIRST_JOBS),
            told,
            least,
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
            self.window.lock().unwrap_or_else(PoisonError::into_inner).refused = true;
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
        } else if window.refused {
            (limit + limit / 8 + 1).min(MOST_JOBS)
        } else {
            limit
        };
        self.limit.store(changed, Ordering::Relaxed);
        self.told.set(changed as i64);
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
            let gate = Gate::new(8, Duration::from_millis(50), Gauge::default());
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
    fn what_keeps_up_is_not_limited() {
        let mut store = Slow::new();
        store.work(Duration::from_millis(1), 1);
        assert_eq!(store.gate.limit.load(Ordering::Relaxed), FIRST_JOBS);
    }
}

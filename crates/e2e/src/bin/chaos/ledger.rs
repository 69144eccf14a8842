//! What was asked, what came of it, and what should not have.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tozstore::Error;

/// The account that all tasks keep together.
pub(crate) struct Ledger {
    is_strict: AtomicBool,
    is_over: AtomicBool,
    calls: AtomicU64,
    /// Calls that failed for a moment: it is not known what became of them, or nothing did.
    unsettled: AtomicU64,
    /// Milliseconds of each call.
    times_ms: Mutex<Vec<u32>>,
    /// What must not happen.
    violations: Mutex<Vec<String>>,
    /// Records and files that were acknowledged.
    pub(crate) written: Mutex<Vec<crate::records::Written>>,
    checked: AtomicU64,
}

/// Why a call failed, if that is no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Somebody changed the record since.
    Conflict,
    /// There is no such thing.
    NotFound,
    /// It was done, or not.
    Unsettled,
}

/// Waits between tries of a task.
const PAUSE: Duration = Duration::from_millis(50);
/// More of them tell nothing new.
const MAX_VIOLATIONS: usize = 20;

impl Ledger {
    pub(crate) fn new(is_strict: bool) -> Self {
        Self {
            is_strict: is_strict.into(),
            is_over: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            times_ms: Mutex::default(),
            violations: Mutex::default(),
            written: Mutex::default(),
            checked: AtomicU64::new(0),
        }
    }

    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The servers are left alone from now on.
    pub(crate) fn calm(&self) {
        self.is_strict.store(false, Ordering::Relaxed);
    }

    pub(crate) fn violation(&self, text: String) {
        eprintln!("violation: {text}");
        let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        if violations.len() < MAX_VIOLATIONS {
            violations.push(text);
        }
    }

    /// A thing that was read back, and whether it is as it must be.
    pub(crate) fn check(&self, is_right: bool, otherwise: impl FnOnce() -> String) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        if !is_right {
            self.violation(otherwise());
        }
    }

    /// Makes one call. An error that no retry cures is a violation.
    pub(crate) async fn call<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failed> {
        let begun = Instant::now();
        let outcome = call.await;
        let taken_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.times_ms.lock().unwrap_or_else(PoisonError::into_inner).push(taken_ms);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let error = match outcome {
            Ok(value) => return Ok(value),
            Err(Error::Conflict) => return Err(Failed::Conflict),
            Err(Error::NotFound(_)) => return Err(Failed::NotFound),
            Err(error) => error,
        };
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        let passes = matches!(
            error,
            Error::Network(_) | Error::Unanswered(_) | Error::Server { status: 502..=504, .. }
        );
        if !passes || self.is_strict.load(Ordering::Relaxed) {
            self.violation(format!("{name}: {error}"));
        }
        tokio::time::sleep(PAUSE).await;
        Err(Failed::Unsettled)
    }

    /// Makes a call that may be repeated until it is settled.
    pub(crate) async fn settle<T, F>(&self, name: &str, mut call: impl FnMut() -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, Error>>,
    {
        const PATIENCE: Duration = Duration::from_secs(60);
        let begun = Instant::now();
        loop {
            match self.call(name, call()).await {
                Err(Failed::Unsettled) if begun.elapsed() < PATIENCE => {}
                Err(Failed::Unsettled) => {
                    self.violation(format!("{name}: not settled within a minute"));
                    return Err(Failed::Unsettled);
                }
                settled => return settled,
            }
        }
    }

    /// One line of JSON.
    pub(crate) fn report(&self, sdk_retries: u64) -> String {
        let mut times = self.times_ms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        let part = |percent: usize| times.get((times.len() * percent / 100).min(times.len().max(1) - 1));
        json!({
            "calls": self.calls.load(Ordering::Relaxed),
            "sdk_retries": sdk_retries,
            "unsettled": self.unsettled.load(Ordering::Relaxed),
            "checked": self.checked.load(Ordering::Relaxed),
            "p50_ms": part(50),
            "p99_ms": part(99),
            "longest_ms": times.last(),
            "violations": *self.violations.lock().unwrap_or_else(PoisonError::into_inner),
        })
        .to_string()
    }
}

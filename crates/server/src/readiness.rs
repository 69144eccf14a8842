//! Whether requests should be sent here: the store writes, the place of files writes, and nobody told the server to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::App;
use crate::store::StoreError;

/// Time for which a verdict holds, so that whoever asks often costs little.
const VERDICT_LIFETIME: Duration = Duration::from_secs(2);
/// Time in which the store, and the place of files, must answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why requests should go elsewhere, in words for an operator.
pub type NotReady = &'static str;

/// What is known about it.
#[derive(Debug, Default)]
pub struct Readiness {
    is_stopping: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// From now on, the server is not ready.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether requests should be sent here.
    ///
    /// # Errors
    /// They should not, and why.
    pub async fn check(&self, app: &App) -> Result<(), NotReady> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping");
        }
        let mut last = self.last.lock().await;
        if let Some((at, verdict)) = *last
            && at.elapsed() < VERDICT_LIFETIME
        {
            return verdict;
        }
        let verdict = look(app).await;
        *last = Some((Instant::now(), verdict));
        verdict
    }
}

async fn look(app: &App) -> Result<(), NotReady> {
    // A write, since a full disk can still be read.
    let write = app.store.write::<_, StoreError, _>("readiness", |tx| tx.stamp());
    match tokio::time::timeout(PATIENCE, write).await {
        // It serves reads, while its rows are moved.
        Ok(Ok(_) | Err(StoreError::ReadOnly(_))) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready: the store does not take writes");
            return Err("the store does not take writes");
        }
        Err(_) => return Err("the store does not answer in time"),
    }
    match tokio::time::timeout(PATIENCE, app.blobs.check()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready: the place of files does not take writes");
            Err("the place of files does not take writes")
        }
        Err(_) => Err("the place of files does not answer in time"),
    }
}

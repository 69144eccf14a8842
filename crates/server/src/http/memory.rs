//! How much memory bodies and answers take, over all requests: many large ones at once are refused instead of taking the
//! whole server down.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tozstore_api::paths;

use super::Error;
use crate::App;

/// Bytes that can be had, in whole KiB.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// A part of a budget, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    _permit: OwnedSemaphorePermit,
}

/// A value with its share of the memory.
#[derive(Debug)]
pub struct Counted<T> {
    value: T,
    _shares: Vec<Share>,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(1024).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A share of at least `bytes`, if there is as much left.
    pub fn take(&self, bytes: usize) -> Option<Share> {
        let permit = Arc::clone(&self.0).try_acquire_many_owned(kib(bytes)).ok()?;
        Some(Share { _permit: permit })
    }

    /// The same, but waits for a time.
    async fn wait_for(&self, bytes: usize, time_limit: Duration) -> Option<Share> {
        let permit = Arc::clone(&self.0).acquire_many_owned(kib(bytes));
        let permit = tokio::time::timeout(time_limit, permit).await.ok()?.ok()?;
        Some(Share { _permit: permit })
    }
}

impl<T> Counted<T> {
    /// Keeps `shares` for as long as the value lives.
    pub const fn new(value: T, shares: Vec<Share>) -> Self {
        Self { value, _shares: shares }
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Counted<T> {
    fn as_ref(&self) -> &[u8] {
        self.value.as_ref()
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Answers below this are not counted.
const LARGE_ANSWER_BYTES: u64 = 64 * 1024;
/// How long a large answer waits for others to be sent.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Lets large answers go only while there is room for them. That of a write goes in any case: what was written must not
/// be reported as refused, and its body was counted before.
pub async fn count_answers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // Reading a note counts, and may be the last time that it can be read.
    let is_read = matches!(path, paths::SEARCH | paths::TERM_SEARCH | paths::GROUPS_BULK_SHARE)
        || request.method() == Method::GET && path != paths::NOTES;
    let response = next.run(request).await;
    let bytes = response.body().size_hint().lower();
    if bytes < LARGE_ANSWER_BYTES {
        return response;
    }
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(app.config.limits.answers_bytes);
    match app.answer_memory.wait_for(bytes, ANSWER_WAIT).await {
        Some(share) => {
            let (parts, body) = response.into_parts();
            // Answers are made whole, so this neither waits nor copies.
            let Ok(whole) = body.collect().await else {
                return Error::Internal("an answer broke off".into()).into_response();
            };
            // The share lives as long as the bytes, which the connection still holds after it let go of the body.
            let bytes = Bytes::from_owner(Counted::new(whole.to_bytes(), vec![share]));
            Response::from_parts(parts, Body::from(bytes))
        }
        None if is_read => {
            app.metrics.shed("answers");
            Error::Busy.into_response()
        }
        None => response,
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_back() {
        let budget = Budget::new(4096);
        let first = budget.take(3000).unwrap();
        assert!(budget.take(1025).is_none());
        let second = budget.take(1024).unwrap();
        assert!(budget.take(1).is_none());
        drop((first, second));
        assert!(budget.take(4096).is_some());
    }
}

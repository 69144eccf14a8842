//! One line for each request: what it was and how it went, nothing about whom.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tozstore_crypto::RequestNonce;
use tracing::Instrument;

use super::admission::Shed;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_BYTES: usize = 64;

tokio::task_local! {
    static REQUEST: String;
}

/// The id of the request that is being answered, for the body of an error.
pub fn request_id() -> Option<String> {
    REQUEST.try_with(String::clone).ok()
}

/// Names the request, times it and logs it. The path is logged as the route's pattern, without ids.
pub async fn log_request(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = id_of(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(no such route)", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);
    let text = id.to_str().unwrap_or_default().to_owned();
    let mut response = REQUEST.scope(text, next.run(request)).instrument(span.clone()).await;
    let latency_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    // Under overload, lines would cost more than the answers that they tell of.
    if response.extensions().get::<Shed>().is_none() {
        span.in_scope(|| tracing::info!(status = response.status().as_u16(), latency_us, "answered"));
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The id that the caller gave, if it is fit for a log; a fresh one otherwise.
fn id_of(request: &Request) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|id| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain)
    });
    let fresh = || HeaderValue::try_from(RequestNonce::random().to_string());
    given.cloned().map_or_else(fresh, Ok).unwrap_or(HeaderValue::from_static("none"))
}

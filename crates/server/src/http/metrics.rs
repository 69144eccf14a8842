//! Counting requests, and what an operator's programs ask: on an address of its own, since figures are nobody else's
//! business.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http::header};
use http::{Method, StatusCode};
use tokio::time::Instant;
use tozstore_api::paths;

use super::{Error, health};
use crate::App;
use crate::metrics::{self, MEDIA_TYPE};

/// The routes of [`MetricsConfig::listen`](crate::config::MetricsConfig::listen).
pub fn operations_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(figures))
        .route(paths::HEALTHZ, get(health::healthz))
        .route(paths::READYZ, get(health::readyz))
        .fallback(|| async { Error::NotFound("no such path") })
        .with_state(app)
}

async fn figures(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics.text())
}

/// Counts and times a request by the pattern of its route.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _under_way = app.metrics.request_begins();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status();
    let kind = match (method, route.as_str()) {
        ("POST", paths::ACCESS_TOKEN) => Some("access"),
        ("POST", paths::ACCOUNT_LOGIN) => Some("account"),
        _ => None,
    };
    if let Some(kind) = kind
        && !status.is_server_error()
    {
        app.metrics.token_asked(kind, status.is_success());
    }
    let request = metrics::Request { route, method, status: class(status) };
    app.metrics.request_answered(&request, started.elapsed());
    response
}

/// The method, if it is one that is used here.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

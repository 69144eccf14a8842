//! Answers for browsers: which pages of other origins may call (Fetch standard, "CORS protocol").

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::App;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
// The asterisk does not cover `Authorization`.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, X-Request-Id, *");
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static("X-Backup-Client, X-Request-Id");
const PREFLIGHT_LIFETIME_S: HeaderValue = HeaderValue::from_static("86400");

/// Answers preflights, and marks every answer for the origins that may read it.
pub async fn allow_origins(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let allowed = &app.config.cors.allowed_origins;
    if allowed.iter().any(|entry| entry == "*") {
        mark(response.headers_mut(), HeaderValue::from_static("*"), is_preflight);
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) =
        origin.filter(|origin| allowed.iter().any(|entry| entry.as_bytes() == origin.as_bytes()))
    {
        mark(response.headers_mut(), origin, is_preflight);
    }
    response
}

fn mark(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    if is_preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_LIFETIME_S);
    }
}

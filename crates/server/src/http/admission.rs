//! Refusing requests that could not be served soon, before they are read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, Request, header};
use tozstore_api::paths;

use super::Error;
use crate::App;
use crate::admission::Crowded;
use crate::metrics::JobKind;

/// Marks the answer to a request that was not begun: it is counted, and has no line in the log.
#[derive(Clone, Copy, Debug)]
pub struct Shed;

/// Begins a request, or answers that there is too much to do. The bytes of files are not counted, since they take as long
/// as the other side does; nor is what asks for the health of the server.
pub async fn admit(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if is_exempt(route) {
        return next.run(request).await;
    }
    match app.admission.admit(job_kind(request.method(), route)) {
        Ok(_admitted) => next.run(request).await,
        Err(crowded) => {
            app.metrics.shed(match crowded {
                Crowded::Requests => "requests",
                Crowded::Store => "store",
            });
            let mut response = Error::Busy.into_response();
            response.extensions_mut().insert(Shed);
            response
        }
    }
}

/// The answer to a request that is not begun, if it can be told from its head alone and before anything is done for it:
/// under overload, it is the price of refusals that is left for the rest. A page of another origin would not be
/// shown an answer without the headers of CORS, so it goes the long way.
pub fn refuse_early<B>(app: &App, request: &Request<B>) -> Option<Response> {
    let path = request.uri().path();
    let goes_on = !app.admission.has_too_many_requests()
        || request.headers().contains_key(header::ORIGIN)
        || is_exempt(path.trim_end_matches('/'))
        || path.starts_with(file_bytes_prefix());
    if goes_on {
        return None;
    }
    app.metrics.shed("requests");
    Some(Error::Busy.into_response())
}

fn file_bytes_prefix() -> &'static str {
    paths::FILE_BYTES.split('{').next().unwrap_or(paths::FILE_BYTES)
}

/// Whether a route is served however much there is to do.
pub(super) fn is_exempt(route: &str) -> bool {
    matches!(route, "" | paths::HEALTHZ | paths::READYZ | paths::FILE_BYTES | "/openapi.json")
        || route.ends_with("/healthcheck")
        || route.ends_with("/servicecheck")
}

/// What a request will ask of the store in the end.
fn job_kind(method: &Method, route: &str) -> JobKind {
    let is_read = match *method {
        Method::GET | Method::HEAD => route != paths::NOTES,
        Method::POST => matches!(
            route,
            paths::ACCESS_TOKEN
                | paths::ACCESS_TOKEN_VALIDATE
                | paths::ACCOUNT_TOKEN_VALIDATE
                | paths::AUTHORIZER_INCOMING
                | paths::AUTHORIZER_OUTGOING
                | paths::CLIENTS_PUBLIC
                | paths::FILE_LIST
                | paths::GROUPS_BULK
                | paths::GROUPS_BULK_MEMBERS
                | paths::GROUPS_BULK_SHARE
                | paths::SEALED_BUNDLE_HEADS
                | paths::SEALED_RECORDS_READ
                | paths::SEARCH
                | paths::SHARE_INCOMING
                | paths::SHARE_OUTGOING
                | paths::TERM_SEARCH
        ),
        _ => false,
    };
    if is_read { JobKind::Read } else { JobKind::Write }
}

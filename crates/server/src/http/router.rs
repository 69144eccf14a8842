//! Every route, on one page.

use std::sync::Arc;

use axum::extract::Request;
use axum::routing::{get, post};
use axum::{Router, middleware};
use http::Uri;
use http::uri::PathAndQuery;
use tower::Layer as _;
use tower::util::MapRequestLayer;

use super::{Error, cors, health, log, tokens};
use crate::App;

/// The server as a service.
pub fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        // Authentication
        .route("/v1/auth/token", post(tokens::issue))
        .route("/v1/auth/validate", post(tokens::validate))
        // Health
        .route("/v1/auth/healthcheck", get(health::check))
        .route("/v1/account/healthcheck", get(health::check))
        .route("/v1/account/servicecheck", get(health::check))
        .route("/v2/account/healthcheck", get(health::check))
        .route("/v2/account/servicecheck", get(health::check))
        .route("/v1/client/healthcheck", get(health::check))
        .route("/v1/storage/healthcheck", get(health::check))
        .route("/v1/storage/servicecheck", get(health::check))
        .fallback(|| async { Error::NotFound("no such path") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), cors::allow_origins))
        .layer(middleware::from_fn(log::log_request))
        .with_state(app);
    // A layer of a router runs after routing; what changes the path must stand before it.
    Router::new().fallback_service(MapRequestLayer::new(without_trailing_slash).layer(routes))
}

/// One slash at the end of a path is optional.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return request };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

//! Whether the server is well: public, and without content.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::Error;
use crate::App;

/// One of the paths that lead to [`check`].
pub(super) const PATH: &str = "/v1/storage/healthcheck";

/// Tells that the server is up.
#[utoipa::path(get, path = PATH, security(()), responses((status = 200, body = Object)))]
pub async fn check() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Tells that the process is up.
///
/// Whatever the state of its store: a process that answers need not be started anew.
#[utoipa::path(get, path = paths::HEALTHZ, security(()), responses((status = 200, body = Object)))]
pub async fn healthz() -> Json<Value> {
    check().await
}

/// Tells whether requests should be sent here.
///
/// They should not (503) while the store or the place of files takes no writes, and once the server was told to stop.
/// What was found holds for two seconds.
#[utoipa::path(get, path = paths::READYZ, security(()), responses((status = 200, body = Object)))]
pub async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Value>, Error> {
    app.readiness.check(&app).await.map_err(Error::NotReady)?;
    Ok(check().await)
}

//! Health checks: public, and without content.

use axum::Json;
use serde_json::{Value, json};

/// One of the paths that lead here.
pub(super) const PATH: &str = "/v1/storage/healthcheck";

/// Tells that the server is up.
#[utoipa::path(get, path = PATH, security(()), responses((status = 200, body = Object)))]
pub async fn check() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

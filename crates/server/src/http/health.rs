//! Health checks: public, and without content.

use axum::Json;
use serde_json::{Value, json};

/// `GET …/healthcheck` and `…/servicecheck`: the process answers.
pub async fn check() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

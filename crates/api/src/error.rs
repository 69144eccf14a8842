//! The body of every answer that reports a failure.

use serde::{Deserialize, Serialize};

/// `{"error": "<text>", "request_id": "<id>"}`. Answers that report success have no `error` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What was wrong, for people to read.
    pub error: String,
    /// Names the request in the server's log, as the header `X-Request-Id` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

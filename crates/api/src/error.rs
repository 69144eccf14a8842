//! The body of every answer that reports a failure.

use serde::{Deserialize, Serialize};

/// `{"error": "<text>"}`. Answers that report success have no `error` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What was wrong, for people to read.
    pub error: String,
}

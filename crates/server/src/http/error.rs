//! What goes wrong in a request, and the one place that says how it is answered.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tozstore_api::ErrorBody;

use super::log::request_id;
use crate::policy::Refusal;
use crate::quotas::{NotAdmitted, QuotaExceeded};
use crate::store::StoreError;

/// Seconds after which it is worth asking whether there is room again: somebody has to make it first.
const QUOTA_WAIT_S: u64 = 3600;

/// Why a request was not carried out. The texts are sent to the caller, save those of faults of our own.
///
/// An endpoint that hides what the caller may not see answers the same variant with the same text in both cases.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not of the form that the endpoint takes.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// The place where the bytes of files lie could not do it. The text is for the log alone.
    #[error("the bytes of files: {0}")]
    Blobs(Cow<'static, str>),
    /// The body is larger than the endpoint takes.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body did not come in time.
    #[error("the body did not come in time")]
    BodyTooSlow,
    /// There are too many large requests at once.
    #[error("the server has too much to do at the moment")]
    Busy,
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no room for more.
    #[error("{0}")]
    Full(&'static str),
    /// A fault of our own. The text is for the log alone.
    #[error("{0}")]
    Internal(Cow<'static, str>),
    /// The path is there, but not with this method.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// There is no such thing, or none that the caller may see.
    #[error("{0}")]
    NotFound(&'static str),
    /// The protocol has this, the server does not.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// Requests should go elsewhere for now.
    #[error("{0}")]
    NotReady(&'static str),
    /// The caller would take more than it may.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The caller failed too often and has to wait.
    #[error("too many attempts; try again later")]
    TooManyAttempts {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// There were too many requests of this caller.
    #[error("too many requests; try again in {wait_s} s")]
    TooManyRequests {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// The caller did not prove who it is.
    #[error("{0}")]
    Unauthorized(&'static str),
}

impl Error {
    /// A request of the wrong form, with what was expected.
    pub fn bad_request(expected: impl Into<Cow<'static, str>>) -> Self {
        Self::BadRequest(expected.into())
    }

    /// The status of the answer, and whether the text may be told.
    pub(super) const fn status(&self) -> (StatusCode, bool) {
        match self {
            Self::BadRequest(_) | Self::Store(StoreError::TooMuchWork) => (StatusCode::BAD_REQUEST, true),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, true),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, true),
            Self::Busy | Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, true),
            Self::Conflict(_) => (StatusCode::CONFLICT, true),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, true),
            Self::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, true),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, true),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, true),
            Self::NotImplemented(_) => (StatusCode::NOT_IMPLEMENTED, true),
            Self::Quota(_) | Self::TooManyAttempts { .. } | Self::TooManyRequests { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, true)
            }
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, true),
            Self::Store(StoreError::ReadOnly(_)) => (StatusCode::SERVICE_UNAVAILABLE, true),
            Self::Blobs(_)
            | Self::Store(StoreError::Closed | StoreError::Retry | StoreError::Unavailable(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, false)
            }
            // It may have been done.
            Self::Store(StoreError::Unknown(_)) => (StatusCode::GATEWAY_TIMEOUT, false),
            Self::Internal(_)
            | Self::Store(
                StoreError::AlreadyExists(_)
                | StoreError::Corrupt(_)
                | StoreError::Internal(_)
                | StoreError::Missing(_),
            ) => (StatusCode::INTERNAL_SERVER_ERROR, false),
        }
    }
}

impl From<NotAdmitted> for Error {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::Exceeded(exceeded) => Self::Quota(exceeded),
            NotAdmitted::Store(error) => Self::Store(error),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Absent(text) => Self::NotFound(text),
            Refusal::Forbidden(text) => Self::Forbidden(text),
            Refusal::Unauthorized(text) => Self::Unauthorized(text),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, tell) = self.status();
        let retry_after_s = match self {
            Self::Blobs(_) | Self::Busy | Self::Store(StoreError::Unavailable(_)) => Some(1),
            Self::Quota(_) => Some(QUOTA_WAIT_S),
            Self::Store(StoreError::ReadOnly(_)) => Some(5),
            Self::TooManyAttempts { wait_s } | Self::TooManyRequests { wait_s } => Some(wait_s),
            _ => None,
        };
        let error = if tell {
            self.to_string()
        } else {
            // Here and nowhere else, so that it is logged once.
            tracing::error!(error = %self, "a request failed through a fault of the server");
            "the server could not do this now".to_owned()
        };
        let mut response =
            (status, axum::Json(ErrorBody { error, request_id: request_id() })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_server_are_not_told() {
        let fault = Error::Internal("the disk at /secret is full".into());
        assert_eq!(fault.status(), (StatusCode::INTERNAL_SERVER_ERROR, false));
        assert_eq!(Error::from(StoreError::Closed).status(), (StatusCode::SERVICE_UNAVAILABLE, false));
    }

    #[test]
    fn who_writes_while_data_is_moved_is_told_to_come_again() {
        let refused = Error::from(StoreError::ReadOnly("why".into()));
        assert_eq!(refused.to_string(), "why");
        let answer = refused.into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }
}

//! Why a request was not carried out, with a reason for programs.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tozstore_api::sealed::{SealedErrorBody, SealedErrorCode};
use tozstore_crypto::ParseError;
use tozstore_crypto::sealed::{Digest, LogPosition, RuleError};

use crate::http::Error;
use crate::http::log::request_id;
use crate::policy::SealedRefusal;
use crate::store::StoreError;

/// A failure as it is answered.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    body: Box<SealedErrorBody>,
}

impl Failure {
    /// A failure that needs no more than its code.
    pub fn new(status: StatusCode, code: SealedErrorCode, text: impl Into<String>) -> Self {
        Self { status, body: Box::new(SealedErrorBody::new(code, text)) }
    }

    /// 404: there is no such thing, or none that the caller may see.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, SealedErrorCode::NotFound, "there is no such thing here")
    }

    /// 400.
    pub fn bad(code: SealedErrorCode, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, text)
    }

    /// 401.
    pub fn unsigned(code: SealedErrorCode, text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, text)
    }

    /// 409.
    pub fn conflict(code: SealedErrorCode, text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, text)
    }

    /// With the head of a log.
    #[must_use]
    pub fn at(mut self, head: LogPosition) -> Self {
        (self.body.position, self.body.digest) = (Some(head.position), Some(head.digest));
        self
    }

    /// With whatever else the code needs.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut SealedErrorBody)) -> Self {
        change(&mut self.body);
        self
    }

    /// The status and code, for the results of many writes.
    pub fn result(&self) -> (StatusCode, SealedErrorCode) {
        (self.status, self.body.code)
    }

    /// 409: the record has another version, or another digest of this one.
    pub fn version_conflict(version: u64, digest: Digest) -> Self {
        Self::conflict(SealedErrorCode::VersionConflict, "the record has another version").with(|body| {
            (body.version, body.digest) = (Some(version), Some(digest));
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, tell) = error.status();
        let code = match status {
            StatusCode::BAD_REQUEST => SealedErrorCode::Malformed,
            StatusCode::UNAUTHORIZED => SealedErrorCode::Unsigned,
            StatusCode::FORBIDDEN => SealedErrorCode::Forbidden,
            StatusCode::NOT_FOUND => SealedErrorCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => SealedErrorCode::BadMethod,
            StatusCode::REQUEST_TIMEOUT => SealedErrorCode::TooSlow,
            StatusCode::PAYLOAD_TOO_LARGE => SealedErrorCode::TooLarge,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => SealedErrorCode::Busy,
            StatusCode::NOT_IMPLEMENTED => SealedErrorCode::NotHere,
            StatusCode::INSUFFICIENT_STORAGE => SealedErrorCode::Limit,
            _ => SealedErrorCode::Internal,
        };
        if tell {
            return Self::new(status, code, error.to_string());
        }
        // Here and nowhere else, so that it is logged once. It names no body.
        tracing::error!(%error, "a request failed through a fault of the server");
        Self::new(status, code, "the server could not do this now")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Error::Store(error).into()
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::bad(SealedErrorCode::Malformed, format!("the body is not as expected: {error}"))
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Self::bad(SealedErrorCode::Rule, error.to_string())
    }
}

impl From<SealedRefusal> for Failure {
    fn from(refusal: SealedRefusal) -> Self {
        match refusal {
            SealedRefusal::Absent => Self::not_found(),
            SealedRefusal::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                SealedErrorCode::Forbidden,
                "the grant of this client does not allow that",
            ),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, mut body } = self;
        body.request_id = request_id();
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("TZS1"));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

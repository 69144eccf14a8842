//! Answers that report a failure, with a reason for programs.

use serde::{Deserialize, Serialize};
use tozstore_crypto::sealed::Digest;

/// `{"error": text, "code": code}`, and what the code needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedErrorBody {
    /// What was wrong, for people to read.
    pub error: String,
    /// What was wrong, for programs.
    pub code: SealedErrorCode,
    /// Names the request in the server's log, as the header `X-Request-Id` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The head of the log: `head_moved`, `epoch_old`, `rotation_owed`, `basis_unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The digest of that head; of the newest link of a subject's chain (`subject_moved`); of the newest version
    /// (`version_conflict`). 43 characters of base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub digest: Option<Digest>,
    /// The epoch under which one writes now: `epoch_old`. 43 characters of base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub epoch: Option<Digest>,
    /// 1 a client, 2 a group: `subject_moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<u8>,
    /// The client or group: `subject_moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The newest version of the record: `version_conflict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How many are left: `under_floor`, `census_gaps`, `not_all_migrated`, `not_all_rewrapped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// Wraps that are missing: `stage_incomplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u32>,
    /// The restore notice that has to be named: `restore_pending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The server's clock, in milliseconds since 1970: `clock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
}

impl SealedErrorBody {
    /// A failure that needs no more than its code.
    pub fn new(code: SealedErrorCode, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            code,
            request_id: None,
            position: None,
            digest: None,
            epoch: None,
            kind: None,
            id: None,
            version: None,
            left: None,
            missing: None,
            notice: None,
            time_ms: None,
        }
    }
}

/// Why a request to `/v3` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SealedErrorCode {
    /// 400: not one canonical encoding.
    Malformed,
    /// 400: more than may be.
    Limit,
    /// 400: a signature does not hold.
    BadSignature,
    /// 400: fields, plain metadata, a tree or an upload do not give the signed digest.
    BadDigest,
    /// 400: the entry breaks a rule of the log.
    Rule,
    /// 400: the wraps are not exactly those that the rules ask for.
    WrapsDoNotCover,
    /// 401: the request is not signed by a client's newest bundle.
    Unsigned,
    /// 401: signed too long ago, or by a clock that is wrong.
    Clock,
    /// 401: the request came in before.
    Replayed,
    /// 401: the client has a newer bundle.
    BundleOld,
    /// 403: this is not the caller's to do, and it may know that.
    Forbidden,
    /// 404: there is no such thing, or none that the caller may see.
    NotFound,
    /// 404: the client has no bundle.
    NoBundle,
    /// 405: the path does not take this method.
    BadMethod,
    /// 409: another entry came first.
    HeadMoved,
    /// 409: a reader's chain went on.
    SubjectMoved,
    /// 409: the data key hangs on an older epoch.
    EpochOld,
    /// 409: somebody has to rotate first.
    RotationOwed,
    /// 409: the entry that the version was written by is not in the log.
    BasisUnknown,
    /// 409: the record has another version.
    VersionConflict,
    /// 409: the record was deleted.
    Deleted,
    /// 409: the owner has to speak first, after a restore.
    RestorePending,
    /// 409: the type is kept in the interop format.
    InteropType,
    /// 409: the type is sealed.
    SealedType,
    /// 409: records are left that were not migrated.
    NotAllMigrated,
    /// 409: data keys are left that were not re-wrapped.
    NotAllRewrapped,
    /// 409: data keys hang on epochs below a floor.
    UnderFloor,
    /// 409: records are there that the census does not have.
    CensusGaps,
    /// 409: the note has a lower sequence than the last.
    NoteSequence,
    /// 409: another bundle has this place.
    BundleMoved,
    /// 409: another page has this place.
    StagePage,
    /// 410: the stage was swept.
    StageGone,
    /// 410: the client was deleted.
    Gone,
    /// 408: the body did not come in time.
    TooSlow,
    /// 413: the body is too large.
    TooLarge,
    /// 422: wraps are missing.
    StageIncomplete,
    /// 429, 503: later.
    Busy,
    /// 500: a fault of the server.
    Internal,
    /// 501: not on this server.
    NotHere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_what_its_code_needs_and_no_more() {
        let body = SealedErrorBody {
            position: Some(7),
            digest: Some(Digest::from_bytes([0; 32])),
            ..SealedErrorBody::new(SealedErrorCode::HeadMoved, "another entry came first")
        };
        let text = serde_json::to_string(&body).unwrap();
        let digest = "A".repeat(43);
        assert_eq!(
            text,
            format!(
                r#"{{"error":"another entry came first","code":"head_moved","position":7,"digest":"{digest}"}}"#
            )
        );
        assert_eq!(serde_json::from_str::<SealedErrorBody>(&text).unwrap(), body);
    }
}

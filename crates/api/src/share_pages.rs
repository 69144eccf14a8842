//! Listings of access policies by page: `POST /v2/storage/{share,authorizer}/{outgoing,incoming}`.

use serde::{Deserialize, Serialize};
use tozstore_crypto::ClientId;

use crate::absent::null_as_default;
use crate::{RecordType, Timestamp};

/// Entries that one page may have.
pub const MAX_SHARES_PER_PAGE: usize = 1000;
/// Entries on a page when the request does not say.
pub const DEFAULT_SHARES_PER_PAGE: usize = 100;

/// Which grants are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SharePageRequest {
    /// Of this record type; all if empty.
    #[serde(deserialize_with = "null_as_default")]
    pub record_type: String,
    /// Only with this client on the other side; all if empty or zero. Each of the four listings has its own name for
    /// it: `reader_id`, `writer_id`, `authorizer_id`, `authorized_by`.
    #[serde(
        alias = "reader_id",
        alias = "writer_id",
        alias = "authorizer_id",
        alias = "authorized_by",
        deserialize_with = "null_as_default"
    )]
    pub other: String,
    /// Where the page begins: the token of the page before; zero for the first.
    #[serde(deserialize_with = "null_as_default")]
    pub next_token: u64,
    /// Entries, at most; zero for the default.
    #[serde(deserialize_with = "null_as_default")]
    pub limit: u64,
}

/// A record type that another client may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutgoingPageShare {
    /// Who may read.
    pub reader_id: ClientId,
    /// The type.
    pub record_type: RecordType,
}

/// A record type of another client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncomingPageShare {
    /// Who wrote the records.
    pub writer_id: ClientId,
    /// The type.
    pub record_type: RecordType,
}

/// A page of shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharePage<T> {
    /// The shares, in the order in which they were first given.
    pub shares: Vec<T>,
    /// Where the next page begins; zero at the end.
    pub next_token: u64,
}

/// A client that may share a record type on behalf of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutgoingPageAuthorization {
    /// Who may share.
    pub authorizer_id: ClientId,
    /// When that was first granted.
    pub created_at: Timestamp,
    /// The same.
    pub last_modified: Timestamp,
    /// The type.
    pub record_type: RecordType,
}

/// A record type that the caller may share on behalf of another client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncomingPageAuthorization {
    /// On whose behalf.
    pub authorized_by: ClientId,
    /// When that was first granted.
    pub created_at: Timestamp,
    /// The same.
    pub last_modified: Timestamp,
    /// The type.
    pub record_type: RecordType,
}

/// A page of authorizations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuthorizationPage<T> {
    /// The authorizations, in the order in which they were first given.
    pub authorizations: Vec<T>,
    /// Where the next page begins; zero at the end.
    pub next_token: u64,
}

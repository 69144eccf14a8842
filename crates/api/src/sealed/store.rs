//! What a client has to know of a store before it signs anything: `GET /v3/store`.

use serde::{Deserialize, Serialize};
use tozstore_crypto::{SigningPublicKey, StoreId};

/// A store that takes sealed records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedStore {
    /// The store, which every sealed object names.
    pub store_id: StoreId,
    /// The key that signs restore notices; none if there is no operator key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_key: Option<SigningPublicKey>,
    /// The sequence of the newest restore notice; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The server's clock, in milliseconds since 1970.
    pub time_ms: u64,
    /// Suites that it takes: `sealed-1`.
    pub suites: Vec<String>,
    /// What it takes at most.
    pub limits: SealedLimits,
}

/// Limits that are set up, or that a client has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedLimits {
    /// Bytes of a body.
    pub body_bytes: u64,
    /// Bytes of the sealed fields of one version.
    pub sealed_bytes: u64,
    /// Wraps of an entry that is sent in one piece.
    pub wraps_in_one_piece: u32,
    /// Seconds that a stage lives without being touched.
    pub stage_lifetime_s: u64,
}

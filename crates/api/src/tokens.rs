//! Access tokens: `POST /v1/auth/token` and `POST /v1/auth/validate`.

use serde::{Deserialize, Serialize};
use tozstore_crypto::{AccountId, ClientId};

use crate::{SecretText, Timestamp};

/// The only kind of token there is.
pub const BEARER: &str = "Bearer";

/// An access token, answered to a client that showed its API key and secret (RFC 6749, section 4.4).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    /// The token, for `Authorization: Bearer <token>`.
    pub access_token: SecretText,
    /// [`BEARER`].
    pub token_type: String,
    /// Seconds until it lapses.
    pub expires_in: u64,
    /// When it lapses. Always with a fraction: some clients cannot read it otherwise.
    pub expires_at: Timestamp,
}

/// The question whether a token is good.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidateToken {
    /// The token.
    pub token: SecretText,
}

/// A token is good. One that is not gets no such answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidatedToken {
    /// Whose token it is.
    pub client_id: ClientId,
    /// Always true.
    pub valid: bool,
}

/// An account token is good. One that is not gets no such answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidatedAccountToken {
    /// Whose token it is.
    pub account_id: AccountId,
    /// Always true.
    pub valid: bool,
}

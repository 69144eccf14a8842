//! Registration tokens: `/v1/account/tokens`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::SecretText;

/// Bytes that the name of a registration token may have.
pub const MAX_TOKEN_NAME_BYTES: usize = 256;
/// Bytes that the permissions of a registration token may have as JSON.
pub const MAX_PERMISSIONS_BYTES: usize = 4096;

/// A registration token that is to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewRegistrationToken {
    /// Its name, if it is to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it permits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Registrations that it allows; no limit if absent or zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_uses_allowed: Option<u64>,
}

/// A registration token as its account sees it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegistrationToken {
    /// The token: 64 hexadecimal digits.
    pub token: SecretText,
    /// Its name, if it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub name: Option<String>,
    /// What it permits, as it was sent.
    pub permissions: Permissions,
    /// Registrations that it was used for.
    pub uses: u64,
    /// Registrations that it allows; zero for no limit.
    pub total_uses_allowed: u64,
}

/// What a registration token permits. Members that are not known here are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Permissions {
    /// Whether clients registered with it may act at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether its first use deletes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time: Option<bool>,
    /// Kinds of clients that it registers; all if absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_types: Option<Vec<String>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Permissions {
    /// Whether a client of this kind may be registered.
    pub fn allow_kind(&self, kind: &str) -> bool {
        match &self.allowed_types {
            Some(kinds) if !kinds.is_empty() => kinds.iter().any(|allowed| allowed == kind),
            _ => true,
        }
    }
}

//! Registering a client: `POST /v1/account/e3db/clients/register`.

use serde::{Deserialize, Serialize};
use tozstore_crypto::ClientId;

use crate::{KeySet, SecretText};

/// Header of the answer that names the client that backups go to.
pub const BACKUP_CLIENT_HEADER: &str = "x-backup-client";

/// The kind of a client that asks for none.
pub const GENERAL_CLIENT: &str = "general";

/// Bytes that the name of a client may have.
pub const MAX_CLIENT_NAME_BYTES: usize = 1024;

/// A registration.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterClient {
    /// The registration token that permits it.
    pub token: SecretText,
    /// The client.
    pub client: NewClient,
}

/// A client that is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewClient {
    /// Its name: free text, at most [`MAX_CLIENT_NAME_BYTES`], not unique.
    pub name: String,
    /// Its public encryption keys, at least one.
    pub public_key: KeySet,
    /// Its public signing keys, if it has any.
    #[serde(default, skip_serializing_if = "KeySet::is_empty")]
    pub signing_key: KeySet,
    /// Its kind; [`GENERAL_CLIENT`] if absent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A client that was registered, with the credentials that are shown this once.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisteredClient {
    /// Its id.
    pub client_id: ClientId,
    /// Name of its API credential.
    pub api_key_id: String,
    /// Its API secret.
    pub api_secret: SecretText,
    /// Its name, as it was sent.
    pub name: String,
    /// Its public encryption keys.
    pub public_key: KeySet,
    /// Its public signing keys, `{}` if none: some clients must not find null here.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub signing_key: KeySet,
    /// Whether it may do anything yet.
    pub enabled: bool,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether its credentials are backed up.
    pub has_backup: bool,
}

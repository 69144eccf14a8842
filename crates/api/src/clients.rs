//! Clients: what others may know of them, and their administration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tozstore_crypto::ClientId;

use crate::KeySet;

/// Ids that one look-up of many clients may have.
pub const MAX_CLIENT_LOOKUPS: usize = 1000;
/// Clients that one page of a listing may have.
pub const MAX_CLIENTS_PER_PAGE: usize = 100;

/// What every client may know of another: `GET /v1/storage/clients/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientInfo {
    /// Its id.
    pub client_id: ClientId,
    /// Its public encryption keys.
    pub public_key: KeySet,
    /// Its public signing keys; null if none, since some clients cannot read `{}` here.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub signing_key: Option<KeySet>,
    /// Always true.
    pub validated: bool,
}

/// The public keys of a client: `GET /v1/client/{id}/public`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientKeys {
    /// Its id.
    pub client_id: ClientId,
    /// Its public encryption keys.
    pub public_key: KeySet,
    /// Its public signing keys, `{}` if none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub signing_key: KeySet,
}

/// Whose public keys are asked for: `POST /v1/client/public`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientKeysQuery {
    /// At most [`MAX_CLIENT_LOOKUPS`].
    pub client_ids: Vec<String>,
}

/// The public keys of those that there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientKeysAnswer {
    /// By client id.
    pub clients: BTreeMap<ClientId, ClientKeys>,
}

/// A client as itself and its account see it: `GET /v1/client/{id}`, `GET /v1/client/admin/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Client {
    /// Its id.
    pub client_id: ClientId,
    /// Name of its API credential.
    pub api_key_id: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may do anything.
    pub enabled: bool,
    /// Whether its credentials are backed up.
    pub has_backup: bool,
    /// Its public encryption keys.
    pub public_key: KeySet,
    /// Its public signing keys, `{}` if none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub signing_key: KeySet,
}

/// A page of the clients of an account: `GET /v1/client/admin?next=&limit=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientList {
    /// In the order of their registration.
    pub clients: Vec<Client>,
    /// Where the next page begins; zero when this is the last one.
    pub next_token: u64,
}

/// Adds signing keys to a client that has none: `PATCH /v1/client/{id}/keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddSigningKey {
    /// The keys.
    pub signing_key: KeySet,
}

/// Enables or disables a client: `PATCH /v1/client/admin/{id}/enable`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnableClient {
    /// Whether it may do anything.
    pub enabled: bool,
}

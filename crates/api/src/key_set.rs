//! Public keys by kind, as the protocol passes them about.

use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer};
use tozstore_crypto::{EncryptionPublicKey, SigningPublicKey};

/// A small map from the kind of a key (`curve25519`, `ed25519`, `p384`) to its text.
///
/// Keys of the kinds that this project uses are checked as they come in; other kinds are passed on unread, for clients
/// that use them among themselves. Entries with an empty text are dropped: one official client sends
/// `{"ed25519": ""}` to say that it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct KeySet(BTreeMap<String, String>);

/// Kind of the public encryption keys of the suite.
pub const CURVE25519: &str = "curve25519";
/// Kind of the public signing keys of the suite.
pub const ED25519: &str = "ed25519";

const MAX_KEYS: usize = 4;
const MAX_KIND_BYTES: usize = 32;
const MAX_KEY_BYTES: usize = 1024;

impl KeySet {
    /// A set of one encryption key.
    pub fn encryption(key: EncryptionPublicKey) -> Self {
        Self(BTreeMap::from([(CURVE25519.to_owned(), key.to_string())]))
    }

    /// A set of one signing key.
    pub fn signing(key: SigningPublicKey) -> Self {
        Self(BTreeMap::from([(ED25519.to_owned(), key.to_string())]))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The Curve25519 key, if there is one.
    pub fn encryption_key(&self) -> Option<EncryptionPublicKey> {
        self.0.get(CURVE25519)?.parse().ok()
    }

    /// The Ed25519 key, if there is one.
    pub fn signing_key(&self) -> Option<SigningPublicKey> {
        self.0.get(ED25519)?.parse().ok()
    }

    /// The set of which [`to_json`](Self::to_json) made this text. The keys were checked when they came in, which costs a
    /// multiplication on the curve each, and are not checked again.
    ///
    /// # Errors
    /// The text is not an object of strings.
    pub fn from_checked_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// The JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Null stands for "none", as everywhere in the protocol.
        let mut keys = Option::<BTreeMap<String, String>>::deserialize(deserializer)?.unwrap_or_default();
        keys.retain(|_, text| !text.is_empty());
        if keys.len() > MAX_KEYS {
            return Err(de::Error::custom(format_args!("more than {MAX_KEYS} keys")));
        }
        for (kind, text) in &keys {
            if kind.len() > MAX_KIND_BYTES || text.len() > MAX_KEY_BYTES {
                return Err(de::Error::custom("a key or its kind is too long"));
            }
            let sound = match kind.as_str() {
                CURVE25519 => text.parse::<EncryptionPublicKey>().is_ok(),
                ED25519 => text.parse::<SigningPublicKey>().is_ok(),
                _ => true,
            };
            if !sound {
                return Err(de::Error::custom(format_args!(
                    "the {kind} key is not 32 bytes of unpadded base64url, or is not a sound public key"
                )));
            }
        }
        Ok(Self(keys))
    }
}

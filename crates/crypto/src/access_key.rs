//! Access keys: one for all records of one writer, user and type; wrapped once for each reader.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::encoding::{decode_array, encode_base64url};
use crate::primitives::{self, BOX_OVERHEAD_BYTES};
use crate::secret::{Secret, secret_type};
use crate::{EncryptionPrivateKey, EncryptionPublicKey, Label, OpenError, ParseError, Suite};

const CIPHERTEXT_BYTES: usize = 32 + BOX_OVERHEAD_BYTES;

secret_type! {
    /// Opens and seals the records of one writer, user and type: a key that wraps a fresh data key per field or file.
    AccessKey, 32
}

impl AccessKey {
    /// A fresh random key.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// Wraps the key for a reader, who may be the authorizer. `authorizer` is the one who gives access.
    ///
    /// `box(key, nonce, reader, authorizer)`. Nothing else is bound in: the wrapped key does not know its record type.
    pub fn wrap(&self, reader: &EncryptionPublicKey, authorizer: &EncryptionPrivateKey) -> WrappedAccessKey {
        self.wrap_with_nonce(reader, authorizer, &primitives::random_array())
    }

    /// What tells this key from others without telling the key: `BLAKE2b-256(key, label)`. Keep it, and notice when
    /// the server comes with another key.
    pub fn fingerprint(&self) -> AccessKeyFingerprint {
        let framed = Label::AccessKeyFingerprint.frame(&[]);
        AccessKeyFingerprint(primitives::blake2b_256(Some(self.0.expose()), &framed))
    }

    /// The formats that this key is used with.
    pub const fn suite(&self) -> Suite {
        Suite::Interop
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    #[allow(
        clippy::panic,
        reason = "to go on would hand out a key that nobody wrapped, and no caller can repair that"
    )]
    pub(crate) fn wrap_with_nonce(
        &self,
        reader: &EncryptionPublicKey,
        authorizer: &EncryptionPrivateKey,
        nonce: &[u8; 24],
    ) -> WrappedAccessKey {
        let sealed = primitives::box_seal(authorizer.expose(), reader.as_bytes(), nonce, self.0.expose());
        // A public key of low order is the only reason to fail, and its type lets none in.
        let Some(ciphertext) = sealed.ok().and_then(|sealed| sealed.try_into().ok()) else {
            panic!("a public key of low order got into its type");
        };
        WrappedAccessKey { ciphertext, nonce: *nonce }
    }
}

/// The fingerprint of an access key, see [`AccessKey::fingerprint`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccessKeyFingerprint([u8; 32]);

impl AccessKeyFingerprint {
    /// A stored fingerprint.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AccessKeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64url(self.0))
    }
}

impl fmt::Debug for AccessKeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKeyFingerprint({self})")
    }
}

impl FromStr for AccessKeyFingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(Self(*decode_array(text)?))
    }
}

/// An access key as it lies at the server, wrapped for one reader ("EAK").
///
/// ```text
/// base64url(box, 48 bytes) "." base64url(nonce, 24 bytes)      64 + 1 + 32 characters
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WrappedAccessKey {
    ciphertext: [u8; CIPHERTEXT_BYTES],
    nonce: [u8; 24],
}

impl WrappedAccessKey {
    /// Opens the key with the reader's own private key. `authorizer` is who wrapped it; that key comes from the
    /// server, so for one's own records it should be compared with one's own.
    ///
    /// # Errors
    /// It was wrapped for another reader or by another authorizer, or altered.
    pub fn open(
        &self,
        authorizer: &EncryptionPublicKey,
        own: &EncryptionPrivateKey,
    ) -> Result<AccessKey, OpenError> {
        let opened =
            primitives::box_open(own.expose(), authorizer.as_bytes(), &self.nonce, &self.ciphertext)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| OpenError)?;
        Ok(AccessKey::from_bytes(bytes))
    }

    /// The formats that the key inside is used with.
    pub const fn suite(&self) -> Suite {
        Suite::Interop
    }
}

impl fmt::Display for WrappedAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", encode_base64url(self.ciphertext), encode_base64url(self.nonce))
    }
}

impl fmt::Debug for WrappedAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedAccessKey({self})")
    }
}

impl FromStr for WrappedAccessKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (ciphertext, nonce) = text.split_once('.').ok_or(ParseError::new("a wrapped access key"))?;
        Ok(Self { ciphertext: *decode_array(ciphertext)?, nonce: *decode_array(nonce)? })
    }
}

impl Serialize for WrappedAccessKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WrappedAccessKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

//! Public keys of clients. Private ones follow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::encoding::{decode_array, encode_base64url};
use crate::{ParseError, primitives};

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident, $sound:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Checks that the bytes are a sound public key.
            ///
            /// # Errors
            /// The key is of low order, or not on the curve.
            pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, ParseError> {
                if $sound(&bytes) { Ok(Self(bytes)) } else { Err(ParseError::new($expected)) }
            }

            /// The raw key.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode_base64url(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                Self::from_bytes(*decode_array(text)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

public_key! {
    /// A client's Curve25519 public key (RFC 7748). Its text is 43 characters of base64url.
    EncryptionPublicKey, primitives::is_sound_x25519_public_key, "a sound Curve25519 public key"
}

public_key! {
    /// A client's Ed25519 public key (RFC 8032). Its text is 43 characters of base64url.
    SigningPublicKey, primitives::is_sound_ed25519_public_key, "a sound Ed25519 public key"
}

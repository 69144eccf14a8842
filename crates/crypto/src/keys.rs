//! Keys of clients: Curve25519 for reading, Ed25519 for signing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::encoding::{decode_array, encode_base64url};
use crate::secret::{Secret, secret_type};
use crate::{ParseError, VerifyError, primitives};

/// Text, `Debug` and serde of bytes that are written in base64url.
macro_rules! text_of_bytes {
    ($name:ident, $checked:expr) => {
        text_of_bytes!($name, $checked, $crate::encoding::decode_array);
    };
    ($name:ident, $checked:expr, $decode:path) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode_base64url(self.as_bytes()))
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
                let checked: fn(_) -> Result<Self, ParseError> = $checked;
                checked(*$decode(text)?)
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

pub(crate) use text_of_bytes;

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

        text_of_bytes!($name, Self::from_bytes);
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

secret_type! {
    /// A client's Curve25519 private key (RFC 7748), as it was drawn: not clamped.
    EncryptionPrivateKey, 32
}

impl EncryptionPrivateKey {
    /// A fresh random key.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// From its text of 43 characters.
    ///
    /// # Errors
    /// The text is not base64url of 32 bytes.
    pub fn from_text(text: &str) -> Result<Self, ParseError> {
        Ok(Self(Secret::copy_of(&*decode_array(text)?)))
    }

    /// The text of 43 characters, for storing the key.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encode_base64url(self.0.expose()))
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> EncryptionPublicKey {
        // Sound by construction: a clamped multiple of the base point is never of low order.
        EncryptionPublicKey(primitives::x25519_public_key(self.0.expose()))
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

secret_type! {
    /// A client's Ed25519 key pair (RFC 8032): 32 bytes of seed, then 32 bytes of public key.
    SigningKeyPair, 64
}

impl SigningKeyPair {
    /// A fresh random pair.
    pub fn generate() -> Self {
        Self::from_seed(&primitives::random_array())
    }

    /// From its text: 86 characters for seed and public key, or 43 for the seed alone, which is all that some clients
    /// keep.
    ///
    /// # Errors
    /// The text has another form, or its halves do not belong together: to sign with a wrong public half can give the
    /// private one away.
    pub fn from_text(text: &str) -> Result<Self, ParseError> {
        if let Ok(seed) = decode_array(text) {
            return Ok(Self::from_seed(&seed));
        }
        let given = decode_array::<64>(text)?;
        let (seed, public) = given.split_first_chunk::<32>().ok_or(ParseError::new("a signing key pair"))?;
        let pair = Self::from_seed(seed);
        if public == pair.public_key().as_bytes() {
            Ok(pair)
        } else {
            Err(ParseError::new("a signing key pair whose halves belong together"))
        }
    }

    /// The text of 86 characters, for storing the pair.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encode_base64url(self.0.expose()))
    }

    /// The public half.
    pub fn public_key(&self) -> SigningPublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(&self.0.expose()[32..]);
        SigningPublicKey(public)
    }

    /// `Ed25519(message)`, pure: the message is not hashed before.
    ///
    /// The interop formats sign requests, fields and records with one key and no prefix: 32 bytes may be the hash of a
    /// request, 43 characters that of a field. So never sign bytes of another's choice.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(primitives::ed25519_sign(self.0.expose(), message))
    }

    /// The first half: what the sealed keys of a client are derived from.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        // The first half of 64 bytes is there.
        self.0.expose().first_chunk().unwrap_or(&[0; 32])
    }

    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        let (seed_half, public_half) = bytes.split_at_mut(32);
        seed_half.copy_from_slice(seed);
        public_half.copy_from_slice(&primitives::ed25519_public_key(seed));
        Self(Secret::copy_of(&bytes))
    }
}

/// An Ed25519 signature, 64 bytes. Its text is 86 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// A signature from its bytes. Whether it holds is another matter.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl SigningPublicKey {
    /// Checks a signature by the strict rule: besides RFC 8032, points of small order and every form that is not
    /// canonical are refused.
    ///
    /// # Errors
    /// The signature is not one of this key for this message.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        if primitives::ed25519_verify(&self.0, message, &signature.0) { Ok(()) } else { Err(VerifyError) }
    }
}

text_of_bytes!(Signature, |bytes| Ok(Self(bytes)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let private = EncryptionPrivateKey::generate();
        let again = EncryptionPrivateKey::from_text(&private.expose_text()).unwrap();
        assert_eq!(again.public_key(), private.public_key());
        let pair = SigningKeyPair::generate();
        let text = pair.expose_text();
        assert_eq!((private.expose_text().len(), text.len()), (43, 86));
        for text in [text.as_str(), &encode_base64url(&pair.0.expose()[..32])] {
            let again = SigningKeyPair::from_text(text).unwrap();
            assert!(pair.public_key().verify(b"message", &again.sign(b"message")).is_ok());
        }
        let public = pair.public_key();
        assert_eq!(public.to_string().parse(), Ok(public));
    }

    #[test]
    fn a_pair_with_a_foreign_public_half_is_refused() {
        let mut bytes = *SigningKeyPair::generate().0.expose();
        bytes[32..].copy_from_slice(SigningKeyPair::generate().public_key().as_bytes());
        assert!(SigningKeyPair::from_text(&encode_base64url(bytes)).is_err());
    }

    #[test]
    fn keys_of_low_order_are_refused() {
        for bytes in [[0; 32], std::array::from_fn(|at| u8::from(at == 0))] {
            assert!(EncryptionPublicKey::from_bytes(bytes).is_err());
            assert!(SigningPublicKey::from_bytes(bytes).is_err());
        }
    }
}

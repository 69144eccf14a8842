//! Wrapping keys to a public key: HPKE with X-Wing (section 3).

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::{Secret, secret_type};
use crate::{OpenError, ParseError, primitives};

const PUBLIC_KEY_BYTES: usize = primitives::XWING_PUBLIC_KEY_BYTES;

/// Bytes by which what is wrapped is longer than the message: what HPKE encapsulates, and a tag.
pub const WRAP_OVERHEAD_BYTES: usize = primitives::XWING_ENCAPSULATED_BYTES + primitives::AEAD_OVERHEAD_BYTES;

/// An X-Wing public key that was found to be sound: 1184 bytes of ML-KEM-768, then 32 of X25519.
#[derive(Clone, PartialEq, Eq)]
pub struct WrapPublicKey(Box<[u8; PUBLIC_KEY_BYTES]>);

impl WrapPublicKey {
    /// Its length in bytes.
    pub const BYTES: usize = PUBLIC_KEY_BYTES;

    /// Checks that one can wrap to the key.
    ///
    /// # Errors
    /// The ML-KEM half fails the check of FIPS 203, section 7.2, or the X25519 half is of low order.
    pub fn from_bytes(bytes: [u8; PUBLIC_KEY_BYTES]) -> Result<Self, ParseError> {
        if primitives::is_sound_xwing_public_key(&bytes) {
            Ok(Self(Box::new(bytes)))
        } else {
            Err(ParseError::new("a sound X-Wing public key"))
        }
    }

    /// The raw key.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    /// `enc ‖ ciphertext`. Opens with the same `info` alone, which names purpose, store, wrapper, reader and place.
    ///
    /// # Errors
    /// The key is not sound; it was checked, so this does not happen.
    pub(crate) fn wrap(&self, info: &[u8], message: &[u8]) -> Result<Vec<u8>, ParseError> {
        primitives::hpke_seal(&self.0, &primitives::random_array(), info, message)
            .ok_or(ParseError::new("a sound X-Wing public key"))
    }
}

impl fmt::Debug for WrapPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrapPublicKey({}…)", crate::encode_base64url(&self.0[..12]))
    }
}

secret_type! {
    /// An X-Wing private key: the seed of both halves.
    WrapPrivateKey, 32
}

impl WrapPrivateKey {
    /// A private key of its seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::copy_of(seed))
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> WrapPublicKey {
        // Sound by construction.
        WrapPublicKey(primitives::xwing_public_key(self.0.expose()))
    }

    /// Opens what was wrapped to the public key with this `info`.
    ///
    /// # Errors
    /// It was wrapped to another key, for another purpose or place, or altered.
    pub(crate) fn open(&self, info: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        primitives::hpke_open(self.0.expose(), info, wrapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_opens_for_its_reader_and_purpose_alone() {
        let reader = WrapPrivateKey::from_seed(&[7; 32]);
        let public = WrapPublicKey::from_bytes(*reader.public_key().as_bytes()).unwrap();
        let wrapped = public.wrap(b"purpose", b"key").unwrap();
        assert_eq!(wrapped.len(), WRAP_OVERHEAD_BYTES + 3);
        assert_eq!(reader.open(b"purpose", &wrapped).unwrap().as_slice(), b"key");
        assert_eq!(reader.open(b"another", &wrapped), Err(OpenError));
        assert_eq!(WrapPrivateKey::from_seed(&[8; 32]).open(b"purpose", &wrapped), Err(OpenError));
        assert_eq!(reader.open(b"purpose", &wrapped[1..]), Err(OpenError));
        assert_ne!(public.wrap(b"purpose", b"key").unwrap(), wrapped);
    }

    #[test]
    fn unsound_keys_are_refused() {
        let sound = *WrapPrivateKey::from_seed(&[7; 32]).public_key().as_bytes();
        let mut of_low_order = sound;
        of_low_order[1184..].fill(0);
        assert!(WrapPublicKey::from_bytes(of_low_order).is_err());
        let mut not_reduced = sound;
        not_reduced[..3].fill(0xff);
        assert!(WrapPublicKey::from_bytes(not_reduced).is_err());
    }
}

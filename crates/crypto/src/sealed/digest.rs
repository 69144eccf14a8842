//! Digests, and keys and commitments derived from keys (section 2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::encoding::encode_base64url;
use crate::keys::text_of_bytes;
use crate::label::SealedLabel;
use crate::{ParseError, primitives};

/// `H(label; parts)`: the name of a thing, or a commitment to it. Its text is 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// `BLAKE2b-256(F(label; parts))` (RFC 7693).
    pub fn of(label: SealedLabel, parts: &[&[u8]]) -> Self {
        Self(primitives::blake2b_256(None, &label.frame(parts)))
    }

    /// A digest from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `K(key, label; parts)`, where it is a commitment to the key and not a key.
    pub(crate) fn keyed(key: &[u8; 32], label: SealedLabel, parts: &[&[u8]]) -> Self {
        Self(*derive(key, label, parts))
    }
}

text_of_bytes!(Digest, |bytes| Ok(Self(bytes)), crate::encoding::decode_array_strictly);

/// `K(key, label; parts) = BLAKE2b-256(key, F(label; parts))`: a key for one purpose and place.
pub(crate) fn derive(key: &[u8; 32], label: SealedLabel, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(primitives::blake2b_256(Some(key), &label.frame(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // By hashlib.blake2b of Python, over LE64(len) ‖ label, then LE64(len) ‖ part for each part.
        let empty = Digest::of(SealedLabel::TreeEmpty, &[]);
        assert_eq!(hex(empty.as_bytes()), "ed5faa17af55acb81a38accf1770b3f4cdead328088127f3f4ead88897917cd7");
        let keyed = Digest::keyed(&[7; 32], SealedLabel::FieldKey, &[b"name", b""]);
        assert_eq!(hex(keyed.as_bytes()), "c83fbbe1cdfdf884de1d8f806ac2763d0f82585d842732c96ef49cd98c371689");
    }

    #[test]
    fn purposes_and_parts_are_told_apart() {
        let of = |label, parts: &[&[u8]]| Digest::of(label, parts);
        assert_ne!(of(SealedLabel::Fields, &[b"ab"]), of(SealedLabel::Plain, &[b"ab"]));
        assert_ne!(of(SealedLabel::Fields, &[b"ab"]), of(SealedLabel::Fields, &[b"a", b"b"]));
        assert_ne!(of(SealedLabel::Fields, &[]), of(SealedLabel::Fields, &[b""]));
        assert_ne!(
            Digest::keyed(&[1; 32], SealedLabel::Fields, &[]),
            Digest::keyed(&[2; 32], SealedLabel::Fields, &[])
        );
    }

    #[test]
    fn text_comes_back() {
        let digest = Digest::from_bytes([0xa5; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("AA".parse::<Digest>().is_err());
        assert!(format!("{digest}=").parse::<Digest>().is_err());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

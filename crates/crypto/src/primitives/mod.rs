//! The primitives: the only place that knows a cipher library.
//!
//! Two libraries stand behind the same functions: libsodium (default), and with feature `fast` dryoc, in pure Rust.
//! Hashes that only old formats want come from RustCrypto. Tests compile both and compare them. Why these two: `docs/adr/0002-primitives.md`.

mod digest;
mod hpke;
#[cfg(any(feature = "fast", test))]
mod pure;
#[cfg(any(feature = "fast", test))]
mod pure_sealed;
mod random;
#[cfg(any(not(feature = "fast"), test))]
mod sodium;
#[cfg(any(not(feature = "fast"), test))]
mod sodium_sealed;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod differential_sealed;
#[cfg(test)]
mod hpke_vectors;
#[cfg(test)]
mod wycheproof;

pub(crate) use digest::{Md5Stream, hmac_sha256, pbkdf2_sha512, sha256, sha512_first_half};
pub(crate) use hpke::{hpke_open, hpke_seal, is_sound_xwing_public_key};
#[cfg(test)]
pub(crate) use random::fixed::with_fixed_random;
pub(crate) use random::random_array;

#[cfg(feature = "fast")]
pub(crate) use pure::{
    Stream, blake2b_256, box_open, box_seal, ed25519_public_key, ed25519_sign, ed25519_verify,
    equal_in_constant_time, is_sound_ed25519_public_key, is_sound_x25519_public_key, secretbox_open,
    secretbox_seal, x25519_public_key,
};
#[cfg(feature = "fast")]
pub(crate) use pure_sealed::{
    chacha_open, chacha_seal, xchacha_open, xchacha_seal, xwing_decapsulate, xwing_encapsulate,
    xwing_public_key,
};
#[cfg(not(feature = "fast"))]
pub(crate) use sodium::{
    Stream, blake2b_256, box_open, box_seal, ed25519_public_key, ed25519_sign, ed25519_verify,
    equal_in_constant_time, is_sound_ed25519_public_key, is_sound_x25519_public_key, secretbox_open,
    secretbox_seal, x25519_public_key,
};
#[cfg(not(feature = "fast"))]
pub(crate) use sodium_sealed::{
    chacha_open, chacha_seal, xchacha_open, xchacha_seal, xwing_decapsulate, xwing_encapsulate,
    xwing_public_key,
};

/// Bytes by which a sealed message is longer than its plaintext: the Poly1305 tag, which comes last.
pub(crate) const AEAD_OVERHEAD_BYTES: usize = 16;
/// An X-Wing public key: ML-KEM-768, then X25519.
pub(crate) const XWING_PUBLIC_KEY_BYTES: usize = 1216;
/// What an X-Wing encapsulation is sent as: ML-KEM-768, then X25519.
pub(crate) const XWING_ENCAPSULATED_BYTES: usize = 1120;

/// Bytes by which a secretbox or box is longer than its message: the Poly1305 tag, which comes first.
pub(crate) const BOX_OVERHEAD_BYTES: usize = 16;
/// Bytes by which a message of a stream is longer than its plaintext: the encrypted tag first, the MAC last.
pub(crate) const STREAM_OVERHEAD_BYTES: usize = 17;

/// What a message of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamTag {
    /// More messages follow.
    Message,
    /// The last one.
    Final,
}

impl StreamTag {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::Final => 3,
        }
    }

    /// No one writes the tags `PUSH` and `REKEY` of the stream: they are refused.
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Message),
            3 => Some(Self::Final),
            _ => None,
        }
    }
}

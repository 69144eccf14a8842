//! Hashes and password derivation of RustCrypto, where the interop formats want what libsodium does not have.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// MD5 (RFC 1321) over many pieces: a checksum against accidents, and no more.
pub(crate) struct Md5Stream(Md5);

impl Md5Stream {
    pub(crate) fn new() -> Self {
        Self(Md5::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }
}

/// `SHA-256(message)` (FIPS 180-4).
pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// The first half of `SHA-512(seed)`: how libsodium makes a Curve25519 key of a seed.
pub(crate) fn sha512_first_half(seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let hash = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
    let mut half = Zeroizing::new([0; 32]);
    half.copy_from_slice(&hash[..32]);
    half
}

/// `HMAC-SHA-256(key, message)` (RFC 2104), the message in pieces.
pub(crate) fn hmac_sha256(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    // It fails on a key that HMAC cannot take, and HMAC takes any.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

/// `PBKDF2-HMAC-SHA-512(password, salt, rounds)` with 32 bytes of output (RFC 8018, section 5.2).
pub(crate) fn pbkdf2_sha512(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    // It fails on a password that HMAC cannot take as key, and HMAC takes any.
    let _ = pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, rounds, &mut *output);
    output
}

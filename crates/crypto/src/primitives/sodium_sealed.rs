//! The primitives of the sealed format by libsodium: AEADs with associated data, and X-Wing.
#![allow(unsafe_code)]

use std::ptr;

use libsodium_sys as sodium;
use zeroize::Zeroizing;

use super::sodium::initialize;
use super::{AEAD_OVERHEAD_BYTES, XWING_ENCAPSULATED_BYTES, XWING_PUBLIC_KEY_BYTES};
use crate::OpenError;

/// Both directions of one AEAD: they differ by the length of the nonce and the functions behind.
macro_rules! aead {
    ($seal:ident, $open:ident, $nonce_bytes:literal, $encrypt:ident, $decrypt:ident, $name:literal) => {
        #[doc = concat!($name, ": ciphertext, then tag.")]
        pub(crate) fn $seal(
            key: &[u8; 32],
            nonce: &[u8; $nonce_bytes],
            associated: &[u8],
            message: &[u8],
        ) -> Vec<u8> {
            initialize();
            let mut sealed = vec![0; message.len() + AEAD_OVERHEAD_BYTES];
            // SAFETY: the function reads message and associated data by their lengths, the nonce and 32 bytes of the
            // key, and writes 16 bytes more than the message has; `sealed` has just that length; the pointers for
            // its length and for the unused secret nonce may be null.
            unsafe {
                sodium::$encrypt(
                    sealed.as_mut_ptr(),
                    ptr::null_mut(),
                    message.as_ptr(),
                    message.len() as u64,
                    associated.as_ptr(),
                    associated.len() as u64,
                    ptr::null(),
                    nonce.as_ptr(),
                    key.as_ptr(),
                );
            }
            sealed
        }

        #[doc = concat!("Opens what [`", stringify!($seal), "`] made.")]
        pub(crate) fn $open(
            key: &[u8; 32],
            nonce: &[u8; $nonce_bytes],
            associated: &[u8],
            sealed: &[u8],
        ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
            initialize();
            let message_len = sealed.len().checked_sub(AEAD_OVERHEAD_BYTES).ok_or(OpenError)?;
            let mut message = Zeroizing::new(vec![0; message_len]);
            // SAFETY: `sealed` has at least the 16 bytes of the tag; the function reads it and the associated data
            // whole, the nonce and 32 bytes of the key, and writes 16 bytes fewer than `sealed` has; `message` has
            // just that length; the other pointers may be null.
            let status = unsafe {
                sodium::$decrypt(
                    message.as_mut_ptr(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    sealed.as_ptr(),
                    sealed.len() as u64,
                    associated.as_ptr(),
                    associated.len() as u64,
                    nonce.as_ptr(),
                    key.as_ptr(),
                )
            };
            if status == 0 { Ok(message) } else { Err(OpenError) }
        }
    };
}

aead! {
    chacha_seal, chacha_open, 12, crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_aead_chacha20poly1305_ietf_decrypt, "ChaCha20-Poly1305 (RFC 8439, section 2.8)"
}

aead! {
    xchacha_seal, xchacha_open, 24, crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_decrypt, "XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03)"
}

/// The X-Wing public key of a seed, which is the private key (draft-connolly-cfrg-xwing-kem-06, section 5.2).
pub(crate) fn xwing_public_key(seed: &[u8; 32]) -> Box<[u8; XWING_PUBLIC_KEY_BYTES]> {
    initialize();
    let mut public = Box::new([0; XWING_PUBLIC_KEY_BYTES]);
    let mut private = Zeroizing::new([0; 32]);
    // SAFETY: the function reads 32 bytes of the seed and writes 1216 and 32 bytes.
    unsafe {
        sodium::crypto_kem_xwing_seed_keypair(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr());
    }
    public
}

/// Encapsulates with given randomness (section 5.4.1 there): what is sent, and the shared secret. None if either half
/// of the public key is unsound.
#[allow(clippy::type_complexity, reason = "a pair that the one caller takes apart at once")]
pub(crate) fn xwing_encapsulate(
    public: &[u8; XWING_PUBLIC_KEY_BYTES],
    randomness: &[u8; 64],
) -> Option<(Box<[u8; XWING_ENCAPSULATED_BYTES]>, Zeroizing<[u8; 32]>)> {
    initialize();
    let mut encapsulated = Box::new([0; XWING_ENCAPSULATED_BYTES]);
    let mut secret = Zeroizing::new([0; 32]);
    // SAFETY: the function reads 1216 bytes of the key and 64 of the randomness, and writes 1120 and 32 bytes.
    let status = unsafe {
        sodium::crypto_kem_xwing_enc_deterministic(
            encapsulated.as_mut_ptr(),
            secret.as_mut_ptr(),
            public.as_ptr(),
            randomness.as_ptr(),
        )
    };
    (status == 0).then_some((encapsulated, secret))
}

/// The shared secret of what [`xwing_encapsulate`] made. None if the X25519 part is of low order; what is wrong
/// otherwise gives a secret that nobody else has.
pub(crate) fn xwing_decapsulate(
    seed: &[u8; 32],
    encapsulated: &[u8; XWING_ENCAPSULATED_BYTES],
) -> Option<Zeroizing<[u8; 32]>> {
    initialize();
    let mut secret = Zeroizing::new([0; 32]);
    // SAFETY: the function reads 1120 bytes, and 32 of the seed, and writes 32 bytes.
    let status =
        unsafe { sodium::crypto_kem_xwing_dec(secret.as_mut_ptr(), encapsulated.as_ptr(), seed.as_ptr()) };
    (status == 0).then_some(secret)
}

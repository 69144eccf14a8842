//! The primitives of the sealed format by dryoc.

use ::dryoc::classic::{
    crypto_aead_chacha20poly1305_ietf as chacha, crypto_aead_xchacha20poly1305_ietf as xchacha,
    crypto_kem_xwing as xwing,
};
use zeroize::Zeroizing;

use super::{AEAD_OVERHEAD_BYTES, XWING_ENCAPSULATED_BYTES, XWING_PUBLIC_KEY_BYTES};
use crate::OpenError;

macro_rules! aead {
    ($seal:ident, $open:ident, $nonce_bytes:literal, $encrypt:path, $decrypt:path, $name:literal) => {
        #[doc = concat!($name, ": ciphertext, then tag.")]
        pub(crate) fn $seal(
            key: &[u8; 32],
            nonce: &[u8; $nonce_bytes],
            associated: &[u8],
            message: &[u8],
        ) -> Vec<u8> {
            let mut sealed = vec![0; message.len() + AEAD_OVERHEAD_BYTES];
            let _ = $encrypt(&mut sealed, message, Some(associated), nonce, key);
            sealed
        }

        #[doc = concat!("Opens what [`", stringify!($seal), "`] made.")]
        pub(crate) fn $open(
            key: &[u8; 32],
            nonce: &[u8; $nonce_bytes],
            associated: &[u8],
            sealed: &[u8],
        ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
            let message_len = sealed.len().checked_sub(AEAD_OVERHEAD_BYTES).ok_or(OpenError)?;
            let mut message = Zeroizing::new(vec![0; message_len]);
            $decrypt(&mut message, sealed, Some(associated), nonce, key).map_err(|_| OpenError)?;
            Ok(message)
        }
    };
}

aead! {
    chacha_seal, chacha_open, 12, chacha::crypto_aead_chacha20poly1305_ietf_encrypt,
    chacha::crypto_aead_chacha20poly1305_ietf_decrypt, "ChaCha20-Poly1305"
}

aead! {
    xchacha_seal, xchacha_open, 24, xchacha::crypto_aead_xchacha20poly1305_ietf_encrypt,
    xchacha::crypto_aead_xchacha20poly1305_ietf_decrypt, "XChaCha20-Poly1305"
}

/// The X-Wing public key of a seed.
pub(crate) fn xwing_public_key(seed: &[u8; 32]) -> Box<[u8; XWING_PUBLIC_KEY_BYTES]> {
    let mut public = Box::new([0; XWING_PUBLIC_KEY_BYTES]);
    let mut private = Zeroizing::new([0; 32]);
    xwing::crypto_kem_xwing_seed_keypair_inplace(&mut public, &mut private, seed);
    public
}

/// Encapsulates with given randomness. None if the public key is unsound.
#[allow(clippy::type_complexity, reason = "a pair that the one caller takes apart at once")]
pub(crate) fn xwing_encapsulate(
    public: &[u8; XWING_PUBLIC_KEY_BYTES],
    randomness: &[u8; 64],
) -> Option<(Box<[u8; XWING_ENCAPSULATED_BYTES]>, Zeroizing<[u8; 32]>)> {
    let mut encapsulated = Box::new([0; XWING_ENCAPSULATED_BYTES]);
    let mut secret = Zeroizing::new([0; 32]);
    xwing::crypto_kem_xwing_enc_deterministic(&mut encapsulated, &mut secret, public, randomness).ok()?;
    Some((encapsulated, secret))
}

/// The shared secret of what [`xwing_encapsulate`] made. None if the X25519 part is of low order.
pub(crate) fn xwing_decapsulate(
    seed: &[u8; 32],
    encapsulated: &[u8; XWING_ENCAPSULATED_BYTES],
) -> Option<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    xwing::crypto_kem_xwing_dec(&mut secret, encapsulated, seed).ok()?;
    Some(secret)
}

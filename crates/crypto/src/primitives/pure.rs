//! The primitives by dryoc, in pure Rust: with feature `fast`, and in tests to compare with libsodium.
//!
//! Its functions fail on wrong lengths too, which cannot be here: such results are left unread.

use ::dryoc::classic::crypto_secretstream_xchacha20poly1305 as secretstream;
use ::dryoc::classic::{crypto_box, crypto_core, crypto_generichash, crypto_secretbox, crypto_sign};
use zeroize::Zeroizing;

use super::{BOX_OVERHEAD_BYTES, STREAM_OVERHEAD_BYTES, StreamTag};
use crate::OpenError;

/// `secretbox(key, nonce, message)`.
pub(crate) fn secretbox_seal(key: &[u8; 32], nonce: &[u8; 24], message: &[u8]) -> Vec<u8> {
    let mut sealed = vec![0; BOX_OVERHEAD_BYTES + message.len()];
    let _ = crypto_secretbox::crypto_secretbox_easy(&mut sealed, message, nonce, key);
    sealed
}

/// Opens what [`secretbox_seal`] made.
pub(crate) fn secretbox_open(
    key: &[u8; 32],
    nonce: &[u8; 24],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let message_len = sealed.len().checked_sub(BOX_OVERHEAD_BYTES).ok_or(OpenError)?;
    let mut message = Zeroizing::new(vec![0; message_len]);
    crypto_secretbox::crypto_secretbox_open_easy(&mut message, sealed, nonce, key).map_err(|_| OpenError)?;
    Ok(message)
}

/// `box(message, nonce, public, secret)`.
///
/// # Errors
/// The public key is of low order.
pub(crate) fn box_seal(
    secret: &[u8; 32],
    public: &[u8; 32],
    nonce: &[u8; 24],
    message: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut sealed = vec![0; BOX_OVERHEAD_BYTES + message.len()];
    crypto_box::crypto_box_easy(&mut sealed, message, nonce, public, secret).map_err(|_| OpenError)?;
    Ok(sealed)
}

/// Opens what [`box_seal`] made, with the keys of the other end.
pub(crate) fn box_open(
    secret: &[u8; 32],
    public: &[u8; 32],
    nonce: &[u8; 24],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let message_len = sealed.len().checked_sub(BOX_OVERHEAD_BYTES).ok_or(OpenError)?;
    let mut message = Zeroizing::new(vec![0; message_len]);
    crypto_box::crypto_box_open_easy(&mut message, sealed, nonce, public, secret).map_err(|_| OpenError)?;
    Ok(message)
}

/// `X25519(secret, 9)`.
pub(crate) fn x25519_public_key(secret: &[u8; 32]) -> [u8; 32] {
    let mut public = [0; 32];
    crypto_core::crypto_scalarmult_base(&mut public, secret);
    public
}

/// `X25519(secret, public)`, none if it is all zero.
pub(crate) fn x25519(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let mut shared = Zeroizing::new([0; 32]);
    crypto_core::crypto_scalarmult(&mut shared, secret, public).ok()?;
    Some(shared)
}

/// Whether X25519 with this key can give anything but zero.
pub(crate) fn is_sound_x25519_public_key(public: &[u8; 32]) -> bool {
    x25519(&[0x5a; 32], public).is_some()
}

/// The public key of a seed.
pub(crate) fn ed25519_public_key(seed: &[u8; 32]) -> [u8; 32] {
    let mut public = [0; 32];
    let mut secret = Zeroizing::new([0; 64]);
    crypto_sign::crypto_sign_seed_keypair_inplace(&mut public, &mut secret, seed);
    public
}

/// `Ed25519(message)`.
pub(crate) fn ed25519_sign(private: &[u8; 64], message: &[u8]) -> [u8; 64] {
    let mut signature = [0; 64];
    let _ = crypto_sign::crypto_sign_detached(&mut signature, message, private);
    signature
}

/// Verifies by libsodium's strict rule.
pub(crate) fn ed25519_verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    crypto_sign::crypto_sign_verify_detached(signature, message, public).is_ok()
}

/// Whether the key is a canonical point of the prime-order group.
pub(crate) fn is_sound_ed25519_public_key(public: &[u8; 32]) -> bool {
    crypto_core::crypto_core_ed25519_is_valid_point(public)
}

/// `BLAKE2b(message)` with 32 bytes of output.
pub(crate) fn blake2b_256(key: Option<&[u8; 32]>, message: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let _ = crypto_generichash::crypto_generichash(&mut hash, message, key.map(<[u8; 32]>::as_slice));
    hash
}

/// One direction of a secretstream. Its state wipes itself.
pub(crate) struct Stream(Box<secretstream::State>);

impl Stream {
    /// The state after the header, which is the same at both ends.
    pub(crate) fn new(key: &[u8; 32], header: &[u8; 24]) -> Self {
        let mut state = Box::new(secretstream::State::new());
        secretstream::crypto_secretstream_xchacha20poly1305_init_pull(&mut state, header, key);
        Self(state)
    }

    /// Seals the next message.
    pub(crate) fn push(&mut self, tag: StreamTag, message: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; STREAM_OVERHEAD_BYTES + message.len()];
        let tag = tag.to_byte();
        let _ = secretstream::crypto_secretstream_xchacha20poly1305_push(
            &mut self.0,
            &mut sealed,
            message,
            None,
            tag,
        );
        sealed
    }

    /// Opens the next message.
    pub(crate) fn pull(&mut self, sealed: &[u8]) -> Result<(StreamTag, Zeroizing<Vec<u8>>), OpenError> {
        let message_len = sealed.len().checked_sub(STREAM_OVERHEAD_BYTES).ok_or(OpenError)?;
        let mut message = Zeroizing::new(vec![0; message_len]);
        let mut tag = 0;
        secretstream::crypto_secretstream_xchacha20poly1305_pull(
            &mut self.0,
            &mut message,
            &mut tag,
            sealed,
            None,
        )
        .map_err(|_| OpenError)?;
        Ok((StreamTag::from_byte(tag).ok_or(OpenError)?, message))
    }
}

/// Compares without telling by its time where the difference is.
pub(crate) fn equal_in_constant_time(left: &[u8; 32], right: &[u8; 32]) -> bool {
    // The black box keeps the compiler from leaving the loop early.
    left.iter().zip(right).fold(0, |seen, (left, right)| std::hint::black_box(seen | (left ^ right))) == 0
}

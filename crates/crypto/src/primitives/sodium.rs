//! The primitives by libsodium, the reference for the interop format.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;
use std::sync::Once;

use libsodium_sys as sodium;
use zeroize::{Zeroize, Zeroizing};

use super::{BOX_OVERHEAD_BYTES, STREAM_OVERHEAD_BYTES, StreamTag};
use crate::OpenError;

/// `secretbox(key, nonce, message)`: XSalsa20-Poly1305, tag first (NaCl, `crypto_secretbox`).
pub(crate) fn secretbox_seal(key: &[u8; 32], nonce: &[u8; 24], message: &[u8]) -> Vec<u8> {
    initialize();
    let mut sealed = vec![0; BOX_OVERHEAD_BYTES + message.len()];
    // SAFETY: the function reads `message.len()` bytes of the message, 24 of the nonce and 32 of the key, and writes
    // 16 bytes more than the message has; `sealed` has just that length.
    unsafe {
        sodium::crypto_secretbox_easy(
            sealed.as_mut_ptr(),
            message.as_ptr(),
            message.len() as u64,
            nonce.as_ptr(),
            key.as_ptr(),
        );
    }
    sealed
}

/// Opens what [`secretbox_seal`] made.
pub(crate) fn secretbox_open(
    key: &[u8; 32],
    nonce: &[u8; 24],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    initialize();
    let message_len = sealed.len().checked_sub(BOX_OVERHEAD_BYTES).ok_or(OpenError)?;
    let mut message = Zeroizing::new(vec![0; message_len]);
    // SAFETY: `sealed` has at least the 16 bytes of the tag; the function reads it whole, 24 bytes of the nonce and
    // 32 of the key, and writes 16 bytes fewer than `sealed` has; `message` has just that length.
    let status = unsafe {
        sodium::crypto_secretbox_open_easy(
            message.as_mut_ptr(),
            sealed.as_ptr(),
            sealed.len() as u64,
            nonce.as_ptr(),
            key.as_ptr(),
        )
    };
    if status == 0 { Ok(message) } else { Err(OpenError) }
}

/// `box(message, nonce, public, secret)`: a secretbox under HSalsa20 of the X25519 share (NaCl, `crypto_box`).
///
/// # Errors
/// The public key is of low order.
pub(crate) fn box_seal(
    secret: &[u8; 32],
    public: &[u8; 32],
    nonce: &[u8; 24],
    message: &[u8],
) -> Result<Vec<u8>, OpenError> {
    initialize();
    let mut sealed = vec![0; BOX_OVERHEAD_BYTES + message.len()];
    // SAFETY: as in `secretbox_seal`; both keys have the 32 bytes that the function reads.
    let status = unsafe {
        sodium::crypto_box_easy(
            sealed.as_mut_ptr(),
            message.as_ptr(),
            message.len() as u64,
            nonce.as_ptr(),
            public.as_ptr(),
            secret.as_ptr(),
        )
    };
    if status == 0 { Ok(sealed) } else { Err(OpenError) }
}

/// Opens what [`box_seal`] made, with the keys of the other end.
pub(crate) fn box_open(
    secret: &[u8; 32],
    public: &[u8; 32],
    nonce: &[u8; 24],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    initialize();
    let message_len = sealed.len().checked_sub(BOX_OVERHEAD_BYTES).ok_or(OpenError)?;
    let mut message = Zeroizing::new(vec![0; message_len]);
    // SAFETY: as in `secretbox_open`; both keys have the 32 bytes that the function reads.
    let status = unsafe {
        sodium::crypto_box_open_easy(
            message.as_mut_ptr(),
            sealed.as_ptr(),
            sealed.len() as u64,
            nonce.as_ptr(),
            public.as_ptr(),
            secret.as_ptr(),
        )
    };
    if status == 0 { Ok(message) } else { Err(OpenError) }
}

/// `X25519(secret, 9)` (RFC 7748, section 5).
pub(crate) fn x25519_public_key(secret: &[u8; 32]) -> [u8; 32] {
    initialize();
    let mut public = [0; 32];
    // SAFETY: the function reads 32 bytes and writes 32.
    unsafe { sodium::crypto_scalarmult_base(public.as_mut_ptr(), secret.as_ptr()) };
    public
}

/// `X25519(secret, public)` (RFC 7748, section 5), none if it is all zero.
pub(crate) fn x25519(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    initialize();
    let mut shared = Zeroizing::new([0; 32]);
    // SAFETY: all three buffers have 32 bytes, which is what the function reads and writes.
    let status = unsafe { sodium::crypto_scalarmult(shared.as_mut_ptr(), secret.as_ptr(), public.as_ptr()) };
    (status == 0).then_some(shared)
}

/// Whether X25519 with this key can give anything but zero: not of low order.
pub(crate) fn is_sound_x25519_public_key(public: &[u8; 32]) -> bool {
    // Clamping makes any scalar a multiple of the cofactor: which one is taken does not matter.
    x25519(&[0x5a; 32], public).is_some()
}

/// The public key of a seed (RFC 8032, section 5.1.5).
pub(crate) fn ed25519_public_key(seed: &[u8; 32]) -> [u8; 32] {
    initialize();
    let mut public = [0; 32];
    let mut secret = Zeroizing::new([0; 64]);
    // SAFETY: the function reads 32 bytes of the seed and writes 32 and 64 bytes.
    unsafe { sodium::crypto_sign_seed_keypair(public.as_mut_ptr(), secret.as_mut_ptr(), seed.as_ptr()) };
    public
}

/// `Ed25519(message)` (RFC 8032, section 5.1.6). The private key is seed and public key, which must belong together.
pub(crate) fn ed25519_sign(private: &[u8; 64], message: &[u8]) -> [u8; 64] {
    initialize();
    let mut signature = [0; 64];
    // SAFETY: the function reads the message by its length and 64 bytes of the key, and writes 64 bytes; the pointer
    // for the signature's length may be null.
    unsafe {
        sodium::crypto_sign_detached(
            signature.as_mut_ptr(),
            ptr::null_mut(),
            message.as_ptr(),
            message.len() as u64,
            private.as_ptr(),
        );
    }
    signature
}

/// Verifies (RFC 8032, section 5.1.7); refuses besides keys and points of small order and all non-canonical forms.
pub(crate) fn ed25519_verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    initialize();
    // SAFETY: the function reads 64 bytes, the message by its length, and 32 bytes.
    let status = unsafe {
        sodium::crypto_sign_verify_detached(
            signature.as_ptr(),
            message.as_ptr(),
            message.len() as u64,
            public.as_ptr(),
        )
    };
    status == 0
}

/// Whether the key is a canonical point of the prime-order group.
pub(crate) fn is_sound_ed25519_public_key(public: &[u8; 32]) -> bool {
    initialize();
    // SAFETY: the function reads 32 bytes.
    unsafe { sodium::crypto_core_ed25519_is_valid_point(public.as_ptr()) == 1 }
}

/// `BLAKE2b(message)` with 32 bytes of output, keyed if a key is given (RFC 7693).
pub(crate) fn blake2b_256(key: Option<&[u8; 32]>, message: &[u8]) -> [u8; 32] {
    initialize();
    let mut hash = [0; 32];
    let (key, key_len) = key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
    // SAFETY: the function writes 32 bytes, reads the message by its length and the key by its, which may be null
    // when that is zero.
    unsafe {
        sodium::crypto_generichash(
            hash.as_mut_ptr(),
            hash.len(),
            message.as_ptr(),
            message.len() as u64,
            key,
            key_len,
        );
    }
    hash
}

/// One direction of a secretstream (`crypto_secretstream_xchacha20poly1305`), without associated data.
pub(crate) struct Stream(Box<sodium::crypto_secretstream_xchacha20poly1305_state>);

impl Stream {
    /// The state after the header, which is the same at both ends.
    pub(crate) fn new(key: &[u8; 32], header: &[u8; 24]) -> Self {
        initialize();
        let mut state = Box::new(sodium::crypto_secretstream_xchacha20poly1305_state {
            k: [0; 32],
            nonce: [0; 12],
            _pad: [0; 8],
        });
        // SAFETY: the function fills the state, and reads 24 bytes of the header and 32 of the key.
        unsafe {
            sodium::crypto_secretstream_xchacha20poly1305_init_pull(
                &raw mut *state,
                header.as_ptr(),
                key.as_ptr(),
            );
        }
        Self(state)
    }

    /// Seals the next message.
    pub(crate) fn push(&mut self, tag: StreamTag, message: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; STREAM_OVERHEAD_BYTES + message.len()];
        // SAFETY: the state was filled by `new`; the function reads the message by its length and writes 17 bytes
        // more, which is the length of `sealed`; the other pointers may be null.
        unsafe {
            sodium::crypto_secretstream_xchacha20poly1305_push(
                &raw mut *self.0,
                sealed.as_mut_ptr(),
                ptr::null_mut(),
                message.as_ptr(),
                message.len() as u64,
                ptr::null(),
                0,
                tag.to_byte(),
            );
        }
        sealed
    }

    /// Opens the next message.
    pub(crate) fn pull(&mut self, sealed: &[u8]) -> Result<(StreamTag, Zeroizing<Vec<u8>>), OpenError> {
        let message_len = sealed.len().checked_sub(STREAM_OVERHEAD_BYTES).ok_or(OpenError)?;
        let mut message = Zeroizing::new(vec![0; message_len]);
        let mut tag = 0;
        // SAFETY: the state was filled by `new`; `sealed` has at least 17 bytes; the function reads it whole and
        // writes 17 bytes fewer, which is the length of `message`, and one byte of tag; the other pointers may be
        // null.
        let status = unsafe {
            sodium::crypto_secretstream_xchacha20poly1305_pull(
                &raw mut *self.0,
                message.as_mut_ptr(),
                ptr::null_mut(),
                &raw mut tag,
                sealed.as_ptr(),
                sealed.len() as u64,
                ptr::null(),
                0,
            )
        };
        let tag = StreamTag::from_byte(tag).filter(|_| status == 0).ok_or(OpenError)?;
        Ok((tag, message))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.k.zeroize();
        self.0.nonce.zeroize();
    }
}

/// Compares without telling by its time where the difference is.
pub(crate) fn equal_in_constant_time(left: &[u8; 32], right: &[u8; 32]) -> bool {
    // SAFETY: the function reads 32 bytes of each.
    unsafe { sodium::sodium_memcmp(left.as_ptr().cast::<c_void>(), right.as_ptr().cast::<c_void>(), 32) == 0 }
}

/// Lets libsodium choose its fastest code, once and before anything else. If that fails the portable code stays in
/// place, which gives the same bytes.
pub(super) fn initialize() {
    static ONCE: Once = Once::new();
    // SAFETY: the function takes nothing, and `Once` keeps it from running twice at a time.
    ONCE.call_once(|| unsafe {
        sodium::sodium_init();
    });
}

//! The primitives: the only place that knows a cipher library.
#![allow(unsafe_code)]

use libsodium_sys as sodium;

/// Whether X25519 with this key can give anything but zero: not of low order.
pub(crate) fn is_sound_x25519_public_key(key: &[u8; 32]) -> bool {
    let scalar = [0x5a; 32];
    let mut shared = [0; 32];
    // SAFETY: all three buffers have 32 bytes, which is what the function reads and writes.
    unsafe { sodium::crypto_scalarmult_curve25519(shared.as_mut_ptr(), scalar.as_ptr(), key.as_ptr()) == 0 }
}

/// Whether the key is a canonical point of the prime-order group.
pub(crate) fn is_sound_ed25519_public_key(key: &[u8; 32]) -> bool {
    // SAFETY: the function reads 32 bytes.
    unsafe { sodium::crypto_core_ed25519_is_valid_point(key.as_ptr()) == 1 }
}

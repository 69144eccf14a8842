//! `seal(key, aad, m)`: nonce, ciphertext, tag (section 2). Every nonce is drawn; none is ever computed.

use zeroize::Zeroizing;

use crate::{OpenError, primitives};

/// Bytes by which sealed is longer than plain: nonce and tag.
pub(crate) const SEAL_OVERHEAD_BYTES: usize = NONCE_BYTES + primitives::AEAD_OVERHEAD_BYTES;

const NONCE_BYTES: usize = 24;

/// Seals a message in its place.
pub(crate) fn seal(key: &[u8; 32], associated: &[u8], message: &[u8]) -> Vec<u8> {
    let nonce = primitives::random_array::<NONCE_BYTES>();
    let mut sealed = nonce.to_vec();
    sealed.extend_from_slice(&primitives::xchacha_seal(key, &nonce, associated, message));
    sealed
}

/// Opens what [`seal`] made, in the same place.
pub(crate) fn open(
    key: &[u8; 32],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, ciphertext) = sealed.split_first_chunk().ok_or(OpenError)?;
    primitives::xchacha_open(key, nonce, associated, ciphertext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_key_and_place_alone() {
        let sealed = seal(&[7; 32], b"place", b"message");
        assert_eq!(sealed.len(), SEAL_OVERHEAD_BYTES + 7);
        assert_eq!(open(&[7; 32], b"place", &sealed).unwrap().as_slice(), b"message");
        assert_eq!(open(&[8; 32], b"place", &sealed), Err(OpenError));
        assert_eq!(open(&[7; 32], b"other", &sealed), Err(OpenError));
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert_eq!(open(&[7; 32], b"place", &broken), Err(OpenError));
            assert_eq!(open(&[7; 32], b"place", &sealed[..at]), Err(OpenError));
        }
        assert_ne!(seal(&[7; 32], b"place", b"message"), sealed);
    }
}

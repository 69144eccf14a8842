//! HPKE (RFC 9180), base mode, single shot, empty `aad`: X-Wing (`0x647a`), HKDF-SHA256 (1), ChaCha20-Poly1305 (3).

use zeroize::Zeroizing;

use super::{
    XWING_ENCAPSULATED_BYTES, XWING_PUBLIC_KEY_BYTES, chacha_open, chacha_seal, hmac_sha256,
    is_sound_x25519_public_key, xwing_decapsulate, xwing_encapsulate,
};
use crate::OpenError;

pub(super) const KEM_XWING: u16 = 0x647a;
const KDF_HKDF_SHA256: u16 = 1;
const AEAD_CHACHA20_POLY1305: u16 = 3;
const MODE_BASE: u8 = 0;

/// `enc ‖ ciphertext` (section 6.1). None if the public key is unsound.
///
/// `randomness` is what the encapsulation uses up: fresh, but in tests.
pub(crate) fn hpke_seal(
    public: &[u8; XWING_PUBLIC_KEY_BYTES],
    randomness: &[u8; 64],
    info: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    let (encapsulated, shared) = xwing_encapsulate(public, randomness)?;
    let schedule = KeySchedule::new(KEM_XWING, &shared, info);
    let mut wrapped = encapsulated.to_vec();
    wrapped.extend_from_slice(&chacha_seal(&schedule.key, &schedule.base_nonce, &[], message));
    Some(wrapped)
}

/// Opens what [`hpke_seal`] made for the public key of `seed`, with the same `info`.
pub(crate) fn hpke_open(
    seed: &[u8; 32],
    info: &[u8],
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (encapsulated, ciphertext) =
        wrapped.split_first_chunk::<XWING_ENCAPSULATED_BYTES>().ok_or(OpenError)?;
    let shared = xwing_decapsulate(seed, encapsulated).ok_or(OpenError)?;
    let schedule = KeySchedule::new(KEM_XWING, &shared, info);
    chacha_open(&schedule.key, &schedule.base_nonce, &[], ciphertext)
}

/// Whether one can encapsulate to the key: both halves are what [`xwing_encapsulate`] takes, found out at a part of
/// its cost.
pub(crate) fn is_sound_xwing_public_key(public: &[u8; XWING_PUBLIC_KEY_BYTES]) -> bool {
    /// The prime of ML-KEM (FIPS 203, section 2.4).
    const Q: u16 = 3329;
    let Some((ml_kem, x25519)) = public.split_last_chunk::<32>() else { return false };
    // FIPS 203, section 7.2: all but the last 32 bytes are 12-bit numbers, two in three bytes, that are reduced.
    let reduced = ml_kem[..1152].chunks_exact(3).all(|bytes| {
        let [low, middle, high] = [bytes[0], bytes[1], bytes[2]].map(u16::from);
        (low | (middle & 0xf) << 8) < Q && (middle >> 4 | high << 4) < Q
    });
    reduced && is_sound_x25519_public_key(x25519)
}

/// What section 5.1 derives, for a sender of one message: its nonce is the base nonce, since it has number 0.
pub(super) struct KeySchedule {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) base_nonce: [u8; 12],
}

impl KeySchedule {
    pub(super) fn new(kem: u16, shared: &[u8; 32], info: &[u8]) -> Self {
        let suite = suite_id(kem);
        let psk_id_hash = labeled_extract(&suite, &[], b"psk_id_hash", &[]);
        let info_hash = labeled_extract(&suite, &[], b"info_hash", info);
        let context = [&[MODE_BASE], &psk_id_hash[..], &info_hash[..]].concat();
        let secret = labeled_extract(&suite, shared, b"secret", &[]);
        let nonce = labeled_expand(&suite, &secret, b"base_nonce", &context, 12);
        let mut base_nonce = [0; 12];
        base_nonce.copy_from_slice(&nonce[..12]);
        Self { key: labeled_expand(&suite, &secret, b"key", &context, 32), base_nonce }
    }
}

fn suite_id(kem: u16) -> [u8; 10] {
    let mut id = *b"HPKE\0\0\0\0\0\0";
    for (at, number) in [kem, KDF_HKDF_SHA256, AEAD_CHACHA20_POLY1305].into_iter().enumerate() {
        id[4 + 2 * at..6 + 2 * at].copy_from_slice(&number.to_be_bytes());
    }
    id
}

/// `LabeledExtract(salt, label, ikm)` (section 4).
fn labeled_extract(suite: &[u8; 10], salt: &[u8], label: &[u8], ikm: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac_sha256(salt, &[b"HPKE-v1", suite, label, ikm]))
}

/// The first block of `LabeledExpand(prk, label, info, len)`: nothing here is longer than one.
fn labeled_expand(
    suite: &[u8; 10],
    prk: &[u8; 32],
    label: &[u8],
    info: &[u8],
    len: u16,
) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac_sha256(prk, &[&len.to_be_bytes(), b"HPKE-v1", suite, label, info, &[1]]))
}

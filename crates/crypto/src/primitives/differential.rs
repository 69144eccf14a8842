//! Both libraries give the same bytes and the same refusals, at random.

use proptest::prelude::*;

use super::{StreamTag, pure, sodium};

/// Changes one bit of `bytes`, which are not empty.
fn flip(bytes: &mut [u8], at: usize) {
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
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

//! Both libraries give the same bytes and the same refusals, at random: primitives of the sealed format.

use proptest::prelude::*;

use super::{is_sound_xwing_public_key, pure_sealed as pure, sodium_sealed as sodium};

/// Changes one bit of `bytes`, which are not empty.
fn flip(bytes: &mut [u8], at: usize) {
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

proptest! {
    #[test]
    fn aeads(
        key: [u8; 32],
        nonce: [u8; 24],
        associated in prop::collection::vec(any::<u8>(), 0..40),
        message in prop::collection::vec(any::<u8>(), 0..200),
        at: usize,
    ) {
        let mut sealed = sodium::xchacha_seal(&key, &nonce, &associated, &message);
        prop_assert_eq!(&sealed, &pure::xchacha_seal(&key, &nonce, &associated, &message));
        let opened = sodium::xchacha_open(&key, &nonce, &associated, &sealed).unwrap();
        prop_assert_eq!(&opened[..], &message[..]);
        prop_assert_eq!(&opened, &pure::xchacha_open(&key, &nonce, &associated, &sealed).unwrap());
        let other = [&associated[..], &[0]].concat();
        prop_assert!(sodium::xchacha_open(&key, &nonce, &other, &sealed).is_err());
        prop_assert!(pure::xchacha_open(&key, &nonce, &other, &sealed).is_err());
        flip(&mut sealed, at);
        prop_assert!(sodium::xchacha_open(&key, &nonce, &associated, &sealed).is_err());
        prop_assert!(pure::xchacha_open(&key, &nonce, &associated, &sealed).is_err());

        let nonce = *nonce.first_chunk().unwrap();
        let mut sealed = sodium::chacha_seal(&key, &nonce, &associated, &message);
        prop_assert_eq!(&sealed, &pure::chacha_seal(&key, &nonce, &associated, &message));
        prop_assert_eq!(&sodium::chacha_open(&key, &nonce, &associated, &sealed).unwrap()[..], &message[..]);
        prop_assert_eq!(&pure::chacha_open(&key, &nonce, &associated, &sealed).unwrap()[..], &message[..]);
        flip(&mut sealed, at);
        prop_assert!(sodium::chacha_open(&key, &nonce, &associated, &sealed).is_err());
        prop_assert!(pure::chacha_open(&key, &nonce, &associated, &sealed).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn x_wing(seed: [u8; 32], randomness: [[u8; 32]; 2], at: usize) {
        let randomness = *randomness.as_flattened().first_chunk::<64>().unwrap();
        let mut public = sodium::xwing_public_key(&seed);
        prop_assert_eq!(&public, &pure::xwing_public_key(&seed));
        let (mut sent, secret) = sodium::xwing_encapsulate(&public, &randomness).unwrap();
        let (sent_of_pure, secret_of_pure) = pure::xwing_encapsulate(&public, &randomness).unwrap();
        prop_assert_eq!(&sent, &sent_of_pure);
        prop_assert_eq!(&secret, &secret_of_pure);
        prop_assert_eq!(&sodium::xwing_decapsulate(&seed, &sent).unwrap(), &secret);
        prop_assert_eq!(&pure::xwing_decapsulate(&seed, &sent).unwrap(), &secret);

        // What is wrong gives both the same wrong secret, or the same refusal.
        flip(&mut *sent, at);
        let of_sodium = sodium::xwing_decapsulate(&seed, &sent);
        prop_assert_eq!(&of_sodium, &pure::xwing_decapsulate(&seed, &sent));
        // X25519 leaves out the highest bit of what it is given, but the combiner hashes it.
        prop_assert_ne!(of_sodium, Some(secret));
        flip(&mut *public, at);
        let of_sodium = sodium::xwing_encapsulate(&public, &randomness);
        prop_assert_eq!(&of_sodium, &pure::xwing_encapsulate(&public, &randomness));
        prop_assert_eq!(is_sound_xwing_public_key(&public), of_sodium.is_some());
    }

    #[test]
    fn x_wing_keys_with_a_number_at_the_bound(seed: [u8; 32], at in 0..768_usize, number in 3300..3400_u16) {
        let mut public = sodium::xwing_public_key(&seed);
        let (first, number) = (at / 2 * 3, number.to_le_bytes());
        if at % 2 == 0 {
            public[first] = number[0];
            public[first + 1] = public[first + 1] & 0xf0 | number[1];
        } else {
            public[first + 1] = public[first + 1] & 0x0f | number[0] << 4;
            public[first + 2] = number[0] >> 4 | number[1] << 4;
        }
        let taken = u16::from_le_bytes(number) < 3329;
        prop_assert_eq!(is_sound_xwing_public_key(&public), taken);
        prop_assert_eq!(sodium::xwing_encapsulate(&public, &[7; 64]).is_some(), taken);
        prop_assert_eq!(pure::xwing_encapsulate(&public, &[7; 64]).is_some(), taken);
    }
}

//! X-Wing and HPKE against published vectors, and against another implementation.

use super::hpke::{KEM_XWING, KeySchedule};
use super::{
    XWING_ENCAPSULATED_BYTES, XWING_PUBLIC_KEY_BYTES, hpke_open, hpke_seal, pure_sealed, sodium_sealed,
};
use crate::OpenError;

/// Records of `name = hex` lines with empty lines between.
struct Case(Vec<(String, String)>);

impl Case {
    fn text(&self, name: &str) -> &str {
        &self.0.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        from_hex(self.text(name))
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap()
    }
}

fn cases(file: &str) -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/published");
    let text = std::fs::read_to_string(format!("{folder}/{file}.txt")).unwrap();
    let records = text.split("\n\n").map(|record| {
        let lines = record.lines().filter(|line| !line.starts_with('#'));
        Case(lines.filter_map(|line| line.split_once(" = ")).map(|(a, b)| (a.into(), b.into())).collect())
    });
    records.filter(|case| !case.0.is_empty()).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn x_wing_gives_what_its_draft_says() {
    let cases = cases("xwing");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let (seed, public) = (case.array("seed"), case.array::<XWING_PUBLIC_KEY_BYTES>("pk"));
        let encapsulated = case.array::<XWING_ENCAPSULATED_BYTES>("ct");
        let (randomness, secret) = (case.array("eseed"), case.array("ss"));

        assert_eq!(*sodium_sealed::xwing_public_key(&seed), public);
        let (sent, shared) = sodium_sealed::xwing_encapsulate(&public, &randomness).unwrap();
        assert_eq!((*sent, *shared), (encapsulated, secret));
        assert_eq!(*sodium_sealed::xwing_decapsulate(&seed, &encapsulated).unwrap(), secret);

        assert_eq!(*pure_sealed::xwing_public_key(&seed), public);
        let (sent, shared) = pure_sealed::xwing_encapsulate(&public, &randomness).unwrap();
        assert_eq!((*sent, *shared), (encapsulated, secret));
        assert_eq!(*pure_sealed::xwing_decapsulate(&seed, &encapsulated).unwrap(), secret);
    }
}

#[test]
fn x_wing_refuses_unsound_halves() {
    let cases = cases("xwing-edges");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (name, taken) = (case.text("name"), case.text("rc") == "0");
        let (of_sodium, of_pure) = if case.text("op") == "dec" {
            let (seed, encapsulated) = (case.array("sk"), case.array("ct"));
            let of_sodium = sodium_sealed::xwing_decapsulate(&seed, &encapsulated);
            (of_sodium, pure_sealed::xwing_decapsulate(&seed, &encapsulated))
        } else {
            let (public, randomness) = (case.array("pk"), case.array("eseed"));
            assert_eq!(super::is_sound_xwing_public_key(&public), taken, "{name}");
            let of_sodium = sodium_sealed::xwing_encapsulate(&public, &randomness).map(|(_, secret)| secret);
            (of_sodium, pure_sealed::xwing_encapsulate(&public, &randomness).map(|(_, secret)| secret))
        };
        assert_eq!((of_sodium.is_some(), of_pure.is_some()), (taken, taken), "{name}");
        if let (Some(of_sodium), Some(of_pure)) = (of_sodium, of_pure) {
            assert_eq!((*of_sodium, *of_pure), (case.array("ss"), case.array("ss")), "{name}");
        }
    }
}

/// RFC 9180, appendix A.2.1: another KEM, the same schedule.
#[test]
fn the_key_schedule_is_that_of_rfc_9180() {
    let shared = from_hex("0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7");
    let info = from_hex("4f6465206f6e2061204772656369616e2055726e");
    let schedule = KeySchedule::new(0x0020, &shared.try_into().unwrap(), &info);
    assert_eq!(
        schedule.key.to_vec(),
        from_hex("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91")
    );
    assert_eq!(schedule.base_nonce.to_vec(), from_hex("5c4d98150661b848853b547f"));
    let sealed = super::chacha_seal(
        &schedule.key,
        &schedule.base_nonce,
        b"Count-0",
        &from_hex("4265617574792069732074727574682c20747275746820626561757479"),
    );
    let expected = concat!(
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60",
        "b4db21993c62ce81883d2dd1b51a28"
    );
    assert_eq!(sealed, from_hex(expected));
}

/// draft-ietf-hpke-pq-05, appendix A.5.
#[test]
fn x_wing_in_hpke_is_that_of_the_draft() {
    let case = &cases("hpke-xwing")[0];
    let (public, seed) = (case.array("pkRm"), case.array("skRm"));
    let (sent, shared) = super::xwing_encapsulate(&public, &case.array("ikmE")).unwrap();
    assert_eq!((sent.to_vec(), shared.to_vec()), (case.bytes("enc"), case.bytes("shared_secret")));
    assert_eq!(*super::xwing_public_key(&seed), public);
    assert_eq!(*super::xwing_decapsulate(&seed, &sent).unwrap(), *shared);
    let schedule = KeySchedule::new(KEM_XWING, &shared, &case.bytes("info"));
    assert_eq!(schedule.key.to_vec(), case.bytes("key"));
    assert_eq!(schedule.base_nonce.to_vec(), case.bytes("base_nonce"));
    let sealed =
        super::chacha_seal(&schedule.key, &schedule.base_nonce, &case.bytes("aad"), &case.bytes("pt"));
    assert_eq!(sealed, case.bytes("ct"));
}

#[test]
fn another_implementation_opens_ours_and_we_open_its() {
    use ::hpke::aead::ChaCha20Poly1305;
    use ::hpke::kdf::HkdfSha256;
    use ::hpke::kem::XWing;
    use ::hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};

    let (seed, info, message) = ([7; 32], b"the place", b"a key");
    let public = super::xwing_public_key(&seed);
    let wrapped = hpke_seal(&public, &[8; 64], info, message).unwrap();
    let (sent, ciphertext) = wrapped.split_at(XWING_ENCAPSULATED_BYTES);
    let opened = ::hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &<XWing as Kem>::PrivateKey::from_bytes(&seed).unwrap(),
        &<XWing as Kem>::EncappedKey::from_bytes(sent).unwrap(),
        info,
        ciphertext,
        &[],
    );
    assert_eq!(opened.unwrap(), message);

    let theirs = <XWing as Kem>::PublicKey::from_bytes(&*public).unwrap();
    let (sent, ciphertext) = ::hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &theirs,
        info,
        message,
        &[],
    )
    .unwrap();
    let wrapped = [sent.to_bytes().as_slice(), &ciphertext].concat();
    assert_eq!(hpke_open(&seed, info, &wrapped).unwrap().as_slice(), message);
}

#[test]
fn what_is_wrapped_opens_for_its_key_and_info_alone() {
    let seed = [7; 32];
    let wrapped = hpke_seal(&super::xwing_public_key(&seed), &[8; 64], b"info", b"key").unwrap();
    assert_eq!(hpke_open(&seed, b"info", &wrapped).unwrap().as_slice(), b"key");
    assert_eq!(hpke_open(&seed, b"other", &wrapped), Err(OpenError));
    assert_eq!(hpke_open(&[9; 32], b"info", &wrapped), Err(OpenError));
    for at in 0..wrapped.len() {
        let mut broken = wrapped.clone();
        broken[at] ^= 1;
        assert_eq!(hpke_open(&seed, b"info", &broken), Err(OpenError), "{at}");
        assert_eq!(hpke_open(&seed, b"info", &wrapped[..at]), Err(OpenError), "{at}");
    }
}

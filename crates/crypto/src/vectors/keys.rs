//! Keys, encodings, access keys; and of groups what has the form of access keys.

use base64::Engine as _;
use serde_json::Value;

use super::{Read as _, client, from_hex};
use crate::{
    EncryptionPrivateKey, EncryptionPublicKey, GroupAccessChain, MembershipKey, OpenError, SigningKeyPair,
    WrappedAccessKey, blake2b_256, decode_base64url, encode_base64url, open_field, primitives,
};

pub(super) fn keys_and_encodings(file: &Value) -> usize {
    for pair in file.list("keypairs") {
        let private = EncryptionPrivateKey::from_text(pair.text("private_key")).unwrap();
        assert_eq!(private.expose(), &pair.bytes::<32>("private_key_hex"));
        assert_eq!(private.public_key().as_bytes(), &pair.bytes::<32>("public_key_hex"));
        assert_eq!(private.public_key().to_string(), pair.text("public_key"));
        assert_eq!(private.expose_text().as_str(), pair.text("private_key"));
        let signing = SigningKeyPair::from_text(pair.text("private_signing_key")).unwrap();
        assert_eq!(signing.expose_text().as_str(), pair.text("private_signing_key"));
        assert_eq!(signing.public_key().to_string(), pair.text("public_signing_key"));
        let of_seed = SigningKeyPair::from_seed(&pair.bytes("ed25519_seed_hex"));
        assert_eq!(*of_seed.expose_text(), *signing.expose_text());
    }
    for case in file.list("base64") {
        let bytes = from_hex(case.text("hex"));
        assert_eq!(encode_base64url(&bytes), case.text("base64url_nopad"));
        assert_eq!(decode_base64url(case.text("base64url_nopad")).unwrap(), bytes);
        let standard = base64::engine::general_purpose::STANDARD.encode(&bytes);
        assert_eq!(standard, case.text("base64_std_pad"));
        // Stricter than Node: the standard alphabet is refused, padding alone is not.
        assert_eq!(decode_base64url(&standard).is_ok(), !standard.contains(['+', '/']));
    }
    for case in file.list("hashes") {
        let message = case.text("message").as_bytes();
        assert_eq!(blake2b_256(message), case.bytes::<32>("blake2b_256_hex"));
        assert_eq!(encode_base64url(blake2b_256(message)), case.text("blake2b_256_base64url"));
        assert_eq!(encode_base64url(primitives::sha256(message)), case.text("sha256_base64url"));
    }
    file.list("keypairs").len() + file.list("base64").len() + file.list("hashes").len()
}

pub(super) fn access_keys(file: &Value) -> usize {
    for case in file.list("cases") {
        let (authorizer, reader) =
            (client(file, case.text("writer_authorizer")), client(file, case.text("reader")));
        let access_key = case.access_key();
        let wrapped =
            access_key.wrap_with_nonce(&reader.public_key, &authorizer.private_key, &case.bytes("nonce_hex"));
        assert_eq!(wrapped.to_string(), case.text("eak"));
        assert_eq!(wrapped.to_string().len(), 97);
        assert_eq!(serde_json::json!({ "eak": wrapped }).to_string(), case.text("put_body"));
        let opened = wrapped.open(&authorizer.public_key, &reader.private_key).unwrap();
        assert_eq!(opened.expose(), access_key.expose());
        assert_eq!(opened.fingerprint(), access_key.fingerprint());
    }
    for case in file.list("negative") {
        let wrapped: WrappedAccessKey = case.text("eak").parse().unwrap();
        let authorizer: EncryptionPublicKey = case.text("authorizer_public_key").parse().unwrap();
        let reader = EncryptionPrivateKey::from_text(case.text("reader_private_key")).unwrap();
        assert_eq!(wrapped.open(&authorizer, &reader).err(), Some(OpenError), "{}", case.text("label"));
    }
    // The server's own key in the place of alice's: it opens here too, since the caller names the authorizer. Against
    // it the caller compares the authorizer with its own key, and the fingerprint with the one it knows.
    let attack = &file["attack_key_substitution"];
    let alice = client(file, "alice");
    let authorizer: EncryptionPublicKey = attack.text("authorizer_public_key").parse().unwrap();
    let wrapped: WrappedAccessKey = attack.text("eak").parse().unwrap();
    let opened = wrapped.open(&authorizer, &alice.private_key).unwrap();
    assert_eq!(opened.expose(), attack.access_key().expose());
    assert_ne!(authorizer, alice.public_key);
    assert!(wrapped.open(&alice.public_key, &alice.private_key).is_err());
    file.list("cases").len() + file.list("negative").len() + 1
}

pub(super) fn groups(file: &Value) -> usize {
    let group_private: [u8; 32] = file.bytes("group_private_key_hex");
    let group: EncryptionPublicKey = file.text("group_public_key").parse().unwrap();
    assert_eq!(EncryptionPrivateKey::from_bytes(&group_private).public_key(), group);
    let (alice, bob, carol) = (client(file, "alice"), client(file, "bob"), client(file, "carol"));
    for (name, authorizer, member) in [
        ("encrypted_group_key", &alice, &alice),
        ("bob_membership_key", &alice, &bob),
        ("carol_membership_key", &bob, &carol),
    ] {
        let membership_key: MembershipKey = file[name].text("value").parse().unwrap();
        assert_eq!(membership_key.to_string(), file[name].text("value"));
        let opened = membership_key.open(&group, &authorizer.public_key, &member.private_key).unwrap();
        assert_eq!(opened.public_key(), group);
        assert_eq!(group_private, file[name].bytes::<32>("opens_to_hex"));
        assert!(
            membership_key.open(&group, &authorizer.public_key, &client(file, "group").private_key).is_err()
        );
    }
    for (name, member, other) in [
        ("group_access_key_response_for_bob", &bob, &carol),
        ("group_access_key_response_for_carol", &carol, &bob),
    ] {
        let answer = &file[name];
        let [wrapper] = answer.list("access_key_wrappers") else { panic!("one wrapper") };
        assert_eq!(answer.text("eak"), file.text("group_eak"));
        let chain = GroupAccessChain {
            membership_key: wrapper.text("membership_key").parse().unwrap(),
            authorizer: answer["authorizer_public_key"].text("curve25519").parse().unwrap(),
            group: wrapper.text("group_public_key").parse().unwrap(),
            access_key: answer.text("eak").parse().unwrap(),
            sharer: wrapper.text("public_key").parse().unwrap(),
        };
        let opened = chain.open(&member.private_key).unwrap();
        assert_eq!(opened.expose(), file.access_key().expose());
        assert_eq!(chain.open(&other.private_key).err(), Some(OpenError));
        let field = open_field(&opened, file.text("encrypted_field")).unwrap();
        assert_eq!(*field, file.text("field_plaintext"));
    }
    6
}

//! Keys from passwords, and a whole login of an account.

use serde_json::Value;

use super::Read as _;
use crate::encoding::decode_array;
use crate::password::{ACCOUNT_ROUNDS, derive, encryption_key, name_seed, signing_key};
use crate::secret::Secret;
use crate::{
    AccountKey, AccountSalt, BrokerNote, IdentityCredentials, IdentityLogin, PkceVerifier, SigningPublicKey,
    account_signing_key, answer_challenge, decode_base64url, encode_base64url,
};

pub(super) fn derivation(file: &Value) -> usize {
    for case in file.list("identity_note_credentials") {
        let login = match case.text("cred_type") {
            "email_otp" => IdentityLogin::EmailOtp,
            "password" => IdentityLogin::Password,
            "tozny_otp" => IdentityLogin::ToznyOtp,
            other => panic!("unknown: {other}"),
        };
        let (user, realm, password) = (case.text("username"), case.text("realm_name"), case.text("password"));
        assert_eq!(name_seed(login, user, realm), case.text("name_seed"));
        let derived = IdentityCredentials::derive(login, user, realm, password);
        assert_eq!(derived.note_name, case.text("note_name"));
        assert_eq!(derived.encryption_key.public_key().to_string(), case.text("crypto_public_key"));
        assert_eq!(*derived.encryption_key.expose_text(), case.text("crypto_private_key"));
        assert_eq!(derived.signing_key.public_key().to_string(), case.text("signing_public_key"));
        assert_eq!(*derived.signing_key.expose_text(), case.text("signing_private_key"));
    }
    for case in file.list("broker_key_note_names") {
        let seed = case.text("seed");
        let note = match seed.split_once(':').unwrap().0 {
            "brokerKey" => BrokerNote::EmailOtp,
            "broker_otp" => BrokerNote::ToznyOtp,
            "federated" => BrokerNote::Federated,
            other => panic!("unknown: {other}"),
        };
        assert_eq!(note.note_name("alice", "TestRealm"), case.text("note_name"), "{seed}");
    }
    for case in file.list("account") {
        let password = case.text("password");
        let key = account_signing_key(password, &case.text("auth_salt_b64url").parse().unwrap());
        assert_eq!(key.public_key().to_string(), case.text("signing_public_key"));
        assert_eq!(*key.expose_text(), case.text("signing_private_key"));
        let salt: AccountSalt = case.text("enc_salt_b64url").parse().unwrap();
        let derived = derive(password, salt.as_bytes(), ACCOUNT_ROUNDS);
        assert_eq!(encode_base64url(*derived), case.text("enc_key_b64url"));
        let (key_of_config, blob) = (AccountKey::derive(password, &salt), case.text("backup_client_blob"));
        assert_eq!(*key_of_config.open_config(blob).unwrap(), case.text("backup_plaintext"));
        let nonce = decode_array(blob.split_once(':').unwrap().0).unwrap();
        assert_eq!(key_of_config.seal_with_nonce(case.text("backup_plaintext"), &nonce), blob);
        let answer = answer_challenge(&key, case.text("challenge")).unwrap();
        assert_eq!(answer.to_string(), case.text("challenge_response"));
    }
    for case in file.list("generic") {
        let (password, salt) = (case.text("password"), case.text("salt_utf8").as_bytes());
        let rounds = u32::try_from(case["iterations"].as_u64().unwrap()).unwrap();
        assert_eq!(*derive(password, salt, rounds), case.bytes::<32>("pbkdf2_sha512_32_hex"));
        let encryption = encryption_key(password, salt, rounds);
        assert_eq!(encryption.public_key().to_string(), case["crypto"].text("publicKey"));
        assert_eq!(*encryption.expose_text(), case["crypto"].text("privateKey"));
        let signing = signing_key(password, salt, rounds);
        assert_eq!(signing.public_key().to_string(), case["signing"].text("publicKey"));
        assert_eq!(*signing.expose_text(), case["signing"].text("privateKey"));
    }
    let verifier = PkceVerifier(Secret::copy_of(&decode_array(file["pkce"].text("verifier")).unwrap()));
    assert_eq!(*verifier.expose_text(), file["pkce"].text("verifier"));
    assert_eq!(verifier.challenge(), file["pkce"].text("challenge"));
    let lists = ["identity_note_credentials", "broker_key_note_names", "account", "generic"];
    lists.map(|list| file.list(list).len()).iter().sum::<usize>() + 1
}

pub(super) fn account_login(file: &Value) -> usize {
    let (profile, meta) = (&file["profile"], &file["meta"]);
    for (secret, auth_salt, enc_salt, public_key, blob, login) in [
        ("password", "auth_salt", "enc_salt", "signing_key", "backupClient", "login_password"),
        ("paper_key", "paper_auth_salt", "paper_enc_salt", "paper_signing_key", "paperBackup", "login_paper"),
    ] {
        let (secret, login) = (file.text(secret), &file[login]);
        let key = account_signing_key(secret, &profile.text(auth_salt).parse().unwrap());
        assert_eq!(key.public_key().to_string(), profile[public_key].text("ed25519"));
        let answer = answer_challenge(&key, login.text("challenge")).unwrap();
        assert_eq!(answer.to_string(), login.text("response"));
        // The server's half of it.
        let public_key: SigningPublicKey = profile[public_key].text("ed25519").parse().unwrap();
        let challenge = decode_base64url(login.text("challenge")).unwrap();
        assert_eq!(public_key.verify(&challenge, &login.text("response").parse().unwrap()), Ok(()));
        let enc_salt = profile.text(enc_salt).parse().unwrap();
        let config = AccountKey::derive(secret, &enc_salt).open_config(meta.text(blob)).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config, file["queen_client_config"]);
        assert!(AccountKey::derive("wrong", &enc_salt).open_config(meta.text(blob)).is_err());
    }
    2
}

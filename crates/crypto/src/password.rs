//! Keys from passwords: logins of accounts and of identities in a realm.
//!
//! ```text
//! output           = PBKDF2-HMAC-SHA-512(password, salt, rounds), 32 bytes
//! symmetric key    = output
//! encryption pair  : private key = SHA-512(output)[0..32]
//! signing pair     : seed = output
//! ```
//!
//! The rounds are those of the interop formats, 1000 and 10000, which is few: whoever sees a public key or a blob can
//! try passwords quickly. Only long generated passwords resist that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::encoding::{decode_array, decode_base64url, encode_base64url};
use crate::secret::{Secret, secret_type};
use crate::{
    EncryptionPrivateKey, OpenError, ParseError, Signature, SigningKeyPair, blake2b_256, primitives,
};

pub(crate) const ACCOUNT_ROUNDS: u32 = 1000;
const IDENTITY_ROUNDS: u32 = 10_000;
/// Bytes that a login challenge may have.
const CHALLENGE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// A salt of an account, 16 random bytes, kept readable at the server. Its text is 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountSalt([u8; 16]);

impl AccountSalt {
    /// A fresh random salt.
    pub fn random() -> Self {
        Self(*primitives::random_array())
    }

    /// A salt from its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AccountSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64url(self.0))
    }
}

impl fmt::Debug for AccountSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountSalt({self})")
    }
}

impl FromStr for AccountSalt {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(Self(*decode_array(text)?))
    }
}

impl Serialize for AccountSalt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountSalt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The key pair by which an account logs in, from its password or paper key and the salt for authentication.
pub fn account_signing_key(password: &str, auth_salt: &AccountSalt) -> SigningKeyPair {
    signing_key(password, auth_salt.as_bytes(), ACCOUNT_ROUNDS)
}

/// Answers a login challenge: a signature over the decoded challenge, without any domain separation. The pair must
/// therefore sign nothing else.
///
/// # Errors
/// The challenge is not base64url of 16 to 64 bytes.
pub fn answer_challenge(key: &SigningKeyPair, challenge: &str) -> Result<Signature, ParseError> {
    let bytes = decode_base64url(challenge)?;
    if CHALLENGE_BYTES.contains(&bytes.len()) {
        Ok(key.sign(&bytes))
    } else {
        Err(ParseError::new("a challenge of 16 to 64 bytes"))
    }
}

/// A fresh paper key: a second password of 256 random bits in 43 characters, to be written down.
pub fn generate_paper_key() -> Zeroizing<String> {
    Zeroizing::new(encode_base64url(*primitives::random_array::<32>()))
}

secret_type! {
    /// The key under which an account's client configuration is kept at the server.
    AccountKey, 32
}

impl AccountKey {
    /// From the password or paper key and the salt for encryption.
    pub fn derive(password: &str, enc_salt: &AccountSalt) -> Self {
        Self(Secret::copy_of(&derive(password, enc_salt.as_bytes(), ACCOUNT_ROUNDS)))
    }

    /// `base64url(nonce) ":" base64url(secretbox(key, nonce, config))`: the nonce comes first, unlike elsewhere.
    pub fn seal_config(&self, config: &str) -> String {
        self.seal_with_nonce(config, &primitives::random_array())
    }

    /// Opens what [`Self::seal_config`] made.
    ///
    /// # Errors
    /// The password is another, or the text was altered or has another shape.
    pub fn open_config(&self, sealed: &str) -> Result<Zeroizing<String>, OpenError> {
        let (nonce, boxed) = sealed.split_once(':').ok_or(OpenError)?;
        let nonce = decode_array(nonce).map_err(|_| OpenError)?;
        let boxed = decode_base64url(boxed).map_err(|_| OpenError)?;
        let config = primitives::secretbox_open(self.0.expose(), &nonce, &boxed)?;
        Ok(Zeroizing::new(std::str::from_utf8(&config).map_err(|_| OpenError)?.to_owned()))
    }

    pub(crate) fn seal_with_nonce(&self, config: &str, nonce: &[u8; 24]) -> String {
        let boxed = primitives::secretbox_seal(self.0.expose(), nonce, config.as_bytes());
        format!("{}:{}", encode_base64url(nonce), encode_base64url(boxed))
    }
}

/// How an identity proves itself. Each has a credentials note of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityLogin {
    /// By a code sent by mail: the broker's key is the password.
    EmailOtp,
    /// By password; also federated, with the broker's key as password.
    Password,
    /// By a code of the operator: the broker's key is the password.
    ToznyOtp,
}

/// What an identity's name and password give: where its credentials note is, and the keys to fetch and open it.
#[derive(Debug)]
pub struct IdentityCredentials {
    /// The name of the note. Whoever knows user and realm can work it out.
    pub note_name: String,
    /// Opens the note. Its public key should never be sent: it lets the server write notes that open.
    pub encryption_key: EncryptionPrivateKey,
    /// Signs the request for the note.
    pub signing_key: SigningKeyPair,
}

impl IdentityCredentials {
    /// Derives the credentials. `username` is taken in small letters; the realm's name as it is.
    pub fn derive(login: IdentityLogin, username: &str, realm_name: &str, password: &str) -> Self {
        let seed = name_seed(login, username, realm_name);
        let encryption_key = encryption_key(password, seed.as_bytes(), IDENTITY_ROUNDS);
        let sign_salt =
            Zeroizing::new(format!("{}{}", encryption_key.public_key(), *encryption_key.expose_text()));
        Self {
            note_name: note_name(&seed),
            signing_key: signing_key(password, sign_salt.as_bytes(), IDENTITY_ROUNDS),
            encryption_key,
        }
    }
}

/// What a broker keeps a key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrokerNote {
    /// Logins by mail.
    EmailOtp,
    /// Logins at another identity provider.
    Federated,
    /// Logins by a code of the operator.
    ToznyOtp,
}

impl BrokerNote {
    /// The name of the note with the broker's key. `username` is taken as it is.
    pub fn note_name(self, username: &str, realm_name: &str) -> String {
        let prefix = match self {
            Self::EmailOtp => "brokerKey:",
            Self::Federated => "federated:",
            Self::ToznyOtp => "broker_otp:",
        };
        note_name(&format!("{prefix}{username}@realm:{realm_name}"))
    }
}

secret_type! {
    /// The secret half of a proof key for code exchange (RFC 7636).
    PkceVerifier, 32
}

impl PkceVerifier {
    /// A fresh random verifier.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// The text of 43 characters, to be sent with the code.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encode_base64url(self.0.expose()))
    }

    /// `base64url(SHA-256(text))`, to be sent first.
    pub fn challenge(&self) -> String {
        encode_base64url(primitives::sha256(self.expose_text().as_bytes()))
    }
}

pub(crate) fn name_seed(login: IdentityLogin, username: &str, realm_name: &str) -> String {
    let prefix = match login {
        IdentityLogin::EmailOtp => "broker:",
        IdentityLogin::Password => "",
        IdentityLogin::ToznyOtp => "tozny_otp:",
    };
    format!("{prefix}{}@realm:{realm_name}", username.to_lowercase())
}

fn note_name(seed: &str) -> String {
    encode_base64url(blake2b_256(seed.as_bytes()))
}

pub(crate) fn derive(password: &str, salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    primitives::pbkdf2_sha512(password.as_bytes(), salt, rounds)
}

pub(crate) fn encryption_key(password: &str, salt: &[u8], rounds: u32) -> EncryptionPrivateKey {
    EncryptionPrivateKey::from_bytes(&primitives::sha512_first_half(&derive(password, salt, rounds)))
}

pub(crate) fn signing_key(password: &str, salt: &[u8], rounds: u32) -> SigningKeyPair {
    SigningKeyPair::from_seed(&derive(password, salt, rounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_key_opens_what_it_sealed() {
        let (paper_key, salt) = (generate_paper_key(), AccountSalt::random());
        assert_eq!(paper_key.len(), 43);
        let sealed = AccountKey::derive(&paper_key, &salt).seal_config("{}");
        assert_eq!(*AccountKey::derive(&paper_key, &salt).open_config(&sealed).unwrap(), "{}");
        let other = AccountKey::derive(&generate_paper_key(), &salt);
        assert_eq!(other.open_config(&sealed), Err(OpenError));
    }

    #[test]
    fn challenges_of_other_lengths_are_not_signed() {
        let key = SigningKeyPair::generate();
        for (len, accepted) in [(0, false), (15, false), (16, true), (64, true), (65, false)] {
            assert_eq!(answer_challenge(&key, &encode_base64url(vec![7; len])).is_ok(), accepted, "{len}");
        }
    }
}

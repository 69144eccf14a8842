//! Signed fields ("TFSP1"): a value that carries its signature, made before the field is sealed.
//!
//! ```text
//! hash   = base64url(BLAKE2b-256(salt ‖ name ‖ value))        43 characters
//! signed = version ";" salt ";" "86" ";" base64url(Ed25519(hash as text)) value
//! ```
//!
//! Salt, name and value are joined without lengths: a signature of ("ab", "c") also holds for ("a", "bc").

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::encoding::encode_base64url;
use crate::id::random_uuid_text;
use crate::{ParseError, Signature, SigningKeyPair, SigningPublicKey, VerifyError, blake2b_256};

/// The UUID of the name `TFSP1;ED25519;BLAKE2B` in a namespace of its own (version 5).
const VERSION: &str = "e7737e7c-1637-511e-8bab-93c4f3e26fd9";
/// Characters of a signature.
const SIGNATURE_LEN: &str = "86";
const MAX_SALT_BYTES: usize = 64;

/// What ties signed fields to one another: all fields of one note have the same salt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldSalt(String);

impl FieldSalt {
    /// A fresh random UUID, as all clients write it.
    pub fn random() -> Self {
        Self(random_uuid_text())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FieldSalt {
    type Err = ParseError;

    /// Any text without semicolon, of 1 to 64 bytes.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > MAX_SALT_BYTES || text.contains(';') {
            return Err(ParseError::new("a salt of 1 to 64 bytes without semicolon"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Signs a field: its value with the signature before it.
pub fn sign_field(key: &SigningKeyPair, salt: &FieldSalt, name: &str, value: &str) -> Zeroizing<String> {
    let signature = key.sign(hash(salt.as_str(), name, value).as_bytes());
    Zeroizing::new(format!("{VERSION};{salt};{SIGNATURE_LEN};{signature}{value}"))
}

/// Checks a signed field and gives its value. A value without signature is refused; some clients let it pass.
///
/// # Errors
/// There is no signature, the salt is not the one expected, or the signature does not hold for name and value.
pub fn verify_field<'a>(
    key: &SigningPublicKey,
    expected_salt: Option<&FieldSalt>,
    name: &str,
    signed: &'a str,
) -> Result<&'a str, VerifyError> {
    let parts = signed.splitn(4, ';').collect::<Vec<_>>();
    let [VERSION, salt, SIGNATURE_LEN, rest] = parts[..] else { return Err(VerifyError) };
    if expected_salt.is_some_and(|expected| expected.as_str() != salt) {
        return Err(VerifyError);
    }
    let (signature, value) = rest.split_at_checked(86).ok_or(VerifyError)?;
    let signature: Signature = signature.parse().map_err(|_| VerifyError)?;
    key.verify(hash(salt, name, value).as_bytes(), &signature)?;
    Ok(value)
}

pub(crate) fn hash(salt: &str, name: &str, value: &str) -> String {
    encode_base64url(blake2b_256(Zeroizing::new([salt, name, value].concat()).as_bytes()))
}

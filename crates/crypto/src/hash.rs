//! Hashes: plain, keyed, and of secrets that the server must recognise without keeping them.

use zeroize::Zeroizing;

use crate::secret::{Secret, secret_type};
use crate::{Label, OpenError, VerifyError, primitives};

/// `BLAKE2b-256(message)` (RFC 7693), without key.
pub fn blake2b_256(message: &[u8]) -> [u8; 32] {
    primitives::blake2b_256(None, message)
}

secret_type! {
    /// A key for authenticating what we ourselves sent out: tokens, cursors, permissions.
    MacKey, 32
}

impl MacKey {
    /// A fresh random key.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// A stored key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The key, for storing it.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// `BLAKE2b-256(key, label ‖ parts)`, each length-prefixed.
    pub fn tag(&self, label: Label, parts: &[&[u8]]) -> [u8; 32] {
        primitives::blake2b_256(Some(self.0.expose()), &label.frame(parts))
    }

    /// Checks a tag in constant time.
    ///
    /// # Errors
    /// The tag is not that of this key, label and parts.
    pub fn verify(&self, label: Label, parts: &[&[u8]], tag: &[u8; 32]) -> Result<(), VerifyError> {
        if primitives::equal_in_constant_time(&self.tag(label, parts), tag) {
            Ok(())
        } else {
            Err(VerifyError)
        }
    }
}

secret_type! {
    /// A key under which the server keeps short secrets that their owner must be able to read again.
    SealingKey, 32
}

impl SealingKey {
    /// A fresh random key.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// A stored key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The key, for storing it.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// `nonce ‖ secretbox(subkey, nonce, secret)`, subkey = `BLAKE2b-256(key, label ‖ context)`.
    ///
    /// It opens only with the same label and context, e.g. the row in which it is stored.
    pub fn seal_secret(&self, label: Label, context: &[&[u8]], secret: &[u8]) -> Vec<u8> {
        let nonce = primitives::random_array::<24>();
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&primitives::secretbox_seal(&self.subkey(label, context), &nonce, secret));
        sealed
    }

    /// Opens what [`Self::seal_secret`] made.
    ///
    /// # Errors
    /// It was made with another key, label or context, or altered.
    pub fn open_secret(
        &self,
        label: Label,
        context: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, boxed) = sealed.split_first_chunk::<24>().ok_or(OpenError)?;
        primitives::secretbox_open(&self.subkey(label, context), nonce, boxed)
    }

    fn subkey(&self, label: Label, context: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(primitives::blake2b_256(Some(self.0.expose()), &label.frame(context)))
    }
}

/// `BLAKE2b-256` of a secret of at least 128 random bits, such as an API secret: enough to recognise it, useless to
/// present. Not for passwords, which can be guessed.
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self(blake2b_256(secret))
    }

    /// A stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash, for storing it.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of `secret`, in constant time.
    pub fn matches(&self, secret: &[u8]) -> bool {
        primitives::equal_in_constant_time(&self.0, &blake2b_256(secret))
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(_) = self;
        f.write_str("SecretHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_hold_for_their_label_and_parts_alone() {
        let key = MacKey::generate();
        let tag = key.tag(Label::AccessToken, &[b"client", b"expiry"]);
        assert_eq!(key.verify(Label::AccessToken, &[b"client", b"expiry"], &tag), Ok(()));
        assert_eq!(key.verify(Label::Cursor, &[b"client", b"expiry"], &tag), Err(VerifyError));
        assert_eq!(key.verify(Label::AccessToken, &[b"cliente", b"xpiry"], &tag), Err(VerifyError));
        assert_eq!(
            MacKey::generate().verify(Label::AccessToken, &[b"client", b"expiry"], &tag),
            Err(VerifyError)
        );
    }

    #[test]
    fn known_answers() {
        // By hashlib.blake2b of Python, over LE64(len) ‖ label, then LE64(len) ‖ part for each part.
        let tag = MacKey::from_bytes(&[7; 32]).tag(Label::AccessToken, &[b"client", b""]);
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "b607780a5b9aae889eab73eb7dede1b69833ea8c017127148d90342384407495");
        let fingerprint = crate::AccessKey::from_bytes(&[7; 32]).fingerprint();
        assert_eq!(fingerprint.to_string(), "AUXsf4LOkRkYbmt5RMVe7031OHy5Bp-P4KWz6OQnATc");
    }

    #[test]
    fn a_sealed_secret_opens_in_its_own_place_alone() {
        let key = SealingKey::from_bytes(&[7; 32]);
        let sealed = key.seal_secret(Label::RegistrationToken, &[b"row 1"], b"token");
        let open =
            |context: &[u8], sealed: &[u8]| key.open_secret(Label::RegistrationToken, &[context], sealed);
        assert_eq!(open(b"row 1", &sealed).unwrap().as_slice(), b"token");
        assert_eq!(open(b"row 2", &sealed), Err(OpenError));
        assert_eq!(open(b"row 1", &sealed[..23]), Err(OpenError));
        assert_eq!(key.open_secret(Label::Cursor, &[b"row 1"], &sealed), Err(OpenError));
    }

    #[test]
    fn a_secret_is_recognised_by_its_hash() {
        let hash = SecretHash::from_bytes(*SecretHash::of(b"secret").as_bytes());
        assert!(hash.matches(b"secret"));
        assert!(!hash.matches(b"Secret"));
    }
}

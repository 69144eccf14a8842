//! Bytes that must not leak by accident: boxed so that moving does not copy them, wiped when dropped, not printable,
//! not comparable, not copyable.

use std::fmt;

use zeroize::Zeroize;

use crate::primitives;

/// `N` secret bytes. Private: every use has a type of its own around it, made by [`secret_type`].
pub(crate) struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Fresh random bytes.
    pub(crate) fn generate() -> Self {
        Self::copy_of(&primitives::random_array())
    }

    /// A copy; wiping the source is the caller's task.
    pub(crate) fn copy_of(bytes: &[u8; N]) -> Self {
        let mut secret = Self(Box::new([0; N]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes.
    pub(crate) fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Declares the type of a secret with one role.
macro_rules! secret_type {
    ($(#[$doc:meta])* $name:ident, $len_bytes:literal) => {
        $(#[$doc])*
        ///
        /// Wiped when dropped. Its `Debug` output is its type's name.
        pub struct $name(pub(crate) crate::secret::Secret<$len_bytes>);

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                // Destructured so that a new field must be decided on.
                let Self(_) = self;
                f.write_str(stringify!($name))
            }
        }
    };
}
pub(crate) use secret_type;

#[cfg(test)]
mod tests {
    use crate::{
        AccessKey, AccountKey, EncryptionPrivateKey, HookSecret, IdentityCredentials, MacKey, PkceVerifier,
        SealingKey, SigningKeyPair,
    };

    #[test]
    fn debug_shows_types_alone() {
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            AccessKey::generate(),
            AccountKey::derive("password", &crate::AccountSalt::random()),
            EncryptionPrivateKey::generate(),
            HookSecret::from_bytes(&[1; 32]),
            MacKey::generate(),
            PkceVerifier::generate(),
            SealingKey::generate(),
            SigningKeyPair::generate(),
        );
        assert_eq!(
            text,
            "AccessKey AccountKey EncryptionPrivateKey HookSecret MacKey PkceVerifier SealingKey SigningKeyPair"
        );
        let identity = IdentityCredentials {
            note_name: "name".to_owned(),
            encryption_key: EncryptionPrivateKey::generate(),
            signing_key: SigningKeyPair::generate(),
        };
        assert_eq!(
            format!("{identity:?}"),
            r#"IdentityCredentials { note_name: "name", encryption_key: EncryptionPrivateKey, signing_key: SigningKeyPair }"#
        );
    }
}

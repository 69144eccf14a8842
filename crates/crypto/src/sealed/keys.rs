//! The secret keys that stand behind a bundle (section 4, *Secrets*).

use std::fmt;

use zeroize::Zeroizing;

use super::digest::derive;
use super::{WrapPrivateKey, WrapPublicKey};
use crate::label::SealedLabel;
use crate::secret::{Secret, secret_type};
use crate::{ClientId, MacKey, Signature, SigningKeyPair, SigningPublicKey, StoreId};

secret_type! {
    /// The two seeds of a bundle, Ed25519's and X-Wing's: what signs and opens for a client.
    ClientKeys, 64
}

impl ClientKeys {
    /// Fresh random keys, for every bundle but the first.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// The keys of bundle 0, which all devices that hold the registered signing key come to.
    ///
    /// From its seed and not from its scalar: a quantum computer finds the scalar, and not the seed.
    pub fn derive(registered: &SigningKeyPair, store: StoreId, client: ClientId) -> Self {
        let of = |label| derive(registered.seed(), label, &[store.as_bytes(), client.as_bytes()]);
        let mut seeds = Zeroizing::new([0; 64]);
        seeds[..32].copy_from_slice(&*of(SealedLabel::ClientSigningSeed));
        seeds[32..].copy_from_slice(&*of(SealedLabel::ClientKemSeed));
        Self(Secret::copy_of(&seeds))
    }

    /// Stored keys.
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// Both seeds, for storing them in the credentials.
    pub fn expose_bytes(&self) -> &[u8; 64] {
        self.0.expose()
    }

    /// What signs.
    pub fn signing_key(&self) -> SigningKey {
        let (seed, _) = self.halves();
        SigningKey(SigningKeyPair::from_seed(&seed))
    }

    /// What opens wraps.
    pub fn wrap_private_key(&self) -> WrapPrivateKey {
        let (_, seed) = self.halves();
        WrapPrivateKey::from_seed(&seed)
    }

    /// What others wrap to.
    pub fn wrap_public_key(&self) -> WrapPublicKey {
        self.wrap_private_key().public_key()
    }

    fn halves(&self) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
        let (mut signing, mut wrapping) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        signing.copy_from_slice(&self.0.expose()[..32]);
        wrapping.copy_from_slice(&self.0.expose()[32..]);
        (signing, wrapping)
    }
}

/// The key under which a client authenticates what it remembers (section 13).
pub fn state_key(registered: &SigningKeyPair, store: StoreId, client: ClientId) -> MacKey {
    let parts: [&[u8]; 2] = [store.as_bytes(), client.as_bytes()];
    MacKey::from_bytes(&derive(registered.seed(), SealedLabel::ClientStateKey, &parts))
}

/// An Ed25519 key that signs sealed objects and nothing else: never bytes without a label (W11).
pub struct SigningKey(SigningKeyPair);

impl SigningKey {
    /// The public half.
    pub fn public_key(&self) -> SigningPublicKey {
        self.0.public_key()
    }

    /// `Ed25519(F(label; parts))`.
    pub(crate) fn sign(&self, label: SealedLabel, parts: &[&[u8]]) -> Signature {
        self.0.sign(&label.frame(parts))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_are_those_of_their_client_and_store_alone() {
        let registered = SigningKeyPair::generate();
        let (store, client) = (StoreId::random(), ClientId::random());
        let keys = |store, client| *ClientKeys::derive(&registered, store, client).expose_bytes();
        assert_eq!(keys(store, client), keys(store, client));
        assert_ne!(keys(store, client), keys(StoreId::random(), client));
        assert_ne!(keys(store, client), keys(store, ClientId::random()));
        let seeds = keys(store, client);
        let state = state_key(&registered, store, client);
        assert!(seeds[..32] != seeds[32..] && state.expose_bytes()[..] != seeds[..32]);
    }

    #[test]
    fn stored_keys_come_back() {
        let keys = ClientKeys::generate();
        let again = ClientKeys::from_bytes(keys.expose_bytes());
        assert_eq!(again.signing_key().public_key(), keys.signing_key().public_key());
        assert_eq!(again.wrap_public_key(), keys.wrap_public_key());
        assert_eq!(
            format!("{keys:?} {:?} {:?}", keys.signing_key(), keys.wrap_private_key()),
            "ClientKeys SigningKey WrapPrivateKey"
        );
    }
}

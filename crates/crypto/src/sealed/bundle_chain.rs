//! Chains of bundles: how a client's keys follow from those that were pinned (section 4).

use super::{Bundle, BundleLink, BundleReason, Digest, Encoded};
use crate::{ClientId, StoreId};

/// A chain does not begin or go on with this bundle. There is one reason only, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain of this client's keys does not go on with this bundle")]
pub struct BrokenChainError;

/// A client's bundles, verified, from the first or a pinned one up to the newest that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleChain {
    earlier: Vec<Encoded<Bundle>>,
    head: Encoded<Bundle>,
}

impl BundleChain {
    /// The most bundles of a client (section 20).
    pub const MAX_BUNDLES: u32 = 1000;

    /// A chain from its first bundle on. Says nothing about whose keys these are: that is what fingerprints are for.
    ///
    /// # Errors
    /// It is not a first bundle of this client in this store, or its signature does not hold.
    pub fn begin(store: StoreId, client: ClientId, link: &BundleLink) -> Result<Self, BrokenChainError> {
        let bundle = link.bundle().object();
        if (bundle.store, bundle.client, bundle.sequence) != (store, client, 0) {
            return Err(BrokenChainError);
        }
        Self::from_trusted(link)
    }

    /// A chain from a pinned bundle on.
    ///
    /// # Errors
    /// The bundle is not the pinned one, or not of this client.
    pub fn resume(
        store: StoreId,
        client: ClientId,
        pinned: &Digest,
        link: &BundleLink,
    ) -> Result<Self, BrokenChainError> {
        let bundle = link.bundle();
        if (bundle.object().store, bundle.object().client, bundle.digest()) != (store, client, *pinned) {
            return Err(BrokenChainError);
        }
        Self::from_trusted(link)
    }

    fn from_trusted(link: &BundleLink) -> Result<Self, BrokenChainError> {
        link.verify_possession().map_err(|_| BrokenChainError)?;
        Ok(Self { earlier: Vec::new(), head: link.bundle().clone() })
    }

    /// Goes on with the next bundle.
    ///
    /// # Errors
    /// It does not follow the head: another client or store, place, digest before, or a signature that does not hold.
    pub fn push(&mut self, link: &BundleLink) -> Result<(), BrokenChainError> {
        let (last, next) = (self.head.object(), link.bundle().object());
        let follows = next.store == last.store
            && next.client == last.client
            && last.sequence.checked_add(1) == Some(next.sequence)
            && next.sequence < Self::MAX_BUNDLES
            && next.previous == Some(self.head.digest());
        if !follows || link.verify_possession().and_then(|()| link.verify_succession(&self.head)).is_err() {
            return Err(BrokenChainError);
        }
        self.earlier.push(std::mem::replace(&mut self.head, link.bundle().clone()));
        Ok(())
    }

    /// The newest bundle.
    pub const fn head(&self) -> &Encoded<Bundle> {
        &self.head
    }

    /// What is shown, compared and pinned: the digest of the newest bundle.
    pub const fn fingerprint(&self) -> Digest {
        self.head.digest()
    }

    /// The store of all bundles here.
    pub const fn store(&self) -> StoreId {
        self.head.object().store
    }

    /// Whose keys these are.
    pub const fn client(&self) -> ClientId {
        self.head.object().client
    }

    /// The bundle of that digest, if it is in what was verified.
    pub fn find(&self, digest: &Digest) -> Option<&Encoded<Bundle>> {
        self.bundles().find(|bundle| bundle.digest() == *digest)
    }

    /// The digest of the bundle of that sequence, if it is in what was verified.
    pub fn digest_at(&self, sequence: u32) -> Option<Digest> {
        self.bundles().find(|bundle| bundle.object().sequence == sequence).map(Encoded::digest)
    }

    /// Whether the keys of bundle `sequence` were replaced since because they may be in other hands.
    pub fn is_compromised(&self, sequence: u32) -> bool {
        self.bundles()
            .map(Encoded::object)
            .any(|bundle| bundle.sequence > sequence && bundle.reason == BundleReason::Compromised)
    }

    /// Whether keys of bundle `old` were replaced, because they may be in other hands, at or before bundle `new`.
    pub(super) fn is_replaced_between(&self, old: u32, new: u32) -> bool {
        self.bundles().map(Encoded::object).any(|bundle| {
            bundle.sequence > old && bundle.sequence <= new && bundle.reason == BundleReason::Compromised
        })
    }

    /// The sequences of bundles that replaced keys because they may be in other hands, ascending.
    pub(super) fn replacements(&self) -> impl Iterator<Item = u64> {
        let bundles = self.bundles().map(Encoded::object);
        bundles
            .filter(|bundle| bundle.reason == BundleReason::Compromised)
            .map(|bundle| bundle.sequence.into())
    }

    /// How well the head is known if the bundle of that digest was pinned, and known so well: it continues from it.
    /// What was compared stays so, but not across a link that was made because keys were stolen, since stolen keys may
    /// have signed it. None if the bundle is not in the chain.
    pub fn known_at_head(&self, pinned: &Digest, known: Known) -> Option<Known> {
        let bundle = self.find(pinned)?.object();
        let is_compared = known == Known::Compared && !self.is_compromised(bundle.sequence);
        Some(if is_compared { Known::Compared } else { Known::Continued })
    }

    fn bundles(&self) -> impl Iterator<Item = &Encoded<Bundle>> {
        self.earlier.iter().chain([&self.head])
    }
}

/// How a sharer knows whose keys a bundle has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Known {
    /// The server gave it, and nothing was there to compare it with.
    FirstContact = 1,
    /// It continues from a bundle that was pinned.
    Continued = 2,
    /// It was compared, by fingerprint or contact card, or continues from one that was.
    Compared = 3,
}

impl Known {
    /// The byte that stands in grants.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// Of its byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::FirstContact),
            2 => Some(Self::Continued),
            3 => Some(Self::Compared),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKeyPair;
    use crate::sealed::ClientKeys;

    const STORE: StoreId = StoreId::from_bytes([1; 16]);
    const CLIENT: ClientId = ClientId::from_bytes([2; 16]);

    fn keys(seed: u8) -> ClientKeys {
        ClientKeys::from_bytes(&[seed; 64])
    }

    fn registered() -> SigningKeyPair {
        SigningKeyPair::from_seed(&[7; 32])
    }

    fn first() -> BundleLink {
        BundleLink::first(&registered(), STORE, CLIENT).unwrap()
    }

    fn derived() -> ClientKeys {
        ClientKeys::derive(&registered(), STORE, CLIENT)
    }

    fn next(last: &BundleLink, old: &ClientKeys, new: &ClientKeys, reason: BundleReason) -> BundleLink {
        BundleLink::successor(last.bundle(), old, new, reason, 1_700_000_000_000).unwrap()
    }

    #[test]
    fn a_chain_goes_on_by_the_keys_before() {
        let second = next(&first(), &derived(), &keys(11), BundleReason::Routine);
        let third = next(&second, &keys(11), &keys(12), BundleReason::Compromised);
        let mut chain = BundleChain::begin(STORE, CLIENT, &first()).unwrap();
        // One is left out; one by other keys than those before; one again.
        assert_eq!(chain.push(&third), Err(BrokenChainError));
        let stranger = next(&first(), &keys(13), &keys(11), BundleReason::Routine);
        assert_eq!(chain.push(&stranger), Err(BrokenChainError));
        assert_eq!(chain.push(&second), Ok(()));
        assert_eq!(chain.push(&second), Err(BrokenChainError));
        assert_eq!(chain.push(&third), Ok(()));
        assert_eq!(chain.fingerprint(), third.bundle().digest());
        for link in [&first(), &second, &third] {
            assert_eq!(chain.find(&link.bundle().digest()), Some(link.bundle()));
        }

        // The other side of a fork: same place, other keys.
        let fork = next(&second, &keys(11), &keys(14), BundleReason::Routine);
        assert_eq!(chain.push(&fork), Err(BrokenChainError));
        let after_fork = next(&fork, &keys(14), &keys(15), BundleReason::Routine);
        assert_eq!(chain.push(&after_fork), Err(BrokenChainError));

        let pinned = second.bundle().digest();
        let mut resumed = BundleChain::resume(STORE, CLIENT, &pinned, &second).unwrap();
        assert_eq!(resumed.push(&third), Ok(()));
        assert_eq!(resumed.find(&first().bundle().digest()), None);
        assert!(BundleChain::resume(STORE, CLIENT, &pinned, &third).is_err());
    }

    #[test]
    fn a_chain_is_of_one_client_in_one_store() {
        let (store, client) = (StoreId::from_bytes([9; 16]), ClientId::from_bytes([9; 16]));
        assert!(BundleChain::begin(store, CLIENT, &first()).is_err());
        assert!(BundleChain::begin(STORE, client, &first()).is_err());
        let pinned = first().bundle().digest();
        assert!(BundleChain::resume(STORE, client, &pinned, &first()).is_err());
        let second = next(&first(), &derived(), &keys(11), BundleReason::Routine);
        assert!(BundleChain::begin(STORE, CLIENT, &second).is_err());
        let foreign = BundleLink::first(&registered(), STORE, client).unwrap();
        let foreign = next(&foreign, &derived(), &keys(11), BundleReason::Routine);
        let mut chain = BundleChain::begin(STORE, CLIENT, &first()).unwrap();
        assert_eq!(chain.push(&foreign), Err(BrokenChainError));
    }

    #[test]
    fn trust_does_not_cross_a_link_that_thieves_may_have_signed() {
        let second = next(&first(), &derived(), &keys(11), BundleReason::Routine);
        let third = next(&second, &keys(11), &keys(12), BundleReason::Compromised);
        let (first_digest, third_digest) = (first().bundle().digest(), third.bundle().digest());
        let mut chain = BundleChain::begin(STORE, CLIENT, &first()).unwrap();
        chain.push(&second).unwrap();
        assert_eq!(chain.known_at_head(&first_digest, Known::Compared), Some(Known::Compared));
        chain.push(&third).unwrap();
        assert_eq!(chain.known_at_head(&first_digest, Known::Compared), Some(Known::Continued));
        assert_eq!(chain.known_at_head(&first_digest, Known::FirstContact), Some(Known::Continued));
        assert_eq!(chain.known_at_head(&third_digest, Known::Compared), Some(Known::Compared));
        assert_eq!(chain.known_at_head(&Digest::from_bytes([0; 32]), Known::Compared), None);
        assert!(chain.is_compromised(0) && chain.is_compromised(1) && !chain.is_compromised(2));
    }

    #[test]
    fn how_one_is_known_is_one_of_three_bytes() {
        for byte in 0..=u8::MAX {
            let known = Known::from_byte(byte);
            assert_eq!(known.map(Known::to_byte), (1..=3).contains(&byte).then_some(byte));
        }
    }
}

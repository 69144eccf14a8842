//! Bundles: a client's public keys at one time (section 4).

use super::{ClientKeys, Digest, Encoded, Kind, Object, Reader, Signed, WrapPublicKey, Writer};
use crate::label::SealedLabel;
use crate::{ClientId, ParseError, Signature, SigningKeyPair, SigningPublicKey, StoreId, VerifyError};

/// A client's public keys from one point of its chain on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The store in which the client is.
    pub store: StoreId,
    /// Whose keys these are.
    pub client: ClientId,
    /// The place in the chain, from 0.
    pub sequence: u32,
    /// The digest of the bundle before; none for the first.
    pub previous: Option<Digest>,
    /// Why there is this bundle.
    pub reason: BundleReason,
    /// What its signatures verify with.
    pub signing_key: SigningPublicKey,
    /// What others wrap keys to.
    pub wrap_key: WrapPublicKey,
    /// When it was made, in milliseconds since 1970; 0 in the first, so that all devices make the same bytes.
    pub made_ms: u64,
}

/// Why a bundle was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BundleReason {
    /// It is the first.
    First = 0,
    /// Keys are replaced from time to time.
    Routine = 1,
    /// The keys before may be in other hands.
    Compromised = 2,
}

impl Object for Bundle {
    const KIND: Kind = Kind::Bundle;
    const LABEL: SealedLabel = SealedLabel::Bundle;
    const MAX_BYTES: usize = 4 << 10;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let bundle = Self {
            store: StoreId::from_bytes(reader.array()?),
            client: ClientId::from_bytes(reader.array()?),
            sequence: reader.u32()?,
            previous: reader.opt(Reader::digest)?,
            reason: match reader.u8()? {
                0 => BundleReason::First,
                1 => BundleReason::Routine,
                2 => BundleReason::Compromised,
                _ => return Err(ParseError::new("the reason of a bundle")),
            },
            signing_key: reader.signing_key()?,
            wrap_key: WrapPublicKey::from_bytes(reader.array()?)?,
            made_ms: reader.u64()?,
        };
        let is_first = bundle.sequence == 0;
        if bundle.previous.is_none() == is_first
            && (bundle.reason == BundleReason::First) == is_first
            && (bundle.made_ms == 0 || !is_first)
        {
            Ok(bundle)
        } else {
            Err(ParseError::new("a bundle that fits its place"))
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.store.as_bytes());
        writer.array(self.client.as_bytes());
        writer.u32(self.sequence);
        writer.opt(self.previous, |writer, digest| writer.array(digest.as_bytes()));
        writer.u8(self.reason as u8);
        writer.array(self.signing_key.as_bytes());
        writer.array(self.wrap_key.as_bytes());
        writer.u64(self.made_ms);
    }
}

/// A bundle with both its signatures: one proves that its maker has the keys, the other where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleLink {
    bundle: Signed<Bundle>,
    second: Signature,
}

impl BundleLink {
    /// The first bundle of a client, endorsed by the key that it is registered with.
    ///
    /// # Errors
    /// None that can happen: the keys are sound by construction.
    pub fn first(registered: &SigningKeyPair, store: StoreId, client: ClientId) -> Result<Self, ParseError> {
        let keys = ClientKeys::derive(registered, store, client);
        let bundle = Bundle {
            store,
            client,
            sequence: 0,
            previous: None,
            reason: BundleReason::First,
            signing_key: keys.signing_key().public_key(),
            wrap_key: keys.wrap_public_key(),
            made_ms: 0,
        };
        let bundle = Encoded::new(&bundle)?.sign(&keys.signing_key());
        let endorsed = SealedLabel::Endorsement.frame(&[bundle.digest().as_bytes()]);
        Ok(Self { second: registered.sign(&endorsed), bundle })
    }

    /// The bundle after `last`, whose keys are `old`.
    ///
    /// # Errors
    /// The reason is that of a first bundle, or a number is too large.
    pub fn successor(
        last: &Encoded<Bundle>,
        old: &ClientKeys,
        new: &ClientKeys,
        reason: BundleReason,
        made_ms: u64,
    ) -> Result<Self, ParseError> {
        let bundle = Bundle {
            store: last.object().store,
            client: last.object().client,
            sequence: last.object().sequence.saturating_add(1),
            previous: Some(last.digest()),
            reason,
            signing_key: new.signing_key().public_key(),
            wrap_key: new.wrap_public_key(),
            made_ms,
        };
        let bundle = Encoded::new(&bundle)?.sign(&new.signing_key());
        let second = old.signing_key().sign(SealedLabel::BundleSuccessor, &[bundle.encoded().bytes()]);
        Ok(Self { bundle, second })
    }

    /// Reads `blob(bundle), signature, signature`.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { bundle: Signed::read(reader)?, second: reader.signature()? })
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        self.bundle.write(writer);
        writer.array(self.second.as_bytes());
    }

    /// The bundle. Nothing is said about it before a chain has taken it.
    pub const fn bundle(&self) -> &Encoded<Bundle> {
        self.bundle.encoded()
    }

    /// That its maker has the keys.
    pub(super) fn verify_possession(&self) -> Result<(), VerifyError> {
        self.bundle.verify(&self.bundle.object().signing_key)
    }

    /// That it comes from whoever had the keys before.
    pub(super) fn verify_succession(&self, last: &Encoded<Bundle>) -> Result<(), VerifyError> {
        let signed = SealedLabel::BundleSuccessor.frame(&[self.bundle().bytes()]);
        last.object().signing_key.verify(&signed, &self.second)
    }

    /// For the server, of a first bundle: that it comes from the client that is registered. It gives a reader no trust.
    ///
    /// # Errors
    /// It is not a first bundle, or another key endorsed it.
    pub fn verify_endorsement(&self, registered: &SigningPublicKey) -> Result<(), VerifyError> {
        if self.bundle().object().sequence != 0 {
            return Err(VerifyError);
        }
        let endorsed = SealedLabel::Endorsement.frame(&[self.bundle().digest().as_bytes()]);
        registered.verify(&endorsed, &self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> BundleLink {
        let registered = SigningKeyPair::from_seed(&[7; 32]);
        BundleLink::first(&registered, StoreId::from_bytes([1; 16]), ClientId::from_bytes([2; 16])).unwrap()
    }

    #[test]
    fn all_devices_make_the_same_first_bundle() {
        assert_eq!(first(), first());
        let registered = SigningKeyPair::from_seed(&[7; 32]).public_key();
        assert_eq!(first().verify_endorsement(&registered), Ok(()));
        let other = SigningKeyPair::from_seed(&[8; 32]).public_key();
        assert_eq!(first().verify_endorsement(&other), Err(VerifyError));
    }

    #[test]
    fn members_fit_the_place() {
        let first = first();
        let bundle = first.bundle().object();
        let digest = first.bundle().digest();
        let refused = |bundle: Bundle| assert!(Encoded::new(&bundle).is_err(), "{bundle:?}");
        refused(Bundle { previous: Some(digest), ..bundle.clone() });
        refused(Bundle { reason: BundleReason::Routine, ..bundle.clone() });
        refused(Bundle { made_ms: 1, ..bundle.clone() });
        let later = Bundle {
            sequence: 1,
            previous: Some(digest),
            reason: BundleReason::Routine,
            made_ms: 1,
            ..bundle.clone()
        };
        assert!(Encoded::new(&later).is_ok());
        refused(Bundle { previous: None, ..later.clone() });
        refused(Bundle { reason: BundleReason::First, ..later.clone() });
        refused(Bundle { made_ms: 1 << 53, ..later });
    }

    #[test]
    fn a_link_comes_back_and_no_other_bytes_hold() {
        let mut writer = Writer::new();
        first().write(&mut writer);
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        assert_eq!(BundleLink::read(&mut reader), Ok(first()));
        assert_eq!(reader.finish(), Ok(()));
        let registered = SigningKeyPair::from_seed(&[7; 32]).public_key();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            let held = BundleLink::read(&mut Reader::new(&broken)).is_ok_and(|link| {
                link.verify_possession().is_ok() && link.verify_endorsement(&registered).is_ok()
            });
            assert!(!held, "{at}");
        }
    }
}

//! Access keys: one for each epoch of a type (section 5).

use zeroize::Zeroizing;

use super::digest::derive;
use super::seal::{self, SEAL_OVERHEAD_BYTES};
use super::{Digest, TypePlace, WrappingKey};
use crate::OpenError;
use crate::label::SealedLabel;
use crate::secret::{Secret, secret_type};

/// The name of an epoch everywhere: the digest of the entry that began it, and its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochId(Digest);

impl EpochId {
    /// `H("epoch"; entry digest, LE32 segment)`.
    pub fn new(entry: &Digest, segment: u32) -> Self {
        Self(Digest::of(SealedLabel::Epoch, &[entry.as_bytes(), &segment.to_le_bytes()]))
    }

    /// An id that was stored or sent.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// What an entry says about an epoch: its place in the type, and a commitment to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentHead {
    /// The run of epochs whose newer keys open the older ones.
    pub segment: u32,
    /// The number of the epoch.
    pub number: u64,
    /// [`AccessKey::canary`] of its key.
    pub canary: Digest,
}

secret_type! {
    /// The key of one epoch of a type. Nothing is sealed under it directly.
    AccessKey, 32
}

/// An older access key, sealed under the newer one of its segment.
pub const LINK_BYTES: usize = 32 + SEAL_OVERHEAD_BYTES;

impl AccessKey {
    /// A fresh random key. Every attempt at an entry draws one: no key is used in two.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The commitment to this key that the signed entry carries.
    pub fn canary(&self, place: &TypePlace, segment: u32, number: u64) -> Digest {
        let (number, segment) = (number.to_le_bytes(), segment.to_le_bytes());
        let parts = [&place.parts()[..], &[&number, &segment]].concat();
        Digest::keyed(self.0.expose(), SealedLabel::Canary, &parts)
    }

    /// This key's place in its type, with the commitment to it.
    pub fn head(&self, place: &TypePlace, segment: u32, number: u64) -> SegmentHead {
        SegmentHead { segment, number, canary: self.canary(place, segment, number) }
    }

    /// The key under which data keys of this epoch are wrapped.
    pub fn wrapping_key(&self, epoch: EpochId) -> WrappingKey {
        let key = derive(self.0.expose(), SealedLabel::DataKeyWrapping, &[epoch.as_bytes()]);
        WrappingKey::new(epoch, &key)
    }

    /// Seals the older key of the same segment under this newer one.
    pub fn seal_link(
        &self,
        place: &TypePlace,
        new: &SegmentHead,
        old: &SegmentHead,
        old_key: &Self,
    ) -> Vec<u8> {
        seal::seal(&self.link_key(), &link_place(place, new, old), old_key.0.expose())
    }

    /// Opens what [`Self::seal_link`] made.
    ///
    /// # Errors
    /// It is another link, or what it holds is not the key that the older entry committed to.
    pub fn open_link(
        &self,
        place: &TypePlace,
        new: &SegmentHead,
        old: &SegmentHead,
        link: &[u8],
    ) -> Result<Self, OpenError> {
        let opened = seal::open(&self.link_key(), &link_place(place, new, old), link)?;
        Self::committed(opened.as_slice().try_into().map_err(|_| OpenError)?, place, old)
    }

    /// A key that came out of a wrap or link, if it is the one that the entry committed to: so all readers have the
    /// same.
    pub(super) fn committed(
        bytes: &[u8; 32],
        place: &TypePlace,
        head: &SegmentHead,
    ) -> Result<Self, OpenError> {
        let key = Self::from_bytes(bytes);
        if key.canary(place, head.segment, head.number) == head.canary { Ok(key) } else { Err(OpenError) }
    }

    fn link_key(&self) -> Zeroizing<[u8; 32]> {
        derive(self.0.expose(), SealedLabel::LinkKey, &[])
    }
}

/// The name of a link in the entry that it lies beside.
pub fn link_digest(link: &[u8; LINK_BYTES]) -> Digest {
    Digest::of(SealedLabel::LinkDigest, &[link])
}

fn link_place(place: &TypePlace, new: &SegmentHead, old: &SegmentHead) -> Zeroizing<Vec<u8>> {
    let segment = new.segment.to_le_bytes();
    let (new_number, old_number) = (new.number.to_le_bytes(), old.number.to_le_bytes());
    let last: [&[u8]; 5] = [&segment, &new_number, new.canary.as_bytes(), &old_number, old.canary.as_bytes()];
    SealedLabel::Link.frame(&[&place.parts()[..], &last].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, StoreId};

    fn place(name: &str) -> TypePlace {
        TypePlace {
            store: StoreId::from_bytes([1; 16]),
            writer: ClientId::from_bytes([2; 16]),
            type_name: name.parse().unwrap(),
        }
    }

    #[test]
    fn a_newer_key_opens_the_older_one_in_its_segment_and_type_alone() {
        let (old_key, new_key) = (AccessKey::generate(), AccessKey::generate());
        let place = place("notes");
        let (old, new) = (old_key.head(&place, 1, 4), new_key.head(&place, 1, 7));
        let link = new_key.seal_link(&place, &new, &old, &old_key);
        assert_eq!(link.len(), LINK_BYTES);
        assert_eq!(new_key.open_link(&place, &new, &old, &link).unwrap().expose(), old_key.expose());
        assert!(old_key.open_link(&place, &new, &old, &link).is_err());
        assert!(new_key.open_link(&self::place("other"), &new, &old, &link).is_err());
        for wrong in [
            SegmentHead { segment: 2, ..new },
            SegmentHead { number: 8, ..new },
            SegmentHead { canary: old.canary, ..new },
        ] {
            assert!(new_key.open_link(&place, &wrong, &old, &link).is_err());
        }
        for wrong in [SegmentHead { number: 5, ..old }, SegmentHead { canary: new.canary, ..old }] {
            assert!(new_key.open_link(&place, &new, &wrong, &link).is_err());
        }
        // A link that holds another key than the one committed to.
        let other = new_key.seal_link(&place, &new, &old, &AccessKey::generate());
        assert!(new_key.open_link(&place, &new, &old, &other).is_err());
    }

    #[test]
    fn epochs_are_named_by_entry_and_segment() {
        let (one, two) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        assert_ne!(EpochId::new(&one, 0), EpochId::new(&two, 0));
        assert_ne!(EpochId::new(&one, 0), EpochId::new(&one, 1));
    }
}

//! Data keys: one for each version of each record (section 7), and the key of hidden names (section 8).

use std::fmt;

use zeroize::Zeroizing;

use super::digest::derive;
use super::seal::{self, SEAL_OVERHEAD_BYTES};
use super::{Digest, EpochId, FieldName, RecordPlace, TypePlace};
use crate::OpenError;
use crate::label::SealedLabel;
use crate::secret::{Secret, secret_type};

secret_type! {
    /// The key of one version of one record.
    DataKey, 32
}

impl DataKey {
    /// A fresh random key, for each version.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// What the signed version says about its key: a wrap that yields another key is refused.
    pub fn commitment(&self, place: &RecordPlace) -> Digest {
        place.with_parts(&[], |parts| Digest::keyed(self.0.expose(), SealedLabel::DataKeyCommitment, parts))
    }

    /// The key of a file's chunks.
    pub(super) fn chunk_key(&self) -> Zeroizing<[u8; 32]> {
        derive(self.0.expose(), SealedLabel::ChunkKey, &[])
    }

    /// The key of one field. It can be given away alone.
    pub(super) fn field_key(&self, name: &FieldName) -> Zeroizing<[u8; 32]> {
        derive(self.0.expose(), SealedLabel::FieldKey, &[name.as_bytes()])
    }
}

/// The key of one epoch under which data keys are wrapped.
pub struct WrappingKey {
    epoch: EpochId,
    key: Secret<32>,
}

impl WrappingKey {
    pub(super) fn new(epoch: EpochId, key: &[u8; 32]) -> Self {
        Self { epoch, key: Secret::copy_of(key) }
    }

    /// The epoch.
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// Wraps a data key. To re-wrap is to do this again under another epoch: nothing that is signed changes.
    pub fn wrap(&self, place: &RecordPlace, data_key: &DataKey) -> WrappedDataKey {
        let sealed = seal::seal(self.key.expose(), &self.place(place), data_key.0.expose());
        WrappedDataKey { epoch: self.epoch, sealed }
    }

    /// Opens a wrapped data key, if it is the one that the signed version committed to.
    ///
    /// # Errors
    /// It was wrapped under another epoch or for another place, or it is another key.
    pub fn open(
        &self,
        place: &RecordPlace,
        wrapped: &WrappedDataKey,
        commitment: &Digest,
    ) -> Result<DataKey, OpenError> {
        if wrapped.epoch != self.epoch {
            return Err(OpenError);
        }
        let opened = seal::open(self.key.expose(), &self.place(place), &wrapped.sealed)?;
        let data_key = DataKey::from_bytes(opened.as_slice().try_into().map_err(|_| OpenError)?);
        if data_key.commitment(place) == *commitment { Ok(data_key) } else { Err(OpenError) }
    }

    fn place(&self, place: &RecordPlace) -> Zeroizing<Vec<u8>> {
        place.with_parts(&[self.epoch.as_bytes()], |parts| SealedLabel::DataKey.frame(parts))
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, key: _ } = self;
        write!(f, "WrappingKey({epoch:?})")
    }
}

/// A data key under the key of an epoch: what a completion exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedDataKey {
    epoch: EpochId,
    sealed: Vec<u8>,
}

impl WrappedDataKey {
    /// The length of the sealed key in bytes.
    pub const SEALED_BYTES: usize = 32 + SEAL_OVERHEAD_BYTES;

    /// A wrapped key as it was stored or sent.
    pub fn new(epoch: EpochId, sealed: &[u8; Self::SEALED_BYTES]) -> Self {
        Self { epoch, sealed: sealed.to_vec() }
    }

    /// The epoch under whose key it is.
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The sealed key.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// `H("rewrap"; epoch id, wrapped key)`: which one a re-wrap replaces.
    pub fn digest(&self) -> Digest {
        Digest::of(SealedLabel::Rewrap, &[self.epoch.as_bytes(), &self.sealed])
    }
}

secret_type! {
    /// The key of a type's hidden field names. It outlives epochs.
    NameKey, 32
}

impl NameKey {
    /// A fresh random key, for each type.
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// What the settings of the type say about it.
    pub fn commitment(&self, place: &TypePlace) -> Digest {
        Digest::keyed(self.0.expose(), SealedLabel::NameKeyCommitment, &place.parts_without_suite())
    }

    /// A key that came out of a wrap, if the settings committed to it.
    pub(super) fn committed(
        bytes: &[u8; 32],
        place: &TypePlace,
        commitment: &Digest,
    ) -> Result<Self, OpenError> {
        let key = Self(Secret::copy_of(bytes));
        if key.commitment(place) == *commitment { Ok(key) } else { Err(OpenError) }
    }

    /// The 16 bytes that stand for a name.
    pub(super) fn hide(&self, place: &TypePlace, name: &str) -> [u8; 16] {
        let [store, writer, type_name] = place.parts_without_suite();
        let parts = [store, writer, type_name, name.as_bytes()];
        let hash = derive(self.0.expose(), SealedLabel::FieldName, &parts);
        let mut token = [0; 16];
        token.copy_from_slice(&hash[..16]);
        token
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::AccessKey;
    use crate::{ClientId, RecordId, StoreId};

    fn place() -> RecordPlace {
        RecordPlace {
            record_type: TypePlace {
                store: StoreId::from_bytes([1; 16]),
                writer: ClientId::from_bytes([2; 16]),
                type_name: "notes".parse().unwrap(),
            },
            record: RecordId::from_bytes([3; 16]),
            version: 4,
        }
    }

    fn epoch(byte: u8) -> EpochId {
        EpochId::new(&Digest::from_bytes([byte; 32]), 0)
    }

    #[test]
    fn a_data_key_opens_under_its_epoch_in_its_place_if_it_is_the_one_signed() {
        let (access_key, data_key) = (AccessKey::generate(), DataKey::generate());
        let (wrapping_key, place) = (access_key.wrapping_key(epoch(1)), place());
        let commitment = data_key.commitment(&place);
        let wrapped = wrapping_key.wrap(&place, &data_key);
        assert_eq!(wrapped.sealed().len(), WrappedDataKey::SEALED_BYTES);
        assert!(wrapping_key.open(&place, &wrapped, &commitment).is_ok());

        assert!(access_key.wrapping_key(epoch(2)).open(&place, &wrapped, &commitment).is_err());
        assert!(AccessKey::generate().wrapping_key(epoch(1)).open(&place, &wrapped, &commitment).is_err());
        let renamed = WrappedDataKey { epoch: epoch(2), ..wrapped.clone() };
        assert!(access_key.wrapping_key(epoch(2)).open(&place, &renamed, &commitment).is_err());
        let later = RecordPlace { version: 5, ..place.clone() };
        assert!(wrapping_key.open(&later, &wrapped, &data_key.commitment(&later)).is_err());
        // Whoever has the access key can wrap another data key, and it is not taken.
        let other = wrapping_key.wrap(&place, &DataKey::generate());
        assert!(wrapping_key.open(&place, &other, &commitment).is_err());

        let again = access_key.wrapping_key(epoch(2)).wrap(&place, &data_key);
        assert!(access_key.wrapping_key(epoch(2)).open(&place, &again, &commitment).is_ok());
        assert_ne!(again.digest(), wrapped.digest());
    }

    #[test]
    fn names_are_hidden_for_their_type() {
        let (key, place) = (NameKey::generate(), place().record_type);
        let other = TypePlace { type_name: "other".parse().unwrap(), ..place.clone() };
        assert_eq!(key.hide(&place, "name"), key.hide(&place, "name"));
        assert_ne!(key.hide(&place, "name"), key.hide(&place, "Name"));
        assert_ne!(key.hide(&place, "name"), key.hide(&other, "name"));
        assert!(NameKey::committed(key.expose(), &other, &key.commitment(&place)).is_err());
    }
}

//! Sealing and signing a version; verifying it, and only then opening it (section 8).

use super::field::{FieldContent, FieldToSeal, Names, open_field};
use super::{
    BundleChain, DataKey, Digest, Encoded, FieldBody, FieldName, FileDescriptor, LogPosition, Plain,
    RecordFields, RecordPlace, RecordState, RecordVersion, Signed, SigningKey, WrappedDataKey, WrappingKey,
};
use crate::{ClientId, OpenError, ParseError, VerifyError};

/// What an author says about a version, beside its fields.
#[derive(Clone, Debug)]
pub struct RecordDraft {
    /// Which version of which record.
    pub place: RecordPlace,
    /// The digest of the version before; none for version 1.
    pub previous: Option<Digest>,
    /// Who signs.
    pub author: ClientId,
    /// The author's newest bundle.
    pub author_bundle: Digest,
    /// The head of the log that the author saw.
    pub basis: LogPosition,
    /// When, in milliseconds since 1970.
    pub written_ms: u64,
}

/// A version with all that its digests stand for. Nothing of it is known to hold: see [`SealedRecord::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// What was signed.
    pub version: Signed<RecordVersion>,
    /// The fields, sealed or as leaves.
    pub fields: RecordFields,
    /// Plain metadata.
    pub plain: Plain,
}

impl RecordDraft {
    /// Seals the fields under a fresh data key of this version, and signs.
    ///
    /// # Errors
    /// A name or value is of no allowed form, a name comes twice, there is too much, or the draft does not fit its
    /// place.
    pub fn seal(
        &self,
        names: Names<'_>,
        fields: &[FieldToSeal<'_>],
        plain: Plain,
        file: Option<FileDescriptor>,
        data_key: &DataKey,
        key: &SigningKey,
    ) -> Result<SealedRecord, ParseError> {
        let sealed = fields.iter().map(|field| {
            let (name, sealed) = field.seal(&self.place, names, data_key)?;
            Ok((name, FieldBody::Sealed(sealed)))
        });
        let fields = RecordFields::new(sealed.collect::<Result<_, ParseError>>()?)?;
        let key_commitment = data_key.commitment(&self.place);
        self.sign(RecordState::Live, key_commitment, fields, plain, file, key)
    }

    /// Signs a tombstone: the record is deleted, for good. The author is the writer.
    ///
    /// # Errors
    /// The author is not the writer, or the draft does not fit its place.
    pub fn delete(&self, key: &SigningKey) -> Result<SealedRecord, ParseError> {
        let (fields, plain) = (RecordFields::default(), Plain::default());
        self.sign(RecordState::Deleted, RecordVersion::NO_KEY, fields, plain, None, key)
    }

    fn sign(
        &self,
        state: RecordState,
        key_commitment: Digest,
        fields: RecordFields,
        plain: Plain,
        file: Option<FileDescriptor>,
        key: &SigningKey,
    ) -> Result<SealedRecord, ParseError> {
        let version = RecordVersion {
            place: self.place.clone(),
            previous: self.previous,
            state,
            author: self.author,
            author_bundle: self.author_bundle,
            basis: self.basis,
            written_ms: self.written_ms,
            key_commitment,
            fields: fields.digest(),
            plain: plain.digest(),
            file,
        };
        Ok(SealedRecord { version: Encoded::new(&version)?.sign(key), fields, plain })
    }
}

impl SealedRecord {
    /// Opens all fields of a version that was just sealed with this key.
    ///
    /// # Errors
    /// One of them is of no allowed form.
    pub fn open_own_fields(
        &self,
        names: Names<'_>,
        data_key: &DataKey,
    ) -> Result<Vec<FieldContent>, OpenError> {
        VerifiedRecord { record: self }.open_fields(names, data_key)
    }

    /// Steps 1 and 2 of reading: the place is the one asked for, the author's bundle is in its chain, the signature and
    /// all digests hold. Whether the author may write, and whether the version is new enough, the log and the state
    /// say.
    ///
    /// # Errors
    /// One of these does not hold.
    pub fn verify(
        &self,
        expected: &RecordPlace,
        author: &BundleChain,
    ) -> Result<VerifiedRecord<'_>, VerifyError> {
        let version = self.version.object();
        let bundle = author.find(&version.author_bundle).ok_or(VerifyError)?;
        if version.place != *expected
            || (version.author, version.place.record_type.store) != (author.client(), author.store())
            || version.fields != self.fields.digest()
            || version.plain != self.plain.digest()
        {
            return Err(VerifyError);
        }
        self.version.verify(&bundle.object().signing_key)?;
        Ok(VerifiedRecord { record: self })
    }
}

/// A version whose signature and digests hold.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedRecord<'a> {
    record: &'a SealedRecord,
}

impl<'a> VerifiedRecord<'a> {
    /// What was signed.
    pub const fn version(&self) -> &'a RecordVersion {
        self.record.version.object()
    }

    /// Plain metadata.
    pub const fn plain(&self) -> &'a Plain {
        &self.record.plain
    }

    /// Opens the data key, if it is the one that the author committed to.
    ///
    /// # Errors
    /// The wrap is of another epoch or place, or holds another key; or the record is deleted.
    pub fn open_data_key(
        &self,
        wrapping_key: &WrappingKey,
        wrapped: &WrappedDataKey,
    ) -> Result<DataKey, OpenError> {
        let version = self.version();
        if version.state == RecordState::Deleted {
            return Err(OpenError);
        }
        wrapping_key.open(&version.place, wrapped, &version.key_commitment)
    }

    /// Opens the field of that name. None if the record has no such field, which is as certain as what it has.
    ///
    /// # Errors
    /// The server sent its leaf alone, or what the author sealed is of no allowed form.
    pub fn open_field(
        &self,
        names: Names<'_>,
        data_key: &DataKey,
        name: &FieldName,
    ) -> Result<Option<FieldContent>, OpenError> {
        match self.record.fields.find(name) {
            None => Ok(None),
            Some(FieldBody::Leaf(_)) => Err(OpenError),
            Some(FieldBody::Sealed(sealed)) => {
                open_field(&self.version().place, names, data_key, name, sealed).map(Some)
            }
        }
    }

    /// Opens all fields that came sealed.
    ///
    /// # Errors
    /// One of them does not open.
    pub fn open_fields(&self, names: Names<'_>, data_key: &DataKey) -> Result<Vec<FieldContent>, OpenError> {
        let sealed = self.record.fields.iter().filter_map(|(name, body)| match body {
            FieldBody::Sealed(sealed) => Some((name, sealed)),
            FieldBody::Leaf(_) => None,
        });
        sealed
            .map(|(name, sealed)| open_field(&self.version().place, names, data_key, name, sealed))
            .collect()
    }
}

//! Objects: what is signed, and named by its digest (section 2).

use super::{Digest, Reader, SUITE, SigningKey, Writer};
use crate::label::SealedLabel;
use crate::{ParseError, Signature, SigningPublicKey, VerifyError};

/// `TZS`, and the version of the encoding.
const MARK: [u8; 4] = *b"TZS\x01";

/// What an object is: the byte behind the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A client's public keys.
    Bundle = 1,
    /// A step in the log of a type.
    LogEntry = 2,
    /// A step in the log of a group.
    GroupEntry = 3,
    /// A version of a record.
    RecordVersion = 4,
    /// A note.
    Note = 5,
    /// A contact card.
    Card = 6,
    /// What tells an honest restore from a lie.
    RestoreNotice = 7,
    /// What a client remembers.
    State = 8,
}

/// A kind of object that is signed.
pub trait Object: Sized {
    /// The byte that tells it from others.
    const KIND: Kind;
    /// The label of its digest and of its author's signature.
    const LABEL: SealedLabel;
    /// The most bytes that its encoding has.
    const MAX_BYTES: usize;

    /// Reads what stands behind the header, and refuses what breaks a rule that the bytes alone show.
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError>;

    /// Writes what stands behind the header.
    fn write(&self, writer: &mut Writer);
}

/// An object with the bytes that it came in or was written as: what was verified is what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<T> {
    object: T,
    bytes: Vec<u8>,
    digest: Digest,
}

impl<T: Object> Encoded<T> {
    /// Writes an object.
    ///
    /// # Errors
    /// The object breaks one of its rules: no reader would take it.
    pub fn new(object: &T) -> Result<Self, ParseError> {
        let mut writer = Writer::new();
        writer.array(&MARK);
        writer.u8(T::KIND as u8);
        writer.u8(SUITE);
        object.write(&mut writer);
        Self::parse(&writer.finish()?)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// The bytes are not the one encoding of an object of this kind, or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > T::MAX_BYTES {
            return Err(ParseError::new("an object of an allowed length"));
        }
        let mut reader = Reader::new(bytes);
        if (reader.array()?, reader.u8()?, reader.u8()?) != (MARK, T::KIND as u8, SUITE) {
            return Err(ParseError::new("an object of this kind"));
        }
        let object = T::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { object, bytes: bytes.to_vec(), digest: Digest::of(T::LABEL, &[bytes]) })
    }

    /// The object.
    pub const fn object(&self) -> &T {
        &self.object
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its digest, which is its name.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// `sign(label, object)`, by its author.
    pub fn sign(self, key: &SigningKey) -> Signed<T> {
        let signature = key.sign(T::LABEL, &[&self.bytes]);
        Signed { encoded: self, signature }
    }
}

/// An object and a signature, which may not hold: see [`Signed::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    encoded: Encoded<T>,
    signature: Signature,
}

impl<T: Object> Signed<T> {
    /// An object and the signature that came with it.
    pub const fn new(encoded: Encoded<T>, signature: Signature) -> Self {
        Self { encoded, signature }
    }

    /// Reads `blob(object), signature`.
    ///
    /// # Errors
    /// As [`Encoded::parse`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let encoded = Encoded::parse(reader.blob(0..=T::MAX_BYTES)?)?;
        Ok(Self { encoded, signature: reader.signature()? })
    }

    /// Writes `blob(object), signature`.
    pub fn write(&self, writer: &mut Writer) {
        writer.blob(self.encoded.bytes());
        writer.array(self.signature.as_bytes());
    }

    /// Checks the author's signature, by the strict rule.
    ///
    /// # Errors
    /// It is not one of this key for this object.
    pub fn verify(&self, key: &SigningPublicKey) -> Result<(), VerifyError> {
        key.verify(&T::LABEL.frame(&[self.encoded.bytes()]), &self.signature)
    }

    /// The object, its bytes, its digest.
    pub const fn encoded(&self) -> &Encoded<T> {
        &self.encoded
    }

    /// The object.
    pub const fn object(&self) -> &T {
        &self.encoded.object
    }

    /// The digest of the object.
    pub const fn digest(&self) -> Digest {
        self.encoded.digest
    }

    /// The signature.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }
}

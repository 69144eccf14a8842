//! Wraps as they are sent: what an entry of a type's or group's log has for one subject (section 6).

use std::fmt;

use super::access_key_wrap::MAX_MESSAGE_BYTES;
use super::{Digest, Reader, Subject, Writer};
use crate::ParseError;
use crate::label::SealedLabel;
use crate::primitives::{AEAD_OVERHEAD_BYTES, XWING_ENCAPSULATED_BYTES};

/// What is wrapped for one subject. Not opened without the signed entry in whose tree it is a leaf.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrap {
    /// For whom it is.
    pub subject: Subject,
    /// The bundle, or the group's entry, with the key that it is wrapped to.
    pub subject_head: Digest,
    /// The first segment whose key it has; 0 in the log of a group.
    pub from_segment: u32,
    pub(super) wrapped: Vec<u8>,
}

impl Wrap {
    /// Reads a wrap.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let subject = Subject::read(reader)?;
        let (subject_head, from_segment) = (reader.digest()?, reader.u32()?);
        let encapsulated = reader.array::<XWING_ENCAPSULATED_BYTES>()?;
        let ciphertext = reader.blob(AEAD_OVERHEAD_BYTES..=MAX_MESSAGE_BYTES + AEAD_OVERHEAD_BYTES)?;
        Ok(Self { subject, subject_head, from_segment, wrapped: [&encapsulated, ciphertext].concat() })
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        let (encapsulated, ciphertext) = self.wrapped.split_at(XWING_ENCAPSULATED_BYTES);
        self.subject.write(writer);
        writer.array(self.subject_head.as_bytes());
        writer.u32(self.from_segment);
        writer.array(encapsulated);
        writer.blob(ciphertext);
    }

    /// Its leaf in the tree of wraps: `H("wrap-leaf"; LE32 index, wrap)`.
    ///
    /// # Errors
    /// None that can happen: a wrap has an encoding.
    pub fn leaf(&self, index: u32) -> Result<Digest, ParseError> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        Ok(Digest::of(SealedLabel::WrapLeaf, &[&index.to_le_bytes(), &writer.finish()?]))
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrap({:?}, {} bytes)", self.subject, self.wrapped.len())
    }
}

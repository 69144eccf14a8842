//! What stands beside a signed version: sealed fields and plain metadata, of which it has the digests (section 8).

use super::field::{MIN_SEALED_BYTES, field_leaf};
use super::{Digest, FieldName, Reader, Writer};
use crate::ParseError;
use crate::label::SealedLabel;

/// The most fields, and the most plain pairs, of a version.
pub const MAX_FIELDS: usize = 1024;
/// The most bytes of all sealed fields together.
pub const MAX_SEALED_BYTES: usize = 7 << 20;
/// The most bytes of plain metadata, encoded.
pub const MAX_PLAIN_BYTES: usize = 64 << 10;

/// A field as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldBody {
    /// The sealed bytes.
    Sealed(Vec<u8>),
    /// The leaf alone, of a field that was not asked for: it proves that nothing else is missing.
    Leaf(Digest),
}

/// All fields of a version, by ascending names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFields(Vec<(FieldName, FieldBody)>);

impl RecordFields {
    /// Fields in any order.
    ///
    /// # Errors
    /// A name comes twice, or there is too much.
    pub fn new(mut fields: Vec<(FieldName, FieldBody)>) -> Result<Self, ParseError> {
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self::checked(fields)
    }

    /// Reads `list(Field)`: short name, 1 and a blob, or 0 and a leaf.
    ///
    /// # Errors
    /// It has another form, or does not ascend.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let fields = reader.list(MAX_FIELDS, |reader| {
            let name = FieldName::from_bytes(reader.short(1..=FieldName::MAX_BYTES)?)?;
            let body = match reader.u8()? {
                0 => FieldBody::Leaf(reader.digest()?),
                1 => FieldBody::Sealed(reader.blob(MIN_SEALED_BYTES..=MAX_SEALED_BYTES)?.to_vec()),
                _ => return Err(ParseError::new("a field or its leaf")),
            };
            Ok((name, body))
        })?;
        Self::checked(fields)
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, (name, body)| {
            writer.short(name.as_bytes());
            match body {
                FieldBody::Leaf(leaf) => {
                    writer.u8(0);
                    writer.array(leaf.as_bytes());
                }
                FieldBody::Sealed(sealed) => {
                    writer.u8(1);
                    writer.blob(sealed);
                }
            }
        });
    }

    /// `H("fields"; LE32 count, name 1, leaf 1, …)`.
    pub fn digest(&self) -> Digest {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_le_bytes();
        let leaves: Vec<Digest> = self
            .0
            .iter()
            .map(|(name, body)| match body {
                FieldBody::Sealed(sealed) => field_leaf(name, sealed),
                FieldBody::Leaf(leaf) => *leaf,
            })
            .collect();
        let mut parts: Vec<&[u8]> = vec![&count];
        for ((name, _), leaf) in self.0.iter().zip(&leaves) {
            parts.extend([name.as_bytes(), leaf.as_bytes()]);
        }
        Digest::of(SealedLabel::Fields, &parts)
    }

    /// These fields, but of those that `is_wanted` does not name the leaves alone.
    #[must_use]
    pub fn project(&self, is_wanted: impl Fn(&FieldName) -> bool) -> Self {
        let fields = self.0.iter().map(|(name, body)| match body {
            FieldBody::Sealed(sealed) if !is_wanted(name) => {
                (name.clone(), FieldBody::Leaf(field_leaf(name, sealed)))
            }
            _ => (name.clone(), body.clone()),
        });
        Self(fields.collect())
    }

    /// The field of that name.
    pub fn find(&self, name: &FieldName) -> Option<&FieldBody> {
        let at = self.0.binary_search_by(|(known, _)| known.cmp(name)).ok()?;
        self.0.get(at).map(|(_, body)| body)
    }

    /// Names and bodies, by ascending names.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &FieldBody)> {
        self.0.iter().map(|(name, body)| (name, body))
    }

    fn checked(fields: Vec<(FieldName, FieldBody)>) -> Result<Self, ParseError> {
        let sealed_bytes: usize = fields
            .iter()
            .map(|(_, body)| match body {
                FieldBody::Sealed(sealed) => sealed.len(),
                FieldBody::Leaf(_) => 0,
            })
            .sum();
        let ascends = fields.is_sorted_by(|(left, _), (right, _)| left < right);
        if ascends && fields.len() <= MAX_FIELDS && sealed_bytes <= MAX_SEALED_BYTES {
            Ok(Self(fields))
        } else {
            Err(ParseError::new("fields of a record, ascending and not too many"))
        }
    }
}

/// Plain metadata: names and values that the server may read, by ascending names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain(Vec<(String, String)>);

impl Plain {
    /// Pairs in any order.
    ///
    /// # Errors
    /// A name comes twice, is empty, longer than 256 bytes or has a U+0000, or there is too much.
    pub fn new(mut pairs: Vec<(String, String)>) -> Result<Self, ParseError> {
        pairs.sort();
        let mut writer = Writer::new();
        Self(pairs).write(&mut writer);
        let bytes = writer.finish()?;
        let mut reader = Reader::new(&bytes);
        let plain = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(plain)
    }

    /// Reads a map.
    ///
    /// # Errors
    /// It has another form, does not ascend, or is too large.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let pairs = reader.ascending(
            MAX_FIELDS,
            |reader| {
                let name = reader.text(1..=FieldName::MAX_BYTES)?.to_owned();
                let value = std::str::from_utf8(reader.blob(0..=MAX_PLAIN_BYTES)?)
                    .map_err(|_| ParseError::new("UTF-8"))?;
                Ok((name, value.to_owned()))
            },
            |(name, _)| name.as_str(),
        )?;
        let encoded_bytes = 4 + pairs.iter().map(|(name, value)| 6 + name.len() + value.len()).sum::<usize>();
        if encoded_bytes <= MAX_PLAIN_BYTES {
            Ok(Self(pairs))
        } else {
            Err(ParseError::new("at most 64 KiB"))
        }
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, (name, value)| {
            writer.short(name.as_bytes());
            writer.blob(value.as_bytes());
        });
    }

    /// `H("plain"; name 1, value 1, …)`.
    pub fn digest(&self) -> Digest {
        let parts: Vec<&[u8]> =
            self.0.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]).collect();
        Digest::of(SealedLabel::Plain, &parts)
    }

    /// Names and values, by ascending names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FieldName {
        FieldName::from_bytes(text.as_bytes()).unwrap()
    }

    fn fields() -> RecordFields {
        let sealed = |byte| FieldBody::Sealed(vec![byte; 50]);
        RecordFields::new(vec![(name("b"), sealed(2)), (name("a"), sealed(1)), (name("c"), sealed(3))])
            .unwrap()
    }

    #[test]
    fn a_part_of_the_fields_has_the_same_digest() {
        let all = fields();
        let part = all.project(|wanted| *wanted == name("b"));
        assert_eq!(part.digest(), all.digest());
        assert!(matches!(part.find(&name("b")), Some(FieldBody::Sealed(_))));
        assert!(matches!(part.find(&name("a")), Some(FieldBody::Leaf(_))));
        assert_eq!(part.find(&name("d")), None);
        for fields in [all, part, RecordFields::default()] {
            let mut writer = Writer::new();
            fields.write(&mut writer);
            let bytes = writer.finish().unwrap();
            let mut reader = Reader::new(&bytes);
            assert_eq!(RecordFields::read(&mut reader), Ok(fields));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn twice_too_short_and_too_much_are_refused() {
        let sealed = |len| FieldBody::Sealed(vec![0; len]);
        assert!(RecordFields::new(vec![(name("a"), sealed(50)), (name("a"), sealed(50))]).is_err());
        assert!(RecordFields::new(vec![(name("a"), sealed(MAX_SEALED_BYTES + 1))]).is_err());
        let many = (0..=MAX_FIELDS).map(|at| (name(&at.to_string()), sealed(50))).collect();
        assert!(RecordFields::new(many).is_err());
        let mut writer = Writer::new();
        RecordFields(vec![(name("a"), sealed(40))]).write(&mut writer);
        assert!(RecordFields::read(&mut Reader::new(&writer.finish().unwrap())).is_err());
        let mut writer = Writer::new();
        RecordFields(vec![(name("b"), sealed(50)), (name("a"), sealed(50))]).write(&mut writer);
        assert!(RecordFields::read(&mut Reader::new(&writer.finish().unwrap())).is_err());
    }

    #[test]
    fn plain_pairs_ascend_and_have_bounds() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let plain = Plain::new(vec![pair("b", "2"), pair("a", "1")]).unwrap();
        assert_eq!(plain.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert!(Plain::new(vec![pair("a", "1"), pair("a", "2")]).is_err());
        assert!(Plain::new(vec![pair("", "1")]).is_err());
        assert!(Plain::new(vec![pair("a", &"x".repeat(MAX_PLAIN_BYTES))]).is_err());
        assert_ne!(plain.digest(), Plain::default().digest());
        let moved = Plain::new(vec![pair("a", "2"), pair("b", "1")]).unwrap();
        assert_ne!(plain.digest(), moved.digest());
    }
}

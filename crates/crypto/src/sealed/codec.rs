//! The one encoding of every value (section 2): strict to read, with a limit for every length and count.

use std::ops::RangeInclusive;

use super::text::checked_text;
use super::{Digest, TypeName};
use crate::{ParseError, Signature, SigningPublicKey};

/// Numbers stay below this, so that every language has them exactly.
const U64_END: u64 = 1 << 53;

/// Reads values one after the other. What does not fit is an error, and then nothing more should be read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Bytes are left over.
    pub const fn finish(self) -> Result<(), ParseError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ParseError::new("the end of an encoding")) }
    }

    /// Whether nothing is left.
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// All bytes that are left.
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// `N` bytes: an id, a key, a nonce.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let (array, rest) =
            self.rest.split_first_chunk().ok_or(ParseError::new("an encoding that goes on"))?;
        self.rest = rest;
        Ok(*array)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, ParseError> {
        self.array().map(u8::from_le_bytes)
    }

    /// A number of two bytes.
    pub fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(u16::from_le_bytes)
    }

    /// A number of four bytes.
    pub fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of eight bytes, below 2^53.
    pub fn u64(&mut self) -> Result<u64, ParseError> {
        let number = self.array().map(u64::from_le_bytes)?;
        if number < U64_END { Ok(number) } else { Err(ParseError::new("a number below 2^53")) }
    }

    /// A digest.
    pub fn digest(&mut self) -> Result<Digest, ParseError> {
        self.array().map(Digest::from_bytes)
    }

    /// A signature. Whether it holds is another matter.
    pub fn signature(&mut self) -> Result<Signature, ParseError> {
        self.array().map(Signature::from_bytes)
    }

    /// A sound Ed25519 public key.
    pub fn signing_key(&mut self) -> Result<SigningPublicKey, ParseError> {
        SigningPublicKey::from_bytes(self.array()?)
    }

    /// Bytes behind a length of two bytes.
    pub fn short(&mut self, len: RangeInclusive<usize>) -> Result<&'a [u8], ParseError> {
        let given = self.u16()?;
        self.take(usize::from(given), &len)
    }

    /// Bytes behind a length of four bytes.
    pub fn blob(&mut self, len: RangeInclusive<usize>) -> Result<&'a [u8], ParseError> {
        let given = self.u32()?;
        self.take(usize::try_from(given).unwrap_or(usize::MAX), &len)
    }

    /// Text of that many bytes of UTF-8, without U+0000; as it is, not normalised.
    pub fn text(&mut self, len_bytes: RangeInclusive<usize>) -> Result<&'a str, ParseError> {
        checked_text(self.short(len_bytes)?)
    }

    /// The name of a record type.
    pub fn type_name(&mut self) -> Result<TypeName, ParseError> {
        self.text(1..=TypeName::MAX_BYTES)?.parse()
    }

    /// A value that may be absent.
    pub fn opt<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(ParseError::new("a presence byte")),
        }
    }

    /// At most `most` values of one kind.
    pub fn list<T>(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        const EXPECTED: ParseError = ParseError::new("a list of that length");
        let count = usize::try_from(self.u32()?).map_err(|_| EXPECTED)?;
        // Each value has a byte at least, so a count above the rest is a lie, and nothing is allocated for it.
        if count > most || count > self.rest.len() {
            return Err(EXPECTED);
        }
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(read(self)?);
        }
        Ok(values)
    }

    /// As [`Self::list`], where `key` of each value is strictly above that of the one before.
    pub fn ascending<T, K: Ord + ?Sized>(
        &mut self,
        most: usize,
        read: impl FnMut(&mut Self) -> Result<T, ParseError>,
        key: impl Fn(&T) -> &K,
    ) -> Result<Vec<T>, ParseError> {
        let values = self.list(most, read)?;
        if values.is_sorted_by(|left, right| key(left) < key(right)) {
            Ok(values)
        } else {
            Err(ParseError::new("a list that ascends"))
        }
    }

    fn take(&mut self, len: usize, allowed: &RangeInclusive<usize>) -> Result<&'a [u8], ParseError> {
        if !allowed.contains(&len) {
            return Err(ParseError::new("bytes of an allowed length"));
        }
        let (taken, rest) =
            self.rest.split_at_checked(len).ok_or(ParseError::new("an encoding that goes on"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Writes what [`Reader`] reads. Something that has no encoding is found at the end.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    failed: bool,
}

impl Writer {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoding.
    ///
    /// # Errors
    /// A number, length or count was too large to be written.
    pub fn finish(self) -> Result<Vec<u8>, ParseError> {
        if self.failed { Err(ParseError::new("values that have an encoding")) } else { Ok(self.bytes) }
    }

    /// Bytes whose number is known to the reader: an id, a key, a digest.
    pub fn array(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, number: u8) {
        self.array(&[number]);
    }

    /// A number of two bytes.
    pub fn u16(&mut self, number: u16) {
        self.array(&number.to_le_bytes());
    }

    /// A number of four bytes.
    pub fn u32(&mut self, number: u32) {
        self.array(&number.to_le_bytes());
    }

    /// A number of eight bytes, below 2^53.
    pub fn u64(&mut self, number: u64) {
        self.failed |= number >= U64_END;
        self.array(&number.to_le_bytes());
    }

    /// Bytes behind a length of two bytes.
    pub fn short(&mut self, bytes: &[u8]) {
        match u16::try_from(bytes.len()) {
            Ok(len) => self.u16(len),
            Err(_) => self.failed = true,
        }
        self.array(bytes);
    }

    /// Bytes behind a length of four bytes.
    pub fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.array(bytes);
    }

    /// A value that may be absent.
    pub fn opt<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Values of one kind.
    pub fn list<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.count(values.len());
        values.iter().for_each(|value| write(self, value));
    }

    fn count(&mut self, count: usize) {
        match u32::try_from(count) {
            Ok(count) => self.u32(count),
            Err(_) => self.failed = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One of everything.
    #[derive(Clone, Debug, PartialEq)]
    struct Sample {
        small: (u8, u16, u32),
        large: u64,
        name: TypeName,
        short: Vec<u8>,
        maybe: Option<[u8; 4]>,
        list: Vec<(String, Vec<u8>)>,
    }

    impl Sample {
        fn write(&self) -> Result<Vec<u8>, ParseError> {
            let mut writer = Writer::new();
            writer.u8(self.small.0);
            writer.u16(self.small.1);
            writer.u32(self.small.2);
            writer.u64(self.large);
            writer.short(self.name.as_str().as_bytes());
            writer.short(&self.short);
            writer.opt(self.maybe.as_ref(), |writer, four| writer.array(four));
            writer.list(&self.list, |writer, (name, value)| {
                writer.short(name.as_bytes());
                writer.blob(value);
            });
            writer.finish()
        }

        fn read(bytes: &[u8]) -> Result<Self, ParseError> {
            let mut reader = Reader::new(bytes);
            let sample = Self {
                small: (reader.u8()?, reader.u16()?, reader.u32()?),
                large: reader.u64()?,
                name: reader.type_name()?,
                short: reader.short(0..=8)?.to_vec(),
                maybe: reader.opt(Reader::array)?,
                list: reader.ascending(
                    3,
                    |reader| Ok((reader.text(0..=4)?.to_owned(), reader.blob(0..=4)?.to_vec())),
                    |(name, _)| name.as_str(),
                )?,
            };
            reader.finish()?;
            Ok(sample)
        }
    }

    prop_compose! {
        fn sample()(
            small: (u8, u16, u32),
            large in 0..U64_END,
            name in "[a-z.é]{1,9}".prop_filter("a name", |name| name.parse::<TypeName>().is_ok()),
            short in prop::collection::vec(any::<u8>(), 0..=8),
            maybe: Option<[u8; 4]>,
            list in prop::collection::btree_map("[a-z]{0,4}", prop::collection::vec(any::<u8>(), 0..=4), 0..=3),
        ) -> Sample {
            Sample { small, large, name: name.parse().unwrap(), short, maybe, list: list.into_iter().collect() }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_other_bytes_are_the_same_value(
            sample in sample(),
            at: prop::sample::Index,
            bit in 0..8_u32,
        ) {
            let bytes = sample.write().unwrap();
            prop_assert_eq!(Sample::read(&bytes), Ok(sample.clone()));
            for end in 0..bytes.len() {
                prop_assert!(Sample::read(&bytes[..end]).is_err());
            }
            prop_assert!(Sample::read(&[&bytes[..], &[0]].concat()).is_err());
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(read) = Sample::read(&other) {
                prop_assert_ne!(&read, &sample);
                prop_assert_eq!(read.write().unwrap(), other);
            }
        }

        #[test]
        fn whatever_is_read_has_that_one_encoding(bytes in prop::collection::vec(0..4_u8, 0..60)) {
            if let Ok(sample) = Sample::read(&bytes) {
                prop_assert_eq!(sample.write().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn each_rule_refuses() {
        fn fails<'a, T>(
            bytes: &'a [u8],
            read: impl FnOnce(&mut Reader<'a>) -> Result<T, ParseError>,
        ) -> bool {
            read(&mut Reader::new(bytes)).is_err()
        }
        assert!(fails(&(1_u64 << 53).to_le_bytes(), Reader::u64));
        assert!(fails(&[2, 0], |reader| reader.opt(Reader::u8)));
        assert!(fails(&[1], |reader| reader.opt(Reader::u8)));
        assert!(fails(&[2, 0, 7], |reader| reader.short(0..=8).map(<[u8]>::len)));
        assert!(fails(&[2, 0, 7, 7], |reader| reader.short(0..=1).map(<[u8]>::len)));
        assert!(fails(&[1, 0, 0], |reader| reader.text(0..=8).map(str::len)));
        assert!(fails(&[1, 0, 0xff], |reader| reader.text(0..=8).map(str::len)));
        assert!(fails(&[1, 0, b'.'], Reader::type_name));
        assert!(fails(&[2, 0, b'.', b'.'], Reader::type_name));
        assert!(fails(&[0, 0], Reader::type_name));
        assert!(fails(&[2, 0, 0, 0, 7, 7], |reader| reader.list(1, Reader::u8)));
        assert!(fails(&[3, 0, 0, 0, 7, 7], |reader| reader.list(9, Reader::u8)));
        assert!(fails(&[0xff; 8], |reader| reader.list(usize::MAX, Reader::u8)));
        for equal_or_falling in [[7, 7], [8, 7]] {
            let bytes = [&[2, 0, 0, 0], &equal_or_falling[..]].concat();
            assert!(fails(&bytes, |reader| reader.ascending(9, Reader::u8, |value| value)));
        }
        let mut writer = Writer::new();
        writer.u64(U64_END);
        assert!(writer.finish().is_err());
        let mut writer = Writer::new();
        writer.short(&[0; 65_536]);
        assert!(writer.finish().is_err());
    }
}

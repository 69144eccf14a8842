//! Fields: sealed each under a key of its own, in its place, by its name (section 8).

use std::fmt;

use zeroize::Zeroizing;

use super::seal::{self, SEAL_OVERHEAD_BYTES};
use super::text::checked_text;
use super::{DataKey, Digest, NameKey, Reader, RecordPlace, TypePlace};
use crate::label::SealedLabel;
use crate::{OpenError, ParseError};

/// How the name of a field stands in a record: its UTF-8, or 16 bytes that hide it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Vec<u8>);

impl FieldName {
    /// The most bytes of a name, shown or hidden.
    pub const MAX_BYTES: usize = 256;

    /// As it stands in a record.
    ///
    /// # Errors
    /// It has no or too many bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        if (1..=Self::MAX_BYTES).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(ParseError::new("a field name of 1 to 256 bytes"))
        }
    }

    /// The name of a field in a type.
    ///
    /// # Errors
    /// It has no or more than 256 bytes, or a U+0000.
    pub fn of_text(names: Names<'_>, place: &TypePlace, text: &str) -> Result<Self, ParseError> {
        checked_text(text.as_bytes())?;
        let shown = Self::from_bytes(text.as_bytes())?;
        Ok(match names {
            Names::Shown => shown,
            Names::Hidden(key) => Self(key.hide(place, text).to_vec()),
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldName({})", self.0.escape_ascii())
    }
}

/// Whether the names of a type's fields are hidden: a setting of the type, for good.
#[derive(Clone, Copy, Debug)]
pub enum Names<'a> {
    /// They stand in the clear.
    Shown,
    /// They are hidden under this key.
    Hidden(&'a NameKey),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FieldForm {
    /// UTF-8.
    Text = 1,
    /// Any bytes.
    Bytes = 2,
    /// UTF-8 of a JSON text. Whether it is one is the application's to check.
    Json = 3,
}

/// An opened field.
pub struct FieldContent {
    /// Its name, readable.
    pub name: String,
    /// What its value is.
    pub form: FieldForm,
    value: Zeroizing<Vec<u8>>,
}

impl FieldContent {
    /// The value's bytes.
    pub fn expose_bytes(&self) -> &[u8] {
        &self.value
    }

    /// The value as text; none if it is bytes.
    pub fn expose_text(&self) -> Option<&str> {
        if self.form == FieldForm::Bytes { None } else { std::str::from_utf8(&self.value).ok() }
    }
}

impl fmt::Debug for FieldContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name: _, form, value: _ } = self;
        write!(f, "FieldContent({form:?})")
    }
}

/// What is to be sealed.
#[derive(Clone, Copy)]
pub struct FieldToSeal<'a> {
    /// Its name, readable.
    pub name: &'a str,
    /// What the value is.
    pub form: FieldForm,
    /// The value.
    pub value: &'a [u8],
}

impl FieldToSeal<'_> {
    /// The name as it stands in the record, and the sealed field.
    pub(super) fn seal(
        &self,
        place: &RecordPlace,
        names: Names<'_>,
        data_key: &DataKey,
    ) -> Result<(FieldName, Vec<u8>), ParseError> {
        if self.form != FieldForm::Bytes && std::str::from_utf8(self.value).is_err() {
            return Err(ParseError::new("UTF-8"));
        }
        let name = FieldName::of_text(names, &place.record_type, self.name)?;
        let mut content = Zeroizing::new(Vec::with_capacity(3 + FieldName::MAX_BYTES + self.value.len()));
        content.push(self.form as u8);
        if let Names::Hidden(_) = names {
            // At most 256 bytes: checked above.
            content.extend_from_slice(&u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
            content.extend_from_slice(self.name.as_bytes());
        }
        content.extend_from_slice(self.value);
        let sealed = seal::seal(&data_key.field_key(&name), &field_place(place, &name), &content);
        Ok((name, sealed))
    }
}

/// Opens a field of a record that was verified.
pub(super) fn open_field(
    place: &RecordPlace,
    names: Names<'_>,
    data_key: &DataKey,
    name: &FieldName,
    sealed: &[u8],
) -> Result<FieldContent, OpenError> {
    let content = seal::open(&data_key.field_key(name), &field_place(place, name), sealed)?;
    read_content(place, names, name, &content).map_err(|_| OpenError)
}

fn read_content(
    place: &RecordPlace,
    names: Names<'_>,
    name: &FieldName,
    content: &[u8],
) -> Result<FieldContent, ParseError> {
    let mut reader = Reader::new(content);
    let form = match reader.u8()? {
        1 => FieldForm::Text,
        2 => FieldForm::Bytes,
        3 => FieldForm::Json,
        _ => return Err(ParseError::new("the form of a field")),
    };
    let text = match names {
        Names::Shown => checked_text(name.as_bytes())?,
        Names::Hidden(_) => reader.text(1..=FieldName::MAX_BYTES)?,
    };
    if FieldName::of_text(names, &place.record_type, text)? != *name {
        return Err(ParseError::new("the name under which it stands"));
    }
    let value = reader.rest();
    if form != FieldForm::Bytes && std::str::from_utf8(value).is_err() {
        return Err(ParseError::new("UTF-8"));
    }
    Ok(FieldContent { name: text.to_owned(), form, value: Zeroizing::new(value.to_vec()) })
}

/// The fewest bytes of a sealed field: nonce, form, tag.
pub const MIN_SEALED_BYTES: usize = SEAL_OVERHEAD_BYTES + 1;

/// `H("field-leaf"; name, sealed field)`.
pub(super) fn field_leaf(name: &FieldName, sealed: &[u8]) -> Digest {
    Digest::of(SealedLabel::FieldLeaf, &[name.as_bytes(), sealed])
}

fn field_place(place: &RecordPlace, name: &FieldName) -> Zeroizing<Vec<u8>> {
    place.with_parts(&[name.as_bytes()], |parts| SealedLabel::Field.frame(parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, RecordId, StoreId};

    fn place(version: u64) -> RecordPlace {
        RecordPlace {
            record_type: TypePlace {
                store: StoreId::from_bytes([1; 16]),
                writer: ClientId::from_bytes([2; 16]),
                type_name: "notes".parse().unwrap(),
            },
            record: RecordId::from_bytes([3; 16]),
            version,
        }
    }

    #[test]
    fn a_field_opens_in_its_place_by_its_name_alone() {
        let (key, name_key) = (DataKey::generate(), NameKey::generate());
        let field = FieldToSeal { name: "city", form: FieldForm::Text, value: "Zürich".as_bytes() };
        for names in [Names::Shown, Names::Hidden(&name_key)] {
            let (name, sealed) = field.seal(&place(1), names, &key).unwrap();
            let opened = open_field(&place(1), names, &key, &name, &sealed).unwrap();
            assert_eq!((opened.name.as_str(), opened.expose_text()), ("city", Some("Zürich")));
            let other = FieldName::of_text(names, &place(1).record_type, "town").unwrap();
            assert!(open_field(&place(1), names, &key, &other, &sealed).is_err());
            assert!(open_field(&place(2), names, &key, &name, &sealed).is_err());
            assert!(open_field(&place(1), names, &DataKey::generate(), &name, &sealed).is_err());
        }
        let (name, sealed) = field.seal(&place(1), Names::Hidden(&name_key), &key).unwrap();
        assert_eq!(name.as_bytes().len(), 16);
        let other = NameKey::generate();
        assert!(open_field(&place(1), Names::Hidden(&other), &key, &name, &sealed).is_err());
        assert!(open_field(&place(1), Names::Shown, &key, &name, &sealed).is_err());
    }

    #[test]
    fn what_no_reader_would_take_is_not_sealed() {
        let seal = |name, form, value| {
            FieldToSeal { name, form, value }.seal(&place(1), Names::Shown, &DataKey::generate()).is_ok()
        };
        assert!(seal("name", FieldForm::Bytes, &[0xff]));
        assert!(!seal("name", FieldForm::Text, &[0xff]));
        assert!(!seal("name", FieldForm::Json, &[0xff]));
        assert!(!seal("", FieldForm::Text, b""));
        assert!(!seal("a\0", FieldForm::Text, b""));
        assert!(!seal(&"x".repeat(257), FieldForm::Text, b""));
    }

    #[test]
    fn content_of_another_form_is_refused() {
        let name = FieldName::from_bytes(b"name").unwrap();
        let read = |content: &[u8]| read_content(&place(1), Names::Shown, &name, content).is_ok();
        assert!(read(&[1]) && read(&[2, 0xff]) && read(b"\x03{}"));
        assert!(!read(&[]) && !read(&[0]) && !read(&[4]) && !read(&[1, 0xff]) && !read(&[3, 0xff]));
    }
}

//! Fields of records, each sealed on its own under a fresh data key.
//!
//! ```text
//! sealed field = base64url(secretbox(access key, key nonce, data key))   64 characters
//!                "." base64url(key nonce)                                32
//!                "." base64url(secretbox(data key, data nonce, value))   ceil((16 + bytes of value) * 4 / 3)
//!                "." base64url(data nonce)                               32
//! ```
//!
//! Nothing else is bound in: not the field's name, nor its record, version or place. Whoever holds the ciphertexts can
//! exchange fields under the same access key. The interop format cannot tell; signatures of records can, in part.

use zeroize::Zeroizing;

use crate::encoding::{decode_array, decode_base64url, encode_base64url};
use crate::primitives::{self, BOX_OVERHEAD_BYTES};
use crate::{AccessKey, OpenError};

/// Seals the value of a field.
pub fn seal_field(access_key: &AccessKey, value: &str) -> String {
    seal_with(access_key, value, &FieldRandomness::generate())
}

/// Opens a field.
///
/// # Errors
/// The text has another shape, the key is another, the text was altered, or the value is not UTF-8.
pub fn open_field(access_key: &AccessKey, sealed: &str) -> Result<Zeroizing<String>, OpenError> {
    let [data_key, key_nonce, data, data_nonce] = split_exactly(sealed)?;
    let data_key = open_data_key(access_key, data_key, key_nonce)?;
    let data = decode_base64url(data).map_err(|_| OpenError)?;
    let data_nonce = decode_array(data_nonce).map_err(|_| OpenError)?;
    let value = primitives::secretbox_open(&data_key, &data_nonce, &data)?;
    // Checked before it is copied, so that no copy stays behind in an error.
    let value = std::str::from_utf8(&value).map_err(|_| OpenError)?;
    Ok(Zeroizing::new(value.to_owned()))
}

/// Characters of a sealed field whose value has `value_len_bytes` bytes.
pub const fn sealed_len(value_len_bytes: usize) -> usize {
    let data_len = value_len_bytes.saturating_add(BOX_OVERHEAD_BYTES).saturating_mul(4).div_ceil(3);
    data_len.saturating_add(131)
}

/// Seals all fields of a record: pairs of name and value. The names stay readable.
pub fn seal_fields<'a, C: FromIterator<(String, String)>>(
    access_key: &AccessKey,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> C {
    fields.into_iter().map(|(name, value)| (name.to_owned(), seal_field(access_key, value))).collect()
}

/// Opens all fields of a record.
///
/// # Errors
/// One of them does not open.
pub fn open_fields<'a, C: FromIterator<(String, Zeroizing<String>)>>(
    access_key: &AccessKey,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<C, OpenError> {
    fields.into_iter().map(|(name, sealed)| Ok((name.to_owned(), open_field(access_key, sealed)?))).collect()
}

/// `base64url(secretbox(access key, nonce, data key)) "." base64url(nonce)`, the beginning of fields and files.
pub(crate) fn seal_data_key(access_key: &AccessKey, data_key: &[u8; 32], nonce: &[u8; 24]) -> String {
    let sealed = primitives::secretbox_seal(access_key.expose(), nonce, data_key);
    format!("{}.{}", encode_base64url(sealed), encode_base64url(nonce))
}

/// Opens a data key from its two texts.
pub(crate) fn open_data_key(
    access_key: &AccessKey,
    sealed: &str,
    nonce: &str,
) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let sealed = decode_base64url(sealed).map_err(|_| OpenError)?;
    let nonce = decode_array(nonce).map_err(|_| OpenError)?;
    let opened = primitives::secretbox_open(access_key.expose(), &nonce, &sealed)?;
    let data_key: &[u8; 32] = opened.as_slice().try_into().map_err(|_| OpenError)?;
    Ok(Zeroizing::new(*data_key))
}

/// Exactly `N` parts between periods.
fn split_exactly<const N: usize>(text: &str) -> Result<[&str; N], OpenError> {
    let mut parts = text.split('.');
    let mut split = [""; N];
    for part in &mut split {
        *part = parts.next().ok_or(OpenError)?;
    }
    if parts.next().is_none() { Ok(split) } else { Err(OpenError) }
}

/// What must be fresh for each field.
pub(crate) struct FieldRandomness {
    pub(crate) data_key: Zeroizing<[u8; 32]>,
    pub(crate) key_nonce: Zeroizing<[u8; 24]>,
    pub(crate) data_nonce: Zeroizing<[u8; 24]>,
}

impl FieldRandomness {
    fn generate() -> Self {
        Self {
            data_key: primitives::random_array(),
            key_nonce: primitives::random_array(),
            data_nonce: primitives::random_array(),
        }
    }
}

pub(crate) fn seal_with(access_key: &AccessKey, value: &str, random: &FieldRandomness) -> String {
    let data = primitives::secretbox_seal(&random.data_key, &random.data_nonce, value.as_bytes());
    format!(
        "{}.{}.{}",
        seal_data_key(access_key, &random.data_key, &random.key_nonce),
        encode_base64url(data),
        encode_base64url(*random.data_nonce)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_shapes_are_refused() {
        let key = AccessKey::generate();
        let sealed = seal_field(&key, "value");
        assert_eq!(open_field(&key, &sealed).unwrap().as_str(), "value");
        assert_eq!(sealed.len(), sealed_len(5));
        let (but_one, last) = sealed.rsplit_once('.').unwrap();
        for text in ["", "...", but_one, &format!("{sealed}."), &format!("{sealed}.{last}"), &sealed[1..]] {
            assert_eq!(open_field(&key, text), Err(OpenError), "{text}");
        }
        assert_eq!(open_field(&AccessKey::generate(), &sealed), Err(OpenError));
    }

    #[test]
    fn lengths_do_not_wrap_around() {
        assert_eq!(sealed_len(0), 153);
        assert!(sealed_len(usize::MAX) > usize::MAX / 4);
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused() {
        let (key, random) = (AccessKey::generate(), FieldRandomness::generate());
        let data = primitives::secretbox_seal(&random.data_key, &random.data_nonce, b"\xff");
        let sealed = format!(
            "{}.{}.{}",
            seal_data_key(&key, &random.data_key, &random.key_nonce),
            encode_base64url(data),
            encode_base64url(*random.data_nonce)
        );
        assert_eq!(open_field(&key, &sealed), Err(OpenError));
    }

    #[test]
    fn whole_records() {
        let key = AccessKey::generate();
        let sealed: Vec<_> = seal_fields(&key, [("a", "1"), ("b", "")]);
        let opened: Vec<_> =
            open_fields(&key, sealed.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap();
        let opened: Vec<_> = opened.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(opened, [("a", "1"), ("b", "")]);
        assert!(open_fields::<Vec<_>>(&key, [("a", "1")]).is_err());
    }
}

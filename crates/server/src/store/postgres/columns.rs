//! How values lie in columns: reading them back checks them again.

use std::error::Error;
use std::fmt;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tozstore_api::{KeySet, Plain, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, PendingFileId, RecordId, Version};

use crate::store::StoreError;

/// A value on its way into a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// Of a column of bytes or text.
    Bytes(&'a [u8]),
    Flag(bool),
    Integer(i64),
    Null,
}

/// What can be put into a statement.
pub(super) trait ToValue {
    fn value(&self) -> Value<'_>;
}

/// The parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::postgres::columns::ToValue::value(&$value)),*]
    };
}
pub(super) use params;

/// A value that is read from one column.
pub(super) trait Column: Sized {
    /// The value that these bytes stand for, or that null does.
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed>;
}

/// Why a value does not read back.
pub(super) type Malformed = Box<dyn Error + Send + Sync>;

/// The value in the column at this place.
pub(super) fn column<T: Column>(row: &Row, at: usize) -> Result<T, StoreError> {
    let raw: Option<Raw<'_>> = row.try_get(at).map_err(|error| malformed(at, error))?;
    T::parse(raw.map(|raw| raw.0)).map_err(|error| malformed(at, error))
}

/// An id that may be absent.
pub(super) fn optional_id<T>(row: &Row, at: usize, from: fn([u8; 16]) -> T) -> Result<Option<T>, StoreError> {
    Ok(column::<Option<[u8; 16]>>(row, at)?.map(from))
}

/// A count, index or position as SQL holds it. Those of this store never come near the limit.
pub(super) fn integer(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|error| StoreError::Internal(error.into()))
}

/// A limit on rows as SQL takes it.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The error for a value that does not read back.
pub(super) fn malformed(at: usize, error: impl fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {at}: {error}"))
}

/// The bytes of a column, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Malformed> {
        match (self, kind) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Bytes(bytes), &Type::BYTEA | &Type::TEXT) => out.put_slice(bytes),
            (Self::Flag(flag), &Type::BOOL) => out.put_u8((*flag).into()),
            (Self::Integer(number), &Type::INT8) => out.put_i64(*number),
            (Self::Integer(number), &Type::INT4) => out.put_i32(i32::try_from(*number)?),
            (Self::Integer(number), &Type::INT2) => out.put_i16(i16::try_from(*number)?),
            _ => return Err(format!("a statement asks for {kind}, which does not fit").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Values are secrets of others as often as not.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

impl ToValue for Value<'_> {
    fn value(&self) -> Value<'_> {
        *self
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::value)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for str {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl ToValue for String {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl ToValue for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for i64 {
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl ToValue for u32 {
    fn value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl ToValue for bool {
    fn value(&self) -> Value<'_> {
        Value::Flag(*self)
    }
}

impl<T: Column> Column for Option<T> {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        raw.map(|raw| T::parse(Some(raw))).transpose()
    }
}

fn present(raw: Option<&[u8]>) -> Result<&[u8], Malformed> {
    raw.ok_or_else(|| "null where a value must be".into())
}

impl<const N: usize> Column for [u8; N] {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(Self::try_from(present(raw)?)?)
    }
}

impl Column for Vec<u8> {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(present(raw)?.to_vec())
    }
}

impl Column for String {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(std::str::from_utf8(present(raw)?)?.to_owned())
    }
}

impl Column for i64 {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(Self::from_be_bytes(present(raw)?.try_into()?))
    }
}

impl Column for u64 {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(Self::try_from(i64::parse(raw)?)?)
    }
}

impl Column for u32 {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(Self::try_from(i64::parse(raw)?)?)
    }
}

impl Column for bool {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        match present(raw)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err("no truth value".into()),
        }
    }
}

macro_rules! id_columns {
    ($($name:ident),+) => {$(
        impl Column for $name {
            fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
                <[u8; 16]>::parse(raw).map(Self::from_bytes)
            }
        }
    )+};
}

id_columns!(AccountId, ClientId, GroupId, NoteId, PendingFileId, RecordId, Version);

impl Column for Timestamp {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        i64::parse(raw).map(Self::from_micros)
    }
}

impl Column for RecordType {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Ok(Self::new(String::parse(raw)?)?)
    }
}

impl Column for KeySet {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Self::from_checked_json(std::str::from_utf8(present(raw)?)?).map_err(|error| error.to_string().into())
    }
}

impl Column for Plain {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        Self::from_json(std::str::from_utf8(present(raw)?)?).map_err(|error| error.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_read_back_is_refused() {
        assert!(ClientId::parse(Some(&[0; 15])).is_err());
        assert!(ClientId::parse(None).is_err());
        assert!(Option::<ClientId>::parse(None).unwrap().is_none());
        assert!(u64::parse(Some(&(-1_i64).to_be_bytes())).is_err());
        assert!(String::parse(Some(&[0xff])).is_err());
        assert!(bool::parse(Some(&[2])).is_err());
    }

    #[test]
    fn values_go_into_columns_of_their_kind_alone() {
        let put = |value: Value<'_>, kind: &Type| value.to_sql(kind, &mut BytesMut::new()).is_ok();
        assert!(put(1_i64.value(), &Type::INT2) && !put(i64::MAX.value(), &Type::INT2));
        assert!(put("a".value(), &Type::TEXT) && put("a\0".value(), &Type::BYTEA));
        assert!(!put("a".value(), &Type::INT8) && !put(true.value(), &Type::TEXT));
    }
}

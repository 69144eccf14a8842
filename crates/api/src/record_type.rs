//! The type of a record: what is shared and revoked as one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The name of a record type: 1 to [`RecordType::MAX_BYTES`] bytes of any text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(min_length = 1, max_length = 512))]
pub struct RecordType(String);

/// The text is not a record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record type has 1 to {} bytes", RecordType::MAX_BYTES)]
pub struct RecordTypeError;

impl RecordType {
    /// Longest record type, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 512;

    /// Checks the length.
    ///
    /// # Errors
    /// The text is empty or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, RecordTypeError> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX_BYTES { Err(RecordTypeError) } else { Ok(Self(text)) }
    }

    /// The text as the writer gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for RecordType {
    type Err = RecordTypeError;

    fn from_str(text: &str) -> Result<Self, RecordTypeError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for RecordType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_limited() {
        assert_eq!(RecordType::new(""), Err(RecordTypeError));
        assert!(RecordType::new("x".repeat(RecordType::MAX_BYTES)).is_ok());
        assert_eq!(RecordType::new("x".repeat(RecordType::MAX_BYTES + 1)), Err(RecordTypeError));
    }
}

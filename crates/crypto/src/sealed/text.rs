//! Texts as section 2 has them, and the names of record types.

use std::fmt;

use crate::ParseError;

/// The name of a record type: 1 to 512 bytes of UTF-8 without U+0000, and not `.` or `..`, which paths cannot carry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeName(String);

impl TypeName {
    /// The most bytes of UTF-8.
    pub const MAX_BYTES: usize = 512;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for TypeName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if (1..=Self::MAX_BYTES).contains(&text.len()) && !text.contains('\0') && text != "." && text != ".."
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new("the name of a record type, of 1 to 512 bytes"))
        }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeName({:?})", self.0)
    }
}

/// Text as section 2 has it.
pub(crate) fn checked_text(bytes: &[u8]) -> Result<&str, ParseError> {
    const EXPECTED: ParseError = ParseError::new("UTF-8 without U+0000");
    let text = std::str::from_utf8(bytes).map_err(|_| EXPECTED)?;
    if text.contains('\0') { Err(EXPECTED) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_paths_cannot_carry_are_refused() {
        for name in ["a", "...", "a/b", "é", &"x".repeat(512)] {
            assert_eq!(name.parse::<TypeName>().unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a\0", &"x".repeat(513)] {
            assert!(name.parse::<TypeName>().is_err(), "{name:?}");
        }
        assert!(checked_text(&[0xff]).is_err());
    }
}

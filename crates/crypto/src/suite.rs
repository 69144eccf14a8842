//! Which set of formats something is written in.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// A set of formats with its primitives. The name is stable: it may be stored and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// `sodium-1`: the interop formats, which the official clients read and write.
    Interop,
}

impl Suite {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interop => "sodium-1",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Suite {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == Self::Interop.name() {
            Ok(Self::Interop)
        } else {
            Err(ParseError::new("the name of a suite"))
        }
    }
}

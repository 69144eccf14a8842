//! Names of things: UUIDs (RFC 9562), one type for each kind of thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ParseError, primitives};

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Its text is 36 lower-case characters with hyphens. Parsing takes either case, and no other form.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From the UUID's 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// A fresh random one (version 4).
            pub fn random() -> Self {
                Self(random_uuid())
            }

            /// The UUID's 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                parse(text).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

id_types! {
    /// An account: who pays for and administers a set of clients.
    AccountId;
    /// A client: holder of keys; writer or reader of records.
    ClientId;
    /// A file that was announced, until it is uploaded and committed.
    PendingFileId;
    /// A group of clients.
    GroupId;
    /// A note.
    NoteId;
    /// A record.
    RecordId;
    /// What makes a signed request different from every other.
    RequestNonce;
    /// One installation of the server, with all its replicas.
    StoreId;
    /// A version of a record, new at every change.
    Version;
}

/// The text of a fresh random UUID (version 4).
pub(crate) fn random_uuid_text() -> String {
    random_uuid().to_string()
}

/// Whether this is the text of a UUID: always 36 characters.
pub(crate) fn is_uuid_text(text: &str) -> bool {
    parse(text).is_ok()
}

fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(*primitives::random_array()).into_uuid()
}

fn parse(text: &str) -> Result<Uuid, ParseError> {
    const EXPECTED: ParseError = ParseError::new("a UUID of 36 characters");
    // The crate takes braces, URNs and missing hyphens as well: the length rules those out.
    if text.len() != 36 { Err(EXPECTED) } else { Uuid::try_parse(text).map_err(|_| EXPECTED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_lower_case_and_parses_in_any_case() {
        let text = "a1111111-1111-4111-8111-111111111111";
        let id: ClientId = text.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<ClientId>(&format!("\"{text}\"")).unwrap(), id);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in
            ["", "a1111111111141118111111111111111", "{a1111111-1111-4111-8111-11111111111}", "doesnt exist"]
        {
            assert!(text.parse::<ClientId>().is_err(), "{text}");
        }
    }
}

//! Terms of a record: the entries that an engine keeps beside it, so that searches run on indexes.
//!
//! An engine writes and removes them in the transaction of the record. They can be made again from the record, and say
//! nothing that is not in it.

use std::collections::BTreeSet;

use tozstore_api::Plain;
use tozstore_crypto::blake2b_256;

use super::RecordTypeSlot;

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TermKind {
    /// An entry of the plain metadata: its name and its value.
    Plain,
    /// The user, where it is not the writer: no name, and the text of the id.
    User,
}

impl TermKind {
    /// How it is stored.
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Plain => 1,
            Self::User => 2,
        }
    }
}

/// A term of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    pub(super) kind: TermKind,
    pub(super) name: String,
    pub(super) value: TermValue,
}

/// A value as an index holds it. A long one is cut, and its hash put behind it: equality can still be told, and the
/// order is kept as far as the cut. The length tells the two apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TermValue(Vec<u8>);

impl TermValue {
    /// Bytes of a long value that are kept.
    pub(super) const KEPT_BYTES: usize = 96;
    const HASH_BYTES: usize = 32;

    /// The value for a text.
    pub(super) fn of(text: &str) -> Self {
        if text.len() < Self::KEPT_BYTES + Self::HASH_BYTES {
            return Self(text.as_bytes().to_vec());
        }
        let kept = text.as_bytes().iter().take(Self::KEPT_BYTES);
        Self(kept.copied().chain(blake2b_256(text.as_bytes())).collect())
    }

    /// As it was stored.
    pub(super) const fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As it is stored.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text of a stored value, if it was not cut.
    pub(super) fn stored_text(stored: &[u8]) -> Option<&str> {
        if stored.len() < Self::KEPT_BYTES + Self::HASH_BYTES {
            std::str::from_utf8(stored).ok()
        } else {
            None
        }
    }
}

/// The terms of a record, each once.
pub(super) fn terms_of(slot: &RecordTypeSlot, plain: &Plain) -> BTreeSet<Term> {
    let entries = plain.entries().map(|(name, value)| Term {
        kind: TermKind::Plain,
        name: name.to_owned(),
        value: TermValue::of(value),
    });
    let user = (slot.user != slot.writer).then(|| Term {
        kind: TermKind::User,
        name: String::new(),
        value: TermValue::of(&slot.user.to_string()),
    });
    entries.chain(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_still_told_apart() {
        let (short, long) = ("x".repeat(127), "x".repeat(128));
        assert_eq!(TermValue::stored_text(TermValue::of(&short).as_bytes()), Some(short.as_str()));
        assert_eq!(TermValue::stored_text(TermValue::of(&long).as_bytes()), None);
        assert_eq!(TermValue::of(&"x".repeat(60_000)).as_bytes().len(), 128);
        assert_ne!(TermValue::of(&"x".repeat(60_000)), TermValue::of(&"x".repeat(60_001)));
        let cut_inside_a_character = format!("{}é", "x".repeat(95)).repeat(2);
        assert_eq!(TermValue::of(&cut_inside_a_character).as_bytes().len(), 128);
    }
}

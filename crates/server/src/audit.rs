//! The audit log outside of the store: one JSON object on each line, which anybody can check without the server.
//! `docs/formats/audit.md` tells the form.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, Read as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tozstore_api::Timestamp;

use crate::store::{AuditEntry, AuditHead};

/// Bytes that a line may have.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// A line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    position: u64,
    at_us: i64,
    action: String,
    actor: String,
    about: BTreeMap<String, String>,
    previous: String,
    digest: String,
}

/// Where and why a log is not what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// The log ends before an entry that is known to have been there.
    #[error("the log ends before entry {0}, which was noted: the end was cut off")]
    Cut(u64),
    /// An entry is not the one that was noted.
    #[error("entry {0} is not the one that was noted: the log was rewritten")]
    Rewritten(u64),
    /// An entry is missing or moved, or the log does not begin where it should.
    #[error("entry {expected} should follow, but there is {found}: entries are missing or were moved")]
    Gap {
        /// The place that should come.
        expected: u64,
        /// The place that does.
        found: u64,
    },
    /// An entry does not hold the digest of the one before.
    #[error("entry {0} does not follow the one before it: one of them was changed")]
    Broken(u64),
    /// An entry's digest is not that of its content.
    #[error("entry {0} was changed: its digest is another")]
    Changed(u64),
    /// A line is no entry.
    #[error("line {0} is no entry of an audit log")]
    NotAnEntry(u64),
    /// There is nothing in it.
    #[error("the log is empty")]
    Empty,
    /// It cannot be read.
    #[error("the log cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// An entry as a line, without its end.
pub fn line(entry: &AuditEntry) -> String {
    let line = Line {
        position: entry.position,
        at_us: entry.at.micros(),
        action: entry.action.clone(),
        actor: entry.actor.clone(),
        about: entry.about.clone(),
        previous: hex(&entry.previous),
        digest: hex(&entry.digest),
    };
    // Texts and numbers always serialise.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Checks a log from its first line to its last: that nothing was changed, moved or left out in between, and that it
/// holds the entry that was noted elsewhere, if there is one. A log may begin later than at the first entry.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(log: impl BufRead, noted: Option<AuditHead>) -> Result<AuditHead, AuditFault> {
    let mut log = log;
    let mut head: Option<AuditHead> = None;
    let mut is_noted_seen = noted.is_none();
    for number in 1.. {
        let mut text = String::new();
        if log.by_ref().take(MAX_LINE_BYTES).read_line(&mut text)? == 0 {
            break;
        }
        let entry = parse(&text).ok_or(AuditFault::NotAnEntry(number))?;
        let position = entry.position;
        if let Some(head) = head {
            if position != head.position + 1 {
                return Err(AuditFault::Gap { expected: head.position + 1, found: position });
            }
            if entry.previous != head.digest {
                return Err(AuditFault::Broken(position));
            }
        } else if position == 1 && entry.previous != [0; 32] {
            return Err(AuditFault::Broken(position));
        }
        if entry.expected_digest() != entry.digest {
            return Err(AuditFault::Changed(position));
        }
        if let Some(noted) = noted.filter(|noted| noted.position == position) {
            if noted.digest != entry.digest {
                return Err(AuditFault::Rewritten(position));
            }
            is_noted_seen = true;
        }
        head = Some(AuditHead { position, digest: entry.digest });
    }
    let head = head.ok_or(AuditFault::Empty)?;
    match noted {
        Some(noted) if !is_noted_seen && noted.position > head.position => {
            Err(AuditFault::Cut(noted.position))
        }
        // The log begins behind it.
        Some(noted) if !is_noted_seen => Err(AuditFault::Rewritten(noted.position)),
        _ => Ok(head),
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, hex(&self.digest))
    }
}

impl FromStr for AuditHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a head is a number, a colon and 64 hexadecimal digits";
        let (position, digest) = text.split_once(':').ok_or(FORM)?;
        Ok(Self { position: position.parse().map_err(|_| FORM)?, digest: unhex(digest).ok_or(FORM)? })
    }
}

fn parse(text: &str) -> Option<AuditEntry> {
    let Line { position, at_us, action, actor, about, previous, digest } =
        serde_json::from_str(text.strip_suffix('\n')?).ok()?;
    // What the digest is made of must be read in one way.
    let is_word = |text: &String| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte))
    };
    let all_words =
        is_word(&action) && is_word(&actor) && about.iter().all(|(k, v)| is_word(k) && is_word(v));
    (position > 0 && all_words).then_some(AuditEntry {
        position,
        at: Timestamp::from_micros(at_us),
        action,
        actor,
        about,
        previous: unhex(&previous)?,
        digest: unhex(&digest)?,
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of so many entries.
    fn log(entries: u64) -> Vec<AuditEntry> {
        let mut previous = [0; 32];
        let entry = |position| {
            let about = BTreeMap::from([("account".to_owned(), format!("{position:032x}"))]);
            let (at, action) = (Timestamp::from_micros(position as i64), "policy_put".to_owned());
            let actor = "client:00".to_owned();
            let mut entry = AuditEntry { position, at, action, actor, about, previous, digest: [0; 32] };
            entry.digest = entry.expected_digest();
            previous = entry.digest;
            entry
        };
        (1..=entries).map(entry).collect()
    }

    fn text(entries: &[AuditEntry]) -> String {
        entries.iter().map(|entry| line(entry) + "\n").collect()
    }

    fn check(text: &str, noted: Option<AuditHead>) -> Result<AuditHead, AuditFault> {
        verify(text.as_bytes(), noted)
    }

    #[test]
    fn what_was_exported_is_verified_whole_or_from_the_middle() {
        let entries = log(5);
        let head = check(&text(&entries), None).unwrap();
        assert_eq!((head.position, head.digest), (5, entries[4].digest));
        assert_eq!(head.to_string().parse(), Ok(head));
        assert_eq!(check(&text(&entries[2..]), Some(head)).unwrap(), head);
    }

    #[test]
    fn every_changed_byte_is_found() {
        let whole = text(&log(3));
        let noted = check(&whole, None).unwrap();
        for at in 0..whole.len() {
            for bit in [1, 4, 0x20] {
                let mut bytes = whole.clone().into_bytes();
                bytes[at] ^= bit;
                assert!(verify(bytes.as_slice(), Some(noted)).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn gaps_moves_cuts_and_rewriting_are_found() {
        let entries = log(4);
        let noted = check(&text(&entries), None).ok();
        let without = [&entries[..1], &entries[2..]].concat();
        assert!(matches!(check(&text(&without), noted), Err(AuditFault::Gap { expected: 2, found: 3 })));
        let mut moved = entries.clone();
        moved.swap(1, 2);
        assert!(matches!(check(&text(&moved), noted), Err(AuditFault::Gap { .. })));
        assert!(matches!(check(&text(&entries[..3]), noted), Err(AuditFault::Cut(4))));
        assert!(matches!(check("", noted), Err(AuditFault::Empty)));
        // Made anew from the second entry on, the chain holds; what was noted tells.
        let mut again = log(4);
        for place in 1..4 {
            again[place].action = "group_created".into();
            again[place].previous = again[place - 1].digest;
            again[place].digest = again[place].expected_digest();
        }
        check(&text(&again), None).unwrap();
        assert!(matches!(check(&text(&again), noted), Err(AuditFault::Rewritten(4))));
        let long = format!("{}\n", "x".repeat(70_000));
        assert!(matches!(check(&long, None), Err(AuditFault::NotAnEntry(1))));
    }
}

//! How an attack ended.

use std::fmt;

use tozstore::Error;

/// How it ended for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It found out: what it was given was refused as untrusted.
    Refused,
    /// It believed the lie.
    Deceived,
}

/// How it ended for a client without a memory, and for one that has seen the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Without a memory.
    pub fresh: Outcome,
    /// With one.
    pub seen: Outcome,
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Found out with an empty memory.
    Detected,
    /// Found out by who has seen the state before, and not by a newcomer.
    OncePinnedOrSeen,
    /// Found out by nobody, where a public log would help.
    NotWithoutLog,
    /// Found out by nobody.
    NotDetectable,
    /// It gives nothing.
    NoEffect,
    /// The honest server refuses it.
    DetectedByServer,
    /// The result says so, and the application decides.
    Marked,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Detected => "detected",
            Self::OncePinnedOrSeen => "once pinned or seen",
            Self::NotWithoutLog => "*not detectable without a log*",
            Self::NotDetectable => "not detectable",
            Self::NoEffect => "no effect",
            Self::DetectedByServer => "detected by the server",
            Self::Marked => "marked in the result",
        })
    }
}

/// How a call ended. `is_deceived` looks at whether it gave what the liar wanted.
///
/// # Panics
/// It ended in neither way: then the attack was not played as it was meant.
pub fn outcome<T: fmt::Debug>(
    result: Result<T, Error>,
    is_deceived: impl FnOnce(&Result<T, Error>) -> bool,
) -> Outcome {
    match &result {
        Err(Error::Untrusted(_)) => Outcome::Refused,
        other if is_deceived(other) => Outcome::Deceived,
        other => panic!("neither refused nor deceived: {other:?}"),
    }
}

/// Both outcomes as a verdict; `undetected` is what it is called if both were deceived.
pub fn judge(tried: Tried, undetected: Verdict) -> Verdict {
    match (tried.fresh, tried.seen) {
        (Outcome::Refused, Outcome::Refused) => Verdict::Detected,
        (Outcome::Deceived, Outcome::Refused) => Verdict::OncePinnedOrSeen,
        (Outcome::Deceived, Outcome::Deceived) => undetected,
        (Outcome::Refused, Outcome::Deceived) => panic!("a memory made it worse"),
    }
}

/// What one cell of the table says: verdicts, each with the condition that it was measured under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell(Vec<String>);

impl Cell {
    /// One verdict.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self(vec![verdict.to_string()])
    }

    /// One more verdict, under a condition.
    #[must_use]
    pub fn when(mut self, condition: &str, verdict: Verdict) -> Self {
        self.0.push(format!("{condition}: {verdict}"));
        self
    }

    /// A remark on the last verdict.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        match self.0.last_mut() {
            Some(last) => last.push_str(&format!(" ({note})")),
            None => self.0.push(note.to_owned()),
        }
        self
    }

    /// A part of the attack that cannot be played yet, with what is expected of it.
    #[must_use]
    pub fn not_built(mut self, part: &str, expected: &str) -> Self {
        self.0.push(format!("{part}: not built yet ({expected})"));
        self
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

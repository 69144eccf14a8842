//! What can go wrong, and no more than that.

/// A ciphertext did not open: wrong key, altered bytes, wrong place. There is one reason only, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open with this key")]
pub struct OpenError;

/// A signature does not hold for this message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct VerifyError;

/// A text or byte string is not of the form that its type has. Says which form was expected, never what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct ParseError {
    /// The form that was expected, with its article.
    pub expected: &'static str,
}

impl ParseError {
    /// For readers of other layers: what was expected, with its article.
    pub const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

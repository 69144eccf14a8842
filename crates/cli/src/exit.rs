//! How a command ends: the exit code, and two lines that say what went wrong and what to do.

use std::borrow::Cow;
use std::process::ExitCode;

/// What a command gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Exit codes of the program. Documented in `docs/cli.md`; never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It did not work, for a reason that has no code of its own.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// There is no such thing, or this client may not know of it.
    NotFound = 3,
    /// Credentials are missing or wrong, or the action is not allowed.
    Refused = 4,
    /// Something else is there already, or changed in the meantime.
    Conflict = 5,
    /// The server was not reached, or cannot answer now.
    Unavailable = 6,
    /// Data does not open with the keys of this client, or does not hold what it claims.
    Untrusted = 7,
}

impl Code {
    /// The code as a word, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Untrusted => "untrusted",
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: Code,
    /// What went wrong: one line.
    pub what: Cow<'static, str>,
    /// What to do about it: one line.
    pub advice: Cow<'static, str>,
    /// What names the request in the server's log, if it has one.
    pub request_id: Option<String>,
    /// Whoever read the output has gone, which is no fault: end without a word.
    pub reader_gone: bool,
}

impl Failure {
    /// A failure with its two lines.
    pub fn new(code: Code, what: impl Into<Cow<'static, str>>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self { code, what: what.into(), advice: advice.into(), request_id: None, reader_gone: false }
    }
}

impl From<std::io::Error> for Failure {
    /// Failures of printing; those of files are told with their path, where they happen.
    fn from(error: std::io::Error) -> Self {
        Self {
            reader_gone: error.kind() == std::io::ErrorKind::BrokenPipe,
            ..Self::new(
                Code::Failed,
                format!("cannot write the output: {error}"),
                "check where the output goes",
            )
        }
    }
}

impl From<tozstore::Error> for Failure {
    fn from(error: tozstore::Error) -> Self {
        use tozstore::Error;

        let code = match &error {
            Error::Conflict | Error::Refused { status: 409, .. } => Code::Conflict,
            Error::Credentials(_) | Error::Refused { status: 401 | 403, .. } => Code::Refused,
            Error::NotFound(_) | Error::Refused { status: 404, .. } => Code::NotFound,
            Error::Network(_) | Error::Unanswered(_) | Error::Server { .. } => Code::Unavailable,
            Error::Refused { status: 429, .. } => Code::Unavailable,
            Error::Untrusted(_) => Code::Untrusted,
            _ => Code::Failed,
        };
        let request_id = error.request_id().map(str::to_owned);
        Self { request_id, ..Self::new(code, error.to_string(), error.advice()) }
    }
}

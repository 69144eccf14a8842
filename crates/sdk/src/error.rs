//! What went wrong: whose fault it is, whether to try again, what to do.

use tozstore_crypto::sealed::{Backwards, Digest};
use tozstore_crypto::{ClientId, GroupId, NoteId, RecordId};

/// Why a call failed.
///
/// Every variant is the fault of one side ([`Error::fault`]) and has advice for a person ([`Error::advice`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call asks for something that cannot be: an empty record type, sharing with oneself, a file that is not
    /// there. Nothing was sent.
    #[error("{0}")]
    Caller(String),
    /// The record was changed by somebody else since it was read. Nothing was written.
    #[error("the record was changed since it was read")]
    Conflict,
    /// The server does not know these credentials, or no longer accepts them; or they are not of the right form.
    #[error("{0}")]
    Credentials(String),
    /// The server could not be reached. The request was not done.
    #[error("the server could not be reached: {0}")]
    Network(String),
    /// It is not there, or this client may not know of it: the server does not say which.
    #[error("{0} is not there, or this client may not see it")]
    NotFound(&'static str),
    /// The server understood the request and will not do it.
    #[error("the server refused ({status}): {message}")]
    Refused {
        /// The HTTP status, 400 to 499.
        status: u16,
        /// The server's own words, shortened.
        message: String,
        /// Names the request in the server's log.
        request_id: Option<String>,
    },
    /// The server failed, or answered something that is not of the protocol.
    #[error("the server failed ({status}): {message}{}", named(.request_id.as_deref()))]
    Server {
        /// The HTTP status; 500 to 599 unless the answer itself was malformed.
        status: u16,
        /// What was wrong.
        message: String,
        /// Names the request in the server's log.
        request_id: Option<String>,
    },
    /// The request was sent, but no answer came: it may have been done or not.
    #[error("the connection broke before the answer came; the request may have been done: {0}")]
    Unanswered(String),
    /// What the server gave out does not hold against the keys of this client. Nothing of it was used.
    #[error("untrusted data: {0}")]
    Untrusted(#[from] UntrustedData),
}

/// What about the server's answer does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UntrustedData {
    /// The access key of a record type is another than before. Access keys never change.
    #[error("the access key of record type {record_type:?} of writer {writer} is another than before")]
    AccessKeyChanged {
        /// Who writes the records.
        writer: ClientId,
        /// Their type.
        record_type: String,
    },
    /// The server says that there is no access key where there was one. A new key would make the old records
    /// unreadable.
    #[error("the access key of record type {record_type:?} was there before and is missing now")]
    AccessKeyMissing {
        /// The type of this client's records.
        record_type: String,
    },
    /// One access key was given out for two record types: records of one would be readable for readers of the other.
    #[error("the access key of record type {record_type:?} is that of another record type or writer")]
    AccessKeyReused {
        /// The type that was asked for.
        record_type: String,
    },
    /// A wrapped access key does not open, or is not one.
    #[error("the access key of record type {record_type:?} does not open")]
    AccessKeyUnreadable {
        /// The type that was asked for.
        record_type: String,
    },
    /// A field does not open under the access key of the record's type: it was altered, or is of elsewhere.
    #[error("field {field:?} of record {record} does not open")]
    FieldUnreadable {
        /// The record.
        record: RecordId,
        /// Name of the field.
        field: String,
    },
    /// A file does not open under the access key of its record's type, is cut off, or is not what was described.
    #[error("the file of record {record} does not open, is cut off, or is another than the one described")]
    FileUnreadable {
        /// The record.
        record: RecordId,
    },
    /// The public key of a group is another than before, or that of another group: what is shared with it would be for
    /// others.
    #[error("the public key of group {group} is another than before, or that of another group")]
    GroupKeyChanged {
        /// The group.
        group: GroupId,
    },
    /// This client's key to a group does not open, or is not that of the group: the server may have put its own in the
    /// place of the group's.
    #[error("the key to group {group} does not open, or is not that of the group")]
    GroupKeyUnreadable {
        /// The group.
        group: GroupId,
    },
    /// A note carries the keys of another writer than the one expected.
    #[error("note {note} is by another writer than expected")]
    NoteByOtherWriter {
        /// The note.
        note: NoteId,
    },
    /// A note or one of its fields is not signed by the writer that it names.
    #[error("a signature in note {note} is missing or is not its writer's")]
    NoteSignatureFalse {
        /// The note.
        note: NoteId,
    },
    /// The file of a note does not open, is cut off, or is not what the server said: it was altered.
    #[error("the file of note {note} does not open, or is not whole")]
    NoteFileUnreadable {
        /// The note.
        note: NoteId,
    },
    /// A note does not open: it was altered, or is sealed for other keys.
    #[error("note {note} does not open")]
    NoteUnreadable {
        /// The note.
        note: NoteId,
    },
    /// The key for this client's own records was wrapped by somebody else whom it does not trust: who did so could
    /// read all that is written under it.
    #[error(
        "the access key of this client's own record type {record_type:?} was wrapped by {authorizer}, not by this client"
    )]
    OwnKeyFromStranger {
        /// The type of this client's records.
        record_type: String,
        /// Who wrapped the key, by the server's word.
        authorizer: ClientId,
    },
    /// The public key of a client is another than the one that is known, or than the one that was pinned.
    #[error("the public key of client {client} is another than the one known")]
    PublicKeyChanged {
        /// Whose key it is said to be.
        client: ClientId,
    },
    /// The public key of a client is not pinned, and only pinned keys are to be trusted.
    #[error("the public key of client {client} is not pinned")]
    PublicKeyNotPinned {
        /// Whose key it is said to be.
        client: ClientId,
    },
    /// A record carries a signature that is not its writer's.
    #[error("the signature of record {record} is not that of its writer")]
    SignatureFalse {
        /// The record.
        record: RecordId,
    },
    /// Less is shown of something sealed than this client has seen before, or something else in the same place. A
    /// server that was restored from a backup looks the same as one that lies.
    #[error("{what}: {source}")]
    SealedBackwards {
        /// What it is about.
        what: String,
        /// How.
        source: Box<Backwards>,
    },
    /// The keys of a client are others than those that were seen or named before, and nothing explains it.
    #[error(
        "the keys of client {client} are not the ones that were seen or named before: {expected} was, {shown} is shown"
    )]
    SealedKeysChanged {
        /// Whose keys.
        client: ClientId,
        /// The fingerprint that was seen or named.
        expected: Digest,
        /// The one that is shown.
        shown: Box<Digest>,
    },
    /// This client has keys at the server that it did not make.
    #[error("the server has keys for this client that it did not make: its own are {own}, {shown} is shown")]
    NotMyBundle {
        /// The fingerprint of the keys that these credentials give.
        own: Digest,
        /// The one that is shown.
        shown: Digest,
    },
    /// The chain of a client's keys does not hold.
    #[error("the chain of keys of client {client} does not hold")]
    SealedChainBroken {
        /// Whose.
        client: ClientId,
    },
    /// An entry of a type's log does not hold.
    #[error("the log of type {record_type:?} does not hold at position {position}: {reason}")]
    SealedLogBroken {
        /// The type.
        record_type: String,
        /// The entry.
        position: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Grants in the log of a type are kept from this client, which has to see all of them: somebody may read of whom it
    /// is not told.
    #[error("the server does not show all grants of type {record_type:?}")]
    SealedGrantsWithheld {
        /// The type.
        record_type: String,
    },
    /// The newest entries are signed by keys that were replaced, since they may be in other hands.
    #[error(
        "the log of type {record_type:?} goes on with keys of {author} that were replaced, and nobody else has confirmed it yet"
    )]
    SealedLogUnsettled {
        /// The type.
        record_type: String,
        /// Whose keys.
        author: ClientId,
    },
    /// The keys of a type are not where its log says that they are.
    #[error("the keys of type {record_type:?} are missing or do not open")]
    SealedKeysUnreadable {
        /// The type.
        record_type: String,
    },
    /// A sealed record does not hold: its signature, a digest, or the right of its author.
    #[error("sealed record {record} does not hold: {reason}")]
    SealedRecordFalse {
        /// The record.
        record: RecordId,
        /// What is wrong with it.
        reason: String,
    },
    /// Records that a census has are not listed, or only as they were before.
    #[error(
        "{missing} records of type {record_type:?} that were counted are hidden or older; one is {first}"
    )]
    SealedRecordsMissing {
        /// The type.
        record_type: String,
        /// How many.
        missing: u64,
        /// One of them.
        first: RecordId,
    },
    /// What this client remembers of sealed types was not written with its credentials, or was altered.
    #[error("the remembered state of sealed types was altered, or is of another client")]
    SealedStateFalse,
    /// The sealed credentials in the account's profile do not open with this password, or are not those of the
    /// account.
    #[error("the sealed credentials of the account do not open or do not belong to it")]
    SealedCredentials,
    /// The server answered with something else than was asked for, such as another record.
    #[error("the server answered with another {0} than was asked for")]
    WrongAnswer(&'static str),
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The program or person that called.
    Caller,
    /// The credentials that were given.
    Credentials,
    /// What lies between here and the server.
    Network,
    /// The server, which failed.
    Server,
    /// Nobody: the server does what its rules say.
    ServerRules,
    /// The server or who stands between, and perhaps on purpose.
    Untrusted,
}

impl Error {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Caller(_) => Fault::Caller,
            Self::Credentials(_) => Fault::Credentials,
            Self::Network(_) | Self::Unanswered(_) => Fault::Network,
            Self::Server { .. } => Fault::Server,
            Self::Conflict | Self::NotFound(_) | Self::Refused { .. } => Fault::ServerRules,
            Self::Untrusted(_) => Fault::Untrusted,
        }
    }

    /// What names the request in the server's log, for whoever runs it; none if no answer of the server is behind this.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } | Self::Server { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the same call may simply be made again later: it was not done, and time may cure the reason.
    ///
    /// The SDK has tried again by itself where that is safe, so wait before the next try. [`Error::Unanswered`] is
    /// not among them: repeating a write that was done after all makes a second record.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Refused { status, .. } => *status == 429,
            Self::Server { status, .. } => matches!(*status, 502..=504),
            _ => false,
        }
    }

    /// What to do now, in a sentence for a person.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Caller(_) => "Correct the call.",
            Self::Conflict => "Read the record again, apply the change to that, and update it again.",
            Self::Credentials(_) => {
                "Check that the credentials belong to this server and that the client was not disabled or deleted."
            }
            Self::Network(_) => "Check the address of the server and the network, then try again.",
            Self::NotFound(_) => {
                "Check the id. If it is another client's record, ask its writer to share the type."
            }
            Self::Refused { status: 429, .. } => "Wait a while, then try again.",
            Self::Refused { status: 413, .. } => "Make the record smaller, or split it.",
            Self::Refused { status: 403, .. } => {
                "Ask the writer of the records, or the account's owner, for the right to do this."
            }
            Self::Refused { .. } => "Correct the call by what the server says.",
            Self::Server { .. } => {
                "Try again later. If it stays, look into the server's log: it names the request by the same id."
            }
            Self::Unanswered(_) => "Look whether it was done before doing it again.",
            Self::Untrusted(_) => {
                "Do not go on with this server until it is clear why it answers so: it may be lying, or restored from an old copy."
            }
        }
    }
}

fn named(request_id: Option<&str>) -> String {
    request_id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_done_may_be_repeated_blindly() {
        assert!(Error::Network(String::new()).is_retryable());
        assert!(Error::Refused { status: 429, message: String::new(), request_id: None }.is_retryable());
        assert!(Error::Server { status: 503, message: String::new(), request_id: None }.is_retryable());
        for error in [
            Error::Unanswered(String::new()),
            Error::Conflict,
            Error::Refused { status: 403, message: String::new(), request_id: None },
            Error::Server { status: 500, message: String::new(), request_id: None },
            Error::Untrusted(UntrustedData::SealedCredentials),
        ] {
            assert!(!error.is_retryable(), "{error}");
        }
    }
}

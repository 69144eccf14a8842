//! How much accounts and clients keep, counted as it changes: in the transaction of the write, so that it is neither
//! more nor less than what is there.
//!
//! A record counts for its writer and the account of that, whoever changed it last. The bytes of a record are those of
//! its sealed fields, plain metadata and signature as they are stored, and the sealed bytes of its file.

use tozstore_crypto::{AccountId, ClientId, RecordId};

use super::{RecordRow, StoreError, StoredFile};

/// Records and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many records.
    pub records: u64,
    /// Their bytes, and those of their files.
    pub bytes: u64,
    /// How many of them have a file.
    pub files: u64,
}

impl Usage {
    /// What a record takes.
    pub fn of(row: &RecordRow) -> Self {
        let head = &row.head;
        let signature_bytes = head.signature.as_ref().map_or(0, String::len);
        let text_bytes = row.data.len() + head.plain.to_json().len() + signature_bytes;
        Self::of_one(text_bytes as u64, head.file.as_ref())
    }

    /// What a record takes whose texts have so many bytes.
    pub(super) fn of_one(text_bytes: u64, file: Option<&StoredFile>) -> Self {
        let file_bytes = file.map_or(0, |file| file.content.len_bytes);
        Self { records: 1, bytes: text_bytes.saturating_add(file_bytes), files: file.is_some().into() }
    }

    /// What comes to it when `from` becomes `to`, each part by itself and none below nothing.
    pub(super) const fn changed(self, from: Self, to: Self) -> Self {
        const fn part(all: u64, from: u64, to: u64) -> u64 {
            all.saturating_add(to).saturating_sub(from)
        }
        Self {
            records: part(self.records, from.records, to.records),
            bytes: part(self.bytes, from.bytes, to.bytes),
            files: part(self.files, from.files, to.files),
        }
    }
}

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageOwner {
    /// All clients of an account together, deleted ones included until their records are erased.
    Account(AccountId),
    /// One client.
    Client(ClientId),
}

impl UsageOwner {
    /// As engines store it: a number for the kind, and the id.
    pub(super) const fn key(&self) -> (i64, &[u8; 16]) {
        match self {
            Self::Account(id) => (1, id.as_bytes()),
            Self::Client(id) => (2, id.as_bytes()),
        }
    }
}

/// Limits that the operator set for one owner. What is none is as it is for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageLimits {
    /// Records.
    pub records: Option<u64>,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Files.
    pub files: Option<u64>,
}

/// What somebody keeps, and may keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// What is there.
    pub usage: Usage,
    /// Limits of its own.
    pub limits: UsageLimits,
}

/// Reading what is kept.
pub trait UsageReads {
    /// What an owner keeps. Nothing, without limits, if it is not known.
    fn usage(&self, owner: UsageOwner) -> Result<UsageRow, StoreError>;

    /// What the record with this id takes.
    fn record_usage(&self, id: RecordId) -> Result<Option<Usage>, StoreError>;
}

/// Writing limits. What is kept is counted by the writes themselves.
pub trait UsageWrites {
    /// Sets the limits of an owner. They go when the account or the client is deleted.
    fn put_usage_limits(&mut self, owner: UsageOwner, limits: UsageLimits) -> Result<(), StoreError>;

    /// Counts all over again, in one transaction that walks through all records. Needed only after a program that does
    /// not count has written.
    fn recount_usage(&mut self) -> Result<(), StoreError>;
}

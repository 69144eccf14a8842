//! Record types in use: (writer, user, type), and the format of what is written under each.

use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId};

use super::StoreError;

/// What one access key is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordTypeSlot {
    /// Who writes.
    pub writer: ClientId,
    /// Whom the data is about; the writer, in practice.
    pub user: ClientId,
    /// The record type.
    pub record_type: RecordType,
}

/// A record type in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTypeRow {
    /// What it is for.
    pub slot: RecordTypeSlot,
    /// Account of the writer.
    pub account_id: AccountId,
    /// Format of keys and records, such as `interop`.
    pub format: String,
    /// Suite of primitives, such as `sodium-1`.
    pub suite: String,
    /// When it was first used.
    pub created: Timestamp,
}

/// Reading record types.
pub trait RecordTypeReads {
    /// The record type, if it is in use.
    fn record_type(&self, slot: &RecordTypeSlot) -> Result<Option<RecordTypeRow>, StoreError>;

    /// Whether a record type of this writer and name is in use, whoever the records are about.
    fn is_type_in_use(&self, writer: ClientId, name: &RecordType) -> Result<bool, StoreError>;
}

/// Writing record types.
pub trait RecordTypeWrites {
    /// Adds a record type if it is not in use, and returns the row that is there now: the given one or the older one.
    fn ensure_record_type(&mut self, row: &RecordTypeRow) -> Result<RecordTypeRow, StoreError>;
}

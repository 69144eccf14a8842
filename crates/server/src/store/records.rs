//! Records: sealed fields under plain metadata.

use std::collections::{BTreeMap, BTreeSet};

use tozstore_api::{Plain, PlainExpression, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, RecordId, Version};

use super::{RecordTypeSlot, StoreError, StoredFile};

/// Place of a record in the order of the store: above zero, at most 2^53 - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordIndex(pub u64);

impl RecordIndex {
    /// The greatest index: what clients in JavaScript can hold.
    pub const MAX: Self = Self((1 << 53) - 1);
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRow {
    /// All but the data.
    pub head: RecordHead,
    /// The sealed fields: a JSON object of strings, as it was sent. The server does not read it.
    pub data: String,
}

/// A record without its data.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordHead {
    /// Its index; kept by updates.
    pub index: RecordIndex,
    /// Its id.
    pub id: RecordId,
    /// Its version; new at every update.
    pub version: Version,
    /// Writer, user and type.
    pub type_slot: RecordTypeSlot,
    /// Account of the writer.
    pub account_id: AccountId,
    /// Plain metadata.
    pub plain: Plain,
    /// The writer's signature, as it was sent.
    pub signature: Option<String>,
    /// Format and suite, as in [`RecordTypeRow`](super::RecordTypeRow).
    pub format: String,
    /// Suite of primitives.
    pub suite: String,
    /// Its file, if it has one.
    pub file: Option<StoredFile>,
    /// When it was written.
    pub created: Timestamp,
    /// When it was changed last; [`created`](Self::created) if never.
    pub last_modified: Timestamp,
}

/// A record's head, and how much data it has.
#[derive(Clone, Debug, PartialEq)]
pub struct SizedHead {
    /// All but the data.
    pub head: RecordHead,
    /// Bytes of its data.
    pub data_bytes: usize,
}

/// Records that a query may see: those of one writer, all or of one type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Who wrote them.
    pub writer: ClientId,
    /// Only about this user and of this type; all that the writer wrote if none.
    pub only: Option<(ClientId, RecordType)>,
}

/// Conditions on records. All must hold; an empty set is no condition.
#[derive(Clone, Debug, Default)]
pub struct RecordQuery {
    /// Which records may be seen. None at all if empty.
    pub scopes: BTreeSet<Scope>,
    /// About one of these users.
    pub users: BTreeSet<ClientId>,
    /// One of these records.
    pub records: BTreeSet<RecordId>,
    /// Of one of these types.
    pub types: BTreeSet<RecordType>,
    /// With such plain metadata.
    pub plain: Option<PlainExpression>,
    /// Behind this index.
    pub after: RecordIndex,
    /// At most so many.
    pub limit: usize,
    /// Whether to read the data too; otherwise it is empty text.
    pub with_data: bool,
    /// At most so many bytes of data and plain metadata in one page, but at least one record. The page ends early then.
    pub max_data_bytes: usize,
    /// At most so many records are looked at; [`StoreError::TooMuchWork`] past that, or with more scopes or ids.
    pub max_examined: usize,
}

/// Reading records.
pub trait RecordReads {
    /// The record with this id.
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError>;

    /// The record with this id, without its data.
    fn record_head(&self, id: RecordId) -> Result<Option<RecordHead>, StoreError>;

    /// The records with these ids, without their data, in any order. What is not there is left out. For a few hundred ids
    /// at most: one call costs little more than one of [`record_head`](Self::record_head).
    fn record_heads(&self, ids: &[RecordId]) -> Result<Vec<SizedHead>, StoreError>;

    /// The data of these records, by their indexes. The caller has looked at how much that is.
    fn record_data(&self, heads: &[&RecordHead]) -> Result<BTreeMap<RecordIndex, String>, StoreError>;

    /// Records that satisfy a query, by ascending index.
    fn query_records(&self, query: &RecordQuery) -> Result<Vec<RecordRow>, StoreError>;
}

/// Writing records.
pub trait RecordWrites {
    /// Adds a record. [`StoreError::AlreadyExists`] if its id or index is taken. The bytes of its file must have been
    /// claimed.
    fn insert_record(&mut self, row: &RecordRow) -> Result<(), StoreError>;

    /// Adds records, for less than one by one where the database is far. If one is refused, the job must give up: others
    /// may have been added.
    fn insert_records(&mut self, rows: &[RecordRow]) -> Result<(), StoreError> {
        rows.iter().try_for_each(|row| self.insert_record(row))
    }

    /// Replaces the record with this id, which keeps its index, and lets go of the bytes of its file if it has others
    /// or none now. [`StoreError::Missing`] if there is none.
    fn update_record(&mut self, row: &RecordRow) -> Result<(), StoreError>;

    /// Removes a record, and lets go of the bytes of its file. Returns whether it was there.
    fn delete_record(&mut self, id: RecordId) -> Result<bool, StoreError>;
}

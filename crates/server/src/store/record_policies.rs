//! Access policies for single records: who may read one record without reading its type.

use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId, RecordId};

use super::{GrantSlot, StoreError};

/// The right of one client to read one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordGrantRow {
    /// The record.
    pub record: RecordId,
    /// Its type, and who holds the right.
    pub slot: GrantSlot,
    /// Account of the writer.
    pub account_id: AccountId,
    /// The client that granted it first: the writer or an authorizer.
    pub granted_by: ClientId,
    /// When.
    pub created: Timestamp,
}

/// Reading policies for single records.
pub trait RecordPolicyReads {
    /// Whether a client may read this record by a grant for the record alone.
    fn reads_record(&self, record: RecordId, client: ClientId) -> Result<bool, StoreError>;

    /// How many clients hold a grant for this record, counted up to `limit`.
    fn count_record_readers(&self, record: RecordId, limit: usize) -> Result<usize, StoreError>;

    /// How many grants for single records this client holds, from one writer or from all, counted up to `limit`.
    fn count_record_grants(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError>;
}

/// Writing policies for single records. A record's grants go with the record.
pub trait RecordPolicyWrites {
    /// Puts a grant. One that is there stays as it is.
    fn put_record_grant(&mut self, row: &RecordGrantRow) -> Result<(), StoreError>;

    /// Removes a grant; returns whether it was there.
    fn delete_record_grant(&mut self, record: RecordId, client: ClientId) -> Result<bool, StoreError>;

    /// Removes all grants of a client for single records of one type; returns how many there were.
    fn delete_record_grants_of_type(&mut self, slot: &GrantSlot) -> Result<usize, StoreError>;
}

//! A transaction: tables of its own that share what they have in common with the committed ones.

use tozstore_api::Timestamp;

use super::access_keys::AccessKeyTable;
use super::accounts::AccountTable;
use super::audit::AuditTable;
use super::changes::ChangeTable;
use super::clients::ClientTable;
use super::erasures::ErasureTable;
use super::files::FileTable;
use super::groups::GroupTable;
use super::hooks::HookTable;
use super::notes::NoteTable;
use super::policies::GrantTable;
use super::record_policies::RecordGrantTable;
use super::record_terms::RecordTermTable;
use super::record_types::RecordTypeTable;
use super::records::RecordTable;
use super::registration_tokens::RegistrationTokenTable;
use super::sealed_rows::SealedRowTable;
use super::usages::UsageTable;
use crate::clock::Clock;
use crate::store::counters::Counters;
use crate::store::{ReadTx, RecordIndex, StoreError, WriteTx};

/// All rows. A copy costs a few counters.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) access_keys: AccessKeyTable,
    pub(super) accounts: AccountTable,
    pub(super) audit: AuditTable,
    pub(super) changes: ChangeTable,
    pub(super) clients: ClientTable,
    pub(super) erasures: ErasureTable,
    pub(super) files: FileTable,
    pub(super) grants: GrantTable,
    pub(super) groups: GroupTable,
    pub(super) hooks: HookTable,
    pub(super) notes: NoteTable,
    pub(super) record_grants: RecordGrantTable,
    pub(super) record_terms: RecordTermTable,
    pub(super) record_types: RecordTypeTable,
    pub(super) records: RecordTable,
    pub(super) registration_tokens: RegistrationTokenTable,
    pub(super) sealed_rows: SealedRowTable,
    pub(super) usages: UsageTable,
}

/// A transaction under way; `R` is what it may do besides reading.
pub(super) struct Tx<R> {
    pub(super) tables: Tables,
    role: R,
}

/// May read only.
pub(super) struct Reading;

/// May write too.
pub(super) struct Writing<'a> {
    counters: &'a mut Counters,
    clock: &'a dyn Clock,
}

impl Tx<Reading> {
    pub(super) fn reading(tables: Tables) -> Self {
        Self { tables, role: Reading }
    }
}

impl<'a> Tx<Writing<'a>> {
    pub(super) fn writing(tables: Tables, counters: &'a mut Counters, clock: &'a dyn Clock) -> Self {
        Self { tables, role: Writing { counters, clock } }
    }

    pub(super) fn into_tables(self) -> Tables {
        self.tables
    }

    /// Place of a new row in the order of its table.
    pub(super) fn next_position(&mut self) -> u64 {
        self.role.counters.next_position()
    }
}

impl<R> ReadTx for Tx<R> {}

impl WriteTx for Tx<Writing<'_>> {
    fn stamp(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.role.counters.next_stamp(self.role.clock.now()))
    }

    fn next_record_index(&mut self) -> Result<RecordIndex, StoreError> {
        self.role.counters.next_record_index()
    }

    fn as_read(&self) -> &dyn ReadTx {
        self
    }
}

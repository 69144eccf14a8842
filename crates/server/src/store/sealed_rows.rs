//! Rows of the sealed format: tables of one shape, whose keys are ordered and whose values are encodings.
//!
//! A key begins with what a row belongs to, and ends with what orders it: all that a noun asks for is one row, or a run
//! of rows. What stands in keys and values, the files of the nouns say (`sealed_bundles.rs`, `sealed_logs.rs`, …).

use tozstore_crypto::{AccountId, ClientId};

use super::StoreError;

/// A table of sealed rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealedTable {
    /// What a client's bundles come to, and whether it is gone, by client.
    BundleHeads,
    /// Bundles of keys, by client.
    Bundles,
    /// Entries of logs, by writer.
    Entries,
    /// Epochs of logs, by writer.
    Epochs,
    /// Clients whose keys were lost or that are gone, until all that they could read is marked.
    Exposures,
    /// Sealed fields and plain metadata of records, by writer.
    Fields,
    /// Who holds what grant of a type, by writer.
    Grants,
    /// Links from newer access keys to older ones, by writer.
    Links,
    /// Heads of logs, by writer.
    Logs,
    /// What follows from all entries of a log, by writer; and the leaves of its census.
    LogStates,
    /// Clients that logs of others name, whose bundles stay.
    Named,
    /// Records in the order in which they were written, by writer.
    RecordOrder,
    /// Newest versions of records, by writer.
    Records,
    /// Types that a client may read, by client.
    Shares,
    /// Pages of wraps of entries that are to be, by author.
    StageWraps,
    /// Entries that are to be, by author.
    Stages,
    /// Wraps of access keys, by writer.
    Wraps,
}

impl SealedTable {
    /// All tables.
    pub const ALL: [Self; 17] = [
        Self::BundleHeads,
        Self::Bundles,
        Self::Entries,
        Self::Epochs,
        Self::Exposures,
        Self::Fields,
        Self::Grants,
        Self::Links,
        Self::LogStates,
        Self::Logs,
        Self::Named,
        Self::RecordOrder,
        Self::Records,
        Self::Shares,
        Self::StageWraps,
        Self::Stages,
        Self::Wraps,
    ];
}

/// Statements of one text on each of the tables: `$before` table `$after`.
macro_rules! of_sealed_table {
    ($table:expr, $before:literal, $after:literal) => {
        match $table {
            $crate::store::SealedTable::BundleHeads => concat!($before, "sealed_bundle_heads", $after),
            $crate::store::SealedTable::Bundles => concat!($before, "sealed_bundles", $after),
            $crate::store::SealedTable::Entries => concat!($before, "sealed_entries", $after),
            $crate::store::SealedTable::Epochs => concat!($before, "sealed_epochs", $after),
            $crate::store::SealedTable::Exposures => concat!($before, "sealed_exposures", $after),
            $crate::store::SealedTable::Fields => concat!($before, "sealed_fields", $after),
            $crate::store::SealedTable::Grants => concat!($before, "sealed_grants", $after),
            $crate::store::SealedTable::Links => concat!($before, "sealed_links", $after),
            $crate::store::SealedTable::LogStates => concat!($before, "sealed_log_states", $after),
            $crate::store::SealedTable::Logs => concat!($before, "sealed_logs", $after),
            $crate::store::SealedTable::Named => concat!($before, "sealed_named", $after),
            $crate::store::SealedTable::RecordOrder => concat!($before, "sealed_record_order", $after),
            $crate::store::SealedTable::Records => concat!($before, "sealed_records", $after),
            $crate::store::SealedTable::Shares => concat!($before, "sealed_shares", $after),
            $crate::store::SealedTable::StageWraps => concat!($before, "sealed_stage_wraps", $after),
            $crate::store::SealedTable::Stages => concat!($before, "sealed_stages", $after),
            $crate::store::SealedTable::Wraps => concat!($before, "sealed_wraps", $after),
        }
    };
}
pub(super) use of_sealed_table;

/// A row without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealedKey {
    /// Whom it belongs to.
    pub owner: ClientId,
    /// Its place among the rows of the owner.
    pub key: Vec<u8>,
}

impl SealedKey {
    /// A row of this owner.
    pub fn new(owner: ClientId, key: impl Into<Vec<u8>>) -> Self {
        Self { owner, key: key.into() }
    }
}

/// A run of the rows of one owner: keys from `from` on, and below `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRun {
    /// Whose rows.
    pub owner: ClientId,
    /// The first key that may be among them.
    pub from: Vec<u8>,
    /// The first key behind them; none if they go on to the last.
    pub to: Option<Vec<u8>>,
}

impl SealedRun {
    /// The rows whose keys begin with `prefix`.
    pub fn of_prefix(owner: ClientId, prefix: &[u8]) -> Self {
        Self { owner, from: prefix.to_vec(), to: behind(prefix) }
    }

    /// Of these, the rows behind this key, which is one of theirs or could be.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        // The least key that is greater.
        self.from = [key, &[0]].concat();
        self
    }

    /// Of these, the rows before this key.
    #[must_use]
    pub fn before(mut self, key: &[u8]) -> Self {
        self.to = Some(key.to_vec());
        self
    }
}

/// The least key that is greater than all that begin with `prefix`.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return Some(key);
        }
    }
    None
}

/// A key and its value.
pub type SealedRow = (Vec<u8>, Vec<u8>);

/// Reading sealed rows.
pub trait SealedReads {
    /// The value of one row.
    fn sealed_row(&self, table: SealedTable, key: &SealedKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` rows of a run, by ascending keys, or by falling ones from its end on.
    fn sealed_rows(
        &self,
        table: SealedTable,
        run: &SealedRun,
        falling: bool,
        limit: usize,
    ) -> Result<Vec<SealedRow>, StoreError>;
}

/// Writing sealed rows.
pub trait SealedWrites {
    /// Puts a row, in the place of the one that is there.
    fn put_sealed_row(
        &mut self,
        table: SealedTable,
        key: &SealedKey,
        account: AccountId,
        value: &[u8],
    ) -> Result<(), StoreError>;

    /// Removes a row. Returns whether it was there.
    fn delete_sealed_row(&mut self, table: SealedTable, key: &SealedKey) -> Result<bool, StoreError>;

    /// Removes at most `limit` rows of a run. Returns how many.
    fn delete_sealed_rows(
        &mut self,
        table: SealedTable,
        run: &SealedRun,
        limit: usize,
    ) -> Result<usize, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_their_prefix_ends() {
        for (prefix, end) in
            [(&b"a\x00"[..], Some(&b"a\x01"[..])), (b"a\xff", Some(b"b")), (b"\xff\xff", None), (b"", None)]
        {
            assert_eq!(behind(prefix).as_deref(), end);
        }
        let owner = ClientId::from_bytes([1; 16]);
        let run = SealedRun::of_prefix(owner, b"a").after(b"ab").before(b"ac");
        assert_eq!(run, SealedRun { owner, from: b"ab\0".to_vec(), to: Some(b"ac".to_vec()) });
    }
}

//! Usage in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::RecordId;

use super::tx::{Tx, Writing};
use crate::store::{
    AccountReads, ClientReads, RecordHead, RecordReads, StoreError, Usage, UsageLimits, UsageOwner,
    UsageReads, UsageRow, UsageWrites,
};

#[derive(Clone, Default)]
pub(super) struct UsageTable {
    rows: Map<UsageOwner, UsageRow>,
}

impl UsageTable {
    /// Counts a record, a new version of one, or that one is gone. A row that is gone stays gone unless a record is new.
    pub(super) fn change(&mut self, head: &RecordHead, from: Usage, to: Usage) {
        for owner in [UsageOwner::Account(head.account_id), UsageOwner::Client(head.type_slot.writer)] {
            let Some(mut row) =
                self.rows.get(&owner).copied().or_else(|| (from == Usage::default()).then(UsageRow::default))
            else {
                continue;
            };
            row.usage = row.usage.changed(from, to);
            self.rows.insert_mut(owner, row);
        }
    }

    pub(super) fn remove(&mut self, owner: UsageOwner) {
        self.rows.remove_mut(&owner);
    }
}

impl<R> UsageReads for Tx<R> {
    fn usage(&self, owner: UsageOwner) -> Result<UsageRow, StoreError> {
        Ok(self.tables.usages.rows.get(&owner).copied().unwrap_or_default())
    }

    fn record_usage(&self, id: RecordId) -> Result<Option<Usage>, StoreError> {
        Ok(self.record(id)?.map(|row| Usage::of(&row)))
    }
}

impl UsageWrites for Tx<Writing<'_>> {
    fn put_usage_limits(&mut self, owner: UsageOwner, limits: UsageLimits) -> Result<(), StoreError> {
        let row = UsageRow { limits, ..self.usage(owner)? };
        self.tables.usages.rows.insert_mut(owner, row);
        Ok(())
    }

    fn recount_usage(&mut self) -> Result<(), StoreError> {
        let rows = self.tables.usages.rows.iter();
        let limits: Vec<_> = rows.map(|(owner, row)| (*owner, row.limits)).collect();
        self.tables.usages = UsageTable::default();
        for (owner, limits) in limits {
            self.put_usage_limits(owner, limits)?;
        }
        for row in self.tables.records.rows.clone().values() {
            let (account, client) = (row.head.account_id, row.head.type_slot.writer);
            let owners = [
                self.account(account)?.map(|_| UsageOwner::Account(account)),
                self.client(client)?.map(|_| UsageOwner::Client(client)),
            ];
            for owner in owners.into_iter().flatten() {
                let before = self.usage(owner)?;
                let usage = before.usage.changed(Usage::default(), Usage::of(row));
                self.tables.usages.rows.insert_mut(owner, UsageRow { usage, ..before });
            }
        }
        Ok(())
    }
}

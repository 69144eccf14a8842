//! Hooks in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::tx::{Tx, Writing};
use crate::store::{HookDeliveryRow, HookReads, HookRow, HookWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct HookTable {
    rows: Map<u64, HookRow>,
    by_account: Map<(AccountId, u64), ()>,
    /// By their place.
    deliveries: Map<u64, HookDeliveryRow>,
    by_id: Map<[u8; 16], u64>,
    by_due: Map<(u64, Timestamp, u64), ()>,
    cursor: u64,
}

impl<R> HookReads for Tx<R> {
    fn hook(&self, id: u64) -> Result<Option<HookRow>, StoreError> {
        Ok(self.tables.hooks.rows.get(&id).cloned())
    }

    fn hooks_of(&self, account: AccountId, limit: usize) -> Result<Vec<HookRow>, StoreError> {
        let table = &self.tables.hooks;
        let places = table.by_account.range((account, 0)..=(account, u64::MAX)).take(limit);
        Ok(places.filter_map(|((_, id), ())| table.rows.get(id)).cloned().collect())
    }

    fn has_hooks(&self) -> Result<bool, StoreError> {
        Ok(!self.tables.hooks.rows.is_empty())
    }

    fn hook_cursor(&self) -> Result<u64, StoreError> {
        Ok(self.tables.hooks.cursor)
    }

    fn woken_hooks(&self, now: Timestamp, limit: usize) -> Result<Vec<u64>, StoreError> {
        let rows = self.tables.hooks.rows.values();
        let mut woken: Vec<_> =
            rows.filter_map(|row| Some((row.wakes.filter(|wakes| *wakes <= now)?, row.id))).collect();
        woken.sort_unstable();
        Ok(woken.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    fn next_delivery(&self, hook: u64) -> Result<Option<HookDeliveryRow>, StoreError> {
        let table = &self.tables.hooks;
        let first = table.of_hook(hook).next();
        Ok(first.and_then(|(_, _, place)| table.deliveries.get(&place)).cloned())
    }

    fn queued_deliveries(&self, hook: u64, limit: usize) -> Result<usize, StoreError> {
        Ok(self.tables.hooks.of_hook(hook).take(limit).count())
    }
}

impl HookWrites for Tx<Writing<'_>> {
    fn insert_hook(&mut self, row: &HookRow) -> Result<u64, StoreError> {
        let id = self.next_position();
        let table = &mut self.tables.hooks;
        table.rows.insert_mut(id, HookRow { id, ..row.clone() });
        table.by_account.insert_mut((row.account_id, id), ());
        Ok(id)
    }

    fn set_hook_state(&mut self, id: u64, failures: u32, wakes: Option<Timestamp>) -> Result<(), StoreError> {
        let rows = &mut self.tables.hooks.rows;
        if let Some(row) = rows.get(&id).cloned() {
            rows.insert_mut(id, HookRow { failures, wakes, ..row });
        }
        Ok(())
    }

    fn delete_hook(&mut self, id: u64) -> Result<bool, StoreError> {
        Ok(self.tables.hooks.remove(id))
    }

    fn set_hook_cursor(&mut self, sequence: u64) -> Result<(), StoreError> {
        self.tables.hooks.cursor = sequence;
        Ok(())
    }

    fn insert_delivery(&mut self, row: &HookDeliveryRow) -> Result<(), StoreError> {
        let place = self.next_position();
        let table = &mut self.tables.hooks;
        if table.by_id.contains_key(&row.id) {
            return Err(StoreError::AlreadyExists("the delivery"));
        }
        table.by_id.insert_mut(row.id, place);
        table.by_due.insert_mut((row.hook, row.due, place), ());
        table.deliveries.insert_mut(place, row.clone());
        if let Some(hook) = table.rows.get(&row.hook).filter(|hook| hook.wakes.is_none()).cloned() {
            table.rows.insert_mut(row.hook, HookRow { wakes: Some(row.due), ..hook });
        }
        Ok(())
    }

    fn retry_delivery(&mut self, id: &[u8; 16], attempts: u32, due: Timestamp) -> Result<(), StoreError> {
        let table = &mut self.tables.hooks;
        let Some(place) = table.by_id.get(id).copied() else { return Ok(()) };
        if let Some(row) = table.deliveries.get(&place).cloned() {
            table.by_due.remove_mut(&(row.hook, row.due, place));
            table.by_due.insert_mut((row.hook, due, place), ());
            table.deliveries.insert_mut(place, HookDeliveryRow { attempts, due, ..row });
        }
        Ok(())
    }

    fn delete_delivery(&mut self, id: &[u8; 16]) -> Result<bool, StoreError> {
        let table = &mut self.tables.hooks;
        let place = table.by_id.get(id).copied();
        Ok(place.is_some_and(|place| table.remove_delivery(place)))
    }

    fn delete_deliveries_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let table = &mut self.tables.hooks;
        let oldest = table.deliveries.iter().take(limit).filter(|(_, row)| row.created < before);
        let places: Vec<u64> = oldest.map(|(place, _)| *place).collect();
        Ok(places.into_iter().filter(|place| table.remove_delivery(*place)).count())
    }
}

impl HookTable {
    /// Removes the hooks of an account.
    pub(super) fn remove_all_of(&mut self, account: AccountId) {
        let places = self.by_account.range((account, 0)..=(account, u64::MAX));
        for id in places.map(|((_, id), ())| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    fn of_hook(&self, hook: u64) -> impl Iterator<Item = (u64, Timestamp, u64)> + '_ {
        let first = (hook, Timestamp::from_micros(i64::MIN), 0);
        let last = (hook, Timestamp::from_micros(i64::MAX), u64::MAX);
        self.by_due.range(first..=last).map(|(key, ())| *key)
    }

    fn remove(&mut self, id: u64) -> bool {
        let Some(row) = self.rows.get(&id).cloned() else { return false };
        for (_, _, place) in self.of_hook(id).collect::<Vec<_>>() {
            self.remove_delivery(place);
        }
        self.by_account.remove_mut(&(row.account_id, id));
        self.rows.remove_mut(&id)
    }

    fn remove_delivery(&mut self, place: u64) -> bool {
        let Some(row) = self.deliveries.get(&place).cloned() else { return false };
        self.by_id.remove_mut(&row.id);
        self.by_due.remove_mut(&(row.hook, row.due, place));
        self.deliveries.remove_mut(&place)
    }
}

//! Registration tokens in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::AccountId;

use super::tx::{Tx, Writing};
use crate::store::{RegistrationTokenReads, RegistrationTokenRow, RegistrationTokenWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct RegistrationTokenTable {
    rows: Map<[u8; 32], (u64, RegistrationTokenRow)>,
    by_account: Map<(AccountId, u64), [u8; 32]>,
}

impl RegistrationTokenTable {
    /// Removes the tokens of an account.
    pub(super) fn remove_all_of(&mut self, account: AccountId) {
        let places = self.by_account.range((account, 0)..=(account, u64::MAX));
        for (place, hash) in places.map(|(place, hash)| (*place, *hash)).collect::<Vec<_>>() {
            self.by_account.remove_mut(&place);
            self.rows.remove_mut(&hash);
        }
    }
}

impl<R> RegistrationTokenReads for Tx<R> {
    fn registration_token(&self, hash: &[u8; 32]) -> Result<Option<RegistrationTokenRow>, StoreError> {
        Ok(self.tables.registration_tokens.rows.get(hash).map(|(_, row)| row.clone()))
    }

    fn registration_tokens_of(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<RegistrationTokenRow>, StoreError> {
        let table = &self.tables.registration_tokens;
        let places = table.by_account.range((account, 0)..=(account, u64::MAX)).take(limit);
        Ok(places.filter_map(|(_, hash)| table.rows.get(hash)).map(|(_, row)| row.clone()).collect())
    }
}

impl RegistrationTokenWrites for Tx<Writing<'_>> {
    fn insert_registration_token(&mut self, row: &RegistrationTokenRow) -> Result<(), StoreError> {
        let position = self.next_position();
        let table = &mut self.tables.registration_tokens;
        if table.rows.contains_key(&row.hash) {
            return Err(StoreError::AlreadyExists("the registration token"));
        }
        table.rows.insert_mut(row.hash, (position, row.clone()));
        table.by_account.insert_mut((row.account_id, position), row.hash);
        Ok(())
    }

    fn count_registration_token_use(&mut self, hash: &[u8; 32]) -> Result<(), StoreError> {
        let rows = &mut self.tables.registration_tokens.rows;
        let Some((position, mut row)) = rows.get(hash).cloned() else {
            return Err(StoreError::Missing("the registration token"));
        };
        row.uses = row.uses.wrapping_add(1);
        rows.insert_mut(*hash, (position, row));
        Ok(())
    }

    fn delete_registration_token(&mut self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        let table = &mut self.tables.registration_tokens;
        let Some(place) = table.rows.get(hash).map(|(position, row)| (row.account_id, *position)) else {
            return Ok(false);
        };
        table.by_account.remove_mut(&place);
        Ok(table.rows.remove_mut(hash))
    }
}

//! Accounts and login challenges in memory.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::tx::{Tx, Writing};
use crate::store::{AccountReads, AccountRow, AccountWrites, ChallengeRow, StoreError, UsageOwner};

#[derive(Clone, Default)]
pub(super) struct AccountTable {
    rows: Map<AccountId, Arc<AccountRow>>,
    by_email: Map<String, AccountId>,
    challenges: Map<[u8; 32], ChallengeRow>,
}

impl<R> AccountReads for Tx<R> {
    fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        Ok(self.tables.accounts.rows.get(&id).map(|row| AccountRow::clone(row)))
    }

    fn account_by_email(&self, email_key: &str) -> Result<Option<AccountRow>, StoreError> {
        self.tables.accounts.by_email.get(email_key).map_or(Ok(None), |id| self.account(*id))
    }
}

impl AccountWrites for Tx<Writing<'_>> {
    fn insert_account(&mut self, row: &AccountRow) -> Result<(), StoreError> {
        let table = &mut self.tables.accounts;
        if table.rows.contains_key(&row.id) || table.by_email.contains_key(&row.email_key) {
            return Err(StoreError::AlreadyExists("the account"));
        }
        table.rows.insert_mut(row.id, Arc::new(row.clone()));
        table.by_email.insert_mut(row.email_key.clone(), row.id);
        Ok(())
    }

    fn update_account(&mut self, row: &AccountRow) -> Result<(), StoreError> {
        let table = &mut self.tables.accounts;
        let Some(older) = table.rows.get(&row.id).cloned() else {
            return Err(StoreError::Missing("the account"));
        };
        if table.by_email.get(&row.email_key).is_some_and(|owner| *owner != row.id) {
            return Err(StoreError::AlreadyExists("an account with this e-mail address"));
        }
        table.by_email.remove_mut(&older.email_key);
        table.by_email.insert_mut(row.email_key.clone(), row.id);
        table.rows.insert_mut(row.id, Arc::new(row.clone()));
        Ok(())
    }

    fn delete_account(&mut self, id: AccountId) -> Result<(), StoreError> {
        let table = &mut self.tables.accounts;
        if let Some(row) = table.rows.get(&id).cloned() {
            table.by_email.remove_mut(&row.email_key);
            table.rows.remove_mut(&id);
        }
        let challenges = table.challenges.iter().filter(|(_, row)| row.account_id == id);
        for hash in challenges.map(|(hash, _)| *hash).collect::<Vec<_>>() {
            table.challenges.remove_mut(&hash);
        }
        self.tables.registration_tokens.remove_all_of(id);
        self.tables.hooks.remove_all_of(id);
        self.tables.usages.remove(UsageOwner::Account(id));
        Ok(())
    }

    fn insert_challenge(&mut self, row: &ChallengeRow) -> Result<(), StoreError> {
        let challenges = &mut self.tables.accounts.challenges;
        if challenges.contains_key(&row.hash) {
            return Err(StoreError::AlreadyExists("the challenge"));
        }
        challenges.insert_mut(row.hash, row.clone());
        Ok(())
    }

    fn take_challenge(&mut self, hash: &[u8; 32]) -> Result<Option<ChallengeRow>, StoreError> {
        let challenges = &mut self.tables.accounts.challenges;
        let row = challenges.get(hash).cloned();
        challenges.remove_mut(hash);
        Ok(row)
    }

    fn delete_expired_challenges(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let challenges = &mut self.tables.accounts.challenges;
        let lapsed = challenges.iter().filter(|(_, row)| row.expires <= now).take(limit);
        let lapsed: Vec<_> = lapsed.map(|(hash, _)| *hash).collect();
        for hash in &lapsed {
            challenges.remove_mut(hash);
        }
        Ok(lapsed.len())
    }
}

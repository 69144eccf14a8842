//! Clients in memory.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::{AccountId, ClientId};

use super::tx::{Tx, Writing};
use crate::store::{AccountReads as _, ClientReads, ClientRow, ClientWrites, StoreError, UsageOwner};

#[derive(Clone, Default)]
pub(super) struct ClientTable {
    rows: Map<ClientId, (u64, Arc<ClientRow>)>,
    by_api_key: Map<String, ClientId>,
    by_account: Map<(AccountId, u64), ClientId>,
}

impl<R> ClientReads for Tx<R> {
    fn client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
        Ok(self.tables.clients.rows.get(&id).map(|(_, row)| ClientRow::clone(row)))
    }

    fn living_clients(&self, ids: &[ClientId]) -> Result<Vec<ClientRow>, StoreError> {
        let mut living = Vec::new();
        for id in ids {
            let Some(row) = self.client(*id)? else { continue };
            if self.account(row.account_id)?.is_some() {
                living.push(row);
            }
        }
        Ok(living)
    }

    fn client_by_api_key(&self, api_key_id: &str) -> Result<Option<ClientRow>, StoreError> {
        self.tables.clients.by_api_key.get(api_key_id).map_or(Ok(None), |id| self.client(*id))
    }

    fn clients_of(
        &self,
        account: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ClientRow)>, StoreError> {
        let table = &self.tables.clients;
        let range = (Bound::Excluded((account, after)), Bound::Included((account, u64::MAX)));
        let ids = table.by_account.range(range).take(limit).map(|(_, id)| id);
        Ok(ids.filter_map(|id| table.rows.get(id)).map(|(at, row)| (*at, ClientRow::clone(row))).collect())
    }
}

impl ClientWrites for Tx<Writing<'_>> {
    fn insert_client(&mut self, row: &ClientRow) -> Result<(), StoreError> {
        let position = self.next_position();
        let table = &mut self.tables.clients;
        if table.rows.contains_key(&row.id) || table.by_api_key.contains_key(&row.api_key_id) {
            return Err(StoreError::AlreadyExists("the client"));
        }
        table.insert(position, row);
        Ok(())
    }

    fn update_client(&mut self, row: &ClientRow) -> Result<(), StoreError> {
        let table = &mut self.tables.clients;
        let Some(position) = table.rows.get(&row.id).map(|(position, _)| *position) else {
            return Err(StoreError::Missing("the client"));
        };
        if table.by_api_key.get(&row.api_key_id).is_some_and(|owner| *owner != row.id) {
            return Err(StoreError::AlreadyExists("a client with this API key"));
        }
        table.remove(row.id);
        table.insert(position, row);
        Ok(())
    }

    fn delete_client(&mut self, id: ClientId) -> Result<bool, StoreError> {
        if !self.tables.clients.remove(id) {
            return Ok(false);
        }
        let position = self.next_position();
        self.tables.usages.remove(UsageOwner::Client(id));
        self.tables.erasures.queue(position, id);
        Ok(true)
    }
}

impl ClientTable {
    fn insert(&mut self, position: u64, row: &ClientRow) {
        self.rows.insert_mut(row.id, (position, Arc::new(row.clone())));
        self.by_api_key.insert_mut(row.api_key_id.clone(), row.id);
        self.by_account.insert_mut((row.account_id, position), row.id);
    }

    fn remove(&mut self, id: ClientId) -> bool {
        let Some((position, row)) = self.rows.get(&id).cloned() else { return false };
        self.rows.remove_mut(&id);
        self.by_api_key.remove_mut(&row.api_key_id);
        self.by_account.remove_mut(&(row.account_id, position));
        true
    }
}

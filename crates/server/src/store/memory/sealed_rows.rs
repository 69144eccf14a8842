//! Sealed rows in memory.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::{AccountId, ClientId};

use super::tx::{Tx, Writing};
use crate::store::{SealedKey, SealedReads, SealedRow, SealedRun, SealedTable, SealedWrites, StoreError};

type Entry<'a> = (&'a (SealedTable, SealedKey), &'a Arc<[u8]>);

#[derive(Clone, Default)]
pub(super) struct SealedRowTable {
    rows: Map<(SealedTable, SealedKey), Arc<[u8]>>,
}

impl<R> SealedReads for Tx<R> {
    fn sealed_row(&self, table: SealedTable, key: &SealedKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.sealed_rows.rows.get(&(table, key.clone())).map(|value| value.to_vec()))
    }

    fn sealed_rows(
        &self,
        table: SealedTable,
        run: &SealedRun,
        falling: bool,
        limit: usize,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let row = |((_, at), value): Entry<'_>| (at.key.clone(), value.to_vec());
        let rows = self.tables.sealed_rows.run(table, run);
        Ok(if falling {
            rows.rev().take(limit).map(row).collect()
        } else {
            rows.take(limit).map(row).collect()
        })
    }
}

impl SealedWrites for Tx<Writing<'_>> {
    fn put_sealed_row(
        &mut self,
        table: SealedTable,
        key: &SealedKey,
        _account: AccountId,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.tables.sealed_rows.rows.insert_mut((table, key.clone()), value.into());
        Ok(())
    }

    fn delete_sealed_row(&mut self, table: SealedTable, key: &SealedKey) -> Result<bool, StoreError> {
        Ok(self.tables.sealed_rows.rows.remove_mut(&(table, key.clone())))
    }

    fn delete_sealed_rows(
        &mut self,
        table: SealedTable,
        run: &SealedRun,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let sealed = &mut self.tables.sealed_rows;
        let places: Vec<_> = sealed.run(table, run).take(limit).map(|(at, _)| at.clone()).collect();
        Ok(places.iter().filter(|at| sealed.rows.remove_mut(*at)).count())
    }
}

impl SealedRowTable {
    fn run(&self, table: SealedTable, run: &SealedRun) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let from = (table, SealedKey::new(run.owner, run.from.clone()));
        // The least owner behind this one stands where its rows end.
        let end = match &run.to {
            Some(to) => Bound::Excluded((table, SealedKey::new(run.owner, to.clone().max(run.from.clone())))),
            None => match u128::from_be_bytes(*run.owner.as_bytes()).checked_add(1) {
                Some(next) => {
                    let next = ClientId::from_bytes(next.to_be_bytes());
                    Bound::Excluded((table, SealedKey::new(next, Vec::new())))
                }
                None => Bound::Unbounded,
            },
        };
        self.rows.range((Bound::Included(from), end)).filter(move |(at, _)| at.0 == table)
    }
}

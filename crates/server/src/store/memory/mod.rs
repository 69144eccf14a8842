//! Rows in memory, for demonstrations and tests: gone when the process ends.
//!
//! Tables are persistent maps. A reader holds the root that was current when it began; a writer changes a copy, which
//! shares all that it does not touch, and puts it in place as it commits.

mod access_keys;
mod accounts;
mod audit;
mod changes;
mod clients;
mod erasures;
mod files;
mod groups;
mod hooks;
mod notes;
mod policies;
mod record_policies;
mod record_terms;
mod record_types;
mod records;
mod registration_tokens;
mod sealed_rows;
mod tx;
mod usages;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tozstore_crypto::StoreId;
use uuid::Uuid;

use self::tx::{Tables, Tx};
use super::counters::Counters;
use super::{BoxFuture, ReadJob, Store, StoreError, Verdict, WriteJob, panicked};
use crate::clock::Clock;

/// A store in memory. Jobs run where their future is polled.
pub struct MemoryStore {
    id: StoreId,
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    /// Held by the one job that writes.
    writer: Mutex<Counters>,
    /// What was committed; none once the store is closed. Held only to copy or replace the root.
    committed: Mutex<Option<Tables>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            id: StoreId::from_bytes(*Uuid::new_v4().as_bytes()),
            shared: Arc::new(Shared {
                clock,
                writer: Mutex::new(Counters::default()),
                committed: Mutex::new(Some(Tables::default())),
            }),
        }
    }
}

impl Store for MemoryStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn run_read(&self, name: &'static str, mut job: ReadJob) -> BoxFuture<Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let tx = Tx::reading(shared.snapshot()?);
            catch_unwind(AssertUnwindSafe(|| job(&tx))).map_err(|payload| panicked(name, &*payload))
        })
    }

    fn run_write(&self, name: &'static str, job: WriteJob) -> BoxFuture<Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.write(name, job) })
    }

    fn close(&self) -> BoxFuture<()> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let _no_writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
            shared.committed.lock().unwrap_or_else(PoisonError::into_inner).take();
        })
    }
}

impl Shared {
    fn snapshot(&self) -> Result<Tables, StoreError> {
        let committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.clone().ok_or(StoreError::Closed)
    }

    fn write(&self, name: &'static str, mut job: WriteJob) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = Tx::writing(self.snapshot()?, &mut counters, &*self.clock);
        match catch_unwind(AssertUnwindSafe(|| job(&mut tx))) {
            Ok(Verdict::Commit) => {
                let tables = tx.into_tables();
                *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = Some(tables);
                Ok(())
            }
            Ok(Verdict::Abort) => Ok(()),
            Err(payload) => Err(panicked(name, &*payload)),
        }
    }
}

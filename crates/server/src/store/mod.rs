//! Where rows live: an interface, and the engines behind it.
//!
//! A request is one transaction: `read` or `write` of `dyn Store` takes a closure, runs it on a consistent view and
//! answers with what it returned. The closure may run more than once (an engine may have to try again), so it must have
//! no effect but through the transaction that it is given: ids, random bytes and the time are made before, and moved in.
//! A closure that returns an error leaves nothing behind.
//!
//! Every engine passes the same suite.

mod access_keys;
mod accounts;
pub mod audit;
mod changes;
mod clients;
pub mod conformance;
mod copies;
mod counters;
mod erasures;
#[cfg(test)]
mod expanding;
mod files;
mod groups;
mod holds;
mod hooks;
mod memory;
mod metered;
mod notes;
mod policies;
mod postgres;
pub mod raw;
mod record_pages;
mod record_policies;
mod record_terms;
mod record_types;
mod records;
mod registration_tokens;
mod sealed_bundles;
mod sealed_censuses;
mod sealed_erasures;
mod sealed_logs;
mod sealed_records;
mod sealed_rows;
mod sealed_stages;
mod sealed_wraps;
mod shared;
mod sqlite;
pub mod tables;
mod term_nodes;
mod term_pages;
mod term_search;
mod term_source;
mod usages;

use std::any::Any;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tozstore_api::Timestamp;
use tozstore_crypto::StoreId;

pub use access_keys::{AccessKeyReads, AccessKeyRow, AccessKeyWrites, KeySlot};
pub use accounts::{AccountReads, AccountRow, AccountSalts, AccountWrites, ChallengeRow};
pub use audit::{AuditEntry, AuditHead, AuditReads, AuditSubject, AuditWrites};
pub use changes::{Change, ChangeKind, ChangeReads, ChangeRow, ChangeWrites, NOBODY};
pub use clients::{ClientReads, ClientRow, ClientWrites};
pub use copies::DatabaseCopy;
pub use erasures::ErasureWrites;
pub use files::{FileContent, FileOwner, FileReads, FileWrites, PendingFileRow, RecordWithFile, StoredFile};
pub use groups::{GroupMemberRow, GroupReads, GroupRow, GroupShareRow, GroupWrites};
pub use holds::{Hold, HoldKind};
pub use hooks::{HookDeliveryRow, HookReads, HookRow, HookWrites};
pub use memory::MemoryStore;
pub use metered::MeteredStore;
pub use notes::{NoteHead, NoteMails, NoteReads, NoteRow, NoteTexts, NoteUses, NoteWrites};
pub use policies::{GrantKind, GrantRow, GrantSet, GrantSlot, PolicyReads, PolicyWrites};
pub use postgres::{PostgresOptions, PostgresStore, RawPostgres, Traffic};
pub use record_policies::{RecordGrantRow, RecordPolicyReads, RecordPolicyWrites};
pub use record_types::{RecordTypeReads, RecordTypeRow, RecordTypeSlot, RecordTypeWrites};
pub use records::{
    RecordHead, RecordIndex, RecordQuery, RecordReads, RecordRow, RecordWrites, Scope, SizedHead,
};
pub use registration_tokens::{RegistrationTokenReads, RegistrationTokenRow, RegistrationTokenWrites};
pub use sealed_bundles::{
    BundleHeadRow, BundleRow, ExposureKind, ExposureRow, bundle, bundle_head, bundle_named, bundles_after,
    delete_client, exposures, insert_bundle, is_exposed_by, mark_step, newest_bundle,
};
pub use sealed_censuses::{
    CensusPageRow, CensusRow, MAX_CENSUS_PAGES, census, census_page, commit_census, push_census_page,
    sweep_census,
};
pub use sealed_logs::{
    EpochPlace, LogRow, SealedGrantRow, delete_sealed_grant, epoch_named, epoch_numbered, epochs_falling,
    insert_epoch, insert_log_entry, is_sealed, links_below, log_entries, log_entry, log_row, log_state,
    logs_of, put_log, put_log_state, put_sealed_grant, sealed_grant, sealed_grants, shares_with,
};
pub use sealed_records::{
    SealedRecordPlace, SealedRecordRow, newest_record_index, put_sealed_record, record_view, sealed_record,
    sealed_records_after, sealed_records_by_id,
};
pub use sealed_rows::{SealedKey, SealedReads, SealedRow, SealedRun, SealedTable, SealedWrites};
pub use sealed_stages::{
    MAX_STAGE_PAGES, StageRow, commit_stage, delete_stage, insert_stage, insert_stage_page, stage,
    stage_body, stage_page, stage_wraps, stages_of, sweep_stage, touch_stage,
};
pub use sealed_wraps::{WrapRow, delete_wraps, newest_wrap, put_wrap, wraps_below};
pub use shared::{AttemptChange, AttemptCount, RequestNote, SharedMemory};
pub use sqlite::{RawSqlite, SqliteOptions, SqliteStore};
pub use term_search::{
    TermCondition, TermGroup, TermPage, TermSearch, TermSearchReads, TextPattern, TimeRange,
};
pub use usages::{Usage, UsageLimits, UsageOwner, UsageReads, UsageRow, UsageWrites};

/// The region of every row until rows are placed in several.
pub const LOCAL_REGION: &str = "local";

/// A future that an object-safe trait can return.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A unit of reading. May run again; the last run counts.
pub type ReadJob = Box<dyn FnMut(&dyn ReadTx) + Send + 'static>;

/// A unit of writing. May run again; the last run counts, and its verdict decides over what it wrote.
pub type WriteJob = Box<dyn FnMut(&mut dyn WriteTx) -> Verdict + Send + 'static>;

/// What becomes of the writes of a [`WriteJob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// None of them is kept.
    Abort,
    /// All of them are kept, and are durable when the job's future is done.
    Commit,
}

/// Rows, in one engine or another.
///
/// This is what an engine implements. Callers use `read` and
/// `write` of `dyn Store`.
pub trait Store: Send + Sync + 'static {
    /// The id of this store, made when it was first opened.
    fn id(&self) -> StoreId;

    /// Runs a job on a consistent view that holds all that was acknowledged before the call. Never waits for writers.
    /// `name` is for logs and figures.
    fn run_read(&self, name: &'static str, job: ReadJob) -> BoxFuture<Result<(), StoreError>>;

    /// Runs a job as one transaction, one at a time as far as any caller can see. When the future is done with `Ok`,
    /// what a [`Verdict::Commit`] wrote survives power loss. With `Err` nothing was written, save for
    /// [`StoreError::Unknown`].
    fn run_write(&self, name: &'static str, job: WriteJob) -> BoxFuture<Result<(), StoreError>>;

    /// The memory that processes which share this store have in common. None if it is that of one process.
    fn shared(&self) -> Option<Arc<dyn SharedMemory>> {
        None
    }

    /// Finishes the work that was accepted, refuses more, and lets go of the files. Idempotent.
    fn close(&self) -> BoxFuture<()>;
}

impl dyn Store {
    /// Runs `job` on a consistent view and returns what it returned.
    ///
    /// # Errors
    /// The job's own error, or one of the store.
    pub async fn read<T, E, F>(&self, name: &'static str, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&dyn ReadTx) -> Result<T, E> + Send + 'static,
    {
        let (slot, answer) = answer_slot();
        self.run_read(name, Box::new(move |tx| slot.put(job(tx)))).await?;
        answer.take()
    }

    /// Runs `job` as one transaction and returns what it returned; its writes are kept if that is `Ok`.
    ///
    /// # Errors
    /// The job's own error, or one of the store; nothing was written then (save for [`StoreError::Unknown`]).
    pub async fn write<T, E, F>(&self, name: &'static str, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&mut dyn WriteTx) -> Result<T, E> + Send + 'static,
    {
        let (slot, answer) = answer_slot();
        let run = move |tx: &mut dyn WriteTx| {
            let result = job(tx);
            let verdict = if result.is_ok() { Verdict::Commit } else { Verdict::Abort };
            slot.put(result);
            verdict
        };
        self.run_write(name, Box::new(run)).await?;
        answer.take()
    }
}

/// Where the last run of a job leaves its result.
struct AnswerSlot<R>(Arc<Mutex<Option<R>>>);

fn answer_slot<R>() -> (AnswerSlot<R>, AnswerSlot<R>) {
    let cell = Arc::new(Mutex::new(None));
    (AnswerSlot(Arc::clone(&cell)), AnswerSlot(cell))
}

impl<R> AnswerSlot<R> {
    fn put(&self, result: R) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }
}

impl<T, E: From<StoreError>> AnswerSlot<Result<T, E>> {
    fn take(&self) -> Result<T, E> {
        let result = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or_else(|| Err(E::from(StoreError::Internal("a job was never run".into()))))
    }
}

/// The error for a job that panicked.
fn panicked(name: &str, payload: &(dyn Any + Send)) -> StoreError {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    StoreError::Internal(format!("the job {name:?} panicked: {text}").into())
}

/// A consistent view of all rows.
pub trait ReadTx:
    AccessKeyReads
    + AccountReads
    + AuditReads
    + ChangeReads
    + ClientReads
    + FileReads
    + GroupReads
    + HookReads
    + NoteReads
    + PolicyReads
    + RecordPolicyReads
    + RecordReads
    + RecordTypeReads
    + RegistrationTokenReads
    + SealedReads
    + TermSearchReads
    + UsageReads
{
}

/// A transaction that may write. Reads in it see its own writes.
pub trait WriteTx:
    ReadTx
    + AccessKeyWrites
    + AccountWrites
    + AuditWrites
    + ChangeWrites
    + ClientWrites
    + ErasureWrites
    + FileWrites
    + GroupWrites
    + HookWrites
    + NoteWrites
    + PolicyWrites
    + RecordPolicyWrites
    + RecordTypeWrites
    + RecordWrites
    + RegistrationTokenWrites
    + SealedWrites
    + UsageWrites
{
    /// A moment later than every moment that this store has given out before, in any transaction and before any
    /// restart, and never one with a fraction of zero. Close to the clock's time where the clock runs forward.
    ///
    /// # Errors
    /// The store failed.
    fn stamp(&mut self) -> Result<Timestamp, StoreError>;

    /// A record index greater than every index that this store has given out before. Gaps are allowed. A reader that
    /// sees a record sees all records with lower indexes that will ever be.
    ///
    /// # Errors
    /// The store failed, or the indexes are used up (2^53 - 1).
    fn next_record_index(&mut self) -> Result<RecordIndex, StoreError>;

    /// This transaction as a view to read from.
    fn as_read(&self) -> &dyn ReadTx;
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A row with this key, or this unique value, is there already.
    #[error("{0} exists already")]
    AlreadyExists(&'static str),
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
    /// A row does not read back as it was written, or the schema is not ours.
    #[error("the store holds something that this version cannot read: {0}")]
    Corrupt(String),
    /// The engine failed.
    #[error("the store failed: {0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// The row that was to be changed is not there.
    #[error("{0} is not there")]
    Missing(&'static str),
    /// The store takes no writes for now, or is not to be served, and why.
    #[error("{0}")]
    ReadOnly(Cow<'static, str>),
    /// Another transaction was in the way; the engine runs the whole job again by itself.
    #[error("the transaction has to be tried again")]
    Retry,
    /// The request would look at more rows than one request may.
    #[error("the request would look at too many rows")]
    TooMuchWork,
    /// The engine cannot be reached at the moment, or something was in the way for too long. Nothing was written.
    #[error("the store cannot be reached: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// The engine could not say whether the transaction was kept.
    #[error("the store could not say whether the transaction was kept: {0}")]
    Unknown(Box<dyn std::error::Error + Send + Sync>),
}

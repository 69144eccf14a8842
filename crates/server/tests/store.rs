//! Runs the store's suite on every engine.
#![allow(clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::sync::{Arc, Mutex};

use database::Database;
use tempfile::TempDir;
use tozstore_server::clock::Clock;
use tozstore_server::store::{MemoryStore, SqliteOptions, SqliteStore, Store, conformance};

macro_rules! suite {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::conformance::$case(&super::memory_store).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs a PostgreSQL server, see docs/testing.md"]
            async fn $case() {
                let databases = super::Mutex::default();
                super::conformance::$case(&|clock| super::postgres_store(&databases, clock)).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let directories = super::Mutex::default();
                super::conformance::$case(&|clock| super::sqlite_store(&directories, clock)).await;
            })+
        }
    };
}

suite! {
    access_keys,
    accounts,
    audit_entries_are_chained,
    audit_names_end_with_their_subjects,
    challenges_are_answered_once,
    changes,
    clients,
    clients_are_listed_in_order,
    closing_finishes_accepted_work,
    erasure_leaves_others_alone,
    erasure_works_in_steps,
    failed_jobs_leave_nothing,
    grants,
    grants_are_listed_in_order,
    grants_for_records,
    group_members,
    group_shares,
    groups,
    groups_outlive_their_creators,
    hook_deliveries,
    hooks,
    many_records_are_searched,
    many_scopes_are_merged,
    notes,
    notes_of_a_record,
    notes_of_strangers,
    notes_own_their_files,
    pages_are_bounded,
    panics_fail_one_job,
    pending_files,
    record_types,
    records,
    records_appear_in_order_of_index,
    records_own_their_files,
    registration_tokens,
    sealed_rows,
    sealed_rows_are_erased,
    search_pages_are_bounded,
    search_work_is_bounded,
    shares_with_groups_are_searched,
    snapshots_are_consistent,
    stamps_and_indexes_only_grow,
    stamps_follow_the_clock,
    unclaimed_blobs,
    usage_is_what_is_there,
    usage_limits,
    terms_follow_their_record,
    work_is_bounded,
    writes_are_seen_at_once,
}

fn memory_store(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(clock))
}

fn sqlite_store(directories: &Mutex<Vec<TempDir>>, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), clock, SqliteOptions::default()).unwrap();
    directories.lock().unwrap().push(directory);
    Arc::new(store)
}

fn postgres_store(databases: &Mutex<Vec<Database>>, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let database = Database::new();
    let store = database.open(clock);
    databases.lock().unwrap().push(database);
    Arc::new(store)
}

//! The suite that every engine passes: what the interface promises, checked from outside.
//!
//! Each case opens stores of its own through [`Open`] and panics where a promise is broken. Cases run on a runtime with
//! several threads.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a suite reports by panicking")]

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
mod records;
mod samples;
mod sealed_rows;
mod term_search;
mod transactions;
mod usages;

use std::sync::Arc;

use super::{ReadTx, Store, StoreError, WriteTx};
use crate::clock::Clock;

pub use accounts::{accounts, challenges_are_answered_once, registration_tokens};
pub use audit::{audit_entries_are_chained, audit_names_end_with_their_subjects};
pub use changes::changes;
pub use clients::{clients, clients_are_listed_in_order};
pub use erasures::{erasure_leaves_others_alone, erasure_works_in_steps};
pub use files::{notes_own_their_files, pending_files, records_own_their_files, unclaimed_blobs};
pub use groups::{group_members, group_shares, groups, groups_outlive_their_creators};
pub use hooks::{hook_deliveries, hooks};
pub use notes::{notes, notes_of_a_record, notes_of_strangers};
pub use policies::{access_keys, grants, grants_are_listed_in_order, grants_for_records, record_types};
pub use records::{
    Model, many_scopes_are_merged, pages_are_bounded, query_agrees_with_model, records, work_is_bounded,
};
pub use samples::{client_id, record, record_type};
pub use sealed_rows::{sealed_rows, sealed_rows_are_erased};
pub use term_search::{
    many_records_are_searched, search_pages_are_bounded, search_work_is_bounded, searches_agree_with_model,
    shares_with_groups_are_searched, terms_follow_their_record,
};
pub use transactions::{
    closing_finishes_accepted_work, failed_jobs_leave_nothing, panics_fail_one_job,
    records_appear_in_order_of_index, snapshots_are_consistent, stamps_and_indexes_only_grow,
    stamps_follow_the_clock, writes_are_seen_at_once,
};
pub use usages::{usage_is_what_is_there, usage_limits};

/// Opens an empty store that reads this clock.
pub type Open<'a> = &'a (dyn Fn(Arc<dyn Clock>) -> Arc<dyn Store> + Sync);

async fn write<T: Send + 'static>(
    store: &Arc<dyn Store>,
    job: impl Fn(&mut dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    store.write("suite", job).await
}

async fn read<T: Send + 'static>(
    store: &Arc<dyn Store>,
    job: impl Fn(&dyn ReadTx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read("suite", job).await.expect("reads do not fail")
}

/// Asserts that a write was refused because something is there already, or not there.
macro_rules! assert_refused {
    ($result:expr, $kind:ident) => {
        match $result {
            Err($crate::store::StoreError::$kind(_)) => {}
            other => panic!("expected {}, got {other:?}", stringify!($kind)),
        }
    };
}
use assert_refused;

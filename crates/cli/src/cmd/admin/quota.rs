//! `admin quota`: what accounts keep, and may keep.

use std::sync::Arc;

use serde_json::json;
use tozstore_server::admin;
use tozstore_server::store::{Store, UsageRow};

use super::rows::{failed, open};
use crate::args::{QuotaCommand, QuotaSetArguments};
use crate::exit::Outcome;
use crate::output::Output;

/// Runs one of the commands.
pub(super) async fn run(command: &QuotaCommand, output: Output) -> Outcome {
    let store = open(match command {
        QuotaCommand::Show(arguments) => &arguments.store,
        QuotaCommand::Set(arguments) => &arguments.store,
        QuotaCommand::Recount(arguments) => arguments,
    })
    .await?;
    let outcome = quota(command, &store, output).await;
    store.close().await;
    outcome
}

async fn quota(command: &QuotaCommand, store: &Arc<dyn Store>, output: Output) -> Outcome {
    match command {
        QuotaCommand::Show(arguments) => {
            let row = admin::usage(store, &arguments.account).await.map_err(failed)?;
            show(row, output)
        }
        QuotaCommand::Set(QuotaSetArguments { account, records, bytes, files, .. }) => {
            let limits = admin::UsageLimits { records: *records, bytes: *bytes, files: *files };
            show(admin::set_limits(store, account, limits).await.map_err(failed)?, output)
        }
        QuotaCommand::Recount(_) => {
            admin::recount(store).await.map_err(failed)?;
            output.remark("counted");
            Ok(())
        }
    }
}

fn show(row: UsageRow, output: Output) -> Outcome {
    let UsageRow { usage, limits } = row;
    let document = json!({
        "records": usage.records, "bytes": usage.bytes, "files": usage.files,
        "most_records": limits.records, "most_bytes": limits.bytes, "most_files": limits.files,
    });
    let part = |used: u64, most: Option<u64>| match most {
        Some(most) => format!("{used} of {most}"),
        None => format!("{used}, with the quota of all accounts"),
    };
    output.pairs(
        &document,
        &[
            ("records", part(usage.records, limits.records)),
            ("bytes", part(usage.bytes, limits.bytes)),
            ("files", part(usage.files, limits.files)),
        ],
    )
}

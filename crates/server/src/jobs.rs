//! Work between requests, in steps that do not hold up writers: erasing what deleted clients left behind, forgetting
//! challenges and announced files that lapsed, removing notes that are gone, stages that were left and bytes that no file has, cutting the
//! list of changes and the queues of hooks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use tozstore_api::Timestamp;

use crate::App;
use crate::http::notes::delete_row;
use crate::http::sealed::censuses::oldest_census;
use crate::http::sealed::stages::oldest_stage;
use crate::store::{StoreError, WriteTx, mark_step, sweep_census, sweep_stage};

const SECONDS_PER_DAY: i64 = 86_400;
const SECONDS_PER_HOUR: i64 = 3600;

/// Works in rounds until `stop` changes or its sender is gone.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<()>) {
    let interval = Duration::from_secs(app.config.jobs.interval_s);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            result = round(&app) => {
                app.metrics.round_ends(result.is_ok());
                if let Err(error) = result {
                    tracing::error!(%error, "a round of background work failed; the next one tries again");
                }
            }
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// Does all there is to do. Dropping it between two steps leaves the rest to the next round.
///
/// # Errors
/// The store failed.
pub async fn round(app: &App) -> Result<(), StoreError> {
    let limit = app.config.jobs.rows_per_step;
    let now = app.now();
    let kept_s = i64::from(app.config.jobs.changes_kept_days) * SECONDS_PER_DAY;
    let oldest = now.plus_seconds(-kept_s);
    tell_audit_head(app).await?;
    repeat(app, "forget challenges", move |tx| Ok(tx.delete_expired_challenges(now, limit)? >= limit))
        .await?;
    repeat(app, "forget files", move |tx| Ok(tx.delete_expired_pending_files(now, limit)? >= limit)).await?;
    repeat(app, "sweep notes", move |tx| {
        let gone = tx.gone_notes(now, limit)?;
        for head in &gone {
            delete_row(tx, head, None)?;
        }
        Ok(gone.len() >= limit)
    })
    .await?;
    repeat(app, "cut changes", move |tx| Ok(tx.delete_changes_before(oldest, limit)? >= limit)).await?;
    let stale = now.plus_seconds(-i64::from(app.config.hooks.kept_hours) * SECONDS_PER_HOUR);
    repeat(app, "drop deliveries", move |tx| Ok(tx.delete_deliveries_before(stale, limit)? >= limit)).await?;
    if let Some(shared) = app.store.shared() {
        // Twice the time, since the clocks of processes may differ.
        let past_s = i64::try_from(2 * app.config.tokens.clock_window_s).unwrap_or(i64::MAX);
        let before_s = now.seconds().saturating_sub(past_s).max(0).unsigned_abs();
        while shared.forget_requests(before_s, limit).await? >= limit {
            tokio::task::yield_now().await;
        }
    }
    repeat(app, "mark sealed types", move |tx| mark_step(tx, limit)).await?;
    let lapsed = oldest_stage(now);
    repeat(app, "sweep stages", move |tx| sweep_stage(tx, lapsed)).await?;
    let lapsed = oldest_census(now);
    repeat(app, "sweep censuses", move |tx| sweep_census(tx, lapsed)).await?;
    // Last, since it can take long: whoever has many clients erased must not keep the rest from being done.
    repeat(app, "erase", move |tx| tx.erase_step(limit)).await?;
    remove_blobs(app, now, limit).await
}

/// Logs the head of the audit log when it has moved: whoever keeps logs elsewhere can tell later whether it was rewritten.
async fn tell_audit_head(app: &App) -> Result<(), StoreError> {
    if let Some(head) = app.store.read("audit head", |tx| tx.audit_head()).await?
        && app.metrics.audit_grew(head.position)
    {
        tracing::info!(%head, "the audit log has grown");
    }
    Ok(())
}

/// Removes bytes that neither a record nor a pending file has. Their keys stay on the list until they are gone.
async fn remove_blobs(app: &App, now: Timestamp, limit: usize) -> Result<(), StoreError> {
    loop {
        let due = app.store.read("find bytes", move |tx| tx.due_blobs(now, limit)).await?;
        let is_last = due.len() < limit;
        for key in &due {
            if let Err(error) = app.blobs.remove(*key).await {
                tracing::error!(%error, "bytes could not be removed; the next round tries again");
                return Ok(());
            }
        }
        app.metrics.files_removed(due.len() as u64);
        if !due.is_empty() {
            let forget =
                move |tx: &mut dyn WriteTx| due.iter().try_for_each(|key| tx.claim_blob(*key).map(drop));
            app.store.write::<_, StoreError, _>("forget bytes", forget).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Runs a step, a transaction each, until it says that there is no more.
async fn repeat<F>(app: &App, name: &'static str, step: F) -> Result<(), StoreError>
where
    F: Fn(&mut dyn WriteTx) -> Result<bool, StoreError> + Copy + Send + 'static,
{
    while app.store.write(name, step).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

//! Tells receivers outside what changed: the outbox is read, deliveries are queued in the store, and made one after the
//! other for each hook, at least once each.
//!
//! Where processes share a store, one at a time makes the deliveries of a hook.
//!
//! A receiver that does not answer holds up nobody but itself. A delivery that failed is tried again, later each time,
//! until it was tried often enough or is too old; one that fails alone does not keep back those behind it.

mod address;
mod courier;
mod event;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tozstore_api::{HookEvent, HookTrigger, Timestamp};
use tozstore_crypto::AccountId;
use uuid::Uuid;

pub use self::address::{HookUrlError, parse_url};
pub use self::courier::Courier;
use self::courier::Parcel;
use self::event::{body, event_of};
use crate::App;
use crate::store::{HookDeliveryRow, HookRow, ReadTx, StoreError, WriteTx};

/// Time between two looks at the outbox.
const INTERVAL: Duration = Duration::from_secs(1);
/// Changes that one transaction looks at.
const CHANGES_PER_STEP: usize = 500;
/// Hooks for which deliveries are made at the same time.
const HOOKS_AT_ONCE: usize = 64;
/// Deliveries that are made for a hook before others have their turn.
const DELIVERIES_PER_TURN: usize = 100;
/// Seconds until the second try of a delivery; doubled for each further one.
const FIRST_WAIT_S: u32 = 5;
/// Longest wait between two tries of one delivery.
const MAX_WAIT_S: u32 = 3600;
/// Seconds beyond the time of a delivery for which a process has a hook to itself. If it dies, others wait for that long.
const LEASE_MARGIN_S: i64 = 20;
/// Longest time for which nothing is sent to a hook because the last delivery failed.
const MAX_PAUSE_S: u32 = 300;

/// Works until `stop` changes or its sender is gone. Deliveries under way are cut off then, and made again later.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<()>) {
    let courier = match Courier::new(&app.config.hooks) {
        Ok(courier) => Arc::new(courier),
        Err(error) => {
            tracing::error!(%error, "nothing is delivered to hooks: TLS cannot be set up");
            return;
        }
    };
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut turns, mut busy) = (JoinSet::new(), BTreeSet::new());
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            Some(ended) = turns.join_next() => match ended {
                Ok(hook) => {
                    busy.remove(&hook);
                }
                // Which one it was is not told; the store still knows what is due.
                Err(error) => {
                    tracing::error!(%error, "deliveries to a hook broke off");
                    busy.clear();
                }
            },
            _ = ticks.tick() => match enqueue(&app).await {
                Ok(()) => {}
                Err(error) => tracing::error!(%error, "changes could not be queued for hooks; the next look tries again"),
            },
        }
        let woken = match woken(&app, HOOKS_AT_ONCE + busy.len()).await {
            Ok(woken) => woken,
            Err(error) => {
                tracing::error!(%error, "hooks could not be looked at");
                continue;
            }
        };
        for hook in woken {
            if busy.len() < HOOKS_AT_ONCE && busy.insert(hook) {
                let (app, courier) = (Arc::clone(&app), Arc::clone(&courier));
                turns.spawn(async move {
                    if let Err(error) = take_turn(&app, &courier, hook).await {
                        tracing::error!(%error, hook, "the store failed under deliveries to a hook");
                        // Not at once again.
                        tokio::time::sleep(INTERVAL).await;
                    }
                    hook
                });
            }
        }
    }
}

/// Queues what there is to queue, and gives each hook that has something to do one turn.
///
/// # Errors
/// The store failed.
pub async fn round(app: &App, courier: &Courier) -> Result<(), StoreError> {
    enqueue(app).await?;
    for hook in woken(app, HOOKS_AT_ONCE).await? {
        take_turn(app, courier, hook).await?;
    }
    Ok(())
}

async fn woken(app: &App, limit: usize) -> Result<Vec<u64>, StoreError> {
    let now = app.now();
    app.store.read("woken hooks", move |tx| tx.woken_hooks(now, limit)).await
}

/// Queues deliveries for the changes that were not looked at yet.
async fn enqueue(app: &App) -> Result<(), StoreError> {
    let most = app.config.hooks.queue_deliveries;
    loop {
        let now = app.now();
        // Most of the time there is nothing to do, and no need to write for it.
        let is_idle =
            |tx: &dyn ReadTx| Ok(!tx.has_hooks()? || tx.changes_after(tx.hook_cursor()?, 1)?.is_empty());
        if app.store.read::<_, StoreError, _>("look for changes", is_idle).await? {
            return Ok(());
        }
        let step = move |tx: &mut dyn WriteTx| enqueue_step(tx, now, most);
        app.store.write::<_, StoreError, _>("queue deliveries", step).await?;
        tokio::task::yield_now().await;
    }
}

fn enqueue_step(tx: &mut dyn WriteTx, now: Timestamp, most: usize) -> Result<(), StoreError> {
    let changes = tx.changes_after(tx.hook_cursor()?, CHANGES_PER_STEP)?;
    let mut targets: BTreeMap<AccountId, Vec<Target>> = BTreeMap::new();
    for row in &changes {
        let Some(event) = event_of(row.change.kind) else { continue };
        let account_id = row.change.account_id;
        let told = match targets.entry(account_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Target::all_of(tx.as_read(), account_id, most)?),
        };
        for target in told {
            let hook = &target.hook;
            if row.sequence <= hook.id || !target.events.contains(&event) {
                continue;
            }
            if target.room == 0 {
                target.dropped += 1;
                continue;
            }
            target.room -= 1;
            let id = Uuid::new_v5(&Uuid::from_bytes(hook.nonce), &row.sequence.to_be_bytes());
            let body = body(hook, id, event, row)?;
            tx.insert_delivery(&HookDeliveryRow {
                id: *id.as_bytes(),
                hook: hook.id,
                account_id,
                body,
                created: now,
                attempts: 0,
                due: now,
            })?;
        }
    }
    for Target { hook, dropped, .. } in targets.values().flatten().filter(|target| target.dropped > 0) {
        tracing::warn!(
            hook = hook.id,
            dropped,
            "the queue of a hook is full; changes are not delivered to it"
        );
    }
    match changes.last() {
        Some(last) => tx.set_hook_cursor(last.sequence),
        None => Ok(()),
    }
}

/// A hook while deliveries are queued for it.
struct Target {
    hook: HookRow,
    events: BTreeSet<HookEvent>,
    room: usize,
    dropped: usize,
}

impl Target {
    fn all_of(tx: &dyn ReadTx, account: AccountId, most: usize) -> Result<Vec<Self>, StoreError> {
        // A limit that was lowered does not silence hooks that are there.
        const HOOKS_READ: usize = 1000;
        let hooks = tx.hooks_of(account, HOOKS_READ)?.into_iter();
        hooks
            .map(|hook| {
                let triggers: Vec<HookTrigger> = serde_json::from_str(&hook.triggers)
                    .map_err(|_| StoreError::Corrupt("the triggers of a hook do not parse".into()))?;
                let enabled = triggers.into_iter().filter(|trigger| trigger.enabled);
                let events = enabled.map(|trigger| trigger.api_event).collect();
                let room = most.saturating_sub(tx.queued_deliveries(hook.id, most)?);
                Ok(Self { hook, events, room, dropped: 0 })
            })
            .collect()
    }
}

/// Makes the deliveries of a hook that are due, until one fails. Does nothing while another process is at it.
async fn take_turn(app: &App, courier: &Courier, hook: u64) -> Result<(), StoreError> {
    let (now, lease_s) = (app.now(), lease_s(app));
    let claim = move |tx: &mut dyn WriteTx| {
        let Some(row) = tx.hook(hook)?.filter(|row| row.wakes.is_some_and(|wakes| wakes <= now)) else {
            return Ok(false);
        };
        // Others find nothing to do until then. It is put off again with each delivery, and set right at the end.
        tx.set_hook_state(hook, row.failures, Some(now.plus_seconds(lease_s)))?;
        Ok(true)
    };
    if !app.store.write::<_, StoreError, _>("claim a hook", claim).await? {
        return Ok(());
    }
    for _ in 0..DELIVERIES_PER_TURN {
        let now = app.now();
        let find = move |tx: &dyn ReadTx| {
            let Some(row) = tx.hook(hook)? else { return Ok(None) };
            Ok(tx.next_delivery(hook)?.filter(|delivery| delivery.due <= now).map(|delivery| (row, delivery)))
        };
        let Some((row, delivery)) = app.store.read::<_, StoreError, _>("next delivery", find).await? else {
            break;
        };
        let secret = app.keys.hook_secret(&row.nonce);
        let id = Uuid::from_bytes(delivery.id).to_string();
        let parcel = Parcel {
            url: &row.url,
            secret: &secret,
            id: &id,
            unix_seconds: now.seconds(),
            body: delivery.body.clone(),
        };
        let outcome = courier.deliver(parcel).await;
        app.metrics.delivery_tried(outcome.is_ok());
        let (most, now) = (app.config.hooks.attempts, app.now());
        match outcome {
            Ok(()) => {
                let settle = move |tx: &mut dyn WriteTx| {
                    tx.delete_delivery(&delivery.id)?;
                    tx.set_hook_state(hook, 0, Some(now.plus_seconds(lease_s)))
                };
                app.store.write::<_, StoreError, _>("delivered", settle).await?;
            }
            Err(reason) => {
                let attempts = delivery.attempts.saturating_add(1);
                let is_last = attempts >= most;
                if is_last {
                    tracing::warn!(hook, id, attempts, reason, "a delivery to a hook is given up");
                } else {
                    tracing::info!(hook, id, attempts, reason, "a delivery to a hook failed");
                }
                let due = now.plus_seconds(wait_s(attempts, MAX_WAIT_S).into());
                let settle = move |tx: &mut dyn WriteTx| match is_last {
                    true => tx.delete_delivery(&delivery.id).map(drop),
                    false => tx.retry_delivery(&delivery.id, attempts, due),
                };
                app.store.write::<_, StoreError, _>("delivery failed", settle).await?;
                let failures = row.failures.saturating_add(1);
                return rest(app, hook, failures, now.plus_seconds(wait_s(failures, MAX_PAUSE_S).into()))
                    .await;
            }
        }
    }
    let now = app.now();
    rest(app, hook, 0, now).await
}

/// Says when there is something to do for a hook: when its next delivery is due, but not before a moment.
async fn rest(app: &App, hook: u64, failures: u32, not_before: Timestamp) -> Result<(), StoreError> {
    let settle = move |tx: &mut dyn WriteTx| {
        let next = tx.next_delivery(hook)?;
        tx.set_hook_state(hook, failures, next.map(|delivery| delivery.due.max(not_before)))
    };
    app.store.write("rest a hook", settle).await
}

/// For which a process has a hook to itself: one delivery takes no longer.
fn lease_s(app: &App) -> i64 {
    i64::try_from(app.config.hooks.timeout_s).unwrap_or(i64::MAX).saturating_add(LEASE_MARGIN_S)
}

fn wait_s(failures: u32, most: u32) -> u32 {
    FIRST_WAIT_S.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap() {
        let waits = [1, 2, 3, 4, 100].map(|failures| wait_s(failures, MAX_WAIT_S));
        assert_eq!(waits, [5, 10, 20, 40, 3600]);
        assert_eq!(wait_s(100, MAX_PAUSE_S), 300);
    }
}

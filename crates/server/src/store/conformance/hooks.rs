//! Hooks and their deliveries.

use std::sync::Arc;

use super::samples::{account, account_id, time};
use super::{Open, read, write};
use crate::clock::SystemClock;
use crate::store::{Change, ChangeKind, HookDeliveryRow, HookRow, StoreError};

fn hook(n: u32) -> HookRow {
    HookRow {
        id: 0,
        account_id: account_id(n),
        url: format!("https://example.com/{n}"),
        triggers: "[]".into(),
        nonce: [n as u8; 16],
        created: time(n),
        failures: 0,
        wakes: None,
    }
}

fn delivery(n: u32, hook: u64) -> HookDeliveryRow {
    HookDeliveryRow {
        id: [n as u8; 16],
        hook,
        account_id: account_id(1),
        body: format!("{{\"n\":{n}}}"),
        created: time(n),
        attempts: 0,
        due: time(n),
    }
}

/// Hooks are listed by account in the order of their making, stand behind earlier changes, and go with the account.
pub async fn hooks(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    assert!(!read(&store, |tx| tx.has_hooks()).await);
    let ids = write(&store, |tx| {
        tx.insert_account(&account(1))?;
        tx.append_change(time(1), &Change::new(ChangeKind::AccountCreated, account_id(1)))?;
        let ids = [tx.insert_hook(&hook(1))?, tx.insert_hook(&hook(2))?, tx.insert_hook(&hook(1))?];
        tx.append_change(time(2), &Change::new(ChangeKind::AccountUpdated, account_id(1)))?;
        Ok(ids)
    })
    .await
    .unwrap();
    let [first, other, second] = ids;
    let changes = read(&store, |tx| tx.changes_after(0, 10)).await;
    assert!(changes[0].sequence < first && first < second && second < changes[1].sequence);
    let of = |n, limit| move |tx: &dyn super::ReadTx| tx.hooks_of(account_id(n), limit);
    let own = [HookRow { id: first, ..hook(1) }, HookRow { id: second, ..hook(1) }];
    assert_eq!(read(&store, of(1, 9)).await, own);
    assert_eq!(read(&store, of(1, 1)).await, own[..1]);
    assert_eq!(read(&store, move |tx| tx.hook(other)).await, Some(HookRow { id: other, ..hook(2) }));
    assert_eq!(read(&store, |tx| Ok((tx.hook(0)?, tx.hook(u64::MAX)?))).await, (None, None));

    assert_eq!(read(&store, |tx| tx.hook_cursor()).await, 0);
    write(&store, |tx| tx.set_hook_cursor(3).and_then(|()| tx.set_hook_cursor(7))).await.unwrap();
    assert_eq!(read(&store, |tx| tx.hook_cursor()).await, 7);

    let deleted = write(&store, move |tx| {
        tx.insert_delivery(&delivery(1, first))?;
        tx.insert_delivery(&delivery(2, second))?;
        Ok([tx.delete_hook(first)?, tx.delete_hook(first)?, tx.delete_hook(u64::MAX)?])
    });
    assert_eq!(deleted.await.unwrap(), [true, false, false]);
    write(&store, |tx| tx.delete_account(account_id(1))).await.unwrap();
    let left = read(&store, move |tx| {
        Ok((tx.hooks_of(account_id(1), 9)?.len(), tx.next_delivery(first)?, tx.next_delivery(second)?))
    });
    assert_eq!(left.await, (0, None, None));
    assert!(read(&store, |tx| tx.has_hooks()).await);
}

/// Deliveries come in the order in which they are due, wake their hook, are tried again, and are removed by age.
pub async fn hook_deliveries(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let id = write(&store, |tx| tx.insert_hook(&hook(1))).await.unwrap();
    let wakes = move |tx: &dyn super::ReadTx| Ok(tx.hook(id)?.and_then(|row| row.wakes));
    let woken = |n| move |tx: &dyn super::ReadTx| tx.woken_hooks(time(n), 9);
    assert_eq!(read(&store, wakes).await, None);
    write(&store, move |tx| [5, 3, 4].into_iter().try_for_each(|n| tx.insert_delivery(&delivery(n, id))))
        .await
        .unwrap();
    // The first one that was queued wakes it; whoever looks then sees which is due first.
    assert_eq!(read(&store, wakes).await, Some(time(5)));
    assert_eq!((read(&store, woken(4)).await, read(&store, woken(5)).await), (vec![], vec![id]));
    assert_eq!(read(&store, move |tx| tx.next_delivery(id)).await, Some(delivery(3, id)));
    let counts = read(&store, move |tx| Ok([tx.queued_deliveries(id, 9)?, tx.queued_deliveries(id, 2)?]));
    assert_eq!(counts.await, [3, 2]);
    let again = write(&store, move |tx| tx.insert_delivery(&delivery(3, id))).await;
    assert!(matches!(again, Err(StoreError::AlreadyExists(_))), "{again:?}");

    write(&store, |tx| tx.retry_delivery(&[3; 16], 2, time(50))).await.unwrap();
    assert_eq!(read(&store, move |tx| tx.next_delivery(id)).await, Some(delivery(4, id)));
    let removed = write(&store, |tx| Ok([tx.delete_delivery(&[4; 16])?, tx.delete_delivery(&[4; 16])?]));
    assert_eq!(removed.await.unwrap(), [true, false]);
    write(&store, |tx| tx.delete_delivery(&[5; 16])).await.unwrap();
    let retried = HookDeliveryRow { attempts: 2, due: time(50), ..delivery(3, id) };
    assert_eq!(read(&store, move |tx| tx.next_delivery(id)).await, Some(retried));

    write(&store, move |tx| tx.set_hook_state(id, 4, None)).await.unwrap();
    let row = read(&store, move |tx| tx.hook(id)).await.unwrap();
    assert_eq!((row.failures, row.wakes), (4, None));
    write(&store, |tx| tx.set_hook_state(u64::MAX >> 1, 4, None)).await.unwrap();
    write(&store, move |tx| (6..=9).try_for_each(|n| tx.insert_delivery(&delivery(n, id)))).await.unwrap();
    assert_eq!(read(&store, wakes).await, Some(time(6)));
    let cut = |limit| move |tx: &mut dyn super::WriteTx| tx.delete_deliveries_before(time(8), limit);
    assert_eq!(write(&store, cut(2)).await.unwrap(), 2);
    assert_eq!(write(&store, cut(9)).await.unwrap(), 1);
    assert_eq!(write(&store, cut(9)).await.unwrap(), 0);
    assert_eq!(read(&store, move |tx| tx.next_delivery(id)).await, Some(delivery(8, id)));
}

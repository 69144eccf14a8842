//! Clients.

use std::sync::Arc;

use super::samples::{account, account_id, client, client_id, hash};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;

/// Clients are found by id and API key, and are unique in both.
pub async fn clients(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| tx.insert_client(&client(1)).and_then(|()| tx.insert_client(&client(2))))
        .await
        .unwrap();
    let found = read(&store, |tx| Ok((tx.client(client_id(1))?, tx.client_by_api_key("key2")?))).await;
    assert_eq!(found, (Some(client(1)), Some(client(2))));
    let ids: Vec<_> = (0..100).map(client_id).collect();
    let (asked, alone) = (ids.clone(), read(&store, move |tx| tx.living_clients(&ids)).await);
    assert_eq!(alone, [], "their account is not there");
    write(&store, |tx| tx.insert_account(&account(1))).await.unwrap();
    let mut living = read(&store, move |tx| tx.living_clients(&asked)).await;
    living.sort_unstable_by_key(|row| row.id);
    assert_eq!(living, [client(1), client(2)]);

    let mut same_id = client(3);
    same_id.id = client_id(1);
    assert_refused!(write(&store, move |tx| tx.insert_client(&same_id)).await, AlreadyExists);
    let mut same_key = client(3);
    same_key.api_key_id = "key1".into();
    assert_refused!(write(&store, move |tx| tx.insert_client(&same_key)).await, AlreadyExists);
    assert_refused!(write(&store, |tx| tx.update_client(&client(3))).await, Missing);

    let mut changed = client(1);
    (changed.enabled, changed.has_backup, changed.api_secret_hash) = (false, true, hash(77));
    changed.api_key_id = "another".into();
    let row = changed.clone();
    write(&store, move |tx| tx.update_client(&row)).await.unwrap();
    let found =
        read(&store, |tx| Ok((tx.client_by_api_key("key1")?, tx.client_by_api_key("another")?))).await;
    assert_eq!(found, (None, Some(changed.clone())));
    changed.api_key_id = "key2".into();
    assert_refused!(write(&store, move |tx| tx.update_client(&changed)).await, AlreadyExists);

    assert!(write(&store, |tx| tx.delete_client(client_id(1))).await.unwrap());
    assert!(!write(&store, |tx| tx.delete_client(client_id(1))).await.unwrap());
    let gone = read(&store, |tx| Ok((tx.client(client_id(1))?, tx.client_by_api_key("another")?))).await;
    assert_eq!(gone, (None, None));
}

/// Clients of an account are listed by page in the order of registration; positions are not used twice.
pub async fn clients_are_listed_in_order(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    for n in [9, 4, 6, 2, 8] {
        write(&store, move |tx| tx.insert_client(&client(n))).await.unwrap();
    }
    let mut of_another = client(5);
    of_another.account_id = account_id(2);
    write(&store, move |tx| tx.insert_client(&of_another)).await.unwrap();

    let first = read(&store, |tx| tx.clients_of(account_id(1), 0, 3)).await;
    let names =
        |page: &[(u64, super::super::ClientRow)]| page.iter().map(|(_, row)| row.id).collect::<Vec<_>>();
    assert_eq!(names(&first), [client_id(9), client_id(4), client_id(6)]);
    assert!(first.is_sorted_by_key(|(position, _)| *position) && first[0].0 > 0);
    let after = first[2].0;
    let second = read(&store, move |tx| tx.clients_of(account_id(1), after, 3)).await;
    assert_eq!(names(&second), [client_id(2), client_id(8)]);

    // An update does not move a client, and the place of the last one is not given to the next.
    let last = second[1].0;
    write(&store, |tx| {
        tx.update_client(&client(4))?;
        tx.delete_client(client_id(8))?;
        tx.insert_client(&client(10))
    })
    .await
    .unwrap();
    let third = read(&store, move |tx| tx.clients_of(account_id(1), last, 3)).await;
    assert_eq!(names(&third), [client_id(10)]);
    assert_eq!(
        names(&read(&store, |tx| tx.clients_of(account_id(1), 0, 2)).await),
        [client_id(9), client_id(4)]
    );
    assert!(read(&store, |tx| tx.clients_of(account_id(1), u64::MAX, 3)).await.is_empty());
}

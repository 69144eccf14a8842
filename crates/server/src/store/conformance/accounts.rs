//! Accounts, challenges and registration tokens.

use std::sync::Arc;

use super::samples::{account, account_id, challenge, client, hash, registration_token, time};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;

/// Accounts are found by id and address, are unique in both, and go with their challenges and tokens.
pub async fn accounts(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| tx.insert_account(&account(1))).await.unwrap();
    write(&store, |tx| tx.insert_account(&account(2))).await.unwrap();
    let found =
        read(&store, |tx| Ok((tx.account(account_id(1))?, tx.account_by_email("someone1@example.com")?)))
            .await;
    assert_eq!(found, (Some(account(1)), Some(account(1))));
    let absent =
        read(&store, |tx| Ok((tx.account(account_id(9))?, tx.account_by_email("Someone1@Example.com")?)))
            .await;
    assert_eq!(absent, (None, None));

    let mut same_id = account(3);
    same_id.id = account_id(1);
    assert_refused!(write(&store, move |tx| tx.insert_account(&same_id)).await, AlreadyExists);
    let mut same_email = account(3);
    same_email.email_key = account(1).email_key;
    assert_refused!(write(&store, move |tx| tx.insert_account(&same_email)).await, AlreadyExists);
    assert_refused!(write(&store, |tx| tx.update_account(&account(3))).await, Missing);

    let mut changed = account(1);
    changed.email_key = "new@example.com".into();
    changed.meta = None;
    changed.tokens_valid_after = time(500);
    changed.kept_token = Some(time(499));
    let row = changed.clone();
    write(&store, move |tx| tx.update_account(&row)).await.unwrap();
    let found = read(&store, |tx| {
        Ok((tx.account_by_email("someone1@example.com")?, tx.account_by_email("new@example.com")?))
    })
    .await;
    assert_eq!(found, (None, Some(changed.clone())));
    let mut taken = changed;
    taken.email_key = account(2).email_key;
    assert_refused!(write(&store, move |tx| tx.update_account(&taken)).await, AlreadyExists);

    write(&store, |tx| {
        tx.insert_client(&client(1))?;
        tx.insert_challenge(&challenge(1))?;
        tx.insert_registration_token(&registration_token(1))?;
        tx.delete_account(account_id(1))
    })
    .await
    .unwrap();
    let left = write(&store, |tx| {
        Ok((
            tx.account(account_id(1))?,
            tx.account_by_email("new@example.com")?,
            tx.take_challenge(&hash(1))?,
            tx.registration_token(&hash(1))?,
            tx.client(client(1).id)?.is_some(),
            tx.account(account_id(2))?.is_some(),
        ))
    });
    assert_eq!(left.await.unwrap(), (None, None, None, None, true, true));
    write(&store, |tx| tx.delete_account(account_id(1))).await.unwrap();
}

/// A challenge can be taken once, whoever asks at the same time.
pub async fn challenges_are_answered_once(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| tx.insert_challenge(&challenge(1))).await.unwrap();
    assert_refused!(write(&store, |tx| tx.insert_challenge(&challenge(1))).await, AlreadyExists);
    let takers: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { write(&store, |tx| tx.take_challenge(&hash(1))).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken, [challenge(1)]);

    write(&store, |tx| (1..=10).try_for_each(|n| tx.insert_challenge(&challenge(n)))).await.unwrap();
    let expire = |n, limit| move |tx: &mut dyn super::WriteTx| tx.delete_expired_challenges(time(n), limit);
    assert_eq!(write(&store, expire(5, 3)).await.unwrap(), 3);
    assert_eq!(write(&store, expire(5, 3)).await.unwrap(), 2);
    assert_eq!(write(&store, expire(5, 3)).await.unwrap(), 0);
    let left =
        write(&store, |tx| Ok((tx.take_challenge(&hash(5))?, tx.take_challenge(&hash(6))?))).await.unwrap();
    assert_eq!(left, (None, Some(challenge(6))));
}

/// Registration tokens are found by hash, listed as they were made, and count their uses.
pub async fn registration_tokens(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    // Not in the order of their hashes.
    for n in [7, 3, 5, 1, 2] {
        write(&store, move |tx| tx.insert_registration_token(&registration_token(n))).await.unwrap();
    }
    let again = write(&store, |tx| tx.insert_registration_token(&registration_token(3))).await;
    assert_refused!(again, AlreadyExists);
    write(&store, |tx| tx.count_registration_token_use(&hash(3))).await.unwrap();
    write(&store, |tx| tx.count_registration_token_use(&hash(3))).await.unwrap();
    assert_refused!(write(&store, |tx| tx.count_registration_token_use(&hash(9))).await, Missing);
    let mut used = registration_token(3);
    used.uses = 2;
    assert_eq!(read(&store, |tx| tx.registration_token(&hash(3))).await, Some(used.clone()));
    assert!(write(&store, |tx| tx.delete_registration_token(&hash(5))).await.unwrap());
    assert!(!write(&store, |tx| tx.delete_registration_token(&hash(5))).await.unwrap());
    let listed = read(&store, |tx| tx.registration_tokens_of(account_id(1), 3)).await;
    assert_eq!(listed, [registration_token(7), used, registration_token(1)]);
    assert!(read(&store, |tx| tx.registration_tokens_of(account_id(2), 3)).await.is_empty());
}

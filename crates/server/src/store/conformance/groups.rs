//! Groups, their members and shares.

use std::sync::Arc;

use tozstore_api::Capability;
use tozstore_crypto::GroupId;

use super::samples::{
    account_id, client, client_id, group, group_id, group_member, group_share, record_type, time,
};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;
use crate::store::{ReadTx, StoreError};

/// Groups are found by id, account and name, in the order of their age; deleting one takes all of it away.
pub async fn groups(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        for n in [3, 1, 2] {
            tx.insert_group(&group(n))?;
            tx.put_group_member(&group_member(n, 1, &Capability::ALL))?;
            tx.put_group_share(&group_share(n, 1, "a"))?;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_refused!(write(&store, |tx| tx.insert_group(&group(1))).await, AlreadyExists);
    let list = |name: Option<&'static str>, after, limit| {
        let store = Arc::clone(&store);
        async move { read(&store, move |tx| tx.groups_of_account(account_id(1), name, after, limit)).await }
    };
    let ids = |rows: &[(u64, crate::store::GroupRow)]| rows.iter().map(|(_, row)| row.id).collect::<Vec<_>>();
    let all = list(None, 0, 10).await;
    assert_eq!(ids(&all), [group_id(3), group_id(1), group_id(2)]);
    assert!(all[0].0 > 0 && all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(list(None, 0, 1).await, all[..1]);
    assert_eq!(list(None, all[0].0, 10).await, all[1..]);
    assert_eq!(list(None, u64::MAX, 10).await, []);
    // Odd ones have the same name.
    assert_eq!(ids(&list(Some("odd"), 0, 10).await), [group_id(3), group_id(1)]);
    assert_eq!(list(Some("odd"), all[0].0, 10).await, all[1..2]);
    assert_eq!(list(Some("none"), 0, 10).await, []);
    assert_eq!(read(&store, |tx| tx.groups_of_account(account_id(2), None, 0, 10)).await, []);

    let mut changed = group(1);
    (changed.description, changed.last_modified) = ("new".into(), time(9));
    let update = changed.clone();
    write(&store, move |tx| tx.update_group(&update)).await.unwrap();
    assert_eq!(read(&store, |tx| tx.group(group_id(1))).await, Some(changed));
    assert_refused!(write(&store, |tx| tx.update_group(&group(9))).await, Missing);

    let deleted = write(&store, |tx| Ok((tx.delete_group(group_id(1))?, tx.delete_group(group_id(1))?)));
    assert_eq!(deleted.await.unwrap(), (true, false));
    read(&store, |tx| {
        assert_eq!(tx.group(group_id(1))?, None);
        assert_eq!(tx.group_member(group_id(1), client_id(1))?, None);
        assert_eq!(tx.group_share(group_id(1), client_id(1), &record_type("a"))?, None);
        assert_eq!(tx.memberships(client_id(1), 0, 10)?.len(), 2);
        assert_eq!(tx.shares_of_type(client_id(1), &record_type("a"), 10)?.len(), 2);
        assert_eq!(tx.groups_of_account(account_id(1), None, 0, 10)?.len(), 2);
        Ok(())
    })
    .await;
}

/// Members keep their place and beginning when they are put again.
pub async fn group_members(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    assert_refused!(write(&store, |tx| tx.put_group_member(&group_member(1, 1, &[]))).await, Missing);
    write(&store, |tx| {
        // The memberships of a client come by age of the groups, not of the memberships.
        for n in [2, 1] {
            tx.insert_group(&group(n))?;
        }
        tx.put_group_member(&group_member(1, 5, &[Capability::ManageMembership]))?;
        tx.put_group_member(&group_member(1, 3, &[Capability::ReadContent]))?;
        tx.put_group_member(&group_member(2, 3, &[]))?;
        let mut again = group_member(1, 5, &[Capability::EditContent, Capability::ManageMembership]);
        (again.membership_key, again.authorizer, again.created) = ("new".into(), client_id(3), time(9));
        tx.put_group_member(&again)
    })
    .await
    .unwrap();
    read(&store, |tx| {
        let mut expected = group_member(1, 5, &[Capability::EditContent, Capability::ManageMembership]);
        (expected.membership_key, expected.authorizer) = ("new".into(), client_id(3));
        assert_eq!(tx.group_member(group_id(1), client_id(5))?, Some(expected));
        assert_eq!(tx.group_member_count(group_id(1))?, 2);
        assert_eq!(tx.group_managers(group_id(1), 10)?, [client_id(5)]);
        let members = tx.group_members(group_id(1), 0, 10)?;
        let clients: Vec<_> = members.iter().map(|(_, row)| row.client).collect();
        assert_eq!(clients, [client_id(5), client_id(3)]);
        assert_eq!(tx.group_members(group_id(1), members[0].0, 10)?, members[1..]);
        let memberships = tx.memberships(client_id(3), 0, 10)?;
        let groups: Vec<_> = memberships.iter().map(|(_, row)| row.group).collect();
        assert_eq!(groups, [group_id(2), group_id(1)]);
        assert_eq!(tx.memberships(client_id(3), memberships[0].0, 10)?, memberships[1..]);
        Ok(())
    })
    .await;
    let gone = write(&store, |tx| {
        let delete = |tx: &mut dyn crate::store::WriteTx| tx.delete_group_member(group_id(1), client_id(3));
        Ok((delete(tx)?, delete(tx)?, tx.memberships(client_id(3), 0, 10)?.len()))
    });
    assert_eq!(gone.await.unwrap(), (true, false, 1));
}

/// Shares are replaced in their place, and reach those members alone that may read.
pub async fn group_shares(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        for n in [1, 2] {
            tx.insert_group(&group(n))?;
            tx.put_group_share(&group_share(n, 1, "b"))?;
            tx.put_group_share(&group_share(n, 1, "a"))?;
        }
        let mut again = group_share(1, 1, "b");
        (again.eak, again.key_id, again.can_edit, again.created) = ("new".into(), [9; 16], true, time(9));
        tx.put_group_share(&again)?;
        tx.put_group_member(&group_member(1, 5, &[Capability::ShareContent]))?;
        tx.put_group_member(&group_member(2, 5, &[Capability::ReadContent]))
    })
    .await
    .unwrap();
    read(&store, |tx| {
        let mut expected = group_share(1, 1, "b");
        (expected.eak, expected.key_id, expected.can_edit) = ("new".into(), [9; 16], true);
        assert_eq!(tx.group_share(group_id(1), client_id(1), &record_type("b"))?, Some(expected.clone()));
        assert_eq!(tx.group_shares(group_id(1), 10)?, [expected.clone(), group_share(1, 1, "a")]);
        assert_eq!(tx.group_shares(group_id(1), 1)?.len(), 1);
        assert_eq!(tx.group_share_count(group_id(1))?, 2);
        assert_eq!(
            tx.shares_of_type(client_id(1), &record_type("b"), 10)?,
            [expected, group_share(2, 1, "b")]
        );
        let found = tx.share_for_reader(client_id(5), client_id(1), &record_type("b"))?;
        let member = group_member(2, 5, &[Capability::ReadContent]);
        assert_eq!(found, Some((group_share(2, 1, "b"), member)));
        for (reader, writer, of_type) in [(6, 1, "b"), (5, 2, "b"), (5, 1, "c")] {
            let none = tx.share_for_reader(client_id(reader), client_id(writer), &record_type(of_type))?;
            assert_eq!(none, None);
        }
        Ok(())
    })
    .await;
    let gone = write(&store, |tx| {
        let b = record_type("b");
        let first = tx.delete_group_share(group_id(1), client_id(1), &b)?;
        Ok((first, tx.delete_group_share(group_id(1), client_id(1), &b)?, tx.group_share_count(group_id(1))?))
    });
    assert_eq!(gone.await.unwrap(), (true, false, 1));
}

/// What a deleted client shared goes, its memberships end, and a group goes with its last member; others stay, with
/// the keys that the deleted client wrapped for them.
pub async fn groups_outlive_their_creators(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        (1..=2).try_for_each(|n| tx.insert_client(&client(n)))?;
        for (n, members) in [(1, &[1, 2][..]), (2, &[1]), (3, &[2])] {
            tx.insert_group(&group(n))?;
            for &member in members {
                tx.put_group_member(&group_member(n, member, &Capability::ALL))?;
                tx.put_group_share(&group_share(n, member, "a"))?;
            }
        }
        tx.delete_client(client_id(1)).map(drop)
    })
    .await
    .unwrap();
    for step in 0.. {
        assert!(step < 50, "erasure does not end");
        if !write(&store, |tx| tx.erase_step(2)).await.unwrap() {
            break;
        }
    }
    read(&store, |tx| {
        assert_eq!(state(tx, group_id(1))?, (true, 1, 1));
        assert_eq!(state(tx, group_id(2))?, (false, 0, 0));
        assert_eq!(state(tx, group_id(3))?, (true, 1, 1));
        let kept = tx.group_member(group_id(1), client_id(2))?;
        assert_eq!(kept, Some(group_member(1, 2, &Capability::ALL)));
        assert_eq!(tx.memberships(client_id(1), 0, 10)?, []);
        Ok(())
    })
    .await;
}

/// Whether a group is there, how many members and how many shares it has.
fn state(tx: &dyn ReadTx, id: GroupId) -> Result<(bool, u64, u64), StoreError> {
    Ok((tx.group(id)?.is_some(), tx.group_member_count(id)?, tx.group_share_count(id)?))
}

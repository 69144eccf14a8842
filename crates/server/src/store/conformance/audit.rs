//! The audit log: complete, chained, and unlinkable once its subjects are erased.

use std::sync::Arc;

use super::samples::{account, account_id, client, client_id, record_type, time};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;
use crate::store::audit::{self, AuditActor};
use crate::store::{AuditEntry, AuditHead, AuditSubject, Change, ChangeKind, Store, StoreError};

fn change(kind: ChangeKind, actor: u32, other: u32) -> Change {
    Change {
        actor: Some(client_id(actor)),
        client: Some(client_id(actor)),
        other: Some(client_id(other)),
        record_type: Some(record_type("t")),
        ..Change::new(kind, account_id(1))
    }
}

/// All entries, whose chain must hold.
async fn log(store: &Arc<dyn Store>) -> Vec<AuditEntry> {
    let (entries, head) = read(store, |tx| Ok((tx.audit_entries(0, 1000)?, tx.audit_head()?))).await;
    let mut before = AuditHead { position: 0, digest: [0; 32] };
    for entry in &entries {
        assert_eq!((entry.position, entry.previous), (before.position + 1, before.digest));
        assert_eq!(entry.digest, entry.expected_digest());
        before = AuditHead { position: entry.position, digest: entry.digest };
    }
    assert_eq!(head, Some(before).filter(|head| head.position > 0));
    entries
}

async fn name(store: &Arc<dyn Store>, subject: AuditSubject) -> Option<String> {
    read(store, move |tx| tx.audit_salt(subject)).await.map(|salt| subject.pseudonym(&salt))
}

/// What is written at once has entries one after another, and what is not kept has none.
pub async fn audit_entries_are_chained(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    assert_eq!(log(&store).await, []);
    let mut jobs = Vec::new();
    for n in 1..=20 {
        let store = Arc::clone(&store);
        jobs.push(tokio::spawn(async move {
            let kept = n % 4 > 0;
            let done = write(&store, move |tx| {
                tx.append_change(time(n), &change(ChangeKind::PolicyPut, n % 3 + 1, 9))?;
                // Content has no entries.
                tx.append_change(time(n), &change(ChangeKind::RecordWritten, n % 3 + 1, 9))?;
                if kept { Ok(()) } else { Err(StoreError::Missing("the will to keep it")) }
            });
            assert_eq!(done.await.is_ok(), kept);
        }));
    }
    for job in jobs {
        job.await.unwrap();
    }
    let entries = log(&store).await;
    assert_eq!(entries.len(), 15);
    assert!(entries.iter().all(|entry| entry.action == "policy_put"));
    let page = read(&store, |tx| tx.audit_entries(5, 3)).await;
    assert_eq!(page, entries[5..8]);
    // A place is taken once.
    let entry = entries[4].clone();
    assert_refused!(write(&store, move |tx| tx.insert_audit_entry(&entry)).await, AlreadyExists);
    assert_eq!(log(&store).await, entries);
}

/// The same client has the same name in all entries, and nobody can tell it once the client is erased.
pub async fn audit_names_end_with_their_subjects(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        tx.insert_account(&account(1))?;
        (1..=2).try_for_each(|n| tx.insert_client(&client(n)))?;
        tx.append_change(time(1), &change(ChangeKind::AccessKeyPut, 1, 2))?;
        tx.append_change(time(2), &change(ChangeKind::PolicyPut, 2, 1))?;
        let words = [("records", "7".to_owned())];
        audit::append(tx, time(3), AuditActor::Operator, "quota_set", Some(account_id(1)), &words)
    })
    .await
    .unwrap();
    let (first, second) = (AuditSubject::Client(client_id(1)), AuditSubject::Client(client_id(2)));
    let owner = AuditSubject::Account(account_id(1));
    let names = (
        name(&store, first).await.unwrap(),
        name(&store, second).await.unwrap(),
        name(&store, owner).await.unwrap(),
    );
    let entries = log(&store).await;
    assert_eq!(entries[0].actor, format!("client:{}", names.0));
    assert_eq!((&entries[0].about["client"], &entries[0].about["other"]), (&names.0, &names.1));
    assert_eq!(entries[1].actor, format!("client:{}", names.1));
    assert_eq!(entries[0].about["type"], entries[1].about["type"]);
    assert_eq!((entries[2].actor.as_str(), &entries[2].about["account"]), ("operator", &names.2));
    let texts = format!("{entries:?}");
    for id in [client_id(1).to_string(), account_id(1).to_string()] {
        assert!(!texts.contains(&id) && !texts.contains(&id.replace('-', "")), "{texts}");
    }

    write(&store, |tx| {
        tx.delete_client(client_id(1))?;
        tx.append_change(time(4), &change(ChangeKind::ClientDeleted, 1, 2))
    })
    .await
    .unwrap();
    while write(&store, |tx| tx.erase_step(100)).await.unwrap() {}
    assert_eq!(name(&store, first).await, None);
    assert_eq!(name(&store, second).await, Some(names.1));
    let entries = log(&store).await;
    assert_eq!(entries[3].about["client"], names.0);

    write(&store, |tx| {
        tx.delete_account(account_id(1))?;
        tx.append_change(time(5), &Change::new(ChangeKind::AccountDeleted, account_id(1)))
    })
    .await
    .unwrap();
    assert_eq!(name(&store, owner).await, None);
    let entries = log(&store).await;
    assert_eq!((entries.len(), &entries[4].about["account"]), (5, &names.2));
}

//! Rows of nouns that are newer than the first golden file: quotas, the audit log, sealed types, and what lies in a store
//! for a while.
#![allow(
    clippy::unreachable,
    clippy::unwrap_used,
    dead_code,
    reason = "shared by a test, which reads, and the example that writes"
)]

use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, PendingFileId};
use tozstore_server::blobs::BlobKey;
use tozstore_server::store::audit::{self, AuditActor};
use tozstore_server::store::{
    AuditHead, AuditSubject, ChallengeRow, Change, ChangeKind, ClientRow, FileOwner, Hold, HoldKind,
    PendingFileRow, ReadTx, RecordWithFile, RequestNote, SealedKey, SealedRun, SealedTable, StoreError,
    UsageLimits, UsageOwner, WriteTx,
};

use super::rows::{Rows, time};

/// The schema of SQLite from which on files have these rows.
pub const FIRST_SCHEMA: i64 = 14;

/// A client that was deleted, whose erasure waits.
const GONE: ClientId = ClientId::from_bytes([4; 16]);
const UNCLAIMED: BlobKey = BlobKey::from_bytes([22; 16]);

/// Limits of the account.
pub const LIMITS: UsageLimits = UsageLimits { records: Some(1000), bytes: None, files: Some(7) };

/// Where attempts were counted, in a store that processes share.
pub const ATTEMPTS_PLACE: u64 = 25;
/// What these processes agreed on.
pub const AGREED: (&str, [u8; 32]) = ("golden", [26; 32]);

/// Signed requests that these processes noted, of which all but the last were forgotten.
pub fn requests() -> [RequestNote; 3] {
    [1, 2, 3].map(|n| RequestNote { signer: [27; 16], signed_s: n.into(), name: [n; 16] })
}

/// A challenge that was answered.
pub fn challenge(rows: &Rows) -> ChallengeRow {
    ChallengeRow { hash: [21; 32], account_id: rows.account.id, expires: time(30) }
}

/// A hold that lapsed.
pub fn hold() -> Hold {
    Hold { id: [23; 16], kind: HoldKind::Files, detail: "a backup".into(), expires: Some(time(20)) }
}

/// Two rows in each sealed table, as it lies in the table of that number.
fn sealed(table: usize, n: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![b'k', table as u8, 0, n, 0xff], vec![n; usize::from(n) * 40])
}

fn pending(rows: &Rows) -> PendingFileRow {
    let head = &rows.records[0].head;
    let Some(file) = &rows.records[2].head.file else { unreachable!("the last record has a file") };
    PendingFileRow {
        id: PendingFileId::from_bytes([24; 16]),
        client: rows.clients[0].id,
        account_id: rows.account.id,
        owner: FileOwner::Record(RecordWithFile {
            type_slot: head.type_slot.clone(),
            plain: head.plain.clone(),
            data: rows.records[0].data.clone(),
            signature: head.signature.clone(),
            replaces: Some((head.id, head.version)),
        }),
        content: file.content.clone(),
        key: None,
        expires: time(30),
    }
}

/// What the audit log tells of, oldest first.
fn audited(rows: &Rows) -> [(Timestamp, Change); 3] {
    let (account, [queen, reader]) = (rows.account.id, [rows.clients[0].id, rows.clients[1].id]);
    let change = |kind| Change::new(kind, account);
    let mut put = change(ChangeKind::AccessKeyPut);
    (put.actor, put.client, put.other) = (Some(queen), Some(queen), Some(reader));
    put.record_type = Some(rows.record_type.slot.record_type.clone());
    let mut deleted = change(ChangeKind::ClientDeleted);
    (deleted.actor, deleted.client) = (Some(queen), Some(GONE));
    [(time(40), change(ChangeKind::AccountCreated)), (time(41), put), (time(42), deleted)]
}

/// Writes them all.
pub fn write(rows: &Rows, tx: &mut dyn WriteTx) -> Result<(), StoreError> {
    let account = rows.account.id;
    tx.insert_challenge(&challenge(rows))?;
    tx.insert_pending_file(&pending(rows))?;
    tx.release_blob(UNCLAIMED, time(31))?;
    tx.put_usage_limits(UsageOwner::Account(account), LIMITS)?;
    let gone = ClientRow { id: GONE, api_key_id: "key of the gone".into(), ..rows.clients[1].clone() };
    tx.insert_client(&gone)?;
    for (at, change) in audited(rows) {
        tx.append_change(at, &change)?;
    }
    tx.delete_client(GONE)?;
    tx.set_hook_cursor(2)?;
    let words = [("records", "1000".to_owned())];
    audit::append(tx, time(43), AuditActor::Operator, "quota_set", Some(account), &words)?;
    for (at, table) in SealedTable::ALL.into_iter().enumerate() {
        for n in [1, 2] {
            let (key, value) = sealed(at, n);
            tx.put_sealed_row(table, &SealedKey::new(rows.clients[0].id, key), account, &value)?;
        }
    }
    Ok(())
}

/// Reads them all back.
pub fn check(rows: &Rows, tx: &dyn ReadTx) -> Result<(), StoreError> {
    let (account, [queen, reader]) = (rows.account.id, [rows.clients[0].id, rows.clients[1].id]);
    let pending = pending(rows);
    assert_eq!(tx.pending_file(pending.id)?, Some(pending));
    assert_eq!(tx.due_blobs(time(31), 10)?, [UNCLAIMED]);
    assert!(tx.due_blobs(time(30), 10)?.is_empty());
    assert_eq!(tx.usage(UsageOwner::Account(account))?.limits, LIMITS);
    assert_eq!(tx.client(GONE)?, None);
    assert_eq!(tx.hook_cursor()?, 2);
    check_audit(rows, tx)?;
    for (at, table) in SealedTable::ALL.into_iter().enumerate() {
        let written = [sealed(at, 1), sealed(at, 2)];
        let run = SealedRun::of_prefix(queen, b"k");
        assert_eq!(tx.sealed_rows(table, &run, false, 10)?, written, "{table:?}");
        assert!(tx.sealed_rows(table, &SealedRun::of_prefix(reader, b""), false, 10)?.is_empty());
    }
    Ok(())
}

/// The chain holds, and its pseudonyms are those of who is still there.
fn check_audit(rows: &Rows, tx: &dyn ReadTx) -> Result<(), StoreError> {
    let entries = tx.audit_entries(0, 10)?;
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["account_created", "access_key_put", "client_deleted", "quota_set"]);
    let mut previous = [0; 32];
    for (entry, position) in entries.iter().zip(1..) {
        assert_eq!(
            (entry.position, entry.at, entry.previous),
            (position, time(39 + position as i64), previous)
        );
        assert_eq!(entry.digest, entry.expected_digest());
        previous = entry.digest;
    }
    assert_eq!(tx.audit_head()?, Some(AuditHead { position: 4, digest: previous }));
    let named = |subject: AuditSubject| {
        Ok::<_, StoreError>(tx.audit_salt(subject)?.map(|salt| subject.pseudonym(&salt)))
    };
    let account = named(AuditSubject::Account(rows.account.id))?.unwrap();
    let queen = named(AuditSubject::Client(rows.clients[0].id))?.unwrap();
    let reader = named(AuditSubject::Client(rows.clients[1].id))?.unwrap();
    assert_eq!(
        (entries[0].actor.clone(), entries[1].actor.clone()),
        (format!("account:{account}"), format!("client:{queen}"))
    );
    assert_eq!(entries[1].about["other"], reader);
    assert_eq!((entries[3].actor.as_str(), &entries[3].about["account"]), ("operator", &account));
    assert!(entries[3].about["records"] == "1000" && entries[1].about.contains_key("type"));
    Ok(())
}

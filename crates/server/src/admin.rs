//! What an operator asks of the rows of a server, beside it or while it is stopped.

use std::sync::Arc;

use tozstore_crypto::{AccountId, ClientId};

pub use crate::store::UsageLimits;
use crate::store::audit::{self, AuditActor};
use crate::store::{
    AuditEntry, AuditHead, AuditSubject, ReadTx, Store, StoreError, UsageOwner, UsageRow, WriteTx,
};

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// There is no such account.
    #[error("there is no such account on this server")]
    NoAccount,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an account keeps, and its own limits.
///
/// # Errors
/// There is no such account, or the store failed.
pub async fn usage(store: &Arc<dyn Store>, account: &str) -> Result<UsageRow, AdminError> {
    let id = parse(account)?;
    let read = move |tx: &dyn ReadTx| {
        tx.account(id)?.ok_or(AdminError::NoAccount)?;
        Ok(tx.usage(UsageOwner::Account(id))?)
    };
    store.read("usage", read).await
}

/// Gives an account limits of its own. Returns what it keeps, and them.
///
/// # Errors
/// There is no such account, or the store failed.
pub async fn set_limits(
    store: &Arc<dyn Store>,
    account: &str,
    limits: UsageLimits,
) -> Result<UsageRow, AdminError> {
    let id = parse(account)?;
    let write = move |tx: &mut dyn WriteTx| {
        tx.account(id)?.ok_or(AdminError::NoAccount)?;
        tx.put_usage_limits(UsageOwner::Account(id), limits)?;
        let word =
            |limit: Option<u64>| limit.map_or_else(|| "as_for_all".to_owned(), |most| most.to_string());
        let words =
            [("records", word(limits.records)), ("bytes", word(limits.bytes)), ("files", word(limits.files))];
        let at = tx.stamp()?;
        audit::append(tx, at, AuditActor::Operator, "quota_set", Some(id), &words)?;
        Ok(tx.usage(UsageOwner::Account(id))?)
    };
    store.write("set limits", write).await
}

/// Counts again what everybody keeps.
///
/// # Errors
/// The store failed.
pub async fn recount(store: &Arc<dyn Store>) -> Result<(), AdminError> {
    let write = |tx: &mut dyn WriteTx| {
        tx.recount_usage()?;
        let at = tx.stamp()?;
        Ok(audit::append(tx, at, AuditActor::Operator, "usage_recounted", None, &[])?)
    };
    store.write("recount usage", write).await
}

/// At most `limit` entries of the audit log behind a place.
///
/// # Errors
/// The store failed.
pub async fn audit_entries(
    store: &Arc<dyn Store>,
    after: u64,
    limit: usize,
) -> Result<Vec<AuditEntry>, AdminError> {
    store.read("audit entries", move |tx| Ok(tx.audit_entries(after, limit)?)).await
}

/// The last entry of the audit log, if there is one.
///
/// # Errors
/// The store failed.
pub async fn audit_head(store: &Arc<dyn Store>) -> Result<Option<AuditHead>, AdminError> {
    store.read("audit head", |tx| Ok(tx.audit_head()?)).await
}

/// What the audit log calls an account or a client, by its id; none if there is no entry about it that could be told.
///
/// # Errors
/// The store failed.
pub async fn audit_name(store: &Arc<dyn Store>, id: &str) -> Result<Option<String>, AdminError> {
    let subjects = [
        id.parse::<AccountId>().ok().map(AuditSubject::Account),
        id.parse::<ClientId>().ok().map(AuditSubject::Client),
    ];
    let read = move |tx: &dyn ReadTx| {
        for subject in subjects.iter().flatten() {
            if let Some(salt) = tx.audit_salt(*subject)? {
                return Ok(Some(subject.pseudonym(&salt)));
            }
        }
        Ok(None)
    };
    store.read("audit name", read).await
}

fn parse(account: &str) -> Result<AccountId, AdminError> {
    account.parse().map_err(|_| AdminError::NoAccount)
}

//! How much an account, or a client of it, may keep. Decided in the transaction of the write, on what the store counted.

use tozstore_crypto::{AccountId, ClientId, RecordId};

use crate::config::QuotasConfig;
use crate::store::{ReadTx, RecordHead, RecordRow, StoreError, Usage, UsageLimits, UsageOwner, UsageRow};

/// A write would take more than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the quota of {whose} is used up: it may keep {limit} {what}, has {used}, and this would add {more}; \
     delete some, or ask the operator of this server for a larger quota"
)]
pub struct QuotaExceeded {
    whose: &'static str,
    what: &'static str,
    limit: u64,
    used: u64,
    more: u64,
}

/// Why a write is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// It would take too much.
    #[error(transparent)]
    Exceeded(#[from] QuotaExceeded),
    /// That could not be found out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Admits a new record.
///
/// # Errors
/// [`NotAdmitted::Exceeded`], or the store failed.
pub fn admit_new(tx: &dyn ReadTx, quotas: &QuotasConfig, row: &RecordRow) -> Result<(), NotAdmitted> {
    admit(tx, quotas, &row.head, Usage::default(), Usage::of(row))
}

/// Admits a new version of a record that is there. One that does not grow is always admitted, also where quotas were
/// made smaller than what is there.
///
/// # Errors
/// [`NotAdmitted::Exceeded`], or the store failed.
pub fn admit_version(tx: &dyn ReadTx, quotas: &QuotasConfig, row: &RecordRow) -> Result<(), NotAdmitted> {
    let old = tx.record_usage(row.head.id)?.unwrap_or_default();
    admit(tx, quotas, &row.head, old, Usage::of(row))
}

/// Admits that a file is sent: it would be for nothing if its record were refused in the end.
///
/// # Errors
/// [`NotAdmitted::Exceeded`], or the store failed.
pub fn admit_file(
    tx: &dyn ReadTx,
    quotas: &QuotasConfig,
    account: AccountId,
    writer: ClientId,
    replaces: Option<RecordId>,
    file_bytes: u64,
) -> Result<(), NotAdmitted> {
    let old = replaces.map(|id| tx.record_usage(id)).transpose()?.flatten().unwrap_or_default();
    check_owners(tx, quotas, account, writer, old, Usage { records: 1, bytes: file_bytes, files: 1 })
}

fn admit(
    tx: &dyn ReadTx,
    quotas: &QuotasConfig,
    head: &RecordHead,
    from: Usage,
    to: Usage,
) -> Result<(), NotAdmitted> {
    check_owners(tx, quotas, head.account_id, head.type_slot.writer, from, to)
}

fn check_owners(
    tx: &dyn ReadTx,
    quotas: &QuotasConfig,
    account: AccountId,
    writer: ClientId,
    from: Usage,
    to: Usage,
) -> Result<(), NotAdmitted> {
    let QuotasConfig { account_records, account_bytes, account_files, .. } = *quotas;
    let QuotasConfig { client_records, client_bytes, client_files, .. } = *quotas;
    let account_limits = limits(account_records, account_bytes, account_files);
    let client_limits = limits(client_records, client_bytes, client_files);
    check("the account", tx.usage(UsageOwner::Account(account))?, account_limits, from, to)?;
    Ok(check("the client", tx.usage(UsageOwner::Client(writer))?, client_limits, from, to)?)
}

/// Limits as they are set up for all: 0 is none.
fn limits(records: u64, bytes: u64, files: u64) -> UsageLimits {
    let limit = |most: u64| Some(most).filter(|most| *most > 0);
    UsageLimits { records: limit(records), bytes: limit(bytes), files: limit(files) }
}

fn check(
    whose: &'static str,
    row: UsageRow,
    of_all: UsageLimits,
    from: Usage,
    to: Usage,
) -> Result<(), QuotaExceeded> {
    let UsageRow { usage, limits: own } = row;
    let parts = [
        ("records", own.records.or(of_all.records), usage.records, from.records, to.records),
        ("bytes", own.bytes.or(of_all.bytes), usage.bytes, from.bytes, to.bytes),
        ("files", own.files.or(of_all.files), usage.files, from.files, to.files),
    ];
    for (what, limit, used, from, to) in parts {
        let more = to.saturating_sub(from);
        if let Some(limit) = limit.filter(|limit| more > 0 && used.saturating_add(more) > *limit) {
            return Err(QuotaExceeded { whose, what, limit, used, more });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Usage = Usage { records: 0, bytes: 0, files: 0 };

    fn one(bytes: u64, files: u64) -> Usage {
        Usage { records: 1, bytes, files }
    }

    #[test]
    fn what_fits_is_admitted_and_what_does_not_is_told() {
        let usage = Usage { records: 9, bytes: 950, files: 1 };
        let row = UsageRow { usage, limits: UsageLimits { files: Some(1), ..UsageLimits::default() } };
        let of_all = limits(10, 1000, 100);
        let check = |from, to| check("the account", row, of_all, from, to);
        assert_eq!(check(NOTHING, one(50, 0)), Ok(()));
        let text = check(NOTHING, one(51, 0)).unwrap_err().to_string();
        assert!(text.contains("may keep 1000 bytes, has 950, and this would add 51"), "{text}");
        assert!(
            check(NOTHING, Usage { records: 2, ..NOTHING }).unwrap_err().to_string().contains("10 records")
        );
        // Its own limit counts, where there is one.
        assert!(check(NOTHING, one(1, 1)).unwrap_err().to_string().contains("1 files"));
        // A version that is no larger goes whatever there is.
        assert_eq!(check(one(10_000, 1), one(10_000, 1)), Ok(()));
        assert_eq!(check(one(10_000, 1), one(1, 0)), Ok(()));
    }

    #[test]
    fn without_limits_everything_goes() {
        let row = UsageRow { usage: one(u64::MAX, u64::MAX), ..UsageRow::default() };
        assert_eq!(check("the client", row, limits(0, 0, 0), NOTHING, one(u64::MAX, 1)), Ok(()));
    }
}

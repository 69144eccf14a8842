//! Bundles of keys: a chain for each client, by ascending sequence.

use tozstore_api::Timestamp;
use tozstore_crypto::sealed::{BundleChain, BundleLink, BundleReason, Digest, Reader, Writer};
use tozstore_crypto::{AccountId, ClientId, ParseError};

use super::sealed_logs::{LogRow, SealedGrantRow, corrupt, log_and_grant, mark, shared_type};
use super::{SealedKey, SealedReads, SealedRun, SealedTable, StoreError, WriteTx};

/// A bundle in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleRow {
    /// When it was put.
    pub created: Timestamp,
    /// The bundle with its signatures, verified.
    pub link: BundleLink,
}

/// The bundle of that sequence.
///
/// # Errors
/// The store failed.
pub fn bundle(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
    sequence: u32,
) -> Result<Option<BundleRow>, StoreError> {
    tx.sealed_row(SealedTable::Bundles, &key(client, sequence))?.map(|value| read(&value)).transpose()
}

/// The newest bundle.
///
/// # Errors
/// The store failed.
pub fn newest_bundle(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
) -> Result<Option<BundleLink>, StoreError> {
    let rows = tx.sealed_rows(SealedTable::Bundles, &SealedRun::of_prefix(client, &[]), true, 1)?;
    rows.first().map(|(_, value)| read(value).map(|row| row.link)).transpose()
}

/// At most `limit` bundles behind that sequence, or from the first on.
///
/// # Errors
/// The store failed.
pub fn bundles_after(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
    after: Option<u32>,
    limit: usize,
) -> Result<Vec<BundleLink>, StoreError> {
    let all = SealedRun::of_prefix(client, &[]);
    let run = match after {
        Some(after) => all.after(&after.to_be_bytes()),
        None => all,
    };
    let rows = tx.sealed_rows(SealedTable::Bundles, &run, false, limit)?;
    rows.iter().map(|(_, value)| read(value).map(|row| row.link)).collect()
}

/// What a client's bundles come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleHeadRow {
    /// The sequence of the newest.
    pub sequence: u32,
    /// The digest of the newest.
    pub digest: Digest,
    /// The sequence of the newest that was made because the keys before may be in other hands.
    pub compromised: Option<u32>,
    /// Whether the client was deleted.
    pub gone: bool,
}

/// What a client's bundles come to; none if it has none.
///
/// # Errors
/// The store failed.
pub fn bundle_head(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
) -> Result<Option<BundleHeadRow>, StoreError> {
    let value = tx.sealed_row(SealedTable::BundleHeads, &SealedKey::new(client, Vec::new()))?;
    value.map(|value| read_head(&value).map_err(corrupt("the head of a chain"))).transpose()
}

/// The sequence of the bundle of that digest, if it is in the client's chain.
///
/// # Errors
/// The store failed.
pub fn bundle_named(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
    digest: &Digest,
) -> Result<Option<u32>, StoreError> {
    // The newest in nearly every case.
    if let Some(head) = bundle_head(tx, client)?.filter(|head| head.digest == *digest) {
        return Ok(Some(head.sequence));
    }
    let links = bundles_after(tx, client, None, BundleChain::MAX_BUNDLES as usize)?;
    let named = links.iter().map(BundleLink::bundle).find(|bundle| bundle.digest() == *digest);
    Ok(named.map(|bundle| bundle.object().sequence))
}

/// Adds a bundle that goes on with its chain. What it means for types that the client reads or writes is noted.
///
/// # Errors
/// The store failed.
pub fn insert_bundle(tx: &mut dyn WriteTx, account: AccountId, row: &BundleRow) -> Result<(), StoreError> {
    let bundle = row.link.bundle().object();
    let mut writer = Writer::new();
    writer.array(&row.created.micros().to_be_bytes());
    row.link.write(&mut writer);
    let value = writer.finish().map_err(corrupt("a bundle"))?;
    tx.put_sealed_row(SealedTable::Bundles, &key(bundle.client, bundle.sequence), account, &value)?;
    let is_lost = bundle.reason == BundleReason::Compromised;
    let before = bundle_head(tx, bundle.client)?;
    let head = BundleHeadRow {
        sequence: bundle.sequence,
        digest: row.link.bundle().digest(),
        compromised: if is_lost { Some(bundle.sequence) } else { before.and_then(|head| head.compromised) },
        gone: false,
    };
    put_head(tx, bundle.client, account, &head)?;
    match bundle.reason {
        BundleReason::First => Ok(()),
        BundleReason::Routine => expose(tx, bundle.client, account, row.created, ExposureKind::Newer),
        BundleReason::Compromised => expose(tx, bundle.client, account, row.created, ExposureKind::Exposed),
    }
}

/// Removes a client, as [`ClientWrites::delete_client`](super::ClientWrites::delete_client) does, and notes what that
/// means for sealed types that it reads.
///
/// # Errors
/// The store failed.
pub fn delete_client(tx: &mut dyn WriteTx, client: ClientId, account: AccountId) -> Result<bool, StoreError> {
    if let Some(head) = bundle_head(tx, client)? {
        put_head(tx, client, account, &BundleHeadRow { gone: true, ..head })?;
        let now = tx.stamp()?;
        expose(tx, client, account, now, ExposureKind::Exposed)?;
    }
    tx.delete_client(client)
}

/// What happened to a client, until all types that it can read are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureRow {
    /// The client.
    pub client: ClientId,
    /// When.
    pub since: Timestamp,
    /// What.
    pub kind: ExposureKind,
}

/// What it means for types that the client can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExposureKind {
    /// A rotation is owed: the client is gone, or its keys may be in other hands.
    Exposed,
    /// It has a newer key, which it could be given a wrap to.
    Newer,
}

/// Events whose types are not all marked yet, the oldest first.
///
/// # Errors
/// The store failed.
pub fn exposures(tx: &(impl SealedReads + ?Sized), limit: usize) -> Result<Vec<ExposureRow>, StoreError> {
    let rows = tx.sealed_rows(SealedTable::Exposures, &SealedRun::of_prefix(OF_NOBODY, &[]), false, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let (since, client) = key.split_first_chunk::<8>()?;
        let kind = if value.first() == Some(&1) { ExposureKind::Newer } else { ExposureKind::Exposed };
        Some(ExposureRow {
            client: ClientId::from_bytes(client.try_into().ok()?),
            since: Timestamp::from_micros(i64::from_be_bytes(*since)),
            kind,
        })
    };
    rows.iter().map(|row| read(row).ok_or_else(|| StoreError::Corrupt("an exposure".into()))).collect()
}

/// Marks at most about `limit` types that clients can read to whom something happened. Returns whether more is left.
///
/// # Errors
/// The store failed.
pub fn mark_step(tx: &mut dyn WriteTx, limit: usize) -> Result<bool, StoreError> {
    let Some(event) = exposures(tx, 1)?.first().copied() else { return Ok(false) };
    let place = exposure_key(&event);
    let cursor = tx.sealed_row(SealedTable::Exposures, &place)?.unwrap_or_default();
    let after = cursor.get(1..).unwrap_or_default().to_vec();
    let all = SealedRun::of_prefix(event.client, &[]);
    let run = if after.is_empty() { all.clone() } else { all.clone().after(&after) };
    let shares = tx.sealed_rows(SealedTable::Shares, &run, false, limit)?;
    for (key, _) in &shares {
        if let Some((writer, type_key)) = shared_type(key) {
            mark_for(tx, &event, writer, type_key)?;
        }
    }
    if let (Some((last, _)), true) = (shares.last(), shares.len() >= limit) {
        let value = [cursor.get(..1).unwrap_or(&[0]), last].concat();
        tx.put_sealed_row(SealedTable::Exposures, &place, AccountId::from_bytes([0; 16]), &value)?;
        return Ok(true);
    }
    // A client's own types are as many as it made: few enough for one step, and theirs to pay for.
    for (key, _) in tx.sealed_rows(SealedTable::Logs, &all, false, MAX_OWN_TYPES)? {
        mark_for(tx, &event, event.client, &key)?;
    }
    tx.delete_sealed_row(SealedTable::Exposures, &place)?;
    Ok(true)
}

/// Types of one writer that are marked in one step.
const MAX_OWN_TYPES: usize = 100_000;

fn mark_for(
    tx: &mut dyn WriteTx,
    event: &ExposureRow,
    writer: ClientId,
    type_key: &[u8],
) -> Result<(), StoreError> {
    let account = AccountId::from_bytes([0; 16]);
    let Some((row, grant)) = log_and_grant(tx, writer, type_key, event.client)? else { return Ok(()) };
    match event.kind {
        ExposureKind::Exposed if is_exposed_by(event, writer, &row, grant.as_ref()) => {
            mark(tx, writer, type_key, account, |marks| marks.rotation_owed = true)
        }
        ExposureKind::Newer => {
            let newest = bundle_head(tx, event.client)?.map_or(0, |head| head.sequence);
            // Somebody may have followed since.
            if grant.is_some_and(|grant| grant.head_sequence < newest) {
                mark(tx, writer, type_key, account, |marks| marks.follow_owed = true)?;
            }
            Ok(())
        }
        ExposureKind::Exposed => Ok(()),
    }
}

/// Whether a type owes a rotation because of this event: the client could open its newest keys at that moment.
pub fn is_exposed_by(
    event: &ExposureRow,
    writer: ClientId,
    log: &LogRow,
    grant: Option<&SealedGrantRow>,
) -> bool {
    let could_read = event.client == writer || grant.is_some_and(|grant| grant.since < event.since);
    event.kind == ExposureKind::Exposed && could_read && log.epoch_since < event.since
}

fn expose(
    tx: &mut dyn WriteTx,
    client: ClientId,
    account: AccountId,
    since: Timestamp,
    kind: ExposureKind,
) -> Result<(), StoreError> {
    let event = ExposureRow { client, since, kind };
    tx.put_sealed_row(
        SealedTable::Exposures,
        &exposure_key(&event),
        account,
        &[u8::from(kind == ExposureKind::Newer)],
    )
}

/// Whose rows those are that belong to no client.
pub(super) const OF_NOBODY: ClientId = ClientId::from_bytes([0; 16]);

fn exposure_key(event: &ExposureRow) -> SealedKey {
    SealedKey::new(OF_NOBODY, [&event.since.micros().to_be_bytes()[..], event.client.as_bytes()].concat())
}

fn put_head(
    tx: &mut dyn WriteTx,
    client: ClientId,
    account: AccountId,
    head: &BundleHeadRow,
) -> Result<(), StoreError> {
    let mut writer = Writer::new();
    writer.u32(head.sequence);
    writer.array(head.digest.as_bytes());
    writer.opt(head.compromised, Writer::u32);
    writer.u8(head.gone.into());
    let value = writer.finish().map_err(corrupt("the head of a chain"))?;
    tx.put_sealed_row(SealedTable::BundleHeads, &SealedKey::new(client, Vec::new()), account, &value)
}

fn read_head(value: &[u8]) -> Result<BundleHeadRow, ParseError> {
    let mut reader = Reader::new(value);
    let head = BundleHeadRow {
        sequence: reader.u32()?,
        digest: reader.digest()?,
        compromised: reader.opt(Reader::u32)?,
        gone: reader.u8()? == 1,
    };
    reader.finish()?;
    Ok(head)
}

fn key(client: ClientId, sequence: u32) -> SealedKey {
    SealedKey::new(client, sequence.to_be_bytes())
}

fn read(value: &[u8]) -> Result<BundleRow, StoreError> {
    let mut reader = Reader::new(value);
    let read = |reader: &mut Reader<'_>| {
        let created = Timestamp::from_micros(i64::from_be_bytes(reader.array()?));
        Ok::<_, ParseError>(BundleRow { created, link: BundleLink::read(reader)? })
    };
    let row = read(&mut reader).map_err(corrupt("a bundle"))?;
    reader.finish().map_err(corrupt("a bundle"))?;
    Ok(row)
}

//! What a store is filled with in bulk: readers with keys for sealed types, and records.
//!
//! A revocation does not look at records. So those of a type are copies of the rows of one that was sealed and written
//! by the SDK, under ids of their own: as many and as large, though none but the first would verify.

use std::sync::Arc;
use std::time::Instant;

use tozstore_api::{KeySet, Timestamp};
use tozstore_crypto::sealed::BundleLink;
use tozstore_crypto::{AccountId, ClientId, EncryptionPrivateKey, SigningKeyPair};
use tozstore_server::store::{
    BundleRow, ClientRow, SealedKey, SealedRun, SealedTable, Store, StoreError, WriteTx, insert_bundle,
};

use crate::AnyError;

/// Readers of a transaction.
const READERS: u64 = 250;
/// Records of a transaction.
const RECORDS: u64 = 2_000;
/// When all of them came, in microseconds since 1970.
const BEGIN: i64 = 1_700_000_000_000_000;

/// The reader of that number.
pub(crate) fn reader_id(number: u64) -> ClientId {
    ClientId::from_bytes(uuid(number, 0xa))
}

/// Registers readers up to so many, with a first bundle each. They are of the writer's account.
pub(crate) async fn add_readers(
    store: &Arc<dyn Store>,
    writer: ClientId,
    count: u64,
) -> Result<(), AnyError> {
    let row = store.read::<_, StoreError, _>("writer", move |tx| tx.client(writer)).await?;
    let account = row.ok_or("the store lacks the writer: remove the folder")?.account_id;
    for first in (0..count).step_by(READERS as usize) {
        let last = (first + READERS).min(count);
        let newest = reader_id(last - 1);
        let is_there = move |tx: &dyn tozstore_server::store::ReadTx| Ok(tx.client(newest)?.is_some());
        if store.read::<_, StoreError, _>("there", is_there).await? {
            continue;
        }
        let rows: Vec<_> =
            (first..last).map(|number| reader(store, number, account)).collect::<Result<_, AnyError>>()?;
        let insert = move |tx: &mut dyn WriteTx| {
            for (client, bundle) in &rows {
                if tx.client(client.id)?.is_none() {
                    tx.insert_client(client)?;
                    insert_bundle(tx, account, bundle)?;
                }
            }
            Ok(())
        };
        store.write::<_, StoreError, _>("readers", insert).await?;
    }
    Ok(())
}

fn reader(
    store: &Arc<dyn Store>,
    number: u64,
    account_id: AccountId,
) -> Result<(ClientRow, BundleRow), AnyError> {
    let (id, created) = (reader_id(number), Timestamp::from_micros(BEGIN));
    let registered = SigningKeyPair::generate();
    let client = ClientRow {
        id,
        account_id,
        name: format!("reader {number}"),
        kind: "general".to_owned(),
        public_key: KeySet::encryption(EncryptionPrivateKey::generate().public_key()),
        signing_key: KeySet::signing(registered.public_key()),
        api_key_id: format!("{:064x}", u128::from(number) + (1 << 100)),
        // Nobody logs in as one of them.
        api_secret_hash: [0; 32],
        enabled: true,
        has_backup: false,
        registered_with: None,
        created,
        tokens_valid_after: Timestamp::from_micros(0),
    };
    Ok((client, BundleRow { created, link: BundleLink::first(&registered, store.id(), id)? }))
}

/// Fills a type, in which there is a record, up to so many. One that was filled halfway goes on where it stopped.
pub(crate) async fn add_records(
    store: &Arc<dyn Store>,
    writer: ClientId,
    record_type: &str,
    count: u64,
) -> Result<(), AnyError> {
    let template = Template::of(store, writer, record_type).await?;
    // One is there.
    let count = count - 1;
    let first = first_missing(store, &template, count).await?;
    let begun = Instant::now();
    let mut at = first;
    while at < count {
        let end = (at + RECORDS).min(count);
        let template = Arc::clone(&template);
        let insert = move |tx: &mut dyn WriteTx| (at..end).try_for_each(|number| template.copy(tx, number));
        store.write::<_, StoreError, _>("records", insert).await?;
        at = end;
    }
    if at > first {
        let (added, seconds) = (at - first, begun.elapsed().as_secs_f64());
        eprintln!("{record_type}: {added} records in {seconds:.0} s, {:.0} a second", added as f64 / seconds);
    }
    Ok(())
}

/// Records are there up to some number: batches are kept as a whole, in their order.
async fn first_missing(
    store: &Arc<dyn Store>,
    template: &Arc<Template>,
    count: u64,
) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let key = template.key(&uuid(middle, 0x7));
        let there = move |tx: &dyn tozstore_server::store::ReadTx| {
            Ok(tx.sealed_row(SealedTable::Records, &key)?.is_some())
        };
        if store.read::<_, StoreError, _>("there", there).await? { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// The rows of a record that the SDK wrote.
struct Template {
    writer: ClientId,
    account: AccountId,
    /// The type's name and U+0000, with which its keys begin.
    prefix: Vec<u8>,
    /// Begins with its place in the order of writing.
    record: Vec<u8>,
    fields: Vec<u8>,
    /// Begins with its id.
    order: Vec<u8>,
}

impl Template {
    async fn of(store: &Arc<dyn Store>, writer: ClientId, record_type: &str) -> Result<Arc<Self>, AnyError> {
        let prefix = [record_type.as_bytes(), &[0]].concat();
        let read = move |tx: &dyn tozstore_server::store::ReadTx| {
            let lost = || StoreError::Corrupt("there is no record to copy".to_owned());
            let run = SealedRun::of_prefix(writer, &prefix);
            let first = |table| {
                let rows = tx.sealed_rows(table, &run, false, 1)?;
                rows.into_iter().next().map(|(_, value)| value).ok_or_else(lost)
            };
            let account = tx.client(writer)?.ok_or_else(lost)?.account_id;
            let (record, fields) = (first(SealedTable::Records)?, first(SealedTable::Fields)?);
            let order = first(SealedTable::RecordOrder)?;
            Ok(Arc::new(Self { writer, account, prefix: prefix.clone(), record, fields, order }))
        };
        Ok(store.read::<_, StoreError, _>("template", read).await?)
    }

    fn key(&self, rest: &[u8]) -> SealedKey {
        SealedKey::new(self.writer, [&self.prefix, rest].concat())
    }

    fn copy(&self, tx: &mut dyn WriteTx, number: u64) -> Result<(), StoreError> {
        let (id, index) = (uuid(number, 0x7), tx.next_record_index()?.0.to_be_bytes());
        let (mut record, mut order) = (self.record.clone(), self.order.clone());
        record.splice(..index.len(), index);
        order.splice(..id.len(), id);
        tx.put_sealed_row(SealedTable::Records, &self.key(&id), self.account, &record)?;
        tx.put_sealed_row(SealedTable::Fields, &self.key(&id), self.account, &self.fields)?;
        tx.put_sealed_row(SealedTable::RecordOrder, &self.key(&index), self.account, &order)
    }
}

/// Ids in the order of their numbers, of a kind each.
fn uuid(number: u64, kind: u8) -> [u8; 16] {
    let millis = (BEGIN / 1_000) as u64 + number;
    let mut bytes = [kind; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6] = 0x70 | (kind & 15);
    bytes[8] = 0x80 | (kind & 15);
    bytes
}

//! Encrypted access keys: `/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{type}`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::{AccessKey, MAX_ACCESS_KEY_BYTES, PutAccessKey, RecordType, Timestamp, paths};
use tozstore_crypto::{AccountId, ClientId};

use super::{Credential, Error, Json, Path};
use crate::App;
use crate::policy::{self, Action, NO_KEY, living_client, living_clients};
use crate::store::{
    AccessKeyRow, Change, ChangeKind, ClientRow, KeySlot, ReadTx, RecordTypeRow, RecordTypeSlot, StoreError,
    WriteTx, is_sealed,
};

/// Format of what is written through these endpoints.
pub(super) const FORMAT: &str = "interop";
/// Suite of what is written through these endpoints.
pub(super) const SUITE: &str = "sodium-1";

type KeyPath = Path<(ClientId, ClientId, ClientId, RecordType)>;

/// Puts an access key.
///
/// A key that is there is never replaced: clients rely on that when two of them make a first key at once.
#[utoipa::path(
    put, path = paths::ACCESS_KEY, request_body = PutAccessKey,
    responses((status = 201, body = PutAccessKey), (status = 403), (status = 409))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, reader, record_type)): KeyPath,
    Json(body): Json<PutAccessKey>,
) -> Result<(StatusCode, axum::Json<PutAccessKey>), Error> {
    if body.eak.len() > MAX_ACCESS_KEY_BYTES {
        return Err(Error::bad_request(format!("an access key has at most {MAX_ACCESS_KEY_BYTES} bytes")));
    }
    let slot = KeySlot { type_slot: RecordTypeSlot { writer, user, record_type }, reader };
    let eak = body.eak.clone();
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let facts = policy::facts(tx.as_read(), caller.id, &slot.type_slot)?;
        policy::decide(caller.id, Action::PutKey { reader }, &facts)?;
        refuse_sealed(tx.as_read(), &slot.type_slot)?;
        let account_id = facts.writer_account.ok_or(NO_KEY)?;
        if living_client(tx.as_read(), reader)?.is_none() {
            return Err(Error::NotFound("no such client"));
        }
        if let Some(old) = tx.access_key(&slot)? {
            // Nobody can open a key without the public key of who made it.
            if living_client(tx.as_read(), old.authorizer)?.is_some() {
                return Err(Error::Conflict("there is an access key already"));
            }
            tx.delete_access_key(&slot)?;
        }
        let now = tx.stamp()?;
        let RecordTypeRow { format, suite, .. } = use_type(tx, &slot.type_slot, account_id, now)?;
        let (slot, eak) = (slot.clone(), eak.clone());
        let change = change(ChangeKind::AccessKeyPut, account_id, caller.id, &slot);
        let row = AccessKeyRow { slot, account_id, eak, authorizer: caller.id, format, suite, created: now };
        tx.insert_access_key(&row)?;
        tx.append_change(now, &change)?;
        Ok(())
    };
    app.store.write("put access key", write).await?;
    Ok((StatusCode::CREATED, axum::Json(body)))
}

/// Reads an access key.
#[utoipa::path(get, path = paths::ACCESS_KEY, responses((status = 200, body = AccessKey)))]
pub async fn read(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, reader, record_type)): KeyPath,
) -> Result<axum::Json<AccessKey>, Error> {
    let type_slot = RecordTypeSlot { writer, user, record_type };
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let facts = policy::facts(tx, caller.id, &type_slot)?;
        policy::decide(caller.id, Action::ReadKey { reader }, &facts)?;
        let key = KeyAnswers::new(reader).of(tx, &type_slot)?.ok_or(NO_KEY)?;
        Ok::<_, Error>(axum::Json(key))
    };
    app.store.read("read access key", read).await
}

/// Deletes an access key.
#[utoipa::path(delete, path = paths::ACCESS_KEY, responses((status = 204), (status = 403)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, reader, record_type)): KeyPath,
) -> Result<StatusCode, Error> {
    let slot = KeySlot { type_slot: RecordTypeSlot { writer, user, record_type }, reader };
    remove(&app, credential, Action::DeleteKey { reader }, slot).await
}

/// Deletes an access key as its reader.
#[utoipa::path(delete, path = paths::READER_ACCESS_KEY, responses((status = 204), (status = 403)))]
pub async fn delete_as_reader(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, reader, record_type)): KeyPath,
) -> Result<StatusCode, Error> {
    let slot = KeySlot { type_slot: RecordTypeSlot { writer, user, record_type }, reader };
    remove(&app, credential, Action::GiveUpKey { reader }, slot).await
}

/// Keys of one reader as they are answered, each looked up once.
pub(super) struct KeyAnswers {
    reader: ClientId,
    known: HashMap<RecordTypeSlot, Option<AccessKey>>,
}

impl KeyAnswers {
    /// Of this reader.
    pub(super) fn new(reader: ClientId) -> Self {
        Self { reader, known: HashMap::new() }
    }

    /// The key to a record type, if the reader has one.
    pub(super) fn of(
        &mut self,
        tx: &dyn ReadTx,
        slot: &RecordTypeSlot,
    ) -> Result<Option<AccessKey>, StoreError> {
        if let Some(key) = self.known.get(slot) {
            return Ok(key.clone());
        }
        let key = self.load(tx, slot)?;
        self.known.insert(slot.clone(), key.clone());
        Ok(key)
    }

    /// Looks up the keys to these record types together, for [`of`](Self::of).
    pub(super) fn look_up<'a>(
        &mut self,
        tx: &dyn ReadTx,
        slots: impl IntoIterator<Item = &'a RecordTypeSlot>,
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<_> = slots.into_iter().filter(|slot| !self.known.contains_key(slot)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let places = wanted.iter().map(|slot| KeySlot { type_slot: (*slot).clone(), reader: self.reader });
        let rows = tx.access_keys(&places.collect::<Vec<_>>())?;
        let clients = rows.iter().flat_map(|row| [row.authorizer, row.slot.type_slot.writer]);
        let living = living_clients(tx, clients)?;
        self.known.extend(wanted.into_iter().map(|slot| (slot.clone(), None)));
        for row in rows {
            let (authorizer, writer) = (living.get(&row.authorizer), living.get(&row.slot.type_slot.writer));
            if let (Some(authorizer), Some(writer)) = (authorizer, writer) {
                let slot = row.slot.type_slot.clone();
                self.known.insert(slot, Some(answer(row, authorizer.clone(), writer.clone())));
            }
        }
        Ok(())
    }

    fn load(&self, tx: &dyn ReadTx, slot: &RecordTypeSlot) -> Result<Option<AccessKey>, StoreError> {
        let Some(row) = tx.access_key(&KeySlot { type_slot: slot.clone(), reader: self.reader })? else {
            return Ok(None);
        };
        let living = living_clients(tx, [row.authorizer, slot.writer])?;
        let both = living.get(&row.authorizer).zip(living.get(&slot.writer));
        Ok(both.map(|(authorizer, writer)| answer(row, authorizer.clone(), writer.clone())))
    }
}

fn answer(row: AccessKeyRow, authorizer: ClientRow, writer: ClientRow) -> AccessKey {
    AccessKey {
        eak: row.eak,
        authorizer_id: authorizer.id,
        authorizer_public_key: authorizer.public_key,
        signer_id: writer.id,
        signer_signing_key: writer.signing_key,
    }
}

/// Makes sure that a record type is in use, with the format of these endpoints.
pub(super) fn use_type(
    tx: &mut dyn WriteTx,
    slot: &RecordTypeSlot,
    account_id: AccountId,
    now: Timestamp,
) -> Result<RecordTypeRow, Error> {
    refuse_sealed(tx.as_read(), slot)?;
    let (format, suite) = (FORMAT.to_owned(), SUITE.to_owned());
    let row = tx.ensure_record_type(&RecordTypeRow {
        slot: slot.clone(),
        account_id,
        format,
        suite,
        created: now,
    })?;
    // Mixing formats under one access key would let one be taken for the other.
    if row.format != FORMAT || row.suite != SUITE {
        return Err(Error::Conflict("this record type is kept in another format"));
    }
    Ok(row)
}

/// That a record type is not sealed: it has one format, for good, and this one is not that of these endpoints. Asked in
/// the transaction that writes, once the caller was found to be allowed to: to others, a sealed type looks like none.
pub(super) fn refuse_sealed(tx: &dyn ReadTx, slot: &RecordTypeSlot) -> Result<(), Error> {
    if is_sealed(tx, slot.writer, slot.record_type.as_str())? {
        return Err(Error::Conflict("this record type is sealed"));
    }
    Ok(())
}

/// A change of a key.
pub(super) fn change(kind: ChangeKind, account_id: AccountId, actor: ClientId, slot: &KeySlot) -> Change {
    Change {
        actor: Some(actor),
        client: Some(slot.type_slot.writer),
        other: Some(slot.reader),
        record_type: Some(slot.type_slot.record_type.clone()),
        ..Change::new(kind, account_id)
    }
}

async fn remove(
    app: &App,
    credential: Credential,
    action: Action<'static>,
    slot: KeySlot,
) -> Result<StatusCode, Error> {
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let facts = policy::facts(tx.as_read(), caller.id, &slot.type_slot)?;
        policy::decide(caller.id, action, &facts)?;
        // To give up what one does not have is done already, whatever the format.
        if matches!(action, Action::DeleteKey { .. }) {
            refuse_sealed(tx.as_read(), &slot.type_slot)?;
        }
        if let Some(row) = tx.access_key(&slot)? {
            let now = tx.stamp()?;
            tx.delete_access_key(&slot)?;
            tx.append_change(now, &change(ChangeKind::AccessKeyDeleted, row.account_id, caller.id, &slot))?;
        }
        Ok::<_, Error>(())
    };
    app.store.write("delete access key", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

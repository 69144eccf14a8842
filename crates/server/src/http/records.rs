//! Records: `/v1/storage/records`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use tozstore_api::{
    BatchRequest, BatchResponse, BulkDelete, BulkDeleted, ListedRecord, MAX_BATCH_RECORDS,
    MAX_RECORD_SIGNATURE_BYTES, NotDeleted, Record, RecordData, RecordMeta, RecordWrite, paths,
};
use tozstore_crypto::{ClientId, RecordId, Version};

use super::access_keys::{KeyAnswers, use_type};
use super::files::file_meta;
use super::memory::Counted;
use super::{Credential, Error, OptionalJson, Path, RecordJson, groups};
use crate::policy::{self, Action, NO_RECORD, NOT_DELETABLE};
use crate::store::{Change, ChangeKind, RecordHead, RecordRow, RecordTypeSlot, SizedHead, StoreError};
use crate::{App, ids, quotas};

/// Stands for the type of a record of which the caller may know nothing.
const UNKNOWN_TYPE: &str = "N/A";

/// Sealed fields as JSON text that is passed on unread.
pub(super) type SealedText = Box<RawValue>;

/// Bytes of sealed fields that one answer with many records has, at most or nearly so.
///
/// It bounds the memory that a request takes, and is far above what a page of records of usual size has. A search page
/// ends early there (some clients take a page that is not full for the last one: they have to ask for smaller pages
/// when their records are that large); a batch, which has no pages, is refused.
pub(super) const MAX_ANSWER_DATA_BYTES: usize = 64 * 1024 * 1024;

/// Writes a record.
#[utoipa::path(
    post, path = paths::RECORDS, request_body = RecordWrite,
    responses((status = 201, body = Record), (status = 403), (status = 409))
)]
pub async fn write(
    State(app): State<Arc<App>>,
    credential: Credential,
    RecordJson(body): RecordJson<RecordWrite>,
) -> Result<(StatusCode, axum::Json<Record<SealedText>>), Error> {
    check(&body)?;
    let id = ids::new_record_id(app.now(), credential.client_id())?;
    let version = ids::new_version();
    let (data, quotas) = (body.data.to_json(), app.config.quotas);
    let write = move |tx: &mut dyn crate::store::WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let type_slot = slot(&body);
        let facts = policy::facts(tx.as_read(), caller.id, &type_slot)?;
        policy::decide(caller.id, Action::WriteRecord, &facts)?;
        let now = tx.stamp()?;
        let in_use = use_type(tx, &type_slot, caller.account_id, now)?;
        let head = RecordHead {
            index: tx.next_record_index()?,
            id,
            version,
            type_slot,
            account_id: caller.account_id,
            plain: body.meta.plain.clone(),
            signature: body.rec_sig.clone(),
            format: in_use.format,
            suite: in_use.suite,
            file: None,
            created: now,
            last_modified: now,
        };
        let row = RecordRow { head, data: data.clone() };
        quotas::admit_new(tx.as_read(), &quotas, &row)?;
        tx.insert_record(&row)?;
        tx.append_change(now, &change(ChangeKind::RecordWritten, caller.id, &row.head))?;
        Ok::<_, Error>(row)
    };
    let row = app.store.write("write record", write).await?;
    Ok((StatusCode::CREATED, answer(row)?))
}

/// Reads a record.
#[utoipa::path(
    get, path = paths::RECORD,
    params(("field" = Option<Vec<String>>, Query, description = "The only fields to answer with.")),
    responses((status = 200, body = Record))
)]
pub async fn read(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<RecordId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    let read = move |tx: &dyn crate::store::ReadTx| {
        let caller = credential.client(tx)?;
        let row = tx.record(id)?.ok_or(NO_RECORD)?;
        let facts = policy::record_facts(tx, caller.id, &row.head)?;
        policy::decide(caller.id, Action::ReadRecord, &facts)?;
        Ok::<_, Error>(row)
    };
    let mut row = app.store.read("read record", read).await?;
    let wanted = fields(query.as_deref().unwrap_or_default());
    if !wanted.is_empty() {
        let mut data = RecordData::from_json(&row.data).map_err(corrupt)?;
        data.retain(|name| wanted.contains(name));
        row.data = data.to_json();
    }
    answer(row)
}

/// Reads many records.
///
/// Those that the caller may not read are left out.
#[utoipa::path(
    get, path = paths::RECORDS, request_body = Option<BatchRequest>,
    responses((status = 200, body = BatchResponse))
)]
pub async fn read_batch(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<BatchRequest>,
) -> Result<axum::Json<BatchResponse<SealedText>>, Error> {
    batch(&app, credential, request.unwrap_or_default(), |_, _| true).await
}

/// Reads many records of others.
///
/// The caller's own are left out, and those that it may not read.
#[utoipa::path(
    get, path = paths::RECORDS_SHARED, request_body = Option<BatchRequest>,
    responses((status = 200, body = BatchResponse))
)]
pub async fn read_shared_batch(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<BatchRequest>,
) -> Result<axum::Json<BatchResponse<SealedText>>, Error> {
    batch(&app, credential, request.unwrap_or_default(), |caller, writer| caller != writer).await
}

/// Replaces a record of a known version.
#[utoipa::path(
    put, path = paths::RECORD_SAFE, request_body = RecordWrite,
    responses((status = 200, body = Record), (status = 403), (status = 409))
)]
pub async fn update_safe(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((id, version)): Path<(RecordId, String)>,
    RecordJson(body): RecordJson<RecordWrite>,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    replace(&app, credential, Action::UpdateRecord, id, Some(version), body).await
}

/// Replaces a record, whatever its version.
#[utoipa::path(
    put, path = paths::RECORD, request_body = RecordWrite,
    responses((status = 200, body = Record), (status = 403))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<RecordId>,
    RecordJson(body): RecordJson<RecordWrite>,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    replace(&app, credential, Action::UpdateRecord, id, None, body).await
}

/// Replaces a record that another client shared for editing.
#[utoipa::path(
    put, path = paths::RECORD_EDIT, request_body = RecordWrite,
    responses((status = 200, body = Record), (status = 403), (status = 409))
)]
pub async fn edit(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((id, version)): Path<(RecordId, String)>,
    RecordJson(body): RecordJson<RecordWrite>,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    replace(&app, credential, Action::EditRecord, id, Some(version), body).await
}

/// Deletes a record of a known version.
#[utoipa::path(delete, path = paths::RECORD_SAFE, responses((status = 204), (status = 403), (status = 409)))]
pub async fn delete_safe(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((id, version)): Path<(Option<RecordId>, String)>,
) -> Result<StatusCode, Error> {
    remove(&app, credential, id, Some(version)).await
}

/// Deletes a record, whatever its version.
#[utoipa::path(delete, path = paths::RECORD, responses((status = 204), (status = 403)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<Option<RecordId>>,
) -> Result<StatusCode, Error> {
    remove(&app, credential, id, None).await
}

/// Deletes many records.
///
/// What cannot be deleted is named, the rest is deleted.
#[utoipa::path(
    delete, path = paths::RECORDS_BULK_DELETE, request_body = Option<BulkDelete>,
    responses((status = 200, body = BulkDeleted))
)]
pub async fn delete_many(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<BulkDelete>,
) -> Result<axum::Json<BulkDeleted>, Error> {
    let ids = request.unwrap_or_default().record_ids;
    if ids.len() > MAX_BATCH_RECORDS {
        return Err(Error::bad_request(format!("a batch has at most {MAX_BATCH_RECORDS} ids")));
    }
    let write = move |tx: &mut dyn crate::store::WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let mut answer = BulkDeleted::default();
        for &record_id in ids.iter().collect::<BTreeSet<_>>() {
            let mut refuse = |record_type: &str, error: &str| {
                let refused = answer.record_delete_error.entry(record_type.to_owned()).or_default();
                refused.push(NotDeleted { record_id, error: error.to_owned() });
            };
            let Some(head) = tx.record_head(record_id)? else {
                refuse(UNKNOWN_TYPE, "Not Found");
                continue;
            };
            let facts = policy::record_facts(tx.as_read(), caller.id, &head)?;
            let may = |action| policy::decide(caller.id, action, &facts).is_ok();
            match (may(Action::DeleteRecord), may(Action::ReadRecord)) {
                (true, _) => {
                    let now = tx.stamp()?;
                    tx.delete_record(record_id)?;
                    tx.append_change(now, &change(ChangeKind::RecordDeleted, caller.id, &head))?;
                }
                (false, true) => refuse(head.type_slot.record_type.as_str(), "Forbidden"),
                (false, false) => refuse(UNKNOWN_TYPE, "Not Found"),
            }
        }
        Ok::<_, Error>(answer)
    };
    app.store.write("delete records", write).await.map(axum::Json)
}

/// A record's metadata as it is answered.
pub(super) fn meta(head: RecordHead) -> RecordMeta {
    RecordMeta {
        record_id: head.id,
        writer_id: head.type_slot.writer,
        user_id: head.type_slot.user,
        record_type: head.type_slot.record_type,
        plain: head.plain,
        created: head.created,
        last_modified: head.last_modified,
        version: head.version,
        file_meta: head.file.map(file_meta),
    }
}

/// Sealed fields as they were stored, checked to be JSON, so that no answer is broken by a broken row.
pub(super) fn sealed_text(data: String) -> Result<SealedText, Error> {
    RawValue::from_string(data).map_err(corrupt)
}

async fn batch(
    app: &App,
    credential: Credential,
    request: BatchRequest,
    wanted: fn(ClientId, ClientId) -> bool,
) -> Result<axum::Json<BatchResponse<SealedText>>, Error> {
    if request.record_ids.len() > MAX_BATCH_RECORDS {
        return Err(Error::bad_request(format!("a batch has at most {MAX_BATCH_RECORDS} ids")));
    }
    let read = move |tx: &dyn crate::store::ReadTx| {
        let caller = credential.client(tx)?;
        let (mut known, mut keys) = (HashMap::new(), KeyAnswers::new(caller.id));
        let mut heads: HashMap<_, _> =
            tx.record_heads(&request.record_ids)?.into_iter().map(|found| (found.head.id, found)).collect();
        let (mut data_bytes, mut readable) = (0, Vec::new());
        for id in &request.record_ids {
            let Some(SizedHead { head, data_bytes: bytes }) = heads.remove(id) else { continue };
            if !wanted(caller.id, head.type_slot.writer) {
                continue;
            }
            let facts = match known.get(&head.type_slot) {
                Some(facts) => *facts,
                None => policy::facts(tx, caller.id, &head.type_slot)?,
            };
            known.insert(head.type_slot.clone(), facts);
            let facts = policy::with_record(tx, caller.id, facts, head.id)?;
            if policy::decide(caller.id, Action::ReadRecord, &facts).is_ok() {
                data_bytes += bytes;
                readable.push((head, facts));
            }
        }
        if !request.include_data {
            return Ok(readable.into_iter().map(|(head, _)| (head, None, None, None)).collect());
        }
        if data_bytes > MAX_ANSWER_DATA_BYTES {
            return Err(Error::bad_request("these records are too large for one answer: ask for fewer"));
        }
        keys.look_up(tx, readable.iter().map(|(head, _)| &head.type_slot))?;
        let mut data = tx.record_data(&readable.iter().map(|(head, _)| head).collect::<Vec<_>>())?;
        let mut found = Vec::with_capacity(readable.len());
        for (head, facts) in readable {
            let key = keys.of(tx, &head.type_slot)?;
            let group_key = if key.is_none() && facts.reads_in_group {
                let slot = &head.type_slot;
                groups::key_for_reader(tx, caller.id, slot.writer, &slot.record_type)?
            } else {
                None
            };
            let data = data.remove(&head.index).unwrap_or_default();
            found.push((head, Some(data), key, group_key));
        }
        Ok(found)
    };
    let found = app.store.read("read records", read).await?;
    let records = found.into_iter().map(|(head, data, access_key, group_access_key)| {
        let rec_sig = head.signature.clone();
        let record_data = data.map(sealed_text).transpose()?;
        Ok::<_, Error>(ListedRecord { meta: meta(head), record_data, access_key, group_access_key, rec_sig })
    });
    Ok(axum::Json(BatchResponse { records: records.collect::<Result<_, _>>()? }))
}

async fn replace(
    app: &App,
    credential: Credential,
    action: Action<'static>,
    id: RecordId,
    expected: Option<String>,
    body: Counted<RecordWrite>,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    let version = ids::new_version();
    let (data, quotas) = (body.data.to_json(), app.config.quotas);
    let write = move |tx: &mut dyn crate::store::WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let mut head = tx.record_head(id)?.ok_or(NO_RECORD)?;
        let facts = policy::record_facts(tx.as_read(), caller.id, &head)?;
        policy::decide(caller.id, action, &facts)?;
        check_update(&body, &head)?;
        check_version(&head, expected.as_deref())?;
        if head.type_slot != slot(&body) {
            return Err(Error::bad_request("the writer, user and type of a record cannot be changed"));
        }
        let now = tx.stamp()?;
        head.version = version;
        head.last_modified = now;
        head.plain = body.meta.plain.clone();
        head.signature = body.rec_sig.clone();
        let row = RecordRow { head, data: data.clone() };
        quotas::admit_version(tx.as_read(), &quotas, &row)?;
        tx.update_record(&row)?;
        tx.append_change(now, &change(ChangeKind::RecordUpdated, caller.id, &row.head))?;
        Ok(row)
    };
    answer(app.store.write("update record", write).await?)
}

async fn remove(
    app: &App,
    credential: Credential,
    id: Option<RecordId>,
    expected: Option<String>,
) -> Result<StatusCode, Error> {
    let write = move |tx: &mut dyn crate::store::WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let head = id.map(|id| tx.record_head(id)).transpose()?.flatten().ok_or(NOT_DELETABLE)?;
        let facts = policy::record_facts(tx.as_read(), caller.id, &head)?;
        policy::decide(caller.id, Action::DeleteRecord, &facts)?;
        check_version(&head, expected.as_deref())?;
        let now = tx.stamp()?;
        tx.delete_record(head.id)?;
        tx.append_change(now, &change(ChangeKind::RecordDeleted, caller.id, &head))?;
        Ok::<_, Error>(())
    };
    app.store.write("delete record", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new record has fields.
fn check(body: &RecordWrite) -> Result<(), Error> {
    if body.data.is_empty() {
        return Err(Error::bad_request("a record has at least one field"));
    }
    check_signature(body)
}

/// So has one that is changed, unless it has a file: official clients change the metadata of a file in this way.
pub(super) fn check_update(body: &RecordWrite, head: &RecordHead) -> Result<(), Error> {
    if head.file.is_some() { check_signature(body) } else { check(body) }
}

fn check_signature(body: &RecordWrite) -> Result<(), Error> {
    if body.rec_sig.as_ref().is_some_and(|signature| signature.len() > MAX_RECORD_SIGNATURE_BYTES) {
        return Err(Error::bad_request(format!(
            "a signature has at most {MAX_RECORD_SIGNATURE_BYTES} bytes"
        )));
    }
    Ok(())
}

/// A version that the client made up is no more current than an old one, whatever its form.
pub(super) fn check_version(head: &RecordHead, expected: Option<&str>) -> Result<(), Error> {
    match expected {
        Some(text) if text.parse::<Version>() != Ok(head.version) => {
            Err(Error::Conflict("the record has another version by now"))
        }
        _ => Ok(()),
    }
}

pub(super) fn slot(body: &RecordWrite) -> RecordTypeSlot {
    let meta = &body.meta;
    RecordTypeSlot { writer: meta.writer_id, user: meta.user_id, record_type: meta.record_type.clone() }
}

/// A change of a record.
pub(super) fn change(kind: ChangeKind, actor: ClientId, head: &RecordHead) -> Change {
    Change {
        actor: Some(actor),
        client: Some(head.type_slot.writer),
        record_type: Some(head.type_slot.record_type.clone()),
        record: Some((head.id, head.version)),
        ..Change::new(kind, head.account_id)
    }
}

pub(super) fn answer(row: RecordRow) -> Result<axum::Json<Record<SealedText>>, Error> {
    let RecordRow { head, data } = row;
    let rec_sig = head.signature.clone();
    Ok(axum::Json(Record { data: sealed_text(data)?, rec_sig, meta: meta(head) }))
}

fn corrupt(error: serde_json::Error) -> Error {
    Error::Store(StoreError::Corrupt(format!("the data of a record: {error}")))
}

/// Names after `field=` in a query. A plus sign may stand for a space or for itself, as clients differ there: both are
/// names to look for.
fn fields(query: &str) -> HashSet<String> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("field="));
    let names = values.flat_map(|value| [value.to_owned(), value.replace('+', " ")]);
    names.filter_map(|name| percent_decode_str(&name).decode_utf8().ok().map(String::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_query() {
        let names = |query| {
            let mut names: Vec<_> = fields(query).into_iter().collect();
            names.sort();
            names
        };
        assert_eq!(names(""), Vec::<String>::new());
        assert_eq!(names("field=a&x=b&field=c%26d&field=%ff"), ["a", "c&d"]);
        assert_eq!(names("field=a+b"), ["a b", "a+b"]);
        assert_eq!(names("field=a%2Bb"), ["a+b"]);
    }
}

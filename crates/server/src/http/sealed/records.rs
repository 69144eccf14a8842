//! Writing versions of sealed records: `/v3/records/{writer_id}/{record_type}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::sealed::{
    MAX_RECORDS_PER_WRITE, RecordWrite, RecordWrites, Rewrap, RewrapResult, RewrapResults, Rewraps,
    SealedErrorCode, StaleRecord, StaleRecords, WriteResult, WriteResults,
};
use tozstore_api::{RecordType, paths};
use tozstore_crypto::sealed::{BundleChain, Epoch, LogState, RecordPlace, RecordState, TypeName, TypePlace};
use tozstore_crypto::{ClientId, RecordId, StoreId, Version};

use super::logs::{facts, is_owed};
use super::{Call, Encoding, Failure, SealedCaller, put_status};
use crate::App;
use crate::policy::{SealedAction, SealedFacts};
use crate::store::{
    Change, ChangeKind, EpochPlace, ReadTx, SealedRecordRow, WriteTx, epochs_falling, log_entry, log_state,
    newest_bundle, put_sealed_record, sealed_record, sealed_records_by_id,
};

/// Records that are looked at for one page of those that are stale.
const MAX_EXAMINED: usize = 100_000;
const RECORDS_PER_LOOK: usize = 1000;
/// Versions that an answer about stale records has.
const MAX_STALE: usize = 1000;
/// Epochs that are looked at to tell which was current for a tombstone.
const MAX_EPOCHS: usize = 1000;

/// Writes a version of a record.
///
/// For the writer, and clients that may edit; a tombstone is the writer's. The same version again is 200.
#[utoipa::path(
    put, path = paths::SEALED_RECORD,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 201), (status = 200), (status = 403), (status = 409), (status = 501)),
    security(("sealed" = []))
)]
pub async fn write(State(app): State<Arc<App>>, call: Call) -> Result<StatusCode, Failure> {
    let (writer, name, record): (ClientId, TypeName, RecordId) = call.path()?;
    let body: RecordWrite = call.body()?;
    if body.record.version.object().place.record != record {
        return Err(Failure::bad(
            SealedErrorCode::Malformed,
            "the version is of another record than the path",
        ));
    }
    write_one(&app, call.caller, writer, &name, body).await
}

/// Writes many versions.
///
/// Each on its own is there or not: the answer has a status and a code for each.
#[utoipa::path(
    post, path = paths::SEALED_RECORDS,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn write_many(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<WriteResults>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let RecordWrites(bodies) = call.body()?;
    let caller = call.caller;
    let may_see = {
        let name = name.clone();
        move |tx: &dyn ReadTx| facts(tx, &caller, SealedAction::Read, writer, &name).map(drop)
    };
    app.store.read("find log", may_see).await?;
    let mut results = Vec::with_capacity(bodies.len().min(MAX_RECORDS_PER_WRITE));
    for body in bodies {
        let (status, code) = match write_one(&app, caller, writer, &name, body).await {
            Ok(status) => (status, String::new()),
            Err(failure) => {
                let (status, code) = failure.result();
                let code = serde_json::to_value(code).ok().and_then(|code| Some(code.as_str()?.to_owned()));
                (status, code.unwrap_or_default())
            }
        };
        results.push(WriteResult { status: status.as_u16(), code });
    }
    Ok(Encoding(WriteResults(results)))
}

/// Lists records whose data keys hang on an older epoch than the newest of their segment.
///
/// By ascending ids, behind `after`. To the writer also those that a delegate has wrapped anew, with the key that was
/// replaced. The first page says how many are left, exact up to 100,000 records.
#[utoipa::path(
    get, path = paths::SEALED_RECORDS_STALE,
    params(("after" = Option<String>, Query, description = "The id of the last record of the page before.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"), (status = 403)),
    security(("sealed" = []))
)]
pub async fn stale(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<StaleRecords>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let after: Option<RecordId> = params.one("after")?;
    params.finish()?;
    let (caller, store) = (call.caller, app.store.id());
    let read = move |tx: &dyn ReadTx| {
        let is_writer = facts(tx, &caller, SealedAction::Rewrap, writer, &name)?.is_writer();
        let state = log_state(tx, &type_place(store, writer, &name))?;
        let (mut last, mut left, mut records) = (after, 0, Vec::new());
        // Whoever goes on knows how many there are: without counting, a page costs what is on it.
        let counts = after.is_none();
        let mut next = None;
        for look in 1..=MAX_EXAMINED / RECORDS_PER_LOOK {
            let rows = sealed_records_by_id(tx, writer, &name, last, RECORDS_PER_LOOK)?;
            let is_last = rows.len() < RECORDS_PER_LOOK;
            for row in rows {
                let record = row.version.object().place.record;
                let original = row.original.filter(|_| is_writer);
                let is_deleted = row.version.object().state == RecordState::Deleted;
                if !is_deleted && (original.is_some() || !is_head(&state, &row.epoch)) {
                    if records.len() >= MAX_STALE {
                        next = next.or(last);
                        if !counts {
                            return Ok(Encoding(StaleRecords { left, next, records }));
                        }
                    } else {
                        let key = original.unwrap_or(row.key);
                        records.push(StaleRecord { version: row.version, key });
                    }
                    left += 1;
                }
                last = Some(record);
            }
            if is_last {
                break;
            }
            if look == MAX_EXAMINED / RECORDS_PER_LOOK {
                next = next.or(last);
            }
        }
        Ok(Encoding(StaleRecords { left, next, records }))
    };
    app.store.read("list stale records", read).await
}

/// Exchanges wrapped data keys.
///
/// Each only if the wrap that it replaces is still the one that was read, and the new epoch is the head of its segment.
#[utoipa::path(
    post, path = paths::SEALED_RECORDS_REWRAPS,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"), (status = 403)),
    security(("sealed" = []))
)]
pub async fn rewrap(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<RewrapResults>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let Rewraps(rewraps) = call.body()?;
    let (caller, store) = (call.caller, app.store.id());
    let write = move |tx: &mut dyn WriteTx| {
        let facts = facts(tx.as_read(), &caller, SealedAction::Rewrap, writer, &name)?;
        let state = log_state(tx.as_read(), &type_place(store, writer, &name))?;
        let mut results = Vec::with_capacity(rewraps.len());
        for rewrap in &rewraps {
            let row = sealed_record(tx.as_read(), writer, &name, rewrap.record)?;
            let (result, row) = judge(&state, rewrap, row, facts.is_writer());
            if let Some(row) = row {
                put_sealed_record(tx, facts.account_id, &row, None)?;
            }
            results.push(result);
        }
        Ok::<_, Failure>(Encoding(RewrapResults(results)))
    };
    app.store.write("rewrap data keys", write).await
}

async fn write_one(
    app: &App,
    caller: SealedCaller,
    writer: ClientId,
    name: &TypeName,
    body: RecordWrite,
) -> Result<StatusCode, Failure> {
    let store = app.store.id();
    ensure_sound(&body, &type_place(store, writer, name))?;
    let name = name.clone();
    let write = move |tx: &mut dyn WriteTx| {
        let facts = facts(tx.as_read(), &caller, SealedAction::Read, writer, &name)?;
        let version = body.record.version.object();
        let older = sealed_record(tx.as_read(), writer, &name, version.place.record)?;
        let digest = body.record.version.digest();
        let is_own = facts.is_writer() || version.author == caller.id;
        if is_own && older.as_ref().is_some_and(|older| older.digests.contains(&digest)) {
            return Ok(put_status(false));
        }
        let facts = super::logs::facts(tx.as_read(), &caller, SealedAction::Write, writer, &name)?;
        let epoch = admit(tx.as_read(), store, &caller, &facts, &body, older.as_ref())?;

        // All is decided: from here on nothing is refused.
        let now = tx.stamp()?;
        let digests = older.map(|older| older.digests).unwrap_or_default();
        let row = SealedRecordRow {
            index: tx.next_record_index()?,
            version: body.record.version.clone(),
            plain: body.record.plain.clone(),
            key: body.key.clone(),
            original: None,
            epoch,
            digests: SealedRecordRow::with_digest(&digests, digest),
        };
        put_sealed_record(tx, facts.account_id, &row, Some(&body.record.fields))?;
        tx.append_change(now, &change(&facts, &name, &row))?;
        Ok::<_, Failure>(put_status(true))
    };
    app.store.write("write sealed record", write).await
}

/// What the bytes alone show to be wrong.
fn ensure_sound(body: &RecordWrite, place: &TypePlace) -> Result<(), Failure> {
    let version = body.record.version.object();
    if version.place.record_type != *place {
        return Err(Failure::bad(SealedErrorCode::Malformed, "the version is of another type than the path"));
    }
    if version.file.is_some() || body.upload.is_some() {
        let text = "this server takes no sealed files yet";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, SealedErrorCode::NotHere, text));
    }
    if version.fields != body.record.fields.digest() || version.plain != body.record.plain.digest() {
        let text = "fields and plain metadata do not give the signed digests";
        return Err(Failure::bad(SealedErrorCode::BadDigest, text));
    }
    let is_tombstone = version.state == tozstore_crypto::sealed::RecordState::Deleted;
    if is_tombstone != body.has_no_key() {
        return Err(Failure::bad(
            SealedErrorCode::Malformed,
            "a tombstone has no key, and a live version has one",
        ));
    }
    Ok(())
}

/// Whether the version may be written now, and under which epoch it is.
fn admit(
    tx: &dyn ReadTx,
    store: StoreId,
    caller: &SealedCaller,
    facts: &SealedFacts,
    body: &RecordWrite,
    older: Option<&SealedRecordRow>,
) -> Result<EpochPlace, Failure> {
    let version = body.record.version.object();
    let (writer, name) = (facts.writer, &version.place.record_type.type_name);
    let head = facts.log.position();
    if version.author != caller.id {
        return Err(Failure::bad(SealedErrorCode::Rule, "a version is sent by its author"));
    }
    if version.author_bundle != caller.bundle {
        let text = "the version is signed with another bundle than the client's newest";
        return Err(Failure::unsigned(SealedErrorCode::BundleOld, text));
    }
    verify(tx, store, caller, body)?;
    if is_owed(tx, writer, name, &facts.log)? {
        let text = "somebody who should not has the key of this type: rotate first";
        return Err(Failure::conflict(SealedErrorCode::RotationOwed, text).at(head));
    }
    ensure_follows(body, older)?;
    if version.basis != head {
        let known = log_entry(tx, writer, name, version.basis.position)?;
        if known.is_none_or(|entry| entry.entry.digest() != version.basis.digest) {
            let text = "the log has no such entry: read it, and sign the version anew";
            return Err(Failure::conflict(SealedErrorCode::BasisUnknown, text).at(head));
        }
    }
    if !facts.is_writer() {
        let state = log_state(tx, &version.place.record_type)?;
        if !state.may_write_at(caller.id, version.basis.position) {
            return Err(Failure::bad(SealedErrorCode::Rule, "the author might not write at its basis"));
        }
    }
    if body.has_no_key() {
        return epoch_at(tx, facts, name, version.basis.position);
    }
    if body.key.epoch() != facts.log.current.id {
        let text = "the data key hangs on an older epoch: read on, wrap it anew, and send the same version";
        let epoch = tozstore_crypto::sealed::Digest::from_bytes(*facts.log.current.id.as_bytes());
        return Err(Failure::conflict(SealedErrorCode::EpochOld, text)
            .at(head)
            .with(|body| body.epoch = Some(epoch)));
    }
    Ok(facts.log.current)
}

fn verify(tx: &dyn ReadTx, store: StoreId, caller: &SealedCaller, body: &RecordWrite) -> Result<(), Failure> {
    let bad = || Failure::bad(SealedErrorCode::BadSignature, "the signature of the version does not hold");
    let link = newest_bundle(tx, caller.id)?.ok_or_else(bad)?;
    let chain = BundleChain::resume(store, caller.id, &caller.bundle, &link).map_err(|_| bad())?;
    let place: &RecordPlace = &body.record.version.object().place;
    body.record.verify(place, &chain).map(drop).map_err(|_| bad())
}

/// That version and previous digest follow what is there.
fn ensure_follows(body: &RecordWrite, older: Option<&SealedRecordRow>) -> Result<(), Failure> {
    let version = body.record.version.object();
    let Some(older) = older else {
        if version.place.version == 1 {
            return Ok(());
        }
        let text = "there is no such record: it begins with version 1";
        return Err(
            Failure::conflict(SealedErrorCode::VersionConflict, text).with(|body| body.version = Some(0))
        );
    };
    if older.is_deleted() {
        return Err(Failure::conflict(SealedErrorCode::Deleted, "the record was deleted"));
    }
    let newest = older.version.object().place.version;
    if version.place.version != newest + 1 || version.previous != Some(older.version.digest()) {
        return Err(Failure::version_conflict(newest, older.version.digest()));
    }
    Ok(())
}

/// The epoch that was current after that entry: which readers see a tombstone.
fn epoch_at(
    tx: &dyn ReadTx,
    facts: &SealedFacts,
    name: &TypeName,
    position: u64,
) -> Result<EpochPlace, Failure> {
    if facts.log.head.position == position {
        return Ok(facts.log.current);
    }
    let before = |epoch: &Epoch| epoch.entry.position <= position;
    let epochs = epochs_falling(tx, facts.writer, name, MAX_EPOCHS)?;
    let highest = epochs.iter().filter(|epoch| before(epoch)).max_by_key(|epoch| epoch.head.segment);
    // So many epochs ago, there were few segments.
    Ok(highest.map_or(EpochPlace { segment: 0, number: 0, ..facts.log.current }, EpochPlace::of))
}

fn change(facts: &SealedFacts, name: &TypeName, row: &SealedRecordRow) -> Change {
    let kind =
        if row.is_deleted() { ChangeKind::SealedRecordDeleted } else { ChangeKind::SealedRecordWritten };
    let place = &row.version.object().place;
    let version = Version::from_bytes(u128::from(place.version).to_be_bytes());
    Change {
        actor: Some(facts.caller),
        client: Some(facts.writer),
        record_type: RecordType::new(name.as_str()).ok(),
        record: Some((place.record, version)),
        ..Change::new(kind, facts.account_id)
    }
}

/// What becomes of a re-wrap, and the record with its new key.
fn judge(
    state: &LogState,
    rewrap: &Rewrap,
    row: Option<SealedRecordRow>,
    is_writer: bool,
) -> (RewrapResult, Option<SealedRecordRow>) {
    let changed = (RewrapResult::Changed, None);
    let Some(row) = row.filter(|row| !row.is_deleted()) else { return changed };
    if row.version.object().place.version != rewrap.version {
        return changed;
    }
    if row.key == rewrap.key {
        return (RewrapResult::Same, None);
    }
    // Within its segment, never into another: old records would open to readers from now.
    let head = state.heads().iter().find(|head| head.head.segment == row.epoch.segment);
    let Some(head) = head.filter(|head| head.id() == rewrap.key.epoch()) else { return changed };
    let confirmed = row.original.as_ref().filter(|_| is_writer);
    if row.key.digest() != rewrap.replaces && confirmed.is_none_or(|key| key.digest() != rewrap.replaces) {
        return changed;
    }
    // Nobody sees here whether a wrap opens: on the word of a delegate nothing is lost.
    let original = if is_writer { None } else { row.original.or(Some(row.key)) };
    let row = SealedRecordRow { key: rewrap.key.clone(), original, epoch: EpochPlace::of(head), ..row };
    (RewrapResult::Done, Some(row))
}

fn is_head(state: &LogState, epoch: &EpochPlace) -> bool {
    state.heads().iter().any(|head| head.id() == epoch.id)
}

fn type_place(store: StoreId, writer: ClientId, name: &TypeName) -> TypePlace {
    TypePlace { store, writer, type_name: name.clone() }
}

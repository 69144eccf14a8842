//! Reading sealed records: one, many by id, pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use tozstore_api::paths;
use tozstore_api::sealed::{
    MAX_RECORDS_PER_PAGE, MAX_SEALED_ANSWER_BYTES, ReadRecords, RecordPage, RecordView, RecordViews,
    SealedBody as _,
};
use tozstore_crypto::sealed::{FieldName, TypeName};
use tozstore_crypto::{ClientId, RecordId, decode_base64url};

use super::censuses::FormerAuthors;
use super::logs::facts;
use super::{Call, Encoding, Failure};
use crate::App;
use crate::policy::{SealedAction, SealedFacts};
use crate::store::{ReadTx, RecordIndex, SealedRecordRow, record_view, sealed_record, sealed_records_after};

/// Records that are looked at for one page.
const MAX_EXAMINED: usize = 20_000;
const RECORDS_PER_LOOK: usize = 1000;

/// Reads a record.
///
/// A tombstone too. With `field`, other fields are there as leaves alone, which prove that nothing is missing.
#[utoipa::path(
    get, path = paths::SEALED_RECORD,
    params((
        "field" = Option<Vec<String>>, Query,
        description = "The only fields to answer with in full; hidden names in base64url."
    )),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn read(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<RecordView>, Failure> {
    let (writer, name, record): (ClientId, TypeName, RecordId) = call.path()?;
    let mut params = call.params()?;
    let wanted = wanted(&params.all("field"));
    params.finish()?;
    let (caller, store) = (call.caller, app.store.id());
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        let row = sealed_record(tx, writer, &name, record)?.filter(|row| is_shown(&facts, row));
        let row = row.ok_or_else(Failure::not_found)?;
        let is_wanted = |field: &FieldName| wanted.is_empty() || wanted.contains(field.as_bytes());
        let census = FormerAuthors::new(tx, store, writer, name.clone()).leaf(&row.version)?;
        let view = record_view(tx, writer, &name, row, is_wanted)?;
        Ok::<_, Failure>(Encoding(RecordView { census, ..view }))
    };
    app.store.read("read sealed record", read).await
}

/// Reads many records.
///
/// As many from the first on as fit.
#[utoipa::path(
    post, path = paths::SEALED_RECORDS_READ,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn read_many(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<RecordViews>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let ReadRecords(ids) = call.body()?;
    let (caller, store) = (call.caller, app.store.id());
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        let (mut views, mut bytes) = (Vec::new(), 0);
        let mut former = FormerAuthors::new(tx, store, writer, name.clone());
        for &id in &ids {
            let row = sealed_record(tx, writer, &name, id)?.filter(|row| is_shown(&facts, row));
            let view = match row {
                Some(row) => {
                    let census = former.leaf(&row.version)?;
                    Some(RecordView { census, ..record_view(tx, writer, &name, row, |_| true)? })
                }
                None => None,
            };
            bytes += view.as_ref().map_or(Ok(0), |view| view.to_bytes().map(|view| view.len()))?;
            if bytes > MAX_SEALED_ANSWER_BYTES && !views.is_empty() {
                break;
            }
            views.push((id, view));
        }
        Ok::<_, Failure>(Encoding(RecordViews(views)))
    };
    app.store.read("read sealed records", read).await
}

/// Lists records.
///
/// In the order in which they were written last, behind `after`. With `fields=none` their fields are leaves alone; with
/// `deleted=1` there are tombstones too.
#[utoipa::path(
    get, path = paths::SEALED_RECORDS,
    params(
        ("after" = Option<u64>, Query, description = "Where the page before ended."),
        ("limit" = Option<u32>, Query, description = "Records on the page, at most."),
        ("fields" = Option<String>, Query, description = "`none` for leaves in the place of fields."),
        ("deleted" = Option<u8>, Query, description = "1 for tombstones too."),
    ),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn list(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<RecordPage>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let after = RecordIndex(params.one::<u64>("after")?.unwrap_or_default());
    let limit = params.limit(MAX_RECORDS_PER_PAGE)?;
    let bad =
        || Failure::from(crate::http::Error::bad_request("fields=none or nothing, deleted=1 or nothing"));
    let with_fields = match params.one::<String>("fields")?.as_deref() {
        None => true,
        Some("none") => false,
        Some(_) => return Err(bad()),
    };
    let with_deleted = match params.one::<u8>("deleted")? {
        None => false,
        Some(1) => true,
        Some(_) => return Err(bad()),
    };
    params.finish()?;
    let (caller, store) = (call.caller, app.store.id());
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        let mut former = FormerAuthors::new(tx, store, writer, name.clone());
        let (mut page, mut last, mut bytes) = (RecordPage { next: 0, records: Vec::new() }, after, 0);
        for _ in 0..MAX_EXAMINED / RECORDS_PER_LOOK {
            let places = sealed_records_after(tx, writer, &name, last, RECORDS_PER_LOOK)?;
            let is_last = places.len() < RECORDS_PER_LOOK;
            for place in places {
                if place.segment >= facts.from_segment() && (with_deleted || !place.deleted) {
                    if page.records.len() >= limit {
                        page.next = last.0;
                        return Ok(Encoding(page));
                    }
                    let Some(row) = sealed_record(tx, writer, &name, place.record)? else { continue };
                    let census = former.leaf(&row.version)?;
                    let view = record_view(tx, writer, &name, row, |_| with_fields)?;
                    let view = RecordView { census, ..view };
                    bytes += view.to_bytes()?.len();
                    if bytes > MAX_SEALED_ANSWER_BYTES && !page.records.is_empty() {
                        page.next = last.0;
                        return Ok(Encoding(page));
                    }
                    page.records.push(view);
                }
                last = place.index;
            }
            if is_last {
                return Ok(Encoding(page));
            }
        }
        page.next = last.0;
        Ok::<_, Failure>(Encoding(page))
    };
    app.store.read("list sealed records", read).await
}

/// A reader from a later segment is not shown what hangs on an earlier one: its metadata is in the clear.
fn is_shown(facts: &SealedFacts, row: &SealedRecordRow) -> bool {
    row.epoch.segment >= facts.from_segment()
}

/// Names as they stand in records: as text, or hidden, in base64url.
fn wanted(names: &[String]) -> BTreeSet<Vec<u8>> {
    let hidden = names.iter().filter_map(|name| decode_base64url(name).ok());
    names.iter().map(|name| name.as_bytes().to_vec()).chain(hidden).collect()
}

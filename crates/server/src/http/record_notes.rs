//! Notes that go with a record: `/v2/storage/notes/{record_id}/{view,records}`. Their writer alone lists and deletes them.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use tozstore_api::{MAX_NOTES_PER_PAGE, RecordNote, RecordNotes, paths};
use tozstore_crypto::{ClientId, RecordId};

use super::auth::Signer;
use super::notes::{Query, delete_row, max_views, query};
use super::{Error, Path};
use crate::App;
use crate::policy;
use crate::store::{ReadTx, WriteTx};

const NOT_A_CLIENT: Error = Error::Unauthorized("this needs a request signed in the name of a client");

/// The query of a page.
#[derive(Debug, Default, Deserialize)]
pub struct PageQuery {
    #[serde(rename = "nextToken", alias = "next_token")]
    next: Option<String>,
    max: Option<String>,
}

/// Lists the notes that go with a record.
///
/// For their writer.
#[utoipa::path(
    get, path = paths::RECORD_NOTES, security(("signature" = [])),
    params(
        ("nextToken" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Notes on the page, at most."),
    ),
    responses((status = 200, body = RecordNotes))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    signer: Signer,
    Path(record): Path<String>,
    query: Query<PageQuery>,
) -> Result<axum::Json<RecordNotes>, Error> {
    page(&app, signer, &record, self::query(query)?).await
}

/// Deletes the notes that go with a record.
///
/// For their writer.
#[utoipa::path(
    delete, path = paths::RECORD_NOTES_DELETE, security(("signature" = [])),
    responses((status = 204), (status = 400))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    signer: Signer,
    Path(record): Path<String>,
) -> Result<StatusCode, Error> {
    let record = record_id(&record)?;
    let limit = app.config.jobs.rows_per_step;
    let step = move |tx: &mut dyn WriteTx| {
        let caller = caller(tx.as_read(), signer)?;
        let notes = tx.notes_of_record(caller, record, 0, limit)?;
        for (_, head) in &notes {
            delete_row(tx, head, Some(caller))?;
        }
        Ok::<_, Error>(notes.len() >= limit)
    };
    while app.store.write("delete notes of record", step).await? {
        tokio::task::yield_now().await;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn page(
    app: &App,
    signer: Signer,
    record: &str,
    query: PageQuery,
) -> Result<axum::Json<RecordNotes>, Error> {
    let (record, now) = (record_id(record)?, app.now());
    let after = number(query.next)?;
    let limit = match number(query.max)? {
        0 => MAX_NOTES_PER_PAGE,
        asked => usize::try_from(asked).unwrap_or(usize::MAX).min(MAX_NOTES_PER_PAGE),
    };
    let read = move |tx: &dyn ReadTx| {
        let caller = caller(tx, signer)?;
        Ok::<_, Error>((caller, tx.notes_of_record(caller, record, after, limit)?))
    };
    let (caller, notes) = app.store.read("notes of record", read).await?;
    let next_token = if notes.len() < limit { 0 } else { notes.last().map_or(0, |(position, _)| *position) };
    let there = notes.into_iter().map(|(_, head)| head).filter(|head| !policy::is_gone(&head.uses, now));
    let results = there.map(|head| RecordNote {
        note_id: head.id,
        client_id: caller,
        created_at: head.created,
        max_views: max_views(&head),
        views: head.uses.views,
        expiration: head.expiration,
        expires: head.expires,
        record_id: record,
        is_secret: head.is_secret,
    });
    Ok(axum::Json(RecordNotes { results: results.collect(), next_token }))
}

fn caller(tx: &dyn ReadTx, signer: Signer) -> Result<ClientId, Error> {
    signer.client(tx)?.map(|row| row.id).ok_or(NOT_A_CLIENT)
}

fn record_id(text: &str) -> Result<RecordId, Error> {
    text.parse().map_err(|_| Error::bad_request("this is not the id of a record"))
}

fn number(text: Option<String>) -> Result<u64, Error> {
    match text.as_deref() {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| Error::bad_request("nextToken and max are whole numbers")),
    }
}

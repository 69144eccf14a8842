//! Notes with a file: `/v2/storage/notes/files`. Announced, sent and committed as a record's file is.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::{Note, NoteFileMeta, NoteWrite, PendingFile, paths};
use tozstore_crypto::PendingFileId;

use super::auth::Signer;
use super::direct_files::{download_url, take_over};
use super::files::{
    Announced, BaseUrl, NO_PENDING_FILE, check_size, pending_answer, put_pending, take_pending,
};
use super::notes::{answer, check, free_name, insert, row};
use super::records::SealedText;
use super::{Error, Path, RecordJson};
use crate::keys::FileTransfer;
use crate::store::{ChangeKind, FileContent, FileOwner, NoteHead, WriteTx};
use crate::{App, ids};

/// Anybody can make keys, and a file is larger than what a stranger may leave here.
const NOT_A_CLIENT: Error = Error::Forbidden("only clients write notes with files");

/// Announces a note with a file.
#[utoipa::path(
    post, path = paths::NOTE_FILES, security(("signature" = [])), request_body = NoteWrite,
    responses((status = 202, body = PendingFile), (status = 403), (status = 409))
)]
pub async fn announce(
    State(app): State<Arc<App>>,
    signer: Signer,
    base: BaseUrl,
    RecordJson(body): RecordJson<NoteWrite>,
) -> Result<(StatusCode, axum::Json<PendingFile>), Error> {
    check(&body)?;
    let NoteFileMeta { checksum, size, compression } =
        NoteFileMeta::from_plain(&body.file_meta).map_err(|error| Error::bad_request(error.to_string()))?;
    check_size(&app, size)?;
    let content = FileContent { len_bytes: size, checksum, compression };
    let announced = Announced::new(&app);
    let now = app.now();
    let write = move |tx: &mut dyn WriteTx| {
        let caller = signer.client(tx.as_read())?.ok_or(NOT_A_CLIENT)?;
        // The bytes need not be sent if the name is taken already.
        free_name(tx, Some(body.id_string.as_str()).filter(|name| !name.is_empty()), now)?;
        let owner = FileOwner::Note(Box::new(NoteWrite::clone(&body)));
        put_pending(tx, &caller, announced, owner, content.clone())
    };
    app.store.write("announce note", write).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(pending_answer(&app, &base, announced, &checksum).await)))
}

/// Commits an announced note whose bytes are there.
#[utoipa::path(
    patch, path = paths::NOTE_FILE, security(("signature" = [])),
    responses((status = 201, body = Note), (status = 400), (status = 403), (status = 409))
)]
pub async fn commit(
    State(app): State<Arc<App>>,
    signer: Signer,
    base: BaseUrl,
    Path(id): Path<PendingFileId>,
) -> Result<(StatusCode, axum::Json<Note<SealedText>>), Error> {
    take_over(&app, id, move |tx| Ok(signer.client(tx)?.map(|client| client.id))).await?;
    let now = app.now();
    let note_id = ids::new_note_id(now, signer.client_id())?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = signer.client(tx.as_read())?.ok_or(NOT_A_CLIENT)?;
        let (owner, file) = take_pending(tx, &caller, id, now)?;
        let FileOwner::Note(body) = owner else { return Err(NO_PENDING_FILE) };
        let mut row = row(note_id, &body, Some(caller.id), now);
        row.head.writer = Some((caller.id, caller.account_id));
        row.head.file = Some(file);
        free_name(tx, row.head.name.as_deref(), now)?;
        insert(tx, &mut row, ChangeKind::NoteWritten)?;
        Ok(row)
    };
    let row = app.store.write("commit note", write).await?;
    let file_url = url(&app, &base, &row.head).await;
    Ok((StatusCode::CREATED, axum::Json(answer(row, file_url)?)))
}

/// Where to fetch the file of a note, if it has one.
pub(super) async fn url(app: &App, base: &BaseUrl, head: &NoteHead) -> Option<String> {
    let file = head.file.as_ref()?;
    Some(download_url(app, base, file.key, FileTransfer::NoteDownload(head.id, file.key)).await)
}

//! Sending and fetching the bytes of files: `/v3/file-bytes/{token}`. Piece by piece, whatever the size.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use tozstore_api::{Timestamp, paths};
use tozstore_crypto::{FileChecksum, FileTally, PendingFileId, SealedFile};

use super::files::pending;
use super::{Error, Path};
use crate::App;
use crate::blobs::{BlobKey, BlobWriter};
use crate::keys::FileTransfer;
use crate::policy::{self, NO_NOTE, NO_RECORD, living_client};
use crate::store::{ReadTx, StoreError, StoredFile, WriteTx};

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const NO_PERMISSION: Error =
    Error::Forbidden("this address has lapsed, is for something else, or was not given by this server");
pub(super) const NOT_ANNOUNCED: Error =
    Error::BadRequest(Cow::Borrowed("these are not the bytes that were announced: size or checksum differ"));
/// Seconds after the last moment of an upload in which its bytes may be made durable.
pub(super) const FINISH_S: i64 = 3600;

/// Sends the bytes of an announced file.
///
/// They are kept only if they are those that were announced. The token is all the permission that it takes.
#[utoipa::path(
    put, path = paths::FILE_BYTES, security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200), (status = 403))
)]
pub async fn upload(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<StatusCode, Error> {
    let now = app.now();
    let Some(FileTransfer::Upload(id)) = app.keys.check_file_transfer(&token, now) else {
        return Err(NO_PERMISSION);
    };
    let announced = app.store.read("begin upload", move |tx| pending(tx, id, now)).await?;
    let expected =
        SealedFile { len_bytes: announced.content.len_bytes, checksum: announced.content.checksum };
    // What cannot be right is refused before it is sent: clients that ask first wait for this.
    check_headers(request.headers(), &expected)?;
    let key = BlobKey::new()?;
    let due = announced.expires.plus_seconds(FINISH_S);
    let write = move |tx: &mut dyn WriteTx| tx.release_blob(key, due);
    app.store.write::<_, StoreError, _>("begin upload", write).await?;
    let mut writer = app.blobs.create(key);
    match receive(&app, request.into_body(), &mut writer, &expected, announced.expires).await {
        Ok(()) => writer.finish().await?,
        Err(error) => {
            writer.abort().await;
            return Err(error);
        }
    }
    attach(&app, id, key).await?;
    Ok(StatusCode::OK)
}

/// Fetches the bytes of a file.
///
/// As they are, and with their length. The token is all the permission that it takes.
#[utoipa::path(
    get, path = paths::FILE_BYTES, security(()),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 403))
)]
pub async fn download(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, Error> {
    let now = app.now();
    let permitted = app.keys.check_file_transfer(&token, now).ok_or(NO_PERMISSION)?;
    let read = move |tx: &dyn ReadTx| find(tx, permitted, now);
    let file = app.store.read("download file", read).await?;
    let bytes = app.blobs.open(file.key).await?;
    let bytes = bytes.ok_or(Error::Internal("the bytes of a file are not there".into()))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(file.content.len_bytes)),
        // The bytes are the writer's: a browser must not take them for a page of this server.
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    let counter = app.metrics.file_bytes_out();
    let bytes = bytes.inspect_ok(move |piece| {
        counter.inc_by(piece.len() as u64);
    });
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// The file that an address permits to fetch, if its record or note has it still.
fn find(tx: &dyn ReadTx, permitted: FileTransfer, now: Timestamp) -> Result<StoredFile, Error> {
    match permitted {
        FileTransfer::Download(record, key) => {
            let head = tx.record_head(record)?.ok_or(NO_RECORD)?;
            let file = head.file.filter(|file| file.key == key).ok_or(NO_RECORD)?;
            living_client(tx, head.type_slot.writer)?.ok_or(NO_RECORD)?;
            Ok(file)
        }
        // One that was read as often as it may be is kept for a while: its last reader fetches the bytes after reading.
        FileTransfer::NoteDownload(note, key) => {
            let head = tx.note_head(note)?.filter(|head| !policy::is_gone(&head.uses, now)).ok_or(NO_NOTE)?;
            Ok(head.file.filter(|file| file.key == key).ok_or(NO_NOTE)?)
        }
        FileTransfer::Upload(_) => Err(NO_PERMISSION),
    }
}

fn check_headers(headers: &HeaderMap, expected: &SealedFile) -> Result<(), Error> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().trim().to_owned();
    if let Some(value) = headers.get(CONTENT_MD5) {
        let sent: FileChecksum = text(value)
            .parse()
            .map_err(|_| Error::bad_request("Content-MD5 is not the padded base64 of 16 bytes"))?;
        if sent != expected.checksum {
            return Err(Error::bad_request("Content-MD5 is not the checksum that was announced"));
        }
    }
    if let Some(value) = headers.get(header::CONTENT_LENGTH)
        && text(value).parse() != Ok(expected.len_bytes)
    {
        return Err(Error::bad_request("Content-Length is not the size that was announced"));
    }
    Ok(())
}

async fn receive(
    app: &App,
    mut body: Body,
    writer: &mut BlobWriter,
    expected: &SealedFile,
    last_moment: Timestamp,
) -> Result<(), Error> {
    let patience = Duration::from_secs(app.config.limits.body_read_timeout_s);
    let mut tally = FileTally::new();
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return Err(Error::BodyTooSlow),
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(|_| Error::bad_request("the body broke off"))?,
        };
        let Ok(bytes) = frame.into_data() else { continue };
        tally.count(&bytes);
        if tally.len_bytes() > expected.len_bytes {
            return Err(Error::bad_request("there are more bytes than were announced"));
        }
        if app.now() >= last_moment {
            return Err(Error::BodyTooSlow);
        }
        writer.write(&bytes).await?;
        app.metrics.file_bytes_in(bytes.len() as u64);
    }
    if tally.finish() == *expected { Ok(()) } else { Err(NOT_ANNOUNCED) }
}

/// Gives the bytes, which are durable by now, to the pending file.
pub(super) async fn attach(app: &App, id: PendingFileId, key: BlobKey) -> Result<(), Error> {
    let now = app.now();
    let write = move |tx: &mut dyn WriteTx| {
        pending(tx.as_read(), id, now)?;
        if !tx.claim_blob(key)? {
            return Err(Error::BodyTooSlow);
        }
        tx.attach_blob(id, key)?;
        Ok(())
    };
    app.store.write("attach file", write).await
}

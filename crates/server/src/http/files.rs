//! Files: `/v1/storage/files`, and the addresses at which their bytes are sent and fetched.
//!
//! An address is all the permission that it takes to send or fetch the bytes of one file: it carries no header of
//! ours, so that official clients can use it as they use those of a cloud store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use http::uri::Authority;
use http::{StatusCode, header};
use tozstore_api::{
    FileMeta, FileUpdate, FileWrite, ListFiles, MAX_BATCH_RECORDS, MAX_RECORD_SIGNATURE_BYTES, PendingFile,
    Record, RecordMeta, Timestamp, paths,
};
use tozstore_crypto::{FileChecksum, PendingFileId, RecordId, Version};

use super::access_keys::{refuse_sealed, use_type};
use super::direct_files::{self, expect_sent, sent_due, take_over};
use super::memory::Counted;
use super::records::{self, MAX_ANSWER_DATA_BYTES, SealedText, check_version, sealed_text};
use super::{Credential, Error, Json, Path, RecordJson};
use crate::keys::FileTransfer;
use crate::policy::{self, Action, NO_RECORD};
use crate::store::{
    ChangeKind, ClientRow, FileContent, FileOwner, PendingFileRow, ReadTx, RecordHead, RecordRow,
    RecordTypeSlot, RecordWithFile, StoreError, StoredFile, WriteTx,
};
use crate::{App, ids, quotas};

/// Files that one client may have announced and not committed.
const MAX_PENDING_FILES: usize = 1000;
pub(super) const NO_PENDING_FILE: Error = Error::NotFound("no such file was announced, or it has lapsed");
const NO_FIELDS: &str = "{}";

type Answer = axum::Json<Record<SealedText>>;

/// Announces a file.
#[utoipa::path(
    post, path = paths::FILES, request_body = FileWrite,
    responses((status = 202, body = PendingFile), (status = 403), (status = 409))
)]
pub async fn announce(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    RecordJson(body): RecordJson<FileWrite>,
) -> Result<(StatusCode, axum::Json<PendingFile>), Error> {
    insert_pending(&app, credential, base, Action::WriteRecord, None, body).await
}

/// Announces new content for a file.
#[utoipa::path(
    put, path = paths::FILE_VERSION, request_body = FileWrite,
    responses((status = 202, body = PendingFile), (status = 403), (status = 409))
)]
pub async fn announce_version(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path((id, version)): Path<(RecordId, String)>,
    RecordJson(body): RecordJson<FileWrite>,
) -> Result<(StatusCode, axum::Json<PendingFile>), Error> {
    insert_pending(&app, credential, base, Action::UpdateRecord, Some((id, version)), body).await
}

/// Announces new content for a file that another client shared for editing.
#[utoipa::path(
    put, path = paths::FILE_EDIT, request_body = FileWrite,
    responses((status = 202, body = PendingFile), (status = 403), (status = 409))
)]
pub async fn announce_edit(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path((id, version)): Path<(RecordId, String)>,
    RecordJson(body): RecordJson<FileWrite>,
) -> Result<(StatusCode, axum::Json<PendingFile>), Error> {
    insert_pending(&app, credential, base, Action::EditRecord, Some((id, version)), body).await
}

/// Commits an announced file whose bytes are there.
///
/// The id is that of what was announced.
#[utoipa::path(
    patch, path = paths::FILE,
    responses((status = 201, body = Record), (status = 400), (status = 403), (status = 409))
)]
pub async fn commit(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path(id): Path<PendingFileId>,
) -> Result<(StatusCode, Answer), Error> {
    commit_pending(&app, credential, base, id, None).await
}

/// Commits new content for a file.
#[utoipa::path(
    patch, path = paths::FILE_EDIT_COMMIT,
    responses((status = 201, body = Record), (status = 400), (status = 403), (status = 409))
)]
pub async fn commit_edit(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path((record, version, id)): Path<(RecordId, Version, PendingFileId)>,
) -> Result<(StatusCode, Answer), Error> {
    commit_pending(&app, credential, base, id, Some((record, version))).await
}

/// Reads a record with a file.
///
/// With an address of its bytes.
#[utoipa::path(get, path = paths::FILE, responses((status = 200, body = Record)))]
pub async fn read(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path(id): Path<RecordId>,
) -> Result<Answer, Error> {
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let row = tx.record(id)?.filter(|row| row.head.file.is_some()).ok_or(NO_RECORD)?;
        let facts = policy::record_facts(tx, caller.id, &row.head)?;
        policy::decide(caller.id, Action::ReadRecord, &facts)?;
        Ok::<_, Error>(row)
    };
    let row = app.store.read("read file", read).await?;
    answer(&app, &base, row).await.map(axum::Json)
}

/// Reads many records with files.
///
/// Those that are not there, or that the caller may not read, are left out.
#[utoipa::path(
    post, path = paths::FILE_LIST, request_body = ListFiles,
    responses((status = 200, body = Vec<Record>))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Json(request): Json<ListFiles>,
) -> Result<axum::Json<Vec<Record<SealedText>>>, Error> {
    if request.id.len() > MAX_BATCH_RECORDS {
        return Err(Error::bad_request(format!("a list has at most {MAX_BATCH_RECORDS} ids")));
    }
    let with_data = request.include_data;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut known = HashMap::new();
        let (mut seen, mut data_bytes, mut found) = (BTreeSet::new(), 0, Vec::new());
        for &id in &request.id {
            let head = if seen.insert(id) { tx.record_head(id)? } else { None };
            let Some(head) = head.filter(|head| head.file.is_some()) else { continue };
            let facts = match known.get(&head.type_slot) {
                Some(facts) => *facts,
                None => policy::facts(tx, caller.id, &head.type_slot)?,
            };
            known.insert(head.type_slot.clone(), facts);
            let facts = policy::with_record(tx, caller.id, facts, id)?;
            if policy::decide(caller.id, Action::ReadRecord, &facts).is_err() {
                continue;
            }
            let row = if with_data { tx.record(id)? } else { None };
            let row = row.unwrap_or_else(|| RecordRow { head, data: NO_FIELDS.to_owned() });
            data_bytes += row.data.len();
            if data_bytes > MAX_ANSWER_DATA_BYTES {
                return Err(Error::bad_request("these records are too large for one answer: ask for fewer"));
            }
            found.push(row);
        }
        Ok(found)
    };
    let found = app.store.read("list files", read).await?;
    let mut records = Vec::with_capacity(found.len());
    for row in found {
        records.push(answer(&app, &base, row).await?);
    }
    Ok(axum::Json(records))
}

/// Changes a record with a file, but not the file.
#[utoipa::path(
    put, path = paths::FILE_RECORD, request_body = FileUpdate,
    responses((status = 200, body = Record), (status = 403), (status = 409))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    credential: Credential,
    base: BaseUrl,
    Path((id, expected)): Path<(RecordId, String)>,
    RecordJson(body): RecordJson<FileUpdate>,
) -> Result<Answer, Error> {
    check_signature(body.rec_sig.as_deref())?;
    let version = ids::new_version();
    let (data, quotas) = (body.data.to_json(), app.config.quotas);
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let meta = &body.meta;
        let slot = RecordTypeSlot {
            writer: meta.writer_id,
            user: meta.user_id,
            record_type: meta.record_type.clone(),
        };
        let mut head = current(tx.as_read(), &caller, Action::UpdateRecord, id, &expected, &slot)?;
        let now = tx.stamp()?;
        (head.version, head.last_modified) = (version, now);
        (head.plain, head.signature) = (meta.plain.clone(), body.rec_sig.clone());
        let row = RecordRow { head, data: data.clone() };
        quotas::admit_version(tx.as_read(), &quotas, &row)?;
        tx.update_record(&row)?;
        tx.append_change(now, &records::change(ChangeKind::RecordUpdated, caller.id, &row.head))?;
        Ok::<_, Error>(row)
    };
    let row = app.store.write("update file record", write).await?;
    answer(&app, &base, row).await.map(axum::Json)
}

/// What the addresses of this server begin with, as far as the caller is concerned.
#[derive(Debug)]
pub struct BaseUrl(String);

impl FromRequestParts<Arc<App>> for BaseUrl {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        let set = app.config.listen.public_url.trim_end_matches('/');
        if !set.is_empty() {
            return Ok(Self(set.to_owned()));
        }
        // Whoever sends a false host gets a false address, and nobody else does.
        let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()?.parse().ok());
        let host: Option<Authority> = host.or_else(|| parts.uri.authority().cloned());
        let is_https = app.config.tls.is_on()
            || parts.headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
        let scheme = if is_https { "https" } else { "http" };
        Ok(Self(match host {
            Some(host) => format!("{scheme}://{host}"),
            None => format!("{scheme}://{}", app.config.listen.address),
        }))
    }
}

impl BaseUrl {
    /// The address of a transfer, which permits it until it lapses.
    pub(super) fn of(&self, app: &App, transfer: FileTransfer, expires: Timestamp) -> String {
        let token = app.keys.issue_file_transfer(transfer, expires);
        format!("{}{}", self.0, paths::file_bytes(&token))
    }
}

/// What a record says of its file. Without an address of its bytes.
pub(super) fn file_meta(file: StoredFile) -> FileMeta {
    let FileContent { len_bytes, checksum, compression } = file.content;
    FileMeta { file_url: None, file_name: file.key.to_string(), checksum, compression, size: len_bytes }
}

async fn insert_pending(
    app: &App,
    credential: Credential,
    base: BaseUrl,
    action: Action<'static>,
    replaces: Option<(RecordId, String)>,
    body: Counted<FileWrite>,
) -> Result<(StatusCode, axum::Json<PendingFile>), Error> {
    check_signature(body.rec_sig.as_deref())?;
    check_size(app, body.meta.file_meta.size)?;
    let announced = Announced::new(app);
    let meta = &body.meta;
    let slot =
        RecordTypeSlot { writer: meta.writer_id, user: meta.user_id, record_type: meta.record_type.clone() };
    let content = FileContent {
        len_bytes: meta.file_meta.size,
        checksum: meta.file_meta.checksum,
        compression: meta.file_meta.compression.clone(),
    };
    let checksum = content.checksum;
    let (data, quotas) = (body.data.to_json(), app.config.quotas);
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (account, replaces) = match &replaces {
            None => {
                let facts = policy::facts(tx.as_read(), caller.id, &slot)?;
                policy::decide(caller.id, action, &facts)?;
                refuse_sealed(tx.as_read(), &slot)?;
                (caller.account_id, None)
            }
            Some((record, version)) => {
                let head = current(tx.as_read(), &caller, action, *record, version, &slot)?;
                (head.account_id, Some((head.id, head.version)))
            }
        };
        let replaced = replaces.map(|(id, _)| id);
        quotas::admit_file(tx.as_read(), &quotas, account, slot.writer, replaced, content.len_bytes)?;
        let owner = FileOwner::Record(RecordWithFile {
            type_slot: slot.clone(),
            plain: body.meta.plain.clone(),
            data: data.clone(),
            signature: body.rec_sig.clone(),
            replaces,
        });
        put_pending(tx, &caller, announced, owner, content.clone())
    };
    app.store.write("announce file", write).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(pending_answer(app, &base, announced, &checksum).await)))
}

/// Whether a file may have so many sealed bytes.
pub(super) fn check_size(app: &App, size: u64) -> Result<(), Error> {
    let max_bytes = app.config.files.max_bytes;
    if size > max_bytes {
        return Err(Error::bad_request(format!("a file has at most {max_bytes} sealed bytes")));
    }
    Ok(())
}

/// A file that is being announced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    id: PendingFileId,
    /// End of its life.
    expires: Timestamp,
    /// When what is sent for it may be removed, if it is not sent here.
    sent_due: Option<Timestamp>,
}

impl Announced {
    /// With a fresh id, from now on.
    pub(super) fn new(app: &App) -> Self {
        let expires = app.now().plus_seconds(app.config.files.upload_lifetime_s.into());
        Self { id: PendingFileId::random(), expires, sent_due: sent_due(app, expires) }
    }
}

/// Takes note of an announcement, unless the client has too many.
pub(super) fn put_pending(
    tx: &mut dyn WriteTx,
    caller: &ClientRow,
    announced: Announced,
    owner: FileOwner,
    content: FileContent,
) -> Result<(), Error> {
    if tx.count_pending_files(caller.id, MAX_PENDING_FILES)? >= MAX_PENDING_FILES {
        return Err(Error::Conflict("too many files were announced and not committed"));
    }
    let Announced { id, expires, sent_due } = announced;
    let (client, account_id) = (caller.id, caller.account_id);
    let row = PendingFileRow { id, client, account_id, owner, content, key: None, expires };
    expect_sent(tx, id, sent_due)?;
    Ok(tx.insert_pending_file(&row)?)
}

/// Where to send the bytes.
pub(super) async fn pending_answer(
    app: &App,
    base: &BaseUrl,
    announced: Announced,
    checksum: &FileChecksum,
) -> PendingFile {
    let Announced { id, expires, .. } = announced;
    PendingFile { id, file_url: direct_files::upload_url(app, base, id, checksum, expires).await }
}

/// Takes a pending file whose bytes are there away from those that are pending: its owner to be, and the file, which
/// the caller must give to it.
pub(super) fn take_pending(
    tx: &mut dyn WriteTx,
    caller: &ClientRow,
    id: PendingFileId,
    now: Timestamp,
) -> Result<(FileOwner, StoredFile), Error> {
    let pending = pending(tx.as_read(), id, now)?;
    if pending.client != caller.id {
        return Err(NO_PENDING_FILE);
    }
    // The bytes were checked before they were given to the pending file.
    let key = pending.key.ok_or(Error::bad_request("the bytes of this file were not sent yet"))?;
    tx.delete_pending_file(id)?;
    if !tx.claim_blob(key)? {
        return Err(Error::Store(StoreError::Missing("the bytes of a file")));
    }
    Ok((pending.owner, StoredFile { key, content: pending.content }))
}

async fn commit_pending(
    app: &Arc<App>,
    credential: Credential,
    base: BaseUrl,
    id: PendingFileId,
    replaces: Option<(RecordId, Version)>,
) -> Result<(StatusCode, Answer), Error> {
    take_over(app, id, move |tx| Ok(Some(credential.client(tx)?.id))).await?;
    let now = app.now();
    let record_id = ids::new_record_id(now, credential.client_id())?;
    let version = ids::new_version();
    let quotas = app.config.quotas;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (owner, file) = take_pending(tx, &caller, id, now)?;
        let FileOwner::Record(record) = owner else { return Err(NO_PENDING_FILE) };
        if replaces.is_some() && replaces != record.replaces {
            return Err(NO_PENDING_FILE);
        }
        let RecordWithFile { type_slot, plain, data, signature, replaces } = record;
        let file = Some(file);
        let (kind, row) = match replaces {
            None => {
                let facts = policy::facts(tx.as_read(), caller.id, &type_slot)?;
                policy::decide(caller.id, Action::WriteRecord, &facts)?;
                let stamp = tx.stamp()?;
                let in_use = use_type(tx, &type_slot, caller.account_id, stamp)?;
                let head = RecordHead {
                    index: tx.next_record_index()?,
                    id: record_id,
                    version,
                    type_slot,
                    account_id: caller.account_id,
                    plain,
                    signature,
                    format: in_use.format,
                    suite: in_use.suite,
                    file,
                    created: stamp,
                    last_modified: stamp,
                };
                let row = RecordRow { head, data };
                quotas::admit_new(tx.as_read(), &quotas, &row)?;
                tx.insert_record(&row)?;
                (ChangeKind::RecordWritten, row)
            }
            Some((record, expected)) => {
                let is_writer = caller.id == type_slot.writer;
                let action = if is_writer { Action::UpdateRecord } else { Action::EditRecord };
                let expected = expected.to_string();
                let mut head = current(tx.as_read(), &caller, action, record, &expected, &type_slot)?;
                (head.version, head.last_modified) = (version, tx.stamp()?);
                (head.plain, head.signature, head.file) = (plain, signature, file);
                let row = RecordRow { head, data };
                quotas::admit_version(tx.as_read(), &quotas, &row)?;
                tx.update_record(&row)?;
                (ChangeKind::RecordUpdated, row)
            }
        };
        tx.append_change(row.head.last_modified, &records::change(kind, caller.id, &row.head))?;
        Ok(row)
    };
    let row = app.store.write("commit file", write).await?;
    Ok((StatusCode::CREATED, axum::Json(answer(app, &base, row).await?)))
}

/// The pending file with this id, if it has not lapsed.
pub(super) fn pending(tx: &dyn ReadTx, id: PendingFileId, now: Timestamp) -> Result<PendingFileRow, Error> {
    tx.pending_file(id)?.filter(|row| now < row.expires).ok_or(NO_PENDING_FILE)
}

/// The record with a file that is to be changed, if the caller may and it has this version still.
fn current(
    tx: &dyn ReadTx,
    caller: &ClientRow,
    action: Action<'_>,
    id: RecordId,
    expected: &str,
    slot: &RecordTypeSlot,
) -> Result<RecordHead, Error> {
    let head = tx.record_head(id)?.filter(|head| head.file.is_some()).ok_or(NO_RECORD)?;
    let facts = policy::record_facts(tx, caller.id, &head)?;
    policy::decide(caller.id, action, &facts)?;
    check_version(&head, Some(expected))?;
    if head.type_slot != *slot {
        return Err(Error::bad_request("the writer, user and type of a record cannot be changed"));
    }
    Ok(head)
}

fn check_signature(signature: Option<&str>) -> Result<(), Error> {
    if signature.is_some_and(|signature| signature.len() > MAX_RECORD_SIGNATURE_BYTES) {
        return Err(Error::bad_request(format!(
            "a signature has at most {MAX_RECORD_SIGNATURE_BYTES} bytes"
        )));
    }
    Ok(())
}

async fn answer(app: &App, base: &BaseUrl, row: RecordRow) -> Result<Record<SealedText>, Error> {
    let RecordRow { head, data } = row;
    let (id, key) = (head.id, head.file.as_ref().map(|file| file.key));
    let rec_sig = head.signature.clone();
    let mut meta: RecordMeta = records::meta(head);
    if let (Some(file), Some(key)) = (&mut meta.file_meta, key) {
        let transfer = FileTransfer::Download(id, key);
        file.file_url = Some(direct_files::download_url(app, base, key, transfer).await);
    }
    Ok(Record { data: sealed_text(data)?, rec_sig, meta })
}

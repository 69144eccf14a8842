//! Notes: `/v2/storage/notes`. Requests are signed; whoever reads a note is known by its key alone.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use http::StatusCode;
use serde::Deserialize;
use tozstore_api::{
    ExtendedPolicies, MAX_NOTE_NAME_BYTES, MAX_NOTE_TEXT_BYTES, NOTE_FILE_URL, Note, NoteAnswer, NoteWrite,
    Timestamp, UNLIMITED_VIEWS, paths,
};
use tozstore_crypto::{AccountId, ClientId, NoteId, blake2b_256};

use super::access_keys::{FORMAT, SUITE};
use super::auth::Signer;
use super::files::BaseUrl;
use super::note_files;
use super::record_notes::{self, PageQuery};
use super::records::{SealedText, sealed_text};
use super::{Error, Path, RecordJson};
use crate::mail;
use crate::policy::{self, NO_NOTE, NoteAction, NoteCaller, Reading, ShownCodes, decide_note};
use crate::store::{
    Change, ChangeKind, NOBODY, NoteHead, NoteRow, NoteTexts, NoteUses, ReadTx, StoreError, WriteTx,
};
use crate::{App, ids};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// The query of a request that is about one note.
#[derive(Debug, Deserialize)]
pub struct NoteQuery {
    note_id: Option<String>,
    id_string: Option<String>,
    email_otp: Option<String>,
    tozny_otp: Option<String>,
    #[serde(rename = "recordId")]
    record_id: Option<String>,
    #[serde(flatten)]
    page: PageQuery,
}

/// Which note.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Id(NoteId),
    Name(String),
}

/// What a query is read into before it is looked at.
pub(super) type Query<T> = Result<axum::extract::Query<T>, QueryRejection>;

/// Writes a note.
#[utoipa::path(
    post, path = paths::NOTES, security(("signature" = [])), request_body = NoteWrite,
    responses((status = 201, body = Note), (status = 403), (status = 409), (status = 507))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    signer: Signer,
    RecordJson(body): RecordJson<NoteWrite>,
) -> Result<(StatusCode, axum::Json<Note<SealedText>>), Error> {
    check_whole(&body)?;
    if signer.client_id().is_none() {
        if !app.config.notes.strangers_may_write {
            return Err(Error::Forbidden("on this server only clients write notes"));
        }
        signer.once(&app).await?;
    }
    let now = app.now();
    let mut row = row(ids::new_note_id(now, signer.client_id())?, &body, signer.client_id(), now);
    if signer.client_id().is_none() {
        let lifetime_s = i64::from(app.config.notes.strangers_lifetime_days) * SECONDS_PER_DAY;
        let latest = now.plus_seconds(lifetime_s);
        row.head.uses.gone = Some(row.head.uses.gone.map_or(latest, |gone| gone.min(latest)));
    }
    let (max_notes, max_bytes) = (app.config.notes.strangers_notes, app.config.notes.strangers_bytes);
    let write = move |tx: &mut dyn WriteTx| {
        let writer = signer.client(tx.as_read())?.map(|row| (row.id, row.account_id));
        let mut row = row.clone();
        row.head.writer = writer;
        if writer.is_none() {
            let (notes, bytes) = tx.strangers_notes(max_notes)?;
            if notes >= max_notes || bytes.saturating_add(row.sent_bytes()) > max_bytes {
                return Err(Error::Full(
                    "there is no room for more notes by those who are no clients: try again later, or as a client",
                ));
            }
        }
        free_name(tx, row.head.name.as_deref(), now)?;
        insert(tx, &mut row, ChangeKind::NoteWritten)?;
        Ok::<_, Error>(row)
    };
    row = app.store.write("write note", write).await?;
    Ok((StatusCode::CREATED, axum::Json(answer(row, None)?)))
}

/// Replaces a note by its name.
///
/// If there is no such note of the caller's, it is written.
#[utoipa::path(
    put, path = paths::NOTES, security(("signature" = [])), request_body = NoteWrite,
    responses((status = 200, body = Note), (status = 403))
)]
pub async fn replace(
    State(app): State<Arc<App>>,
    signer: Signer,
    RecordJson(body): RecordJson<NoteWrite>,
) -> Result<axum::Json<Note<SealedText>>, Error> {
    check_whole(&body)?;
    if body.id_string.is_empty() {
        return Err(Error::bad_request("a note is replaced by its name (id_string)"));
    }
    let Some(client_id) = signer.client_id() else {
        return Err(Error::Unauthorized("only clients replace notes"));
    };
    let now = app.now();
    let new = row(ids::new_note_id(now, Some(client_id))?, &body, Some(client_id), now);
    let write = move |tx: &mut dyn WriteTx| {
        let mut row = new.clone();
        row.head.writer = signer.client(tx.as_read())?.map(|row| (row.id, row.account_id));
        let older = row.head.name.as_deref().map(|name| tx.note_head_by_name(name)).transpose()?.flatten();
        let kind = match older {
            Some(older) if policy::is_gone(&older.uses, now) => {
                delete_row(tx, &older, None)?;
                ChangeKind::NoteWritten
            }
            Some(older) => {
                let caller = NoteCaller { key: *signer.key(), client: Some(client_id) };
                decide_note(caller, NoteAction::Replace, &older, now)?;
                tx.delete_note(older.id)?;
                ChangeKind::NoteReplaced
            }
            None => ChangeKind::NoteWritten,
        };
        insert(tx, &mut row, kind)?;
        Ok::<_, Error>(row)
    };
    let row = app.store.write("replace note", write).await?;
    Ok(axum::Json(answer(row, None)?))
}

/// Reads a note.
///
/// Counts as a view.
#[utoipa::path(
    get, path = paths::NOTES, security(("signature" = [])),
    params(
        ("note_id" = Option<Uuid>, Query, description = "The note by its id."),
        ("id_string" = Option<String>, Query, description = "The note by its name."),
        ("tozny_otp" = Option<String>, Query, description = "The code that the note asks for."),
        ("recordId" = Option<Uuid>, Query, description = "Instead of a note: lists those that go with this record."),
        ("nextToken" = Option<u64>, Query, description = "Where that list begins."),
        ("max" = Option<u64>, Query, description = "Notes in that list, at most."),
    ),
    responses((status = 200, body = NoteAnswer), (status = 404))
)]
pub async fn read(
    State(app): State<Arc<App>>,
    signer: Signer,
    base: BaseUrl,
    query: Query<NoteQuery>,
) -> Result<axum::Json<NoteAnswer<Note<SealedText>>>, Error> {
    let query = self::query(query)?;
    if let Some(record) = query.record_id {
        return record_notes::page(&app, signer, &record, query.page)
            .await
            .map(|page| axum::Json(NoteAnswer::Notes(page.0)));
    }
    let shown = ShownCodes {
        given: query.tozny_otp.as_deref().map(|code| blake2b_256(code.as_bytes())),
        mailed: query.email_otp.as_deref().filter(|code| !code.is_empty()).map(mail::hash_of_code),
    };
    let sends_mail = app.mails.is_on();
    let wanted = query.wanted()?;
    let now = app.now();
    admit(&app, signer, &wanted, NoteAction::Read).await?;
    let write = move |tx: &mut dyn WriteTx| {
        let head = find(tx.as_read(), signer, &wanted, NoteAction::Read, now)?;
        match policy::read_once(tx.as_read(), &head, shown, sends_mail, now)? {
            Reading::Allowed(uses) => {
                tx.put_note_uses(head.id, &uses)?;
                Ok(Ok(tx.note(head.id)?.ok_or(NO_NOTE)?))
            }
            // The refusal is no failure of the transaction, which keeps the count.
            Reading::Guessed(uses, refusal) => {
                tx.put_note_uses(head.id, &uses)?;
                Ok(Err(refusal))
            }
            Reading::Refused(refusal) => Err(Error::from(refusal)),
        }
    };
    let row = app.store.write("read note", write).await??;
    let file_url = note_files::url(&app, &base, &row.head).await;
    Ok(axum::Json(NoteAnswer::Note(Box::new(answer(row, file_url)?))))
}

/// Tells how often a note may still be read.
///
/// A number and nothing else; -1 for no limit.
#[utoipa::path(
    get, path = paths::NOTE_VIEWS, security(("signature" = [])),
    params(
        ("note_id" = Option<Uuid>, Query, description = "The note by its id."),
        ("id_string" = Option<String>, Query, description = "The note by its name."),
    ),
    responses((status = 200, body = i64, content_type = "application/json"), (status = 404))
)]
pub async fn views(
    State(app): State<Arc<App>>,
    signer: Signer,
    query: Query<NoteQuery>,
) -> Result<axum::Json<i64>, Error> {
    let wanted = self::query(query)?.wanted()?;
    let head = admit(&app, signer, &wanted, NoteAction::SeeViews).await?;
    let left = policy::views_left(&head).map(|left| i64::try_from(left).unwrap_or(i64::MAX));
    Ok(axum::Json(left.unwrap_or(UNLIMITED_VIEWS)))
}

/// Deletes a note.
#[utoipa::path(
    delete, path = paths::NOTE, security(("signature" = [])),
    responses((status = 204), (status = 401), (status = 403))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    signer: Signer,
    Path(id): Path<NoteId>,
) -> Result<StatusCode, Error> {
    let now = app.now();
    let wanted = Wanted::Id(id);
    admit(&app, signer, &wanted, NoteAction::Delete).await?;
    let write = move |tx: &mut dyn WriteTx| {
        let head = find(tx.as_read(), signer, &wanted, NoteAction::Delete, now)?;
        let actor = signer.proven_client(tx.as_read())?;
        delete_row(tx, &head, actor)?;
        Ok::<_, Error>(())
    };
    app.store.write("delete note", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was asked, if it is of the right form.
pub(super) fn query<T>(query: Query<T>) -> Result<T, Error> {
    query.map(|axum::extract::Query(query)| query).map_err(|error| Error::bad_request(error.body_text()))
}

impl NoteQuery {
    /// Which note is asked for. One that is empty is not asked for.
    pub(super) fn wanted(self) -> Result<Wanted, Error> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(id) = given(self.note_id) {
            return id
                .parse()
                .map(Wanted::Id)
                .map_err(|_| Error::bad_request("note_id is not the id of a note"));
        }
        given(self.id_string)
            .map(Wanted::Name)
            .ok_or(Error::bad_request("name a note by note_id or by id_string"))
    }
}

/// The note, if the caller may do this with it now. Only then the request takes a place among those that are kept in
/// mind: no key but that of a note gets one.
pub(super) async fn admit(
    app: &App,
    signer: Signer,
    wanted: &Wanted,
    action: NoteAction,
) -> Result<NoteHead, Error> {
    let (now, wanted) = (app.now(), wanted.clone());
    let read = move |tx: &dyn ReadTx| find(tx, signer, &wanted, action, now);
    let head = app.store.read("find note", read).await?;
    signer.once(app).await?;
    Ok(head)
}

/// The note, if the caller may do this with it.
pub(super) fn find(
    tx: &dyn ReadTx,
    signer: Signer,
    wanted: &Wanted,
    action: NoteAction,
    now: Timestamp,
) -> Result<NoteHead, Error> {
    let head = match wanted {
        Wanted::Id(id) => tx.note_head(*id)?,
        Wanted::Name(name) => tx.note_head_by_name(name)?,
    };
    let head = head.ok_or(NO_NOTE)?;
    let caller = NoteCaller { key: *signer.key(), client: signer.proven_client(tx)? };
    decide_note(caller, action, &head, now)?;
    Ok(head)
}

/// Removes a note and says so in the outbox.
pub(crate) fn delete_row(
    tx: &mut dyn WriteTx,
    head: &NoteHead,
    actor: Option<ClientId>,
) -> Result<(), StoreError> {
    tx.delete_note(head.id)?;
    let at = tx.stamp()?;
    tx.append_change(at, &Change { actor, ..change(ChangeKind::NoteDeleted, head) })
}

/// Sees to it that a new note may have this name: one that is gone makes room.
pub(super) fn free_name(tx: &mut dyn WriteTx, name: Option<&str>, now: Timestamp) -> Result<(), Error> {
    match name.map(|name| tx.note_head_by_name(name)).transpose()?.flatten() {
        Some(older) if policy::is_gone(&older.uses, now) => Ok(delete_row(tx, &older, None)?),
        Some(_) => Err(Error::Conflict("there is a note of this name")),
        None => Ok(()),
    }
}

/// Adds a note and says so in the outbox.
pub(super) fn insert(tx: &mut dyn WriteTx, row: &mut NoteRow, kind: ChangeKind) -> Result<(), StoreError> {
    row.head.created = tx.stamp()?;
    tx.insert_note(row)?;
    let actor = row.head.writer.map(|(client, _)| client);
    tx.append_change(row.head.created, &Change { actor, ..change(kind, &row.head) })
}

fn change(kind: ChangeKind, head: &NoteHead) -> Change {
    let account: AccountId = head.writer.map_or(NOBODY, |(_, account)| account);
    Change {
        client: head.writer.map(|(client, _)| client),
        note: Some(head.id),
        ..Change::new(kind, account)
    }
}

/// Whether a note without a file is within its limits.
fn check_whole(body: &NoteWrite) -> Result<(), Error> {
    if body.data.is_empty() {
        return Err(Error::bad_request("a note has at least one field, or a file"));
    }
    check(body)
}

/// Whether the note is within its limits.
pub(super) fn check(body: &NoteWrite) -> Result<(), Error> {
    if body.id_string.len() > MAX_NOTE_NAME_BYTES {
        return Err(Error::bad_request(format!(
            "the name of a note has at most {MAX_NOTE_NAME_BYTES} bytes"
        )));
    }
    let texts = [
        &body.mode,
        &body.note_type,
        &body.writer_encryption_key,
        &body.encrypted_access_key,
        &body.signature,
    ];
    if texts.iter().any(|text| text.len() > MAX_NOTE_TEXT_BYTES) {
        return Err(Error::bad_request(format!(
            "mode, type, keys and signature of a note have at most {MAX_NOTE_TEXT_BYTES} bytes each"
        )));
    }
    if body.max_views < UNLIMITED_VIEWS {
        return Err(Error::bad_request("max_views is a number of views, or -1 for no limit"));
    }
    Ok(())
}

/// The row of a new note. Names are for clients alone: a stranger could take one that another program counts on.
pub(super) fn row(id: NoteId, body: &NoteWrite, writer: Option<ClientId>, now: Timestamp) -> NoteRow {
    // The address of a file is the server's to tell: readers would follow any other.
    let file_meta = body.file_meta.entries().filter(|(name, _)| *name != NOTE_FILE_URL);
    let head = NoteHead {
        id,
        name: Some(body.id_string.clone()).filter(|name| writer.is_some() && !name.is_empty()),
        writer: None,
        recipient_key: body.recipient_signing_key,
        writer_key: body.writer_signing_key,
        texts: NoteTexts {
            mode: body.mode.clone(),
            note_type: body.note_type.clone(),
            writer_encryption_key: body.writer_encryption_key.clone(),
            encrypted_access_key: body.encrypted_access_key.clone(),
            signature: body.signature.clone(),
        },
        plain: body.plain.clone(),
        file_meta: file_meta.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        file: None,
        policies: body.eacp.clone(),
        max_views: u64::try_from(body.max_views).ok().filter(|most| *most > 0),
        expiration: body.expiration.map(Timestamp::representable),
        expires: body.expires,
        record: body.record_id,
        is_secret: body.is_secret,
        format: FORMAT.to_owned(),
        suite: SUITE.to_owned(),
        created: now,
        uses: NoteUses { gone: body.expiration.filter(|_| body.expires), ..NoteUses::default() },
    };
    NoteRow { head, data: body.data.to_json() }
}

/// The note as it is answered. Where its file is, if it has one and that is to be told.
pub(super) fn answer(row: NoteRow, file_url: Option<String>) -> Result<Note<SealedText>, Error> {
    let NoteRow { mut head, data } = row;
    if let Some(url) = file_url {
        head.file_meta.insert(NOTE_FILE_URL, url);
    }
    let max_views = max_views(&head);
    Ok(Note {
        note_id: head.id,
        id_string: head.name.unwrap_or_default(),
        client_id: head.writer.map(|(client, _)| client),
        mode: head.texts.mode,
        recipient_signing_key: head.recipient_key,
        writer_signing_key: head.writer_key,
        writer_encryption_key: head.texts.writer_encryption_key,
        encrypted_access_key: head.texts.encrypted_access_key,
        note_type: head.texts.note_type,
        data: sealed_text(data)?,
        plain: head.plain,
        file_meta: head.file_meta,
        signature: head.texts.signature,
        created_at: head.created,
        max_views,
        views: head.uses.views,
        expiration: head.expiration,
        expires: head.expires,
        eacp: ExtendedPolicies::clone(&head.policies),
        record_id: head.record,
        is_secret: head.is_secret,
    })
}

/// How often a note may be read, as the protocol writes it.
pub(super) fn max_views(head: &NoteHead) -> i64 {
    head.max_views.map_or(UNLIMITED_VIEWS, |most| i64::try_from(most).unwrap_or(i64::MAX))
}

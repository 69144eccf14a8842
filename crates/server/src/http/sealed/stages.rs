//! Entries whose wraps come in pages: `/v3/stages/{digest}`.
//!
//! A stage is named by the digest of its entry, which has the root of the wraps in it: nothing can be exchanged between
//! staging and commit. It lies in the database before anything is decided, so it takes keys that are made for it.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::sealed::{Head, MissingWraps, SealedErrorCode, Stage, StageCommit, StageState, WrapPage};
use tozstore_api::{Timestamp, paths};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{Digest, Signed, TypeName};

use super::append::{Prepared, append_entry, ensure_beside, ensure_by_caller, ensure_offered};
use super::logs::{facts, head_of};
use super::store::STAGE_LIFETIME_S;
use super::{Call, Encoding, Failure, SealedCaller, put_status};
use crate::App;
use crate::policy::SealedAction;
use crate::store::{
    LogRow, MAX_STAGE_PAGES, ReadTx, StageRow, WriteTx, commit_stage, delete_stage, insert_stage,
    insert_stage_page, stage, stage_body, stage_page, stage_wraps, stages_of, touch_stage,
};

/// Stages of one author for one type, and in all.
const MAX_FOR_TYPE: usize = 4;
const MAX_OF_AUTHOR: usize = 16;
/// Seconds after which a stage that was not touched makes room for another of its author.
const IDLE_S: i64 = 60;

/// Stages an entry that begins an epoch.
///
/// It is named by its digest from then on. Its wraps come in pages, and its signature with the commit.
#[utoipa::path(
    post, path = paths::SEALED_LOG_STAGES,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 201), (status = 200), (status = 403), (status = 409), (status = 501)),
    security(("sealed" = []))
)]
pub async fn create(State(app): State<Arc<App>>, call: Call) -> Result<StatusCode, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let body: Stage = call.body()?;
    let entry = body.entry.object();
    if (entry.place.store, entry.place.writer, &entry.place.type_name) != (app.store.id(), writer, &name) {
        return Err(Failure::bad(SealedErrorCode::Malformed, "the entry is of another log than the path"));
    }
    if entry.epochs.is_empty() {
        let text = "an entry that hands out keys in use is sent in one piece";
        return Err(Failure::bad(SealedErrorCode::Rule, text));
    }
    if entry.census.is_some() {
        return Err(Failure::bad(SealedErrorCode::Rule, "an entry with a census is sent in one piece"));
    }
    ensure_beside(entry, &body.private, body.beneath.as_ref(), &body.links)?;
    let (caller, now) = (call.caller, app.now());
    let write = move |tx: &mut dyn WriteTx| {
        let facts = facts(tx.as_read(), &caller, SealedAction::Append, writer, &name)?;
        let account = caller.client(tx.as_read())?.account_id;
        let (entry, digest) = (body.entry.object(), body.entry.digest());
        if let Some(there) = living(tx.as_read(), &caller, digest, now)? {
            touch_stage(tx, account, there.touched, &StageRow { touched: now, ..there })?;
            return Ok(put_status(false));
        }
        ensure_offered(entry)?;
        ensure_by_caller(tx.as_read(), &caller, entry)?;
        let head = facts.log.position();
        if entry.previous != Some(head.digest) || entry.position != head.position + 1 {
            let text = "another entry came first: read on, and decide anew";
            return Err(Failure::conflict(SealedErrorCode::HeadMoved, text).at(head));
        }
        make_room(tx, &caller, &name, &facts.log, writer, now)?;
        let row = StageRow {
            author: caller.id,
            digest,
            touched: now,
            writer,
            name: name.clone(),
            previous: entry.previous,
            is_committed: false,
            pages: Vec::new(),
        };
        insert_stage(tx, account, &row, &body)?;
        Ok::<_, Failure>(put_status(true))
    };
    app.store.write("stage entry", write).await
}

/// Tells which wraps of a stage are missing.
#[utoipa::path(
    get, path = paths::SEALED_STAGE,
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"), (status = 410)),
    security(("sealed" = []))
)]
pub async fn read(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<StageState>, Failure> {
    let digest: Digest = call.path()?;
    let (caller, now) = (call.caller, app.now());
    let read = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let (row, body) = under_way(tx, &caller, digest, now)?;
        Ok::<_, Failure>(Encoding(state_of(body.entry.object().wrap_count, &row.pages)))
    };
    app.store.read("read stage", read).await
}

/// Gives a stage up.
#[utoipa::path(delete, path = paths::SEALED_STAGE, responses((status = 204)), security(("sealed" = [])))]
pub async fn delete(State(app): State<Arc<App>>, call: Call) -> Result<StatusCode, Failure> {
    let digest: Digest = call.path()?;
    let caller = call.caller;
    let write = move |tx: &mut dyn WriteTx| {
        caller.client(tx.as_read())?;
        delete_stage(tx, caller.id, digest)?;
        Ok::<_, Failure>(StatusCode::NO_CONTENT)
    };
    app.store.write("give up stage", write).await
}

/// Sends wraps of a stage.
///
/// The same page again changes nothing; another one in its place is refused.
#[utoipa::path(
    put, path = paths::SEALED_STAGE_WRAPS,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200), (status = 409), (status = 410)),
    security(("sealed" = []))
)]
pub async fn put_page(State(app): State<Arc<App>>, call: Call) -> Result<StatusCode, Failure> {
    let (digest, first): (Digest, u32) = call.path()?;
    let page: WrapPage = call.body()?;
    let count = u32::try_from(page.0.len()).unwrap_or(u32::MAX);
    let (caller, now) = (call.caller, app.now());
    let write = move |tx: &mut dyn WriteTx| {
        let account = caller.client(tx.as_read())?.account_id;
        let (mut row, body) = under_way(tx.as_read(), &caller, digest, now)?;
        let end = first.checked_add(count).filter(|end| *end <= body.entry.object().wrap_count);
        let Some(end) = end.filter(|_| count > 0) else {
            return Err(Failure::bad(
                SealedErrorCode::Malformed,
                "the page has wraps that the entry has not",
            ));
        };
        let at = row.pages.partition_point(|(place, _)| *place < first);
        let before = at.checked_sub(1).and_then(|at| row.pages.get(at));
        let is_free = before.is_none_or(|(place, count)| place + count <= first)
            && row.pages.get(at).is_none_or(|(place, _)| *place >= end);
        if is_free {
            if row.pages.len() >= MAX_STAGE_PAGES {
                let text = format!("a stage has at most {MAX_STAGE_PAGES} pages: send larger ones");
                return Err(Failure::bad(SealedErrorCode::Limit, text));
            }
            insert_stage_page(tx, account, &row, first, &page)?;
            row.pages.insert(at, (first, count));
        } else if stage_page(tx.as_read(), &row, first)?.as_ref() != Some(&page) {
            let text = "another page has this place: give the stage up, and make a new entry";
            return Err(Failure::conflict(SealedErrorCode::StagePage, text));
        }
        let older = std::mem::replace(&mut row.touched, now);
        touch_stage(tx, account, older, &row)?;
        Ok::<_, Failure>(StatusCode::OK)
    };
    app.store.write("stage wraps", write).await
}

/// Appends what was staged.
///
/// All wraps must be there. A commit whose answer was lost can be sent again.
#[utoipa::path(
    post, path = paths::SEALED_STAGE_COMMIT,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses(
        (status = 201, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
        (status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
        (status = 403), (status = 409), (status = 410), (status = 422), (status = 429)
    ),
    security(("sealed" = []))
)]
pub async fn commit(
    State(app): State<Arc<App>>,
    call: Call,
) -> Result<(StatusCode, Encoding<Head>), Failure> {
    let digest: Digest = call.path()?;
    let StageCommit(signature) = call.body()?;
    let (caller, now, store) = (call.caller, app.now(), app.store.id());
    let collect = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let row = living(tx, &caller, digest, now)?.ok_or_else(stage_gone)?;
        if row.is_committed {
            return Ok(None);
        }
        let body = stage_body(tx, caller.id, digest)?.ok_or_else(stage_gone)?;
        let state = state_of(body.entry.object().wrap_count, &row.pages);
        if state.received < state.count {
            let text = "wraps of the stage are missing: send them, then commit again";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let failure = Failure::new(status, SealedErrorCode::StageIncomplete, text);
            return Err(failure.with(|body| body.missing = Some(state.count - state.received)));
        }
        Ok(Some((body, stage_wraps(tx, &row)?)))
    };
    // What is named by its digest cannot change until the lock of writers is there: all that is hashed, is hashed before.
    let prepared = match app.store.read("collect stage", collect).await? {
        Some((Stage { entry, private, beneath, links }, wraps)) => {
            Some(Prepared::new(Signed::new(entry, signature), private, beneath, links, wraps)?)
        }
        None => None,
    };
    let write = move |tx: &mut dyn WriteTx| {
        let account = caller.client(tx.as_read())?.account_id;
        let row = living(tx.as_read(), &caller, digest, now)?.ok_or_else(stage_gone)?;
        let Some(prepared) = prepared.as_ref().filter(|_| !row.is_committed) else {
            facts(tx.as_read(), &caller, SealedAction::Append, row.writer, &row.name)?;
            let head = head_of(tx.as_read(), row.writer, &row.name)?;
            return Ok((put_status(false), Encoding(head)));
        };
        let (is_new, head) = append_entry(tx, store, &caller, prepared, None, now)?;
        commit_stage(tx, account, &row, now)?;
        Ok::<_, Failure>((put_status(is_new), Encoding(head)))
    };
    app.store.write("commit stage", write).await
}

/// The caller's stage of that name, if it has not lapsed.
fn living(
    tx: &dyn ReadTx,
    caller: &SealedCaller,
    digest: Digest,
    now: Timestamp,
) -> Result<Option<StageRow>, Failure> {
    Ok(stage(tx, caller.id, digest)?.filter(|row| row.touched >= oldest_stage(now)))
}

/// The same with its entry, if it was not committed either.
fn under_way(
    tx: &dyn ReadTx,
    caller: &SealedCaller,
    digest: Digest,
    now: Timestamp,
) -> Result<(StageRow, Stage), Failure> {
    let row = living(tx, caller, digest, now)?.filter(|row| !row.is_committed).ok_or_else(stage_gone)?;
    let body = stage_body(tx, caller.id, digest)?.ok_or_else(stage_gone)?;
    Ok((row, body))
}

/// Makes room for one more stage. What lapsed goes, and what lost its race; then, if need be, what its author seems to have
/// left: a client that crashed again and again must not be kept from revoking for an hour.
fn make_room(
    tx: &mut dyn WriteTx,
    caller: &SealedCaller,
    name: &TypeName,
    log: &LogRow,
    writer: ClientId,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut stages = stages_of(tx.as_read(), caller.id, 10 * MAX_OF_AUTHOR)?;
    let is_for_type = |row: &StageRow| row.writer == writer && row.name == *name;
    let is_lost = |row: &StageRow| {
        row.touched < oldest_stage(now) || is_for_type(row) && row.previous != Some(log.head.digest)
    };
    for row in stages.iter().filter(|row| is_lost(row)) {
        delete_stage(tx, caller.id, row.digest)?;
    }
    stages.retain(|row| !is_lost(row));
    let is_full = stages.len() >= MAX_OF_AUTHOR;
    if !is_full && stages.iter().filter(|row| is_for_type(row)).count() < MAX_FOR_TYPE {
        return Ok(());
    }
    let idle = stages.iter().filter(|row| is_full || is_for_type(row)).min_by_key(|row| row.touched);
    if let Some(idle) = idle.filter(|row| row.touched < now.plus_seconds(-IDLE_S)) {
        return Ok(delete_stage(tx, caller.id, idle.digest)?);
    }
    let text = format!("at most {MAX_FOR_TYPE} stages for a type and {MAX_OF_AUTHOR} in all: give up others");
    Err(Failure::bad(SealedErrorCode::Limit, text))
}

/// What was touched before that has lapsed.
pub fn oldest_stage(now: Timestamp) -> Timestamp {
    now.plus_seconds(-i64::from(STAGE_LIFETIME_S))
}

fn state_of(count: u32, pages: &[(u32, u32)]) -> StageState {
    let (mut next, mut received, mut missing) = (0, 0, Vec::new());
    for (first, len) in pages {
        if *first > next {
            missing.push(MissingWraps { first: next, count: first - next });
        }
        received += len;
        next = first + len;
    }
    if count > next {
        missing.push(MissingWraps { first: next, count: count - next });
    }
    StageState { count, received, missing }
}

fn stage_gone() -> Failure {
    let text = "the stage is not there any more: read the log, and stage anew if it lacks the entry";
    Failure::new(StatusCode::GONE, SealedErrorCode::StageGone, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_named() {
        let gap = |first, count| MissingWraps { first, count };
        for (pages, received, missing) in [
            (vec![], 0, vec![gap(0, 9)]),
            (vec![(0, 9)], 9, vec![]),
            (vec![(2, 3), (7, 1)], 4, vec![gap(0, 2), gap(5, 2), gap(8, 1)]),
        ] {
            assert_eq!(state_of(9, &pages), StageState { count: 9, received, missing });
        }
    }
}

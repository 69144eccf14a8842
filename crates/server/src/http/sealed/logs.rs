//! Reading logs of types and what lies beside them: `/v3/logs`.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::paths;
use tozstore_api::sealed::{
    EntryPage, EntryView, Head, MAX_ENTRIES_PER_PAGE, MAX_LINKS_PER_PAGE, MAX_LOGS_PER_PAGE,
    MAX_SEALED_ANSWER_BYTES, OwnLog, OwnLogs, SealedBody as _, SealedLinks, Share, Shares, WrapSteps,
};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{Change, Subject, TypeName};

use super::{Call, Encoding, Failure, SealedCaller};
use crate::App;
use crate::policy::{SealedAction, SealedFacts, decide_sealed, living_client, sealed_facts};
use crate::store::{
    ExposureRow, LogRow, ReadTx, StoreError, exposures, is_exposed_by, links_below, log_entries, log_row,
    logs_of, newest_wrap, sealed_grant, shares_with, wraps_below,
};

/// The writer's older wraps of one answer.
const MAX_OLDER_WRAPS: usize = 10;
/// Events that are looked at for one answer: background work clears them within moments.
const MAX_EXPOSURES: usize = 10_000;

/// Reads on in the log of a type.
///
/// Entries behind position `after`, or from the first on. Of private changes, the writer, delegates and editors see all;
/// others those about themselves.
#[utoipa::path(
    get, path = paths::SEALED_LOG,
    params(
        ("after" = Option<u64>, Query, description = "The position behind which the page begins."),
        ("limit" = Option<u32>, Query, description = "Entries on the page, at most."),
    ),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn read(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<EntryPage>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let from = params.one::<u64>("after")?.map_or(0, |after| after.saturating_add(1));
    let limit = params.limit(MAX_ENTRIES_PER_PAGE)?;
    params.finish()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for view in log_entries(tx, writer, &name, from, limit)? {
            let view = shown(view, &facts);
            bytes += view.to_bytes()?.len();
            if bytes > MAX_SEALED_ANSWER_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(view);
        }
        Ok(Encoding(EntryPage { head: head_now(tx, writer, &name, &facts.log)?, entries }))
    };
    app.store.read("read log", read).await
}

/// Reads the caller's newest wrap of access keys.
///
/// With `below`, the writer gets its own wraps of entries before that position, the newest first.
#[utoipa::path(
    get, path = paths::SEALED_LOG_WRAP,
    params(("below" = Option<u64>, Query, description = "The position of an entry, for the writer alone.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"), (status = 403)),
    security(("sealed" = []))
)]
pub async fn wrap(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<WrapSteps>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let below: Option<u64> = params.one("below")?;
    params.finish()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        let subject = Subject::Client(caller.id);
        let action = if below.is_some() { SealedAction::Repair } else { SealedAction::Read };
        facts(tx, &caller, action, writer, &name)?;
        if let Some(below) = below {
            let wraps = wraps_below(tx, writer, &name, subject, below, MAX_OLDER_WRAPS)?;
            return Ok(Encoding(WrapSteps(wraps)));
        }
        let step = newest_wrap(tx, writer, &name, subject)?.ok_or_else(Failure::not_found)?;
        Ok(Encoding(WrapSteps(vec![step])))
    };
    app.store.read("read wrap", read).await
}

/// Reads links from newer access keys to older ones.
///
/// Those of one segment, by falling number, below `below`. A reader gets segments of its grant alone.
#[utoipa::path(
    get, path = paths::SEALED_LOG_LINKS,
    params(
        ("segment" = u32, Query, description = "The segment."),
        ("below" = u64, Query, description = "The number of an epoch."),
    ),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn links(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<SealedLinks>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let (segment, below) = (params.one::<u32>("segment")?, params.one::<u64>("below")?);
    params.finish()?;
    let missing =
        || Failure::from(crate::http::Error::bad_request("name a segment, and a number below which"));
    let (segment, below) = segment.zip(below).ok_or_else(missing)?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        if segment < facts.from_segment() {
            return Ok(Encoding(SealedLinks(Vec::new())));
        }
        let links = links_below(tx, writer, &name, (segment, below), MAX_LINKS_PER_PAGE)?;
        Ok(Encoding(SealedLinks(links)))
    };
    app.store.read("read links", read).await
}

/// Lists the caller's own sealed types.
///
/// Ascending by name, those behind `after`.
#[utoipa::path(
    get, path = paths::SEALED_LOGS,
    params(("after" = Option<String>, Query, description = "The name of the last type of the page before.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn own(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<OwnLogs>, Failure> {
    let mut params = call.params()?;
    let after: Option<TypeName> = params.one("after")?;
    params.finish()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let logs = logs_of(tx, caller.id, after.as_ref(), MAX_LOGS_PER_PAGE)?;
        let own = logs.into_iter().map(|(type_name, log)| {
            Ok::<_, Failure>(OwnLog { head: head_now(tx, caller.id, &type_name, &log)?, type_name })
        });
        own.collect::<Result<_, _>>().map(|own| Encoding(OwnLogs(own)))
    };
    app.store.read("list logs", read).await
}

/// Lists sealed types of others that the caller may read.
///
/// Ascending by writer and name, those behind `after`: a writer, a slash and a name. Hints, not facts: the logs say what
/// holds.
#[utoipa::path(
    get, path = paths::SEALED_SHARES,
    params(("after" = Option<String>, Query, description = "Writer and name of the last type of the page before.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn shares(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<Shares>, Failure> {
    let mut params = call.params()?;
    let after: Option<String> = params.one("after")?;
    params.finish()?;
    let bad = || Failure::from(crate::http::Error::bad_request("after is a writer, a slash and a name"));
    let after = after
        .map(|text| {
            let (writer, name) = text.split_once('/')?;
            Some((writer.parse::<ClientId>().ok()?, name.parse::<TypeName>().ok()?))
        })
        .map(|after| after.ok_or_else(bad))
        .transpose()?;
    let caller = call.caller;
    let read = move |tx: &dyn ReadTx| {
        caller.client(tx)?;
        let after = after.as_ref().map(|(writer, name)| (*writer, name));
        let mut shares = Vec::new();
        for (writer, type_name, rights) in shares_with(tx, caller.id, after, MAX_LOGS_PER_PAGE)? {
            if living_client(tx, writer)?.is_some() {
                shares.push(Share { writer, type_name, rights, groups: Vec::new() });
            }
        }
        Ok(Encoding(Shares(shares)))
    };
    app.store.read("list shares", read).await
}

/// The facts of a type with which the caller may do this.
pub(super) fn facts(
    tx: &dyn ReadTx,
    caller: &SealedCaller,
    action: SealedAction,
    writer: ClientId,
    name: &TypeName,
) -> Result<SealedFacts, Failure> {
    caller.client(tx)?;
    Ok(decide_sealed(action, sealed_facts(tx, caller.id, writer, name)?.as_ref())?)
}

/// The head of a log with all marks that hold now: those that background work has not set yet too.
pub(super) fn head_now(
    tx: &dyn ReadTx,
    writer: ClientId,
    name: &TypeName,
    log: &LogRow,
) -> Result<Head, StoreError> {
    let mut head = log.head;
    head.marks.rotation_owed = is_owed(tx, writer, name, log)?;
    Ok(head)
}

/// Whether a rotation is owed: marked, or because of an event whose types are not all marked yet.
pub(super) fn is_owed(
    tx: &dyn ReadTx,
    writer: ClientId,
    name: &TypeName,
    log: &LogRow,
) -> Result<bool, StoreError> {
    if log.head.marks.rotation_owed {
        return Ok(true);
    }
    let events: Vec<ExposureRow> = exposures(tx, MAX_EXPOSURES)?;
    for event in &events {
        let grant = sealed_grant(tx, writer, name, Subject::Client(event.client))?;
        if is_exposed_by(event, writer, log, grant.as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The head of a log that is there, after a write.
pub(super) fn head_of(tx: &dyn ReadTx, writer: ClientId, name: &TypeName) -> Result<Head, Failure> {
    let log = log_row(tx, writer, name)?.ok_or_else(Failure::not_found)?;
    Ok(head_now(tx, writer, name, &log)?)
}

/// An entry as the caller may see it.
fn shown(mut view: EntryView, facts: &SealedFacts) -> EntryView {
    if !facts.sees_all() {
        let own = Some(Subject::Client(facts.caller));
        view.private
            .retain(|(_, change)| Change::parse(&change.change).is_ok_and(|change| change.subject() == own));
        view.beneath = None;
    }
    view
}

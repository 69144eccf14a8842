//! Appending to the log of a type: what needs no secret is verified, then all is written, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::paths;
use tozstore_api::sealed::{Append, EntryView, Head, Marks, OpenedBeneath, SealedErrorCode};
use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::sealed::{
    Beneath, BeneathLine, BundleChain, Digest, Epoch, LINK_BYTES, LogEntry, LogState, LogStep, MAX_WRAPS,
    PrivateChange, Signed, Subject, Tree, TypeName, VerifiedEntry, Wrap, WrapDue, link_digest, paths_of,
};
use tozstore_crypto::{AccountId, ClientId, StoreId};

use super::censuses::Counted;
use super::logs::{facts, head_now, head_of, is_owed};
use super::{Call, Encoding, Failure, SealedCaller, put_status};
use crate::App;
use crate::policy::{SealedAction, SealedFacts, decide_sealed, sealed_facts};
use crate::store::{
    Change, ChangeKind, EpochPlace, LogRow, ReadTx, SealedGrantRow, StageRow, WrapRow, WriteTx, bundle_head,
    bundle_named, commit_census, delete_sealed_grant, delete_wraps, epoch_named, epoch_numbered,
    insert_epoch, insert_log_entry, log_entry, log_row, log_state, newest_bundle, put_log, put_log_state,
    put_sealed_grant, put_wrap, sealed_grant, sealed_grants, stages_of,
};

/// Entries of one log.
const MAX_POSITION: u64 = 999_999;
/// Seconds after its last page that others wait for a writer's stage.
const WRITERS_TURN_S: i64 = 60;
/// Stages of a writer that are looked at: more than it may have.
const MAX_STAGES_OF_WRITER: usize = 100;

/// An entry with all that lies beside it, hashed: nothing of that has to be done behind the lock of writers.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) entry: Signed<LogEntry>,
    pub(super) private: Vec<PrivateChange>,
    pub(super) beneath: Option<OpenedBeneath>,
    pub(super) links: Vec<(u32, [u8; LINK_BYTES])>,
    pub(super) wraps: Vec<Wrap>,
    paths: Vec<Vec<Digest>>,
}

/// Appends an entry to the log of a type.
///
/// All wraps are in it; an entry with more is staged. The same entry again is 200, also when others came since.
#[utoipa::path(
    post, path = paths::SEALED_LOG,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses(
        (status = 201, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
        (status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
        (status = 403), (status = 409), (status = 410), (status = 429), (status = 501)
    ),
    security(("sealed" = []))
)]
pub async fn append(
    State(app): State<Arc<App>>,
    call: Call,
) -> Result<(StatusCode, Encoding<Head>), Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let Append { entry, private, beneath, links, wraps } = call.body()?;
    let prepared = Prepared::new(entry, private, beneath, links, wraps)?;
    let place = &prepared.entry.object().place;
    if (place.store, place.writer, &place.type_name) != (app.store.id(), writer, &name) {
        return Err(Failure::bad(SealedErrorCode::Malformed, "the entry is of another log than the path"));
    }
    let (caller, now, store) = (call.caller, app.now(), app.store.id());
    let counted = match prepared.entry.object().census.clone() {
        Some(census) => {
            let place = place.clone();
            let position = prepared.entry.object().position;
            let count = move |tx: &dyn ReadTx| {
                let facts = facts(tx, &caller, SealedAction::Repair, writer, &name)?;
                // What is in the log already was counted then.
                let is_new = position > facts.log.head.position;
                let state = log_state(tx, &place)?;
                is_new.then(|| Counted::new(tx, &facts, &state, &census)).transpose()
            };
            app.store.read("count census", count).await?
        }
        None => None,
    };
    let write = move |tx: &mut dyn WriteTx| {
        let (is_new, head) = append_entry(tx, store, &caller, &prepared, counted.as_ref(), now)?;
        Ok((put_status(is_new), Encoding(head)))
    };
    app.store.write("append entry", write).await
}

impl Prepared {
    /// Checks what lies beside an entry against what it commits to.
    pub(super) fn new(
        entry: Signed<LogEntry>,
        private: Vec<PrivateChange>,
        beneath: Option<OpenedBeneath>,
        links: Vec<(u32, [u8; LINK_BYTES])>,
        wraps: Vec<Wrap>,
    ) -> Result<Self, Failure> {
        let object = entry.object();
        ensure_beside(object, &private, beneath.as_ref(), &links)?;
        let leaves =
            (0..).zip(&wraps).map(|(index, wrap)| wrap.leaf(index)).collect::<Result<Vec<_>, _>>()?;
        let has_count = u32::try_from(wraps.len()) == Ok(object.wrap_count);
        if !has_count || Tree::of(leaves.iter().copied()).root() != object.wrap_root {
            return Err(not_named("these are not the wraps"));
        }
        Ok(Self { paths: paths_of(&leaves), entry, private, beneath, links, wraps })
    }
}

/// That what lies beside an entry is what it commits to, but for the wraps.
pub(super) fn ensure_beside(
    entry: &LogEntry,
    private: &[PrivateChange],
    beneath: Option<&OpenedBeneath>,
    links: &[(u32, [u8; LINK_BYTES])],
) -> Result<(), Failure> {
    if !private.iter().map(PrivateChange::commitment).eq(entry.private.iter().copied()) {
        return Err(not_named("these are not the private changes"));
    }
    let lines = beneath.map(|opened| opened.lines.commitment(&opened.blind)).transpose()?;
    if lines != entry.beneath {
        return Err(not_named("these are not the lines"));
    }
    let given = links.iter().map(|(segment, link)| (*segment, link_digest(link)));
    if !given.eq(entry.epochs.iter().filter_map(|block| Some((block.head.segment, block.link?)))) {
        return Err(not_named("these are not the links"));
    }
    Ok(())
}

fn not_named(what: &str) -> Failure {
    Failure::bad(SealedErrorCode::BadDigest, format!("{what} that the entry names"))
}

/// Decides on an entry, and writes it. Returns whether it is new, and the head.
pub(super) fn append_entry(
    tx: &mut dyn WriteTx,
    store: StoreId,
    caller: &SealedCaller,
    prepared: &Prepared,
    counted: Option<&Counted>,
    now: Timestamp,
) -> Result<(bool, Head), Failure> {
    let row = caller.client(tx.as_read())?;
    let entry = prepared.entry.object();
    let (writer, name) = (entry.place.writer, &entry.place.type_name);
    let facts = match log_row(tx.as_read(), writer, name)? {
        None if caller.id == writer && entry.position == 0 => None,
        _ => {
            let facts = sealed_facts(tx.as_read(), caller.id, writer, name)?;
            Some(decide_sealed(SealedAction::Append, facts.as_ref())?)
        }
    };
    let account_id = facts.as_ref().map_or(row.account_id, |facts| facts.account_id);
    match &facts {
        None => ensure_unused(tx.as_read(), writer, entry)?,
        Some(facts) => {
            if let Some(head) = ensure_follows(tx.as_read(), facts, &prepared.entry)? {
                return Ok((false, head));
            }
        }
    }
    ensure_offered(entry)?;
    ensure_by_caller(tx.as_read(), caller, entry)?;

    let chain = newest_bundle(tx.as_read(), caller.id)?
        .and_then(|link| BundleChain::resume(store, caller.id, &caller.bundle, &link).ok());
    let shown: Vec<_> = (0..).zip(prepared.private.iter().cloned()).collect();
    let bad = || Failure::bad(SealedErrorCode::BadSignature, "the signature of the entry does not hold");
    let chain = chain.ok_or_else(bad)?;
    let mut verified = VerifiedEntry::new(&prepared.entry, &chain, &shown).map_err(|_| bad())?;
    if let Some(opened) = &prepared.beneath {
        verified = verified.with_lines(&opened.blind, &opened.lines).map_err(|_| bad())?;
    }
    let mut state = log_state(tx.as_read(), &entry.place)?;
    let earlier = earlier_epochs(tx.as_read(), &state, entry)?;
    let was_owed = match &facts {
        Some(facts) => is_owed(tx.as_read(), writer, name, &facts.log)?,
        None => false,
    };
    ensure_turn(tx.as_read(), facts.as_ref(), name, was_owed, now)?;
    let step = state.apply(&verified, &earlier[..])?;
    step.ensure_nothing_void()?;
    match (&entry.census, counted) {
        (Some(_), Some(counted)) => counted.ensure_holds(tx.as_read(), &state)?,
        (Some(_), None) => return Err(Failure::bad(SealedErrorCode::Rule, "a census is counted first")),
        (None, _) => {}
    }
    let heads = Heads::look_up(tx.as_read(), entry, &state, &step)?;
    ensure_lines(prepared.beneath.as_ref(), &heads)?;
    ensure_covers(&state.wraps_due(entry, &step, &heads.gone)?, &prepared.wraps)?;

    // All is decided: from here on nothing is refused.
    let now = tx.stamp()?;
    let current = state.current().copied().ok_or_else(Failure::not_found)?;
    let rotates = entry.begins_epoch_of(current.head.segment);
    let before = facts.as_ref().map(|facts| facts.log);
    let log = LogRow {
        head: Head {
            position: entry.position,
            digest: prepared.entry.digest(),
            marks: Marks {
                rotation_owed: !rotates && before.is_some_and(|log| log.head.marks.rotation_owed),
                follow_owed: heads.follow_owed
                    || entry.epochs.is_empty() && before.is_some_and(|log| log.head.marks.follow_owed),
                restore_pending: false,
            },
        },
        epoch_since: before.filter(|_| !rotates).map_or(now, |log| log.epoch_since),
        current: EpochPlace::of(&current),
    };
    write_entry(tx, account_id, prepared, &state, &step, &heads, now)?;
    put_log(tx, (writer, name), account_id, &log)?;
    if let (Some(census), Some(counted)) = (&entry.census, counted) {
        commit_census(tx, (writer, name), account_id, counted.row(), &census.floors)?;
    }
    let change = Change::new(ChangeKind::SealedEntryAppended, account_id);
    let record_type = RecordType::new(name.as_str()).ok();
    tx.append_change(now, &Change { actor: Some(caller.id), client: Some(writer), record_type, ..change })?;
    Ok((true, head_now(tx.as_read(), writer, name, &log)?))
}

/// A first entry: the type must not be in use in the other format.
fn ensure_unused(tx: &dyn ReadTx, writer: ClientId, entry: &LogEntry) -> Result<(), Failure> {
    let name = RecordType::new(entry.place.type_name.as_str());
    if let Ok(name) = name
        && tx.is_type_in_use(writer, &name)?
    {
        let text = "this record type is kept in the interop format";
        return Err(Failure::conflict(SealedErrorCode::InteropType, text));
    }
    Ok(())
}

/// That the entry comes behind the head; or the head, if the entry is in the log already.
fn ensure_follows(
    tx: &dyn ReadTx,
    facts: &SealedFacts,
    entry: &Signed<LogEntry>,
) -> Result<Option<Head>, Failure> {
    let (object, head) = (entry.object(), facts.log.position());
    let (writer, name) = (object.place.writer, &object.place.type_name);
    if object.position <= head.position {
        let there = log_entry(tx, writer, name, object.position)?;
        if there.is_some_and(|there| there.entry.digest() == entry.digest()) {
            return Ok(Some(head_of(tx, writer, name)?));
        }
    }
    if object.position != head.position + 1 || object.previous != Some(head.digest) {
        let text = "another entry came first: read on, and decide anew";
        return Err(Failure::conflict(SealedErrorCode::HeadMoved, text).at(head));
    }
    Ok(None)
}

/// What this server does not take yet, or not any more.
pub(super) fn ensure_offered(entry: &LogEntry) -> Result<(), Failure> {
    let is_migrating = entry.public.iter().any(|change| {
        matches!(change, tozstore_crypto::sealed::Change::Settings(settings) if settings.is_migrating)
            || matches!(change, tozstore_crypto::sealed::Change::Migration(_))
    });
    if entry.notice.is_some() || is_migrating {
        let text = "this server takes no restore notice or migration yet";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, SealedErrorCode::NotHere, text));
    }
    if entry.position > MAX_POSITION {
        return Err(Failure::bad(SealedErrorCode::Limit, "a log has at most 1,000,000 entries"));
    }
    Ok(())
}

/// That the caller is the author, with its newest bundle, and that the writer's is named.
pub(super) fn ensure_by_caller(
    tx: &dyn ReadTx,
    caller: &SealedCaller,
    entry: &LogEntry,
) -> Result<(), Failure> {
    if entry.author != caller.id {
        return Err(Failure::bad(SealedErrorCode::Rule, "an entry is sent by its author"));
    }
    if entry.author_bundle != caller.bundle {
        let text = "the entry is signed with another bundle than the client's newest";
        return Err(Failure::unsigned(SealedErrorCode::BundleOld, text));
    }
    let writer = bundle_head(tx, entry.place.writer)?.ok_or_else(Failure::not_found)?;
    if writer.digest != entry.writer_bundle {
        return Err(subject_moved(Subject::Client(entry.place.writer), Some(writer.digest)));
    }
    Ok(())
}

/// An editor appends where a rotation is owed, and nowhere else. A writer that sends wraps goes first: whoever appends without
/// pause would win every race against its own removal.
fn ensure_turn(
    tx: &dyn ReadTx,
    facts: Option<&SealedFacts>,
    name: &TypeName,
    is_owed: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(facts) = facts.filter(|facts| !facts.is_writer()) else { return Ok(()) };
    if facts.grant.is_some_and(|grant| !grant.rights.is_delegate()) && !is_owed {
        return Err(Failure::bad(SealedErrorCode::Rule, "an editor rotates where a rotation is owed"));
    }
    let since = now.plus_seconds(-WRITERS_TURN_S);
    let is_awaited = |row: &StageRow| {
        row.name == *name
            && row.writer == facts.writer
            && row.previous == Some(facts.log.head.digest)
            && row.touched >= since
    };
    if stages_of(tx, facts.writer, MAX_STAGES_OF_WRITER)?.iter().any(is_awaited) {
        let text = "the writer is about to append an entry: wait for it";
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, SealedErrorCode::Busy, text));
    }
    Ok(())
}

fn earlier_epochs(tx: &dyn ReadTx, state: &LogState, entry: &LogEntry) -> Result<Vec<Epoch>, Failure> {
    let (names, numbers) = state.epochs_looked_up(entry);
    let (writer, name) = (entry.place.writer, &entry.place.type_name);
    let mut epochs = Vec::new();
    for id in names {
        epochs.extend(epoch_named(tx, writer, name, &id)?);
    }
    for number in numbers {
        epochs.extend(epoch_numbered(tx, writer, name, number)?);
    }
    Ok(epochs)
}

/// What the server knows of those who hold grants, and nobody signs: whether their keys are the newest, and whether they
/// are there.
struct Heads {
    /// Sequences of the bundles that changed grants name.
    sequences: BTreeMap<ClientId, u32>,
    /// Subjects that were deleted.
    gone: BTreeSet<Subject>,
    /// Somebody could be given a wrap to a newer key.
    follow_owed: bool,
}

impl Heads {
    fn look_up(tx: &dyn ReadTx, entry: &LogEntry, state: &LogState, step: &LogStep) -> Result<Self, Failure> {
        let mut heads = Self { sequences: BTreeMap::new(), gone: BTreeSet::new(), follow_owed: false };
        let changed = step.grants.iter().filter_map(|change| Some((change.subject, change.after.as_ref()?)));
        for (subject, held) in changed {
            let Subject::Client(client) = subject else { continue };
            let newest = bundle_head(tx, client)?.filter(|head| !head.gone);
            let newest = newest.ok_or_else(|| gone(subject))?;
            let named = bundle_named(tx, client, &held.grant.head)?;
            let sequence = named.ok_or_else(|| subject_moved(subject, Some(newest.digest)))?;
            if newest.compromised.is_some_and(|lost| lost > sequence) {
                return Err(subject_moved(subject, Some(newest.digest)));
            }
            heads.follow_owed |= newest.sequence > sequence;
            heads.sequences.insert(client, sequence);
        }
        if entry.epochs.is_empty() {
            return Ok(heads);
        }
        let (writer, name) = (entry.place.writer, &entry.place.type_name);
        let rows: BTreeMap<_, _> = sealed_grants(tx, writer, name, MAX_WRAPS as usize)?.into_iter().collect();
        for (subject, held) in state.grants() {
            let Subject::Client(client) = *subject else { continue };
            if heads.sequences.contains_key(&client) {
                continue;
            }
            let Some(newest) = bundle_head(tx, client)?.filter(|head| !head.gone) else {
                heads.gone.insert(*subject);
                continue;
            };
            let row = rows.get(subject).filter(|row| row.head == held.grant.head);
            let sequence = row.map_or(0, |row| row.head_sequence);
            if newest.compromised.is_some_and(|lost| lost > sequence) {
                return Err(subject_moved(*subject, Some(newest.digest)));
            }
            heads.follow_owed |= newest.sequence > sequence;
        }
        Ok(heads)
    }
}

/// That the lines are those that the server would write: without groups, the clients that were deleted.
fn ensure_lines(beneath: Option<&OpenedBeneath>, heads: &Heads) -> Result<(), Failure> {
    let lines = heads.gone.iter().filter_map(|subject| match subject {
        Subject::Client(client) => Some(BeneathLine::of_deleted(*client)),
        Subject::Group(_) => None,
    });
    let expected = Beneath::new(lines.collect())?;
    let Some(opened) = beneath else { return Ok(()) };
    if opened.lines == expected {
        return Ok(());
    }
    let unexpected = heads.gone.iter().next().copied();
    let subject = unexpected.unwrap_or(Subject::Client(ClientId::from_bytes([0; 16])));
    Err(subject_moved(subject, None))
}

/// That the wraps are exactly those that are due, in their order.
fn ensure_covers(dues: &[WrapDue], wraps: &[Wrap]) -> Result<(), Failure> {
    let fits = |(due, wrap): (&WrapDue, &Wrap)| {
        (due.subject, due.head, due.from_segment) == (wrap.subject, wrap.subject_head, wrap.from_segment)
    };
    if dues.len() == wraps.len() && dues.iter().zip(wraps).all(fits) {
        return Ok(());
    }
    let text = "the wraps are not exactly those for the writer and all who hold grants";
    Err(Failure::bad(SealedErrorCode::WrapsDoNotCover, text))
}

fn write_entry(
    tx: &mut dyn WriteTx,
    account: AccountId,
    prepared: &Prepared,
    state: &LogState,
    step: &LogStep,
    heads: &Heads,
    now: Timestamp,
) -> Result<(), Failure> {
    let entry = prepared.entry.object();
    let (writer, name) = (entry.place.writer, &entry.place.type_name);
    let view = EntryView {
        entry: prepared.entry.clone(),
        private: (0..).zip(prepared.private.iter().cloned()).collect(),
        beneath: prepared.beneath.clone(),
    };
    insert_log_entry(tx, account, &view)?;
    put_log_state(tx, account, state)?;
    for epoch in &step.epochs {
        let link = prepared.links.iter().find(|(segment, _)| *segment == epoch.head.segment);
        insert_epoch(tx, (writer, name), account, epoch, link.map(|(_, link)| link))?;
    }
    for change in &step.grants {
        let Some(held) = &change.after else {
            delete_sealed_grant(tx, writer, name, change.subject)?;
            delete_wraps(tx, writer, name, change.subject)?;
            continue;
        };
        let Subject::Client(client) = change.subject else { continue };
        // A follow does not undo that the older key could open what there was.
        let older = sealed_grant(tx, writer, name, change.subject)?.filter(|_| change.before.is_some());
        let row = SealedGrantRow {
            rights: held.grant.rights,
            from_segment: held.grant.from_segment,
            head_sequence: heads.sequences.get(&client).copied().unwrap_or_default(),
            head: held.grant.head,
            since: older.map_or(now, |older| older.since),
        };
        put_sealed_grant(tx, (writer, name), account, change.subject, &row)?;
    }
    for ((index, wrap), path) in (0..).zip(&prepared.wraps).zip(&prepared.paths) {
        let row = WrapRow {
            position: entry.position,
            index,
            count: entry.wrap_count,
            wrap: wrap.clone(),
            path: path.clone(),
        };
        put_wrap(tx, (writer, name), account, &row)?;
    }
    Ok(())
}

fn subject_moved(subject: Subject, digest: Option<Digest>) -> Failure {
    let text = "the chain of somebody who holds a grant went on: read it, and decide anew";
    Failure::conflict(SealedErrorCode::SubjectMoved, text).with(|body| {
        name_subject(body, subject);
        body.digest = digest;
    })
}

fn gone(subject: Subject) -> Failure {
    let text = "this client was deleted, or has no bundle: leave it out";
    Failure::new(StatusCode::GONE, SealedErrorCode::Gone, text).with(|body| name_subject(body, subject))
}

fn name_subject(body: &mut tozstore_api::sealed::SealedErrorBody, subject: Subject) {
    (body.kind, body.id) = match subject {
        Subject::Client(id) => (Some(1), Some(id.to_string())),
        Subject::Group(id) => (Some(2), Some(id.to_string())),
    };
}

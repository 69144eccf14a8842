//! The census of a type: which records there are, in leaves that its writer sends and everybody can compare.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::sealed::{
    CENSUS_LEAVES_PER_PAGE, CensusItem, CensusLeaf, CensusLeaves, CensusPage, MAX_CENSUS_LEAVES,
    SealedErrorCode,
};
use tozstore_api::{Timestamp, paths};
use tozstore_crypto::sealed::{
    Census, Digest, LogState, RecordVersion, Signed, TypeName, TypePlace, path_of,
};
use tozstore_crypto::{ClientId, RecordId, StoreId};

use super::logs::facts;
use super::{Call, Encoding, Failure};
use crate::App;
use crate::policy::{SealedAction, SealedFacts};
use crate::store::{
    CensusRow, MAX_CENSUS_PAGES, ReadTx, RecordIndex, SealedRecordRow, WriteTx, bundle_head, bundle_named,
    census, census_page, log_entry, log_state, newest_record_index, push_census_page, sealed_record,
    sealed_records_after, sealed_records_by_id,
};

/// Seconds that leaves wait for their entry.
const CENSUS_LIFETIME_S: i64 = 86_400;
const RECORDS_PER_LOOK: usize = 1000;
/// Records that were written while others were counted, at most.
const MAX_YOUNG: usize = 100_000;

/// Sends leaves of a census that is to be.
///
/// Pages come in their order, all but the last of 16,384 leaves. The same page again changes nothing.
#[utoipa::path(
    put, path = paths::SEALED_LOG_CENSUS_PAGE,
    request_body(content = Vec<u8>, content_type = "application/vnd.tozstore.sealed"),
    responses((status = 200), (status = 403), (status = 409)),
    security(("sealed" = []))
)]
pub async fn put_page(State(app): State<Arc<App>>, call: Call) -> Result<StatusCode, Failure> {
    let (writer, name, root, first): (ClientId, TypeName, Digest, u64) = call.path()?;
    let leaves: CensusLeaves = call.body()?;
    let page = usize::try_from(first).unwrap_or(usize::MAX) / CENSUS_LEAVES_PER_PAGE;
    let is_aligned = first % CENSUS_LEAVES_PER_PAGE as u64 == 0 && page < MAX_CENSUS_PAGES;
    if !is_aligned || leaves.0.is_empty() {
        let text = format!("a page begins with a multiple of {CENSUS_LEAVES_PER_PAGE}, and has leaves");
        return Err(Failure::bad(SealedErrorCode::Malformed, text));
    }
    let (caller, now) = (call.caller, app.now());
    let write = move |tx: &mut dyn WriteTx| {
        let facts = facts(tx.as_read(), &caller, SealedAction::Repair, writer, &name)?;
        let there = census(tx.as_read(), writer, &name, root)?;
        let row = match there {
            Some(row) => row,
            None => CensusRow {
                root,
                began: newest_record_index(tx.as_read(), writer, &name)?,
                touched: now,
                pages: Vec::new(),
                is_committed: false,
            },
        };
        if page < row.pages.len() {
            if census_page(tx.as_read(), writer, &name, root, page)?.as_ref() == Some(&leaves) {
                return Ok(StatusCode::OK);
            }
            return Err(Failure::conflict(SealedErrorCode::StagePage, "another page has this place"));
        }
        let last = row.pages.last();
        let is_next = page == row.pages.len()
            && !row.is_committed
            && last.is_none_or(|last| last.count as usize == CENSUS_LEAVES_PER_PAGE)
            && last.is_none_or(|last| leaves.0.first().is_some_and(|leaf| leaf.record > last.last));
        if !is_next {
            let text = "pages come in their order, full but for the last, and records ascend";
            return Err(Failure::conflict(SealedErrorCode::StagePage, text));
        }
        push_census_page(tx, (writer, &name), facts.account_id, &row, now, &leaves)?;
        Ok::<_, Failure>(StatusCode::OK)
    };
    app.store.write("take census", write).await
}

/// Reads the leaves of the newest census.
///
/// In the order of the tree, from number `first` on. Of records that the caller is not shown, the leaves alone.
#[utoipa::path(
    get, path = paths::SEALED_LOG_CENSUS,
    params(("first" = Option<u64>, Query, description = "The number of the first leaf of the page, from 0.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tozstore.sealed")),
    security(("sealed" = []))
)]
pub async fn read(State(app): State<Arc<App>>, call: Call) -> Result<Encoding<CensusPage>, Failure> {
    let (writer, name): (ClientId, TypeName) = call.path()?;
    let mut params = call.params()?;
    let first: u64 = params.one("first")?.unwrap_or_default();
    params.finish()?;
    let (caller, store) = (call.caller, app.store.id());
    let read = move |tx: &dyn ReadTx| {
        let facts = facts(tx, &caller, SealedAction::Read, writer, &name)?;
        let (entry, row) = newest(tx, &place(store, writer, &name))?.ok_or_else(Failure::not_found)?;
        let (mut leaves, mut at) = (Vec::new(), usize::try_from(first).unwrap_or(usize::MAX));
        while leaves.len() < MAX_CENSUS_LEAVES {
            let (page, index) = (at / CENSUS_LEAVES_PER_PAGE, at % CENSUS_LEAVES_PER_PAGE);
            if page >= row.pages.len() {
                break;
            }
            let Some(CensusLeaves(on_page)) = census_page(tx, writer, &name, row.root, page)? else { break };
            let wanted = on_page.get(index..).unwrap_or_default();
            if wanted.is_empty() {
                break;
            }
            for leaf in wanted.iter().take(MAX_CENSUS_LEAVES - leaves.len()) {
                leaves.push(shown(tx, &facts, &name, leaf)?);
                at += 1;
            }
        }
        Ok::<_, Failure>(Encoding(CensusPage { entry, leaves }))
    };
    app.store.read("read census", read).await
}

/// A census whose leaves are those of the records that there are.
#[derive(Debug)]
pub(super) struct Counted {
    row: CensusRow,
    /// The newest record that was looked at.
    until: RecordIndex,
}

impl Counted {
    /// Compares the leaves of a census with all records: before the lock of writers is there, since it takes its time.
    pub(super) fn new(
        tx: &dyn ReadTx,
        facts: &SealedFacts,
        state: &LogState,
        wanted: &Census,
    ) -> Result<Self, Failure> {
        let name = &state.place().type_name;
        // Where nothing has changed, those of the last census.
        let row = census(tx, facts.writer, name, wanted.root)?;
        let row = row.filter(|row| row.is_whole() && row.count() == wanted.count).ok_or_else(|| {
            let text = "the leaves do not give the root: send them all, then the entry";
            Failure::bad(SealedErrorCode::BadDigest, text)
        })?;
        let floors: HashMap<u32, u64> = wanted.floors.iter().copied().collect();
        let until = newest_record_index(tx, facts.writer, name)?;
        let mut leaves = LeafReader { tx, writer: facts.writer, name, row: &row, page: 0, ahead: Vec::new() };
        let (mut gaps, mut under, mut after) = (0, 0, None);
        loop {
            let records = sealed_records_by_id(tx, facts.writer, name, after, RECORDS_PER_LOOK)?;
            for record in &records {
                let version = record.version.object();
                after = Some(version.place.record);
                let (leaf, strays) = leaves.up_to(version.place.record)?;
                gaps += strays;
                let is_counted = leaf.is_some_and(|leaf| {
                    (leaf.version, leaf.digest) == (version.place.version, record.version.digest())
                });
                let is_young = record.index > row.began && state.may_write(version.author);
                gaps += u64::from(!is_counted && !is_young);
                let floor = floors.get(&record.epoch.segment).copied().unwrap_or_default();
                under += u64::from(!record.is_deleted() && record.epoch.number < floor);
            }
            if records.len() < RECORDS_PER_LOOK {
                break;
            }
        }
        gaps += leaves.left()?;
        if gaps > 0 {
            return Err(gaps_left(gaps));
        }
        if under > 0 {
            let text = "data keys hang on epochs below a floor: wrap them anew first";
            return Err(
                Failure::conflict(SealedErrorCode::UnderFloor, text).with(|body| body.left = Some(under))
            );
        }
        Ok(Self { row, until })
    }

    /// What was written since, behind the lock: all of it must be by authors who may write after the entry too.
    pub(super) fn ensure_holds(&self, tx: &dyn ReadTx, state: &LogState) -> Result<(), Failure> {
        let place = state.place();
        let young = sealed_records_after(tx, place.writer, &place.type_name, self.until, MAX_YOUNG)?;
        let mut gaps = u64::from(young.len() >= MAX_YOUNG);
        for at in &young {
            let record = sealed_record(tx, place.writer, &place.type_name, at.record)?;
            let may = record.is_some_and(|record| state.may_write(record.version.object().author));
            gaps += u64::from(!may);
        }
        if gaps > 0 { Err(gaps_left(gaps)) } else { Ok(()) }
    }

    /// The leaves.
    pub(super) const fn row(&self) -> &CensusRow {
        &self.row
    }
}

fn gaps_left(gaps: u64) -> Failure {
    let text = "there are records that the census does not have: look at them, and send new leaves";
    Failure::conflict(SealedErrorCode::CensusGaps, text).with(|body| body.left = Some(gaps))
}

/// Leaves one after the other.
struct LeafReader<'a> {
    tx: &'a dyn ReadTx,
    writer: ClientId,
    name: &'a TypeName,
    row: &'a CensusRow,
    page: usize,
    /// What is left of the page before, the next at the end.
    ahead: Vec<CensusLeaf>,
}

impl LeafReader<'_> {
    fn peek(&mut self) -> Result<Option<CensusLeaf>, Failure> {
        if self.ahead.is_empty() && self.page < self.row.pages.len() {
            let page = census_page(self.tx, self.writer, self.name, self.row.root, self.page)?;
            self.ahead = page.map(|page| page.0).unwrap_or_default();
            self.ahead.reverse();
            self.page += 1;
        }
        Ok(self.ahead.last().copied())
    }

    /// The leaf of this record, if there is one, and how many came before it of records that there are not.
    fn up_to(&mut self, record: RecordId) -> Result<(Option<CensusLeaf>, u64), Failure> {
        let mut strays = 0;
        while let Some(leaf) = self.peek()?.filter(|leaf| leaf.record <= record) {
            self.ahead.pop();
            if leaf.record == record {
                return Ok((Some(leaf), strays));
            }
            strays += 1;
        }
        Ok((None, strays))
    }

    fn left(&mut self) -> Result<u64, Failure> {
        let mut left = 0;
        while self.peek()?.is_some() {
            self.ahead.pop();
            left += 1;
        }
        Ok(left)
    }
}

/// Finds the leaves of versions whose authors may not write any more: readers take nothing else from them.
pub(super) struct FormerAuthors<'a> {
    tx: &'a dyn ReadTx,
    place: TypePlace,
    state: Option<LogState>,
    newest: Option<Option<CensusRow>>,
}

impl<'a> FormerAuthors<'a> {
    pub(super) const fn new(tx: &'a dyn ReadTx, store: StoreId, writer: ClientId, name: TypeName) -> Self {
        Self { tx, place: TypePlace { store, writer, type_name: name }, state: None, newest: None }
    }

    /// The place of a version in the newest census, with its path, if its author is a former one.
    pub(super) fn leaf(
        &mut self,
        version: &Signed<RecordVersion>,
    ) -> Result<Option<(u64, Vec<Digest>)>, Failure> {
        if !self.is_former(version.object())? {
            return Ok(None);
        }
        if self.newest.is_none() {
            self.newest = Some(newest(self.tx, &self.place)?.map(|(_, row)| row));
        }
        let Some(row) = self.newest.as_ref().and_then(Option::as_ref) else { return Ok(None) };
        let (record, writer, name) =
            (version.object().place.record, self.place.writer, &self.place.type_name);
        let page = row.pages.partition_point(|page| page.last < record);
        if row.pages.get(page).is_none_or(|page| page.first > record) {
            return Ok(None);
        }
        let Some(CensusLeaves(leaves)) = census_page(self.tx, writer, name, row.root, page)? else {
            return Ok(None);
        };
        let Ok(at) = leaves.binary_search_by_key(&record, |leaf| leaf.record) else { return Ok(None) };
        let hashed: Vec<_> = leaves.iter().map(CensusLeaf::leaf).collect();
        let roots: Vec<_> = row.pages.iter().map(|page| page.root).collect();
        let path = path_of(&hashed, at).into_iter().chain(path_of(&roots, page)).flatten().collect();
        Ok(Some(((page * CENSUS_LEAVES_PER_PAGE + at) as u64, path)))
    }

    fn is_former(&mut self, version: &RecordVersion) -> Result<bool, Failure> {
        let replaced = bundle_head(self.tx, version.author)?.and_then(|head| head.compromised);
        if let Some(replaced) = replaced {
            let sequence = bundle_named(self.tx, version.author, &version.author_bundle)?;
            if sequence.is_none_or(|sequence| sequence < replaced) {
                return Ok(true);
            }
        }
        if version.author == self.place.writer {
            return Ok(false);
        }
        if self.state.is_none() {
            self.state = Some(log_state(self.tx, &self.place)?);
        }
        Ok(self.state.as_ref().is_some_and(|state| !state.may_write(version.author)))
    }
}

/// What was touched before that has lapsed.
pub fn oldest_census(now: Timestamp) -> Timestamp {
    now.plus_seconds(-CENSUS_LIFETIME_S)
}

/// The entry with the newest census, and its leaves.
fn newest(tx: &dyn ReadTx, place: &TypePlace) -> Result<Option<(Digest, CensusRow)>, Failure> {
    let Some(position) = log_state(tx, place)?.census() else { return Ok(None) };
    let entry = log_entry(tx, place.writer, &place.type_name, position.position)?;
    let root = entry.and_then(|view| view.entry.object().census.as_ref().map(|census| census.root));
    let Some(root) = root else { return Ok(None) };
    Ok(census(tx, place.writer, &place.type_name, root)?.map(|row| (position.digest, row)))
}

/// A leaf as the caller may see it: what hangs on a segment before its own is hidden.
fn shown(
    tx: &dyn ReadTx,
    facts: &SealedFacts,
    name: &TypeName,
    leaf: &CensusLeaf,
) -> Result<CensusItem, Failure> {
    if facts.from_segment() == 0 {
        return Ok(CensusItem::Shown(*leaf));
    }
    let row: Option<SealedRecordRow> = sealed_record(tx, facts.writer, name, leaf.record)?;
    let is_shown = row.is_some_and(|row| row.epoch.segment >= facts.from_segment());
    Ok(if is_shown { CensusItem::Shown(*leaf) } else { CensusItem::Hidden(leaf.leaf()) })
}

fn place(store: StoreId, writer: ClientId, name: &TypeName) -> TypePlace {
    TypePlace { store, writer, type_name: name.clone() }
}

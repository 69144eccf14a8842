//! A census: the writer says, signed, which records there are; everybody compares.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tozstore_api::paths;
use tozstore_api::sealed::{
    CENSUS_LEAVES_PER_PAGE, CensusItem, CensusLeaf, CensusLeaves, CensusPage, RecordPage, RecordView,
};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{
    Census, EpochId, LogPosition, RecordState, Standing, Tree, TypePlace, WrappingKey, verify_path,
};

use super::open_type::OpenType;
use super::{HeldReason, HeldRecord, SealedClient, backwards};
use crate::{Error, UntrustedData};

/// What a census came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CensusTaken {
    /// How many records there are, tombstones among them.
    pub count: u64,
    /// The entry that says so; none if there are no records, or if some are held.
    pub entry: Option<LogPosition>,
    /// Records that nobody can vouch for. With any of them there is no census.
    pub held: Vec<HeldRecord>,
}

/// That all records of a census are there still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CensusCompared {
    /// The entry with the census.
    pub entry: LogPosition,
    /// When it was made by its author's clock is in the entry; how many records it has, here.
    pub count: u64,
    /// How many of them were compared: those that this client may see.
    pub compared: u64,
}

/// Times that what was written meanwhile is looked at.
const MAX_ROUNDS: usize = 5;

impl SealedClient {
    /// Says which records of a type of one's own there are, and that nothing hangs on keys before the newest of each
    /// segment: every version is verified and every data key opened for it. From then on readers take nothing else from
    /// authors who may not write any more, and the server forgets older wraps and links. Complete first.
    ///
    /// # Errors
    /// As for [`Self::complete`]; [`Error::Conflict`] if records were written faster than they were counted.
    pub async fn take_census(
        &self,
        record_type: &str,
        accept: &BTreeSet<ClientId>,
    ) -> Result<CensusTaken, Error> {
        let place = self.place(self.id(), record_type)?;
        let open = self.open_type(&place);
        let floors = {
            let mut open = open.lock().await;
            self.follow(&mut open).await?;
            let heads = open.log.state().heads().iter();
            heads.map(|head| (head.head.segment, head.head.number)).collect::<Vec<_>>()
        };
        let mut keys = HashMap::new();
        let (mut leaves, mut held, mut after) = (BTreeMap::new(), BTreeMap::new(), 0);
        for _ in 0..MAX_ROUNDS {
            loop {
                let page = self.page_to_count(&place, after).await?;
                let mut open = open.lock().await;
                for view in &page.records {
                    let record = view.record.version.object().place.record;
                    match self.count_view(&mut open, view, &floors, accept, &mut keys).await? {
                        Ok(leaf) => {
                            held.remove(&record);
                            leaves.insert(record, leaf);
                        }
                        Err(reason) => drop(held.insert(record, reason)),
                    }
                }
                // Once more from here, to see what came since.
                after = if page.next == 0 { after } else { page.next };
                if page.next == 0 {
                    break;
                }
            }
            let count = leaves.len() as u64;
            if !held.is_empty() || leaves.is_empty() {
                return Ok(CensusTaken { count, entry: None, held: held.into_values().collect() });
            }
            let leaves: Vec<CensusLeaf> = leaves.values().copied().collect();
            let root = Tree::of(leaves.iter().map(CensusLeaf::leaf)).root();
            for (first, page) in
                (0_u64..).step_by(CENSUS_LEAVES_PER_PAGE).zip(leaves.chunks(CENSUS_LEAVES_PER_PAGE))
            {
                let target = paths::sealed_log_census_page(place.writer, &place.type_name, root, first);
                self.put(target, &CensusLeaves(page.to_vec())).await?;
            }
            let census = Census { count, root, floors: floors.clone() };
            let decide = |open: &OpenType| {
                let mut draft = self.draft(open, Vec::new());
                draft.census = Some(census.clone());
                Ok(Some(draft))
            };
            let appended = self.append(&mut *open.lock().await, decide).await;
            match appended {
                Err(Error::Conflict) => {}
                appended => return Ok(CensusTaken { count, entry: appended?, held: Vec::new() }),
            }
        }
        Err(Error::Conflict)
    }

    /// Compares the newest census of a type with the records that the server lists: none that was counted may be missing,
    /// or be older.
    ///
    /// # Errors
    /// [`UntrustedData::SealedRecordsMissing`]; [`Error::NotFound`] if there is no census; as for [`Self::list`].
    pub async fn verify_type(&self, writer: ClientId, record_type: &str) -> Result<CensusCompared, Error> {
        let place = self.place(writer, record_type)?;
        let open = self.open_type(&place);
        let mut open = open.lock().await;
        self.follow(&mut open).await?;
        let (entry, census) = open.log.census().cloned().ok_or(Error::NotFound("a census of this type"))?;
        let wrong = || Error::from(UntrustedData::WrongAnswer("leaves of a census"));
        let (mut tree, mut counted) = (Tree::default(), BTreeMap::new());
        while tree.count() < census.count {
            let target = paths::sealed_log_census(writer, &place.type_name, tree.count());
            let page: CensusPage = self.get(target).await.map_err(|refusal| refusal.naming("the census"))?;
            if page.entry != entry.digest || page.leaves.is_empty() {
                return Err(wrong());
            }
            for item in &page.leaves {
                tree.push(item.leaf());
                if let CensusItem::Shown(leaf) = item {
                    counted.insert(leaf.record, *leaf);
                }
            }
        }
        if tree.count() != census.count || tree.root() != census.root {
            return Err(wrong());
        }
        let compared = counted.len() as u64;
        let mut after = 0;
        loop {
            let page = self.page_to_count(&place, after).await?;
            for view in &page.records {
                let version = view.record.version.object();
                self.judge_view(&mut open, view, &BTreeSet::new()).await?.ok();
                let (record, number) = (version.place.record, version.place.version);
                let is_there = counted.get(&record).is_some_and(|leaf| {
                    number > leaf.version
                        || number == leaf.version && view.record.version.digest() == leaf.digest
                });
                if is_there {
                    counted.remove(&record);
                }
            }
            if page.next == 0 {
                break;
            }
            after = page.next;
        }
        match counted.keys().next() {
            None => Ok(CensusCompared { entry, count: census.count, compared }),
            Some(first) => Err(UntrustedData::SealedRecordsMissing {
                record_type: record_type.to_owned(),
                missing: counted.len() as u64,
                first: *first,
            }
            .into()),
        }
    }

    async fn page_to_count(&self, place: &TypePlace, after: u64) -> Result<RecordPage, Error> {
        let page = paths::SealedRecordsPage {
            after,
            without_fields: true,
            with_deleted: true,
            ..Default::default()
        };
        let target = paths::sealed_records_page(place.writer, &place.type_name, page);
        let page: RecordPage =
            self.get(target).await.map_err(|refusal| refusal.naming("this sealed type"))?;
        if page.next != 0 && page.next <= after {
            return Err(UntrustedData::WrongAnswer("page").into());
        }
        Ok(page)
    }

    /// The leaf of a version that is signed, in force, and opens under the newest keys.
    async fn count_view(
        &self,
        open: &mut OpenType,
        view: &RecordView,
        floors: &[(u32, u64)],
        accept: &BTreeSet<ClientId>,
        keys: &mut HashMap<EpochId, WrappingKey>,
    ) -> Result<Result<CensusLeaf, HeldRecord>, Error> {
        let version = view.record.version.object();
        let (record, author) = (version.place.record, version.author);
        let held = |reason| Ok(Err(HeldRecord { record, author, reason }));
        if let Err(reason) = self.judge_view(open, view, accept).await? {
            return held(reason);
        }
        if version.state != RecordState::Deleted {
            let epoch = view.key.epoch();
            let place = open.log.epoch(&epoch).map(|epoch| (epoch.head.segment, epoch.head.number));
            let is_new =
                |(segment, number)| floors.iter().any(|(at, floor)| *at == segment && number >= *floor);
            if !place.is_some_and(is_new) {
                return held(HeldReason::Unreadable);
            }
            let key = match keys.entry(epoch) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    entry.insert(self.access_key(open, &epoch).await?.wrapping_key(epoch))
                }
            };
            let opened = key.open(&version.place, &view.key, &version.key_commitment);
            if opened.is_err() {
                return held(HeldReason::Unreadable);
            }
        }
        let (number, digest) = (version.place.version, view.record.version.digest());
        Ok(Ok(CensusLeaf { record, version: number, digest }))
    }

    /// Steps 1 to 6 of reading a version.
    async fn judge_view(
        &self,
        open: &mut OpenType,
        view: &RecordView,
        accept: &BTreeSet<ClientId>,
    ) -> Result<Result<(), HeldReason>, Error> {
        let version = view.record.version.object();
        let (record, number) = (version.place.record, version.place.version);
        let digest = view.record.version.digest();
        if version.place.record_type != *open.place() {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        let author = self.chain(version.author, Some(&version.author_bundle)).await?;
        if view.record.verify(&version.place, &author).is_err() {
            return Ok(Err(HeldReason::NotSigned));
        }
        let epoch = (version.state != RecordState::Deleted).then(|| view.key.epoch());
        let mut judged = open.log.judge_version(version, epoch.as_ref(), &author);
        if judged.is_err() {
            self.follow(open).await?;
            judged = open.log.judge_version(version, epoch.as_ref(), &author);
        }
        let Ok(standing) = judged else { return Ok(Err(HeldReason::NotSigned)) };
        self.state()
            .check_record(open.place(), record, Some((number, digest)))
            .map_err(|source| backwards(format!("record {record}"), source))?;
        let is_remembered = || {
            let state = self.state();
            state
                .record(open.place(), record)
                .is_some_and(|seen| (seen.version, seen.digest) == (number, digest))
        };
        let is_counted = || {
            let leaf = CensusLeaf { record, version: number, digest }.leaf();
            open.log.census().zip(view.census.as_ref()).is_some_and(|((_, census), (index, path))| {
                verify_path(&census.root, &leaf, *index, census.count, path).is_ok()
            })
        };
        let is_taken = standing == Standing::Current
            || accept.contains(&version.author)
            || is_counted()
            || standing == Standing::Former && is_remembered();
        Ok(if is_taken { Ok(()) } else { Err(HeldReason::AuthorRevoked) })
    }
}

//! An honest server, in memory, and all that it ever stored.

use std::collections::{BTreeMap, BTreeSet};

use super::server_groups::Group;
use super::{Bug, Failure};
use crate::sealed::log_fixture::{Party, Shown};
use crate::sealed::{
    AroundError, Beneath, Blind, Digest, EpochId, GroupEntryPlace, LINK_BYTES, LogReplay, PlacedWrap,
    PreparedEntry, RecordState, SealedRecord, SegmentHead, Signed, Subject, Tree, TypePlace, VerifiedEntry,
    Wrap, WrappedDataKey, WrapsOf, census_leaf, path_of,
};
use crate::{GroupId, RecordId};

/// A record, its version, and the digest of that: what a census counts.
pub(super) type Leaf = (RecordId, u64, Digest);

/// What comes back when the server does not take something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    HeadMoved,
    SubjectMoved,
    EpochOld,
    Owed,
    VersionConflict,
    NotAllowed,
    Left,
    Rule(String),
}

/// A wrap with the attempt that it was made for.
pub(super) struct StoredWrap {
    pub(super) position: u64,
    pub(super) previous: Option<Digest>,
    pub(super) author_bundle: Digest,
    pub(super) heads: Vec<SegmentHead>,
    pub(super) wrap: Wrap,
}

/// A link with the epochs that it joins.
pub(super) struct StoredLink {
    pub(super) new: SegmentHead,
    pub(super) old: SegmentHead,
    pub(super) link: Vec<u8>,
}

/// All that was ever stored: rows, what replaced rows held, stages, backups.
#[derive(Default)]
pub(super) struct Leak {
    pub(super) wraps: Vec<StoredWrap>,
    pub(super) links: Vec<StoredLink>,
    pub(super) data_keys: Vec<(SealedRecord, WrappedDataKey)>,
    pub(super) group_wraps: Vec<(GroupEntryPlace, Wrap)>,
    pub(super) group_links: Vec<[u8; LINK_BYTES]>,
}

pub(super) struct Row {
    pub(super) record: SealedRecord,
    pub(super) wrapped: Option<WrappedDataKey>,
}

pub(super) struct Server {
    pub(super) bug: Option<Bug>,
    pub(super) log: LogReplay,
    pub(super) entries: Vec<Shown>,
    /// What stands behind commitments to what is beneath, by position.
    pub(super) lines: BTreeMap<u64, (Blind, Beneath)>,
    pub(super) groups: BTreeMap<GroupId, Group>,
    /// The mark: record versions are refused until somebody rotates.
    pub(super) is_owed: bool,
    wraps: BTreeMap<Subject, (PlacedWrap, WrapsOf)>,
    links: BTreeMap<EpochId, [u8; LINK_BYTES]>,
    pub(super) records: BTreeMap<RecordId, Row>,
    census: Vec<Leaf>,
    pub(super) leak: Leak,
}

impl Server {
    pub(super) fn new(place: TypePlace, bug: Option<Bug>) -> Self {
        Self {
            bug,
            log: LogReplay::new(place),
            entries: Vec::new(),
            lines: BTreeMap::new(),
            groups: BTreeMap::new(),
            is_owed: false,
            wraps: BTreeMap::new(),
            links: BTreeMap::new(),
            records: BTreeMap::new(),
            census: Vec::new(),
            leak: Leak::default(),
        }
    }

    /// Stores the pages of a stage. Nothing is decided.
    pub(super) fn stage(&mut self, prepared: &PreparedEntry) {
        let entry = prepared.entry.object();
        let mut heads: BTreeMap<_, _> =
            self.log.state().segment_heads().into_iter().map(|head| (head.segment, head)).collect();
        heads.extend(entry.epochs.iter().map(|block| (block.head.segment, block.head)));
        let heads: Vec<_> = heads.into_values().collect();
        for wrap in &prepared.wraps {
            // Of a stage that is committed, they are there already.
            if !self.leak.wraps.iter().any(|stored| stored.wrap == *wrap) {
                self.leak.wraps.push(StoredWrap {
                    position: entry.position,
                    previous: entry.previous,
                    author_bundle: entry.author_bundle,
                    heads: heads.clone(),
                    wrap: wrap.clone(),
                });
            }
        }
    }

    /// Appends an entry, or points at one that was staged.
    pub(super) fn append(
        &mut self,
        prepared: &PreparedEntry,
        author: &Party,
        leaves: &[Leaf],
    ) -> Result<(), Refused> {
        let signed = prepared.sign(&author.keys.signing_key());
        let entry = signed.object().clone();
        let head = self.log.state().head().map(|head| head.digest);
        if entry.previous != head {
            if self.bug != Some(Bug::SkipHeadCheck) || entry.position == 0 {
                return Err(Refused::HeadMoved);
            }
            // What stood there is overwritten.
            self.rewind(usize::try_from(entry.position).unwrap());
        }
        let mut verified = VerifiedEntry::new(&signed, &author.chain, &prepared.shown()).unwrap();
        if let Some((blind, lines)) = &prepared.beneath {
            verified = verified.with_lines(blind, lines).unwrap();
        }
        let mut log = self.log.clone();
        let rule = |error: crate::sealed::RuleError| Refused::Rule(error.to_string());
        let step = log.push(&verified).map_err(rule)?;
        step.ensure_nothing_void().map_err(rule)?;
        let lines = prepared.beneath.as_ref().map(|(_, lines)| lines);
        let dues = log.state().ensure_around(&entry, &step, lines, &self.seen(self.bug));
        let dues = dues.map_err(|error| match error {
            AroundError::Reach(_) => Refused::SubjectMoved,
            error => Refused::Rule(error.to_string()),
        })?;
        let given = prepared.wraps.iter().map(|wrap| (wrap.subject, wrap.subject_head, wrap.from_segment));
        let is_covered = given.eq(dues.iter().map(|due| (due.subject, due.head, due.from_segment)));
        if !is_covered && !matches!(self.bug, Some(Bug::ForgetReader | Bug::ForgetGroup)) {
            return Err(Refused::Rule("wraps do not cover".into()));
        }
        let tree: Vec<_> =
            (0..).zip(&prepared.wraps).map(|(index, wrap)| wrap.leaf(index).unwrap()).collect();
        assert_eq!(Tree::of(tree.iter().copied()).root(), entry.wrap_root);
        if let Some(census) = &entry.census {
            let is_left = self.records.values().filter_map(|row| row.wrapped.as_ref()).any(|wrapped| {
                let epoch = log.epoch(&wrapped.epoch()).unwrap();
                census
                    .floors
                    .iter()
                    .any(|(segment, floor)| epoch.head.segment == *segment && epoch.head.number < *floor)
            });
            if is_left && self.bug != Some(Bug::CensusEarly) {
                return Err(Refused::Left);
            }
            let leaf = |(record, version, digest): &Leaf| census_leaf(*record, *version, digest);
            assert_eq!(Tree::of(leaves.iter().map(leaf)).root(), census.root);
            self.census = leaves.to_vec();
            self.links.retain(|newer, _| {
                let newer = log.epoch(newer).unwrap().head;
                census
                    .floors
                    .iter()
                    .all(|(segment, floor)| newer.segment != *segment || newer.number > *floor)
            });
        }

        self.stage(prepared);
        let entry_wraps = WrapsOf {
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            count: entry.wrap_count,
            root: entry.wrap_root,
        };
        for (at, wrap) in prepared.wraps.iter().enumerate() {
            let placed = PlacedWrap {
                position: entry.position,
                index: u32::try_from(at).unwrap(),
                wrap: wrap.clone(),
                path: path_of(&tree, at).unwrap(),
            };
            self.wraps.insert(wrap.subject, (placed, entry_wraps));
        }
        for (segment, link) in &prepared.links {
            let new = step.epochs.iter().find(|epoch| epoch.head.segment == *segment).unwrap();
            let old = log.epoch(&new.follows.unwrap()).unwrap();
            self.links.insert(new.id(), *link);
            self.leak.links.push(StoredLink { new: new.head, old: old.head, link: link.to_vec() });
        }
        self.log = log;
        self.entries.push((signed, prepared.shown()));
        self.lines.extend(prepared.beneath.clone().map(|beneath| (entry.position, beneath)));
        // A rotation clears the mark. Who holds nothing is given nothing.
        let is_exposed = self.log.state().holder().exposure(&self.seen(None)).is_some();
        self.is_owed = is_exposed && (self.is_owed || self.bug.is_none());
        let reached = self.reached();
        self.wraps.retain(|subject, _| reached.contains(subject));
        Ok(())
    }

    /// The writer, and all that hold grants, themselves or by way of groups.
    fn reached(&self) -> BTreeSet<Subject> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = self.log.state().grants().keys().copied().collect();
        next.push(Subject::Client(self.log.state().place().writer));
        while let Some(subject) = next.pop() {
            let group = subject.group().filter(|_| !reached.contains(&subject));
            next.extend(group.into_iter().flat_map(|group| self.groups[&group].log.state().members().keys()));
            reached.insert(subject);
        }
        reached
    }

    fn rewind(&mut self, position: usize) {
        self.entries.truncate(position);
        let mut log = LogReplay::new(self.log.state().place().clone());
        for (entry, shown) in &self.entries {
            let author = super::party(entry.object().author);
            log.push(&VerifiedEntry::new(entry, &author.chain, shown).unwrap()).unwrap();
        }
        self.log = log;
    }

    /// The newest wrap for each subject, with what its entry signs about it.
    pub(super) const fn wraps(&self) -> &BTreeMap<Subject, (PlacedWrap, WrapsOf)> {
        &self.wraps
    }

    pub(super) fn link(&self, newer: &EpochId) -> Option<&[u8; LINK_BYTES]> {
        self.links.get(newer)
    }

    /// The leaf of a version in the newest census, with its path.
    pub(super) fn leaf(&self, record: RecordId) -> Option<(u64, u64, Digest, Vec<Digest>)> {
        let at = self.census.iter().position(|(id, ..)| *id == record)?;
        let leaves: Vec<_> =
            self.census.iter().map(|(id, version, digest)| census_leaf(*id, *version, digest)).collect();
        Some((at as u64, leaves.len() as u64, leaves[at], path_of(&leaves, at).unwrap()))
    }

    /// Takes a version, if it is under the current epoch. What is refused is not stored.
    pub(super) fn put(
        &mut self,
        record: &SealedRecord,
        wrapped: Option<&WrappedDataKey>,
    ) -> Result<(), Refused> {
        let version = record.version.object();
        let author = super::party(version.author);
        record.verify(&version.place, &author.chain).unwrap();
        let (id, state) = (version.place.record, self.log.state());
        let before = self.records.get(&id);
        if before.is_some_and(|row| row.record.version.digest() == record.version.digest()) {
            return Ok(());
        }
        let basis = self.log.digest_at(version.basis.position);
        if !state.may_write(version.author)
            || !state.may_write_at(version.author, version.basis.position)
            || basis != Some(version.basis.digest)
        {
            return Err(Refused::NotAllowed);
        }
        if self.is_owed {
            return Err(Refused::Owed);
        }
        let current = state.current().unwrap().id();
        if wrapped.is_some_and(|wrapped| wrapped.epoch() != current) && self.bug != Some(Bug::KeepOldEpoch) {
            return Err(Refused::EpochOld);
        }
        let expected = before.map_or((1, None), |row| {
            let last = &row.record.version;
            (last.object().place.version + 1, Some(last.digest()))
        });
        let is_deleted = before.is_some_and(|row| row.record.version.object().state == RecordState::Deleted);
        if is_deleted || (version.place.version, version.previous) != expected {
            return Err(Refused::VersionConflict);
        }
        if let Some(wrapped) = wrapped {
            self.leak.data_keys.push((record.clone(), wrapped.clone()));
        }
        self.records.insert(id, Row { record: record.clone(), wrapped: wrapped.cloned() });
        Ok(())
    }

    /// Exchanges the wrap of a data key for one under the head of the same segment.
    pub(super) fn rewrap(
        &mut self,
        record: RecordId,
        old: &Digest,
        new: WrappedDataKey,
    ) -> Result<(), Failure> {
        let row = self.records.get_mut(&record).unwrap();
        let wrapped = row.wrapped.as_mut().unwrap();
        if wrapped.digest() != *old {
            return Ok(());
        }
        let (before, after) =
            (self.log.epoch(&wrapped.epoch()).unwrap(), self.log.epoch(&new.epoch()).unwrap());
        let is_head = self.log.state().heads().contains(&after);
        if (!is_head || before.head.segment != after.head.segment)
            && self.bug != Some(Bug::CompleteOntoCurrent)
        {
            return Err(Failure(format!("re-wrapped from {before:?} to {after:?}")));
        }
        self.leak.data_keys.push((row.record.clone(), new.clone()));
        *wrapped = new;
        Ok(())
    }

    pub(super) fn entry(&self, position: u64) -> Option<&Signed<crate::sealed::LogEntry>> {
        self.entries.get(usize::try_from(position).ok()?).map(|(entry, _)| entry)
    }
}

//! A device of a client: what it has read, the keys that it opened, and what it was doing when it stopped.

use std::collections::{BTreeMap, BTreeSet};

use super::device_groups::GroupIntent;
use super::oracle::Oracle;
use super::server::{Leaf, Refused, Row, Server};
use super::{Bug, Failure, group_id, party};
use crate::sealed::log_fixture::Party;
use crate::sealed::{
    AccessKey, Census, Change, DataKey, EntryDraft, EpochId, EpochLookup as _, FieldForm, FieldName,
    FieldToSeal, Grant, GroupDraft, GroupKeys, GroupReplay, KeyRing, Known, LogPosition, LogReplay, Names,
    Plain, PreparedEntry, PreparedGroupEntry, RecordDraft, RecordPlace, RecordState, Rights, SealedRecord,
    Settings, Standing, Subject, Tree, VerifiedEntry, WrappedDataKey, census_leaf, verify_path,
};
use crate::{GroupId, RecordId};

/// What somebody wants of the log. Decided anew after each race that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    Begin,
    Share {
        with: usize,
        from_now: bool,
    },
    ShareGroup {
        group: usize,
        from_now: bool,
    },
    RevokeGroup {
        group: usize,
    },
    Empower {
        whom: usize,
        rights: Rights,
    },
    Revoke {
        whom: usize,
    },
    Rotate {
        all: bool,
    },
    /// A rotation that is owed, by whoever writes next.
    Owed,
    Count,
}

/// What a device was doing.
enum Pending {
    Entry(Intent, Box<(EntryDraft, PreparedEntry)>),
    Version(Box<(SealedRecord, DataKey, EpochId, Vec<u8>)>),
}

/// What it was doing with a group.
pub(super) type PendingGroup = (GroupId, GroupIntent, Box<(GroupDraft, PreparedGroupEntry)>);

pub(super) struct Device {
    pub(super) party: &'static Party,
    pub(super) bug: Option<Bug>,
    pub(super) log: LogReplay,
    ring: KeyRing,
    pub(super) groups: BTreeMap<GroupId, GroupReplay>,
    pub(super) secrets: GroupKeys,
    pending: Option<Pending>,
    pub(super) pending_group: Option<PendingGroup>,
    /// Keys that it drew, whatever became of them, each with the place that it was meant for.
    pub(super) drawn: Vec<[u8; 32]>,
    pub(super) drawn_secrets: Vec<(GroupId, u64, [u8; 32])>,
    /// For the fault of using a key twice.
    spare: Vec<[u8; 32]>,
    /// For the fault of revoking before rotating.
    deferred: Option<Intent>,
}

const DELEGATE: Rights = Rights::SHARE.with(Rights::REVOKE).with(Rights::ROTATE);

impl Device {
    pub(super) fn new(party: &'static Party, server: &Server, bug: Option<Bug>) -> Self {
        let log = LogReplay::new(server.log.state().place().clone());
        Self {
            party,
            bug,
            log,
            ring: KeyRing::new(),
            groups: BTreeMap::new(),
            secrets: GroupKeys::new(),
            pending: None,
            pending_group: None,
            drawn: Vec::new(),
            drawn_secrets: Vec::new(),
            spare: Vec::new(),
            deferred: None,
        }
    }

    /// All that was in memory is lost; what was staged stays with the server.
    pub(super) fn crash(&mut self) {
        self.log = LogReplay::new(self.log.state().place().clone());
        (self.ring, self.pending) = (KeyRing::new(), None);
        (self.groups, self.secrets, self.pending_group) = (BTreeMap::new(), GroupKeys::new(), None);
    }

    fn is_writer(&self) -> bool {
        self.party.id == self.log.state().place().writer
    }

    fn rights(&self) -> Option<Rights> {
        self.log.state().grant(&self.party.subject()).map(|held| held.grant.rights)
    }

    fn sees_all(&self) -> bool {
        self.is_writer() || self.rights().is_some_and(|rights| !rights.is_read_only())
    }

    /// Reads the log to its head, and opens the newest wrap.
    pub(super) fn sync(&mut self, server: &Server) -> Result<(), Failure> {
        self.read_log(server)?;
        if self.sees_all() && self.log.state().unseen() > 0 {
            self.log = LogReplay::new(self.log.state().place().clone());
            self.read_log(server)?;
        }
        self.sync_groups(server)?;
        for (subject, (placed, of)) in server.wraps() {
            let mut heads = self.log.segment_heads_at(placed.position).into_iter();
            let has_all = heads.all(|head| {
                let epoch = self.log.by_number(head.number);
                head.segment < placed.wrap.from_segment
                    || epoch.is_some_and(|epoch| self.ring.key(&epoch.id()).is_some())
            });
            let opener = self.opener(subject, &placed.wrap.subject_head).filter(|_| !has_all);
            let Some(opener) = opener else { continue };
            let signed = server.entry(placed.position).map(|entry| entry.object());
            assert_eq!(signed.map(|entry| entry.wrap_root), Some(of.root));
            self.ring
                .open_wrap(&self.log, of, placed, &opener)
                .map_err(|_| Failure("the own wrap does not open".into()))?;
        }
        Ok(())
    }

    fn read_log(&mut self, server: &Server) -> Result<(), Failure> {
        let next = self.log.state().head().map_or(0, |head| head.position + 1);
        let known = next.checked_sub(1).and_then(|last| self.log.digest_at(last));
        if next > 0 && server.log.digest_at(next - 1) != known {
            return Err(Failure("the log is another than the one that was seen".into()));
        }
        // By what the server knows, as it decides whom it shows what.
        let state = server.log.state();
        let held = state.grant(&self.party.subject()).map(|held| held.grant.rights);
        let sees_all = self.is_writer() || held.is_some_and(|rights| !rights.is_read_only());
        for (entry, private) in &server.entries[usize::try_from(next).unwrap()..] {
            let mine = |change: &Change| change.subject() == Some(self.party.subject());
            let shown: Vec<_> = private
                .iter()
                .filter(|(_, change)| {
                    sees_all || Change::parse(&change.change).is_ok_and(|change| mine(&change))
                })
                .cloned()
                .collect();
            let mut verified =
                VerifiedEntry::new(entry, &party(entry.object().author).chain, &shown).unwrap();
            let lines = server.lines.get(&entry.object().position).filter(|_| sees_all);
            if let Some((blind, lines)) = lines {
                verified = verified.with_lines(blind, lines).unwrap();
            }
            let step = self.log.push(&verified).map_err(|error| Failure(error.to_string()))?;
            if let Some(void) = step.void.first() {
                return Err(Failure(format!("a void change: {}", void.error)));
            }
        }
        Ok(())
    }

    fn decide(&self, intent: &Intent, server: &Server) -> Option<(EntryDraft, Vec<Leaf>)> {
        let state = self.log.state();
        let rights = self.rights();
        let may = |right| self.is_writer() || rights.is_some_and(|rights| rights.contain(right));
        let is_shown_all = state.unseen() == 0;
        if (state.head().is_none() != (*intent == Intent::Begin)) || !is_shown_all {
            return None;
        }
        let mut draft = EntryDraft {
            author: self.party.id,
            author_bundle: (self.party.chain.fingerprint(), 0),
            writer_bundle: party(state.place().writer).chain.fingerprint(),
            made_ms: 1,
            changes: Vec::new(),
            rotate: BTreeSet::new(),
            past: BTreeMap::new(),
            opens_segment: false,
            census: None,
            notice: None,
            deleted: BTreeSet::new(),
        };
        let current = state.current().map_or(0, |epoch| epoch.head.segment);
        let mut leaves = Vec::new();
        let held = |whom: usize| state.grant(&super::parties()[whom].subject()).map(|held| &held.grant);
        let grant = |whom: usize, rights, from_segment| {
            let head = super::parties()[whom].chain.fingerprint();
            Change::Grant(subject(whom), Grant { head, rights, from_segment, known: Known::Compared })
        };
        let is_self = |whom: usize| super::parties()[whom].id == self.party.id;
        match *intent {
            Intent::Begin => {
                let settings = Settings { name_key: None, is_verified_only: false, is_migrating: false };
                draft.changes.push(Change::Settings(settings));
                draft.opens_segment = true;
            }
            Intent::Share { with, from_now } => {
                let fits = held(with).is_none_or(|grant| grant.rights.is_read_only());
                if !fits || !may(Rights::SHARE) || is_self(with) || current > 12 {
                    return None;
                }
                if from_now {
                    // To begin later is to lose something.
                    if held(with).is_some() && !may(Rights::REVOKE) {
                        return None;
                    }
                    draft.opens_segment = true;
                    draft.changes.push(grant(with, Rights::READ, current + 1));
                } else if held(with).is_none_or(|grant| grant.from_segment > 0) {
                    draft.changes.push(grant(with, Rights::READ, 0));
                } else {
                    return None;
                }
            }
            Intent::ShareGroup { group, from_now } => {
                let id = group_id(group);
                let head = self.groups.get(&id)?.state().newest_key()?.entry.digest;
                let before = state.grant(&Subject::Group(id)).map(|held| &held.grant);
                if !may(Rights::SHARE) || current > 12 || (before.is_some() && !may(Rights::REVOKE)) {
                    return None;
                }
                let from_segment = if from_now { current + 1 } else { 0 };
                if !from_now && before.is_some_and(|grant| grant.from_segment == 0) {
                    return None;
                }
                draft.opens_segment = from_now;
                let grant = Grant { head, rights: Rights::READ, from_segment, known: Known::Compared };
                draft.changes.push(Change::Grant(Subject::Group(id), grant));
            }
            Intent::RevokeGroup { group } => {
                let subject = Subject::Group(group_id(group));
                state.grant(&subject)?;
                if !may(Rights::REVOKE) {
                    return None;
                }
                draft.changes.push(Change::Remove(subject));
                draft.rotate.insert(current);
            }
            Intent::Owed => {
                if !server.is_owed || !(may(Rights::ROTATE) || may(Rights::EDIT)) {
                    return None;
                }
                draft.rotate.insert(current);
            }
            Intent::Empower { whom, rights } => {
                if !self.is_writer() || held(whom).is_some_and(|grant| grant.rights == rights) {
                    return None;
                }
                draft.changes.push(grant(whom, rights, 0));
            }
            Intent::Revoke { whom } => {
                let reads_only = held(whom)?.rights.is_read_only();
                if !may(Rights::REVOKE) || (!self.is_writer() && (!reads_only || is_self(whom))) {
                    return None;
                }
                draft.changes.push(Change::Remove(subject(whom)));
                draft.rotate.insert(current);
            }
            Intent::Rotate { all } => {
                if !may(Rights::ROTATE) {
                    return None;
                }
                draft.rotate.extend(if all { 0..=current } else { current..=current });
            }
            Intent::Count => {
                if !self.is_writer() {
                    return None;
                }
                leaves = server
                    .records
                    .iter()
                    .map(|(id, row)| {
                        let version = &row.record.version;
                        (*id, version.object().place.version, version.digest())
                    })
                    .collect();
                draft.census = Some(Census {
                    count: leaves.len() as u64,
                    root: Tree::of(
                        leaves.iter().map(|(id, version, digest)| census_leaf(*id, *version, digest)),
                    )
                    .root(),
                    floors: state
                        .heads()
                        .iter()
                        .map(|epoch| (epoch.head.segment, epoch.head.number))
                        .collect(),
                });
            }
        }
        if !draft.rotate.is_empty() || draft.opens_segment {
            draft.changes.extend(self.follows_of_grants(&draft.changes));
        }
        Some((draft, leaves))
    }

    fn prepare(&mut self, draft: &EntryDraft, server: &mut Server) -> Result<PreparedEntry, Failure> {
        let begun = draft.rotate.len() + usize::from(draft.opens_segment);
        let mut fresh: Vec<_> = (0..begun).map(|_| *AccessKey::generate().expose()).collect();
        if self.bug == Some(Bug::KeyTwice) && self.spare.len() == begun {
            fresh.clone_from(&self.spare);
        }
        self.spare.clone_from(&fresh);
        self.drawn.extend(&fresh);
        let keys: Vec<_> = fresh.iter().map(AccessKey::from_bytes).collect();
        let nobody = BTreeSet::new();
        let mut prepared = draft
            .prepare_with(&self.log, &self.ring, keys, None, Some((&self.seen(), &nobody)), |due| {
                self.public_key(due)
            })
            .map_err(|error| Failure(format!("{draft:?}: {error}")))?;
        if self.bug == Some(Bug::ForgetReader) && draft.changes.is_empty() && prepared.wraps.len() > 1 {
            forget_last(&mut prepared);
        }
        if self.bug == Some(Bug::ForgetGroup) && !draft.rotate.is_empty() {
            // Groups come last.
            if prepared.wraps.last().is_some_and(|wrap| wrap.subject.group().is_some()) {
                forget_last(&mut prepared);
            }
        }
        if self.bug == Some(Bug::FromNowLinked) && draft.opens_segment && draft.position_is_later(&self.log) {
            let old = *self.log.state().current().unwrap();
            let new = prepared.entry.object().epochs.last().unwrap().head;
            let key = AccessKey::from_bytes(fresh.last().unwrap());
            let link =
                key.seal_link(self.log.state().place(), &new, &old.head, self.ring.key(&old.id()).unwrap());
            server.leak.links.push(super::server::StoredLink { new, old: old.head, link });
        }
        Ok(prepared)
    }

    /// Does something with the log; if `stop`, it stops before the commit, with the wraps staged.
    pub(super) fn append(
        &mut self,
        intent: &Intent,
        stop: bool,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        self.sync(server)?;
        if self.bug == Some(Bug::RevokeBeforeRotate) && matches!(intent, Intent::Revoke { .. }) {
            if let Some((draft, _)) = self.decide(intent, server) {
                // Told to be done, and done at the next occasion.
                oracle.committed(&draft.changes);
                self.deferred = Some(intent.clone());
            }
            return Ok(());
        }
        for _ in 0..4 {
            let Some((draft, leaves)) = self.decide(intent, server) else {
                self.spare.clear();
                return Ok(());
            };
            let prepared = self.prepare(&draft, server)?;
            if stop && !draft.rotate.is_empty() | draft.opens_segment {
                server.stage(&prepared);
                self.pending = Some(Pending::Entry(intent.clone(), Box::new((draft, prepared))));
                return Ok(());
            }
            if self.commit(&draft, prepared, &leaves, server, oracle)? {
                return Ok(());
            }
            self.sync(server)?;
        }
        Err(Failure(format!("no end of races: {intent:?}")))
    }

    /// Whether it is in the log, or does not fit any more; if not, all is to be decided anew.
    fn commit(
        &mut self,
        draft: &EntryDraft,
        prepared: PreparedEntry,
        leaves: &[Leaf],
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<bool, Failure> {
        match server.append(&prepared, self.party, leaves) {
            Ok(()) => {
                self.spare.clear();
                oracle.committed(&draft.changes);
                self.read_log(server)?;
                prepared.keep_keys(&mut self.ring);
                Ok(true)
            }
            Err(Refused::HeadMoved | Refused::SubjectMoved) => Ok(false),
            Err(Refused::Left) => Ok(true),
            Err(other) => Err(Failure(format!("{other:?}: {draft:?}"))),
        }
    }

    /// Goes on with what it was doing.
    pub(super) fn finish(&mut self, server: &mut Server, oracle: &mut Oracle) -> Result<(), Failure> {
        self.finish_group(server, oracle)?;
        match self.pending.take() {
            None => {}
            Some(Pending::Entry(intent, attempt)) => {
                let (draft, prepared) = *attempt;
                if !self.commit(&draft, prepared, &[], server, oracle)? {
                    self.append(&intent, false, server, oracle)?;
                }
            }
            Some(Pending::Version(attempt)) => {
                let (record, data_key, epoch, content) = *attempt;
                self.send(&record, &data_key, epoch, content, server, oracle)?;
            }
        }
        if let Some(Intent::Revoke { whom }) = self.deferred.take() {
            self.bug = None;
            self.append(&Intent::Revoke { whom }, false, server, &mut Oracle::default())?;
            self.bug = Some(Bug::RevokeBeforeRotate);
        }
        Ok(())
    }

    /// Writes a version under the epoch that this device believes to be current.
    pub(super) fn write(
        &mut self,
        record: RecordId,
        content: Vec<u8>,
        stop: bool,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        if self.log.state().head().is_none() {
            self.sync(server)?;
        }
        let Some(draft) = self.draft_version(record, server) else { return Ok(()) };
        let data_key = DataKey::generate();
        let field = FieldToSeal { name: "content", form: FieldForm::Bytes, value: &content };
        let sealed = draft
            .seal(Names::Shown, &[field], Plain::default(), None, &data_key, &self.party.keys.signing_key())
            .unwrap();
        let epoch = self.log.state().current().unwrap().id();
        if stop {
            self.pending = Some(Pending::Version(Box::new((sealed, data_key, epoch, content))));
            return Ok(());
        }
        self.send(&sealed, &data_key, epoch, content, server, oracle)
    }

    fn draft_version(&self, record: RecordId, server: &Server) -> Option<RecordDraft> {
        let state = self.log.state();
        let head = state.head()?;
        if !state.may_write(self.party.id) || self.ring.key(&state.current()?.id()).is_none() {
            return None;
        }
        let before = server.records.get(&record).map(|row| &row.record.version);
        if before.is_some_and(|version| version.object().state == RecordState::Deleted) {
            return None;
        }
        Some(RecordDraft {
            place: RecordPlace {
                record_type: state.place().clone(),
                record,
                version: before.map_or(1, |version| version.object().place.version + 1),
            },
            previous: before.map(|version| version.digest()),
            author: self.party.id,
            author_bundle: self.party.chain.fingerprint(),
            basis: LogPosition { position: head.position, digest: head.digest },
            written_ms: 1,
        })
    }

    /// Sends a version; under a newer epoch the same bytes are re-wrapped, without the plaintext.
    fn send(
        &mut self,
        record: &SealedRecord,
        data_key: &DataKey,
        epoch: EpochId,
        content: Vec<u8>,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        let place = record.version.object().place.clone();
        let wrap = |device: &Self, epoch: EpochId| {
            device.ring.key(&epoch).map(|key| key.wrapping_key(epoch).wrap(&place, data_key))
        };
        let mut epoch = epoch;
        for _ in 0..5 {
            let Some(wrapped) = wrap(self, epoch) else { return Ok(()) };
            match server.put(record, Some(&wrapped)) {
                Ok(()) => {
                    oracle.wrote(place.record, place.version, content);
                    // An answer that was lost: the same again is the same.
                    return server
                        .put(record, Some(&wrapped))
                        .map_err(|error| Failure(format!("again: {error:?}")));
                }
                Err(Refused::EpochOld) => {
                    self.sync(server)?;
                    epoch = self.log.state().current().unwrap().id();
                }
                Err(Refused::Owed) => {
                    self.append(&Intent::Owed, false, server, oracle)?;
                    if server.is_owed {
                        return Ok(());
                    }
                    epoch = self.log.state().current().unwrap().id();
                }
                Err(Refused::NotAllowed | Refused::VersionConflict) => return Ok(()),
                Err(other) => return Err(Failure(format!("{other:?}"))),
            }
        }
        Err(Failure("no end of epochs".into()))
    }

    pub(super) fn delete(
        &mut self,
        record: RecordId,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        self.append(&Intent::Owed, false, server, oracle)?;
        let Some(draft) = self.draft_version(record, server).filter(|draft| draft.previous.is_some()) else {
            return Ok(());
        };
        if !self.is_writer() {
            return Ok(());
        }
        let tombstone = draft.delete(&self.party.keys.signing_key()).unwrap();
        server.put(&tombstone, None).map_err(|error| Failure(format!("a tombstone: {error:?}")))
    }

    /// Re-wraps so many data keys of older epochs, and counts if asked to.
    pub(super) fn complete(
        &mut self,
        most: usize,
        count: bool,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        if !self.is_writer() {
            return Ok(());
        }
        self.append(&Intent::Rotate { all: true }, false, server, oracle)?;
        let heads = self.log.state().heads().to_vec();
        let stale: Vec<_> =
            server.records.iter().filter_map(|(id, row)| Some((*id, row.wrapped.clone()?))).collect();
        for (id, wrapped) in stale.into_iter().take(most) {
            let data_key = self.open_data_key(server, &server.records[&id], &wrapped)?;
            let segment = self.log.epoch(&wrapped.epoch()).unwrap().head.segment;
            let is_across = self.bug == Some(Bug::CompleteOntoCurrent);
            let head = if is_across { heads.last().unwrap() } else { &heads[segment as usize] }.id();
            let place = &server.records[&id].record.version.object().place;
            let again = self.ring.key(&head).unwrap().wrapping_key(head).wrap(place, &data_key);
            server.rewrap(id, &wrapped.digest(), again)?;
        }
        if count { self.append(&Intent::Count, false, server, oracle) } else { Ok(()) }
    }

    fn open_data_key(
        &mut self,
        server: &Server,
        row: &Row,
        wrapped: &WrappedDataKey,
    ) -> Result<DataKey, Failure> {
        let epoch = wrapped.epoch();
        let path = self.ring.links_to(&self.log, &epoch).ok_or(Failure("no links lead to the key".into()))?;
        for newer in path {
            let link = server.link(&newer.id()).ok_or(Failure("a link is gone".into()))?;
            self.ring
                .follow_link(&self.log, &newer, link)
                .map_err(|_| Failure("a link does not open".into()))?;
        }
        let version = row.record.version.object();
        let key = self.ring.key(&epoch).unwrap().wrapping_key(epoch);
        key.open(&version.place, wrapped, &version.key_commitment)
            .map_err(|_| Failure("the data key does not open".into()))
    }

    /// Reads a record in the order of section 8.
    pub(super) fn read(&mut self, record: RecordId, server: &Server) -> Result<Option<Vec<u8>>, Failure> {
        self.sync(server)?;
        let Some(row) = server.records.get(&record) else { return Ok(None) };
        let version = row.record.version.object();
        let author = &party(version.author).chain;
        let verified =
            row.record.verify(&version.place, author).map_err(|_| Failure("no signature".into()))?;
        let epoch = row.wrapped.as_ref().map(WrappedDataKey::epoch);
        let standing = self
            .log
            .judge_version(version, epoch.as_ref(), author)
            .map_err(|error| Failure(format!("{error}: {version:?}")))?;
        if standing == Standing::CountedOrRefused {
            let (index, count, leaf, path) =
                server.leaf(record).ok_or(Failure("not in the census".into()))?;
            let (_, census) = self.log.census().unwrap();
            assert_eq!(census_leaf(record, version.place.version, &row.record.version.digest()), leaf);
            assert_eq!(census.count, count);
            verify_path(&census.root, &leaf, index, count, &path).map_err(|_| Failure("no leaf".into()))?;
        }
        let Some(wrapped) = &row.wrapped else { return Ok(None) };
        let data_key = self.open_data_key(server, row, wrapped)?;
        let name = FieldName::from_bytes(b"content").unwrap();
        let field =
            verified.open_field(Names::Shown, &data_key, &name).map_err(|_| Failure("no field".into()))?;
        Ok(field.map(|field| field.expose_bytes().to_vec()))
    }

    pub(super) const fn delegate_rights() -> Rights {
        DELEGATE
    }
}

impl EntryDraft {
    fn position_is_later(&self, log: &LogReplay) -> bool {
        self.opens_segment && log.state().head().is_some()
    }
}

fn subject(whom: usize) -> Subject {
    super::parties()[whom].subject()
}

/// The entry again, without its last wrap.
fn forget_last(prepared: &mut PreparedEntry) {
    prepared.wraps.pop();
    let mut entry = prepared.entry.object().clone();
    let leaves = (0..).zip(&prepared.wraps).map(|(index, wrap)| wrap.leaf(index).unwrap());
    entry.wrap_root = Tree::of(leaves).root();
    entry.wrap_count -= 1;
    prepared.entry = crate::sealed::Encoded::new(&entry).unwrap();
}

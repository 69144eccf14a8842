//! Groups around the type of [`Case`], for tests and vectors.

use std::collections::{BTreeMap, BTreeSet};

use super::log_fixture::{Case, STORE, WRITER};
use super::*;
use crate::{ClientId, GroupId};

/// A type and groups, seen by somebody who sees and opens all.
pub(crate) struct GroupCase {
    pub(crate) case: Case,
    pub(crate) groups: BTreeMap<GroupId, GroupReplay>,
    pub(crate) keys: GroupKeys,
    pub(crate) entries: BTreeMap<GroupId, Vec<Signed<GroupEntry>>>,
    pub(crate) deleted: BTreeSet<ClientId>,
    pub(crate) pending: BTreeSet<GroupId>,
}

pub(crate) const fn group_id(group: u8) -> GroupId {
    GroupId::from_bytes([0x80 + group; 16])
}

impl GroupCase {
    pub(crate) fn begun() -> Self {
        Self::of(Case::begun())
    }

    pub(crate) fn of(case: Case) -> Self {
        Self {
            case,
            groups: BTreeMap::new(),
            keys: GroupKeys::new(),
            entries: BTreeMap::new(),
            deleted: BTreeSet::new(),
            pending: BTreeSet::new(),
        }
    }

    pub(crate) fn around(&self) -> Around<'_> {
        let mut around = Around::new();
        self.case.parties.iter().for_each(|party| around.add_chain(&party.chain));
        self.groups.values().for_each(|log| around.add_group(log));
        self.deleted.iter().for_each(|client| around.add_deleted(*client));
        self.pending.iter().for_each(|group| around.add_pending(*group));
        around
    }

    pub(crate) fn state(&self, group: u8) -> &GroupState {
        self.groups[&group_id(group)].state()
    }

    pub(crate) fn subject(&self, party: usize) -> Subject {
        self.case.parties[party].subject()
    }

    pub(crate) fn member(&self, party: usize, role: Role) -> GroupChange {
        let head = self.case.parties[party].chain.fingerprint();
        GroupChange::Member(self.subject(party), Member { head, role, known: Known::Compared })
    }

    pub(crate) fn head(&self, group: u8) -> Digest {
        self.state(group).newest_key().unwrap().entry.digest
    }

    pub(crate) fn child(&self, group: u8) -> GroupChange {
        let member = Member { head: self.head(group), role: Role::Member, known: Known::Compared };
        GroupChange::Member(Subject::Group(group_id(group)), member)
    }

    pub(crate) fn follow_child(&self, group: u8) -> GroupChange {
        GroupChange::Follow(Subject::Group(group_id(group)), self.head(group))
    }

    pub(crate) fn remove(&self, party: usize) -> GroupChange {
        GroupChange::Remove(self.subject(party))
    }

    pub(crate) fn draft(&self, author: usize, changes: Vec<GroupChange>, rotates: bool) -> GroupDraft {
        let author = &self.case.parties[author];
        let head = author.chain.head();
        GroupDraft {
            author: author.id,
            author_bundle: (head.digest(), head.object().sequence),
            made_ms: 1_700_000_000_000,
            changes,
            rotates,
            past: None,
            notice: None,
            left_out: BTreeSet::new(),
        }
    }

    pub(crate) fn creation(&self, creator: usize, is_verified_only: bool) -> GroupDraft {
        let settings = GroupChange::Settings(GroupSettings { is_verified_only, name: "ward".into() });
        self.draft(creator, vec![settings, self.member(creator, Role::Manager)], true)
    }

    pub(crate) fn log(&self, group: u8) -> GroupReplay {
        let place = GroupPlace { store: STORE, group: group_id(group) };
        self.groups.get(&group_id(group)).cloned().unwrap_or_else(|| GroupReplay::new(place))
    }

    pub(crate) fn public_key(&self, due: &WrapDue) -> Option<WrapPublicKey> {
        let Subject::Group(group) = due.subject else { return self.case.public_key(due) };
        self.groups.get(&group)?.key_of(&due.head).map(|key| key.public_key.clone())
    }

    pub(crate) fn prepare(
        &self,
        group: u8,
        draft: &GroupDraft,
    ) -> Result<PreparedGroupEntry, GroupDraftError> {
        draft.prepare(&self.log(group), &self.keys, &self.around(), |due| self.public_key(due))
    }

    pub(crate) fn sign(&self, entry: &Encoded<GroupEntry>) -> Signed<GroupEntry> {
        entry.clone().sign(&self.case.party(entry.object().author).keys.signing_key())
    }

    pub(crate) fn push(
        &mut self,
        group: u8,
        signed: &Signed<GroupEntry>,
    ) -> Result<GroupStep, GroupRuleError> {
        let mut log = self.log(group);
        let chain = &self.case.party(signed.object().author).chain;
        let step = log.push(&VerifiedGroupEntry::new(signed, chain).unwrap(), &self.around())?;
        self.groups.insert(group_id(group), log);
        self.entries.entry(group_id(group)).or_default().push(signed.clone());
        Ok(step)
    }

    pub(crate) fn commit(&mut self, group: u8, draft: &GroupDraft) -> Result<GroupStep, GroupDraftError> {
        let prepared = self.prepare(group, draft)?;
        let signed = self.sign(&prepared.entry);
        let step = self.push(group, &signed).map_err(AroundError::from)?;
        prepared.keep_secret(&mut self.keys);
        Ok(step)
    }

    /// Keeps the secret of what is prepared, which is looked at later.
    pub(crate) fn keys_of(&mut self, prepared: &PreparedGroupEntry) {
        if let Some((generation, secret)) = prepared.secret() {
            let secret = GroupSecret::from_bytes(secret.expose());
            self.keys.insert(prepared.entry.object().place.group, generation, secret);
        }
    }

    /// A group by this creator.
    pub(crate) fn create(&mut self, group: u8, creator: usize) {
        self.commit(group, &self.creation(creator, false)).unwrap();
    }

    /// An entry that has to be taken.
    pub(crate) fn ok(&mut self, group: u8, author: usize, changes: Vec<GroupChange>, rotates: bool) {
        self.commit(group, &self.draft(author, changes, rotates)).unwrap();
    }

    pub(crate) fn refused(&self, group: u8, draft: &GroupDraft) -> GroupRule {
        match self.prepare(group, draft) {
            Err(GroupDraftError::Around(AroundError::GroupRule(error))) => error.rule,
            other => panic!("{other:?}"),
        }
    }

    /// What a reader of the log says to an entry that was changed by hand before it was signed.
    pub(crate) fn pushed(
        &self,
        group: u8,
        draft: &GroupDraft,
        change: impl FnOnce(&mut GroupEntry),
    ) -> Result<GroupStep, Option<GroupRule>> {
        let prepared = self.prepare(group, draft).unwrap();
        let mut entry = prepared.entry.object().clone();
        change(&mut entry);
        let encoded = Encoded::new(&entry).map_err(|_| None)?;
        let signed = encoded.sign(&self.case.party(draft.author).keys.signing_key());
        let chain = &self.case.party(entry.author).chain;
        let verified = VerifiedGroupEntry::new(&signed, chain).map_err(|_| None)?;
        self.log(group).push(&verified, &self.around()).map_err(|error| Some(error.rule))
    }

    pub(crate) fn grant(&self, group: u8, from_segment: u32) -> Change {
        let grant =
            Grant { head: self.head(group), rights: Rights::READ, from_segment, known: Known::Compared };
        Change::Grant(Subject::Group(group_id(group)), grant)
    }

    pub(crate) fn follow(&self, group: u8) -> Change {
        Change::Follow(Subject::Group(group_id(group)), self.head(group))
    }

    pub(crate) fn prepare_type(
        &self,
        draft: &EntryDraft,
        left_out: &[u8],
    ) -> Result<PreparedEntry, DraftError> {
        let left_out = left_out.iter().map(|group| group_id(*group)).collect();
        let around = (&self.around(), &left_out);
        draft.prepare_around(&self.case.log, &self.case.ring, None, around, |due| self.public_key(due))
    }

    /// An entry of the type, which has to be taken: for whom it has wraps.
    pub(crate) fn type_entry(&mut self, draft: &EntryDraft, left_out: &[u8]) -> Vec<Subject> {
        let prepared = self.prepare_type(draft, left_out).unwrap();
        let signed = prepared.sign(&self.case.party(draft.author).keys.signing_key());
        let wraps = prepared.wraps.iter().map(|wrap| wrap.subject).collect();
        self.case.take(&signed, prepared).unwrap();
        wraps
    }

    /// The writer rotates the current segment.
    pub(crate) fn rotate_type(&mut self, changes: Vec<Change>) -> Vec<Subject> {
        let draft = self.case.rotating(WRITER, changes);
        self.type_entry(&draft, &[])
    }

    /// The writer shares with a group.
    pub(crate) fn share(&mut self, group: u8) -> Vec<Subject> {
        let draft = self.case.draft(WRITER, vec![self.grant(group, 0)]);
        self.type_entry(&draft, &[])
    }

    pub(crate) fn is_clean(&self, group: u8) -> bool {
        is_clean(&self.around(), group_id(group))
    }

    /// Whether the type owes a rotation, and why.
    pub(crate) fn owed(&self) -> Option<Exposure> {
        self.case.log.state().holder().exposure(&self.around())
    }

    pub(crate) fn exposure(&self, group: u8) -> Option<Exposure> {
        self.state(group).holder().exposure(&self.around())
    }
}

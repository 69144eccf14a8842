//! Groups at the server: their logs, and the marks that their entries leave.

use std::collections::BTreeMap;

use super::server::{Refused, Server};
use super::{Bug, parties};
use crate::GroupId;
use crate::sealed::log_fixture::{Party, STORE};
use crate::sealed::{
    Around, AroundError, Digest, GroupEntry, GroupEntryPlace, GroupPlace, GroupReplay, GroupState,
    LINK_BYTES, LogPosition, PlacedWrap, PreparedGroupEntry, Signed, Subject, Surroundings,
    VerifiedGroupEntry, WrapsOf, path_of,
};

/// A group's rows.
pub(super) struct Group {
    pub(super) log: GroupReplay,
    pub(super) entries: Vec<Signed<GroupEntry>>,
    pub(super) wraps: BTreeMap<Subject, (PlacedWrap, WrapsOf)>,
    pub(super) links: BTreeMap<u64, [u8; LINK_BYTES]>,
}

/// What is known of groups and clients; or, for a planted fault, that no group was ever exposed.
pub(super) struct Seen<'a> {
    around: Around<'a>,
    naive: BTreeMap<GroupId, GroupState>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(groups: impl Iterator<Item = &'a GroupReplay>, bug: Option<Bug>) -> Self {
        let (mut around, mut naive) = (Around::new(), BTreeMap::new());
        parties().iter().for_each(|party| around.add_chain(&party.chain));
        for log in groups {
            around.add_group(log);
            if bug == Some(Bug::WrapToUnclean) {
                let state = GroupState { exposed_at: None, ..log.state().clone() };
                naive.insert(state.place().group, state);
            }
        }
        Self { around, naive }
    }
}

impl Surroundings for Seen<'_> {
    fn group(&self, group: GroupId) -> Option<&GroupState> {
        self.naive.get(&group).or_else(|| self.around.group(group))
    }

    fn position_in(&self, group: GroupId, entry: &Digest) -> Option<u64> {
        self.around.position_in(group, entry)
    }

    fn is_pending(&self, group: GroupId) -> bool {
        self.around.is_pending(group)
    }

    fn is_deleted(&self, client: crate::ClientId) -> bool {
        self.around.is_deleted(client)
    }

    fn newest_bundle(&self, client: crate::ClientId) -> Option<LogPosition> {
        self.around.newest_bundle(client)
    }

    fn bundle_sequence(&self, client: crate::ClientId, bundle: &Digest) -> Option<u64> {
        self.around.bundle_sequence(client, bundle)
    }

    fn replacements(&self, client: crate::ClientId) -> Vec<u64> {
        self.around.replacements(client)
    }
}

impl Server {
    /// What decides; `bug` is none for marks, which see all.
    pub(super) fn seen(&self, bug: Option<Bug>) -> Seen<'_> {
        Seen::new(self.groups.values().map(|group| &group.log), bug)
    }

    pub(super) fn group(&self, group: GroupId) -> Option<&Group> {
        self.groups.get(&group)
    }

    #[expect(clippy::unused_self, reason = "all groups are in the server's store")]
    pub(super) const fn group_place(&self, group: GroupId) -> GroupPlace {
        GroupPlace { store: STORE, group }
    }

    /// Stores the pages of a stage. Nothing is decided.
    pub(super) fn stage_group(&mut self, prepared: &PreparedGroupEntry) {
        let entry = prepared.entry.object();
        let newest = self.groups.get(&entry.place.group).and_then(|group| group.log.state().newest_key());
        let begun = entry.key.as_ref().map(|block| block.generation);
        let Some(generation) = begun.or(newest.map(|key| key.generation)) else { return };
        let place = GroupEntryPlace {
            group: entry.place,
            position: entry.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            generation,
        };
        for wrap in &prepared.wraps {
            // Of a stage that is committed, they are there already.
            if !self.leak.group_wraps.iter().any(|(_, stored)| stored == wrap) {
                self.leak.group_wraps.push((place, wrap.clone()));
            }
        }
    }

    /// Appends an entry to a group's log, or points at one that was staged.
    pub(super) fn append_group(
        &mut self,
        prepared: &PreparedGroupEntry,
        author: &Party,
    ) -> Result<(), Refused> {
        let signed = prepared.entry.clone().sign(&author.keys.signing_key());
        let entry = signed.object();
        let id = entry.place.group;
        let before = self.groups.get(&id).map(|group| group.log.clone());
        let before = before.unwrap_or_else(|| GroupReplay::new(entry.place));
        if entry.previous != before.state().head().map(|head| head.digest) {
            return Err(Refused::HeadMoved);
        }
        let verified = VerifiedGroupEntry::new(&signed, &author.chain).unwrap();
        let mut log = before.clone();
        let rule = |error: AroundError| match error {
            AroundError::Reach(_) => Refused::SubjectMoved,
            error => Refused::Rule(error.to_string()),
        };
        let around = self.seen(self.bug);
        let step = log.push(&verified, &around).map_err(|error| rule(error.into()))?;
        let dues = log.state().ensure_around(before.state(), entry, &step, &around).map_err(rule)?;
        let given = prepared.wraps.iter().map(|wrap| (wrap.subject, wrap.subject_head));
        if !given.eq(dues.iter().map(|due| (due.subject, due.head))) {
            return Err(Refused::Rule("wraps of a group do not cover".into()));
        }

        self.stage_group(prepared);
        let group = self.groups.entry(id).or_insert_with(|| Group {
            log: before,
            entries: Vec::new(),
            wraps: BTreeMap::new(),
            links: BTreeMap::new(),
        });
        let leaves: Vec<_> =
            (0..).zip(&prepared.wraps).map(|(index, wrap)| wrap.leaf(index).unwrap()).collect();
        let of = WrapsOf {
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
                path: path_of(&leaves, at).unwrap(),
            };
            group.wraps.insert(wrap.subject, (placed, of));
        }
        if let (Some(link), Some(block)) = (prepared.link, &entry.key) {
            group.links.insert(block.generation.generation, link);
            self.leak.group_links.push(link);
        }
        group.log = log;
        group.entries.push(signed);
        self.mark(id, step.exposes);
        Ok(())
    }

    /// In the transaction of an entry of a group: the type owes a rotation from here on if it is exposed.
    fn mark(&mut self, group: GroupId, exposes: bool) {
        let is_direct = self.log.state().grant(&Subject::Group(group)).is_some();
        let is_forgotten = match self.bug {
            Some(Bug::LostMarker) => exposes,
            Some(Bug::ForgetAncestor) => exposes && !is_direct,
            _ => false,
        };
        let is_exposed = self.log.state().holder().exposure(&self.seen(None)).is_some();
        self.is_owed |= is_exposed && !is_forgotten;
    }
}

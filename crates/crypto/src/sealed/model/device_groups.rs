//! What a device does with groups: reads their logs, opens their secrets, and, as a manager, appends.

use super::device::Device;
use super::oracle::Oracle;
use super::server::{Refused, Server};
use super::server_groups::Seen;
use super::{Failure, group_id, parties};
use crate::GroupId;
use crate::sealed::{
    AroundError, Change, GroupChange, GroupDraft, GroupDraftError, GroupReplay, GroupRule, GroupSecret,
    GroupSettings, Known, Member, PreparedGroupEntry, Role, Subject, VerifiedGroupEntry, WrapDue,
    WrapPrivateKey, WrapPublicKey, is_clean,
};

/// Who is made a member, or is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Party { at: usize, role: Role },
    Group(usize),
}

/// What a manager wants of a group's log. Decided anew after each race that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupIntent {
    Create,
    Add(Who),
    Remove(Who),
    /// A new key; at the end of a history only if one is owed, or something is to be followed.
    Rotate {
        if_needed: bool,
    },
}

impl Who {
    pub(super) fn subject(self) -> Subject {
        match self {
            Self::Party { at, .. } => parties()[at].subject(),
            Self::Group(group) => Subject::Group(group_id(group)),
        }
    }
}

impl Device {
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen::new(self.groups.values(), self.bug)
    }

    /// Reads all groups' logs, and opens what can be opened.
    pub(super) fn sync_groups(&mut self, server: &Server) -> Result<(), Failure> {
        for (id, group) in &server.groups {
            let place = server.group_place(*id);
            let mut log = self.groups.remove(id).unwrap_or_else(|| GroupReplay::new(place));
            let next = log.state().head().map_or(0, |head| head.position + 1);
            for signed in &group.entries[usize::try_from(next).unwrap()..] {
                let author = &super::party(signed.object().author).chain;
                let verified = VerifiedGroupEntry::new(signed, author).unwrap();
                let pushed = log.push(&verified, &self.seen());
                pushed.map_err(|error| Failure(error.to_string()))?;
            }
            self.groups.insert(*id, log);
        }
        loop {
            let mut is_more = false;
            for id in server.groups.keys() {
                is_more |= self.open_secrets(*id, server)?;
            }
            if !is_more {
                return Ok(());
            }
        }
    }

    /// Whether something new was opened.
    fn open_secrets(&mut self, id: GroupId, server: &Server) -> Result<bool, Failure> {
        let (log, group) = (&self.groups[&id], &server.groups[&id]);
        let mut is_more = false;
        for (subject, (placed, of)) in &group.wraps {
            let generation = log.key_at(placed.position).unwrap().generation.generation;
            if self.secrets.secret(id, generation).is_some() {
                continue;
            }
            let Some(opener) = self.opener(subject, &placed.wrap.subject_head) else { continue };
            self.secrets
                .open_wrap(log, of, placed, &opener)
                .map_err(|_| Failure("a wrap of a group's secret does not open".into()))?;
            is_more = true;
        }
        let newest = log.keys().rev().map(|key| key.generation.generation);
        let newest: Vec<_> =
            newest.filter(|generation| self.secrets.secret(id, *generation).is_some()).collect();
        for mut at in newest {
            while let Some((older, _)) = log.key(at).unwrap().follows {
                if self.secrets.secret(id, older).is_some() {
                    break;
                }
                at = self
                    .secrets
                    .follow_link(log, at, &group.links[&at])
                    .map_err(|_| Failure("a link of a group does not open".into()))?;
                is_more = true;
            }
        }
        Ok(is_more)
    }

    /// The key for what is wrapped to oneself, or to a group whose secret is here.
    pub(super) fn opener(&self, subject: &Subject, head: &crate::sealed::Digest) -> Option<WrapPrivateKey> {
        match subject {
            Subject::Client(client) => (*client == self.party.id).then(|| self.party.keys.wrap_private_key()),
            Subject::Group(group) => {
                let log = self.groups.get(group)?;
                self.secrets.wrap_private_key(log, log.key_of(head)?.generation.generation)
            }
        }
    }

    pub(super) fn public_key(&self, due: &WrapDue) -> Option<WrapPublicKey> {
        match due.subject {
            Subject::Client(client) => {
                super::party(client).chain.find(&due.head).map(|bundle| bundle.object().wrap_key.clone())
            }
            Subject::Group(group) => {
                self.groups.get(&group)?.key_of(&due.head).map(|key| key.public_key.clone())
            }
        }
    }

    /// Follows of groups with grants that have newer keys, but of those that change anyway.
    pub(super) fn follows_of_grants(&self, changes: &[Change]) -> Vec<Change> {
        let grants = self.log.state().grants().iter();
        let moved = grants.filter_map(|(subject, held)| {
            let newest = self.groups.get(&subject.group()?)?.state().newest_key()?.entry.digest;
            let is_free = !changes.iter().any(|change| change.subject() == Some(*subject));
            (newest != held.grant.head && is_free).then_some(Change::Follow(*subject, newest))
        });
        moved.collect()
    }

    fn decide_group(&self, group: GroupId, intent: GroupIntent) -> Option<GroupDraft> {
        let mut draft = GroupDraft {
            author: self.party.id,
            author_bundle: (self.party.chain.fingerprint(), 0),
            made_ms: 1,
            changes: Vec::new(),
            rotates: true,
            past: None,
            notice: None,
            left_out: std::collections::BTreeSet::new(),
        };
        let joins = |who: Who| {
            let (head, role) = match who {
                Who::Party { at, role } => (parties()[at].chain.fingerprint(), role),
                Who::Group(at) => {
                    let child = self.groups.get(&group_id(at))?.state();
                    (child.newest_key()?.entry.digest, Role::Member)
                }
            };
            Some(GroupChange::Member(who.subject(), Member { head, role, known: Known::Compared }))
        };
        let Some(state) = self.groups.get(&group).map(GroupReplay::state) else {
            let settings = GroupSettings { is_verified_only: false, name: "group".into() };
            let creator = parties().iter().position(|party| party.id == self.party.id)?;
            draft.changes.push(GroupChange::Settings(settings));
            draft.changes.push(joins(Who::Party { at: creator, role: Role::Manager })?);
            return (intent == GroupIntent::Create).then_some(draft);
        };
        if !state.is_manager(self.party.id) {
            return None;
        }
        let is_exposed = !is_clean(&self.seen(), group);
        let moved: Vec<_> = state
            .groups()
            .filter_map(|(child, recorded)| {
                let newest = self.groups.get(&child)?.state().newest_key()?.entry.digest;
                (newest != recorded).then_some(GroupChange::Follow(Subject::Group(child), newest))
            })
            .collect();
        match intent {
            GroupIntent::Create => return None,
            GroupIntent::Add(who) => {
                if state.members().contains_key(&who.subject()) || who.subject() == Subject::Group(group) {
                    return None;
                }
                draft.changes.push(joins(who)?);
                draft.rotates = is_exposed;
            }
            GroupIntent::Remove(who) => {
                // Who makes the new key knows it: nobody removes itself, and so a manager is left.
                if !state.members().contains_key(&who.subject()) || who.subject() == self.party.subject() {
                    return None;
                }
                draft.changes.push(GroupChange::Remove(who.subject()));
            }
            GroupIntent::Rotate { if_needed } => {
                if if_needed && !is_exposed && moved.is_empty() {
                    return None;
                }
            }
        }
        if draft.rotates {
            let free = |change: &GroupChange| draft.changes.iter().all(|c| c.subject() != change.subject());
            let follows: Vec<_> = moved.into_iter().filter(free).collect();
            draft.changes.extend(follows);
        }
        Some(draft)
    }

    /// Does something with a group's log; if `stop`, it stops before the commit, with the wraps staged.
    pub(super) fn append_group(
        &mut self,
        group: GroupId,
        intent: GroupIntent,
        stop: bool,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<(), Failure> {
        for _ in 0..4 {
            self.sync(server)?;
            let Some(draft) = self.decide_group(group, intent) else { return Ok(()) };
            let place = server.group_place(group);
            let log = self.groups.get(&group).cloned().unwrap_or_else(|| GroupReplay::new(place));
            let fresh = GroupSecret::generate();
            if draft.rotates {
                self.drawn_secrets.push((group, log.state().next_generation(), *fresh.expose()));
            }
            let prepared =
                draft.prepare_with(&log, &self.secrets, fresh, &self.seen(), |due| self.public_key(due));
            let prepared = match prepared {
                Ok(prepared) => prepared,
                Err(GroupDraftError::Around(AroundError::GroupRule(error)))
                    if error.rule == GroupRule::Nesting =>
                {
                    return Ok(());
                }
                Err(error) => return Err(Failure(format!("{draft:?}: {error}"))),
            };
            if stop && draft.rotates {
                server.stage_group(&prepared);
                self.pending_group = Some((group, intent, Box::new((draft, prepared))));
                return Ok(());
            }
            if self.commit_group(&draft, prepared, server, oracle)? {
                return Ok(());
            }
        }
        Err(Failure(format!("no end of races: {intent:?}")))
    }

    fn commit_group(
        &mut self,
        draft: &GroupDraft,
        prepared: PreparedGroupEntry,
        server: &mut Server,
        oracle: &mut Oracle,
    ) -> Result<bool, Failure> {
        let group = prepared.entry.object().place.group;
        match server.append_group(&prepared, self.party) {
            Ok(()) => {
                oracle.group_committed(group, &draft.changes);
                prepared.keep_secret(&mut self.secrets);
                Ok(true)
            }
            Err(Refused::HeadMoved | Refused::SubjectMoved) => Ok(false),
            Err(other) => Err(Failure(format!("{other:?}: {draft:?}"))),
        }
    }

    /// Goes on with what it was doing with a group.
    pub(super) fn finish_group(&mut self, server: &mut Server, oracle: &mut Oracle) -> Result<(), Failure> {
        let Some((group, intent, attempt)) = self.pending_group.take() else { return Ok(()) };
        let (draft, prepared) = *attempt;
        if self.commit_group(&draft, prepared, server, oracle)? {
            return Ok(());
        }
        self.append_group(group, intent, false, server, oracle)
    }
}

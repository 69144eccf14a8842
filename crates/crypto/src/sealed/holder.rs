//! Who hands out a key, a type by its grants or a group by its members: what is beneath it, and who gets a wrap
//! (section 10). One code for clients, who read logs, and for servers, who have rows.

use std::collections::{BTreeMap, BTreeSet};

use super::log_beneath::MAX_LINES;
use super::surroundings::replaced_since;
use super::{
    Beneath, BeneathKey, BeneathLine, Digest, GroupState, LogPosition, Span, Subject, Surroundings, WrapDue,
};
use crate::{ClientId, GroupId};

/// The most levels of groups beneath a group.
pub const MAX_GROUP_LEVELS: usize = 8;
/// The most groups beneath a group.
pub const MAX_GROUPS_BENEATH: usize = 64;

/// A type or group, as one that hands out its key.
#[derive(Clone, Debug)]
pub struct Holder<'a> {
    /// Of a type: its writer, and the bundle that its newest entry names.
    pub(super) writer: Option<(ClientId, Digest)>,
    /// Of a group: its id.
    pub(super) group: Option<GroupId>,
    /// To whom, by which bundle or entry, and from which segment on.
    pub(super) own: Vec<(Subject, Digest, u32)>,
    pub(super) span: &'a Span,
}

/// Why something cannot be computed, or does not fit what was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// The log of a group, or the keys of a client, are not known, or are newer than what the entry takes them for.
    #[error("what is beneath has moved")]
    Moved(Subject),
    /// There are too many groups beneath.
    #[error("there are more than 16,384 lines of what is beneath")]
    TooMany,
}

/// All groups beneath a holder that are not left out.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) ids: BTreeSet<GroupId>,
    /// Those that were met and left out, as was chosen, or as they have to be after a restore.
    pub(super) left_out: BTreeSet<GroupId>,
}

impl Holder<'_> {
    /// The lines that the author of an entry writes (section 10, *Beneath*), given the groups that it leaves out.
    ///
    /// # Errors
    /// The log of a group is not known, or there are too many lines.
    pub fn lines(
        &self,
        around: &(impl Surroundings + ?Sized),
        left_out: &BTreeSet<GroupId>,
    ) -> Result<Beneath, ReachError> {
        let groups = self.groups(around, left_out)?;
        let mut lines = BTreeMap::new();
        for (subject, ..) in &self.own {
            match subject {
                Subject::Client(client) if around.is_deleted(*client) => {
                    lines.insert(BeneathKey::Client(*client), BeneathLine::of_deleted(*client).seen);
                }
                _ => {}
            }
        }
        for group in &groups.ids {
            let state = known(around, *group)?;
            lines.insert(BeneathKey::Group(*group), head_of(state, *group)?);
            for (client, recorded) in state.clients() {
                if let Some(seen) = exposed(around, client, &recorded)? {
                    lines.insert(BeneathKey::Client(client), seen);
                }
            }
        }
        for group in &groups.left_out {
            lines.insert(BeneathKey::LeftOut(*group), head_of(known(around, *group)?, *group)?);
        }
        let lines = lines.into_iter().map(|(key, seen)| BeneathLine { key, seen }).collect();
        Beneath::new(lines).map_err(|_| ReachError::TooMany)
    }

    /// For the server: that these are the lines that it would write itself, given what they leave out. Of a group an
    /// earlier position will do if no entry after it exposes or adds a group.
    ///
    /// # Errors
    /// They are not: what about, or something is not known.
    pub fn ensure_lines(
        &self,
        around: &(impl Surroundings + ?Sized),
        given: &Beneath,
    ) -> Result<(), ReachError> {
        let expected = self.lines(around, &left_out_by(given))?;
        let (mut given, mut expected) = (given.lines().iter(), expected.lines().iter());
        loop {
            let (given, expected) = match (given.next(), expected.next()) {
                (None, None) => return Ok(()),
                (Some(given), Some(expected)) => (given, expected),
                (Some(one), None) | (None, Some(one)) => return Err(ReachError::Moved(one.key.subject())),
            };
            let fits = given.key == expected.key
                && (given.seen == expected.seen || is_early_enough(around, given, expected));
            if !fits {
                return Err(ReachError::Moved(given.key.subject()));
            }
        }
    }

    /// Who gets a wrap: those with a grant or members, around groups that are not clean, once each. `changed` are those
    /// of an entry without key block, which wraps to nobody else.
    ///
    /// # Errors
    /// The log of a group or the keys of a client are not known.
    pub fn dues(
        &self,
        around: &(impl Surroundings + ?Sized),
        left_out: &BTreeSet<GroupId>,
        changed: Option<&BTreeSet<Subject>>,
    ) -> Result<Vec<WrapDue>, ReachError> {
        let left_out = self.groups(around, left_out)?.left_out;
        let writer = self.writer.map(|(writer, bundle)| (Subject::Client(writer), bundle, 0));
        let mut clean = BTreeMap::new();
        let mut dues: BTreeMap<Subject, (WrapDue, bool)> = BTreeMap::new();
        for (own, recorded, from_segment) in writer.iter().chain(&self.own) {
            let is_wanted = changed.is_none_or(|changed| changed.contains(own));
            let mut seen = BTreeSet::new();
            let mut next = vec![*own];
            while let Some(subject) = next.pop() {
                let head = match subject {
                    Subject::Client(client) if around.is_deleted(client) => continue,
                    Subject::Client(_) if subject == *own => *recorded,
                    Subject::Client(client) => {
                        around.newest_bundle(client).ok_or(ReachError::Moved(subject))?.digest
                    }
                    Subject::Group(group) if left_out.contains(&group) || !seen.insert(group) => continue,
                    Subject::Group(group) => {
                        let state = known(around, group)?;
                        if !*clean.entry(group).or_insert_with(|| super::is_clean(around, group)) {
                            next.extend(state.members().keys());
                            continue;
                        }
                        state.newest_key().ok_or(ReachError::Moved(subject))?.entry.digest
                    }
                };
                let new = WrapDue { subject, head, from_segment: *from_segment };
                let (due, wanted) = dues.entry(subject).or_insert((new, false));
                due.from_segment = due.from_segment.min(*from_segment);
                // Who is reached in another way too gets the wrap for its newest keys.
                if subject != *own {
                    due.head = head;
                }
                *wanted |= is_wanted;
            }
        }
        Ok(dues.into_values().filter(|(_, is_wanted)| *is_wanted).map(|(due, _)| due).collect())
    }

    /// The first of those with a grant, or members, whose recorded head is not good for a new wrap: a group has a newer
    /// key, a client replaced keys that may be in other hands. `changed` as in [`Self::dues`].
    pub fn moved(
        &self,
        around: &(impl Surroundings + ?Sized),
        left_out: &BTreeSet<GroupId>,
        changed: Option<&BTreeSet<Subject>>,
    ) -> Option<Subject> {
        let is_moved = |subject: &Subject, recorded: &Digest| match subject {
            Subject::Client(client) if around.is_deleted(*client) => {
                changed.is_some_and(|changed| changed.contains(subject))
            }
            Subject::Client(client) => replaced_since(around, *client, recorded).is_some(),
            Subject::Group(group) => {
                let newest = around.group(*group).and_then(GroupState::newest_key);
                !left_out.contains(group) && newest.is_none_or(|newest| newest.entry.digest != *recorded)
            }
        };
        let writer = self.writer.map(|(writer, bundle)| (Subject::Client(writer), bundle, 0));
        let all = writer.iter().chain(&self.own);
        let mut named = all.filter(|(subject, ..)| changed.is_none_or(|changed| changed.contains(subject)));
        named.find(|(subject, recorded, _)| is_moved(subject, recorded)).map(|(subject, ..)| *subject)
    }

    /// How many groups are beneath, at how many levels, counted along the longest way. None if that is too much, or a
    /// cycle, or not known.
    pub fn nesting(&self, around: &(impl Surroundings + ?Sized)) -> Option<(usize, usize)> {
        let mut known = BTreeMap::new();
        let mut path: Vec<_> = self.group.into_iter().collect();
        let mut levels = 0;
        for group in self.own_groups() {
            levels = levels.max(1 + levels_beneath(around, group, &mut path, &mut known)?);
        }
        (levels <= MAX_GROUP_LEVELS).then_some((known.len(), levels))
    }

    /// All groups beneath, but by way of those that are left out.
    pub(super) fn groups(
        &self,
        around: &(impl Surroundings + ?Sized),
        chosen: &BTreeSet<GroupId>,
    ) -> Result<Groups, ReachError> {
        let mut forced = BTreeSet::new();
        loop {
            let before = forced.len();
            let mut groups = Groups::default();
            let own = self.own.iter().filter_map(|(subject, head, _)| Some((subject.group()?, *head)));
            let mut next: Vec<_> = own.collect();
            while let Some((group, recorded)) = next.pop() {
                if has_to_be_left_out(around, group, &recorded) {
                    forced.insert(group);
                }
                if forced.contains(&group) || chosen.contains(&group) {
                    groups.left_out.insert(group);
                } else if groups.ids.insert(group) {
                    if groups.ids.len() > MAX_LINES {
                        return Err(ReachError::TooMany);
                    }
                    next.extend(known(around, group)?.groups());
                }
            }
            // A group that was met by a good way first may have to be left out by another.
            if forced.len() == before {
                return Ok(groups);
            }
        }
    }

    fn own_groups(&self) -> impl Iterator<Item = GroupId> {
        self.own.iter().filter_map(|(subject, ..)| subject.group())
    }
}

/// What lines leave out.
pub(super) fn left_out_by(lines: &Beneath) -> BTreeSet<GroupId> {
    let left_out = |line: &BeneathLine| match line.key {
        BeneathKey::LeftOut(group) => Some(group),
        _ => None,
    };
    lines.lines().iter().filter_map(left_out).collect()
}

/// Whether a group is pending after a restore, or was settled past the head that is recorded for it.
fn has_to_be_left_out(around: &(impl Surroundings + ?Sized), group: GroupId, recorded: &Digest) -> bool {
    let settled = around.group(group).and_then(GroupState::settled_at);
    let is_past = |settled| around.position_in(group, recorded).is_none_or(|recorded| settled > recorded);
    around.is_pending(group) || settled.is_some_and(is_past)
}

/// Of a client that is exposed in a group which recorded that bundle: its newest bundle, or zeros if it was deleted.
fn exposed(
    around: &(impl Surroundings + ?Sized),
    client: ClientId,
    recorded: &Digest,
) -> Result<Option<LogPosition>, ReachError> {
    if around.is_deleted(client) {
        return Ok(Some(BeneathLine::of_deleted(client).seen));
    }
    if replaced_since(around, client, recorded).is_none() {
        return Ok(None);
    }
    around.newest_bundle(client).map(Some).ok_or(ReachError::Moved(Subject::Client(client)))
}

fn is_early_enough(
    around: &(impl Surroundings + ?Sized),
    given: &BeneathLine,
    expected: &BeneathLine,
) -> bool {
    let Subject::Group(group) = given.key.subject() else { return false };
    let Some(state) = around.group(group) else { return false };
    let changed = state.exposed_at().max(state.group_added_at());
    given.seen.position < expected.seen.position
        && changed.is_none_or(|changed| changed <= given.seen.position)
        && around.position_in(group, &given.seen.digest) == Some(given.seen.position)
}

/// The levels beneath a group; none if they are too many, or there is a cycle, or something is not known.
fn levels_beneath(
    around: &(impl Surroundings + ?Sized),
    group: GroupId,
    path: &mut Vec<GroupId>,
    known: &mut BTreeMap<GroupId, usize>,
) -> Option<usize> {
    if path.contains(&group) || path.len() > MAX_GROUP_LEVELS + 1 {
        return None;
    }
    if let Some(levels) = known.get(&group) {
        return Some(*levels);
    }
    path.push(group);
    let mut levels = 0;
    for (child, _) in around.group(group)?.groups() {
        levels = levels.max(1 + levels_beneath(around, child, path, known)?);
    }
    path.pop();
    known.insert(group, levels);
    (known.len() <= MAX_GROUPS_BENEATH).then_some(levels)
}

fn known(around: &(impl Surroundings + ?Sized), group: GroupId) -> Result<&GroupState, ReachError> {
    around.group(group).ok_or(ReachError::Moved(Subject::Group(group)))
}

fn head_of(state: &GroupState, group: GroupId) -> Result<LogPosition, ReachError> {
    state.head().ok_or(ReachError::Moved(Subject::Group(group)))
}

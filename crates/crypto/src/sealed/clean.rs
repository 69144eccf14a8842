//! Who is clean, and who owes a rotation (section 10, *Who is clean*): computed from signed logs, by clients and servers
//! with this code.

use std::collections::BTreeSet;

use super::surroundings::replaced_since;
use super::{GroupState, Holder, LogPosition, Surroundings, TakenIn};
use crate::{ClientId, GroupId};

/// Why a holder is exposed: somebody who should not may have its key. A type that is exposed owes a rotation, and so
/// does a group; a group that is exposed is written around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The writer replaced keys that may be in other hands.
    Writer,
    /// A client with a grant, or a member, did so, or was deleted.
    Client(ClientId),
    /// A group beneath removed somebody, or followed a client whose keys may be in other hands.
    Group(GroupId),
    /// A client is exposed in a group beneath.
    ClientIn(ClientId, GroupId),
    /// A group beneath was never taken in, and was not left out.
    NotTakenIn(GroupId),
    /// Something that has to be known is not: lines of entries, the log of a group.
    Unknown,
}

/// Whether a group may be wrapped to: it is not exposed, not nested too deep, and no restore is in between.
pub fn is_clean(around: &(impl Surroundings + ?Sized), group: GroupId) -> bool {
    let Some(state) = around.group(group) else { return false };
    let holder = state.holder();
    if around.is_pending(group) || holder.nesting(around).is_none() || holder.exposure(around).is_some() {
        return false;
    }
    let Ok(beneath) = holder.groups(around, &BTreeSet::new()) else { return false };
    beneath.left_out.is_empty()
}

impl Holder<'_> {
    /// Whether the holder is exposed, and by what.
    pub fn exposure(&self, around: &(impl Surroundings + ?Sized)) -> Option<Exposure> {
        if self.span.is_partial() {
            return Some(Exposure::Unknown);
        }
        if let (Some((writer, _)), Some(named)) = (self.writer, self.span.writer_bundle())
            && replaced_since(around, writer, named).is_some()
        {
            return Some(Exposure::Writer);
        }
        let clients =
            self.own.iter().filter_map(|(subject, recorded, _)| Some((subject.client()?, recorded)));
        for (client, recorded) in clients {
            let is_exposed = if around.is_deleted(client) {
                !self.span.first_line(client).is_some_and(is_deletion)
            } else {
                replaced_since(around, client, recorded).is_some()
            };
            if is_exposed {
                return Some(Exposure::Client(client));
            }
        }
        let Some(beneath) = self.beneath(around) else { return Some(Exposure::Unknown) };
        for group in &beneath {
            let Some(state) = around.group(*group) else { return Some(Exposure::Unknown) };
            let taken = self.taken_in(around, *group, &beneath);
            if taken.is_empty() {
                return Some(Exposure::NotTakenIn(*group));
            }
            let exposure = taken.iter().find_map(|taken| exposure_since(around, *group, state, taken));
            if exposure.is_some() {
                return exposure;
            }
        }
        None
    }

    /// All groups beneath but those that the span left out, and what is there by way of them alone.
    fn beneath(&self, around: &(impl Surroundings + ?Sized)) -> Option<BTreeSet<GroupId>> {
        let mut beneath = BTreeSet::new();
        let mut next: Vec<_> = self.own.iter().filter_map(|(subject, ..)| subject.group()).collect();
        while let Some(group) = next.pop() {
            if !self.span.is_left_out(group) && beneath.insert(group) {
                next.extend(around.group(group)?.groups().map(|(child, _)| child));
            }
        }
        Some(beneath)
    }

    /// By which entries the group was taken in: the first of the span that lists it; else those of groups beneath by
    /// which it became a member. A line that is not of the group's log is no line.
    fn taken_in(
        &self,
        around: &(impl Surroundings + ?Sized),
        group: GroupId,
        beneath: &BTreeSet<GroupId>,
    ) -> Vec<TakenIn> {
        let stands =
            |taken: &TakenIn| around.position_in(group, &taken.seen.digest) == Some(taken.seen.position);
        if let Some(taken) = self.span.taken_in(group).filter(stands) {
            return vec![taken];
        }
        let parents = beneath.iter().filter_map(|parent| around.group(*parent));
        parents.filter_map(|parent| parent.taken_in(group).filter(|taken| stands(taken)).cloned()).collect()
    }
}

/// What exposed a group since the entry by which it was taken in.
fn exposure_since(
    around: &(impl Surroundings + ?Sized),
    group: GroupId,
    state: &GroupState,
    taken: &TakenIn,
) -> Option<Exposure> {
    if state.exposed_at().is_some_and(|exposed| exposed > taken.seen.position) {
        return Some(Exposure::Group(group));
    }
    let mut clients = state.clients();
    clients
        .find(|(client, recorded)| {
            let line = taken.clients.get(client);
            if around.is_deleted(*client) {
                return !line.is_some_and(is_deletion);
            }
            let Some(replaced) = replaced_since(around, *client, recorded) else { return false };
            // A line for a bundle that is not in the chain is no line.
            let sequence = line.and_then(|line| {
                let sequence = around.bundle_sequence(*client, &line.digest)?;
                (sequence == line.position).then_some(sequence)
            });
            sequence.is_none_or(|sequence| sequence < replaced)
        })
        .map(|(client, _)| Exposure::ClientIn(client, group))
}

/// Whether a line says that its client was deleted.
fn is_deletion(line: &LogPosition) -> bool {
    line.position == 0 && *line.digest.as_bytes() == [0; 32]
}

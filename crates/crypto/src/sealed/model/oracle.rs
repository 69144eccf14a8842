//! What ought to be: who may read which versions, said in times alone, without keys, segments or epochs.

use std::collections::BTreeMap;

use crate::sealed::{Change, GroupChange, Subject};
use crate::{ClientId, GroupId, RecordId};

/// A version that was committed.
pub(super) struct Written {
    pub(super) record: RecordId,
    pub(super) version: u64,
    pub(super) at: u64,
    pub(super) content: Vec<u8>,
}

/// A time in which somebody had a grant to what was written since a time, or was a member of a group.
struct Interval {
    start: u64,
    since: u64,
    end: u64,
}

/// The end of what goes on.
const NEVER: u64 = u64::MAX;

/// Who may read what. A time is the number of a commit.
#[derive(Default)]
pub(super) struct Oracle {
    now: u64,
    grants: BTreeMap<Subject, Vec<Interval>>,
    members: BTreeMap<Subject, Vec<(GroupId, Interval)>>,
    pub(super) written: Vec<Written>,
}

impl Oracle {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// An entry was committed.
    pub(super) fn committed(&mut self, changes: &[Change]) {
        let now = self.tick();
        for change in changes {
            let Some(subject) = change.subject() else { continue };
            let intervals = self.grants.entry(subject).or_default();
            match change {
                // In these histories a grant from a later segment is always one from now on.
                Change::Grant(_, grant) => {
                    intervals.iter_mut().for_each(|interval| end(interval, now));
                    let since = if grant.from_segment == 0 { 0 } else { now };
                    intervals.push(Interval { start: now, since, end: NEVER });
                }
                Change::Remove(_) => intervals.iter_mut().for_each(|interval| end(interval, now)),
                _ => {}
            }
        }
    }

    /// An entry of a group's log was committed.
    pub(super) fn group_committed(&mut self, group: GroupId, changes: &[GroupChange]) {
        let now = self.tick();
        for change in changes {
            let Some(subject) = change.subject() else { continue };
            let members = self.members.entry(subject).or_default();
            match change {
                GroupChange::Member(..) => {
                    members.push((group, Interval { start: now, since: 0, end: NEVER }));
                }
                GroupChange::Remove(_) => {
                    let here = members.iter_mut().filter(|(there, _)| *there == group);
                    here.for_each(|(_, interval)| end(interval, now));
                }
                _ => {}
            }
        }
    }

    /// A version was committed.
    pub(super) fn wrote(&mut self, record: RecordId, version: u64, content: Vec<u8>) {
        let at = self.tick();
        self.written.push(Written { record, version, at, content });
    }

    /// Whether the client must be able to read it now.
    pub(super) fn reads(&self, client: ClientId, written: &Written) -> bool {
        self.reads_as(Subject::Client(client), written, 0)
    }

    /// Whether it must be by a grant of its own.
    pub(super) fn reads_directly(&self, client: ClientId, written: &Written) -> bool {
        let mut grants = self.grants.get(&Subject::Client(client)).into_iter().flatten();
        grants.any(|grant| grant.since <= written.at && grant.end == NEVER)
    }

    fn reads_as(&self, subject: Subject, written: &Written, depth: usize) -> bool {
        let mut grants = self.grants.get(&subject).into_iter().flatten();
        let mut groups = self.members.get(&subject).into_iter().flatten();
        grants.any(|grant| grant.since <= written.at && grant.end == NEVER)
            || groups.any(|(group, member)| {
                member.end == NEVER && depth < 8 && self.reads_as(Subject::Group(*group), written, depth + 1)
            })
    }

    /// Whether it ever might: if not, nothing that it ever held may open it.
    pub(super) fn ever_read(&self, client: ClientId, written: &Written) -> bool {
        self.ever_read_as(Subject::Client(client), written, NEVER, 0)
    }

    /// Who has a grant with keys up to `until` reads what was written under it until then. Who is in a group has what it
    /// had before too, so it matters when a grant or membership began only for those whose keys ended before.
    fn ever_read_as(&self, subject: Subject, written: &Written, until: u64, depth: usize) -> bool {
        let mut grants = self.grants.get(&subject).into_iter().flatten();
        let mut groups = self.members.get(&subject).into_iter().flatten();
        grants.any(|grant| {
            until > grant.start && grant.since <= written.at && written.at < grant.end.min(until)
        }) || groups.any(|(group, member)| {
            until > member.start
                && depth < 8
                && self.ever_read_as(Subject::Group(*group), written, member.end.min(until), depth + 1)
        })
    }
}

fn end(interval: &mut Interval, now: u64) {
    interval.end = interval.end.min(now);
}

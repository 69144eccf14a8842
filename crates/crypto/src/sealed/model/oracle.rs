//! What ought to be: who may read which versions, said in times alone, without keys, segments or epochs.

use std::collections::BTreeMap;

use crate::sealed::{Change, Subject};
use crate::{ClientId, RecordId};

/// A version that was committed.
pub(super) struct Written {
    pub(super) record: RecordId,
    pub(super) version: u64,
    pub(super) at: u64,
    pub(super) content: Vec<u8>,
}

/// A time in which a client might read what was written since a time.
struct Interval {
    since: u64,
    end: Option<u64>,
}

/// Who may read what. A time is the number of a commit.
#[derive(Default)]
pub(super) struct Oracle {
    now: u64,
    intervals: BTreeMap<ClientId, Vec<Interval>>,
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
            let Some(Subject::Client(client)) = change.subject() else { continue };
            let intervals = self.intervals.entry(client).or_default();
            match change {
                Change::Grant(_, grant) if grant.from_segment == 0 => {
                    intervals.push(Interval { since: 0, end: None });
                }
                // In these histories a grant from a later segment is always one from now on.
                Change::Grant(..) => {
                    end(intervals, now);
                    intervals.push(Interval { since: now, end: None });
                }
                Change::Remove(_) => end(intervals, now),
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
        let mut intervals = self.intervals.get(&client).into_iter().flatten();
        intervals.any(|interval| interval.since <= written.at && interval.end.is_none())
    }

    /// Whether it ever might: if not, nothing that it ever held may open it.
    pub(super) fn ever_read(&self, client: ClientId, written: &Written) -> bool {
        let mut intervals = self.intervals.get(&client).into_iter().flatten();
        intervals.any(|i| i.since <= written.at && i.end.is_none_or(|end| written.at < end))
    }
}

fn end(intervals: &mut [Interval], now: u64) {
    intervals
        .iter_mut()
        .filter(|interval| interval.end.is_none())
        .for_each(|interval| interval.end = Some(now));
}

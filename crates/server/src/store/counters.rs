//! Values that a store gives out once only.

use tozstore_api::Timestamp;

use super::{RecordIndex, StoreError};

/// The last values given out. They only grow: a transaction that is rolled back leaves a gap, since giving its values
/// to another would let two transactions see the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) stamp: Timestamp,
    pub(super) record_index: u64,
    pub(super) position: u64,
}

impl Counters {
    /// A moment later than all before, and not before `now`.
    pub(super) fn next_stamp(&mut self, now: Timestamp) -> Timestamp {
        self.stamp = now.representable().max(self.stamp.next());
        self.stamp
    }

    /// An index greater than all before.
    pub(super) fn next_record_index(&mut self) -> Result<RecordIndex, StoreError> {
        if self.record_index >= RecordIndex::MAX.0 {
            return Err(StoreError::Internal("the record indexes are used up".into()));
        }
        self.record_index += 1;
        Ok(RecordIndex(self.record_index))
    }

    /// A position greater than all before, whatever the table.
    pub(super) fn next_position(&mut self) -> u64 {
        self.position += 1;
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_grow_whatever_the_clock_does() {
        let mut counters = Counters::default();
        let at = Timestamp::from_micros;
        assert_eq!(counters.next_stamp(at(5_000_000)), at(5_000_001));
        assert_eq!(counters.next_stamp(at(5_000_000)), at(5_000_002));
        assert_eq!(counters.next_stamp(at(1)), at(5_000_003));
        counters.stamp = at(5_999_999);
        assert_eq!(counters.next_stamp(at(0)), at(6_000_001));
        assert_eq!(counters.next_record_index().unwrap(), RecordIndex(1));
        counters.record_index = RecordIndex::MAX.0 - 1;
        assert_eq!(counters.next_record_index().unwrap(), RecordIndex::MAX);
        assert!(counters.next_record_index().is_err());
    }
}

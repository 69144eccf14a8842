//! Epochs as the log of a type shows them (section 5).

use super::{Digest, EpochBlock, EpochId, LogPosition, SegmentHead};

/// An epoch that has begun: the life of one access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Segment, number, and the commitment to the access key.
    pub head: SegmentHead,
    /// The entry in which it began.
    pub entry: LogPosition,
    /// The epoch of the same segment whose key this one's opens.
    pub follows: Option<EpochId>,
    /// The digest of the link to it.
    pub link: Option<Digest>,
}

impl Epoch {
    pub(super) const fn of_block(block: &EpochBlock, entry: LogPosition) -> Self {
        Self { head: block.head, entry, follows: block.follows, link: block.link }
    }

    /// Its name.
    pub fn id(&self) -> EpochId {
        EpochId::new(&self.entry.digest, self.head.segment)
    }

    /// Whether a data key that was wrapped by somebody who saw `other` as current may be under this epoch: it is of a
    /// later segment, or of that one with no lower number.
    pub const fn is_not_before(&self, other: &Self) -> bool {
        self.head.segment > other.head.segment
            || (self.head.segment == other.head.segment && self.head.number >= other.head.number)
    }
}

/// Where earlier epochs are found: only a writer's block that passes over broken ones, and a census, name any.
pub trait EpochLookup {
    /// The epoch of that name, if it is one of the log.
    fn by_id(&self, id: &EpochId) -> Option<Epoch>;

    /// The epoch of that number, if it is one of the log.
    fn by_number(&self, number: u64) -> Option<Epoch>;
}

/// A few epochs, as a server finds them in its rows.
impl EpochLookup for [Epoch] {
    fn by_id(&self, id: &EpochId) -> Option<Epoch> {
        self.iter().find(|epoch| epoch.id() == *id).copied()
    }

    fn by_number(&self, number: u64) -> Option<Epoch> {
        self.iter().find(|epoch| epoch.head.number == number).copied()
    }
}

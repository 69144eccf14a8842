//! What a server's database holds of a type: for who looks into a copy of it.

use tozstore_crypto::sealed::LINK_BYTES;

use super::{EntryView, RecordView, WrapStep};

/// All that a server stores of one sealed type and that keys are wrapped in or open.
#[derive(Clone, Debug, Default)]
pub struct SealedTypeRows {
    /// The log, from its first entry on, with all private changes.
    pub entries: Vec<EntryView>,
    /// Wraps of access keys, for whomever.
    pub wraps: Vec<WrapStep>,
    /// Links to older keys, with the segment and the number of the newer epoch.
    pub links: Vec<(u32, u64, [u8; LINK_BYTES])>,
    /// The newest versions of records.
    pub records: Vec<RecordView>,
}

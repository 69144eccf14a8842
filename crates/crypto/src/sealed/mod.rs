//! The sealed format: `docs/formats/sealed.md`, whose section numbers stand in the comments here.
//!
//! Everything that is authenticated is one canonical encoding ([`Reader`], [`Writer`]), named by a digest under a label
//! of its own, and refused as a whole if anything about it is wrong. Bytes that were verified are kept ([`Encoded`]):
//! nothing is signed or hashed that was encoded anew.

mod access_key;
mod access_key_wrap;
mod bundle;
mod bundle_chain;
mod card;
mod clean;
#[cfg(test)]
mod clean_tests;
mod client_state;
mod codec;
mod data_key;
mod digest;
mod field;
mod file;
mod group_change;
mod group_draft;
mod group_entry;
#[cfg(test)]
pub(crate) mod group_fixture;
mod group_keys;
mod group_replay;
mod group_rules;
mod group_secret;
mod group_snapshot;
mod group_state;
#[cfg(test)]
mod group_tests;
mod holder;
mod key_ring;
mod keys;
mod log_beneath;
mod log_change;
mod log_draft;
mod log_entry;
mod log_epoch;
#[cfg(test)]
pub(crate) mod log_fixture;
mod log_judge;
mod log_replay;
mod log_rules;
mod log_snapshot;
mod log_state;
#[cfg(test)]
mod log_tests;
mod log_wraps;
#[cfg(test)]
mod model;
mod object;
mod place;
mod record;
mod record_parts;
mod record_seal;
#[cfg(test)]
mod record_tests;
mod request;
mod seal;
mod span;
mod subject;
mod surroundings;
mod text;
mod tree;
mod wrap;
mod wrapped;

// The encoding, digests, trees
pub use codec::{Reader, Writer};
pub use digest::Digest;
pub use object::{Encoded, Kind, Object, Signed};
pub use text::TypeName;
pub use tree::{Tree, path_of, paths_of, verify_path};

// Whose key it is
pub use bundle::{Bundle, BundleLink, BundleReason};
pub use bundle_chain::{BrokenChainError, BundleChain, Known};
pub use card::{Card, ContactCard};
pub use keys::{ClientKeys, SigningKey, state_key};
pub use wrap::{WRAP_OVERHEAD_BYTES, WrapPrivateKey, WrapPublicKey};

// Signed requests
pub use request::{SealedRequest, SealedRequestHeader};

// Keys of types, records and groups
pub use access_key::{AccessKey, EpochId, LINK_BYTES, SegmentHead, link_digest};
pub use access_key_wrap::{EntryPlace, MAX_SEGMENTS, OpenedAccessKeys};
pub use data_key::{DataKey, NameKey, WrappedDataKey, WrappingKey};
pub use group_secret::{GroupEntryPlace, GroupGeneration, GroupPlace, GroupSecret};
pub use subject::Subject;
pub use wrapped::Wrap;

// The log of a type: who may what, and which keys hold
pub use key_ring::{KeyRing, PlacedWrap, WrapsOf};
pub use log_beneath::{Beneath, BeneathKey, BeneathLine};
pub use log_change::{Blind, Change, Grant, Migration, PrivateChange, Rights, Settings};
pub use log_draft::{DraftError, EntryDraft, PreparedEntry};
pub use log_entry::{
    Census, EpochBlock, LogEntry, MAX_CHANGES, MAX_WRAPS, MAX_WRAPS_WITHOUT_EPOCH, NoticeReference,
    VerifiedEntry, census_leaf,
};
pub use log_epoch::{Epoch, EpochLookup};
pub use log_replay::{LogReplay, Standing, VersionError, countable};
pub use log_rules::{Rule, RuleError};
pub use log_state::{GrantChange, HeldGrant, LogState, LogStep, VoidChange, WrapDue};

// Groups: who is in them, and who may have their keys
pub use clean::{Exposure, is_clean};
pub use group_change::{GroupChange, GroupSettings, Member, Role};
pub use group_draft::{GroupDraft, GroupDraftError, PreparedGroupEntry};
pub use group_entry::{GroupEntry, KeyBlock, VerifiedGroupEntry};
pub use group_keys::GroupKeys;
pub use group_replay::GroupReplay;
pub use group_rules::{GroupRule, GroupRuleError};
pub use group_state::{GroupKey, GroupState, GroupStep, HeldMember, MemberChange};
use holder::left_out_by;
pub use holder::{Holder, MAX_GROUP_LEVELS, MAX_GROUPS_BENEATH, ReachError};
pub use log_wraps::{AroundError, MAX_GROUP_GRANTS};
pub use span::{Span, TakenIn};
pub use surroundings::{Around, Surroundings};

// What a client remembers
pub use client_state::{Backwards, ClientState, RememberedBundle, RememberedLog, RememberedRecord};

// Records and files
pub use field::{FieldContent, FieldForm, FieldName, FieldToSeal, MIN_SEALED_BYTES, Names};
pub use file::{ChunkKey, chunk_leaf};
pub use place::{RecordPlace, TypePlace};
pub use record::{FileDescriptor, LogPosition, RecordState, RecordVersion};
pub use record_parts::{FieldBody, MAX_FIELDS, MAX_PLAIN_BYTES, MAX_SEALED_BYTES, Plain, RecordFields};
pub use record_seal::{RecordDraft, SealedRecord, VerifiedRecord};

/// The suite `sealed-1`, as it stands in headers and, as one byte, in frames.
pub(crate) const SUITE: u8 = 1;

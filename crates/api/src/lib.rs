//! The HTTP contract of TozStore: paths, bodies, error codes. No I/O.

mod key_set;
mod plain;
mod record_type;
mod timestamp;

pub use key_set::{CURVE25519, ED25519, KeySet};
pub use plain::{MAX_PLAIN_ENTRIES, MAX_PLAIN_NAME_BYTES, MAX_PLAIN_VALUE_BYTES, Plain, PlainExpression};
pub use record_type::{RecordType, RecordTypeError};
pub use timestamp::{Timestamp, TimestampError};

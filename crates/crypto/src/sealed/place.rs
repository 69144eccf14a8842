//! Places: what everything sealed is bound to, as parts of a frame.

use super::{SUITE, TypeName};
use crate::{ClientId, RecordId, StoreId};

/// A record type of a writer: what is shared and revoked as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypePlace {
    /// The store.
    pub store: StoreId,
    /// The owner of the type.
    pub writer: ClientId,
    /// Its name.
    pub type_name: TypeName,
}

impl TypePlace {
    /// Suite, store, writer, type.
    pub(super) fn parts(&self) -> [&[u8]; 4] {
        let [store, writer, type_name] = self.parts_without_suite();
        [&[SUITE], store, writer, type_name]
    }

    /// Store, writer, type.
    pub(super) fn parts_without_suite(&self) -> [&[u8]; 3] {
        [self.store.as_bytes(), self.writer.as_bytes(), self.type_name.as_str().as_bytes()]
    }
}

/// One version of one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordPlace {
    /// The type, with store and writer.
    pub record_type: TypePlace,
    /// The record.
    pub record: RecordId,
    /// Which version, from 1; below 2^53.
    pub version: u64,
}

impl RecordPlace {
    /// Calls with suite, store, writer, type, record id, version, and what stands behind them.
    pub(super) fn with_parts<T>(&self, last: &[&[u8]], call: impl FnOnce(&[&[u8]]) -> T) -> T {
        let version = self.version.to_le_bytes();
        let record: [&[u8]; 2] = [self.record.as_bytes(), &version];
        call(&[&self.record_type.parts()[..], &record[..], last].concat())
    }
}

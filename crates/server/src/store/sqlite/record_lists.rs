//! Listings of records in SQLite: walked in indexes where they are short or new, and packed where they are long.
//!
//! A step in an index costs about 0.1 µs; a packed entry a few nanoseconds. A search that must look at a million entries
//! needs that. Packed rows hold the front of a listing, up to a record index, whole; the rest stands in the indexes alone.
//! Now and then, drawn by lot, a record that joins a listing has what gathered behind the packed rows packed: so each write
//! pays little, none pays much, and listings of a few records are never packed.
//!
//! Rows of the records with a name have their values too: see `record_values.rs`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use tozstore_crypto::ClientId;

use super::SqliteOptions;
use super::columns::{column, integer, row_limit};
use super::packed_indexes::{pack, unpack};
use super::packed_values::{Front, pack_values, unpack_values};
use super::tx::Tx;
use crate::store::record_terms::{Term, TermKind};
use crate::store::term_source::{From, Listing, TermField};
use crate::store::{RecordIndex, StoreError};

/// How many entries there are to a packed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    /// One of so many entries has what is behind the packed rows packed. A row gets twice as many, and is split when it
    /// has four times as many.
    entries: usize,
}

impl Packing {
    pub(super) fn new(entries: usize) -> Self {
        Self { entries: entries.max(1) }
    }

    /// Fewer entries behind the packed rows are left there.
    pub(super) const fn least(self) -> usize {
        self.entries.div_ceil(2)
    }

    pub(super) const fn in_row(self) -> usize {
        self.entries * 2
    }

    pub(super) const fn in_full_row(self) -> usize {
        self.entries * 4
    }

    /// Entries that are packed at once at most.
    pub(super) const fn at_once(self) -> usize {
        self.entries * 16
    }
}

impl Default for Packing {
    fn default() -> Self {
        Self::new(SqliteOptions::PACKED_ENTRIES)
    }
}

/// A listing as it is named in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListKey<'a> {
    pub(super) writer: ClientId,
    pub(super) kind: i64,
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

impl<'a> ListKey<'a> {
    const TYPE: i64 = 3;
    const ALL: i64 = 4;

    const fn named(kind: TermKind) -> i64 {
        10 + kind.code()
    }

    pub(super) fn of(writer: ClientId, listing: &'a Listing) -> Self {
        let (kind, name, value) = match listing {
            Listing::All => (Self::ALL, "", &[][..]),
            Listing::Type(record_type) => (Self::TYPE, "", record_type.as_str().as_bytes()),
            Listing::Term(Term { kind, name, value }) => (kind.code(), name.as_str(), value.as_bytes()),
            Listing::Named(kind, name) => (Self::named(*kind), name.as_str(), &[][..]),
        };
        Self { writer, kind, name, value }
    }

    /// The records that have a value of the field.
    pub(super) fn of_field(field: &'a TermField) -> Self {
        let TermField { writer, kind, name } = field;
        Self { writer: *writer, kind: Self::named(*kind), name, value: &[] }
    }

    /// Whether the lot falls on this entry.
    pub(super) fn is_drawn(&self, index: u64, packing: Packing) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.kind, self.name, self.value, index).hash(&mut hasher);
        u64::try_from(packing.entries).is_ok_and(|entries| hasher.finish().is_multiple_of(entries))
    }
}

/// A row of packed entries.
pub(super) struct PackedRow {
    pub(super) id: i64,
    pub(super) last: u64,
    pub(super) entries: Entries,
}

/// Entries of a listing, ascending.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) indexes: Vec<u64>,
    /// One for each index in the listing of a name, none in others.
    pub(super) values: Vec<Front>,
}

impl Entries {
    /// Reads the columns `packed` and `packed_values`, the first of which is at this place.
    fn read(row: &Row<'_>, at: usize) -> Result<Self, StoreError> {
        let (mut indexes, mut values) = (Vec::new(), Vec::new());
        unpack(packed(row, at)?, &mut indexes)?;
        if row.get_ref(at + 1)? != ValueRef::Null {
            values = unpack_values(packed(row, at + 1)?, indexes.len())?;
        }
        Ok(Self { indexes, values })
    }

    /// The columns `packed` and `packed_values`.
    pub(super) fn pack(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        (pack(&self.indexes), (!self.values.is_empty()).then(|| pack_values(&self.values)))
    }

    pub(super) fn push(&mut self, index: u64, value: Option<Front>) {
        self.indexes.push(index);
        self.values.extend(value);
    }

    pub(super) fn insert(&mut self, at: usize, index: u64, value: Option<Front>) {
        self.indexes.insert(at, index);
        if let Some(value) = value {
            self.values.insert(at.min(self.values.len()), value);
        }
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.indexes.remove(at);
        if at < self.values.len() {
            self.values.remove(at);
        }
    }

    /// Keeps so many; returns those behind.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let values = self.values.split_off(at.min(self.values.len()));
        Self { indexes: self.indexes.split_off(at.min(self.indexes.len())), values }
    }
}

/// Entries of a listing between two indexes, in either direction.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) descending: bool,
}

impl std::convert::From<From> for Span {
    /// All from there on.
    fn from(From { index, descending }: From) -> Self {
        let (first, last) = if descending { (0, index.0) } else { (index.0, RecordIndex::MAX.0) };
        Self { first, last, descending }
    }
}

macro_rules! of_listing {
    ($select:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM record_lists WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value = ?4 ",
            $rest
        )
    };
}

/// A statement over records in either direction.
macro_rules! spanned {
    ($span:expr, $select:literal) => {
        if $span.descending {
            concat!($select, " AND record_index BETWEEN ?1 AND ?2 ORDER BY record_index DESC LIMIT ?3")
        } else {
            concat!($select, " AND record_index BETWEEN ?1 AND ?2 ORDER BY record_index LIMIT ?3")
        }
    };
}
pub(super) use spanned;

impl<R> Tx<'_, R> {
    /// At most `limit` indexes of a listing.
    pub(super) fn listed(
        &self,
        writer: ClientId,
        listing: &Listing,
        from: From,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError> {
        let key = ListKey::of(writer, listing);
        let mut found = Vec::new();
        if from.descending {
            let packed = self.packed_up_to(&key)?;
            let first = packed.map_or(0, |last| last.saturating_add(1));
            if first <= from.index.0 {
                let span = Span { first, last: from.index.0, descending: true };
                self.walk(writer, listing, span, limit, &mut found)?;
            }
            if packed.is_some() && found.len() < limit {
                self.unpack_down(&key, from.index.0, limit, &mut found)?;
            }
        } else {
            let first = self.unpack_up(&key, from.index.0, limit, &mut found)?;
            if found.len() < limit && first <= RecordIndex::MAX.0 {
                let span = Span { first, last: RecordIndex::MAX.0, descending: false };
                let rest = limit - found.len();
                self.walk(writer, listing, span, rest, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Packed entries from an index on. Returns where the entries begin that are not packed.
    fn unpack_up(
        &self,
        key: &ListKey<'_>,
        first: u64,
        limit: usize,
        found: &mut Vec<RecordIndex>,
    ) -> Result<u64, StoreError> {
        let sql = of_listing!("last_index, packed", "AND last_index >= ?5 ORDER BY last_index");
        let mut statement = self.statement(sql)?;
        let writer = key.writer.as_bytes();
        let mut rows = statement.query(params![writer, key.kind, key.name, key.value, integer(first)?])?;
        let (mut next, mut indexes) = (first, Vec::new());
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            next = column::<u64>(row, 0)?.saturating_add(1);
            indexes.clear();
            unpack(packed(row, 1)?, &mut indexes)?;
            let passed = indexes.partition_point(|index| *index < first);
            let wanted = indexes.iter().skip(passed).take(limit - found.len());
            found.extend(wanted.map(|index| RecordIndex(*index)));
        }
        Ok(next)
    }

    /// Packed entries from an index down.
    fn unpack_down(
        &self,
        key: &ListKey<'_>,
        last: u64,
        limit: usize,
        found: &mut Vec<RecordIndex>,
    ) -> Result<(), StoreError> {
        // The row that holds the index is the first that reaches it; if none does, all are below.
        let holding = self.row_holding(key, last)?;
        let highest = match &holding {
            Some((_, last)) => *last,
            None => RecordIndex::MAX.0,
        };
        let sql = of_listing!("packed", "AND last_index <= ?5 ORDER BY last_index DESC");
        let mut statement = self.statement(sql)?;
        let writer = key.writer.as_bytes();
        let mut rows = statement.query(params![writer, key.kind, key.name, key.value, integer(highest)?])?;
        let mut indexes = Vec::new();
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            indexes.clear();
            unpack(packed(row, 0)?, &mut indexes)?;
            let kept = indexes.partition_point(|index| *index <= last);
            let wanted = indexes.iter().take(kept).rev().take(limit - found.len());
            found.extend(wanted.map(|index| RecordIndex(*index)));
        }
        Ok(())
    }

    /// The last index up to which a listing is packed.
    pub(super) fn packed_up_to(&self, key: &ListKey<'_>) -> Result<Option<u64>, StoreError> {
        let sql = of_listing!("last_index", "ORDER BY last_index DESC LIMIT 1");
        let params = params![key.writer.as_bytes(), key.kind, key.name, key.value];
        self.one(sql, params, |row| column(row, 0))
    }

    /// The packed row that holds the entry of an index if there is one, and its last index.
    pub(super) fn row_holding(
        &self,
        key: &ListKey<'_>,
        index: u64,
    ) -> Result<Option<(i64, u64)>, StoreError> {
        let sql = of_listing!("id, last_index", "AND last_index >= ?5 ORDER BY last_index LIMIT 1");
        let params = params![key.writer.as_bytes(), key.kind, key.name, key.value, integer(index)?];
        self.one(sql, params, |row| Ok((row.get(0)?, column(row, 1)?)))
    }

    pub(super) fn packed_row(&self, (id, last): (i64, u64)) -> Result<PackedRow, StoreError> {
        let mut statement = self.statement("SELECT packed, packed_values FROM record_lists WHERE id = ?1")?;
        let mut rows = statement.query([id])?;
        let entries = rows.next()?.map(|row| Entries::read(row, 0)).transpose()?.unwrap_or_default();
        Ok(PackedRow { id, last, entries })
    }

    /// Entries as the indexes of the tables have them.
    pub(super) fn walk(
        &self,
        writer: ClientId,
        listing: &Listing,
        span: Span,
        limit: usize,
        found: &mut Vec<RecordIndex>,
    ) -> Result<(), StoreError> {
        let (first, last, limit) = (integer(span.first)?, integer(span.last)?, row_limit(limit));
        let writer = writer.as_bytes();
        let walked = match listing {
            Listing::All => self.list(
                spanned!(
                    span,
                    "SELECT record_index FROM records INDEXED BY records_by_writer WHERE writer_id = ?4"
                ),
                params![first, last, limit, writer],
                read_index,
            ),
            Listing::Type(record_type) => self.list(
                spanned!(
                    span,
                    "SELECT record_index FROM records INDEXED BY records_by_type \
                     WHERE writer_id = ?4 AND record_type = ?5"
                ),
                params![first, last, limit, writer, record_type.as_str()],
                read_index,
            ),
            Listing::Term(Term { kind, name, value }) => self.list(
                spanned!(
                    span,
                    "SELECT record_index FROM record_terms \
                     WHERE writer_id = ?4 AND kind = ?5 AND name = ?6 AND value = ?7"
                ),
                params![first, last, limit, writer, kind.code(), name, value.as_bytes()],
                read_index,
            ),
            Listing::Named(kind, name) => self.list(
                spanned!(
                    span,
                    "SELECT record_index FROM record_terms INDEXED BY record_terms_by_record \
                     WHERE writer_id = ?4 AND kind = ?5 AND name = ?6"
                ),
                params![first, last, limit, writer, kind.code(), name],
                read_index,
            ),
        };
        found.append(&mut walked?);
        Ok(())
    }
}

fn read_index(row: &Row<'_>) -> rusqlite::Result<RecordIndex> {
    column(row, 0).map(RecordIndex)
}

/// The bytes of a packed row in the column at this place.
pub(super) fn packed<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a [u8], StoreError> {
    row.get_ref(at)?.as_blob().map_err(|error| StoreError::Corrupt(error.to_string()))
}

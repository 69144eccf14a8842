//! Terms of records in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use tokio_postgres::Row;
use tozstore_api::Timestamp;
use tozstore_crypto::ClientId;

use super::columns::{Value, column, integer, params, row_limit};
use super::place::{self, ListStatement, placed};
use super::records::by_writer;
use super::tx::{Tx, Writing};
use crate::store::record_pages::RecordPlace;
use crate::store::record_terms::{Term, terms_of};
use crate::store::term_pages;
use crate::store::term_source::{From, Listing, TermField, TermSource, VisitRecords, VisitValues};
use crate::store::{RecordHead, RecordIndex, StoreError, TermPage, TermSearch, TermSearchReads};

const INSERT: &str =
    "INSERT INTO record_terms (writer_id, kind, name, value, record_index) VALUES ($1, $2, $3, $4, $5)";
const DELETE: &str = "DELETE FROM record_terms \
    WHERE writer_id = $1 AND kind = $2 AND name = $3 AND value = $4 AND record_index = $5";

static MODIFIED: LazyLock<ListStatement> = LazyLock::new(|| {
    let select = concat!(
        "SELECT record_index, last_modified FROM records WHERE writer_id = $1 AND ",
        placed!("$2"),
        " AND record_index IN ("
    );
    ListStatement::new(select, 3, ")")
});

/// Entries of an index that are fetched at a time: few at first, since who asks may want no more.
const FIRST_ENTRIES: usize = 64;
const MOST_ENTRIES: usize = 2_048;

impl<R> TermSearchReads for Tx<'_, R> {
    fn search_terms(&self, search: &TermSearch) -> Result<TermPage, StoreError> {
        term_pages::page(self, search)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Writes and removes terms, so that a record which had the terms of `old` has those of `new`.
    pub(super) fn change_terms(
        &mut self,
        index: RecordIndex,
        old: Option<&RecordHead>,
        new: Option<&RecordHead>,
    ) -> Result<(), StoreError> {
        let keyed = |head: &RecordHead| {
            let terms = terms_of(&head.type_slot, &head.plain).into_iter();
            terms.map(|term| (head.type_slot.writer, term)).collect::<BTreeSet<_>>()
        };
        let (old, new) = (old.map(keyed).unwrap_or_default(), new.map(keyed).unwrap_or_default());
        let index = integer(index.0)?;
        for (sql, terms) in [(DELETE, old.difference(&new)), (INSERT, new.difference(&old))] {
            for (writer, term) in terms {
                let (kind, name, value) = (term.kind.code(), &term.name, term.value.as_bytes());
                self.execute_late(sql, params![writer.as_bytes(), kind, name, value, index])?;
            }
        }
        Ok(())
    }
}

/// A statement over records in either direction.
macro_rules! directed {
    ($from:expr, $select:expr, $key:literal) => {
        if $from.descending {
            concat!($select, " AND ", $key, " <= $1 ORDER BY ", $key, " DESC LIMIT $2")
        } else {
            concat!($select, " AND ", $key, " >= $1 ORDER BY ", $key, " LIMIT $2")
        }
    };
}

impl<R> TermSource for Tx<'_, R> {
    fn list_records(
        &self,
        writer: ClientId,
        listing: &Listing,
        from: From,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError> {
        let (first, limit) = (integer(from.index.0)?, row_limit(limit));
        let (writer, place) = (writer.as_bytes(), place::of_writer(&writer));
        let read = |row: &Row| column(row, 0).map(RecordIndex);
        match listing {
            Listing::All => self.list(
                directed!(
                    from,
                    concat!("SELECT record_index FROM records WHERE writer_id = $3 AND ", placed!("$4")),
                    "record_index"
                ),
                params![first, limit, writer, place],
                read,
            ),
            Listing::Type(record_type) => self.list(
                directed!(
                    from,
                    concat!(
                        "SELECT record_index FROM records WHERE writer_id = $3 AND record_type = $4 AND ",
                        placed!("$5")
                    ),
                    "record_index"
                ),
                params![first, limit, writer, record_type.as_str(), place],
                read,
            ),
            Listing::Term(Term { kind, name, value }) => self.list(
                directed!(
                    from,
                    "SELECT record_index FROM record_terms \
                     WHERE writer_id = $3 AND kind = $4 AND name = $5 AND value = $6",
                    "record_index"
                ),
                params![first, limit, writer, kind.code(), name, value.as_bytes()],
                read,
            ),
            Listing::Named(kind, name) => self.list(
                directed!(
                    from,
                    "SELECT record_index FROM record_terms \
                     WHERE writer_id = $3 AND kind = $4 AND name = $5",
                    "record_index"
                ),
                params![first, limit, writer, kind.code(), name],
                read,
            ),
        }
    }

    fn values_by_record(
        &self,
        field: &TermField,
        from: From,
        limit: usize,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let sql = directed!(
            from,
            "SELECT value, record_index FROM record_terms \
             WHERE writer_id = $3 AND kind = $4 AND name = $5",
            "record_index"
        );
        let (writer, kind) = (field.writer.as_bytes(), field.kind.code());
        let (first, limit) = (integer(from.index.0)?, row_limit(limit));
        let values = params![first, limit, writer, kind, field.name];
        show(&self.list(sql, values, read_entry)?, visit);
        Ok(())
    }

    fn values_in_range(
        &self,
        field: &TermField,
        first: &[u8],
        end: Option<&[u8]>,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let (writer, kind) = (field.writer.as_bytes(), field.kind.code());
        let (mut value, mut index, mut limit) = (first.to_vec(), 0, FIRST_ENTRIES);
        loop {
            let entries = match end {
                Some(end) => self.list(
                    "SELECT value, record_index FROM record_terms \
                     WHERE writer_id = $1 AND kind = $2 AND name = $3 AND (value, record_index) >= ($4, $5) \
                     AND value < $7 ORDER BY value, record_index LIMIT $6",
                    params![writer, kind, field.name, value, index, row_limit(limit), end],
                    read_entry,
                )?,
                None => self.list(
                    "SELECT value, record_index FROM record_terms \
                     WHERE writer_id = $1 AND kind = $2 AND name = $3 AND (value, record_index) >= ($4, $5) \
                     ORDER BY value, record_index LIMIT $6",
                    params![writer, kind, field.name, value, index, row_limit(limit)],
                    read_entry,
                )?,
            };
            let all = entries.len() < limit;
            if !show(&entries, visit) || all {
                return Ok(());
            }
            if let Some((last, at)) = entries.into_iter().next_back() {
                (value, index) = (last, integer(at.0)?.saturating_add(1));
            }
            limit = MOST_ENTRIES.min(2 * limit);
        }
    }

    fn next_value(
        &self,
        field: &TermField,
        value: &[u8],
        above: bool,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = if above {
            "SELECT value FROM record_terms WHERE writer_id = $1 AND kind = $2 AND name = $3 AND value > $4 \
             ORDER BY value LIMIT 1"
        } else {
            "SELECT value FROM record_terms WHERE writer_id = $1 AND kind = $2 AND name = $3 AND value >= $4 \
             ORDER BY value LIMIT 1"
        };
        let (writer, kind) = (field.writer.as_bytes(), field.kind.code());
        self.one(sql, params![writer, kind, field.name, value], |row| column(row, 0))
    }

    fn next_name(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        let sql = if above {
            "SELECT name FROM record_terms WHERE writer_id = $1 AND kind = 1 AND name > $2 ORDER BY name LIMIT 1"
        } else {
            "SELECT name FROM record_terms WHERE writer_id = $1 AND kind = 1 AND name >= $2 ORDER BY name LIMIT 1"
        };
        self.one(sql, params![writer.as_bytes(), name], |row| column(row, 0))
    }

    fn next_type(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        macro_rules! select {
            ($condition:literal) => {
                concat!(
                    "SELECT record_type FROM records WHERE writer_id = $1 AND ",
                    placed!("$3"),
                    $condition,
                    " ORDER BY record_type LIMIT 1"
                )
            };
        }
        let sql = if above { select!(" AND record_type > $2") } else { select!(" AND record_type >= $2") };
        self.one(sql, params![writer.as_bytes(), name, place::of_writer(&writer)], |row| column(row, 0))
    }

    fn records_by_modified(
        &self,
        writer: ClientId,
        first: Timestamp,
        last: Timestamp,
        visit: VisitRecords<'_>,
    ) -> Result<(), StoreError> {
        let (mut from, mut index, mut limit) = (first, 0, FIRST_ENTRIES);
        let place = place::of_writer(&writer);
        loop {
            let entries: Vec<(Timestamp, RecordIndex)> = self.list(
                concat!(
                    "SELECT last_modified, record_index FROM records WHERE writer_id = $1 AND ",
                    placed!("$6"),
                    " AND (last_modified, record_index) >= ($2, $3) AND last_modified <= $4 \
                     ORDER BY last_modified, record_index LIMIT $5"
                ),
                params![writer.as_bytes(), from.micros(), index, last.micros(), row_limit(limit), place],
                |row| Ok((column(row, 0)?, column(row, 1).map(RecordIndex)?)),
            )?;
            let all = entries.len() < limit;
            if !entries.iter().all(|(_, index)| visit(*index)) || all {
                return Ok(());
            }
            if let Some((time, at)) = entries.last() {
                (from, index) = (*time, integer(at.0)?.saturating_add(1));
            }
            limit = MOST_ENTRIES.min(2 * limit);
        }
    }

    const PROBES: u64 = 15;

    fn created_from(
        &self,
        indexes: &[RecordIndex],
    ) -> Result<Vec<Option<(RecordIndex, Timestamp)>>, StoreError> {
        let sql = "SELECT record_index, created FROM records WHERE record_index >= $1 ORDER BY record_index LIMIT 1";
        let statements = indexes.iter().map(|index| Ok((sql, vec![Value::Integer(integer(index.0)?)])));
        let read = |row: &Row| Ok((RecordIndex(column(row, 0)?), column(row, 1)?));
        let found = self.list_all(&statements.collect::<Result<Vec<_>, StoreError>>()?, read)?;
        Ok(found.into_iter().map(|rows| rows.into_iter().next()).collect())
    }

    fn modified(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, Timestamp>, StoreError> {
        let read = |row: &Row| Ok((column(row, 0).map(RecordIndex)?, column(row, 1)?));
        Ok(self.list_all(&MODIFIED.with(by_writer(places)?), read)?.into_iter().flatten().collect())
    }
}

/// A stored value and its record.
fn read_entry(row: &Row) -> Result<(Vec<u8>, RecordIndex), StoreError> {
    Ok((column(row, 0)?, column(row, 1).map(RecordIndex)?))
}

/// Shows entries until one is the last that is wanted; returns whether more are.
fn show(entries: &[(Vec<u8>, RecordIndex)], visit: VisitValues<'_>) -> bool {
    entries.iter().all(|(value, index)| visit(value, *index))
}

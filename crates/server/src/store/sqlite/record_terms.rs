//! Terms of records in SQLite.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, Row, params};
use tozstore_api::{Plain, Timestamp};
use tozstore_crypto::ClientId;

use super::columns::{column, integer, malformed, row_limit};
use super::record_lists::{Span, spanned};
use super::tx::{Tx, Writing};
use crate::store::record_pages::RecordPlace;
use crate::store::record_terms::{Term, terms_of};
use crate::store::term_pages;
use crate::store::term_source::{From, Listing, Looked, TermField, TermSource, VisitRecords, VisitValues};
use crate::store::{
    RecordHead, RecordIndex, RecordTypeSlot, StoreError, TermPage, TermSearch, TermSearchReads, TextPattern,
};

const INSERT: &str =
    "INSERT INTO record_terms (writer_id, kind, name, value, record_index) VALUES (?1, ?2, ?3, ?4, ?5)";
const DELETE: &str = "DELETE FROM record_terms \
    WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value = ?4 AND record_index = ?5";

impl<R> TermSearchReads for Tx<'_, R> {
    fn search_terms(&self, search: &TermSearch) -> Result<TermPage, StoreError> {
        term_pages::page(self, search)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Writes and removes terms, so that a record which had the terms of one head has those of another.
    pub(super) fn change_terms(
        &mut self,
        index: RecordIndex,
        old_head: Option<&RecordHead>,
        new_head: Option<&RecordHead>,
    ) -> Result<(), StoreError> {
        let keyed = |head: &RecordHead| {
            let terms = terms_of(&head.type_slot, &head.plain).into_iter();
            terms.map(|term| (head.type_slot.writer, term)).collect::<BTreeSet<_>>()
        };
        let (old, new) = (old_head.map(keyed).unwrap_or_default(), new_head.map(keyed).unwrap_or_default());
        for (sql, terms) in [(DELETE, old.difference(&new)), (INSERT, new.difference(&old))] {
            for (writer, term) in terms {
                put(&mut self.statement(sql)?, *writer, term, integer(index.0)?)?;
            }
        }
        self.change_lists(index, old_head, new_head)
    }
}

fn put(
    statement: &mut CachedStatement<'_>,
    writer: ClientId,
    term: &Term,
    index: i64,
) -> Result<(), StoreError> {
    let value = term.value.as_bytes();
    statement.execute(params![writer.as_bytes(), term.kind.code(), term.name, value, index])?;
    Ok(())
}

/// Makes the terms of records that were written before there were any.
pub(super) fn fill(conn: &Connection) -> Result<(), StoreError> {
    let mut records =
        conn.prepare("SELECT writer_id, user_id, record_type, plain, record_index FROM records")?;
    let mut rows = records.query([])?;
    let mut insert = conn.prepare_cached(INSERT)?;
    while let Some(row) = rows.next()? {
        let (writer, user) = (column(row, 0)?, column(row, 1)?);
        let slot = RecordTypeSlot { writer, user, record_type: column(row, 2)? };
        let plain: Plain = column(row, 3)?;
        for term in terms_of(&slot, &plain) {
            put(&mut insert, writer, &term, row.get(4)?)?;
        }
    }
    Ok(())
}

impl<R> TermSource for Tx<'_, R> {
    fn list_records(
        &self,
        writer: ClientId,
        listing: &Listing,
        from: From,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError> {
        self.listed(writer, listing, from, limit)
    }

    fn values_by_record(
        &self,
        field: &TermField,
        from: From,
        limit: usize,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let span = Span::from(from);
        self.values_between(field, span, limit, visit)
    }

    fn look_by_record(
        &self,
        field: &TermField,
        pattern: &TextPattern,
        from: From,
        limit: usize,
    ) -> Result<Looked, StoreError> {
        self.look(field, pattern, from, limit)
    }

    fn values_in_range(
        &self,
        field: &TermField,
        first: &[u8],
        end: Option<&[u8]>,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let (writer, kind) = (field.writer.as_bytes(), field.kind.code());
        match end {
            Some(end) => self.show_values(
                "SELECT value, record_index FROM record_terms \
                 WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value >= ?4 AND value < ?5 ORDER BY value",
                params![writer, kind, field.name, first, end],
                visit,
            ),
            None => self.show_values(
                "SELECT value, record_index FROM record_terms \
                 WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value >= ?4 ORDER BY value",
                params![writer, kind, field.name, first],
                visit,
            ),
        }
    }

    fn next_value(
        &self,
        field: &TermField,
        value: &[u8],
        above: bool,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = if above {
            "SELECT value FROM record_terms WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value > ?4 \
             ORDER BY value LIMIT 1"
        } else {
            "SELECT value FROM record_terms WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value >= ?4 \
             ORDER BY value LIMIT 1"
        };
        let params = params![field.writer.as_bytes(), field.kind.code(), field.name, value];
        self.one(sql, params, |row| row.get(0))
    }

    fn next_name(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        let sql = if above {
            "SELECT name FROM record_terms WHERE writer_id = ?1 AND kind = 1 AND name > ?2 ORDER BY name LIMIT 1"
        } else {
            "SELECT name FROM record_terms WHERE writer_id = ?1 AND kind = 1 AND name >= ?2 ORDER BY name LIMIT 1"
        };
        self.one(sql, params![writer.as_bytes(), name], |row| row.get(0))
    }

    fn next_type(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        let sql = if above {
            "SELECT record_type FROM records INDEXED BY records_by_type WHERE writer_id = ?1 AND record_type > ?2 \
             ORDER BY record_type LIMIT 1"
        } else {
            "SELECT record_type FROM records INDEXED BY records_by_type WHERE writer_id = ?1 AND record_type >= ?2 \
             ORDER BY record_type LIMIT 1"
        };
        self.one(sql, params![writer.as_bytes(), name], |row| row.get(0))
    }

    fn records_by_modified(
        &self,
        writer: ClientId,
        first: Timestamp,
        last: Timestamp,
        visit: VisitRecords<'_>,
    ) -> Result<(), StoreError> {
        let mut statement = self.statement(
            "SELECT record_index FROM records INDEXED BY records_by_modified \
             WHERE writer_id = ?1 AND last_modified >= ?2 AND last_modified <= ?3 ORDER BY last_modified",
        )?;
        let mut rows = statement.query(params![writer.as_bytes(), first.micros(), last.micros()])?;
        while let Some(row) = rows.next()? {
            if !visit(column(row, 0).map(RecordIndex)?) {
                break;
            }
        }
        Ok(())
    }

    const PROBES: u64 = 1;

    fn created_from(
        &self,
        indexes: &[RecordIndex],
    ) -> Result<Vec<Option<(RecordIndex, Timestamp)>>, StoreError> {
        let sql = "SELECT record_index, created FROM records WHERE record_index >= ?1 ORDER BY record_index LIMIT 1";
        let read = |row: &Row<'_>| Ok((RecordIndex(column(row, 0)?), column(row, 1)?));
        indexes.iter().map(|index| self.one(sql, [integer(index.0)?], read)).collect()
    }

    fn modified(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, Timestamp>, StoreError> {
        let sql = "SELECT last_modified FROM records WHERE record_index = ?1";
        let mut times = BTreeMap::new();
        for (_, index) in places {
            let time = self.one(sql, [integer(index.0)?], |row| column(row, 0))?;
            times.extend(time.map(|time| (*index, time)));
        }
        Ok(times)
    }
}

impl<R> Tx<'_, R> {
    /// Shows at most `limit` stored values with their records, in the order of the records, as the index has them.
    pub(super) fn values_between(
        &self,
        field: &TermField,
        span: Span,
        limit: usize,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let sql = spanned!(
            span,
            "SELECT value, record_index FROM record_terms INDEXED BY record_terms_by_record \
             WHERE writer_id = ?4 AND kind = ?5 AND name = ?6"
        );
        let (first, last, limit) = (integer(span.first)?, integer(span.last)?, row_limit(limit));
        let (writer, kind) = (field.writer.as_bytes(), field.kind.code());
        self.show_values(sql, params![first, last, limit, writer, kind, field.name], visit)
    }

    /// Shows the rows of a query for values and indexes.
    fn show_values(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let index = column(row, 1).map(RecordIndex)?;
            let value = row.get_ref(0)?.as_blob().map_err(|error| malformed(0, Type::Blob, error))?;
            if !visit(value, index) {
                break;
            }
        }
        Ok(())
    }
}

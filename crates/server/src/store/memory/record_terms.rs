//! Terms of records in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::ClientId;

use super::tx::Tx;
use crate::store::record_pages::RecordPlace;
use crate::store::record_terms::{Term, TermKind, terms_of};
use crate::store::term_pages;
use crate::store::term_source::{From, Listing, TermField, TermSource, VisitRecords, VisitValues};
use crate::store::{RecordHead, RecordIndex, StoreError, TermPage, TermSearch, TermSearchReads};

/// Terms in the order of values and in that of records, and records in the order of their last change.
#[derive(Clone, Default)]
pub(super) struct RecordTermTable {
    by_value: Map<(ClientId, TermKind, String, Vec<u8>, RecordIndex), ()>,
    by_record: Map<(ClientId, TermKind, String, RecordIndex), Vec<u8>>,
    by_modified: Map<(ClientId, Timestamp, RecordIndex), ()>,
}

impl RecordTermTable {
    pub(super) fn insert(&mut self, head: &RecordHead) {
        let (writer, index) = (head.type_slot.writer, head.index);
        for Term { kind, name, value } in terms_of(&head.type_slot, &head.plain) {
            let value = value.as_bytes().to_vec();
            self.by_value.insert_mut((writer, kind, name.clone(), value.clone(), index), ());
            self.by_record.insert_mut((writer, kind, name, index), value);
        }
        self.by_modified.insert_mut((writer, head.last_modified, index), ());
    }

    pub(super) fn remove(&mut self, head: &RecordHead) {
        let (writer, index) = (head.type_slot.writer, head.index);
        for Term { kind, name, value } in terms_of(&head.type_slot, &head.plain) {
            self.by_record.remove_mut(&(writer, kind, name.clone(), index));
            self.by_value.remove_mut(&(writer, kind, name, value.as_bytes().to_vec(), index));
        }
        self.by_modified.remove_mut(&(writer, head.last_modified, index));
    }
}

impl<R> TermSearchReads for Tx<R> {
    fn search_terms(&self, search: &TermSearch) -> Result<TermPage, StoreError> {
        term_pages::page(self, search)
    }
}

/// The keys from a place on, in either direction, within one group of keys.
macro_rules! listed {
    ($map:expr, $from:expr, $limit:expr, |$index:ident| $key:expr) => {{
        let key = |$index: RecordIndex| $key;
        if $from.descending {
            let range = key(RecordIndex(0))..=key($from.index);
            $map.range(range).rev().take($limit).map(|(key, value)| (key, value)).collect::<Vec<_>>()
        } else {
            let range = key($from.index)..=key(RecordIndex::MAX);
            $map.range(range).take($limit).map(|(key, value)| (key, value)).collect::<Vec<_>>()
        }
    }};
}

impl<R> TermSource for Tx<R> {
    fn list_records(
        &self,
        writer: ClientId,
        listing: &Listing,
        from: From,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError> {
        let (records, terms) = (&self.tables.records, &self.tables.record_terms);
        let last_key = |index: &RecordIndex| *index;
        Ok(match listing {
            Listing::All => listed!(records.by_writer, from, limit, |index| (writer, index))
                .into_iter()
                .map(|((_, index), ())| last_key(index))
                .collect(),
            Listing::Type(of_type) => {
                listed!(records.by_type, from, limit, |index| (writer, of_type.clone(), index))
                    .into_iter()
                    .map(|((_, _, index), ())| last_key(index))
                    .collect()
            }
            Listing::Term(Term { kind, name, value }) => {
                let value = value.as_bytes();
                listed!(terms.by_value, from, limit, |index| (
                    writer,
                    *kind,
                    name.clone(),
                    value.to_vec(),
                    index
                ))
                .into_iter()
                .map(|((.., index), ())| last_key(index))
                .collect()
            }
            Listing::Named(kind, name) => {
                listed!(terms.by_record, from, limit, |index| (writer, *kind, name.clone(), index))
                    .into_iter()
                    .map(|((.., index), _)| last_key(index))
                    .collect()
            }
        })
    }

    fn values_by_record(
        &self,
        field: &TermField,
        from: From,
        limit: usize,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        let terms = &self.tables.record_terms.by_record;
        let TermField { writer, kind, name } = field;
        for ((.., index), value) in listed!(terms, from, limit, |index| (*writer, *kind, name.clone(), index))
        {
            if !visit(value, *index) {
                break;
            }
        }
        Ok(())
    }

    fn values_in_range(
        &self,
        field: &TermField,
        first: &[u8],
        end: Option<&[u8]>,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError> {
        for (value, index) in self.tables.record_terms.values_from(field, first) {
            if end.is_some_and(|end| value >= end) || !visit(value, index) {
                break;
            }
        }
        Ok(())
    }

    fn next_value(
        &self,
        field: &TermField,
        value: &[u8],
        above: bool,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut values = self.tables.record_terms.values_from(field, value);
        Ok(values.find(|(other, _)| !above || *other > value).map(|(other, _)| other.to_vec()))
    }

    fn next_name(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        let index = if above { RecordIndex(u64::MAX) } else { RecordIndex(0) };
        let first = (writer, TermKind::Plain, name.to_owned(), index);
        let terms = self.tables.record_terms.by_record.range((Bound::Included(first), Bound::Unbounded));
        let next = terms.map(|(key, _)| key).next();
        let next = next.filter(|(of, kind, ..)| *of == writer && *kind == TermKind::Plain);
        Ok(next.map(|(_, _, name, _)| name.clone()))
    }

    fn next_type(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError> {
        let types = &self.tables.records.by_type;
        // No type is empty, and this is the least that is not.
        let name = if name.is_empty() { "\0" } else { name };
        let Ok(record_type) = RecordType::new(name) else { return Ok(None) };
        let index = if above { RecordIndex(u64::MAX) } else { RecordIndex(0) };
        let first = (writer, record_type, index);
        let mut range = types.range((Bound::Included(first), Bound::Unbounded));
        let next = range.next().map(|((of, record_type, _), ())| (of, record_type));
        Ok(next.filter(|(of, _)| **of == writer).map(|(_, record_type)| record_type.as_str().to_owned()))
    }

    fn records_by_modified(
        &self,
        writer: ClientId,
        first: Timestamp,
        last: Timestamp,
        visit: VisitRecords<'_>,
    ) -> Result<(), StoreError> {
        if first > last {
            return Ok(());
        }
        let range = (writer, first, RecordIndex(0))..=(writer, last, RecordIndex::MAX);
        for ((.., index), ()) in self.tables.record_terms.by_modified.range(range) {
            if !visit(*index) {
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
        let rows = &self.tables.records.rows;
        let first = |index| rows.range(index..).next().map(|(index, row)| (*index, row.head.created));
        Ok(indexes.iter().copied().map(first).collect())
    }

    fn modified(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, Timestamp>, StoreError> {
        let rows = places.iter().filter_map(|(_, index)| self.tables.records.rows.get(index));
        Ok(rows.map(|row| (row.head.index, row.head.last_modified)).collect())
    }
}

impl RecordTermTable {
    /// Values of a field and their records, from a value on.
    fn values_from<'a>(
        &'a self,
        field: &'a TermField,
        first: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], RecordIndex)> {
        let first = (field.writer, field.kind, field.name.clone(), first.to_vec(), RecordIndex(0));
        let terms = self.by_value.range((Bound::Included(first), Bound::Unbounded)).map(|(key, ())| key);
        let of_field = |(writer, kind, name, ..): &&(ClientId, TermKind, String, Vec<u8>, RecordIndex)| {
            *writer == field.writer && *kind == field.kind && *name == field.name
        };
        terms.take_while(of_field).map(|(.., value, index)| (value.as_slice(), *index))
    }
}

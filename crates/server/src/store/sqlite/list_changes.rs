//! Packed listings of records in SQLite, kept right as records change: see `record_lists.rs`.

use std::collections::BTreeMap;

use rusqlite::types::{Null, ValueRef};
use rusqlite::{Connection, TransactionBehavior, params};
use tozstore_crypto::ClientId;

use super::columns::{column, integer};
use super::packed_values::Front;
use super::record_lists::{Entries, ListKey, PackedRow, Packing, Span, packed};
use super::tx::{Tx, Writing};
use crate::store::record_terms::terms_of;
use crate::store::term_source::{Listing, TermField};
use crate::store::{RecordHead, RecordIndex, StoreError};

const INSERT: &str = "INSERT INTO record_lists (writer_id, kind, name, value, last_index, packed, packed_values) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl Tx<'_, Writing<'_>> {
    /// Keeps listings right when a record that was `old` became `new`, after indexes and terms were changed, save that a
    /// record which goes is still there.
    pub(super) fn change_lists(
        &mut self,
        index: RecordIndex,
        old: Option<&RecordHead>,
        new: Option<&RecordHead>,
    ) -> Result<(), StoreError> {
        let (old, new) = (old.map(listings_of).unwrap_or_default(), new.map(listings_of).unwrap_or_default());
        for (place, old_value) in &old {
            let key = ListKey::of(place.0, &place.1);
            match new.get(place) {
                None => self.leave(&key, index.0)?,
                Some(Some(value)) if old_value.as_ref() != Some(value) => {
                    self.revalue(&key, index.0, value)?
                }
                Some(_) => {}
            }
        }
        for (place, value) in new {
            if !old.contains_key(&place) {
                self.join(place.0, &place.1, index.0, value)?;
            }
        }
        Ok(())
    }

    fn leave(&self, key: &ListKey<'_>, index: u64) -> Result<(), StoreError> {
        let Some(holding) = self.row_holding(key, index)? else { return Ok(()) };
        let mut row = self.packed_row(holding)?;
        if let Ok(at) = row.entries.indexes.binary_search(&index) {
            row.entries.remove(at);
            self.replace(&row)?;
        }
        Ok(())
    }

    /// Changes the value that an entry has.
    fn revalue(&self, key: &ListKey<'_>, index: u64, value: &Front) -> Result<(), StoreError> {
        let Some(holding) = self.row_holding(key, index)? else { return Ok(()) };
        let mut row = self.packed_row(holding)?;
        let at = row.entries.indexes.binary_search(&index);
        if let Some(stored) = at.ok().and_then(|at| row.entries.values.get_mut(at)) {
            stored.clone_from(value);
            self.replace(&row)?;
        }
        Ok(())
    }

    fn join(
        &self,
        writer: ClientId,
        listing: &Listing,
        index: u64,
        value: Option<Front>,
    ) -> Result<(), StoreError> {
        let (key, packing) = (ListKey::of(writer, listing), self.packing());
        let Some(holding) = self.row_holding(&key, index)? else {
            return if key.is_drawn(index, packing) { self.pack_on(writer, listing) } else { Ok(()) };
        };
        let mut row = self.packed_row(holding)?;
        if let Err(at) = row.entries.indexes.binary_search(&index) {
            row.entries.insert(at, index, value);
            let length = row.entries.indexes.len();
            if length > packing.in_full_row() {
                let behind = row.entries.split_off(length / 2);
                self.insert_packed(&key, &row.entries)?;
                row.entries = behind;
            }
            self.replace(&row)?;
        }
        Ok(())
    }

    /// Packs what is behind the packed rows of a listing.
    fn pack_on(&self, writer: ClientId, listing: &Listing) -> Result<(), StoreError> {
        let (key, packing) = (ListKey::of(writer, listing), self.packing());
        let last = self.packed_up_to(&key)?;
        let first = last.map_or(0, |last| last.saturating_add(1));
        let span = Span { first, last: RecordIndex::MAX.0, descending: false };
        let behind = self.entries(writer, listing, span, packing.at_once())?;
        if behind.indexes.len() < packing.least() {
            return Ok(());
        }
        let mut entries = Entries::default();
        if let Some(holding) = last.map_or(Ok(None), |last| self.row_holding(&key, last))? {
            let row = self.packed_row(holding)?;
            if row.entries.indexes.len() < packing.in_row() {
                self.delete_packed(row.id)?;
                entries = row.entries;
            }
        }
        entries.indexes.extend(behind.indexes);
        entries.values.extend(behind.values);
        while !entries.indexes.is_empty() {
            let behind = entries.split_off(packing.in_row());
            self.insert_packed(&key, &entries)?;
            entries = behind;
        }
        Ok(())
    }

    /// Entries as the indexes have them.
    fn entries(
        &self,
        writer: ClientId,
        listing: &Listing,
        span: Span,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        if let Listing::Named(kind, name) = listing {
            let field = TermField { writer, kind: *kind, name: name.clone() };
            self.values_between(&field, span, limit, &mut |stored, index| {
                entries.push(index.0, Some(Front::of(stored)));
                true
            })?;
        } else {
            let mut indexes = Vec::new();
            self.walk(writer, listing, span, limit, &mut indexes)?;
            entries.indexes.extend(indexes.iter().map(|index| index.0));
        }
        Ok(entries)
    }

    fn insert_packed(&self, key: &ListKey<'_>, entries: &Entries) -> Result<(), StoreError> {
        let Some(last) = entries.indexes.last() else { return Ok(()) };
        let (writer, last, (packed, values)) = (key.writer.as_bytes(), integer(*last)?, entries.pack());
        self.execute(INSERT, params![writer, key.kind, key.name, key.value, last, packed, values])?;
        Ok(())
    }

    /// A row keeps its last index whatever it holds. One that holds nothing is not needed: what it held of the listing,
    /// nothing, the next row holds, or the indexes.
    fn replace(&self, row: &PackedRow) -> Result<(), StoreError> {
        let PackedRow { id, last, entries } = row;
        let Some(highest) = entries.indexes.last() else { return self.delete_packed(*id) };
        debug_assert!(highest <= last, "an entry behind its row");
        let (packed, values) = entries.pack();
        let sql = "UPDATE record_lists SET packed = ?2, packed_values = ?3 WHERE id = ?1";
        self.execute(sql, params![id, packed, values])?;
        Ok(())
    }

    fn delete_packed(&self, id: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM record_lists WHERE id = ?1", [id])?;
        Ok(())
    }
}

/// The listings that a record is in, with its value where that is packed too.
fn listings_of(head: &RecordHead) -> BTreeMap<(ClientId, Listing), Option<Front>> {
    let (slot, mut listings) = (&head.type_slot, BTreeMap::new());
    for term in terms_of(slot, &head.plain) {
        let named = Listing::Named(term.kind, term.name.clone());
        listings.insert((slot.writer, named), Some(Front::of(term.value.as_bytes())));
        listings.insert((slot.writer, Listing::Term(term)), None);
    }
    listings.insert((slot.writer, Listing::Type(slot.record_type.clone())), None);
    listings.insert((slot.writer, Listing::All), None);
    listings
}

/// Listings as they stand in the indexes, from end to end.
const ALL_LISTINGS: [&str; 4] = [
    "SELECT writer_id, kind, name, value, record_index, NULL FROM record_terms \
     ORDER BY writer_id, kind, name, value, record_index",
    "SELECT writer_id, kind + 10, name, x'', record_index, value \
     FROM record_terms INDEXED BY record_terms_by_record ORDER BY writer_id, kind, name, record_index",
    "SELECT writer_id, 3, '', CAST(record_type AS BLOB), record_index, NULL \
     FROM records INDEXED BY records_by_type ORDER BY writer_id, record_type, record_index",
    "SELECT writer_id, 4, '', x'', record_index, NULL FROM records INDEXED BY records_by_writer \
     ORDER BY writer_id, record_index",
];

/// A row of this kind says that all listings were packed.
const FILLED: i64 = 0;

/// Packs the listings of records that were not written as packed rows want it: before there were any, or row by row.
pub(super) fn fill(conn: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM record_lists WHERE writer_id = x'' AND kind = ?1";
    if conn.query_row(sql, [FILLED], |row| row.get::<_, i64>(0))? > 0 {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM record_lists", [])?;
    fill_with(&tx, Packing::default())?;
    tx.execute(INSERT, params![[0_u8; 0], FILLED, "", [0_u8; 0], 0, [0_u8; 0], Null])?;
    tx.commit()?;
    Ok(())
}

/// Unpacks all listings, if rows of this table were written or removed beside [`Tx::change_lists`].
pub(super) fn forget(conn: &Connection, table: &str) -> Result<(), StoreError> {
    if ["records", "record_terms"].contains(&table) {
        conn.execute("DELETE FROM record_lists", [])?;
    }
    Ok(())
}

fn fill_with(conn: &Connection, packing: Packing) -> Result<(), StoreError> {
    for sql in ALL_LISTINGS {
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut gathered = Gathered::default();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(2)?.as_bytes().map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let named = (row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?, name, packed(row, 3)?);
            if !gathered.is_of(named) {
                gathered.write(conn, if gathered.begun { 1 } else { packing.least() })?;
                gathered = Gathered::of(named)?;
            } else if gathered.entries.indexes.len() == packing.in_row() {
                gathered.write(conn, 1)?;
            }
            let value =
                if row.get_ref(5)? == ValueRef::Null { None } else { Some(Front::of(packed(row, 5)?)) };
            gathered.entries.push(column(row, 4)?, value);
        }
        gathered.write(conn, if gathered.begun { 1 } else { packing.least() })?;
    }
    Ok(())
}

type Named<'a> = ([u8; 16], i64, &'a [u8], &'a [u8]);

/// The next row of a listing that is being packed.
#[derive(Default)]
struct Gathered {
    writer: [u8; 16],
    kind: i64,
    name: String,
    value: Vec<u8>,
    entries: Entries,
    /// Whether the listing has a row.
    begun: bool,
}

impl Gathered {
    fn of((writer, kind, name, value): Named<'_>) -> Result<Self, StoreError> {
        let name = std::str::from_utf8(name).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Self { writer, kind, name: name.to_owned(), value: value.to_vec(), ..Self::default() })
    }

    fn is_of(&self, named: Named<'_>) -> bool {
        (self.writer, self.kind, self.name.as_bytes(), self.value.as_slice()) == named
    }

    /// Writes a row if there are so many entries.
    fn write(&mut self, conn: &Connection, least: usize) -> Result<(), StoreError> {
        let indexes = &self.entries.indexes;
        if let Some(last) = indexes.last().filter(|_| indexes.len() >= least) {
            let (last, (packed, values)) = (integer(*last)?, self.entries.pack());
            let mut insert = conn.prepare_cached(INSERT)?;
            insert.execute(params![self.writer, self.kind, self.name, self.value, last, packed, values])?;
            self.entries = Entries::default();
            self.begun = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::types::Value;
    use tozstore_api::{Plain, Timestamp};

    use super::super::migrations::migrate;
    use super::*;
    use crate::clock::SystemClock;
    use crate::store::conformance::{client_id, record, record_type};
    use crate::store::counters::Counters;
    use crate::store::record_terms::{Term, TermKind, TermValue};
    use crate::store::sqlite::packed_values::KEPT_BYTES;
    use crate::store::term_source::{From, Looked};
    use crate::store::{RecordReads as _, RecordRow, RecordWrites as _, TextPattern};

    const COLORS: [&str; 2] = ["red", "blue"];
    const TYPES: [&str; 2] = ["a", "b"];

    fn database() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Timestamp::default()).unwrap();
        conn.execute_batch("BEGIN").unwrap();
        conn
    }

    fn row(n: u32, look: usize) -> RecordRow {
        let mut row = record(n, 1, if look.is_multiple_of(5) { 2 } else { 1 }, TYPES[look / 2 % 2]);
        let color = ("color".to_owned(), COLORS[look % 2].to_owned());
        row.head.plain = [color].into_iter().collect::<Plain>();
        row
    }

    /// With a word more: some words differ only behind what packed rows keep of them, some in what searches keep.
    fn with_word(n: u32, look: usize) -> RecordRow {
        let mut row = row(n, look);
        let long = "w".repeat(KEPT_BYTES);
        let words = ["", "w", "wé", &long, &format!("{long}1"), &format!("{long}2"), &"w".repeat(200)];
        if let Some(word) = words.get(look % 8) {
            row.head.plain.insert("word", *word);
        }
        row
    }

    fn write(conn: &Connection, entries: usize, change: impl FnOnce(&mut Tx<'_, Writing<'_>>)) {
        let mut counters = Counters::default();
        change(&mut Tx::writing(conn, &mut counters, &SystemClock, Packing::new(entries)));
    }

    fn listings() -> Vec<Listing> {
        let term = |kind, name: &str, text: &str| {
            Listing::Term(Term { kind, name: name.to_owned(), value: TermValue::of(text) })
        };
        vec![
            Listing::All,
            Listing::Type(record_type("a")),
            Listing::Type(record_type("b")),
            Listing::Named(TermKind::Plain, "color".to_owned()),
            Listing::Named(TermKind::User, String::new()),
            term(TermKind::Plain, "color", "red"),
            term(TermKind::Plain, "color", "blue"),
            term(TermKind::Plain, "color", "green"),
            term(TermKind::User, "", &client_id(2).to_string()),
        ]
    }

    /// Every listing from every place gives what the indexes give.
    fn check(conn: &Connection, last: u64) {
        let tx = Tx::reading(conn);
        for listing in listings() {
            for (index, descending) in (0..=last + 1).flat_map(|index| [(index, false), (index, true)]) {
                for limit in [2, 1_000] {
                    let (first, last) = if descending { (0, index) } else { (index, RecordIndex::MAX.0) };
                    let (span, mut walked) = (Span { first, last, descending }, Vec::new());
                    tx.walk(client_id(1), &listing, span, limit, &mut walked).unwrap();
                    let from = From { index: RecordIndex(index), descending };
                    let listed = tx.listed(client_id(1), &listing, from, limit).unwrap();
                    assert_eq!(listed, walked, "{listing:?} {from:?} {limit}");
                }
            }
        }
    }

    /// Looking for values from any place on finds what stepping through the index finds.
    fn check_values(conn: &Connection, last: u64) {
        let tx = Tx::reading(conn);
        let long = "w".repeat(KEPT_BYTES);
        let patterns = [
            TextPattern::prefix(""),
            TextPattern::prefix("re"),
            TextPattern::prefix("w"),
            TextPattern::prefix(&long),
            TextPattern::prefix(format!("{long}1")),
            TextPattern::regexp("w.*2|blue").unwrap(),
            TextPattern::fuzzy("read"),
        ];
        for (pattern, name) in patterns.iter().flat_map(|pattern| [(pattern, "color"), (pattern, "word")]) {
            let field = TermField { writer: client_id(1), kind: TermKind::Plain, name: name.to_owned() };
            for (index, descending) in
                (0..=last + 1).step_by(5).flat_map(|index| [(index, false), (index, true)])
            {
                let from = From { index: RecordIndex(index), descending };
                let mut stepped = Looked::default();
                let step = &mut |stored: &[u8], index| {
                    stepped.step(pattern, stored, index);
                    true
                };
                tx.values_between(&field, Span::from(from), 1_000, step).unwrap();
                for limit in [3, 1_000] {
                    let (mut found, mut entries, mut next) = (Vec::new(), 0, Some(index));
                    while let Some(index) = next {
                        let from = From { index: RecordIndex(index), descending };
                        let looked = tx.look(&field, pattern, from, limit).unwrap();
                        assert!(looked.last.is_none_or(|_| looked.entries > 0), "{pattern:?} {from:?}");
                        found.extend(looked.found);
                        entries += looked.entries;
                        let behind = |last: RecordIndex| {
                            if descending { last.0.checked_sub(1) } else { Some(last.0 + 1) }
                        };
                        next = looked.last.and_then(behind);
                    }
                    assert_eq!(
                        (&found, entries),
                        (&stepped.found, stepped.entries),
                        "{pattern:?} {from:?} {limit}"
                    );
                }
            }
        }
    }

    fn packed_rows(conn: &Connection) -> Vec<Vec<Value>> {
        let sql = "SELECT writer_id, kind, name, value, last_index, packed, packed_values FROM record_lists \
                   ORDER BY writer_id, kind, name, value, last_index";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| (0..7).map(|at| row.get(at)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn listings_are_packed_as_they_grow_and_unpacked_as_they_shrink() {
        let conn = database();
        write(&conn, 2, |tx| (1..=100).for_each(|n| tx.insert_record(&row(n, n as usize)).unwrap()));
        assert!(packed_rows(&conn).len() > 50, "{} rows", packed_rows(&conn).len());
        check(&conn, 100);
        write(&conn, 2, |tx| {
            for n in (1..=100).filter(|n| n % 25 != 0) {
                tx.delete_record(row(n, 0).head.id).unwrap();
            }
        });
        check(&conn, 100);
        write(&conn, 2, |tx| {
            for n in [25, 50, 75, 100] {
                tx.delete_record(row(n, 0).head.id).unwrap();
            }
        });
        assert_eq!(packed_rows(&conn), Vec::<Vec<Value>>::new());
    }

    #[test]
    fn short_listings_are_not_packed() {
        let conn = database();
        write(&conn, 1_000, |tx| (1..=300).for_each(|n| tx.insert_record(&row(n, n as usize)).unwrap()));
        fill_with(&conn, Packing::new(1_000)).unwrap();
        assert_eq!(packed_rows(&conn), Vec::<Vec<Value>>::new());
    }

    #[test]
    fn listings_are_packed_once_and_again_after_rows_were_copied() {
        let mut conn = database();
        write(&conn, 1 << 40, |tx| (1..=300).for_each(|n| tx.insert_record(&row(n, n as usize)).unwrap()));
        conn.execute_batch("COMMIT").unwrap();
        fill(&mut conn).unwrap();
        let packed = packed_rows(&conn);
        assert!(packed.len() > 1);
        fill(&mut conn).unwrap();
        assert_eq!(packed_rows(&conn), packed);
        for (table, left) in [("accounts", packed.len()), ("record_terms", 0)] {
            forget(&conn, table).unwrap();
            assert_eq!(packed_rows(&conn).len(), left, "{table}");
        }
        fill(&mut conn).unwrap();
        assert_eq!(packed_rows(&conn), packed);
    }

    #[test]
    fn listings_that_are_there_are_packed() {
        let conn = database();
        write(&conn, 1 << 40, |tx| (1..=90).for_each(|n| tx.insert_record(&row(n, n as usize)).unwrap()));
        assert_eq!(packed_rows(&conn), Vec::<Vec<Value>>::new());
        fill_with(&conn, Packing::new(4)).unwrap();
        check_values(&conn, 90);
        // Of the 90 records: all, those of a name, of a type and of a color (45 each), those about another user (18).
        assert_eq!(packed_rows(&conn).len(), 12 + 12 + 4 * 6 + 2 * 3);
        check(&conn, 90);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        #[test]
        fn listings_and_values_follow_the_records(
            changes in prop::collection::vec((1..50_u32, prop_oneof![1 => Just(None), 4 => (0..80_usize).prop_map(Some)]), 0..200),
            entries in 1..4_usize,
        ) {
            let conn = database();
            for changes in changes.chunks(100) {
                write(&conn, entries, |tx| {
                    for (n, look) in changes {
                        let id = row(*n, 0).head.id;
                        let there = tx.record_head(id).unwrap().is_some();
                        match look {
                            None => {
                                tx.delete_record(id).unwrap();
                            }
                            Some(look) if there => tx.update_record(&with_word(*n, *look)).unwrap(),
                            Some(look) => tx.insert_record(&with_word(*n, *look)).unwrap(),
                        }
                    }
                });
                check(&conn, 50);
                check_values(&conn, 50);
            }
        }
    }
}

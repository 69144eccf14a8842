//! Values of records in SQLite, looked at in the order of the records: in packed rows where there are any, else in the index.
//!
//! A prefix that half of a million records have, beside a condition that the other half fulfils, is found nowhere, and every
//! value has to be looked at to know. A step in an index for each is too dear, in the order of the records as in that of the
//! values. So a packed row of the records with a name has their values too, sorted (`packed_values.rs`): a look at a row
//! passes over what is before the range, stops behind it, and marks the records in between, which come out in their order.
//!
//! Rows are cut by record, not by value: what is written joins at the end, where nothing was packed yet, and an old record
//! that changes rewrites one row. Rows of neighbouring values would be faster to read, and every write would go to another one.

use rusqlite::params;

use super::columns::{column, integer};
use super::packed_indexes::unpack;
use super::packed_values::{Groups, KEPT_BYTES, mark, mark_prefix};
use super::record_lists::{ListKey, Span, packed};
use super::tx::Tx;
use crate::store::term_nodes::{cut_range, decide};
use crate::store::term_source::{From, Looked, TermField};
use crate::store::{RecordIndex, StoreError, TextPattern};

/// What is looked for in packed rows.
struct Sought<'a> {
    field: &'a TermField,
    pattern: &'a TextPattern,
    /// Where fronts of values begin and end that can match, and whether all in between do.
    range: (Vec<u8>, Option<Vec<u8>>),
    range_is_enough: bool,
    from: From,
}

/// Marks of records: their value matches, or does not tell.
const MATCHES: u8 = 2;
const UNDECIDED: u8 = 1;

macro_rules! valued_rows {
    ($rest:literal) => {
        concat!(
            "SELECT last_index, packed, packed_values FROM record_lists \
             WHERE writer_id = ?1 AND kind = ?2 AND name = ?3 AND value = x'' ",
            $rest
        )
    };
}

impl<R> Tx<'_, R> {
    /// Looks for values that match, among about `limit` of them.
    pub(super) fn look(
        &self,
        field: &TermField,
        pattern: &TextPattern,
        from: From,
        limit: usize,
    ) -> Result<Looked, StoreError> {
        let range_is_enough = pattern.is_prefix_alone() && pattern.literal_prefix().len() <= KEPT_BYTES;
        let sought = Sought { field, pattern, range: cut_range(pattern, KEPT_BYTES), range_is_enough, from };
        let key = ListKey::of_field(field);
        let mut looked = Looked::default();
        if from.descending {
            let packed = self.packed_up_to(&key)?;
            let first = packed.map_or(0, |last| last.saturating_add(1));
            if first <= from.index.0 {
                self.step_through(
                    &sought,
                    Span { first, last: from.index.0, descending: true },
                    limit,
                    &mut looked,
                )?;
            }
            if looked.entries < limit {
                looked.last = None;
                if packed.is_some() {
                    self.look_down(&sought, &key, limit, &mut looked)?;
                }
            }
        } else {
            let first = self.look_up(&sought, &key, limit, &mut looked)?;
            if looked.entries < limit {
                let span = Span { first, last: RecordIndex::MAX.0, descending: false };
                let rest = limit - looked.entries;
                self.step_through(&sought, span, rest, &mut looked)?;
                if looked.entries < limit {
                    looked.last = None;
                }
            }
        }
        Ok(looked)
    }

    /// Looks into packed rows upwards. Returns where the entries begin that it did not look at.
    fn look_up(
        &self,
        sought: &Sought<'_>,
        key: &ListKey<'_>,
        limit: usize,
        looked: &mut Looked,
    ) -> Result<u64, StoreError> {
        let mut statement = self.statement(valued_rows!("AND last_index >= ?4 ORDER BY last_index"))?;
        let mut next = sought.from.index.0;
        let mut rows = statement.query(params![key.writer.as_bytes(), key.kind, key.name, integer(next)?])?;
        let (mut indexes, mut marks) = (Vec::new(), Vec::new());
        while looked.entries < limit {
            let Some(row) = rows.next()? else { break };
            let last = column::<u64>(row, 0)?;
            indexes.clear();
            unpack(packed(row, 1)?, &mut indexes)?;
            let at = indexes.partition_point(|index| *index < next);
            if sought.mark(packed(row, 2)?, indexes.len(), &mut marks, looked)? {
                looked.entries += indexes.len() - at;
                looked.found.extend(marked(&indexes, &marks).skip(at).filter_map(found));
            } else {
                self.step_through(sought, Span { first: next, last, descending: false }, usize::MAX, looked)?;
            }
            looked.last = Some(RecordIndex(last));
            next = last.saturating_add(1);
        }
        Ok(next)
    }

    /// Looks into packed rows downwards.
    fn look_down(
        &self,
        sought: &Sought<'_>,
        key: &ListKey<'_>,
        limit: usize,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        let mut highest = sought.from.index.0;
        // The row that holds the index is the first that reaches it; if none does, all are below.
        let holding = self.row_holding(key, highest)?;
        let last = holding.map_or(RecordIndex::MAX.0, |(_, last)| last);
        let mut statement = self.statement(valued_rows!("AND last_index <= ?4 ORDER BY last_index DESC"))?;
        let mut rows = statement.query(params![key.writer.as_bytes(), key.kind, key.name, integer(last)?])?;
        let (mut indexes, mut marks) = (Vec::new(), Vec::new());
        looked.last = None;
        while looked.entries < limit {
            let Some(row) = rows.next()? else {
                looked.last = None;
                break;
            };
            // What is behind the row is looked at elsewhere.
            highest = highest.min(column(row, 0)?);
            indexes.clear();
            unpack(packed(row, 1)?, &mut indexes)?;
            let Some(first) = indexes.first().copied() else { continue };
            let end = indexes.partition_point(|index| *index <= highest);
            if sought.mark(packed(row, 2)?, indexes.len(), &mut marks, looked)? {
                looked.entries += end;
                looked.found.extend(marked(&indexes, &marks).take(end).rev().filter_map(found));
            } else if first <= highest {
                let span = Span { first, last: highest, descending: true };
                self.step_through(sought, span, usize::MAX, looked)?;
            }
            highest = highest.min(first.saturating_sub(1));
            looked.last = Some(RecordIndex(first.min(sought.from.index.0)));
        }
        Ok(())
    }

    /// Looks at values one by one.
    fn step_through(
        &self,
        sought: &Sought<'_>,
        span: Span,
        limit: usize,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        self.values_between(sought.field, span, limit, &mut |stored, index| {
            looked.step(sought.pattern, stored, index);
            true
        })
    }
}

impl Sought<'_> {
    /// Marks the records of a row whose values match. Returns false if the fronts of the values do not tell.
    fn mark(
        &self,
        values: &[u8],
        records: usize,
        marks: &mut Vec<u8>,
        looked: &mut Looked,
    ) -> Result<bool, StoreError> {
        marks.clear();
        marks.resize(records, 0);
        if self.range_is_enough {
            mark_prefix(values, &self.range.0, marks, MATCHES)?;
            return Ok(true);
        }
        let (first, end) = (self.range.0.as_slice(), self.range.1.as_deref());
        let mut groups = Groups::new(values);
        while let Some(places) = groups.next()? {
            if groups.value.as_slice() < first {
                continue;
            }
            if end.is_some_and(|end| groups.value.as_slice() >= end) {
                break;
            }
            if groups.is_cut {
                return Ok(false);
            }
            looked.compared += 1;
            match decide(self.pattern, &groups.value) {
                Some(true) => mark(places, marks, MATCHES)?,
                Some(false) => {}
                None => mark(places, marks, UNDECIDED)?,
            }
        }
        Ok(true)
    }
}

fn marked<'a>(
    indexes: &'a [u64],
    marks: &'a [u8],
) -> impl DoubleEndedIterator<Item = (u64, u8)> + ExactSizeIterator {
    indexes.iter().copied().zip(marks.iter().copied())
}

fn found((index, mark): (u64, u8)) -> Option<(RecordIndex, bool)> {
    (mark != 0).then_some((RecordIndex(index), mark == MATCHES))
}

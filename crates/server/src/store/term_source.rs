//! Where an engine finds records by terms: ordered lists of indexes, and the lists of what values there are.

use std::collections::BTreeMap;

use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::ClientId;

use super::record_pages::{RecordPlace, RecordSource};
use super::record_terms::{Term, TermKind};
use super::term_nodes::decide;
use super::{RecordIndex, StoreError, TextPattern};

/// Records of one writer that are kept in the order of their indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Listing {
    /// All of them.
    All,
    /// Those of a type.
    Type(RecordType),
    /// Those with a term.
    Term(Term),
    /// Those with a term of this kind and name.
    Named(TermKind, String),
}

/// Where a listing begins, and where it goes from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct From {
    /// The first index that may be listed.
    pub(super) index: RecordIndex,
    /// Whether indexes fall.
    pub(super) descending: bool,
}

/// Values of one writer's terms of one kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TermField {
    pub(super) writer: ClientId,
    pub(super) kind: TermKind,
    pub(super) name: String,
}

/// Is shown stored values and their records one by one, and says whether to go on.
pub(super) type VisitValues<'a> = &'a mut dyn FnMut(&[u8], RecordIndex) -> bool;

/// What was found in a stretch of records that have a value under a name.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those whose value matches, and those whose stored value does not tell (false), in the order of the search.
    pub(super) found: Vec<(RecordIndex, bool)>,
    /// How many records of the field are in the stretch.
    pub(super) entries: usize,
    /// How many of them were met by a step in an index each.
    pub(super) steps: usize,
    /// How many values were compared with the pattern.
    pub(super) compared: usize,
    /// The last index of the stretch; none if there is nothing behind it.
    pub(super) last: Option<RecordIndex>,
}

impl Looked {
    /// Takes note of the next record and its stored value.
    pub(super) fn step(&mut self, pattern: &TextPattern, stored: &[u8], index: RecordIndex) {
        self.entries += 1;
        self.steps += 1;
        self.compared += 1;
        self.last = Some(index);
        match decide(pattern, stored) {
            Some(false) => {}
            decided => self.found.push((index, decided.is_some())),
        }
    }
}

/// Is shown records one by one, and says whether to go on.
pub(super) type VisitRecords<'a> = &'a mut dyn FnMut(RecordIndex) -> bool;

/// What an engine offers for searches by terms.
pub(super) trait TermSource: RecordSource {
    /// At most `limit` indexes of a listing.
    fn list_records(
        &self,
        writer: ClientId,
        listing: &Listing,
        from: From,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError>;

    /// Shows at most `limit` stored values with their records, in the order of the records.
    fn values_by_record(
        &self,
        field: &TermField,
        from: From,
        limit: usize,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError>;

    /// Looks for values that match, in the order of the records, among about `limit` of them: an engine that holds many
    /// together looks at all of those. Not less than one, if there is one.
    fn look_by_record(
        &self,
        field: &TermField,
        pattern: &TextPattern,
        from: From,
        limit: usize,
    ) -> Result<Looked, StoreError> {
        let mut looked = Looked::default();
        self.values_by_record(field, from, limit, &mut |stored, index| {
            looked.step(pattern, stored, index);
            true
        })?;
        if looked.entries < limit {
            looked.last = None;
        }
        Ok(looked)
    }

    /// Shows stored values from `first` on and before `end`, in the order of the values, with their records.
    fn values_in_range(
        &self,
        field: &TermField,
        first: &[u8],
        end: Option<&[u8]>,
        visit: VisitValues<'_>,
    ) -> Result<(), StoreError>;

    /// The least stored value that is not below this one, or is above it.
    fn next_value(&self, field: &TermField, value: &[u8], above: bool)
    -> Result<Option<Vec<u8>>, StoreError>;

    /// The least name of the writer's entries of plain metadata that is not below this one, or is above it.
    fn next_name(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError>;

    /// The least type of the writer's records that is not below this one, or is above it.
    fn next_type(&self, writer: ClientId, name: &str, above: bool) -> Result<Option<String>, StoreError>;

    /// Shows the writer's records that were changed last in a stretch of time, in the order of that time.
    fn records_by_modified(
        &self,
        writer: ClientId,
        first: Timestamp,
        last: Timestamp,
        visit: VisitRecords<'_>,
    ) -> Result<(), StoreError>;

    /// Indexes that [`created_from`](Self::created_from) is best asked for at a time.
    const PROBES: u64;

    /// For each index the first record of the store at or behind it, and when that was written.
    fn created_from(
        &self,
        indexes: &[RecordIndex],
    ) -> Result<Vec<Option<(RecordIndex, Timestamp)>>, StoreError>;

    /// When the records at these places were changed last. What is not there is left out.
    fn modified(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, Timestamp>, StoreError>;
}

//! Pages of records for a search by terms: the part that is the same for every engine.
//!
//! A search becomes a tree of streams of indexes, which are merged, intersected and counted without looking at the
//! records; only those on the page are read. What indexes cannot tell is told by the records themselves, within the
//! limit on work.

use std::collections::BTreeMap;

use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::{ClientId, RecordId};

use super::record_pages::{HEADS_AT_A_TIME, RecordPlace, page_bytes, rows};
use super::record_terms::{Term, TermKind, TermValue};
use super::term_nodes::{Node, Place, Reader, Stream, Test, Union, decide, entry_work, stored_range};
use super::term_source::{Listing, TermField, TermSource};
use super::{
    RecordIndex, RecordRow, StoreError, TermCondition, TermGroup, TermPage, TermSearch, TextPattern,
};

/// Names or types that one pattern is compared with at most; past that the records are looked at.
const MAX_NAMES: usize = 1_000;
/// Values that may stand for a pattern, each with a stream of its own.
const MAX_DISTINCT_VALUES: usize = 32;
/// Values that are looked at to see how common a match is, and how common makes it worth to go on like that.
const PROBE_ENTRIES: usize = 2_048;
const COMMON_SHARE: usize = 8;
/// Entries of an index that are gathered and sorted.
const MAX_GATHERED: usize = 100_000;

/// The page that answers a search.
pub(super) fn page(source: &impl TermSource, search: &TermSearch) -> Result<TermPage, StoreError> {
    let planner = Planner { reader: Reader::new(source, search), search };
    let (first, end) = planner.created_places()?;
    let mut found = planner.root()?;
    let wanted = search.offset.saturating_add(search.limit).saturating_add(1).max(search.max_total);
    let (mut at, mut count, mut chosen) = (first, 0, Vec::new());
    while count < wanted {
        let next = found.union.seek_numbered(&planner.reader, at)?;
        let Some((place, number)) = next.filter(|(place, _)| *place < end) else { break };
        if count >= search.offset && chosen.len() < search.limit {
            let writer = found.writers.get(number).copied();
            chosen.extend(writer.map(|writer| (writer, planner.reader.index(place))));
        }
        count += 1;
        planner.reader.has_found(count);
        at = place + 1;
    }
    let rows = planner.rows(&chosen)?;
    let more = search.limit > 0 && count > search.offset.saturating_add(rows.len());
    Ok(TermPage { rows, total: count.min(search.max_total), more })
}

/// What is found: a node for each writer.
struct Found {
    writers: Vec<ClientId>,
    union: Union,
}

struct Planner<'a, S> {
    reader: Reader<'a, S>,
    search: &'a TermSearch,
}

impl<S: TermSource> Planner<'_, S> {
    /// The stretch of places of records that were written in the search's range: indexes are in the order of that time.
    fn created_places(&self) -> Result<(Place, Place), StoreError> {
        let range = self.search.created;
        let first = range.first.map_or(Ok(0), |time| self.first_index(|created| created >= time))?;
        let end = range
            .last
            .map_or(Ok(RecordIndex::MAX.0 + 1), |time| self.first_index(|created| created > time))?;
        if first >= end {
            return Ok((0, 0));
        }
        let place = |index| self.reader.place(RecordIndex(index));
        Ok(if self.reader.descending { (place(end - 1), place(first) + 1) } else { (first, end) })
    }

    /// The first index whose record and all behind it were written late enough.
    fn first_index(&self, late: impl Fn(Timestamp) -> bool) -> Result<u64, StoreError> {
        let (mut low, mut high) = (1, RecordIndex::MAX.0 + 1);
        while low < high {
            // Probes cut the stretch into parts of the same length; with one probe, into halves.
            let at = |number: u64| low + number * (high - low) / (S::PROBES + 1);
            let probes: Vec<_> = (1..=S::PROBES).map(at).collect();
            let indexes: Vec<_> = probes.iter().map(|probe| RecordIndex(*probe)).collect();
            for (probe, answer) in probes.into_iter().zip(self.reader.source.created_from(&indexes)?) {
                match answer {
                    Some((index, created)) if !late(created) => low = low.max(index.0 + 1),
                    _ => {
                        high = high.min(probe);
                        break;
                    }
                }
            }
        }
        Ok(low)
    }

    /// All that the search finds, whenever it was written.
    fn root(&self) -> Result<Found, StoreError> {
        type Only<'b> = Option<Vec<&'b (ClientId, RecordType)>>;
        let mut writers: BTreeMap<ClientId, Only<'_>> = BTreeMap::new();
        for scope in &self.search.scopes {
            let only = writers.entry(scope.writer).or_insert_with(|| Some(Vec::new()));
            match (&scope.only, only) {
                (None, only) => *only = None,
                (Some(slot), Some(slots)) => slots.push(slot),
                (Some(_), None) => {}
            }
        }
        let nodes = writers.iter().map(|(writer, only)| self.of_writer(*writer, only.as_deref()));
        let union = Union::new(nodes.collect::<Result<_, _>>()?);
        Ok(Found { writers: writers.into_keys().collect(), union })
    }

    /// What is found among one writer's records.
    fn of_writer(
        &self,
        writer: ClientId,
        only: Option<&[&(ClientId, RecordType)]>,
    ) -> Result<Node, StoreError> {
        self.reader.spend(1)?;
        let mut parts = Vec::new();
        if let Some(slots) = only {
            let scopes = slots.iter().map(|(user, record_type)| {
                let of_type = Node::listing(writer, Listing::Type(record_type.clone()));
                let about = self.about(writer, &TextPattern::exact(user.to_string()))?;
                Ok(Node::and(vec![of_type, about]))
            });
            parts.push(Node::or(scopes.collect::<Result<_, StoreError>>()?));
        }
        if !self.search.include.is_empty() {
            let groups = self.search.include.iter().map(|group| self.group(writer, group));
            parts.push(Node::or(groups.collect::<Result<_, _>>()?));
        }
        if parts.is_empty() {
            parts.push(Node::listing(writer, Listing::All));
        }
        let range = self.search.modified;
        let mut test = None;
        if !range.is_everything() {
            match self.modified(writer)? {
                Some(node) => parts.insert(0, node),
                None => test = Some(Test::Modified(range)),
            }
        }
        let mut node = Node::and(parts);
        if !self.search.exclude.is_empty() && !matches!(node, Node::Empty) {
            let groups = self.search.exclude.iter().map(|group| self.group(writer, group));
            let without = Node::or(groups.collect::<Result<_, _>>()?);
            if !matches!(without, Node::Empty) {
                node = Node::But(Box::new(node), Box::new(without));
            }
        }
        Ok(match test {
            Some(test) => Node::only(writer, node, test),
            None => node,
        })
    }

    fn group(&self, writer: ClientId, group: &TermGroup) -> Result<Node, StoreError> {
        let nodes = group.conditions.iter().map(|condition| self.condition(writer, condition));
        let nodes: Vec<_> = nodes.collect::<Result<_, _>>()?;
        Ok(match (nodes.is_empty(), group.all) {
            (true, _) => Node::listing(writer, Listing::All),
            (false, true) => Node::and(nodes),
            (false, false) => Node::or(nodes),
        })
    }

    fn condition(&self, writer: ClientId, condition: &TermCondition) -> Result<Node, StoreError> {
        self.reader.spend(1)?;
        let all = || Node::listing(writer, Listing::All);
        let by_looking = || Node::only(writer, all(), Test::Condition(condition.clone()));
        match condition {
            TermCondition::Writer(pattern) => {
                Ok(if pattern.matches(&writer.to_string()) { all() } else { Node::Empty })
            }
            TermCondition::User(pattern) => self.about(writer, pattern),
            TermCondition::Record(pattern) => match pattern.only_text() {
                Some(text) => self.record(writer, text),
                None => Ok(by_looking()),
            },
            TermCondition::Type(pattern) => {
                let next = |from: &str, above| self.reader.source.next_type(writer, from, above);
                let Some(types) = self.matching(pattern, next)? else { return Ok(by_looking()) };
                // What is no type has no records.
                let types = types.into_iter().filter_map(|text| RecordType::new(text).ok());
                Ok(Node::or(types.map(|one| Node::listing(writer, Listing::Type(one))).collect()))
            }
            TermCondition::Name(pattern) => {
                let Some(names) = self.names(writer, pattern)? else { return Ok(by_looking()) };
                let named = |name| Node::listing(writer, Listing::Named(TermKind::Plain, name));
                Ok(Node::or(names.into_iter().map(named).collect()))
            }
            TermCondition::Value(pattern) => {
                let Some(names) = self.names(writer, &TextPattern::prefix(""))? else {
                    return Ok(by_looking());
                };
                self.values(writer, names, pattern)
            }
            TermCondition::Entry { name, value } => {
                let Some(names) = self.names(writer, name)? else { return Ok(by_looking()) };
                self.values(writer, names, value)
            }
        }
    }

    /// Records about a user. What is about the writer itself has no term.
    fn about(&self, writer: ClientId, pattern: &TextPattern) -> Result<Node, StoreError> {
        let field = TermField { writer, kind: TermKind::User, name: String::new() };
        let others = self.value(field, pattern)?;
        if !pattern.matches(&writer.to_string()) {
            return Ok(others);
        }
        let all = Node::listing(writer, Listing::All);
        let about_others = Listing::Named(TermKind::User, String::new());
        let about_itself =
            if self.reader.source.list_records(writer, &about_others, self.begin(), 1)?.is_empty() {
                all
            } else {
                Node::But(Box::new(all), Box::new(Node::listing(writer, about_others)))
            };
        Ok(Node::or(vec![about_itself, others]))
    }

    fn begin(&self) -> super::term_source::From {
        let index = self.reader.index(0);
        super::term_source::From { index, descending: self.reader.descending }
    }

    /// The writer's record with this id.
    fn record(&self, writer: ClientId, text: &str) -> Result<Node, StoreError> {
        let Some(id) = text.parse::<RecordId>().ok().filter(|id| id.to_string() == text) else {
            return Ok(Node::Empty);
        };
        self.reader.spend(1)?;
        let places = self.reader.source.places(&[id])?.into_iter();
        let of_writer = places.filter(|(of, _)| *of == writer);
        Ok(Node::places(of_writer.map(|(_, index)| self.reader.place(index)).collect()))
    }

    fn names(&self, writer: ClientId, pattern: &TextPattern) -> Result<Option<Vec<String>>, StoreError> {
        self.matching(pattern, |from, above| self.reader.source.next_name(writer, from, above))
    }

    /// All matches of a list that is walked by its next member; none if the list is too long.
    fn matching(
        &self,
        pattern: &TextPattern,
        next: impl Fn(&str, bool) -> Result<Option<String>, StoreError>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        if let Some(text) = pattern.only_text() {
            return Ok(Some(vec![text.to_owned()]));
        }
        let prefix = pattern.literal_prefix();
        let mut matching = Vec::new();
        let mut from = (prefix.to_owned(), false);
        for _ in 0..MAX_NAMES {
            self.reader.spend(entry_work(pattern))?;
            let Some(text) = next(&from.0, from.1)?.filter(|text| text.starts_with(prefix)) else {
                return Ok(Some(matching));
            };
            if pattern.matches(&text) {
                matching.push(text.clone());
            }
            from = (text, true);
        }
        Ok(None)
    }

    /// Records with a matching value under one of these names.
    fn values(
        &self,
        writer: ClientId,
        names: Vec<String>,
        pattern: &TextPattern,
    ) -> Result<Node, StoreError> {
        let of_name = |name| self.value(TermField { writer, kind: TermKind::Plain, name }, pattern);
        Ok(Node::or(names.into_iter().map(of_name).collect::<Result<_, _>>()?))
    }

    /// Records with a matching value in a field: by the few values that there are, by looking at each value in the order
    /// of the records if matches are common, or by gathering them if they are rare.
    fn value(&self, field: TermField, pattern: &TextPattern) -> Result<Node, StoreError> {
        let (writer, kind) = (field.writer, field.kind);
        let term = |value| Listing::Term(Term { kind, name: field.name.clone(), value });
        if let Some(text) = pattern.only_text() {
            return Ok(Node::listing(writer, term(TermValue::of(text))));
        }
        if pattern.is_prefix_alone() && pattern.literal_prefix().is_empty() {
            return Ok(Node::listing(writer, Listing::Named(kind, field.name.clone())));
        }
        if let Some(values) = self.few_values(&field, pattern)? {
            let nodes = values.into_iter().map(|value| Node::listing(writer, term(value)));
            return Ok(Node::or(nodes.collect()));
        }
        let mut stream = Stream::values(field.clone(), pattern.clone());
        if !stream.probe(&self.reader, PROBE_ENTRIES, COMMON_SHARE)?
            && let Some(places) = self.gathered(&field, pattern)?
        {
            return Ok(Node::places(places));
        }
        Ok(Node::Stream(stream))
    }

    /// The matching values of a field that has few.
    fn few_values(
        &self,
        field: &TermField,
        pattern: &TextPattern,
    ) -> Result<Option<Vec<TermValue>>, StoreError> {
        let (first, end) = stored_range(pattern);
        let (mut values, mut from) = (Vec::new(), (first, false));
        for _ in 0..MAX_DISTINCT_VALUES {
            self.reader.spend(entry_work(pattern))?;
            let next = self.reader.source.next_value(field, &from.0, from.1)?;
            let Some(stored) = next.filter(|stored| end.as_ref().is_none_or(|end| stored < end)) else {
                return Ok(Some(values));
            };
            let value = TermValue::from_stored(stored.clone());
            let matches = match decide(pattern, &stored) {
                Some(decided) => decided,
                None => {
                    let listing = Listing::Term(Term {
                        kind: field.kind,
                        name: field.name.clone(),
                        value: value.clone(),
                    });
                    let one = self.reader.source.list_records(field.writer, &listing, self.begin(), 1)?;
                    !self.reader.with_entry(&one, field, pattern)?.is_empty()
                }
            };
            if matches {
                values.push(value);
            }
            from = (stored, true);
        }
        Ok(None)
    }

    /// The places of all matches in a field; none if they are too many to gather.
    fn gathered(&self, field: &TermField, pattern: &TextPattern) -> Result<Option<Vec<Place>>, StoreError> {
        let (first, end) = stored_range(pattern);
        let (mut seen, mut places, mut undecided) = (0, Vec::new(), Vec::new());
        self.reader.source.values_in_range(field, &first, end.as_deref(), &mut |stored, index| {
            match decide(pattern, stored) {
                Some(true) => places.push(self.reader.place(index)),
                Some(false) => {}
                None => undecided.push(index),
            }
            seen += 1;
            seen <= MAX_GATHERED
        })?;
        self.reader.spend(seen * entry_work(pattern))?;
        if seen > MAX_GATHERED {
            return Ok(None);
        }
        let matching = self.reader.with_entry(&undecided, field, pattern)?;
        places.extend(matching.into_iter().map(|index| self.reader.place(index)));
        Ok(Some(places))
    }

    /// The writer's records that were changed last in the search's range; none if they are too many to gather.
    fn modified(&self, writer: ClientId) -> Result<Option<Node>, StoreError> {
        let range = self.search.modified;
        let first = range.first.unwrap_or(Timestamp::from_micros(i64::MIN));
        let last = range.last.unwrap_or(Timestamp::from_micros(i64::MAX));
        let mut places = Vec::new();
        self.reader.source.records_by_modified(writer, first, last, &mut |index| {
            places.push(self.reader.place(index));
            places.len() <= MAX_GATHERED
        })?;
        self.reader.spend(places.len())?;
        Ok((places.len() <= MAX_GATHERED).then(|| Node::places(places)))
    }

    /// The records of the page, within its limit on bytes.
    fn rows(&self, places: &[RecordPlace]) -> Result<Vec<RecordRow>, StoreError> {
        let (mut heads, mut bytes) = (Vec::with_capacity(places.len()), 0_usize);
        'page: for places in places.chunks(HEADS_AT_A_TIME) {
            let mut found = self.reader.source.heads(places)?;
            for found in places.iter().filter_map(|(_, index)| found.remove(index)) {
                bytes = bytes.saturating_add(page_bytes(&found, self.search.with_data));
                if bytes > self.search.max_data_bytes && !heads.is_empty() {
                    break 'page;
                }
                heads.push(found.head);
            }
        }
        rows(self.reader.source, heads, self.search.with_data)
    }
}

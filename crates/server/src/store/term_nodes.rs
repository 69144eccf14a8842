//! Sets of records as streams that can be asked for the next one at or behind a place: the operators of a search.
//!
//! A place counts up in the direction of the search, whatever that is. The places that a node is asked for never fall.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use tozstore_crypto::ClientId;

use super::record_pages::{HEADS_AT_A_TIME, RecordPlace};
use super::record_terms::TermValue;
use super::term_source::{From, Listing, TermField, TermSource};
use super::{RecordIndex, SizedHead, StoreError, TermCondition, TermSearch, TextPattern, TimeRange};

/// Work of opening a listing, of testing a text against a pattern, of reading a time, and of reading a record; one entry of
/// an index is one.
const OPEN_WORK: usize = 8;
const TEST_WORK: usize = 3;
const TIME_WORK: usize = 4;
const HEAD_WORK: usize = 16;
/// So many values that are held together are as much work as one entry of an index.
const PACKED_SHARE: usize = 8;
/// A conjunction that has found less than one in so many of the values that it looked at has hardly found anything.
const PATIENCE_SHARE: usize = 16;

/// Index positions are reckoned in the direction of the search.
pub(super) type Place = u64;

/// What all nodes of a search share.
pub(super) struct Reader<'a, S> {
    pub(super) source: &'a S,
    pub(super) descending: bool,
    max_work: usize,
    patience: usize,
    work: Cell<usize>,
    found: Cell<usize>,
}

impl<'a, S: TermSource> Reader<'a, S> {
    pub(super) const fn new(source: &'a S, search: &TermSearch) -> Self {
        let TermSearch { descending, max_work, patience, .. } = *search;
        Self { source, descending, max_work, patience, work: Cell::new(0), found: Cell::new(0) }
    }

    /// Tells how many records the search has found.
    pub(super) fn has_found(&self, records: usize) {
        self.found.set(records);
    }

    /// Counts work.
    pub(super) fn spend(&self, units: usize) -> Result<(), StoreError> {
        let spent = self.work.get().saturating_add(units);
        self.work.set(spent);
        if spent > self.max_work { Err(StoreError::TooMuchWork) } else { Ok(()) }
    }

    pub(super) const fn place(&self, index: RecordIndex) -> Place {
        if self.descending { RecordIndex::MAX.0.saturating_sub(index.0) } else { index.0 }
    }

    pub(super) const fn index(&self, place: Place) -> RecordIndex {
        RecordIndex(if self.descending { RecordIndex::MAX.0.saturating_sub(place) } else { place })
    }

    fn from(&self, place: Place) -> From {
        From { index: self.index(place), descending: self.descending }
    }

    fn heads(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, SizedHead>, StoreError> {
        self.spend(HEAD_WORK * places.len())?;
        self.source.heads(places)
    }

    /// Those of a writer's records whose entry under the field's name matches, where the stored value does not tell.
    pub(super) fn with_entry(
        &self,
        indexes: &[RecordIndex],
        field: &TermField,
        pattern: &TextPattern,
    ) -> Result<BTreeSet<RecordIndex>, StoreError> {
        let mut matching = BTreeSet::new();
        for indexes in indexes.chunks(HEADS_AT_A_TIME) {
            let places: Vec<_> = indexes.iter().map(|index| (field.writer, *index)).collect();
            let matches = |found: &SizedHead| {
                found.head.plain.value(&field.name).is_some_and(|text| pattern.matches(text))
            };
            let heads = self.heads(&places)?.into_iter();
            matching.extend(heads.filter(|(_, found)| matches(found)).map(|(index, _)| index));
        }
        Ok(matching)
    }
}

/// A set of records.
pub(super) enum Node {
    /// Those in all of them.
    And(Vec<Node>),
    /// Those in the first, but not in the second.
    But(Box<Node>, Box<Node>),
    /// None.
    Empty,
    /// Those of a node that pass a test.
    Only(Box<Tested>),
    /// Those in one of them.
    Or(Union),
    /// Those at these ascending places, of which so many are behind us.
    Places(Vec<Place>, usize),
    /// Those of a listing.
    Stream(Stream),
}

/// A test that looks at the record.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Condition(TermCondition),
    Modified(TimeRange),
}

impl Node {
    /// Those in all nodes.
    pub(super) fn and(mut nodes: Vec<Self>) -> Self {
        if nodes.iter().any(|node| matches!(node, Self::Empty)) {
            return Self::Empty;
        }
        // All of the writer's records narrow nothing down.
        if nodes.iter().all(Self::is_all) {
            nodes.truncate(1);
        }
        if nodes.len() > 1 {
            nodes.retain(|node| !node.is_all());
        }
        nodes.sort_by_key(Self::dearness);
        nodes.iter_mut().skip(1).for_each(Self::lose_patience);
        if nodes.len() == 1 { nodes.pop().unwrap_or(Self::Empty) } else { Self::And(nodes) }
    }

    /// Those in one of the nodes, which are of one writer.
    pub(super) fn or(mut nodes: Vec<Self>) -> Self {
        if let Some(at) = nodes.iter().position(Self::is_all) {
            return nodes.swap_remove(at);
        }
        Self::union(nodes)
    }

    /// Those in one of the nodes.
    pub(super) fn union(mut nodes: Vec<Self>) -> Self {
        nodes.retain(|node| !matches!(node, Self::Empty));
        match nodes.len() {
            0 => Self::Empty,
            1 => nodes.pop().unwrap_or(Self::Empty),
            _ => Self::Or(Union::new(nodes)),
        }
    }

    /// Those at these places, in any order and any number of times.
    pub(super) fn places(places: Vec<Place>) -> Self {
        let places = ascending(places);
        if places.is_empty() { Self::Empty } else { Self::Places(places, 0) }
    }

    /// Those of a node of one writer's records that pass a test.
    pub(super) fn only(writer: ClientId, node: Self, test: Test) -> Self {
        let (passed, chunk) = (VecDeque::new(), Tested::FIRST_CHUNK);
        Self::Only(Box::new(Tested { writer, node, test, passed, next: 0, chunk, ended: false }))
    }

    pub(super) const fn listing(writer: ClientId, listing: Listing) -> Self {
        Self::Stream(Stream::new(Kind::Listing(writer, listing)))
    }

    /// How much a step costs, compared with other nodes.
    fn dearness(&self) -> u8 {
        match self {
            Self::Empty | Self::Places(..) => 0,
            Self::Stream(Stream { kind: Kind::Listing(..), .. }) => 1,
            Self::Stream(Stream { kind: Kind::Values(..), .. }) => 2,
            Self::Only(..) => 3,
            Self::And(nodes) | Self::Or(Union { nodes, .. }) => {
                nodes.iter().map(Self::dearness).max().unwrap_or_default()
            }
            Self::But(node, without) => node.dearness().max(without.dearness()),
        }
    }

    /// Lets what looks at all values go over to those that match when the search finds little.
    fn lose_patience(&mut self) {
        match self {
            Self::Stream(stream) => stream.is_impatient = true,
            Self::Or(union) => union.nodes.iter_mut().for_each(Self::lose_patience),
            _ => {}
        }
    }

    fn is_all(&self) -> bool {
        matches!(self, Self::Stream(Stream { kind: Kind::Listing(_, Listing::All), .. }))
    }

    /// The first place at or behind this one.
    pub(super) fn seek<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        mut at: Place,
    ) -> Result<Option<Place>, StoreError> {
        match self {
            Self::Empty => Ok(None),
            Self::Stream(stream) => stream.seek(reader, at),
            Self::Or(union) => union.seek(reader, at),
            Self::Places(places, passed) => {
                *passed += places[*passed..].partition_point(|place| *place < at);
                Ok(places.get(*passed).copied())
            }
            Self::And(nodes) => 'again: loop {
                for (number, node) in nodes.iter_mut().enumerate() {
                    let Some(place) = node.seek(reader, at)? else { return Ok(None) };
                    let moved = place > at;
                    at = place;
                    // The dear nodes are asked only where the cheap ones agree.
                    if moved && number > 0 {
                        continue 'again;
                    }
                }
                return Ok(Some(at));
            },
            Self::But(node, without) => loop {
                let Some(place) = node.seek(reader, at)? else { return Ok(None) };
                if without.seek(reader, place)? != Some(place) {
                    return Ok(Some(place));
                }
                at = place + 1;
            },
            Self::Only(tested) => tested.seek(reader, at),
        }
    }
}

/// The records of a node that pass a test, which looks at some of them at a time.
pub(super) struct Tested {
    writer: ClientId,
    node: Node,
    test: Test,
    passed: VecDeque<Place>,
    /// Everything before this place was looked at.
    next: Place,
    chunk: usize,
    ended: bool,
}

impl Tested {
    const FIRST_CHUNK: usize = 8;

    fn seek<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        at: Place,
    ) -> Result<Option<Place>, StoreError> {
        loop {
            while let Some(place) = self.passed.front() {
                if *place >= at {
                    return Ok(Some(*place));
                }
                self.passed.pop_front();
            }
            if self.ended {
                return Ok(None);
            }
            self.next = self.next.max(at);
            let mut indexes = Vec::with_capacity(self.chunk);
            while indexes.len() < self.chunk && !self.ended {
                match self.node.seek(reader, self.next)? {
                    Some(place) => {
                        indexes.push(reader.index(place));
                        self.next = place + 1;
                    }
                    None => self.ended = true,
                }
            }
            let passing = self.test.passing(reader, self.writer, &indexes)?;
            let passing = indexes.into_iter().filter(|index| passing.contains(index));
            self.passed.extend(passing.map(|index| reader.place(index)));
            self.chunk = HEADS_AT_A_TIME.min(self.chunk * 2);
        }
    }
}

impl Test {
    /// Those of a writer's records that pass.
    fn passing<S: TermSource>(
        &self,
        reader: &Reader<'_, S>,
        writer: ClientId,
        indexes: &[RecordIndex],
    ) -> Result<BTreeSet<RecordIndex>, StoreError> {
        let places: Vec<_> = indexes.iter().map(|index| (writer, *index)).collect();
        Ok(match self {
            Self::Condition(condition) => {
                let heads = reader.heads(&places)?.into_iter();
                heads.filter(|(_, found)| condition.holds(&found.head)).map(|(index, _)| index).collect()
            }
            Self::Modified(range) => {
                reader.spend(TIME_WORK * places.len())?;
                let times = reader.source.modified(&places)?.into_iter();
                times.filter(|(_, time)| range.contains(*time)).map(|(index, _)| index).collect()
            }
        })
    }
}

/// Nodes that are merged.
pub(super) struct Union {
    nodes: Vec<Node>,
    /// The next place of each node that is not at its end.
    next: BinaryHeap<Reverse<(Place, usize)>>,
    begun: bool,
}

impl Union {
    pub(super) const fn new(nodes: Vec<Node>) -> Self {
        Self { nodes, next: BinaryHeap::new(), begun: false }
    }

    fn seek<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        at: Place,
    ) -> Result<Option<Place>, StoreError> {
        Ok(self.seek_numbered(reader, at)?.map(|(place, _)| place))
    }

    /// The first place at or behind this one, and the number of the node that it is from.
    pub(super) fn seek_numbered<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        at: Place,
    ) -> Result<Option<(Place, usize)>, StoreError> {
        if !self.begun {
            self.begun = true;
            for (number, node) in self.nodes.iter_mut().enumerate() {
                if let Some(place) = node.seek(reader, at)? {
                    self.next.push(Reverse((place, number)));
                }
            }
        }
        while let Some(Reverse((place, number))) = self.next.peek().copied() {
            if place >= at {
                return Ok(Some((place, number)));
            }
            self.next.pop();
            reader.spend(1)?;
            if let Some(place) = self.nodes[number].seek(reader, at)? {
                self.next.push(Reverse((place, number)));
            }
        }
        Ok(None)
    }
}

/// Records that an engine lists, fetched a chunk at a time.
pub(super) struct Stream {
    kind: Kind,
    fetched: VecDeque<Place>,
    /// Everything before this place was fetched.
    next: Place,
    chunk: usize,
    ended: bool,
    /// Values that were met by a step in an index each, and whether there is a limit to it.
    steps: usize,
    is_impatient: bool,
}

enum Kind {
    Listing(ClientId, Listing),
    /// Those whose value under a name matches.
    Values(TermField, TextPattern),
}

impl Stream {
    const FIRST_CHUNK: usize = 16;
    const LAST_CHUNK: usize = 4096;

    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            fetched: VecDeque::new(),
            next: 0,
            chunk: Self::FIRST_CHUNK,
            ended: false,
            steps: 0,
            is_impatient: false,
        }
    }

    /// Records whose value under a name matches, in the order of the records: each value is looked at.
    pub(super) const fn values(field: TermField, pattern: TextPattern) -> Self {
        Self::new(Kind::Values(field, pattern))
    }

    /// Fetches from the begin, about so many entries. Returns whether at least one in `share` matches, or all were looked
    /// at.
    pub(super) fn probe<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        entries: usize,
        share: usize,
    ) -> Result<bool, StoreError> {
        self.chunk = entries;
        let seen = self.fetch(reader, 0)?;
        Ok(self.ended || self.fetched.len().saturating_mul(share) >= seen)
    }

    fn seek<S: TermSource>(
        &mut self,
        reader: &Reader<'_, S>,
        at: Place,
    ) -> Result<Option<Place>, StoreError> {
        loop {
            while let Some(place) = self.fetched.front() {
                if *place >= at {
                    return Ok(Some(*place));
                }
                self.fetched.pop_front();
            }
            if self.ended || at > RecordIndex::MAX.0 {
                return Ok(None);
            }
            if at > self.next {
                self.next = at;
                self.chunk = Self::FIRST_CHUNK;
            }
            self.fetch(reader, self.next)?;
        }
    }

    /// Fetches all that is left, in the order of the values, if that is the better way by now.
    fn gather_rest<S: TermSource>(&mut self, reader: &Reader<'_, S>, at: Place) -> Result<bool, StoreError> {
        let Kind::Values(field, pattern) = &self.kind else { return Ok(false) };
        let is_enough =
            self.steps < reader.patience || reader.found.get().saturating_mul(PATIENCE_SHARE) > self.steps;
        // What is stored in the range begins with the prefix, and matches, if no more than that is asked for.
        let is_decided = pattern.is_prefix_alone() && pattern.literal_prefix().len() <= TermValue::KEPT_BYTES;
        if !self.is_impatient || is_enough || !is_decided {
            return Ok(false);
        }
        let (first, end) = stored_range(pattern);
        let (mut seen, mut places) = (0, Vec::new());
        reader.source.values_in_range(field, &first, end.as_deref(), &mut |_, index| {
            seen += 1;
            let place = reader.place(index);
            if place >= at {
                places.push(place);
            }
            // Once the work is used up, the rest is of no use to anybody.
            seen < reader.max_work
        })?;
        reader.spend(seen)?;
        self.fetched = ascending(places).into();
        self.ended = true;
        Ok(true)
    }

    /// Fetches from a place on. Returns how many entries were looked at.
    fn fetch<S: TermSource>(&mut self, reader: &Reader<'_, S>, at: Place) -> Result<usize, StoreError> {
        if self.gather_rest(reader, at)? {
            return Ok(self.fetched.len());
        }
        reader.spend(OPEN_WORK)?;
        let (from, limit) = (reader.from(at), self.chunk);
        let (seen, last);
        match &self.kind {
            Kind::Listing(writer, listing) => {
                let listed = reader.source.list_records(*writer, listing, from, limit)?;
                (seen, last) = (listed.len(), listed.last().copied());
                reader.spend(seen)?;
                self.fetched.extend(listed.into_iter().map(|index| reader.place(index)));
                self.ended = seen < limit;
            }
            Kind::Values(field, pattern) => {
                let looked = reader.source.look_by_record(field, pattern, from, limit)?;
                let packed = looked.entries.saturating_sub(looked.steps) / PACKED_SHARE;
                reader.spend(looked.steps + packed + looked.compared * (entry_work(pattern) - 1))?;
                let undecided = looked.found.iter().filter(|(_, decided)| !decided);
                let undecided: Vec<_> = undecided.map(|(index, _)| *index).collect();
                let matching = reader.with_entry(&undecided, field, pattern)?;
                let found = looked.found.into_iter();
                let found = found.filter(|(index, decided)| *decided || matching.contains(index));
                self.fetched.extend(found.map(|(index, _)| reader.place(index)));
                self.steps += looked.steps;
                (seen, last, self.ended) = (looked.entries, looked.last, looked.last.is_none());
            }
        }
        self.next = last.map_or(at, |index| reader.place(index) + 1);
        self.chunk = (self.chunk * 4).clamp(Self::FIRST_CHUNK, Self::LAST_CHUNK);
        Ok(seen)
    }
}

/// The places in their order, each once. What lies close together is put in its place instead of being sorted.
fn ascending(mut places: Vec<Place>) -> Vec<Place> {
    let bounds = places.iter().copied().min().zip(places.iter().copied().max());
    let Some((first, last)) = bounds else { return places };
    let words = usize::try_from((last - first) / 64 + 1).unwrap_or(usize::MAX);
    if words > places.len() {
        places.sort_unstable();
        places.dedup();
        return places;
    }
    let mut taken = vec![0_u64; words];
    for place in &places {
        let offset = place - first;
        if let Some(word) = usize::try_from(offset / 64).ok().and_then(|at| taken.get_mut(at)) {
            *word |= 1 << (offset % 64);
        }
    }
    places.clear();
    for (number, word) in (0_u64..).zip(taken) {
        let mut rest = word;
        while rest != 0 {
            places.push(first + number * 64 + u64::from(rest.trailing_zeros()));
            rest &= rest - 1;
        }
    }
    places
}

/// Where the stored values begin and end that can match.
pub(super) fn stored_range(pattern: &TextPattern) -> (Vec<u8>, Option<Vec<u8>>) {
    cut_range(pattern, TermValue::KEPT_BYTES)
}

/// The same for values of which so many bytes are kept.
pub(super) fn cut_range(pattern: &TextPattern, kept_bytes: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let prefix = pattern.literal_prefix().as_bytes();
    let first = prefix[..prefix.len().min(kept_bytes)].to_vec();
    let mut end = first.clone();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return (first, Some(end));
        }
    }
    (first, None)
}

/// Work of looking at one stored value.
pub(super) const fn entry_work(pattern: &TextPattern) -> usize {
    if pattern.is_prefix_alone() { 1 } else { 1 + TEST_WORK }
}

/// Whether a stored value matches. None if it was cut, and what is left of it does not tell.
pub(super) fn decide(pattern: &TextPattern, stored: &[u8]) -> Option<bool> {
    if let Some(text) = TermValue::stored_text(stored) {
        return Some(pattern.matches(text));
    }
    let kept = stored.get(..TermValue::KEPT_BYTES).unwrap_or(stored);
    let prefix = pattern.literal_prefix().as_bytes();
    let common = prefix.len().min(kept.len());
    if prefix[..common] != kept[..common] || pattern.max_bytes().is_some_and(|most| most < stored.len()) {
        return Some(false);
    }
    (prefix.len() <= kept.len() && pattern.is_prefix_alone()).then_some(true)
}

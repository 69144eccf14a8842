//! Pages of records for a query, from streams of indexes: the part that is the same for every engine.
//!
//! Each scope is a stream of ascending indexes, fetched a chunk at a time. The streams are merged, and records are looked
//! at only when their turn comes, some at a time: heads first, data only of those that are on the page. What is held in
//! memory are indexes, a few heads and the page itself, however many scopes there are.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use tozstore_api::RecordType;
use tozstore_crypto::{ClientId, RecordId};

use super::{RecordHead, RecordIndex, RecordQuery, RecordRow, Scope, SizedHead, StoreError};

/// Heads that are read at a time.
pub(super) const HEADS_AT_A_TIME: usize = 64;

/// Where a record lies: with its writer's, at its index.
pub(super) type RecordPlace = (ClientId, RecordIndex);

/// A writer's records, of one type or of all, behind an index; so many at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<'a> {
    pub(super) writer: ClientId,
    pub(super) record_type: Option<&'a RecordType>,
    pub(super) after: RecordIndex,
    pub(super) limit: usize,
}

/// Where an engine finds records. What is asked for together costs an engine at a distance little more than one alone.
pub(super) trait RecordSource {
    /// The ascending indexes of each stretch.
    fn indexes(&self, stretches: &[Stretch<'_>]) -> Result<Vec<Vec<RecordIndex>>, StoreError>;

    /// Where the records with these ids lie, in any order. What is not there is left out.
    fn places(&self, ids: &[RecordId]) -> Result<Vec<RecordPlace>, StoreError>;

    /// The records at these places, without their data. What is not there is left out. The caller asks for no more than
    /// it has memory for.
    fn heads(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, SizedHead>, StoreError>;

    /// The data of the records at these places. The caller knows how much that is.
    fn data(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, String>, StoreError>;
}

/// The page that answers a query.
pub(super) fn page(source: &impl RecordSource, query: &RecordQuery) -> Result<Vec<RecordRow>, StoreError> {
    if query.scopes.is_empty() || query.limit == 0 {
        return Ok(Vec::new());
    }
    let mut page = Page { source, query, examined: 0, bytes: 0, rows: Vec::new() };
    if query.records.is_empty() {
        page.merge_streams()?
    } else {
        page.look_up()?
    }
    Ok(page.rows)
}

/// Whole records, with their data if it is wanted, in the order of their heads.
pub(super) fn rows(
    source: &impl RecordSource,
    heads: Vec<RecordHead>,
    with_data: bool,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut data = if with_data {
        let places: Vec<_> = heads.iter().map(|head| (head.type_slot.writer, head.index)).collect();
        source.data(&places)?
    } else {
        BTreeMap::new()
    };
    let row = |head: RecordHead| RecordRow { data: data.remove(&head.index).unwrap_or_default(), head };
    Ok(heads.into_iter().map(row).collect())
}

/// Bytes of a record that count for the size of a page.
pub(super) fn page_bytes(found: &SizedHead, with_data: bool) -> usize {
    let plain: usize = found.head.plain.entries().map(|(name, value)| name.len() + value.len()).sum();
    plain + if with_data { found.data_bytes } else { 0 }
}

struct Page<'a, S> {
    source: &'a S,
    query: &'a RecordQuery,
    examined: usize,
    bytes: usize,
    rows: Vec<RecordRow>,
}

impl<S: RecordSource> Page<'_, S> {
    /// The records that the query names, in the order of their indexes.
    fn look_up(&mut self) -> Result<(), StoreError> {
        if self.query.records.len() > self.query.max_examined {
            return Err(StoreError::TooMuchWork);
        }
        let ids: Vec<_> = self.query.records.iter().copied().collect();
        let mut places = self.source.places(&ids)?;
        places.retain(|(_, index)| *index > self.query.after);
        places.sort_unstable_by_key(|(_, index)| *index);
        for places in places.chunks(HEADS_AT_A_TIME) {
            let wanted: Vec<_> = places.iter().map(|place| (*place, None)).collect();
            if !self.take(&wanted)? {
                break;
            }
        }
        Ok(())
    }

    fn merge_streams(&mut self) -> Result<(), StoreError> {
        let streams = Stream::all_of(self.query);
        if streams.len() > self.query.max_examined {
            return Err(StoreError::TooMuchWork);
        }
        let mut merge = Merge::open(self.source, streams)?;
        let mut wanted = 0;
        loop {
            // No more than what the page has room for, but if others were left out, more the next time.
            let room = self.query.limit - self.rows.len();
            wanted = room.max(2 * wanted).min(HEADS_AT_A_TIME);
            let allowed = self.query.max_examined - self.examined;
            let batch = merge.next(self.source, wanted.min(allowed.max(1)))?;
            if batch.is_empty() {
                break;
            }
            if allowed == 0 {
                return Err(StoreError::TooMuchWork);
            }
            let users = |number: usize| merge.streams.get(number).and_then(|stream| stream.users.as_ref());
            let batch: Vec<_> = batch.into_iter().map(|(place, number)| (place, users(number))).collect();
            if !self.take(&batch)? {
                break;
            }
        }
        Ok(())
    }

    /// Looks at records and adds those to the page that match. Returns whether there is room for more.
    fn take(&mut self, batch: &[(RecordPlace, Option<&BTreeSet<ClientId>>)]) -> Result<bool, StoreError> {
        self.examined += batch.len();
        let places: Vec<_> = batch.iter().map(|(place, _)| *place).collect();
        let (mut heads, mut chosen, mut room) = (self.source.heads(&places)?, Vec::new(), true);
        for ((_, index), users) in batch {
            let Some(found) = heads.remove(index) else { continue };
            let user = found.head.type_slot.user;
            if users.is_some_and(|users| !users.contains(&user)) || !matches(self.query, &found.head) {
                continue;
            }
            let bytes = self.bytes.saturating_add(page_bytes(&found, self.query.with_data));
            let is_first = self.rows.is_empty() && chosen.is_empty();
            if bytes > self.query.max_data_bytes && !is_first {
                room = false;
                break;
            }
            self.bytes = bytes;
            chosen.push(found.head);
            if self.rows.len() + chosen.len() >= self.query.limit {
                room = false;
                break;
            }
        }
        self.rows.extend(rows(self.source, chosen, self.query.with_data)?);
        Ok(room)
    }
}

/// Whether a record is in a scope of the query and fulfils its conditions.
fn matches(query: &RecordQuery, head: &RecordHead) -> bool {
    let slot = &head.type_slot;
    let in_scope = |only| query.scopes.contains(&Scope { writer: slot.writer, only });
    (in_scope(None) || in_scope(Some((slot.user, slot.record_type.clone()))))
        && (query.users.is_empty() || query.users.contains(&slot.user))
        && (query.records.is_empty() || query.records.contains(&head.id))
        && (query.types.is_empty() || query.types.contains(&slot.record_type))
        && query.plain.as_ref().is_none_or(|plain| plain.matches(&head.plain))
}

/// Streams that are merged into one order.
struct Merge {
    streams: Vec<Stream>,
    /// The next index of each stream of which one is known.
    heads: BinaryHeap<Reverse<(RecordIndex, usize)>>,
    /// The stream whose next index is still to be fetched.
    dry: Option<usize>,
}

impl Merge {
    /// Fetches the first chunk of each stream.
    fn open(source: &impl RecordSource, mut streams: Vec<Stream>) -> Result<Self, StoreError> {
        let stretches: Vec<_> = streams.iter().map(Stream::stretch).collect();
        let chunks = source.indexes(&stretches)?;
        let mut heads = BinaryHeap::with_capacity(streams.len());
        for (number, (stream, chunk)) in streams.iter_mut().zip(chunks).enumerate() {
            stream.fill(chunk);
            heads.extend(stream.fetched.pop_front().map(|index| Reverse((index, number))));
        }
        Ok(Self { streams, heads, dry: None })
    }

    /// The next records, at most so many, and which stream each comes from. None at the end.
    fn next(
        &mut self,
        source: &impl RecordSource,
        limit: usize,
    ) -> Result<Vec<(RecordPlace, usize)>, StoreError> {
        let mut batch = Vec::with_capacity(limit);
        while batch.len() < limit {
            if let Some(number) = self.dry.take() {
                self.refill(source)?;
                let next = self.streams.get_mut(number).and_then(|stream| stream.fetched.pop_front());
                self.heads.extend(next.map(|index| Reverse((index, number))));
            }
            let Some(Reverse((index, number))) = self.heads.pop() else { break };
            let Some(stream) = self.streams.get_mut(number) else { break };
            batch.push(((stream.writer, index), number));
            match stream.fetched.pop_front() {
                Some(index) => self.heads.push(Reverse((index, number))),
                None if stream.chunk > 0 => self.dry = Some(number),
                None => {}
            }
        }
        Ok(batch)
    }

    /// Fetches the next chunk of each stream that has little left: those that are read in turns run dry together.
    fn refill(&mut self, source: &impl RecordSource) -> Result<(), StoreError> {
        let is_low = |stream: &&mut Stream| stream.chunk > 0 && stream.fetched.len() <= Stream::FEW_LEFT;
        let mut low: Vec<_> = self.streams.iter_mut().filter(is_low).collect();
        let stretches: Vec<_> = low.iter().map(|stream| stream.stretch()).collect();
        let chunks = source.indexes(&stretches)?;
        low.iter_mut().zip(chunks).for_each(|(stream, chunk)| stream.fill(chunk));
        Ok(())
    }
}

/// Ascending indexes of one writer's records.
struct Stream {
    writer: ClientId,
    record_type: Option<RecordType>,
    /// The only users whose records are in scope; all if none.
    users: Option<BTreeSet<ClientId>>,
    after: RecordIndex,
    fetched: VecDeque<RecordIndex>,
    /// Size of the next chunk; zero at the end.
    chunk: usize,
}

impl Stream {
    /// Enough for one page of one stream, and of many streams no more than is likely to be used.
    const FIRST_CHUNK: usize = 8;
    const LAST_CHUNK: usize = 512;
    const FEW_LEFT: usize = 2;
    /// Types of a query up to which each has a stream of its own. Above, all of a writer's records are looked at.
    const MAX_TYPES: usize = 8;

    /// Streams that give each record in the query's scopes once, and few others.
    fn all_of(query: &RecordQuery) -> Vec<Self> {
        type Users = Option<BTreeSet<ClientId>>;
        let mut users_by_place: BTreeMap<(ClientId, Option<RecordType>), Users> = BTreeMap::new();
        for scope in &query.scopes {
            match &scope.only {
                None if query.types.is_empty() || query.types.len() > Self::MAX_TYPES => {
                    users_by_place.insert((scope.writer, None), None);
                }
                None => {
                    let places = query.types.iter().map(|one| ((scope.writer, Some(one.clone())), None));
                    users_by_place.extend(places);
                }
                Some((user, record_type)) => {
                    let covered = query.scopes.contains(&Scope { writer: scope.writer, only: None });
                    let of_type = query.types.is_empty() || query.types.contains(record_type);
                    let about_user = query.users.is_empty() || query.users.contains(user);
                    if !covered && of_type && about_user {
                        let place = (scope.writer, Some(record_type.clone()));
                        let users = users_by_place.entry(place).or_insert_with(|| Some(BTreeSet::new()));
                        users.get_or_insert_default().insert(*user);
                    }
                }
            }
        }
        let chunk = query.limit / users_by_place.len().max(1);
        let chunk = chunk.clamp(Self::FIRST_CHUNK, Self::LAST_CHUNK);
        let streams = users_by_place.into_iter().map(|((writer, record_type), users)| Self {
            writer,
            record_type,
            users,
            after: query.after,
            fetched: VecDeque::new(),
            chunk,
        });
        streams.collect()
    }

    /// What is to be fetched next.
    fn stretch(&self) -> Stretch<'_> {
        let Self { writer, after, .. } = *self;
        Stretch { writer, record_type: self.record_type.as_ref(), after, limit: self.chunk }
    }

    fn fill(&mut self, chunk: Vec<RecordIndex>) {
        self.chunk = if chunk.len() < self.chunk { 0 } else { Self::LAST_CHUNK.min(self.chunk * 2) };
        self.after = chunk.last().copied().unwrap_or(self.after);
        self.fetched.extend(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> ClientId {
        ClientId::from_bytes([n; 16])
    }

    fn of_type(text: &str) -> RecordType {
        RecordType::new(text).unwrap()
    }

    fn places(query: &RecordQuery) -> Vec<(ClientId, Option<RecordType>, usize)> {
        let users = |stream: &Stream| stream.users.as_ref().map_or(0, BTreeSet::len);
        Stream::all_of(query).into_iter().map(|s| (s.writer, s.record_type.clone(), users(&s))).collect()
    }

    #[test]
    fn streams_do_not_overlap() {
        let only =
            |writer, user, text| Scope { writer: client(writer), only: Some((client(user), of_type(text))) };
        let whole = |writer| Scope { writer: client(writer), only: None };
        let mut query = RecordQuery {
            scopes: BTreeSet::from([
                only(1, 1, "a"),
                only(1, 2, "a"),
                only(1, 1, "b"),
                whole(2),
                only(2, 2, "a"),
            ]),
            ..RecordQuery::default()
        };
        let expected =
            [(client(1), Some(of_type("a")), 2), (client(1), Some(of_type("b")), 1), (client(2), None, 0)];
        assert_eq!(places(&query), expected);

        query.types = BTreeSet::from([of_type("a")]);
        query.users = BTreeSet::from([client(2)]);
        assert_eq!(places(&query), [(client(1), Some(of_type("a")), 1), (client(2), Some(of_type("a")), 0)]);
    }
}

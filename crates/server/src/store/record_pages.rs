//! Pages of records for a query, from streams of indexes: the part that is the same for every engine.
//!
//! Each scope is a stream of ascending indexes, fetched a chunk at a time. The streams are merged, and each record is
//! looked at only when its turn comes: head first, data only if it matches. What is held in memory are indexes and the
//! page itself, however many scopes there are.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use tozstore_api::RecordType;
use tozstore_crypto::{ClientId, RecordId};

use super::{RecordHead, RecordIndex, RecordQuery, RecordRow, Scope, StoreError};

/// Where an engine finds records.
pub(super) trait RecordSource {
    /// At most `limit` indexes of a writer's records, of one type or of all, ascending, behind `after`.
    fn indexes(
        &self,
        writer: ClientId,
        record_type: Option<&RecordType>,
        after: RecordIndex,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError>;

    /// The index of the record with this id.
    fn index_of(&self, id: RecordId) -> Result<Option<RecordIndex>, StoreError>;

    /// The record at this index, without its data.
    fn head_at(&self, index: RecordIndex) -> Result<Option<RecordHead>, StoreError>;

    /// The data of the record at this index.
    fn data_at(&self, index: RecordIndex) -> Result<Option<String>, StoreError>;
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
        let mut indexes = Vec::with_capacity(self.query.records.len());
        for id in &self.query.records {
            indexes.extend(self.source.index_of(*id)?.filter(|index| *index > self.query.after));
        }
        indexes.sort_unstable();
        for index in indexes {
            if !self.take(index, None)? {
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
        // One entry for each stream that is not at its end: the next index of the stream.
        let mut heads = BinaryHeap::with_capacity(streams.len());
        for mut stream in streams {
            if let Some(index) = stream.next(self.source)? {
                heads.push(Reverse((index, stream)));
            }
        }
        while let Some(Reverse((index, mut stream))) = heads.pop() {
            if !self.take(index, stream.users.as_ref())? {
                break;
            }
            if let Some(index) = stream.next(self.source)? {
                heads.push(Reverse((index, stream)));
            }
        }
        Ok(())
    }

    /// Looks at a record and adds it to the page if it matches. Returns whether there is room for more.
    fn take(&mut self, index: RecordIndex, users: Option<&BTreeSet<ClientId>>) -> Result<bool, StoreError> {
        if self.examined >= self.query.max_examined {
            return Err(StoreError::TooMuchWork);
        }
        self.examined += 1;
        let Some(head) = self.source.head_at(index)? else { return Ok(true) };
        if users.is_some_and(|users| !users.contains(&head.type_slot.user)) || !matches(self.query, &head) {
            return Ok(true);
        }
        let data = if self.query.with_data {
            self.source.data_at(index)?.unwrap_or_default()
        } else {
            String::new()
        };
        let plain_bytes: usize = head.plain.entries().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = self.bytes.saturating_add(data.len()).saturating_add(plain_bytes);
        if bytes > self.query.max_data_bytes && !self.rows.is_empty() {
            return Ok(false);
        }
        self.bytes = bytes;
        self.rows.push(RecordRow { head, data });
        Ok(self.rows.len() < self.query.limit)
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

/// Ascending indexes of one writer's records.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
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
    const FIRST_CHUNK: usize = 8;
    const LAST_CHUNK: usize = 512;
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
        let streams = users_by_place.into_iter().map(|((writer, record_type), users)| Self {
            writer,
            record_type,
            users,
            after: query.after,
            fetched: VecDeque::new(),
            chunk: Self::FIRST_CHUNK,
        });
        streams.collect()
    }

    fn next(&mut self, source: &impl RecordSource) -> Result<Option<RecordIndex>, StoreError> {
        if self.fetched.is_empty() && self.chunk > 0 {
            let chunk = source.indexes(self.writer, self.record_type.as_ref(), self.after, self.chunk)?;
            self.chunk = if chunk.len() < self.chunk { 0 } else { Self::LAST_CHUNK.min(self.chunk * 2) };
            self.after = chunk.last().copied().unwrap_or(self.after);
            self.fetched = chunk.into();
        }
        Ok(self.fetched.pop_front())
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

//! Records and queries over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tozstore_api::{Plain, PlainExpression};

use super::samples::{client_id, record, time};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;
use crate::store::{RecordIndex, RecordQuery, RecordRow, Scope, SizedHead, Store, StoreError};

/// A query without conditions over all that these clients wrote.
fn all_of(writers: impl IntoIterator<Item = u32>) -> RecordQuery {
    let scopes = writers.into_iter().map(|n| Scope { writer: client_id(n), only: None });
    RecordQuery {
        scopes: scopes.collect(),
        limit: 1000,
        with_data: true,
        max_data_bytes: 1 << 30,
        max_examined: 1 << 20,
        ..RecordQuery::default()
    }
}

/// Records are found by id, are unique in id and index, and keep their index when they change.
pub async fn records(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let first = record(1, 1, 2, "a");
    write(&store, |tx| tx.insert_record(&record(1, 1, 2, "a"))).await.unwrap();
    let id = first.head.id;
    let found = read(&store, move |tx| Ok((tx.record(id)?, tx.record_head(id)?))).await;
    assert_eq!(found, (Some(first.clone()), Some(first.head.clone())));
    let (missing, head) = (record(9, 1, 2, "a").head.id, first.head.clone());
    let together = read(&store, move |tx| {
        Ok((tx.record_heads(&[missing, id])?, tx.record_heads(&[])?, tx.record_data(&[&head])?))
    });
    let (heads, none, data) = together.await;
    assert_eq!(heads, [SizedHead { head: first.head.clone(), data_bytes: first.data.len() }]);
    assert_eq!((none.len(), data), (0, BTreeMap::from([(first.head.index, first.data.clone())])));

    let (mut same_id, mut same_index) = (record(2, 1, 2, "a"), record(2, 1, 2, "a"));
    (same_id.head.id, same_index.head.index) = (id, first.head.index);
    assert_refused!(write(&store, move |tx| tx.insert_record(&same_id)).await, AlreadyExists);
    assert_refused!(write(&store, move |tx| tx.insert_record(&same_index)).await, AlreadyExists);
    assert_refused!(write(&store, |tx| tx.update_record(&record(2, 1, 2, "a"))).await, Missing);

    let mut changed = record(7, 1, 2, "a");
    changed.head.id = id;
    changed.head.last_modified = time(700);
    changed.head.plain = Plain::default();
    let row = changed.clone();
    write(&store, move |tx| tx.update_record(&row)).await.unwrap();
    changed.head.index = first.head.index;
    assert_eq!(read(&store, move |tx| tx.record(id)).await, Some(changed.clone()));
    assert_eq!(read(&store, |tx| tx.query_records(&all_of([1]))).await, [changed]);

    let deleted = write(&store, move |tx| Ok((tx.delete_record(id)?, tx.delete_record(id)?)));
    assert_eq!(deleted.await.unwrap(), (true, false));
    assert!(read(&store, |tx| tx.query_records(&all_of([1]))).await.is_empty());
}

/// A thousand writers are merged into one order, page by page.
pub async fn many_scopes_are_merged(open: Open<'_>) {
    const WRITERS: u32 = 1000;
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        (1..=3 * WRITERS).try_for_each(|n| tx.insert_record(&record(n, n * 7 % WRITERS, 1, "a")))
    })
    .await
    .unwrap();
    let (mut after, mut seen) = (RecordIndex(0), Vec::new());
    loop {
        let query = RecordQuery { after, with_data: false, ..all_of(0..WRITERS) };
        let page = read(&store, move |tx| tx.query_records(&query)).await;
        let Some(last) = page.last() else { break };
        after = last.head.index;
        assert!(page.iter().all(|row| row.data.is_empty()), "the data was not asked for");
        seen.extend(page.iter().map(|row| row.head.index.0));
    }
    assert_eq!(seen, (1..=u64::from(3 * WRITERS)).collect::<Vec<_>>());
}

/// A page ends before its bytes are too many, and holds at least one record.
pub async fn pages_are_bounded(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        (1..=5).try_for_each(|n| {
            let mut row = record(n, 1, 1, "a");
            row.head.plain = Plain::default();
            row.data = "x".repeat(100);
            tx.insert_record(&row)
        })
    })
    .await
    .unwrap();
    for (max_data_bytes, with_data, expected) in [(250, true, 2), (200, true, 2), (1, true, 1), (1, false, 5)]
    {
        let query = RecordQuery { max_data_bytes, with_data, ..all_of([1]) };
        let page = read(&store, move |tx| tx.query_records(&query)).await;
        assert_eq!(page.len(), expected, "{max_data_bytes} bytes");
    }
}

/// A query that would look at too many records is refused; one that finds its page in time is not.
pub async fn work_is_bounded(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| (1..=50).try_for_each(|n| tx.insert_record(&record(n, 1, 1, "a")))).await.unwrap();
    let plain = |n: u32| Some(PlainExpression::Eq { name: "z".into(), value: n.to_string() });
    let query = |query: RecordQuery| {
        let store = Arc::clone(&store);
        async move { store.read::<_, StoreError, _>("suite", move |tx| tx.query_records(&query)).await }
    };
    let needle = RecordQuery { plain: plain(50), max_examined: 49, ..all_of([1]) };
    assert!(matches!(query(needle).await, Err(StoreError::TooMuchWork)));
    let needle = RecordQuery { plain: plain(50), max_examined: 50, limit: 1, ..all_of([1]) };
    assert_eq!(query(needle).await.unwrap().len(), 1);
    let page = RecordQuery { max_examined: 5, limit: 5, ..all_of([1]) };
    assert_eq!(query(page).await.unwrap().len(), 5);
    let by_id = (1..=6).map(|n| record(n, 1, 1, "a").head.id).collect::<BTreeSet<_>>();
    let too_many_ids = RecordQuery { records: by_id.clone(), max_examined: 5, ..all_of([1]) };
    assert!(matches!(query(too_many_ids).await, Err(StoreError::TooMuchWork)));
    let ids = RecordQuery { records: by_id, max_examined: 6, ..all_of([1]) };
    assert_eq!(query(ids).await.unwrap().len(), 6);
}

/// Records in a list, which a query walks from end to end.
#[derive(Clone, Debug, Default)]
pub struct Model(pub Vec<RecordRow>);

impl Model {
    fn query(&self, query: &RecordQuery) -> Vec<RecordRow> {
        let seen = |row: &&RecordRow| {
            let slot = &row.head.type_slot;
            let in_scope = |scope: &Scope| {
                let only = scope.only.as_ref();
                scope.writer == slot.writer
                    && only.is_none_or(|(user, of_type)| *user == slot.user && *of_type == slot.record_type)
            };
            query.scopes.iter().any(in_scope)
                && (query.users.is_empty() || query.users.contains(&slot.user))
                && (query.records.is_empty() || query.records.contains(&row.head.id))
                && (query.types.is_empty() || query.types.contains(&slot.record_type))
                && query.plain.as_ref().is_none_or(|plain| plain.matches(&row.head.plain))
                && row.head.index > query.after
        };
        let mut rows: Vec<_> = self.0.iter().filter(seen).cloned().collect();
        rows.sort_by_key(|row| row.head.index);
        rows.truncate(query.limit);
        if !query.with_data {
            rows.iter_mut().for_each(|row| row.data.clear());
        }
        rows
    }
}

/// Writes the model's records to the store, and asks both the same questions, the last page included.
///
/// # Panics
/// The answers differ.
pub async fn query_agrees_with_model(store: &Arc<dyn Store>, model: &Model, queries: &[RecordQuery]) {
    let rows = model.0.clone();
    write(store, move |tx| rows.iter().try_for_each(|row| tx.insert_record(row))).await.unwrap();
    for query in queries {
        let mut query = RecordQuery { max_data_bytes: 1 << 30, max_examined: 1 << 20, ..query.clone() };
        for _ in 0..=model.0.len() {
            let asked = query.clone();
            let page = read(store, move |tx| tx.query_records(&asked)).await;
            assert_eq!(page, model.query(&query), "{query:?}");
            let Some(last) = page.last() else { break };
            query.after = last.head.index;
        }
    }
}

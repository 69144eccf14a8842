//! Queries of every engine against a list that is walked from end to end.
#![allow(clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::sync::Arc;

use database::Database;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use tozstore_api::{Plain, PlainExpression};
use tozstore_server::clock::SystemClock;
use tozstore_server::store::conformance::{Model, client_id, query_agrees_with_model, record, record_type};
use tozstore_server::store::{
    MemoryStore, RecordIndex, RecordQuery, RecordRow, Scope, SqliteOptions, SqliteStore, Store,
};

const TYPES: [&str; 3] = ["a", "b", "B"];
const CLIENTS: u32 = 4;
const RECORDS: u32 = 40;

fn rows() -> impl Strategy<Value = Vec<RecordRow>> {
    let row = (0..CLIENTS, 0..CLIENTS, 0..TYPES.len(), 0..3_u8);
    vec(row, 0..RECORDS as usize).prop_map(|rows| {
        let numbered = rows.into_iter().zip(1..);
        let rows = numbered.map(|((writer, user, of_type, color), n)| {
            // Most records are about their writer.
            let mut row = record(n, writer, if n % 3 == 0 { user } else { writer }, TYPES[of_type]);
            row.head.plain = Plain::from_iter([("color".to_owned(), color.to_string())]);
            row
        });
        rows.collect()
    })
}

fn expression() -> impl Strategy<Value = PlainExpression> {
    let equality = (0..3_u8).prop_map(|n| PlainExpression::Eq { name: "color".into(), value: n.to_string() });
    prop_oneof![
        equality.clone(),
        equality.clone().prop_map(|one| PlainExpression::Not(Box::new(one))),
        vec(equality.clone(), 0..3).prop_map(PlainExpression::Or),
        vec(equality, 0..3).prop_map(PlainExpression::And),
    ]
}

prop_compose! {
    fn query()(
        scopes in btree_set((0..CLIENTS, option::of((0..CLIENTS, 0..TYPES.len()))), 0..6),
        users in btree_set(0..CLIENTS, 0..3),
        records in prop_oneof![3 => Just(Default::default()), 1 => btree_set(1..RECORDS + 3, 0..10)],
        types in prop_oneof![2 => btree_set(0..TYPES.len(), 0..3).boxed(), 1 => Just(Default::default()).boxed()],
        // More types than there are streams for, so that the writer's own order is walked.
        with_other_types in any::<bool>(),
        plain in option::of(expression()),
        after in 0..u64::from(RECORDS),
        limit in 0..12_usize,
        with_data in any::<bool>(),
    ) -> RecordQuery {
        let scope = |(writer, only): (u32, Option<(u32, usize)>)| Scope {
            writer: client_id(writer),
            only: only.map(|(user, of_type)| (client_id(user), record_type(TYPES[of_type]))),
        };
        let mut types: std::collections::BTreeSet<_> = types.into_iter().map(|n| record_type(TYPES[n])).collect();
        if with_other_types && !types.is_empty() {
            types.extend((0..10).map(|n| record_type(&format!("other {n}"))));
        }
        RecordQuery {
            scopes: scopes.into_iter().map(scope).collect(),
            users: users.into_iter().map(client_id).collect(),
            records: records.into_iter().map(|n: u32| record(n, 0, 0, "a").head.id).collect(),
            types,
            plain,
            after: RecordIndex(after),
            limit,
            with_data,
            ..RecordQuery::default()
        }
    }
}

fn check(store: Arc<dyn Store>, rows: Vec<RecordRow>, queries: &[RecordQuery]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        query_agrees_with_model(&store, &Model(rows), queries).await;
        store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn memory_agrees_with_the_model(rows in rows(), queries in vec(query(), 1..12)) {
        check(Arc::new(MemoryStore::new(Arc::new(SystemClock))), rows, &queries);
    }

    #[test]
    #[ignore = "needs a PostgreSQL server, see docs/testing.md"]
    fn postgres_agrees_with_the_model(rows in rows(), queries in vec(query(), 1..12)) {
        let database = Database::new();
        check(Arc::new(database.open(Arc::new(SystemClock))), rows, &queries);
    }

    #[test]
    fn sqlite_agrees_with_the_model(rows in rows(), queries in vec(query(), 1..12)) {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { readers: 1, ..SqliteOptions::default() };
        let store = SqliteStore::open(directory.path(), Arc::new(SystemClock), options).unwrap();
        check(Arc::new(store), rows, &queries);
    }
}

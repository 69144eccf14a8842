//! Searches by terms of every engine against a list that is walked from end to end.
#![allow(clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::sync::Arc;

use database::Database;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use tozstore_api::{Plain, Timestamp};
use tozstore_server::clock::SystemClock;
use tozstore_server::store::conformance::{Model, client_id, record, record_type, searches_agree_with_model};
use tozstore_server::store::{
    MemoryStore, RecordRow, Scope, SqliteOptions, SqliteStore, Store, TermCondition, TermGroup, TermSearch,
    TextPattern, TimeRange,
};

const TYPES: [&str; 3] = ["a", "ab", "B"];
const WORDS: [&str; 6] = ["", "red", "reed", "rot", "Red", "r*d"];
const CLIENTS: u32 = 3;
const RECORDS: u32 = 40;

fn time(n: u32) -> Timestamp {
    record(n, 0, 0, "a").head.created
}

/// A word, now and then one that is too long for an index.
fn word() -> impl Strategy<Value = String> {
    let long = (0..WORDS.len()).prop_map(|n| format!("{}{}", "r".repeat(150), WORDS[n]));
    prop_oneof![6 => (0..WORDS.len()).prop_map(|n| WORDS[n].to_owned()), 1 => long]
}

fn rows() -> impl Strategy<Value = Vec<RecordRow>> {
    let plain = vec((prop_oneof![Just("color"), Just("r"), Just("red")], word()), 0..4);
    let row = (0..CLIENTS, 0..CLIENTS, 0..TYPES.len(), plain, 0..RECORDS);
    vec(row, 0..RECORDS as usize).prop_map(|rows| {
        let numbered = rows.into_iter().zip(1..);
        let rows = numbered.map(|((writer, user, of_type, plain, modified), n)| {
            let mut row = record(n, writer, if n % 3 == 0 { user } else { writer }, TYPES[of_type]);
            row.head.plain =
                plain.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Plain>();
            row.head.last_modified = time(modified.max(n));
            row
        });
        rows.collect()
    })
}

fn pattern() -> impl Strategy<Value = TextPattern> {
    let expression =
        prop_oneof![Just("r.*"), Just("(r|R)ed"), Just(".*d"), Just("re?ed?"), Just("red|rot"), Just("a?B?")];
    prop_oneof![
        word().prop_map(TextPattern::exact),
        word().prop_map(|text| TextPattern::fuzzy(&text)),
        (0..=2_usize, word())
            .prop_map(|(cut, text)| TextPattern::prefix(text.chars().take(cut).collect::<String>())),
        word().prop_map(TextPattern::prefix),
        prop_oneof![Just("r*d"), Just("*"), Just("?ed"), Just(r"r\*d"), Just("*e*"), Just("re*d")]
            .prop_map(|text| TextPattern::wildcard(text).unwrap()),
        expression.prop_map(|text| TextPattern::regexp(text).unwrap()),
    ]
}

fn id_pattern(text: String) -> impl Strategy<Value = TextPattern> {
    let end = text[text.len() - 2..].to_owned();
    prop_oneof![
        Just(TextPattern::exact(text.clone())),
        Just(TextPattern::fuzzy(&text)),
        Just(TextPattern::prefix(text[..4].to_owned())),
        Just(TextPattern::wildcard(&format!("*{end}")).unwrap()),
    ]
}

fn condition() -> impl Strategy<Value = TermCondition> {
    let client = || (0..CLIENTS + 1).prop_flat_map(|n| id_pattern(client_id(n).to_string()));
    let record = (1..RECORDS + 2).prop_flat_map(|n| id_pattern(record(n, 0, 0, "a").head.id.to_string()));
    let of_type = prop_oneof![
        (0..TYPES.len()).prop_map(|n| TextPattern::exact(TYPES[n])),
        pattern(),
        Just(TextPattern::prefix("a"))
    ];
    prop_oneof![
        1 => client().prop_map(TermCondition::Writer),
        1 => client().prop_map(TermCondition::User),
        1 => record.prop_map(TermCondition::Record),
        2 => of_type.prop_map(TermCondition::Type),
        2 => pattern().prop_map(TermCondition::Name),
        3 => pattern().prop_map(TermCondition::Value),
        3 => (pattern(), pattern()).prop_map(|(name, value)| TermCondition::Entry { name, value }),
    ]
}

fn group() -> impl Strategy<Value = TermGroup> {
    (any::<bool>(), vec(condition(), 0..3)).prop_map(|(all, conditions)| TermGroup { all, conditions })
}

fn range() -> impl Strategy<Value = TimeRange> {
    let bound = || option::weighted(0.2, (0..RECORDS + 2).prop_map(time));
    (bound(), bound()).prop_map(|(first, last)| TimeRange { first, last })
}

prop_compose! {
    fn search()(
        scopes in btree_set((0..CLIENTS, option::of((0..CLIENTS, 0..TYPES.len()))), 0..5),
        include in vec(group(), 0..3),
        exclude in prop_oneof![2 => Just(Vec::new()).boxed(), 1 => vec(group(), 0..2).boxed()],
        created in range(),
        modified in range(),
        descending in any::<bool>(),
        offset in 0..6_usize,
        limit in 0..12_usize,
        max_total in prop_oneof![Just(5_usize), Just(10_000)],
        with_data in any::<bool>(),
    ) -> TermSearch {
        let scope = |(writer, only): (u32, Option<(u32, usize)>)| Scope {
            writer: client_id(writer),
            only: only.map(|(user, of_type)| (client_id(user), record_type(TYPES[of_type]))),
        };
        TermSearch {
            scopes: scopes.into_iter().map(scope).collect(),
            include, exclude, created, modified, descending, offset, limit, max_total, with_data,
            ..TermSearch::default()
        }
    }
}

fn check(store: Arc<dyn Store>, rows: Vec<RecordRow>, searches: &[TermSearch]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        searches_agree_with_model(&store, &Model(rows), searches).await;
        store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn memory_agrees_with_the_model(rows in rows(), searches in vec(search(), 1..24)) {
        check(Arc::new(MemoryStore::new(Arc::new(SystemClock))), rows, &searches);
    }

    #[test]
    #[ignore = "needs a PostgreSQL server, see docs/testing.md"]
    fn postgres_agrees_with_the_model(rows in rows(), searches in vec(search(), 1..24)) {
        let database = Database::new();
        check(Arc::new(database.open(Arc::new(SystemClock))), rows, &searches);
    }

    #[test]
    fn sqlite_agrees_with_the_model(
        rows in rows(),
        searches in vec(search(), 1..24),
        packed_entries in prop_oneof![Just(1_usize), Just(2), Just(256)],
    ) {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { readers: 1, packed_entries, ..SqliteOptions::default() };
        let store = SqliteStore::open(directory.path(), Arc::new(SystemClock), options).unwrap();
        check(Arc::new(store), rows, &searches);
    }
}

/// So many values that they are looked at in the order of the records first, and then in their own.
fn many_values() -> (Vec<RecordRow>, Vec<TermSearch>) {
    let rows = (1..=3_000).map(|n| {
        let mut row = record(n, 1, 1, TYPES[n as usize % 2]);
        // The first digit goes with the type, but for the last records.
        let digit = if n > 2_950 { 1 } else { n % 2 };
        let value = format!("v{digit}{:04}", n.wrapping_mul(2_654_435_761) % 10_000);
        row.head.plain = Plain::from_iter([("color".to_owned(), value)]);
        row
    });
    let searches = [false, true].into_iter().flat_map(|descending| {
        [0, 40, 1 << 20].into_iter().flat_map(move |patience| {
            ["v1", "v0", "v"].into_iter().map(move |prefix| {
                let value = TextPattern::prefix(prefix);
                let entry = TermCondition::Entry { name: TextPattern::exact("color"), value };
                let of_type = TermCondition::Type(TextPattern::exact(TYPES[0]));
                TermSearch {
                    scopes: [Scope { writer: client_id(1), only: None }].into(),
                    include: vec![TermGroup { all: true, conditions: vec![of_type, entry] }],
                    limit: 30,
                    max_total: 10_000,
                    descending,
                    patience,
                    ..TermSearch::default()
                }
            })
        })
    });
    (rows.collect(), searches.collect())
}

#[test]
fn many_values_beside_a_type_are_found() {
    let (rows, searches) = many_values();
    check(Arc::new(MemoryStore::new(Arc::new(SystemClock))), rows.clone(), &searches);
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), Arc::new(SystemClock), SqliteOptions::default()).unwrap();
    check(Arc::new(store), rows, &searches);
}

#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn many_values_beside_a_type_are_found_in_postgres() {
    let (rows, searches) = many_values();
    check(Arc::new(Database::new().open(Arc::new(SystemClock))), rows, &searches);
}

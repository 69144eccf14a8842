//! Search by terms among a million records of one writer: pages at several offsets.
//!
//! `cargo run --release -p tozstore-server --example search_bench [DIRECTORY] [RECORDS] [ROUNDS]`
//!
//! Records are written through the store; a directory that holds them already is used again.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it fails"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tozstore_api::Plain;
use tozstore_server::clock::SystemClock;
use tozstore_server::store::conformance::{client_id, record};
use tozstore_server::store::{
    RecordRow, Scope, SqliteOptions, SqliteStore, Store, StoreError, TermCondition, TermGroup, TermSearch,
    TextPattern, TimeRange, WriteTx,
};

const BATCH: u32 = 5_000;
const DATA_BYTES: usize = 256;

fn main() {
    let root = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let records =
        std::env::args().nth(2).map_or(1_000_000, |text| text.parse().expect("a number of records"));
    let rounds = std::env::args().nth(3).map_or(100, |text| text.parse().expect("a number of rounds"));
    let directory = root.join(format!("tozstore-search-bench-{records}"));
    std::fs::create_dir_all(&directory).expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let begun = Instant::now();
        let store = SqliteStore::open(&directory, Arc::new(SystemClock), SqliteOptions::default());
        let store: Arc<dyn Store> = Arc::new(store.expect("a store"));
        println!("opened in {:.1} s", begun.elapsed().as_secs_f64());
        load(&store, records).await;
        for (name, search) in searches(records) {
            for offset in [0, 1_000, 10_000] {
                measure(&store, name, TermSearch { offset, ..search.clone() }, rounds).await;
            }
        }
        for (name, change) in CHANGES {
            measure_changes(&store, name, change, records, rounds).await;
        }
        store.close().await;
    });
}

/// Values of different kinds: few, many, unique, one on one record in a thousand, one that goes with the type.
fn row(n: u32) -> RecordRow {
    let mut row = record(n, 1, 1, if n.is_multiple_of(2) { "note" } else { "task" });
    let scattered = n.wrapping_mul(2_654_435_761);
    let entries = [
        ("status", ["open", "closed", "waiting"][(scattered % 3) as usize].to_owned()),
        // The first digit goes with the type.
        ("customer", format!("c{:05}", n % 2 * 10_000 + scattered / 2 % 10_000)),
        ("number", format!("{scattered:010}")),
        ("rare", format!("{}{n}", if n.is_multiple_of(1_000) { "hit" } else { "x" })),
        ("half", if n.is_multiple_of(2) { "even" } else { "odd" }.to_owned()),
    ];
    row.head.plain = Plain::from_iter(entries.map(|(name, value)| (name.to_owned(), value)));
    row.data = format!(r#"{{"field":"{}"}}"#, "x".repeat(DATA_BYTES));
    row
}

async fn load(store: &Arc<dyn Store>, records: u32) {
    let last = record(records, 1, 1, "a").head.id;
    let there = store.read::<_, StoreError, _>("there", move |tx| tx.record_head(last)).await;
    if there.expect("a read").is_some() {
        return;
    }
    let begun = Instant::now();
    for first in (1..=records).step_by(BATCH as usize) {
        let job = store.write::<_, StoreError, _>("load", move |tx| {
            (first..(first + BATCH).min(records + 1)).try_for_each(|n| {
                let mut row = row(n);
                (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
                row.head.last_modified = row.head.created;
                tx.insert_record(&row)
            })
        });
        job.await.expect("a write");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{records} records written in {seconds:.0} s, {:.0} a second", f64::from(records) / seconds);
}

fn searches(records: u32) -> Vec<(&'static str, TermSearch)> {
    let entry = |name: &str, value: TextPattern| {
        let condition = TermCondition::Entry { name: TextPattern::exact(name), value };
        vec![TermGroup { all: true, conditions: vec![condition] }]
    };
    let one = |condition| vec![TermGroup { all: true, conditions: vec![condition] }];
    let note_with = |name: &str, value: &str| {
        let mut groups = entry(name, TextPattern::exact(value));
        groups[0].conditions.push(TermCondition::Type(TextPattern::exact("note")));
        groups
    };
    let both = |mut groups: Vec<TermGroup>, more: Vec<TermGroup>| {
        groups[0].conditions.extend(more.into_iter().flat_map(|group| group.conditions));
        groups
    };
    let never_of_three = both(note_with("half", "odd"), entry("status", TextPattern::exact("open")));
    let never_of_either =
        both(note_with("half", "odd"), entry("status", TextPattern::wildcard("?*").expect("a pattern")));
    let never_of_prefix = both(
        one(TermCondition::Type(TextPattern::exact("note"))),
        entry("customer", TextPattern::prefix("c1")),
    );
    let two_prefixes =
        both(entry("customer", TextPattern::prefix("c0")), entry("customer", TextPattern::prefix("c1")));
    let note = one(TermCondition::Type(TextPattern::exact("note")));
    let customer = entry("customer", TextPattern::prefix("c0"));
    let all_but = |include, exclude| TermSearch { include, exclude, ..TermSearch::default() };
    let search = |include| all_but(include, vec![]);
    let first = Some(record(records, 1, 1, "a").head.created);
    let modified = TimeRange { first, last: None };
    vec![
        ("no condition", search(vec![])),
        ("exact, 1 in 3", search(entry("status", TextPattern::exact("open")))),
        ("exact, 1 in 20000", search(entry("customer", TextPattern::exact("c00007")))),
        ("exact value, any name", search(one(TermCondition::Value(TextPattern::exact("open"))))),
        ("exact type and entry", search(note_with("status", "open"))),
        // The worst that indexes can meet: each of the two holds half of the records, one after the other.
        ("exact, never together", search(note_with("half", "odd"))),
        ("exact, three terms", search(never_of_three)),
        ("exact, one of three", search(never_of_either)),
        ("prefix, never together", search(never_of_prefix)),
        ("two prefixes, never together", search(two_prefixes)),
        ("prefix, none left", all_but(note, customer)),
        ("prefix, all", search(entry("number", TextPattern::prefix("")))),
        ("prefix, 1 in 4", search(entry("number", TextPattern::prefix("0")))),
        ("prefix, 1 in 20", search(entry("customer", TextPattern::prefix("c00")))),
        ("prefix, 1 in 200", search(entry("customer", TextPattern::prefix("c010")))),
        ("prefix, 1 in 1000", search(entry("rare", TextPattern::prefix("hit")))),
        ("prefix of few values", search(entry("status", TextPattern::prefix("c")))),
        ("prefix of type", search(one(TermCondition::Type(TextPattern::prefix("no"))))),
        ("changed since, all", TermSearch { modified, ..TermSearch::default() }),
    ]
}

async fn measure(store: &Arc<dyn Store>, name: &str, search: TermSearch, rounds: usize) {
    let offset = search.offset;
    let search = TermSearch {
        scopes: BTreeSet::from([Scope { writer: client_id(1), only: None }]),
        limit: 50,
        max_data_bytes: 1 << 26,
        max_total: 10_000,
        max_work: 2_000_000,
        patience: 16_384,
        ..search
    };
    let (mut times, mut found) = (Vec::with_capacity(rounds), (0, 0));
    for _ in 0..rounds {
        let search = search.clone();
        let begun = Instant::now();
        let page = store.read::<_, StoreError, _>("search", move |tx| tx.search_terms(&search)).await;
        times.push(begun.elapsed());
        found = page.map(|page| (page.rows.len(), page.total)).expect("a page");
    }
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (least, p50, p99) = (millis(times[0]), millis(times[rounds / 2]), millis(times[rounds * 99 / 100]));
    let (rows, total) = found;
    println!(
        "{name:<28} offset {offset:>6}: least {least:>6.1} ms, p50 {p50:>6.1} ms, p99 {p99:>6.1} ms ({rows} records of {total})"
    );
}

/// Changes one record, which is the n-th that was written or the n-th new one.
type Change = fn(&mut dyn WriteTx, u32) -> Result<(), StoreError>;

const CHANGES: [(&str, Change); 4] = [
    ("new records", |tx, n| {
        let mut row = row(n + 2_000_000_000);
        (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
        row.head.last_modified = row.head.created;
        tx.insert_record(&row)
    }),
    ("old records, new data", |tx, n| change(tx, n, |_| {})),
    ("old records, a new value", |tx, n| change(tx, n, |row| row.head.plain.insert("number", "1"))),
    ("old records, deleted", |tx, n| tx.delete_record(row(n).head.id).map(drop)),
];

fn change(tx: &mut dyn WriteTx, n: u32, with: fn(&mut RecordRow)) -> Result<(), StoreError> {
    let Some(mut row) = tx.record(row(n).head.id)? else { return Err(StoreError::Missing("the record")) };
    row.head.last_modified = tx.stamp()?;
    with(&mut row);
    tx.update_record(&row)
}

/// Changes records all over in a transaction that is undone, so that the next run finds the same.
async fn measure_changes(
    store: &Arc<dyn Store>,
    name: &'static str,
    change: Change,
    records: u32,
    rounds: usize,
) {
    const CHANGED: u32 = 500;
    let times = Arc::new(Mutex::new(Vec::with_capacity(rounds)));
    for _ in 0..rounds {
        let taken = Arc::clone(&times);
        let undone = store.write::<(), StoreError, _>("change", move |tx| {
            let begun = Instant::now();
            (0..CHANGED).try_for_each(|n| change(tx, n * (records / CHANGED).max(1) + 1))?;
            taken.lock().expect("times").push(begun.elapsed());
            Err(StoreError::Missing("a reason to keep this"))
        });
        assert!(matches!(undone.await, Err(StoreError::Missing(_))), "nothing is to be kept");
    }
    let mut times = times.lock().expect("times").clone();
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1_000_000.0 / f64::from(CHANGED);
    let (least, p50) = (micros(times[0]), micros(times[times.len() / 2]));
    println!("{name:<28} least {least:>6.0} µs, p50 {p50:>6.0} µs each");
}

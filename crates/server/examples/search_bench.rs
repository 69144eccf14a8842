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
use std::sync::Arc;
use std::time::{Duration, Instant};

use tozstore_api::Plain;
use tozstore_server::clock::SystemClock;
use tozstore_server::store::conformance::{client_id, record};
use tozstore_server::store::{
    RecordRow, Scope, SqliteOptions, SqliteStore, Store, StoreError, TermCondition, TermGroup, TermSearch,
    TextPattern, TimeRange,
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
        for (name, include, modified) in searches(records) {
            for offset in [0, 1_000, 10_000] {
                measure(&store, name, include.clone(), modified, offset, rounds).await;
            }
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

fn searches(records: u32) -> Vec<(&'static str, Vec<TermGroup>, TimeRange)> {
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
    let whole = TimeRange::default();
    let first = Some(record(records, 1, 1, "a").head.created);
    vec![
        ("no condition", vec![], whole),
        ("exact, 1 in 3", entry("status", TextPattern::exact("open")), whole),
        ("exact, 1 in 20000", entry("customer", TextPattern::exact("c00007")), whole),
        ("exact value, any name", one(TermCondition::Value(TextPattern::exact("open"))), whole),
        ("exact type and entry", note_with("status", "open"), whole),
        // The worst that indexes can meet: each of the two holds half of the records, one after the other.
        ("exact, never together", note_with("half", "odd"), whole),
        ("exact, three terms", never_of_three, whole),
        ("exact, one of three", never_of_either, whole),
        ("prefix, never together", never_of_prefix, whole),
        ("prefix, all", entry("number", TextPattern::prefix("")), whole),
        ("prefix, 1 in 4", entry("number", TextPattern::prefix("0")), whole),
        ("prefix, 1 in 20", entry("customer", TextPattern::prefix("c00")), whole),
        ("prefix, 1 in 200", entry("customer", TextPattern::prefix("c010")), whole),
        ("prefix, 1 in 1000", entry("rare", TextPattern::prefix("hit")), whole),
        ("prefix of few values", entry("status", TextPattern::prefix("c")), whole),
        ("prefix of type", one(TermCondition::Type(TextPattern::prefix("no"))), whole),
        ("changed since, all", vec![], TimeRange { first, last: None }),
    ]
}

async fn measure(
    store: &Arc<dyn Store>,
    name: &str,
    include: Vec<TermGroup>,
    modified: TimeRange,
    offset: usize,
    rounds: usize,
) {
    let search = TermSearch {
        scopes: BTreeSet::from([Scope { writer: client_id(1), only: None }]),
        include,
        modified,
        offset,
        limit: 50,
        max_data_bytes: 1 << 26,
        max_total: 10_000,
        max_work: 2_000_000,
        patience: 16_384,
        ..TermSearch::default()
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
        "{name:<24} offset {offset:>6}: least {least:>6.1} ms, p50 {p50:>6.1} ms, p99 {p99:>6.1} ms ({rows} records of {total})"
    );
}

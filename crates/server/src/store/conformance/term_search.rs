//! Searches by terms.

use std::collections::BTreeSet;
use std::sync::Arc;

use tozstore_api::{Capability, Plain};

use super::samples::{
    account, client, client_id, group, group_id, group_member, group_share, record, record_type,
};
use super::{Model, Open, read, write};
use crate::clock::SystemClock;
use crate::policy::{GroupReach, SearchReach, searchable};
use crate::store::{Scope, Store, StoreError, TermCondition, TermGroup, TermPage, TermSearch, TextPattern};

/// A search without conditions over all that this client wrote.
fn all_of(writer: u32) -> TermSearch {
    TermSearch {
        scopes: BTreeSet::from([Scope { writer: client_id(writer), only: None }]),
        limit: 1000,
        max_data_bytes: 1 << 30,
        max_total: 10_000,
        max_work: 1 << 30,
        ..TermSearch::default()
    }
}

fn one(condition: TermCondition) -> Vec<TermGroup> {
    vec![TermGroup { all: false, conditions: vec![condition] }]
}

fn entry(name: &str, value: TextPattern) -> Vec<TermGroup> {
    one(TermCondition::Entry { name: TextPattern::exact(name), value })
}

async fn indexes(store: &Arc<dyn Store>, search: TermSearch) -> Vec<u64> {
    let page = read(store, move |tx| tx.search_terms(&search)).await;
    page.rows.iter().map(|row| row.head.index.0).collect()
}

/// Terms follow their record: when it is written, changed, deleted, erased.
pub async fn terms_follow_their_record(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let with_color = |n: u32, user: u32, color: &str| {
        let mut row = record(n, 1, user, "a");
        row.head.plain = Plain::from_iter([("color".to_owned(), color.to_owned())]);
        row
    };
    let rows = [with_color(1, 1, "red"), with_color(2, 1, "red"), with_color(3, 9, "red")];
    write(&store, move |tx| rows.iter().try_for_each(|row| tx.insert_record(row))).await.unwrap();
    let colored =
        |color: &str| TermSearch { include: entry("color", TextPattern::exact(color)), ..all_of(1) };
    let about = |user: u32| {
        let user = TextPattern::exact(client_id(user).to_string());
        TermSearch { include: one(TermCondition::User(user)), ..all_of(1) }
    };
    assert_eq!(indexes(&store, colored("red")).await, [1, 2, 3]);
    assert_eq!((indexes(&store, about(1)).await, indexes(&store, about(9)).await), (vec![1, 2], vec![3]));

    let changed = with_color(2, 1, "blue");
    write(&store, move |tx| tx.update_record(&changed)).await.unwrap();
    assert_eq!(indexes(&store, colored("red")).await, [1, 3]);
    assert_eq!(indexes(&store, colored("blue")).await, [2]);
    let deleted = record(1, 1, 1, "a").head.id;
    write(&store, move |tx| tx.delete_record(deleted)).await.unwrap();
    assert_eq!(indexes(&store, colored("red")).await, [3]);

    // The user goes, and with it what was about it; then the writer.
    for (client, expected) in [(9, vec![2]), (1, vec![])] {
        write(&store, move |tx| {
            tx.insert_client(&super::samples::client(client))?;
            tx.delete_client(client_id(client))?;
            while tx.erase_step(2)? {}
            Ok(())
        })
        .await
        .unwrap();
        let any = TermSearch { include: one(TermCondition::Name(TextPattern::exact("color"))), ..all_of(1) };
        assert_eq!(indexes(&store, any).await, expected);
    }
    assert_eq!(indexes(&store, about(9)).await, Vec::<u64>::new());
}

/// Common and rare matches, many and few values: each way of finding them gives the same, page by page.
pub async fn many_records_are_searched(open: Open<'_>) {
    const RECORDS: u32 = 6_000;
    let store = open(Arc::new(SystemClock));
    let plain = |n: u32| {
        let entries = [
            ("unique", format!("{:05}", n.reverse_bits() >> 8)),
            ("common", if n.is_multiple_of(3) { format!("x{n}") } else { format!("y{n}") }),
            ("rare", if n.is_multiple_of(500) { format!("x{n}") } else { format!("y{n}") }),
            ("few", format!("x{}", n % 3)),
            ("long", format!("{}{}", "l".repeat(200), n % 50)),
        ];
        Plain::from_iter(entries.map(|(name, value)| (name.to_owned(), value)))
    };
    let rows: Vec<_> = (1..=RECORDS)
        .map(|n| {
            let mut row = record(n, 1, 1, "a");
            row.head.plain = plain(n);
            row
        })
        .collect();
    let model = Model(rows);
    let tail_of_long = TextPattern::wildcard("*l7").unwrap();
    let searches = [
        entry("unique", TextPattern::prefix("")),
        entry("unique", TextPattern::fuzzy("00500")),
        entry("common", TextPattern::prefix("x")),
        entry("rare", TextPattern::prefix("x")),
        entry("rare", TextPattern::regexp("x[0-9]*0").unwrap()),
        entry("few", TextPattern::prefix("x")),
        entry("long", TextPattern::exact(format!("{}7", "l".repeat(200)))),
        entry("long", TextPattern::prefix("l".repeat(200))),
        entry("long", tail_of_long),
        one(TermCondition::Value(TextPattern::exact("x1500"))),
        one(TermCondition::Type(TextPattern::prefix("a"))),
        one(TermCondition::Record(TextPattern::prefix("0303"))),
    ];
    let mut asked = Vec::new();
    for include in searches {
        for (descending, offset) in [(false, 0), (true, 1), (false, 1_900)] {
            let include = include.clone();
            asked.push(TermSearch { include, descending, offset, limit: 7, max_total: 1_000, ..all_of(1) });
        }
    }
    searches_agree_with_model(&store, &model, &asked).await;
}

/// What is shared with the groups of a client is searched beside what it wrote, each record once.
pub async fn shares_with_groups_are_searched(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        tx.insert_account(&account(1))?;
        (1..=3).try_for_each(|n| tx.insert_client(&client(n)))?;
        for n in [1, 2, 3] {
            tx.insert_group(&group(n))?;
        }
        let reads = [Capability::ReadContent];
        tx.put_group_member(&group_member(1, 1, &reads))?;
        tx.put_group_member(&group_member(2, 1, &reads))?;
        tx.put_group_member(&group_member(3, 1, &[Capability::ShareContent]))?;
        for (n, writer, text) in
            [(1, 2, "a"), (2, 2, "a"), (2, 3, "a"), (2, 1, "a"), (3, 2, "b"), (1, 9, "a")]
        {
            tx.put_group_share(&group_share(n, writer, text))?;
        }
        for (n, writer, user, text) in [
            (1, 1, 1, "a"),
            (2, 2, 2, "a"),
            (3, 2, 2, "b"),
            (4, 3, 3, "a"),
            (5, 2, 1, "a"),
            (6, 1, 1, "b"),
            (7, 9, 9, "a"),
        ] {
            tx.insert_record(&record(n, writer, user, text))?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let only = |groups: &[u32]| GroupReach::Only(groups.iter().map(|n| group_id(*n)).collect());
    for (all_writers, groups, found, through_groups) in [
        (false, GroupReach::Along, vec![1, 6], vec![]),
        (true, GroupReach::Along, vec![1, 2, 4, 6], vec![2, 4]),
        (true, GroupReach::Without, vec![1, 6], vec![]),
        (false, GroupReach::OnlyAll, vec![1, 2, 4], vec![1, 2, 4]),
        (true, only(&[1]), vec![2], vec![2]),
        (false, only(&[3, 8]), vec![], vec![]),
        (false, only(&[]), vec![], vec![]),
    ] {
        let reach = SearchReach { all_writers, only_shared: false, groups };
        let asked = reach.clone();
        let (rows, of_group) = read(&store, move |tx| {
            let searchable = searchable(tx, client_id(1), &asked)?;
            let page = tx.search_terms(&TermSearch { scopes: searchable.scopes(), ..all_of(1) })?;
            let of_group = page.rows.iter().filter(|row| searchable.group_of(&row.head.type_slot).is_some());
            let of_group: Vec<_> = of_group.map(|row| row.head.index.0).collect();
            Ok((page.rows, of_group))
        })
        .await;
        let rows: Vec<_> = rows.iter().map(|row| row.head.index.0).collect();
        assert_eq!((rows, of_group), (found, through_groups), "{reach:?}");
    }
}

/// A search that is too much work is refused; one that finds its page in time is not.
pub async fn search_work_is_bounded(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| (1..=5_000).try_for_each(|n| tx.insert_record(&record(n, 1, 1, "a")))).await.unwrap();
    let search = |include, max_work| {
        let search = TermSearch { include, max_work, max_total: 100, limit: 1, ..all_of(1) };
        let store = Arc::clone(&store);
        async move { store.read::<_, StoreError, _>("suite", move |tx| tx.search_terms(&search)).await }
    };
    let expression = || entry("z", TextPattern::regexp(".*[a-z]").unwrap());
    assert!(matches!(search(expression(), 10_000).await, Err(StoreError::TooMuchWork)));
    assert_eq!(search(expression(), 100_000).await.unwrap(), TermPage::default());
    assert_eq!(search(entry("z", TextPattern::exact("4999")), 100).await.unwrap().total, 1);
    let by_id = || one(TermCondition::Record(TextPattern::wildcard("*x").unwrap()));
    assert!(matches!(search(by_id(), 10_000).await, Err(StoreError::TooMuchWork)));
    // Conditions cost something even if they find nothing.
    let many = vec![one(TermCondition::Type(TextPattern::exact("none"))); 500].concat();
    assert!(matches!(search(many, 400).await, Err(StoreError::TooMuchWork)));
}

/// A page ends before its bytes are too many, holds at least one record, and says that there are more.
pub async fn search_pages_are_bounded(open: Open<'_>) {
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
    for (max_data_bytes, with_data, rows) in [(250, true, 2), (200, true, 2), (1, true, 1), (1, false, 5)] {
        let search = TermSearch { max_data_bytes, with_data, ..all_of(1) };
        let page = read(&store, move |tx| tx.search_terms(&search)).await;
        assert_eq!((page.rows.len(), page.total, page.more), (rows, 5, rows < 5), "{max_data_bytes} bytes");
    }
    let scopes =
        BTreeSet::from([Scope { writer: client_id(1), only: Some((client_id(1), record_type("b"))) }]);
    let other = TermSearch { scopes, ..all_of(1) };
    assert_eq!(read(&store, move |tx| tx.search_terms(&other)).await, TermPage::default());
}

impl Model {
    fn search(&self, search: &TermSearch) -> TermPage {
        let mut rows: Vec<_> = self.0.iter().filter(|row| search.finds(&row.head)).cloned().collect();
        rows.sort_by_key(|row| row.head.index);
        if search.descending {
            rows.reverse();
        }
        let total = rows.len();
        let mut rows: Vec<_> = rows.into_iter().skip(search.offset).take(search.limit).collect();
        if !search.with_data {
            rows.iter_mut().for_each(|row| row.data.clear());
        }
        let more = search.limit > 0 && total > search.offset + rows.len();
        TermPage { rows, total: total.min(search.max_total), more }
    }
}

/// Writes the model's records to the store, and asks both the same questions.
///
/// # Panics
/// The answers differ.
pub async fn searches_agree_with_model(store: &Arc<dyn Store>, model: &Model, searches: &[TermSearch]) {
    let rows = model.0.clone();
    write(store, move |tx| rows.iter().try_for_each(|row| tx.insert_record(row))).await.unwrap();
    for search in searches {
        let search = TermSearch { max_data_bytes: 1 << 30, max_work: 1 << 30, ..search.clone() };
        let asked = search.clone();
        let page = read(store, move |tx| tx.search_terms(&asked)).await;
        assert_eq!(page, model.search(&search), "{search:?}");
    }
}

//! Searching records by terms.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use futures_util::TryStreamExt as _;
use tozstore::{Client, Error, Search, Terms, fields};
use tozstore_e2e::World;

async fn values(client: &Client, search: Search) -> Vec<String> {
    let records: Vec<_> = client.search(search).records().try_collect().await.unwrap();
    records.iter().map(|record| record.field("n").unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn pages_join_into_all_records_in_order() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let mut expected = Vec::new();
    for index in 0..7 {
        client.write("t", fields! { "n" => index.to_string() }).await.unwrap();
        expected.push(index.to_string());
    }
    for page_size in [1, 3, 7, 100] {
        assert_eq!(values(&client, Search::new().page_size(page_size)).await, expected);
    }
    expected.reverse();
    assert_eq!(values(&client, Search::new().page_size(3).newest_first()).await, expected);
    let pages: Vec<_> = client.search(Search::new().page_size(3)).try_collect().await.unwrap();
    assert_eq!(
        pages.iter().map(|page| (page.records.len(), page.total)).collect::<Vec<_>>(),
        [(3, 7), (3, 7), (1, 7)]
    );
    let none = Search::new().matching(Terms::any().key("none"));
    let pages: Vec<_> = client.search(none).try_collect().await.unwrap();
    assert_eq!((pages.len(), pages[0].total), (1, 0));
}

#[tokio::test]
async fn terms_choose_records() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let mut written = Vec::new();
    for (index, record_type, flavor) in
        [("0", "t", "grape"), ("1", "t", "mint"), ("2", "u", "grape"), ("3", "v", "gripe")]
    {
        written
            .push(client.write(record_type, fields! { "n" => index }).plain("flavor", flavor).await.unwrap());
    }
    for (terms, expected) in [
        (Terms::any().tag("flavor", "grape"), vec!["0", "2"]),
        (Terms::any().record_type("t").record_type("v"), vec!["0", "1", "3"]),
        (Terms::all().record_type("t").value("grape"), vec!["0"]),
        (Terms::any().fuzzy().value("grape"), vec!["0", "2", "3"]),
        (Terms::any().wildcard().value("*int"), vec!["1"]),
        (Terms::all().regexp().tag("fla.*", "gr[ai]pe").record_type("t|v"), vec!["0", "3"]),
        (Terms::any().record(written[1].id()), vec!["1"]),
        (Terms::any().writer(client.id()), vec!["0", "1", "2", "3"]),
        (Terms::any().key("flavour"), vec![]),
    ] {
        assert_eq!(values(&client, Search::new().matching(terms.clone())).await, expected, "{terms:?}");
    }
    let both = Search::new().matching(Terms::any().record_type("u")).matching(Terms::any().record_type("v"));
    assert_eq!(values(&client, both).await, ["2", "3"]);
    let others = Search::new().excluding(Terms::any().value("grape"));
    assert_eq!(values(&client, others).await, ["1", "3"]);
    let late = Search::new().created(Some(written[2].created()), None);
    assert_eq!(values(&client, late).await, ["2", "3"]);
    client.update(&mut written[1]).await.unwrap();
    let changed = Search::new().modified(Some(written[1].last_modified()), None);
    assert_eq!(values(&client, changed).await, ["1"]);
    let wrong = Search::new().matching(Terms::any().regexp().value("("));
    assert!(client.search(wrong).try_collect::<Vec<_>>().await.is_err());
    let page_of_none = client.search(Search::new().page_size(0)).try_collect::<Vec<_>>().await;
    assert!(matches!(page_of_none, Err(Error::Caller(_))));
}

#[tokio::test]
async fn records_of_others_are_found_as_far_as_they_are_shared() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    writer.write("t", fields! { "n" => "shared" }).await.unwrap();
    writer.write("u", fields! { "n" => "secret" }).await.unwrap();
    reader.write("t", fields! { "n" => "own" }).await.unwrap();
    writer.share("t", reader.id()).await.unwrap();
    assert_eq!(values(&reader, Search::new()).await, ["own"]);
    assert_eq!(values(&reader, Search::new().all_writers()).await, ["shared", "own"]);
    assert_eq!(values(&writer, Search::new().only_shared()).await, ["shared"]);
    writer.revoke("t", reader.id()).await.unwrap();
    assert_eq!(values(&reader, Search::new().all_writers()).await, ["own"]);
    assert_eq!(values(&writer, Search::new().only_shared()).await, Vec::<String>::new());
}

//! Searching records.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use futures_util::{StreamExt as _, TryStreamExt as _};
use tozstore::{Client, Error, PlainExpression, Query, fields};
use tozstore_e2e::World;

async fn values(client: &Client, query: Query) -> Vec<String> {
    let records: Vec<_> = client.query(query).records().try_collect().await.unwrap();
    records.iter().map(|record| record.field("n").unwrap_or("-").to_owned()).collect()
}

fn equal(name: &str, value: &str) -> PlainExpression {
    PlainExpression::Eq { name: name.to_owned(), value: value.to_owned() }
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
        assert_eq!(values(&client, Query::new().page_size(page_size)).await, expected);
    }
    let pages: Vec<_> = client.query(Query::new().page_size(3)).try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [3, 3, 1]);
    let rest = Query::new().after_index(pages[1].last_index);
    assert_eq!(values(&client, rest).await, ["6"]);
}

#[tokio::test]
async fn filters_hold_together() {
    let world = World::start().await;
    let client = world.client("writer").await;
    for (index, record_type, flavor) in
        [("0", "t", "grape"), ("1", "t", "mint"), ("2", "u", "grape"), ("3", "v", "mint")]
    {
        client.write(record_type, fields! { "n" => index }).plain("flavor", flavor).await.unwrap();
    }
    assert_eq!(values(&client, Query::new().types(["t", "u"])).await, ["0", "1", "2"]);
    assert_eq!(values(&client, Query::new().plain(equal("flavor", "grape"))).await, ["0", "2"]);
    assert_eq!(values(&client, Query::new().types(["t"]).plain(equal("flavor", "grape"))).await, ["0"]);
    let negated = PlainExpression::Not(Box::new(equal("flavor", "grape")));
    assert_eq!(values(&client, Query::new().plain(negated)).await, ["1", "3"]);
    assert!(values(&client, Query::new().types(["none"])).await.is_empty());
}

#[tokio::test]
async fn without_data_records_are_only_told_of() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let written = client.write("t", fields! { "n" => "0" }).plain("k", "v").await.unwrap();
    let mut records = client.query(Query::new().with_data(false)).records();
    let mut found = records.next().await.unwrap().unwrap();
    assert_eq!((found.id(), found.plain().value("k")), (written.id(), Some("v")));
    assert!(found.fields().is_empty());
    assert!(matches!(client.update(&mut found).await, Err(Error::Caller(_))));
    assert!(records.next().await.is_none());
}

#[tokio::test]
async fn records_of_others_are_found_as_far_as_they_are_shared() {
    let world = World::start().await;
    let (first, second, reader) =
        (world.client("first").await, world.client("second").await, world.client("reader").await);
    first.write("t", fields! { "n" => "first t" }).await.unwrap();
    first.write("u", fields! { "n" => "first u" }).await.unwrap();
    second.write("t", fields! { "n" => "second t" }).await.unwrap();
    reader.write("t", fields! { "n" => "own" }).await.unwrap();
    assert_eq!(values(&reader, Query::new().all_writers()).await, ["own"]);
    first.share("t", reader.id()).await.unwrap();
    second.share("t", reader.id()).await.unwrap();
    assert_eq!(values(&reader, Query::new()).await, ["own"]);
    assert_eq!(values(&reader, Query::new().all_writers()).await, ["first t", "second t", "own"]);
    assert_eq!(values(&reader, Query::new().writers([first.id()])).await, ["first t"]);
    first.revoke("t", reader.id()).await.unwrap();
    assert_eq!(values(&reader, Query::new().all_writers()).await, ["second t", "own"]);
}

//! Records: written, read, changed, deleted.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeMap;

use tozstore::{Client, Completeness, Error, RecordAuthenticity, RecordId, Version, fields};
use tozstore_e2e::World;

#[tokio::test]
async fn a_record_comes_back_as_it_was_written() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let long = "x".repeat(1_000_000);
    for value in ["", "a", "é\u{0}\"\\\u{1F511}", long.as_str()] {
        let written =
            client.write("t/ä", fields! { "a" => value, "b ü" => "2" }).plain("k", "v").await.unwrap();
        let read = client.read(written.id()).await.unwrap();
        assert_eq!(read.fields().iter().collect::<Vec<_>>(), [("a", value), ("b ü", "2")]);
        assert_eq!(read.plain().entries().collect::<Vec<_>>(), [("k", "v")]);
        assert_eq!((read.record_type(), read.writer(), read.user()), ("t/ä", client.id(), client.id()));
        assert_eq!((read.version(), read.created()), (written.version(), written.created()));
    }
}

#[tokio::test]
async fn some_fields_can_be_read_and_are_no_record_to_update() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let written = client.write("t", fields! { "a" => "1", "b" => "2" }).await.unwrap();
    let mut part = client.read_fields(written.id(), &["b", "none"]).await.unwrap();
    assert_eq!(part.fields().iter().collect::<Vec<_>>(), [("b", "2")]);
    assert_eq!(part.completeness(), Completeness::SomeFields);
    assert!(matches!(client.update(&mut part).await, Err(Error::Caller(_))));
    assert_eq!(client.read(written.id()).await.unwrap().fields().len(), 2);
}

#[tokio::test]
async fn updates_replace_and_conflicts_are_told() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let mut mine = client.write("t", fields! { "a" => "1", "b" => "2" }).plain("k", "1").await.unwrap();
    let mut theirs = client.read(mine.id()).await.unwrap();
    let before = mine.version();
    mine.set("a", "3");
    mine.fields_mut().remove("b");
    mine.plain_mut().insert("k", "2");
    client.update(&mut mine).await.unwrap();
    assert_ne!(mine.version(), before);
    let read = client.read(mine.id()).await.unwrap();
    assert_eq!(read.fields().iter().collect::<Vec<_>>(), [("a", "3")]);
    assert_eq!(read.plain().value("k"), Some("2"));
    assert!(read.last_modified() > read.created());

    theirs.set("a", "late");
    assert!(matches!(client.update(&mut theirs).await, Err(Error::Conflict)));
    assert_eq!(client.read(mine.id()).await.unwrap().field("a"), Some("3"));
    client.update(&mut mine).await.unwrap();
}

#[tokio::test]
async fn deletion_minds_the_version() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let (first, second) = (
        client.write("t", fields! { "a" => "1" }).await.unwrap(),
        client.write("t", fields! { "a" => "1" }).await.unwrap(),
    );
    assert!(matches!(client.delete(first.id(), Version::random()).await, Err(Error::Conflict)));
    client.delete(first.id(), first.version()).await.unwrap();
    client.delete_any(second.id()).await.unwrap();
    for record in [first, second] {
        assert!(matches!(client.read(record.id()).await, Err(Error::NotFound(_))));
    }
    assert!(client.delete_any(RecordId::random()).await.is_err());
}

#[tokio::test]
async fn many_records_are_read_in_order_and_strangers_left_out() {
    let world = World::start().await;
    let (client, stranger) = (world.client("writer").await, world.client("stranger").await);
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(client.write("t", fields! { "n" => index.to_string() }).await.unwrap().id());
    }
    ids.reverse();
    ids.insert(2, RecordId::random());
    let read = client.read_many(&ids).await.unwrap();
    let values: Vec<_> = read.iter().map(|record| record.field("n").unwrap()).collect();
    assert_eq!(values, ["4", "3", "2", "1", "0"]);
    assert!(stranger.read_many(&ids).await.unwrap().is_empty());
}

#[tokio::test]
async fn strangers_get_nothing() {
    let world = World::start().await;
    let (client, stranger) = (world.client("writer").await, world.client("stranger").await);
    let mut record = client.write("t", fields! { "a" => "1" }).await.unwrap();
    assert!(matches!(stranger.read(record.id()).await, Err(Error::NotFound(_))));
    assert!(stranger.delete_any(record.id()).await.is_err());
    assert!(stranger.update(&mut record).await.is_err());
    assert_eq!(client.read(record.id()).await.unwrap().field("a"), Some("1"));
}

#[tokio::test]
async fn typed_values_come_back() {
    let world = World::start().await;
    let client = world.client("writer").await;
    let value = BTreeMap::from([("five".to_owned(), 5_u8), ("six".to_owned(), 6)]);
    let mut record = client.write_json("t", &value).plain("unit", "count").await.unwrap();
    assert_eq!(client.read(record.id()).await.unwrap().json::<BTreeMap<String, u8>>().unwrap(), value);
    record.set_json(&BTreeMap::from([("seven", 7)])).unwrap();
    client.update(&mut record).await.unwrap();
    assert_eq!(client.read(record.id()).await.unwrap().field("seven"), Some("7"));
}

#[tokio::test]
async fn signatures_are_written_when_asked_for_and_hold_for_others() {
    let world = World::start().await;
    let signing =
        Client::builder(world.register("writer").await.credentials).sign_records(true).build().unwrap();
    let (plain, reader) = (world.client("plain").await, world.client("reader").await);
    let signed = signing.write("t", fields! { "b" => "2", "a" => "1\u{b}" }).plain("k", "v").await.unwrap();
    signing.share("t", reader.id()).await.unwrap();
    let mut read = reader.read(signed.id()).await.unwrap();
    assert_eq!(reader.verify_signature(&read).await.unwrap(), RecordAuthenticity::Verified);
    read.set("a", "2");
    assert!(matches!(reader.verify_signature(&read).await, Err(Error::Untrusted(_))));
    let unsigned = plain.write("t", fields! { "a" => "1" }).await.unwrap();
    assert_eq!(plain.verify_signature(&unsigned).await.unwrap(), RecordAuthenticity::Unsigned);
}

#[tokio::test]
async fn what_cannot_be_is_the_callers_fault() {
    let world = World::start().await;
    let client = world.client("writer").await;
    assert!(matches!(client.write("", fields! { "a" => "1" }).await, Err(Error::Caller(_))));
    assert!(matches!(client.write("t", fields! {}).await, Err(Error::Caller(_))));
    assert!(matches!(client.write_json("t", &5).await, Err(Error::Caller(_))));
    assert!(matches!(client.share("t", client.id()).await, Err(Error::Caller(_))));
}

#[tokio::test]
async fn records_outlive_the_server_and_keys_the_client() {
    let world = World::start().await;
    let credentials = world.register("writer").await.credentials;
    let client = Client::new(credentials.clone()).unwrap();
    let record = client.write("t", fields! { "a" => "1" }).await.unwrap();
    let world = world.restart().await;
    let again = Client::builder(credentials.with_api_url(&world.api_url))
        .known_keys(client.known_keys())
        .build()
        .unwrap();
    assert_eq!(again.read(record.id()).await.unwrap().field("a"), Some("1"));
    again.write("t", fields! { "a" => "2" }).await.unwrap();
}

#[tokio::test]
async fn the_server_sees_no_value() {
    let world = World::start().await;
    let (client, reader) = (world.client("writer").await, world.client("reader").await);
    let record = client.write("note", fields! { "text" => "hidden" }).plain("folder", "a").await.unwrap();
    client.share("note", reader.id()).await.unwrap();
    let explanation = client.explain(record.id()).await.unwrap();
    assert_eq!(explanation.route, tozstore::Route::Writer);
    let readers: Vec<_> = explanation.readers.unwrap().into_iter().map(|reader| reader.id).collect();
    assert_eq!(readers, [reader.id()]);
    let seen: BTreeMap<_, _> = explanation
        .server_sees
        .iter()
        .map(|member| (member.name.as_str(), (member.clear_bytes, member.sealed_bytes)))
        .collect();
    assert_eq!(seen["type"], (4, 0));
    assert_eq!(seen["plain.folder"], (7, 0));
    assert_eq!(seen["data.text"], (4, tozstore_crypto::sealed_len(6)));
    let explanation = reader.explain(record.id()).await.unwrap();
    assert_eq!(explanation.route, tozstore::Route::Shared { authorizer: client.id() });
    assert!(explanation.readers.is_none());
}

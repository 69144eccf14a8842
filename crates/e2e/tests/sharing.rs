//! Sharing record types and taking that back.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tozstore::{Client, ClientId, Error, Query, fields};
use tozstore_e2e::World;

async fn can_read(client: &Client, record: tozstore::RecordId) -> bool {
    match client.read(record).await {
        Ok(_) => true,
        Err(Error::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_share_is_for_all_records_of_the_type_until_it_is_revoked() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let before = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    let other = writer.write("u", fields! { "a" => "1" }).await.unwrap();
    assert!(!can_read(&reader, before.id()).await);
    writer.share("t", reader.id()).await.unwrap();
    let after = writer.write("t", fields! { "a" => "2" }).await.unwrap();
    assert_eq!(reader.read(before.id()).await.unwrap().field("a"), Some("1"));
    assert_eq!(reader.read(after.id()).await.unwrap().field("a"), Some("2"));
    assert!(!can_read(&reader, other.id()).await);
    // Sharing again changes nothing.
    writer.share("t", reader.id()).await.unwrap();
    assert_eq!(writer.outgoing().await.unwrap().len(), 1);

    writer.revoke("t", reader.id()).await.unwrap();
    assert!(!can_read(&reader, before.id()).await);
    assert!(reader.read_many(&[before.id()]).await.unwrap().is_empty());
    // Taking back what is not shared is no error, and sharing works again.
    writer.revoke("t", reader.id()).await.unwrap();
    writer.write("t", fields! { "a" => "3" }).await.unwrap();
    writer.share("t", reader.id()).await.unwrap();
    assert!(can_read(&reader, before.id()).await);
}

#[tokio::test]
async fn a_type_can_be_shared_before_its_first_record() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    writer.share("t", reader.id()).await.unwrap();
    let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    assert!(can_read(&reader, record.id()).await);
}

#[tokio::test]
async fn shares_are_listed_on_both_sides() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    assert!(writer.outgoing().await.unwrap().is_empty());
    writer.share("t", reader.id()).await.unwrap();
    let (outgoing, incoming) = (writer.outgoing().await.unwrap(), reader.incoming().await.unwrap());
    assert_eq!((outgoing[0].reader_id, outgoing[0].record_type.as_str()), (reader.id(), "t"));
    assert_eq!((incoming[0].writer_id, incoming[0].record_type.as_str()), (writer.id(), "t"));
    assert_eq!((outgoing.len(), incoming.len()), (1, 1));
    assert!(writer.incoming().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reader_can_give_a_share_up() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    writer.share("t", reader.id()).await.unwrap();
    assert!(can_read(&reader, record.id()).await);
    reader.revoke_for_me(writer.id(), "t").await.unwrap();
    assert!(!can_read(&reader, record.id()).await);
    assert!(reader.incoming().await.unwrap().is_empty());
    assert!(can_read(&writer, record.id()).await);
}

#[tokio::test]
async fn nobody_is_there_to_share_with() {
    let world = World::start().await;
    let writer = world.client("writer").await;
    assert!(matches!(writer.share("t", ClientId::random()).await, Err(Error::NotFound(_))));
    assert!(writer.outgoing().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_backup_lets_the_account_read_the_credentials_and_is_off_by_default() {
    let world = World::start().await;
    let queen = world.account.queen();
    let registration = world.register("plain").await;
    assert!(registration.backup.is_none());
    assert_eq!(registration.backup_client, Some(queen.id()));
    assert!(queen.incoming().await.unwrap().is_empty());

    let client = Client::new(registration.credentials).unwrap();
    client.backup(world.token.expose(), queen.id()).await.unwrap();
    assert!(world.account.client(client.id()).await.unwrap().has_backup);
    let query = Query::new().all_writers().types(["tozny.key_backup"]);
    let mut records = queen.query(query).records();
    let record = futures_util::StreamExt::next(&mut records).await.unwrap().unwrap();
    assert_eq!(record.field("client_id"), Some(format!("\"{}\"", client.id()).as_str()));
    assert_eq!(record.plain().value("client"), Some(client.id().to_string().as_str()));
    let private_key: String = serde_json::from_str(record.field("private_key").unwrap()).unwrap();
    assert!(client.credentials().to_json().contains(&private_key));
}

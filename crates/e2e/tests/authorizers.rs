//! Authorizers: sharing on a writer's behalf.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tozstore::{Error, fields};
use tozstore_e2e::World;

#[tokio::test]
async fn an_authorizer_shares_and_revokes_without_reading() {
    let world = World::start().await;
    let (writer, authorizer, reader) =
        (world.client("writer").await, world.client("authorizer").await, world.client("reader").await);
    let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    assert!(authorizer.share_on_behalf_of(writer.id(), "t", reader.id()).await.is_err());

    writer.add_authorizer("t", authorizer.id()).await.unwrap();
    assert!(matches!(authorizer.read(record.id()).await, Err(Error::NotFound(_))));
    assert!(writer.outgoing().await.unwrap().is_empty());
    let (listed, granted) = (writer.authorizers().await.unwrap(), authorizer.granted().await.unwrap());
    assert_eq!(listed, granted);
    assert_eq!((listed[0].authorizer_id, listed[0].writer_id), (authorizer.id(), writer.id()));

    authorizer.share_on_behalf_of(writer.id(), "t", reader.id()).await.unwrap();
    assert_eq!(reader.read(record.id()).await.unwrap().field("a"), Some("1"));
    let explanation = reader.explain(record.id()).await.unwrap();
    assert_eq!(explanation.route, tozstore::Route::Shared { authorizer: authorizer.id() });
    // The writer sees and undoes what was done on its behalf.
    assert_eq!(writer.outgoing().await.unwrap()[0].reader_id, reader.id());
    authorizer.revoke_on_behalf_of(writer.id(), "t", reader.id()).await.unwrap();
    assert!(matches!(reader.read(record.id()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_removed_authorizer_shares_no_more_and_its_shares_stay() {
    let world = World::start().await;
    for all_types in [false, true] {
        let (writer, authorizer) = (world.client("writer").await, world.client("authorizer").await);
        let (first, second) = (world.client("first").await, world.client("second").await);
        let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
        writer.add_authorizer("t", authorizer.id()).await.unwrap();
        authorizer.share_on_behalf_of(writer.id(), "t", first.id()).await.unwrap();
        writer.remove_authorizer((!all_types).then_some("t"), authorizer.id()).await.unwrap();
        assert!(authorizer.share_on_behalf_of(writer.id(), "t", second.id()).await.is_err());
        assert!(matches!(second.read(record.id()).await, Err(Error::NotFound(_))));
        assert_eq!(first.read(record.id()).await.unwrap().field("a"), Some("1"));
        assert!(writer.authorizers().await.unwrap().is_empty());
        // Removing who is none is no error.
        writer.remove_authorizer(Some("t"), authorizer.id()).await.unwrap();
    }
}

#[tokio::test]
async fn an_authorizer_that_reads_as_well_goes_on_reading() {
    let world = World::start().await;
    let (writer, both) = (world.client("writer").await, world.client("both").await);
    let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    writer.share("t", both.id()).await.unwrap();
    writer.add_authorizer("t", both.id()).await.unwrap();
    writer.remove_authorizer(Some("t"), both.id()).await.unwrap();
    assert_eq!(both.read(record.id()).await.unwrap().field("a"), Some("1"));
    let fresh = tozstore::Client::new(both.credentials().clone()).unwrap();
    assert_eq!(fresh.read(record.id()).await.unwrap().field("a"), Some("1"));
}

#[tokio::test]
async fn an_authorizer_can_be_named_before_the_first_record_and_cannot_let_itself_in() {
    let world = World::start().await;
    let (writer, authorizer, reader) =
        (world.client("writer").await, world.client("authorizer").await, world.client("reader").await);
    writer.add_authorizer("t", authorizer.id()).await.unwrap();
    let record = writer.write("t", fields! { "a" => "1" }).await.unwrap();
    let refused = authorizer.share_on_behalf_of(writer.id(), "t", authorizer.id()).await;
    assert!(matches!(refused, Err(Error::Caller(_))));
    authorizer.share_on_behalf_of(writer.id(), "t", reader.id()).await.unwrap();
    assert_eq!(reader.read(record.id()).await.unwrap().field("a"), Some("1"));
}

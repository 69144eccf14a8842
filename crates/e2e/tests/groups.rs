//! Groups: members, capabilities, and what is shared with them, by every way of reading.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt as _;
use tozstore::{
    Capability, CapabilitySet, Client, ClientId, Error, GroupId, GroupOptions, Plain, Query, RecordId, Route,
    Search, Terms, fields,
};
use tozstore_e2e::World;

/// A group with its creator, who may do everything.
async fn group(creator: &Client) -> GroupId {
    creator.create_group("team", GroupOptions::default()).await.unwrap().id
}

fn may(capabilities: &[Capability]) -> CapabilitySet {
    capabilities.iter().copied().collect()
}

async fn let_in(manager: &Client, group: GroupId, member: &Client, capabilities: &[Capability]) {
    manager.add_group_members(group, &[(member.id(), may(capabilities))]).await.unwrap();
}

/// The field `a` of what is listed for a group.
async fn listed(client: &Client, group: GroupId) -> Result<Vec<String>, Error> {
    let records: Vec<_> = client.group_records(group).try_collect().await?;
    Ok(records.iter().map(|record| record.field("a").unwrap_or("-").to_owned()).collect())
}

async fn searched(client: &Client, search: Search) -> Vec<RecordId> {
    let records: Vec<_> = client.search(search).records().try_collect().await.unwrap();
    records.iter().map(tozstore::Record::id).collect()
}

fn is_refused<T>(result: Result<T, Error>, status: u16) -> bool {
    matches!(result, Err(Error::Refused { status: found, .. }) if found == status)
}

fn is_absent<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound(_)))
}

#[tokio::test]
async fn a_group_is_made_described_listed_and_deleted() {
    let world = World::start().await;
    let (creator, other) = (world.client("creator").await, world.client("other").await);
    assert!(creator.groups().await.unwrap().is_empty());
    let mut options = GroupOptions::default();
    options.description = "for everything".to_owned();
    let made = creator.create_group("team", options).await.unwrap();
    assert_eq!(
        (made.name.as_str(), made.description.as_str(), made.member_count),
        ("team", "for everything", 1)
    );
    assert!(made.public_key.is_some());
    assert_eq!(creator.groups().await.unwrap(), std::slice::from_ref(&made));
    assert!(other.groups().await.unwrap().is_empty());
    // Every client of the account sees it; who manages it changes it.
    assert_eq!(other.group(made.id).await.unwrap(), made);
    assert!(is_refused(other.describe_group(made.id, "mine").await, 403));
    assert!(is_refused(other.delete_group(made.id).await, 403));
    assert_eq!(creator.describe_group(made.id, "new").await.unwrap().description, "new");
    creator.delete_group(made.id).await.unwrap();
    assert!(is_absent(creator.group(made.id).await));
    assert!(is_absent(creator.delete_group(made.id).await));
}

#[tokio::test]
async fn members_have_capabilities_and_the_last_manager_stays() {
    let world = World::start().await;
    let (creator, member) = (world.client("creator").await, world.client("member").await);
    let group = group(&creator).await;
    let members = |client: Client| async move {
        let members = client.group_members(group).await.unwrap();
        members.into_iter().map(|member| (member.id, member.capabilities)).collect::<Vec<_>>()
    };
    let_in(&creator, group, &member, &[Capability::ReadContent]).await;
    let first = (creator.id(), may(&Capability::ALL));
    let read = may(&[Capability::ReadContent]);
    assert_eq!(members(member.clone()).await, [first.clone(), (member.id(), read)]);
    assert_eq!(member.groups().await.unwrap()[0].member_count, 2);
    // Again: one more, none less. Set: these alone.
    let_in(&creator, group, &member, &[Capability::ShareContent]).await;
    let both = may(&[Capability::ReadContent, Capability::ShareContent]);
    assert_eq!(members(creator.clone()).await[1], (member.id(), both));
    let edit = may(&[Capability::EditContent]);
    creator.set_group_capabilities(group, member.id(), edit.clone()).await.unwrap();
    assert_eq!(members(creator.clone()).await[1], (member.id(), edit));
    // Who does not manage changes nobody, itself included.
    assert!(is_refused(member.set_group_capabilities(group, member.id(), may(&Capability::ALL)).await, 403));
    assert!(is_refused(member.add_group_members(group, &[(member.id(), may(&Capability::ALL))]).await, 403));
    assert!(is_refused(member.remove_group_members(group, &[creator.id()]).await, 403));
    let nobody = ClientId::random();
    assert!(is_absent(creator.add_group_members(group, &[(nobody, may(&[]))]).await));
    assert!(is_absent(creator.set_group_capabilities(group, nobody, may(&[])).await));
    creator.remove_group_members(group, &[nobody]).await.unwrap();
    // Somebody must manage the group.
    assert!(is_refused(creator.remove_group_members(group, &[creator.id()]).await, 400));
    assert!(is_refused(creator.set_group_capabilities(group, creator.id(), may(&[])).await, 400));
    let_in(&creator, group, &member, &[Capability::ManageMembership]).await;
    creator.remove_group_members(group, &[creator.id()]).await.unwrap();
    assert!(is_refused(member.remove_group_members(group, &[member.id()]).await, 400));
    // Who is no member has no key to let others in by.
    assert!(is_absent(creator.add_group_members(group, &[(creator.id(), may(&[]))]).await));
    // A member whom a member let in lets the first in again.
    let_in(&member, group, &creator, &[Capability::ManageMembership]).await;
    let third = world.client("third").await;
    let_in(&creator, group, &third, &[]).await;
}

#[tokio::test]
async fn what_is_shared_is_read_by_every_way_until_it_is_taken_back() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let group = group(&writer).await;
    let before = writer.write("t", fields! { "a" => "before" }).plain("p", "q").await.unwrap();
    let other = writer.write("u", fields! { "a" => "other" }).plain("p", "q").await.unwrap();
    let_in(&writer, group, &reader, &[Capability::ReadContent]).await;
    assert!(is_absent(reader.read(before.id()).await));
    writer.share_with_group("t", group, false).await.unwrap();
    let after = writer.write("t", fields! { "a" => "after" }).plain("p", "q").await.unwrap();
    let content = vec![7; 200_000];
    let file = writer.write_file("t", content.as_slice(), Plain::default(), |_| {}).await.unwrap();
    let shared = [before.id(), after.id(), file.id()];

    // Each way by itself, with a client that has no key open yet.
    let fresh = || Client::new(reader.credentials().clone()).unwrap();
    let read = fresh().read(after.id()).await.unwrap();
    assert_eq!((read.field("a"), read.writer()), (Some("after"), writer.id()));
    assert_eq!(fresh().read_fields(before.id(), &["a"]).await.unwrap().field("a"), Some("before"));
    let many = fresh().read_many(&[after.id(), other.id(), before.id()]).await.unwrap();
    assert_eq!(many.iter().map(|record| record.field("a").unwrap()).collect::<Vec<_>>(), ["after", "before"]);
    assert_eq!(listed(&fresh(), group).await.unwrap(), ["before", "after", "-"]);
    let mut out = Vec::new();
    fresh().read_file(file.id(), &mut out, |_| {}).await.unwrap();
    assert_eq!(out, content);
    for search in [
        Search::new().all_writers(),
        Search::new().only_groups([]),
        Search::new().only_groups([group]),
        Search::new().only_groups([group]).with_data(false).page_size(2),
    ] {
        assert_eq!(searched(&fresh(), search.clone()).await, shared, "{search:?}");
    }
    let plain = Search::new().all_writers().matching(Terms::any().tag("p", "q"));
    assert_eq!(searched(&fresh(), plain).await, shared[..2]);
    let records: Vec<_> =
        fresh().search(Search::new().only_groups([group])).records().try_collect().await.unwrap();
    assert_eq!(records[1].field("a"), Some("after"));
    for search in [Search::new(), Search::new().all_writers().without_groups()] {
        assert!(searched(&fresh(), search).await.is_empty());
    }
    // The writer's own come through the group too if it asks for that.
    assert_eq!(searched(&writer, Search::new().only_groups([group])).await, shared);
    assert_eq!(listed(&writer, group).await.unwrap(), ["before", "after", "-"]);
    // The first search knows no groups.
    let found: Vec<_> = fresh().query(Query::new().all_writers()).records().try_collect().await.unwrap();
    assert!(found.is_empty());
    let explanation = fresh().explain(after.id()).await.unwrap();
    assert_eq!(explanation.route, Route::Group { authorizer: writer.id() });
    assert_eq!(writer.explain(after.id()).await.unwrap().groups, Some(vec![group]));

    // Taken back, every way is closed, and opened again when it is shared again.
    writer.unshare_with_group("t", group).await.unwrap();
    writer.unshare_with_group("t", group).await.unwrap();
    assert_all_closed(&reader, group, &shared).await;
    assert!(listed(&reader, group).await.unwrap().is_empty());
    writer.share_with_group("t", group, false).await.unwrap();
    assert_eq!(reader.read(after.id()).await.unwrap().field("a"), Some("after"));
    // So it is for a member that is removed.
    writer.remove_group_members(group, &[reader.id()]).await.unwrap();
    assert_all_closed(&reader, group, &shared).await;
    assert!(is_refused(listed(&reader, group).await, 403));
    let_in(&writer, group, &reader, &[Capability::ReadContent]).await;
    assert_eq!(reader.read(after.id()).await.unwrap().field("a"), Some("after"));
    // And for one that may not read any more.
    writer.set_group_capabilities(group, reader.id(), may(&[Capability::ShareContent])).await.unwrap();
    assert_all_closed(&reader, group, &shared).await;
    // A share of the type beside the group stays.
    writer.share("t", reader.id()).await.unwrap();
    assert_eq!(fresh().read(after.id()).await.unwrap().field("a"), Some("after"));
    let all = Search::new().all_writers().without_groups();
    assert_eq!(searched(&fresh(), all).await, shared);
}

async fn assert_all_closed(reader: &Client, group: GroupId, shared: &[RecordId]) {
    for record in shared {
        assert!(is_absent(reader.read(*record).await));
    }
    let last = *shared.last().unwrap();
    assert!(is_absent(reader.read_file(last, &mut Vec::new(), |_| {}).await));
    assert!(reader.read_many(shared).await.unwrap().is_empty());
    for search in
        [Search::new().all_writers(), Search::new().only_groups([]), Search::new().only_groups([group])]
    {
        assert!(searched(reader, search).await.is_empty());
    }
}

#[tokio::test]
async fn members_share_and_read_what_others_share() {
    let world = World::start().await;
    let (creator, one, two) =
        (world.client("creator").await, world.client("one").await, world.client("two").await);
    let group = group(&creator).await;
    let_in(
        &creator,
        group,
        &one,
        &[Capability::ReadContent, Capability::ShareContent, Capability::ManageMembership],
    )
    .await;
    // Let in by a member who was let in.
    let_in(&one, group, &two, &[Capability::ReadContent]).await;
    for (client, value) in [(&creator, "creator"), (&one, "one")] {
        client.write("t", fields! { "a" => value }).await.unwrap();
        client.share_with_group("t", group, false).await.unwrap();
    }
    two.write("t", fields! { "a" => "two" }).await.unwrap();
    assert!(is_refused(two.share_with_group("t", group, false).await, 403));
    for client in [&creator, &one, &two] {
        assert_eq!(listed(client, group).await.unwrap(), ["creator", "one"]);
    }
    // Who shares sees with whom.
    assert_eq!(one.group_shares("t").await.unwrap().len(), 1);
    let with = one.groups_shared_with(&["t", "never"]).await.unwrap();
    assert_eq!(
        with.into_iter().map(|(of, groups)| (of.to_string(), groups)).collect::<Vec<_>>(),
        [("t".to_owned(), vec![group])]
    );
    assert!(two.groups_shared_with(&["t"]).await.unwrap().is_empty());
    // What a member shared it takes back from outside too.
    creator.remove_group_members(group, &[one.id()]).await.unwrap();
    assert_eq!(listed(&two, group).await.unwrap(), ["creator", "one"]);
    one.unshare_with_group("t", group).await.unwrap();
    assert_eq!(listed(&two, group).await.unwrap(), ["creator"]);
    // Who is in no group shares with none.
    assert!(is_absent(one.share_with_group("t", group, false).await));
}

#[tokio::test]
async fn members_edit_where_the_share_and_their_capabilities_allow_it() {
    let world = World::start().await;
    let (writer, editor, reader) =
        (world.client("writer").await, world.client("editor").await, world.client("reader").await);
    let group = group(&writer).await;
    let_in(&writer, group, &editor, &[Capability::ReadContent, Capability::EditContent]).await;
    let_in(&writer, group, &reader, &[Capability::ReadContent]).await;
    let record = writer.write("t", fields! { "a" => "first", "b" => "kept" }).await.unwrap();
    writer.share_with_group("t", group, false).await.unwrap();
    let mut edited = editor.read(record.id()).await.unwrap();
    edited.set("a", "edited");
    assert!(is_refused(editor.update_in_group(group, &mut edited).await, 403));
    writer.share_with_group("t", group, true).await.unwrap();
    assert!(writer.group_shares("t").await.unwrap()[0].can_edit);
    editor.update_in_group(group, &mut edited).await.unwrap();
    for client in [&writer, &reader, &editor] {
        let now = client.read(record.id()).await.unwrap();
        assert_eq!((now.field("a"), now.field("b")), (Some("edited"), Some("kept")));
        assert_eq!((now.writer(), now.version()), (writer.id(), edited.version()));
    }
    let mut by_reader = reader.read(record.id()).await.unwrap();
    by_reader.set("a", "mine");
    assert!(is_refused(reader.update_in_group(group, &mut by_reader).await, 403));
    assert!(is_refused(editor.update(&mut edited).await, 403));
    // Two at once: the second must look again.
    let mut late = editor.read(record.id()).await.unwrap();
    let mut first = writer.read(record.id()).await.unwrap();
    first.set("a", "by the writer");
    writer.update(&mut first).await.unwrap();
    late.set("a", "late");
    assert!(matches!(editor.update_in_group(group, &mut late).await, Err(Error::Conflict)));
}

/// Members come and go and types are shared and taken back while records are written and read. No answer is a failure of
/// the server, what opens is what was written, and in the end everybody sees what the last change left.
#[tokio::test(flavor = "multi_thread")]
async fn membership_changes_during_sharing_and_reading() {
    const ROUNDS: usize = 25;
    let world = World::start().await;
    let (writer, manager, reader) =
        (world.client("writer").await, world.client("manager").await, world.client("reader").await);
    let group = group(&manager).await;
    let_in(&manager, group, &writer, &[Capability::ShareContent]).await;
    let record = writer.write("t", fields! { "a" => "value" }).await.unwrap();
    let done = AtomicBool::new(false);
    let members = async {
        for _ in 0..ROUNDS {
            let_in(&manager, group, &reader, &[Capability::ReadContent]).await;
            manager.set_group_capabilities(group, reader.id(), may(&[])).await.unwrap();
            manager.remove_group_members(group, &[reader.id()]).await.unwrap();
        }
    };
    let shares = async {
        for round in 0..ROUNDS {
            writer.share_with_group("t", group, round % 2 == 0).await.unwrap();
            writer.write("t", fields! { "a" => "value" }).await.unwrap();
            writer.unshare_with_group("t", group).await.unwrap();
        }
    };
    let changes = async {
        tokio::join!(members, shares);
        done.store(true, Ordering::SeqCst);
    };
    let reads = async {
        let mut seen = (0, 0);
        // Enough reads also on a machine that does all the changes first.
        while !done.load(Ordering::SeqCst) || seen.0 + seen.1 < 20 {
            let fresh = Client::new(reader.credentials().clone()).unwrap();
            let mut outcomes = vec![fresh.read(record.id()).await.map(|record| vec![record])];
            outcomes.push(fresh.read_many(&[record.id()]).await);
            outcomes.push(fresh.group_records(group).try_collect().await);
            outcomes.push(fresh.search(Search::new().all_writers()).records().try_collect().await);
            for outcome in outcomes {
                match outcome {
                    Ok(records) => {
                        assert!(records.iter().all(|record| record.field("a") == Some("value")));
                        seen.0 += 1;
                    }
                    // Between two requests of one call the right to read may have ended.
                    Err(Error::NotFound(_) | Error::Refused { status: 403, .. }) => seen.1 += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(changes, reads);
    assert!(seen.1 > 0, "{seen:?}");
    assert!(is_absent(reader.read(record.id()).await));
    // Every change was made or not made: the group is as the last ones left it, and works.
    let left: Vec<_> = manager.group_members(group).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [manager.id(), writer.id()]);
    assert!(writer.group_shares("t").await.unwrap().is_empty());
    writer.share_with_group("t", group, false).await.unwrap();
    let_in(&manager, group, &reader, &[Capability::ReadContent]).await;
    assert_eq!(listed(&reader, group).await.unwrap().len(), ROUNDS + 1);
    assert_eq!(manager.group(group).await.unwrap().member_count, 3);
}

/// Many managers change one group at once: there is always one left.
#[tokio::test(flavor = "multi_thread")]
async fn managers_that_leave_at_once_leave_one() {
    let world = World::start().await;
    let creator = world.client("creator").await;
    let group = group(&creator).await;
    let mut managers = vec![creator.clone()];
    for _ in 0..5 {
        let manager = world.client("manager").await;
        let_in(&creator, group, &manager, &[Capability::ManageMembership]).await;
        managers.push(manager);
    }
    let leave = managers.iter().map(async |one| one.remove_group_members(group, &[one.id()]).await);
    let outcomes = futures_util::future::join_all(leave).await;
    let stayed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_err()).collect();
    assert_eq!(stayed.len(), 1);
    assert!(matches!(stayed[0], Err(Error::Refused { status: 400, .. })), "{stayed:?}");
    assert_eq!(creator.group_members(group).await.unwrap().len(), 1);
}

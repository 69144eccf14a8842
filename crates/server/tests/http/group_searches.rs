//! Searching by terms for what is shared with groups.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::{MAX_GROUP_LOOKUPS, paths};

use super::fixture::{Fixture, TestClient};
use super::storage::{NO_ID, body, id};

/// A writer that shares the type `t` with a group in which the reader may read.
struct Shared {
    fixture: Fixture,
    writer: TestClient,
    reader: TestClient,
    group: String,
    record: Value,
}

impl Shared {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
        let group = fixture.group(&writer, "g", &["SHARE_CONTENT", "READ_CONTENT"]).await;
        let record = id(&fixture.write(&writer, "t", json!({ "p": "q" }), json!({ "a": "1" })).await);
        fixture.write(&writer, "not shared", json!({ "p": "q" }), json!({ "a": "1" })).await;
        assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
        assert_eq!(fixture.share_type(&writer, &group, "t", false).await, 201);
        assert_eq!(fixture.add(&writer, &group, &reader, &["READ_CONTENT"]).await.code(), 201);
        Self { fixture, writer, reader, group, record }
    }

    /// What a client finds, and how it comes by each.
    async fn found(&self, by: &TestClient, request: Value) -> Vec<(Value, Value)> {
        let page = self.fixture.terms(by, request).await;
        let results = page["results"].as_array().unwrap();
        assert_eq!(page["total_results"], results.len());
        results.iter().map(|found| (id(found), found["sharing_model"].clone())).collect()
    }
}

fn all() -> Value {
    json!({ "include_all_writers": true })
}

#[tokio::test]
async fn members_find_what_is_shared_with_their_groups() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, reader, group, record } = &shared;
    let own = id(&fixture.write(reader, "own", json!({}), json!({ "b": "2" })).await);
    // Of a type that is shared, but about somebody else: that has another key.
    let mut about_another = body(writer.id, "t", json!({}), json!({ "a": "1" }));
    about_another["meta"]["user_id"] = json!(reader.id);
    let written = fixture.call(writer, Method::POST, paths::RECORDS, Some(about_another)).await;
    assert_eq!(written.code(), 201);
    let through_group = (record.clone(), json!("GROUP"));
    let direct = |record: &Value| (record.clone(), json!("DIRECT"));
    let only = |group: &str| json!({ "group_ids": [group] });
    let plain = json!({ "match": [{ "terms": { "tags": { "p": "q" } } }] });
    for (mut request, also, expected) in [
        (json!({}), None, vec![direct(&own)]),
        (all(), None, vec![through_group.clone(), direct(&own)]),
        (all(), Some(&plain), vec![through_group.clone()]),
        (json!({ "include_all_writers": true, "exclude_group_records": true }), None, vec![direct(&own)]),
        (json!({ "include_all_writers": true, "include_only_direct_shares": true }), None, vec![]),
        (json!({ "include_only_groups": true }), None, vec![through_group.clone()]),
        (
            json!({ "include_only_groups": true, "include_all_writers": true }),
            Some(&plain),
            vec![through_group.clone()],
        ),
        (json!({ "include_only_groups": true, "exclude_group_records": true }), None, vec![]),
        (only(group), None, vec![through_group.clone()]),
        (only(NO_ID), None, vec![]),
        (
            json!({ "group_ids": [NO_ID, group, group], "include_only_groups": true }),
            None,
            vec![through_group],
        ),
    ] {
        if let Some(filter) = also {
            request["match"] = filter["match"].clone();
        }
        assert_eq!(shared.found(reader, request.clone()).await, expected, "{request}");
    }
    // What is one's own comes through a group only if one asks for that.
    let of_writer = shared.found(writer, json!({ "match": plain["match"] })).await;
    assert_eq!(of_writer.iter().filter(|found| **found == direct(record)).count(), 1);
    assert_eq!(shared.found(writer, only(group)).await, [(record.clone(), json!("GROUP"))]);
    let many = json!({ "group_ids": vec![NO_ID; MAX_GROUP_LOOKUPS + 1] });
    assert_eq!(fixture.call(reader, Method::POST, paths::TERM_SEARCH, Some(many)).await.code(), 400);
}

#[tokio::test]
async fn keys_come_by_way_of_the_group() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, reader, group, .. } = &shared;
    let listed = fixture.listing(reader, &paths::GROUP_SHARE.replace("{group_id}", group)).await;
    let key = &listed["results"][0]["group_access_key"];
    assert_eq!(key["eak"], "a.k");
    let request = json!({ "include_all_writers": true, "include_data": true });
    let found = &fixture.terms(reader, request.clone()).await["results"][0];
    assert_eq!((&found["group_access_key"], &found["access_key"]), (key, &Value::Null));
    assert_eq!(found["record_data"], json!({ "a": "1" }));
    let found = &fixture.terms(reader, all()).await["results"][0];
    assert_eq!((&found["group_access_key"], &found["record_data"]), (&Value::Null, &Value::Null));
    // A share without a key is none, and the group stands in; with one it goes before.
    assert_eq!(fixture.policy(writer, (writer, reader), "t", "allow", &["read"]).await, 201);
    assert_eq!(fixture.terms(reader, all()).await["results"][0]["sharing_model"], "GROUP");
    assert_eq!(fixture.put_key(writer, writer, reader, "t").await, 201);
    let page = fixture.terms(reader, request.clone()).await;
    let found = &page["results"][0];
    assert_eq!((&page["total_results"], &found["sharing_model"]), (&json!(1), &json!("DIRECT")));
    assert_eq!(found["access_key"]["eak"], json!(format!("{}.{}", writer.id, reader.id)));
    assert_eq!(found["group_access_key"], Value::Null);
    let mut through_group = request;
    through_group["include_only_groups"] = json!(true);
    let found = &fixture.terms(reader, through_group).await["results"][0];
    assert_eq!((&found["group_access_key"], &found["access_key"]), (key, &Value::Null));
}

#[tokio::test]
async fn what_ends_is_not_found_any_more() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, reader, group, record } = &shared;
    let second = fixture.group(writer, "second", &["SHARE_CONTENT"]).await;
    assert_eq!(fixture.share_type(writer, &second, "t", false).await, 201);
    let in_group = json!({ "include_only_groups": true });
    let found = vec![(record.clone(), json!("GROUP"))];
    let none = Vec::<(Value, Value)>::new();
    // To be a member is not to read, nor is to share.
    let sharer = fixture.client("sharer").await;
    assert_eq!(fixture.add(writer, group, &sharer, &["SHARE_CONTENT", "EDIT_CONTENT"]).await.code(), 201);
    assert_eq!(shared.found(&sharer, in_group.clone()).await, none);
    assert_eq!(shared.found(&fixture.client("outsider").await, json!({ "group_ids": [group] })).await, none);
    // In two groups, found once; in one of them still found when it leaves the other.
    assert_eq!(fixture.add(writer, &second, reader, &["READ_CONTENT"]).await.code(), 201);
    assert_eq!(shared.found(reader, in_group.clone()).await, found);
    assert_eq!(shared.found(reader, json!({ "group_ids": [second] })).await, found);
    assert_eq!(fixture.unshare_type(writer, group, "t").await, 204);
    assert_eq!(shared.found(reader, json!({ "group_ids": [group] })).await, none);
    assert_eq!(shared.found(reader, all()).await, found);
    assert_eq!(fixture.remove(writer, &second, &[reader]).await, 204);
    for request in [all(), in_group, json!({ "group_ids": [group, second] })] {
        assert_eq!(shared.found(reader, request).await, none);
    }
}

#[tokio::test]
async fn shares_of_ones_own_tell_with_whom() {
    let Shared { fixture, writer, reader, record, .. } = Shared::new().await;
    let shares = json!({ "include_only_direct_shares": true });
    // A group is no direct share.
    assert_eq!(fixture.found_by_terms(&writer, shares.clone()).await, Vec::<Value>::new());
    fixture.share(&writer, &reader, "t").await;
    let page = fixture.terms(&writer, shares).await;
    let found = &page["results"][0];
    assert_eq!((page["total_results"].clone(), id(found)), (json!(1), record));
    assert_eq!(found["clients_shared_with"], json!([reader.id]));
    assert_eq!(found["sharing_model"], "DIRECT");
}

//! Groups: who may do what, and what the answers look like. Bodies and statuses are those that official clients count on.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::fixture::{Answer, Fixture, TestClient, text};
use super::storage::{NO_ID, body, id, record_path};

const ALL: &[&str] = &["EDIT_CONTENT", "MANAGE_MEMBERSHIP", "READ_CONTENT", "SHARE_CONTENT"];

/// The path of something of a group.
fn of(pattern: &str, group: &str) -> String {
    pattern.replace("{group_id}", group)
}

impl Fixture {
    pub async fn group(&self, by: &TestClient, name: &str, capabilities: &[&str]) -> String {
        let body = json!({
            "group_name": name, "public_key": "key", "encrypted_group_key": format!("{name}.key"),
            "capability": capabilities,
        });
        let answer = self.call(by, Method::POST, paths::GROUPS, Some(body)).await;
        assert_eq!(answer.code(), 201, "{answer:?}");
        text(&answer.json()["group_id"])
    }

    pub async fn add(
        &self,
        by: &TestClient,
        group: &str,
        member: &TestClient,
        capabilities: &[&str],
    ) -> Answer {
        let member =
            json!({ "client_id": member.id, "membership_key": "m.k", "capability_names": capabilities });
        let body = json!({ "group_id": group, "group_members": [member] });
        self.call(by, Method::POST, &of(paths::GROUP_MEMBERS, group), Some(body)).await
    }

    pub async fn remove(&self, by: &TestClient, group: &str, members: &[&TestClient]) -> u16 {
        let members: Vec<_> = members.iter().map(|member| json!({ "client_id": member.id })).collect();
        let body = json!({ "group_members": members });
        self.call(by, Method::DELETE, &of(paths::GROUP_MEMBERS, group), Some(body)).await.code()
    }

    pub async fn share_type(&self, by: &TestClient, group: &str, of_type: &str, can_edit: bool) -> u16 {
        let body = json!({
            "group_id": group, "record_type": of_type, "record_id": "", "encrypted_access_key": "a.k",
            "public_key": "key", "can_edit": can_edit,
        });
        self.call(by, Method::POST, &of(paths::GROUP_SHARE, group), Some(body)).await.code()
    }

    pub async fn unshare_type(&self, by: &TestClient, group: &str, of_type: &str) -> u16 {
        let body = json!({ "record_type": of_type });
        self.call(by, Method::DELETE, &of(paths::GROUP_SHARE, group), Some(body)).await.code()
    }

    async fn names(&self, by: &TestClient, query: &str) -> Vec<String> {
        let page = self.listing(by, &format!("{}{query}", paths::GROUPS)).await;
        assert_eq!(page["next_token"], 0);
        page["groups"].as_array().unwrap().iter().map(|group| text(&group["group_name"])).collect()
    }

    async fn shared(&self, by: &TestClient, group: &str) -> Vec<Value> {
        let page = self.listing(by, &of(paths::GROUP_SHARE, group)).await;
        let records = page["results"].as_array().into_iter().flatten();
        records.map(|record| record["meta"]["record_id"].clone()).collect()
    }
}

#[tokio::test]
async fn a_group_is_created_read_described_and_deleted() {
    let fixture = Fixture::new().await;
    let (creator, colleague) = (fixture.client("creator").await, fixture.client("colleague").await);
    let body = json!({
        "group_name": "team", "public_key": "key", "encrypted_group_key": "x.y", "description": null,
        "capability": null,
    });
    // A signed request, as the official clients send it.
    let answer = fixture
        .post(paths::GROUPS)
        .header("authorization", fixture.sign(&creator, "POST", paths::GROUPS))
        .json(body)
        .send()
        .await;
    assert_eq!(answer.code(), 201);
    let group = answer.json();
    let (group_id, created) = (text(&group["group_id"]), group["created_at"].clone());
    assert_eq!(
        group,
        json!({
            "group_id": group_id, "group_name": "team", "account_id": fixture.account.id, "public_key": "key",
            "created_at": created, "last_modified": created, "encrypted_group_key": "x.y", "description": "",
            "member_count": 1,
        })
    );
    let members = fixture.listing(&creator, &of(paths::GROUP_MEMBERS, &group_id)).await;
    let first = json!({ "client_id": creator.id, "membership_key": "x.y", "capability_names": ["MANAGE_MEMBERSHIP"] });
    assert_eq!(members, json!({ "group_members": [first], "next_token": 0 }));
    let key = fixture.listing(&creator, &of(paths::GROUP_MEMBERSHIP_KEY, &group_id)).await;
    assert_eq!(
        key,
        json!({
            "group_id": group_id, "encrypted_membership_key": "x.y", "client_id": creator.id,
            "authorizer_id": creator.id,
        })
    );
    // Every client of the account sees it; only a manager changes it.
    let path = of(paths::GROUP, &group_id);
    assert_eq!(fixture.listing(&colleague, &path).await, group);
    let stranger = fixture.other_account("other@example.com").await.queen;
    let describe = json!({ "group_id": group_id, "group_description": "new" });
    let key_path = of(paths::GROUP_MEMBERSHIP_KEY, &group_id);
    assert_eq!(fixture.call(&colleague, Method::GET, &key_path, None).await.code(), 404);
    for (by, code) in [(&colleague, 403), (&stranger, 404)] {
        assert_eq!(fixture.call(by, Method::PUT, &path, Some(describe.clone())).await.code(), code);
        assert_eq!(fixture.call(by, Method::DELETE, &path, None).await.code(), code);
    }
    assert_eq!(fixture.call(&stranger, Method::GET, &path, None).await.code(), 404);
    let answer = fixture.call(&creator, Method::PUT, &path, Some(describe)).await;
    assert_eq!((answer.code(), &answer.json()["description"]), (200, &json!("new")));
    assert_ne!(answer.json()["last_modified"], created);
    assert_eq!(fixture.call(&creator, Method::DELETE, &path, None).await.code(), 204);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(fixture.call(&creator, method, &path, None).await.code(), 404);
    }
    assert_eq!(fixture.names(&creator, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_group_is_refused() {
    let fixture = Fixture::new().await;
    let client = fixture.client("client").await;
    for (name, value) in [
        ("group_name", json!("")),
        ("group_name", json!("n".repeat(2000))),
        ("public_key", json!("")),
        ("encrypted_group_key", json!("")),
        ("encrypted_group_key", json!("k".repeat(5000))),
        ("description", json!("d".repeat(70_000))),
        ("capability", json!(["READ"])),
    ] {
        let mut body = json!({ "group_name": "g", "public_key": "k", "encrypted_group_key": "x.y" });
        body[name] = value;
        assert_eq!(
            fixture.call(&client, Method::POST, paths::GROUPS, Some(body)).await.code(),
            400,
            "{name}"
        );
    }
    assert_eq!(fixture.post(paths::GROUPS).json(json!({})).send().await.code(), 401);
    for query in ["?client_id=x", "?max=x", "?nextToken=x"] {
        let path = format!("{}{query}", paths::GROUPS);
        assert_eq!(fixture.call(&client, Method::GET, &path, None).await.code(), 400, "{query}");
    }
    assert_eq!(fixture.call(&client, Method::GET, "/v2/storage/groups/realm/r", None).await.code(), 501);
    assert_eq!(fixture.call(&client, Method::GET, &of(paths::GROUP, NO_ID), None).await.code(), 404);
}

#[tokio::test]
async fn listings_of_groups() {
    let fixture = Fixture::new().await;
    let (a, b) = (fixture.client("a").await, fixture.client("b").await);
    assert_eq!(fixture.listing(&a, paths::GROUPS).await, json!({ "groups": [], "next_token": 0 }));
    let first = fixture.group(&a, "one", &[]).await;
    fixture.group(&b, "two", &[]).await;
    let third = fixture.group(&a, "with space & more", &[]).await;
    assert_eq!(fixture.add(&a, &third, &b, &["READ_CONTENT"]).await.code(), 201);
    let queen = &fixture.account.queen;
    let of_a = ["one", "with space & more"];
    assert_eq!(fixture.names(&a, "?").await, of_a);
    assert_eq!(fixture.names(&b, "").await, ["two", "with space & more"]);
    assert_eq!(fixture.names(queen, "?nextToken=&max=0").await, ["one", "two", "with space & more"]);
    assert_eq!(fixture.names(queen, &format!("?client_id={}", a.id)).await, of_a);
    assert_eq!(fixture.names(&b, &format!("?client_id={}", a.id)).await, of_a);
    assert_eq!(fixture.names(&a, "?group_names=with+space+%26+more&group_names=none").await, of_a[1..]);
    assert_eq!(fixture.names(&a, "?group_names=two").await, Vec::<String>::new());
    assert_eq!(fixture.names(queen, "?group_names=two&group_names=one").await, ["one", "two"]);
    // Page by page.
    let mut names = Vec::new();
    let mut token = json!(0);
    for page in 0..3 {
        let path = format!("{}?nextToken={token}&max=1", paths::GROUPS);
        let answer = fixture.listing(queen, &path).await;
        names.extend(answer["groups"].as_array().unwrap().iter().map(|group| text(&group["group_name"])));
        token = answer["next_token"].clone();
        assert_eq!(token == 0, page == 2);
    }
    assert_eq!(names, ["one", "two", "with space & more"]);
    // By id; what is not there is left out, also what is of another account.
    let stranger = fixture.other_account("other@example.com").await.queen;
    let body = json!({ "group_ids": [third, NO_ID, first, third] });
    let bulk = fixture.call(&b, Method::POST, paths::GROUPS_BULK, Some(body.clone())).await.json();
    assert_eq!(bulk["results"].as_object().unwrap().len(), 2);
    assert_eq!((&bulk["results"][&first]["group_name"], &bulk["next_token"]), (&json!("one"), &json!(0)));
    let bulk = fixture.call(&stranger, Method::POST, paths::GROUPS_BULK, Some(body)).await.json();
    assert_eq!(bulk, json!({ "results": {}, "next_token": 0 }));
    assert_eq!(fixture.names(&stranger, &format!("?client_id={}", a.id)).await, Vec::<String>::new());
}

#[tokio::test]
async fn members_come_and_go() {
    let fixture = Fixture::new().await;
    let (manager, member) = (fixture.client("manager").await, fixture.client("member").await);
    let group = fixture.group(&manager, "g", &["READ_CONTENT"]).await;
    let stranger = fixture.other_account("other@example.com").await.queen;
    assert_eq!(fixture.add(&member, &group, &member, ALL).await.code(), 403);
    assert_eq!(fixture.add(&stranger, &group, &stranger, ALL).await.code(), 404);
    assert_eq!(fixture.add(&manager, &group, &stranger, ALL).await.code(), 404);
    assert_eq!(fixture.add(&manager, NO_ID, &member, ALL).await.code(), 404);
    let added = fixture.add(&manager, &group, &member, &["READ_CONTENT"]).await;
    let expected =
        json!({ "client_id": member.id, "membership_key": "m.k", "capability_names": ["READ_CONTENT"] });
    assert_eq!((added.code(), added.json()), (201, json!([expected])));
    // Added again: one more capability, none less; the same client twice in one request is fine.
    let twice = json!({ "group_members": [
        { "client_id": member.id, "membership_key": "m.2", "capability_names": ["SHARE_CONTENT"] },
        { "client_id": member.id, "membership_key": "", "capability_names": null },
    ]});
    let added = fixture.call(&manager, Method::POST, &of(paths::GROUP_MEMBERS, &group), Some(twice)).await;
    let expected = json!({
        "client_id": member.id, "membership_key": "m.2", "capability_names": ["READ_CONTENT", "SHARE_CONTENT"],
    });
    assert_eq!((added.code(), added.json()), (201, json!([expected])));
    let group_now = fixture.listing(&member, &of(paths::GROUP, &group)).await;
    assert_eq!((&group_now["member_count"], &group_now["encrypted_group_key"]), (&json!(2), &json!("m.2")));
    // Capabilities are replaced; the key stays.
    let update =
        json!({ "group_members": [{ "client_id": member.id, "capability_names": ["EDIT_CONTENT"] }] });
    let path = of(paths::GROUP_MEMBERS, &group);
    assert_eq!(fixture.call(&member, Method::PUT, &path, Some(update.clone())).await.code(), 403);
    let updated = fixture.call(&manager, Method::PUT, &path, Some(update)).await;
    let expected = json!([{ "client_id": member.id, "capability_names": ["EDIT_CONTENT"] }]);
    assert_eq!((updated.code(), updated.json()), (200, expected));
    let members = fixture.listing(&member, &path).await;
    assert_eq!(members["group_members"][0]["client_id"], json!(manager.id));
    assert_eq!(members["group_members"][1]["membership_key"], "m.2");
    let no_member = json!({ "group_members": [{ "client_id": stranger.id, "capability_names": [] }] });
    assert_eq!(fixture.call(&manager, Method::PUT, &path, Some(no_member)).await.code(), 404);
    // Only managers remove; strangers and repetitions do no harm; the last manager stays.
    assert_eq!(fixture.remove(&member, &group, &[&member]).await, 403);
    assert_eq!(fixture.remove(&manager, NO_ID, &[&member]).await, 404);
    assert_eq!(fixture.remove(&manager, &group, &[&stranger]).await, 204);
    assert_eq!(fixture.remove(&manager, &group, &[&manager]).await, 400);
    let resign =
        json!({ "group_members": [{ "client_id": manager.id, "capability_names": ["READ_CONTENT"] }] });
    assert_eq!(fixture.call(&manager, Method::PUT, &path, Some(resign)).await.code(), 400);
    assert_eq!(fixture.remove(&manager, &group, &[&member, &member]).await, 204);
    assert_eq!(fixture.add(&manager, &group, &member, &["MANAGE_MEMBERSHIP"]).await.code(), 201);
    assert_eq!(fixture.remove(&manager, &group, &[&manager, &member]).await, 400);
    assert_eq!(fixture.remove(&manager, &group, &[&manager]).await, 204);
    assert_eq!(fixture.remove(&manager, &group, &[&member]).await, 403);
}

#[tokio::test]
async fn members_of_many_groups_are_paged_without_gaps() {
    let fixture = Fixture::new().await;
    let manager = fixture.client("manager").await;
    let mut groups = Vec::new();
    let mut expected = 0;
    for (number, members) in [0, 2, 0, 1].into_iter().enumerate() {
        let group = fixture.group(&manager, &number.to_string(), &[]).await;
        for _ in 0..members {
            let member = fixture.client("m").await;
            assert_eq!(fixture.add(&manager, &group, &member, &[]).await.code(), 201);
        }
        expected += members + 1;
        groups.push(group);
    }
    for max in [1, 2, 3, expected, 100] {
        let mut token = String::new();
        let mut found = Vec::new();
        for page in 0.. {
            assert!(page < 20, "the listing does not end");
            let path = format!("{}?nextToken={token}&max={max}", paths::GROUPS_BULK_MEMBERS);
            let body = json!({ "group_ids": groups });
            let answer = fixture.call(&manager, Method::POST, &path, Some(body)).await.json();
            for (group, members) in answer["results"].as_object().unwrap() {
                for member in members.as_array().unwrap() {
                    found.push((group.clone(), member["client_id"].clone().to_string()));
                }
            }
            token = text(&answer["next_token"]);
            if token == "0" {
                break;
            }
        }
        assert_eq!(found.len(), expected, "{max}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), expected, "{max}");
    }
}

#[tokio::test]
async fn capabilities_are_listed_both_ways() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let (one, two) = (fixture.group(&writer, "1", &[]).await, fixture.group(&writer, "2", &[]).await);
    for group in [&one, &two] {
        let added = fixture.add(&writer, group, &reader, &["READ_CONTENT", "SHARE_CONTENT"]).await;
        assert_eq!(added.code(), 201);
    }
    let path = paths::GROUPS_OF_CLIENT.replace("{client_id}", &reader.id.to_string());
    let both = json!([one, two]);
    let expected = json!({ "groups": [
        { "capability": "SHARE_CONTENT", "group_ids": both }, { "capability": "READ_CONTENT", "group_ids": both },
    ], "next_token": 0 });
    for query in ["", "?", "?capabilities=READ_CONTENT&capabilities=SHARE_CONTENT"] {
        assert_eq!(fixture.listing(&writer, &format!("{path}{query}")).await, expected);
    }
    let only = fixture.listing(&writer, &format!("{path}?capabilities=EDIT_CONTENT")).await;
    assert_eq!(only, json!({ "groups": [], "next_token": 0 }));
    assert_eq!(fixture.call(&writer, Method::GET, &format!("{path}?capabilities=x"), None).await.code(), 400);

    let of_reader = paths::GROUPS_CAPABILITIES.replace("{client_id}", &reader.id.to_string());
    let path = format!("{of_reader}?group_ids={one}&group_ids={NO_ID}");
    let capabilities = fixture.listing(&writer, &path).await;
    let expected = json!({ &one: ["READ_CONTENT", "SHARE_CONTENT"], NO_ID: [] });
    assert_eq!(capabilities, json!({ "results": expected, "next_token": 0 }));
    assert_eq!(fixture.listing(&reader, &path).await["results"], expected);
    // Who is not in the group learns nothing.
    let outsider = fixture.client("outsider").await;
    assert_eq!(fixture.listing(&outsider, &path).await["results"], json!({ &one: [], NO_ID: [] }));
}

#[tokio::test]
async fn groups_of_flows_that_a_client_alone_manages() {
    let fixture = Fixture::new().await;
    let (client, other) = (fixture.client("client").await, fixture.client("other").await);
    for (number, description) in [
        r#"{"type":"group","name":"first"}"#,
        r#"{"type":"group","name":"second"}"#,
        r#"{"type":"x","name":"n"}"#,
        "text",
    ]
    .into_iter()
    .enumerate()
    {
        let group = fixture.group(&client, "g", &[]).await;
        let body = json!({ "group_description": description });
        assert_eq!(
            fixture.call(&client, Method::PUT, &of(paths::GROUP, &group), Some(body)).await.code(),
            200
        );
        let shared = fixture.group(&client, "s", &[]).await;
        let body = json!({ "group_description": description });
        assert_eq!(
            fixture.call(&client, Method::PUT, &of(paths::GROUP, &shared), Some(body)).await.code(),
            200
        );
        assert_eq!(fixture.add(&client, &shared, &other, ALL).await.code(), 201, "{number}");
    }
    let path = paths::GROUPS_OWNED.replace("{client_id}", &client.id.to_string());
    let expected = json!({ "results": ["first", "second"], "next_token": 0 });
    assert_eq!(fixture.listing(&client, &path).await, expected);
    let page = fixture.listing(&client, &format!("{path}?max=1")).await;
    assert_eq!(page["results"], json!(["first"]));
    let page = fixture.listing(&client, &format!("{path}?max=1&nextToken={}", page["next_token"])).await;
    assert_eq!(page, json!({ "results": ["second"], "next_token": 0 }));
}

#[tokio::test]
async fn what_is_shared_with_a_group_is_read_by_its_members() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let group = fixture.group(&writer, "g", &["SHARE_CONTENT", "READ_CONTENT"]).await;
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    fixture.write(&writer, "other", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    let list = of(paths::GROUP_SHARE, &group);
    assert_eq!(fixture.call(&reader, Method::GET, &list, None).await.code(), 403);
    assert_eq!(fixture.share_type(&reader, &group, "t", false).await, 403);
    assert_eq!(fixture.share_type(&writer, NO_ID, "t", false).await, 404);
    assert_eq!(fixture.share_type(&writer, &group, "t", false).await, 201);
    // To share is not to be a member, nor is to be a member to read.
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.add(&writer, &group, &reader, &["SHARE_CONTENT"]).await.code(), 201);
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.call(&reader, Method::GET, &list, None).await.code(), 403);
    assert_eq!(fixture.add(&writer, &group, &reader, &["READ_CONTENT"]).await.code(), 201);
    assert_eq!(fixture.read_code(&reader, &record).await, 200);

    let page = fixture.listing(&reader, &list).await;
    let found = &page["results"][0];
    let key = json!({
        "eak": "a.k", "authorizer_id": writer.id,
        "authorizer_public_key": { "curve25519": writer.encryption.public_key() },
        "access_key_wrappers": [{
            "membership_key": "m.k", "public_key": writer.encryption.public_key(),
            "access_key_id": found["access_key"]["access_key_wrappers"][0]["access_key_id"], "group_public_key": "key",
        }],
    });
    assert_eq!((page["results"].as_array().unwrap().len(), &page["next_token"]), (1, &json!("0")));
    assert_eq!(found["meta"], record["meta"]);
    assert_eq!(found["record_data"], json!({ "a": "1" }));
    assert_eq!(found["sharing_model"], "GROUP");
    assert_eq!((&found["access_key"], &found["group_access_key"]), (&key, &key));
    // A batch gives the key through the group to who has no key of its own.
    let batch = json!({ "record_ids": [id(&record)], "include_data": true });
    let batch = |by| fixture.call(by, Method::GET, paths::RECORDS, Some(batch.clone()));
    assert_eq!(batch(&reader).await.json()["records"][0]["group_access_key"], key);
    assert!(batch(&writer).await.json()["records"][0].get("group_access_key").is_none());

    // To read is not to write.
    let change = body(writer.id, "t", json!({}), json!({ "a": "2" }));
    assert_eq!(fixture.call(&reader, Method::PUT, &record_path(&record), Some(change)).await.code(), 403);
    assert_eq!(fixture.call(&reader, Method::DELETE, &record_path(&record), None).await.code(), 403);
    // What the member shares is read by the first.
    let back = fixture.write(&reader, "u", json!({}), json!({ "b": "2" })).await;
    assert_eq!(fixture.share_type(&reader, &group, "u", false).await, 201);
    assert_eq!(fixture.shared(&writer, &group).await, [id(&record), id(&back)]);
    let of_writer = fixture.listing(&writer, &format!("{list}?writer_ids={}", reader.id)).await;
    assert_eq!(of_writer["results"].as_array().unwrap().len(), 1);
    // Only the writer takes back, also from outside, as often as it likes.
    let foreign = json!({ "record_type": "t", "writer_id": writer.id });
    assert_eq!(fixture.call(&reader, Method::DELETE, &list, Some(foreign)).await.code(), 403);
    assert_eq!(fixture.remove(&writer, &group, &[&reader]).await, 204);
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.unshare_type(&reader, &group, "u").await, 204);
    assert_eq!(fixture.read_code(&writer, &back).await, 404);
    for _ in 0..2 {
        assert_eq!(fixture.unshare_type(&writer, &group, "t").await, 204);
    }
    assert_eq!(fixture.shared(&writer, &group).await, Vec::<Value>::new());
}

#[tokio::test]
async fn listings_over_groups_are_paged_to_the_end() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut groups = Vec::new();
    for name in ["empty", "a", "b"] {
        let group = fixture.group(&writer, name, &["SHARE_CONTENT", "READ_CONTENT"]).await;
        assert_eq!(fixture.share_type(&writer, &group, name, false).await, 201);
        groups.push(group);
    }
    let mut written = Vec::new();
    for of_type in ["a", "b", "a"] {
        written.push(id(&fixture.write(&writer, of_type, json!({}), json!({ "a": "1" })).await));
    }
    let unread = fixture.group(&writer, "unread", &[]).await;
    groups.extend([unread, NO_ID.to_owned()]);
    for (max, pages) in [(1, 3), (2, 2), (3, 1), (0, 1)] {
        let (mut token, mut found, mut seen) = (String::new(), Vec::new(), 0);
        loop {
            let path = format!("{}?next_token={token}&max={max}", paths::GROUPS_BULK_SHARE);
            let body = json!({ "group_ids": groups });
            let answer = fixture.call(&writer, Method::POST, &path, Some(body)).await.json();
            for group in &groups {
                for record in answer["results"][group].as_array().into_iter().flatten() {
                    found.push(record["meta"]["record_id"].clone());
                }
            }
            seen += 1;
            token = text(&answer["next_token"]);
            if token == "0" {
                break;
            }
        }
        assert_eq!(
            (seen, &found),
            (pages, &vec![written[0].clone(), written[2].clone(), written[1].clone()])
        );
    }
    // One group: a page that is just full is the last one.
    let list = of(paths::GROUP_SHARE, &groups[1]);
    let page = fixture.listing(&writer, &format!("{list}?max=1")).await;
    assert_ne!(page["next_token"], "0");
    let next = format!("{list}?max=1&next_token={}", text(&page["next_token"]));
    let page = fixture.listing(&writer, &next).await;
    assert_eq!((&page["results"][0]["meta"]["record_id"], &page["next_token"]), (&written[2], &json!("0")));
}

#[tokio::test]
async fn members_edit_where_the_share_allows_it() {
    let fixture = Fixture::new().await;
    let (writer, editor) = (fixture.client("writer").await, fixture.client("editor").await);
    let group = fixture.group(&writer, "g", ALL).await;
    assert_eq!(fixture.add(&writer, &group, &editor, &["READ_CONTENT", "EDIT_CONTENT"]).await.code(), 201);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let path = |record: &Value| {
        format!(
            "/v1/storage/groups/{group}/records/safe/{}/{}",
            text(&record["meta"]["record_id"]),
            text(&record["meta"]["version"])
        )
    };
    let change = body(writer.id, "t", json!({ "p": "q" }), json!({ "a": "2" }));
    let edit = async |by, path: String| fixture.call(by, Method::PUT, &path, Some(change.clone())).await;
    assert_eq!(edit(&editor, path(&record)).await.code(), 404);
    assert_eq!(fixture.share_type(&writer, &group, "t", false).await, 201);
    assert_eq!(edit(&editor, path(&record)).await.code(), 403);
    assert_eq!(fixture.share_type(&writer, &group, "t", true).await, 201);
    let answer = edit(&editor, path(&record)).await;
    assert_eq!(answer.code(), 200, "{answer:?}");
    let edited = answer.json();
    assert_eq!((&edited["data"], &edited["meta"]["writer_id"]), (&json!({ "a": "2" }), &json!(writer.id)));
    assert_eq!(edit(&editor, path(&record)).await.code(), 409);
    let other_type = body(writer.id, "u", json!({}), json!({ "a": "2" }));
    assert_eq!(fixture.call(&editor, Method::PUT, &path(&edited), Some(other_type)).await.code(), 400);
    let reader = fixture.client("reader").await;
    assert_eq!(edit(&reader, path(&edited)).await.code(), 403);
    assert_eq!(fixture.add(&writer, &group, &reader, &["READ_CONTENT"]).await.code(), 201);
    assert_eq!(edit(&reader, path(&edited)).await.code(), 403);
    assert_eq!(edit(&writer, path(&edited)).await.code(), 200);
}

#[tokio::test]
async fn a_writer_sees_whom_it_shares_with() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let (one, two) = (fixture.group(&writer, "1", ALL).await, fixture.group(&writer, "2", ALL).await);
    for (group, of_type, can_edit) in [(&two, "t", true), (&one, "t", false), (&one, "u+v w", false)] {
        assert_eq!(fixture.share_type(&writer, group, of_type, can_edit).await, 201);
    }
    let readers = |query| format!("{}?{query}", paths::GROUPS_ALLOWED_READERS);
    let answer =
        fixture.listing(&writer, &readers("content_types=t&content_types=u%2Bv%20w&content_types=x")).await;
    assert_eq!(answer, json!({ "groups_shared_with": { "t": [one, two], "u+v w": [one] } }));
    assert_eq!(fixture.listing(&writer, &readers("")).await, json!({ "groups_shared_with": {} }));
    let edit = format!("{}?content_types=t", paths::GROUPS_ALLOWED_EDIT);
    let expected = json!([{ "group_id": one, "can_edit": false }, { "group_id": two, "can_edit": true }]);
    assert_eq!(fixture.listing(&writer, &edit).await, expected);
    let other = fixture.client("other").await;
    assert_eq!(fixture.listing(&other, &edit).await, json!([]));
    // A single record is not shared by sharing all of them.
    let body =
        json!({ "record_type": "t", "record_id": NO_ID, "encrypted_access_key": "a.k", "public_key": "key" });
    let answer = fixture.call(&writer, Method::POST, &of(paths::GROUP_SHARE, &one), Some(body)).await;
    assert_eq!(answer.code(), 501);
}

#[tokio::test]
async fn a_group_outlives_who_let_others_in_and_goes_with_its_last_member() {
    let fixture = Fixture::new().await;
    let (creator, manager) = (fixture.client("creator").await, fixture.client("manager").await);
    let reader = fixture.client("reader").await;
    let group = fixture.group(&creator, "g", ALL).await;
    assert_eq!(fixture.add(&creator, &group, &manager, ALL).await.code(), 201);
    assert_eq!(fixture.add(&creator, &group, &reader, &["READ_CONTENT"]).await.code(), 201);
    let record = fixture.write(&manager, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.share_type(&manager, &group, "t", false).await, 201);
    let queen = &fixture.account.queen;
    let delete = |client: &TestClient| format!("/v1/client/admin/{}", client.id);
    assert_eq!(fixture.call(queen, Method::DELETE, &delete(&creator), None).await.code(), 204);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    let page = fixture.listing(&reader, &of(paths::GROUP_SHARE, &group)).await;
    let key = &page["results"][0]["group_access_key"];
    assert_eq!(key["authorizer_public_key"], json!({ "curve25519": creator.encryption.public_key() }));
    assert_eq!(fixture.read_code(&reader, &record).await, 200);
    // Its writer's records are gone at once, before anything is erased.
    assert_eq!(fixture.call(queen, Method::DELETE, &delete(&manager), None).await.code(), 204);
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.shared(&reader, &group).await, Vec::<Value>::new());
    assert_eq!(fixture.call(queen, Method::DELETE, &delete(&reader), None).await.code(), 204);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.call(queen, Method::GET, &of(paths::GROUP, &group), None).await.code(), 404);
}

/// Members come and go while others share, read and list: nothing fails, and who is out is out at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn membership_changes_during_sharing_and_reading() {
    const ROUNDS: usize = 25;
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let second = fixture.client("second").await;
    let group = fixture.group(&writer, "g", ALL).await;
    assert_eq!(fixture.add(&writer, &group, &second, ALL).await.code(), 201);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.share_type(&writer, &group, "t", false).await, 201);

    let members = async {
        for _ in 0..ROUNDS {
            assert_eq!(fixture.add(&writer, &group, &reader, &["READ_CONTENT"]).await.code(), 201);
            assert_eq!(fixture.read_code(&reader, &record).await, 200);
            assert_eq!(fixture.remove(&writer, &group, &[&reader]).await, 204);
            assert_eq!(fixture.read_code(&reader, &record).await, 404);
        }
    };
    let shares = async {
        for _ in 0..ROUNDS {
            assert_eq!(fixture.share_type(&second, &group, "u", true).await, 201);
            assert_eq!(fixture.unshare_type(&second, &group, "u").await, 204);
        }
    };
    // Two managers that want to remove each other: one of them always stays.
    let managers = async {
        for _ in 0..ROUNDS {
            let other = fixture.client("other").await;
            let contested = fixture.group(&second, "c", ALL).await;
            assert_eq!(fixture.add(&second, &contested, &other, ALL).await.code(), 201);
            let (of_other, of_second) = ([&other], [&second]);
            let codes = tokio::join!(
                fixture.remove(&second, &contested, &of_other),
                fixture.remove(&other, &contested, &of_second),
            );
            assert!(matches!(codes, (204, 403) | (403, 204)), "{codes:?}");
            let left = fixture.listing(&second, &of(paths::GROUP_MEMBERS, &contested)).await;
            assert_eq!(left["group_members"].as_array().unwrap().len(), 1);
        }
    };
    let readers = async {
        for _ in 0..ROUNDS * 2 {
            let code = fixture.call(&reader, Method::GET, &of(paths::GROUP_SHARE, &group), None).await.code();
            assert!(matches!(code, 200 | 403), "{code}");
            assert!(matches!(fixture.read_code(&reader, &record).await, 200 | 404));
            let listed = fixture.shared(&second, &group).await;
            assert_eq!(listed, [id(&record)]);
        }
    };
    tokio::join!(members, shares, managers, readers);
}

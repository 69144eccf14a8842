//! Searching records by terms.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::fixture::{Fixture, TestClient};
use super::storage::id;

impl Fixture {
    pub async fn terms(&self, client: &TestClient, request: Value) -> Value {
        let answer = self.call(client, Method::POST, paths::TERM_SEARCH, Some(request)).await;
        assert_eq!(answer.code(), 200, "{answer:?}");
        answer.json()
    }

    pub async fn found_by_terms(&self, client: &TestClient, request: Value) -> Vec<Value> {
        self.terms(client, request).await["results"].as_array().unwrap().iter().map(id).collect()
    }
}

fn matching(terms: Value) -> Value {
    json!({ "match": [{ "terms": terms }] })
}

#[tokio::test]
async fn answers_have_every_member() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = fixture.write(&writer, "t", json!({ "p": "q" }), json!({ "a": "1" })).await;
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    let item = |data: Value, key: &Value| {
        json!({
            "meta": record["meta"], "record_data": data, "access_key": key, "sharing_model": "DIRECT",
            "group_access_key": null, "rec_sig": null,
        })
    };
    let page = fixture.terms(&writer, json!({})).await;
    let expected = json!({
        "results": [item(Value::Null, &Value::Null)], "last_index": 0, "total_results": 1, "search_id": "",
    });
    assert_eq!(page, expected);
    let path = super::storage::key_path(&writer, &writer, "t");
    let key = fixture.call(&writer, Method::GET, &path, None).await.json();
    let page = fixture.terms(&writer, json!({ "include_data": true })).await;
    assert_eq!(page["results"], json!([item(json!({ "a": "1" }), &key)]));
    let none = fixture.terms(&writer, matching(json!({ "keys": ["none"] }))).await;
    assert_eq!(none, json!({ "results": [], "last_index": 0, "total_results": 0, "search_id": "" }));
}

#[tokio::test]
async fn what_clients_send_for_nothing_is_no_condition() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = id(&fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await);
    let zero = "0001-01-01T00:00:00Z";
    for request in [
        json!({ "limit": null, "next_token": null, "match": null, "exclude": [], "range": {}, "order": null }),
        json!({ "limit": 0, "range": { "range_key": "", "before": zero, "after": zero }, "async": true }),
        json!({ "match": [{ "condition": "", "strategy": "", "terms": { "keys": null, "tags": null } }] }),
        json!({ "match": [{ "terms": { "types": ["unknown"] } }], "exclude": [{ "terms": {} }] }),
        json!({ "group_ids": [], "include_only_groups": false, "exclude_group_records": true }),
    ] {
        assert_eq!(
            fixture.found_by_terms(&writer, request.clone()).await,
            std::slice::from_ref(&record),
            "{request}"
        );
    }
    for body in ["", "null", "{}"] {
        let answer = fixture.post(paths::TERM_SEARCH).bearer(&writer.token).body(body).send().await;
        assert_eq!(answer.json()["total_results"], 1, "{body}");
    }
}

#[tokio::test]
async fn terms_conditions_and_strategies() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let write =
        async |of: &str, plain: Value| id(&fixture.write(&writer, of, plain, json!({ "a": "1" })).await);
    let a = write("fruit", json!({ "color": "red", "taste": "veryveryfunny" })).await;
    let b = write("fruit", json!({ "color": "green", "red": "no" })).await;
    let c = write("Fruit", json!({ "kind": "red", "mail": "x@example.com" })).await;
    let with = |strategy: &str, condition: &str, terms: Value| json!({ "match": [{ "condition": condition, "strategy": strategy, "terms": terms }] });
    let upper_case = writer.id.to_string().to_uppercase();
    for (request, expected) in [
        (matching(json!({ "content_types": ["fruit"] })), vec![&a, &b]),
        (matching(json!({ "record_ids": [a, c] })), vec![&a, &c]),
        (with("EXACT", "AND", json!({ "record_ids": [a, c] })), vec![]),
        (matching(json!({ "writer_ids": [upper_case] })), vec![&a, &b, &c]),
        (matching(json!({ "writer_ids": [super::storage::NO_ID] })), vec![]),
        (matching(json!({ "user_ids": [writer.id] })), vec![&a, &b, &c]),
        (matching(json!({ "keys": ["red"] })), vec![&b]),
        (matching(json!({ "values": ["red"] })), vec![&a, &c]),
        (matching(json!({ "keys": ["red"], "values": ["red"] })), vec![&a, &b, &c]),
        (matching(json!({ "tags": { "color": "red", "red": "no" } })), vec![&a, &b]),
        (with("EXACT", "AND", json!({ "tags": { "color": "green", "red": "no" } })), vec![&b]),
        (with("EXACT", "AND", json!({ "content_types": ["fruit"], "values": ["red"] })), vec![&a]),
        (with("FUZZY", "OR", json!({ "values": ["veryveryfuzzy"] })), vec![&a]),
        (with("FUZZY", "OR", json!({ "content_types": ["fruit"] })), vec![&a, &b, &c]),
        (with("WILDCARD", "OR", json!({ "values": ["*@example.com", "gr?en"] })), vec![&b, &c]),
        (with("WILDCARD", "OR", json!({ "tags": { "co*": "r*" } })), vec![&a]),
        (with("WILDCARD", "OR", json!({ "content_types": ["f*"] })), vec![&a, &b]),
        (with("REGEXP", "OR", json!({ "keys": ["k.*|t.*e"] })), vec![&a, &c]),
        (with("REGEXP", "OR", json!({ "values": ["ed"] })), vec![]),
        (with("REGEXP", "OR", json!({ "values": [r"x\@.*"] })), vec![&c]),
    ] {
        let found = fixture.found_by_terms(&writer, request.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
    let id_of = |record: &Value| json!({ "terms": { "record_ids": [record] } });
    for (request, expected) in [
        (json!({ "match": [id_of(&a), id_of(&b)] }), vec![&a, &b]),
        (json!({ "exclude": [id_of(&a), id_of(&b)] }), vec![&c]),
        (json!({ "match": [id_of(&a), id_of(&b)], "exclude": [id_of(&a)] }), vec![&b]),
        (json!({ "order": { "sort_order": "DESCENDING" } }), vec![&c, &b, &a]),
        (json!({ "order": { "sortOrder": "DESCENDING" } }), vec![&c, &b, &a]),
    ] {
        let found = fixture.found_by_terms(&writer, request.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
}

#[tokio::test]
async fn ranges_hold_their_bounds() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut records = Vec::new();
    for _ in 0..3 {
        records.push(fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await);
    }
    let path = super::storage::record_path(&records[0]);
    let body = super::storage::body(writer.id, "t", json!({}), json!({ "a": "2" }));
    let changed = fixture.call(&writer, Method::PUT, &path, Some(body)).await.json();
    let ids: Vec<_> = records.iter().map(id).collect();
    let created = |n: usize| records[n]["meta"]["created"].clone();
    let modified = changed["meta"]["last_modified"].clone();
    for (range, expected) in [
        (json!({ "range_key": "CREATED", "after": created(1) }), &ids[1..]),
        (json!({ "range_key": "CREATED", "before": created(1) }), &ids[..2]),
        (json!({ "after": created(1), "before": created(1) }), &ids[1..2]),
        (json!({ "after": created(2), "before": created(1) }), &[]),
        (json!({ "range_key": "MODIFIED", "after": modified }), &ids[..1]),
        (json!({ "range_key": "MODIFIED", "before": created(2) }), &ids[1..]),
        (json!({ "range_key": "MODIFIED", "after": "2999-01-01T00:00:00+01:00" }), &[]),
    ] {
        let found = fixture.found_by_terms(&writer, json!({ "range": range })).await;
        assert_eq!(found, expected, "{range}");
    }
}

#[tokio::test]
async fn pages_tell_where_the_next_one_begins() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(id(&fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await));
    }
    for (token, limit, last_index, expected) in [
        (0, 2, 2, &all[..2]),
        (2, 10, 0, &all[2..]),
        (2, 3, 0, &all[2..]),
        (4, 1, 0, &all[4..]),
        (9, 2, 0, &[]),
    ] {
        let page = fixture.terms(&writer, json!({ "next_token": token, "limit": limit })).await;
        assert_eq!((&page["last_index"], &page["total_results"]), (&json!(last_index), &json!(5)));
        let found: Vec<_> = page["results"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn what_is_no_search_is_refused_with_a_reason() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    fixture.write(&writer, "t", json!({ "a": "b" }), json!({ "a": "1" })).await;
    let strategy = |strategy: &str, value: &str| json!({ "match": [{ "strategy": strategy, "terms": { "values": [value] } }] });
    for request in [
        json!({ "next_token": -1 }),
        json!({ "limit": 1001 }),
        json!({ "limit": "many" }),
        matching(json!({ "keys": vec!["k"; 1001] })),
        strategy("LIKE", "a"),
        strategy("REGEXP", "("),
        strategy("REGEXP", "a@b"),
        strategy("REGEXP", "(?=a)"),
        strategy("REGEXP", "(a{999}){999}"),
        strategy("WILDCARD", &"*".repeat(1025)),
        json!({ "match": [{ "strategy": "FUZZY", "terms": { "values": vec!["abc"; 65] } }] }),
        json!({ "range": { "after": "yesterday" } }),
    ] {
        let answer = fixture.call(&writer, Method::POST, paths::TERM_SEARCH, Some(request.clone())).await;
        assert_eq!(answer.code(), 400, "{request}");
    }
    assert_eq!(fixture.post(paths::TERM_SEARCH).send().await.code(), 401);
    let far = fixture.terms(&writer, json!({ "next_token": i64::MAX, "limit": 1000 })).await;
    assert_eq!((&far["results"], &far["total_results"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn a_search_sees_what_its_caller_may_read() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let shared = id(&fixture.write(&writer, "shared", json!({}), json!({ "a": "1" })).await);
    let without_key = id(&fixture.write(&writer, "without key", json!({}), json!({ "a": "2" })).await);
    let own = id(&fixture.write(&reader, "own", json!({}), json!({ "a": "3" })).await);
    fixture.share(&writer, &reader, "shared").await;
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "without key", "allow", &["read"]).await, 201);
    let all = json!({ "include_all_writers": true, "include_data": true });
    assert_eq!(fixture.found_by_terms(&reader, json!({})).await, std::slice::from_ref(&own));
    let page = fixture.terms(&reader, all.clone()).await;
    assert_eq!(page["total_results"], 2);
    assert_eq!(id(&page["results"][0]), shared);
    assert_eq!(page["results"][0]["access_key"]["eak"], json!(format!("{}.{}", writer.id, reader.id)));
    // Of one's own records, those that others may read.
    for (request, expected) in [
        (json!({ "include_only_direct_shares": true }), vec![&shared, &without_key]),
        (
            json!({ "include_only_direct_shares": true, "include_all_writers": true }),
            vec![&shared, &without_key],
        ),
        (json!({ "include_only_groups": true, "include_all_writers": true }), vec![]),
        (json!({ "group_ids": [super::storage::NO_ID] }), vec![]),
        (json!({ "exclude_group_records": true, "include_all_writers": true }), vec![&shared, &without_key]),
    ] {
        let found = fixture.found_by_terms(&writer, request.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
    let only_shares = json!({ "include_only_direct_shares": true });
    assert_eq!(fixture.found_by_terms(&reader, only_shares).await, Vec::<Value>::new());
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "shared", "deny", &["read"]).await, 201);
    assert_eq!(fixture.found_by_terms(&reader, all).await, [own]);
}

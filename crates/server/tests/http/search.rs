//! Searching records.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;

use super::fixture::Fixture;
use super::storage::id;

#[tokio::test]
async fn results_have_every_member() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = fixture.write(&writer, "t", json!({ "p": "q" }), json!({ "a": "1" })).await;
    let page = fixture.search(&writer, json!({})).await;
    let expected =
        json!({ "meta": record["meta"], "record_data": null, "access_key": null, "rec_sig": null });
    assert_eq!(page["results"], json!([expected]));
    // Data without a key: the key is null. With one: it is as it is read by itself.
    let page = fixture.search(&writer, json!({ "include_data": true })).await;
    let expected =
        json!({ "meta": record["meta"], "record_data": { "a": "1" }, "access_key": null, "rec_sig": null });
    assert_eq!(page["results"], json!([expected]));
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    let key = fixture
        .call(&writer, Method::GET, &super::storage::key_path(&writer, &writer, "t"), None)
        .await
        .json();
    let page = fixture.search(&writer, json!({ "include_data": true })).await;
    assert_eq!(page["results"][0]["access_key"], key);
    assert!(page.get("error").is_none());
}

#[tokio::test]
async fn empty_and_null_are_no_filters() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let python = json!({
        "count": 100, "include_data": true, "writer_ids": [], "user_ids": [], "record_ids": [], "content_types": [],
        "plain": null, "after_index": 0, "include_all_writers": false,
    });
    assert_eq!(fixture.found(&writer, python).await, [id(&record)]);
    for body in ["", "{}", "null"] {
        let answer = fixture.post(paths::SEARCH).bearer(&writer.token).body(body).send().await;
        assert_eq!(answer.json()["results"].as_array().unwrap().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn filters_must_all_hold() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let write = async |of: &str, flavor: &str, active: &str| {
        id(&fixture
            .write(&writer, of, json!({ "flavor": flavor, "active": active }), json!({ "a": "1" }))
            .await)
    };
    let (a, b, c) = (
        write("t", "grape", "true").await,
        write("t", "grape", "false").await,
        write("u", "kiwi", "true").await,
    );
    let eq = |name: &str, value: &str| json!({ "eq": { "name": name, "value": value } });
    for (request, expected) in [
        (json!({}), vec![&a, &b, &c]),
        (json!({ "content_types": ["t"] }), vec![&a, &b]),
        (json!({ "content_types": ["t", "u", "v"] }), vec![&a, &b, &c]),
        (json!({ "content_types": ["v"] }), vec![]),
        (json!({ "record_ids": [c, a] }), vec![&a, &c]),
        (json!({ "record_ids": [c, a], "content_types": ["t"] }), vec![&a]),
        (json!({ "user_ids": [writer.id] }), vec![&a, &b, &c]),
        (json!({ "user_ids": [super::storage::NO_ID] }), vec![]),
        (json!({ "plain": eq("flavor", "grape") }), vec![&a, &b]),
        (json!({ "plain": { "and": [eq("flavor", "grape"), eq("active", "true")] } }), vec![&a]),
        (json!({ "plain": { "or": [eq("flavor", "kiwi"), eq("active", "false")] } }), vec![&b, &c]),
        (json!({ "plain": { "not": eq("flavor", "grape") } }), vec![&c]),
        (json!({ "plain": { "flavor": "kiwi", "active": "true" } }), vec![&c]),
        (json!({ "plain": { "not": eq("flavor", "grape") }, "content_types": ["t"] }), vec![]),
    ] {
        let found = fixture.found(&writer, request.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
}

#[tokio::test]
async fn pages_are_full_until_there_is_no_more() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(id(&fixture
            .write(&writer, if n % 2 == 0 { "even" } else { "odd" }, json!({}), json!({ "a": "1" }))
            .await));
    }
    for (count, filter, pages) in [
        (5, json!([]), vec![5, 1, 0]),
        (1, json!([]), vec![1, 1, 1, 1, 1, 1, 0]),
        (3, json!([]), vec![3, 3, 0]),
        (2, json!(["even"]), vec![2, 1, 0]),
    ] {
        let (mut after, mut found) = (0, Vec::new());
        for expected in pages {
            let request = json!({ "count": count, "content_types": filter, "after_index": after });
            let page = fixture.search(&writer, request).await;
            let results = page["results"].as_array().unwrap();
            assert_eq!(results.len(), expected);
            let last = page["last_index"].as_u64().unwrap();
            assert!(if expected == 0 { last == after } else { last > after }, "{page}");
            after = last;
            found.extend(results.iter().map(id));
        }
        let expected: Vec<_> = all.iter().step_by(if filter == json!([]) { 1 } else { 2 }).cloned().collect();
        assert_eq!(found, expected);
    }
    // An update leaves a record in its place.
    let path = format!("{}/{}", paths::RECORDS, all[0].as_str().unwrap());
    let update = super::storage::body(writer.id, "even", json!({}), json!({ "a": "2" }));
    assert_eq!(fixture.call(&writer, Method::PUT, &path, Some(update)).await.code(), 200);
    assert_eq!(fixture.found(&writer, json!({})).await, all);
    for _ in 0..46 {
        fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    }
    for default in [json!({}), json!({ "count": 0 }), json!({ "count": -1 }), json!({ "count": null })] {
        assert_eq!(fixture.found(&writer, default).await.len(), 50);
    }
}

#[tokio::test]
async fn what_is_no_search_is_refused() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    for request in [
        json!({ "after_index": -99 }),
        json!({ "count": 1001 }),
        json!({ "count": "many" }),
        json!({ "plain": { "eq": { "name": "a" } } }),
        json!({ "plain": { "xor": [] } }),
        json!({ "writer_ids": ["all"] }),
        json!({ "record_ids": vec![super::storage::NO_ID; 1001] }),
    ] {
        let answer = fixture.call(&writer, Method::POST, paths::SEARCH, Some(request.clone())).await;
        assert_eq!(answer.code(), 400, "{request}");
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(fixture.post(paths::SEARCH).send().await.code(), 401);
    let far = fixture.search(&writer, json!({ "after_index": i64::MAX, "count": 1000 })).await;
    assert_eq!(far["results"], json!([]));
}

#[tokio::test]
async fn a_search_sees_what_its_caller_may_read() {
    let fixture = Fixture::new().await;
    let (writer, other, reader) =
        (fixture.client("writer").await, fixture.client("other").await, fixture.client("reader").await);
    let shared = id(&fixture.write(&writer, "shared", json!({}), json!({ "a": "1" })).await);
    let secret = id(&fixture.write(&writer, "secret", json!({}), json!({ "a": "2" })).await);
    let others = id(&fixture.write(&other, "shared", json!({}), json!({ "a": "3" })).await);
    let own = id(&fixture.write(&reader, "own", json!({}), json!({ "a": "4" })).await);
    fixture.share(&writer, &reader, "shared").await;
    fixture.share(&other, &reader, "shared").await;
    // Neither a key nor the right to share is the right to read.
    assert_eq!(fixture.put_key(&writer, &writer, &reader, "secret").await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "secret", "allow", &["authorizer"]).await, 201);
    let (w, r) = (writer.id, reader.id);
    for (request, expected) in [
        (json!({}), vec![&own]),
        (json!({ "include_all_writers": true }), vec![&shared, &others, &own]),
        (json!({ "writer_ids": [w] }), vec![&shared]),
        (json!({ "writer_ids": [w], "include_all_writers": true }), vec![&shared]),
        (json!({ "writer_ids": [w, r] }), vec![&shared, &own]),
        (json!({ "writer_ids": [r] }), vec![&own]),
        (json!({ "writer_ids": [super::storage::NO_ID] }), vec![]),
        (json!({ "record_ids": [secret], "include_all_writers": true }), vec![]),
        (json!({ "content_types": ["secret"], "writer_ids": [w] }), vec![]),
        (json!({ "content_types": ["shared"], "include_all_writers": true }), vec![&shared, &others]),
    ] {
        let found = fixture.found(&reader, request.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
    let page = fixture.search(&reader, json!({ "writer_ids": [w], "include_data": true })).await;
    assert_eq!(page["results"][0]["access_key"]["signer_id"], json!(w));
    assert_eq!(page["results"][0]["access_key"]["eak"], json!(format!("{w}.{r}")));
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "shared", "deny", &["read"]).await, 201);
    assert_eq!(fixture.found(&reader, json!({ "include_all_writers": true })).await, [others, own]);
    assert_eq!(fixture.found(&reader, json!({ "writer_ids": [w] })).await, Vec::<Value>::new());
}

#[tokio::test]
async fn answers_are_bounded_in_bytes() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut all = Vec::new();
    for _ in 0..9 {
        let data = json!({ "a": "x".repeat(7_500_000) });
        all.push(id(&fixture.write(&writer, "t", json!({}), data).await));
    }
    let page = fixture.search(&writer, json!({ "include_data": true })).await;
    assert_eq!(page["results"].as_array().unwrap().len(), 8);
    let rest = json!({ "include_data": true, "after_index": page["last_index"] });
    assert_eq!(fixture.found(&writer, rest).await, all[8..]);
    assert_eq!(fixture.found(&writer, json!({})).await, all);
    // A batch has no pages: it is whole, or refused.
    let batch = async |ids: &[Value], include_data: bool| {
        let body = json!({ "record_ids": ids, "include_data": include_data });
        fixture.call(&writer, Method::GET, paths::RECORDS, Some(body)).await.code()
    };
    assert_eq!(batch(&all, true).await, 400);
    assert_eq!(batch(&all[..8], true).await, 200);
    assert_eq!(batch(&all, false).await, 200);
}

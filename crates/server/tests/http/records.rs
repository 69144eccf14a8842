//! Writing, reading, changing and deleting records.

use http::Method;
use serde_json::{Value, json};
use tozstore_api::{MAX_BATCH_RECORDS, Timestamp, paths};

use super::fixture::Fixture;
use super::storage::{NO_ID, body, id, record_path, safe_path};

#[tokio::test]
async fn a_record_comes_back_as_it_was_written() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let data = json!({ "z": "plain text is fine", "a": "1.2.3.4" });
    let mut sent = body(writer.id, "contact", json!({ "z": "1", "a": "2" }), data);
    sent["rec_sig"] = json!("short");
    // What the server decides is not read.
    for (name, value) in
        [("record_id", json!(NO_ID)), ("created", json!("0001-01-01T00:00:00Z")), ("version", Value::Null)]
    {
        sent["meta"][name] = value;
    }
    let call =
        fixture.post("/v1/storage/records/").bearer(&writer.token).header("content-type", "text/plain");
    let answer = call.json(sent).send().await;
    assert_eq!(answer.code(), 201);
    let record = answer.json();
    assert_ne!(record["meta"]["record_id"], NO_ID);
    assert_eq!(record["meta"]["created"], record["meta"]["last_modified"]);
    assert_eq!(record["meta"]["writer_id"], json!(writer.id));
    assert!(record["meta"].get("file_meta").is_none());
    // The writer's order of members, which signatures cover.
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains(r#""plain":{"z":"1","a":"2"}"#), "{text}");
    assert!(
        text.ends_with(r#""data":{"z":"plain text is fine","a":"1.2.3.4"},"rec_sig":"short"}"#),
        "{text}"
    );
    let read = fixture.call(&writer, Method::GET, &record_path(&record), None).await;
    assert_eq!(String::from_utf8(read.body).unwrap(), text);
    let upper = record_path(&record).replace(
        record["meta"]["record_id"].as_str().unwrap(),
        &record["meta"]["record_id"].as_str().unwrap().to_uppercase(),
    );
    assert_eq!(fixture.call(&writer, Method::GET, &upper, None).await.code(), 200);
}

#[tokio::test]
async fn plain_metadata_is_always_an_object() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let record = fixture.write(&writer, "t", Value::Null, json!({ "a": "1" })).await;
    assert_eq!(record["meta"]["plain"], json!({}));
    assert_eq!(record["rec_sig"], Value::Null);
    assert!(record.as_object().unwrap().contains_key("rec_sig"));
}

#[tokio::test]
async fn fields_can_be_chosen() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let data = json!({ "first name": "1", "b": "2", "c+d": "3" });
    let record = fixture.write(&writer, "t", json!({ "p": "q" }), data).await;
    for (query, expected) in [
        ("field=b", json!({ "b": "2" })),
        ("field=first%20name&field=b", json!({ "first name": "1", "b": "2" })),
        ("field=first+name", json!({ "first name": "1" })),
        ("field=c%2Bd", json!({ "c+d": "3" })),
        ("field=nothing", json!({})),
    ] {
        let path = format!("{}?{query}", record_path(&record));
        let read = fixture.call(&writer, Method::GET, &path, None).await.json();
        assert_eq!(read["data"], expected, "{query}");
        assert_eq!(read["meta"], record["meta"]);
    }
}

#[tokio::test]
async fn what_is_no_record_is_refused() {
    let fixture = Fixture::new().await;
    let (writer, other) = (fixture.client("writer").await, fixture.client("other").await);
    let post =
        async |body: Value| fixture.call(&writer, Method::POST, paths::RECORDS, Some(body)).await.code();
    assert_eq!(post(body(writer.id, "t", json!({}), json!({}))).await, 400);
    assert_eq!(post(body(writer.id, "", json!({}), json!({ "a": "1" }))).await, 400);
    assert_eq!(post(body(writer.id, &"t".repeat(513), json!({}), json!({ "a": "1" }))).await, 400);
    assert_eq!(post(body(writer.id, "t", json!({ "a": [] }), json!({ "a": "1" }))).await, 400);
    assert_eq!(post(body(other.id, "t", json!({}), json!({ "a": "1" }))).await, 403);
    let mut file = body(writer.id, "t", json!({}), json!({ "a": "1" }));
    file["meta"]["file_meta"] = json!({});
    assert_eq!(post(file).await, 400);
    let mut signed = body(writer.id, "t", json!({}), json!({ "a": "1" }));
    signed["rec_sig"] = json!("s".repeat(5000));
    assert_eq!(post(signed).await, 400);
    assert_eq!(fixture.post(paths::RECORDS).json(json!({})).send().await.code(), 401);
    assert_eq!(fixture.found(&writer, json!({})).await, Vec::<Value>::new());
}

#[tokio::test]
async fn large_records_are_taken_and_larger_ones_refused() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let of = |bytes: usize| body(writer.id, "t", json!({}), json!({ "a": "x".repeat(bytes) }));
    let post = async |body: Value| fixture.call(&writer, Method::POST, paths::RECORDS, Some(body)).await;
    let answer = post(of(3_200_000)).await;
    assert_eq!(answer.code(), 201);
    let read = fixture.call(&writer, Method::GET, &record_path(&answer.json()), None).await.json();
    assert_eq!(read["data"]["a"].as_str().unwrap().len(), 3_200_000);
    assert_eq!(post(of(8 * 1024 * 1024)).await.code(), 413);
}

#[tokio::test]
async fn the_unknown_and_the_forbidden_look_alike() {
    let fixture = Fixture::new().await;
    let (writer, stranger) = (fixture.client("writer").await, fixture.client("stranger").await);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let mut unknown = record.clone();
    unknown["meta"]["record_id"] = json!(NO_ID);
    let update = body(writer.id, "t", json!({}), json!({ "a": "2" }));
    for (method, path, status) in [
        (Method::GET, record_path as fn(&Value) -> String, 404),
        (Method::PUT, record_path, 404),
        (Method::PUT, safe_path, 404),
        (Method::DELETE, record_path, 403),
        (Method::DELETE, safe_path, 403),
    ] {
        let body = (method == Method::PUT).then(|| update.clone());
        let forbidden = fixture.call(&stranger, method.clone(), &path(&record), body.clone()).await;
        let absent = fixture.call(&stranger, method.clone(), &path(&unknown), body.clone()).await;
        assert_eq!((forbidden.code(), absent.code()), (status, status), "{method}");
        assert_eq!(forbidden.told(), absent.told(), "{method}");
        // To the writer, what is not there looks the same.
        let absent = fixture.call(&writer, method.clone(), &path(&unknown), body.clone()).await;
        assert_eq!(absent.told(), forbidden.told(), "{method}");
        let mut malformed = record.clone();
        for text in ["doesnt+exist", "doesnt%20exist", "%ff"] {
            malformed["meta"]["record_id"] = json!(text);
            let answer = fixture.call(&writer, method.clone(), &path(&malformed), body.clone()).await;
            assert!([404, status].contains(&answer.code()), "{method} {text} {answer:?}");
        }
    }
    assert_eq!(fixture.read_code(&writer, &record).await, 200);
}

#[tokio::test]
async fn updates_replace_everything_and_need_the_version() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let first = fixture.write(&writer, "t", json!({ "p": "1" }), json!({ "a": "1", "b": "2" })).await;
    let mut update = body(writer.id, "t", Value::Null, json!({ "c": "3" }));
    update["meta"]["record_id"] = id(&first);
    let put = async |path: String, body: &Value| {
        fixture.call(&writer, Method::PUT, &path, Some(body.clone())).await
    };
    let answer = put(safe_path(&first), &update).await;
    assert_eq!(answer.code(), 200);
    let second = answer.json();
    assert_eq!(second["data"], json!({ "c": "3" }));
    assert_eq!(second["meta"]["plain"], json!({}));
    assert_eq!(second["meta"]["created"], first["meta"]["created"]);
    assert_ne!(second["meta"]["version"], first["meta"]["version"]);
    assert!(time(&second["meta"]["last_modified"]) > time(&first["meta"]["last_modified"]));
    // Old, never issued, and made-up versions.
    assert_eq!(put(safe_path(&first), &update).await.code(), 409);
    for version in [NO_ID, "1", "x%2Fy"] {
        let path = format!("{}/safe/{}/{version}", paths::RECORDS, id(&first).as_str().unwrap());
        assert_eq!(put(path.clone(), &update).await.code(), 409);
        assert_eq!(fixture.call(&writer, Method::DELETE, &path, None).await.code(), 409);
    }
    let third = put(safe_path(&second), &update).await;
    assert_eq!(third.code(), 200);
    assert_eq!(put(record_path(&first), &update).await.code(), 200);
    // What a record is stays.
    let stranger = fixture.client("stranger").await;
    let mut about = update.clone();
    about["meta"]["user_id"] = json!(stranger.id);
    for other in [
        body(writer.id, "u", json!({}), json!({ "a": "1" })),
        body(stranger.id, "t", json!({}), json!({ "a": "1" })),
        about,
    ] {
        assert_eq!(put(record_path(&first), &other).await.code(), 400);
    }
    assert_eq!(put(record_path(&first), &body(writer.id, "t", json!({}), json!({}))).await.code(), 400);
}

#[tokio::test]
async fn deleted_records_are_gone() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    for path in [record_path as fn(&Value) -> String, safe_path] {
        let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
        let answer = fixture.call(&writer, Method::DELETE, &path(&record), None).await;
        assert_eq!(answer.code(), 204);
        assert!(answer.body.is_empty());
        assert_eq!(fixture.read_code(&writer, &record).await, 404);
        assert_eq!(fixture.call(&writer, Method::DELETE, &path(&record), None).await.code(), 403);
    }
    assert_eq!(fixture.search(&writer, json!({})).await["results"], json!([]));
}

#[tokio::test]
async fn batches_leave_out_what_cannot_be_read() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    fixture.share(&writer, &reader, "shared").await;
    let shared = fixture.write(&writer, "shared", json!({}), json!({ "a": "1" })).await;
    let secret = fixture.write(&writer, "secret", json!({}), json!({ "a": "2" })).await;
    let own = fixture.write(&reader, "own", json!({}), json!({ "a": "3" })).await;
    let ask = async |path: &str, body: Value| fixture.call(&reader, Method::GET, path, Some(body)).await;
    let ids = json!([id(&own), NO_ID, id(&secret), id(&shared), id(&own)]);
    let batch = ask(paths::RECORDS, json!({ "record_ids": ids, "include_data": true })).await.json();
    let records = batch["records"].as_array().unwrap();
    assert_eq!(records.iter().map(id).collect::<Vec<_>>(), [id(&own), id(&shared)]);
    assert_eq!(records[1]["record_data"], json!({ "a": "1" }));
    assert_eq!(records[1]["access_key"]["authorizer_id"], json!(writer.id));
    assert_eq!(records[0]["access_key"], Value::Null);
    let batch = ask(paths::RECORDS, json!({ "record_ids": ids })).await.json();
    assert_eq!(batch["records"][1]["record_data"], Value::Null);
    let batch = ask(paths::RECORDS_SHARED, json!({ "record_ids": ids })).await.json();
    assert_eq!(batch["records"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), [id(&shared)]);
    for nothing in ["", "null\n", "{}"] {
        let answer = fixture.get(paths::RECORDS).bearer(&reader.token).body(nothing).send().await;
        assert_eq!(answer.json(), json!({ "records": [] }));
    }
    let many = |count| json!({ "record_ids": vec![NO_ID; count] });
    assert_eq!(ask(paths::RECORDS, many(MAX_BATCH_RECORDS)).await.code(), 200);
    assert_eq!(ask(paths::RECORDS, many(MAX_BATCH_RECORDS + 1)).await.code(), 400);
}

#[tokio::test]
async fn one_of_many_updates_of_a_version_wins() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut record = fixture.write(&writer, "t", json!({}), json!({ "round": "0" })).await;
    for round in 1..=3 {
        let calls = (0..64).map(|task| {
            let update = body(writer.id, "t", json!({}), json!({ "round": format!("{round}/{task}") }));
            let call = fixture.put(safe_path(&record)).bearer(&writer.token).json(update);
            tokio::spawn(async move {
                let answer = call.send().await;
                (answer.code(), answer)
            })
        });
        let mut winners = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            match call.await.unwrap() {
                (200, answer) => winners.push(answer.json()),
                (code, _) => assert_eq!(code, 409),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        let read = fixture.call(&writer, Method::GET, &record_path(&record), None).await.json();
        assert_eq!(read, winners[0]);
        record = read;
    }
}

#[tokio::test]
async fn times_grow_and_have_a_fraction() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let mut last = Timestamp::default();
    // The clock stands still, goes on to a whole second, and steps back.
    for seconds in [0, 0, 1, 0, -100, 0] {
        fixture.clock.set(Timestamp::from_micros(1_800_000_001_000_000).plus_seconds(seconds));
        let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
        let text = record["meta"]["created"].as_str().unwrap();
        assert_eq!(text.len(), "2024-01-31T12:34:56.123456Z".len());
        assert!(!text.ends_with(".000000Z"), "{text}");
        let created = time(&record["meta"]["created"]);
        assert!(created > last, "{created} after {last}");
        last = created;
    }
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

//! The SDK against a server that lies: what it must notice, and that it sends nothing more once it has.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

mod fake;
mod groups;

use fake::{Asked, Fake, Reply, key_answer, key_path};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tozstore::{Client, ClientId, Error, KeyTrust, KnownKeys, Query, UntrustedData, fields};
use tozstore_crypto::{AccessKey, EncryptionPrivateKey};

async fn write(client: &Client, record_type: &str) -> Result<tozstore::Record, Error> {
    client.write(record_type, fields! { "a" => "secret" }).await
}

fn untrusted<T: std::fmt::Debug>(result: Result<T, Error>) -> UntrustedData {
    match result {
        Err(Error::Untrusted(reason)) => reason,
        other => panic!("expected untrusted data, got {other:?}"),
    }
}

#[tokio::test]
async fn an_own_key_that_the_server_made_is_refused() {
    for as_stranger in [false, true] {
        let fake = Fake::start().await;
        let client = fake.client();
        let (id, public_key) = (client.id(), client.credentials().public_key());
        fake.lie(move |asked: &Asked, _| {
            if !asked.is("GET", "/access_keys/") {
                return None;
            }
            let server_key = EncryptionPrivateKey::generate();
            let eak = AccessKey::generate().wrap(&public_key, &server_key).to_string();
            let authorizer = if as_stranger { ClientId::random() } else { id };
            Some(Reply::Json(200, key_answer(&eak, authorizer, &server_key.public_key().to_string())))
        });
        let reason = untrusted(write(&client, "t").await);
        assert!(matches!(reason, UntrustedData::OwnKeyFromStranger { .. }), "{reason:?}");
        assert_eq!(fake.count("POST", "/records"), 0);
    }
}

#[tokio::test]
async fn the_key_of_one_type_is_not_taken_for_another() {
    let fake = Fake::start().await;
    let client = fake.client();
    let reader = fake.client();
    write(&client, "x").await.unwrap();
    client.share("x", reader.id()).await.unwrap();
    let x = key_path(client.id(), client.id(), "x");
    fake.lie(move |asked, honest| asked.is("GET", "/y").then(|| Reply::Json(200, honest.key(&x).unwrap())));
    assert!(matches!(untrusted(write(&client, "y").await), UntrustedData::AccessKeyReused { .. }));
    assert_eq!(fake.count("POST", "/records"), 1);
}

#[tokio::test]
async fn a_memory_that_was_kept_finds_it_out_after_a_restart() {
    let fake = Fake::start().await;
    let credentials = fake.credentials();
    let first = fake.builder(&credentials).build().unwrap();
    write(&first, "x").await.unwrap();
    write(&first, "y").await.unwrap();
    let known = KnownKeys::from_json(&first.known_keys().to_json()).unwrap();
    let second = fake.builder(&credentials).known_keys(known).build().unwrap();
    // A genuine key of this client, of the other type.
    let x = key_path(first.id(), first.id(), "x");
    fake.lie(move |asked, honest| asked.is("GET", "/y").then(|| Reply::Json(200, honest.key(&x).unwrap())));
    assert!(matches!(untrusted(write(&second, "y").await), UntrustedData::AccessKeyChanged { .. }));
    // A key that vanished is not made anew.
    fake.lie(|asked, _| asked.is("GET", "/x").then(|| Reply::Json(404, json!({}))));
    assert!(matches!(untrusted(write(&second, "x").await), UntrustedData::AccessKeyMissing { .. }));
    assert_eq!(fake.count("PUT", "/access_keys/"), 2);
    assert_eq!(fake.count("POST", "/records"), 2);
}

#[tokio::test]
async fn a_reader_notices_a_changed_key_and_one_of_its_own() {
    let fake = Fake::start().await;
    let (writer, credentials) = (fake.client(), fake.credentials());
    let reader = fake.builder(&credentials).build().unwrap();
    let record = write(&writer, "t").await.unwrap();
    write(&reader, "own").await.unwrap();
    writer.share("t", reader.id()).await.unwrap();
    assert_eq!(reader.read(record.id()).await.unwrap().field("a"), Some("secret"));

    let again = fake.builder(&credentials).known_keys(reader.known_keys()).build().unwrap();
    let (writer_id, writer_key, reader_key) =
        (writer.id(), private_key_of(&writer), credentials.public_key());
    fake.lie(move |asked, _| {
        // As the writer's own doing: the server and a hostile writer together.
        let private = EncryptionPrivateKey::from_text(&writer_key).unwrap();
        let eak = AccessKey::generate().wrap(&reader_key, &private).to_string();
        let answer = key_answer(&eak, writer_id, &private.public_key().to_string());
        asked.is("GET", "/access_keys/").then_some(Reply::Json(200, answer))
    });
    assert!(matches!(untrusted(again.read(record.id()).await), UntrustedData::AccessKeyChanged { .. }));

    let fresh = fake.builder(&credentials).build().unwrap();
    let own = key_path(reader.id(), reader.id(), "own");
    fake.lie(move |asked, honest| {
        asked.is("GET", "/access_keys/").then(|| Reply::Json(200, honest.key(&own).unwrap()))
    });
    assert!(matches!(untrusted(fresh.read(record.id()).await), UntrustedData::AccessKeyReused { .. }));
}

#[tokio::test]
async fn exchanged_public_keys_of_readers_are_found_out() {
    let fake = Fake::start().await;
    let (credentials, reader) = (fake.credentials(), fake.client());
    let writer = fake.builder(&credentials).build().unwrap();
    writer.share("x", reader.id()).await.unwrap();
    let mut pinned = KnownKeys::new();
    pinned.pin(reader.id(), reader.credentials().public_key());
    let pinning =
        fake.builder(&credentials).known_keys(pinned).key_trust(KeyTrust::PinnedOnly).build().unwrap();
    pinning.share("z", reader.id()).await.unwrap();
    let stranger = fake.client();
    assert!(matches!(
        untrusted(pinning.share("z", stranger.id()).await),
        UntrustedData::PublicKeyNotPinned { .. }
    ));

    let server_key = EncryptionPrivateKey::generate().public_key().to_string();
    fake.state().honest.clients.insert(reader.id().to_string(), server_key);
    for client in [&writer, &pinning] {
        let reason = untrusted(client.share("y", reader.id()).await);
        assert!(matches!(
            reason,
            UntrustedData::PublicKeyChanged { .. } | UntrustedData::PublicKeyNotPinned { .. }
        ));
    }
    assert_eq!(fake.count("PUT", &format!("/{}/y", reader.id())), 0);
}

#[tokio::test]
async fn a_key_that_another_process_made_first_is_the_key() {
    let fake = Fake::start().await;
    let credentials = fake.credentials();
    let (first, second) =
        (fake.builder(&credentials).build().unwrap(), fake.builder(&credentials).build().unwrap());
    // Both look before either has put one.
    let mut looked = 0;
    fake.lie(move |asked, _| {
        looked += usize::from(asked.is("GET", "/access_keys/"));
        (asked.is("GET", "/access_keys/") && looked <= 2).then(|| Reply::Json(404, json!({})))
    });
    let (one, two) = (write(&first, "t").await.unwrap(), write(&second, "t").await.unwrap());
    assert_eq!(fake.count("PUT", "/access_keys/"), 2);
    for client in [&first, &second] {
        for record in [&one, &two] {
            assert_eq!(client.read(record.id()).await.unwrap().field("a"), Some("secret"));
        }
    }
}

#[tokio::test]
async fn many_first_writes_at_once_make_one_key_and_fetch_one_token() {
    let fake = Fake::start().await;
    let client = fake.client();
    let writes = (0..20).map(|_| write(&client, "t"));
    futures_util::future::try_join_all(writes).await.unwrap();
    assert_eq!(fake.count("PUT", "/access_keys/"), 1);
    assert_eq!(fake.count("POST", "/v1/auth/token"), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let fake = Fake::start().await;
    let client = fake.client();
    let record = write(&client, "t").await.unwrap();
    let mut refusals = 0;
    fake.lie(move |asked, _| {
        let refuse = asked.is("GET", "/records/") && refusals == 0;
        refusals += usize::from(refuse);
        refuse.then(|| Reply::Json(401, json!({"error": "lapsed"})))
    });
    client.read(record.id()).await.unwrap();
    assert_eq!(fake.count("POST", "/v1/auth/token"), 2);
    fake.lie(|asked, _| asked.is("GET", "/records/").then(|| Reply::Json(401, json!({"error": "disabled"}))));
    assert!(matches!(client.read(record.id()).await, Err(Error::Credentials(_))));
    assert_eq!(fake.count("POST", "/v1/auth/token"), 3);
    assert_eq!(fake.count("GET", "/records/"), 4);
}

#[tokio::test]
async fn a_write_without_an_answer_is_not_repeated_and_a_read_is() {
    let fake = Fake::start().await;
    let client = fake.client();
    let record = write(&client, "t").await.unwrap();
    fake.lie(|asked, _| (asked.target.contains("/v1/storage/records")).then_some(Reply::HangUp));
    assert!(matches!(write(&client, "t").await, Err(Error::Unanswered(_))));
    assert_eq!(fake.count("POST", "/v1/storage/records"), 2);
    assert!(matches!(client.read(record.id()).await, Err(Error::Unanswered(_))));
    assert_eq!(fake.count("GET", "/records/"), 3);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_known_to_be_done() {
    for by_us in [true, false] {
        let fake = Fake::start().await;
        let client = fake.client();
        let mut record = write(&client, "t").await.unwrap();
        record.set("a", "changed");
        let caller = client.id();
        let mut puts = 0;
        fake.lie(move |asked, honest| {
            if !asked.is("PUT", "/records/safe/") {
                return None;
            }
            puts += 1;
            if puts > 1 {
                return None;
            }
            let mut done = asked.clone();
            if !by_us {
                // Somebody else was first, with other data.
                done.body["data"] = json!({"a": "else"});
            }
            honest.answer(&done, caller);
            Some(Reply::HangUp)
        });
        let result = client.update(&mut record).await;
        if by_us {
            result.unwrap();
            assert_eq!(client.read(record.id()).await.unwrap().version(), record.version());
        } else {
            // It may have been ours that somebody changed.
            assert!(matches!(result, Err(Error::Unanswered(_))), "{result:?}");
        }
    }
}

#[tokio::test]
async fn other_answers_than_were_asked_for_are_refused() {
    let fake = Fake::start().await;
    let client = fake.client();
    let (first, second) = (write(&client, "t").await.unwrap(), write(&client, "t").await.unwrap());
    let second_id = second.id().to_string();
    fake.lie(move |asked, honest| {
        asked.is("GET", "/records/").then(|| Reply::Json(200, honest.records[&second_id].clone()))
    });
    assert_eq!(untrusted(client.read(first.id()).await), UntrustedData::WrongAnswer("record"));

    fake.lie(|asked, _| {
        asked.is("POST", "/records").then(|| {
            let mut body = asked.body.clone();
            body["data"]["a"] = "other".into();
            Reply::Json(201, with_meta(body))
        })
    });
    assert_eq!(untrusted(write(&client, "t").await), UntrustedData::WrongAnswer("record"));

    fake.lie(|_, _| None);
    fake.state().honest.records.get_mut(&first.id().to_string()).unwrap()["data"]["a"] = "x.x.x.x".into();
    assert!(matches!(untrusted(client.read(first.id()).await), UntrustedData::FieldUnreadable { .. }));
}

#[tokio::test]
async fn a_search_that_has_no_end_is_ended() {
    let fake = Fake::start().await;
    let client = fake.client();
    let record = write(&client, "t").await.unwrap();
    let id = record.id().to_string();
    fake.lie(move |asked, honest| {
        asked.is("POST", "/search").then(|| {
            let stored = &honest.records[&id];
            let listed = json!({"meta": stored["meta"], "record_data": stored["data"], "access_key": null, "rec_sig": null});
            Reply::Json(200, json!({"results": [listed], "last_index": 7}))
        })
    });
    let pages: Result<Vec<_>, _> = client.query(Query::new().types(["t"])).try_collect().await;
    assert_eq!(untrusted(pages), UntrustedData::WrongAnswer("page"));
    // Records of another type than asked for are not passed off as results.
    let mut records = client.query(Query::new().types(["u"])).records();
    let first = futures_util::StreamExt::next(&mut records).await.unwrap();
    assert_eq!(untrusted(first), UntrustedData::WrongAnswer("record"));
}

#[tokio::test]
async fn every_try_of_a_call_has_its_id_and_so_has_its_error() {
    let fake = Fake::start().await;
    let client = fake.client();
    fake.lie(|asked, _| asked.is("GET", "/records/").then(|| Reply::Json(503, json!({ "error": "busy" }))));
    let first = client.read(tozstore::RecordId::random()).await.unwrap_err();
    let second = client.read(tozstore::RecordId::random()).await.unwrap_err();
    let asked = fake.state().asked.clone();
    let ids =
        asked.iter().filter(|asked| asked.is("GET", "/records/")).map(|asked| asked.request_id.as_str());
    let ids: Vec<_> = ids.collect();
    let (tries, others) = ids.split_at(ids.len() / 2);
    assert!(tries.len() > 1 && tries.iter().all(|id| Some(*id) == first.request_id()), "{ids:?}");
    assert!(others.iter().all(|id| Some(*id) == second.request_id()), "{ids:?}");
    assert_ne!(first.request_id(), second.request_id());
    assert!(first.to_string().contains(tries[0]), "{first}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let fake = Fake::start().await;
    let client = fake.client();
    fake.lie(|asked, _| asked.is("GET", "/records/").then(|| Reply::Json(307, json!({}))));
    assert!(matches!(
        client.read(tozstore::RecordId::random()).await,
        Err(Error::Server { status: 307, .. })
    ));
}

fn private_key_of(client: &Client) -> String {
    let form: Value = serde_json::from_str(&client.credentials().to_json()).unwrap();
    form["private_key"].as_str().unwrap().to_owned()
}

fn with_meta(mut record: Value) -> Value {
    let time = "2024-01-01T00:00:00.000001Z";
    record["meta"]["record_id"] = tozstore::RecordId::random().to_string().into();
    record["meta"]["version"] = tozstore::Version::random().to_string().into();
    record["meta"]["created"] = time.into();
    record["meta"]["last_modified"] = time.into();
    record
}

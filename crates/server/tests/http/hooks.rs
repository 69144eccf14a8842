//! Hooks: shapes, limits, whose they are; deliveries to a receiver on this machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_crypto::HookSecret;
use tozstore_server::config::{Config, HooksConfig};
use tozstore_server::hooks::{Courier, round};
use tozstore_server::store::WriteTx;

use super::fixture::{Answer, Fixture, TestClient, text};
use super::storage::{body, id, policy_path, record_path};

/// A receiver. It answers as it is told, and 200 when it was told no more.
struct Sink {
    url: String,
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Sink {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?a=b", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
        let answers: Arc<Mutex<VecDeque<StatusCode>>> = Arc::default();
        let (seen, told) = (Arc::clone(&got), Arc::clone(&answers));
        let receive = move |headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push((headers, body));
            let status = told.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
            std::future::ready((status, [("location", "/elsewhere")]))
        };
        let router = axum::Router::new().fallback(receive);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got, answers }
    }

    fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        let statuses = statuses.into_iter().map(|status| StatusCode::from_u16(status).unwrap());
        self.answers.lock().unwrap().extend(statuses);
    }

    /// What came since the last look: the body of each delivery, whose signature must hold.
    fn take(&self, fixture: &Fixture, secret: &str) -> Vec<Value> {
        let secret: HookSecret = secret.parse().unwrap();
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        got.into_iter()
            .map(|(headers, body)| {
                let header = |name: &str| headers[name].to_str().unwrap();
                let seconds: i64 = header("webhook-timestamp").parse().unwrap();
                assert_eq!(seconds, fixture.clock_seconds());
                secret.verify(header("webhook-id"), seconds, &body, header("webhook-signature")).unwrap();
                assert_eq!(header("content-type"), "application/json");
                let delivery: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(delivery["delivery_id"], header("webhook-id"));
                delivery
            })
            .collect()
    }
}

fn config(change: impl FnOnce(&mut HooksConfig)) -> Config {
    let mut hooks = HooksConfig { allow_private_addresses: true, ..HooksConfig::default() };
    change(&mut hooks);
    Config { hooks, ..Config::default() }
}

async fn create(fixture: &Fixture, url: &str, events: &[&str]) -> Answer {
    let triggers: Vec<_> =
        events.iter().map(|event| json!({ "enabled": true, "api_event": event })).collect();
    let body = json!({ "webhook_url": url, "triggers": triggers });
    fixture.post(paths::HOOKS).bearer(&fixture.account.queen.token).json(body).send().await
}

/// The id and the secret of a new hook.
async fn hook(fixture: &Fixture, url: &str, events: &[&str]) -> (u64, String) {
    let answer = create(fixture, url, events).await;
    assert_eq!(answer.code(), 201, "{answer:?}");
    let made = answer.json();
    (made["webhook_id"].as_u64().unwrap(), text(&made["secret"]))
}

async fn list(fixture: &Fixture, by: &TestClient) -> Value {
    let answer = fixture.get(paths::HOOKS).bearer(&by.token).send().await;
    assert_eq!(answer.code(), 200);
    answer.json()
}

async fn delete(fixture: &Fixture, by: &TestClient, id: &str) -> u16 {
    fixture.delete(format!("{}/{id}", paths::HOOKS)).bearer(&by.token).body("null\n").send().await.code()
}

async fn write(fixture: &Fixture, writer: &TestClient) -> Value {
    let sent = body(writer.id, "t", json!({}), json!({ "field": "sealed" }));
    let answer = fixture.call(writer, Method::POST, paths::RECORDS, Some(sent)).await;
    assert_eq!(answer.code(), 201);
    answer.json()
}

async fn deliver(fixture: &Fixture) {
    round(&fixture.app, &Courier::new(&fixture.app.config.hooks).unwrap()).await.unwrap();
}

fn events(deliveries: &[Value]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery["event"].as_str().unwrap()).collect()
}

/// Two processes that look at the same time: each delivery is made by one of them.
#[tokio::test]
async fn one_process_delivers_at_a_time() {
    let fixture = Fixture::with_config(config(|_| {})).await;
    let sink = Sink::start().await;
    let (_, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    let other = fixture.sibling();
    let courier = Courier::new(&other.config.hooks).unwrap();
    let mut total = 0;
    for _ in 0..5 {
        for _ in 0..4 {
            write(&fixture, &fixture.account.queen).await;
        }
        // The first queues; from then on both know what is due.
        let (one, two) = tokio::join!(round(&fixture.app, &courier), round(&other, &courier));
        one.unwrap();
        two.unwrap();
        deliver(&fixture).await;
        total += 4;
        let got = sink.take(&fixture, &secret);
        assert_eq!(got.len(), 4, "after {total} changes: {got:?}");
    }
}

/// A process that died with a hook in its hands keeps the others from it for a while, not for good.
#[tokio::test]
async fn a_claim_lapses() {
    let fixture = Fixture::with_config(config(|_| {})).await;
    let sink = Sink::start().await;
    let (id, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    write(&fixture, &fixture.account.queen).await;
    let lapses = fixture.app.now().plus_seconds(30);
    fixture
        .app
        .store
        .write("test", move |tx: &mut dyn WriteTx| tx.set_hook_state(id, 0, Some(lapses)))
        .await
        .unwrap();
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);
    fixture.advance_seconds(30);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 1);
}

#[tokio::test]
async fn a_hook_has_the_shape_of_the_protocol() {
    let fixture = Fixture::new().await;
    let queen = &fixture.account.queen;
    assert_eq!(list(&fixture, queen).await, json!({ "hooks": [] }));
    let triggers = json!([
        { "enabled": true, "api_event": "record_written" },
        { "enabled": false, "api_event": "policy_withdrawn" },
    ]);
    let body = json!({ "webhook_url": "https://example.com/a?b=c", "triggers": triggers });
    let call = fixture.post(paths::HOOKS).bearer(&queen.token).header("content-type", "text/plain");
    let answer = call.json(body).send().await;
    assert_eq!(answer.code(), 201);
    let mut made = answer.json();
    let secret = text(&made.as_object_mut().unwrap().remove("secret").unwrap());
    assert!(secret.starts_with("whsec_") && secret.parse::<HookSecret>().is_ok(), "{secret}");
    let id = made["webhook_id"].as_u64().unwrap();
    assert_eq!(
        made,
        json!({ "webhook_id": id, "webhook_url": "https://example.com/a?b=c", "triggers": triggers })
    );
    // The secret is shown this once.
    assert_eq!(list(&fixture, queen).await, json!({ "hooks": [made] }));
    assert_eq!(delete(&fixture, queen, &id.to_string()).await, 204);
    assert_eq!(delete(&fixture, queen, &id.to_string()).await, 404);
    assert_eq!(list(&fixture, queen).await, json!({ "hooks": [] }));
}

#[tokio::test]
async fn hooks_are_of_one_account_and_its_administering_client() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let other = fixture.other_account("other@example.com").await;
    let (id, _) = hook(&fixture, "https://example.com/", &["record_written"]).await;
    assert_eq!(list(&fixture, &other.queen).await, json!({ "hooks": [] }));
    for id in [id.to_string().as_str(), "0", "-1", "x", "99999999999999999999"] {
        assert_eq!(delete(&fixture, &other.queen, id).await, 404, "{id}");
        assert_eq!(delete(&fixture, &client, id).await, 403, "{id}");
    }
    assert_eq!(fixture.get(paths::HOOKS).bearer(&client.token).send().await.code(), 403);
    let body = json!({ "webhook_url": "https://example.com/", "triggers": [{ "enabled": true, "api_event": "record_written" }] });
    assert_eq!(fixture.post(paths::HOOKS).bearer(&client.token).json(body.clone()).send().await.code(), 403);
    for token in ["", fixture.account.token.as_str()] {
        assert_eq!(fixture.post(paths::HOOKS).bearer(token).json(body.clone()).send().await.code(), 401);
    }
    assert_eq!(list(&fixture, &fixture.account.queen).await["hooks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_hook_may_be_is_limited() {
    let config =
        Config { hooks: HooksConfig { per_account: 2, ..HooksConfig::default() }, ..Config::default() };
    let fixture = Fixture::with_config(config).await;
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "https://user:pass@example.com/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::1]:8080/",
        "http://2130706433/",
    ] {
        assert_eq!(create(&fixture, url, &["record_written"]).await.code(), 400, "{url}");
    }
    let long = format!("https://example.com/{}", "a".repeat(2048));
    assert_eq!(create(&fixture, &long, &["record_written"]).await.code(), 400);
    assert_eq!(create(&fixture, "https://example.com/", &[]).await.code(), 400);
    assert_eq!(create(&fixture, "https://example.com/", &["record_written"; 65]).await.code(), 400);
    let unknown = create(&fixture, "https://example.com/", &["record_eaten"]).await;
    assert_eq!(unknown.code(), 400);
    // The refusal says what there is.
    assert!(text(&unknown.json()["error"]).contains("record_written"), "{unknown:?}");
    for code in [201, 201, 409] {
        assert_eq!(create(&fixture, "https://example.com/", &["record_written"; 64]).await.code(), code);
    }
}

#[tokio::test]
async fn a_receiver_is_told_of_what_it_asked_for() {
    let fixture = Fixture::with_config(config(|_| {})).await;
    let sink = Sink::start().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let other = fixture.other_account("other@example.com").await;
    write(&fixture, &writer).await;
    let wanted = ["record_written", "record_deleted", "policy_granted", "policy_withdrawn"];
    let (hook_id, secret) = hook(&fixture, &sink.url, &wanted).await;
    let off =
        json!({ "webhook_url": sink.url, "triggers": [{ "enabled": false, "api_event": "record_written" }] });
    let off = fixture.post(paths::HOOKS).bearer(&fixture.account.queen.token).json(off).send().await;
    assert_eq!(off.code(), 201);

    let record = write(&fixture, &writer).await;
    write(&fixture, &other.queen).await;
    let policy = policy_path(&writer, &reader, "t");
    for change in ["allow", "deny"] {
        let change = json!({ change: [{ "read": {} }] });
        assert_eq!(fixture.call(&writer, Method::PUT, &policy, Some(change)).await.code(), 201);
    }
    assert_eq!(fixture.call(&writer, Method::DELETE, &record_path(&record), None).await.code(), 204);
    deliver(&fixture).await;
    let got = sink.take(&fixture, &secret);
    assert_eq!(events(&got), ["record_written", "policy_granted", "policy_withdrawn", "record_deleted"]);
    assert_eq!(
        got[0],
        json!({
            "delivery_id": got[0]["delivery_id"], "webhook_id": hook_id, "event": "record_written",
            "time": record["meta"]["created"], "account_id": fixture.account.id, "actor_id": writer.id,
            "client_id": writer.id, "record_type": "t", "record_id": id(&record), "version": record["meta"]["version"],
        })
    );
    assert_eq!(got[1]["other_client_id"], reader.id.to_string());
    // Once is enough.
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret), Vec::<Value>::new());
}

#[tokio::test]
async fn a_delivery_that_failed_is_made_again_after_a_restart_too() {
    let fixture = Fixture::with_config(config(|_| {})).await;
    let sink = Sink::start().await;
    let writer = fixture.client("writer").await;
    let (_, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    write(&fixture, &writer).await;
    sink.answer([500, 302]);
    deliver(&fixture).await;
    let first = sink.take(&fixture, &secret);
    assert_eq!(first.len(), 1);
    // Not before its time.
    fixture.advance_seconds(4);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);

    let fixture = fixture.restart().await;
    fixture.advance_seconds(1);
    deliver(&fixture).await;
    // A redirect is a failure, and is not followed.
    assert_eq!(sink.take(&fixture, &secret), first);
    let fixture = fixture.restart().await;
    fixture.advance_seconds(10);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret), first);
    fixture.advance_seconds(100_000);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);
}

#[tokio::test]
async fn one_delivery_that_fails_does_not_keep_back_the_others() {
    let fixture = Fixture::with_config(config(|hooks| hooks.attempts = 3)).await;
    let sink = Sink::start().await;
    let writer = fixture.client("writer").await;
    let (_, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    for _ in 0..3 {
        write(&fixture, &writer).await;
    }
    sink.answer([500]);
    deliver(&fixture).await;
    let first = sink.take(&fixture, &secret);
    assert_eq!(first.len(), 1);
    fixture.advance_seconds(5);
    sink.answer([200, 200, 500]);
    deliver(&fixture).await;
    let got = sink.take(&fixture, &secret);
    assert_eq!((got.len(), &got[2]), (3, &first[0]));
    assert!(got[0]["record_id"] != first[0]["record_id"] && got[0]["record_id"] != got[1]["record_id"]);
    // The third try is the last one.
    fixture.advance_seconds(10);
    sink.answer([500]);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret), first);
    fixture.advance_seconds(100_000);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);
}

#[tokio::test]
async fn a_deleted_hook_is_told_nothing_more() {
    let fixture = Fixture::with_config(config(|_| {})).await;
    let sink = Sink::start().await;
    let writer = fixture.client("writer").await;
    let (id, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    write(&fixture, &writer).await;
    sink.answer([500]);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 1);
    assert_eq!(delete(&fixture, &fixture.account.queen, &id.to_string()).await, 204);
    write(&fixture, &writer).await;
    fixture.advance_seconds(100);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);
    // A new one hears of what comes after it, and of nothing before.
    let (_, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    let record = write(&fixture, &writer).await;
    deliver(&fixture).await;
    let got = sink.take(&fixture, &secret);
    assert_eq!((got.len(), &got[0]["record_id"]), (1, &record["meta"]["record_id"]));
}

#[tokio::test]
async fn the_queue_is_limited_in_length_and_age() {
    let fixture = Fixture::with_config(config(|hooks| hooks.queue_deliveries = 2)).await;
    let sink = Sink::start().await;
    let writer = fixture.client("writer").await;
    let (_, secret) = hook(&fixture, &sink.url, &["record_written"]).await;
    for _ in 0..3 {
        write(&fixture, &writer).await;
    }
    sink.answer([500]);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 1);
    fixture.advance_seconds(10);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 2);

    write(&fixture, &writer).await;
    sink.answer([500]);
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 1);
    fixture.advance_seconds(24 * 3600 + 1);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    deliver(&fixture).await;
    assert_eq!(sink.take(&fixture, &secret).len(), 0);
}

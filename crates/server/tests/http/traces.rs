//! Spans of requests, as a collector gets them.
#![allow(clippy::panic, reason = "this is a test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tozstore_server::config::Config;
use tozstore_server::telemetry::{self, Exporter};

use super::fixture::Fixture;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A collector that keeps what it is sent: the media type and the body.
async fn collector(status: StatusCode) -> (String, mpsc::UnboundedReceiver<(String, Bytes)>) {
    let (kept, messages) = mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        kept.send((headers["content-type"].to_str().unwrap().to_owned(), body)).unwrap();
        status
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/v1/traces", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, messages)
}

fn config(endpoint: String) -> Config {
    let mut config = Config::default();
    config.telemetry.endpoint = endpoint;
    config
}

/// Sends all that waits.
async fn flush(fixture: &Fixture) {
    let exporter = Exporter::new(&fixture.app.config.telemetry).unwrap().unwrap();
    let (stop, stopped) = watch::channel(());
    drop(stop);
    telemetry::run(Arc::clone(&fixture.app), exporter, stopped).await;
}

/// A member of a message of protobuf: a number, or bytes.
#[derive(Clone, Debug, PartialEq)]
enum Member {
    Number(u64),
    Bytes(Vec<u8>),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    number
}

fn members(mut bytes: &[u8]) -> BTreeMap<u64, Vec<Member>> {
    let mut members: BTreeMap<u64, Vec<Member>> = BTreeMap::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let len = match tag & 7 {
            0 => {
                let number = varint(&mut bytes);
                members.entry(tag >> 3).or_default().push(Member::Number(number));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            other => panic!("kind {other}"),
        };
        let (value, rest) = bytes.split_at(len);
        bytes = rest;
        let member = match tag & 7 {
            1 => Member::Number(u64::from_le_bytes(value.try_into().unwrap())),
            _ => Member::Bytes(value.to_vec()),
        };
        members.entry(tag >> 3).or_default().push(member);
    }
    members
}

/// The messages in a member.
fn within(bytes: &[u8], member: u64) -> Vec<Vec<u8>> {
    let found = members(bytes).remove(&member).unwrap_or_default();
    let bytes = |member| match member {
        Member::Bytes(bytes) => bytes,
        Member::Number(number) => panic!("{number}"),
    };
    found.into_iter().map(bytes).collect()
}

/// The members of a span, and its attributes as text.
type Span = (BTreeMap<u64, Vec<Member>>, BTreeMap<String, String>);

fn spans(message: &[u8]) -> Vec<Span> {
    let of_resources = within(message, 1);
    let of_scopes = of_resources.iter().flat_map(|one| within(one, 2));
    let spans = of_scopes.flat_map(|one| within(&one, 2));
    let attribute = |bytes: Vec<u8>| {
        let name = String::from_utf8(within(&bytes, 1).remove(0)).unwrap();
        let (_, value) = members(&within(&bytes, 2)[0]).into_iter().next().unwrap();
        let value = match &value[0] {
            Member::Number(number) => number.to_string(),
            Member::Bytes(text) => String::from_utf8(text.clone()).unwrap(),
        };
        (name, value)
    };
    spans.map(|span| (members(&span), within(&span, 9).into_iter().map(attribute).collect())).collect()
}

#[tokio::test]
async fn a_request_is_a_span_that_says_no_more_than_the_log() {
    let (url, mut messages) = collector(StatusCode::OK).await;
    let fixture = Fixture::with_config(config(url)).await;
    let client = fixture.client("traced").await;
    let path = format!("/v1/client/{}?secret=in-the-query", client.id);
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let of_trace = fixture.get(&path).bearer(&client.token).header("traceparent", traceparent);
    assert_eq!(of_trace.header("x-request-id", "of-the-trace").send().await.status, StatusCode::OK);
    // Whoever says that the trace is not recorded is believed.
    let unrecorded = format!("00-{TRACE}-00f067aa0ba902b7-00");
    fixture.get(&path).header("traceparent", unrecorded).header("x-request-id", "unrecorded").send().await;
    fixture.get("/v1/nowhere/in-the-path").header("x-request-id", "of-nothing").send().await;
    flush(&fixture).await;
    let (media_type, body) = messages.recv().await.unwrap();
    assert_eq!(media_type, "application/x-protobuf");
    let spans = spans(&body);
    let of = |id: &str| spans.iter().find(|(_, attributes)| attributes["tozstore.request_id"] == id);
    let (span, attributes) = of("of-the-trace").unwrap();
    let text = |text: &str| vec![Member::Bytes(text.as_bytes().to_vec())];
    assert_eq!(span[&5], text("GET /v1/client/{client_id}"));
    assert_eq!(span[&6], [Member::Number(2)]);
    let Member::Bytes(trace) = &span[&1][0] else { panic!("{span:?}") };
    assert_eq!(trace.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), TRACE);
    assert_eq!(span[&4], [Member::Bytes(vec![0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])]);
    let Member::Number(begun) = span[&7][0] else { panic!("{span:?}") };
    let now = u64::try_from(fixture.app.now().micros()).unwrap() * 1000;
    let Member::Number(ended) = span[&8][0] else { panic!("{span:?}") };
    assert!(begun <= now && ended >= begun, "{span:?}");
    assert_eq!(attributes["http.route"], "/v1/client/{client_id}");
    assert_eq!(attributes["http.response.status_code"], "200");
    assert_ne!(attributes["tozstore.store.jobs"], "0");
    assert!(attributes["tozstore.store.duration_us"].parse::<u64>().is_ok());
    let (nothing, attributes) = of("of-nothing").unwrap();
    assert_eq!(attributes["http.response.status_code"], "404");
    assert!(!nothing.contains_key(&4));
    assert!(of("unrecorded").is_none());
    // Nobody is named, and nothing is told that somebody sent.
    let text = String::from_utf8_lossy(&body);
    let secrets = [&client.id.to_string(), &client.token, &client.api_key_id, &fixture.account.id];
    for secret in secrets.map(String::as_str).into_iter().chain(["in-the-query", "in-the-path", "traced"]) {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_collector_that_fails_is_nobodys_trouble() {
    let (url, mut messages) = collector(StatusCode::SERVICE_UNAVAILABLE).await;
    let fixture = Fixture::with_config(config(url)).await;
    assert_eq!(fixture.get("/v1/auth/healthcheck").send().await.status, StatusCode::OK);
    flush(&fixture).await;
    messages.recv().await.unwrap();
    assert_eq!(fixture.get("/v1/auth/healthcheck").send().await.status, StatusCode::OK);
    let fixture = Fixture::new().await;
    assert!(Exporter::new(&fixture.app.config.telemetry).unwrap().is_none());
    let refused = Exporter::new(&config("collector:4318".into()).telemetry).err().unwrap();
    assert!(refused.to_string().contains("telemetry.endpoint"), "{refused}");
}

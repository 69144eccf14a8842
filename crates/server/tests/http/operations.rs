//! What an operator's programs ask.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use tozstore_server::Server;
use tozstore_server::config::{Config, ListenConfig, MetricsConfig};

use super::fixture::Fixture;

/// The figures, by name with labels.
fn figures(fixture: &Fixture) -> BTreeMap<String, f64> {
    let text = fixture.app.metrics.text();
    assert!(text.ends_with("# EOF\n"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, n)| (name.to_owned(), n.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn requests_are_counted_by_the_pattern_of_their_route() {
    let fixture = Fixture::new().await;
    let client = fixture.client("counted").await;
    for _ in 0..3 {
        let path = format!("/v1/client/{}", client.id);
        assert_eq!(fixture.get(path).bearer(&client.token).send().await.status, StatusCode::OK);
    }
    fixture.get(format!("/v1/nowhere/{}", client.id)).send().await;
    fixture.post("/v1/auth/token").body("client_id=a&client_secret=b").send().await;
    let figures = figures(&fixture);
    let of = |labels: &str| figures.get(&format!("tozstore_http_request_seconds_count{{{labels}}}")).copied();
    assert_eq!(of(r#"route="/v1/client/{client_id}",method="GET",status="2xx""#), Some(3.0));
    assert_eq!(of(r#"route="(none)",method="GET",status="4xx""#), Some(1.0));
    assert_eq!(figures["tozstore_http_requests_in_flight"], 0.0);
    assert_eq!(figures[r#"tozstore_tokens_total{kind="access",outcome="refused"}"#], 1.0);
    assert!(figures[r#"tozstore_tokens_total{kind="access",outcome="issued"}"#] >= 2.0);
    assert!(figures[r#"tozstore_store_job_seconds_count{kind="read",job="issue token"}"#] >= 3.0);
    assert!(figures[r#"tozstore_store_wait_seconds_count{kind="write"}"#] >= 2.0);
    assert_eq!(figures[r#"tozstore_store_jobs_waiting{kind="write"}"#], 0.0);
    assert!(figures["process_start_time_seconds"] > 1_700_000_000.0);
    // Nobody is named, however often they call.
    for name in [client.id.to_string(), client.api_key_id.clone(), fixture.account.id.clone()] {
        assert!(!fixture.app.metrics.text().contains(&name));
    }
}

#[tokio::test]
async fn bodies_without_room_are_counted() {
    let mut config = Config::default();
    config.limits.bodies_bytes = 1024;
    let fixture = Fixture::with_config(config).await;
    let answer = fixture.post("/v1/account/challenge").body(vec![b' '; 4096]).send().await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(figures(&fixture)[r#"tozstore_sheds_total{reason="bodies"}"#], 1.0);
}

#[tokio::test]
async fn more_requests_than_may_be_under_way_are_refused_at_once() {
    let mut config = Config::default();
    config.limits.requests = 1;
    let fixture = Fixture::with_config(config).await;
    // A request whose body does not come.
    let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/v1/account/challenge").body(body).unwrap();
    let router = fixture.router.clone();
    let slow = tokio::spawn(async move { router.oneshot(request).await });
    while figures(&fixture)["tozstore_http_requests_in_flight"] < 1.0 {
        tokio::task::yield_now().await;
    }
    let read = || fixture.get(format!("/v1/client/{}", fixture.account.queen.id)).send();
    let answer = read().await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.json()["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    assert_eq!(figures(&fixture)[r#"tozstore_sheds_total{reason="requests"}"#], 1.0);
    // Neither health nor the bytes of files are counted.
    for path in ["/healthz", "/readyz", "/v1/storage/healthcheck"] {
        assert_eq!(fixture.get(path).send().await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(fixture.get("/v3/file-bytes/none").send().await.status, StatusCode::FORBIDDEN);
    slow.abort();
    let _ = slow.await;
    assert_eq!(read().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_server_is_ready_until_it_is_told_to_stop() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/readyz").send().await.json(), json!({ "status": "ok" }));
    fixture.app.readiness.stop();
    let answer = fixture.get("/readyz").send().await;
    assert_eq!(answer.code(), 503);
    assert!(answer.json()["error"].as_str().unwrap().contains("stopping"));
    assert_eq!(fixture.get("/healthz").send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_server_whose_store_or_disk_fails_is_not_ready() {
    let fixture = Fixture::new().await;
    fixture.app.store.close().await;
    let answer = fixture.get("/readyz").send().await;
    assert_eq!(answer.code(), 503);
    assert!(answer.json()["error"].as_str().unwrap().contains("store"));
    assert_eq!(fixture.get("/healthz").send().await.status, StatusCode::OK);

    let fixture = Fixture::new().await;
    let files = fixture.data_dir().join("files");
    std::fs::remove_dir_all(&files).unwrap();
    // A file in the place of the folder: nothing can be written below it, whoever runs this.
    std::fs::write(&files, "").unwrap();
    let answer = fixture.get("/readyz").send().await;
    assert_eq!(answer.code(), 503);
    assert!(answer.json()["error"].as_str().unwrap().contains("files"));
}

async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_crowded_server_refuses_from_the_head_alone() {
    let dir = tempfile::tempdir().unwrap();
    let any_port = ([127, 0, 0, 1], 0).into();
    let mut config = Config {
        data_dir: dir.path().join("data"),
        listen: ListenConfig { address: any_port, drain_s: 0, shutdown_wait_s: 0, ..ListenConfig::default() },
        metrics: MetricsConfig { listen: Some(any_port) },
        ..Config::default()
    };
    config.limits.requests = 1;
    let server = Server::start(config).await.unwrap();
    let (address, figures) = (server.local_addr(), server.metrics_addr().unwrap());
    // A request whose body does not come.
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/account/challenge HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    while ask(address, "/v1/client/x").await.starts_with("HTTP/1.1 4") {
        tokio::task::yield_now().await;
    }
    let answer = ask(address, "/v1/client/x").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\nretry-after: 1\r"), "{answer}");
    assert!(answer.contains("{\"error\":\"the server has too much to do"), "{answer}");
    for path in ["/healthz", "/readyz/", "/v1/storage/healthcheck"] {
        assert!(ask(address, path).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(ask(address, "/v3/file-bytes/none").await.starts_with("HTTP/1.1 403"));
    assert!(ask(figures, "/metrics").await.contains("tozstore_sheds_total{reason=\"requests\"}"));
    drop(slow);
    while ask(address, "/v1/client/x").await.starts_with("HTTP/1.1 503") {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn figures_have_an_address_of_their_own_until_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let any_port = ([127, 0, 0, 1], 0).into();
    let config = Config {
        data_dir: dir.path().join("data"),
        listen: ListenConfig { address: any_port, drain_s: 1, ..ListenConfig::default() },
        metrics: MetricsConfig { listen: Some(any_port) },
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let (address, figures) = (server.local_addr(), server.metrics_addr().unwrap());
    assert!(ask(address, "/metrics").await.starts_with("HTTP/1.1 404"));
    let answer = ask(figures, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\ntozstore_connections "), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
    assert!(ask(figures, "/v1/auth/healthcheck").await.starts_with("HTTP/1.1 404"));
    assert!(ask(figures, "/readyz").await.starts_with("HTTP/1.1 200"));
    // While it drains, both addresses answer, and both say that it is not ready.
    let stopping = tokio::spawn(server.shutdown());
    while ask(figures, "/readyz").await.starts_with("HTTP/1.1 200") {
        tokio::task::yield_now().await;
    }
    assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 503"));
    stopping.await.unwrap();
    assert!(TcpStream::connect(figures).await.is_err());
}

//! Who asks too often is told to wait.

use axum::body::Body;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tozstore_server::Server;
use tozstore_server::config::{Config, ListenConfig, RatesConfig};

use super::fixture::{Fixture, TestClient};

fn with_rates(rates: RatesConfig) -> Config {
    Config { rates, ..Config::default() }
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_no_other() {
    let rates = RatesConfig { client_per_s: 1, client_burst: 4, ..RatesConfig::default() };
    let fixture = Fixture::with_config(with_rates(rates)).await;
    let (busy, other) = (fixture.client("busy").await, fixture.client("other").await);
    let ask = |of: &TestClient| fixture.get(format!("/v1/client/{}", of.id)).bearer(&of.token).send();
    let mut passed = 0;
    let refused = loop {
        let answer = ask(&busy).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
        passed += 1;
    };
    assert!((1..=4).contains(&passed), "{passed}");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(refused.json()["error"].as_str().unwrap().contains("too many requests"));
    assert!(fixture.app.metrics.text().contains("tozstore_rates_exceeded_total{caller=\"client\"} 1"));
    assert_eq!(ask(&other).await.status, StatusCode::OK);
    // A signature is good still when its turn has come.
    let path = format!("/v1/client/{}", busy.id);
    let signature = fixture.sign(&busy, "GET", &path);
    let signed = || fixture.get(path.clone()).header("authorization", &signature).send();
    assert_eq!(signed().await.status, StatusCode::TOO_MANY_REQUESTS);
    fixture.advance_seconds(1);
    assert_eq!(signed().await.status, StatusCode::OK);
    assert_eq!(signed().await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn clients_of_an_account_wait_together() {
    let rates = RatesConfig { account_per_s: 1, account_burst: 12, ..RatesConfig::default() };
    let fixture = Fixture::with_config(with_rates(rates)).await;
    let clients = [fixture.client("first").await, fixture.client("second").await];
    let ask =
        |n: usize| fixture.get(format!("/v1/client/{}", clients[n].id)).bearer(&clients[n].token).send();
    let mut statuses = Vec::new();
    for n in 0..20 {
        statuses.push(ask(n % 2).await.status);
    }
    assert_eq!(statuses[19], StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(0).await.status, StatusCode::TOO_MANY_REQUESTS);
    // So do its sessions.
    let answer = fixture.get("/v1/account/profile/meta").bearer(&fixture.account.token).send().await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    let stranger = fixture.other_account("other@example.com").await;
    let answer = fixture.get("/v1/account/profile/meta").bearer(&stranger.token).send().await;
    assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn strangers_wait_by_address() {
    let dir = tempfile::tempdir().unwrap();
    let listen = ListenConfig { address: ([127, 0, 0, 1], 0).into(), ..ListenConfig::default() };
    let rates = RatesConfig { address_per_s: 1, address_burst: 5, proxies: 1, ..RatesConfig::default() };
    let config = Config { data_dir: dir.path().join("data"), listen, rates, ..Config::default() };
    let server = Server::start(config).await.unwrap();
    let address = server.local_addr();
    let ask = |path: &'static str, forwarded: &'static str| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 192.0.2.1, {forwarded}\r\n\
             content-length: 15\r\n\r\n{{\"email\":\"a@b\"}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(ask("/v1/account/challenge", "198.51.100.1").await);
    }
    assert_eq!(statuses[..5], ["200"; 5]);
    assert!(statuses[5..].contains(&"429".to_owned()), "{statuses:?}");
    assert_eq!(ask("/v1/account/challenge", "198.51.100.2").await, "200");
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_connection_there_is_no_address_to_count_by() {
    use tower::ServiceExt as _;
    let rates = RatesConfig { address_per_s: 1, address_burst: 1, ..RatesConfig::default() };
    let fixture = Fixture::with_config(with_rates(rates)).await;
    for _ in 0..3 {
        let request = Request::get("/v1/client/none").body(Body::empty()).unwrap();
        assert_eq!(fixture.router.clone().oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

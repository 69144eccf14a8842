//! Several servers on one store: what one of them knows, the others know.

use http::Method;
use serde_json::json;
use tozstore_api::paths;
use tozstore_crypto::{RequestNonce, RequestToSign, SigningKeyPair};
use tozstore_server::config::{Config, LimitsConfig};
use tozstore_server::http::router;
use tozstore_server::{hooks, jobs};

use super::fixture::Fixture;
use super::notes::note;

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn a_signed_request_is_taken_by_one_of_them() {
    let mut fixture = Fixture::on_postgres(Config::default()).await;
    let client = fixture.client("a").await;
    let (first, second) = (fixture.router.clone(), router(fixture.sibling()));
    let path = format!("/v1/client/{}", client.id);
    for (one, other) in [(&first, &second), (&second, &first)] {
        let header = fixture.sign(&client, "GET", &path);
        for (router, code) in [(one, 200), (other, 401), (one, 401)] {
            fixture.router = router.clone();
            assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), code);
        }
    }
    // By one who is no client: the writer of a note.
    let (writer, reader) = (SigningKeyPair::generate(), SigningKeyPair::generate());
    let request = RequestToSign { method: "POST", path: paths::NOTES, query: None };
    let header = request.sign(fixture.clock_seconds().unsigned_abs(), RequestNonce::random(), None, &writer);
    for (router, code) in [(first, 201), (second, 401)] {
        fixture.router = router;
        let call = fixture.post(paths::NOTES).header("authorization", &header);
        assert_eq!(call.json(note(&writer, &reader, json!({}))).send().await.code(), code);
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn one_client_takes_no_room_from_another() {
    let limits = LimitsConfig { replay_cache_requests_per_client: 4, ..LimitsConfig::default() };
    let mut fixture = Fixture::on_postgres(Config { limits, ..Config::default() }).await;
    let (client, other) = (fixture.client("a").await, fixture.client("b").await);
    let path = format!("/v1/client/{}", client.id);
    let others_path = format!("/v1/client/{}", other.id);
    let kept = fixture.sign(&other, "GET", &others_path);
    assert_eq!(fixture.get(&others_path).header("authorization", &kept).send().await.code(), 200);
    let mut sent = Vec::new();
    for _ in 0..20 {
        fixture.advance_seconds(1);
        let header = fixture.sign_at(&client, "GET", &path, fixture.clock_seconds(), RequestNonce::random());
        assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), 200);
        sent.push(header);
    }
    for router in [fixture.router.clone(), router(fixture.sibling())] {
        fixture.router = router;
        for (path, header) in sent.iter().map(|sent| (&path, sent)).chain([(&others_path, &kept)]) {
            assert_eq!(fixture.get(path).header("authorization", header).send().await.code(), 401);
        }
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn failed_logins_count_everywhere() {
    let mut fixture = Fixture::on_postgres(Config::default()).await;
    let (first, second) = (fixture.router.clone(), router(fixture.sibling()));
    let mut codes = Vec::new();
    for turn in 0..11 {
        fixture.router = if turn % 2 == 0 { first.clone() } else { second.clone() };
        codes.push(fixture.failed_login().await);
    }
    assert_eq!(codes, [[401; 10].as_slice(), &[429]].concat());
    fixture.advance_seconds(1);
    assert_eq!(fixture.failed_login().await, 401);
}

/// Rounds of two processes at once do what one does.
async fn sweep_at_once(fixture: Fixture) {
    let client = fixture.client("a").await;
    for n in 0..20_u8 {
        let pending = fixture.announce(&client, &[n; 64]).await;
        assert_eq!(fixture.send_bytes(&pending, &[n; 64]).await.code(), 200);
    }
    let gone = fixture.client("gone").await;
    for n in 0..20_u8 {
        fixture.write(&gone, "t", json!({}), json!({ "n": n.to_string() })).await;
        fixture.write_file(&gone, &[n; 64]).await;
    }
    let path = format!("/v1/client/admin/{}", gone.id);
    let deleted = fixture.call(&fixture.account.queen, Method::DELETE, &path, None).await;
    assert_eq!(deleted.code(), 204, "{deleted:?}");
    assert_eq!(fixture.blobs(), 40);
    fixture.advance_seconds(fixture.app.config.files.upload_lifetime_s.into());
    let other = fixture.sibling();
    let courier = hooks::Courier::new(&other.config.hooks).unwrap();
    let (swept, swept_too, told) =
        tokio::join!(jobs::round(&fixture.app), jobs::round(&other), hooks::round(&other, &courier),);
    swept.unwrap();
    swept_too.unwrap();
    told.unwrap();
    // What one found while the other removed it.
    jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.blobs(), 0);
    let due = other.store.read("test", |tx| tx.due_blobs(tozstore_api::Timestamp::from_micros(i64::MAX), 10));
    assert_eq!(due.await.unwrap(), []);
}

fn small_steps() -> Config {
    let mut config = Config::default();
    config.jobs.rows_per_step = 3;
    config
}

#[tokio::test]
async fn two_sweep_at_once() {
    sweep_at_once(Fixture::with_config(small_steps()).await).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn two_sweep_at_once_on_postgres() {
    sweep_at_once(Fixture::on_postgres(small_steps()).await).await;
}

//! A backup of a server that runs, restored elsewhere: the SDK opens what it wrote, and the answers are the same.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use tozstore::{
    Account, Capability, Client, ExpectedWriter, GroupOptions, HookEvent, Plain, RecordId, Search, Secret,
    Terms, fields,
};
use tozstore_e2e::{EMAIL, PASSWORD, World};
use tozstore_server::Server;
use tozstore_server::clock::SystemClock;
use tozstore_server::config::Config;
use tozstore_server::moving::{self, Place, Progress};

/// What a server answers, without what names the server or the request.
async fn answer(url: &str, token: &str) -> (u16, String) {
    let http = Http::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = hyper::Request::get(url).header("authorization", format!("Bearer {token}"));
    let answer = http.request(request.body(Empty::new()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn token_of(client: &Client, api_url: &str) -> String {
    let http = Http::builder(TokioExecutor::new()).build_http::<http_body_util::Full<Bytes>>();
    let credentials: serde_json::Value = serde_json::from_str(&client.credentials().to_json()).unwrap();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text("api_key_id"),
        text("api_secret")
    );
    let request = hyper::Request::post(format!("{api_url}/v1/auth/token"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = http.request(request.body(form.into()).unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_is_the_one_that_was_backed_up() {
    let world = World::start().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let record = alice.write("note", fields! { "a" => "1", "ü\0" => "é\0" }).plain("k", "v").await.unwrap();
    alice.share("note", bob.id()).await.unwrap();
    alice.add_authorizer("note", bob.id()).await.unwrap();
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n * 7) as u8).collect();
    let file = alice.write_file("photo", &content[..], Plain::default(), |_| {}).await.unwrap();
    let group = alice.create_group("team", GroupOptions::default()).await.unwrap().id;
    alice
        .add_group_members(group, &[(bob.id(), [Capability::ReadContent].into_iter().collect())])
        .await
        .unwrap();
    alice.write("shared", fields! { "a" => "2" }).await.unwrap();
    alice.share_with_group("shared", group, false).await.unwrap();
    let views = alice.write_note(bob.id(), fields! { "a" => "3" }).max_views(3).name("n").await.unwrap();
    bob.read_note(views.id, ExpectedWriter::Anyone).await.unwrap();
    let with_file = alice.write_note(bob.id(), fields! { "a" => "4" }).file(&b"attached"[..]).await.unwrap();
    let hook =
        world.account.create_hook("https://example.com/hook", &[HookEvent::NoteWritten]).await.unwrap();

    // The server goes on meanwhile.
    let folder = tempfile::tempdir().unwrap();
    let (from, to) =
        (world.config().clone(), Config { data_dir: folder.path().join("data"), ..Config::default() });
    let (from, place) = (Place::new(from), Place::new(to.clone()));
    let quiet = |_: &Progress| Ok(());
    moving::run(move |runtime| {
        let clock = Arc::new(SystemClock) as _;
        let (archive, _) = moving::backup(&from, Vec::new(), true, &clock, runtime, &mut { quiet })?;
        moving::verify(&archive[..], &mut { quiet })?;
        moving::restore(&place, &archive[..], &clock, runtime, &mut { quiet })
    })
    .await
    .unwrap();
    let mut config = to;
    config.listen.address = ([127, 0, 0, 1], 0).into();
    let server = Server::start(config).await.unwrap();
    let api_url = format!("http://{}", server.local_addr());

    // Tokens of the one are good at the other: it has the key.
    let token = token_of(&alice, &world.api_url).await;
    let bobs = token_of(&bob, &world.api_url).await;
    for (path, token) in [
        (format!("/v1/storage/records/{}", record.id()), &token),
        (format!("/v1/storage/records/{}", record.id()), &bobs),
        (format!("/v1/storage/clients/{}", alice.id()), &token),
        (format!("/v1/storage/access_keys/{0}/{0}/{1}/note", alice.id(), bob.id()), &bobs),
        ("/v1/storage/policy/outgoing".to_owned(), &token),
        ("/v1/storage/policy/incoming".to_owned(), &bobs),
        ("/v1/storage/policy/granted".to_owned(), &bobs),
        (format!("/v2/storage/groups/{group}"), &token),
        (format!("/v2/storage/groups/{group}/members"), &token),
        (format!("/v1/storage/records/{}", RecordId::from_bytes([1; 16])), &token),
    ] {
        let [before, after] = [
            answer(&format!("{}{path}", world.api_url), token).await,
            answer(&format!("{api_url}{path}"), token).await,
        ];
        // Errors name the request.
        let known = |(status, body): &(u16, String)| {
            (*status, if *status < 400 { body.clone() } else { String::new() })
        };
        assert_eq!(known(&before), known(&after), "{path}");
        assert!(before.0 < 405, "{path}: {before:?}");
    }

    let elsewhere =
        |client: &Client| Client::new(client.credentials().clone().with_api_url(&api_url)).unwrap();
    let (alice, bob) = (elsewhere(&alice), elsewhere(&bob));
    for client in [&alice, &bob] {
        let read = client.read(record.id()).await.unwrap();
        assert_eq!(
            (read.field("a"), read.field("ü\0"), read.plain().value("k")),
            (Some("1"), Some("é\0"), Some("v"))
        );
    }
    let mut read = Vec::new();
    alice.read_file(file.id(), &mut read, |_| {}).await.unwrap();
    assert!(read == content, "other bytes came back");
    let shared: Vec<_> = bob.group_records(group).try_collect().await.unwrap();
    assert_eq!(shared[0].field("a"), Some("2"));
    let found = alice.search(Search::new().matching(Terms::any().tag("k", "v"))).records();
    assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(bob.note_views(views.id).await.unwrap(), Some(2));
    let note = bob.read_note(with_file.id, ExpectedWriter::Client(alice.id())).await.unwrap();
    assert_eq!(note.field("a"), Some("4"));
    let mut updated = alice.read(record.id()).await.unwrap();
    updated.set("a", "new");
    alice.update(&mut updated).await.unwrap();
    let account = Account::login(&api_url, EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    assert_eq!(account.id(), world.account.id());
    // Tokens for registration are listed, and hooks keep their secrets: both hang on the key.
    let listed = account.hooks().await.unwrap();
    assert_eq!((listed.len(), listed[0].id), (1, hook.id));
    Client::register(&api_url, world.token.expose(), "late").await.unwrap();
    server.shutdown().await;
}

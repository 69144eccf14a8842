//! Accounts, registration tokens, and the administration of clients.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use futures_util::TryStreamExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tozstore::{
    Account, Client, ClientId, Error, Fault, NewAccount, RegisterOptions, Secret, TokenOptions, fields,
};
use tozstore_e2e::{EMAIL, PASSWORD, World};

#[tokio::test]
async fn both_ways_in_lead_to_the_same_client() {
    let world = World::start().await;
    let record = world.account.queen().write("t", fields! { "a" => "1" }).await.unwrap();
    let by_password =
        Account::login(&world.api_url, &EMAIL.to_uppercase(), &Secret::new(PASSWORD)).await.unwrap();
    let by_paper = Account::login_with_paper_key(&world.api_url, EMAIL, &world.paper_key).await.unwrap();
    for account in [by_password, by_paper] {
        assert_eq!(account.id(), world.account.id());
        assert_eq!(account.queen().id(), world.account.queen().id());
        assert_eq!(account.queen().read(record.id()).await.unwrap().field("a"), Some("1"));
        assert_eq!((account.name(), account.email()), ("Owner", EMAIL));
    }
}

#[tokio::test]
async fn wrong_passwords_and_unknown_addresses_look_alike() {
    let world = World::start().await;
    let wrong = Account::login(&world.api_url, EMAIL, &Secret::new("wrong")).await.unwrap_err();
    let unknown =
        Account::login(&world.api_url, "nobody@example.com", &Secret::new(PASSWORD)).await.unwrap_err();
    assert_eq!((wrong.fault(), unknown.fault()), (Fault::Credentials, Fault::Credentials));
    assert_eq!(wrong.to_string(), unknown.to_string());
    let taken = NewAccount { name: "Other", email: &EMAIL.to_lowercase(), password: &Secret::new(PASSWORD) };
    let refused = Account::create(&world.api_url, taken).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { status: 409, .. }), "{refused}");
    assert!(refused.to_string().contains("e-mail address"), "{refused}");
}

const NEW_PASSWORD: &str = "Vq7r-2mTd-Yk4s-Hn8w";

async fn log_in(world: &World, password: &str) -> Result<Account, Error> {
    Account::login(&world.api_url, EMAIL, &Secret::new(password)).await
}

#[tokio::test]
async fn a_new_password_opens_what_the_old_one_did() {
    let world = World::start().await;
    let record = world.account.queen().write("t", fields! { "a" => "1" }).await.unwrap();
    let mut account = log_in(&world, PASSWORD).await.unwrap();
    account.change_password(&Secret::new(NEW_PASSWORD)).await.unwrap();

    assert!(matches!(log_in(&world, PASSWORD).await, Err(Error::Credentials(_))));
    let again = log_in(&world, NEW_PASSWORD).await.unwrap();
    assert_eq!(again.queen().id(), world.account.queen().id());
    assert_eq!(again.queen().read(record.id()).await.unwrap().field("a"), Some("1"));
    // The paper key still leads in, and the account at hand goes on working; the other session has ended, and cannot
    // be renewed with the old password.
    Account::login_with_paper_key(&world.api_url, EMAIL, &world.paper_key).await.unwrap();
    account.tokens().await.unwrap();
    assert!(matches!(world.account.tokens().await, Err(Error::Credentials(_))));
}

/// A request for what is kept with the profile, and the answer's body.
async fn meta(world: &World, account: &Account, method: &str, body: &str) -> Value {
    let address = world.api_url.strip_prefix("http://").unwrap();
    let token = account.session_token().await;
    let head = format!(
        "{method} /v1/account/profile/meta HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        token.expose(),
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_change_of_the_password_may_break_off() {
    let world = World::start().await;
    let mut account = log_in(&world, PASSWORD).await.unwrap();
    let before = meta(&world, &account, "GET", "").await;
    account.change_password(&Secret::new(NEW_PASSWORD)).await.unwrap();
    let after = meta(&world, &account, "GET", "").await;
    assert_ne!(before["backupClient"], after["backupClient"]);
    assert_eq!(before["paperBackup"], after["paperBackup"]);

    // As it is when the server has the new password, and the old copy was not replaced.
    let mut between = before.clone();
    between["backupClientNext"] = after["backupClient"].clone();
    meta(&world, &account, "PUT", &between.to_string()).await;
    let again = log_in(&world, NEW_PASSWORD).await.unwrap();
    assert_eq!(again.queen().id(), world.account.queen().id());
    // The login put it in its place.
    assert_eq!(meta(&world, &account, "GET", "").await, after);

    // As it is when the server was not told: the old copy is there, and a new one that nobody asks for.
    between["backupClient"] = after["backupClient"].clone();
    between["backupClientNext"] = before["backupClient"].clone();
    meta(&world, &account, "PUT", &between.to_string()).await;
    let again = log_in(&world, NEW_PASSWORD).await.unwrap();
    assert_eq!(again.queen().id(), world.account.queen().id());

    // Copies that do not open are told of, and the paper key makes new ones.
    meta(&world, &account, "PUT", r#"{"backupClient":"AAAA:AAAA","paperBackup":7}"#).await;
    let refused = log_in(&world, NEW_PASSWORD).await.unwrap_err();
    assert!(matches!(refused, Error::Untrusted(_)), "{refused}");
    let new = Secret::new(PASSWORD);
    let (_, previous) =
        Account::recover_with_new_queen(&world.api_url, EMAIL, &world.paper_key, &new).await.unwrap();
    assert!(previous.is_none());
    log_in(&world, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_new_paper_key_takes_the_place_of_the_old_one() {
    let world = World::start().await;
    let mut account = log_in(&world, PASSWORD).await.unwrap();
    let paper_key = account.change_paper_key().await.unwrap();
    let by_paper = async |key: &Secret| Account::login_with_paper_key(&world.api_url, EMAIL, key).await;
    assert!(matches!(by_paper(&world.paper_key).await, Err(Error::Credentials(_))));
    assert_eq!(by_paper(&paper_key).await.unwrap().queen().id(), world.account.queen().id());
    log_in(&world, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn name_and_address_change() {
    let world = World::start().await;
    let other = NewAccount { name: "Other", email: "other@example.com", password: &Secret::new(PASSWORD) };
    Account::create(&world.api_url, other).await.unwrap();
    let mut account = log_in(&world, PASSWORD).await.unwrap();
    let refused = account.change_email("OTHER@example.com").await.unwrap_err();
    assert!(matches!(refused, Error::Refused { status: 409, .. }), "{refused}");
    account.change_email("Moved@example.com").await.unwrap();
    account.change_name("New").await.unwrap();
    assert_eq!((account.name(), account.email()), ("New", "Moved@example.com"));
    assert!(log_in(&world, PASSWORD).await.is_err());
    let moved = Account::login(&world.api_url, "moved@example.com", &Secret::new(PASSWORD)).await.unwrap();
    assert_eq!((moved.id(), moved.name()), (account.id(), "New"));
}

#[tokio::test]
async fn the_paper_key_leads_back_in() {
    let world = World::start().await;
    let record = world.account.queen().write("t", fields! { "a" => "1" }).await.unwrap();
    let (url, new) = (&world.api_url, Secret::new(NEW_PASSWORD));
    let wrong = Account::recover(url, EMAIL, &Secret::new("wrong"), &new).await.unwrap_err();
    assert_eq!(wrong.fault(), Fault::Credentials);
    let account = Account::recover(url, EMAIL, &world.paper_key, &new).await.unwrap();
    assert_eq!(account.queen().read(record.id()).await.unwrap().field("a"), Some("1"));
    assert!(log_in(&world, PASSWORD).await.is_err());
    let again = log_in(&world, NEW_PASSWORD).await.unwrap();
    assert_eq!(again.queen().id(), world.account.queen().id());
}

#[tokio::test]
async fn a_new_client_takes_over_with_the_paper_key() {
    let world = World::start().await;
    let record = world.account.queen().write("t", fields! { "a" => "1" }).await.unwrap();
    let (url, new) = (&world.api_url, Secret::new(NEW_PASSWORD));
    // Twice: once to take over, and once as after a try that broke off.
    let (first, previous) =
        Account::recover_with_new_queen(url, EMAIL, &world.paper_key, &new).await.unwrap();
    let previous = previous.unwrap();
    assert_eq!(previous.id(), world.account.queen().id());
    assert_ne!(first.queen().id(), previous.id());
    let (second, previous_again) =
        Account::recover_with_new_queen(url, EMAIL, &world.paper_key, &new).await.unwrap();
    assert_eq!(previous_again.unwrap().id(), first.queen().id());

    assert!(log_in(&world, PASSWORD).await.is_err());
    for account in [
        log_in(&world, NEW_PASSWORD).await.unwrap(),
        Account::login_with_paper_key(url, EMAIL, &world.paper_key).await.unwrap(),
    ] {
        assert_eq!(account.queen().id(), second.queen().id());
        // It administers, and what the old one wrote is still there for the old one.
        assert_eq!(account.client(previous.id()).await.unwrap().id, previous.id());
    }
    assert_eq!(previous.read(record.id()).await.unwrap().field("a"), Some("1"));
    second.disable_client(previous.id()).await.unwrap();
    assert!(matches!(previous.read(record.id()).await, Err(Error::Credentials(_))));
    let refused = second.disable_client(second.queen().id()).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { status: 409, message, .. } if message.contains("administers"))
    );
}

#[tokio::test]
async fn tokens_allow_what_they_say() {
    let world = World::start().await;
    let mut options = TokenOptions::default();
    options.name = Some("once".to_owned());
    options.max_uses = Some(1);
    options.kinds = vec!["sensor".to_owned()];
    let token = world.account.create_token(options).await.unwrap();
    let register = async |kind: &str| {
        Client::register_with(&world.api_url, token.token.expose(), "c", &RegisterOptions::new().kind(kind))
            .await
    };
    assert!(register("other").await.is_err());
    let registration = register("sensor").await.unwrap();
    assert_eq!(Client::new(registration.credentials).unwrap().whoami().await.unwrap().kind, "sensor");
    assert!(register("sensor").await.is_err());
    let listed = world.account.tokens().await.unwrap();
    let listed = listed.iter().find(|one| one.name.as_deref() == Some("once")).unwrap();
    assert_eq!((listed.uses, listed.max_uses), (1, Some(1)));

    world.account.delete_token(world.token.expose()).await.unwrap();
    let refused = Client::register(&world.api_url, world.token.expose(), "c").await.unwrap_err();
    assert!(matches!(refused, Error::Credentials(_) | Error::Refused { .. }), "{refused}");
    assert_eq!(world.account.tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn clients_are_listed_stopped_and_deleted() {
    let world = World::start().await;
    let (first, second) = (world.client("first").await, world.client("second").await);
    let listed: Vec<_> = world.account.clients().try_collect().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|client| client.id).collect();
    assert_eq!(ids, [world.account.queen().id(), first.id(), second.id()]);
    assert_eq!(world.account.client(first.id()).await.unwrap().name, "first");
    assert!(matches!(world.account.client(ClientId::random()).await, Err(Error::NotFound(_))));

    let record = first.write("t", fields! { "a" => "1" }).await.unwrap();
    world.account.disable_client(first.id()).await.unwrap();
    assert!(matches!(first.read(record.id()).await, Err(Error::Credentials(_))));
    world.account.enable_client(first.id()).await.unwrap();
    assert_eq!(first.read(record.id()).await.unwrap().field("a"), Some("1"));

    world.account.delete_client(first.id()).await.unwrap();
    assert!(first.read(record.id()).await.is_err());
    assert!(matches!(second.info(first.id()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn clients_know_themselves_and_each_other() {
    let world = World::start().await;
    let (first, second) = (world.client("first").await, world.client("second").await);
    let own = first.whoami().await.unwrap();
    assert_eq!((own.id, own.name.as_str(), own.enabled), (first.id(), "first", true));
    let seen = second.info(first.id()).await.unwrap();
    assert_eq!(seen.public_key, Some(first.credentials().public_key()));
    assert_eq!(seen.signing_key, first.credentials().public_signing_key());
    assert_eq!(seen.fingerprint(), first.info(first.id()).await.unwrap().fingerprint());
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_address_free() {
    let world = World::start().await;
    let client = world.client("client").await;
    client.write("t", fields! { "a" => "1" }).await.unwrap();
    let World { api_url, account, .. } = &world;
    let other = Account::login(api_url, EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    assert_eq!(other.id(), account.id());
    other.delete().await.unwrap();
    assert!(client.whoami().await.is_err());
    assert!(Account::login(api_url, EMAIL, &Secret::new(PASSWORD)).await.is_err());
    let again = NewAccount { name: "Owner", email: EMAIL, password: &Secret::new(PASSWORD) };
    Account::create(api_url, again).await.unwrap();
}

//! Codes sent by e-mail, to a mail server of a few lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tozstore_crypto::SigningKeyPair;
use tozstore_server::config::{Config, MailConfig, MailTls};
use tozstore_server::mail::{self, Mailer};

use super::fixture::{Answer, Fixture, TestClient, text};
use super::notes::{NOTES, by_id, note};

/// Takes mails, after it has refused as many as it has words for.
struct Sink {
    port: u16,
    mails: mpsc::UnboundedReceiver<String>,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Sink {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = mpsc::unbounded_channel();
        let refusals = Arc::new(Mutex::new(VecDeque::new()));
        let words = Arc::clone(&refusals);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, sender.clone(), Arc::clone(&words)));
            }
        });
        Self { port, mails, refusals }
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(60), self.mails.recv()).await.unwrap().unwrap()
    }
}

async fn take(
    stream: TcpStream,
    mails: mpsc::UnboundedSender<String>,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await.ok()?;
    let mut mail = String::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let refusal = if command == "MAIL" { refusals.lock().unwrap().pop_front() } else { None };
        let answer = match (command.as_str(), refusal) {
            (_, Some(refusal)) => refusal,
            ("DATA", _) => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                let _ = mails.send(std::mem::take(&mut mail));
                "250 taken"
            }
            ("RCPT", _) => {
                mail.push_str(&format!("{line}\n"));
                "250 ok"
            }
            ("QUIT", _) => "221 bye",
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}

struct World {
    fixture: Fixture,
    sink: Sink,
    writer: TestClient,
    reader: SigningKeyPair,
    _stop: watch::Sender<()>,
}

impl World {
    async fn start() -> Self {
        let sink = Sink::start().await;
        let mail = MailConfig {
            host: "127.0.0.1".into(),
            port: sink.port,
            tls: MailTls::None,
            from: "Store <store@example.com>".into(),
            link_prefixes: vec!["https://app.example/".into()],
            ..MailConfig::default()
        };
        let fixture = Fixture::with_config(Config { mail, ..Config::default() }).await;
        let mailer = Mailer::new(&fixture.app.config.mail).unwrap().unwrap();
        let (stop, stopped) = watch::channel(());
        tokio::spawn(mail::run(Arc::clone(&fixture.app), mailer, stopped));
        let writer = fixture.client("writer").await;
        Self { fixture, sink, writer, reader: SigningKeyPair::generate(), _stop: stop }
    }

    async fn new_note(&self, policy: Value) -> Value {
        self.fixture.new_note(&self.writer, &self.reader, json!({ "eacp": { "email_eacp": policy } })).await
    }

    async fn challenge(&self, note: &Value, body: Value) -> Answer {
        let path = format!("{NOTES}/challenge?note_id={}", text(&note["note_id"]));
        self.fixture.signed(&self.reader, None, Method::PATCH, &path).json(body).send().await
    }

    async fn read(&self, note: &Value, code: &str) -> u16 {
        let path = format!("{}&email_otp={code}", by_id(note));
        self.fixture.as_holder(&self.reader, Method::GET, &path).await.code()
    }

    /// The next mail and its code.
    async fn mail(&mut self) -> (String, String) {
        let mail = self.sink.next().await;
        let is_code = |line: &&str| line.len() == 19 && line.matches('-').count() == 3;
        let code = mail.lines().map(str::trim).find(is_code);
        assert!(code.is_some(), "{mail}");
        let code = code.unwrap_or_default().to_owned();
        (mail, code)
    }
}

fn policy() -> Value {
    json!({
        "email_address": "reader@example.com", "template": "t", "provider_link": "https://app.example/notes?a=b",
        "template_fields": { "name": "Subject: x" }, "default_expiration_minutes": 5,
    })
}

#[tokio::test]
async fn a_code_comes_by_mail_and_opens_the_note_once() {
    let mut world = World::start().await;
    let note = world.new_note(policy()).await;
    assert_eq!(note["eacp"]["email_eacp"], policy(), "it is passed on whole");
    assert_eq!(world.read(&note, "").await, 401);
    let challenged = world.challenge(&note, json!({})).await;
    assert_eq!(challenged.code(), 200, "{challenged:?}");
    let expires = "2027-01-15T08:05:00.500000Z";
    assert_eq!(challenged.json(), json!({ "email_eacp": { "expires_at": expires, "template_name": "t" } }));
    let (mail, code) = world.mail().await;
    assert!(mail.contains("RCPT TO:<reader@example.com>"), "{mail}");
    assert!(mail.contains("From: Store <store@example.com>") || mail.contains("From: \"Store\" <"), "{mail}");
    assert_eq!(mail.matches("Subject:").count(), 1, "{mail}");
    let unfolded = mail.replace("=\n", "").replace("=3D", "=");
    let link = format!("https://app.example/notes?a=b&email_otp={code}&note_id={}", text(&note["note_id"]));
    assert!(unfolded.contains(&link), "{unfolded}");
    assert_eq!(world.read(&note, "WRNG-WRNG-WRNG-WRNG").await, 401);
    // Only the recipient's key opens it, code or not.
    let path = format!("{}&email_otp={code}", by_id(&note));
    let other = world.fixture.as_holder(&SigningKeyPair::generate(), Method::GET, &path).await;
    assert_eq!(other.code(), 401);
    assert_eq!(world.read(&note, &code.to_lowercase().replace('-', "")).await, 200);
    assert_eq!(world.read(&note, &code).await, 401, "it opens once");
}

#[tokio::test]
async fn codes_lapse_and_are_not_guessed() {
    let mut world = World::start().await;
    let note = world.new_note(policy()).await;
    let challenge = async |world: &World| {
        world.challenge(&note, json!({ "email_eacp": { "template_name": "u", "expiry_minutes": 2 } })).await
    };
    let answer = challenge(&world).await;
    assert_eq!(answer.json()["email_eacp"]["template_name"], "u");
    let (_, first) = world.mail().await;
    // Mails to one address have their pauses.
    let again = challenge(&world).await;
    assert_eq!((again.code(), again.header("retry-after")), (429, Some("60")));
    world.fixture.advance_seconds(60);
    assert_eq!(challenge(&world).await.code(), 200);
    let (_, second) = world.mail().await;
    assert_eq!(world.read(&note, &first).await, 401, "the newer code takes its place");
    for _ in 0..4 {
        assert_eq!(world.read(&note, "AAAA-AAAA-AAAA-AAAA").await, 401);
    }
    assert_eq!(world.read(&note, &second).await, 401, "there were five guesses");
    world.fixture.advance_seconds(60);
    assert_eq!(challenge(&world).await.code(), 200);
    let (_, third) = world.mail().await;
    world.fixture.advance_seconds(119);
    assert_eq!(world.read(&note, &third).await, 200);
    assert_eq!(challenge(&world).await.code(), 200);
    let (_, fourth) = world.mail().await;
    world.fixture.advance_seconds(120);
    assert_eq!(world.read(&note, &fourth).await, 401);
    let week = world.challenge(&note, json!({ "email_eacp": { "expiry_minutes": 10_081 } })).await;
    assert_eq!(week.code(), 400);
    for _ in 0..2 {
        world.fixture.advance_seconds(60);
        let answer = challenge(&world).await;
        if answer.code() == 429 {
            assert_eq!(answer.header("retry-after"), Some("3540"), "after five there is one an hour");
            return;
        }
    }
    panic!("any number of mails is sent");
}

#[tokio::test]
async fn a_mail_server_that_fails_is_tried_again() {
    let mut world = World::start().await;
    world.sink.refusals.lock().unwrap().push_back("451 come back later");
    let note = world.new_note(policy()).await;
    assert_eq!(world.challenge(&note, json!({})).await.code(), 200);
    let (_, code) = world.mail().await;
    assert_eq!(world.read(&note, &code).await, 200);
    // What it refuses for good holds up nobody else.
    world.sink.refusals.lock().unwrap().push_back("550 no such mailbox");
    let refused = world.new_note(policy()).await;
    assert_eq!(world.challenge(&refused, json!({})).await.code(), 200);
    while !world.sink.refusals.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let other = world.new_note(policy()).await;
    assert_eq!(world.challenge(&other, json!({})).await.code(), 200);
    let (mail, code) = world.mail().await;
    assert!(mail.replace("=\n", "").contains(&text(&other["note_id"])), "{mail}");
    assert_eq!(world.read(&refused, &code).await, 401);
    assert_eq!(world.read(&other, &code).await, 200);
}

#[tokio::test]
async fn mails_go_to_one_address_and_lead_where_they_may() {
    let mut world = World::start().await;
    for address in ["a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "nobody", ""] {
        let note = world.new_note(json!({ "email_address": address })).await;
        assert_eq!(world.challenge(&note, json!({})).await.code(), 400, "{address}");
    }
    let note = world.new_note(json!({ "template": "no address" })).await;
    assert_eq!(world.challenge(&note, json!({})).await.code(), 400);
    for link in ["https://evil.example/", "https://app.example/\r\nx", "https://app.example.evil/"] {
        let address = format!("a{}@example.com", link.len());
        let note = world.new_note(json!({ "email_address": address, "provider_link": link })).await;
        assert_eq!(world.challenge(&note, json!({})).await.code(), 200);
        let (mail, code) = world.mail().await;
        assert!(!mail.contains("https"), "{mail}");
        assert_eq!(world.read(&note, &code).await, 200);
    }
    // Anybody can be a stranger, and send mails to anybody.
    let body = note_by_stranger(&world.reader);
    let call = world.fixture.signed(&world.reader, None, Method::POST, NOTES).json(body);
    let written = call.send().await;
    assert_eq!(written.code(), 201);
    assert_eq!(world.challenge(&written.json(), json!({})).await.code(), 403);
    // A note that asks for nothing sends nothing.
    let plain = world.fixture.new_note(&world.writer, &world.reader, json!({})).await;
    assert_eq!(world.challenge(&plain, json!({})).await.json(), json!({}));
    assert!(world.sink.mails.try_recv().is_err());
}

fn note_by_stranger(key: &SigningKeyPair) -> Value {
    note(key, key, json!({ "eacp": { "email_eacp": policy() } }))
}

#[tokio::test]
async fn one_address_gets_so_many_mails() {
    let mut world = World::start().await;
    let mut codes = Vec::new();
    for _ in 0..12 {
        let note = world.new_note(policy()).await;
        codes.push(world.challenge(&note, json!({})).await.code());
    }
    assert_eq!(codes, [[200; 10].as_slice(), &[429; 2]].concat());
    for _ in 0..10 {
        world.mail().await;
    }
    assert!(world.sink.mails.try_recv().is_err());
}

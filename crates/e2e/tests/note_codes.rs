//! Codes for notes: given by the writer, and sent by e-mail.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tozstore::{Error, ExpectedWriter, ExtendedPolicies, OneTimeCodePolicy, fields};
use tozstore_e2e::World;
use tozstore_server::config::MailTls;

fn by_mail() -> ExtendedPolicies {
    let policy =
        serde_json::json!({ "email_address": "reader@example.com", "default_expiration_minutes": 5 });
    ExtendedPolicies { email_eacp: policy.as_object().cloned(), ..ExtendedPolicies::default() }
}

/// Takes one mail and gives its lines.
async fn one_mail(listener: TcpListener) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let (read, mut write) = stream.into_split();
    let (mut lines, mut mail) = (BufReader::new(read).lines(), Vec::new());
    write.write_all(b"220 sink\r\n").await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "DATA" {
            write.write_all(b"354 go on\r\n").await.unwrap();
            while let Some(line) = lines.next_line().await.unwrap().filter(|line| line != ".") {
                mail.push(line);
            }
        }
        write.write_all(b"250 ok\r\n").await.unwrap();
        if !mail.is_empty() {
            break;
        }
    }
    mail
}

#[tokio::test]
async fn a_code_that_was_mailed_opens_a_note_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = World::start_with(|config| {
        config.mail.host = "127.0.0.1".into();
        config.mail.port = port;
        config.mail.tls = MailTls::None;
        config.mail.from = "store@example.com".into();
    });
    let world = world.await;
    let mail = tokio::spawn(one_mail(listener));
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let from = ExpectedWriter::Client(writer.id());
    let note = writer.write_note(reader.id(), fields! { "a" => "1" }).policies(by_mail()).await.unwrap().id;
    assert!(matches!(reader.read_note(note, from).await, Err(Error::Credentials(_))));
    assert!(reader.challenge_note(note).await.unwrap().is_some());
    let again = reader.challenge_note(note).await;
    assert!(matches!(again, Err(Error::Refused { status: 429, .. })), "{again:?}");
    let mail = mail.await.unwrap();
    let is_code = |line: &&str| line.len() == 19 && line.matches('-').count() == 3;
    let code = mail.iter().map(|line| line.trim()).find(is_code).unwrap_or_else(|| panic!("{mail:?}"));
    let read = async |code: &str| reader.read_note_with_mailed_code(note, from, code).await;
    assert!(matches!(read("AAAA-AAAA-AAAA-AAAA").await, Err(Error::Credentials(_))));
    assert_eq!(read(code).await.unwrap().field("a"), Some("1"));
    assert!(matches!(read(code).await, Err(Error::Credentials(_))));
}

#[tokio::test]
async fn a_code_that_the_writer_gives_out_opens_a_note_once() {
    let world = World::start().await;
    let (writer, reader) = (world.client("writer").await, world.client("reader").await);
    let from = ExpectedWriter::Client(writer.id());
    let policies = ExtendedPolicies {
        tozny_otp_eacp: Some(OneTimeCodePolicy { include: true }),
        ..ExtendedPolicies::default()
    };
    let note = writer.write_note(reader.id(), fields! { "a" => "1" }).policies(policies).await.unwrap().id;
    let code = writer.prime_note(note).await.unwrap();
    assert!(matches!(reader.read_note(note, from).await, Err(Error::Credentials(_))));
    assert_eq!(reader.challenge_note(note).await.unwrap(), None);
    let read = async || reader.read_note_with_code(note, from, code.expose()).await;
    assert_eq!(read().await.unwrap().field("a"), Some("1"));
    assert!(matches!(read().await, Err(Error::Credentials(_))));
    // Without a mail server there are no codes by mail.
    let note = writer.write_note(reader.id(), fields! { "a" => "1" }).policies(by_mail()).await.unwrap().id;
    assert!(matches!(reader.challenge_note(note).await, Err(Error::Server { status: 501, .. })));
}

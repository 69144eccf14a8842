//! Hooks, from the SDK: a receiver on this machine is told of a write, and checks the signature.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "this is a test")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tozstore::{Error, HookDelivery, HookEvent, HookSecret, fields};
use tozstore_e2e::World;

/// One request: its headers by name in small letters, and its body.
async fn receive(listener: &TcpListener, status: &str) -> (Vec<(String, String)>, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    let (headers, start) = loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the request breaks off");
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let pairs = head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
        let headers: Vec<_> = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        break (headers, end + 4);
    };
    let length: usize = header(&headers, "content-length").parse().unwrap();
    while bytes.len() < start + length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the request breaks off");
    }
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    (headers, bytes.split_off(start))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap()
}

#[tokio::test]
async fn a_receiver_is_told_of_a_write() {
    let world = World::start_with(|config| config.hooks.allow_private_addresses = true).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let hook = world.account.create_hook(&url, &[HookEvent::RecordWritten]).await.unwrap();
    let secret: HookSecret = hook.secret.as_ref().unwrap().expose().parse().unwrap();
    assert!(!format!("{hook:?}").contains(hook.secret.as_ref().unwrap().expose()));
    let listed = world.account.hooks().await.unwrap();
    assert_eq!(
        (listed[0].id, listed[0].url.as_str(), listed[0].secret.is_some()),
        (hook.id, url.as_str(), false)
    );

    let client = world.client("client").await;
    let record = client.write("note", fields! { "a" => "sealed text" }).await.unwrap();
    // A receiver that is not well gets it again, from a server that was started anew.
    let (first, _) = receive(&listener, "500 Internal Server Error").await;
    let world = world.restart().await;
    let (headers, body) = receive(&listener, "204 No Content").await;
    assert_eq!(header(&headers, "webhook-id"), header(&first, "webhook-id"));
    let seconds = header(&headers, "webhook-timestamp").parse().unwrap();
    let signature = header(&headers, "webhook-signature");
    assert_eq!(secret.verify(header(&headers, "webhook-id"), seconds, &body, signature), Ok(()));
    let delivery: HookDelivery = serde_json::from_slice(&body).unwrap();
    assert_eq!((delivery.event, delivery.webhook_id), (HookEvent::RecordWritten, hook.id));
    assert_eq!((delivery.client_id, delivery.record_id), (Some(client.id()), Some(record.id())));
    assert_eq!(delivery.account_id, world.account.id());
    assert!(!String::from_utf8(body).unwrap().contains("sealed text"));
}

#[tokio::test]
async fn hooks_lead_outside_and_are_deleted() {
    let world = World::start().await;
    let account = &world.account;
    let refused = account.create_hook(&format!("{}/in", world.api_url), &[HookEvent::RecordWritten]).await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 400, message, .. }) if message.contains("private"))
    );
    let hook = account.create_hook("https://example.com/", &[HookEvent::NoteWritten]).await.unwrap();
    account.delete_hook(hook.id).await.unwrap();
    assert!(matches!(account.delete_hook(hook.id).await, Err(Error::NotFound(_))));
    assert!(account.hooks().await.unwrap().is_empty());
}

//! TLS over a socket: which versions of HTTP, new certificates, files that are none.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tozstore_server::config::{Config, ListenConfig, TlsConfig};
use tozstore_server::http::TlsError;
use tozstore_server::{RunningServer, Server, StartError};

const REQUEST: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn config(dir: &Path) -> Config {
    let tls = TlsConfig {
        certificate_file: dir.join("certificate.pem"),
        key_file: dir.join("key.pem"),
        ..TlsConfig::default()
    };
    let listen = ListenConfig { address: ([127, 0, 0, 1], 0).into(), ..ListenConfig::default() };
    Config { data_dir: dir.join("data"), listen, tls, ..Config::default() }
}

/// Makes a certificate, and puts it and its key into their files.
fn put_certificate(dir: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("certificate.pem"), cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

async fn connect(
    server: &RunningServer,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.local_addr()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = put_certificate(dir.path());
    let server = Server::start(config(dir.path())).await.unwrap();
    assert!(server.is_tls());
    let mut stream = connect(&server, &certificate, &["http/1.1"]).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let mut stream = connect(&server, &certificate, &[]).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));

    let mut stream = connect(&server, &certificate, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the first frame has settings (RFC 9113, section 3.4)");
    drop(stream);

    // Without TLS there is no answer, and the server goes on.
    let mut plain = TcpStream::connect(server.local_addr()).await.unwrap();
    plain.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(connect(&server, &certificate, &[]).await.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_connections_stay() {
    let dir = tempfile::tempdir().unwrap();
    let first = put_certificate(dir.path());
    let server = Server::start(config(dir.path())).await.unwrap();
    let mut old = connect(&server, &first, &[]).await.unwrap();
    ask(&mut old).await;

    let second = put_certificate(dir.path());
    assert!(connect(&server, &second, &[]).await.is_err());
    server.reload_certificates();
    assert!(connect(&server, &first, &[]).await.is_err());
    ask(&mut connect(&server, &second, &[]).await.unwrap()).await;
    assert!(ask(&mut old).await.starts_with("HTTP/1.1 200 OK\r\n"));

    // What does not fit changes nothing: a key that is not the certificate's, and no certificate at all.
    for (file, text) in [("key.pem", None), ("certificate.pem", Some("nothing"))] {
        let before = std::fs::read(dir.path().join(file)).unwrap();
        let other =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap().signing_key.serialize_pem();
        std::fs::write(dir.path().join(file), text.unwrap_or(&other)).unwrap();
        server.reload_certificates();
        ask(&mut connect(&server, &second, &[]).await.unwrap()).await;
        std::fs::write(dir.path().join(file), before).unwrap();
    }
    server.shutdown().await;
}

#[tokio::test]
async fn files_that_change_are_read_again_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    put_certificate(dir.path());
    let mut config = config(dir.path());
    config.tls.check_interval_s = 1;
    let server = Server::start(config).await.unwrap();
    let second = put_certificate(dir.path());
    while connect(&server, &second, &[]).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_without_its_certificate_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let error = async |config: Config| match Server::start(config).await {
        Err(StartError::Tls(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    };
    assert!(matches!(error(config(dir.path())).await, TlsError::Read { .. }));
    let mut half = config(dir.path());
    half.tls.key_file = "".into();
    assert!(matches!(error(half).await, TlsError::Incomplete));
    put_certificate(dir.path());
    let certificate = std::fs::read(dir.path().join("certificate.pem")).unwrap();
    std::fs::write(dir.path().join("certificate.pem"), "").unwrap();
    assert!(matches!(error(config(dir.path())).await, TlsError::NoCertificate(_)));
    std::fs::write(dir.path().join("certificate.pem"), certificate).unwrap();
    let key = std::fs::read(dir.path().join("key.pem")).unwrap();
    std::fs::write(dir.path().join("key.pem"), "").unwrap();
    assert!(matches!(error(config(dir.path())).await, TlsError::NoKey(_)));
    std::fs::write(dir.path().join("key.pem"), key).unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("key.pem"), other.signing_key.serialize_pem()).unwrap();
    assert!(matches!(error(config(dir.path())).await, TlsError::Unfit { .. }));
}

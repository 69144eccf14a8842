//! What a server holds, looked at without the SDK: over plain HTTP, and in its files.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tozstore::{Credentials, RecordId, Secret};
use zeroize::Zeroizing;

use crate::exit::{Code, Failure, Outcome};

/// Bytes that an answer, or a file of the data folder, may have; far more than the demo makes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Files that are looked at.
const MAX_FILES: usize = 1000;

/// The body of `GET /v1/storage/records/{id}`, byte for byte.
///
/// # Errors
/// The server does not answer, or not with 200.
pub async fn record_over_plain_http(credentials: &Credentials, id: RecordId) -> Outcome<Vec<u8>> {
    #[derive(Deserialize)]
    struct ApiKey {
        api_key_id: String,
        api_secret: Secret,
    }
    #[derive(Deserialize)]
    struct Token {
        access_token: Secret,
    }

    let key: ApiKey = serde_json::from_str(&credentials.to_json()).map_err(|_| no_answer("no API key"))?;
    let form = Zeroizing::new(format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        key.api_key_id,
        key.api_secret.expose()
    ));
    let host = credentials.api_url().strip_prefix("http://").ok_or_else(|| no_answer("no plain HTTP"))?;
    let head =
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
    let token = exchange(host, "POST /v1/auth/token", &head, &form).await?;
    let token: Token = serde_json::from_slice(&token).map_err(|_| no_answer("no token"))?;
    let head = Zeroizing::new(format!("Authorization: Bearer {}\r\n", token.access_token.expose()));
    exchange(host, &format!("GET /v1/storage/records/{id}"), &head, "").await
}

/// The contents of every file in a folder and below it.
///
/// # Errors
/// One of them cannot be read.
pub fn bytes_in_folder(folder: &Path) -> Outcome<Vec<Vec<u8>>> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).map_err(unreadable)?.take(MAX_FILES) {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = Vec::new();
            let file = std::fs::File::open(path).map_err(unreadable)?;
            file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
            files.push(bytes);
        }
    }
    Ok(files)
}

/// One request on a connection of its own (RFC 9112); the body of the answer.
async fn exchange(host: &str, target: &str, head: &str, body: &str) -> Outcome<Vec<u8>> {
    let request =
        Zeroizing::new(format!("{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}\r\n{body}"));
    let mut answer = Vec::new();
    let exchanged = async {
        let mut connection = TcpStream::connect(host).await?;
        connection.write_all(request.as_bytes()).await?;
        connection.take(MAX_BYTES).read_to_end(&mut answer).await
    };
    exchanged.await.map_err(|error| no_answer(&error.to_string()))?;
    let end_of_head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    match end_of_head {
        Some(end) if answer.starts_with(b"HTTP/1.1 200 ") => Ok(answer.split_off(end + 4)),
        _ => Err(no_answer("it is not 200 OK")),
    }
}

fn no_answer(why: &str) -> Failure {
    Failure::new(
        Code::Unavailable,
        format!("the server gave no answer by plain HTTP: {why}"),
        "please report it",
    )
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::new(Code::Failed, format!("cannot read the server's data folder: {error}"), "please report it")
}

//! Processes under load, and what is asked of them.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tozstore::{Account, Client, Credentials, NewAccount, Secret, TokenOptions};

use crate::AnyError;

/// A server in a process of its own; ended when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) address: SocketAddr,
    _data: Option<TempDir>,
}

impl Child {
    /// The constant handler: this program again.
    pub(crate) fn constant() -> Result<Self, AnyError> {
        Self::start(Command::new(std::env::current_exe()?).arg("constant"), None)
    }

    /// The server, with the embedded store in a fresh folder.
    pub(crate) fn tozstore(binary: Option<PathBuf>) -> Result<Self, AnyError> {
        Self::tozstore_on(binary, None)
    }

    /// The same on these cores alone, as `taskset` names them.
    pub(crate) fn tozstore_on(binary: Option<PathBuf>, cores: Option<&str>) -> Result<Self, AnyError> {
        let binary = match binary {
            Some(binary) => binary,
            None => std::env::current_exe()?.with_file_name("tozstore"),
        };
        let data = tempfile::tempdir()?;
        let mut command = match cores {
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cores]).arg(&binary);
                command
            }
            None => Command::new(&binary),
        };
        command.arg("serve").arg("--data").arg(data.path()).args(["--listen", "127.0.0.1:0"]);
        // One client asks for all that there is.
        for name in ["CLIENT", "ACCOUNT", "ADDRESS"] {
            command.env(format!("TOZSTORE_RATES_{name}_PER_S"), "0");
        }
        Self::start(&mut command, Some(data)).map_err(|error| format!("{}: {error}", binary.display()).into())
    }

    fn start(command: &mut Command, data: Option<TempDir>) -> Result<Self, AnyError> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().unwrap_or_default().parse();
        let address =
            address.map_err(|_| format!("the server did not say where it listens, but {line:?}"))?;
        Ok(Self { process, address, _data: data })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One request on a connection of its own; its answer, if that is a success.
    async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: Bytes,
    ) -> Result<Bytes, AnyError> {
        let stream = tokio::net::TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status}").into()) }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client of the server with some records, and the requests that it will send over and over.
pub(crate) struct Subject {
    pub(crate) authorization: String,
    pub(crate) body: Bytes,
    pub(crate) record_paths: Arc<Vec<String>>,
}

/// Records that the reads are spread over.
const RECORDS: usize = 2_000;

impl Subject {
    pub(crate) async fn prepare(server: &Child) -> Result<Self, AnyError> {
        let credentials = client_credentials(server).await?;
        let authorization = format!("Bearer {}", access_token(server, &credentials).await?);
        let client = Client::new(credentials)?;
        // Sealed, 630 bytes are 992 characters.
        let value = "v".repeat(630);
        let mut record_paths = Vec::with_capacity(RECORDS);
        for _ in 0..RECORDS {
            let record = client.write("bench.type", tozstore::fields! { "field" => value.as_str() }).await?;
            record_paths.push(format!("/v1/storage/records/{}", record.id()));
        }
        let body = server.send(Method::GET, &record_paths[0], Some(&authorization), Bytes::new()).await?;
        Ok(Self { authorization, body, record_paths: Arc::new(record_paths) })
    }
}

/// An account on a fresh server, and a client of it.
pub(crate) async fn client_credentials(server: &Child) -> Result<Credentials, AnyError> {
    let url = server.url();
    let password = Secret::new("a password for nothing but this run");
    let new = NewAccount { name: "bench", email: "bench@example.com", password: &password };
    let (account, _paper_key) = Account::create(&url, new).await?;
    let token = account.create_token(TokenOptions::default()).await?;
    Ok(Client::register(&url, token.token.expose(), "bench").await?.credentials)
}

/// A token for requests without the SDK.
async fn access_token(server: &Child, credentials: &Credentials) -> Result<String, AnyError> {
    let json: serde_json::Value = serde_json::from_str(&credentials.to_json())?;
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text("api_key_id"),
        text("api_secret")
    );
    let answer = server.send(Method::POST, "/v1/auth/token", None, form.into()).await?;
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    Ok(answer["access_token"].as_str().ok_or("the server issued no token")?.to_owned())
}

//! A server that keeps what it is given and gives it out again, except where a test makes it lie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tozstore::{Client, ClientBuilder, ClientId, Credentials, Limits, RecordId, Version};
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub authorization: String,
    pub request_id: String,
    pub body: Value,
}

impl Asked {
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.target.contains(part)
    }
}

/// An answer.
pub enum Reply {
    Json(u16, Value),
    HangUp,
}

/// What a test puts in the way. None: the honest answer. It sees the honest state and may change it.
pub type Lie = Box<dyn FnMut(&Asked, &mut Honest) -> Option<Reply> + Send>;

/// What an honest server knows.
#[derive(Default)]
pub struct Honest {
    /// Public keys by client id.
    pub clients: HashMap<String, String>,
    /// Wrapped keys by path, with the client that put them.
    pub keys: HashMap<String, (String, ClientId)>,
    pub records: HashMap<String, Value>,
}

pub struct Fake {
    pub api_url: String,
    pub state: Arc<Mutex<State>>,
}

pub struct State {
    pub honest: Honest,
    pub lie: Lie,
    pub asked: Vec<Asked>,
    tokens: HashMap<String, ClientId>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            honest: Honest::default(),
            lie: Box::new(|_, _| None),
            asked: Vec::new(),
            tokens: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { api_url, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn lie(&self, lie: impl FnMut(&Asked, &mut Honest) -> Option<Reply> + Send + 'static) {
        self.state().lie = Box::new(lie);
    }

    /// How often something was asked.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.is(method, part)).count()
    }

    /// Credentials of a client that the server knows.
    pub fn credentials(&self) -> Credentials {
        let id = ClientId::random();
        let (private, signing) = (EncryptionPrivateKey::generate(), SigningKeyPair::generate());
        self.state().honest.clients.insert(id.to_string(), private.public_key().to_string());
        let form = json!({
            "api_url": self.api_url,
            "api_key_id": id.to_string(),
            "api_secret": "secret",
            "client_id": id,
            "private_key": *private.expose_text(),
            "private_signing_key": *signing.expose_text(),
        });
        Credentials::from_json(&form.to_string()).unwrap()
    }

    pub fn builder(&self, credentials: &Credentials) -> ClientBuilder {
        let mut limits = Limits::default();
        limits.max_wait_ms = 1;
        limits.max_tries = 3;
        Client::builder(credentials.clone()).limits(limits)
    }

    pub fn client(&self) -> Client {
        self.builder(&self.credentials()).build().unwrap()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read_request(&mut stream).await {
        let reply = state.lock().unwrap().answer(asked);
        let Reply::Json(status, body) = reply else { return };
        let text = if status == 204 { String::new() } else { body.to_string() };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let mut parts = first.split(' ');
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let (mut length, mut authorization, mut request_id) = (0, String::new(), String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.clone_into(&mut authorization),
            "x-request-id" => value.clone_into(&mut request_id),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { method, target, authorization, request_id, body })
}

impl State {
    fn answer(&mut self, asked: Asked) -> Reply {
        self.asked.push(asked.clone());
        if let Some(reply) = (self.lie)(&asked, &mut self.honest) {
            return reply;
        }
        if asked.target == "/v1/auth/token" {
            return self.issue_token(&asked);
        }
        let token = asked.authorization.trim_start_matches("Bearer ");
        match self.tokens.get(token) {
            Some(&caller) => self.honest.answer(&asked, caller),
            None => Reply::Json(401, json!({"error": "no such token"})),
        }
    }

    fn issue_token(&mut self, asked: &Asked) -> Reply {
        // The name of the API credential is the client's id: tests need no more.
        let basic = asked.authorization.trim_start_matches("Basic ");
        let text = base64_text(basic);
        let client = text.split(':').next().unwrap().parse().unwrap();
        let token = RecordId::random().to_string();
        self.tokens.insert(token.clone(), client);
        let expires_at = "2100-01-01T00:00:00.000001Z";
        Reply::Json(
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": 900, "expires_at": expires_at}),
        )
    }
}

impl Honest {
    pub fn answer(&mut self, asked: &Asked, caller: ClientId) -> Reply {
        let path: Vec<_> = asked.target.trim_start_matches('/').split('/').collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "storage", "clients", id]) => match self.clients.get(*id) {
                Some(key) => Reply::Json(
                    200,
                    json!({"client_id": id, "public_key": {"curve25519": key}, "signing_key": null, "validated": true}),
                ),
                None => not_found(),
            },
            ("PUT", ["v1", "storage", "access_keys", ..]) if self.keys.contains_key(&asked.target) => {
                Reply::Json(409, json!({"error": "there"}))
            }
            ("PUT", ["v1", "storage", "access_keys", ..]) => {
                let eak = asked.body["eak"].as_str().unwrap().to_owned();
                self.keys.insert(asked.target.clone(), (eak.clone(), caller));
                Reply::Json(201, json!({"eak": eak}))
            }
            ("GET", ["v1", "storage", "access_keys", ..]) => {
                self.key(&asked.target).map_or_else(not_found, |key| Reply::Json(200, key))
            }
            ("PUT", ["v1", "storage", "policy", ..]) => Reply::Json(201, json!({})),
            ("POST", ["v1", "storage", "records"]) => {
                let id = RecordId::random().to_string();
                let record = stored(&id, &asked.body);
                self.records.insert(id, record.clone());
                Reply::Json(201, record)
            }
            ("GET", ["v1", "storage", "records", id]) => match self.records.get(*id) {
                Some(record) => Reply::Json(200, record.clone()),
                None => not_found(),
            },
            ("PUT", ["v1", "storage", "records", "safe", id, version]) => match self.records.get_mut(*id) {
                Some(record) if record["meta"]["version"] == *version => {
                    *record = stored(id, &asked.body);
                    Reply::Json(200, record.clone())
                }
                Some(_) => Reply::Json(409, json!({"error": "another version"})),
                None => not_found(),
            },
            _ => not_found(),
        }
    }

    /// The answer to a request for a key.
    pub fn key(&self, path: &str) -> Option<Value> {
        let (eak, authorizer) = self.keys.get(path)?;
        Some(key_answer(eak, *authorizer, &self.clients[&authorizer.to_string()]))
    }
}

pub fn key_answer(eak: &str, authorizer: ClientId, public_key: &str) -> Value {
    json!({
        "eak": eak,
        "authorizer_id": authorizer,
        "authorizer_public_key": {"curve25519": public_key},
        "signer_id": authorizer,
        "signer_signing_key": null,
    })
}

/// Path of an access key.
pub fn key_path(writer: ClientId, reader: ClientId, record_type: &str) -> String {
    format!("/v1/storage/access_keys/{writer}/{writer}/{reader}/{record_type}")
}

fn stored(id: &str, body: &Value) -> Value {
    let mut record = body.clone();
    let time = "2024-01-01T00:00:00.000001Z";
    record["meta"]["record_id"] = id.into();
    record["meta"]["version"] = Version::random().to_string().into();
    record["meta"]["created"] = time.into();
    record["meta"]["last_modified"] = time.into();
    record
}

fn not_found() -> Reply {
    Reply::Json(404, json!({"error": "not there"}))
}

/// Decodes padded standard base64 of plain ASCII.
fn base64_text(text: &str) -> String {
    let url_safe = text.replace('+', "-").replace('/', "_");
    String::from_utf8(tozstore_crypto::decode_base64url(url_safe.trim_end_matches('=')).unwrap()).unwrap()
}

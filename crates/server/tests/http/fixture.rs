//! A server in memory with an account and clients, and requests to it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, EncryptionPrivateKey, RequestNonce, RequestToSign, SigningKeyPair};
use tozstore_server::App;
use tozstore_server::blobs::Blobs;
use tozstore_server::clock::{Clock as _, ManualClock};
use tozstore_server::config::Config;
use tozstore_server::http::router;
use tozstore_server::keys::ServerKeys;
use tozstore_server::store::{MemoryStore, SqliteOptions, SqliteStore, Store};

use crate::database::Database;
use crate::object_server::ObjectServer;

/// When every test begins.
pub const START: Timestamp = Timestamp::from_micros(1_800_000_000_500_000);

/// A server with one account. Its clock stands still until it is told.
pub struct Fixture {
    pub app: Arc<App>,
    pub clock: Arc<ManualClock>,
    pub account: TestAccount,
    pub router: Router,
    dir: tempfile::TempDir,
    /// Where the rows lie, if that is PostgreSQL.
    database: Option<Database>,
    /// Where the bytes of files lie, if that is an S3 store.
    pub objects: Option<ObjectServer>,
}

/// An account with its administering client, and a registration token without limit.
pub struct TestAccount {
    pub id: String,
    pub email: String,
    /// Account token.
    pub token: String,
    pub registration_token: String,
    pub queen: TestClient,
    /// Signs logins by password.
    pub login_key: SigningKeyPair,
    /// Signs logins by paper key.
    pub paper_key: SigningKeyPair,
}

/// A client with its keys and an access token.
pub struct TestClient {
    pub id: ClientId,
    pub api_key_id: String,
    pub api_secret: String,
    /// Access token.
    pub token: String,
    pub signing: SigningKeyPair,
    pub encryption: EncryptionPrivateKey,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with_config(Config::default()).await
    }

    pub async fn with_config(config: Config) -> Self {
        let objects =
            if files_on("s3") || files_on("s3-streamed") { Some(ObjectServer::start().await) } else { None };
        let database = on("postgres").then(Database::new);
        Self::with_rows_and_objects(config, database, objects, files_on("s3")).await
    }

    /// With the bytes of files in an S3 store, to which clients send them themselves, or not.
    pub async fn with_s3(presign: bool) -> Self {
        let database = on("postgres").then(Database::new);
        let objects = Some(ObjectServer::start().await);
        Self::with_rows_and_objects(Config::default(), database, objects, presign).await
    }

    /// On PostgreSQL, whatever else the tests run on.
    pub async fn on_postgres(config: Config) -> Self {
        Self::with_rows_and_objects(config, Some(Database::new()), None, false).await
    }

    async fn with_rows_and_objects(
        config: Config,
        database: Option<Database>,
        objects: Option<ObjectServer>,
        presign: bool,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let store = open_store(&dir, database.as_ref(), &clock);
        let blobs = match &objects {
            Some(objects) => objects.blobs(presign),
            None => Blobs::in_dir(&dir.path().join("files")).unwrap(),
        };
        let app = open(&dir, &clock, store, blobs, config);
        let router = router(Arc::clone(&app));
        let account = create_account(&router, "Queen@example.com").await;
        Self { app, clock, account, router, dir, database, objects }
    }

    /// Where the data lies.
    pub fn data_dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// The same data under a new server.
    pub async fn restart(self) -> Self {
        let Self { app, clock, account, dir, database, objects, .. } = self;
        let store = if on("memory") {
            Arc::clone(&app.store)
        } else {
            app.store.close().await;
            open_store(&dir, database.as_ref(), &clock)
        };
        let app = open(&dir, &clock, store, app.blobs.clone(), app.config.clone());
        let router = router(Arc::clone(&app));
        Self { app, clock, account, router, dir, database, objects }
    }

    /// A second process on the same data: with PostgreSQL on connections of its own, else on the same store.
    pub fn sibling(&self) -> Arc<App> {
        let store = match &self.database {
            Some(_) => open_store(&self.dir, self.database.as_ref(), &self.clock),
            None => Arc::clone(&self.app.store),
        };
        open(&self.dir, &self.clock, store, self.app.blobs.clone(), self.app.config.clone())
    }

    /// Another account on the same server.
    pub async fn other_account(&self, email: &str) -> TestAccount {
        create_account(&self.router, email).await
    }

    /// A client of the fixture's account.
    pub async fn client(&self, name: &str) -> TestClient {
        self.client_of(&self.account, name).await
    }

    /// A client of an account.
    pub async fn client_of(&self, account: &TestAccount, name: &str) -> TestClient {
        let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let body = json!({
            "token": account.registration_token,
            "client": {
                "name": name,
                "public_key": { "curve25519": encryption.public_key() },
                "signing_key": { "ed25519": signing.public_key() },
            },
        });
        let answer = self.post("/v1/account/e3db/clients/register").json(body).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        finish_client(&self.router, &answer.json(), signing, encryption).await
    }

    /// Moves the clock on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }

    /// Seconds on the clock.
    pub fn clock_seconds(&self) -> i64 {
        self.clock.now().seconds()
    }

    pub fn request(&self, method: Method, path: impl Into<String>) -> Call {
        Call::new(&self.router, method, path.into())
    }

    pub fn get(&self, path: impl Into<String>) -> Call {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> Call {
        self.request(Method::POST, path)
    }

    pub fn put(&self, path: impl Into<String>) -> Call {
        self.request(Method::PUT, path)
    }

    pub fn patch(&self, path: impl Into<String>) -> Call {
        self.request(Method::PATCH, path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.request(Method::DELETE, path)
    }

    /// An `Authorization` header for a signed request at the fixture's time.
    pub fn sign(&self, client: &TestClient, method: &str, path: &str) -> String {
        self.sign_at(client, method, path, self.clock.now().seconds(), RequestNonce::random())
    }

    /// The same with a time and a nonce of the test's choice.
    pub fn sign_at(
        &self,
        client: &TestClient,
        method: &str,
        path: &str,
        seconds: i64,
        nonce: RequestNonce,
    ) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let request = RequestToSign { method, path, query };
        request.sign(seconds.unsigned_abs(), nonce, Some(client.id), &client.signing)
    }
}

/// A request that is being put together.
pub struct Call {
    router: Router,
    request: http::request::Builder,
    body: Vec<u8>,
}

impl Call {
    fn new(router: &Router, method: Method, path: String) -> Self {
        let request = Request::builder().method(method).uri(path);
        Self { router: router.clone(), request, body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        let value = format!("Bearer {}", token.as_ref());
        self.header("authorization", value)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: Value) -> Self {
        self.body(body.to_string())
    }

    pub async fn send(self) -> Answer {
        let request = self.request.body(Body::from(self.body)).unwrap();
        let (parts, body) = self.router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, which must be JSON and say so.
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body without what differs from request to request in any case.
    pub fn told(&self) -> String {
        let text = String::from_utf8(self.body.clone()).unwrap();
        self.header("x-request-id").map_or_else(|| text.clone(), |id| text.replace(id, ""))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, of an answer with the body of an error if the status is one.
    pub fn code(&self) -> u16 {
        if self.status.as_u16() >= 400 {
            let body = self.json();
            let members = body.as_object().unwrap();
            assert!(members.len() == 2 && members["error"].is_string(), "{self:?}");
            assert_eq!(members["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        }
        self.status.as_u16()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A text member of an answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An account's creation, as its body.
pub fn account_body(
    email: &str,
    login_key: &SigningKeyPair,
    paper_key: &SigningKeyPair,
    encryption: &EncryptionPrivateKey,
    signing: &SigningKeyPair,
) -> Value {
    let salt = "c2FsdHNhbHRzYWx0c2FsdA";
    json!({
        "profile": {
            "name": "Queen", "email": email,
            "auth_salt": salt, "enc_salt": salt, "paper_auth_salt": salt, "paper_enc_salt": salt,
            "signing_key": { "ed25519": login_key.public_key() },
            "paper_signing_key": { "ed25519": paper_key.public_key() },
        },
        "account": {
            "company": "", "plan": "free0",
            "public_key": { "curve25519": encryption.public_key() },
            "signing_key": { "ed25519": signing.public_key() },
        },
    })
}

/// The tests run on SQLite, or on the store that `TOZSTORE_TEST_STORE` names: `memory` or `postgres`.
fn on(store: &str) -> bool {
    std::env::var_os("TOZSTORE_TEST_STORE").is_some_and(|name| name == store)
}

/// The bytes of files lie in a folder, or where `TOZSTORE_TEST_FILES` says: with an S3 store to which clients send them
/// themselves (`s3`), or through the server (`s3-streamed`).
fn files_on(place: &str) -> bool {
    std::env::var_os("TOZSTORE_TEST_FILES").is_some_and(|name| name == place)
}

fn open_store(
    dir: &tempfile::TempDir,
    database: Option<&Database>,
    clock: &Arc<ManualClock>,
) -> Arc<dyn Store> {
    let clock = Arc::clone(clock);
    if let Some(database) = database {
        return Arc::new(database.open(clock));
    }
    if on("memory") {
        return Arc::new(MemoryStore::new(clock));
    }
    Arc::new(SqliteStore::open(&dir.path().join("test.db"), clock, SqliteOptions::default()).unwrap())
}

fn open(
    dir: &tempfile::TempDir,
    clock: &Arc<ManualClock>,
    store: Arc<dyn Store>,
    blobs: Blobs,
    config: Config,
) -> Arc<App> {
    App::new(config, store, blobs, Arc::clone(clock) as _, ServerKeys::open(dir.path()).unwrap())
}

async fn create_account(router: &Router, email: &str) -> TestAccount {
    let post = |path: &str| Call::new(router, Method::POST, path.to_owned());
    let (login_key, paper_key) = (SigningKeyPair::generate(), SigningKeyPair::generate());
    let (signing, encryption) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
    let body = account_body(email, &login_key, &paper_key, &encryption, &signing);
    let answer = post("/v1/account/profile").json(body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let created = answer.json();
    let token = text(&created["token"]);
    let queen = finish_client(router, &created["account"]["client"], signing, encryption).await;
    let permissions =
        json!({ "permissions": { "enabled": true, "one_time": false, "allowed_types": ["general"] } });
    let answer = post("/v1/account/tokens").bearer(&token).json(permissions).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let registration_token = text(&answer.json()["token"]);
    let id = text(&created["profile"]["id"]);
    TestAccount { id, email: email.to_owned(), token, registration_token, queen, login_key, paper_key }
}

async fn finish_client(
    router: &Router,
    registered: &Value,
    signing: SigningKeyPair,
    encryption: EncryptionPrivateKey,
) -> TestClient {
    let (api_key_id, api_secret) = (text(&registered["api_key_id"]), text(&registered["api_secret"]));
    let form = format!("grant_type=client_credentials&client_id={api_key_id}&client_secret={api_secret}");
    let answer = Call::new(router, Method::POST, "/v1/auth/token".to_owned()).body(form).send().await;
    let token =
        if answer.status == StatusCode::OK { text(&answer.json()["access_token"]) } else { String::new() };
    let id = text(&registered["client_id"]).parse().unwrap();
    TestClient { id, api_key_id, api_secret, token, signing, encryption }
}

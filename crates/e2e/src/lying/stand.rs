//! The real server with a liar before it, and clients that dial either.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method};
use tozstore::{ChangeState, Client, ClientId, Credentials, Error, KnownKeys, MemoryStateStore};
use tozstore::{EncryptionPrivateKey, SealedClient, SigningKeyPair, StateStore};
use tozstore_api::paths;
use tozstore_api::sealed::{SEALED_MEDIA_TYPE, SealedStore, SealedTypeRows};
use tozstore_crypto::sealed::{BundleChain, BundleLink, ClientKeys, SealedRequest, TypePlace};
use tozstore_crypto::{RequestNonce, StoreId};
use tozstore_server::RunningServer;
use tozstore_server::store::DatabaseCopy;

use super::{Asked, Liar};
use crate::World;

/// A server, and a liar before it.
pub struct Stand {
    /// The real one.
    pub world: World,
    /// The liar.
    pub liar: Liar,
}

/// A copy of the data at one time, served as if nothing had happened since.
pub struct Fork {
    /// Where.
    pub url: String,
    _server: RunningServer,
    _data: tempfile::TempDir,
}

/// A client, with what an attacker would have to steal.
pub struct Party {
    credentials: Credentials,
    store: StoreId,
    /// Dials the real server.
    pub client: Client,
    /// The same, for sealed types, with a memory.
    pub sealed: SealedClient,
    kept: Kept,
}

/// What several processes of one client remember together.
#[derive(Clone, Default)]
pub struct Kept(Arc<MemoryStateStore>);

impl StateStore for Kept {
    fn update(&self, change: &mut ChangeState<'_>) -> Result<(), Error> {
        self.0.update(change)
    }
}

impl Kept {
    /// The same memory, which goes its own way from here on.
    pub fn copy(&self) -> Self {
        let (copy, mut bytes) = (Self::default(), None);
        let kept = self.update(&mut |kept| {
            bytes = kept.map(<[u8]>::to_vec);
            Ok(kept.unwrap_or_default().to_vec())
        });
        kept.expect("what is kept");
        if let Some(bytes) = bytes {
            copy.update(&mut |_| Ok(bytes.clone())).expect("room");
        }
        copy
    }
}

impl Stand {
    /// Starts both.
    pub async fn start() -> Self {
        let world = World::start().await;
        let liar = Liar::start(&world.api_url).await;
        Self { world, liar }
    }

    /// One more liar before the same server.
    pub async fn other_liar(&self) -> Liar {
        Liar::start(&self.world.api_url).await
    }

    /// Registers a client, and makes its first keys for sealed types.
    pub async fn party(&self, name: &str) -> Party {
        let credentials = self.world.register(name).await.credentials;
        let client = Client::builder(credentials.clone()).sign_records(true).build().expect("a client");
        let kept = Kept::default();
        let sealed = client.sealed(kept.clone()).await.expect("keys");
        let store = self.store().await;
        Party { credentials, store, client, sealed, kept }
    }

    async fn store(&self) -> StoreId {
        let asked = Asked {
            method: Method::GET,
            target: paths::SEALED_STORE.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let answer = self.liar.send(&self.world.api_url, &asked).await;
        let store: SealedStore = serde_json::from_slice(&answer.body).expect("a store");
        store.store_id
    }

    /// Copies the data as they are now, and serves the copy.
    pub async fn fork(&self) -> Fork {
        let data = self.world.copy_data();
        let (server, url) = self.world.serve_copy(data.path()).await;
        Fork { url, _server: server, _data: data }
    }

    /// All that the server has of a type.
    pub async fn rows(&self, writer: &Party, name: &str) -> SealedTypeRows {
        let data = self.world.copy_data();
        let copy = DatabaseCopy::open(&data.path().join("tozstore.db")).expect("a database");
        copy.sealed_type(writer.id(), name.parse().expect("a name")).await.expect("rows")
    }
}

impl Party {
    /// Its id.
    pub fn id(&self) -> ClientId {
        self.client.id()
    }

    /// As a new process without a memory.
    pub async fn fresh(&self, at: &Liar) -> SealedClient {
        self.sealed_at(at, Kept::default()).await
    }

    /// As a new process with the memory of what it has seen at the real server so far. What it is told now does not
    /// come into that memory.
    pub async fn seen(&self, at: &Liar) -> SealedClient {
        self.sealed_at(at, self.kept.copy()).await
    }

    /// The same, with a memory of one's own.
    pub async fn sealed_at(&self, at: &Liar, kept: Kept) -> SealedClient {
        self.interop_fresh(at).sealed(kept).await.expect("keys")
    }

    /// A copy of its memory.
    pub fn memory(&self) -> Kept {
        self.kept.copy()
    }

    /// The client of the interop format, without a memory.
    pub fn interop_fresh(&self, at: &Liar) -> Client {
        self.interop_with(at, KnownKeys::new())
    }

    /// The same, with the memory of what it has seen at the real server so far.
    pub fn interop_seen(&self, at: &Liar) -> Client {
        self.interop_with(at, self.client.known_keys())
    }

    /// The same, with this memory.
    pub fn interop_with(&self, at: &Liar, known: KnownKeys) -> Client {
        let credentials = self.credentials.clone().with_api_url(&at.url);
        Client::builder(credentials).known_keys(known).sign_records(true).build().expect("a client")
    }

    /// Its secret keys for sealed types.
    pub fn keys(&self) -> ClientKeys {
        ClientKeys::derive(&self.signing_key(), self.store, self.id())
    }

    /// The keys that it is registered with.
    pub fn signing_key(&self) -> SigningKeyPair {
        SigningKeyPair::from_text(&self.secret("private_signing_key")).expect("a key")
    }

    /// What opens keys and notes of the interop format.
    pub fn encryption_key(&self) -> EncryptionPrivateKey {
        EncryptionPrivateKey::from_text(&self.secret("private_key")).expect("a key")
    }

    /// The first link of its chain of keys.
    pub fn link(&self) -> BundleLink {
        BundleLink::first(&self.signing_key(), self.store, self.id()).expect("a bundle")
    }

    /// Its chain of keys.
    pub fn chain(&self) -> BundleChain {
        BundleChain::begin(self.store, self.id(), &self.link()).expect("a chain")
    }

    /// One of its types.
    pub fn place(&self, name: &str) -> TypePlace {
        TypePlace { store: self.store, writer: self.id(), type_name: name.parse().expect("a name") }
    }

    /// A request of its own making to the server at `url`, signed as its SDK would.
    pub fn ask(&self, url: &str, method: Method, path: &str, body: Vec<u8>) -> Asked {
        let authority = url.strip_prefix("http://").expect("an address");
        let request = SealedRequest {
            store: self.store,
            method: method.as_str(),
            authority,
            path,
            query: "",
            body: &body,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let now_ms = u64::try_from(since.as_millis()).expect("a time");
        let (bundle, key) = (self.chain().fingerprint(), self.keys().signing_key());
        let signed = request.sign(self.id(), bundle, now_ms, RequestNonce::random(), &key).to_string();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", signed.parse().expect("a header"));
        headers.insert("content-type", HeaderValue::from_static(SEALED_MEDIA_TYPE));
        Asked { method, target: path.to_owned(), headers, body: body.into() }
    }

    fn secret(&self, name: &str) -> String {
        let text = self.credentials.to_json();
        let credentials: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        credentials[name].as_str().expect("a secret").to_owned()
    }
}

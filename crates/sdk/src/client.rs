//! A client: the way in to everything that it may read and write.

use std::fmt;
use std::sync::Arc;

use http::Method;
use tokio::time::Instant;
use tozstore_api::paths;
use tozstore_crypto::{ClientId, RequestNonce, RequestToSign, SigningKeyPair};
use zeroize::Zeroizing;

use crate::keyring::Keyring;
use crate::token::{Token, TokenSource};
use crate::transport::{Answer, Authorization, Failure, Request, Transport};
use crate::{Credentials, Error, KeyTrust, KnownKeys, Limits};

/// A client of a TozStore server. Cheap to clone: clones share connections, token and keys.
///
/// Any number of calls may be made at the same time, from any number of tasks.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    credentials: Credentials,
    transport: Transport,
    tokens: TokenSource,
    keyring: Keyring,
    signs_records: bool,
}

impl Client {
    /// A client with these credentials and default settings. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Caller`] if the server's address in the credentials is none.
    pub fn new(credentials: Credentials) -> Result<Self, Error> {
        Self::builder(credentials).build()
    }

    /// A client with settings of one's own.
    pub fn builder(credentials: Credentials) -> ClientBuilder {
        ClientBuilder {
            credentials,
            limits: Limits::default(),
            key_trust: KeyTrust::default(),
            known_keys: KnownKeys::default(),
            signs_records: false,
        }
    }

    /// This client's id.
    pub fn id(&self) -> ClientId {
        self.0.credentials.client_id()
    }

    /// The credentials that it was made with.
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// The keys that it remembers by now, to be kept for the next run.
    pub fn known_keys(&self) -> KnownKeys {
        self.0.keyring.known()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(crate) fn signs_records(&self) -> bool {
        self.0.signs_records
    }

    /// Sends a request in this client's name. A token that the server refuses is renewed, once.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        let token = self.token(None).await?;
        request.authorization = bearer(token.expose());
        match self.0.transport.send(&request).await {
            Err(failure) if failure.status == Some(401) => {
                let token = self.token(Some(&token)).await?;
                request.authorization = bearer(token.expose());
                let settled = self.0.transport.send(&request).await;
                settled.map_err(|last| Failure {
                    was_repeated: last.was_repeated || failure.was_repeated,
                    ..last
                })
            }
            settled => settled,
        }
    }

    /// Sends a request that is signed with this client's key instead of bearing a token.
    pub(crate) async fn send_signed(&self, request: Request) -> Result<Answer, Failure> {
        let Some(key) = self.0.credentials.signing_key() else {
            return Err(Error::Credentials("these credentials have no signing key".to_owned()).into());
        };
        self.0.transport.send_signed(&request, &|request| sign(request, Some(self.id()), key)).await
    }

    async fn token(&self, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Error> {
        self.0.tokens.token(refused, async || self.fetch_token().await).await
    }

    async fn fetch_token(&self) -> Result<Token, Error> {
        let credentials = &self.0.credentials;
        // As often as one likes: every answer is a good token.
        let mut request = Request::new(Method::POST, paths::ACCESS_TOKEN.to_owned()).harmless();
        request.authorization = Authorization::Basic {
            name: credentials.api_key_id().to_owned(),
            secret: Zeroizing::new(credentials.api_secret().expose().to_owned()),
        };
        request.body = Some(("grant_type=client_credentials".into(), "application/x-www-form-urlencoded"));
        let asked_at = Instant::now();
        let answer = self.0.transport.send(&request).await?;
        Ok(Token::new(answer.json()?, asked_at))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("credentials", &self.0.credentials).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`] that is to be.
#[derive(Debug)]
pub struct ClientBuilder {
    credentials: Credentials,
    limits: Limits,
    key_trust: KeyTrust,
    known_keys: KnownKeys,
    signs_records: bool,
}

impl ClientBuilder {
    /// Time limits and retries.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which public keys of other clients are taken.
    #[must_use]
    pub fn key_trust(mut self, trust: KeyTrust) -> Self {
        self.key_trust = trust;
        self
    }

    /// What an earlier run remembered, and the keys that are pinned.
    #[must_use]
    pub fn known_keys(mut self, known: KnownKeys) -> Self {
        self.known_keys = known;
        self
    }

    /// Whether records are signed. They are not by default: the signature lies in the clear and is made of the
    /// plaintext, so who holds it can test guesses of values that are easy to guess, such as a date or a yes.
    #[must_use]
    pub fn sign_records(mut self, sign: bool) -> Self {
        self.signs_records = sign;
        self
    }

    /// The client. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Caller`] if the server's address in the credentials is none, [`Error::Credentials`] if records are to
    /// be signed without a signing key.
    pub fn build(self) -> Result<Client, Error> {
        if self.signs_records && self.credentials.signing_key().is_none() {
            return Err(Error::Credentials("these credentials have no signing key".to_owned()));
        }
        Ok(Client(Arc::new(Inner {
            transport: Transport::new(self.credentials.api_url(), self.limits)?,
            tokens: TokenSource::default(),
            keyring: Keyring::new(self.credentials.clone(), self.key_trust, self.known_keys),
            signs_records: self.signs_records,
            credentials: self.credentials,
        })))
    }
}

/// A bearer token for one request.
pub(crate) fn bearer(token: &str) -> Authorization {
    Authorization::Bearer(Zeroizing::new(token.to_owned()))
}

/// Signs a request, in the name of a client or of nobody.
pub(crate) fn sign(request: &Request, client_id: Option<ClientId>, key: &SigningKeyPair) -> String {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let to_sign = RequestToSign { method: request.method.as_str(), path, query };
    to_sign.sign(unix_seconds(), RequestNonce::random(), client_id, key)
}

fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

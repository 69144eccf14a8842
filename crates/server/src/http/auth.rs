//! Who sends a request: a client by access token or signature, an account by account token, or whoever holds a signing
//! key, by a signature.
//!
//! An extractor checks what the request itself proves. Whether the client may still act is read in the transaction of
//! the handler, by [`Credential::client`], so that nothing lies between the check and what it permits.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use http::header;
use http::request::Parts;
use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId, RequestNonce, SignedRequest, SigningPublicKey};

use super::{Error, rates};
use crate::App;
use crate::keys::TokenFacts;
use crate::replays::ReplayCache;
use crate::store::{AccountRow, ClientRow, ReadTx};

const UNAUTHORIZED: Error = Error::Unauthorized("this needs a valid access token or request signature");
const UNSIGNED: Error = Error::Unauthorized("this needs a valid request signature");
const SENT_BEFORE: Error = Error::Unauthorized("this signed request came in before");
const UNAUTHORIZED_ACCOUNT: Error = Error::Unauthorized("this needs a valid account token");

/// A client that proved that it is the one it says, by an access token or by signing the request.
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    client_id: ClientId,
    proof: Proof,
}

#[derive(Clone, Copy, Debug)]
enum Proof {
    Token { issued: Timestamp },
    Signature { key: SigningPublicKey },
}

impl Credential {
    /// What an access token proves, if it is one and has not lapsed.
    pub(super) fn from_token(app: &App, token: &str) -> Option<Self> {
        let TokenFacts { subject, issued } = app.keys.check_access_token(token, app.now())?;
        Some(Self { client_id: subject, proof: Proof::Token { issued } })
    }

    /// Which client it says it is. Not to be acted on before [`Self::client`].
    pub const fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// Whether the request itself is signed, rather than sent with a token.
    pub const fn is_signature(&self) -> bool {
        matches!(self.proof, Proof::Signature { .. })
    }

    /// The client's row, if it may act.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if there is no such client, it is disabled, its token was cancelled, or the request is
    /// signed with another key than its own.
    pub fn client(&self, tx: &dyn ReadTx) -> Result<ClientRow, Error> {
        let row = tx.client(self.client_id)?.filter(|row| row.enabled).ok_or(UNAUTHORIZED)?;
        let holds = match self.proof {
            Proof::Token { issued } => issued >= row.tokens_valid_after,
            Proof::Signature { key } => row.signing_key.signing_key() == Some(key),
        };
        if holds { Ok(row) } else { Err(UNAUTHORIZED) }
    }
}

impl FromRequestParts<Arc<App>> for Credential {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        let value = authorization(parts).ok_or(UNAUTHORIZED)?;
        if SignedRequest::is_meant(value) {
            return signature(app, parts, value).await;
        }
        let credential = Self::from_token(app, bearer_token(value)).ok_or(UNAUTHORIZED)?;
        rates::charge_client(app, credential.client_id).await?;
        Ok(credential)
    }
}

/// An account that proved that it is the one it says, by an account token.
#[derive(Clone, Copy, Debug)]
pub struct AccountCredential(TokenFacts<AccountId>);

impl AccountCredential {
    /// What an account token proves, if it is one and has not lapsed.
    pub(super) fn from_token(app: &App, token: &str) -> Option<Self> {
        app.keys.check_account_token(token, app.now()).map(Self)
    }

    /// When its token was issued.
    pub const fn issued(&self) -> Timestamp {
        self.0.issued
    }

    /// The account's row, if it is there still.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if the account is gone or its token was cancelled.
    pub fn account(&self, tx: &dyn ReadTx) -> Result<AccountRow, Error> {
        let row = tx.account(self.0.subject)?.ok_or(UNAUTHORIZED_ACCOUNT)?;
        let issued = self.0.issued;
        let is_alive = issued >= row.tokens_valid_after || Some(issued) == row.kept_token;
        if is_alive { Ok(row) } else { Err(UNAUTHORIZED_ACCOUNT) }
    }
}

impl FromRequestParts<Arc<App>> for AccountCredential {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        let value = authorization(parts).ok_or(UNAUTHORIZED_ACCOUNT)?;
        let credential = Self::from_token(app, bearer_token(value)).ok_or(UNAUTHORIZED_ACCOUNT)?;
        rates::charge_account(app, credential.0.subject)?;
        Ok(credential)
    }
}

/// Whoever holds a signing key and signed the request with it: a client in its own name, or anybody else.
///
/// Every client has its requests kept in mind for as long as they could be sent again. Anybody can make keys, and sign
/// any number of requests with them, so theirs are kept apart, where they cannot push out those of clients, and only by
/// [`once`](Self::once): a handler calls it when it has seen that the key is that of a note, or as late as it can.
#[derive(Clone, Copy, Debug)]
pub struct Signer {
    key: SigningPublicKey,
    credential: Option<Credential>,
    /// Whether the key is that of the client, and the request is kept in mind as one of a client.
    is_client: bool,
    nonce: RequestNonce,
    signed_s: u64,
}

impl Signer {
    /// The key, which is all that is known of the signer.
    pub const fn key(&self) -> &SigningPublicKey {
        &self.key
    }

    /// In whose name the request is, if it names a client. Not to be acted on before [`Self::client`].
    pub fn client_id(&self) -> Option<ClientId> {
        self.credential.map(|credential| credential.client_id)
    }

    /// The row of the client in whose name the request is; none if it is in nobody's.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] as for [`Credential::client`].
    pub fn client(&self, tx: &dyn ReadTx) -> Result<Option<ClientRow>, Error> {
        self.credential.map(|credential| credential.client(tx)).transpose()
    }

    /// The client in whose name the request is, if the key is its key.
    ///
    /// # Errors
    /// The store failed.
    pub fn proven_client(&self, tx: &dyn ReadTx) -> Result<Option<ClientId>, Error> {
        match self.client(tx) {
            Ok(row) => Ok(row.map(|row| row.id)),
            Err(Error::Unauthorized(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes note of the request, if it is not a client's: those were before.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if it came in before, or if so many came in that this cannot be told.
    pub async fn once(&self, app: &App) -> Result<(), Error> {
        if self.is_client {
            return Ok(());
        }
        let now_s = app.now().seconds().max(0).unsigned_abs();
        note(app, &app.strangers_replays, &self.key, self.nonce, self.signed_s, now_s).await
    }
}

impl FromRequestParts<Arc<App>> for Signer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        let value = authorization(parts).filter(|value| SignedRequest::is_meant(value)).ok_or(UNSIGNED)?;
        let Timely { request, signed_s, now_s } = timely(app, value)?;
        verify(parts, &request)?;
        let (key, nonce) = (*request.public_key(), request.nonce());
        let credential =
            request.client_id().map(|client_id| Credential { client_id, proof: Proof::Signature { key } });
        let mut signer = Self { key, credential, is_client: false, nonce, signed_s };
        if signer.credential.is_some() {
            let read = move |tx: &dyn ReadTx| signer.proven_client(tx);
            signer.is_client = app.store.read("authenticate", read).await?.is_some();
        }
        match signer.client_id().filter(|_| signer.is_client) {
            Some(client) => rates::charge_client(app, client).await?,
            None => rates::charge_stranger(app, &parts.headers, &parts.extensions)?,
        }
        if signer.is_client {
            note(app, &app.replays, &key, nonce, signed_s, now_s).await?;
        }
        Ok(signer)
    }
}

/// The one `Authorization` header. Two of them could be read in two ways.
pub(super) fn authorization(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// One official client leaves out the scheme.
fn bearer_token(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => value,
    }
}

async fn signature(app: &App, parts: &Parts, value: &str) -> Result<Credential, Error> {
    let Timely { request, signed_s, now_s } = timely(app, value)?;
    // A request without a client id is signed by nobody in particular; nothing here is open to that.
    let client_id = request.client_id().ok_or(UNAUTHORIZED)?;
    let key = *request.public_key();
    let credential = Credential { client_id, proof: Proof::Signature { key } };
    // Whose key it is comes first: a row costs less to read than the checks of a signature that anyone can make up. And
    // only keys of clients get a place in the cache, which other keys, of which there is no end, could fill.
    app.store.read("authenticate", move |tx| credential.client(tx).map(drop)).await?;
    verify(parts, &request)?;
    // Before the request is kept in mind, so that the same one can be sent again later.
    rates::charge_client(app, client_id).await?;
    note(app, &app.replays, &key, request.nonce(), signed_s, now_s).await?;
    Ok(credential)
}

/// Takes note of a signed request that verified, so that neither this process nor another on the same store takes it
/// again.
async fn note(
    app: &App,
    replays: &ReplayCache,
    key: &SigningPublicKey,
    nonce: RequestNonce,
    signed_s: u64,
    now_s: u64,
) -> Result<(), Error> {
    let shared = app.store.shared();
    if replays.is_first(shared.as_deref(), key, nonce, signed_s, now_s).await? {
        Ok(())
    } else {
        Err(SENT_BEFORE)
    }
}

/// A request that says that it was signed lately. Nothing of it is proven yet.
struct Timely {
    request: SignedRequest,
    signed_s: u64,
    now_s: u64,
}

fn timely(app: &App, value: &str) -> Result<Timely, Error> {
    let request = SignedRequest::parse(value).map_err(|_| UNAUTHORIZED)?;
    let now_s = app.now().seconds().max(0).unsigned_abs();
    let signed_s = request.unix_seconds();
    if !app.replays.is_timely(signed_s, now_s) {
        return Err(Error::Unauthorized("the request was signed too long ago, or by a clock that is wrong"));
    }
    Ok(Timely { request, signed_s, now_s })
}

/// Checks the signature.
fn verify(parts: &Parts, request: &SignedRequest) -> Result<(), Error> {
    // The target as the client sent and signed it, before routing touched it.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    request.verify(parts.method.as_str(), uri.path(), uri.query()).map_err(|_| UNAUTHORIZED)
}

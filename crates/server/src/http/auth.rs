//! Who sends a request: a client by access token or signature, or an account by account token.
//!
//! An extractor checks what the request itself proves. Whether the client may still act is read in the transaction of
//! the handler, by [`Credential::client`], so that nothing lies between the check and what it permits.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use http::header;
use http::request::Parts;
use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId, SignedRequest, SigningPublicKey};

use super::Error;
use crate::App;
use crate::keys::TokenFacts;
use crate::store::{AccountRow, ClientRow, ReadTx};

const UNAUTHORIZED: Error = Error::Unauthorized("this needs a valid access token or request signature");
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
        Self::from_token(app, bearer_token(value)).ok_or(UNAUTHORIZED)
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
        Self::from_token(app, bearer_token(value)).ok_or(UNAUTHORIZED_ACCOUNT)
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
    let request = SignedRequest::parse(value).map_err(|_| UNAUTHORIZED)?;
    // A request without a client id is signed by nobody in particular; nothing here is open to that.
    let client_id = request.client_id().ok_or(UNAUTHORIZED)?;
    let now_s = app.now().seconds().max(0).unsigned_abs();
    let signed_s = request.unix_seconds();
    if !app.replays.is_timely(signed_s, now_s) {
        return Err(Error::Unauthorized("the request was signed too long ago, or by a clock that is wrong"));
    }
    let key = *request.public_key();
    let credential = Credential { client_id, proof: Proof::Signature { key } };
    // Whose key it is comes first: a row costs less to read than the checks of a signature that anyone can make up. And
    // only keys of clients get a place in the cache, which other keys, of which there is no end, could fill.
    app.store.read("authenticate", move |tx| credential.client(tx).map(drop)).await?;
    // The target as the client sent and signed it, before routing touched it.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    request.verify(parts.method.as_str(), uri.path(), uri.query()).map_err(|_| UNAUTHORIZED)?;
    if !app.replays.is_first(&key, request.nonce(), signed_s, now_s) {
        return Err(Error::Unauthorized("this signed request came in before"));
    }
    Ok(credential)
}

//! Requests of the sealed format: signed with their bodies, and sent again under a new signature where that is safe.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;
use http::Method;
use tozstore_api::sealed::{SEALED_MEDIA_TYPE, SealedBody, SealedErrorBody, SealedErrorCode};
use tozstore_crypto::sealed::{ClientKeys, Digest, SealedRequest};
use tozstore_crypto::{ClientId, RequestNonce, StoreId};

use crate::transport::{Failure, Request};
use crate::{Client, Error, UntrustedData};

/// How requests get to the server and answers back. The one seam between what the client decides and HTTP.
pub(crate) trait Wire: Send + Sync {
    /// Sends a request, and returns the status and body of an answer that reports success.
    fn send(&self, call: Call) -> BoxFuture<'_, Result<(u16, Vec<u8>), Refusal>>;
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub body: Vec<u8>,
    /// In whose name.
    pub signer: Signer,
}

/// In whose name a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// The client as it was registered: for its first bundle.
    Registered,
    /// The client's newest bundle, of this digest, in this store.
    Bundle(StoreId, Digest),
}

/// An answer that reports a failure, or none.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub error: Error,
    pub status: Option<u16>,
    pub body: Option<Box<SealedErrorBody>>,
}

impl Refusal {
    pub(crate) fn code(&self) -> Option<SealedErrorCode> {
        self.body.as_ref().map(|body| body.code)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }

    /// The error, with a name for what was not there.
    pub(crate) fn naming(self, what: &'static str) -> Error {
        if self.is_not_found() { Error::NotFound(what) } else { self.into() }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match (refusal.error, refusal.status, refusal.body) {
            // More is known than that something is in the way.
            (Self::Conflict, Some(status), Some(body)) if body.code != SealedErrorCode::VersionConflict => {
                Self::Refused { status, message: body.error, request_id: body.request_id }
            }
            (error, ..) => error,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, status: None, body: None }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { error: failure.error, status: failure.status, body: failure.sealed }
    }
}

/// Reads an answer.
pub(crate) fn answer<T: SealedBody>(body: &[u8]) -> Result<T, Error> {
    T::from_bytes(body).map_err(|_| UntrustedData::WrongAnswer("encoding").into())
}

/// Over HTTP.
pub(crate) struct HttpWire {
    client: Client,
    keys: ClientKeys,
    /// The server's clock less our own, in milliseconds, once it has complained.
    clock_ahead_ms: AtomicI64,
}

impl HttpWire {
    pub(crate) fn new(client: Client, keys: ClientKeys) -> Self {
        Self { client, keys, clock_ahead_ms: AtomicI64::new(0) }
    }

    async fn send_once(&self, call: &Call) -> Result<(u16, Vec<u8>), Refusal> {
        // Everything that is sent is named by its content, or by a name that the client drew.
        let mut request = Request::new(call.method.clone(), call.target.clone()).harmless();
        if !call.body.is_empty() {
            request.body = Some((call.body.clone().into(), SEALED_MEDIA_TYPE));
        }
        let answer = match call.signer {
            Signer::Registered => self.client.send(request).await?,
            Signer::Bundle(store, bundle) => {
                let origin = self.client.transport().origin();
                let (authority, prefix) = authority_and_path(origin)
                    .ok_or_else(|| Error::Caller(format!("{origin:?} is not the address of a server")))?;
                let sign = |_: &Request| self.sign(call, &authority, prefix, store, bundle);
                self.client.transport().send_signed(&request, &sign).await?
            }
        };
        Ok((answer.status, answer.body.to_vec()))
    }

    fn sign(&self, call: &Call, authority: &str, prefix: &str, store: StoreId, bundle: Digest) -> String {
        let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
        let path = format!("{prefix}{path}");
        let request = SealedRequest {
            store,
            method: call.method.as_str(),
            authority,
            path: &path,
            query,
            body: &call.body,
        };
        let now = now_ms().saturating_add_signed(self.clock_ahead_ms.load(Ordering::Relaxed));
        let client: ClientId = self.client.id();
        request.sign(client, bundle, now, RequestNonce::random(), &self.keys.signing_key()).to_string()
    }
}

impl Wire for HttpWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<(u16, Vec<u8>), Refusal>> {
        Box::pin(async move {
            let refusal = match self.send_once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            // Once more by the server's clock.
            let Some(time_ms) = refusal.body.as_ref().and_then(|body| body.time_ms) else {
                return Err(refusal);
            };
            if refusal.code() != Some(SealedErrorCode::Clock) {
                return Err(refusal);
            }
            let ahead = i64::try_from(time_ms).unwrap_or(0) - i64::try_from(now_ms()).unwrap_or(0);
            self.clock_ahead_ms.store(ahead, Ordering::Relaxed);
            self.send_once(&call).await
        })
    }
}

/// The host that is dialled, in lower case, without a default port; and the path in front of all others.
fn authority_and_path(origin: &str) -> Option<(String, &str)> {
    let (scheme, rest) = origin.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.rsplit('@').next()?.to_ascii_lowercase();
    Some((authority.strip_suffix(default_port).unwrap_or(&authority).to_owned(), path))
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_is_dialled() {
        let of = |origin| authority_and_path(origin).map(|(authority, path)| (authority, path.to_owned()));
        let expected = |authority: &str, path: &str| Some((authority.to_owned(), path.to_owned()));
        assert_eq!(of("https://Store.Example"), expected("store.example", ""));
        assert_eq!(of("https://store.example:443/base"), expected("store.example", "/base"));
        assert_eq!(of("http://127.0.0.1:4000"), expected("127.0.0.1:4000", ""));
        assert_eq!(of("http://store.example:443"), expected("store.example:443", ""));
        assert_eq!(of("store.example"), None);
    }
}

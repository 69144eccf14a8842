//! Clients that sign requests with their bodies, for the tests of the sealed format.

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{SEALED_MEDIA_TYPE, SealedBody, SealedErrorBody};
use tozstore_crypto::sealed::{BundleLink, BundleReason, ClientKeys, SealedRequest};
use tozstore_crypto::{ClientId, RequestNonce, StoreId};

use super::fixture::{Answer, Fixture, TestClient};

/// The host that tests dial.
pub const HOST: &str = "store.example";

/// A client with a chain of bundles.
pub struct SealedClient {
    pub client: TestClient,
    pub keys: ClientKeys,
    /// The newest bundle.
    pub link: BundleLink,
}

impl SealedClient {
    pub fn id(&self) -> ClientId {
        self.client.id
    }
}

impl Fixture {
    pub fn store_id(&self) -> StoreId {
        self.app.store.id()
    }

    /// A client of the fixture's account that has put its first bundle.
    pub async fn sealed_client(&self, name: &str) -> SealedClient {
        let client = self.client(name).await;
        let link = BundleLink::first(&client.signing, self.store_id(), client.id).unwrap();
        let path = paths::sealed_bundle(client.id, 0);
        let answer = self.put(path).bearer(&client.token).body(link.to_bytes().unwrap()).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let keys = ClientKeys::derive(&client.signing, self.store_id(), client.id);
        SealedClient { client, keys, link }
    }

    /// Replaces a client's keys.
    pub async fn next_bundle(&self, client: &mut SealedClient, reason: BundleReason) {
        let keys = ClientKeys::generate();
        let link = BundleLink::successor(client.link.bundle(), &client.keys, &keys, reason, 1).unwrap();
        (client.keys, client.link) = (keys, link.clone());
        let path = paths::sealed_bundle(client.id(), link.bundle().object().sequence);
        let answer = self.sealed(client, Method::PUT, &path, link.to_bytes().unwrap()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// A request that is signed as its client signs.
    pub async fn sealed(
        &self,
        client: &SealedClient,
        method: Method,
        path: &str,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let body = body.into();
        let header = self.sign_sealed(client, method.as_str(), path, &body);
        self.request(method, path)
            .header("host", HOST)
            .header("authorization", header)
            .body(body)
            .send()
            .await
    }

    /// The same with a body in its encoding.
    pub async fn sealed_body(
        &self,
        client: &SealedClient,
        method: Method,
        path: &str,
        body: &impl SealedBody,
    ) -> Answer {
        self.sealed(client, method, path, body.to_bytes().unwrap()).await
    }

    /// The same without one.
    pub async fn sealed_get(&self, client: &SealedClient, path: &str) -> Answer {
        self.sealed(client, Method::GET, path, Vec::new()).await
    }

    /// The value of `Authorization` for a request at the fixture's time.
    pub fn sign_sealed(&self, client: &SealedClient, method: &str, path: &str, body: &[u8]) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = SealedRequest { store: self.store_id(), method, authority: HOST, path, query, body };
        let unix_ms = self.clock_seconds().unsigned_abs() * 1000;
        let (bundle, key) = (client.link.bundle().digest(), client.keys.signing_key());
        request.sign(client.id(), bundle, unix_ms, RequestNonce::random(), &key).to_string()
    }
}

impl Answer {
    /// The body, which must be an encoding and say so.
    pub fn encoded<T: SealedBody>(&self) -> T {
        assert!(self.status.is_success(), "{self:?}");
        assert_eq!(self.header("content-type"), Some(SEALED_MEDIA_TYPE), "{self:?}");
        T::from_bytes(&self.body).unwrap()
    }

    /// The status and code of a failure.
    pub fn failure(&self) -> (u16, String) {
        let body = self.failure_body();
        (self.status.as_u16(), serde_json::to_value(body.code).unwrap().as_str().unwrap().to_owned())
    }

    /// The body of a failure.
    pub fn failure_body(&self) -> SealedErrorBody {
        assert!(self.status.as_u16() >= 400, "{self:?}");
        let body: SealedErrorBody = serde_json::from_value(self.json()).unwrap();
        assert_eq!(body.request_id.as_deref(), self.header("x-request-id"), "{self:?}");
        body
    }
}

/// A status and a code.
pub fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

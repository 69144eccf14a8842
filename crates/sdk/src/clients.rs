//! Other clients: their public keys, and for the account's administrator their administration.

use futures_util::Stream;
use http::Method;
use tozstore_api::{ClientList, EnableClient, MAX_CLIENTS_PER_PAGE, paths};
use tozstore_crypto::{ClientId, EncryptionPublicKey, SigningPublicKey, blake2b_256};

use crate::known_keys::Trust;
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

/// What every client may know of another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Its id.
    pub id: ClientId,
    /// The key to share with it. None if it has only keys of another suite.
    pub public_key: Option<EncryptionPublicKey>,
    /// The key that checks its signatures, if it has one.
    pub signing_key: Option<SigningPublicKey>,
}

impl ClientInfo {
    /// A short text to compare with the other side by another way than this server, such as on the phone: six groups
    /// of five digits, made from id and public key. Who finds it equal may [pin](crate::KnownKeys::pin) the key.
    pub fn fingerprint(&self) -> Option<String> {
        self.public_key.map(|key| fingerprint_of(self.id, key))
    }
}

/// A client as itself and its account see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientDetails {
    /// Its id.
    pub id: ClientId,
    /// Its name, as it registered.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Whether it may do anything.
    pub enabled: bool,
    /// Whether its credentials are backed up with the account.
    pub has_backup: bool,
    /// The key to share with it.
    pub public_key: Option<EncryptionPublicKey>,
    /// The key that checks its signatures, if it has one.
    pub signing_key: Option<SigningPublicKey>,
}

impl From<tozstore_api::Client> for ClientDetails {
    fn from(client: tozstore_api::Client) -> Self {
        Self {
            id: client.client_id,
            name: client.name,
            kind: client.kind,
            enabled: client.enabled,
            has_backup: client.has_backup,
            public_key: client.public_key.encryption_key(),
            signing_key: client.signing_key.signing_key(),
        }
    }
}

/// The fingerprint of a client's public key, see [`ClientInfo::fingerprint`].
fn fingerprint_of(id: ClientId, key: EncryptionPublicKey) -> String {
    let mut bytes = b"tozstore client key v1".to_vec();
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(key.as_bytes());
    let hash = blake2b_256(&bytes);
    // Five bytes for each group of five digits: the remainder is as good as even, 100 bits in all.
    let groups = hash.chunks_exact(5).take(6).map(|group| {
        let number = group.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

impl Client {
    /// What the server says of this client.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the server has other public keys than the credentials.
    pub async fn whoami(&self) -> Result<ClientDetails, Error> {
        let details = self.details(paths::of_client(paths::CLIENT, self.id())).await?;
        if details.id != self.id() {
            return Err(UntrustedData::WrongAnswer("client").into());
        }
        let public_key = details.public_key.ok_or(UntrustedData::WrongAnswer("public key"))?;
        self.keyring().check_client(self.id(), public_key, details.signing_key, Trust::FirstUse)?;
        Ok(details)
    }

    /// The public keys of any client. They come from the server: see [`ClientInfo::fingerprint`].
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, [`Error::Untrusted`] if the keys are others than the ones known.
    pub async fn info(&self, client_id: ClientId) -> Result<ClientInfo, Error> {
        let request = Request::get(paths::of_client(paths::CLIENT_INFO, client_id));
        let answer = self.send(request).await.map_err(|failure| failure.naming("the client"))?;
        let info: tozstore_api::ClientInfo = answer.json()?;
        if info.client_id != client_id {
            return Err(UntrustedData::WrongAnswer("client").into());
        }
        let public_key = info.public_key.encryption_key();
        let signing_key = info.signing_key.and_then(|keys| keys.signing_key());
        if let Some(key) = public_key {
            self.keyring().check_client(client_id, key, signing_key, Trust::FirstUse)?;
        }
        Ok(ClientInfo { id: client_id, public_key, signing_key })
    }

    /// The key to share with a client.
    pub(crate) async fn key_of(&self, client_id: ClientId) -> Result<EncryptionPublicKey, Error> {
        let none = || Error::Caller(format!("client {client_id} has no Curve25519 key to share with"));
        self.info(client_id).await?.public_key.ok_or_else(none)
    }

    /// All clients of the account, as its administrator, in the order of their registration.
    pub(crate) fn account_clients(
        &self,
    ) -> impl Stream<Item = Result<ClientDetails, Error>> + Send + 'static {
        let client = self.clone();
        async_stream::try_stream! {
            let mut next = 0;
            loop {
                let request = Request::get(paths::admin_clients(next, MAX_CLIENTS_PER_PAGE));
                let page: ClientList = client.send(request).await?.json()?;
                for found in page.clients {
                    yield ClientDetails::from(found);
                }
                match page.next_token {
                    0 => break,
                    // A listing that does not go forward would have no end.
                    token if token <= next => Err(UntrustedData::WrongAnswer("page"))?,
                    token => next = token,
                }
            }
        }
    }

    /// One client of the account, as its administrator.
    pub(crate) async fn account_client(&self, client_id: ClientId) -> Result<ClientDetails, Error> {
        self.details(paths::of_client(paths::ADMIN_CLIENT, client_id)).await
    }

    /// Enables or disables a client of the account, as its administrator.
    pub(crate) async fn enable_account_client(
        &self,
        client_id: ClientId,
        enabled: bool,
    ) -> Result<(), Error> {
        let request = Request::new(Method::PATCH, paths::of_client(paths::ADMIN_CLIENT_ENABLE, client_id));
        let request = request.json(&EnableClient { enabled })?;
        match self.send(request).await {
            Err(failure) if failure.is_not_found() => Err(failure.naming("the client")),
            Err(failure) => Err(failure.in_conflict("the client that administers the account stays enabled")),
            Ok(_) => Ok(()),
        }
    }

    /// Deletes a client of the account, as its administrator.
    pub(crate) async fn delete_account_client(&self, client_id: ClientId) -> Result<(), Error> {
        match self.send(Request::delete(paths::of_client(paths::ADMIN_CLIENT, client_id))).await {
            // An earlier try was done, and its answer lost.
            Err(failure) if failure.is_not_found() && failure.was_repeated => Ok(()),
            Err(failure) if failure.is_not_found() => Err(failure.naming("the client")),
            Err(failure) => {
                Err(failure.in_conflict("the client that administers the account goes with the account"))
            }
            Ok(_) => Ok(()),
        }
    }

    async fn details(&self, path: String) -> Result<ClientDetails, Error> {
        let answer = self.send(Request::get(path)).await.map_err(|failure| failure.naming("the client"))?;
        Ok(answer.json::<tozstore_api::Client>()?.into())
    }
}

#[cfg(test)]
mod tests {
    use tozstore_crypto::EncryptionPrivateKey;

    use super::*;

    #[test]
    fn fingerprints_are_six_groups_and_differ() {
        let id = "a1111111-1111-4111-8111-111111111111".parse().unwrap();
        let (first, second) = (EncryptionPrivateKey::generate(), EncryptionPrivateKey::generate());
        let text = fingerprint_of(id, first.public_key());
        assert_eq!(text.len(), 35);
        assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' '));
        assert_ne!(text, fingerprint_of(id, second.public_key()));
    }
}

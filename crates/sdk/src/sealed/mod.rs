//! Sealed record types: revocation that holds against a copy of the server's database, and a server that is found out.
//!
//! ```no_run
//! # async fn example() -> Result<(), tozstore::Error> {
//! let client = tozstore::Client::new(tozstore::Credentials::load("client.json")?)?;
//! let sealed = client.sealed(tozstore::FileStateStore::new("client.state")).await?;
//! sealed.create_type("note", tozstore::TypeOptions::default()).await?;
//! let note = sealed.write("note", tozstore::fields! { "text" => "for some, for some time" }).await?;
//! let reader: tozstore::Contact = "a1111111-1111-4111-8111-111111111111".parse()?;
//! sealed.share("note", &reader, tozstore::ShareFrom::Beginning).await?;
//! sealed.revoke("note", reader.client).await?;
//! // What is written from here on opens with nothing that the reader ever held.
//! sealed.update(&note, tozstore::fields! { "text" => "for fewer" }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The format and its claims are in `docs/formats/sealed.md`.

mod censuses;
mod completion;
mod keys;
mod leaked;
mod listings;
mod open_type;
mod records;
mod shares;
mod stages;
mod state_store;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod types;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{SealedBody, SealedStore};
use tozstore_crypto::sealed::{
    BundleChain, ClientKeys, ClientState, ContactCard, Digest, TypeName, TypePlace, state_key,
};
use tozstore_crypto::{ClientId, MacKey, ParseError, StoreId};

pub use self::censuses::{CensusCompared, CensusTaken};
pub use self::completion::{CompleteOptions, Completion, CompletionProgress, HeldReason, HeldRecord};
pub use self::keys::Contact;
pub use self::leaked::LeakedRecord;
pub use self::listings::SealedPage;
use self::open_type::OpenType;
pub use self::records::SealedRecord;
pub use self::shares::{ShareFrom, Shared};
pub use self::state_store::{ChangeState, FileStateStore, MemoryStateStore, StateStore};
pub use self::types::{SealedGrant, TypeOptions};
use self::wire::{Call, HttpWire, Refusal, Signer, Wire, answer};
use crate::{Client, Error, UntrustedData};

/// A client's sealed types, and what it remembers of those of others. Cheap to clone.
///
/// Any number of calls may be made at the same time; those that touch one type wait for one another.
#[derive(Clone)]
pub struct SealedClient(Arc<Inner>);

struct Inner {
    wire: Box<dyn Wire>,
    store: StoreId,
    client: ClientId,
    keys: ClientKeys,
    own: BundleChain,
    state_key: MacKey,
    state: Mutex<ClientState>,
    state_store: Box<dyn StateStore>,
    chains: Mutex<HashMap<ClientId, BundleChain>>,
    types: Mutex<HashMap<TypePlace, Arc<tokio::sync::Mutex<OpenType>>>>,
}

impl Client {
    /// This client's sealed types. Makes its first keys for them if it has none yet: best done when it is registered.
    ///
    /// # Errors
    /// [`Error::Credentials`] without a signing key, or if the keys for sealed types were replaced since;
    /// [`UntrustedData::NotMyBundle`] if the server has keys of this client that it did not make;
    /// [`UntrustedData::SealedStateFalse`] if `state_store` holds something else than this client's state.
    pub async fn sealed(&self, state_store: impl StateStore + 'static) -> Result<SealedClient, Error> {
        let registered = self.credentials().signing_key().ok_or_else(|| {
            Error::Credentials("sealed types need credentials with a signing key".to_owned())
        })?;
        // Which keys those are depends on the store, so it is asked first, by nobody.
        let answer =
            self.transport().send(&crate::transport::Request::get(paths::SEALED_STORE.to_owned())).await?;
        let store: SealedStore = answer.json()?;
        let keys = || ClientKeys::derive(registered, store.store_id, self.id());
        let wire = Box::new(HttpWire::new(self.clone(), keys()));
        SealedClient::open(wire, registered, store.store_id, self.id(), Box::new(state_store)).await
    }
}

impl SealedClient {
    async fn open(
        wire: Box<dyn Wire>,
        registered: &tozstore_crypto::SigningKeyPair,
        store: StoreId,
        client: ClientId,
        state_store: Box<dyn StateStore>,
    ) -> Result<Self, Error> {
        let state_key = state_key(registered, store, client);
        let mut state = ClientState::new(store, client);
        state_store.update(&mut |kept| {
            if let Some(kept) = kept {
                state = ClientState::from_file(kept, &state_key, store, client)
                    .map_err(|_| UntrustedData::SealedStateFalse)?;
            }
            state.to_file(&state_key).map_err(unwritable)
        })?;
        let own = keys::own_chain(&*wire, registered, store, client).await?;
        Ok(Self(Arc::new(Inner {
            wire,
            store,
            client,
            keys: ClientKeys::derive(registered, store, client),
            chains: Mutex::new(HashMap::from([(client, own.clone())])),
            own,
            state_key,
            state: Mutex::new(state),
            state_store,
            types: Mutex::default(),
        })))
    }

    /// This client's id.
    pub fn id(&self) -> ClientId {
        self.0.client
    }

    /// What others compare: the digest of this client's newest keys.
    pub fn fingerprint(&self) -> Digest {
        self.0.own.fingerprint()
    }

    /// A contact card with this fingerprint, to be handed on in any way that the reader trusts.
    ///
    /// # Errors
    /// [`Error::Caller`] if the name is longer than 64 bytes.
    pub fn contact_card(&self, name: &str) -> Result<ContactCard, Error> {
        ContactCard::new(&self.0.own, &self.0.keys, name, wire::now_ms())
            .map_err(|_| Error::Caller("the name of a contact card has at most 64 bytes".to_owned()))
    }

    /// Whether a type was seen as sealed: then it is never to be read or written as interop.
    pub fn knows_as_sealed(&self, writer: ClientId, record_type: &str) -> bool {
        record_type.parse().is_ok_and(|name| self.state().is_sealed(writer, &name))
    }

    fn place(&self, writer: ClientId, record_type: &str) -> Result<TypePlace, Error> {
        let type_name: TypeName =
            record_type.parse().map_err(|error: ParseError| Error::Caller(error.to_string()))?;
        Ok(TypePlace { store: self.0.store, writer, type_name })
    }

    /// One type. Its lock is held for a whole call.
    fn open_type(&self, place: &TypePlace) -> Arc<tokio::sync::Mutex<OpenType>> {
        let mut types = self.0.types.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let open = || Arc::new(tokio::sync::Mutex::new(OpenType::new(place.clone())));
        Arc::clone(types.entry(place.clone()).or_insert_with(open))
    }

    fn state(&self) -> MutexGuard<'_, ClientState> {
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Saves what is remembered, together with what other processes have saved.
    fn save_state(&self) -> Result<(), Error> {
        self.save_state_without(|_| ())
    }

    /// As [`Self::save_state`], after `forget` took out of what was saved what is not to come back.
    fn save_state_without(&self, forget: impl Fn(&mut ClientState)) -> Result<(), Error> {
        let inner = &self.0;
        inner.state_store.update(&mut |kept| {
            let mut state = self.state();
            if let Some(kept) = kept {
                let mut kept = ClientState::from_file(kept, &inner.state_key, inner.store, inner.client)
                    .map_err(|_| UntrustedData::SealedStateFalse)?;
                forget(&mut kept);
                state.merge(&kept).map_err(|source| backwards("what was remembered", source))?;
            }
            state.generation += 1;
            state.to_file(&inner.state_key).map_err(unwritable)
        })
    }

    /// Forgets what was seen of a type, so that what the server shows next is taken as it is: for when it was restored
    /// from a backup, and somebody has made sure that it was.
    ///
    /// # Errors
    /// [`Error::Caller`] if the state cannot be saved.
    pub async fn forget_type(&self, writer: ClientId, record_type: &str) -> Result<(), Error> {
        let place = self.place(writer, record_type)?;
        let open = self.open_type(&place);
        *open.lock().await = OpenType::new(place.clone());
        self.state().forget(&place);
        self.save_state_without(|kept| kept.forget(&place))
    }

    async fn send(&self, method: Method, target: String, body: Vec<u8>) -> Result<(u16, Vec<u8>), Refusal> {
        let signer = Signer::Bundle(self.0.store, self.fingerprint());
        self.0.wire.send(Call { method, target, body, signer }).await
    }

    async fn get<T: SealedBody>(&self, target: String) -> Result<T, Refusal> {
        let (_, body) = self.send(Method::GET, target, Vec::new()).await?;
        Ok(answer(&body)?)
    }

    async fn post<T: SealedBody>(&self, target: String, body: &impl SealedBody) -> Result<T, Refusal> {
        let (_, body) = self.send(Method::POST, target, encoded(body)?).await?;
        Ok(answer(&body)?)
    }
}

impl fmt::Debug for SealedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedClient").field("client", &self.0.client).finish_non_exhaustive()
    }
}

fn encoded(body: &impl SealedBody) -> Result<Vec<u8>, Error> {
    body.to_bytes().map_err(|_| Error::Caller("there is more in this than one request can have".to_owned()))
}

fn unwritable(_: ParseError) -> Error {
    Error::Caller("there is more to remember than a state can hold".to_owned())
}

fn backwards(what: impl Into<String>, source: tozstore_crypto::sealed::Backwards) -> Error {
    UntrustedData::SealedBackwards { what: what.into(), source: Box::new(source) }.into()
}

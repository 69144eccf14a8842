//! Access keys of record types: where they come from, which are trusted, and for how long they are kept.
//!
//! Access keys come from the server, wrapped for this client. The interop format binds neither the record type nor the
//! writer into them, so a server could hand out a key that it made itself, or that of another type. The rules here are
//! what can be done against that without changing bytes:
//!
//! - A key for this client's own records must have been wrapped by this client itself, or by a client whose public key
//!   was pinned or which this client made an authorizer. Everybody else who wraps one could read what is written.
//! - A key for another writer's records must not have been wrapped by this client itself: that would be one of its own.
//! - The wrapping client's public key must be the one that is known.
//! - A key never changes, never stands for two types, and never vanishes.
//! - A key that came through a group must have been wrapped by the writer of the records, and opens only for who was let
//!   into the group by a client whose public key is the one that is known; see `groups/keys.rs`.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tozstore_api::{AccessKey as WrappedForMe, GroupAccessKey, PutAccessKey, RecordType, paths};
use tozstore_crypto::{
    AccessKey, ClientId, EncryptionPublicKey, RecordId, SigningPublicKey, WrappedAccessKey,
};

use crate::known_keys::{KeySlot, Trust};
use crate::transport::Request;
use crate::{Client, Credentials, Error, KnownKeys, UntrustedData};

/// Which public keys of other clients are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyTrust {
    /// The first one that the server gives, and no other after that.
    #[default]
    FirstUse,
    /// Only those that were pinned, see [`KnownKeys::pin`].
    PinnedOnly,
}

/// An access key, and how it came to this client.
pub(crate) struct OpenedKey {
    pub key: AccessKey,
    /// Who wrapped it for this client, or let it into the group.
    pub authorizer: ClientId,
    pub through_group: bool,
}

/// Keys that are open at a time.
const MAX_OPEN_KEYS: usize = 1024;
/// Loads that can go on at the same time, each for other keys.
const LOADING_LOCKS: usize = 32;

pub(crate) struct Keyring {
    credentials: Credentials,
    trust: KeyTrust,
    state: Mutex<State>,
    /// One load per key at a time. Keys that share a lock wait for each other, which is harmless.
    loading: [tokio::sync::Mutex<()>; LOADING_LOCKS],
    hasher: RandomState,
}

struct State {
    open: HashMap<KeySlot, OpenKey>,
    uses: u64,
    known: KnownKeys,
}

struct OpenKey {
    key: Arc<OpenedKey>,
    last_use: u64,
}

impl Keyring {
    pub(crate) fn new(credentials: Credentials, trust: KeyTrust, known: KnownKeys) -> Self {
        Self {
            credentials,
            trust,
            state: Mutex::new(State { open: HashMap::new(), uses: 0, known }),
            loading: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What is known by now.
    pub(crate) fn known(&self) -> KnownKeys {
        self.state().known.clone()
    }

    /// Wipes an open key. That it is known stays.
    pub(crate) fn close(&self, slot: &KeySlot) {
        self.state().open.remove(slot);
    }

    /// Checks the public keys that the server gives for a client.
    pub(crate) fn check_client(
        &self,
        client: ClientId,
        public_key: EncryptionPublicKey,
        signing_key: Option<SigningPublicKey>,
        trust: Trust,
    ) -> Result<(), UntrustedData> {
        let mut state = self.state();
        if client == self.credentials.client_id() {
            let own_signing_key = self.credentials.public_signing_key();
            let differs = public_key != self.credentials.public_key()
                || matches!((own_signing_key, signing_key), (Some(own), Some(given)) if own != given);
            return if differs { Err(UntrustedData::PublicKeyChanged { client }) } else { Ok(()) };
        }
        if self.trust == KeyTrust::PinnedOnly && !state.known.is_vouched_for(client, public_key) {
            return Err(UntrustedData::PublicKeyNotPinned { client });
        }
        state.known.remember_client(client, public_key, signing_key, trust)
    }

    /// Opens a key that the server gave, by the rules above, and keeps it.
    pub(crate) fn accept(
        &self,
        slot: &KeySlot,
        answer: &WrappedForMe,
    ) -> Result<Arc<OpenedKey>, UntrustedData> {
        let record_type = || slot.record_type.to_string();
        let unreadable = || UntrustedData::AccessKeyUnreadable { record_type: record_type() };
        let authorizer = answer.authorizer_id;
        let authorizer_key = answer.authorizer_public_key.encryption_key().ok_or_else(unreadable)?;
        let own_id = self.credentials.client_id();
        let by_self = authorizer == own_id && authorizer_key == self.credentials.public_key();
        if slot.writer == own_id {
            if !by_self && !self.state().known.is_vouched_for(authorizer, authorizer_key) {
                return Err(UntrustedData::OwnKeyFromStranger { record_type: record_type(), authorizer });
            }
        } else {
            if authorizer == own_id || authorizer_key == self.credentials.public_key() {
                return Err(UntrustedData::AccessKeyReused { record_type: record_type() });
            }
            self.check_client(authorizer, authorizer_key, None, Trust::FirstUse)?;
        }
        let wrapped: WrappedAccessKey = answer.eak.parse().map_err(|_| unreadable())?;
        let key =
            wrapped.open(&authorizer_key, self.credentials.encryption_key()).map_err(|_| unreadable())?;
        self.keep(slot, OpenedKey { key, authorizer, through_group: false })
    }

    /// Changes or asks what is known.
    pub(crate) fn with_known<T>(&self, act: impl FnOnce(&mut KnownKeys) -> T) -> T {
        act(&mut self.state().known)
    }

    /// Remembers a key and keeps it open.
    pub(crate) fn keep(&self, slot: &KeySlot, opened: OpenedKey) -> Result<Arc<OpenedKey>, UntrustedData> {
        let mut state = self.state();
        state.known.remember_access_key(slot, opened.key.fingerprint())?;
        let key = Arc::new(opened);
        if state.open.len() >= MAX_OPEN_KEYS
            && !state.open.contains_key(slot)
            && let Some(oldest) =
                state.open.iter().min_by_key(|(_, open)| open.last_use).map(|(slot, _)| slot.clone())
        {
            state.open.remove(&oldest);
        }
        state.uses += 1;
        let open = OpenKey { key: Arc::clone(&key), last_use: state.uses };
        state.open.insert(slot.clone(), open);
        Ok(key)
    }

    fn open_key(&self, slot: &KeySlot) -> Option<Arc<OpenedKey>> {
        let mut state = self.state();
        state.uses += 1;
        let last_use = state.uses;
        let open = state.open.get_mut(slot)?;
        open.last_use = last_use;
        Some(Arc::clone(&open.key))
    }

    async fn loading(&self, slot: &KeySlot) -> tokio::sync::MutexGuard<'_, ()> {
        let index = self.hasher.hash_one(slot) as usize % LOADING_LOCKS;
        self.loading[index].lock().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single step: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The key of this client's own records of a type. Makes one if there is none yet.
    pub(crate) async fn own_key(&self, record_type: &RecordType) -> Result<Arc<OpenedKey>, Error> {
        let slot = self.own_slot(record_type);
        if let Some(key) = self.keyring().open_key(&slot) {
            return Ok(key);
        }
        let _loading = self.keyring().loading(&slot).await;
        if let Some(key) = self.keyring().open_key(&slot) {
            return Ok(key);
        }
        if let Some(answer) = self.fetch_key(&slot).await? {
            return Ok(self.keyring().accept(&slot, &answer)?);
        }
        if self.keyring().state().known.has_access_key(&slot) {
            return Err(UntrustedData::AccessKeyMissing { record_type: record_type.to_string() }.into());
        }
        self.make_own_key(&slot).await
    }

    /// The key of another client's records of a type, or of one's own; it is never made. With a record of the type it may
    /// come through a group.
    pub(crate) async fn key_to_read(
        &self,
        slot: &KeySlot,
        record: Option<RecordId>,
    ) -> Result<Arc<OpenedKey>, Error> {
        if let Some(key) = self.keyring().open_key(slot) {
            return Ok(key);
        }
        let _loading = self.keyring().loading(slot).await;
        if let Some(key) = self.keyring().open_key(slot) {
            return Ok(key);
        }
        if let Some(answer) = self.fetch_key(slot).await? {
            return Ok(self.keyring().accept(slot, &answer)?);
        }
        if let Some(record) = record.filter(|_| slot.writer != self.id())
            && let Some(answer) = self.fetch_group_key(slot, record).await?
        {
            return Ok(self.keyring().accept_through_group(slot, &answer, None)?);
        }
        Err(Error::NotFound("the access key of the record's type"))
    }

    /// The key from the answer to a search, which spares a request; or as [`key_to_read`](Self::key_to_read).
    pub(crate) async fn key_from(
        &self,
        slot: &KeySlot,
        record: RecordId,
        answer: Option<&WrappedForMe>,
        group_answer: Option<&GroupAccessKey>,
    ) -> Result<Arc<OpenedKey>, Error> {
        if let Some(key) = self.keyring().open_key(slot) {
            return Ok(key);
        }
        match (answer, group_answer) {
            (Some(answer), _) => Ok(self.keyring().accept(slot, answer)?),
            // To its own records a client has a key of its own.
            (None, Some(answer)) if slot.writer != self.id() => {
                Ok(self.keyring().accept_through_group(slot, answer, None)?)
            }
            (None, _) => self.key_to_read(slot, Some(record)).await,
        }
    }

    /// Wraps a key for another client and puts it. One that is there already stays.
    pub(crate) async fn put_key_for(
        &self,
        slot: &KeySlot,
        key: &AccessKey,
        reader: ClientId,
        reader_key: &EncryptionPublicKey,
    ) -> Result<(), Error> {
        let body =
            PutAccessKey { eak: key.wrap(reader_key, self.credentials().encryption_key()).to_string() };
        let path = paths::access_key(slot.writer, slot.user, reader, &slot.record_type);
        match self.send(Request::put(path).json(&body)?).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status == Some(409) => Ok(()),
            Err(failure) => Err(failure.naming("the other client")),
        }
    }

    pub(crate) fn own_slot(&self, record_type: &RecordType) -> KeySlot {
        KeySlot { writer: self.id(), user: self.id(), record_type: record_type.clone() }
    }

    async fn fetch_key(&self, slot: &KeySlot) -> Result<Option<WrappedForMe>, Error> {
        let path = paths::access_key(slot.writer, slot.user, self.id(), &slot.record_type);
        match self.send(Request::get(path)).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn make_own_key(&self, slot: &KeySlot) -> Result<Arc<OpenedKey>, Error> {
        let key = AccessKey::generate();
        let wrapped = key.wrap(&self.credentials().public_key(), self.credentials().encryption_key());
        let path = paths::access_key(slot.writer, slot.user, self.id(), &slot.record_type);
        let body = PutAccessKey { eak: wrapped.to_string() };
        match self.send(Request::put(path).json(&body)?).await {
            Ok(_) => Ok(self
                .keyring()
                .keep(slot, OpenedKey { key, authorizer: self.id(), through_group: false })?),
            // Another process of the same client was first: its key is the key.
            Err(failure) if failure.status == Some(409) => {
                let answer = self.fetch_key(slot).await?.ok_or(Error::Conflict)?;
                Ok(self.keyring().accept(slot, &answer)?)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

//! What a client remembers of keys, so that a server cannot exchange them unseen.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tozstore_api::RecordType;
use tozstore_crypto::{AccessKeyFingerprint, ClientId, EncryptionPublicKey, GroupId, SigningPublicKey};

use crate::{Error, UntrustedData};

/// Fingerprints of access keys, and public keys of other clients and of groups.
///
/// A server that hands out another key than before, or the key of one record type for another, is found out against
/// this memory. It holds no secrets. A [`Client`](crate::Client) begins with an empty one; keep it between runs with
/// [`Client::known_keys`](crate::Client::known_keys), [`KnownKeys::to_json`] and
/// [`ClientBuilder::known_keys`](crate::ClientBuilder::known_keys) to be safe from the first request on.
#[derive(Clone, Debug, Default)]
pub struct KnownKeys {
    access_keys: HashMap<KeySlot, AccessKeyFingerprint>,
    /// The other way round: which place a key is of.
    slots: HashMap<AccessKeyFingerprint, KeySlot>,
    clients: BTreeMap<ClientId, KnownClient>,
    groups: BTreeMap<GroupId, EncryptionPublicKey>,
}

/// Entries of each kind that are remembered. Past that, new ones are used but not remembered.
const MAX_ENTRIES: usize = 50_000;

/// The place of an access key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeySlot {
    pub writer: ClientId,
    pub user: ClientId,
    pub record_type: RecordType,
}

#[derive(Clone, Copy, Debug)]
struct KnownClient {
    public_key: EncryptionPublicKey,
    signing_key: Option<SigningPublicKey>,
    trust: Trust,
}

/// Why a public key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trust {
    /// The server gave it when it was first asked.
    FirstUse,
    /// This client made its holder an authorizer.
    Authorizer,
    /// The application compared it by another way than the server.
    Pinned,
}

impl KnownKeys {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the public key of a client as its true one, learnt by another way than from the server. Replaces what
    /// was known.
    pub fn pin(&mut self, client: ClientId, public_key: EncryptionPublicKey) {
        let signing_key = self.clients.get(&client).and_then(|known| known.signing_key);
        self.clients.insert(client, KnownClient { public_key, signing_key, trust: Trust::Pinned });
    }

    /// Forgets the public keys of a client: the next ones that the server gives are taken.
    pub fn forget_client(&mut self, client: ClientId) {
        self.clients.remove(&client);
    }

    /// Forgets the access key of a record type: the next one that the server gives is taken.
    pub fn forget_access_key(&mut self, writer: ClientId, record_type: &str) {
        self.access_keys.retain(|slot, fingerprint| {
            let kept = slot.writer != writer || slot.record_type.as_str() != record_type;
            if !kept {
                self.slots.remove(fingerprint);
            }
            kept
        });
    }

    /// Forgets the public key of a group: the next one that the server gives is taken.
    pub fn forget_group(&mut self, group: GroupId) {
        self.groups.remove(&group);
    }

    /// How many access keys and how many clients are known.
    pub fn len(&self) -> (usize, usize) {
        (self.access_keys.len(), self.clients.len())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0) && self.groups.is_empty()
    }

    /// Everything as a JSON text. It holds no secrets, but who can change it can make the client trust other keys.
    pub fn to_json(&self) -> String {
        let access_keys = self.access_keys.iter().map(|(slot, fingerprint)| AccessKeyEntry {
            writer_id: slot.writer,
            user_id: slot.user,
            record_type: slot.record_type.clone(),
            fingerprint: fingerprint.to_string(),
        });
        let clients = self.clients.iter().map(|(&client_id, known)| ClientEntry {
            client_id,
            public_key: known.public_key,
            signing_key: known.signing_key,
            trust: known.trust,
        });
        let groups = self.groups.iter().map(|(&group_id, &public_key)| GroupEntry { group_id, public_key });
        let mut file = File {
            version: 1,
            access_keys: access_keys.collect(),
            clients: clients.collect(),
            groups: groups.collect(),
        };
        file.access_keys.sort_by(|a, b| (a.writer_id, &a.record_type).cmp(&(b.writer_id, &b.record_type)));
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`Error::Caller`] if the text is something else.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let malformed =
            |reason: String| Error::Caller(format!("the memory of known keys is malformed: {reason}"));
        let file: File = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if file.version != 1 {
            return Err(malformed(format!("version {} is not known", file.version)));
        }
        let mut known = Self::default();
        for entry in file.access_keys {
            let fingerprint = entry.fingerprint.parse().map_err(|_| malformed("a fingerprint".to_owned()))?;
            let slot =
                KeySlot { writer: entry.writer_id, user: entry.user_id, record_type: entry.record_type };
            known.remember_access_key(&slot, fingerprint)?;
        }
        for entry in file.clients {
            let ClientEntry { client_id, public_key, signing_key, trust } = entry;
            known.clients.insert(client_id, KnownClient { public_key, signing_key, trust });
        }
        known.groups.extend(file.groups.into_iter().map(|entry| (entry.group_id, entry.public_key)));
        Ok(known)
    }

    /// Whether an access key is known for this place.
    pub(crate) fn has_access_key(&self, slot: &KeySlot) -> bool {
        self.access_keys.contains_key(slot)
    }

    /// Compares an access key with what is known, and remembers it.
    pub(crate) fn remember_access_key(
        &mut self,
        slot: &KeySlot,
        fingerprint: AccessKeyFingerprint,
    ) -> Result<(), UntrustedData> {
        let record_type = slot.record_type.to_string();
        match self.access_keys.get(slot) {
            Some(known) if *known == fingerprint => return Ok(()),
            Some(_) => return Err(UntrustedData::AccessKeyChanged { writer: slot.writer, record_type }),
            None => {}
        }
        if self.slots.contains_key(&fingerprint) {
            return Err(UntrustedData::AccessKeyReused { record_type });
        }
        if self.access_keys.len() < MAX_ENTRIES {
            self.access_keys.insert(slot.clone(), fingerprint);
            self.slots.insert(fingerprint, slot.clone());
        } else {
            tracing::warn!("the memory of access keys is full: new keys are not watched");
        }
        Ok(())
    }

    /// Compares a client's public keys with what is known, and remembers them.
    pub(crate) fn remember_client(
        &mut self,
        client: ClientId,
        public_key: EncryptionPublicKey,
        signing_key: Option<SigningPublicKey>,
        trust: Trust,
    ) -> Result<(), UntrustedData> {
        if let Some(known) = self.clients.get_mut(&client) {
            let other_signing_key =
                matches!((known.signing_key, signing_key), (Some(known), Some(given)) if known != given);
            if known.public_key != public_key || other_signing_key {
                return Err(UntrustedData::PublicKeyChanged { client });
            }
            known.signing_key = known.signing_key.or(signing_key);
            known.trust = known.trust.max(trust);
        } else if self.clients.len() < MAX_ENTRIES {
            self.clients.insert(client, KnownClient { public_key, signing_key, trust });
        } else {
            tracing::warn!("the memory of public keys is full: new clients are not watched");
        }
        Ok(())
    }

    /// Compares a group's public key with what is known, and remembers it.
    pub(crate) fn remember_group(
        &mut self,
        group: GroupId,
        public_key: EncryptionPublicKey,
    ) -> Result<(), UntrustedData> {
        if let Some(known) = self.groups.get(&group) {
            return if *known == public_key { Ok(()) } else { Err(UntrustedData::GroupKeyChanged { group }) };
        }
        // What is shared with the one group would be for the members of the other.
        if self.groups.values().any(|known| *known == public_key) {
            return Err(UntrustedData::GroupKeyChanged { group });
        }
        if self.groups.len() < MAX_ENTRIES {
            self.groups.insert(group, public_key);
        } else {
            tracing::warn!("the memory of keys of groups is full: new groups are not watched");
        }
        Ok(())
    }

    /// The public key of a client, if it is known.
    pub(crate) fn public_key_of(&self, client: ClientId) -> Option<EncryptionPublicKey> {
        self.clients.get(&client).map(|known| known.public_key)
    }

    /// Whether this is the client's key, and known by more than the server's word.
    pub(crate) fn is_vouched_for(&self, client: ClientId, public_key: EncryptionPublicKey) -> bool {
        self.clients
            .get(&client)
            .is_some_and(|known| known.public_key == public_key && known.trust > Trust::FirstUse)
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    access_keys: Vec<AccessKeyEntry>,
    clients: Vec<ClientEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupEntry>,
}

#[derive(Serialize, Deserialize)]
struct AccessKeyEntry {
    writer_id: ClientId,
    user_id: ClientId,
    #[serde(rename = "type")]
    record_type: RecordType,
    fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct ClientEntry {
    client_id: ClientId,
    public_key: EncryptionPublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_key: Option<SigningPublicKey>,
    trust: Trust,
}

#[derive(Serialize, Deserialize)]
struct GroupEntry {
    group_id: GroupId,
    public_key: EncryptionPublicKey,
}

#[cfg(test)]
mod tests {
    use tozstore_api::RecordType;
    use tozstore_crypto::{AccessKey, EncryptionPrivateKey};

    use super::*;

    fn slot(record_type: &str) -> KeySlot {
        let writer = "a1111111-1111-4111-8111-111111111111".parse().unwrap();
        KeySlot { writer, user: writer, record_type: RecordType::new(record_type).unwrap() }
    }

    #[test]
    fn a_changed_key_and_a_reused_key_are_found_out_after_a_restart_too() {
        let (first, second) = (AccessKey::generate().fingerprint(), AccessKey::generate().fingerprint());
        let mut known = KnownKeys::new();
        known.remember_access_key(&slot("x"), first).unwrap();
        let mut known = KnownKeys::from_json(&known.to_json()).unwrap();
        assert_eq!(known.remember_access_key(&slot("x"), first), Ok(()));
        assert!(matches!(
            known.remember_access_key(&slot("x"), second),
            Err(UntrustedData::AccessKeyChanged { .. })
        ));
        assert!(matches!(
            known.remember_access_key(&slot("y"), first),
            Err(UntrustedData::AccessKeyReused { .. })
        ));
        known.forget_access_key(slot("x").writer, "x");
        assert_eq!(known.remember_access_key(&slot("y"), first), Ok(()));
    }

    #[test]
    fn trust_in_a_client_grows_and_its_key_stays() {
        let client = slot("x").writer;
        let (first, second) =
            (EncryptionPrivateKey::generate().public_key(), EncryptionPrivateKey::generate().public_key());
        let mut known = KnownKeys::new();
        known.remember_client(client, first, None, Trust::FirstUse).unwrap();
        assert!(!known.is_vouched_for(client, first));
        assert!(known.remember_client(client, second, None, Trust::FirstUse).is_err());
        known.remember_client(client, first, None, Trust::Authorizer).unwrap();
        known.remember_client(client, first, None, Trust::FirstUse).unwrap();
        let mut known = KnownKeys::from_json(&known.to_json()).unwrap();
        assert!(known.is_vouched_for(client, first));
        known.pin(client, second);
        assert!(known.is_vouched_for(client, second) && !known.is_vouched_for(client, first));
    }

    #[test]
    fn a_group_keeps_its_key_and_shares_it_with_no_other() {
        let key = || EncryptionPrivateKey::generate().public_key();
        let (first, second, public_key) = (GroupId::random(), GroupId::random(), key());
        let mut known = KnownKeys::new();
        known.remember_group(first, public_key).unwrap();
        let mut known = KnownKeys::from_json(&known.to_json()).unwrap();
        assert_eq!(known.remember_group(first, public_key), Ok(()));
        for (group, public_key) in [(first, key()), (second, public_key)] {
            assert_eq!(
                known.remember_group(group, public_key),
                Err(UntrustedData::GroupKeyChanged { group })
            );
        }
        known.forget_group(first);
        assert_eq!(known.remember_group(second, public_key), Ok(()));
    }
}

//! Keys of groups: what can be told of them, and what cannot.
//!
//! Everything about a group comes from the server. What holds against that:
//!
//! - A membership key opens only with the public key of the client that wrapped it, which must be the one that is known,
//!   and what is inside must belong to the group's public key. The server cannot make one by itself.
//! - What is shared goes to the key that was opened, and new members get that key; the public key that the server names
//!   must be the same.
//! - The public key of a group never changes, and is that of no other group.
//! - An access key that comes through a group must have been wrapped by the writer of the records, whose public key must
//!   be the one that is known.
//!
//! What this format cannot tell: at first contact, whether the client that let this one in is who it is said to be (pin
//! its key), and whether a key between the same two clients was meant for this group or for something else.

use std::sync::Arc;

use tozstore_api::{BatchRequest, BatchResponse, GroupAccessKey, MembershipKeyAnswer, paths};
use tozstore_crypto::{
    EncryptionPublicKey, GroupAccessChain, GroupId, GroupKeyPair, MembershipKey, RecordId,
};

use crate::keyring::{Keyring, OpenedKey};
use crate::known_keys::{KeySlot, Trust};
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

impl Client {
    /// The keys of a group that this client is a member of.
    pub(super) async fn open_group(&self, id: GroupId) -> Result<GroupKeyPair, Error> {
        let unreadable = || UntrustedData::GroupKeyUnreadable { group: id };
        let group: EncryptionPublicKey =
            self.answered_group(id).await?.public_key.parse().map_err(|_| unreadable())?;
        let answer = self.send(Request::get(paths::of_group(paths::GROUP_MEMBERSHIP_KEY, id))).await;
        let answer: MembershipKeyAnswer =
            answer.map_err(|failure| failure.naming("this client's membership in the group"))?.json()?;
        if answer.group_id != id || answer.client_id != self.id() {
            return Err(UntrustedData::WrongAnswer("membership").into());
        }
        let authorizer = if answer.authorizer_id == self.id() {
            self.credentials().public_key()
        } else {
            match self.key_of(answer.authorizer_id).await {
                // Members stay when the client that let them in is deleted.
                Err(Error::NotFound(what)) => {
                    let known = self.keyring().with_known(|known| known.public_key_of(answer.authorizer_id));
                    known.ok_or(Error::NotFound(what))?
                }
                other => other?,
            }
        };
        let wrapped: MembershipKey = answer.encrypted_membership_key.parse().map_err(|_| unreadable())?;
        let keys = wrapped.open(&group, &authorizer, self.credentials().encryption_key());
        let keys = keys.map_err(|_| unreadable())?;
        self.keyring().with_known(|known| known.remember_group(id, group))?;
        Ok(keys)
    }

    /// The key to a record of another writer by way of a group, if there is one. Only a batch tells it.
    pub(crate) async fn fetch_group_key(
        &self,
        slot: &KeySlot,
        record: RecordId,
    ) -> Result<Option<GroupAccessKey>, Error> {
        let body = BatchRequest { record_ids: vec![record], include_data: true };
        let answer = self.send(Request::get(paths::RECORDS.to_owned()).json(&body)?).await?;
        let found: BatchResponse = answer.json()?;
        let Some(listed) = found.records.into_iter().next() else { return Ok(None) };
        if listed.meta.record_id != record || crate::records::slot_of(&listed.meta) != *slot {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        Ok(listed.group_access_key)
    }
}

impl Keyring {
    /// Opens a key to another writer's records that came through a group, by the rules above, and keeps it.
    pub(crate) fn accept_through_group(
        &self,
        slot: &KeySlot,
        answer: &GroupAccessKey,
        group: Option<GroupId>,
    ) -> Result<Arc<OpenedKey>, UntrustedData> {
        let record_type = || slot.record_type.to_string();
        let unreadable = || UntrustedData::AccessKeyUnreadable { record_type: record_type() };
        // A group's access key is that of what a writer writes about itself.
        let [link] = answer.access_key_wrappers.as_slice() else { return Err(unreadable()) };
        if slot.writer != slot.user {
            return Err(unreadable());
        }
        let chain = GroupAccessChain {
            membership_key: link.membership_key.parse().map_err(|_| unreadable())?,
            authorizer: answer.authorizer_public_key.encryption_key().ok_or_else(unreadable)?,
            group: link.group_public_key.parse().map_err(|_| unreadable())?,
            access_key: answer.eak.parse().map_err(|_| unreadable())?,
            sharer: link.public_key.parse().map_err(|_| unreadable())?,
        };
        let own = self.credentials();
        // Wrapped by this client it would be one of its own.
        if chain.sharer == own.public_key() {
            return Err(UntrustedData::AccessKeyReused { record_type: record_type() });
        }
        self.check_client(answer.authorizer_id, chain.authorizer, None, Trust::FirstUse)?;
        self.check_client(slot.writer, chain.sharer, None, Trust::FirstUse)?;
        let key = chain.open(own.encryption_key()).map_err(|_| unreadable())?;
        if let Some(group) = group {
            self.with_known(|known| known.remember_group(group, chain.group))?;
        }
        self.keep(slot, OpenedKey { key, authorizer: answer.authorizer_id, through_group: true })
    }
}

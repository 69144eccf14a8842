//! Sharing record types with other clients, and taking that back.

use tozstore_api::{Grant, IncomingShare, OutgoingShare, PolicyChange, RecordType, paths};
use tozstore_crypto::ClientId;

use crate::known_keys::KeySlot;
use crate::transport::Request;
use crate::{Client, Error};

impl Client {
    /// Shares all records of a type, those to come included, with another client. Sharing again changes nothing.
    ///
    /// The reader's public key comes from the server; see [`info`](Self::info) and [`KnownKeys`](crate::KnownKeys) on
    /// how to make sure of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such client, [`Error::Untrusted`] if its key is another than the one known.
    pub async fn share(&self, record_type: &str, reader: ClientId) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        self.refuse_self(reader, "records are always shared with their writer")?;
        let key = self.own_key(&record_type).await?;
        let reader_key = self.key_of(reader).await?;
        let slot = self.own_slot(&record_type);
        self.put_key_for(&slot, &key.key, reader, &reader_key).await?;
        self.change_policy(&slot, reader, &PolicyChange::allow([Grant::Read])).await
    }

    /// Takes a share back. The reader gets no records of the type any more.
    ///
    /// If the type is shared with a group that the reader is in, it reads on by way of that: see
    /// [`group_shares`](Self::group_shares). What it has read it may have kept. The access key stays the same, as the interop format has no way to change
    /// it: it is the server that holds the reader off from now on.
    ///
    /// # Errors
    /// Those of any request. Taking back what was not shared is no error.
    pub async fn revoke(&self, record_type: &str, reader: ClientId) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        self.refuse_self(reader, "a writer cannot be kept from its own records")?;
        self.revoke_in(&self.own_slot(&record_type), reader).await
    }

    /// Gives up a share that another client gave this one.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn revoke_for_me(&self, writer: ClientId, record_type: &str) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        self.refuse_self(writer, "a writer cannot be kept from its own records")?;
        let path = paths::reader_policy(writer, writer, self.id(), &record_type);
        self.send(Request::put(path).json(&PolicyChange::deny([Grant::Read]))?).await?;
        self.send(Request::delete(paths::reader_access_key(writer, writer, self.id(), &record_type))).await?;
        self.keyring().close(&KeySlot { writer, user: writer, record_type });
        Ok(())
    }

    /// Which of this client's record types others may read.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn outgoing(&self) -> Result<Vec<OutgoingShare>, Error> {
        self.send(Request::get(paths::POLICY_OUTGOING.to_owned())).await?.json()
    }

    /// Which record types of others this client may read.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn incoming(&self) -> Result<Vec<IncomingShare>, Error> {
        self.send(Request::get(paths::POLICY_INCOMING.to_owned())).await?.json()
    }

    /// First the policy, then the key: without the policy the server gives no records out, key or not.
    pub(crate) async fn revoke_in(&self, slot: &KeySlot, reader: ClientId) -> Result<(), Error> {
        self.change_policy(slot, reader, &PolicyChange::deny([Grant::Read])).await?;
        self.delete_key_of(slot, reader).await
    }

    pub(crate) async fn delete_key_of(&self, slot: &KeySlot, reader: ClientId) -> Result<(), Error> {
        let path = paths::access_key(slot.writer, slot.user, reader, &slot.record_type);
        match self.send(Request::delete(path)).await {
            Err(failure) if !failure.is_not_found() => return Err(failure.into()),
            _ => {}
        }
        // Who takes access back works with what the server says from here on.
        self.keyring().close(slot);
        Ok(())
    }

    pub(crate) async fn change_policy(
        &self,
        slot: &KeySlot,
        client: ClientId,
        change: &PolicyChange,
    ) -> Result<(), Error> {
        let path = paths::policy(slot.user, slot.writer, client, &slot.record_type);
        self.send(Request::put(path).json(change)?)
            .await
            .map_err(|failure| failure.naming("the other client"))?;
        Ok(())
    }

    pub(crate) fn refuse_self(&self, other: ClientId, reason: &str) -> Result<(), Error> {
        if other == self.id() { Err(Error::Caller(reason.to_owned())) } else { Ok(()) }
    }

    /// Whether another client may read one's own records of a type.
    pub(crate) async fn is_reader(&self, record_type: &RecordType, client: ClientId) -> Result<bool, Error> {
        let shares = self.outgoing().await?;
        Ok(shares.iter().any(|share| share.reader_id == client && share.record_type == *record_type))
    }
}

//! Authorizers: clients that share and revoke a record type on its writer's behalf.

use tozstore_api::{Authorization, Grant, PolicyChange, paths};
use tozstore_crypto::ClientId;

use crate::known_keys::{KeySlot, Trust};
use crate::transport::Request;
use crate::{Client, Error};

impl Client {
    /// Lets another client share all records of a type on this one's behalf. It gets the access key for that, and so
    /// could read what the server gave it; the server gives it no records unless they are shared with it as well.
    ///
    /// # Errors
    /// As for [`share`](Self::share).
    pub async fn add_authorizer(&self, record_type: &str, authorizer: ClientId) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        self.refuse_self(authorizer, "a writer needs no leave to share its own records")?;
        let key = self.own_key(&record_type).await?;
        let authorizer_key = self.key_of(authorizer).await?;
        let slot = self.own_slot(&record_type);
        self.put_key_for(&slot, &key.key, authorizer, &authorizer_key).await?;
        self.change_policy(&slot, authorizer, &PolicyChange::allow([Grant::Authorizer])).await?;
        self.keyring().check_client(authorizer, authorizer_key, None, Trust::Authorizer)?;
        Ok(())
    }

    /// Takes that leave back, for one type or for all. What the authorizer has shared stays shared.
    ///
    /// # Errors
    /// Those of any request. Removing who is none is no error.
    pub async fn remove_authorizer(
        &self,
        record_type: Option<&str>,
        authorizer: ClientId,
    ) -> Result<(), Error> {
        self.refuse_self(authorizer, "a writer needs no leave to share its own records")?;
        let mut record_types = Vec::new();
        match record_type {
            Some(record_type) => {
                let slot = self.own_slot(&Self::checked_type(record_type)?);
                self.change_policy(&slot, authorizer, &PolicyChange::deny([Grant::Authorizer])).await?;
                record_types.push(slot.record_type);
            }
            None => {
                let listed = self.authorizers().await?;
                record_types.extend(
                    listed
                        .into_iter()
                        .filter(|one| one.authorizer_id == authorizer)
                        .map(|one| one.record_type),
                );
                self.send(Request::delete(paths::policy_authorizer(self.id(), self.id(), authorizer)))
                    .await?;
            }
        }
        for record_type in record_types {
            // Who may read as well needs the key for that.
            if !self.is_reader(&record_type, authorizer).await? {
                self.delete_key_of(&self.own_slot(&record_type), authorizer).await?;
            }
        }
        Ok(())
    }

    /// Shares another client's record type with a third, as its authorizer.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Refused`] if this client is not its authorizer.
    pub async fn share_on_behalf_of(
        &self,
        writer: ClientId,
        record_type: &str,
        reader: ClientId,
    ) -> Result<(), Error> {
        let slot = self.slot_on_behalf_of(writer, record_type, reader)?;
        self.refuse_self(reader, "an authorizer cannot let itself in: ask the writer to share")?;
        let key = self.key_to_read(&slot, None).await?;
        let reader_key = self.key_of(reader).await?;
        self.put_key_for(&slot, &key.key, reader, &reader_key).await?;
        self.change_policy(&slot, reader, &PolicyChange::allow([Grant::Read])).await
    }

    /// Takes another client's share back, as its authorizer.
    ///
    /// # Errors
    /// [`Error::Refused`] if this client is not its authorizer.
    pub async fn revoke_on_behalf_of(
        &self,
        writer: ClientId,
        record_type: &str,
        reader: ClientId,
    ) -> Result<(), Error> {
        let slot = self.slot_on_behalf_of(writer, record_type, reader)?;
        if reader == self.id() {
            // The key is needed to share further; only reading ends.
            return self.change_policy(&slot, reader, &PolicyChange::deny([Grant::Read])).await;
        }
        self.revoke_in(&slot, reader).await
    }

    /// Who may share which of this client's record types on its behalf.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn authorizers(&self) -> Result<Vec<Authorization>, Error> {
        self.send(Request::get(paths::POLICY_PROXIES.to_owned())).await?.json()
    }

    /// Whose record types this client may share on their behalf.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn granted(&self) -> Result<Vec<Authorization>, Error> {
        self.send(Request::get(paths::POLICY_GRANTED.to_owned())).await?.json()
    }

    fn slot_on_behalf_of(
        &self,
        writer: ClientId,
        record_type: &str,
        reader: ClientId,
    ) -> Result<KeySlot, Error> {
        self.refuse_self(writer, "these are this client's own records: share them directly")?;
        if reader == writer {
            return Err(Error::Caller("records are always shared with their writer".to_owned()));
        }
        Ok(KeySlot { writer, user: writer, record_type: Self::checked_type(record_type)? })
    }
}

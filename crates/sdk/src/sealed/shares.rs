//! Sharing a sealed type, and taking it back.

use tozstore_api::sealed::MAX_WRAPS_IN_ONE_PIECE;
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{
    Change, Digest, EntryDraft, Grant, Known, LogPosition, MAX_CHANGES, Rights, Subject,
};

use super::open_type::OpenType;
use super::{Contact, SealedClient};
use crate::Error;

/// What a reader is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareFrom {
    /// All records, those of the past too.
    Beginning,
    /// Versions that are written from now on.
    Now,
}

/// That a reader has a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The fingerprint of the keys that it was shared with.
    pub fingerprint: Digest,
    /// How well it is known whose keys those are. At first contact the server alone said so.
    pub known: Known,
    /// The entry that did it; none if the reader had the grant already.
    pub entry: Option<LogPosition>,
}

impl SealedClient {
    /// Lets another client read a type of one's own. Whose keys it is shared with is in the answer: name a fingerprint
    /// or a contact card to compare them.
    ///
    /// # Errors
    /// [`crate::UntrustedData::SealedKeysChanged`] if the keys are others than the ones seen or named before.
    pub async fn share(&self, record_type: &str, reader: &Contact, from: ShareFrom) -> Result<Shared, Error> {
        self.grant(self.id(), record_type, reader, Rights::READ, from).await
    }

    /// Gives another client these rights in a type: to edit, or to share, revoke and rotate in the writer's place. All
    /// of them let it read everything.
    ///
    /// # Errors
    /// As for [`Self::share`]; [`Error::Caller`] if this client may not give them.
    pub async fn grant(
        &self,
        writer: ClientId,
        record_type: &str,
        reader: &Contact,
        rights: Rights,
        from: ShareFrom,
    ) -> Result<Shared, Error> {
        let mut shared = self.grant_all(writer, record_type, &[*reader], rights, from).await?;
        shared.pop().ok_or(Error::Conflict)
    }

    /// As [`Self::share`], with many clients in as few steps as there may be. Each of them is named once.
    ///
    /// # Errors
    /// As for [`Self::share`]. If there are more than 1,000, some may have a grant by then.
    pub async fn share_all(
        &self,
        record_type: &str,
        readers: &[Contact],
        from: ShareFrom,
    ) -> Result<Vec<Shared>, Error> {
        // From now on, one new key is for all of them.
        let per_entry = if from == ShareFrom::Now { MAX_CHANGES } else { MAX_WRAPS_IN_ONE_PIECE };
        let mut shared = Vec::new();
        for readers in readers.chunks(per_entry) {
            shared.extend(self.grant_all(self.id(), record_type, readers, Rights::READ, from).await?);
        }
        Ok(shared)
    }

    async fn grant_all(
        &self,
        writer: ClientId,
        record_type: &str,
        readers: &[Contact],
        rights: Rights,
        from: ShareFrom,
    ) -> Result<Vec<Shared>, Error> {
        let mut known = Vec::with_capacity(readers.len());
        for reader in readers {
            let (chain, how) = self.know(reader).await?;
            known.push((Subject::Client(reader.client), chain.fingerprint(), how));
        }
        let open = self.open_type(&self.place(writer, record_type)?);
        let mut open = open.lock().await;
        let decide = |open: &OpenType| {
            let state = open.log.state();
            let segments = u32::try_from(state.heads().len()).unwrap_or(u32::MAX);
            let from_segment = if from == ShareFrom::Now { segments } else { 0 };
            let changes = known.iter().filter_map(|(subject, head, known)| {
                let held = state.grant(subject).map(|held| held.grant);
                let is_so = held.is_some_and(|held| {
                    held.rights == rights
                        && held.head == *head
                        && held.known >= *known
                        && held.from_segment == 0
                });
                let grant = Grant { head: *head, rights, from_segment, known: *known };
                (from == ShareFrom::Now || !is_so).then_some(Change::Grant(*subject, grant))
            });
            let changes: Vec<_> = changes.collect();
            if changes.is_empty() {
                return Ok(None);
            }
            let mut draft = self.draft(open, changes);
            draft.opens_segment = from == ShareFrom::Now;
            Ok(Some(draft))
        };
        let entry = self.append(&mut open, decide).await?;
        let shared = known.into_iter().map(|(_, fingerprint, known)| Shared { fingerprint, known, entry });
        Ok(shared.collect())
    }

    /// Takes everything from a client that it holds in a type of one's own, in one step: when this returns, no record
    /// that is written from then on opens with anything that it ever held. What it could read until then stays known
    /// to it. None if it held nothing.
    ///
    /// # Errors
    /// As for reading the type.
    pub async fn revoke(&self, record_type: &str, client: ClientId) -> Result<Option<LogPosition>, Error> {
        self.revoke_in(self.id(), record_type, client).await
    }

    /// As [`Self::revoke`], of another's type in which this client may revoke.
    ///
    /// # Errors
    /// As for [`Self::revoke`]; [`Error::Caller`] if this client may not do it.
    pub async fn revoke_in(
        &self,
        writer: ClientId,
        record_type: &str,
        client: ClientId,
    ) -> Result<Option<LogPosition>, Error> {
        let open = self.open_type(&self.place(writer, record_type)?);
        let mut open = open.lock().await;
        let subject = Subject::Client(client);
        let decide = |open: &OpenType| {
            let is_held = open.log.state().grant(&subject).is_some();
            Ok(is_held.then(|| self.rotation(open, vec![Change::Remove(subject)])))
        };
        self.append(&mut open, decide).await
    }

    /// Begins an epoch: new keys for what is written from now on, wrapped for all who hold grants.
    ///
    /// # Errors
    /// As for reading the type; [`Error::Caller`] if this client may not do it.
    pub async fn rotate(&self, writer: ClientId, record_type: &str) -> Result<LogPosition, Error> {
        let open = self.open_type(&self.place(writer, record_type)?);
        let mut open = open.lock().await;
        let appended = self.append(&mut open, |open| Ok(Some(self.rotation(open, Vec::new())))).await?;
        appended.ok_or(Error::Conflict)
    }

    /// An entry with these changes and a new key of the current segment.
    pub(super) fn rotation(&self, open: &OpenType, changes: Vec<Change>) -> EntryDraft {
        let mut draft = self.draft(open, changes);
        draft.rotate.extend(open.log.state().current().map(|epoch| epoch.head.segment));
        draft
    }
}

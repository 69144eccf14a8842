//! Types: made, looked at, and changed by entries of their logs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{BundleHeads, BundlesOf, MAX_BUNDLE_LOOKUPS, SealedErrorCode};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{
    Change, Digest, DraftError, EntryDraft, LogPosition, NameKey, Rights, Settings, Subject, VerifiedEntry,
    WrapDue, WrapPublicKey,
};

use super::open_type::OpenType;
use super::wire::{Refusal, now_ms};
use super::{SealedClient, encoded};
use crate::{Error, UntrustedData};

/// What holds for a type for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeOptions {
    /// Whether names of fields are hidden from the server.
    pub hides_names: bool,
    /// Whether it is for readers alone whose keys were compared.
    pub is_verified_only: bool,
}

/// A grant in a type, as its log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedGrant {
    /// Whose.
    pub client: ClientId,
    /// What it may do.
    pub rights: Rights,
    /// The first segment that it reads; 0 if it reads all.
    pub from_segment: u32,
    /// Who gave it.
    pub given_by: ClientId,
}

/// What an attempt at an entry came to.
enum Attempt {
    Done(LogPosition),
    /// Something came first: read on and decide anew.
    Raced,
    /// Records were written that a census does not have.
    NotCounted,
}

/// Races that are lost one after the other before giving up.
const MAX_RACES: usize = 16;

impl SealedClient {
    /// Makes a sealed type of this client's own.
    ///
    /// # Errors
    /// [`Error::Refused`] if there are interop records or keys of the type; [`Error::Caller`] if it is there already.
    pub async fn create_type(&self, record_type: &str, options: TypeOptions) -> Result<(), Error> {
        let place = self.place(self.id(), record_type)?;
        let open = self.open_type(&place);
        let mut open = open.lock().await;
        match self.follow(&mut open).await {
            Ok(_) => Err(Error::Caller(format!("there is a sealed type {record_type:?} already"))),
            Err(Error::NotFound(_)) => self.begin(&mut open, options).await,
            Err(error) => Err(error),
        }
    }

    /// Entry 0. A race that another device won is as good.
    pub(super) async fn begin(&self, open: &mut OpenType, options: TypeOptions) -> Result<(), Error> {
        let name_key = options.hides_names.then(NameKey::generate);
        let settings = Settings {
            name_key: name_key.as_ref().map(|key| key.commitment(open.place())),
            is_verified_only: options.is_verified_only,
            is_migrating: false,
        };
        let mut draft = self.draft(open, vec![Change::Settings(settings)]);
        draft.opens_segment = true;
        match self.attempt(open, &draft, name_key.as_ref()).await? {
            Attempt::Done(_) => {
                name_key.into_iter().for_each(|key| open.ring.insert_name_key(key));
                Ok(())
            }
            Attempt::Raced | Attempt::NotCounted => self.follow(open).await.map(|_| ()),
        }
    }

    /// Who holds grants in a type of this client's own, or one that it may share or revoke.
    ///
    /// # Errors
    /// As for reading the type; [`UntrustedData::SealedGrantsWithheld`] if the server keeps some back.
    pub async fn grants(&self, writer: ClientId, record_type: &str) -> Result<Vec<SealedGrant>, Error> {
        let open = self.open_type(&self.place(writer, record_type)?);
        let mut open = open.lock().await;
        self.follow(&mut open).await?;
        self.ensure_sees_all(&open)?;
        let grants = open.log.state().grants().iter().filter_map(|(subject, held)| {
            let Subject::Client(client) = subject else { return None };
            let (rights, from_segment) = (held.grant.rights, held.grant.from_segment);
            Some(SealedGrant { client: *client, rights, from_segment, given_by: held.given_by })
        });
        Ok(grants.collect())
    }

    /// A draft of the next entry with these changes.
    pub(super) fn draft(&self, open: &OpenType, changes: Vec<Change>) -> EntryDraft {
        let own = self.0.own.head();
        let is_writer = open.place().writer == self.id();
        // Of another's type, the bundle of its writer that the log names last.
        let writer_bundle = open.log.state().writer_bundle().filter(|_| !is_writer);
        EntryDraft {
            author: self.id(),
            author_bundle: (own.digest(), own.object().sequence),
            writer_bundle: writer_bundle.unwrap_or_else(|| self.fingerprint()),
            made_ms: now_ms(),
            changes,
            rotate: BTreeSet::new(),
            past: BTreeMap::new(),
            opens_segment: false,
            census: None,
            notice: None,
            deleted: BTreeSet::new(),
        }
    }

    /// Appends what `decide` wants, which is asked again after each race that is lost; none if it is so already.
    pub(super) async fn append(
        &self,
        open: &mut OpenType,
        decide: impl Fn(&OpenType) -> Result<Option<EntryDraft>, Error>,
    ) -> Result<Option<LogPosition>, Error> {
        for _ in 0..MAX_RACES {
            self.follow(open).await?;
            self.ensure_sees_all(open)?;
            self.open_keys(open).await?;
            let Some(draft) = decide(open)? else { return Ok(None) };
            match self.attempt(open, &draft, None).await? {
                Attempt::Done(position) => return Ok(Some(position)),
                Attempt::Raced => {}
                Attempt::NotCounted => return Err(Error::Conflict),
            }
        }
        Err(Error::Conflict)
    }

    async fn attempt(
        &self,
        open: &mut OpenType,
        draft: &EntryDraft,
        new_name_key: Option<&NameKey>,
    ) -> Result<Attempt, Error> {
        let mut draft = draft.clone();
        let public_keys = self.prepare_readers(open, &mut draft).await?;
        let own = self.0.own.head().object();
        let public_key = |due: &WrapDue| {
            if due.head == self.fingerprint() {
                return Some(own.wrap_key.clone());
            }
            public_keys.get(&due.head).cloned()
        };
        let name_key = new_name_key.or(open.ring.name_key());
        let prepared =
            draft.prepare(&open.log, &open.ring, name_key, public_key).map_err(|error| match error {
                DraftError::Rule(error) => Error::Caller(error.to_string()),
                DraftError::NoPublicKey(subject) => {
                    Error::Caller(format!("{subject:?} has no keys to share with"))
                }
                error => Error::Caller(error.to_string()),
            })?;
        let signed = prepared.sign(&self.0.keys.signing_key());
        // What this client remembers has to be ahead of what it is about to do.
        self.save_state()?;
        match self.send_entry(open.place(), &prepared, &signed).await {
            Ok(head) => {
                let verified = VerifiedEntry::new(&signed, &self.0.own, &prepared.shown())
                    .map_err(|_| UntrustedData::SealedChainBroken { client: self.id() })?;
                let position = verified.position();
                if head.position < position.position {
                    return Err(UntrustedData::WrongAnswer("head of a log").into());
                }
                open.push(&verified)?;
                prepared.keep_keys(&mut open.ring);
                self.state().remember_log(open.log.state(), true, now_ms());
                self.save_state()?;
                Ok(Attempt::Done(position))
            }
            Err(refusal) => match refusal.code() {
                Some(
                    SealedErrorCode::HeadMoved | SealedErrorCode::SubjectMoved | SealedErrorCode::StageGone,
                ) => Ok(Attempt::Raced),
                Some(SealedErrorCode::CensusGaps) => Ok(Attempt::NotCounted),
                _ => Err(refusal.into()),
            },
        }
    }

    /// Finds what to wrap to for everybody who may get a wrap: the key of the bundle that the log names for it. Who was
    /// deleted is left out; whose keys were replaced because they were stolen is followed.
    async fn prepare_readers(
        &self,
        open: &OpenType,
        draft: &mut EntryDraft,
    ) -> Result<HashMap<Digest, WrapPublicKey>, Error> {
        let state = open.log.state();
        let mut heads: BTreeMap<ClientId, Digest> = BTreeMap::new();
        if !draft.rotate.is_empty() || draft.opens_segment {
            heads.extend(state.grants().iter().filter_map(|(subject, held)| match subject {
                Subject::Client(client) => Some((*client, held.grant.head)),
                Subject::Group(_) => None,
            }));
            if open.place().writer != self.id() {
                heads.insert(open.place().writer, draft.writer_bundle);
            }
        }
        let mut changed = BTreeSet::new();
        for change in &draft.changes {
            match change {
                Change::Grant(Subject::Client(client), grant) => drop(heads.insert(*client, grant.head)),
                Change::Remove(Subject::Client(client)) => drop(heads.remove(client)),
                _ => {}
            }
            changed.extend(change.subject());
        }
        let mut keys = HashMap::new();
        let clients: Vec<_> = heads.keys().copied().collect();
        for asked in clients.chunks(MAX_BUNDLE_LOOKUPS) {
            let mut rest = asked.to_vec();
            while !rest.is_empty() {
                let BundleHeads(found) =
                    self.post(paths::SEALED_BUNDLE_HEADS.to_owned(), &BundlesOf(rest.clone())).await?;
                let fits =
                    !found.is_empty() && found.iter().zip(&rest).all(|(found, asked)| found.client == *asked);
                if !fits || found.len() > rest.len() {
                    return Err(UntrustedData::WrongAnswer("list of keys").into());
                }
                rest.drain(..found.len());
                for head in found {
                    if head.deleted && state.grant(&Subject::Client(head.client)).is_some() {
                        draft.deleted.insert(head.client);
                        continue;
                    }
                    let Some(wanted) = heads.get(&head.client) else { continue };
                    let link = head.link.as_ref().filter(|link| link.bundle().digest() == *wanted);
                    if let Some(link) = link {
                        // The log names it by its digest, so it is the one.
                        keys.insert(*wanted, link.bundle().object().wrap_key.clone());
                        continue;
                    }
                    let chain = self.chain(head.client, None).await?;
                    let broken = UntrustedData::SealedChainBroken { client: head.client };
                    let bundle = chain.find(wanted).ok_or(broken)?.object();
                    let subject = Subject::Client(head.client);
                    let newest = chain.head();
                    if chain.is_compromised(bundle.sequence) && !changed.contains(&subject) {
                        draft.changes.push(Change::Follow(subject, newest.digest()));
                    }
                    keys.insert(*wanted, bundle.wrap_key.clone());
                    keys.insert(newest.digest(), newest.object().wrap_key.clone());
                }
            }
        }
        Ok(keys)
    }

    /// A body, sent by PUT; the status of success.
    pub(super) async fn put(
        &self,
        target: String,
        body: &impl tozstore_api::sealed::SealedBody,
    ) -> Result<u16, Refusal> {
        let (status, _) = self.send(Method::PUT, target, encoded(body)?).await?;
        Ok(status)
    }
}

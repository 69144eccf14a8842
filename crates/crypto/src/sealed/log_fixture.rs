//! A type with a writer, a reader, an editor, a delegate and a stranger, for tests and vectors.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{ClientId, SigningKeyPair, StoreId};

pub(crate) const STORE: StoreId = StoreId::from_bytes([1; 16]);

/// A client with its keys.
pub(crate) struct Party {
    pub(crate) id: ClientId,
    pub(crate) keys: ClientKeys,
    pub(crate) chain: BundleChain,
}

impl Party {
    pub(crate) fn new(seed: u8) -> Self {
        let registered = SigningKeyPair::from_seed(&[seed; 32]);
        let id = ClientId::from_bytes([seed; 16]);
        let link = BundleLink::first(&registered, STORE, id).unwrap();
        let chain = BundleChain::begin(STORE, id, &link).unwrap();
        Self { id, keys: ClientKeys::derive(&registered, STORE, id), chain }
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Client(self.id)
    }

    pub(crate) fn grant(&self, rights: Rights, from_segment: u32) -> Change {
        let grant = Grant { head: self.chain.fingerprint(), rights, from_segment, known: Known::Compared };
        Change::Grant(self.subject(), grant)
    }

    pub(crate) fn remove(&self) -> Change {
        Change::Remove(self.subject())
    }

    pub(crate) fn follow(&self) -> Change {
        Change::Follow(self.subject(), self.chain.fingerprint())
    }

    pub(crate) fn replace_keys(&mut self, reason: BundleReason) {
        let new = ClientKeys::generate();
        let link = BundleLink::successor(self.chain.head(), &self.keys, &new, reason, 1).unwrap();
        self.chain.push(&link).unwrap();
        self.keys = new;
    }
}

/// An entry, with all its private changes.
pub(crate) type Shown = (Signed<LogEntry>, Vec<(u32, PrivateChange)>);

/// A type with a writer and its log, seen by somebody who is shown all.
pub(crate) struct Case {
    pub(crate) parties: Vec<Party>,
    pub(crate) log: LogReplay,
    pub(crate) ring: KeyRing,
    /// Its entries, with all private changes.
    pub(crate) entries: Vec<Shown>,
}

pub(crate) const WRITER: usize = 0;
pub(crate) const READER: usize = 1;
pub(crate) const EDITOR: usize = 2;
pub(crate) const DELEGATE: usize = 3;
pub(crate) const STRANGER: usize = 4;

impl Case {
    /// A log with an entry 0.
    pub(crate) fn begun() -> Self {
        Self::with_settings(Settings { name_key: None, is_verified_only: false, is_migrating: false })
    }

    pub(crate) fn with_settings(settings: Settings) -> Self {
        let parties: Vec<_> = (10..15).map(Party::new).collect();
        let type_name = "notes".parse().unwrap();
        let place = TypePlace { store: STORE, writer: parties[WRITER].id, type_name };
        let mut case =
            Self { parties, log: LogReplay::new(place), ring: KeyRing::new(), entries: Vec::new() };
        let mut draft = case.draft(WRITER, vec![Change::Settings(settings)]);
        draft.opens_segment = true;
        case.commit(&draft).unwrap();
        case
    }

    /// With a reader, an editor, and a delegate that may share, revoke and rotate.
    pub(crate) fn shared() -> Self {
        let mut case = Self::begun();
        let delegate = Rights::SHARE.with(Rights::REVOKE).with(Rights::ROTATE);
        let changes = vec![
            case.parties[READER].grant(Rights::READ, 0),
            case.parties[EDITOR].grant(Rights::EDIT, 0),
            case.parties[DELEGATE].grant(delegate, 0),
        ];
        case.commit(&case.draft(WRITER, changes)).unwrap();
        case
    }

    pub(crate) fn draft(&self, author: usize, changes: Vec<Change>) -> EntryDraft {
        let author = &self.parties[author];
        let head = author.chain.head();
        EntryDraft {
            author: author.id,
            author_bundle: (head.digest(), head.object().sequence),
            writer_bundle: self.parties[WRITER].chain.fingerprint(),
            made_ms: 1_700_000_000_000,
            changes,
            rotate: BTreeSet::new(),
            past: BTreeMap::new(),
            opens_segment: false,
            census: None,
            notice: None,
            deleted: BTreeSet::new(),
        }
    }

    pub(crate) fn rotating(&self, author: usize, changes: Vec<Change>) -> EntryDraft {
        let current = self.log.state().current().unwrap().head.segment;
        EntryDraft { rotate: BTreeSet::from([current]), ..self.draft(author, changes) }
    }

    pub(crate) fn public_key(&self, due: &WrapDue) -> Option<WrapPublicKey> {
        let party = self.parties.iter().find(|party| party.subject() == due.subject)?;
        Some(party.chain.find(&due.head)?.object().wrap_key.clone())
    }

    pub(crate) fn party(&self, id: ClientId) -> &Party {
        self.parties.iter().find(|party| party.id == id).unwrap()
    }

    pub(crate) fn prepare(&self, draft: &EntryDraft) -> Result<PreparedEntry, DraftError> {
        draft.prepare(&self.log, &self.ring, None, |due| self.public_key(due))
    }

    pub(crate) fn commit(&mut self, draft: &EntryDraft) -> Result<LogStep, DraftError> {
        let prepared = self.prepare(draft)?;
        let signed = prepared.sign(&self.party(draft.author).keys.signing_key());
        self.take(&signed, prepared)
    }

    /// Takes an entry as somebody who is shown all.
    pub(crate) fn take(
        &mut self,
        signed: &Signed<LogEntry>,
        prepared: PreparedEntry,
    ) -> Result<LogStep, DraftError> {
        let chain = &self.party(signed.object().author).chain;
        let mut verified = VerifiedEntry::new(signed, chain, &prepared.shown()).unwrap();
        if let Some((blind, lines)) = &prepared.beneath {
            verified = verified.with_lines(blind, lines).unwrap();
        }
        let step = self.log.push(&verified)?;
        self.entries.push((signed.clone(), prepared.shown()));
        prepared.keep_keys(&mut self.ring);
        Ok(step)
    }

    pub(crate) fn ok(&mut self, draft: EntryDraft) {
        self.commit(&draft).unwrap();
    }

    pub(crate) fn refused(&self, draft: &EntryDraft) -> Rule {
        match self.prepare(draft) {
            Err(DraftError::Rule(error)) => error.rule,
            other => panic!("{other:?}"),
        }
    }

    /// What a state that is shown nothing private says to an entry that was changed by hand before it was signed.
    pub(crate) fn pushed(
        &self,
        draft: &EntryDraft,
        change: impl FnOnce(&mut LogEntry),
    ) -> Result<LogStep, Option<Rule>> {
        let prepared = self.prepare(draft).unwrap();
        let mut entry = prepared.entry.object().clone();
        change(&mut entry);
        let signed =
            Encoded::new(&entry).map_err(|_| None)?.sign(&self.party(draft.author).keys.signing_key());
        let author = self.party(entry.author);
        let verified = VerifiedEntry::new(&signed, &author.chain, &[]).map_err(|_| None)?;
        self.log.clone().push(&verified).map_err(|error| Some(error.rule))
    }
}

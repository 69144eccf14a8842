//! The access keys of a type that a client has opened (sections 5 and 6).

use std::collections::BTreeMap;
use std::fmt;

use super::{
    AccessKey, Digest, EntryPlace, Epoch, EpochId, EpochLookup as _, LINK_BYTES, LogReplay, NameKey, Wrap,
    WrapPrivateKey, link_digest, verify_path,
};
use crate::OpenError;

/// Access keys by epoch, and the key of hidden names.
#[derive(Default)]
pub struct KeyRing {
    keys: BTreeMap<EpochId, AccessKey>,
    name_key: Option<NameKey>,
}

/// A wrap as the server sends it: with its place in the tree of its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedWrap {
    /// The entry's position.
    pub position: u64,
    /// Its place among the entry's wraps.
    pub index: u32,
    /// The wrap.
    pub wrap: Wrap,
    /// The path from it to the root that is signed.
    pub path: Vec<Digest>,
}

/// What the signed entry says about its wraps.
#[derive(Clone, Copy, Debug)]
pub struct WrapsOf {
    /// The digest of the entry before.
    pub previous: Option<Digest>,
    /// The author's bundle.
    pub author_bundle: Digest,
    /// How many wraps there are.
    pub count: u32,
    /// The root of their tree.
    pub root: Digest,
}

impl KeyRing {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The access key of an epoch.
    pub fn key(&self, epoch: &EpochId) -> Option<&AccessKey> {
        self.keys.get(epoch)
    }

    /// The key of hidden names.
    pub const fn name_key(&self) -> Option<&NameKey> {
        self.name_key.as_ref()
    }

    /// Keeps a key that the caller drew, once its entry is in the log.
    pub fn insert(&mut self, epoch: EpochId, key: AccessKey) {
        self.keys.insert(epoch, key);
    }

    /// Keeps the name key that the caller drew.
    pub fn insert_name_key(&mut self, key: NameKey) {
        self.name_key = Some(key);
    }

    /// Opens a wrap of an entry that was replayed: path first, then the wrap, then every key against its canary.
    ///
    /// # Errors
    /// The wrap is not of that entry, not for this key, or holds other keys than the log committed to.
    pub fn open_wrap(
        &mut self,
        log: &LogReplay,
        entry: &WrapsOf,
        placed: &PlacedWrap,
        reader: &WrapPrivateKey,
    ) -> Result<(), OpenError> {
        let leaf = placed.wrap.leaf(placed.index).map_err(|_| OpenError)?;
        verify_path(&entry.root, &leaf, placed.index.into(), entry.count.into(), &placed.path)
            .map_err(|_| OpenError)?;
        let heads = log.segment_heads_at(placed.position);
        let place = EntryPlace {
            record_type: log.state().place(),
            position: placed.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            heads: &heads,
        };
        let settings = log.state().settings().ok_or(OpenError)?;
        let opened = placed.wrap.open_access_keys(&place, reader, settings.name_key.as_ref())?;
        for (head, key) in opened.keys {
            let epoch = log.by_number(head.number).filter(|epoch| epoch.head == head).ok_or(OpenError)?;
            self.keys.insert(epoch.id(), key);
        }
        self.name_key = opened.name_key.or(self.name_key.take());
        Ok(())
    }

    /// Opens the key of the epoch that `newer` follows, out of the link that lies beside its entry.
    ///
    /// # Errors
    /// The link is not the one that the entry has, or its key is not the one that the older entry committed to.
    pub fn follow_link(
        &mut self,
        log: &LogReplay,
        newer: &Epoch,
        link: &[u8; LINK_BYTES],
    ) -> Result<EpochId, OpenError> {
        let older = newer.follows.and_then(|id| log.epoch(&id)).ok_or(OpenError)?;
        let key = self.keys.get(&newer.id()).ok_or(OpenError)?;
        if newer.link != Some(link_digest(link)) {
            return Err(OpenError);
        }
        let opened = key.open_link(log.state().place(), &newer.head, &older.head, link)?;
        self.keys.insert(older.id(), opened);
        Ok(older.id())
    }

    /// The epochs whose links lead from a key that is here to that of `wanted`, the newest first; empty if it is here.
    /// None if no links lead there: it is from before what this reader may read, or was passed over.
    pub fn links_to(&self, log: &LogReplay, wanted: &EpochId) -> Option<Vec<Epoch>> {
        if self.keys.contains_key(wanted) {
            return Some(Vec::new());
        }
        let wanted = log.epoch(wanted)?;
        let head = log.state().heads().iter().find(|head| head.head.segment == wanted.head.segment)?;
        let (mut path, mut at) = (Vec::new(), *head);
        // Numbers fall with each step, so this ends.
        while at.head.number > wanted.head.number {
            path.push(at);
            at = log.epoch(&at.follows?)?;
        }
        let first = path.iter().rposition(|epoch| self.keys.contains_key(&epoch.id()))?;
        (at.id() == wanted.id()).then(|| path.split_off(first))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} epochs)", self.keys.len())
    }
}

//! The secrets of groups that a client has opened (section 10).

use std::collections::BTreeMap;
use std::fmt;

use super::{
    GroupEntryPlace, GroupReplay, GroupSecret, LINK_BYTES, PlacedWrap, WrapPrivateKey, WrapsOf, link_digest,
    verify_path,
};
use crate::{GroupId, OpenError};

/// Secrets by group and generation.
#[derive(Default)]
pub struct GroupKeys {
    secrets: BTreeMap<(GroupId, u64), GroupSecret>,
}

impl GroupKeys {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The secret of a generation.
    pub fn secret(&self, group: GroupId, generation: u64) -> Option<&GroupSecret> {
        self.secrets.get(&(group, generation))
    }

    /// Keeps a secret that the caller drew, once its entry is in the log.
    pub fn insert(&mut self, group: GroupId, generation: u64, secret: GroupSecret) {
        self.secrets.insert((group, generation), secret);
    }

    /// The key that opens what is wrapped to a generation of a group.
    pub fn wrap_private_key(&self, log: &GroupReplay, generation: u64) -> Option<WrapPrivateKey> {
        let place = log.state().place();
        Some(self.secret(place.group, generation)?.wrap_private_key(place, generation))
    }

    /// Opens a wrap of an entry that was replayed: path first, then the wrap, then the secret against its commitment,
    /// and the public key that follows from it against that of the log. Gives the generation.
    ///
    /// # Errors
    /// The wrap is not of that entry, not for this key, or holds another secret than the log committed to.
    pub fn open_wrap(
        &mut self,
        log: &GroupReplay,
        entry: &WrapsOf,
        placed: &PlacedWrap,
        reader: &WrapPrivateKey,
    ) -> Result<u64, OpenError> {
        let leaf = placed.wrap.leaf(placed.index).map_err(|_| OpenError)?;
        verify_path(&entry.root, &leaf, placed.index.into(), entry.count.into(), &placed.path)
            .map_err(|_| OpenError)?;
        let key = log.key_at(placed.position).ok_or(OpenError)?;
        let (place, generation) = (log.state().place(), key.generation.generation);
        let attempt = GroupEntryPlace {
            group: *place,
            position: placed.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            generation: key.generation,
        };
        let secret = placed.wrap.open_group_secret(&attempt, reader)?;
        if secret.wrap_private_key(place, generation).public_key() != key.public_key {
            return Err(OpenError);
        }
        self.insert(place.group, generation, secret);
        Ok(generation)
    }

    /// Opens the secret of the generation that `newer` follows, out of the link that lies beside its entry.
    ///
    /// # Errors
    /// The link is not the one that the entry has, or its secret is not the one that the older entry committed to.
    pub fn follow_link(
        &mut self,
        log: &GroupReplay,
        newer: u64,
        link: &[u8; LINK_BYTES],
    ) -> Result<u64, OpenError> {
        let place = log.state().place();
        let newer = log.key(newer).ok_or(OpenError)?;
        let (older, digest) = newer.follows.ok_or(OpenError)?;
        let old = log.key(older).ok_or(OpenError)?;
        let secret = self.secret(place.group, newer.generation.generation).ok_or(OpenError)?;
        if digest != link_digest(link) {
            return Err(OpenError);
        }
        let opened = secret.open_link(place, &newer.generation, &old.generation, link)?;
        if opened.wrap_private_key(place, older).public_key() != old.public_key {
            return Err(OpenError);
        }
        self.insert(place.group, older, opened);
        Ok(older)
    }

    /// The generations whose links lead from a secret that is here to that of `wanted`, the newest first; empty if it is
    /// here. None if no links lead there.
    pub fn links_to(&self, log: &GroupReplay, wanted: u64) -> Option<Vec<u64>> {
        let group = log.state().place().group;
        if self.secret(group, wanted).is_some() {
            return Some(Vec::new());
        }
        let (mut path, mut at) = (Vec::new(), log.state().newest_key()?.generation.generation);
        // Numbers fall with each step, so this ends.
        while at > wanted {
            path.push(at);
            at = log.key(at)?.follows?.0;
        }
        let first = path.iter().rposition(|generation| self.secret(group, *generation).is_some())?;
        (at == wanted).then(|| path.split_off(first))
    }
}

impl fmt::Debug for GroupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupKeys({} generations)", self.secrets.len())
    }
}

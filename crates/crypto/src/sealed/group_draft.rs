//! Making an entry of a group's log: a new secret, its link, wraps, and the bytes to sign (section 10).

use std::collections::BTreeSet;

use super::group_secret::GroupGeneration;
use super::{
    AroundError, Beneath, Digest, Encoded, GroupChange, GroupEntry, GroupEntryPlace, GroupKeys, GroupReplay,
    GroupSecret, GroupState, KeyBlock, LINK_BYTES, NoticeReference, Signed, SigningKey, Subject,
    Surroundings, Tree, Wrap, WrapDue, WrapPublicKey, link_digest,
};
use crate::{ClientId, GroupId, ParseError};

/// What a manager wants an entry of a group's log to do.
#[derive(Clone, Debug)]
pub struct GroupDraft {
    /// Who signs.
    pub author: ClientId,
    /// The author's newest bundle, and its place in the chain.
    pub author_bundle: (Digest, u32),
    /// When, in milliseconds since 1970.
    pub made_ms: u64,
    /// What changes.
    pub changes: Vec<GroupChange>,
    /// Whether the group gets a new key.
    pub rotates: bool,
    /// The generation to go on from in the place of the newest, which does not open.
    pub past: Option<u64>,
    /// The restore notice that is answered.
    pub notice: Option<NoticeReference>,
    /// Groups that get no wrap, and nobody by way of them.
    pub left_out: BTreeSet<GroupId>,
}

/// Why an entry of a group's log cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupDraftError {
    /// It would break a rule, or does not fit what is around the group.
    #[error(transparent)]
    Around(#[from] AroundError),
    /// A secret is needed that was not opened.
    #[error("the secret of a generation of the group is not here")]
    NoSecret,
    /// There is nothing to wrap to for this subject.
    #[error("the public key of a member is not here")]
    NoPublicKey(Subject),
    /// It has no encoding: too much in it.
    #[error("the entry has no encoding: {0}")]
    Encoding(#[from] ParseError),
}

/// An entry with all that goes beside it, not signed yet. Its secret is used in no other attempt.
#[derive(Debug)]
pub struct PreparedGroupEntry {
    /// What is to be signed.
    pub entry: Encoded<GroupEntry>,
    /// The link to the generation before.
    pub link: Option<[u8; LINK_BYTES]>,
    /// Wraps, in the order of their tree.
    pub wraps: Vec<Wrap>,
    secret: Option<(u64, GroupSecret)>,
}

impl PreparedGroupEntry {
    /// Signs it, which is done last: what was staged is signed at commit.
    pub fn sign(&self, key: &SigningKey) -> Signed<GroupEntry> {
        self.entry.clone().sign(key)
    }

    #[cfg(test)]
    pub(crate) fn secret(&self) -> Option<(u64, &GroupSecret)> {
        self.secret.as_ref().map(|(generation, secret)| (*generation, secret))
    }

    /// Once it is in the log: keeps its secret.
    pub fn keep_secret(self, keys: &mut GroupKeys) {
        if let Some((generation, secret)) = self.secret {
            keys.insert(self.entry.object().place.group, generation, secret);
        }
    }
}

impl GroupDraft {
    /// Makes the entry that follows the head of the log, with a fresh secret if the group gets a new key. `around` knows
    /// all groups beneath, and this one if it is there; `public_key` finds what to wrap to.
    ///
    /// # Errors
    /// As the variants say.
    pub fn prepare(
        &self,
        log: &GroupReplay,
        keys: &GroupKeys,
        around: &(impl Surroundings + ?Sized),
        public_key: impl Fn(&WrapDue) -> Option<WrapPublicKey>,
    ) -> Result<PreparedGroupEntry, GroupDraftError> {
        self.prepare_with(log, keys, GroupSecret::generate(), around, public_key)
    }

    /// As [`Self::prepare`], with a secret that was drawn.
    pub(super) fn prepare_with(
        &self,
        log: &GroupReplay,
        keys: &GroupKeys,
        fresh: GroupSecret,
        around: &(impl Surroundings + ?Sized),
        public_key: impl Fn(&WrapDue) -> Option<WrapPublicKey>,
    ) -> Result<PreparedGroupEntry, GroupDraftError> {
        let state = log.state();
        let (key, link) = if self.rotates { self.begin_key(log, keys, &fresh)? } else { (None, None) };
        let mut entry = self.entry(state, key);

        // The state after it says what is beneath, and who gets a wrap. Neither depends on the wraps, nor on the lines.
        let step = |entry: &GroupEntry| {
            let mut after = state.clone();
            let unwrapped = Encoded::new(entry)?.digest();
            let step =
                after.step(entry, unwrapped, self.author_bundle.1, around, |old| log.key(old).is_some());
            step.map(|step| (after, step)).map_err(|error| GroupDraftError::Around(error.into()))
        };
        if entry.beneath.is_some() {
            let (after, _) = step(&entry)?;
            let lines = after.holder().lines(around, &self.left_out);
            entry.beneath = Some(lines.map_err(AroundError::from)?);
        }
        let (after, step) = step(&entry)?;
        let dues = after.ensure_around(state, &entry, &step, around)?;

        let newest = after.newest_key().ok_or(GroupDraftError::NoSecret)?.generation;
        let secret =
            if self.rotates { Some(&fresh) } else { keys.secret(state.place().group, newest.generation) };
        let secret = secret.ok_or(GroupDraftError::NoSecret)?;
        let place = GroupEntryPlace {
            group: *state.place(),
            position: entry.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            generation: newest,
        };
        let wraps = dues.iter().map(|due| {
            let reader = public_key(due).ok_or(GroupDraftError::NoPublicKey(due.subject))?;
            Ok(Wrap::of_group_secret(&place, &reader, (due.subject, due.head), secret)?)
        });
        let wraps: Vec<_> = wraps.collect::<Result<_, GroupDraftError>>()?;
        let leaves =
            (0..).zip(&wraps).map(|(index, wrap)| wrap.leaf(index)).collect::<Result<Vec<_>, _>>()?;
        entry.wrap_count = u32::try_from(wraps.len()).unwrap_or(u32::MAX);
        entry.wrap_root = Tree::of(leaves).root();
        let secret = self.rotates.then_some((newest.generation, fresh));
        Ok(PreparedGroupEntry { entry: Encoded::new(&entry)?, link, wraps, secret })
    }

    /// The block of the new key, and the link to the one before.
    fn begin_key(
        &self,
        log: &GroupReplay,
        keys: &GroupKeys,
        fresh: &GroupSecret,
    ) -> Result<(Option<KeyBlock>, Option<[u8; LINK_BYTES]>), GroupDraftError> {
        let (state, place) = (log.state(), log.state().place());
        let number = self.notice.map_or(state.next_generation(), |notice| notice.first_epoch_number());
        let generation: GroupGeneration = fresh.generation(place, number);
        let mut link = None;
        let newest = state.newest_key().map(|key| key.generation.generation);
        if let Some(old) = self.past.or(newest) {
            let old_key = log.key(old).ok_or(GroupDraftError::NoSecret)?;
            let secret = keys.secret(place.group, old).ok_or(GroupDraftError::NoSecret)?;
            let sealed = fresh.seal_link(place, &generation, &old_key.generation, secret);
            let sealed: [u8; LINK_BYTES] = sealed.try_into().map_err(|_| ParseError::new("a link"))?;
            link = Some((old, sealed));
        }
        let block = KeyBlock {
            generation,
            public_key: fresh.wrap_private_key(place, number).public_key(),
            follows: link.map(|(old, sealed)| (old, link_digest(&sealed))),
        };
        Ok((Some(block), link.map(|(_, sealed)| sealed)))
    }

    /// The entry without its wraps and lines.
    fn entry(&self, state: &GroupState, key: Option<KeyBlock>) -> GroupEntry {
        let head = state.head();
        let lists_beneath = key.is_some() || self.changes.iter().any(GroupChange::wraps_to_group);
        GroupEntry {
            place: *state.place(),
            position: head.map_or(0, |head| head.position + 1),
            previous: head.map(|head| head.digest),
            author: self.author,
            author_bundle: self.author_bundle.0,
            made_ms: self.made_ms,
            changes: self.changes.clone(),
            key,
            // The first entry has one, and is not one otherwise.
            wrap_count: u32::from(head.is_none()),
            wrap_root: Tree::default().root(),
            beneath: lists_beneath.then(Beneath::default),
            notice: self.notice,
        }
    }
}

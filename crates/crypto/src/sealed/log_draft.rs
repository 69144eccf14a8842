//! Making an entry of a type's log: new keys, links, wraps, and the bytes to sign (section 6).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccessKey, Around, AroundError, Beneath, BeneathLine, Blind, Census, Change, Digest, Encoded, EntryPlace,
    Epoch, EpochBlock, EpochId, KeyRing, LINK_BYTES, LogEntry, LogPosition, LogReplay, LogState, NameKey,
    NoticeReference, PrivateChange, ReachError, RuleError, SegmentHead, Signed, SigningKey, Subject,
    Surroundings, Tree, Wrap, WrapDue, WrapPublicKey, link_digest,
};
use crate::{ClientId, GroupId, ParseError};

/// What an author wants an entry to do.
#[derive(Clone, Debug)]
pub struct EntryDraft {
    /// Who signs.
    pub author: ClientId,
    /// The author's newest bundle, and its place in the chain.
    pub author_bundle: (Digest, u32),
    /// The writer's newest bundle.
    pub writer_bundle: Digest,
    /// When, in milliseconds since 1970.
    pub made_ms: u64,
    /// The changes; where each of them stands follows from the log.
    pub changes: Vec<Change>,
    /// Segments that get a new key.
    pub rotate: BTreeSet<u32>,
    /// For the writer: epochs to go on from in the place of the heads of their segments, which do not open.
    pub past: BTreeMap<u32, EpochId>,
    /// Whether a segment begins, for readers from now on.
    pub opens_segment: bool,
    /// A census.
    pub census: Option<Census>,
    /// The restore notice that is answered.
    pub notice: Option<NoticeReference>,
    /// Clients that hold grants and were deleted: they get no wraps.
    pub deleted: BTreeSet<ClientId>,
}

/// Why an entry cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It would break a rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A key is needed that was not opened.
    #[error("the access key of an epoch is not here")]
    NoAccessKey,
    /// There is nothing to wrap to for this subject.
    #[error("the public key of a reader is not here")]
    NoPublicKey(Subject),
    /// It has no encoding: too much in it.
    #[error("the entry has no encoding: {0}")]
    Encoding(#[from] ParseError),
}

/// An entry with all that goes beside it, not signed yet. Its keys are used in no other attempt.
#[derive(Debug)]
pub struct PreparedEntry {
    /// What is to be signed.
    pub entry: Encoded<LogEntry>,
    /// Its private changes, in their order.
    pub private: Vec<PrivateChange>,
    /// What stands behind its commitment to what is beneath.
    pub beneath: Option<(Blind, Beneath)>,
    /// Links by segment.
    pub links: Vec<(u32, [u8; LINK_BYTES])>,
    /// Wraps, in the order of their tree.
    pub wraps: Vec<Wrap>,
    keys: Vec<(u32, AccessKey)>,
}

impl PreparedEntry {
    /// Signs it, which is done last: what was staged is signed at commit.
    pub fn sign(&self, key: &SigningKey) -> Signed<LogEntry> {
        self.entry.clone().sign(key)
    }

    /// The private changes as [`super::VerifiedEntry::new`] takes them.
    pub fn shown(&self) -> Vec<(u32, PrivateChange)> {
        (0..).zip(self.private.iter().cloned()).collect()
    }

    /// Once it is in the log: keeps its keys.
    pub fn keep_keys(self, ring: &mut KeyRing) {
        let digest = self.entry.digest();
        self.keys.into_iter().for_each(|(segment, key)| ring.insert(EpochId::new(&digest, segment), key));
    }
}

impl EntryDraft {
    /// Makes the entry that follows the head of the log, with fresh keys. `public_key` finds what to wrap to.
    ///
    /// # Errors
    /// As the variants say.
    pub fn prepare(
        &self,
        log: &LogReplay,
        ring: &KeyRing,
        name_key: Option<&NameKey>,
        public_key: impl Fn(&WrapDue) -> Option<WrapPublicKey>,
    ) -> Result<PreparedEntry, DraftError> {
        self.prepare_with(
            log,
            ring,
            self.fresh_keys(),
            name_key,
            None::<(&Around<'_>, &BTreeSet<GroupId>)>,
            public_key,
        )
    }

    /// As [`Self::prepare`], of a type that groups may have grants in. `around` knows all groups beneath and all clients
    /// in them; those that are `left_out` get no wrap, and nobody by way of them.
    ///
    /// # Errors
    /// As the variants say. [`DraftError::NoPublicKey`] also if the log of a group is not there, or keys have moved that
    /// the changes do not follow.
    pub fn prepare_around(
        &self,
        log: &LogReplay,
        ring: &KeyRing,
        name_key: Option<&NameKey>,
        (around, left_out): (&impl Surroundings, &BTreeSet<GroupId>),
        public_key: impl Fn(&WrapDue) -> Option<WrapPublicKey>,
    ) -> Result<PreparedEntry, DraftError> {
        self.prepare_with(log, ring, self.fresh_keys(), name_key, Some((around, left_out)), public_key)
    }

    fn fresh_keys(&self) -> Vec<AccessKey> {
        let begun = self.rotate.len() + usize::from(self.opens_segment);
        (0..begun).map(|_| AccessKey::generate()).collect()
    }

    /// As [`Self::prepare`], with keys that were drawn: of rotated segments in their order, then of the new one.
    pub(super) fn prepare_with(
        &self,
        log: &LogReplay,
        ring: &KeyRing,
        fresh: Vec<AccessKey>,
        name_key: Option<&NameKey>,
        groups: Option<(&impl Surroundings, &BTreeSet<GroupId>)>,
        public_key: impl Fn(&WrapDue) -> Option<WrapPublicKey>,
    ) -> Result<PreparedEntry, DraftError> {
        let state = log.state();
        let Begun { blocks, links, keys } = self.begin_epochs(log, ring, fresh)?;
        let (mut entry, private, mut beneath) = self.entry(state, blocks)?;

        // The state after it says who gets a wrap. Neither depends on the root of the wraps.
        let shown: Vec<_> = private.iter().map(|change| Change::parse(&change.change)).enumerate().collect();
        let mut after = state.clone();
        let unwrapped = Encoded::new(&entry)?.digest();
        let step = after.step(&entry, unwrapped, self.author_bundle.1, &shown, None, log)?;
        step.ensure_nothing_void()?;
        let dues = if let Some((around, left_out)) = groups {
            if let Some((blind, lines)) = &mut beneath {
                *lines = after.holder().lines(around, left_out).map_err(DraftError::of_reach)?;
                entry.beneath = Some(lines.commitment(blind)?);
            }
            let lines = beneath.as_ref().map(|(_, lines)| lines);
            after.ensure_around(&entry, &step, lines, around).map_err(DraftError::of_around)?
        } else {
            let deleted = self.deleted.iter().map(|client| Subject::Client(*client)).collect();
            after.wraps_due(&entry, &step, &deleted)?
        };

        let heads = after.segment_heads();
        let current =
            heads.iter().map(|head| key_of(head, state, ring, &keys).ok_or(DraftError::NoAccessKey));
        let current: Vec<_> = current.collect();
        let place = EntryPlace {
            record_type: state.place(),
            position: entry.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            heads: &heads,
        };
        let wraps = dues.iter().map(|due| {
            let from = usize::try_from(due.from_segment).unwrap_or(usize::MAX);
            let held = current.get(from..).unwrap_or(&[]).iter().copied().collect::<Result<Vec<_>, _>>()?;
            let reader = public_key(due).ok_or(DraftError::NoPublicKey(due.subject))?;
            let to = (due.subject, due.head);
            Ok(Wrap::of_access_keys(&place, &reader, to, due.from_segment, &held, name_key)?)
        });
        let wraps: Vec<_> = wraps.collect::<Result<_, DraftError>>()?;
        let leaves =
            (0..).zip(&wraps).map(|(index, wrap)| wrap.leaf(index)).collect::<Result<Vec<_>, _>>()?;
        entry.wrap_count = u32::try_from(wraps.len()).unwrap_or(u32::MAX);
        entry.wrap_root = Tree::of(leaves).root();
        Ok(PreparedEntry { entry: Encoded::new(&entry)?, private, beneath, links, wraps, keys })
    }

    /// The blocks, their links, and the new keys.
    fn begin_epochs(
        &self,
        log: &LogReplay,
        ring: &KeyRing,
        fresh: Vec<AccessKey>,
    ) -> Result<Begun, DraftError> {
        let state = log.state();
        let place = state.place();
        let first = self.notice.map_or(state.next_number(), |notice| notice.first_epoch_number());
        let new_segment = u32::try_from(state.heads().len()).unwrap_or(u32::MAX);
        let segments = self.rotate.iter().copied().chain(self.opens_segment.then_some(new_segment));
        let (mut blocks, mut links, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for ((segment, key), number) in segments.zip(fresh).zip(first..) {
            let head = key.head(place, segment, number);
            let old = usize::try_from(segment).ok().and_then(|at| state.heads().get(at));
            let (mut follows, mut link) = (None, None);
            if let Some(old) = old {
                let old: Epoch = match self.past.get(&segment) {
                    Some(id) => log.epoch(id).ok_or(DraftError::NoAccessKey)?,
                    None => *old,
                };
                let old_key = ring.key(&old.id()).ok_or(DraftError::NoAccessKey)?;
                let sealed = key.seal_link(place, &head, &old.head, old_key);
                let sealed: [u8; LINK_BYTES] =
                    sealed.try_into().map_err(|_| DraftError::Encoding(ParseError::new("a link")))?;
                (follows, link) = (Some(old.id()), Some(link_digest(&sealed)));
                links.push((segment, sealed));
            }
            blocks.push(EpochBlock { head, follows, link });
            keys.push((segment, key));
        }
        Ok(Begun { blocks, links, keys })
    }

    /// The entry without its wraps.
    #[expect(clippy::type_complexity, reason = "three parts that are made together, taken apart at once")]
    fn entry(
        &self,
        state: &LogState,
        epochs: Vec<EpochBlock>,
    ) -> Result<(LogEntry, Vec<PrivateChange>, Option<(Blind, Beneath)>), DraftError> {
        let is_reset = self.changes.contains(&Change::Reset);
        let (hidden, public): (Vec<Change>, Vec<Change>) =
            self.changes.iter().partition(|change| is_private(state, change, is_reset));
        let private = hidden.iter().map(PrivateChange::new).collect::<Result<Vec<_>, _>>()?;
        let wraps_to_group = |change: &Change| {
            matches!(change, Change::Grant(Subject::Group(_), _) | Change::Follow(Subject::Group(_), _))
        };
        let beneath = if epochs.is_empty() && !self.changes.iter().any(wraps_to_group) {
            None
        } else {
            let lines =
                self.deleted.iter().filter(|client| state.grant(&Subject::Client(**client)).is_some());
            Some((
                Blind::generate(),
                Beneath::new(lines.map(|client| BeneathLine::of_deleted(*client)).collect())?,
            ))
        };
        let commitment = beneath.as_ref().map(|(blind, lines)| lines.commitment(blind)).transpose()?;
        let head: Option<LogPosition> = state.head();
        let entry = LogEntry {
            place: state.place().clone(),
            position: head.map_or(0, |head| head.position + 1),
            previous: head.map(|head| head.digest),
            author: self.author,
            author_bundle: self.author_bundle.0,
            made_ms: self.made_ms,
            writer_bundle: self.writer_bundle,
            public,
            private: private.iter().map(PrivateChange::commitment).collect(),
            epochs,
            // The first entry has one, and is not one otherwise.
            wrap_count: u32::from(head.is_none()),
            wrap_root: Tree::default().root(),
            beneath: commitment,
            census: self.census.clone(),
            notice: self.notice,
        };
        Ok((entry, private, beneath))
    }
}

impl DraftError {
    const fn of_reach(error: ReachError) -> Self {
        match error {
            ReachError::Moved(subject) => Self::NoPublicKey(subject),
            ReachError::TooMany => Self::Encoding(ParseError::new("at most 16,384 lines")),
        }
    }

    const fn of_around(error: AroundError) -> Self {
        match error {
            AroundError::Rule(error) => Self::Rule(error),
            AroundError::GroupRule(error) => Self::Encoding(ParseError::new(error.what)),
            AroundError::Reach(error) => Self::of_reach(error),
        }
    }
}

/// Epochs that an entry begins.
struct Begun {
    blocks: Vec<EpochBlock>,
    links: Vec<(u32, [u8; LINK_BYTES])>,
    keys: Vec<(u32, AccessKey)>,
}

/// Changes of mere readers are private, and no others (section 6).
fn is_private(state: &LogState, change: &Change, is_reset: bool) -> bool {
    let Some(subject) = change.subject() else { return false };
    let before =
        state.grant(&subject).map(|held| held.grant.rights).filter(|r| !(is_reset && r.is_read_only()));
    let after = match change {
        Change::Grant(_, grant) => Some(grant.rights),
        Change::Follow(..) => before,
        _ => None,
    };
    [before, after].iter().flatten().all(|rights| rights.is_read_only())
}

fn key_of<'a>(
    head: &SegmentHead,
    state: &LogState,
    ring: &'a KeyRing,
    fresh: &'a [(u32, AccessKey)],
) -> Option<&'a AccessKey> {
    if let Some((_, key)) = fresh.iter().find(|(segment, _)| *segment == head.segment) {
        return Some(key);
    }
    let epoch = state.heads().iter().find(|epoch| epoch.head == *head)?;
    ring.key(&epoch.id())
}

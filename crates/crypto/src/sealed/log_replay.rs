//! A log as a client has it: its state, and what reading records asks of the past (sections 6 and 8).

use std::collections::{BTreeMap, HashMap};

use super::{
    BundleChain, Census, Change, Digest, Epoch, EpochId, EpochLookup, LogPosition, LogState, LogStep,
    RecordVersion, RuleError, SegmentHead, Subject, TypePlace, VerifiedEntry, VoidChange,
};
use crate::ClientId;

/// The log of a type from its beginning up to the newest entry that was read.
#[derive(Clone, Debug)]
pub struct LogReplay {
    state: LogState,
    digests: Vec<Digest>,
    epochs: Epochs,
    void: Vec<(u64, VoidChange)>,
    /// The bundles that entries record of editors, and of the writer, by position.
    recorded: BTreeMap<ClientId, Vec<(u64, Digest)>>,
    census: Option<(LogPosition, Census)>,
}

/// Why a version is not opened although its signature holds (section 8, steps 3, 5 and 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The log that was read does not reach to the entry that the author saw, or has another one there.
    #[error("the version was written on an entry that the log shown does not have")]
    BasisUnknown,
    /// Its author had no right to write.
    #[error("the author of the version had no right to write it")]
    NotEntitled,
    /// The wrapped key names an epoch that the log does not have, or of another segment than it may be in.
    #[error("the version's key is under an epoch that the log does not have")]
    EpochUnknown,
    /// The wrapped key is under an epoch from before the version was written, or from below a floor.
    #[error("the version's key is under an epoch from before it was written")]
    EpochTooOld,
}

/// Whether the author of a version may still write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It may.
    Current,
    /// It may not any more, or the keys that signed were replaced because they were in other hands. The version may
    /// have been made since; no census tells yet.
    Former,
    /// The same, and a census tells: the version is not taken unless it is a leaf of it.
    CountedOrRefused,
}

impl LogReplay {
    /// The log of a type of which nothing was read yet.
    pub fn new(place: TypePlace) -> Self {
        Self {
            state: LogState::new(place),
            digests: Vec::new(),
            epochs: Epochs::default(),
            void: Vec::new(),
            recorded: BTreeMap::new(),
            census: None,
        }
    }

    /// Goes on with the next entry. If it is refused, all is as before.
    ///
    /// # Errors
    /// The entry breaks a rule that everybody decides: the log ends before it.
    pub fn push(&mut self, verified: &VerifiedEntry<'_>) -> Result<LogStep, RuleError> {
        let step = self.state.apply(verified, &self.epochs)?;
        let (entry, position) = (verified.entry(), verified.position());
        self.digests.push(position.digest);
        step.epochs.iter().for_each(|epoch| self.epochs.push(*epoch));
        self.void.extend(step.void.iter().map(|void| (position.position, *void)));
        self.record(entry.place.writer, position.position, entry.writer_bundle);
        for change in &entry.public {
            match change {
                Change::Grant(Subject::Client(client), grant) => {
                    self.record(*client, position.position, grant.head);
                }
                Change::Follow(Subject::Client(client), head) => {
                    self.record(*client, position.position, *head);
                }
                _ => {}
            }
        }
        if let Some(census) = &entry.census {
            self.census = Some((position, census.clone()));
        }
        Ok(step)
    }

    fn record(&mut self, client: ClientId, position: u64, bundle: Digest) {
        let recorded = self.recorded.entry(client).or_default();
        if recorded.last().is_none_or(|(_, last)| *last != bundle) {
            recorded.push((position, bundle));
        }
    }

    /// The state after the newest entry.
    pub const fn state(&self) -> &LogState {
        &self.state
    }

    /// The digest of the entry at that position.
    pub fn digest_at(&self, position: u64) -> Option<Digest> {
        self.digests.get(usize::try_from(position).ok()?).copied()
    }

    /// Private changes that count for nothing, with the positions of their entries.
    pub fn void(&self) -> &[(u64, VoidChange)] {
        &self.void
    }

    /// The newest census, and its entry.
    pub const fn census(&self) -> Option<&(LogPosition, Census)> {
        self.census.as_ref()
    }

    /// The epoch of that name.
    pub fn epoch(&self, id: &EpochId) -> Option<Epoch> {
        self.epochs.by_id(id)
    }

    /// All epochs, in the order of their numbers.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs.all
    }

    /// The heads of all segments after the entry at that position: what wraps of that entry are bound to.
    pub fn segment_heads_at(&self, position: u64) -> Vec<SegmentHead> {
        let then = self.epochs.all.iter().take_while(|epoch| epoch.entry.position <= position);
        let heads: BTreeMap<_, _> = then.map(|epoch| (epoch.head.segment, epoch.head)).collect();
        heads.into_values().collect()
    }

    /// The epoch under which records were written after the entry at that position.
    pub fn current_at(&self, position: u64) -> Option<&Epoch> {
        let then = self.epochs.all.iter().take_while(|epoch| epoch.entry.position <= position);
        then.max_by_key(|epoch| (epoch.head.segment, epoch.head.number))
    }

    /// Steps 3, 5 and 6 of reading a version whose signature holds, given the epoch that its wrapped key names; none
    /// for a tombstone.
    ///
    /// # Errors
    /// The version is refused.
    pub fn judge_version(
        &self,
        version: &RecordVersion,
        epoch: Option<&EpochId>,
        author: &BundleChain,
    ) -> Result<Standing, VersionError> {
        let basis = version.basis;
        if self.digest_at(basis.position) != Some(basis.digest) {
            return Err(VersionError::BasisUnknown);
        }
        if !self.state.may_write_at(version.author, basis.position) {
            return Err(VersionError::NotEntitled);
        }
        if let Some(epoch) = epoch {
            let epoch = self.epoch(epoch).ok_or(VersionError::EpochUnknown)?;
            let current = self.current_at(basis.position).ok_or(VersionError::EpochUnknown)?;
            if !epoch.is_not_before(current) || epoch.head.number < self.state.floor(epoch.head.segment) {
                return Err(VersionError::EpochTooOld);
            }
        }
        Ok(self.standing(version, author))
    }

    fn standing(&self, version: &RecordVersion, author: &BundleChain) -> Standing {
        let ended = self.state.writing_ended_at(version.author);
        let bundle = author.find(&version.author_bundle).map(|bundle| bundle.object().sequence);
        let is_replaced = bundle.is_none_or(|sequence| author.is_compromised(sequence));
        if ended.is_none() && !is_replaced {
            return Standing::Current;
        }
        let replaced = is_replaced.then(|| self.replacement_recorded_at(version.author, bundle, author));
        let census = self.census.as_ref().map(|(position, _)| position.position);
        let after = |position: u64| census.is_some_and(|census| census > position);
        // Each of the reasons asks for a leaf as soon as a census came after it.
        let is_counted = ended.is_some_and(after) || replaced.flatten().is_some_and(after);
        if is_counted { Standing::CountedOrRefused } else { Standing::Former }
    }

    /// The first entry that records a bundle from the one on that replaced stolen keys.
    fn replacement_recorded_at(
        &self,
        client: ClientId,
        bundle: Option<u32>,
        chain: &BundleChain,
    ) -> Option<u64> {
        let recorded = self.recorded.get(&client)?.iter();
        let is_after = |digest: &Digest| {
            let sequence = chain.find(digest).map(|bundle| bundle.object().sequence);
            // All bundles since the theft: those for which the one that signed is replaced, and they are not.
            sequence.is_some_and(|sequence| bundle.is_none_or(|old| chain.is_replaced_between(old, sequence)))
        };
        recorded.filter(|(_, digest)| is_after(digest)).map(|(position, _)| *position).next()
    }
}

impl EpochLookup for LogReplay {
    fn by_id(&self, id: &EpochId) -> Option<Epoch> {
        self.epochs.by_id(id)
    }

    fn by_number(&self, number: u64) -> Option<Epoch> {
        self.epochs.by_number(number)
    }
}

/// How many of these entries, which follow one another, count for a client (rule 9): an entry that is signed by keys
/// which were replaced because they were in other hands counts if the client remembers it, or if a later one that is
/// not so signed stands on it. Each is given by position, author, and the place of its bundle in the author's chain.
pub fn countable(
    entries: &[(u64, ClientId, u32)],
    remembered: Option<u64>,
    is_replaced: impl Fn(ClientId, u32) -> bool,
) -> usize {
    let is_settled = |(position, author, sequence): &(u64, ClientId, u32)| {
        remembered.is_some_and(|remembered| *position <= remembered) || !is_replaced(*author, *sequence)
    };
    entries.iter().rposition(is_settled).map_or(0, |last| last + 1)
}

/// Epochs by name and by number.
#[derive(Clone, Debug, Default)]
struct Epochs {
    /// Ascending by number.
    all: Vec<Epoch>,
    by_id: HashMap<EpochId, usize>,
}

impl Epochs {
    fn push(&mut self, epoch: Epoch) {
        self.by_id.insert(epoch.id(), self.all.len());
        self.all.push(epoch);
    }
}

impl EpochLookup for Epochs {
    fn by_id(&self, id: &EpochId) -> Option<Epoch> {
        self.all.get(*self.by_id.get(id)?).copied()
    }

    fn by_number(&self, number: u64) -> Option<Epoch> {
        let at = self.all.binary_search_by_key(&number, |epoch| epoch.head.number).ok()?;
        self.all.get(at).copied()
    }
}

//! A group's log as a client has it: its state, and what opening older wraps asks of the past (section 10).

use std::collections::{BTreeMap, HashMap};

use super::{
    Digest, GroupKey, GroupPlace, GroupRuleError, GroupState, GroupStep, Surroundings, VerifiedGroupEntry,
};

/// The log of a group from its beginning up to the newest entry that was read.
#[derive(Clone, Debug)]
pub struct GroupReplay {
    state: GroupState,
    digests: Vec<Digest>,
    positions: HashMap<Digest, u64>,
    /// By number of the generation.
    keys: BTreeMap<u64, GroupKey>,
}

impl GroupReplay {
    /// The log of a group of which nothing was read yet.
    pub fn new(place: GroupPlace) -> Self {
        Self {
            state: GroupState::new(place),
            digests: Vec::new(),
            positions: HashMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Goes on with the next entry. If it is refused, all is as before.
    ///
    /// # Errors
    /// The entry breaks a rule that everybody decides: the log ends before it.
    pub fn push(
        &mut self,
        verified: &VerifiedGroupEntry<'_>,
        around: &(impl Surroundings + ?Sized),
    ) -> Result<GroupStep, GroupRuleError> {
        let keys = &self.keys;
        let step = self.state.apply(verified, around, |generation| keys.contains_key(&generation))?;
        let position = verified.position();
        self.digests.push(position.digest);
        self.positions.insert(position.digest, position.position);
        if let Some(key) = &step.key {
            self.keys.insert(key.generation.generation, key.clone());
        }
        Ok(step)
    }

    /// The state after the newest entry.
    pub const fn state(&self) -> &GroupState {
        &self.state
    }

    /// The digest of the entry at that position.
    pub fn digest_at(&self, position: u64) -> Option<Digest> {
        self.digests.get(usize::try_from(position).ok()?).copied()
    }

    /// The position of the entry of that digest.
    pub fn position_of(&self, digest: &Digest) -> Option<u64> {
        self.positions.get(digest).copied()
    }

    /// All generations, in the order of their numbers.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &GroupKey> {
        self.keys.values()
    }

    /// The generation of that number.
    pub fn key(&self, generation: u64) -> Option<&GroupKey> {
        self.keys.get(&generation)
    }

    /// The generation that began in the entry of that digest: what wraps to the group name.
    pub fn key_of(&self, entry: &Digest) -> Option<&GroupKey> {
        self.keys.values().find(|key| key.entry.digest == *entry)
    }

    /// The newest generation after the entry at that position: what wraps of that entry hold.
    pub fn key_at(&self, position: u64) -> Option<&GroupKey> {
        self.keys.values().rfind(|key| key.entry.position <= position)
    }
}

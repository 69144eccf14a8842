//! The state of a group's log after an entry: a function of the entries (section 10).
//!
//! Everybody who may read the log comes to the same members and keys, and refuses the same entries. What takes the logs
//! of other groups to decide (heads are the newest, lines of what is beneath, nesting, who gets a wrap) is the author's
//! and the server's: [`GroupState::ensure_around`].

use std::collections::{BTreeMap, BTreeSet};

use super::group_rules::ensure_group;
use super::log_entry::{MAX_WRAPS, MAX_WRAPS_WITHOUT_EPOCH};
use super::log_wraps::reached;
use super::{
    AroundError, Digest, GroupChange, GroupEntry, GroupGeneration, GroupPlace, GroupRule, GroupRuleError,
    GroupSettings, Holder, KeyBlock, LogPosition, Member, Role, Span, Subject, Surroundings, TakenIn,
    VerifiedGroupEntry, WrapDue, WrapPublicKey, is_clean, left_out_by,
};
use crate::{ClientId, GroupId};

/// A member, and, of a group, how it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMember {
    /// How it is a member.
    pub member: Member,
    /// Of a group: by which lines of the entry that made it a member.
    pub taken_in: Option<TakenIn>,
}

/// One generation of a group's key, as its entry shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// Its number, and the commitment to its secret.
    pub generation: GroupGeneration,
    /// What is wrapped to.
    pub public_key: WrapPublicKey,
    /// The entry in which it began: the group's head in grants and wraps.
    pub entry: LogPosition,
    /// The generation whose secret this one's opens, and the digest of the link.
    pub follows: Option<(u64, Digest)>,
}

/// The state of a group after an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    pub(super) place: GroupPlace,
    pub(super) head: Option<LogPosition>,
    pub(super) settings: Option<GroupSettings>,
    pub(super) members: BTreeMap<Subject, HeldMember>,
    /// The newest bundle that each author used.
    pub(super) author_sequences: BTreeMap<ClientId, u32>,
    pub(super) newest_key: Option<GroupKey>,
    pub(super) next_generation: u64,
    pub(super) last_notice: u32,
    pub(super) exposed_at: Option<u64>,
    pub(super) group_added_at: Option<u64>,
    pub(super) settled_at: Option<u64>,
    pub(super) span: Span,
}

/// What one entry of a group's log did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStep {
    /// Members that changed, ascending.
    pub members: Vec<MemberChange>,
    /// The key that began.
    pub key: Option<GroupKey>,
    /// Whether somebody who should not has the secrets of this group and those above it from here on.
    pub exposes: bool,
}

/// A member that an entry changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub subject: Subject,
    /// As what before.
    pub before: Option<HeldMember>,
    /// As what now.
    pub after: Option<HeldMember>,
}

impl GroupState {
    /// The state of a group that has no log yet.
    pub const fn new(place: GroupPlace) -> Self {
        Self {
            place,
            head: None,
            settings: None,
            members: BTreeMap::new(),
            author_sequences: BTreeMap::new(),
            newest_key: None,
            next_generation: 0,
            last_notice: 0,
            exposed_at: None,
            group_added_at: None,
            settled_at: None,
            span: Span::NOTHING,
        }
    }

    /// Goes on with the next entry. If it is refused, the state is as before. `around` knows the keys of members, and
    /// `is_earlier` whether there was a generation of that number: [`Self::generation_looked_up`].
    ///
    /// # Errors
    /// The entry breaks a rule that everybody decides.
    pub fn apply(
        &mut self,
        verified: &VerifiedGroupEntry<'_>,
        around: &(impl Surroundings + ?Sized),
        is_earlier: impl Fn(u64) -> bool,
    ) -> Result<GroupStep, GroupRuleError> {
        let digest = verified.position().digest;
        self.step(verified.entry(), digest, verified.author_sequence(), around, is_earlier)
    }

    /// As [`Self::apply`], of an entry that need not be signed yet.
    pub(super) fn step(
        &mut self,
        entry: &GroupEntry,
        digest: Digest,
        author_sequence: u32,
        around: &(impl Surroundings + ?Sized),
        is_earlier: impl Fn(u64) -> bool,
    ) -> Result<GroupStep, GroupRuleError> {
        self.ensure_next(entry, author_sequence)?;
        if entry.position == 0 {
            Self::ensure_first(entry)?;
        }
        let position = LogPosition { position: entry.position, digest };
        let changes = self.judge_changes(entry)?;
        let mut members = self.members.clone();
        for change in &changes {
            match &change.after {
                Some(held) => drop(members.insert(change.subject, held.clone())),
                None => drop(members.remove(&change.subject)),
            }
        }
        Self::ensure_members(&members)?;
        let exposes = self.judge_exposure(entry, &changes, around)?;
        self.judge_generation(entry, is_earlier)?;

        // From here on nothing fails.
        self.head = Some(position);
        self.members = members;
        self.author_sequences.insert(entry.author, author_sequence);
        if let Some(GroupChange::Settings(settings)) = entry.changes.first() {
            self.settings = Some(settings.clone());
        }
        if exposes {
            self.exposed_at = Some(entry.position);
        }
        let adds_group = |change: &MemberChange| change.before.is_none() && change.subject.group().is_some();
        if changes.iter().any(adds_group) {
            self.group_added_at = Some(entry.position);
        }
        if let Some(notice) = &entry.notice {
            self.last_notice = notice.sequence;
            self.settled_at = Some(entry.position);
        }
        let key = entry.key.as_ref().map(|block| GroupKey::of_block(block, position));
        if let Some(key) = &key {
            self.next_generation = key.generation.generation + 1;
            self.newest_key = Some(key.clone());
            self.span = Span::begin(None, entry.beneath.as_ref());
        } else if entry.beneath.is_some() {
            self.span.go_on(entry.beneath.as_ref());
        }
        Ok(GroupStep { members: changes, key, exposes })
    }

    /// The number of the generation that the entry follows, if it is not the newest: what [`Self::apply`] looks up.
    pub fn generation_looked_up(&self, entry: &GroupEntry) -> Option<u64> {
        let (old, _) = entry.key.as_ref()?.follows?;
        let is_newest = self.newest_key.as_ref().is_some_and(|newest| newest.generation.generation == old);
        (!is_newest).then_some(old)
    }

    /// What the author and the server check of an entry that was applied to `before`, with the groups and clients around
    /// it: `around` has this group as it was before. Gives the wraps that the entry must have, in their order.
    ///
    /// # Errors
    /// It does not fit: rules 3 to 7, or something has moved.
    pub fn ensure_around(
        &self,
        before: &Self,
        entry: &GroupEntry,
        step: &GroupStep,
        around: &(impl Surroundings + ?Sized),
    ) -> Result<Vec<WrapDue>, AroundError> {
        let changed: BTreeSet<_> = step
            .members
            .iter()
            .filter(|change| change.after.is_some())
            .map(|change| change.subject)
            .collect();
        let is_verified = |group| around.group(group).is_some_and(Self::is_verified_only);
        let is_fit = !self.is_verified_only() || changed.iter().filter_map(Subject::group).all(is_verified);
        ensure_group(is_fit, GroupRule::Managers, "this group is for groups of verified members only")?;
        let adds = step.members.iter().any(|change| change.before.is_none());
        if adds && entry.key.is_none() {
            let was_clean = is_clean(around, before.place.group);
            ensure_group(
                was_clean,
                GroupRule::Exposure,
                "who adds to a group that is not clean makes a key",
            )?;
        }
        let holder = self.holder();
        if changed.iter().any(|subject| subject.group().is_some()) {
            let fits = holder.nesting(around).is_some();
            ensure_group(
                fits,
                GroupRule::Nesting,
                "at most 64 groups lie beneath a group, at 8 levels, and no cycle",
            )?;
        }
        let left_out = entry.beneath.as_ref().map(left_out_by).unwrap_or_default();
        let dues =
            reached(&holder, entry.key.is_none(), &changed, entry.beneath.as_ref(), &left_out, around)?;
        let most = if entry.key.is_none() { MAX_WRAPS_WITHOUT_EPOCH } else { MAX_WRAPS };
        let fits = dues.len() <= most as usize;
        ensure_group(fits, GroupRule::Wraps, "an entry has at most 10,001 wraps, or 1,000")?;
        Ok(dues)
    }

    /// The group as one that hands out its secret: what is beneath it, whether it owes a rotation.
    pub fn holder(&self) -> Holder<'_> {
        let own = self.members.iter().map(|(subject, held)| (*subject, held.member.head, 0));
        Holder { writer: None, group: Some(self.place.group), own: own.collect(), span: &self.span }
    }

    /// The group.
    pub const fn place(&self) -> &GroupPlace {
        &self.place
    }

    /// The newest entry; none before the first.
    pub const fn head(&self) -> Option<LogPosition> {
        self.head
    }

    /// What holds for good.
    pub const fn settings(&self) -> Option<&GroupSettings> {
        self.settings.as_ref()
    }

    /// All members, ascending.
    pub const fn members(&self) -> &BTreeMap<Subject, HeldMember> {
        &self.members
    }

    /// Members that are clients, with the bundles that are recorded for them.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, Digest)> {
        self.members.iter().filter_map(|(subject, held)| Some((subject.client()?, held.member.head)))
    }

    /// Members that are groups, with the entries that are recorded for them.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, Digest)> {
        self.members.iter().filter_map(|(subject, held)| Some((subject.group()?, held.member.head)))
    }

    /// Whether the client is a manager.
    pub fn is_manager(&self, client: ClientId) -> bool {
        self.members.get(&Subject::Client(client)).is_some_and(|held| held.member.role == Role::Manager)
    }

    /// Whether members' keys have to be compared.
    pub fn is_verified_only(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.is_verified_only)
    }

    /// The newest key.
    pub const fn newest_key(&self) -> Option<&GroupKey> {
        self.newest_key.as_ref()
    }

    /// The number of the next generation.
    pub const fn next_generation(&self) -> u64 {
        self.next_generation
    }

    /// The sequence of the newest restore notice that the log names, 0 if none.
    pub const fn last_notice(&self) -> u32 {
        self.last_notice
    }

    /// The newest entry that exposes.
    pub const fn exposed_at(&self) -> Option<u64> {
        self.exposed_at
    }

    /// The newest entry that adds a group.
    pub const fn group_added_at(&self) -> Option<u64> {
        self.group_added_at
    }

    /// The newest entry that answers a restore notice.
    pub const fn settled_at(&self) -> Option<u64> {
        self.settled_at
    }

    /// By which lines a member that is a group was taken in.
    pub(super) fn taken_in(&self, group: GroupId) -> Option<&TakenIn> {
        self.members.get(&Subject::Group(group))?.taken_in.as_ref()
    }
}

impl GroupKey {
    pub(super) fn of_block(block: &KeyBlock, entry: LogPosition) -> Self {
        Self {
            generation: block.generation,
            public_key: block.public_key.clone(),
            entry,
            follows: block.follows,
        }
    }
}

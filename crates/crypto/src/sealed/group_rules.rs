//! The rules of a group's log (section 10), as they are checked of one entry.

use std::collections::BTreeMap;

use super::surroundings::is_replaced_between;
use super::{
    BeneathKey, GroupChange, GroupEntry, GroupState, HeldMember, KeyBlock, Known, Member, MemberChange, Role,
    Subject, Surroundings, TakenIn,
};

/// The most members of a group, and of these groups and managers (section 20).
const MAX_MEMBERS: usize = 10_000;
const MAX_GROUPS: usize = 64;
const MAX_MANAGERS: usize = 64;

/// A rule of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GroupRule {
    /// Position, previous digest, the author's bundle.
    Chain = 1,
    /// How a group's log begins.
    First = 2,
    /// By whom, and what a change may say.
    Managers = 3,
    /// Who exposes makes a new key.
    Exposure = 4,
    /// Generations of the key, and what they follow.
    Generations = 5,
    /// Who gets a wrap.
    Wraps = 6,
    /// How many members, and how deep groups nest.
    Nesting = 7,
}

/// An entry breaks a rule of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {} of a group's log: {what}", *rule as u8)]
pub struct GroupRuleError {
    /// Which rule.
    pub rule: GroupRule,
    /// What it asks for.
    pub what: &'static str,
}

/// That a rule is kept.
pub(super) fn ensure_group(is_kept: bool, rule: GroupRule, what: &'static str) -> Result<(), GroupRuleError> {
    if is_kept { Ok(()) } else { Err(GroupRuleError { rule, what }) }
}

impl GroupState {
    /// Rule 1.
    pub(super) fn ensure_next(&self, entry: &GroupEntry, author_sequence: u32) -> Result<(), GroupRuleError> {
        ensure_group(entry.place == self.place, GroupRule::Chain, "an entry is of the log that it is in")?;
        let (position, previous) = self.head.map_or((0, None), |head| (head.position + 1, Some(head.digest)));
        ensure_group(entry.position == position, GroupRule::Chain, "the position is the next one")?;
        ensure_group(entry.previous == previous, GroupRule::Chain, "an entry names the one before")?;
        let last = self.author_sequences.get(&entry.author);
        let is_forward = last.is_none_or(|last| *last <= author_sequence);
        ensure_group(is_forward, GroupRule::Chain, "an author does not go back to older keys")
    }

    /// Rule 2.
    pub(super) fn ensure_first(entry: &GroupEntry) -> Result<(), GroupRuleError> {
        let creator = Subject::Client(entry.author);
        let is_creators = matches!(
            &entry.changes[..],
            [GroupChange::Settings(_), GroupChange::Member(subject, Member { role: Role::Manager, .. })]
                if *subject == creator
        );
        ensure_group(
            is_creators,
            GroupRule::First,
            "a group begins with settings, and its creator as a manager",
        )?;
        let first = entry.key.as_ref().map(|block| (block.generation.generation, block.follows));
        ensure_group(first == Some((0, None)), GroupRule::First, "a group begins with a key, number 0")?;
        let is_alone = entry.wrap_count == 1 && entry.notice.is_none();
        ensure_group(is_alone, GroupRule::First, "a group begins with one wrap, and no notice")
    }

    /// Rule 3, and the changes that the entry makes, by subject.
    pub(super) fn judge_changes(&self, entry: &GroupEntry) -> Result<Vec<MemberChange>, GroupRuleError> {
        if entry.position > 0 {
            let has_something = !entry.changes.is_empty() || entry.key.is_some() || entry.notice.is_some();
            ensure_group(has_something, GroupRule::First, "an entry does something")?;
            ensure_group(
                self.is_manager(entry.author),
                GroupRule::Managers,
                "the author is a manager of this group",
            )?;
        }
        let is_verified_only = match entry.changes.first() {
            Some(GroupChange::Settings(settings)) if entry.position == 0 => settings.is_verified_only,
            _ => self.is_verified_only(),
        };
        let mut effects: BTreeMap<Subject, Option<HeldMember>> = BTreeMap::new();
        for change in &entry.changes {
            let Some(subject) = change.subject() else {
                ensure_group(entry.position == 0, GroupRule::First, "settings stand at position 0 alone")?;
                continue;
            };
            let before = self.members.get(&subject);
            let after = match change {
                GroupChange::Member(_, member) => {
                    let is_client = subject.client().is_some();
                    let fits = member.role == Role::Member || is_client;
                    ensure_group(fits, GroupRule::Managers, "a manager is a client")?;
                    let is_known = member.known == Known::Compared || !is_verified_only;
                    ensure_group(is_known, GroupRule::Managers, "this group is for verified members only")?;
                    Some(HeldMember { member: *member, taken_in: taken_in(entry, &subject, before) })
                }
                GroupChange::Follow(_, head) => {
                    let mut held = before.cloned();
                    held.iter_mut().for_each(|held| held.member.head = *head);
                    ensure_group(held.is_some(), GroupRule::Managers, "a follow is of a member")?;
                    held
                }
                GroupChange::Remove(_) | GroupChange::Settings(_) => {
                    // Who makes the new key knows it.
                    let is_own = subject == Subject::Client(entry.author);
                    ensure_group(!is_own, GroupRule::Managers, "nobody removes itself")?;
                    ensure_group(before.is_some(), GroupRule::Managers, "a remove is of a member")?;
                    None
                }
            };
            let is_first = effects.insert(subject, after).is_none();
            ensure_group(is_first, GroupRule::Managers, "one change for each subject")?;
        }
        let changes = effects.into_iter().map(|(subject, after)| {
            let before = self.members.get(&subject).cloned();
            MemberChange { subject, before, after }
        });
        Ok(changes.collect())
    }

    /// Rules 3 and 7, of those who are members after the entry.
    pub(super) fn ensure_members(members: &BTreeMap<Subject, HeldMember>) -> Result<(), GroupRuleError> {
        let managers = members.values().filter(|held| held.member.role == Role::Manager).count();
        ensure_group(managers > 0, GroupRule::Managers, "the last manager stays")?;
        let groups = members.keys().filter(|subject| subject.group().is_some()).count();
        let fits = members.len() <= MAX_MEMBERS && groups <= MAX_GROUPS && managers <= MAX_MANAGERS;
        ensure_group(fits, GroupRule::Nesting, "a group has at most 10,000 members, 64 groups, 64 managers")
    }

    /// Rule 4. Whether the entry exposes: of what is not known nothing good is said, and nothing is refused.
    pub(super) fn judge_exposure(
        &self,
        entry: &GroupEntry,
        changes: &[MemberChange],
        around: &(impl Surroundings + ?Sized),
    ) -> Result<bool, GroupRuleError> {
        let mut exposes = false;
        for change in changes {
            let exposed = match (&change.before, &change.after, change.subject) {
                (Some(_), None, _) => Some(true),
                (Some(before), Some(after), Subject::Client(client)) => {
                    is_replaced_between(around, client, &before.member.head, &after.member.head)
                }
                _ => Some(false),
            };
            exposes |= exposed.unwrap_or(true);
            let fits = exposed != Some(true) || entry.key.is_some();
            ensure_group(fits, GroupRule::Exposure, "an entry that exposes has a new key")?;
        }
        Ok(exposes)
    }

    /// Rule 5. `is_earlier` says whether there was a generation of that number.
    pub(super) fn judge_generation(
        &self,
        entry: &GroupEntry,
        is_earlier: impl Fn(u64) -> bool,
    ) -> Result<(), GroupRuleError> {
        let mut number = self.next_generation;
        if let Some(notice) = &entry.notice {
            let is_next = notice.sequence > self.last_notice;
            ensure_group(is_next, GroupRule::Generations, "restore notices come in their order, once")?;
            number = notice.first_epoch_number();
        }
        let Some(KeyBlock { generation, follows, .. }) = &entry.key else { return Ok(()) };
        ensure_group(
            generation.generation == number,
            GroupRule::Generations,
            "the numbers of generations are the next ones",
        )?;
        let Some(newest) = &self.newest_key else { return Ok(()) };
        let is_there = |old: u64| {
            old == newest.generation.generation || (old < newest.generation.generation && is_earlier(old))
        };
        ensure_group(
            follows.is_some_and(|(old, _)| is_there(old)),
            GroupRule::Generations,
            "a key follows the newest, or an earlier one",
        )
    }
}

/// How a group is taken in by this entry, if it was no member; else as it was, since the first counts.
fn taken_in(entry: &GroupEntry, subject: &Subject, before: Option<&HeldMember>) -> Option<TakenIn> {
    let group = subject.group()?;
    if let Some(before) = before {
        return before.taken_in.clone();
    }
    let lines = entry.beneath.as_ref()?;
    lines.lines().iter().any(|line| line.key == BeneathKey::Group(group)).then_some(())?;
    TakenIn::of(lines, group)
}

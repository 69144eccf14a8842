//! The rules of a type's log that speak of who may do what (section 6, rules 3 to 5).

use super::log_state::{HeldGrant, LogState};
use super::{Change, Grant, LogEntry, Rights, Subject};
use crate::ClientId;

/// A rule of section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// Position, previous digest, the author's bundle.
    Chain = 1,
    /// How a log begins.
    First = 2,
    /// By whom.
    Author = 3,
    /// Who takes something makes a new key.
    Removal = 4,
    /// What a change may say.
    Grants = 5,
    /// Numbers of epochs, and what they follow.
    Epochs = 6,
    /// Who gets a wrap.
    Wraps = 7,
    /// Floors never go down.
    Floors = 8,
    /// Keys that were replaced because they were in other hands.
    Replaced = 9,
}

/// An entry or a private change breaks a rule of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {} of a type's log: {what}", *rule as u8)]
pub struct RuleError {
    /// Which rule.
    pub rule: Rule,
    /// What it asks for.
    pub what: &'static str,
}

impl RuleError {
    pub(super) const fn new(rule: Rule, what: &'static str) -> Self {
        Self { rule, what }
    }
}

/// That a rule is kept.
pub(super) fn ensure(is_kept: bool, rule: Rule, what: &'static str) -> Result<(), RuleError> {
    if is_kept { Ok(()) } else { Err(RuleError::new(rule, what)) }
}

/// Segments and positions from here on are the writer's alone, so that nobody can use them up.
const WRITERS_SEGMENTS: u32 = 192;
const WRITERS_POSITIONS: u64 = 900_000;

/// What the author of one entry may do in it, by the state before.
pub(super) struct Judge<'a> {
    state: &'a LogState,
    entry: &'a LogEntry,
    /// None for the writer, who may all.
    rights: Option<Rights>,
    is_reset: bool,
    current_after: u32,
}

impl<'a> Judge<'a> {
    /// Checks what the entry may be apart from its changes: author, blocks, census, notice, reset.
    pub(super) fn new(state: &'a LogState, entry: &'a LogEntry) -> Result<Self, RuleError> {
        let segments = state.heads().len();
        let new_segments = entry.epochs.iter().filter(|block| block.follows.is_none()).count();
        let current_after = u32::try_from(segments + new_segments).unwrap_or(u32::MAX).saturating_sub(1);
        let is_reset = entry.public.first() == Some(&Change::Reset);
        let rights = if entry.author == entry.place.writer {
            None
        } else {
            let held = state.grant(&Subject::Client(entry.author)).map(|held| held.grant.rights);
            let rights = held.filter(|rights| !rights.is_read_only());
            Some(rights.ok_or(RuleError::new(Rule::Author, "the author has a right in this log"))?)
        };
        let judge = Self { state, entry, rights, is_reset, current_after };
        if let Some(rights) = rights {
            judge.ensure_others_may(rights)?;
        }
        let has_block = entry.begins_epoch_of(current_after);
        ensure(!is_reset || has_block, Rule::Removal, "a reset begins an epoch of the current segment")?;
        Ok(judge)
    }

    fn ensure_others_may(&self, rights: Rights) -> Result<(), RuleError> {
        let entry = self.entry;
        let writers_own = entry.census.is_none() && entry.notice.is_none();
        ensure(writers_own, Rule::Author, "a census and a restore notice are the writer's")?;
        let within = entry.position < WRITERS_POSITIONS
            && entry
                .epochs
                .iter()
                .all(|block| block.follows.is_some() || block.head.segment < WRITERS_SEGMENTS);
        ensure(within, Rule::Author, "the last positions and segments are the writer's")?;
        if !rights.is_delegate() {
            let follows = entry.public.iter().all(|change| matches!(change, Change::Follow(..)));
            let rotates = entry.epochs.len() == 1 && self.state.is_current(entry.epochs[0].head.segment);
            return ensure(
                follows && rotates,
                Rule::Author,
                "an editor follows, and rotates the current segment",
            );
        }
        let may_rotate = rights.contain(Rights::REVOKE)
            || rights.contain(Rights::ROTATE)
            || (rights.contain(Rights::EDIT) && self.is_editors_rotation());
        let opens = rights.contain(Rights::SHARE);
        let may_begin = entry.epochs.iter().all(|block| may_rotate || (opens && block.follows.is_none()));
        ensure(may_begin, Rule::Author, "who begins epochs may revoke or rotate, or share with a new segment")
    }

    fn is_editors_rotation(&self) -> bool {
        let [block] = &self.entry.epochs[..] else { return false };
        self.state.is_current(block.head.segment)
            && self.entry.public.iter().all(|change| matches!(change, Change::Follow(..)))
    }

    /// What a change makes of its subject's grant. `is_public` says where it stands.
    pub(super) fn effect(
        &self,
        change: &Change,
        is_public: bool,
    ) -> Result<(Subject, Option<HeldGrant>), RuleError> {
        let subject =
            change.subject().ok_or(RuleError::new(Rule::Grants, "only grants change in private"))?;
        let is_writer = subject == Subject::Client(self.entry.place.writer);
        ensure(!is_writer, Rule::Grants, "the writer holds no grant in its own type")?;
        let before = self.before(&subject);
        // Who was not shown all earlier private changes cannot tell that this subject holds nothing.
        let is_out_of_sight = !is_public && !self.is_reset && self.state.unseen() > 0;
        let (after, may) = match change {
            Change::Grant(_, grant) => (Some(self.granted(&subject, grant, before)?), Rights::SHARE),
            Change::Remove(_) => {
                let is_held = before.is_some() || is_out_of_sight;
                ensure(is_held, Rule::Grants, "a remove is of somebody who holds a grant")?;
                self.ensure_takes(&subject)?;
                (None, Rights::REVOKE)
            }
            Change::Follow(_, head) => {
                let is_held = before.is_some() || is_out_of_sight;
                ensure(is_held, Rule::Grants, "a follow is of somebody who holds a grant")?;
                let mut held = before.cloned();
                held.iter_mut().for_each(|held| held.grant.head = *head);
                return self.placed(is_public, before, held).map(|held| (subject, held));
            }
            Change::Settings(_) | Change::Migration(_) | Change::Reset => (None, Rights::READ),
        };
        self.ensure_gives(&subject, before, after.as_ref(), may)?;
        self.placed(is_public, before, after).map(|held| (subject, held))
    }

    /// Changes of mere readers are private, all others public.
    fn placed(
        &self,
        is_public: bool,
        before: Option<&HeldGrant>,
        after: Option<HeldGrant>,
    ) -> Result<Option<HeldGrant>, RuleError> {
        let reads = |held: Option<&HeldGrant>| held.is_none_or(|held| held.grant.rights.is_read_only());
        let is_private = reads(before) && reads(after.as_ref());
        ensure(is_private != is_public, Rule::Grants, "changes of mere readers are private, and no others")?;
        Ok(after)
    }

    fn granted(
        &self,
        subject: &Subject,
        grant: &Grant,
        before: Option<&HeldGrant>,
    ) -> Result<HeldGrant, RuleError> {
        let reads_only = grant.rights.is_read_only();
        let is_group = matches!(subject, Subject::Group(_));
        ensure(reads_only || !is_group, Rule::Grants, "a group reads, and no more")?;
        ensure(
            reads_only || grant.from_segment == 0,
            Rule::Grants,
            "editors and delegates read all segments",
        )?;
        ensure(
            grant.from_segment <= self.current_after,
            Rule::Grants,
            "a grant begins at a segment that there is",
        )?;
        let is_compared = grant.known == super::Known::Compared;
        ensure(
            is_compared || !self.state.is_verified_only(),
            Rule::Grants,
            "this type is for verified readers only",
        )?;
        let author = self.entry.author;
        let Some(before) = before else { return Ok(HeldGrant::new(*grant, author)) };
        if grant.from_segment > before.grant.from_segment {
            self.ensure_takes(subject)?;
        }
        let mut held = HeldGrant { grant: *grant, ..before.clone() };
        let is_lowered = grant.from_segment < before.grant.from_segment;
        if is_lowered && author != held.given_by && !held.lowered_by.contains(&author) {
            held.lowered_by.push(author);
        }
        Ok(held)
    }

    /// Who takes something makes the new key in the same entry, and may revoke.
    fn ensure_takes(&self, subject: &Subject) -> Result<(), RuleError> {
        let has_block = self.entry.begins_epoch_of(self.current_after);
        ensure(has_block, Rule::Removal, "a remove begins an epoch of the current segment")?;
        let may = self.rights.is_none_or(|rights| rights.contain(Rights::REVOKE));
        ensure(may && !self.is_author(subject), Rule::Author, "who takes a grant may revoke")
    }

    /// Whether the author may give or take this. A follow does neither: who may make the entry may follow.
    fn ensure_gives(
        &self,
        subject: &Subject,
        before: Option<&HeldGrant>,
        after: Option<&HeldGrant>,
        may: Rights,
    ) -> Result<(), RuleError> {
        let Some(rights) = self.rights else { return Ok(()) };
        ensure(rights.contain(may), Rule::Author, "the author has the right for this change")?;
        let reads = |held: Option<&HeldGrant>| held.is_none_or(|held| held.grant.rights.is_read_only());
        let is_readers = reads(before) && reads(after) && !self.is_author(subject);
        ensure(is_readers, Rule::Author, "a delegate gives and takes reading alone, and not its own")
    }

    fn is_author(&self, subject: &Subject) -> bool {
        *subject == Subject::Client(self.entry.author)
    }

    /// What the subject holds before the change: nothing, if a reset in this entry ended it.
    pub(super) fn before(&self, subject: &Subject) -> Option<&'a HeldGrant> {
        let held = self.state.grant(subject);
        held.filter(|held| !(self.is_reset && held.grant.rights.is_read_only()))
    }

    /// Whether all grants of reading end here.
    pub(super) const fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// Who made the entry, as the writer or with a grant.
    pub(super) fn is_by_writer(&self) -> bool {
        self.rights.is_none()
    }

    /// Who gave it, of a private change that is void.
    pub(super) const fn author(&self) -> ClientId {
        self.entry.author
    }
}

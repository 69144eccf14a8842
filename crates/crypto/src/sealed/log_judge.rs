//! The rules of a type's log as they are checked of one entry (section 6, rules 1, 2, 5, 6 and 8).

use std::collections::BTreeMap;

use super::log_rules::{Judge, ensure};
use super::{
    Change, Epoch, EpochBlock, EpochLookup, GrantChange, LogEntry, LogPosition, LogState, LogStep,
    MAX_SEGMENTS, Migration, NoticeReference, Rule, RuleError, SegmentHead, VoidChange,
};
use crate::ParseError;

impl LogState {
    /// Rule 1.
    pub(super) fn ensure_next(&self, entry: &LogEntry, author_sequence: u32) -> Result<(), RuleError> {
        ensure(entry.place == self.place, Rule::Chain, "an entry is of the log that it is in")?;
        let (position, previous) = self.head.map_or((0, None), |head| (head.position + 1, Some(head.digest)));
        ensure(entry.position == position, Rule::Chain, "the position is the next one")?;
        ensure(entry.previous == previous, Rule::Chain, "an entry names the one before")?;
        let last = self.author_sequences.get(&entry.author);
        let is_forward = last.is_none_or(|last| *last <= author_sequence);
        ensure(is_forward, Rule::Chain, "an author does not go back to older keys")
    }

    /// Rule 2, of position 0.
    pub(super) fn ensure_first(&self, entry: &LogEntry) -> Result<(), RuleError> {
        ensure(entry.author == self.place.writer, Rule::First, "the writer begins the log")?;
        let has_settings = matches!(entry.public[..], [Change::Settings(_)]) && entry.private.is_empty();
        ensure(has_settings, Rule::First, "a log begins with settings, and no other change")?;
        let one = matches!(entry.epochs[..], [EpochBlock { head: SegmentHead { segment: 0, .. }, .. }]);
        ensure(
            one && entry.wrap_count == 1,
            Rule::First,
            "a log begins with one epoch, and a wrap for the writer",
        )?;
        ensure(entry.census.is_none(), Rule::First, "a log begins without a census")
    }

    /// Rule 2, of later ones.
    pub(super) fn ensure_later(&self, entry: &LogEntry) -> Result<(), RuleError> {
        let has_something = !(entry.public.is_empty() && entry.private.is_empty() && entry.epochs.is_empty())
            || entry.census.is_some()
            || entry.notice.is_some();
        ensure(has_something, Rule::First, "an entry does something")
    }

    /// Rules 3 to 5, of all changes that were shown.
    pub(super) fn judge_changes(
        &self,
        entry: &LogEntry,
        opened: &[(usize, Result<Change, ParseError>)],
    ) -> Result<LogStep, RuleError> {
        let judge = Judge::new(self, entry)?;
        let mut effects = BTreeMap::new();
        let mut migrations = 0;
        for (at, change) in entry.public.iter().enumerate() {
            match change {
                Change::Settings(_) => {
                    return Err(RuleError::new(Rule::First, "settings stand at position 0 alone"));
                }
                Change::Reset => {
                    ensure(judge.is_by_writer(), Rule::Author, "a reset is the writer's")?;
                    ensure(at == 0, Rule::Grants, "a reset is the first change")?;
                }
                Change::Migration(migration) => {
                    migrations += 1;
                    ensure(judge.is_by_writer(), Rule::Author, "a migration is the writer's")?;
                    let fits = migrations == 1 && self.may_migrate(*migration);
                    ensure(fits, Rule::Grants, "a migration takes one step after the other")?;
                }
                Change::Grant(..) | Change::Remove(_) | Change::Follow(..) => {
                    let (subject, after) = judge.effect(change, true)?;
                    let is_first = effects.insert(subject, after).is_none();
                    ensure(is_first, Rule::Grants, "one change for each subject")?;
                }
            }
        }
        let mut void = Vec::new();
        for (index, change) in opened {
            let effect = change
                .as_ref()
                .map_err(|_| RuleError::new(Rule::Grants, "a private change is one encoding of a change"))
                .and_then(|change| judge.effect(change, false))
                .and_then(|(subject, after)| {
                    let is_first = !effects.contains_key(&subject);
                    ensure(is_first, Rule::Grants, "one change for each subject").map(|()| (subject, after))
                });
            match effect {
                Ok((subject, after)) => drop(effects.insert(subject, after)),
                Err(error) => void.push(VoidChange { index: *index, author: judge.author(), error }),
            }
        }
        if judge.is_reset() {
            for subject in self.grants.keys().filter(|subject| judge.before(subject).is_none()) {
                effects.entry(*subject).or_insert(None);
            }
        }
        let grants = effects.into_iter().map(|(subject, after)| {
            let before = self.grants.get(&subject).cloned();
            GrantChange { subject, before, after }
        });
        Ok(LogStep { grants: grants.collect(), epochs: Vec::new(), void })
    }

    fn may_migrate(&self, step: Migration) -> bool {
        let is_migrating = self.settings.is_some_and(|settings| settings.is_migrating);
        match (step, self.migration) {
            (Migration::Done | Migration::GivenUp, None | Some(Migration::BegunAgain)) => is_migrating,
            (Migration::BegunAgain, Some(Migration::GivenUp)) => true,
            _ => false,
        }
    }

    /// Rule 6.
    pub(super) fn judge_epochs(
        &self,
        entry: &LogEntry,
        position: LogPosition,
        earlier: &(impl EpochLookup + ?Sized),
    ) -> Result<Vec<Epoch>, RuleError> {
        let mut number = self.next_number;
        if let Some(notice) = &entry.notice {
            ensure(
                notice.sequence > self.last_notice,
                Rule::Epochs,
                "restore notices come in their order, once",
            )?;
            number = NoticeReference::first_epoch_number(notice);
        }
        let mut segments = self.heads.len();
        let mut epochs = Vec::new();
        for block in &entry.epochs {
            ensure(block.head.number == number, Rule::Epochs, "the numbers of epochs are the next ones")?;
            number += 1;
            let segment = usize::try_from(block.head.segment).unwrap_or(usize::MAX);
            if let Some(head) = self.heads.get(segment) {
                let follows =
                    block.follows.ok_or(RuleError::new(Rule::Epochs, "an epoch names the one before"))?;
                ensure(block.link.is_some(), Rule::Epochs, "an epoch has a link to the one before")?;
                if head.id() != follows {
                    let passes_over = earlier.by_id(&follows).is_some_and(|epoch| {
                        epoch.id() == follows
                            && epoch.head.segment == block.head.segment
                            && epoch.head.number < head.head.number
                    });
                    let may = entry.author == self.place.writer && passes_over;
                    ensure(
                        may,
                        Rule::Epochs,
                        "an epoch follows the last of its segment, or what the writer names",
                    )?;
                }
            } else {
                ensure(
                    segment == segments && segments < MAX_SEGMENTS,
                    Rule::Epochs,
                    "segments are numbered",
                )?;
                let is_new = block.follows.is_none() && block.link.is_none();
                ensure(is_new, Rule::Epochs, "the first epoch of a segment follows none")?;
                segments += 1;
            }
            epochs.push(Epoch::of_block(block, position));
        }
        Ok(epochs)
    }

    /// Rule 8.
    pub(super) fn judge_census(
        &self,
        entry: &LogEntry,
        new: &[Epoch],
        earlier: &(impl EpochLookup + ?Sized),
    ) -> Result<(), RuleError> {
        for (segment, number) in entry.census.iter().flat_map(|census| &census.floors) {
            let known = |epoch: &Epoch| (epoch.head.segment, epoch.head.number) == (*segment, *number);
            let is_epoch = self.heads.iter().chain(new).any(known)
                || earlier.by_number(*number).is_some_and(|e| known(&e));
            ensure(is_epoch, Rule::Floors, "a floor is an epoch of its segment")?;
            ensure(*number >= self.floor(*segment), Rule::Floors, "a floor never goes down")?;
        }
        Ok(())
    }
}

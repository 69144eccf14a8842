//! Who gets a wrap of an entry of a type's log, and what only who knows the groups can check of it (sections 6 and 10).

use std::collections::BTreeSet;

use super::log_entry::{MAX_WRAPS, MAX_WRAPS_WITHOUT_EPOCH};
use super::log_rules::ensure;
use super::{
    Beneath, GroupRuleError, GroupState, HeldGrant, Holder, LogEntry, LogState, LogStep, ReachError, Rule,
    RuleError, Subject, Surroundings, WrapDue, left_out_by,
};

/// The most groups that hold grants in a type (section 20).
pub const MAX_GROUP_GRANTS: usize = 256;

/// Why an entry does not fit what is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AroundError {
    /// It breaks a rule of a type's log.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// It breaks a rule of a group's log.
    #[error(transparent)]
    GroupRule(#[from] GroupRuleError),
    /// The keys of a client or group have moved: its author has to decide anew.
    #[error(transparent)]
    Reach(#[from] ReachError),
}

impl LogState {
    /// The wraps that this entry must have, in their order, given the state after it (rule 7). `left_out` are clients
    /// that were deleted.
    ///
    /// # Errors
    /// A group holds a grant: who gets a wrap then, [`Self::ensure_around`] says.
    pub fn wraps_due(
        &self,
        entry: &LogEntry,
        step: &LogStep,
        left_out: &BTreeSet<Subject>,
    ) -> Result<Vec<WrapDue>, RuleError> {
        let due = |subject: &Subject, held: &HeldGrant| WrapDue {
            subject: *subject,
            head: held.grant.head,
            from_segment: held.grant.from_segment,
        };
        let mut dues: Vec<_> = if entry.epochs.is_empty() {
            let changed =
                step.grants.iter().filter_map(|change| Some((&change.subject, change.after.as_ref()?)));
            changed.map(|(subject, held)| due(subject, held)).collect()
        } else {
            let writer = WrapDue {
                subject: Subject::Client(self.place.writer),
                head: entry.writer_bundle,
                from_segment: 0,
            };
            let granted = self.grants.iter().filter(|(subject, _)| !left_out.contains(subject));
            [writer].into_iter().chain(granted.map(|(subject, held)| due(subject, held))).collect()
        };
        dues.sort_by_key(|due| due.subject);
        let has_group = dues.iter().any(|due| matches!(due.subject, Subject::Group(_)));
        ensure(!has_group, Rule::Wraps, "no grants to groups in this version")?;
        Ok(dues)
    }

    /// The type as one that hands out its key: what is beneath it, whether it owes a rotation.
    pub fn holder(&self) -> Holder<'_> {
        let own =
            self.grants.iter().map(|(subject, held)| (*subject, held.grant.head, held.grant.from_segment));
        Holder {
            writer: self.writer_bundle.map(|bundle| (self.place.writer, bundle)),
            group: None,
            own: own.collect(),
            span: &self.span,
        }
    }

    /// What the server alone checks of an entry that was applied, with the groups and clients around it: heads are the
    /// newest, lines are those that it would write. Gives the wraps that the entry must have, in their order.
    ///
    /// # Errors
    /// It does not fit: rules 5 to 7, or something has moved.
    pub fn ensure_around(
        &self,
        entry: &LogEntry,
        step: &LogStep,
        lines: Option<&Beneath>,
        around: &(impl Surroundings + ?Sized),
    ) -> Result<Vec<WrapDue>, AroundError> {
        let changed: BTreeSet<_> =
            step.grants.iter().filter(|change| change.after.is_some()).map(|change| change.subject).collect();
        let groups: Vec<_> = changed.iter().filter_map(Subject::group).collect();
        let lists_beneath = !entry.epochs.is_empty() || !groups.is_empty();
        let has_lines = entry.beneath.is_some() == lists_beneath && lines.is_some() == lists_beneath;
        ensure(has_lines, Rule::Wraps, "an entry that wraps to groups lists what is beneath, and no other")?;
        let held = self.grants.keys().filter(|subject| subject.group().is_some()).count();
        ensure(held <= MAX_GROUP_GRANTS, Rule::Grants, "at most 256 groups hold grants")?;
        let is_verified = |group| around.group(group).is_some_and(GroupState::is_verified_only);
        let is_fit = !self.is_verified_only() || groups.into_iter().all(is_verified);
        ensure(is_fit, Rule::Grants, "this type is for groups of verified members only")?;

        let left_out = lines.map(left_out_by).unwrap_or_default();
        let dues = reached(&self.holder(), entry.epochs.is_empty(), &changed, lines, &left_out, around)?;
        let most = if entry.epochs.is_empty() { MAX_WRAPS_WITHOUT_EPOCH } else { MAX_WRAPS };
        ensure(dues.len() <= most as usize, Rule::Wraps, "an entry has at most 10,001 wraps, or 1,000")?;
        Ok(dues)
    }
}

/// Of a type or a group: that heads are the newest and lines fit, and the wraps that are due.
pub(super) fn reached(
    holder: &Holder<'_>,
    is_without_key: bool,
    changed: &BTreeSet<Subject>,
    lines: Option<&Beneath>,
    left_out: &BTreeSet<crate::GroupId>,
    around: &(impl Surroundings + ?Sized),
) -> Result<Vec<WrapDue>, ReachError> {
    let of_changed = is_without_key.then_some(changed);
    let moved = holder.moved(around, left_out, Some(changed)).or(holder.moved(around, left_out, of_changed));
    moved.map_or(Ok(()), |subject| Err(ReachError::Moved(subject)))?;
    lines.map_or(Ok(()), |lines| holder.ensure_lines(around, lines))?;
    holder.dues(around, left_out, of_changed)
}

//! The state of a type's log after an entry: a function of the entries (section 6, *Rules*).
//!
//! Everybody who has the signed bytes comes to the same settings, editors and delegates, epochs and floors, and refuses
//! the same entries. Who sees private changes has the readers' grants too, and skips those that are void. The server
//! sees all, refuses void changes ([`LogStep::ensure_nothing_void`]), and asks for exactly the wraps that are due
//! ([`LogState::wraps_due`]). What the server alone can know (that heads are the newest, that a rotation is owed, lines
//! of what is beneath) is its own to check; rule 9 is the clients' ([`super::countable`]).

use std::collections::BTreeMap;

use super::{
    Beneath, Change, Digest, Epoch, EpochId, EpochLookup, Grant, LogEntry, LogPosition, Migration, RuleError,
    SegmentHead, Settings, Span, Subject, TypePlace, VerifiedEntry,
};
use crate::{ClientId, ParseError};

/// A grant that holds, with who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldGrant {
    /// The grant.
    pub grant: Grant,
    /// Who granted first, since the subject last had nothing.
    pub given_by: ClientId,
    /// Others who let it read earlier segments.
    pub lowered_by: Vec<ClientId>,
}

impl HeldGrant {
    pub(super) const fn new(grant: Grant, given_by: ClientId) -> Self {
        Self { grant, given_by, lowered_by: Vec::new() }
    }
}

/// The state of a type after an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    pub(super) place: TypePlace,
    pub(super) head: Option<LogPosition>,
    pub(super) settings: Option<Settings>,
    pub(super) migration: Option<Migration>,
    pub(super) writer_bundle: Option<Digest>,
    pub(super) grants: BTreeMap<Subject, HeldGrant>,
    /// Private changes since the last reset that were not shown.
    pub(super) unseen: u64,
    /// When rights beyond reading changed, by client, ascending by position.
    pub(super) writing: BTreeMap<ClientId, Vec<(u64, bool)>>,
    /// The newest bundle that each author used.
    pub(super) author_sequences: BTreeMap<ClientId, u32>,
    /// The head of each segment.
    pub(super) heads: Vec<Epoch>,
    pub(super) next_number: u64,
    pub(super) last_notice: u32,
    pub(super) floors: BTreeMap<u32, u64>,
    pub(super) census: Option<LogPosition>,
    pub(super) span: Span,
}

/// What one entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStep {
    /// Grants that changed, as far as they were shown; ascending by subject.
    pub grants: Vec<GrantChange>,
    /// Epochs that began.
    pub epochs: Vec<Epoch>,
    /// Private changes that count for nothing, since they break a rule.
    pub void: Vec<VoidChange>,
}

/// A grant that an entry changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChange {
    /// Whose.
    pub subject: Subject,
    /// What it held before.
    pub before: Option<HeldGrant>,
    /// What it holds now.
    pub after: Option<HeldGrant>,
}

/// A private change that counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoidChange {
    /// Its index in the entry.
    pub index: usize,
    /// Who signed it.
    pub author: ClientId,
    /// Which rule it breaks.
    pub error: RuleError,
}

/// A wrap that an entry must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WrapDue {
    /// For whom.
    pub subject: Subject,
    /// The bundle whose key it is for.
    pub head: Digest,
    /// The first segment whose key it has.
    pub from_segment: u32,
}

impl LogStep {
    /// For the server, which sees all and takes no entry with a change that counts for nothing.
    ///
    /// # Errors
    /// There is one: the rule that it breaks.
    pub fn ensure_nothing_void(&self) -> Result<(), RuleError> {
        self.void.first().map_or(Ok(()), |void| Err(void.error))
    }
}

impl LogState {
    /// The state of a type that has no log yet.
    pub const fn new(place: TypePlace) -> Self {
        Self {
            place,
            head: None,
            settings: None,
            migration: None,
            writer_bundle: None,
            grants: BTreeMap::new(),
            unseen: 0,
            writing: BTreeMap::new(),
            author_sequences: BTreeMap::new(),
            heads: Vec::new(),
            next_number: 0,
            last_notice: 0,
            floors: BTreeMap::new(),
            census: None,
            span: Span::NOTHING,
        }
    }

    /// Goes on with the next entry. If it is refused, the state is as before. `earlier` finds epochs other than the
    /// heads: [`Self::epochs_looked_up`].
    ///
    /// # Errors
    /// The entry breaks a rule that everybody decides.
    pub fn apply(
        &mut self,
        verified: &VerifiedEntry<'_>,
        earlier: &(impl EpochLookup + ?Sized),
    ) -> Result<LogStep, RuleError> {
        self.step(
            verified.entry(),
            verified.signed().digest(),
            verified.author_sequence(),
            verified.opened(),
            verified.lines(),
            earlier,
        )
    }

    /// As [`Self::apply`], of an entry that need not be signed yet.
    pub(super) fn step(
        &mut self,
        entry: &LogEntry,
        digest: Digest,
        author_sequence: u32,
        opened: &[(usize, Result<Change, ParseError>)],
        lines: Option<&Beneath>,
        earlier: &(impl EpochLookup + ?Sized),
    ) -> Result<LogStep, RuleError> {
        self.ensure_next(entry, author_sequence)?;
        let position = LogPosition { position: entry.position, digest };
        let mut step = if entry.position == 0 {
            self.ensure_first(entry)?;
            LogStep { grants: Vec::new(), epochs: Vec::new(), void: Vec::new() }
        } else {
            self.ensure_later(entry)?;
            self.judge_changes(entry, opened)?
        };
        step.epochs = self.judge_epochs(entry, position, earlier)?;
        self.judge_census(entry, &step.epochs, earlier)?;

        // From here on nothing fails.
        self.head = Some(position);
        self.writer_bundle = Some(entry.writer_bundle);
        self.author_sequences.insert(entry.author, author_sequence);
        self.take_public(&entry.public);
        self.unseen += (entry.private.len() - opened.len()) as u64;
        step.grants.iter().for_each(|change| self.take_grant(change, entry.position));
        step.epochs.iter().for_each(|epoch| self.take_epoch(*epoch));
        self.take_lines(entry, lines);
        if let Some(notice) = &entry.notice {
            self.last_notice = notice.sequence;
        }
        if let Some(census) = &entry.census {
            self.census = Some(position);
            self.floors.extend(census.floors.iter().copied());
        }
        Ok(step)
    }

    /// Names of epochs that the entry speaks of and that are no heads: what [`Self::apply`] looks up.
    pub fn epochs_looked_up(&self, entry: &LogEntry) -> (Vec<EpochId>, Vec<u64>) {
        let is_head = |id: &EpochId| self.heads.iter().any(|head| head.id() == *id);
        let followed = entry.epochs.iter().filter_map(|block| block.follows).filter(|id| !is_head(id));
        let floors = entry.census.iter().flat_map(|census| census.floors.iter().map(|(_, number)| *number));
        (followed.collect(), floors.collect())
    }

    /// The type.
    pub const fn place(&self) -> &TypePlace {
        &self.place
    }

    /// The newest entry; none before the first.
    pub const fn head(&self) -> Option<LogPosition> {
        self.head
    }

    /// What holds for good.
    pub const fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// The last step of a migration, after it was begun in the settings.
    pub const fn migration(&self) -> Option<Migration> {
        self.migration
    }

    /// The writer's bundle that the newest entry names.
    pub const fn writer_bundle(&self) -> Option<Digest> {
        self.writer_bundle
    }

    /// All grants that were shown, ascending by subject.
    pub const fn grants(&self) -> &BTreeMap<Subject, HeldGrant> {
        &self.grants
    }

    /// What the subject holds.
    pub fn grant(&self, subject: &Subject) -> Option<&HeldGrant> {
        self.grants.get(subject)
    }

    /// How many private changes since the last reset were not shown. Whoever has to see all of them, and does not,
    /// appends nothing but a reset.
    pub const fn unseen(&self) -> u64 {
        self.unseen
    }

    /// The newest epoch of each segment.
    pub fn heads(&self) -> &[Epoch] {
        &self.heads
    }

    /// As they stand in wraps.
    pub fn segment_heads(&self) -> Vec<SegmentHead> {
        self.heads.iter().map(|epoch| epoch.head).collect()
    }

    /// The epoch under which records are written.
    pub fn current(&self) -> Option<&Epoch> {
        self.heads.last()
    }

    /// The number of the next epoch.
    pub const fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The sequence of the newest restore notice that the log names, 0 if none.
    pub const fn last_notice(&self) -> u32 {
        self.last_notice
    }

    /// The number below which nothing is left in a segment.
    pub fn floor(&self, segment: u32) -> u64 {
        self.floors.get(&segment).copied().unwrap_or(0)
    }

    /// All floors, ascending by segment.
    pub fn floors(&self) -> impl Iterator<Item = (u32, u64)> {
        self.floors.iter().map(|(segment, number)| (*segment, *number))
    }

    /// The entry with the newest census.
    pub const fn census(&self) -> Option<LogPosition> {
        self.census
    }

    /// Whether the client may write versions of records now.
    pub fn may_write(&self, client: ClientId) -> bool {
        self.may_write_at(client, u64::MAX)
    }

    /// Whether it might, after the entry at that position.
    pub fn may_write_at(&self, client: ClientId, position: u64) -> bool {
        let changes = self.writing.get(&client);
        let last = changes.and_then(|changes| changes.iter().rev().find(|(at, _)| *at <= position));
        client == self.place.writer || last.is_some_and(|(_, may)| *may)
    }

    /// The last entry that took the right to write from the client; none if it has it, or never had it.
    pub fn writing_ended_at(&self, client: ClientId) -> Option<u64> {
        self.writing.get(&client)?.last().filter(|(_, may)| !may).map(|(position, _)| *position)
    }

    /// Whether somebody could write, and cannot any more.
    pub fn has_former_editors(&self) -> bool {
        self.writing.values().any(|changes| changes.last().is_some_and(|(_, may)| !may))
    }

    /// The clients that may write, beside the writer.
    pub fn editors(&self) -> impl Iterator<Item = ClientId> {
        self.writing
            .iter()
            .filter(|(_, changes)| changes.last().is_some_and(|(_, may)| *may))
            .map(|(id, _)| *id)
    }

    pub(super) fn is_current(&self, segment: u32) -> bool {
        self.current().is_some_and(|epoch| epoch.head.segment == segment)
    }

    pub(super) fn is_verified_only(&self) -> bool {
        self.settings.is_some_and(|settings| settings.is_verified_only)
    }

    fn take_public(&mut self, public: &[Change]) {
        for change in public {
            match change {
                Change::Settings(settings) => self.settings = Some(*settings),
                Change::Migration(step) => self.migration = Some(*step),
                Change::Reset => self.unseen = 0,
                Change::Grant(..) | Change::Remove(_) | Change::Follow(..) => {}
            }
        }
    }

    fn take_grant(&mut self, change: &GrantChange, position: u64) {
        if let Subject::Client(client) = change.subject {
            let may_write = |held: &Option<HeldGrant>| {
                held.as_ref().is_some_and(|held| held.grant.rights.contain(super::Rights::EDIT))
            };
            let may = may_write(&change.after);
            if may != may_write(&change.before) {
                self.writing.entry(client).or_default().push((position, may));
            }
        }
        match &change.after {
            Some(held) => drop(self.grants.insert(change.subject, held.clone())),
            None => drop(self.grants.remove(&change.subject)),
        }
    }

    /// Lines count from the newest block of the current segment on.
    fn take_lines(&mut self, entry: &LogEntry, lines: Option<&Beneath>) {
        if self.current().is_some_and(|epoch| epoch.entry.position == entry.position) {
            self.span = Span::begin(Some(entry.writer_bundle), lines);
        } else if entry.beneath.is_some() {
            self.span.go_on(lines);
        }
    }

    fn take_epoch(&mut self, epoch: Epoch) {
        self.next_number = epoch.head.number + 1;
        let segment = usize::try_from(epoch.head.segment).unwrap_or(usize::MAX);
        match self.heads.get_mut(segment) {
            Some(head) => *head = epoch,
            None => self.heads.push(epoch),
        }
    }
}

//! The state of a type's log after an entry: a function of the entries (section 6, *Rules*).
//!
//! Everybody who has the signed bytes comes to the same settings, editors and delegates, epochs and floors, and refuses
//! the same entries. Who sees private changes has the readers' grants too, and skips those that are void. The server
//! sees all, refuses void changes ([`LogStep::ensure_nothing_void`]), and asks for exactly the wraps that are due
//! ([`LogState::wraps_due`]). What the server alone can know (that heads are the newest, that a rotation is owed, lines
//! of what is beneath) is its own to check; rule 9 is the clients' ([`super::countable`]).

use std::collections::{BTreeMap, BTreeSet};

use super::log_rules::{Judge, ensure};
use super::{
    Change, Digest, Epoch, EpochBlock, EpochId, EpochLookup, Grant, LogEntry, LogPosition, MAX_SEGMENTS,
    Migration, NoticeReference, Rule, RuleError, SegmentHead, Settings, Subject, TypePlace, VerifiedEntry,
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

    /// The wraps that this entry must have, in their order, given the state after it (rule 7). `left_out` are clients
    /// that were deleted.
    ///
    /// # Errors
    /// A group holds a grant: there are no wraps to groups in this version.
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

    /// Rule 1.
    fn ensure_next(&self, entry: &LogEntry, author_sequence: u32) -> Result<(), RuleError> {
        ensure(entry.place == self.place, Rule::Chain, "an entry is of the log that it is in")?;
        let (position, previous) = self.head.map_or((0, None), |head| (head.position + 1, Some(head.digest)));
        ensure(entry.position == position, Rule::Chain, "the position is the next one")?;
        ensure(entry.previous == previous, Rule::Chain, "an entry names the one before")?;
        let last = self.author_sequences.get(&entry.author);
        let is_forward = last.is_none_or(|last| *last <= author_sequence);
        ensure(is_forward, Rule::Chain, "an author does not go back to older keys")
    }

    /// Rule 2, of position 0.
    fn ensure_first(&self, entry: &LogEntry) -> Result<(), RuleError> {
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
    fn ensure_later(&self, entry: &LogEntry) -> Result<(), RuleError> {
        let has_something = !(entry.public.is_empty() && entry.private.is_empty() && entry.epochs.is_empty())
            || entry.census.is_some()
            || entry.notice.is_some();
        ensure(has_something, Rule::First, "an entry does something")
    }

    /// Rules 3 to 5, of all changes that were shown.
    fn judge_changes(
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
    fn judge_epochs(
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
    fn judge_census(
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

    fn take_epoch(&mut self, epoch: Epoch) {
        self.next_number = epoch.head.number + 1;
        let segment = usize::try_from(epoch.head.segment).unwrap_or(usize::MAX);
        match self.heads.get_mut(segment) {
            Some(head) => *head = epoch,
            None => self.heads.push(epoch),
        }
    }
}

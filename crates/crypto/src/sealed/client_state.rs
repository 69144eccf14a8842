//! What a client remembers, so that no server takes it behind what it has seen (section 13).
//!
//! Groups, named notes and what restores set aside are not remembered in this version: a state that has any is refused,
//! rather than losing them.

use std::collections::BTreeMap;

use super::digest::derive;
use super::log_entry::MAX_WRAPS;
use super::{
    Digest, Encoded, Grant, Kind, Known, LogPosition, MAX_SEGMENTS, Object, Reader, RecordState, Subject,
    TypeName, TypePlace, Writer,
};
use crate::label::SealedLabel;
use crate::primitives::equal_in_constant_time;
use crate::{ClientId, MacKey, OpenError, ParseError, RecordId, StoreId};

const MAX_BUNDLES: usize = 100_000;
const MAX_LOGS: usize = 10_000;
const MAX_RECORDS: usize = 200_000;
const MAX_FORMATS: usize = 20_000;
const MAX_PINS: usize = 1_000;

/// What a client remembers of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientState {
    store: StoreId,
    client: ClientId,
    /// Grows with each save.
    pub generation: u64,
    bundles: BTreeMap<ClientId, RememberedBundle>,
    logs: BTreeMap<(ClientId, TypeName), RememberedLog>,
    records: BTreeMap<(Digest, RecordId), RememberedRecord>,
    /// Types that were seen as interop (1) or sealed (2).
    formats: BTreeMap<(ClientId, TypeName), u8>,
}

/// The newest bundle of a client that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedBundle {
    /// Its place in the chain.
    pub sequence: u32,
    /// Its digest.
    pub digest: Digest,
    /// How well it is known whose it is.
    pub known: Known,
    pins: Vec<(u64, Digest)>,
}

/// The head of a log that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedLog {
    /// Its position and digest.
    pub head: LogPosition,
    /// The highest number of an epoch.
    pub highest_epoch: u64,
    /// `H("heads"; …)` of the heads of its segments.
    pub heads: Digest,
    /// Floors by segment.
    pub floors: Vec<(u32, u64)>,
    /// When it was used last, in milliseconds since 1970.
    pub used_ms: u64,
    /// Of logs that are own or delegated.
    pub grants: Vec<(Subject, Grant)>,
    pins: Vec<(u64, Digest)>,
}

/// The newest version of a record that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedRecord {
    /// Its number.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// Whether it was there or deleted.
    pub state: RecordState,
    /// When it was used last, in milliseconds since 1970.
    pub used_ms: u64,
}

/// The server shows less than, or something else than, what was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Backwards {
    /// Less: what was expected at least.
    #[error("number {expected} was seen before, and only {shown} is shown")]
    RolledBack {
        /// The position, version or sequence that was seen.
        expected: u64,
        /// What is shown, 0 if nothing.
        shown: u64,
    },
    /// Something else in the same place.
    #[error("number {number} was {seen} before, and is shown as {shown}")]
    Forked {
        /// The place.
        number: u64,
        /// What was seen there.
        seen: Digest,
        /// What is shown there.
        shown: Digest,
    },
}

impl ClientState {
    /// A state that remembers nothing.
    pub const fn new(store: StoreId, client: ClientId) -> Self {
        Self {
            store,
            client,
            generation: 0,
            bundles: BTreeMap::new(),
            logs: BTreeMap::new(),
            records: BTreeMap::new(),
            formats: BTreeMap::new(),
        }
    }

    /// The bytes of a state file: the state, and `K(state key, "state"; state)`.
    ///
    /// # Errors
    /// There is more in it than may be.
    pub fn to_file(&self, key: &MacKey) -> Result<Vec<u8>, ParseError> {
        let state = Encoded::new(self)?;
        let mut writer = Writer::new();
        writer.blob(state.bytes());
        writer.array(&*tag(key, state.bytes()));
        writer.finish()
    }

    /// Reads a state file of this client.
    ///
    /// # Errors
    /// It is of another client or store, was not written with its key, or has another form.
    pub fn from_file(
        bytes: &[u8],
        key: &MacKey,
        store: StoreId,
        client: ClientId,
    ) -> Result<Self, OpenError> {
        let mut reader = Reader::new(bytes);
        let state = reader.blob(0..=Self::MAX_BYTES).map_err(|_| OpenError)?;
        let given = reader.array::<32>().map_err(|_| OpenError)?;
        if !equal_in_constant_time(&given, &tag(key, state)) || reader.finish().is_err() {
            return Err(OpenError);
        }
        let state = Encoded::<Self>::parse(state).map_err(|_| OpenError)?.object().clone();
        if (state.store, state.client) == (store, client) { Ok(state) } else { Err(OpenError) }
    }

    /// Takes in what another process saved: the higher of each pair.
    ///
    /// # Errors
    /// The two saw different things in one place.
    pub fn merge(&mut self, other: &Self) -> Result<(), Backwards> {
        self.generation = self.generation.max(other.generation);
        for (client, theirs) in &other.bundles {
            let Some(ours) = self.bundles.get_mut(client) else {
                self.bundles.insert(*client, theirs.clone());
                continue;
            };
            same_in_one_place(ours.sequence.into(), ours.digest, theirs.sequence.into(), theirs.digest)?;
            let (newer, older) =
                if ours.sequence >= theirs.sequence { (&*ours, theirs) } else { (theirs, &*ours) };
            let mut merged = newer.clone();
            pin(&mut merged.pins, &older.pins, (older.sequence.into(), older.digest), newer.sequence.into());
            if ours.sequence == theirs.sequence {
                merged.known = ours.known.max(theirs.known);
            }
            *ours = merged;
        }
        for (place, theirs) in &other.logs {
            let Some(ours) = self.logs.get_mut(place) else {
                self.logs.insert(place.clone(), theirs.clone());
                continue;
            };
            let (our, their) = (ours.head, theirs.head);
            same_in_one_place(our.position, our.digest, their.position, their.digest)?;
            let (newer, older) =
                if our.position >= their.position { (&*ours, theirs) } else { (theirs, &*ours) };
            let mut merged = newer.clone();
            pin(&mut merged.pins, &older.pins, (older.head.position, older.head.digest), newer.head.position);
            *ours = merged;
        }
        for (place, theirs) in &other.records {
            let ours = self.records.entry(*place).or_insert(*theirs);
            same_in_one_place(ours.version, ours.digest, theirs.version, theirs.digest)?;
            if theirs.version > ours.version {
                *ours = *theirs;
            }
        }
        self.formats.extend(other.formats.iter().map(|(place, format)| (place.clone(), *format)));
        Ok(())
    }

    /// What is remembered of a client's keys.
    pub fn bundle(&self, client: ClientId) -> Option<&RememberedBundle> {
        self.bundles.get(&client)
    }

    /// Checks the head of a chain against what was seen; `digest_at` finds a bundle of it by its sequence.
    ///
    /// # Errors
    /// Less is shown, or another bundle where one was seen.
    pub fn check_bundles(
        &self,
        client: ClientId,
        sequence: u32,
        digest_at: impl Fn(u32) -> Option<Digest>,
    ) -> Result<(), Backwards> {
        let Some(seen) = self.bundles.get(&client) else { return Ok(()) };
        let seen_places = seen.pins.iter().copied().chain([(u64::from(seen.sequence), seen.digest)]);
        check_chain(seen_places, sequence.into(), |place| digest_at(u32::try_from(place).ok()?))
    }

    /// Remembers the head of a client's chain, and how well it is known. Call [`Self::check_bundles`] before.
    pub fn remember_bundle(&mut self, client: ClientId, sequence: u32, digest: Digest, known: Known) {
        self.bundles.insert(client, RememberedBundle { sequence, digest, known, pins: Vec::new() });
    }

    /// What is remembered of a log.
    pub fn log(&self, place: &TypePlace) -> Option<&RememberedLog> {
        self.logs.get(&key_of(place))
    }

    /// Checks a log that was replayed to `position` against what was seen.
    ///
    /// # Errors
    /// Less is shown, or another entry where one was seen.
    pub fn check_log(
        &self,
        place: &TypePlace,
        position: Option<u64>,
        digest_at: impl Fn(u64) -> Option<Digest>,
    ) -> Result<(), Backwards> {
        let Some(seen) = self.log(place) else { return Ok(()) };
        let seen_places = seen.pins.iter().copied().chain([(seen.head.position, seen.head.digest)]);
        check_chain(seen_places, position.unwrap_or(0), digest_at)
    }

    /// Remembers a log that was replayed, and that its type is sealed. Call [`Self::check_log`] before.
    pub fn remember_log(&mut self, log: &super::LogState, is_own: bool, used_ms: u64) {
        let Some(head) = log.head() else { return };
        let heads =
            Digest::of(SealedLabel::Heads, &[&super::access_key_wrap::encoded_heads(&log.segment_heads())]);
        let grants = log.grants().iter().map(|(subject, held)| (*subject, held.grant));
        let remembered = RememberedLog {
            head,
            highest_epoch: log.next_number().saturating_sub(1),
            heads,
            floors: log.floors().collect(),
            used_ms,
            grants: if is_own { grants.collect() } else { Vec::new() },
            pins: Vec::new(),
        };
        self.formats.insert(key_of(log.place()), 2);
        self.logs.insert(key_of(log.place()), remembered);
    }

    /// Whether the type was seen as sealed: then it is never read or written as interop.
    pub fn is_sealed(&self, writer: ClientId, type_name: &TypeName) -> bool {
        self.formats.get(&(writer, type_name.clone())) == Some(&2)
    }

    /// What is remembered of a record.
    pub fn record(&self, place: &TypePlace, record: RecordId) -> Option<&RememberedRecord> {
        self.records.get(&(log_key(place), record))
    }

    /// The records of a type that were there when they were seen last, with their versions.
    pub fn live_records(&self, place: &TypePlace) -> impl Iterator<Item = (RecordId, u64)> {
        let log = log_key(place);
        let all = (log, RecordId::from_bytes([0; 16]))..=(log, RecordId::from_bytes([0xff; 16]));
        let live = self.records.range(all).filter(|(_, seen)| seen.state == RecordState::Live);
        live.map(|((_, record), seen)| (*record, seen.version))
    }

    /// Checks a version that is shown against what was seen; none if the record is said not to be there.
    ///
    /// # Errors
    /// An older one is shown, another one under the same number, or life after a tombstone.
    pub fn check_record(
        &self,
        place: &TypePlace,
        record: RecordId,
        shown: Option<(u64, Digest)>,
    ) -> Result<(), Backwards> {
        let Some(seen) = self.record(place, record) else { return Ok(()) };
        let (number, digest) = shown.unwrap_or((0, Digest::from_bytes([0; 32])));
        let is_older = number < seen.version || (seen.state == RecordState::Deleted && number > seen.version);
        if is_older {
            return Err(Backwards::RolledBack { expected: seen.version, shown: number });
        }
        same_in_one_place(seen.version, seen.digest, number, digest)
    }

    /// Remembers the newest version of a record. When there is no room, the one used longest ago goes.
    pub fn remember_record(&mut self, place: &TypePlace, record: RecordId, seen: RememberedRecord) {
        let key = (log_key(place), record);
        if self.records.len() >= MAX_RECORDS && !self.records.contains_key(&key) {
            let oldest = self.records.iter().min_by_key(|(_, seen)| seen.used_ms).map(|(key, _)| *key);
            oldest.map(|key| self.records.remove(&key));
        }
        self.records.insert(key, seen);
    }

    /// Forgets all of a type, or of all: what is shown next is taken as it is. For when a person says so.
    pub fn forget(&mut self, place: &TypePlace) {
        let log = log_key(place);
        self.logs.remove(&key_of(place));
        self.records.retain(|(of, _), _| *of != log);
    }

    /// Forgets a client's keys, for when a person compared them and says so.
    pub fn forget_bundles(&mut self, client: ClientId) {
        self.bundles.remove(&client);
    }
}

fn tag(key: &MacKey, state: &[u8]) -> zeroize::Zeroizing<[u8; 32]> {
    derive(key.expose_bytes(), SealedLabel::State, &[state])
}

fn key_of(place: &TypePlace) -> (ClientId, TypeName) {
    (place.writer, place.type_name.clone())
}

fn log_key(place: &TypePlace) -> Digest {
    let parts: [&[u8]; 2] = [place.writer.as_bytes(), place.type_name.as_str().as_bytes()];
    Digest::of(SealedLabel::StateLog, &parts)
}

fn same_in_one_place(number: u64, seen: Digest, other: u64, shown: Digest) -> Result<(), Backwards> {
    if number == other && seen != shown { Err(Backwards::Forked { number, seen, shown }) } else { Ok(()) }
}

/// Every link that was seen is in the chain that is shown up to `head`.
fn check_chain(
    seen: impl Iterator<Item = (u64, Digest)>,
    head: u64,
    digest_at: impl Fn(u64) -> Option<Digest>,
) -> Result<(), Backwards> {
    for (number, seen) in seen {
        let shown = digest_at(number).ok_or(Backwards::RolledBack { expected: number, shown: head })?;
        same_in_one_place(number, seen, number, shown)?;
    }
    Ok(())
}

/// Links below the head that is kept: a chain has to lead through them.
fn pin(pins: &mut Vec<(u64, Digest)>, others: &[(u64, Digest)], older: (u64, Digest), head: u64) {
    pins.extend(others);
    pins.push(older);
    pins.retain(|(place, _)| *place < head);
    pins.sort_unstable();
    pins.dedup();
    pins.truncate(MAX_PINS);
}

impl Object for ClientState {
    const KIND: Kind = Kind::State;
    const LABEL: SealedLabel = SealedLabel::State;
    const MAX_BYTES: usize = 64 << 20;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        const NOT_KEPT: ParseError = ParseError::new("a state without groups, notes and restores");
        let none = |reader: &mut Reader<'_>| if reader.u32()? == 0 { Ok(()) } else { Err(NOT_KEPT) };
        let (store, client) = (StoreId::from_bytes(reader.array()?), ClientId::from_bytes(reader.array()?));
        let generation = reader.u64()?;
        // No operator key.
        if reader.u8()? != 0 {
            return Err(NOT_KEPT);
        }
        let bundles = reader.ascending(MAX_BUNDLES, read_bundle, |(client, _)| client)?;
        let logs = reader.ascending(MAX_LOGS, read_log, |(place, _)| place)?;
        none(reader)?;
        let records = reader.ascending(MAX_RECORDS, read_record, |(place, _)| place)?;
        none(reader)?;
        let formats = reader.ascending(MAX_FORMATS, read_format, |(place, _)| place)?;
        none(reader)?;
        Ok(Self {
            store,
            client,
            generation,
            bundles: bundles.into_iter().collect(),
            logs: logs.into_iter().collect(),
            records: records.into_iter().collect(),
            formats: formats.into_iter().collect(),
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.store.as_bytes());
        writer.array(self.client.as_bytes());
        writer.u64(self.generation);
        writer.u8(0);
        writer.list(&self.bundles.iter().collect::<Vec<_>>(), |writer, (client, bundle)| {
            writer.array(client.as_bytes());
            writer.u32(bundle.sequence);
            writer.array(bundle.digest.as_bytes());
            writer.u8(bundle.known.to_byte());
            write_pins(writer, &bundle.pins);
        });
        writer.list(&self.logs.iter().collect::<Vec<_>>(), |writer, ((client, name), log)| {
            writer.array(client.as_bytes());
            writer.short(name.as_str().as_bytes());
            write_log(writer, log);
        });
        writer.u32(0);
        writer.list(&self.records.iter().collect::<Vec<_>>(), |writer, ((log, record), seen)| {
            writer.array(log.as_bytes());
            writer.array(record.as_bytes());
            writer.u64(seen.version);
            writer.array(seen.digest.as_bytes());
            writer.u8(seen.state as u8);
            writer.u64(seen.used_ms);
        });
        writer.u32(0);
        writer.list(&self.formats.iter().collect::<Vec<_>>(), |writer, ((client, name), format)| {
            writer.array(client.as_bytes());
            writer.short(name.as_str().as_bytes());
            writer.u8(**format);
        });
        writer.u32(0);
    }
}

fn read_bundle(reader: &mut Reader<'_>) -> Result<(ClientId, RememberedBundle), ParseError> {
    let client = ClientId::from_bytes(reader.array()?);
    let bundle = RememberedBundle {
        sequence: reader.u32()?,
        digest: reader.digest()?,
        known: Known::from_byte(reader.u8()?).ok_or(ParseError::new("how well a key is known"))?,
        pins: read_pins(reader)?,
    };
    Ok((client, bundle))
}

fn read_log(reader: &mut Reader<'_>) -> Result<((ClientId, TypeName), RememberedLog), ParseError> {
    let place = (ClientId::from_bytes(reader.array()?), reader.type_name()?);
    let log = RememberedLog {
        head: LogPosition { position: reader.u64()?, digest: reader.digest()? },
        highest_epoch: reader.u64()?,
        heads: reader.digest()?,
        floors: reader.ascending(MAX_SEGMENTS, |r| Ok((r.u32()?, r.u64()?)), |(segment, _)| segment)?,
        used_ms: reader.u64()?,
        grants: reader.ascending(
            MAX_WRAPS as usize,
            |reader| Ok((Subject::read(reader)?, Grant::read(reader)?)),
            |(subject, _)| subject,
        )?,
        pins: read_pins(reader)?,
    };
    Ok((place, log))
}

fn write_log(writer: &mut Writer, log: &RememberedLog) {
    writer.u64(log.head.position);
    writer.array(log.head.digest.as_bytes());
    writer.u64(log.highest_epoch);
    writer.array(log.heads.as_bytes());
    writer.list(&log.floors, |writer, (segment, number)| {
        writer.u32(*segment);
        writer.u64(*number);
    });
    writer.u64(log.used_ms);
    writer.list(&log.grants, |writer, (subject, grant)| {
        subject.write(writer);
        grant.write(writer);
    });
    write_pins(writer, &log.pins);
}

fn read_record(reader: &mut Reader<'_>) -> Result<((Digest, RecordId), RememberedRecord), ParseError> {
    let place = (reader.digest()?, RecordId::from_bytes(reader.array()?));
    let seen = RememberedRecord {
        version: reader.u64()?,
        digest: reader.digest()?,
        state: match reader.u8()? {
            1 => RecordState::Live,
            2 => RecordState::Deleted,
            _ => return Err(ParseError::new("the state of a record")),
        },
        used_ms: reader.u64()?,
    };
    Ok((place, seen))
}

fn read_format(reader: &mut Reader<'_>) -> Result<((ClientId, TypeName), u8), ParseError> {
    let place = (ClientId::from_bytes(reader.array()?), reader.type_name()?);
    match reader.u8()? {
        format @ (1 | 2) => Ok((place, format)),
        _ => Err(ParseError::new("the format of a type")),
    }
}

fn read_pins(reader: &mut Reader<'_>) -> Result<Vec<(u64, Digest)>, ParseError> {
    reader.ascending(MAX_PINS, |reader| Ok((reader.u64()?, reader.digest()?)), |pin| pin)
}

fn write_pins(writer: &mut Writer, pins: &[(u64, Digest)]) {
    writer.list(pins, |writer, (place, digest)| {
        writer.u64(*place);
        writer.array(digest.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::super::log_fixture::{Case, STORE, WRITER};
    use super::*;

    const RECORD: RecordId = RecordId::from_bytes([7; 16]);

    fn key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32])
    }

    fn seen(version: u64, byte: u8, state: RecordState) -> RememberedRecord {
        RememberedRecord { version, digest: Digest::from_bytes([byte; 32]), state, used_ms: 1 }
    }

    fn filled() -> (ClientState, Case) {
        let case = Case::shared();
        let writer = &case.parties[WRITER];
        let mut state = ClientState::new(STORE, writer.id);
        state.remember_bundle(writer.id, 0, writer.chain.fingerprint(), Known::Compared);
        state.remember_log(case.log.state(), true, 5);
        state.remember_record(case.log.state().place(), RECORD, seen(3, 3, RecordState::Live));
        (state, case)
    }

    #[test]
    fn a_state_comes_back_under_its_key_and_nothing_else_does() {
        let (state, case) = filled();
        let client = case.parties[WRITER].id;
        let file = state.to_file(&key(1)).unwrap();
        assert_eq!(ClientState::from_file(&file, &key(1), STORE, client), Ok(state));
        assert!(ClientState::from_file(&file, &key(2), STORE, client).is_err());
        assert!(ClientState::from_file(&file, &key(1), STORE, ClientId::random()).is_err());
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1;
            assert!(ClientState::from_file(&other, &key(1), STORE, client).is_err(), "byte {at}");
        }
        assert!(ClientState::from_file(&[&file[..], &[0]].concat(), &key(1), STORE, client).is_err());
    }

    #[test]
    fn less_is_rolled_back_and_something_else_is_forked() {
        let (state, mut case) = filled();
        let place = case.log.state().place().clone();
        let digest_at = |log: &super::super::LogReplay, at| log.digest_at(at);
        assert_eq!(state.check_log(&place, Some(1), |at| digest_at(&case.log, at)), Ok(()));
        case.ok(case.rotating(WRITER, vec![]));
        assert_eq!(state.check_log(&place, Some(2), |at| digest_at(&case.log, at)), Ok(()));
        let shorter = Case::begun();
        let lower = state.check_log(&place, Some(0), |at| digest_at(&shorter.log, at));
        assert_eq!(lower, Err(Backwards::RolledBack { expected: 1, shown: 0 }));
        let other = Case::shared();
        let forked = state.check_log(&place, Some(1), |at| digest_at(&other.log, at));
        assert!(matches!(forked, Err(Backwards::Forked { number: 1, .. })));
        assert!(state.check_log(&place, None, |_| None).is_err());

        let check = |shown| state.check_record(&place, RECORD, shown);
        let digest = |byte| Digest::from_bytes([byte; 32]);
        assert_eq!(check(Some((3, digest(3)))), Ok(()));
        assert_eq!(check(Some((4, digest(4)))), Ok(()));
        assert_eq!(check(Some((2, digest(2)))), Err(Backwards::RolledBack { expected: 3, shown: 2 }));
        assert_eq!(check(None), Err(Backwards::RolledBack { expected: 3, shown: 0 }));
        assert!(matches!(check(Some((3, digest(4)))), Err(Backwards::Forked { number: 3, .. })));
        let mut deleted = state.clone();
        deleted.remember_record(&place, RECORD, seen(3, 3, RecordState::Deleted));
        assert!(deleted.check_record(&place, RECORD, Some((4, digest(4)))).is_err());
        assert!(state.is_sealed(place.writer, &place.type_name));
    }

    #[test]
    fn two_states_merge_to_the_higher_and_keep_the_lower_as_a_pin() {
        let (older, mut case) = filled();
        case.ok(case.rotating(WRITER, vec![]));
        let mut newer = older.clone();
        newer.remember_log(case.log.state(), true, 6);
        for (mut one, other) in [(older.clone(), &newer), (newer.clone(), &older)] {
            one.merge(other).unwrap();
            let place = case.log.state().place();
            assert_eq!(one.log(place).unwrap().head.position, 2);
            // A log that has another entry where the older state had one is found out.
            let other_past =
                |at| if at == 1 { Some(Digest::from_bytes([0; 32])) } else { case.log.digest_at(at) };
            assert!(matches!(
                one.check_log(place, Some(2), other_past),
                Err(Backwards::Forked { number: 1, .. })
            ));
        }
        let mut apart = older.clone();
        let place = case.log.state().place();
        apart.remember_record(place, RECORD, seen(3, 9, RecordState::Live));
        assert!(apart.merge(&older).is_err());
    }
}

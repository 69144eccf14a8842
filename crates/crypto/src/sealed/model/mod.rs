//! The reference model: histories of several devices, with races and crashes between any two steps, against an honest
//! server in memory.
//!
//! After each history every authorised reader reads every committed version, on the device that it had and on a new
//! one; and claim A holds: out of all that the server ever stored, stages and replaced rows included, nobody opens what
//! was written while it had no grant, with anything that it ever held. What ought to be is said by [`oracle`] in times
//! alone. The test of the test plants faults, and each has to be found.
//!
//! Half of the histories have groups: members come and go, groups nest, and the server marks the rotation that is owed in
//! the transaction of the entry that exposes. At their end managers and the writer do what they owe.
//!
//! `TOZSTORE_MODEL_HISTORIES` says how many histories are tried, 500 by default.

mod device;
mod device_groups;
mod eavesdropper;
mod oracle;
mod server;
mod server_groups;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use self::device::{Device, Intent};
use self::device_groups::{GroupIntent, Who};
use self::oracle::Oracle;
use self::server::Server;
use super::log_fixture::{Party, STORE};
use super::{Rights, Role, TypePlace};
use crate::{ClientId, GroupId, RecordId};

/// What should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure(String);

/// A fault that is planted to see whether it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// The server takes an entry that does not stand on the head.
    SkipHeadCheck,
    /// A segment for readers from now on is linked to the one before.
    FromNowLinked,
    /// The server takes versions under an older epoch.
    KeepOldEpoch,
    /// A revocation is told to be done before the epoch begins.
    RevokeBeforeRotate,
    /// An access key is used again after a race that was lost.
    KeyTwice,
    /// Completion re-wraps onto the current segment.
    CompleteOntoCurrent,
    /// A rotation forgets a reader, and the server does not count.
    ForgetReader,
    /// A census deletes links while data keys are left below its floors.
    CensusEarly,
    /// A rotation forgets a group, and the server does not count.
    ForgetGroup,
    /// The mark of a rotation owed is lost.
    LostMarker,
    /// A removal in a group marks types that the group itself has a grant in, and not those above.
    ForgetAncestor,
    /// Wraps go to groups that are not clean.
    WrapToUnclean,
}

const PARTIES: usize = 5;
const GROUPS: usize = 3;
/// Two of the writer, one of each other.
const DEVICES: usize = PARTIES + 1;

fn parties() -> &'static [Party] {
    static PARTIES_OF_ALL: LazyLock<Vec<Party>> =
        LazyLock::new(|| (0..PARTIES).map(|at| Party::new(10 + u8::try_from(at).unwrap())).collect());
    &PARTIES_OF_ALL
}

fn party(client: ClientId) -> &'static Party {
    parties().iter().find(|party| party.id == client).unwrap()
}

fn group_id(group: usize) -> GroupId {
    GroupId::from_bytes([0x80 + u8::try_from(group).unwrap(); 16])
}

/// One step of a history, by a device.
#[derive(Clone, Debug)]
enum Step {
    Sync(usize),
    /// Share, revoke, rotate; or stop with the wraps staged and the entry not committed.
    Log {
        device: usize,
        intent: Intent,
        stop: bool,
    },
    /// Add to a group, remove from it, give it a new key; or stop with the wraps staged.
    Group {
        device: usize,
        group: usize,
        intent: GroupIntent,
        stop: bool,
    },
    /// Write a version; or stop before it is sent.
    Write {
        device: usize,
        record: u8,
        stop: bool,
    },
    Read {
        device: usize,
        record: u8,
    },
    Delete {
        device: usize,
        record: u8,
    },
    Complete {
        device: usize,
        most: usize,
        count: bool,
    },
    /// All memory is lost.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    // The writer's two devices race most.
    let device = || prop_oneof![4 => 0..2_usize, 2 => 2..DEVICES];
    let other = || 1..PARTIES;
    let record = || 0..3_u8;
    let stop = || prop::bool::weighted(0.3);
    let intent = prop_oneof![
        3 => (other(), any::<bool>()).prop_map(|(with, from_now)| Intent::Share { with, from_now }),
        2 => (other(), any::<bool>()).prop_map(|(whom, edits)| {
            Intent::Empower { whom, rights: if edits { Rights::EDIT } else { Device::delegate_rights() } }
        }),
        4 => other().prop_map(|whom| Intent::Revoke { whom }),
        1 => any::<bool>().prop_map(|all| Intent::Rotate { all }),
    ];
    prop_oneof![
        1 => device().prop_map(Step::Sync),
        8 => (device(), intent, stop()).prop_map(|(device, intent, stop)| Step::Log { device, intent, stop }),
        6 => (device(), record(), stop()).prop_map(|(device, record, stop)| Step::Write { device, record, stop }),
        1 => (device(), record()).prop_map(|(device, record)| Step::Read { device, record }),
        1 => (device(), record()).prop_map(|(device, record)| Step::Delete { device, record }),
        2 => (device(), 0..4_usize, any::<bool>())
            .prop_map(|(device, most, count)| Step::Complete { device, most, count }),
        1 => (0..DEVICES).prop_map(Step::Crash),
    ]
}

/// Steps with groups. What concerns them most comes most often.
fn step_with_groups() -> impl Strategy<Value = Step> {
    let member = || {
        prop_oneof![
            3 => (1..PARTIES, prop::bool::weighted(0.2)).prop_map(|(at, manages)| {
                Who::Party { at, role: if manages { Role::Manager } else { Role::Member } }
            }),
            2 => (0..GROUPS).prop_map(Who::Group),
        ]
    };
    let intent = prop_oneof![
        5 => member().prop_map(GroupIntent::Add),
        4 => member().prop_map(GroupIntent::Remove),
        1 => Just(GroupIntent::Rotate { if_needed: false }),
    ];
    let shares = prop_oneof![
        3 => (0..GROUPS, prop::bool::weighted(0.3))
            .prop_map(|(group, from_now)| Intent::ShareGroup { group, from_now }),
        1 => (0..GROUPS).prop_map(|group| Intent::RevokeGroup { group }),
        1 => Just(Intent::Rotate { all: false }),
    ];
    prop_oneof![
        4 => step(),
        // Whoever created a group manages it from the beginning.
        5 => (0..GROUPS, any::<bool>(), intent, prop::bool::weighted(0.2)).prop_map(
            |(group, is_second, intent, stop)| {
                let device = if is_second && group == 0 { 1 } else { creator(group) };
                Step::Group { device, group, intent, stop }
            }
        ),
        1 => (0..DEVICES, 0..GROUPS, member().prop_map(GroupIntent::Remove))
            .prop_map(|(device, group, intent)| Step::Group { device, group, intent, stop: false }),
        2 => (0..2_usize, shares, prop::bool::weighted(0.2))
            .prop_map(|(device, intent, stop)| Step::Log { device, intent, stop }),
        3 => (0..2_usize, 0..3_u8).prop_map(|(device, record)| Step::Write { device, record, stop: false }),
    ]
}

/// The device of whoever creates a group: the writer, then others.
const fn creator(group: usize) -> usize {
    if group == 0 { 0 } else { group + 1 }
}

/// A new client of a history: the model, the devices, what ought to be.
struct World {
    bug: Option<Bug>,
    server: Server,
    devices: Vec<Device>,
    oracle: Oracle,
    written: u32,
}

impl World {
    fn new(bug: Option<Bug>, has_groups: bool) -> Result<Self, Failure> {
        let place = TypePlace { store: STORE, writer: parties()[0].id, type_name: "notes".parse().unwrap() };
        let mut server = Server::new(place, bug);
        let mut oracle = Oracle::default();
        let owners = [0].into_iter().chain(0..PARTIES);
        let mut devices: Vec<_> = owners.map(|at| Device::new(&parties()[at], &server, bug)).collect();
        devices[0].append(&Intent::Begin, false, &mut server, &mut oracle)?;
        for group in (0..GROUPS).filter(|_| has_groups) {
            let device = &mut devices[creator(group)];
            device.append_group(group_id(group), GroupIntent::Create, false, &mut server, &mut oracle)?;
        }
        Ok(Self { bug, server, devices, oracle, written: 0 })
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        let (server, oracle) = (&mut self.server, &mut self.oracle);
        let at = match step {
            Step::Sync(device) | Step::Crash(device) => *device,
            Step::Log { device, .. } | Step::Write { device, .. } | Step::Read { device, .. } => *device,
            Step::Group { device, .. } => *device,
            Step::Delete { device, .. } | Step::Complete { device, .. } => *device,
        };
        let device = &mut self.devices[at];
        if let Step::Crash(_) = step {
            device.crash();
            return Ok(());
        }
        device.finish(server, oracle)?;
        match step {
            Step::Sync(_) => device.sync(server),
            Step::Log { intent, stop, .. } => device.append(intent, *stop, server, oracle),
            Step::Group { group, intent, stop, .. } => {
                let id = group_id(*group);
                let is_there = server.groups.contains_key(&id);
                if is_there { device.append_group(id, *intent, *stop, server, oracle) } else { Ok(()) }
            }
            Step::Write { record, stop, .. } => {
                self.written += 1;
                device.write(record_id(*record), self.written.to_le_bytes().to_vec(), *stop, server, oracle)
            }
            Step::Read { record, .. } => self.read(at, record_id(*record), true),
            Step::Delete { record, .. } => device.delete(record_id(*record), server, oracle),
            Step::Complete { most, count, .. } => device.complete(*most, *count, server, oracle),
            Step::Crash(_) => Ok(()),
        }
    }

    /// Reads a record, if it has to be readable. Members of groups may have to wait for whoever owes them a wrap.
    fn read(&mut self, device: usize, record: RecordId, is_direct: bool) -> Result<(), Failure> {
        let reader = &mut self.devices[device];
        let Some(row) = self.server.records.get(&record) else { return Ok(()) };
        let version = row.record.version.object().place.version;
        let written = self.oracle.written.iter().find(|w| (w.record, w.version) == (record, version));
        let Some(written) = written.filter(|_| row.wrapped.is_some()) else { return Ok(()) };
        let id = reader.party.id;
        let reads = if is_direct { Oracle::reads_directly } else { Oracle::reads };
        if id != parties()[0].id && !reads(&self.oracle, id, written) {
            return Ok(());
        }
        let read = reader.read(record, &self.server)?;
        if read.as_ref() == Some(&written.content) {
            Ok(())
        } else {
            Err(Failure(format!("{} reads {read:?} in the place of {:?}", reader.party.id, written.content)))
        }
    }

    fn end(mut self) -> Result<(), Failure> {
        for at in 0..DEVICES {
            self.devices[at].finish(&mut self.server, &mut self.oracle)?;
        }
        self.settle()?;
        for is_new in [false, true] {
            for at in 0..DEVICES {
                if is_new {
                    self.devices[at].crash();
                }
                (0..3).try_for_each(|record| self.read(at, record_id(record), false))?;
            }
        }
        for party in &parties()[1..] {
            let devices: Vec<_> = self.devices.iter().filter(|device| device.party.id == party.id).collect();
            eavesdropper::check(party.id, &devices, &self.server, &self.oracle)?;
        }
        Ok(())
    }
}

impl World {
    /// All that is owed is done: managers give their groups new keys, from the bottom up, and the writer follows them.
    fn settle(&mut self) -> Result<(), Failure> {
        let Self { server, devices, oracle, .. } = self;
        for _ in 0..GROUPS {
            for id in server.groups.keys().copied().collect::<Vec<_>>() {
                let state = server.groups[&id].log.state().clone();
                let manager = devices.iter_mut().find(|device| state.is_manager(device.party.id)).unwrap();
                let intent = GroupIntent::Rotate { if_needed: true };
                manager.append_group(id, intent, false, server, oracle)?;
            }
        }
        if server.groups.is_empty() {
            return Ok(());
        }
        devices[0].append(&Intent::Rotate { all: false }, false, server, oracle)?;
        if server.is_owed { Err(Failure("a rotation is owed still".into())) } else { Ok(()) }
    }
}

fn record_id(record: u8) -> RecordId {
    RecordId::from_bytes([0x40 + record; 16])
}

fn run(history: &[Step], bug: Option<Bug>, has_groups: bool) -> Result<(), Failure> {
    let mut world = World::new(bug, has_groups)?;
    history.iter().try_for_each(|step| world.take(step))?;
    assert_eq!(world.bug, bug);
    world.end()
}

fn histories() -> u32 {
    std::env::var("TOZSTORE_MODEL_HISTORIES").map_or(500, |text| text.parse().unwrap())
}

/// The first history that fails, made as short as it gets; none if that many do not.
fn first_failure(bug: Option<Bug>, has_groups: bool, cases: u32) -> Option<(Failure, Vec<Step>)> {
    // A planted fault is found where it was planted: its history need not be short.
    let max_shrink_iters = if bug.is_none() { 400 } else { 40 };
    let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
    let mut runner = match bug {
        None => TestRunner::new(config),
        Some(_) => TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(Default::default()),
        ),
    };
    let step = if has_groups { step_with_groups().boxed() } else { step().boxed() };
    let result = runner.run(&vec(step, 1..24), |history| {
        run(&history, bug, has_groups).map_err(|failure| TestCaseError::fail(failure.0))
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(reason, history)) => Some((Failure(reason.to_string()), history)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn every_reader_reads_and_nobody_else_does() {
    if let Some((Failure(reason), history)) = first_failure(None, false, histories() / 2) {
        panic!("{reason}\n{history:#?}");
    }
}

#[test]
fn so_it_is_with_groups() {
    if let Some((Failure(reason), history)) = first_failure(None, true, histories() / 2) {
        panic!("{reason}\n{history:#?}");
    }
}

macro_rules! planted {
    ($module:ident $has_groups:literal: $($name:ident $bug:ident as $as:literal,)+) => {
        /// Each planted fault is found.
        mod $module {
            $(#[test]
            fn $name() {
                let (super::Failure(found), history) =
                    super::first_failure(Some(super::Bug::$bug), $has_groups, 3_000).expect("it is found");
                assert!(found.contains($as), "{found}\n{history:#?}");
            })+
        }
    };
}

planted! { planted false:
    an_entry_beside_the_head SkipHeadCheck as "another than the one",
    a_linked_segment FromNowLinked as "opens version",
    versions_under_an_older_epoch KeepOldEpoch as "opens version",
    a_revocation_before_its_rotation RevokeBeforeRotate as "opens version",
    a_key_for_two_attempts KeyTwice as "opens version",
    a_completion_across_segments CompleteOntoCurrent as "opens version",
    a_reader_without_a_wrap ForgetReader as "no links lead",
    a_census_too_early CensusEarly as "from before it was written",
}

planted! { planted_in_groups true:
    a_group_without_a_wrap ForgetGroup as "no links lead",
    a_lost_mark LostMarker as "opens version",
    a_mark_of_the_group_itself_alone ForgetAncestor as "opens version",
    a_wrap_to_a_group_that_is_not_clean WrapToUnclean as "opens version",
}

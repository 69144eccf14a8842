//! The reference model: histories of several devices, with races and crashes between any two steps, against an honest
//! server in memory.
//!
//! After each history every authorised reader reads every committed version, on the device that it had and on a new
//! one; and claim A holds: out of all that the server ever stored, stages and replaced rows included, nobody opens what
//! was written while it had no grant, with anything that it ever held. What ought to be is said by [`oracle`] in times
//! alone. The test of the test plants faults, and each has to be found.
//!
//! `TOZSTORE_MODEL_HISTORIES` says how many histories are tried, 500 by default.

mod device;
mod eavesdropper;
mod oracle;
mod server;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use self::device::{Device, Intent};
use self::oracle::Oracle;
use self::server::Server;
use super::log_fixture::{Party, STORE};
use super::{Rights, TypePlace};
use crate::{ClientId, RecordId};

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
}

const PARTIES: usize = 5;
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

/// A new client of a history: the model, the devices, what ought to be.
struct World {
    bug: Option<Bug>,
    server: Server,
    devices: Vec<Device>,
    oracle: Oracle,
    written: u32,
}

impl World {
    fn new(bug: Option<Bug>) -> Result<Self, Failure> {
        let place = TypePlace { store: STORE, writer: parties()[0].id, type_name: "notes".parse().unwrap() };
        let mut server = Server::new(place, bug);
        let mut oracle = Oracle::default();
        let owners = [0].into_iter().chain(0..PARTIES);
        let mut devices: Vec<_> = owners.map(|at| Device::new(&parties()[at], &server, bug)).collect();
        devices[0].append(&Intent::Begin, false, &mut server, &mut oracle)?;
        Ok(Self { bug, server, devices, oracle, written: 0 })
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        let (server, oracle) = (&mut self.server, &mut self.oracle);
        let at = match step {
            Step::Sync(device) | Step::Crash(device) => *device,
            Step::Log { device, .. } | Step::Write { device, .. } | Step::Read { device, .. } => *device,
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
            Step::Write { record, stop, .. } => {
                self.written += 1;
                device.write(record_id(*record), self.written.to_le_bytes().to_vec(), *stop, server, oracle)
            }
            Step::Read { record, .. } => self.read(at, record_id(*record)),
            Step::Delete { record, .. } => device.delete(record_id(*record), server),
            Step::Complete { most, count, .. } => device.complete(*most, *count, server, oracle),
            Step::Crash(_) => Ok(()),
        }
    }

    /// Reads a record, if it has to be readable.
    fn read(&mut self, device: usize, record: RecordId) -> Result<(), Failure> {
        let reader = &mut self.devices[device];
        let Some(row) = self.server.records.get(&record) else { return Ok(()) };
        let version = row.record.version.object().place.version;
        let written = self.oracle.written.iter().find(|w| (w.record, w.version) == (record, version));
        let Some(written) = written.filter(|_| row.wrapped.is_some()) else { return Ok(()) };
        if reader.party.id != parties()[0].id && !self.oracle.reads(reader.party.id, written) {
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
        for is_new in [false, true] {
            for at in 0..DEVICES {
                if is_new {
                    self.devices[at].crash();
                }
                (0..3).try_for_each(|record| self.read(at, record_id(record)))?;
            }
        }
        for party in &parties()[1..] {
            let devices = self.devices.iter().filter(|device| device.party.id == party.id);
            let drawn: Vec<_> = devices.flat_map(|device| device.drawn.iter().copied()).collect();
            eavesdropper::check(party.id, &drawn, &self.server, &self.oracle)?;
        }
        Ok(())
    }
}

fn record_id(record: u8) -> RecordId {
    RecordId::from_bytes([0x40 + record; 16])
}

fn run(history: &[Step], bug: Option<Bug>) -> Result<(), Failure> {
    let mut world = World::new(bug)?;
    history.iter().try_for_each(|step| world.take(step))?;
    assert_eq!(world.bug, bug);
    world.end()
}

fn histories() -> u32 {
    std::env::var("TOZSTORE_MODEL_HISTORIES").map_or(500, |text| text.parse().unwrap())
}

/// The first history that fails, made as short as it gets; none if that many do not.
fn first_failure(bug: Option<Bug>, cases: u32) -> Option<(Failure, Vec<Step>)> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = match bug {
        None => TestRunner::new(config),
        Some(_) => TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(Default::default()),
        ),
    };
    let result = runner.run(&vec(step(), 1..24), |history| {
        run(&history, bug).map_err(|failure| TestCaseError::fail(failure.0))
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(reason, history)) => Some((Failure(reason.to_string()), history)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn every_reader_reads_and_nobody_else_does() {
    if let Some((Failure(reason), history)) = first_failure(None, histories()) {
        panic!("{reason}\n{history:#?}");
    }
}

macro_rules! planted {
    ($($name:ident $bug:ident as $as:literal,)+) => {
        /// Each planted fault is found.
        mod planted {
            $(#[test]
            fn $name() {
                let (super::Failure(found), history) =
                    super::first_failure(Some(super::Bug::$bug), 3_000).expect("it is found");
                assert!(found.contains($as), "{found}\n{history:#?}");
            })+
        }
    };
}

planted! {
    an_entry_beside_the_head SkipHeadCheck as "another than the one",
    a_linked_segment FromNowLinked as "opens version",
    versions_under_an_older_epoch KeepOldEpoch as "opens version",
    a_revocation_before_its_rotation RevokeBeforeRotate as "opens version",
    a_key_for_two_attempts KeyTwice as "opens version",
    a_completion_across_segments CompleteOntoCurrent as "opens version",
    a_reader_without_a_wrap ForgetReader as "no links lead",
    a_census_too_early CensusEarly as "from before it was written",
}

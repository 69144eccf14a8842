//! Vectors of groups: a history of two, one in the other, with what follows from it and what opens; and broken entries with
//! the rule that they break. Clients are those of the vectors of logs; groups have ids of one byte, repeated: 81 and 82.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::sealed::hex;
use super::{Read as _, from_hex};
use crate::GroupId;
use crate::primitives::with_fixed_random;
use crate::sealed::group_fixture::{GroupCase, group_id};
use crate::sealed::log_fixture::{Case, DELEGATE, EDITOR, Party, READER, STORE, STRANGER};
use crate::sealed::{
    Around, AroundError, Digest, Encoded, GroupChange, GroupEntry, GroupKeys, GroupPlace, GroupReplay, Known,
    Member, PlacedWrap, PreparedGroupEntry, Reader, Role, Signed, Subject, VerifiedGroupEntry, Wrap, WrapsOf,
    Writer, is_clean, path_of,
};

type Logs = BTreeMap<GroupId, GroupReplay>;

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    write(&mut writer);
    hex(&writer.finish().unwrap())
}

/// The history, entry by entry, with what lies beside each.
struct History {
    case: GroupCase,
    entries: Vec<Signed<GroupEntry>>,
    prepared: Vec<PreparedGroupEntry>,
}

impl History {
    fn take(&mut self, group: u8, author: usize, changes: Vec<GroupChange>, rotates: bool) {
        let draft = self.case.draft(author, changes, rotates);
        let prepared = self.case.prepare(group, &draft).unwrap();
        let signed = self.case.sign(&prepared.entry);
        self.case.push(group, &signed).unwrap();
        self.case.keys_of(&prepared);
        self.entries.push(signed);
        self.prepared.push(prepared);
    }
}

fn history() -> History {
    let mut history =
        History { case: GroupCase::of(Case::begun()), entries: Vec::new(), prepared: Vec::new() };
    for (group, creator) in [(1, DELEGATE), (2, EDITOR)] {
        let changes = history.case.creation(creator, false).changes;
        history.take(group, creator, changes, true);
    }
    let reader = history.case.member(READER, Role::Member);
    history.take(1, DELEGATE, vec![reader], false);
    let child = history.case.child(1);
    history.take(2, EDITOR, vec![child], false);
    let remove = history.case.remove(READER);
    history.take(1, DELEGATE, vec![remove], true);
    let follow = history.case.follow_child(1);
    history.take(2, EDITOR, vec![follow], true);
    history
}

fn summary(logs: &Logs) -> Value {
    let around = around(logs);
    let group = |(id, log): (&GroupId, &GroupReplay)| {
        let state = log.state();
        let members: Vec<_> = state
            .members()
            .iter()
            .map(|(subject, held)| {
                json!([written(|writer| subject.write(writer)), held.member.role as u8, held.member.head])
            })
            .collect();
        let key = state.newest_key().unwrap();
        json!({
            "group": hex(id.as_bytes()), "head": state.head().unwrap().digest, "members": members,
            "generation": key.generation.generation, "key_entry": key.entry.digest, "clean": is_clean(&around, *id),
        })
    };
    logs.iter().map(group).collect()
}

fn placed(prepared: &PreparedGroupEntry, subject: Subject) -> (u32, Wrap, Vec<Digest>) {
    let at = prepared.wraps.iter().position(|wrap| wrap.subject == subject).unwrap();
    let leaves: Vec<_> = (0..).zip(&prepared.wraps).map(|(index, wrap)| wrap.leaf(index).unwrap()).collect();
    (u32::try_from(at).unwrap(), prepared.wraps[at].clone(), path_of(&leaves, at).unwrap())
}

pub(super) fn cases() -> Vec<Value> {
    with_fixed_random(|| {
        let History { case, entries, prepared } = history();
        let sent = |entry: &Signed<GroupEntry>| written(|writer| entry.write(writer));
        let all: Vec<_> = entries.iter().map(sent).collect();
        let state = |count: usize| summary(&replayed(&bytes_of(&all[..count]), false).unwrap());
        let opens = [(4, case.subject(DELEGATE)), (5, Subject::Group(group_id(1)))].map(|(at, subject)| {
            let (index, wrap, path) = placed(&prepared[at], subject);
            let secret = case.keys.secret(entries[at].object().place.group, 1).unwrap();
            json!({
                "entry": at, "index": index, "wrap": written(|writer| wrap.write(writer)), "path": path,
                "secret": hex(secret.expose()),
            })
        });
        let link = json!({
            "entry": 4, "link": hex(&prepared[4].link.unwrap()),
            "older_secret": hex(case.keys.secret(group_id(1), 0).unwrap().expose()),
        });
        let mut values = vec![
            json!({
                "fault": "", "entries": all, "state": state(6), "opens": opens, "links": [link],
                "flip_each_byte_of_last": true,
            }),
            json!({ "fault": "", "entries": all[..5], "state": state(5) }),
        ];
        // What comes after so many entries of the first case, and is refused.
        let mut broken =
            |fault: &str, after: usize, rule: Option<u8>, by_server: bool, entry: &Signed<GroupEntry>| {
                values.push(json!({
                "fault": fault, "after": after, "rule": rule, "by_server": by_server, "entry": sent(entry),
            }));
            };
        let resigned = |at: usize, change: &dyn Fn(&mut GroupEntry)| {
            let mut entry = entries[at].object().clone();
            change(&mut entry);
            case.sign(&Encoded::new(&entry).unwrap())
        };
        let other_signature = Signed::new(entries[4].encoded().clone(), *entries[0].signature());
        broken("entry left out", 2, Some(1), false, &entries[4]);
        broken("signature of another entry", 4, None, false, &other_signature);
        broken(
            "another entry before",
            4,
            Some(1),
            false,
            &resigned(4, &|entry| {
                entry.previous = Some(Digest::from_bytes([0; 32]));
            }),
        );
        broken(
            "begins with somebody else",
            1,
            Some(2),
            false,
            &resigned(1, &|entry| {
                entry.changes[1] = case.member(STRANGER, Role::Manager);
            }),
        );
        broken(
            "begins with generation 1",
            1,
            Some(2),
            false,
            &resigned(1, &|entry| {
                entry.key.as_mut().unwrap().generation.generation = 1;
            }),
        );
        broken(
            "author is no manager",
            4,
            Some(3),
            false,
            &resigned(4, &|entry| {
                entry.author = case.case.parties[READER].id;
                entry.author_bundle = case.case.parties[READER].chain.fingerprint();
            }),
        );
        broken(
            "removes itself",
            4,
            Some(3),
            false,
            &resigned(4, &|entry| {
                entry.changes = vec![case.remove(DELEGATE)];
            }),
        );
        broken(
            "last manager is made a member",
            4,
            Some(3),
            false,
            &resigned(4, &|entry| {
                entry.changes = vec![case.member(DELEGATE, Role::Member)];
            }),
        );
        broken(
            "two changes of one subject",
            4,
            Some(3),
            false,
            &resigned(4, &|entry| {
                entry.changes.push(case.member(READER, Role::Member));
            }),
        );
        broken(
            "a group as a manager",
            3,
            Some(3),
            false,
            &resigned(3, &|entry| {
                if let [GroupChange::Member(_, member)] = &mut entry.changes[..] {
                    member.role = Role::Manager;
                }
            }),
        );
        broken(
            "removes without a key",
            4,
            Some(4),
            false,
            &resigned(4, &|entry| {
                (entry.key, entry.beneath) = (None, None);
            }),
        );
        broken(
            "number of the generation",
            4,
            Some(5),
            false,
            &resigned(4, &|entry| {
                entry.key.as_mut().unwrap().generation.generation = 2;
            }),
        );
        broken(
            "follows no generation",
            4,
            Some(5),
            false,
            &resigned(4, &|entry| {
                entry.key.as_mut().unwrap().follows = None;
            }),
        );
        broken(
            "follows a generation to come",
            4,
            Some(5),
            false,
            &resigned(4, &|entry| {
                entry.key.as_mut().unwrap().follows.as_mut().unwrap().0 = 1;
            }),
        );
        let head = entries[1].digest();
        broken(
            "a circle",
            4,
            Some(7),
            true,
            &resigned(4, &|entry| {
                let member = Member { head, role: Role::Member, known: Known::Compared };
                entry.changes = vec![GroupChange::Member(Subject::Group(group_id(2)), member)];
            }),
        );
        broken(
            "lines from before a removal",
            5,
            None,
            true,
            &resigned(5, &|entry| {
                entry.beneath.clone_from(&entries[3].object().beneath);
            }),
        );
        values
    })
}

fn bytes_of(entries: &[String]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| from_hex(entry)).collect()
}

fn parties() -> &'static [Party] {
    static PARTIES: std::sync::LazyLock<Vec<Party>> =
        std::sync::LazyLock::new(|| (10..15).map(Party::new).collect());
    &PARTIES
}

fn around(logs: &Logs) -> Around<'_> {
    let mut around = Around::new();
    parties().iter().for_each(|party| around.add_chain(&party.chain));
    logs.values().for_each(|log| around.add_group(log));
    around
}

/// Replays entries of several groups. The rule is none if a signature does not hold, or keys have moved. `by_server` asks
/// of the last one what the server checks too.
fn replayed(entries: &[Vec<u8>], by_server: bool) -> Result<Logs, Option<u8>> {
    let mut logs = Logs::new();
    for (at, bytes) in entries.iter().enumerate() {
        let mut reader = Reader::new(bytes);
        let signed = Signed::<GroupEntry>::read(&mut reader).map_err(|_| None)?;
        reader.finish().map_err(|_| None)?;
        let entry = signed.object();
        let author = parties().iter().find(|party| party.id == entry.author).ok_or(None)?;
        let verified = VerifiedGroupEntry::new(&signed, &author.chain).map_err(|_| None)?;
        let group = entry.place.group;
        let before = logs.get(&group).cloned();
        let before = before.unwrap_or_else(|| GroupReplay::new(GroupPlace { store: STORE, group }));
        let mut log = before.clone();
        let step = log.push(&verified, &around(&logs)).map_err(|error| Some(error.rule as u8))?;
        if by_server && at + 1 == entries.len() {
            let checked = log.state().ensure_around(before.state(), entry, &step, &around(&logs));
            checked.map_err(|error| match error {
                AroundError::GroupRule(error) => Some(error.rule as u8),
                _ => None,
            })?;
        }
        logs.insert(group, log);
    }
    Ok(logs)
}

/// Opens, in their order, what a client gets by itself and then by way of a group.
fn open(case: &Value, entries: &[Vec<u8>], logs: &Logs) {
    let mut keys = GroupKeys::new();
    let entry = |value: &Value| {
        let at = usize::try_from(value["entry"].as_u64().unwrap()).unwrap();
        Signed::<GroupEntry>::read(&mut Reader::new(&entries[at])).unwrap()
    };
    for opens in case.list("opens") {
        let signed = entry(opens);
        let object = signed.object();
        let wrap = Wrap::read(&mut Reader::new(&from_hex(opens.text("wrap")))).unwrap();
        let opener = match wrap.subject {
            Subject::Client(client) => {
                parties().iter().find(|party| party.id == client).unwrap().keys.wrap_private_key()
            }
            Subject::Group(group) => {
                let key = logs[&group].key_of(&wrap.subject_head).unwrap();
                keys.wrap_private_key(&logs[&group], key.generation.generation).unwrap()
            }
        };
        let path = opens.list("path").iter().map(|digest| digest.as_str().unwrap().parse().unwrap());
        let index = u32::try_from(opens["index"].as_u64().unwrap()).unwrap();
        let placed = PlacedWrap { position: object.position, index, wrap, path: path.collect() };
        let of = WrapsOf {
            previous: object.previous,
            author_bundle: object.author_bundle,
            count: object.wrap_count,
            root: object.wrap_root,
        };
        let log = &logs[&object.place.group];
        let generation = keys.open_wrap(log, &of, &placed, &opener).unwrap();
        let secret = keys.secret(object.place.group, generation).unwrap();
        assert_eq!(hex(secret.expose()), opens.text("secret"));
    }
    for link in case.list("links") {
        let group = entry(link).object().place.group;
        let older = keys.follow_link(&logs[&group], 1, &link.bytes("link")).unwrap();
        assert_eq!(hex(keys.secret(group, older).unwrap().expose()), link.text("older_secret"));
    }
}

pub(super) fn groups(file: &Value) -> usize {
    let cases = file.list("cases");
    let all: Vec<_> =
        cases[0].list("entries").iter().map(|entry| from_hex(entry.as_str().unwrap())).collect();
    for case in cases {
        let fault = case.text("fault");
        if fault.is_empty() {
            let entries = &all[..case.list("entries").len()];
            let logs = replayed(entries, true).unwrap();
            assert_eq!(summary(&logs), case["state"]);
            if case["opens"].is_array() {
                open(case, entries, &logs);
            }
        } else {
            let after = usize::try_from(case["after"].as_u64().unwrap()).unwrap();
            let entries = [&all[..after], &[from_hex(case.text("entry"))]].concat();
            let refused = replayed(&entries, case["by_server"] == true);
            assert_eq!(json!(refused.unwrap_err()), case["rule"], "{fault}");
        }
        if case["flip_each_byte_of_last"] == true {
            for at in 0..all.last().unwrap().len() {
                let mut broken = all.clone();
                broken.last_mut().unwrap()[at] ^= 1;
                assert!(replayed(&broken, false).is_err(), "byte {at}");
            }
        }
    }
    cases.len()
}

//! Vectors of the log of a type: histories with what follows from them, and broken ones with the rule that they break.
//! Ids and registered seeds of their clients are one byte, repeated: 10 the writer, 11 a reader, 12 an editor, 13 a
//! delegate, 14 somebody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sealed::hex;
use super::{Read as _, from_hex};
use crate::primitives::with_fixed_random;
use crate::sealed::log_fixture::{Case, DELEGATE, EDITOR, Party, READER, STORE, STRANGER, Shown, WRITER};
use crate::sealed::{
    Encoded, EntryDraft, LogEntry, LogReplay, PrivateChange, Reader, Rights, Signed, TypePlace,
    VerifiedEntry, Writer,
};

type SentEntry = (Vec<u8>, Vec<(u32, PrivateChange)>);

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    write(&mut writer);
    hex(&writer.finish().unwrap())
}

fn listed(entries: &[Shown]) -> Vec<Value> {
    let shown = |change: &PrivateChange| written(|writer| change.write(writer));
    let entry = |(signed, private): &Shown| {
        let private: Vec<_> = private.iter().map(|(index, change)| json!([index, shown(change)])).collect();
        json!({ "entry": written(|writer| signed.write(writer)), "shown": private })
    };
    entries.iter().map(entry).collect()
}

fn summary(log: &LogReplay) -> Value {
    let state = log.state();
    let grants: Vec<_> = state
        .grants()
        .iter()
        .map(|(subject, held)| {
            let grant = &held.grant;
            json!([
                written(|w| subject.write(w)),
                grant.rights.to_byte(),
                grant.from_segment,
                grant.head,
                held.given_by
            ])
        })
        .collect();
    let heads: Vec<_> = state
        .heads()
        .iter()
        .map(|epoch| {
            let id = hex(epoch.id().as_bytes());
            json!([epoch.head.segment, epoch.head.number, epoch.head.canary, id])
        })
        .collect();
    json!({
        "head": state.head().unwrap().digest, "grants": grants, "heads": heads, "void": log.void().len(),
        "unseen": state.unseen(),
    })
}

/// From-now twice, then a rotation, then a share with all of the history; a delegate's share; a removal.
fn history() -> Case {
    let mut case = Case::shared();
    let from_now = |case: &mut Case, party: usize, segment| {
        let grant = case.parties[party].grant(Rights::READ, segment);
        case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![grant]) });
    };
    from_now(&mut case, STRANGER, 1);
    from_now(&mut case, STRANGER, 2);
    case.ok(EntryDraft { rotate: BTreeSet::from([0, 2]), ..case.draft(WRITER, vec![]) });
    let whole = case.parties[STRANGER].grant(Rights::READ, 0);
    case.ok(case.draft(DELEGATE, vec![whole]));
    case.ok(case.rotating(WRITER, vec![case.parties[EDITOR].remove(), case.parties[READER].remove()]));
    case
}

/// The last entry, changed, and signed again by its author.
fn resigned(case: &Case, change: impl FnOnce(&mut LogEntry)) -> Vec<Shown> {
    let mut entries = case.entries.clone();
    let (last, shown) = entries.pop().unwrap();
    let mut entry = last.object().clone();
    change(&mut entry);
    let signed = Encoded::new(&entry).unwrap().sign(&case.party(entry.author).keys.signing_key());
    entries.push((signed, shown));
    entries
}

pub(super) fn cases() -> Vec<Value> {
    with_fixed_random(|| {
        let case = history();
        let whole = |fault: &str, rule: Option<u8>, entries: &[Shown]| json!({ "fault": fault, "rule": rule, "entries": listed(entries) });
        let unshown: Vec<_> = case.entries.iter().map(|(entry, _)| (entry.clone(), Vec::new())).collect();
        let mut unshown_log = LogReplay::new(case.log.state().place().clone());
        for (entry, _) in &unshown {
            let chain = &case.party(entry.object().author).chain;
            unshown_log.push(&VerifiedEntry::new(entry, chain, &[]).unwrap()).unwrap();
        }
        let with_state = |mut value: Value, log: &LogReplay| {
            value["state"] = summary(log);
            value
        };
        let mut first = with_state(whole("", None, &case.entries), &case.log);
        first["flip_each_byte_of_last"] = true.into();
        let mut left_out = case.entries.clone();
        left_out.remove(3);
        let mut swapped = case.entries.clone();
        swapped.swap(2, 3);
        let mut other_signature = case.entries.clone();
        let (last, shown) = other_signature.pop().unwrap();
        other_signature.push((Signed::new(last.encoded().clone(), *case.entries[0].0.signature()), shown));
        let mut exchanged = case.entries.clone();
        exchanged[1].1 = exchanged[5].1.clone();
        // A reader's removal that the writer hides without a new key: it counts for nothing, and the log goes on.
        let mut lost = case;
        let hidden = PrivateChange::new(&lost.parties[STRANGER].remove()).unwrap();
        let entry = LogEntry {
            position: 7,
            previous: lost.log.state().head().map(|head| head.digest),
            private: vec![hidden.commitment()],
            public: vec![lost.parties[DELEGATE].follow()],
            epochs: Vec::new(),
            beneath: None,
            ..lost.entries[6].0.object().clone()
        };
        let without_epoch = resigned(&lost, |entry| {
            entry.epochs.clear();
            entry.beneath = None;
        });
        let by_stranger = resigned(&lost, |entry| {
            entry.author = lost.parties[STRANGER].id;
            entry.author_bundle = lost.parties[STRANGER].chain.fingerprint();
        });
        let other_number = resigned(&lost, |entry| entry.epochs[0].head.number += 1);
        let other_epoch = resigned(&lost, |entry| entry.epochs[0].follows = Some(lost.log.epochs()[0].id()));
        let other_previous =
            resigned(&lost, |entry| entry.previous = Some(lost.parties[0].chain.fingerprint()));
        let public_reader = resigned(&lost, |entry| entry.public.push(lost.parties[STRANGER].remove()));
        let mut values = vec![
            first,
            with_state(whole("", None, &unshown), &unshown_log),
            whole("entry left out", Some(1), &left_out),
            whole("entries swapped", Some(1), &swapped),
            whole("signature of another entry", None, &other_signature),
            whole("other private changes shown", None, &exchanged),
            whole("removes without an epoch", Some(4), &without_epoch),
            whole("author without a right", Some(3), &by_stranger),
            whole("epoch number", Some(6), &other_number),
            whole("follows an epoch of another segment", Some(6), &other_epoch),
            whole("another entry before", Some(1), &other_previous),
            whole("change of a reader in public", Some(5), &public_reader),
        ];
        let signed = Encoded::new(&entry).unwrap().sign(&lost.parties[WRITER].keys.signing_key());
        let chain = &lost.parties[WRITER].chain;
        lost.log.push(&VerifiedEntry::new(&signed, chain, &[(0, hidden.clone())]).unwrap()).unwrap();
        lost.entries.push((signed, vec![(0, hidden)]));
        values.push(with_state(whole("", None, &lost.entries), &lost.log));
        values
    })
}

/// Replays one history. The rule is none if a signature or opening does not hold.
fn replayed(entries: &[SentEntry]) -> Result<LogReplay, Option<u8>> {
    let parties: Vec<Party> = (10..15).map(Party::new).collect();
    let place = TypePlace { store: STORE, writer: parties[WRITER].id, type_name: "notes".parse().unwrap() };
    let mut log = LogReplay::new(place);
    for (bytes, shown) in entries {
        let mut reader = Reader::new(bytes);
        let signed = Signed::<LogEntry>::read(&mut reader).map_err(|_| None)?;
        reader.finish().map_err(|_| None)?;
        let author = parties.iter().find(|party| party.id == signed.object().author).ok_or(None)?;
        let verified = VerifiedEntry::new(&signed, &author.chain, shown).map_err(|_| None)?;
        log.push(&verified).map_err(|error| Some(error.rule as u8))?;
    }
    Ok(log)
}

pub(super) fn logs(file: &Value) -> usize {
    let cases = file.list("cases");
    for case in cases {
        let fault = case.text("fault");
        let entries: Vec<_> = case
            .list("entries")
            .iter()
            .map(|entry| {
                let shown = entry.list("shown").iter().map(|pair| {
                    let bytes = from_hex(pair[1].as_str().unwrap());
                    let index = u32::try_from(pair[0].as_u64().unwrap()).unwrap();
                    (index, PrivateChange::read(&mut Reader::new(&bytes)).unwrap())
                });
                (from_hex(entry.text("entry")), shown.collect::<Vec<_>>())
            })
            .collect();
        match replayed(&entries) {
            Ok(log) => {
                assert_eq!(fault, "", "{fault} was taken");
                assert_eq!(summary(&log), case["state"]);
            }
            Err(rule) => {
                assert!(!fault.is_empty());
                assert_eq!(json!(rule), case["rule"], "{fault}");
            }
        }
        if case["flip_each_byte_of_last"] == true {
            for at in 0..entries.last().unwrap().0.len() {
                let mut broken = entries.clone();
                broken.last_mut().unwrap().0[at] ^= 1;
                assert!(replayed(&broken).is_err(), "byte {at}");
            }
        }
    }
    cases.len()
}

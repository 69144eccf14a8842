//! The rules of a type's log, one by one: what they let through, and what they refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::log_fixture::{Case, DELEGATE, EDITOR, READER, STRANGER, WRITER};
use super::*;
use crate::{ClientId, ParseError};

#[test]
fn entries_come_back_and_a_flipped_byte_is_another_entry() {
    let case = Case::shared();
    let prepared = case.prepare(&case.rotating(WRITER, vec![case.parties[READER].remove()])).unwrap();
    let bytes = prepared.entry.bytes();
    assert_eq!(Encoded::<LogEntry>::parse(bytes).unwrap(), prepared.entry);
    let signed = prepared.sign(&case.parties[WRITER].keys.signing_key());
    for at in 0..bytes.len() {
        let mut other = bytes.to_vec();
        other[at] ^= 1;
        let Ok(other) = Encoded::<LogEntry>::parse(&other) else { continue };
        let other = Signed::new(other, *signed.signature());
        assert!(VerifiedEntry::new(&other, &case.parties[WRITER].chain, &[]).is_err(), "byte {at}");
    }
}

#[test]
fn rule_1_an_entry_stands_on_the_head_by_keys_not_older_than_before() {
    let mut case = Case::shared();
    let rotate = case.rotating(WRITER, vec![]);
    let rule = |change: fn(&mut LogEntry)| case.pushed(&rotate, change).unwrap_err();
    assert_eq!(rule(|entry| entry.position += 1), Some(Rule::Chain));
    assert_eq!(rule(|entry| entry.previous = Some(Digest::from_bytes([0; 32]))), Some(Rule::Chain));
    assert_eq!(rule(|entry| entry.place.type_name = "other".parse().unwrap()), Some(Rule::Chain));
    // Another author's bundle, or none of the chain, is not verified at all.
    assert_eq!(rule(|entry| entry.author_bundle = Digest::from_bytes([0; 32])), None);
    assert_eq!(rule(|entry| entry.author = ClientId::from_bytes([14; 16])), None);

    let old = case.draft(WRITER, vec![]).author_bundle;
    let old_keys = ClientKeys::from_bytes(case.parties[WRITER].keys.expose_bytes());
    case.parties[WRITER].replace_keys(BundleReason::Routine);
    case.ok(case.rotating(WRITER, vec![]));
    let backwards = EntryDraft { author_bundle: old, ..case.rotating(WRITER, vec![]) };
    assert_eq!(case.refused(&backwards), Rule::Chain);
    drop(old_keys);
}

#[test]
fn rule_2_a_log_begins_by_its_writer_with_one_epoch_and_no_grants() {
    let fresh = |case: &Case| LogReplay::new(case.log.state().place().clone());
    let case = Case::begun();
    let settings = Settings { name_key: None, is_verified_only: false, is_migrating: false };
    let first = |author: usize, changes: Vec<Change>| {
        let draft = EntryDraft { opens_segment: true, ..case.draft(author, changes) };
        draft.prepare(&fresh(&case), &KeyRing::new(), None, |due| case.public_key(due)).map(|_| ())
    };
    let refused = |result: Result<(), DraftError>| matches!(result, Err(DraftError::Rule(error)) if error.rule == Rule::First);
    assert_eq!(first(WRITER, vec![Change::Settings(settings)]), Ok(()));
    assert!(refused(first(STRANGER, vec![Change::Settings(settings)])));
    assert!(refused(first(WRITER, vec![])));
    let with_grant = vec![Change::Settings(settings), case.parties[EDITOR].grant(Rights::EDIT, 0)];
    assert!(refused(first(WRITER, with_grant)));
    let with_private = vec![Change::Settings(settings), case.parties[READER].grant(Rights::READ, 0)];
    assert!(refused(first(WRITER, with_private)));
    let later = case.rotating(WRITER, vec![Change::Settings(settings)]);
    assert_eq!(case.refused(&later), Rule::First);
    assert_eq!(case.refused(&case.draft(WRITER, vec![])), Rule::First);
}

#[test]
fn rule_3_a_delegate_gives_and_takes_reading_alone() {
    let mut case = Case::shared();
    let stranger = case.parties[STRANGER].grant(Rights::READ, 0);
    assert!(case.prepare(&case.draft(DELEGATE, vec![stranger])).is_ok());
    assert!(case.prepare(&case.rotating(DELEGATE, vec![case.parties[READER].remove()])).is_ok());
    assert!(case.prepare(&case.rotating(DELEGATE, vec![case.parties[EDITOR].follow()])).is_ok());
    for change in [
        case.parties[STRANGER].grant(Rights::EDIT, 0),
        case.parties[READER].grant(Rights::SHARE, 0),
        case.parties[EDITOR].grant(Rights::READ, 0),
        case.parties[EDITOR].remove(),
        case.parties[DELEGATE].remove(),
        case.parties[DELEGATE].grant(Rights::READ, 0),
        Change::Migration(Migration::Done),
        Change::Reset,
    ] {
        assert_eq!(case.refused(&case.rotating(DELEGATE, vec![change])), Rule::Author, "{change:?}");
    }
    let census = Census { count: 0, root: Tree::default().root(), floors: vec![] };
    let counting = EntryDraft { census: Some(census), ..case.rotating(DELEGATE, vec![]) };
    assert_eq!(case.refused(&counting), Rule::Author);
    assert_eq!(case.refused(&case.draft(STRANGER, vec![stranger])), Rule::Author);
    assert_eq!(case.refused(&case.draft(READER, vec![stranger])), Rule::Author);

    // Each right for itself.
    let rights = |case: &mut Case, rights| {
        let change = case.parties[DELEGATE].grant(rights, 0);
        case.ok(case.draft(WRITER, vec![change]));
    };
    rights(&mut case, Rights::SHARE);
    assert!(case.prepare(&case.draft(DELEGATE, vec![stranger])).is_ok());
    assert_eq!(case.refused(&case.rotating(DELEGATE, vec![])), Rule::Author);
    let from_now = case.parties[STRANGER].grant(Rights::READ, 1);
    let from_now = EntryDraft { opens_segment: true, ..case.draft(DELEGATE, vec![from_now]) };
    assert!(case.prepare(&from_now).is_ok());
    let raised = case.parties[READER].grant(Rights::READ, 1);
    let raised = EntryDraft { opens_segment: true, ..case.draft(DELEGATE, vec![raised]) };
    assert_eq!(case.refused(&raised), Rule::Author);
    rights(&mut case, Rights::ROTATE);
    assert!(case.prepare(&case.rotating(DELEGATE, vec![case.parties[READER].follow()])).is_ok());
    assert_eq!(case.refused(&case.draft(DELEGATE, vec![stranger])), Rule::Author);
    assert_eq!(case.refused(&case.rotating(DELEGATE, vec![case.parties[READER].remove()])), Rule::Author);
    rights(&mut case, Rights::REVOKE);
    assert!(case.prepare(&case.rotating(DELEGATE, vec![case.parties[READER].remove()])).is_ok());
    assert_eq!(case.refused(&case.rotating(DELEGATE, vec![stranger])), Rule::Author);
}

#[test]
fn rule_3_an_editor_follows_and_rotates_the_current_segment_and_no_more() {
    let mut case = Case::shared();
    let follow = case.parties[READER].follow();
    assert!(case.prepare(&case.rotating(EDITOR, vec![follow])).is_ok());
    assert!(case.prepare(&case.rotating(EDITOR, vec![])).is_ok());
    assert_eq!(case.refused(&case.draft(EDITOR, vec![follow])), Rule::Author);
    assert_eq!(case.refused(&case.rotating(EDITOR, vec![case.parties[READER].remove()])), Rule::Author);
    assert_eq!(case.refused(&case.rotating(EDITOR, vec![case.parties[EDITOR].remove()])), Rule::Author);
    let opening = EntryDraft { opens_segment: true, ..case.draft(EDITOR, vec![]) };
    assert_eq!(case.refused(&opening), Rule::Author);
    case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    let old_segment = EntryDraft { rotate: BTreeSet::from([0]), ..case.draft(EDITOR, vec![]) };
    assert_eq!(case.refused(&old_segment), Rule::Author);
}

#[test]
fn rule_4_who_takes_something_begins_an_epoch_of_the_current_segment() {
    let mut case = Case::shared();
    for party in [READER, EDITOR, DELEGATE] {
        let remove = vec![case.parties[party].remove()];
        assert_eq!(case.refused(&case.draft(WRITER, remove.clone())), Rule::Removal);
        assert!(case.prepare(&case.rotating(WRITER, remove)).is_ok());
    }
    assert_eq!(case.refused(&case.draft(WRITER, vec![Change::Reset])), Rule::Removal);
    case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    let old_segment =
        EntryDraft { rotate: BTreeSet::from([0]), ..case.draft(WRITER, vec![case.parties[READER].remove()]) };
    assert_eq!(case.refused(&old_segment), Rule::Removal);
    // Whoever only sees that an editor is removed without a new key refuses the entry.
    let taken = case.rotating(WRITER, vec![case.parties[EDITOR].remove()]);
    assert!(case.pushed(&taken, |_| {}).is_ok());
    let refused = case.pushed(&taken, |entry| {
        entry.epochs.clear();
        entry.beneath = None;
    });
    assert_eq!(refused, Err(Some(Rule::Removal)));
    // To read from later on only is to lose something.
    let raised = case.parties[READER].grant(Rights::READ, 1);
    assert_eq!(case.refused(&case.draft(WRITER, vec![raised])), Rule::Removal);
    case.ok(case.rotating(WRITER, vec![raised]));
    let lowered = case.parties[READER].grant(Rights::READ, 0);
    assert!(case.prepare(&case.draft(WRITER, vec![lowered])).is_ok());
}

#[test]
fn rule_5_what_changes_may_say() {
    let mut case = Case::shared();
    let stranger = |rights, from| case.parties[STRANGER].grant(rights, from);
    let group = Subject::Group(crate::GroupId::from_bytes([9; 16]));
    let of_group = |rights| {
        let grant =
            Grant { head: Digest::from_bytes([9; 32]), rights, from_segment: 0, known: Known::Compared };
        Change::Grant(group, grant)
    };
    for changes in [
        vec![stranger(Rights::READ, 1)],
        vec![stranger(Rights::READ, 0), stranger(Rights::READ, 0)],
        vec![case.parties[STRANGER].remove()],
        vec![case.parties[STRANGER].follow()],
        vec![case.parties[WRITER].grant(Rights::READ, 0)],
        vec![of_group(Rights::EDIT)],
        vec![Change::Migration(Migration::Done)],
    ] {
        assert_eq!(case.refused(&case.rotating(WRITER, changes.clone())), Rule::Grants, "{changes:?}");
    }
    case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    let editor_from = vec![case.parties[STRANGER].grant(Rights::EDIT, 1)];
    assert_eq!(case.refused(&case.rotating(WRITER, editor_from)), Rule::Grants);

    let settings = Settings { name_key: None, is_verified_only: true, is_migrating: false };
    let case = Case::with_settings(settings);
    let Change::Grant(subject, grant) = case.parties[READER].grant(Rights::READ, 0) else { panic!() };
    let unverified = Change::Grant(subject, Grant { known: Known::Continued, ..grant });
    assert_eq!(case.refused(&case.draft(WRITER, vec![unverified])), Rule::Grants);
    assert!(case.prepare(&case.draft(WRITER, vec![Change::Grant(subject, grant)])).is_ok());
}

#[test]
fn rule_5_changes_of_mere_readers_are_private_and_no_others() {
    let case = Case::shared();
    let read = case.parties[STRANGER].grant(Rights::READ, 0);
    let draft = case.draft(WRITER, vec![read]);
    let published = case.pushed(&draft, |entry| {
        entry.private.clear();
        entry.public = vec![read];
    });
    assert_eq!(published, Err(Some(Rule::Grants)));
    // An editor's removal that is hidden changes nothing, for who is shown it, and stands for the others.
    let hidden = PrivateChange::new(&case.parties[EDITOR].remove()).unwrap();
    let mut entry = case.prepare(&case.rotating(WRITER, vec![])).unwrap().entry.object().clone();
    entry.private = vec![hidden.commitment()];
    let signed = Encoded::new(&entry).unwrap().sign(&case.parties[WRITER].keys.signing_key());
    let chain = &case.parties[WRITER].chain;
    let mut log = case.log.clone();
    let verified = VerifiedEntry::new(&signed, chain, &[(0, hidden.clone())]).unwrap();
    let step = log.push(&verified).unwrap();
    assert_eq!(step.void.iter().map(|void| void.error.rule).collect::<Vec<_>>(), [Rule::Grants]);
    assert!(step.ensure_nothing_void().is_err());
    assert!(log.state().may_write(case.parties[EDITOR].id) && log.state().unseen() == 0);
    let mut log = case.log.clone();
    log.push(&VerifiedEntry::new(&signed, chain, &[]).unwrap()).unwrap();
    assert_eq!(log.state().unseen(), 1);
    // What was not committed to is not shown.
    let other = PrivateChange::new(&case.parties[EDITOR].remove()).unwrap();
    assert!(VerifiedEntry::new(&signed, chain, &[(0, other)]).is_err());
    assert!(VerifiedEntry::new(&signed, chain, &[(1, hidden.clone())]).is_err());
    assert!(VerifiedEntry::new(&signed, chain, &[(0, hidden.clone()), (0, hidden)]).is_err());
}

#[test]
fn private_changes_that_do_not_parse_are_void() {
    let case = Case::shared();
    let nonsense = PrivateChange { blind: Blind::generate(), change: vec![9] };
    let twice: Vec<_> = (0..2).map(|_| PrivateChange::new(&case.parties[READER].follow()).unwrap()).collect();
    let hidden = [vec![nonsense], twice].concat();
    let mut entry = case.prepare(&case.rotating(WRITER, vec![])).unwrap().entry.object().clone();
    entry.private = hidden.iter().map(PrivateChange::commitment).collect();
    let signed = Encoded::new(&entry).unwrap().sign(&case.parties[WRITER].keys.signing_key());
    let shown: Vec<_> = (0..).zip(hidden).collect();
    let verified = VerifiedEntry::new(&signed, &case.parties[WRITER].chain, &shown).unwrap();
    let step = case.log.clone().push(&verified).unwrap();
    assert_eq!(step.void.iter().map(|void| void.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(step.grants.len(), 1);
}

#[test]
fn a_reset_ends_reading_but_for_what_the_entry_grants() {
    let mut case = Case::shared();
    let stranger = case.parties[STRANGER].grant(Rights::READ, 0);
    case.ok(case.rotating(WRITER, vec![Change::Reset, stranger]));
    let held: Vec<_> = case.log.state().grants().keys().copied().collect();
    assert_eq!(held, [EDITOR, DELEGATE, STRANGER].map(|party| case.parties[party].subject()));
    // Nobody can follow a grant that the same entry ended.
    let follow = case.parties[STRANGER].follow();
    assert_eq!(case.refused(&case.rotating(WRITER, vec![Change::Reset, follow])), Rule::Grants);
    let late = vec![case.parties[EDITOR].follow(), Change::Reset];
    assert_eq!(case.refused(&case.rotating(WRITER, late)), Rule::Grants);
}

#[test]
fn rule_6_numbers_segments_and_what_epochs_follow() {
    let mut case = Case::shared();
    let rotate = case.rotating(WRITER, vec![]);
    let rule = |change: fn(&mut LogEntry)| case.pushed(&rotate, change).unwrap_err();
    assert_eq!(rule(|entry| entry.epochs[0].head.number += 1), Some(Rule::Epochs));
    assert_eq!(rule(|entry| entry.epochs[0].follows = None), Some(Rule::Epochs));
    assert_eq!(rule(|entry| entry.epochs[0].link = None), Some(Rule::Epochs));
    assert_eq!(rule(|entry| entry.epochs[0].head.segment = 2), Some(Rule::Epochs));
    assert_eq!(
        rule(|entry| entry.epochs[0].follows = Some(EpochId::from_digest(Digest::from_bytes([7; 32])))),
        Some(Rule::Epochs)
    );
    // Restore notices lift the numbers, once each.
    let notice = |sequence| NoticeReference { sequence, digest: Digest::from_bytes([3; 32]) };
    case.ok(EntryDraft { notice: Some(notice(2)), ..case.rotating(WRITER, vec![]) });
    assert_eq!(case.log.state().current().unwrap().head.number, 2 << 32);
    for sequence in [1, 2] {
        let again = EntryDraft { notice: Some(notice(sequence)), ..case.rotating(WRITER, vec![]) };
        assert_eq!(case.refused(&again), Rule::Epochs);
    }
    // The writer goes past what others broke; nobody else does.
    let first = case.log.epochs()[0].id();
    case.ok(case.rotating(EDITOR, vec![]));
    let past = |author| EntryDraft { past: BTreeMap::from([(0, first)]), ..case.rotating(author, vec![]) };
    assert_eq!(case.refused(&past(EDITOR)), Rule::Epochs);
    case.ok(past(WRITER));
    let head = *case.log.state().current().unwrap();
    assert_eq!(case.ring.links_to(&case.log, &first), Some(vec![]));
    assert_eq!((head.follows, head.head.number), (Some(first), (2 << 32) + 2));
}

#[test]
fn rule_7_the_wraps_that_are_due() {
    let mut case = Case::shared();
    let ids = |prepared: &PreparedEntry| prepared.wraps.iter().map(|wrap| wrap.subject).collect::<Vec<_>>();
    let of = |case: &Case, parties: &[usize]| {
        parties.iter().map(|at| case.parties[*at].subject()).collect::<Vec<_>>()
    };
    let shared =
        case.prepare(&case.draft(WRITER, vec![case.parties[STRANGER].grant(Rights::READ, 0)])).unwrap();
    assert_eq!(ids(&shared), of(&case, &[STRANGER]));
    let revoked = case.prepare(&case.rotating(WRITER, vec![case.parties[READER].remove()])).unwrap();
    assert_eq!(ids(&revoked), of(&case, &[WRITER, EDITOR, DELEGATE]));
    let deleted = BTreeSet::from([case.parties[EDITOR].id]);
    let without = EntryDraft { deleted, ..case.rotating(WRITER, vec![]) };
    assert_eq!(ids(&case.prepare(&without).unwrap()), of(&case, &[WRITER, READER, DELEGATE]));
    assert_eq!(case.prepare(&without).unwrap().beneath.unwrap().1.lines().len(), 1);
    // After a follow the wrap is for the newer bundle.
    case.parties[READER].replace_keys(BundleReason::Compromised);
    let follow = case.rotating(WRITER, vec![case.parties[READER].follow()]);
    let prepared = case.prepare(&follow).unwrap();
    assert_eq!(prepared.wraps[1].subject_head, case.parties[READER].chain.fingerprint());
    let group = Subject::Group(crate::GroupId::from_bytes([9; 16]));
    let grant = Grant {
        head: Digest::from_bytes([9; 32]),
        rights: Rights::READ,
        from_segment: 0,
        known: Known::Compared,
    };
    assert_eq!(case.refused(&case.rotating(WRITER, vec![Change::Grant(group, grant)])), Rule::Wraps);
}

#[test]
fn rule_8_floors_are_epochs_and_never_go_down() {
    let mut case = Case::shared();
    case.ok(case.rotating(WRITER, vec![]));
    case.ok(case.rotating(WRITER, vec![]));
    let counting = |case: &Case, floors: Vec<(u32, u64)>| EntryDraft {
        census: Some(Census { count: 0, root: Tree::default().root(), floors }),
        ..case.draft(WRITER, vec![])
    };
    for wrong in [(0, 3), (1, 1)] {
        assert_eq!(case.refused(&counting(&case, vec![wrong])), Rule::Floors);
    }
    case.ok(counting(&case, vec![(0, 1)]));
    assert_eq!(case.log.state().floor(0), 1);
    assert_eq!(case.refused(&counting(&case, vec![(0, 0)])), Rule::Floors);
    case.ok(counting(&case, vec![(0, 2)]));
}

#[test]
fn rule_9_stolen_keys_count_for_who_remembers_or_if_something_sound_stands_on_them() {
    let (owner, thief) = (ClientId::from_bytes([1; 16]), 0);
    let entry = |position, sequence| (position, owner, sequence);
    let is_replaced = |_, sequence| sequence == thief;
    assert_eq!(countable(&[entry(0, thief), entry(1, thief)], None, is_replaced), 0);
    assert_eq!(countable(&[entry(0, thief), entry(1, thief)], Some(0), is_replaced), 1);
    assert_eq!(countable(&[entry(0, thief), entry(1, 1), entry(2, thief)], None, is_replaced), 2);
    assert_eq!(countable(&[entry(0, 1), entry(1, 1)], None, is_replaced), 2);
}

#[test]
fn the_last_segments_and_positions_are_the_writers() {
    let mut case = Case::shared();
    for _ in 1..192 {
        case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    }
    let opening = |author| EntryDraft { opens_segment: true, ..case.draft(author, vec![]) };
    assert_eq!(case.refused(&opening(DELEGATE)), Rule::Author);
    assert!(case.prepare(&opening(WRITER)).is_ok());
    assert!(case.prepare(&case.rotating(DELEGATE, vec![])).is_ok());
    let mut state = case.log.state().clone();
    let entry = case.prepare(&case.rotating(DELEGATE, vec![])).unwrap().entry.object().clone();
    state.head = Some(LogPosition { position: 899_999, ..state.head.unwrap() });
    let late = LogEntry { position: 900_000, ..entry };
    let digest = Digest::from_bytes([0; 32]);
    let refused = state.step(&late, digest, 0, &[], None, &case.log).unwrap_err();
    assert_eq!(refused.rule, Rule::Author);
}

#[test]
fn who_gave_a_grant_and_who_widened_it_is_remembered() {
    let mut case = Case::shared();
    case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    let stranger = |from| case.parties[STRANGER].grant(Rights::READ, from);
    let (late, early) = (stranger(1), stranger(0));
    let subject = case.parties[STRANGER].subject();
    case.ok(case.draft(DELEGATE, vec![late]));
    case.ok(case.draft(WRITER, vec![early]));
    let held = case.log.state().grant(&subject).unwrap().clone();
    assert_eq!((held.given_by, held.lowered_by), (case.parties[DELEGATE].id, vec![case.parties[WRITER].id]));
    case.ok(case.rotating(WRITER, vec![case.parties[STRANGER].remove()]));
    case.ok(case.draft(WRITER, vec![early]));
    assert_eq!(case.log.state().grant(&subject).unwrap().given_by, case.parties[WRITER].id);
}

#[test]
fn a_stored_state_goes_on_as_the_one_that_was_replayed() {
    let mut case = Case::shared();
    case.ok(EntryDraft { opens_segment: true, ..case.draft(WRITER, vec![]) });
    case.ok(case.rotating(WRITER, vec![case.parties[EDITOR].remove()]));
    let census = Census { count: 0, root: Tree::default().root(), floors: vec![(0, 0)] };
    case.ok(EntryDraft { census: Some(census), ..case.draft(WRITER, vec![]) });
    let state = case.log.state();
    let bytes = state.to_bytes().unwrap();
    assert_eq!(LogState::from_bytes(state.place().clone(), &bytes).as_ref(), Ok(state));
    for end in 0..bytes.len() {
        assert!(LogState::from_bytes(state.place().clone(), &bytes[..end]).is_err());
    }
    assert_eq!(
        LogState::from_bytes(state.place().clone(), &[9]),
        Err(ParseError::new("the stored state of a log"))
    );
}

#[test]
fn rights_to_write_are_known_for_every_position() {
    let mut case = Case::shared();
    let editor = case.parties[EDITOR].id;
    case.ok(case.rotating(WRITER, vec![case.parties[EDITOR].remove()]));
    let again = case.parties[EDITOR].grant(Rights::EDIT, 0);
    case.ok(case.draft(WRITER, vec![again]));
    let state = case.log.state();
    assert_eq!([0, 1, 2, 3].map(|position| state.may_write_at(editor, position)), [false, true, false, true]);
    assert_eq!(state.writing_ended_at(editor), None);
    assert!(state.may_write(case.parties[WRITER].id) && !state.may_write(case.parties[READER].id));
    assert_eq!(state.editors().collect::<Vec<_>>(), [editor]);
}

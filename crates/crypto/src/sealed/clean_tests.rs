//! Who is clean, who owes a rotation, and who gets a wrap, case by case.

use std::collections::BTreeSet;

use super::group_fixture::{GroupCase, group_id};
use super::log_fixture::{Case, DELEGATE, EDITOR, READER, STRANGER, WRITER};
use super::*;

/// Group 1 is in 2, and 2 is in 3, which the type is shared with. The reader is in 1, the editor in 2.
fn nested() -> GroupCase {
    let mut case = GroupCase::begun();
    for (group, creator) in [(1, DELEGATE), (2, EDITOR), (3, STRANGER)] {
        case.create(group, creator);
    }
    case.ok(1, DELEGATE, vec![case.member(READER, Role::Member)], false);
    case.ok(2, EDITOR, vec![case.child(1)], false);
    case.ok(3, STRANGER, vec![case.child(2)], false);
    case.share(3);
    case
}

fn group(group: u8) -> Subject {
    Subject::Group(group_id(group))
}

#[test]
fn a_removal_deep_down_exposes_all_above_and_each_level_is_written_around_until_it_has_a_new_key() {
    let mut case = nested();
    assert_eq!(case.owed(), None);
    assert!((1..=3).all(|group| case.is_clean(group)));
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(1))));
    assert!(case.is_clean(1) && !case.is_clean(2) && !case.is_clean(3));

    // The type goes first: directly to the members of 3 and 2, and to 1, which is clean.
    let wraps = case.rotate_type(vec![]);
    let expected = [
        case.subject(WRITER),
        case.subject(EDITOR),
        case.subject(DELEGATE),
        case.subject(STRANGER),
        group(1),
    ];
    let expected: Vec<_> =
        expected.into_iter().filter(|subject| *subject != case.subject(DELEGATE)).collect();
    assert_eq!(wraps, expected);
    assert_eq!(case.owed(), None);

    // 3 before 2: it writes around 2. Then 2, and nothing more is owed by 3 or the type.
    case.ok(3, STRANGER, vec![], true);
    assert!(case.is_clean(3) && !case.is_clean(2));
    case.ok(2, EDITOR, vec![case.follow_child(1)], true);
    assert!(case.is_clean(2) && case.is_clean(3));
    assert_eq!(case.owed(), None);
    let wraps = case.rotate_type(vec![case.follow(3)]);
    assert_eq!(wraps, [case.subject(WRITER), group(3)]);
}

#[test]
fn a_follow_alone_excuses_nothing() {
    // F7: the group's secret was wrapped to the key that the removed member had.
    let mut case = nested();
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    case.ok(2, EDITOR, vec![case.follow_child(1)], false);
    assert!(!case.is_clean(2));
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(1))));
    let follow = case.case.draft(WRITER, vec![case.follow(3)]);
    let wraps = case.type_entry(&follow, &[]);
    assert!(!wraps.contains(&group(3)) && wraps.contains(&case.subject(STRANGER)));
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(1))));
}

#[test]
fn a_stolen_key_is_excused_by_the_entry_that_took_the_group_in_alone() {
    let mut case = nested();
    case.case.parties[READER].replace_keys(BundleReason::Compromised);
    let reader = case.case.parties[READER].id;
    assert_eq!(case.exposure(1), Some(Exposure::Client(reader)));
    assert_eq!(case.owed(), Some(Exposure::ClientIn(reader, group_id(1))));
    // F48: a later entry of the same span that lists the newer bundle. F10: one that rotates settles it for the type.
    case.create(4, EDITOR);
    let grant = case.case.draft(WRITER, vec![case.grant(4, 0)]);
    case.type_entry(&grant, &[]);
    assert_eq!(case.owed(), Some(Exposure::ClientIn(reader, group_id(1))));
    let wraps = case.rotate_type(vec![]);
    assert_eq!(case.owed(), None);
    // Around 1, directly to the reader's new keys.
    assert!(wraps.contains(&case.subject(READER)) && !wraps.contains(&group(1)));
    // Stolen again.
    case.case.parties[READER].replace_keys(BundleReason::Compromised);
    assert_eq!(case.owed(), Some(Exposure::ClientIn(reader, group_id(1))));
}

#[test]
fn keys_of_the_writer_and_of_those_with_a_grant_expose_too() {
    let mut case = GroupCase::of(Case::shared());
    assert_eq!(case.owed(), None);
    case.case.parties[READER].replace_keys(BundleReason::Routine);
    assert_eq!(case.owed(), None);
    case.case.parties[READER].replace_keys(BundleReason::Compromised);
    assert_eq!(case.owed(), Some(Exposure::Client(case.case.parties[READER].id)));
    // Who rotates follows in the same entry.
    let bare = case.case.rotating(WRITER, vec![]);
    let subject = case.subject(READER);
    assert_eq!(case.prepare_type(&bare, &[]).unwrap_err(), DraftError::NoPublicKey(subject));
    case.rotate_type(vec![case.case.parties[READER].follow()]);
    assert_eq!(case.owed(), None);
    case.case.parties[WRITER].replace_keys(BundleReason::Compromised);
    assert_eq!(case.owed(), Some(Exposure::Writer));
    case.rotate_type(vec![]);
    assert_eq!(case.owed(), None);
}

#[test]
fn who_was_deleted_is_listed_and_gets_no_wrap() {
    // F51: also if a grant of its own is left, and an editor rotates.
    let mut case = GroupCase::of(Case::shared());
    case.create(1, DELEGATE);
    case.ok(1, DELEGATE, vec![case.member(STRANGER, Role::Member)], false);
    case.share(1);
    for party in [READER, STRANGER] {
        case.deleted.insert(case.case.parties[party].id);
    }
    assert_eq!(case.owed(), Some(Exposure::Client(case.case.parties[READER].id)));
    assert_eq!(case.exposure(1), Some(Exposure::Client(case.case.parties[STRANGER].id)));
    let draft = case.case.rotating(EDITOR, vec![]);
    let wraps = case.type_entry(&draft, &[]);
    assert_eq!(wraps, [WRITER, EDITOR, DELEGATE].map(|party| case.subject(party)));
    assert_eq!(case.owed(), None);
    case.ok(1, DELEGATE, vec![], true);
    assert!(case.is_clean(1));
    assert_eq!(case.owed(), None);
    // Nobody grants to a client that is gone.
    let again = case.case.draft(WRITER, vec![case.case.parties[STRANGER].grant(Rights::READ, 0)]);
    assert_eq!(case.prepare_type(&again, &[]).unwrap_err(), DraftError::NoPublicKey(case.subject(STRANGER)));
}

#[test]
fn a_block_of_a_closed_segment_clears_nothing() {
    // F49.
    let mut case = nested();
    let from_now = case.case.parties[EDITOR].grant(Rights::READ, 1);
    let draft = EntryDraft { opens_segment: true, ..case.case.draft(WRITER, vec![from_now]) };
    case.type_entry(&draft, &[]);
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    let closed = EntryDraft { rotate: BTreeSet::from([0]), ..case.case.draft(WRITER, vec![]) };
    case.type_entry(&closed, &[]);
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(1))));
    case.rotate_type(vec![]);
    assert_eq!(case.owed(), None);
}

#[test]
fn a_line_for_a_position_to_come_is_no_line() {
    // F50: by a manager together with its server, which takes what it should not.
    let mut case = nested();
    let prepared = case.prepare(2, &case.draft(EDITOR, vec![], true)).unwrap();
    let mut entry = prepared.entry.object().clone();
    let mut lines = entry.beneath.as_ref().unwrap().lines().to_vec();
    lines[0].seen.position += 1;
    entry.beneath = Some(Beneath::new(lines.clone()).unwrap());
    let holder = case.state(2).holder();
    assert_eq!(
        holder.ensure_lines(&case.around(), entry.beneath.as_ref().unwrap()),
        Err(ReachError::Moved(group(1)))
    );
    let signed = case.sign(&Encoded::new(&entry).unwrap());
    case.push(2, &signed).unwrap();
    assert_eq!(case.exposure(2), Some(Exposure::NotTakenIn(group_id(1))));
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    assert!(!case.is_clean(2));
}

#[test]
fn an_earlier_line_will_do_if_nothing_happened_since() {
    let mut case = nested();
    let lines = case.state(2).holder().lines(&case.around(), &BTreeSet::new()).unwrap();
    case.ok(1, DELEGATE, vec![case.member(STRANGER, Role::Member)], false);
    assert_eq!(case.state(2).holder().ensure_lines(&case.around(), &lines), Ok(()));
    case.ok(1, DELEGATE, vec![case.remove(STRANGER)], true);
    let moved = Err(ReachError::Moved(group(1)));
    assert_eq!(case.state(2).holder().ensure_lines(&case.around(), &lines), moved);
    assert!(case.state(2).holder().ensure_lines(&case.around(), &Beneath::default()).is_err());
}

#[test]
fn a_removal_races_a_share_and_one_of_them_comes_second() {
    // F11: the head of the group that is granted to has not moved.
    let mut case = nested();
    let grant = case.case.draft(WRITER, vec![case.grant(2, 0)]);
    let prepared = case.prepare_type(&grant, &[]).unwrap();
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    let mut state = case.case.log.state().clone();
    let signed = prepared.sign(&case.case.parties[WRITER].keys.signing_key());
    let (blind, lines) = prepared.beneath.as_ref().unwrap();
    let verified = VerifiedEntry::new(&signed, &case.case.parties[WRITER].chain, &prepared.shown())
        .and_then(|verified| verified.with_lines(blind, lines))
        .unwrap();
    let step = state.apply(&verified, &case.case.log).unwrap();
    let refused = state.ensure_around(verified.entry(), &step, Some(lines), &case.around());
    assert_eq!(refused, Err(AroundError::Reach(ReachError::Moved(group(1)))));
    // Lines that the entry does not commit to are not taken.
    assert!(verified.with_lines(blind, &Beneath::default()).is_err());
}

#[test]
fn a_group_that_comes_beneath_later_was_taken_in_by_who_added_it() {
    let mut case = nested();
    case.create(4, DELEGATE);
    case.ok(4, DELEGATE, vec![case.member(READER, Role::Member)], false);
    case.ok(1, DELEGATE, vec![case.child(4)], false);
    assert_eq!(case.owed(), None);
    assert!(case.is_clean(3));
    case.ok(4, DELEGATE, vec![case.remove(READER)], true);
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(4))));
    assert!(!case.is_clean(1) && !case.is_clean(3) && case.is_clean(4));
}

#[test]
fn a_lattice_of_groups_has_one_wrap_for_each_member() {
    // F52: 2^4 ways lead to the reader, and none of the groups is clean.
    let mut case = GroupCase::begun();
    for group in 0..10 {
        case.create(group, DELEGATE);
    }
    case.ok(0, DELEGATE, vec![case.member(READER, Role::Member), case.member(EDITOR, Role::Member)], false);
    for level in 1..5 {
        for group in [2 * level, 2 * level + 1] {
            let below = if level == 1 { vec![0] } else { vec![2 * level - 2, 2 * level - 1] };
            let children = below.into_iter().map(|child| case.child(child)).collect();
            case.ok(group, DELEGATE, children, false);
        }
    }
    case.share(8);
    let from_now = EntryDraft { opens_segment: true, ..case.case.draft(WRITER, vec![case.grant(9, 1)]) };
    case.type_entry(&from_now, &[]);
    case.ok(0, DELEGATE, vec![case.remove(READER)], true);
    assert!((2..10).all(|group| !case.is_clean(group)) && case.is_clean(0));
    let draft = case.case.rotating(WRITER, vec![]);
    let prepared = case.prepare_type(&draft, &[]).unwrap();
    let wraps: Vec<_> = prepared.wraps.iter().map(|wrap| (wrap.subject, wrap.from_segment)).collect();
    assert_eq!(wraps, [(case.subject(WRITER), 0), (case.subject(DELEGATE), 0), (group(0), 0)]);
}

#[test]
fn who_has_a_grant_and_is_in_a_group_that_is_written_around_gets_one_wrap_with_all_of_it() {
    let mut case = GroupCase::of(Case::begun());
    case.create(1, DELEGATE);
    case.ok(1, DELEGATE, vec![case.member(READER, Role::Member), case.member(EDITOR, Role::Member)], false);
    case.share(1);
    let from_now = case.case.parties[READER].grant(Rights::READ, 1);
    let draft = EntryDraft { opens_segment: true, ..case.case.draft(WRITER, vec![from_now]) };
    case.type_entry(&draft, &[]);
    case.case.parties[EDITOR].replace_keys(BundleReason::Compromised);
    let draft = case.case.rotating(WRITER, vec![]);
    let prepared = case.prepare_type(&draft, &[]).unwrap();
    let wrap = prepared.wraps.iter().find(|wrap| wrap.subject == case.subject(READER)).unwrap();
    assert_eq!(wrap.from_segment, 0);
    let wrap = prepared.wraps.iter().find(|wrap| wrap.subject == case.subject(EDITOR)).unwrap();
    assert_eq!(wrap.subject_head, case.case.parties[EDITOR].chain.fingerprint());
}

#[test]
fn a_group_that_is_left_out_exposes_nobody_and_a_follow_brings_it_back() {
    // F53, F85.
    let mut case = nested();
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    let draft = case.case.rotating(WRITER, vec![]);
    let wraps = case.type_entry(&draft, &[2]);
    assert_eq!(wraps, [case.subject(WRITER), case.subject(STRANGER)]);
    assert_eq!(case.owed(), None);
    case.ok(1, DELEGATE, vec![], true);
    case.ok(1, DELEGATE, vec![case.member(READER, Role::Member)], false);
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    assert_eq!(case.owed(), None);
    let follow = case.case.draft(WRITER, vec![case.follow(3)]);
    let wraps = case.type_entry(&follow, &[]);
    assert_eq!(wraps, [case.subject(EDITOR), case.subject(STRANGER), group(1)]);
    assert_eq!(case.owed(), None);
    case.ok(1, DELEGATE, vec![case.member(READER, Role::Member)], false);
    case.ok(1, DELEGATE, vec![case.remove(READER)], true);
    assert_eq!(case.owed(), Some(Exposure::Group(group_id(1))));
}

#[test]
fn a_restored_group_is_left_out_until_somebody_looked() {
    let mut case = nested();
    case.pending.insert(group_id(2));
    assert!(!case.is_clean(2) && !case.is_clean(3));
    let wraps = case.rotate_type(vec![]);
    assert_eq!(wraps, [case.subject(WRITER), case.subject(STRANGER)]);
    case.pending.clear();
    let notice = NoticeReference { sequence: 1, digest: Digest::from_bytes([1; 32]) };
    let answer = GroupDraft { notice: Some(notice), ..case.draft(EDITOR, vec![], true) };
    case.commit(2, &answer).unwrap();
    // Settled past the head that 3 records: left out still, and 3 is not clean, until 3 follows.
    assert!(case.is_clean(2) && !case.is_clean(3));
    assert_eq!(case.rotate_type(vec![]), [case.subject(WRITER), case.subject(STRANGER)]);
    case.ok(3, STRANGER, vec![case.follow_child(2)], true);
    assert!(case.is_clean(3));
    assert_eq!(case.rotate_type(vec![case.follow(3)]), [case.subject(WRITER), group(3)]);
}

#[test]
fn a_type_for_verified_readers_takes_groups_of_verified_members_alone() {
    // F47.
    let settings = Settings { name_key: None, is_verified_only: true, is_migrating: false };
    let mut case = GroupCase::of(Case::with_settings(settings));
    case.create(1, DELEGATE);
    case.commit(2, &case.creation(DELEGATE, true)).unwrap();
    let refused = case.prepare_type(&case.case.draft(WRITER, vec![case.grant(1, 0)]), &[]);
    assert!(matches!(refused, Err(DraftError::Rule(RuleError { rule: Rule::Grants, .. }))));
    assert_eq!(case.share(2), [group(2)]);
}

#[test]
fn what_is_not_known_is_not_good() {
    let case = nested();
    let mut around = Around::new();
    case.case.parties.iter().for_each(|party| around.add_chain(&party.chain));
    let holder = case.case.log.state().holder();
    assert_eq!(holder.exposure(&around), Some(Exposure::Unknown));
    assert!(!is_clean(&around, group_id(1)));
    assert_eq!(holder.dues(&around, &BTreeSet::new(), None), Err(ReachError::Moved(group(3))));
    // Lines that were not shown.
    let mut log = LogReplay::new(case.case.log.state().place().clone());
    for (entry, shown) in &case.case.entries {
        let chain = &case.case.party(entry.object().author).chain;
        log.push(&VerifiedEntry::new(entry, chain, shown).unwrap()).unwrap();
    }
    assert_eq!(log.state().holder().exposure(&case.around()), Some(Exposure::Unknown));
}

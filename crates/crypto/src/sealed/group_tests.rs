//! The rules of a group's log, one by one: what they let through, and what they refuse.

use super::group_fixture::{GroupCase, group_id};
use super::log_fixture::{DELEGATE, EDITOR, READER, STRANGER, WRITER};
use super::*;
use crate::{ClientId, GroupId};

/// A group of the delegate, with the editor as another manager, and the reader.
fn case() -> GroupCase {
    let mut case = GroupCase::begun();
    case.create(1, DELEGATE);
    let changes = vec![case.member(EDITOR, Role::Manager), case.member(READER, Role::Member)];
    case.ok(1, DELEGATE, changes, false);
    case
}

#[test]
fn entries_come_back_and_a_flipped_byte_is_another_entry() {
    let case = case();
    let prepared = case.prepare(1, &case.draft(EDITOR, vec![case.remove(READER)], true)).unwrap();
    let bytes = prepared.entry.bytes();
    assert_eq!(Encoded::<GroupEntry>::parse(bytes).unwrap(), prepared.entry);
    let signed = case.sign(&prepared.entry);
    for at in (0..bytes.len()).filter(|at| *at < 300 || at % 50 == 0) {
        let mut other = bytes.to_vec();
        other[at] ^= 1;
        let Ok(other) = Encoded::<GroupEntry>::parse(&other) else { continue };
        let other = Signed::new(other, *signed.signature());
        assert!(VerifiedGroupEntry::new(&other, &case.case.parties[EDITOR].chain).is_err(), "byte {at}");
    }
}

#[test]
fn rule_1_an_entry_stands_on_the_head_by_a_key_of_its_author() {
    let case = case();
    let rotate = case.draft(DELEGATE, vec![], true);
    let rule = |change: fn(&mut GroupEntry)| case.pushed(1, &rotate, change).unwrap_err();
    assert_eq!(rule(|entry| entry.position += 1), Some(GroupRule::Chain));
    assert_eq!(rule(|entry| entry.previous = Some(Digest::from_bytes([0; 32]))), Some(GroupRule::Chain));
    assert_eq!(rule(|entry| entry.place.group = GroupId::from_bytes([0; 16])), Some(GroupRule::Chain));
    assert_eq!(rule(|entry| entry.author_bundle = Digest::from_bytes([0; 32])), None);
    assert_eq!(rule(|entry| entry.author = ClientId::from_bytes([14; 16])), None);
}

#[test]
fn rule_2_a_group_begins_with_its_creator_and_a_key() {
    let case = case();
    let creation = case.creation(STRANGER, false);
    assert!(case.pushed(2, &creation, |_| {}).is_ok());
    let rule = |change: &dyn Fn(&mut GroupEntry)| case.pushed(2, &creation, change).unwrap_err();
    assert_eq!(rule(&|entry| drop(entry.changes.remove(0))), Some(GroupRule::First));
    assert_eq!(rule(&|entry| entry.changes.push(case.member(READER, Role::Member))), Some(GroupRule::First));
    assert_eq!(rule(&|entry| entry.changes[1] = case.member(READER, Role::Manager)), Some(GroupRule::First));
    assert_eq!(rule(&|entry| entry.changes[1] = case.member(STRANGER, Role::Member)), Some(GroupRule::First));
    assert_eq!(rule(&|entry| entry.wrap_count = 2), Some(GroupRule::First));
    let number = |entry: &mut GroupEntry| entry.key.as_mut().unwrap().generation.generation = 1;
    assert_eq!(rule(&number), Some(GroupRule::First));
    assert_eq!(rule(&|entry| entry.beneath = None), None);
    let later = case.draft(DELEGATE, creation.changes[..1].to_vec(), true);
    assert_eq!(case.refused(1, &later), GroupRule::First);
    assert_eq!(case.refused(1, &case.draft(DELEGATE, vec![], false)), GroupRule::First);
}

#[test]
fn rule_3_managers_append_and_one_of_them_stays() {
    let mut case = case();
    let stranger = case.member(STRANGER, Role::Member);
    let refused = |case: &GroupCase, author, changes: Vec<GroupChange>| {
        case.refused(1, &case.draft(author, changes, true))
    };
    for author in [READER, STRANGER, WRITER] {
        assert_eq!(refused(&case, author, vec![stranger.clone()]), GroupRule::Managers);
    }
    assert!(case.prepare(1, &case.draft(EDITOR, vec![case.remove(DELEGATE)], true)).is_ok());
    // Who makes the new key knows it.
    assert_eq!(refused(&case, EDITOR, vec![case.remove(EDITOR)]), GroupRule::Managers);
    let both = vec![case.remove(DELEGATE), case.member(EDITOR, Role::Member)];
    assert_eq!(refused(&case, EDITOR, both), GroupRule::Managers);
    assert_eq!(refused(&case, EDITOR, vec![case.remove(STRANGER)]), GroupRule::Managers);
    let follow = GroupChange::Follow(case.subject(STRANGER), case.case.parties[STRANGER].chain.fingerprint());
    assert_eq!(refused(&case, EDITOR, vec![follow]), GroupRule::Managers);
    assert_eq!(refused(&case, EDITOR, vec![stranger.clone(), stranger]), GroupRule::Managers);
    case.create(2, STRANGER);
    let mut manager = case.child(2);
    if let GroupChange::Member(_, member) = &mut manager {
        member.role = Role::Manager;
    }
    assert_eq!(refused(&case, EDITOR, vec![manager]), GroupRule::Managers);
}

#[test]
fn rule_3_a_group_for_verified_members_has_no_others_nor_groups_of_others() {
    let mut case = GroupCase::begun();
    case.commit(1, &case.creation(DELEGATE, true)).unwrap();
    case.create(2, STRANGER);
    assert_eq!(case.refused(1, &case.draft(DELEGATE, vec![case.child(2)], false)), GroupRule::Managers);
    case.commit(3, &case.creation(STRANGER, true)).unwrap();
    case.ok(1, DELEGATE, vec![case.child(3)], false);
    let mut unverified = case.member(READER, Role::Member);
    if let GroupChange::Member(_, member) = &mut unverified {
        member.known = Known::Continued;
    }
    assert_eq!(case.refused(1, &case.draft(DELEGATE, vec![unverified], false)), GroupRule::Managers);
}

#[test]
fn rule_4_who_exposes_makes_a_new_key() {
    let mut case = case();
    assert_eq!(case.refused(1, &case.draft(EDITOR, vec![case.remove(READER)], false)), GroupRule::Exposure);
    // Routine keys expose nobody; keys that may be in other hands do.
    case.case.parties[READER].replace_keys(BundleReason::Routine);
    let follow = |case: &GroupCase| {
        GroupChange::Follow(case.subject(READER), case.case.parties[READER].chain.fingerprint())
    };
    let step = case.commit(1, &case.draft(EDITOR, vec![follow(&case)], false)).unwrap();
    assert!(!step.exposes);
    case.case.parties[READER].replace_keys(BundleReason::Compromised);
    case.case.parties[READER].replace_keys(BundleReason::Routine);
    assert_eq!(case.refused(1, &case.draft(EDITOR, vec![follow(&case)], false)), GroupRule::Exposure);
    assert_eq!(case.exposure(1), Some(Exposure::Client(case.case.parties[READER].id)));
    // Nor is anybody added to a group that is not clean without one.
    let add = vec![case.member(STRANGER, Role::Member)];
    assert_eq!(case.refused(1, &case.draft(EDITOR, add.clone(), false)), GroupRule::Exposure);
    let step = case.commit(1, &case.draft(EDITOR, [vec![follow(&case)], add].concat(), true)).unwrap();
    assert!(step.exposes && case.is_clean(1));
}

#[test]
fn rule_5_generations_are_counted_and_follow_one_that_there_is() {
    let mut case = case();
    let rotate = case.draft(DELEGATE, vec![], true);
    let rule = |change: fn(&mut KeyBlock)| {
        case.pushed(1, &rotate, |entry| change(entry.key.as_mut().unwrap())).unwrap_err()
    };
    assert_eq!(rule(|block| block.generation.generation = 2), Some(GroupRule::Generations));
    assert_eq!(rule(|block| block.follows = None), Some(GroupRule::Generations));
    assert_eq!(rule(|block| block.follows.as_mut().unwrap().0 = 1), Some(GroupRule::Generations));
    case.commit(1, &rotate).unwrap();
    case.commit(1, &GroupDraft { past: Some(0), ..rotate.clone() }).unwrap();
    assert_eq!(case.state(1).newest_key().unwrap().follows.unwrap().0, 0);
    let notice = NoticeReference { sequence: 3, digest: Digest::from_bytes([3; 32]) };
    let answer = GroupDraft { notice: Some(notice), ..rotate };
    case.commit(1, &answer).unwrap();
    assert_eq!(case.state(1).newest_key().unwrap().generation.generation, 3 << 32);
    assert_eq!(case.refused(1, &answer), GroupRule::Generations);
}

#[test]
fn rule_7_groups_do_not_nest_in_a_circle_nor_too_deep() {
    let mut case = GroupCase::begun();
    for group in 0..=9 {
        case.create(group, DELEGATE);
    }
    for group in 0..8 {
        case.ok(group + 1, DELEGATE, vec![case.child(group)], false);
    }
    assert_eq!(case.state(8).holder().nesting(&case.around()), Some((8, 8)));
    assert_eq!(case.refused(0, &case.draft(DELEGATE, vec![case.child(8)], false)), GroupRule::Nesting);
    assert_eq!(case.refused(0, &case.draft(DELEGATE, vec![case.child(0)], false)), GroupRule::Nesting);
    assert_eq!(case.refused(9, &case.draft(DELEGATE, vec![case.child(8)], false)), GroupRule::Nesting);
    // An outsider's deep group does not keep those at its bottom from adding; it is not clean from then on.
    case.ok(0, DELEGATE, vec![case.child(9)], false);
    assert!(!case.is_clean(8) && case.is_clean(7) && case.is_clean(0));
    let wraps = case.share(8);
    assert!(wraps.contains(&Subject::Group(group_id(7))) && !wraps.contains(&Subject::Group(group_id(8))));
}

#[test]
fn a_member_opens_its_group_and_those_above_and_older_keys_by_links() {
    let mut case = case();
    case.create(2, STRANGER);
    let prepared = case.prepare(2, &case.draft(STRANGER, vec![case.child(1)], true)).unwrap();
    let signed = case.sign(&prepared.entry);
    case.push(2, &signed).unwrap();
    let rotated = case.prepare(1, &case.draft(DELEGATE, vec![case.remove(EDITOR)], true)).unwrap();
    let signed_rotated = case.sign(&rotated.entry);
    case.push(1, &signed_rotated).unwrap();

    let placed = |entry: &Signed<GroupEntry>, wraps: &[Wrap], subject: Subject| {
        let object = entry.object();
        let at = wraps.iter().position(|wrap| wrap.subject == subject).unwrap();
        let leaves: Vec<_> = (0..).zip(wraps).map(|(index, wrap)| wrap.leaf(index).unwrap()).collect();
        let placed = PlacedWrap {
            position: object.position,
            index: at.try_into().unwrap(),
            wrap: wraps[at].clone(),
            path: path_of(&leaves, at).unwrap(),
        };
        let of = WrapsOf {
            previous: object.previous,
            author_bundle: object.author_bundle,
            count: object.wrap_count,
            root: object.wrap_root,
        };
        (of, placed)
    };
    let reader = case.case.parties[READER].keys.wrap_private_key();
    let (child, parent) = (&case.groups[&group_id(1)], &case.groups[&group_id(2)]);
    let mut keys = GroupKeys::new();
    let (of, own) = placed(&signed_rotated, &rotated.wraps, case.subject(READER));
    assert!(keys.open_wrap(parent, &of, &own, &reader).is_err());
    assert_eq!(keys.open_wrap(child, &of, &own, &reader), Ok(1));
    assert_eq!(keys.links_to(child, 0), Some(vec![1]));
    let link = rotated.link.unwrap();
    assert!(keys.follow_link(child, 1, &[0; LINK_BYTES]).is_err());
    assert_eq!(keys.follow_link(child, 1, &link), Ok(0));
    assert_eq!(keys.links_to(child, 0), Some(Vec::new()));
    // The parent was wrapped to the child's older key.
    let (of, through) = placed(&signed, &prepared.wraps, Subject::Group(group_id(1)));
    let generation = child.key_of(&through.wrap.subject_head).unwrap().generation.generation;
    let opener = keys.wrap_private_key(child, generation).unwrap();
    assert_eq!(keys.open_wrap(parent, &of, &through, &opener), Ok(1));
    // Who was removed gets no wrap, and does not open that of another.
    assert!(rotated.wraps.iter().all(|wrap| wrap.subject != case.subject(EDITOR)));
    let editor = case.case.parties[EDITOR].keys.wrap_private_key();
    let (of, own) = placed(&signed_rotated, &rotated.wraps, case.subject(READER));
    assert!(GroupKeys::new().open_wrap(child, &of, &own, &editor).is_err());
}

#[test]
fn a_stored_state_goes_on_as_the_one_that_was_read() {
    let mut case = case();
    case.create(2, STRANGER);
    case.ok(2, STRANGER, vec![case.child(1)], false);
    case.ok(1, EDITOR, vec![case.remove(READER)], true);
    case.ok(2, STRANGER, vec![case.follow_child(1)], true);
    case.share(2);
    for group in [1, 2] {
        let state = case.state(group);
        let stored = state.to_bytes().unwrap();
        assert_eq!(GroupState::from_bytes(*state.place(), &stored).as_ref(), Ok(state));
        assert!(GroupState::from_bytes(*state.place(), &stored[1..]).is_err());
    }
    let state = case.case.log.state();
    let stored = state.to_bytes().unwrap();
    assert_eq!(LogState::from_bytes(state.place().clone(), &stored).as_ref(), Ok(state));
}

#[test]
fn a_state_that_was_stored_before_there_were_spans_is_read() {
    let case = GroupCase::begun();
    let state = case.case.log.state();
    let mut span = Writer::new();
    state.span.write(&mut span);
    let stored = state.to_bytes().unwrap();
    let mut older = stored[..stored.len() - span.finish().unwrap().len()].to_vec();
    older[0] = 1;
    let expected = LogState { span: Span::NOTHING, ..state.clone() };
    assert_eq!(LogState::from_bytes(state.place().clone(), &older), Ok(expected));
}

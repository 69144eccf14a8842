//! The permission matrix, written out.

use super::*;

fn client(byte: u8) -> ClientId {
    ClientId::from_bytes([byte; 16])
}

const WRITER: u8 = 1;
const CALLER: u8 = 2;
const OTHER: u8 = 3;

/// Callers: the writer; clients with grants; a stranger; clients whose writer is gone; readers by group, and of one record.
const ROLES: [&str; 10] = [
    "writer",
    "reader",
    "editor",
    "edit",
    "authorizer",
    "both",
    "stranger",
    "orphan",
    "in group",
    "of record",
];

fn role(name: &str) -> (ClientId, Facts) {
    let (read, edit, authorizer) = match name {
        "reader" => (true, false, false),
        "editor" => (true, true, false),
        "edit" => (false, true, false),
        "authorizer" => (false, false, true),
        "both" => (true, false, true),
        "orphan" => (true, true, true),
        _ => (false, false, false),
    };
    let caller = client(if name == "writer" { WRITER } else { CALLER });
    let writer_account = (name != "orphan").then(|| AccountId::from_bytes([9; 16]));
    let facts = Facts {
        writer: client(WRITER),
        writer_account,
        grants: GrantSet { read, edit, authorizer },
        reads_in_group: matches!(name, "in group" | "orphan"),
        reads_record: matches!(name, "of record" | "orphan"),
    };
    (caller, facts)
}

#[test]
fn matrix() {
    let changes = [
        PolicyChange::allow([Grant::Read]),
        PolicyChange::deny([Grant::Read]),
        PolicyChange::allow([Grant::Authorizer]),
        PolicyChange::deny([Grant::Authorizer]),
        PolicyChange::allow([Grant::Read, Grant::Edit]),
        PolicyChange::deny([Grant::Edit]),
    ];
    let [allow_read, deny_read, allow_authorizer, deny_authorizer, allow_edit, deny_edit] = &changes;
    let policy = |holder, change| Action::ChangePolicy { holder: client(holder), change };
    let give_up = |holder, change| Action::GiveUpGrants { holder: client(holder), change };
    let share = |reader, allow| Action::ShareRecord { reader: client(reader), allow };
    // Y: allowed; N: as if absent; F: forbidden. A column for each role of ROLES.
    let table = [
        (Action::WriteRecord, "YFFFFFFFFF"),
        (Action::ReadRecord, "YYYNNYNNYY"),
        (Action::UpdateRecord, "YFFNNFNNFF"),
        (Action::EditRecord, "YFYNNFNNFF"),
        (Action::DeleteRecord, "YFFFFFFFFF"),
        (Action::ReadKey { reader: client(CALLER) }, "YYYYYYYNYY"),
        (Action::ReadKey { reader: client(WRITER) }, "YNNNYYNNNN"),
        (Action::ReadKey { reader: client(OTHER) }, "YNNNYYNNNN"),
        (Action::PutKey { reader: client(CALLER) }, "YFFFYYFFFF"),
        (Action::PutKey { reader: client(WRITER) }, "YFFFFFFFFF"),
        (Action::PutKey { reader: client(OTHER) }, "YFFFYYFFFF"),
        (Action::DeleteKey { reader: client(CALLER) }, "YFFFYYFFFF"),
        (Action::DeleteKey { reader: client(WRITER) }, "YFFFFFFFFF"),
        (Action::DeleteKey { reader: client(OTHER) }, "YFFFYYFFFF"),
        (Action::GiveUpKey { reader: client(CALLER) }, "FYYYYYYYYY"),
        (Action::GiveUpKey { reader: client(WRITER) }, "FFFFFFFFFF"),
        (Action::GiveUpKey { reader: client(OTHER) }, "FFFFFFFFFF"),
        (policy(OTHER, allow_read), "YFFFYYFFFF"),
        (policy(OTHER, deny_read), "YFFFYYFFFF"),
        (policy(OTHER, allow_authorizer), "YFFFFFFFFF"),
        (policy(OTHER, deny_authorizer), "YFFFFFFFFF"),
        (policy(OTHER, allow_edit), "YFFFFFFFFF"),
        (policy(OTHER, deny_edit), "YFFFFFFFFF"),
        (policy(CALLER, allow_read), "YFFFFFFFFF"),
        (policy(CALLER, deny_read), "YFFFYYFFFF"),
        (policy(WRITER, allow_read), "YFFFFFFFFF"),
        (give_up(CALLER, deny_read), "FYYYYYYYYY"),
        (give_up(CALLER, deny_authorizer), "FYYYYYYYYY"),
        (give_up(CALLER, allow_read), "FFFFFFFFFF"),
        (give_up(OTHER, deny_read), "FFFFFFFFFF"),
        (share(OTHER, true), "YFFNYYNNFF"),
        (share(OTHER, false), "YFFNYYNNFF"),
        (share(CALLER, true), "YFFNNFNNFF"),
        (share(CALLER, false), "YFFNYYNNFF"),
        (share(WRITER, true), "YFFNNFNNFF"),
        (Action::RemoveAuthorizer, "YFFFFFFFFF"),
    ];
    for (action, expected) in table {
        let found: String = ROLES
            .iter()
            .map(|name| {
                let (caller, facts) = role(name);
                match decide(caller, action, &facts) {
                    Ok(()) => 'Y',
                    Err(Refusal::Absent(_)) => 'N',
                    Err(Refusal::Forbidden(_)) => 'F',
                    Err(Refusal::Unauthorized(_)) => 'U',
                }
            })
            .collect();
        assert_eq!(found, expected, "{action:?}, for {ROLES:?}");
    }
}

#[test]
fn a_stranger_cannot_tell_the_unknown_from_the_forbidden() {
    for action in [Action::ReadRecord, Action::UpdateRecord, Action::EditRecord] {
        let (caller, facts) = role("stranger");
        assert_eq!(decide(caller, action, &facts), Err(NO_RECORD));
    }
    let (caller, facts) = role("stranger");
    assert_eq!(decide(caller, Action::DeleteRecord, &facts), Err(NOT_DELETABLE));
    let (caller, gone) = role("orphan");
    let put = Action::PutKey { reader: client(OTHER) };
    assert_eq!(decide(caller, put, &gone), decide(caller, put, &facts));
}

#[test]
fn changes_name_what_they_touch() {
    let set = |read, edit, authorizer| GrantSet { read, edit, authorizer };
    for (before, change, after) in [
        (set(false, false, false), PolicyChange::allow([Grant::Read]), set(true, false, false)),
        (set(true, false, false), PolicyChange::allow([Grant::Authorizer]), set(true, false, true)),
        (set(true, false, true), PolicyChange::deny([Grant::Read]), set(false, false, true)),
        (set(true, false, true), PolicyChange::deny([Grant::Authorizer]), set(true, false, false)),
        (set(true, true, true), PolicyChange::deny([Grant::Read]), set(false, false, true)),
        (set(true, true, false), PolicyChange::deny([Grant::Edit]), set(true, false, false)),
        (set(false, false, false), PolicyChange::deny([Grant::Authorizer]), set(false, false, false)),
    ] {
        assert_eq!(changed_grants(before, &change), after, "{before:?} {change:?}");
    }
}

//! Rows to write.

use tozstore_api::{Capability, ExtendedPolicies, KeySet, NoteWrite, Plain, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, RecordId, SigningPublicKey, Version};

use crate::store::{
    AccessKeyRow, AccountRow, AccountSalts, ChallengeRow, ClientRow, GrantRow, GrantSet, GrantSlot,
    GroupMemberRow, GroupRow, GroupShareRow, KeySlot, NoteHead, NoteMails, NoteRow, NoteTexts, NoteUses,
    RecordHead, RecordIndex, RecordRow, RecordTypeRow, RecordTypeSlot, RegistrationTokenRow,
};

fn id_bytes(kind: u8, n: u32) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(super) fn hash(n: u32) -> [u8; 32] {
    let mut bytes = [0xaa; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(super) fn time(n: u32) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_001 + i64::from(n))
}

fn keys(text: &str) -> KeySet {
    KeySet::from_checked_json(&format!(r#"{{"p384":"{text}"}}"#)).expect("keys of other kinds are passed on")
}

pub(super) fn account_id(n: u32) -> AccountId {
    AccountId::from_bytes(id_bytes(1, n))
}

/// The client with this number.
pub fn client_id(n: u32) -> ClientId {
    ClientId::from_bytes(id_bytes(2, n))
}

/// A record type.
///
/// # Panics
/// The text is none.
pub fn record_type(text: &str) -> RecordType {
    RecordType::new(text).expect("a record type")
}

pub(super) fn account(n: u32) -> AccountRow {
    AccountRow {
        id: account_id(n),
        name: format!("Name {n} 'quoted' \u{1f600}"),
        email: format!("Someone{n}@Example.com"),
        email_key: format!("someone{n}@example.com"),
        salts: AccountSalts {
            auth: "a".into(),
            enc: "b".into(),
            paper_auth: "c".into(),
            paper_enc: "d".into(),
        },
        signing_key: keys("signing"),
        paper_signing_key: keys("paper"),
        company: String::new(),
        plan: "free0".into(),
        public_key: keys("public"),
        account_signing_key: KeySet::default(),
        queen: client_id(n),
        meta: Some(r#"{"k": "v"}"#.into()),
        created: time(n),
        tokens_valid_after: time(n + 1),
        kept_token: None,
    }
}

pub(super) fn challenge(n: u32) -> ChallengeRow {
    ChallengeRow { hash: hash(n), account_id: account_id(1), expires: time(n) }
}

pub(super) fn registration_token(n: u32) -> RegistrationTokenRow {
    RegistrationTokenRow {
        hash: hash(n),
        sealed: format!("sealed {n}"),
        account_id: account_id(1),
        name: n.is_multiple_of(2).then(|| format!("token {n}")),
        permissions: r#"{"enabled":true}"#.into(),
        total_uses_allowed: (n % 2 == 1).then_some(u64::MAX),
        uses: 0,
        created: time(n),
    }
}

pub(super) fn client(n: u32) -> ClientRow {
    ClientRow {
        id: client_id(n),
        account_id: account_id(1),
        name: "the same for all".into(),
        kind: "general".into(),
        public_key: keys("public"),
        signing_key: KeySet::default(),
        api_key_id: format!("key{n}"),
        api_secret_hash: hash(n),
        enabled: true,
        has_backup: false,
        registered_with: n.is_multiple_of(2).then(|| hash(n)),
        created: time(n),
        tokens_valid_after: time(n),
    }
}

pub(super) fn type_slot(writer: u32, user: u32, text: &str) -> RecordTypeSlot {
    RecordTypeSlot { writer: client_id(writer), user: client_id(user), record_type: record_type(text) }
}

pub(super) fn record_type_row(slot: RecordTypeSlot) -> RecordTypeRow {
    RecordTypeRow {
        slot,
        account_id: account_id(1),
        format: "interop".into(),
        suite: "sodium-1".into(),
        created: time(1),
    }
}

pub(super) fn access_key(slot: RecordTypeSlot, reader: u32) -> AccessKeyRow {
    AccessKeyRow {
        authorizer: slot.writer,
        slot: KeySlot { type_slot: slot, reader: client_id(reader) },
        account_id: account_id(1),
        eak: "text.nonce".into(),
        format: "interop".into(),
        suite: "sodium-1".into(),
        created: time(2),
    }
}

pub(super) fn grant(slot: RecordTypeSlot, holder: u32, grants: GrantSet) -> GrantRow {
    GrantRow {
        granted_by: slot.writer,
        slot: GrantSlot { type_slot: slot, client: client_id(holder) },
        account_id: account_id(1),
        grants,
        created: time(holder),
    }
}

pub(super) fn group_id(n: u32) -> GroupId {
    GroupId::from_bytes(id_bytes(5, n.reverse_bits()))
}

pub(super) fn group(n: u32) -> GroupRow {
    GroupRow {
        id: group_id(n),
        account_id: account_id(1),
        name: if n.is_multiple_of(2) { "even".into() } else { "odd".into() },
        description: format!("'quoted' {n}"),
        public_key: "public".into(),
        creator_key: "text.nonce".into(),
        created: time(n),
        last_modified: time(n),
    }
}

pub(super) fn group_member(n: u32, member: u32, capabilities: &[Capability]) -> GroupMemberRow {
    GroupMemberRow {
        group: group_id(n),
        client: client_id(member),
        account_id: account_id(1),
        membership_key: format!("key.{member}"),
        authorizer: client_id(1),
        authorizer_keys: keys("authorizer"),
        capabilities: capabilities.iter().copied().collect(),
        created: time(member),
    }
}

pub(super) fn group_share(n: u32, writer: u32, text: &str) -> GroupShareRow {
    GroupShareRow {
        group: group_id(n),
        writer: client_id(writer),
        record_type: record_type(text),
        account_id: account_id(1),
        key_id: id_bytes(6, n),
        eak: "text.nonce".into(),
        can_edit: false,
        created: time(n),
    }
}

/// The record with this number, at the index of the same number.
pub fn record(n: u32, writer: u32, user: u32, text: &str) -> RecordRow {
    RecordRow {
        head: RecordHead {
            index: RecordIndex(n.into()),
            id: RecordId::from_bytes(id_bytes(3, n.reverse_bits())),
            version: Version::from_bytes(id_bytes(4, n)),
            type_slot: type_slot(writer, user, text),
            account_id: account_id(1),
            plain: Plain::from_iter([("z".to_owned(), n.to_string()), ("a".to_owned(), "\u{0}b".to_owned())]),
            signature: n.is_multiple_of(2).then(|| "signature".to_owned()),
            format: "interop".into(),
            suite: "sodium-1".into(),
            file: None,
            created: time(n),
            last_modified: time(n),
        },
        data: format!(r#"{{"field":"{n}"}}"#),
    }
}

pub(super) fn note_id(n: u32) -> NoteId {
    NoteId::from_bytes(id_bytes(5, n))
}

pub(super) fn record_id(n: u32) -> RecordId {
    RecordId::from_bytes(id_bytes(3, n))
}

/// The note with this number. Even ones have a name and a policy, go with record 1, and are gone at `time(n)`.
pub(super) fn note(n: u32, writer: Option<u32>) -> NoteRow {
    let even = n.is_multiple_of(2);
    let key: SigningPublicKey = "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk".parse().expect("a public key");
    let policies = r#"{"tozny_otp_eacp":{"include":true}}"#;
    NoteRow {
        head: NoteHead {
            id: note_id(n),
            name: even.then(|| format!("name {n}")),
            writer: writer.map(|writer| (client_id(writer), account_id(1))),
            recipient_key: key,
            writer_key: key,
            texts: NoteTexts {
                mode: "Sodium".into(),
                note_type: "type".into(),
                writer_encryption_key: "writer".into(),
                encrypted_access_key: "wrapped".into(),
                signature: "signed".into(),
            },
            plain: Plain::from_iter([("z".to_owned(), n.to_string()), ("a".to_owned(), "b".to_owned())]),
            file_meta: Plain::default(),
            file: None,
            policies: ExtendedPolicies::from_json(if even { policies } else { "{}" }).expect("policies"),
            max_views: even.then_some(n.into()),
            expiration: even.then(|| time(n)),
            expires: even,
            record: even.then(|| record_id(1)),
            is_secret: even,
            format: "interop".into(),
            suite: "sodium-1".into(),
            created: time(n),
            uses: NoteUses {
                views: n.into(),
                last_read: even.then(|| time(n)),
                gone: even.then(|| time(n)),
                code: even.then(|| (hash(n), time(n))),
                mails: NoteMails {
                    code: even.then(|| (hash(n + 1), time(n))),
                    wrong_codes: n,
                    sent: n,
                    last_sent: even.then(|| time(n)),
                },
            },
        },
        data: format!(r#"{{"field":"{n}"}}"#),
    }
}

/// A note as it is sent.
pub(super) fn note_to_write(n: u32) -> NoteWrite {
    let head = note(n, None).head;
    NoteWrite {
        id_string: head.name.unwrap_or_default(),
        mode: head.texts.mode,
        recipient_signing_key: head.recipient_key,
        writer_signing_key: head.writer_key,
        writer_encryption_key: head.texts.writer_encryption_key,
        encrypted_access_key: head.texts.encrypted_access_key,
        note_type: head.texts.note_type,
        data: [("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())].into_iter().collect(),
        plain: head.plain,
        file_meta: Plain::from_iter([("size".to_owned(), n.to_string())]),
        signature: head.texts.signature,
        max_views: head.max_views.map_or(-1, |most| most as i64),
        expiration: head.expiration,
        expires: head.expires,
        eacp: head.policies,
        record_id: head.record,
        is_secret: head.is_secret,
    }
}

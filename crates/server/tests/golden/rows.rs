//! The rows of the golden database files: one account with a bit of everything.
//!
//! When a row gets a member, it gets here the value that a migration gives to rows that were there before.

use tozstore_api::{Capability, ExtendedPolicies, KeySet, Plain, RecordType, Timestamp};
use tozstore_crypto::{
    AccountId, ClientId, FileChecksum, GroupId, NoteId, RecordId, SigningPublicKey, Version,
};
use tozstore_server::blobs::BlobKey;
use tozstore_server::store::{
    AccessKeyRow, AccountRow, AccountSalts, ClientRow, FileContent, GrantRow, GrantSet, GrantSlot,
    GroupMemberRow, GroupRow, GroupShareRow, HookDeliveryRow, HookRow, KeySlot, NoteHead, NoteMails, NoteRow,
    NoteTexts, NoteUses, RecordGrantRow, RecordHead, RecordIndex, RecordRow, RecordTypeRow, RecordTypeSlot,
    RegistrationTokenRow, StoredFile,
};

/// What went wrong in making them.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// All rows.
#[derive(Clone)]
pub struct Rows {
    pub account: AccountRow,
    pub token: RegistrationTokenRow,
    /// The queen, then a reader.
    pub clients: [ClientRow; 2],
    pub record_type: RecordTypeRow,
    pub access_key: AccessKeyRow,
    pub grant: GrantRow,
    /// Plain ones, and at last one with a file.
    pub records: [RecordRow; 3],
    pub record_grant: RecordGrantRow,
    /// One that has a file, one of nobody.
    pub notes: [NoteRow; 2],
    pub group: GroupRow,
    pub member: GroupMemberRow,
    pub share: GroupShareRow,
    pub hook: HookRow,
    pub delivery: HookDeliveryRow,
}

/// A moment.
pub fn time(n: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_001 + n)
}

fn keys(text: &str) -> Result<KeySet, Problem> {
    Ok(KeySet::from_checked_json(&format!(r#"{{"p384":"{text}"}}"#))?)
}

fn file(n: u8) -> StoredFile {
    let checksum = FileChecksum::from_bytes([n; 16]);
    let content = FileContent { len_bytes: 4_294_967_296, checksum, compression: "raw".into() };
    StoredFile { key: BlobKey::from_bytes([n; 16]), content }
}

impl Rows {
    /// Makes them.
    pub fn new() -> Result<Self, Problem> {
        let account_id = AccountId::from_bytes([1; 16]);
        let [queen, reader] = [ClientId::from_bytes([2; 16]), ClientId::from_bytes([3; 16])];
        let account = AccountRow {
            id: account_id,
            name: "Name \u{1f600}".into(),
            email: "Someone@Example.com".into(),
            email_key: "someone@example.com".into(),
            salts: AccountSalts {
                auth: "a".into(),
                enc: "b".into(),
                paper_auth: "c".into(),
                paper_enc: "d".into(),
            },
            signing_key: keys("signing")?,
            paper_signing_key: keys("paper")?,
            company: "Company".into(),
            plan: "free0".into(),
            public_key: keys("public")?,
            account_signing_key: KeySet::default(),
            queen,
            meta: Some(r#"{"k":"v"}"#.into()),
            created: time(1),
            tokens_valid_after: time(2),
            kept_token: None,
        };
        let token = RegistrationTokenRow {
            hash: [5; 32],
            sealed: "sealed".into(),
            account_id,
            name: Some("token".into()),
            permissions: r#"{"enabled":true}"#.into(),
            total_uses_allowed: Some(7),
            uses: 0,
            created: time(3),
        };
        let client = |id: ClientId, name: &str, registered_with: Option<[u8; 32]>| {
            Ok::<_, Problem>(ClientRow {
                id,
                account_id,
                name: name.into(),
                kind: "general".into(),
                public_key: keys("public")?,
                signing_key: keys("signing")?,
                api_key_id: format!("key of {name}"),
                api_secret_hash: [if registered_with.is_some() { 11 } else { 12 }; 32],
                enabled: true,
                has_backup: true,
                registered_with,
                created: time(4),
                tokens_valid_after: time(4),
            })
        };
        let type_slot =
            RecordTypeSlot { writer: queen, user: queen, record_type: RecordType::new("note/für alle")? };
        let record = |n: u8, file| RecordRow {
            head: RecordHead {
                index: RecordIndex(n.into()),
                id: RecordId::from_bytes([0x10 + n; 16]),
                version: Version::from_bytes([0x20 + n; 16]),
                type_slot: type_slot.clone(),
                account_id,
                plain: Plain::from_iter([
                    ("z".to_owned(), n.to_string()),
                    ("color".to_owned(), "red".to_owned()),
                ]),
                signature: Some("signature".into()),
                format: "interop".into(),
                suite: "sodium-1".into(),
                file,
                created: time(n.into()),
                last_modified: time(n.into()),
            },
            data: format!(r#"{{"field":"{n}"}}"#),
        };
        let records = [record(1, None), record(2, None), record(3, Some(file(1)))];
        let recipient_key: SigningPublicKey = "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk".parse()?;
        let note = |n: u8, writer: Option<ClientId>, policies: &str, file| {
            Ok::<_, Problem>(NoteRow {
                head: NoteHead {
                    id: NoteId::from_bytes([0x30 + n; 16]),
                    name: writer.map(|_| format!("note {n}")),
                    writer: writer.map(|writer| (writer, account_id)),
                    recipient_key,
                    writer_key: recipient_key,
                    texts: NoteTexts {
                        mode: "Sodium".into(),
                        note_type: "type".into(),
                        writer_encryption_key: "writer".into(),
                        encrypted_access_key: "wrapped".into(),
                        signature: "signed".into(),
                    },
                    plain: Plain::from_iter([("a".to_owned(), "b".to_owned())]),
                    file_meta: Plain::default(),
                    file,
                    policies: ExtendedPolicies::from_json(policies)?,
                    max_views: Some(5),
                    expiration: Some(time(1_000_000)),
                    expires: true,
                    record: Some(RecordId::from_bytes([0x11; 16])),
                    is_secret: true,
                    format: "interop".into(),
                    suite: "sodium-1".into(),
                    created: time(n.into()),
                    uses: NoteUses {
                        views: 2,
                        last_read: Some(time(9)),
                        gone: None,
                        code: Some(([6; 32], time(10))),
                        mails: NoteMails { code: None, wrong_codes: 0, sent: 0, last_sent: None },
                    },
                },
                data: r#"{"field":"sealed"}"#.into(),
            })
        };
        let group_id = GroupId::from_bytes([0x40; 16]);
        let slot = GrantSlot { type_slot: type_slot.clone(), client: reader };
        Ok(Self {
            token,
            clients: [client(queen, "queen", None)?, client(reader, "reader", Some([5; 32]))?],
            record_type: RecordTypeRow {
                slot: type_slot.clone(),
                account_id,
                format: "interop".into(),
                suite: "sodium-1".into(),
                created: time(1),
            },
            access_key: AccessKeyRow {
                slot: KeySlot { type_slot: type_slot.clone(), reader },
                account_id,
                eak: "text.nonce".into(),
                authorizer: queen,
                format: "interop".into(),
                suite: "sodium-1".into(),
                created: time(2),
            },
            grant: GrantRow {
                slot: slot.clone(),
                account_id,
                grants: GrantSet { read: true, edit: false, authorizer: true },
                granted_by: queen,
                created: time(3),
            },
            record_grant: RecordGrantRow {
                record: records[0].head.id,
                slot,
                account_id,
                granted_by: queen,
                created: time(4),
            },
            records,
            notes: [
                note(1, Some(queen), r#"{"tozny_otp_eacp":{"include":true}}"#, Some(file(2)))?,
                note(2, None, "{}", None)?,
            ],
            group: GroupRow {
                id: group_id,
                account_id,
                name: "group".into(),
                description: "what it is for".into(),
                public_key: "public".into(),
                creator_key: "text.nonce".into(),
                created: time(5),
                last_modified: time(6),
            },
            member: GroupMemberRow {
                group: group_id,
                client: reader,
                account_id,
                membership_key: "key".into(),
                authorizer: queen,
                authorizer_keys: keys("authorizer")?,
                capabilities: [Capability::ReadContent, Capability::ManageMembership].into_iter().collect(),
                created: time(7),
            },
            share: GroupShareRow {
                group: group_id,
                writer: queen,
                record_type: type_slot.record_type,
                account_id,
                key_id: [8; 16],
                eak: "text.nonce".into(),
                can_edit: true,
                created: time(8),
            },
            hook: HookRow {
                id: 0,
                account_id,
                url: "https://example.com/hook".into(),
                triggers: "[]".into(),
                nonce: [9; 16],
                created: time(9),
                failures: 0,
                wakes: None,
            },
            delivery: HookDeliveryRow {
                id: [10; 16],
                hook: 0,
                account_id,
                body: "{}".into(),
                created: time(10),
                attempts: 0,
                due: time(11),
            },
            account,
        })
    }
}

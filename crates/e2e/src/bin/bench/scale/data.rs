//! What a store is filled with: rows that can be told from their numbers, so that a measurement knows what to ask for.
//!
//! A tenth of the records are one writer's, the others are spread evenly. Each writer has five types, and lets five
//! others read them. Each record has two entries of plain metadata.

use tozstore_api::{KeySet, Plain, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, RecordId, SecretHash, Version};
use tozstore_server::store::{
    AccessKeyRow, AccountRow, AccountSalts, ClientRow, GrantRow, GrantSet, GrantSlot, KeySlot, RecordHead,
    RecordIndex, RecordRow, RecordTypeRow, RecordTypeSlot,
};

/// Records for each writer, but for the first, which has a tenth of all.
const RECORDS_PER_WRITER: u64 = 1_000;
const FEWEST_WRITERS: u64 = 100;
const CLIENTS_PER_ACCOUNT: u64 = 10;
pub(crate) const TYPES: u64 = 5;
pub(crate) const READERS: u64 = 5;
const DATA_BYTES: usize = 160;
/// When the first record was written, in microseconds since 1970; the others follow a millisecond apart.
const BEGIN: i64 = 1_700_000_000_000_000;
const FORMAT: &str = "interop";
const SUITE: &str = "sodium-1";

/// A store with so many records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    pub(crate) records: u64,
}

impl Data {
    pub(crate) fn writers(self) -> u64 {
        (self.records / RECORDS_PER_WRITER).max(FEWEST_WRITERS)
    }

    pub(crate) fn accounts(self) -> u64 {
        self.writers().div_ceil(CLIENTS_PER_ACCOUNT)
    }

    /// Who wrote a record.
    pub(crate) fn writer_of(self, record: u64) -> u64 {
        if record % 10 == 9 { 0 } else { 1 + (record - record / 10) % (self.writers() - 1) }
    }

    /// One of the records of a writer, drawn by a number.
    pub(crate) fn record_by(self, writer: u64, draw: u64) -> u64 {
        let drawn = scatter(draw);
        if writer == 0 {
            return drawn % (self.records / 10) * 10 + 9;
        }
        // Those of all writers but the first are numbered without the first's, who has each tenth.
        let others = self.writers() - 1;
        let rounds = (self.records - self.records / 10 - (writer - 1)).div_ceil(others);
        let at = drawn % rounds * others + (writer - 1);
        at / 9 * 10 + at % 9
    }

    /// The writers whose records a client may read, besides its own.
    pub(crate) fn read_by(self, client: u64) -> impl Iterator<Item = u64> {
        (1..=READERS).map(move |step| (client + step) % self.writers())
    }

    /// Who may read a writer's records.
    fn readers_of(self, writer: u64) -> impl Iterator<Item = u64> {
        (1..=READERS).map(move |step| (writer + self.writers() - step) % self.writers())
    }

    pub(crate) fn account(self, number: u64) -> AccountRow {
        let text = |what: &str| format!("{what}{number}");
        AccountRow {
            id: account_id(number),
            name: text("account "),
            email: text("a") + "@example.com",
            email_key: text("a") + "@example.com",
            salts: AccountSalts {
                auth: text("a"),
                enc: text("b"),
                paper_auth: text("c"),
                paper_enc: text("d"),
            },
            signing_key: KeySet::default(),
            paper_signing_key: KeySet::default(),
            company: String::new(),
            plan: "free0".to_owned(),
            public_key: KeySet::default(),
            account_signing_key: KeySet::default(),
            queen: client_id(number * CLIENTS_PER_ACCOUNT),
            meta: None,
            created: Timestamp::from_micros(BEGIN),
            tokens_valid_after: Timestamp::from_micros(0),
            kept_token: None,
        }
    }

    pub(crate) fn client(self, number: u64) -> ClientRow {
        ClientRow {
            id: client_id(number),
            account_id: account_id(number / CLIENTS_PER_ACCOUNT),
            name: format!("client {number}"),
            kind: "general".to_owned(),
            public_key: KeySet::default(),
            signing_key: KeySet::default(),
            api_key_id: api_key_id(number),
            api_secret_hash: *SecretHash::of(api_secret(number).as_bytes()).as_bytes(),
            enabled: true,
            has_backup: false,
            registered_with: None,
            created: Timestamp::from_micros(BEGIN),
            tokens_valid_after: Timestamp::from_micros(0),
        }
    }

    /// A writer's types, the keys to them, and who else may read them.
    pub(crate) fn shares(self, writer: u64) -> (Vec<RecordTypeRow>, Vec<AccessKeyRow>, Vec<GrantRow>) {
        let (mut types, mut keys, mut grants) = (Vec::new(), Vec::new(), Vec::new());
        let (account_id, created) = (account_id(writer / CLIENTS_PER_ACCOUNT), Timestamp::from_micros(BEGIN));
        for number in 0..TYPES {
            let slot = slot(writer, number);
            let (format, suite) = (FORMAT.to_owned(), SUITE.to_owned());
            types.push(RecordTypeRow { slot: slot.clone(), account_id, format, suite, created });
            for reader in std::iter::once(writer).chain(self.readers_of(writer)) {
                keys.push(AccessKeyRow {
                    slot: KeySlot { type_slot: slot.clone(), reader: client_id(reader) },
                    account_id,
                    eak: format!("{}.{}", "k".repeat(64), "n".repeat(32)),
                    authorizer: client_id(writer),
                    format: FORMAT.to_owned(),
                    suite: SUITE.to_owned(),
                    created,
                });
                if reader != writer {
                    grants.push(GrantRow {
                        slot: GrantSlot { type_slot: slot.clone(), client: client_id(reader) },
                        account_id,
                        grants: GrantSet { read: true, ..GrantSet::default() },
                        granted_by: client_id(writer),
                        created,
                    });
                }
            }
        }
        (types, keys, grants)
    }

    /// A record; its index and times are the store's to give.
    pub(crate) fn record(self, number: u64) -> RecordRow {
        let writer = self.writer_of(number);
        let scattered = scatter(number);
        let plain = [
            ("status", ["open", "closed", "waiting"][(scattered % 3) as usize].to_owned()),
            ("customer", format!("c{:05}", scattered % 20_000)),
        ];
        let created = Timestamp::from_micros(BEGIN + number as i64 * 1_000);
        RecordRow {
            head: RecordHead {
                index: RecordIndex(0),
                id: self.record_id(number),
                version: Version::from_bytes(uuid(number, 4, 0)),
                type_slot: slot(writer, scattered % TYPES),
                account_id: account_id(writer / CLIENTS_PER_ACCOUNT),
                plain: plain.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Plain>(),
                signature: None,
                format: FORMAT.to_owned(),
                suite: SUITE.to_owned(),
                file: None,
                created,
                last_modified: created,
            },
            data: format!(r#"{{"field":"{}"}}"#, "x".repeat(DATA_BYTES)),
        }
    }

    pub(crate) fn record_id(self, number: u64) -> RecordId {
        RecordId::from_bytes(uuid(number, 7, placement(self.writer_of(number) / CLIENTS_PER_ACCOUNT)))
    }
}

pub(crate) fn client_id(number: u64) -> ClientId {
    ClientId::from_bytes(uuid(number, 7, placement(number / CLIENTS_PER_ACCOUNT)))
}

pub(crate) fn api_key_id(client: u64) -> String {
    format!("{:064x}", u128::from(client) + (1 << 100))
}

pub(crate) fn api_secret(client: u64) -> String {
    format!("{:064x}", u128::from(scatter(client)) + (1 << 100))
}

#[allow(clippy::expect_used, reason = "each name is one")]
pub(crate) fn record_type(number: u64) -> RecordType {
    let names = ["contact", "invoice", "letter", "note", "task"];
    RecordType::new(names[(number % TYPES) as usize]).expect("a type")
}

fn account_id(number: u64) -> AccountId {
    AccountId::from_bytes(uuid(number, 7, placement(number)))
}

fn slot(writer: u64, type_number: u64) -> RecordTypeSlot {
    let writer = client_id(writer);
    RecordTypeSlot { writer, user: writer, record_type: record_type(type_number) }
}

/// An id as the server makes them: in the order of time, with a placement. Ids of other kinds have other numbers.
fn uuid(number: u64, version: u8, placement: u16) -> [u8; 16] {
    let millis = (BEGIN / 1_000) as u64 + number;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..14].copy_from_slice(&scatter(number).to_be_bytes());
    bytes[6] = (version << 4) | (bytes[6] & 15);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    bytes[14..].copy_from_slice(&placement.to_be_bytes());
    bytes
}

/// Accounts draw their placement at random.
fn placement(account: u64) -> u16 {
    (scatter(account + 1) >> 48) as u16
}

/// A number that looks drawn at random (the finalizer of SplitMix64).
pub(crate) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_drawn_of_their_writers() {
        let data = Data { records: 12_340 };
        for draw in 0..2_000 {
            for writer in [0, 1, 57, data.writers() - 1] {
                let record = data.record_by(writer, draw);
                assert!(record < data.records);
                assert_eq!(data.writer_of(record), writer);
            }
        }
    }

    #[test]
    fn who_reads_is_who_is_read_by() {
        let data = Data { records: 10 };
        let (_, keys, grants) = data.shares(3);
        assert_eq!(grants.len() as u64, TYPES * READERS);
        assert_eq!(keys.len() as u64, TYPES * (READERS + 1));
        for grant in grants {
            let reader = (0..data.writers()).find(|number| client_id(*number) == grant.slot.client).unwrap();
            assert!(data.read_by(reader).any(|writer| writer == 3));
        }
    }
}

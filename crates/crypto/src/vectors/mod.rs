//! Runs every case of `/vectors`, which the official clients made. Inside the crate, because exact bytes need the
//! nonces to be given. Where those clients are lax and this crate is strict, the case says so.

mod keys;
mod notes;
mod passwords;
mod produced;
mod records;
mod requests;
mod sealed;
mod sealed_files;
mod sealed_groups;
mod sealed_log;
mod sealed_replay;

use std::path::PathBuf;

use serde_json::Value;

use crate::{AccessKey, EncryptionPrivateKey, EncryptionPublicKey, SigningKeyPair, SigningPublicKey};

macro_rules! vector_files {
    ($($test:ident, $file:literal, $cases:literal, $run:path;)+) => {
        /// File, number of cases.
        const FILES: &[(&str, usize)] = &[$(($file, $cases)),+];

        $(
            #[test]
            fn $test() {
                // The number is written down so that a case cannot fall out unseen.
                assert_eq!($run(&load($file)), $cases);
            }
        )+
    };
}

vector_files! {
    keys_and_encodings, "01-keys-and-encodings", 18, keys::keys_and_encodings;
    access_keys, "02-access-keys", 8, keys::access_keys;
    record_fields, "03-record-fields", 13, records::fields;
    record_signatures, "04-record-signatures", 14, records::signatures;
    field_signatures, "05-field-signatures", 17, notes::field_signatures;
    notes, "06-notes", 13, notes::notes;
    groups, "07-groups", 6, keys::groups;
    files, "08-files", 16, sealed_files::files;
    tsv1, "09-tsv1", 8, requests::tsv1;
    password_derivation, "10-password-derivation", 16, passwords::derivation;
    account_login, "12-account-login", 2, passwords::account_login;
    local_records, "13-local-records", 14, records::local_records;
    python, "20-python-produced", 14, produced::everything;
    go, "21-go-produced", 15, produced::everything;
    java, "22-java-produced", 28, produced::everything;
    ruby, "23-ruby-produced", 5, produced::everything;
    c_core, "24-c-core-produced", 9, produced::everything;
    rust_crates, "25-rust-crates-produced", 5, produced::everything;
    sealed_encoding, "sealed/encoding", 30, sealed_replay::objects;
    sealed_bundles, "sealed/bundles", 10, sealed_replay::bundles;
    sealed_access_keys, "sealed/access-keys", 9, sealed_replay::access_keys;
    sealed_records, "sealed/records", 12, sealed_replay::records;
    sealed_logs, "sealed/logs", 13, sealed_log::logs;
    sealed_groups, "sealed/groups", 18, sealed_groups::groups;
}

/// Files that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("11-nist-python", "the NIST mode is not implemented: hardly any client has it"),
    ("90-cross-checks", "a protocol of which client read what; nothing to run"),
];

#[test]
fn every_file_is_run_or_has_a_reason_not_to_be() {
    let names_in = |folder: PathBuf, prefix: &'static str| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(move |path| format!("{prefix}{}", path.file_stem().unwrap().to_str().unwrap()))
    };
    let mut there: Vec<String> =
        names_in(folder(), "").chain(names_in(folder().join("sealed"), "sealed/")).collect();
    there.sort();
    let mut known: Vec<_> = FILES.iter().chain(&[]).map(|(file, _)| (*file).to_owned()).collect();
    known.extend(NOT_RUN.iter().map(|(file, _)| (*file).to_owned()));
    known.sort();
    assert_eq!(there, known);
    for (file, cases) in FILES {
        println!("{file:28} {cases:4} cases");
    }
    for (file, reason) in NOT_RUN {
        println!("{file:28}    - {reason}");
    }
    println!("{:28} {:4} cases", "all", FILES.iter().map(|(_, cases)| cases).sum::<usize>());
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn load(file: &str) -> Value {
    let bytes = std::fs::read(folder().join(format!("{file}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Members of a JSON value, read the way tests want it: there or bust.
trait Read {
    fn text(&self, name: &str) -> &str;
    fn list(&self, name: &str) -> &[Value];
    fn bytes<const N: usize>(&self, name: &str) -> [u8; N];
    fn access_key(&self) -> AccessKey;
    /// Pairs of texts, of an object or of a list of lists.
    fn entries(&self) -> Vec<(&str, &str)>;
}

impl Read for Value {
    fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or_else(|| panic!("no text {name} in {self}"))
    }

    fn list(&self, name: &str) -> &[Value] {
        self[name].as_array().unwrap_or_else(|| panic!("no list {name}"))
    }

    fn bytes<const N: usize>(&self, name: &str) -> [u8; N] {
        from_hex(self.text(name)).try_into().unwrap()
    }

    fn access_key(&self) -> AccessKey {
        AccessKey::from_bytes(&self.bytes("ak_hex"))
    }

    fn entries(&self) -> Vec<(&str, &str)> {
        match self {
            Value::Object(object) => {
                object.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
            }
            Value::Array(list) => {
                list.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
            }
            _ => panic!("no entries: {self}"),
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// The keys of one of the fixed clients.
struct Client {
    private_key: EncryptionPrivateKey,
    public_key: EncryptionPublicKey,
    signing_pair: SigningKeyPair,
    signing_key: SigningPublicKey,
}

fn client(file: &Value, name: &str) -> Client {
    let keys = &file["keys"][name];
    Client {
        private_key: EncryptionPrivateKey::from_text(keys.text("private_key")).unwrap(),
        public_key: keys.text("public_key").parse().unwrap(),
        signing_pair: SigningKeyPair::from_text(keys.text("private_signing_key")).unwrap(),
        signing_key: keys.text("public_signing_key").parse().unwrap(),
    }
}

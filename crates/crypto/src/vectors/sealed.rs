//! Makes the vectors of the sealed format: valid ones, and broken ones named by their fault. They depend on fixed seeds
//! alone, so the files are compared with what the code makes; `TOZSTORE_WRITE_VECTORS=1` writes them.

use serde_json::{Value, json};

use crate::primitives::with_fixed_random;
use crate::sealed::{
    AccessKey, BundleChain, BundleLink, BundleReason, ClientKeys, ContactCard, DataKey, Digest, EntryPlace,
    EpochId, FieldBody, FieldForm, FieldName, FieldToSeal, LogPosition, NameKey, Names, Plain, RecordDraft,
    RecordFields, RecordPlace, SealedRecord, Signed, Subject, TypePlace, Wrap, Writer,
};
use crate::{ClientId, RecordId, SigningKeyPair, StoreId};

pub(super) const STORE: StoreId = StoreId::from_bytes([1; 16]);
pub(super) const WRITER: ClientId = ClientId::from_bytes([2; 16]);

#[test]
fn files_are_what_the_code_makes() {
    for (name, cases) in [
        ("bundles", bundles()),
        ("access-keys", access_keys()),
        ("records", records()),
        ("encoding", encoding()),
        ("logs", super::sealed_log::cases()),
        ("groups", super::sealed_groups::cases()),
    ] {
        let path = super::folder().join(format!("sealed/{name}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&json!({ "cases": cases })).unwrap());
        if std::env::var_os("TOZSTORE_WRITE_VECTORS").is_some() {
            std::fs::write(&path, text).unwrap();
        } else {
            assert!(std::fs::read_to_string(&path).unwrap() == text, "{name} is not what the code makes");
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.finish().unwrap()
}

fn registered(seed: u8) -> SigningKeyPair {
    SigningKeyPair::from_seed(&[seed; 32])
}

fn keys(seed: u8) -> ClientKeys {
    ClientKeys::from_bytes(&[seed; 64])
}

fn first() -> BundleLink {
    BundleLink::first(&registered(7), STORE, WRITER).unwrap()
}

fn writer() -> (BundleChain, ClientKeys) {
    (BundleChain::begin(STORE, WRITER, &first()).unwrap(), ClientKeys::derive(&registered(7), STORE, WRITER))
}

fn bundles() -> Vec<Value> {
    let derived = ClientKeys::derive(&registered(7), STORE, WRITER);
    let next = |last: &BundleLink, old: &ClientKeys, new: &ClientKeys, reason| {
        BundleLink::successor(last.bundle(), old, new, reason, 1_700_000_000_000).unwrap()
    };
    let second = next(&first(), &derived, &keys(11), BundleReason::Routine);
    let third = next(&second, &keys(11), &keys(12), BundleReason::Compromised);
    let stranger = next(&first(), &keys(13), &keys(14), BundleReason::Routine);
    let other_client = ClientId::from_bytes([3; 16]);
    let elsewhere = BundleLink::first(&registered(7), STORE, other_client).unwrap();
    let chain = |fault: &str, links: &[&BundleLink]| {
        let links: Vec<_> = links.iter().map(|link| hex(&written(|writer| link.write(writer)))).collect();
        json!({ "fault": fault, "store": STORE, "client": WRITER, "links": links })
    };
    let (whole, keys) = writer();
    let card = ContactCard::new(&whole, &keys, "Alice", 1_700_000_000_000).unwrap().to_string();
    vec![
        json!({
            "fault": "", "store": STORE, "client": WRITER, "registered_seed": hex(&[7; 32]),
            "links": [hex(&written(|writer| first().write(writer)))],
            "fingerprint": first().bundle().digest(), "flip_each_byte": true,
        }),
        chain("", &[&first(), &second, &third]),
        chain("left out", &[&first(), &third]),
        chain("twice", &[&first(), &first()]),
        chain("not the first", &[&second]),
        chain("by other keys than those before", &[&first(), &stranger]),
        chain("of another client", &[&elsewhere]),
        json!({ "fault": "", "card": card, "fingerprint": first().bundle().digest() }),
        json!({ "fault": "padding", "card": format!("{card}=") }),
        json!({ "fault": "cut", "card": &card[..card.len() - 4] }),
    ]
}

fn record_type() -> TypePlace {
    TypePlace { store: STORE, writer: WRITER, type_name: "notes".parse().unwrap() }
}

fn access_keys() -> Vec<Value> {
    let place = record_type();
    let keys = [21, 22, 23].map(|seed| AccessKey::from_bytes(&[seed; 32]));
    let heads = [keys[0].head(&place, 0, 0), keys[2].head(&place, 1, 2)];
    let entry = EntryPlace {
        record_type: &place,
        position: 5,
        previous: Some(Digest::from_bytes([5; 32])),
        author_bundle: first().bundle().digest(),
        heads: &heads,
    };
    let subject = (Subject::Client(WRITER), first().bundle().digest());
    let reader = ClientKeys::derive(&registered(7), STORE, WRITER).wrap_public_key();
    let (wrap, name_key, link) = with_fixed_random(|| {
        let name_key = NameKey::generate();
        let keys: [&AccessKey; 2] = [&keys[0], &keys[2]];
        let wrap = Wrap::of_access_keys(&entry, &reader, subject, 0, &keys, Some(&name_key)).unwrap();
        let (new, old) = (keys[1].head(&place, 1, 2), keys[0].head(&place, 1, 1));
        (wrap, name_key, keys[1].seal_link(&place, &new, &old, keys[0]))
    });
    let heads: Vec<_> = heads
        .iter()
        .map(|head| json!({ "segment": head.segment, "number": head.number, "canary": head.canary }))
        .collect();
    let wrap_case = |fault: &str, position: u64, reader_seed: u8, commitment: Option<Digest>, wrap: &[u8]| {
        json!({
            "fault": fault, "type": "notes", "position": position, "previous": Digest::from_bytes([5; 32]),
            "author_bundle": first().bundle().digest(), "heads": heads, "reader_registered_seed": hex(&[reader_seed; 32]),
            "name_key_commitment": commitment, "wrap": hex(wrap), "access_keys": [hex(&[21; 32]), hex(&[23; 32])],
            "leaf_0": if fault.is_empty() { Some(self::wrap_leaf(wrap)) } else { None },
        })
    };
    let commitment = name_key.commitment(&place);
    let bytes = written(|writer| wrap.write(writer));
    let mut flipped = bytes.clone();
    flipped[bytes.len() - 1] ^= 1;
    let link_case = |fault: &str, new_key: u8, old_number: u64, link: &[u8]| {
        json!({
            "fault": fault, "type": "notes", "new_key": hex(&[new_key; 32]), "old_key": hex(&[21; 32]), "segment": 1,
            "new_number": 2, "old_number": old_number, "link": hex(link),
        })
    };
    vec![
        wrap_case("", 5, 7, Some(commitment), &bytes),
        wrap_case("another attempt", 6, 7, Some(commitment), &bytes),
        wrap_case("another reader", 5, 8, Some(commitment), &bytes),
        wrap_case("names are not hidden", 5, 7, None, &bytes),
        wrap_case("another name key", 5, 7, Some(Digest::from_bytes([0; 32])), &bytes),
        wrap_case("altered", 5, 7, Some(commitment), &flipped),
        link_case("", 23, 1, &link),
        link_case("another key", 22, 1, &link),
        link_case("another epoch", 23, 0, &link),
    ]
}

fn wrap_leaf(wrap: &[u8]) -> Digest {
    Digest::of(crate::SealedLabel::WrapLeaf, &[&0_u32.to_le_bytes(), wrap])
}

/// One sealed record, and its wrapped data key.
pub(super) fn record() -> (SealedRecord, Vec<u8>) {
    let (chain, keys) = writer();
    let place = record_place(1);
    let fields = [
        FieldToSeal { name: "city", form: FieldForm::Text, value: "Zürich".as_bytes() },
        FieldToSeal { name: "key", form: FieldForm::Bytes, value: &[0, 0xff] },
        FieldToSeal { name: "tags", form: FieldForm::Json, value: b"[1]" },
    ];
    let plain = Plain::new(vec![("kind".into(), "note".into())]).unwrap();
    with_fixed_random(|| {
        let data_key = DataKey::generate();
        let record = draft(&chain, place.clone())
            .seal(Names::Shown, &fields, plain, None, &data_key, &keys.signing_key())
            .unwrap();
        let wrapped = AccessKey::from_bytes(&[21; 32]).wrapping_key(epoch()).wrap(&place, &data_key);
        (record, wrapped.sealed().to_vec())
    })
}

fn epoch() -> EpochId {
    EpochId::new(&Digest::from_bytes([6; 32]), 0)
}

fn record_place(version: u64) -> RecordPlace {
    RecordPlace { record_type: record_type(), record: RecordId::from_bytes([3; 16]), version }
}

fn draft(chain: &BundleChain, place: RecordPlace) -> RecordDraft {
    RecordDraft {
        previous: (place.version > 1).then_some(Digest::from_bytes([4; 32])),
        place,
        author: WRITER,
        author_bundle: chain.fingerprint(),
        basis: LogPosition { position: 0, digest: Digest::from_bytes([6; 32]) },
        written_ms: 1_700_000_000_000,
    }
}

fn with_fields(record: &SealedRecord, change: impl FnOnce(&mut Vec<(FieldName, FieldBody)>)) -> SealedRecord {
    let mut fields: Vec<_> = record.fields.iter().map(|(name, body)| (name.clone(), body.clone())).collect();
    change(&mut fields);
    SealedRecord { fields: RecordFields::new(fields).unwrap(), ..record.clone() }
}

fn records() -> Vec<Value> {
    let (chain, keys) = writer();
    let (record, wrapped) = record();
    let tombstone = draft(&chain, record_place(2)).delete(&keys.signing_key()).unwrap();
    let case = |fault: &str, record: &SealedRecord, wrapped: &[u8], version: u64| {
        let parts = [
            written(|writer| record.version.write(writer)),
            written(|writer| record.fields.write(writer)),
            written(|writer| record.plain.write(writer)),
        ];
        let [version_bytes, fields, plain] = parts.map(|bytes| hex(&bytes));
        json!({
            "fault": fault, "type": "notes", "record": RecordId::from_bytes([3; 16]), "version": version,
            "author_link": hex(&written(|writer| first().write(writer))), "signed_version": version_bytes,
            "fields": fields, "plain": plain, "epoch_entry": Digest::from_bytes([6; 32]),
            "access_key": hex(&[21; 32]), "wrapped_key": hex(wrapped), "digest": record.version.digest(),
        })
    };
    let part = record.fields.project(|name| name.as_bytes() == b"city");
    let other_version = draft(&chain, record_place(2))
        .seal(
            Names::Shown,
            &[],
            Plain::default(),
            None,
            &with_fixed_random(DataKey::generate),
            &keys.signing_key(),
        )
        .unwrap();
    let foreign = Signed::new(record.version.encoded().clone(), *tombstone.version.signature());
    let mut other_key = wrapped.clone();
    other_key[71] ^= 1;
    vec![
        case("", &record, &wrapped, 1),
        case("", &SealedRecord { fields: part, ..record.clone() }, &wrapped, 1),
        case("", &tombstone, &[0; 72], 2),
        case(
            "fields swapped",
            &with_fields(&record, |fields| {
                let first = fields[0].1.clone();
                fields[0].1 = std::mem::replace(&mut fields[1].1, first);
            }),
            &wrapped,
            1,
        ),
        case(
            "field renamed",
            &with_fields(&record, |fields| fields[0].0 = FieldName::from_bytes(b"town").unwrap()),
            &wrapped,
            1,
        ),
        case("field dropped", &with_fields(&record, |fields| drop(fields.remove(1))), &wrapped, 1),
        case(
            "field added",
            &with_fields(&record, |fields| {
                fields.push((
                    FieldName::from_bytes(b"z").unwrap(),
                    FieldBody::Leaf(Digest::from_bytes([0; 32])),
                ));
            }),
            &wrapped,
            1,
        ),
        case("plain dropped", &SealedRecord { plain: Plain::default(), ..record.clone() }, &wrapped, 1),
        case(
            "another version's fields",
            &SealedRecord { version: other_version.version, ..record.clone() },
            &wrapped,
            2,
        ),
        case("shown as another version", &record, &wrapped, 2),
        case(
            "signature of another version",
            &SealedRecord { version: foreign, ..record.clone() },
            &wrapped,
            1,
        ),
        case("wrapped key altered", &record, &other_key, 1),
    ]
}

/// Objects of which one rule of section 2, or of their kind, is broken.
fn encoding() -> Vec<Value> {
    let bundle = first().bundle().bytes().to_vec();
    let version = record().0.version.encoded().bytes().to_vec();
    let case = |fault: &str, kind: &str, bytes: Vec<u8>| json!({ "fault": fault, "kind": kind, "object": hex(&bytes) });
    let set = |bytes: &[u8], at: usize, new: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    // Where members stand: header 6, store and client 32, sequence 4, then the presence of `previous`.
    let (sequence, previous, reason, signing, wrap_key) = (38, 42, 43, 44, 76);
    // Header 6, store and writer 32, type 2 + 5, record 16, version 8, presence of `previous`, state.
    let (name_len, name, number, presence, state) = (38, 40, 61, 69, 70);
    // State, author and its bundle: 1 + 16 + 32.
    let basis = state + 49;
    let unreduced = [0xff; 3];
    vec![
        case("", "bundle", bundle.clone()),
        case("", "version", version.clone()),
        case("kind of another object", "version", bundle.clone()),
        case("mark", "bundle", set(&bundle, 0, b"t")),
        case("encoding version", "bundle", set(&bundle, 3, &[2])),
        case("kind", "bundle", set(&bundle, 4, &[9])),
        case("suite", "bundle", set(&bundle, 5, &[2])),
        case("byte left over", "bundle", [&bundle[..], &[0]].concat()),
        case("cut", "bundle", bundle[..bundle.len() - 1].to_vec()),
        case("first with a later number", "bundle", set(&bundle, sequence, &[1])),
        case("presence byte", "bundle", set(&bundle, previous, &[2])),
        case("reason", "bundle", set(&bundle, reason, &[3])),
        case("reason of a later bundle", "bundle", set(&bundle, reason, &[1])),
        case("signing key of low order", "bundle", set(&bundle, signing, &[0; 32])),
        case("signing key that is not canonical", "bundle", set(&bundle, signing, &[0xff; 32])),
        case("ML-KEM key that is not reduced", "bundle", set(&bundle, wrap_key, &unreduced)),
        case("X25519 key of low order", "bundle", set(&bundle, wrap_key + 1184, &[0; 32])),
        case("first that was made later", "bundle", set(&bundle, wrap_key + 1216, &[1])),
        case("type name too long for the object", "version", set(&version, name_len, &[0xff, 1])),
        case("type name with U+0000", "version", set(&version, name, &[0])),
        case("type name that is not UTF-8", "version", set(&version, name, &[0xff])),
        case("version 0", "version", set(&version, number, &[0])),
        case("later version without one before", "version", set(&version, number, &[2])),
        case("number from 2^53", "version", set(&version, basis + 6, &[0x20])),
        case("presence byte", "version", set(&version, presence, &[2])),
        case("state", "version", set(&version, state, &[3])),
        case("tombstone with fields", "version", set(&version, state, &[2])),
        case("byte left over", "version", [&version[..], &[0]].concat()),
        case("cut", "version", version[..version.len() - 1].to_vec()),
        case("more than an object may have", "version", [&version[..], &[0; 4096]].concat()),
    ]
}

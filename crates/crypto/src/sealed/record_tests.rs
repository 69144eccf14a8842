//! What a server, or a reader together with it, can do to a record: everything is refused before anything is opened.

use super::*;
use crate::{ClientId, OpenError, RecordId, SigningKeyPair, StoreId, VerifyError};

const STORE: StoreId = StoreId::from_bytes([1; 16]);
const WRITER: ClientId = ClientId::from_bytes([2; 16]);

/// A writer with one sealed record.
struct Case {
    chain: BundleChain,
    keys: ClientKeys,
    data_key: DataKey,
    wrapping_key: WrappingKey,
    record: SealedRecord,
}

fn place(type_name: &str, record: u8, version: u64) -> RecordPlace {
    RecordPlace {
        record_type: TypePlace { store: STORE, writer: WRITER, type_name: type_name.parse().unwrap() },
        record: RecordId::from_bytes([record; 16]),
        version,
    }
}

fn here() -> RecordPlace {
    place("notes", 3, 1)
}

fn draft(place: RecordPlace, chain: &BundleChain) -> RecordDraft {
    RecordDraft {
        previous: (place.version > 1).then_some(Digest::from_bytes([4; 32])),
        place,
        author: chain.client(),
        author_bundle: chain.fingerprint(),
        basis: LogPosition { position: 5, digest: Digest::from_bytes([6; 32]) },
        written_ms: 1_700_000_000_000,
    }
}

fn text<'a>(name: &'a str, value: &'a str) -> FieldToSeal<'a> {
    FieldToSeal { name, form: FieldForm::Text, value: value.as_bytes() }
}

fn plain(value: &str) -> Plain {
    Plain::new(vec![("kind".into(), value.into())]).unwrap()
}

fn case_of(client: ClientId, place: RecordPlace) -> Case {
    let registered = SigningKeyPair::from_seed(&[7; 32]);
    let first = BundleLink::first(&registered, STORE, client).unwrap();
    let chain = BundleChain::begin(STORE, client, &first).unwrap();
    let keys = ClientKeys::derive(&registered, STORE, client);
    let data_key = DataKey::generate();
    let fields = [text("a", "first"), text("b", "second"), text("c", "third")];
    let draft = draft(place, &chain);
    let record =
        draft.seal(Names::Shown, &fields, plain("note"), None, &data_key, &keys.signing_key()).unwrap();
    let epoch = EpochId::new(&Digest::from_bytes([8; 32]), 0);
    Case { chain, keys, data_key, wrapping_key: AccessKey::generate().wrapping_key(epoch), record }
}

fn case() -> Case {
    case_of(WRITER, here())
}

fn name(text: &str) -> FieldName {
    FieldName::from_bytes(text.as_bytes()).unwrap()
}

fn pairs(fields: &RecordFields) -> Vec<(FieldName, FieldBody)> {
    fields.iter().map(|(name, body)| (name.clone(), body.clone())).collect()
}

fn with_fields(record: &SealedRecord, change: impl FnOnce(&mut Vec<(FieldName, FieldBody)>)) -> SealedRecord {
    let mut fields = pairs(&record.fields);
    change(&mut fields);
    SealedRecord { fields: RecordFields::new(fields).unwrap(), ..record.clone() }
}

#[test]
fn what_was_sealed_is_read() {
    let case = case();
    let wrapped = case.wrapping_key.wrap(&here(), &case.data_key);
    let verified = case.record.verify(&here(), &case.chain).unwrap();
    let data_key = verified.open_data_key(&case.wrapping_key, &wrapped).unwrap();
    let opened = verified.open_fields(Names::Shown, &data_key).unwrap();
    let values: Vec<_> =
        opened.iter().map(|field| (field.name.as_str(), field.expose_text().unwrap())).collect();
    assert_eq!(values, [("a", "first"), ("b", "second"), ("c", "third")]);
    assert_eq!(verified.plain(), &plain("note"));
    assert!(matches!(verified.open_field(Names::Shown, &data_key, &name("d")), Ok(None)));
}

#[test]
fn a_reader_of_some_fields_verifies_all() {
    let case = case();
    let part = SealedRecord {
        fields: case.record.fields.project(|wanted| *wanted == name("b")),
        ..case.record.clone()
    };
    let verified = part.verify(&here(), &case.chain).unwrap();
    let field = verified.open_field(Names::Shown, &case.data_key, &name("b")).unwrap().unwrap();
    assert_eq!(field.expose_text(), Some("second"));
    assert!(matches!(verified.open_field(Names::Shown, &case.data_key, &name("a")), Err(OpenError)));
    assert_eq!(verified.open_fields(Names::Shown, &case.data_key).unwrap().len(), 1);

    // Also what was not asked for can be neither dropped nor exchanged.
    let dropped = with_fields(&part, |fields| drop(fields.remove(2)));
    assert!(dropped.verify(&here(), &case.chain).is_err());
    let exchanged = with_fields(&part, |fields| fields[0].1 = FieldBody::Leaf(Digest::from_bytes([0; 32])));
    assert!(exchanged.verify(&here(), &case.chain).is_err());
}

#[test]
fn fields_are_not_swapped_renamed_dropped_added_or_altered() {
    let case = case();
    let other = case_of(WRITER, place("notes", 4, 1));
    let foreign = pairs(&other.record.fields)[0].1.clone();
    for (what, broken) in [
        (
            "swapped",
            with_fields(&case.record, |fields| {
                let first = fields[0].1.clone();
                fields[0].1 = std::mem::replace(&mut fields[1].1, first);
            }),
        ),
        ("renamed", with_fields(&case.record, |fields| fields[0].0 = name("z"))),
        ("dropped", with_fields(&case.record, |fields| drop(fields.remove(1)))),
        ("all dropped", with_fields(&case.record, Vec::clear)),
        ("added", with_fields(&case.record, |fields| fields.push((name("d"), foreign.clone())))),
        ("from another record", with_fields(&case.record, |fields| fields[0].1 = foreign.clone())),
        (
            "altered",
            with_fields(&case.record, |fields| {
                let FieldBody::Sealed(sealed) = &mut fields[0].1 else { panic!("a leaf") };
                sealed[30] ^= 1;
            }),
        ),
        ("plain changed", SealedRecord { plain: plain("letter"), ..case.record.clone() }),
        ("plain dropped", SealedRecord { plain: Plain::default(), ..case.record.clone() }),
    ] {
        assert_eq!(broken.verify(&here(), &case.chain).err(), Some(VerifyError), "{what}");
    }
    assert!(case.record.verify(&here(), &case.chain).is_ok());
}

#[test]
fn a_version_is_not_shown_in_another_place() {
    let case = case();
    for elsewhere in [
        place("other", 3, 1),
        place("notes", 4, 1),
        place("notes", 3, 2),
        RecordPlace {
            record_type: TypePlace { writer: ClientId::from_bytes([9; 16]), ..here().record_type },
            ..here()
        },
        RecordPlace {
            record_type: TypePlace { store: StoreId::from_bytes([9; 16]), ..here().record_type },
            ..here()
        },
    ] {
        assert!(case.record.verify(&elsewhere, &case.chain).is_err(), "{elsewhere:?}");
    }
}

#[test]
fn nobody_but_the_named_author_has_signed() {
    let case = case();
    let stranger = case_of(ClientId::from_bytes([9; 16]), here());
    // A stranger signs in its own name: that verifies as the stranger's, and as nobody else's.
    assert!(stranger.record.verify(&here(), &case.chain).is_err());
    assert!(case.record.verify(&here(), &stranger.chain).is_err());
    // It signs in the writer's name.
    let forged = draft(here(), &case.chain)
        .seal(Names::Shown, &[], Plain::default(), None, &case.data_key, &stranger.keys.signing_key())
        .unwrap();
    assert!(forged.verify(&here(), &case.chain).is_err());
    // It names its own bundle beside the writer.
    let named = RecordDraft { author: WRITER, ..draft(here(), &stranger.chain) }
        .seal(Names::Shown, &[], Plain::default(), None, &case.data_key, &stranger.keys.signing_key())
        .unwrap();
    assert!(named.verify(&here(), &case.chain).is_err());
    assert!(named.verify(&here(), &stranger.chain).is_err());
    // A signature of another version.
    let moved = Signed::new(case.record.version.encoded().clone(), *forged.version.signature());
    let moved = SealedRecord { version: moved, ..case.record.clone() };
    assert!(moved.verify(&here(), &case.chain).is_err());
}

#[test]
fn every_byte_of_a_version_counts() {
    let case = case();
    let bytes = case.record.version.encoded().bytes();
    for at in 0..bytes.len() {
        let mut broken = bytes.to_vec();
        broken[at] ^= 1;
        let Ok(encoded) = Encoded::parse(&broken) else { continue };
        assert_ne!(encoded.digest(), case.record.version.digest());
        let version = Signed::new(encoded, *case.record.version.signature());
        let broken = SealedRecord { version, ..case.record.clone() };
        let shown = broken.version.object().place.clone();
        assert!(broken.verify(&shown, &case.chain).is_err(), "{at}");
    }
}

#[test]
fn data_keys_of_other_versions_records_and_makers_are_refused() {
    let case = case();
    let verified = case.record.verify(&here(), &case.chain).unwrap();
    let open = |wrapped: &WrappedDataKey| verified.open_data_key(&case.wrapping_key, wrapped).err();
    assert_eq!(open(&case.wrapping_key.wrap(&here(), &case.data_key)), None);
    assert_eq!(open(&case.wrapping_key.wrap(&place("notes", 3, 2), &case.data_key)), Some(OpenError));
    assert_eq!(open(&case.wrapping_key.wrap(&place("notes", 4, 1), &case.data_key)), Some(OpenError));
    assert_eq!(open(&case.wrapping_key.wrap(&here(), &DataKey::generate())), Some(OpenError));
}

#[test]
fn a_tombstone_is_the_writers_and_has_nothing() {
    let case = case();
    let deleted = place("notes", 3, 2);
    let tombstone = draft(deleted.clone(), &case.chain).delete(&case.keys.signing_key()).unwrap();
    let verified = tombstone.verify(&deleted, &case.chain).unwrap();
    assert_eq!(verified.version().state, RecordState::Deleted);
    let wrapped = case.wrapping_key.wrap(&deleted, &case.data_key);
    assert!(verified.open_data_key(&case.wrapping_key, &wrapped).is_err());
    // An editor cannot make one.
    let editor = case_of(ClientId::from_bytes([9; 16]), here());
    assert!(draft(deleted.clone(), &editor.chain).delete(&editor.keys.signing_key()).is_err());
    // Nor has it fields, plain metadata, a key or a file.
    let tombstone = tombstone.version.object();
    let with = |version: RecordVersion| assert!(Encoded::new(&version).is_err(), "{version:?}");
    with(RecordVersion { fields: case.record.fields.digest(), ..tombstone.clone() });
    with(RecordVersion { plain: plain("note").digest(), ..tombstone.clone() });
    with(RecordVersion { key_commitment: case.data_key.commitment(&deleted), ..tombstone.clone() });
    let root = Digest::from_bytes([1; 32]);
    with(RecordVersion {
        file: Some(FileDescriptor { chunk_bytes: 65_536, length: 0, root }),
        ..tombstone.clone()
    });
}

#[test]
fn members_fit_place_and_state() {
    let case = case();
    let version = case.record.version.object();
    let refused = |version: RecordVersion| assert!(Encoded::new(&version).is_err(), "{version:?}");
    refused(RecordVersion { place: place("notes", 3, 0), ..version.clone() });
    refused(RecordVersion { place: place("notes", 3, 2), ..version.clone() });
    refused(RecordVersion { previous: Some(Digest::from_bytes([0; 32])), ..version.clone() });
    for chunk_bytes in [0, 2 << 10, 65_535, 2 << 20] {
        let file = Some(FileDescriptor { chunk_bytes, length: 1, root: Digest::from_bytes([1; 32]) });
        refused(RecordVersion { file, ..version.clone() });
    }
    let file = Some(FileDescriptor { chunk_bytes: 65_536, length: 1, root: Digest::from_bytes([1; 32]) });
    assert!(Encoded::new(&RecordVersion { file, ..version.clone() }).is_ok());
}

#[test]
fn hidden_names_are_read_with_their_key_alone() {
    let case = case();
    let name_key = NameKey::generate();
    let names = Names::Hidden(&name_key);
    let fields = [text("a", "first"), text("b", "second")];
    let record = draft(here(), &case.chain)
        .seal(names, &fields, Plain::default(), None, &case.data_key, &case.keys.signing_key())
        .unwrap();
    let verified = record.verify(&here(), &case.chain).unwrap();
    let hidden = FieldName::of_text(names, &here().record_type, "b").unwrap();
    let opened = verified.open_field(names, &case.data_key, &hidden).unwrap().unwrap();
    assert_eq!((opened.name.as_str(), opened.expose_text()), ("b", Some("second")));
    assert!(verified.open_fields(Names::Shown, &case.data_key).is_err());
    assert!(verified.open_fields(Names::Hidden(&NameKey::generate()), &case.data_key).is_err());
    let twice = [text("a", "1"), text("a", "2")];
    let twice = draft(here(), &case.chain).seal(
        names,
        &twice,
        Plain::default(),
        None,
        &case.data_key,
        &case.keys.signing_key(),
    );
    assert!(twice.is_err());
}

//! Objects of the sealed format have one encoding: what is written is read back, and other bytes are another value or
//! none.
#![allow(clippy::unwrap_used, reason = "a test panics to report what it found")]

use proptest::prelude::*;
use tozstore_crypto::sealed::*;
use tozstore_crypto::{ClientId, ParseError, RecordId, SigningKeyPair, StoreId};

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.finish().unwrap()
}

fn read<T>(bytes: &[u8], read: fn(&mut Reader<'_>) -> Result<T, ParseError>) -> Result<T, ParseError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Other bytes than these, by one change.
fn changes(bytes: &[u8], at: prop::sample::Index, byte: u8) -> [Vec<u8>; 3] {
    let at = at.index(bytes.len());
    let (mut changed, mut longer, mut shorter) = (bytes.to_vec(), bytes.to_vec(), bytes.to_vec());
    changed[at] ^= byte.max(1);
    longer.insert(at, byte);
    shorter.remove(at);
    [changed, longer, shorter]
}

prop_compose! {
    fn digest()(bytes: [u8; 32]) -> Digest {
        Digest::from_bytes(bytes)
    }
}

prop_compose! {
    fn live_version()(
        ids: [[u8; 16]; 4],
        type_name in "[a-zé/.]{1,40}".prop_filter("a name", |name| name.parse::<TypeName>().is_ok()),
        number in 1..(1_u64 << 53),
        digests in prop::array::uniform7(digest()),
        position in 0..(1_u64 << 53),
        written_ms in 0..(1_u64 << 53),
        file in prop::option::of((12..=20_u32, 0..(1_u64 << 53), digest())),
    ) -> RecordVersion {
        let [store, writer, record, author] = ids;
        let record_type = TypePlace {
            store: StoreId::from_bytes(store),
            writer: ClientId::from_bytes(writer),
            type_name: type_name.parse().unwrap(),
        };
        let [previous, author_bundle, basis, key_commitment, fields, plain, _] = digests;
        RecordVersion {
            place: RecordPlace { record_type, record: RecordId::from_bytes(record), version: number },
            previous: (number > 1).then_some(previous),
            state: RecordState::Live,
            author: ClientId::from_bytes(author),
            author_bundle,
            basis: LogPosition { position, digest: basis },
            written_ms,
            key_commitment,
            fields,
            plain,
            file: file.map(|(power, length, root)| FileDescriptor { chunk_bytes: 1 << power, length, root }),
        }
    }
}

prop_compose! {
    fn fields()(
        fields in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 1..=20),
            prop::result::maybe_ok(prop::collection::vec(any::<u8>(), 41..60), digest()),
            0..5,
        ),
    ) -> RecordFields {
        let fields = fields.into_iter().map(|(name, body)| {
            let body = match body {
                Ok(sealed) => FieldBody::Sealed(sealed),
                Err(leaf) => FieldBody::Leaf(leaf),
            };
            (FieldName::from_bytes(&name).unwrap(), body)
        });
        RecordFields::new(fields.collect()).unwrap()
    }
}

proptest! {
    #[test]
    fn versions(version in live_version(), at: prop::sample::Index, byte: u8) {
        let encoded = Encoded::new(&version).unwrap();
        prop_assert_eq!(encoded.object(), &version);
        prop_assert_eq!(&Encoded::parse(encoded.bytes()).unwrap(), &encoded);
        for other in changes(encoded.bytes(), at, byte) {
            if other != encoded.bytes() && let Ok(parsed) = Encoded::<RecordVersion>::parse(&other) {
                prop_assert_ne!(parsed.object(), &version);
                prop_assert_ne!(parsed.digest(), encoded.digest());
                let again = Encoded::new(parsed.object()).unwrap();
                prop_assert_eq!(again.bytes(), &other[..]);
            }
        }
    }

    #[test]
    fn record_fields(fields in fields(), at: prop::sample::Index, byte: u8) {
        let bytes = written(|writer| fields.write(writer));
        prop_assert_eq!(&read(&bytes, RecordFields::read).unwrap(), &fields);
        for other in changes(&bytes, at, byte) {
            if other != bytes && let Ok(parsed) = read(&other, RecordFields::read) {
                prop_assert_ne!(&parsed, &fields);
                prop_assert_ne!(parsed.digest(), fields.digest());
                prop_assert_eq!(written(|writer| parsed.write(writer)), other);
            }
        }
    }

    #[test]
    fn plain(
        pairs in prop::collection::btree_map("[a-zé]{1,9}", "\\PC{0,20}", 0..5),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let plain = Plain::new(pairs.into_iter().collect()).unwrap();
        let bytes = written(|writer| plain.write(writer));
        prop_assert_eq!(&read(&bytes, Plain::read).unwrap(), &plain);
        for other in changes(&bytes, at, byte) {
            if other != bytes && let Ok(parsed) = read(&other, Plain::read) {
                prop_assert_ne!(parsed.digest(), plain.digest());
                prop_assert_eq!(written(|writer| parsed.write(writer)), other);
            }
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, BundleLink::read);
        let _ = read(&bytes, Wrap::read);
        let _ = read(&bytes, Signed::<RecordVersion>::read);
        let _ = read(&bytes, RecordFields::read);
        let _ = read(&bytes, Plain::read);
        let _ = format!("tozcard1.{}", tozstore_crypto::encode_base64url(&bytes)).parse::<ContactCard>();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn bundles(seed: [u8; 32], ids: [[u8; 16]; 2], at: prop::sample::Index, byte: u8) {
        let registered = SigningKeyPair::from_text(&tozstore_crypto::encode_base64url(seed)).unwrap();
        let (store, client) = (StoreId::from_bytes(ids[0]), ClientId::from_bytes(ids[1]));
        let link = BundleLink::first(&registered, store, client).unwrap();
        let bytes = written(|writer| link.write(writer));
        prop_assert_eq!(&read(&bytes, BundleLink::read).unwrap(), &link);
        for other in changes(&bytes, at, byte) {
            if other != bytes && let Ok(parsed) = read(&other, BundleLink::read) {
                let begun = BundleChain::begin(store, client, &parsed).is_ok();
                prop_assert!(!begun || parsed.verify_endorsement(&registered.public_key()).is_err());
                prop_assert_eq!(written(|writer| parsed.write(writer)), other);
            }
        }
    }
}

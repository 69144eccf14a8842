//! Replays the vectors of the sealed format. A case without fault is taken, any other is refused.

use serde_json::Value;

use super::sealed::{STORE, WRITER, hex};
use super::{Read as _, from_hex};
use crate::sealed::{
    AccessKey, Bundle, BundleChain, BundleLink, ClientKeys, ContactCard, Digest, Encoded, EntryPlace,
    EpochId, FieldForm, Names, Plain, Reader, RecordFields, RecordPlace, RecordState, RecordVersion,
    SealedRecord, SegmentHead, Signed, TypePlace, Wrap, WrappedDataKey,
};
use crate::{ParseError, SigningKeyPair};

fn check_each(file: &Value, check: impl Fn(&Value) -> bool) -> usize {
    let cases = file.list("cases");
    for case in cases {
        assert_eq!(check(case), case.text("fault").is_empty(), "{}", case["fault"]);
    }
    cases.len()
}

fn read<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T, ParseError>) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader).ok()?;
    reader.finish().ok()?;
    Some(value)
}

pub(super) fn objects(file: &Value) -> usize {
    check_each(file, |case| {
        let bytes = from_hex(case.text("object"));
        match case.text("kind") {
            "bundle" => Encoded::<Bundle>::parse(&bytes).is_ok(),
            "version" => Encoded::<RecordVersion>::parse(&bytes).is_ok(),
            kind => panic!("no kind {kind}"),
        }
    })
}

fn chain(case: &Value, links: &[Vec<u8>]) -> Option<BundleChain> {
    let links: Option<Vec<_>> = links.iter().map(|bytes| read(bytes, BundleLink::read)).collect();
    let links = links?;
    let (store, client) = (case.text("store").parse().unwrap(), case.text("client").parse().unwrap());
    let mut chain = BundleChain::begin(store, client, links.first()?).ok()?;
    links[1..].iter().try_for_each(|link| chain.push(link)).ok()?;
    if let Some(seed) = case["registered_seed"].as_str() {
        let registered = SigningKeyPair::from_seed(&from_hex(seed).try_into().unwrap());
        links[0].verify_endorsement(&registered.public_key()).ok()?;
        assert_eq!(BundleLink::first(&registered, store, client).as_ref(), Ok(&links[0]));
    }
    Some(chain)
}

pub(super) fn bundles(file: &Value) -> usize {
    check_each(file, |case| {
        if let Some(card) = case["card"].as_str() {
            return card.parse::<ContactCard>().is_ok_and(|card| {
                assert_eq!(card.card().bundle.to_string(), case.text("fingerprint"));
                card.to_string() == case.text("card")
            });
        }
        let links: Vec<_> = case.list("links").iter().map(|link| from_hex(link.as_str().unwrap())).collect();
        let Some(chain) = self::chain(case, &links) else { return false };
        if let Some(fingerprint) = case["fingerprint"].as_str() {
            assert_eq!(chain.fingerprint().to_string(), fingerprint);
        }
        if case["flip_each_byte"] == true {
            for at in 0..links[0].len() {
                let mut broken = links.clone();
                broken[0][at] ^= 1;
                assert!(self::chain(case, &broken).is_none(), "byte {at}");
            }
        }
        true
    })
}

fn record_type(case: &Value) -> TypePlace {
    TypePlace { store: STORE, writer: WRITER, type_name: case.text("type").parse().unwrap() }
}

fn digest(case: &Value, name: &str) -> Digest {
    case.text(name).parse().unwrap()
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap()
}

pub(super) fn access_keys(file: &Value) -> usize {
    check_each(file, |case| if case["wrap"].is_string() { wrap(case) } else { link(case) })
}

fn wrap(case: &Value) -> bool {
    let heads: Vec<_> = case
        .list("heads")
        .iter()
        .map(|head| SegmentHead {
            segment: number(head, "segment").try_into().unwrap(),
            number: number(head, "number"),
            canary: digest(head, "canary"),
        })
        .collect();
    let record_type = record_type(case);
    let place = EntryPlace {
        record_type: &record_type,
        position: number(case, "position"),
        previous: Some(digest(case, "previous")),
        author_bundle: digest(case, "author_bundle"),
        heads: &heads,
    };
    let registered = SigningKeyPair::from_seed(&case.bytes("reader_registered_seed"));
    let reader = ClientKeys::derive(&registered, STORE, WRITER).wrap_private_key();
    let commitment = case["name_key_commitment"].as_str().map(|text| text.parse().unwrap());
    let wrap = read(&from_hex(case.text("wrap")), Wrap::read).unwrap();
    let Ok(opened) = wrap.open_access_keys(&place, &reader, commitment.as_ref()) else { return false };
    let keys: Vec<_> = opened.keys.iter().map(|(_, key)| hex(key.expose())).collect();
    assert_eq!(Value::from(keys), case["access_keys"]);
    assert_eq!(wrap.leaf(0), Ok(digest(case, "leaf_0")));
    true
}

fn link(case: &Value) -> bool {
    let place = record_type(case);
    let key = |name| AccessKey::from_bytes(&case.bytes(name));
    let segment = number(case, "segment").try_into().unwrap();
    let (new_key, old_key) = (key("new_key"), key("old_key"));
    let new = new_key.head(&place, segment, number(case, "new_number"));
    let old = old_key.head(&place, segment, number(case, "old_number"));
    new_key
        .open_link(&place, &new, &old, &from_hex(case.text("link")))
        .is_ok_and(|opened| opened.expose() == old_key.expose())
}

pub(super) fn records(file: &Value) -> usize {
    check_each(file, |case| record(case).is_some())
}

fn record(case: &Value) -> Option<()> {
    let author = read(&from_hex(case.text("author_link")), BundleLink::read)?;
    let author = BundleChain::begin(STORE, WRITER, &author).ok()?;
    let record = SealedRecord {
        version: read(&from_hex(case.text("signed_version")), Signed::<RecordVersion>::read)?,
        fields: read(&from_hex(case.text("fields")), RecordFields::read)?,
        plain: read(&from_hex(case.text("plain")), Plain::read)?,
    };
    assert_eq!(record.version.digest(), digest(case, "digest"));
    let place = RecordPlace {
        record_type: record_type(case),
        record: case.text("record").parse().unwrap(),
        version: number(case, "version"),
    };
    let verified = record.verify(&place, &author).ok()?;
    if verified.version().state == RecordState::Deleted {
        return Some(());
    }
    let epoch = EpochId::new(&digest(case, "epoch_entry"), 0);
    let wrapping_key = AccessKey::from_bytes(&case.bytes("access_key")).wrapping_key(epoch);
    let wrapped = WrappedDataKey::new(epoch, &case.bytes("wrapped_key"));
    let data_key = verified.open_data_key(&wrapping_key, &wrapped).ok()?;
    let fields = verified.open_fields(Names::Shown, &data_key).ok()?;
    let city = fields.iter().find(|field| field.name == "city")?;
    assert_eq!((city.form, city.expose_text()), (FieldForm::Text, Some("Zürich")));
    Some(())
}

//! Targets of `crypto`: nothing panics, and what is read and written again stays the same.

use std::sync::LazyLock;

use tozstore_crypto::sealed::{
    Beneath, BundleChain, BundleLink, Change, ContactCard, GroupChange, GroupEntry, LogEntry, Plain, Reader,
    RecordFields, RecordVersion, SealedRequestHeader, Signed, Wrap, Writer,
};
use tozstore_crypto::{
    AccessKey, AccountKey, AccountSalt, ClientId, EncryptionPrivateKey, EncryptionPublicKey, FieldSalt,
    FileOpener, RecordAuthenticity, RecordToSign, RequestNonce, RequestToSign, SealedNote, Signature,
    SignedRequest, SigningKeyPair, SigningPublicKey, WrappedAccessKey, decode_base64url, encode_base64url,
    open_field, verify_field,
};

// Test keys of `/vectors`; the corpora are sealed with them.
const ALICE_SIGNS: &str =
    "MNIVS8QFQjNoUyEzWD2VF3sRhaxhRc3VWF6qYPldoTb47N-ucLj_oV9OwT5ijBcgeiIioRHX-GvPjsnT_eJYKQ";
const ALICE: &str = "OJNdZaAZTGh5YJ0mAa_BoYOL-hT5Umdcn_JkE6bXygU";
const BOB_READS: &str = "YtUR_MaK6fUDeM-_cuNiDNz-VWZW_0UnV0zH83j5rIM";
const WRAPPED: &str =
    "eQMCybSZGGLtC76jEd_l2Pcn_gOIbx8UwusZXymzVYMarqK7eagkLl7nWNl73I8v.UDGeFMQSL4VmF19rCltCYfBP98o3YIct";

static SIGNING_PAIR: LazyLock<SigningKeyPair> =
    LazyLock::new(|| SigningKeyPair::from_text(ALICE_SIGNS).unwrap());
static READER: LazyLock<EncryptionPrivateKey> =
    LazyLock::new(|| EncryptionPrivateKey::from_text(BOB_READS).unwrap());
static WRITER: LazyLock<EncryptionPublicKey> = LazyLock::new(|| ALICE.parse().unwrap());
static ACCESS_KEY: LazyLock<AccessKey> =
    LazyLock::new(|| WRAPPED.parse::<WrappedAccessKey>().unwrap().open(&WRITER, &READER).unwrap());
static ACCOUNT_KEY: LazyLock<AccountKey> = LazyLock::new(|| {
    AccountKey::derive("hunter2 hunter2", &"27SYjDpWPx7-2qSxt8qxzg".parse::<AccountSalt>().unwrap())
});

/// `account_config`: the sealed configuration of an account.
pub fn account_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(config) = ACCOUNT_KEY.open_config(text) {
        let again = ACCOUNT_KEY.seal_config(&config);
        assert_eq!(ACCOUNT_KEY.open_config(&again).unwrap(), config);
    }
}

/// `field`: a sealed field.
pub fn field(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(value) = open_field(&ACCESS_KEY, text) {
        assert!(text.len() >= tozstore_crypto::sealed_len(value.len()));
    }
}

/// `file`: a sealed file. The first byte says in what pieces it comes.
pub fn file(data: &[u8]) {
    let Some((&piece, sealed)) = data.split_first() else { return };
    let open = |piece: usize| {
        let (mut opener, mut plaintext) = (FileOpener::new(&ACCESS_KEY), Vec::new());
        for piece in sealed.chunks(piece) {
            opener.push(piece, &mut plaintext)?;
        }
        opener.finish(&mut plaintext).map(|summary| (summary, plaintext))
    };
    let opened = open(1 + usize::from(piece));
    assert_eq!(opened, open(sealed.len().max(1)));
    if let Ok((summary, _)) = opened {
        assert_eq!(summary.len_bytes, sealed.len() as u64);
    }
}

/// `keys`: texts of keys, signatures, ids, and base64url itself.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(bytes) = decode_base64url(text) {
        assert_eq!(encode_base64url(bytes), text.trim_end_matches('='));
    }
    if let Ok(pair) = SigningKeyPair::from_text(text) {
        let signature = pair.sign(data);
        assert_eq!(pair.public_key().verify(data, &signature), Ok(()));
    }
    if let Ok(private) = EncryptionPrivateKey::from_text(text) {
        assert_eq!(private.public_key().to_string().parse(), Ok(private.public_key()));
    }
    if let Ok(key) = text.parse::<SigningPublicKey>() {
        assert!(key.verify(b"", &Signature::from_bytes([0; 64])).is_err());
    }
    let _ = text.parse::<EncryptionPublicKey>();
    if let Ok(id) = text.parse::<ClientId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
}

/// `note`: the JSON of a note.
pub fn note(data: &[u8]) {
    let Ok(note) = serde_json::from_slice::<SealedNote>(data) else { return };
    let again = serde_json::to_string(&note).unwrap();
    assert_eq!(serde_json::from_str::<SealedNote>(&again).unwrap(), note);
    let _ = note.open(&READER, None);
    let _ = note.open_legacy(&READER, None);
}

/// `record_signature`: lines of type, then names and values in turns; `=` alone ends the plain ones.
pub fn record_signature(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let record_type = lines.next().unwrap_or_default();
    let mut entries: [Vec<(&str, &str)>; 2] = Default::default();
    let mut known = std::collections::HashSet::new();
    let mut part = 0;
    while let Some(name) = lines.next() {
        if name == "=" {
            part = 1;
        } else if known.insert(name) {
            entries[part].push((name, lines.next().unwrap_or_default()));
        }
    }
    let id = ClientId::from_bytes([7; 16]);
    let [plain, data] = &entries;
    let record = RecordToSign { writer_id: id, user_id: id, record_type, plain, data: Some(data) };
    let signature = record.sign(&SIGNING_PAIR);
    let reversed: Vec<_> = data.iter().rev().copied().collect();
    let received = RecordToSign { data: Some(&reversed), ..record };
    let verified = received.verify(Some(&signature), &SIGNING_PAIR.public_key());
    assert_eq!(verified, Ok(RecordAuthenticity::Verified));
}

/// `request`: lines of header, path and query. What is signed verifies, whatever path and query look like.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (header, path, query) =
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next());
    if let Ok(request) = SignedRequest::parse(header) {
        let _ = request.verify("GET", path, query);
    }
    if let Ok(signed) = SealedRequestHeader::parse(header) {
        assert_eq!(signed.to_string(), header);
    }
    // The mark between the parts of the signed text: no path that comes over HTTP has it.
    if path.is_empty() || path.contains("; ") || text.len() > 4096 {
        return;
    }
    let nonce = RequestNonce::from_bytes([7; 16]);
    let signed = RequestToSign { method: "GET", path, query }.sign(1_700_000_000, nonce, None, &SIGNING_PAIR);
    let request = SignedRequest::parse(&signed).unwrap();
    assert_eq!(request.verify("GET", path, query), Ok(()));
    assert!(request.verify("PUT", path, query).is_err());
}

/// `sealed_wrap`: a wrap, without its entry.
pub fn sealed_wrap(data: &[u8]) {
    has_one_encoding(data, Wrap::read, |wrap, writer| wrap.write(writer));
}

/// `sealed_bundle`: a link of a chain. If its signature holds, a chain begins or goes on with it.
pub fn sealed_bundle(data: &[u8]) {
    has_one_encoding(data, BundleLink::read, |link, writer| link.write(writer));
    if let Ok(link) = BundleLink::read(&mut Reader::new(data)) {
        let (store, client) = (link.bundle().object().store, link.bundle().object().client);
        let pinned = link.bundle().digest();
        if let Ok(mut chain) = BundleChain::resume(store, client, &pinned, &link) {
            assert!(chain.push(&link).is_err(), "a chain does not go on with its own head");
            assert_eq!(chain.find(&pinned), Some(link.bundle()));
        }
    }
}

/// `sealed_card`: the text of a contact card.
pub fn sealed_card(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(card) = text.parse::<ContactCard>() {
        assert_eq!(card.to_string(), text);
    }
}

/// `sealed_log_entry`: a signed entry of a type's log; or, behind a first byte 0 or 1, a change or lines.
pub fn sealed_log_entry(data: &[u8]) {
    has_one_encoding(data, Signed::<LogEntry>::read, |entry, writer| entry.write(writer));
    match data.split_first() {
        Some((0, bytes)) => {
            if let Ok(change) = Change::parse(bytes) {
                assert_eq!(change.to_bytes().unwrap(), bytes);
            }
        }
        Some((1, bytes)) => has_one_encoding(bytes, Beneath::read, |lines, writer| lines.write(writer)),
        _ => {}
    }
}

/// `sealed_group_entry`: a signed entry of a group's log; or, behind a first byte 0, a change.
pub fn sealed_group_entry(data: &[u8]) {
    has_one_encoding(data, Signed::<GroupEntry>::read, |entry, writer| entry.write(writer));
    if let Some((0, bytes)) = data.split_first() {
        has_one_encoding(bytes, GroupChange::read, |change, writer| change.write(writer));
    }
}

/// `sealed_record`: a signed version.
pub fn sealed_record(data: &[u8]) {
    has_one_encoding(data, Signed::<RecordVersion>::read, |version, writer| version.write(writer));
}

/// `sealed_record_parts`: fields, or plain metadata. The first byte says which.
pub fn sealed_record_parts(data: &[u8]) {
    let Some((&which, data)) = data.split_first() else { return };
    if which == 0 {
        has_one_encoding(data, RecordFields::read, |fields, writer| fields.write(writer));
        if let Ok(fields) = RecordFields::read(&mut Reader::new(data)) {
            assert_eq!(fields.project(|_| false).digest(), fields.digest());
        }
    } else {
        has_one_encoding(data, Plain::read, |plain, writer| plain.write(writer));
    }
}

/// Whatever is read is written the same: there is one encoding of every value.
fn has_one_encoding<T>(
    data: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, tozstore_crypto::ParseError>,
    write: impl FnOnce(&T, &mut Writer),
) {
    let mut reader = Reader::new(data);
    let Ok(value) = read(&mut reader) else { return };
    let rest = reader.rest();
    let mut writer = Writer::new();
    write(&value, &mut writer);
    assert_eq!(writer.finish().unwrap(), data[..data.len() - rest.len()]);
}

/// `signed_field`: lines of name and signed value.
pub fn signed_field(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((name, signed)) = text.split_once('\n') else { return };
    let key = SIGNING_PAIR.public_key();
    if let Ok(value) = verify_field(&key, None, name, signed) {
        assert!(signed.ends_with(value));
        let salt: FieldSalt = signed.split(';').nth(1).unwrap().parse().unwrap();
        assert_eq!(*tozstore_crypto::sign_field(&SIGNING_PAIR, &salt, name, value), signed);
    }
}

/// `wrapped_access_key`: an access key, wrapped for bob by alice.
pub fn wrapped_access_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(wrapped) = text.parse::<WrappedAccessKey>() {
        assert_eq!(wrapped.to_string().parse(), Ok(wrapped.clone()));
        let _ = wrapped.open(&WRITER, &READER);
    }
}

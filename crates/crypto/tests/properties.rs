//! What is sealed opens again; any flipped bit is refused; no input makes a parser panic.
#![allow(clippy::unwrap_used, reason = "a test panics to report what it found")]

use proptest::prelude::*;
use tozstore_crypto::*;

/// Changes one character of a base64url text to another, so that some bits of its bytes differ, or it is no text.
fn change(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'A' { b'g' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn pairs(map: &[(String, String)]) -> Vec<(&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn sealed_file(access_key: &AccessKey, plaintext: &[u8], piece: usize) -> (Vec<u8>, SealedFile) {
    let mut sealed = Vec::new();
    let mut sealer = FileSealer::new(access_key, &mut sealed);
    plaintext.chunks(piece).for_each(|piece| sealer.push(piece, &mut sealed));
    let summary = sealer.finish(&mut sealed);
    (sealed, summary)
}

fn opened_file(
    access_key: &AccessKey,
    sealed: &[u8],
    piece: usize,
) -> Result<(Vec<u8>, SealedFile), OpenError> {
    let mut plaintext = Vec::new();
    let mut opener = FileOpener::new(access_key);
    for piece in sealed.chunks(piece) {
        opener.push(piece, &mut plaintext)?;
    }
    let summary = opener.finish(&mut plaintext)?;
    Ok((plaintext, summary))
}

proptest! {
    #[test]
    fn wrapped_access_keys(at: usize) {
        let (alice, bob) = (EncryptionPrivateKey::generate(), EncryptionPrivateKey::generate());
        let key = AccessKey::generate();
        let wrapped = key.wrap(&bob.public_key(), &alice);
        let text = wrapped.to_string();
        prop_assert_eq!(text.parse::<WrappedAccessKey>(), Ok(wrapped.clone()));
        let opened = wrapped.open(&alice.public_key(), &bob).unwrap();
        prop_assert_eq!(opened.fingerprint(), key.fingerprint());
        let changed = change(&text, at).parse::<WrappedAccessKey>();
        prop_assert!(changed.is_err() || changed.unwrap().open(&alice.public_key(), &bob).is_err());
    }

    #[test]
    fn fields(value: String, at: usize) {
        let key = AccessKey::generate();
        let sealed = seal_field(&key, &value);
        prop_assert_eq!(sealed.len(), sealed_len(value.len()));
        let opened = open_field(&key, &sealed).unwrap();
        prop_assert_eq!(opened.as_str(), value);
        prop_assert_eq!(open_field(&key, &change(&sealed, at)), Err(OpenError));
        prop_assert_eq!(open_field(&AccessKey::generate(), &sealed), Err(OpenError));
    }

    #[test]
    fn signed_fields(name: String, value: String, at: usize) {
        let (pair, salt) = (SigningKeyPair::generate(), FieldSalt::random());
        let signed = sign_field(&pair, &salt, &name, &value);
        prop_assert_eq!(verify_field(&pair.public_key(), Some(&salt), &name, &signed), Ok(value.as_str()));
        // Flips that leave UTF-8 behind: those that do not cannot be passed at all.
        if let Ok(changed) = String::from_utf8(flip(signed.as_bytes(), at)) {
            prop_assert_eq!(verify_field(&pair.public_key(), Some(&salt), &name, &changed), Err(VerifyError));
        }
        let other_name = format!("{name}x");
        prop_assert_eq!(verify_field(&pair.public_key(), Some(&salt), &other_name, &signed), Err(VerifyError));
    }

    #[test]
    fn record_signatures(
        plain in proptest::collection::hash_map(".*", ".*", 0..4),
        data in proptest::collection::hash_map(".*", ".*", 1..4),
        record_type: String,
        at: usize,
    ) {
        let (plain, data) = (Vec::from_iter(plain), Vec::from_iter(data));
        let (plain, data) = (pairs(&plain), pairs(&data));
        let pair = SigningKeyPair::generate();
        let record = RecordToSign {
            writer_id: ClientId::random(),
            user_id: ClientId::random(),
            record_type: &record_type,
            plain: &plain,
            data: Some(&data),
        };
        let signature = record.sign(&pair);
        let changed = Signature::from_bytes(flip(signature.as_bytes(), at).try_into().unwrap());
        prop_assert_eq!(record.verify(Some(&changed), &pair.public_key()), Err(VerifyError));
        prop_assert_eq!(
            RecordToSign { data: None, ..record }.verify(Some(&signature), &pair.public_key()),
            Err(VerifyError)
        );
        let of_others = RecordToSign { writer_id: ClientId::random(), ..record };
        prop_assert_eq!(of_others.verify(Some(&signature), &pair.public_key()), Err(VerifyError));
        // Whatever order a store gives them back in.
        let reversed: Vec<_> = data.iter().rev().copied().collect();
        prop_assert_eq!(
            RecordToSign { data: Some(&reversed), ..record }.verify(Some(&signature), &pair.public_key()),
            Ok(RecordAuthenticity::Verified)
        );
        let shorter = RecordToSign { data: Some(&data[1..]), ..record };
        prop_assert_eq!(shorter.verify(Some(&signature), &pair.public_key()), Err(VerifyError));
    }

    #[test]
    fn notes(fields in proptest::collection::hash_map(".*", ".*", 0..3), at: usize) {
        let (writer, recipient) = (EncryptionPrivateKey::generate(), EncryptionPrivateKey::generate());
        let (signing, recipient_signing) = (SigningKeyPair::generate(), SigningKeyPair::generate());
        let fields = Vec::from_iter(fields);
        let fields = pairs(&fields);
        let (note, key) = NoteToSeal {
            fields: &fields,
            writer_encryption_key: &writer,
            writer_signing_key: &signing,
            recipient_encryption_key: &recipient.public_key(),
            recipient_signing_key: &recipient_signing.public_key(),
        }
        .seal()
        .unwrap();
        prop_assert_eq!(note.signature.len(), 199);
        let json = serde_json::to_string(&note).unwrap();
        let note: SealedNote = serde_json::from_str(&json).unwrap();
        let opened = note.open(&recipient, Some(&NoteWriter {
            encryption_key: writer.public_key(),
            signing_key: signing.public_key(),
        })).unwrap();
        prop_assert_eq!(opened.fields.iter().collect::<Vec<_>>(), fields);
        prop_assert_eq!(opened.access_key.fingerprint(), key.fingerprint());
        prop_assert!(note.open_legacy(&recipient, None).is_err());

        let mut changed = note.clone();
        changed.signature = change(&note.signature, at);
        prop_assert!(changed.open(&recipient, None).is_err());
        if let Ok(wrapped) = change(&note.encrypted_access_key.to_string(), at).parse() {
            let mut changed = note.clone();
            changed.encrypted_access_key = wrapped;
            prop_assert!(changed.open(&recipient, None).is_err());
        }
        let mut changed = note.clone();
        changed.writer_signing_key = SigningKeyPair::generate().public_key();
        prop_assert!(changed.open(&recipient, None).is_err());
    }

    #[test]
    fn configurations_of_accounts(config: String, at: usize) {
        // The rounds make this slow: the key is derived once.
        static KEY: std::sync::LazyLock<AccountKey> =
            std::sync::LazyLock::new(|| AccountKey::derive("password", &AccountSalt::from_bytes([7; 16])));
        let sealed = KEY.seal_config(&config);
        let opened = KEY.open_config(&sealed).unwrap();
        prop_assert_eq!(opened.as_str(), config);
        prop_assert_eq!(KEY.open_config(&change(&sealed, at)), Err(OpenError));
    }

    #[test]
    fn requests(path in "/[a-z/%0-9]{0,20}", query in proptest::option::of("[ -~&&[^#]]{0,30}"), at: usize) {
        let pair = SigningKeyPair::generate();
        let request = RequestToSign { method: "GET", path: &path, query: query.as_deref() };
        let id = ClientId::random();
        let header = request.sign(1_700_000_000, RequestNonce::random(), Some(id), &pair);
        let parsed = SignedRequest::parse(&header).unwrap();
        prop_assert_eq!((parsed.client_id(), *parsed.public_key()), (Some(id), pair.public_key()));
        prop_assert!(parsed.verify("GET", &path, query.as_deref()).is_ok());
        prop_assert!(parsed.verify("PUT", &path, query.as_deref()).is_err());
        let longer = format!("{}&x=1", query.as_deref().unwrap_or_default());
        prop_assert!(parsed.verify("GET", &path, Some(&longer)).is_err());
        if let Ok(changed) = String::from_utf8(flip(header.as_bytes(), at)) {
            let verified = SignedRequest::parse(&changed).map(|it| it.verify("GET", &path, query.as_deref()));
            prop_assert!(verified.is_err() || verified.unwrap().is_err());
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in r"[A-Za-z0-9_\-=.;: ]{0,300}|\PC*") {
        let key = AccessKey::generate();
        let _ = text.parse::<WrappedAccessKey>();
        let _ = text.parse::<EncryptionPublicKey>();
        let _ = text.parse::<SigningPublicKey>();
        let _ = text.parse::<Signature>();
        let _ = text.parse::<ClientId>();
        let _ = text.parse::<FieldSalt>();
        let _ = text.parse::<FileChecksum>();
        let _ = SigningKeyPair::from_text(&text);
        let _ = EncryptionPrivateKey::from_text(&text);
        let _ = open_field(&key, &text);
        let _ = verify_field(&SigningKeyPair::generate().public_key(), None, "name", &text);
        let _ = serde_json::from_str::<SealedNote>(&text);
        let _ = SignedRequest::parse(&text);
        let header = RequestToSign { method: "GET", path: "/", query: None }
            .sign(1, RequestNonce::random(), None, &SigningKeyPair::generate());
        let _ = SignedRequest::parse(&header).unwrap().verify("GET", &text, Some(&text));
    }

    #[test]
    fn no_bytes_make_the_file_opener_panic(bytes: Vec<u8>, piece in 1..40_usize) {
        prop_assert_eq!(opened_file(&AccessKey::generate(), &bytes, piece), Err(OpenError));
    }
}

proptest! {
    // Large inputs: fewer of them.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn files(len in prop_oneof![0..70_000_usize, Just(65_535), Just(65_536), Just(65_537), Just(131_072)], at: usize) {
        let key = AccessKey::generate();
        let plaintext: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let (sealed, summary) = sealed_file(&key, &plaintext, 1 + at % 70_000);
        prop_assert_eq!(sealed_file_len(len as u64), Some(sealed.len() as u64));
        prop_assert_eq!(&opened_file(&key, &sealed, 1 + at % 60_000).unwrap(), &(plaintext, summary));
        prop_assert!(opened_file(&key, &flip(&sealed, at), 50_000).is_err());
        prop_assert!(opened_file(&key, &sealed[..at % sealed.len()], 50_000).is_err());
        prop_assert!(opened_file(&key, &[&sealed[..], &[0]].concat(), 50_000).is_err());
        prop_assert!(opened_file(&AccessKey::generate(), &sealed, 50_000).is_err());
    }
}

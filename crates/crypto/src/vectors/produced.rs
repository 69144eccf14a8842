//! What clients in other languages wrote with random keys: it opens here, whatever its order, padding and case.

use serde_json::Value;

use super::requests::path_and_query;
use super::{Read as _, client, sealed_files};
use crate::encoding::decode_array;
use crate::secret::Secret;
use crate::{
    AccountKey, EncryptionPrivateKey, NoteWriter, RecordAuthenticity, RecordToSign, SealedNote, Signature,
    SignedRequest, SigningKeyPair, WrappedAccessKey, open_fields, sign_field, verify_field,
};

pub(super) fn everything(file: &Value) -> usize {
    let (alice, bob) = (client(file, "alice"), client(file, "bob"));
    let mut cases = 0;
    if let Some(case) = file.get("eak_alice_to_bob") {
        cases += 1;
        let wrapped: WrappedAccessKey = case.text("eak").parse().unwrap();
        let opened = wrapped.open(&alice.public_key, &bob.private_key).unwrap();
        assert_eq!(opened.expose(), case.access_key().expose());
        assert!(wrapped.open(&bob.public_key, &alice.private_key).is_ok(), "a box has no direction");
    }
    if let Some(record) = file.get("record") {
        let sealed = record["json"]["data"].entries();
        cases += sealed.len();
        let opened: Vec<_> = open_fields(&record.access_key(), sealed).unwrap();
        for (name, value) in &opened {
            let long = "z".repeat(102_400);
            let expected = record["plaintext"].text(name);
            assert_eq!(value.as_str(), if name == "kb100" { &long } else { expected }, "{name}");
        }
        assert_eq!(opened.len(), record["plaintext"].as_object().unwrap().len());
    }
    let writer = NoteWriter { encryption_key: alice.public_key, signing_key: alice.signing_key };
    for case in list(file, "notes") {
        cases += 1;
        let note: SealedNote = serde_json::from_value(case["note"].clone()).unwrap();
        let opened = note.open(&bob.private_key, Some(&writer)).unwrap();
        for (name, value) in case["plaintext"].entries() {
            assert_eq!(opened.fields.value(name), Some(value));
        }
    }
    for case in list(file, "files") {
        // Go cannot write an empty file: there the error is told in the place of the file.
        if case.get("file").is_some() {
            cases += 1;
            sealed_files::read_produced(case);
        }
    }
    for case in list(file, "rec_sigs") {
        cases += 1;
        let (plain, data) = (case["plain_entries"].entries(), case["data_entries"].entries());
        let record = RecordToSign {
            writer_id: case.text("writer_id").parse().unwrap(),
            user_id: case.text("user_id").parse().unwrap(),
            record_type: case.text("type"),
            plain: &plain,
            data: Some(&data),
        };
        let signature: Signature = case.text("sig").parse().unwrap();
        assert_eq!(record.verify(Some(&signature), &alice.signing_key), Ok(RecordAuthenticity::Verified));
        // We sort as Java does, but write escapes as JavaScript does.
        assert_eq!(record.sign(&alice.signing_pair) == signature, case.text("name") != "escapes");
    }
    for case in list(file, "signed_fields") {
        cases += 1;
        let salt = case.text("salt").parse().unwrap();
        let (name, value, signed) = (case.text("key"), case.text("value"), case.text("signed"));
        assert_eq!(*sign_field(&alice.signing_pair, &salt, name, value), signed);
        assert_eq!(verify_field(&alice.signing_key, Some(&salt), name, signed), Ok(value));
    }
    for case in list(file, "encrypt_strings") {
        cases += 1;
        let key = AccountKey(Secret::copy_of(&decode_array(case.text("key_b64url")).unwrap()));
        assert_eq!(*key.open_config(case.text("blob")).unwrap(), case.text("plaintext"));
    }
    if let Some(case) = file.get("signing_keypair_encoding") {
        cases += 1;
        let pair = SigningKeyPair::from_text(case.text("private")).unwrap();
        assert_eq!(pair.public_key().to_string(), case.text("public"));
    }
    if let Some(case) = file.get("keypair_encoding") {
        cases += 1;
        let private = EncryptionPrivateKey::from_text(case.text("private")).unwrap();
        assert_eq!(private.public_key().to_string(), case.text("public"));
    }
    if let Some(case) = file.get("tsv1") {
        cases += 1;
        let (path, query) = path_and_query(case.text("url"));
        let request = SignedRequest::parse(case.text("authorization_header")).unwrap();
        assert!(request.verify(case.text("method"), path, query).is_ok());
    }
    if let Some(case) = file.get("signature_example") {
        cases += 1;
        // Sound in itself, but over a JSON text that no record is written as.
        let signature: Signature = case.text("sig").parse().unwrap();
        assert!(alice.signing_key.verify(case.text("document").as_bytes(), &signature).is_ok());
    }
    if let Some(case) = file.get("signature_truncated_at_nul") {
        cases += 1;
        assert!(case["example"].text("sig").parse::<Signature>().is_err());
    }
    cases
}

fn list<'a>(file: &'a Value, name: &str) -> &'a [Value] {
    file.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

//! Signed fields, and notes.

use serde_json::Value;

use super::{Read as _, client, from_hex};
use crate::field_signature::hash;
use crate::{
    FieldSalt, NoteError, NoteWriter, OpenError, SealedNote, SigningPublicKey, VerifyError, open_field,
    sign_field, verify_field,
};

pub(super) fn field_signatures(file: &Value) -> usize {
    let alice = client(file, "alice");
    for case in file.list("cases") {
        let salt: FieldSalt = case.text("salt").parse().unwrap();
        let (name, value) = (case.text("key"), case.text("value"));
        let hash = hash(salt.as_str(), name, value);
        assert_eq!(hash, case.text("blake2b_b64url"));
        assert_eq!(hash.as_bytes(), from_hex(case.text("signed_message_hex")));
        let signed = sign_field(&alice.signing_pair, &salt, name, value);
        assert_eq!(*signed, case.text("signed"));
        for expected in [None, Some(&salt)] {
            assert_eq!(verify_field(&alice.signing_key, expected, name, &signed), Ok(value));
        }
    }
    for case in file.list("negative") {
        let key: SigningPublicKey = case.text("verifying_key").parse().unwrap();
        let salt: Option<FieldSalt> = case["expected_salt"].as_str().map(|salt| salt.parse().unwrap());
        let verified = verify_field(&key, salt.as_ref(), case.text("key"), case.text("value"));
        let expected = match case.text("label") {
            // No fault in it: without expected salt it is checked with the one that it carries.
            "no salt expected" => Ok("data"),
            // The format joins name and value without a mark. Every reader takes it.
            "key/value boundary shift: sig of (ab,c) presented as (a,bc)" => Ok("bc"),
            // JavaScript and Python let these two pass as unsigned; here a signature is required.
            "unsigned value passes through" | "prefix in upper case is treated as unsigned" => {
                Err(VerifyError)
            }
            _ => {
                assert!(case.text("js_result").starts_with("rejected"));
                Err(VerifyError)
            }
        };
        assert_eq!(verified, expected, "{}", case.text("label"));
    }
    file.list("cases").len() + file.list("negative").len()
}

pub(super) fn notes(file: &Value) -> usize {
    let (alice, bob) = (client(file, "alice"), client(file, "bob"));
    let writer = NoteWriter { encryption_key: alice.public_key, signing_key: alice.signing_key };
    for case in file.list("notes") {
        let recipient = client(file, case.text("recipient"));
        let note: SealedNote = serde_json::from_value(case["note"].clone()).unwrap();
        let of_body: SealedNote = serde_json::from_str(case.text("post_body")).unwrap();
        assert_eq!(note, of_body);
        for (name, sealed) in note.data.iter() {
            let signed = open_field(&case.access_key(), sealed).unwrap();
            assert_eq!(*signed, case["signed_field_plaintexts"].text(name));
        }
        for pinned in [None, Some(&writer)] {
            let opened = note.open(&recipient.private_key, pinned).unwrap();
            assert_eq!(opened.fields.iter().collect::<Vec<_>>(), case["plaintext"].entries());
            assert_eq!(opened.access_key.expose(), case.access_key().expose());
        }
        assert!(note.open_legacy(&recipient.private_key, None).is_err());
        let carol = client(file, "carol");
        assert_eq!(note.open(&carol.private_key, None).err(), Some(NoteError::Open(OpenError)));
        // What we write of it is what came.
        let written = serde_json::to_value(&note).unwrap();
        for (name, value) in written.as_object().unwrap() {
            assert_eq!(value, &case["note"][name]);
        }
    }
    for case in file.list("legacy_document_signature") {
        let note: SealedNote = serde_json::from_value(case["note"].clone()).unwrap();
        // JavaScript takes such a note as any other; here it must be asked for.
        assert_eq!(note.open(&bob.private_key, Some(&writer)).err(), Some(NoteError::Verify(VerifyError)));
        let opened = note.open_legacy(&bob.private_key, Some(&writer)).unwrap();
        assert_eq!(opened.fields.iter().collect::<Vec<_>>(), case["plaintext"].entries());
        assert_eq!(note.legacy_document(&opened.fields).as_str(), case.text("signed_message"));
        let mut changed = note.clone();
        changed.recipient_signing_key = alice.signing_key;
        assert_eq!(changed.open_legacy(&bob.private_key, None).err(), Some(NoteError::Verify(VerifyError)));
    }
    for case in file.list("negative_and_attacks") {
        let note: SealedNote = serde_json::from_value(case["note"].clone()).unwrap();
        let opened = note.open(&bob.private_key, None);
        let label = case.text("label");
        match label {
            // Nothing in the format covers these.
            "field dropped"
            | "metadata (type, plain, id_string) changed"
            | "recipient_signing_key changed" => {
                assert!(opened.is_ok(), "{label}");
            }
            // Refused as soon as the writer is known.
            "forged: carol keys placed in writer_* of a note claimed to be from alice (client_id=alice)" => {
                assert!(opened.is_ok());
                assert_eq!(note.open(&bob.private_key, Some(&writer)).err(), Some(NoteError::OtherWriter));
            }
            // JavaScript and Python take the last two; here the salt and every field must be signed.
            "field renamed"
            | "signature of another note by the same writer"
            | "note-level signature replaced by junk with a semicolon (salt binding off)"
            | "fields without field signature" => {
                assert_eq!(opened.err(), Some(NoteError::Verify(VerifyError)), "{label}");
            }
            label => panic!("unknown: {label}"),
        }
    }
    ["notes", "legacy_document_signature", "negative_and_attacks"]
        .map(|list| file.list(list).len())
        .iter()
        .sum()
}

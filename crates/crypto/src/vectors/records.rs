//! Fields of records, and signatures of records.

use serde_json::Value;
use zeroize::Zeroizing;

use super::{Read as _, client, from_hex};
use crate::json_text::{HexCase, KeyOrder, write_object};
use crate::record::{FieldRandomness, seal_with};
use crate::{
    RecordAuthenticity, RecordToSign, Signature, VerifyError, encode_base64url, open_field, primitives,
    sealed_len,
};

pub(super) fn fields(file: &Value) -> usize {
    for case in file.list("cases") {
        // The long one is given by a rule.
        let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789 ";
        let long: String = (0..102_400).map(|at| char::from(alphabet[(at * 7 + (at >> 8)) % 37])).collect();
        let value = case["plaintext"].as_str().unwrap_or(&long);
        let hash: [u8; 32] = case.bytes("plaintext_sha256");
        assert_eq!(primitives::sha256(value.as_bytes()), hash, "{}", case.text("name"));
        let random = FieldRandomness {
            data_key: Zeroizing::new(case.bytes("dk_hex")),
            key_nonce: Zeroizing::new(case.bytes("edk_nonce_hex")),
            data_nonce: Zeroizing::new(case.bytes("ef_nonce_hex")),
        };
        let sealed = seal_with(&case.access_key(), value, &random);
        assert_eq!(sealed, case.text("quad"));
        assert_eq!(sealed.len(), sealed_len(value.len()));
        assert!(sealed.starts_with(&encode_base64url(from_hex(case.text("edk_hex")))));
        assert_eq!(*open_field(&case.access_key(), &sealed).unwrap(), value);
    }
    // Nothing binds a field to its name: exchanged fields open, by this crate too.
    let attack = &file["attack_field_swap"];
    let opened = |name| open_field(&attack.access_key(), attack["original"].text(name)).unwrap();
    assert_eq!(*opened("limit"), attack["swapped_decrypts_to"].text("amount"));
    assert_eq!(*opened("amount"), attack["swapped_decrypts_to"].text("limit"));
    file.list("cases").len() + 1
}

pub(super) fn signatures(file: &Value) -> usize {
    let alice = client(file, "alice");
    let mut cases = 0;
    for case in file.list("cases") {
        cases += 1;
        let message = case.text("js_signed_message");
        assert_eq!(message.as_bytes(), from_hex(case.text("js_signed_message_hex")));
        let signature: Signature = case.text("js_rec_sig").parse().unwrap();
        assert_eq!(alice.signing_pair.sign(message.as_bytes()), signature);
        assert_eq!(alice.signing_key.verify(message.as_bytes(), &signature), Ok(()));
        if case.text("name") == "lone surrogate" {
            // No string of Rust holds one: the record cannot be had, its signature was checked above.
            continue;
        }
        let plain = case["plain_entries"].entries();
        let data = (!case["data_entries"].is_null()).then(|| case["data_entries"].entries());
        let record = RecordToSign {
            writer_id: case.text("writer_id").parse().unwrap(),
            user_id: case.text("user_id").parse().unwrap(),
            record_type: case.text("type"),
            plain: &plain,
            data: data.as_deref(),
        };
        let name = case.text("name");
        assert_eq!(
            record.verify(Some(&signature), &alice.signing_key),
            Ok(RecordAuthenticity::Verified),
            "{name}"
        );
        assert_eq!(record.verify(None, &alice.signing_key), Ok(RecordAuthenticity::Unsigned));
        let other_type = RecordToSign { record_type: "other", ..record };
        assert_eq!(other_type.verify(Some(&signature), &alice.signing_key), Err(VerifyError));
        let ours = record.sign(&alice.signing_pair);
        assert_eq!(record.verify(Some(&ours), &alice.signing_key), Ok(RecordAuthenticity::Verified));
        let sorted = |entries: &[(&str, &str)]| {
            let mut sorted = entries.to_vec();
            sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            sorted == entries
        };
        // The same signature where the keys happen to be sorted.
        assert_eq!(ours == signature, sorted(&plain) && data.as_deref().is_none_or(sorted), "{name}");
    }
    for case in file.list("signable_documents") {
        cases += 1;
        let message = match case["value"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                let mut out = Zeroizing::new(String::new());
                write_object(&mut out, &case["entries"].entries(), KeyOrder::JsUtf16, HexCase::Lower);
                out.to_string()
            }
        };
        assert_eq!(message, case.text("js_signed_message"));
        assert_eq!(alice.signing_pair.sign(message.as_bytes()).to_string(), case.text("signature"));
    }
    let full = &file["full_record"];
    let body: Value = serde_json::from_str(full.text("post_body")).unwrap();
    verify_record(&body, full, &alice.signing_key, &full["plaintext"].entries());
    cases + 1
}

pub(super) fn local_records(file: &Value) -> usize {
    let alice = client(file, "alice");
    let mut cases = 0;
    for case in file.list("local_encrypt_decrypt") {
        cases += 1;
        // Here JSON with sorted keys. The client that wrote it refuses two of these; the order in which it signed is
        // not known to us either.
        let record: Value = serde_json::from_str(case.text("json")).unwrap();
        let name = case.text("name");
        let expected = case.text("after_stringify_decode") == "verified";
        assert_eq!(verifies(&record, file, &alice.signing_key), expected, "{name}");
    }
    let record: Value = serde_json::from_str(file.list("local_encrypt_decrypt")[0].text("json")).unwrap();
    for case in file.list("tamper_results_localDecrypt") {
        cases += 1;
        let mut record = record.clone();
        match case.text("label") {
            "unchanged" => {}
            "swap two fields" => {
                let data = record["data"].as_object_mut().unwrap();
                let (a, b) = (data["a"].clone(), data["b"].clone());
                data["a"] = b;
                data["b"] = a;
            }
            "drop a field" => drop(record["data"].as_object_mut().unwrap().remove("a").unwrap()),
            "change plain" => record["meta"]["plain"] = serde_json::json!({ "x": "y" }),
            "change type" => record["meta"]["type"] = "vec.other".into(),
            "change user_id" => record["meta"]["user_id"] = "b2222222-2222-4222-8222-222222222222".into(),
            // No part of what is signed, in the format.
            "set record_id and version" => record["meta"]["record_id"] = "x".into(),
            "set file_meta" => record["meta"]["file_meta"] = serde_json::json!({}),
            label => panic!("unknown: {label}"),
        }
        let accepted = case.text("js_result") == "ACCEPTED";
        assert_eq!(verifies(&record, file, &alice.signing_key), accepted, "{}", case.text("label"));
    }
    let wrapped: crate::WrappedAccessKey = file["eak"].text("eak").parse().unwrap();
    let opened = wrapped.open(&alice.public_key, &alice.private_key).unwrap();
    assert_eq!(opened.expose(), file.access_key().expose());
    cases + 1
}

fn verify_record(
    record: &Value,
    access_key: &Value,
    signing_key: &crate::SigningPublicKey,
    plaintext: &[(&str, &str)],
) {
    for (name, value) in plaintext {
        assert_eq!(*open_field(&access_key.access_key(), record["data"].text(name)).unwrap(), *value);
    }
    assert!(verifies(record, access_key, signing_key));
}

fn verifies(record: &Value, access_key: &Value, signing_key: &crate::SigningPublicKey) -> bool {
    let access_key = access_key.access_key();
    let opened: Vec<_> = record["data"]
        .entries()
        .into_iter()
        .map(|(name, sealed)| (name, open_field(&access_key, sealed).unwrap()))
        .collect();
    let data: Vec<_> = opened.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let meta = &record["meta"];
    let to_verify = RecordToSign {
        writer_id: meta.text("writer_id").parse().unwrap(),
        user_id: meta.text("user_id").parse().unwrap(),
        record_type: meta.text("type"),
        plain: &meta["plain"].entries(),
        data: Some(&data),
    };
    let signature: Signature = record.text("rec_sig").parse().unwrap();
    to_verify.verify(Some(&signature), signing_key) == Ok(RecordAuthenticity::Verified)
}

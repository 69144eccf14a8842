//! Files.

use std::collections::HashMap;

use serde_json::Value;

use super::{Read as _, folder, from_hex};
use crate::encoding::decode_array;
use crate::{
    AccessKey, FileOpener, FileSealer, OpenError, OpenFileError, SealedFile, open_file, primitives,
    sealed_file_len,
};

/// Bytes of a message of full length.
const MESSAGE_BYTES: usize = 65536 + 17;
/// Where the first one begins.
const MESSAGES_AT: usize = 124;

pub(super) fn files(file: &Value) -> usize {
    let mut sealed_by_name = HashMap::new();
    for case in file.list("cases") {
        let len = usize::try_from(case["plaintext_len"].as_u64().unwrap()).unwrap();
        let plaintext: Vec<u8> = (0..len).map(|at| (at * 31 + (at >> 8) * 17 + (at >> 16)) as u8).collect();
        assert_eq!(primitives::sha256(&plaintext).as_slice(), from_hex(case.text("plaintext_sha256")));
        let (sealed, summary) = reseal(case, &plaintext);
        assert_eq!(primitives::sha256(&sealed).as_slice(), from_hex(case.text("encrypted_sha256")));
        assert_eq!(summary.len_bytes, case["encrypted_len"].as_u64().unwrap());
        assert_eq!(sealed_file_len(len as u64), Some(summary.len_bytes));
        assert_eq!(summary.checksum.to_string(), case.text("checksum_md5_base64"));
        // The longest is not kept: it was made again above.
        if let Ok(kept) = std::fs::read(folder().join(case.text("file"))) {
            assert_eq!(kept, sealed);
        }
        assert_eq!(open_in_pieces(&case.access_key(), &sealed).unwrap(), (plaintext, summary));
        sealed_by_name.insert(case.text("file"), (case.access_key(), sealed));
    }
    for case in file.list("negative") {
        let (access_key, base) = &sealed_by_name[case.text("based_on")];
        let (prelude, messages) = base.split_at(MESSAGES_AT);
        let join = |pieces: &[&[u8]]| pieces.concat();
        let label = case.text("label");
        let broken = match label {
            // JavaScript takes these two, whole blocks or none; here the last block must say that it is.
            "truncated after 2 full messages (no FINAL tag)" => {
                base[..MESSAGES_AT + 2 * MESSAGE_BYTES].to_vec()
            }
            "only the headers (no message)" => prelude.to_vec(),
            "truncated inside message 2" => base[..MESSAGES_AT + MESSAGE_BYTES + 1000].to_vec(),
            "first message removed" => join(&[prelude, &messages[MESSAGE_BYTES..]]),
            "two messages swapped" => join(&[
                prelude,
                &messages[MESSAGE_BYTES..2 * MESSAGE_BYTES],
                &messages[..MESSAGE_BYTES],
                &messages[2 * MESSAGE_BYTES..],
            ]),
            "trailing byte after FINAL" => join(&[base, b"x"]),
            // Python and Go do not look behind a last block of full length.
            "trailing data after a full-size FINAL block" => {
                std::fs::read(folder().join(case.text("file"))).unwrap()
            }
            "version 2 in header" => join(&[b"2", &base[1..]]),
            // JavaScript reads the version as a number.
            "version 03 in header" => join(&[b"0", base]),
            label => panic!("unknown: {label}"),
        };
        if let Some(kept) = case["file"].as_str().and_then(|kept| std::fs::read(folder().join(kept)).ok()) {
            assert_eq!(kept, broken, "{label}");
        }
        refuse(access_key, &broken, label);
    }
    file.list("cases").len() + file.list("negative").len()
}

/// A file of another client, as `files[]` describes it.
pub(super) fn read_produced(case: &Value) {
    let sealed = std::fs::read(folder().join(case.text("file"))).unwrap();
    assert_eq!(sealed.len() as u64, case["encrypted_len"].as_u64().unwrap());
    if case.text("file") == "files/java-empty.bin" {
        // Java writes no message at all, and cannot read that itself.
        refuse(&case.access_key(), &sealed, "java-empty");
        return;
    }
    let (plaintext, summary) = open_in_pieces(&case.access_key(), &sealed).unwrap();
    assert_eq!(plaintext.len() as u64, case["plaintext_len"].as_u64().unwrap());
    assert_eq!(primitives::sha256(&plaintext).as_slice(), from_hex(case.text("plaintext_sha256")));
    assert_eq!(summary.checksum.to_string(), case.text("checksum_md5_base64"));
}

fn reseal(case: &Value, plaintext: &[u8]) -> (Vec<u8>, SealedFile) {
    let header_text = case.text("header_text");
    let key_nonce = decode_array::<24>(header_text.split('.').nth(2).unwrap()).unwrap();
    let mut sealed = Vec::new();
    let header = case.bytes("secretstream_header_hex");
    let mut sealer =
        FileSealer::begin(&case.access_key(), &case.bytes("dk_hex"), &key_nonce, &header, &mut sealed);
    assert!(sealed.starts_with(header_text.as_bytes()));
    // Pieces that do not fit the blocks.
    for piece in plaintext.chunks(10_007) {
        sealer.push(piece, &mut sealed);
    }
    let summary = sealer.finish(&mut sealed);
    (sealed, summary)
}

fn open_in_pieces(access_key: &AccessKey, sealed: &[u8]) -> Result<(Vec<u8>, SealedFile), OpenError> {
    let mut plaintext = Vec::new();
    let mut opener = FileOpener::new(access_key);
    for piece in sealed.chunks(10_007) {
        opener.push(piece, &mut plaintext)?;
    }
    let summary = opener.finish(&mut plaintext)?;
    Ok((plaintext, summary))
}

fn refuse(access_key: &AccessKey, sealed: &[u8], label: &str) {
    assert_eq!(open_in_pieces(access_key, sealed).err(), Some(OpenError), "{label}");
    let opened = open_file(access_key, &mut &*sealed, &mut Vec::new());
    assert!(matches!(opened, Err(OpenFileError::Open(OpenError))), "{label}");
}

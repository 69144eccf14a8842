//! Signatures of records, over their plaintext.
//!
//! ```text
//! message   = {"plain":{…},"type":"…","user_id":"…","writer_id":"…"} {"name":"value",…}     JSON, nothing between
//! signature = Ed25519(message)
//! ```
//!
//! A file signs the word `null` in the place of its fields. Not covered: id, version and dates of the record, and the
//! bytes of a file. The signature lies in the clear and is made of the plaintext: who holds it can test guesses of
//! values that are easy to guess.

use zeroize::Zeroizing;

use crate::json_text::{HexCase, KeyOrder, object_len_bytes, write_object, write_string};
use crate::{ClientId, Signature, SigningKeyPair, SigningPublicKey, VerifyError, blake2b_256};

/// What the signature of a record covers.
#[derive(Clone, Copy)]
pub struct RecordToSign<'a> {
    /// Who wrote the record.
    pub writer_id: ClientId,
    /// Whom the record is about.
    pub user_id: ClientId,
    /// The record's type.
    pub record_type: &'a str,
    /// Plain metadata, in the order in which it came.
    pub plain: &'a [(&'a str, &'a str)],
    /// Names and opened values of the fields, in the order in which they came. None for a file.
    pub data: Option<&'a [(&'a str, &'a str)]>,
}

/// What a record's signature says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an unsigned record is no error, and nobody vouches for it"]
pub enum RecordAuthenticity {
    /// There is no signature. Most clients write none.
    Unsigned,
    /// The signature is that of the given key.
    Verified,
}

impl RecordToSign<'_> {
    /// Signs the record. Keys are written in UTF-16 order, which survives stores that sort them.
    pub fn sign(&self, key: &SigningKeyPair) -> Signature {
        key.sign(self.message(KeyOrder::Utf16, HexCase::Lower).as_bytes())
    }

    /// Checks the signature in every writing that some client has: keys as received, sorted, or in JavaScript's order,
    /// each with small or large letters in escapes.
    ///
    /// # Errors
    /// There is a signature, and it does not hold in any writing.
    pub fn verify(
        &self,
        signature: Option<&Signature>,
        key: &SigningPublicKey,
    ) -> Result<RecordAuthenticity, VerifyError> {
        let Some(signature) = signature else { return Ok(RecordAuthenticity::Unsigned) };
        // Most records have one writing only, and none has more than eight: no use in checking one again.
        let mut tried = Vec::new();
        for order in [KeyOrder::Received, KeyOrder::Utf16, KeyOrder::JsReceived, KeyOrder::JsUtf16] {
            for hex in [HexCase::Lower, HexCase::Upper] {
                let message = self.message(order, hex);
                let hash = blake2b_256(message.as_bytes());
                if tried.contains(&hash) {
                    continue;
                }
                if key.verify(message.as_bytes(), signature).is_ok() {
                    return Ok(RecordAuthenticity::Verified);
                }
                tried.push(hash);
            }
        }
        Err(VerifyError)
    }

    fn message(&self, order: KeyOrder, hex: HexCase) -> Zeroizing<String> {
        let maps_len_bytes = object_len_bytes(self.plain) + self.data.map_or(0, object_len_bytes);
        // The rest has two ids, a few names, and the type with its escapes.
        let len_bytes = maps_len_bytes + 6 * self.record_type.len() + 256;
        let mut message = Zeroizing::new(String::with_capacity(len_bytes));
        message.push_str("{\"plain\":");
        write_object(&mut message, self.plain, order, hex);
        message.push_str(",\"type\":");
        write_string(&mut message, self.record_type, hex);
        message.push_str(",\"user_id\":\"");
        message.push_str(&self.user_id.to_string());
        message.push_str("\",\"writer_id\":\"");
        message.push_str(&self.writer_id.to_string());
        message.push_str("\"}");
        match self.data {
            Some(data) => write_object(&mut message, data, order, hex),
            None => message.push_str("null"),
        }
        message
    }
}

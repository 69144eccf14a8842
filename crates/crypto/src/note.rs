//! Notes: fields for one recipient, under a key of their own, each signed by the writer.
//!
//! ```text
//! access key   fresh, used for this note alone; wrapped by the writer for the recipient
//! salt         fresh UUID; signature = signed field "signature" with the salt as value, and a salt of its own
//! data         each value: signed field with the salt, then sealed as a record's field
//! ```
//!
//! Not covered by any signature: which fields there are, and everything beside them (type, plain metadata, name,
//! expiry, recipient). And the writer's keys come from the note itself: without pinned keys anyone can have written it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::is_uuid_text;
use crate::json_text::{HexCase, KeyOrder, object_len_bytes, write_object, write_string};
use crate::{
    AccessKey, EncryptionPrivateKey, EncryptionPublicKey, FieldSalt, OpenError, Signature, SigningKeyPair,
    SigningPublicKey, Suite, VerifyError, WrappedAccessKey, open_field, seal_field, sign_field, verify_field,
};

/// Name under which the salt is signed.
const SALT_FIELD: &str = "signature";
const MODE: &str = "Sodium";
/// Fields that a note may have.
const MAX_FIELDS: usize = 1024;

/// What is needed to write a note.
#[derive(Clone, Copy)]
pub struct NoteToSeal<'a> {
    /// Names and values.
    pub fields: &'a [(&'a str, &'a str)],
    /// The writer's key for wrapping the access key.
    pub writer_encryption_key: &'a EncryptionPrivateKey,
    /// The writer's key for signing.
    pub writer_signing_key: &'a SigningKeyPair,
    /// The reader's key. It is not in the note.
    pub recipient_encryption_key: &'a EncryptionPublicKey,
    /// The reader's signing key, by which the server knows who may fetch the note.
    pub recipient_signing_key: &'a SigningPublicKey,
}

impl NoteToSeal<'_> {
    /// Seals the note. The access key is for a file that goes with the note; otherwise drop it.
    ///
    /// # Errors
    /// [`NoteFieldsError`]: such a note would not be opened.
    pub fn seal(&self) -> Result<(SealedNote, AccessKey), NoteFieldsError> {
        let mut names = std::collections::HashSet::new();
        if self.fields.len() > MAX_FIELDS || !self.fields.iter().all(|(name, _)| names.insert(*name)) {
            return Err(NoteFieldsError);
        }
        let (access_key, salt) = (AccessKey::generate(), FieldSalt::random());
        let seal = |(name, value): &(&str, &str)| {
            let signed = sign_field(self.writer_signing_key, &salt, name, value);
            ((*name).to_owned(), seal_field(&access_key, &signed))
        };
        let signature = sign_field(self.writer_signing_key, &FieldSalt::random(), SALT_FIELD, salt.as_str());
        let note = SealedNote {
            data: SealedFields(self.fields.iter().map(seal).collect()),
            mode: MODE.to_owned(),
            recipient_signing_key: *self.recipient_signing_key,
            writer_signing_key: self.writer_signing_key.public_key(),
            writer_encryption_key: self.writer_encryption_key.public_key(),
            encrypted_access_key: access_key.wrap(self.recipient_encryption_key, self.writer_encryption_key),
            signature: signature.to_string(),
        };
        Ok((note, access_key))
    }
}

/// A note as it lies at the server: the part of its JSON that the formats cover. Other members are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedNote {
    /// Names and sealed values, in the writer's order.
    pub data: SealedFields,
    /// `Sodium`, in any case.
    pub mode: String,
    /// Who may fetch the note.
    pub recipient_signing_key: SigningPublicKey,
    /// Who says that it wrote the note.
    pub writer_signing_key: SigningPublicKey,
    /// Who says that it wrapped the access key.
    pub writer_encryption_key: EncryptionPublicKey,
    /// The access key, wrapped for the recipient.
    pub encrypted_access_key: WrappedAccessKey,
    /// The signed salt, or in old notes the signature of the whole.
    pub signature: String,
}

/// The keys of who wrote a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteWriter {
    /// For wrapping.
    pub encryption_key: EncryptionPublicKey,
    /// For signing.
    pub signing_key: SigningPublicKey,
}

/// A note that opened, and whose signatures hold.
#[derive(Debug)]
pub struct OpenedNote {
    /// Names and values, in the writer's order. Some of the writer's fields may be missing: nothing covers that.
    pub fields: OpenedFields,
    /// Who wrote it: proven only if the keys were pinned.
    pub writer: NoteWriter,
    /// The key of a file that goes with the note.
    pub access_key: AccessKey,
}

/// A note was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note has at most {MAX_FIELDS} fields, no two of the same name")]
pub struct NoteFieldsError;

/// Why a note was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The keys in the note are not those that the caller expects.
    #[error("the note is by another writer than expected")]
    OtherWriter,
    /// A ciphertext did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A signature is missing or does not hold.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl SealedNote {
    /// Opens the note. The signed salt and a signature on every field are required.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub fn open(
        &self,
        recipient: &EncryptionPrivateKey,
        pinned: Option<&NoteWriter>,
    ) -> Result<OpenedNote, NoteError> {
        let (writer, access_key) = self.unwrap_key(recipient, pinned)?;
        let salt = self.signed_salt(&writer.signing_key)?;
        let mut fields = Vec::with_capacity(self.data.0.len());
        for (name, sealed) in &self.data.0 {
            let signed = open_field(&access_key, sealed)?;
            let value = verify_field(&writer.signing_key, Some(&salt), name, &signed)?;
            fields.push((name.clone(), Zeroizing::new(value.to_owned())));
        }
        Ok(OpenedNote { fields: OpenedFields(fields), writer, access_key })
    }

    /// Opens a note of an old client, whose signature is one over all fields and keys.
    ///
    /// ```text
    /// {"data":{"name":"value",…},"note_keys":{"encrypted_access_key":…,"mode":…,"recipient_signing_key":…,
    ///  "writer_encryption_key":…,"writer_signing_key":…}}                    keys sorted, no spaces
    /// ```
    ///
    /// A function of its own, so that nobody can pass the one kind off as the other unasked.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub fn open_legacy(
        &self,
        recipient: &EncryptionPrivateKey,
        pinned: Option<&NoteWriter>,
    ) -> Result<OpenedNote, NoteError> {
        let (writer, access_key) = self.unwrap_key(recipient, pinned)?;
        let signature: Signature = self.signature.parse().map_err(|_| VerifyError)?;
        let mut fields = Vec::with_capacity(self.data.0.len());
        for (name, sealed) in &self.data.0 {
            fields.push((name.clone(), open_field(&access_key, sealed)?));
        }
        let fields = OpenedFields(fields);
        writer.signing_key.verify(self.legacy_document(&fields).as_bytes(), &signature)?;
        Ok(OpenedNote { fields, writer, access_key })
    }

    /// The salt of all fields. It and the salt of its own signature must be UUIDs, as all clients write them: where a
    /// salt may have any length, a value that the writer signed can be read as a longer salt and another value.
    fn signed_salt(&self, writer: &SigningPublicKey) -> Result<FieldSalt, VerifyError> {
        let salt = verify_field(writer, None, SALT_FIELD, &self.signature)?;
        let salt_of_signature = self.signature.split(';').nth(1).ok_or(VerifyError)?;
        if !is_uuid_text(salt_of_signature) || !is_uuid_text(salt) {
            return Err(VerifyError);
        }
        salt.parse().map_err(|_| VerifyError)
    }

    fn unwrap_key(
        &self,
        recipient: &EncryptionPrivateKey,
        pinned: Option<&NoteWriter>,
    ) -> Result<(NoteWriter, AccessKey), NoteError> {
        let writer =
            NoteWriter { encryption_key: self.writer_encryption_key, signing_key: self.writer_signing_key };
        if pinned.is_some_and(|pinned| *pinned != writer) {
            return Err(NoteError::OtherWriter);
        }
        if !self.mode.eq_ignore_ascii_case(MODE) {
            return Err(OpenError.into());
        }
        let access_key = self.encrypted_access_key.open(&writer.encryption_key, recipient)?;
        Ok((writer, access_key))
    }

    /// The formats that the note is written in.
    pub const fn suite(&self) -> Suite {
        Suite::Interop
    }

    pub(crate) fn legacy_document(&self, fields: &OpenedFields) -> Zeroizing<String> {
        let fields: Vec<_> = fields.iter().collect();
        // The rest has four keys, their names, and the mode.
        let len_bytes = object_len_bytes(&fields) + 6 * self.mode.len() + 512;
        let mut document = Zeroizing::new(String::with_capacity(len_bytes));
        document.push_str("{\"data\":");
        write_object(&mut document, &fields, KeyOrder::JsUtf16, HexCase::Lower);
        document.push_str(",\"note_keys\":{\"encrypted_access_key\":\"");
        document.push_str(&self.encrypted_access_key.to_string());
        document.push_str("\",\"mode\":");
        write_string(&mut document, &self.mode, HexCase::Lower);
        for (name, key) in [
            ("recipient_signing_key", self.recipient_signing_key.to_string()),
            ("writer_encryption_key", self.writer_encryption_key.to_string()),
            ("writer_signing_key", self.writer_signing_key.to_string()),
        ] {
            document.push_str(&format!(",\"{name}\":\"{key}\""));
        }
        document.push_str("}}");
        document
    }
}

/// Names and opened values. `Debug` shows the names alone.
pub struct OpenedFields(Vec<(String, Zeroizing<String>)>);

impl OpenedFields {
    /// The value under `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All of them, in the writer's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for OpenedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Names and sealed values: a JSON object, in the order in which it came. A name comes once, and there are at most
/// 1024.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedFields(Vec<(String, String)>);

impl SealedFields {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, sealed)| (name.as_str(), sealed.as_str()))
    }
}

impl Serialize for SealedFields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for SealedFields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SealedFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {MAX_FIELDS} different names")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<SealedFields, A::Error> {
                let (mut fields, mut seen) = (Vec::new(), std::collections::HashSet::new());
                while let Some((name, sealed)) = map.next_entry::<String, String>()? {
                    if fields.len() == MAX_FIELDS || !seen.insert(name.clone()) {
                        return Err(serde::de::Error::custom("too many fields, or one of them twice"));
                    }
                    fields.push((name, sealed));
                }
                Ok(SealedFields(fields))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A note from a fresh writer, and the recipient's key.
    fn sealed(fields: &[(&str, &str)]) -> (SealedNote, SigningKeyPair, EncryptionPrivateKey) {
        let (writer_signing_key, recipient) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let (note, _) = NoteToSeal {
            fields,
            writer_encryption_key: &EncryptionPrivateKey::generate(),
            writer_signing_key: &writer_signing_key,
            recipient_encryption_key: &recipient.public_key(),
            recipient_signing_key: &SigningKeyPair::generate().public_key(),
        }
        .seal()
        .unwrap();
        (note, writer_signing_key, recipient)
    }

    #[test]
    fn a_signed_value_is_not_taken_for_a_signed_salt() {
        // The recipient knows the writer's signature of "x", whose value it had a say in.
        let chosen_salt = FieldSalt::random();
        let value = format!("{SALT_FIELD}{chosen_salt}");
        let (mut note, _, recipient) = sealed(&[("x", &value)]);
        let opened = note.open(&recipient, None).unwrap();
        let signed = open_field(&opened.access_key, &note.data.0[0].1).unwrap();
        let forged = signed.replacen(";86;", "x;86;", 1).replace(SALT_FIELD, "");
        // As a signed field it holds: salt, name and value are joined without marks.
        let salt = verify_field(&note.writer_signing_key, None, SALT_FIELD, &forged);
        assert_eq!(salt, Ok(chosen_salt.as_str()));
        note.data = SealedFields::default();
        note.signature = forged;
        assert_eq!(note.open(&recipient, None).err(), Some(NoteError::Verify(VerifyError)));
    }

    #[test]
    fn a_salt_that_is_no_uuid_is_refused() {
        let (mut note, writer, recipient) = sealed(&[]);
        assert!(note.open(&recipient, None).is_ok());
        let uuid = FieldSalt::random();
        for (salt_of_signature, salt, opens) in [
            (uuid.as_str(), uuid.as_str(), true),
            ("x", uuid.as_str(), false),
            (uuid.as_str(), "x", false),
            (uuid.as_str(), "", false),
        ] {
            let salt_of_signature = salt_of_signature.parse().unwrap();
            note.signature = sign_field(&writer, &salt_of_signature, SALT_FIELD, salt).to_string();
            assert_eq!(note.open(&recipient, None).is_ok(), opens, "{salt_of_signature} {salt}");
        }
    }

    #[test]
    fn a_note_of_another_mode_is_refused() {
        let (mut note, _, recipient) = sealed(&[]);
        for (mode, opens) in
            [("sodium", true), ("SODIUM", true), ("NIST", false), ("", false), ("Sodium ", false)]
        {
            mode.clone_into(&mut note.mode);
            assert_eq!(note.open(&recipient, None).is_ok(), opens, "{mode}");
        }
    }

    #[test]
    fn a_name_comes_once_and_names_are_limited() {
        let fields = |count: usize| {
            let members: Vec<_> = (0..count).map(|at| format!("\"{at}\":\"\"")).collect();
            serde_json::from_str::<SealedFields>(&format!("{{{}}}", members.join(",")))
        };
        assert_eq!(fields(MAX_FIELDS).unwrap().iter().count(), MAX_FIELDS);
        assert!(fields(MAX_FIELDS + 1).is_err());
        assert!(serde_json::from_str::<SealedFields>(r#"{"a":"","b":"","a":""}"#).is_err());
    }

    #[test]
    fn what_would_not_open_is_not_sealed() {
        let (writer, recipient) = (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
        let names: Vec<String> = (0..=MAX_FIELDS).map(|at| at.to_string()).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        for (fields, seals) in
            [(&[("a", "1"), ("b", "2"), ("a", "3")][..], false), (&many, false), (&many[1..], true)]
        {
            let note = NoteToSeal {
                fields,
                writer_encryption_key: &EncryptionPrivateKey::generate(),
                writer_signing_key: &writer,
                recipient_encryption_key: &recipient.public_key(),
                recipient_signing_key: &writer.public_key(),
            };
            assert_eq!(note.seal().is_ok(), seals, "{}", fields.len());
        }
    }

    #[test]
    fn debug_output_has_no_values() {
        let (note, _, recipient) = sealed(&[("name", "value")]);
        let opened = note.open(&recipient, None).unwrap();
        let text = format!("{opened:?}");
        assert!(text.contains("name") && !text.contains("value"), "{text}");
    }
}

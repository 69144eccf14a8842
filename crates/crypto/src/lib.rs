//! Keys and formats of TozStore: bytes in, bytes out, no I/O.

mod access_key;
mod encoding;
mod error;
mod field_signature;
mod file;
mod hash;
mod id;
mod json_text;
mod keys;
mod label;
mod note;
mod password;
mod primitives;
mod record;
mod record_signature;
mod request;
mod secret;
mod suite;
#[cfg(test)]
mod vectors;

pub use access_key::{AccessKey, AccessKeyFingerprint, WrappedAccessKey};
pub use encoding::{decode_base64url, encode_base64url};
pub use error::{OpenError, ParseError, VerifyError};
pub use field_signature::{FieldSalt, sign_field, verify_field};
pub use file::{
    FILE_BLOCK_BYTES, FileChecksum, FileOpener, FileSealer, OpenFileError, SealedFile, open_file, seal_file,
    sealed_file_len,
};
pub use hash::{MacKey, SealingKey, SecretHash, blake2b_256};
pub use id::{AccountId, ClientId, RecordId, RequestNonce, StoreId, Version};
pub use keys::{EncryptionPrivateKey, EncryptionPublicKey, Signature, SigningKeyPair, SigningPublicKey};
pub use label::Label;
pub use note::{NoteError, NoteToSeal, NoteWriter, OpenedFields, OpenedNote, SealedFields, SealedNote};
pub use password::{
    AccountKey, AccountSalt, BrokerNote, IdentityCredentials, IdentityLogin, PkceVerifier,
    account_signing_key, answer_challenge,
};
pub use record::{open_field, open_fields, seal_field, seal_fields, sealed_len};
pub use record_signature::{RecordAuthenticity, RecordToSign};
pub use request::{RequestToSign, SignedRequest};
pub use suite::Suite;

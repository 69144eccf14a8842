//! Keys and formats of TozStore: bytes in, bytes out. No network, no clock, no files.
//!
//! Data is sealed by whoever writes it and opened by whom they let. The server stores ciphertexts, and checks
//! signatures of requests; it holds no key that opens data. The formats are those of the official clients, to the
//! byte ([`Suite::Interop`]): what they write opens here, and the other way round.
//!
//! # A record, from writer to reader
//!
//! ```
//! use tozstore_crypto::{
//!     AccessKey, ClientId, EncryptionPrivateKey, RequestNonce, RequestToSign, SignedRequest, SigningKeyPair,
//!     open_field, seal_field,
//! };
//!
//! // Every client has two pairs of keys: one to read with, one to sign with. The public halves go to the server.
//! let (alice, bob) = (EncryptionPrivateKey::generate(), EncryptionPrivateKey::generate());
//! let alice_signs = SigningKeyPair::generate();
//!
//! // One access key opens all records of one writer and type. Alice wraps it for herself, and for Bob to share.
//! let access_key = AccessKey::generate();
//! let for_bob = access_key.wrap(&bob.public_key(), &alice);
//!
//! // Each field is sealed on its own. The field's name stays readable.
//! let sealed = seal_field(&access_key, "4 May, 9:30");
//!
//! // Bob gets both from the server, and Alice's public key from where he trusts it.
//! let opened = for_bob.open(&alice.public_key(), &bob)?;
//! assert_eq!(*open_field(&opened, &sealed)?, "4 May, 9:30");
//!
//! // The server does not hand them out to anyone: requests are signed.
//! let request = RequestToSign { method: "GET", path: "/v2/storage/notes", query: Some("note_id=7") };
//! let header = request.sign(1_700_000_000, RequestNonce::random(), Some(ClientId::random()), &alice_signs);
//!
//! // At the server. It looks up whose key that is, and checks time and nonce itself.
//! let received = SignedRequest::parse(&header)?;
//! received.verify("GET", "/v2/storage/notes", Some("note_id=7"))?;
//! assert_eq!(*received.public_key(), alice_signs.public_key());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the formats do not give
//!
//! They are as they are so that others can read them. Nothing binds a field to its name, record or version; keys come
//! from the server; access keys never change. What a client can do about it: pin public keys, keep
//! [`AccessKey::fingerprint`]s, ask for signatures. The whole list is in `docs/formats/interop.md`.
//!
//! # Secrets
//!
//! Types of secrets are wiped when dropped, print their name alone, and can be neither copied nor compared. What must
//! leave them leaves through a method whose name begins with `expose`. Opening fails in one way, [`OpenError`],
//! whatever the reason; so does verifying, [`VerifyError`].
//!
//! ```compile_fail,E0599
//! # fn compare(key: tozstore_crypto::AccessKey) {
//! let same = key.eq(&key); // nor `key.clone()`, nor `serde_json::to_string(&key)`
//! # }
//! ```

mod access_key;
mod encoding;
mod error;
mod field_signature;
mod file;
mod group;
mod hash;
mod hook_signature;
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
pub mod sealed;
mod secret;
mod suite;
#[cfg(test)]
mod vectors;

// Keys and signatures
pub use access_key::{AccessKey, AccessKeyFingerprint, WrappedAccessKey};
pub use group::{GroupAccessChain, GroupKeyPair, MembershipKey};
pub use keys::{EncryptionPrivateKey, EncryptionPublicKey, Signature, SigningKeyPair, SigningPublicKey};
pub use password::{
    AccountKey, AccountSalt, BrokerNote, IdentityCredentials, IdentityLogin, PkceVerifier,
    account_signing_key, answer_challenge, generate_paper_key,
};

// What is sealed
pub use file::{
    FILE_BLOCK_BYTES, FileChecksum, FileOpener, FileSealer, FileTally, OpenFileError, SealedFile, open_file,
    seal_file, sealed_file_len,
};
pub use note::{
    NoteError, NoteFieldsError, NoteToSeal, NoteWriter, OpenedFields, OpenedNote, SealedFields, SealedNote,
};
pub use record::{open_field, open_fields, seal_field, seal_fields, sealed_len};

// What is signed
pub use field_signature::{FieldSalt, sign_field, verify_field};
pub use record_signature::{RecordAuthenticity, RecordToSign};
pub use request::{RequestToSign, SignedRequest};

// The server's own tokens and secrets
pub use hash::{MacKey, SealingKey, SecretHash, blake2b_256};
pub use hook_signature::HookSecret;
pub use label::{Label, SealedLabel};

// Ids, texts, errors
pub use encoding::{decode_base64url, encode_base64url};
pub use error::{OpenError, ParseError, VerifyError};
pub use id::{AccountId, ClientId, GroupId, NoteId, PendingFileId, RecordId, RequestNonce, StoreId, Version};
pub use suite::Suite;

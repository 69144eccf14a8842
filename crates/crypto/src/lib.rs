//! Keys and formats of TozStore: bytes in, bytes out, no I/O.

mod access_key;
mod encoding;
mod error;
mod hash;
mod id;
mod json_text;
mod keys;
mod label;
mod primitives;
mod record;
mod record_signature;
mod request;
mod secret;
mod suite;

pub use access_key::{AccessKey, AccessKeyFingerprint, WrappedAccessKey};
pub use encoding::{decode_base64url, encode_base64url};
pub use error::{OpenError, ParseError, VerifyError};
pub use hash::{MacKey, SealingKey, SecretHash, blake2b_256};
pub use id::{AccountId, ClientId, RecordId, RequestNonce, StoreId, Version};
pub use keys::{EncryptionPrivateKey, EncryptionPublicKey, Signature, SigningKeyPair, SigningPublicKey};
pub use label::Label;
pub use record::{open_field, open_fields, seal_field, seal_fields, sealed_len};
pub use record_signature::{RecordAuthenticity, RecordToSign};
pub use request::{RequestToSign, SignedRequest};
pub use suite::Suite;

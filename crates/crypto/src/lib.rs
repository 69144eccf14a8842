//! Keys and formats of TozStore: bytes in, bytes out, no I/O.

mod encoding;
mod error;
mod id;
mod keys;
mod primitives;

pub use encoding::{decode_base64url, encode_base64url};
pub use error::{OpenError, ParseError, VerifyError};
pub use id::{AccountId, ClientId, RecordId, StoreId, Version};
pub use keys::{EncryptionPublicKey, SigningPublicKey};

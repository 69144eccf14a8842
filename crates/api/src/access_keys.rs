//! Encrypted access keys: `/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{type}`.

use serde::{Deserialize, Serialize, Serializer};
use tozstore_crypto::ClientId;

use crate::KeySet;

/// Bytes that an encrypted access key may have.
pub const MAX_ACCESS_KEY_BYTES: usize = 4096;

/// An access key as it is put, and the answer to that. The answer has no more members than these: one official client
/// would take an object among them for an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutAccessKey {
    /// The encrypted key, passed on unread.
    pub eak: String,
}

/// An access key as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessKey {
    /// The encrypted key.
    pub eak: String,
    /// The client that encrypted it.
    pub authorizer_id: ClientId,
    /// Public keys of that client.
    pub authorizer_public_key: KeySet,
    /// The writer, who signs the records.
    pub signer_id: ClientId,
    /// Public signing keys of the writer; null if it has none, and never left out: one official client demands the
    /// member, and takes `{}` for a set with keys in it.
    #[serde(default, serialize_with = "null_if_empty")]
    #[cfg_attr(feature = "openapi", schema(nullable, required))]
    pub signer_signing_key: KeySet,
}

fn null_if_empty<S: Serializer>(keys: &KeySet, serializer: S) -> Result<S::Ok, S::Error> {
    if keys.is_empty() { serializer.serialize_none() } else { keys.serialize(serializer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a1111111-1111-4111-8111-111111111111";
    const KEY: &str = "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk";

    #[test]
    fn the_signing_key_is_there_or_null() {
        for keys in ["null".to_owned(), format!(r#"{{"ed25519":"{KEY}"}}"#)] {
            let text = format!(
                r#"{{"eak":"x.y","authorizer_id":"{ID}","authorizer_public_key":{{"p384":"k"}},"signer_id":"{ID}","signer_signing_key":{keys}}}"#
            );
            let key: AccessKey = serde_json::from_str(&text).unwrap();
            assert_eq!(key.signer_signing_key.is_empty(), keys == "null");
            assert_eq!(serde_json::to_string(&key).unwrap(), text);
        }
    }

    #[test]
    fn members_of_other_clients_are_ignored() {
        let text = format!(r#"{{"WriterID":"{ID}","RecordType":"t","eak":"SOMERANDOM"}}"#);
        let body: PutAccessKey = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"eak":"SOMERANDOM"}"#);
        for text in ["{}", r#"{"eak":null}"#, r#"{"eak":1}"#] {
            assert!(serde_json::from_str::<PutAccessKey>(text).is_err(), "{text}");
        }
    }
}

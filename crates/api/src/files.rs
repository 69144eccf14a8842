//! Files: records whose content is a stream of sealed bytes, sent and fetched apart from the record.
//!
//! A file is announced (`POST /v1/storage/files`), its bytes are sent to the address that the answer names, and it is
//! committed (`PATCH /v1/storage/files/{id}`). Only then is there a record.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use tozstore_crypto::{ClientId, FileChecksum, PendingFileId, RecordId};

use crate::absent::null_as_default;
use crate::{Plain, RecordData, RecordType};

/// Sealed bytes that one file may have.
pub const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Bytes that the name of a compression may have.
pub const MAX_COMPRESSION_BYTES: usize = 64;
/// The name of no compression.
pub const RAW: &str = "raw";

/// A file as it is announced, or new content for one: `POST /v1/storage/files`,
/// `PUT /v1/storage/files/{record_id}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileWrite {
    /// Whose record it is, its type, its plain metadata, and what its bytes are.
    pub meta: FileWriteMeta,
    /// Sealed fields beside the file; most clients have none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub data: RecordData,
    /// The writer's signature, passed on unread.
    #[serde(default)]
    pub rec_sig: Option<String>,
}

/// The part of the metadata that the client decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileWriteMeta {
    /// The client that wrote the record, or writes it.
    pub writer_id: ClientId,
    /// Whom the file is about; the writer, in practice.
    pub user_id: ClientId,
    /// The record's type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Plain metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub plain: Plain,
    /// What the bytes are.
    pub file_meta: FileMetaWrite,
}

/// What the bytes of a file are, as the client says. A name of the file, if one is sent, is not kept: it would not be
/// sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileMetaWrite {
    /// MD5 of the sealed bytes.
    #[serde(with = "checksum_text")]
    pub checksum: FileChecksum,
    /// How many sealed bytes there are, at most [`MAX_FILE_BYTES`].
    #[serde(deserialize_with = "size")]
    #[cfg_attr(feature = "openapi", schema(maximum = 5_368_709_120_u64))]
    pub size: u64,
    /// How the plaintext is compressed: [`RAW`] in every client.
    #[serde(default = "raw", deserialize_with = "raw_if_empty")]
    pub compression: String,
}

/// New plain metadata and fields for a record with a file, which is kept:
/// `PUT /v1/storage/files/record/safe/{record_id}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileUpdate {
    /// As in [`FileWrite`].
    pub meta: FileUpdateMeta,
    /// As in [`FileWrite`].
    #[serde(default, deserialize_with = "null_as_default")]
    pub data: RecordData,
    /// As in [`FileWrite`].
    #[serde(default)]
    pub rec_sig: Option<String>,
}

/// The part of the metadata that such a change may have. A description of the file is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileUpdateMeta {
    /// The client that wrote the record.
    pub writer_id: ClientId,
    /// Whom the file is about.
    pub user_id: ClientId,
    /// The record's type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Its new plain metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub plain: Plain,
}

/// The answer to an announcement, with status 202.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingFile {
    /// What to commit.
    pub id: PendingFileId,
    /// Where to send the bytes: an absolute address that needs no other permission and lapses.
    pub file_url: String,
}

/// What a record says of its file. Every member is always there: official clients need the null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileMeta {
    /// Where to fetch the bytes: an absolute address that needs no other permission and lapses. Null in answers that
    /// are not about the file.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub file_url: Option<String>,
    /// A name that the server made up, new for each content.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub file_name: String,
    /// MD5 of the sealed bytes.
    #[serde(with = "checksum_text")]
    pub checksum: FileChecksum,
    /// How the plaintext is compressed.
    #[serde(default = "raw", deserialize_with = "raw_if_empty")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub compression: String,
    /// How many sealed bytes there are.
    #[serde(deserialize_with = "size")]
    pub size: u64,
}

/// Which files are asked for: `POST /v1/storage/listOfFiles`, answered with an array of records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ListFiles {
    /// Ids of records, as many as one batch may have.
    #[serde(deserialize_with = "null_as_default")]
    pub id: Vec<RecordId>,
    /// Whether to answer with the fields beside the files too.
    #[serde(deserialize_with = "null_as_default")]
    pub include_data: bool,
}

fn raw() -> String {
    RAW.to_owned()
}

fn raw_if_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(raw);
    if text.len() > MAX_COMPRESSION_BYTES {
        return Err(de::Error::custom("the name of the compression is too long"));
    }
    Ok(text)
}

/// A number, or its digits as text, as one client sends it.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Size;

    impl Visitor<'_> for Size {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of bytes")
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
            u64::try_from(value).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Size)
}

mod checksum_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        checksum: &FileChecksum,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(checksum)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileChecksum, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a1111111-1111-4111-8111-111111111111";
    const CHECKSUM: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

    fn write(file_meta: &str, rest: &str) -> Result<FileWrite, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"meta":{{"writer_id":"{ID}","user_id":"{ID}","type":"t","file_meta":{file_meta}}}{rest}}}"#
        ))
    }

    #[test]
    fn what_clients_announce_is_read() {
        for rest in ["", r#","data":null,"rec_sig":null"#, r#","data":{}"#] {
            for more in
                ["", r#","compression":"raw""#, r#","compression":"","file_name":"a","file_url":null"#]
            {
                for size in ["141", r#""141""#] {
                    let body =
                        write(&format!(r#"{{"checksum":"{CHECKSUM}","size":{size}{more}}}"#), rest).unwrap();
                    assert!(body.data.is_empty() && body.rec_sig.is_none());
                    assert_eq!(
                        (body.meta.file_meta.size, body.meta.file_meta.compression.as_str()),
                        (141, RAW)
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_announcement_is_refused() {
        for file_meta in [
            "null".to_owned(),
            "{}".to_owned(),
            format!(r#"{{"checksum":"{CHECKSUM}"}}"#),
            format!(r#"{{"checksum":"{CHECKSUM}","size":-1}}"#),
            format!(r#"{{"checksum":"{CHECKSUM}","size":1.5}}"#),
            format!(r#"{{"checksum":"{CHECKSUM}","size":null}}"#),
            r#"{"checksum":"1B2M2Y8AsgTpgAmY7PhCfg","size":1}"#.to_owned(),
            r#"{"checksum":"","size":1}"#.to_owned(),
        ] {
            assert!(write(&file_meta, "").is_err(), "{file_meta}");
        }
    }

    #[test]
    fn a_description_has_all_members() {
        let text = format!(
            r#"{{"file_url":null,"file_name":"n","checksum":"{CHECKSUM}","compression":"raw","size":7}}"#
        );
        let meta: FileMeta = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&meta).unwrap(), text);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_handled(text in ".*") {
            let _ = serde_json::from_str::<FileWrite>(&text);
            let _ = serde_json::from_str::<ListFiles>(&text);
        }
    }
}

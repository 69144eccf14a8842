//! Records: sealed fields under plain metadata.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use tozstore_crypto::{ClientId, RecordId, Version};

use crate::absent::null_as_default;
use crate::{FileMeta, Plain, RecordType, Timestamp};

/// Bytes that the body of one write may have.
pub const MAX_RECORD_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Fields that one record may have.
pub const MAX_RECORD_FIELDS: usize = 4096;
/// Bytes that the name of one field may have.
pub const MAX_FIELD_NAME_BYTES: usize = 1024;
/// Bytes that the signature of a record may have.
pub const MAX_RECORD_SIGNATURE_BYTES: usize = 4096;
/// Records that one batch may ask for.
pub const MAX_BATCH_RECORDS: usize = 1000;

/// A record as it is sent to be written: `POST /v1/storage/records`, `PUT /v1/storage/records/...`.
///
/// What the server decides (id, version, times) is not read, whatever stands there: clients send null, zero ids, zero
/// times, or what they got before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordWrite {
    /// Whose record it is, its type, and its plain metadata.
    pub meta: RecordWriteMeta,
    /// The sealed fields.
    pub data: RecordData,
    /// The writer's signature, passed on unread.
    #[serde(default)]
    pub rec_sig: Option<String>,
}

/// The part of the metadata that the client decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordWriteMeta {
    /// The client that writes it.
    pub writer_id: ClientId,
    /// Whom the data is about; the writer, in practice.
    pub user_id: ClientId,
    /// Its type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Its plain metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub plain: Plain,
    /// Belongs to records with a file, which have endpoints of their own; a record written here must not have it.
    #[serde(default, skip_serializing, deserialize_with = "refuse_file_meta")]
    pub file_meta: NoFile,
}

/// Stands where a description of a file would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoFile;

/// A record as it is answered. `D` is [`RecordData`], or JSON text of that form for who passes it on unread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Record<D = RecordData> {
    /// Its metadata.
    pub meta: RecordMeta,
    /// Its sealed fields: all of them, or those that were asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = RecordData))]
    pub data: D,
    /// The writer's signature as it was sent; null if there is none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rec_sig: Option<String>,
}

/// Metadata of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordMeta {
    /// Its id.
    pub record_id: RecordId,
    /// The client that wrote it.
    pub writer_id: ClientId,
    /// Whom the data is about.
    pub user_id: ClientId,
    /// Its type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Its plain metadata; `{}` if there is none.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub plain: Plain,
    /// When it was written.
    pub created: Timestamp,
    /// When it was changed last; [`created`](Self::created) if never.
    pub last_modified: Timestamp,
    /// Its version, new at every change.
    pub version: Version,
    /// Its file, if it has one. Never null: official clients take that for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub file_meta: Option<FileMeta>,
}

/// Which records are asked for: `GET /v1/storage/records`, with this as its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchRequest {
    /// At most [`MAX_BATCH_RECORDS`].
    #[serde(default, deserialize_with = "null_as_default")]
    pub record_ids: Vec<RecordId>,
    /// Whether to answer with data and access keys too.
    #[serde(default, deserialize_with = "null_as_default")]
    pub include_data: bool,
}

/// Records to delete: `DELETE /v2/storage/records/bulk/delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkDelete {
    /// At most [`MAX_BATCH_RECORDS`].
    #[serde(default, deserialize_with = "null_as_default")]
    pub record_ids: Vec<RecordId>,
}

/// Which records were not deleted; the others were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkDeleted {
    /// By record type, where the caller may know it, else under `N/A`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub record_delete_error: std::collections::BTreeMap<String, Vec<NotDeleted>>,
}

/// A record that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotDeleted {
    /// Its id.
    pub record_id: RecordId,
    /// `Not Found` or `Forbidden`.
    pub error: String,
}

/// Sealed fields by name, in the order in which the writer sent them: signatures of some clients cover that order.
///
/// At most [`MAX_RECORD_FIELDS`] fields, with names of at most [`MAX_FIELD_NAME_BYTES`] bytes, no name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = std::collections::BTreeMap<String, String>))]
#[serde(transparent)]
pub struct RecordData(IndexMap<String, String>);

impl RecordData {
    /// The sealed field under `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All fields, in the writer's order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops all fields but those that `keep` names.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Parses the JSON object that the fields serialise to.
    ///
    /// # Errors
    /// The text is not an object of strings within the limits.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON object, fields in the writer's order.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromIterator<(String, String)> for RecordData {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for RecordData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RecordData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RecordData, A::Error> {
                let mut fields = IndexMap::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if fields.len() == MAX_RECORD_FIELDS {
                        return Err(de::Error::custom(format_args!("more than {MAX_RECORD_FIELDS} fields")));
                    }
                    if name.len() > MAX_FIELD_NAME_BYTES {
                        return Err(de::Error::custom(format_args!(
                            "a field's name has more than {MAX_FIELD_NAME_BYTES} bytes"
                        )));
                    }
                    if fields.insert(name, value).is_some() {
                        return Err(de::Error::custom("a field is there twice"));
                    }
                }
                Ok(RecordData(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

fn refuse_file_meta<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NoFile, D::Error> {
    match Option::<IgnoredAny>::deserialize(deserializer)? {
        None => Ok(NoFile),
        Some(_) => Err(de::Error::custom("records with a file are not written here")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "a1111111-1111-4111-8111-111111111111";

    fn write(meta: &str, rest: &str) -> Result<RecordWrite, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"meta":{{"writer_id":"{ID}","user_id":"{ID}"{meta}}}{rest}}}"#))
    }

    #[test]
    fn what_clients_send_is_read() {
        let data = r#","data":{"b":"1","a":"2"}"#;
        // Null for everything, zero ids and times, times of another form, members of tomorrow.
        for meta in [
            r#","type":"t""#,
            r#","type":"t","plain":null,"record_id":null,"created":null,"last_modified":null,"version":null"#,
            r#","type":"t","plain":{},"record_id":"00000000-0000-0000-0000-000000000000","version":"","file_meta":null"#,
            r#","type":"t","created":"0001-01-01T00:00:00Z","last_modified":"2024-01-01T00:00:00+01:00","new":[1]"#,
        ] {
            for signature in ["", r#","rec_sig":null"#] {
                let body = write(meta, &format!("{data}{signature}")).unwrap();
                assert!(body.meta.plain.is_empty() && body.rec_sig.is_none());
                assert_eq!(body.data.to_json(), r#"{"b":"1","a":"2"}"#);
            }
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let data = r#","data":{"a":"1"}"#;
        for (meta, rest) in [
            ("", data),
            (r#","type":"""#, data),
            (r#","type":null"#, data),
            (r#","type":"t","plain":[]"#, data),
            (r#","type":"t","file_meta":{}"#, data),
            (r#","type":"t""#, ""),
            (r#","type":"t""#, r#","data":null"#),
            (r#","type":"t""#, r#","data":{"a":1}"#),
            (r#","type":"t""#, r#","data":{"a":null}"#),
            (r#","type":"t""#, r#","data":{"a":"1","a":"2"}"#),
            (r#","type":"t""#, r#","data":{"a":"\ud800"}"#),
        ] {
            assert!(write(meta, rest).is_err(), "{meta} {rest}");
        }
    }

    #[test]
    fn fields_are_limited() {
        let fields = |count: usize| {
            (0..count).map(|n| (n.to_string(), String::new())).collect::<RecordData>().to_json()
        };
        assert!(RecordData::from_json(&fields(MAX_RECORD_FIELDS)).is_ok());
        assert!(RecordData::from_json(&fields(MAX_RECORD_FIELDS + 1)).is_err());
        let named = |bytes: usize| format!(r#"{{"{}":""}}"#, "n".repeat(bytes));
        assert!(RecordData::from_json(&named(MAX_FIELD_NAME_BYTES)).is_ok());
        assert!(RecordData::from_json(&named(MAX_FIELD_NAME_BYTES + 1)).is_err());
    }

    #[test]
    fn answers_have_all_members() {
        let (client, time) = (ID.parse().unwrap(), Timestamp::from_micros(1));
        let record = Record {
            meta: RecordMeta {
                record_id: ID.parse().unwrap(),
                writer_id: client,
                user_id: client,
                record_type: RecordType::new("t").unwrap(),
                plain: Plain::default(),
                created: time,
                last_modified: time,
                version: ID.parse().unwrap(),
                file_meta: None,
            },
            data: RecordData::default(),
            rec_sig: None,
        };
        let text = serde_json::to_string(&record).unwrap();
        let time = "1970-01-01T00:00:00.000001Z";
        let expected = format!(
            r#"{{"meta":{{"record_id":"{ID}","writer_id":"{ID}","user_id":"{ID}","type":"t","plain":{{}},"created":"{time}","last_modified":"{time}","version":"{ID}"}},"data":{{}},"rec_sig":null}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }

    #[test]
    fn a_batch_defaults_to_nothing() {
        for text in ["{}", r#"{"record_ids":null,"include_data":null}"#] {
            assert_eq!(serde_json::from_str::<BatchRequest>(text).unwrap(), BatchRequest::default());
        }
    }

    proptest! {
        #[test]
        fn writes_round_trip(
            fields in prop::collection::vec((".{0,20}", ".{0,40}"), 0..20),
            plain in prop::collection::vec((".{0,20}", ".{0,40}"), 0..20),
            record_type in ".{1,20}",
            rec_sig in prop::option::of(".{0,40}"),
        ) {
            let body = RecordWrite {
                meta: RecordWriteMeta {
                    writer_id: ID.parse().unwrap(),
                    user_id: ID.parse().unwrap(),
                    record_type: RecordType::new(record_type).unwrap(),
                    plain: plain.into_iter().collect(),
                    file_meta: NoFile,
                },
                data: fields.into_iter().collect(),
                rec_sig,
            };
            let text = serde_json::to_string(&body).unwrap();
            let again: RecordWrite = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&again, &body);
            // The order of fields does not take part in equality.
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
        }
    }
}

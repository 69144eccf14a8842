//! Search of records by who wrote them, what they are, and their plain metadata: `POST /v1/storage/search`.

use serde::{Deserialize, Serialize};
use tozstore_crypto::{ClientId, RecordId};

use crate::absent::null_as_default;
use crate::{AccessKey, GroupAccessKey, PlainExpression, RecordData, RecordMeta, RecordType};

/// Results on a page when the request does not say.
pub const DEFAULT_SEARCH_COUNT: usize = 50;
/// Results that one page may have.
pub const MAX_SEARCH_COUNT: usize = 1000;
/// Values that one filter may have.
pub const MAX_SEARCH_VALUES: usize = 1000;

/// What to search for. Filters with values must all hold; one of their values is enough. A filter without values is no
/// filter. A body of no bytes is the default request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SearchRequest {
    /// Results on a page, at most [`MAX_SEARCH_COUNT`]; below one for [`DEFAULT_SEARCH_COUNT`].
    #[serde(deserialize_with = "null_as_default")]
    pub count: i64,
    /// Whether to answer with data and access keys too.
    #[serde(deserialize_with = "null_as_default")]
    pub include_data: bool,
    /// Records of these writers, as far as the caller may read them.
    #[serde(deserialize_with = "null_as_default")]
    pub writer_ids: Vec<ClientId>,
    /// Records about these users.
    #[serde(deserialize_with = "null_as_default")]
    pub user_ids: Vec<ClientId>,
    /// These records.
    #[serde(deserialize_with = "null_as_default")]
    pub record_ids: Vec<RecordId>,
    /// Records of these types.
    #[serde(deserialize_with = "null_as_default")]
    pub content_types: Vec<RecordType>,
    /// Records with such plain metadata.
    pub plain: Option<PlainExpression>,
    /// Records behind this place: the `last_index` of the page before. Not below zero.
    #[serde(deserialize_with = "null_as_default")]
    pub after_index: i64,
    /// Without `writer_ids`: records of all writers that the caller may read, and not of the caller alone.
    #[serde(deserialize_with = "null_as_default")]
    pub include_all_writers: bool,
}

impl SearchRequest {
    /// Whether every list is within [`MAX_SEARCH_VALUES`].
    pub fn within_limits(&self) -> bool {
        [self.writer_ids.len(), self.user_ids.len(), self.record_ids.len(), self.content_types.len()]
            .into_iter()
            .all(|length| length <= MAX_SEARCH_VALUES)
    }
}

/// A page of results. An empty page is the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResponse<D = RecordData> {
    /// By ascending index.
    #[serde(deserialize_with = "null_as_default", bound(deserialize = "D: Deserialize<'de>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ListedRecord>))]
    pub results: Vec<ListedRecord<D>>,
    /// Index of the last result, for `after_index` of the next request; that of the request when there are none.
    pub last_index: u64,
}

/// Records that a batch asked for and that the caller may read, in the order in which it asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchResponse<D = RecordData> {
    /// The records.
    #[serde(deserialize_with = "null_as_default", bound(deserialize = "D: Deserialize<'de>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ListedRecord>))]
    pub records: Vec<ListedRecord<D>>,
}

/// A record among others. Every member of the protocol is always there: official clients need the null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedRecord<D = RecordData> {
    /// Its metadata.
    pub meta: RecordMeta,
    /// Its sealed fields, if they were asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<RecordData>, required))]
    pub record_data: Option<D>,
    /// The caller's access key for them, if they were asked for and it has one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub access_key: Option<AccessKey>,
    /// The key to them through a group, in a batch alone: where the caller may read the record as a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub group_access_key: Option<GroupAccessKey>,
    /// The writer's signature.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rec_sig: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn null_and_absent_are_the_default() {
        for text in [
            "{}",
            r#"{"count":null,"include_data":null,"writer_ids":null,"user_ids":null,"record_ids":null,"content_types":null,
                "plain":null,"after_index":null,"include_all_writers":null,"unknown":{}}"#,
            r#"{"writer_ids":[],"content_types":[]}"#,
        ] {
            assert_eq!(serde_json::from_str::<SearchRequest>(text).unwrap(), SearchRequest::default());
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            r#"{"count":"1"}"#,
            r#"{"count":1.5}"#,
            r#"{"after_index":9223372036854775808}"#,
            r#"{"writer_ids":["all"]}"#,
            r#"{"content_types":[""]}"#,
            r#"{"plain":[]}"#,
        ] {
            assert!(serde_json::from_str::<SearchRequest>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_are_limited() {
        let of = |count| SearchRequest {
            content_types: vec![RecordType::new("t").unwrap(); count],
            ..SearchRequest::default()
        };
        assert!(of(MAX_SEARCH_VALUES).within_limits());
        assert!(!of(MAX_SEARCH_VALUES + 1).within_limits());
    }

    #[test]
    fn members_of_results_are_always_there() {
        let meta = r#"{"record_id":"a1111111-1111-4111-8111-111111111111","writer_id":"a1111111-1111-4111-8111-111111111111","user_id":"a1111111-1111-4111-8111-111111111111","type":"t","plain":{},"created":"1970-01-01T00:00:00.000001Z","last_modified":"1970-01-01T00:00:00.000001Z","version":"a1111111-1111-4111-8111-111111111111"}"#;
        let text = format!(
            r#"{{"results":[{{"meta":{meta},"record_data":null,"access_key":null,"rec_sig":null}}],"last_index":7}}"#
        );
        let page: SearchResponse = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&page).unwrap(), text);
        let empty: SearchResponse = serde_json::from_str(r#"{"results":null,"last_index":0}"#).unwrap();
        assert_eq!(serde_json::to_string(&empty).unwrap(), r#"{"results":[],"last_index":0}"#);
    }

    proptest! {
        #[test]
        fn requests_round_trip(count: i64, include_data: bool, after_index: i64, types in prop::collection::vec(".{1,9}", 0..5)) {
            let content_types = types.into_iter().map(|text| RecordType::new(text).unwrap()).collect();
            let request = SearchRequest { count, include_data, after_index, content_types, ..SearchRequest::default() };
            let text = serde_json::to_string(&request).unwrap();
            prop_assert_eq!(serde_json::from_str::<SearchRequest>(&text).unwrap(), request);
        }

        #[test]
        fn any_text_is_handled(text in ".*") {
            let _ = serde_json::from_str::<SearchRequest>(&text);
        }
    }
}

//! Search of records by terms of their plain metadata: `POST /v2/search`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tozstore_crypto::{ClientId, GroupId};

use crate::absent::null_as_default;
use crate::{AccessKey, GroupAccessKey, MAX_GROUP_LOOKUPS, RecordData, RecordMeta, Timestamp};

/// Results on a page when the request does not say.
pub const DEFAULT_TERM_SEARCH_LIMIT: usize = 50;
/// Results that one page may have.
pub const MAX_TERM_SEARCH_LIMIT: usize = 1000;
/// Terms that one request may have, in all its filters together.
pub const MAX_TERM_SEARCH_TERMS: usize = 1000;
/// Terms with a regular expression or a wildcard that one request may have.
pub const MAX_TERM_SEARCH_PATTERNS: usize = 64;
/// Bytes that one regular expression, wildcard or fuzzy term may have.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Totals are exact up to this number, and stay at it above.
pub const MAX_TERM_SEARCH_TOTAL: usize = 10_000;

/// What to search for. A body of no bytes is the default request: the caller's own records, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TermSearchRequest {
    /// Results on a page, at most [`MAX_TERM_SEARCH_LIMIT`]; below one for [`DEFAULT_TERM_SEARCH_LIMIT`].
    #[serde(deserialize_with = "null_as_default")]
    pub limit: i64,
    /// How many results to pass over: the `last_index` of the page before. Not below zero.
    #[serde(deserialize_with = "null_as_default")]
    pub next_token: i64,
    /// Whether to answer with data and access keys too.
    #[serde(deserialize_with = "null_as_default")]
    pub include_data: bool,
    /// Records of all writers that the caller may read, and not of the caller alone.
    #[serde(deserialize_with = "null_as_default")]
    pub include_all_writers: bool,
    /// A record must fulfil one of these, if there are any.
    #[serde(rename = "match", deserialize_with = "null_as_default")]
    pub include: Vec<TermFilter>,
    /// A record must fulfil none of these. One without terms is passed over.
    #[serde(deserialize_with = "null_as_default")]
    pub exclude: Vec<TermFilter>,
    /// When the records were written or changed.
    #[serde(deserialize_with = "null_as_default")]
    pub range: SearchRange,
    /// Which come first.
    #[serde(deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = OrderMembers))]
    pub order: SearchOrder,
    /// Records that are shared with one of these groups, as far as the caller may read in it; at most
    /// [`MAX_GROUP_LOOKUPS`]. Of any writer, whatever `include_all_writers` says.
    #[serde(deserialize_with = "null_as_default")]
    pub group_ids: Vec<GroupId>,
    /// Only records that are shared with groups in which the caller may read: those of `group_ids`, or all. Of any
    /// writer, whatever `include_all_writers` says.
    #[serde(deserialize_with = "null_as_default")]
    pub include_only_groups: bool,
    /// No records that the caller sees through groups alone.
    #[serde(deserialize_with = "null_as_default")]
    pub exclude_group_records: bool,
    /// Of the caller's own records, only those that it shares with a client.
    #[serde(deserialize_with = "null_as_default")]
    pub include_only_direct_shares: bool,
}

/// Terms and how they are compared. Without terms it holds for every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TermFilter {
    /// Whether one term is enough.
    #[serde(deserialize_with = "null_as_default")]
    pub condition: Condition,
    /// How terms are compared.
    #[serde(deserialize_with = "null_as_default")]
    pub strategy: TermStrategy,
    /// The terms.
    #[serde(deserialize_with = "null_as_default")]
    pub terms: SearchTerms,
}

/// Terms by what they are compared with; whole values always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SearchTerms {
    /// The client that wrote the record.
    #[serde(deserialize_with = "null_as_default")]
    pub writer_ids: Vec<String>,
    /// Whom the data is about.
    #[serde(deserialize_with = "null_as_default")]
    pub user_ids: Vec<String>,
    /// The record's id.
    #[serde(deserialize_with = "null_as_default")]
    pub record_ids: Vec<String>,
    /// The record's type.
    #[serde(deserialize_with = "null_as_default")]
    pub content_types: Vec<String>,
    /// The name of an entry of the plain metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub keys: Vec<String>,
    /// The value of an entry of the plain metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub values: Vec<String>,
    /// Name and value of one entry of the plain metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeMap<String, String>,
}

/// How the terms of one filter are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Condition {
    /// Every term must hold.
    #[serde(rename = "AND")]
    And,
    /// One term must hold.
    #[default]
    #[serde(rename = "OR", alias = "")]
    Or,
}

/// How a term is compared. Case matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TermStrategy {
    /// The same text.
    #[default]
    #[serde(rename = "EXACT", alias = "")]
    Exact,
    /// The same text but for a few characters: none for up to two, one for up to five, else two. Two neighbours that
    /// changed places count as one.
    #[serde(rename = "FUZZY")]
    Fuzzy,
    /// A regular expression for the whole text.
    #[serde(rename = "REGEXP")]
    Regexp,
    /// `*` for any text, `?` for any character, `\` before one that is meant itself.
    #[serde(rename = "WILDCARD")]
    Wildcard,
}

/// When records were written or changed. Both bounds belong to the range; one that is not given is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SearchRange {
    /// Which time is meant.
    #[serde(deserialize_with = "null_as_default")]
    pub range_key: RangeKey,
    /// Not later than this.
    #[serde(deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Not earlier than this.
    #[serde(deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
}

/// Which time of a record a range is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RangeKey {
    /// When it was written.
    #[default]
    #[serde(rename = "CREATED", alias = "")]
    Created,
    /// When it was changed last.
    #[serde(rename = "MODIFIED")]
    Modified,
}

/// Which records come first, by the time when they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// The oldest.
    #[default]
    Ascending,
    /// The newest.
    Descending,
}

/// A page of results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TermSearchResponse<D = RecordData> {
    /// In the order that was asked for.
    #[serde(deserialize_with = "null_as_default", bound(deserialize = "D: Deserialize<'de>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<FoundRecord>))]
    pub results: Vec<FoundRecord<D>>,
    /// For `next_token` of the next request; zero if there are no more.
    pub last_index: u64,
    /// All results, on this page and others; exact up to [`MAX_TERM_SEARCH_TOTAL`], which stands for all above.
    pub total_results: u64,
    /// Has no meaning here, but official clients need it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub search_id: String,
}

/// A record that was found. Every member is always there: official clients need the null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundRecord<D = RecordData> {
    /// Its metadata.
    pub meta: RecordMeta,
    /// Its sealed fields, if they were asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<RecordData>, required))]
    pub record_data: Option<D>,
    /// The caller's access key for them, if they were asked for and it has one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub access_key: Option<AccessKey>,
    /// How the caller came by the right to read it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sharing_model: SharingModel,
    /// The access key by way of the group, in the place of `access_key`, if the record came through one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub group_access_key: Option<GroupAccessKey>,
    /// The writer's signature.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rec_sig: Option<String>,
    /// The clients that its type is shared with, if the search was for the caller's own shares; left out otherwise: an
    /// official client compares such records with those of the first search.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub clients_shared_with: Vec<ClientId>,
}

/// How the caller came by the right to read a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SharingModel {
    /// It wrote the record, or the writer shared it with the caller.
    #[default]
    #[serde(rename = "DIRECT", alias = "")]
    Direct,
    /// The writer shared it with a group in which the caller may read.
    #[serde(rename = "GROUP")]
    Group,
}

impl TermSearchRequest {
    /// Whether the filters have no more terms than [`MAX_TERM_SEARCH_TERMS`], and the groups are no more than
    /// [`MAX_GROUP_LOOKUPS`].
    pub fn within_limits(&self) -> bool {
        let filters = self.include.iter().chain(&self.exclude);
        filters.map(|filter| filter.terms.len().max(1)).sum::<usize>() <= MAX_TERM_SEARCH_TERMS
            && self.group_ids.len() <= MAX_GROUP_LOOKUPS
    }
}

impl SearchTerms {
    /// How many terms there are.
    pub fn len(&self) -> usize {
        let lists = [
            &self.writer_ids,
            &self.user_ids,
            &self.record_ids,
            &self.content_types,
            &self.keys,
            &self.values,
        ];
        lists.into_iter().map(Vec::len).sum::<usize>() + self.tags.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SearchOrder))]
#[serde(default)]
struct OrderMembers {
    /// `ASCENDING`, which is the default, or `DESCENDING`.
    #[serde(alias = "sortOrder", deserialize_with = "null_as_default")]
    sort_order: String,
}

impl Serialize for SearchOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Ascending => "ASCENDING",
            Self::Descending => "DESCENDING",
        };
        OrderMembers { sort_order: text.to_owned() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SearchOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OrderMembers::deserialize(deserializer)?.sort_order.as_str() {
            "" | "ASCENDING" => Ok(Self::Ascending),
            "DESCENDING" => Ok(Self::Descending),
            _ => Err(de::Error::custom("sort_order is ASCENDING or DESCENDING")),
        }
    }
}

/// A bound in any zone. What official clients send for none (null, no text, the first moment of the year 1) is none.
fn bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("" | "0001-01-01T00:00:00Z") => Ok(None),
        Some(text) => Timestamp::from_any_zone(text).map(Some).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<TermSearchRequest, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_clients_send_for_nothing_is_the_default() {
        let zero = r#""before":"0001-01-01T00:00:00Z","after":"0001-01-01T00:00:00Z""#;
        for text in [
            "{}".to_owned(),
            r#"{"limit":null,"next_token":0,"match":null,"exclude":[],"range":{},"order":null,"group_ids":[]}"#.into(),
            format!(r#"{{"limit":0,"range":{{"range_key":"",{zero},"time_zone":"x"}},"async":false}}"#),
            r#"{"order":{"sort_order":"ASCENDING"},"range":null,"shared_record_sort":false}"#.into(),
            r#"{"order":{"sortOrder":"ASCENDING"},"range":{"before":null,"after":""}}"#.into(),
            r#"{"order":{"sort_order":null}}"#.into(),
        ] {
            assert_eq!(parse(&text).unwrap(), TermSearchRequest::default(), "{text}");
        }
        let filter = r#"{"match":[{"condition":"","strategy":"","terms":{"keys":null,"tags":null,"shared_with":["a"]}}]}"#;
        let expected =
            TermSearchRequest { include: vec![TermFilter::default()], ..TermSearchRequest::default() };
        for text in [filter, r#"{"match":[{}]}"#, r#"{"match":[{"terms":{"types":["t"]}}]}"#] {
            assert_eq!(parse(text).unwrap(), expected);
        }
    }

    #[test]
    fn times_in_any_zone_are_read() {
        let text = r#"{"range":{"range_key":"MODIFIED","before":"2024-01-31T05:34:56.1-07:00"},"order":{"sortOrder":"DESCENDING"}}"#;
        let request = parse(text).unwrap();
        assert_eq!(request.range.range_key, RangeKey::Modified);
        assert_eq!(request.range.before.unwrap().to_string(), "2024-01-31T12:34:56.100000Z");
        assert_eq!((request.range.after, request.order), (None, SearchOrder::Descending));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            r#"{"limit":"1"}"#,
            r#"{"match":{}}"#,
            r#"{"match":[{"strategy":"LIKE"}]}"#,
            r#"{"match":[{"condition":"XOR"}]}"#,
            r#"{"match":[{"terms":{"keys":"a"}}]}"#,
            r#"{"match":[{"terms":{"tags":{"a":1}}}]}"#,
            r#"{"range":{"before":"yesterday"}}"#,
            r#"{"range":{"before":"2024-01-31T12:34:56"}}"#,
            r#"{"range":{"range_key":"DELETED"}}"#,
            r#"{"order":{"sort_order":"RANDOM"}}"#,
            r#"{"group_ids":["all"]}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn terms_are_limited() {
        let of = |count| {
            let terms = SearchTerms { keys: vec![String::new(); count], ..SearchTerms::default() };
            let filter = TermFilter { terms, ..TermFilter::default() };
            TermSearchRequest { exclude: vec![filter], ..TermSearchRequest::default() }
        };
        assert!(of(MAX_TERM_SEARCH_TERMS).within_limits());
        assert!(!of(MAX_TERM_SEARCH_TERMS + 1).within_limits());
        let filters = vec![TermFilter::default(); MAX_TERM_SEARCH_TERMS + 1];
        assert!(!TermSearchRequest { include: filters, ..TermSearchRequest::default() }.within_limits());
        let group_ids = vec![GroupId::from_bytes([1; 16]); MAX_GROUP_LOOKUPS + 1];
        assert!(!TermSearchRequest { group_ids, ..TermSearchRequest::default() }.within_limits());
    }

    #[test]
    fn members_of_results_are_there() {
        let meta = r#"{"record_id":"a1111111-1111-4111-8111-111111111111","writer_id":"a1111111-1111-4111-8111-111111111111","user_id":"a1111111-1111-4111-8111-111111111111","type":"t","plain":{},"created":"1970-01-01T00:00:00.000001Z","last_modified":"1970-01-01T00:00:00.000001Z","version":"a1111111-1111-4111-8111-111111111111"}"#;
        let text = format!(
            r#"{{"results":[{{"meta":{meta},"record_data":null,"access_key":null,"sharing_model":"DIRECT","group_access_key":null,"rec_sig":null}}],"last_index":0,"total_results":1,"search_id":""}}"#
        );
        let page: TermSearchResponse = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&page).unwrap(), text);
    }

    proptest! {
        #[test]
        fn requests_round_trip(limit: i64, next_token: i64, keys in prop::collection::vec(".{0,9}", 0..5), micros in 0..i64::from(i32::MAX)) {
            let terms = SearchTerms { keys, ..SearchTerms::default() };
            let include = vec![TermFilter { condition: Condition::And, strategy: TermStrategy::Fuzzy, terms }];
            let range = SearchRange { after: Some(Timestamp::from_micros(micros)), ..SearchRange::default() };
            let order = SearchOrder::Descending;
            let request = TermSearchRequest { limit, next_token, include, range, order, ..TermSearchRequest::default() };
            let text = serde_json::to_string(&request).unwrap();
            prop_assert_eq!(parse(&text).unwrap(), request);
        }

        #[test]
        fn any_text_is_handled(text in ".*") {
            let _ = parse(&text);
        }
    }
}

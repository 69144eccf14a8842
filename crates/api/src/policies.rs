//! Access policies: `PUT /v1/storage/policy/{user_id}/{writer_id}/{client_id}/{type}`, and listings of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{self, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use tozstore_crypto::ClientId;

use crate::RecordType;
use crate::absent::null_as_default;

/// A right that a writer grants to another client for one record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// Share the type, and revoke that, on the writer's behalf.
    Authorizer,
    /// Change records; of no use without [`Read`](Self::Read).
    Edit,
    /// Read records.
    Read,
}

/// Grants to give and to withdraw: `{"allow":[{"read":{}}]}`, `{"deny":[{"read":{}},{"authorizer":{}}]}`.
///
/// At least one is named, none on both sides, and none that is not known: a client that withdraws something must not be
/// told that this was done when it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyChange {
    /// To give.
    #[serde(skip_serializing_if = "GrantList::is_empty")]
    pub allow: GrantList,
    /// To withdraw.
    #[serde(skip_serializing_if = "GrantList::is_empty")]
    pub deny: GrantList,
}

impl PolicyChange {
    /// Gives these grants.
    pub fn allow(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self { allow: grants.into_iter().collect(), deny: GrantList::default() }
    }

    /// Withdraws these grants.
    pub fn deny(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self { allow: GrantList::default(), deny: grants.into_iter().collect() }
    }
}

impl<'de> Deserialize<'de> for PolicyChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Lists {
            #[serde(default, deserialize_with = "null_as_default")]
            allow: GrantList,
            #[serde(default, deserialize_with = "null_as_default")]
            deny: GrantList,
        }

        let Lists { allow, deny } = Lists::deserialize(deserializer)?;
        if allow.is_empty() && deny.is_empty() {
            return Err(de::Error::custom("a policy allows or denies something"));
        }
        if allow.iter().any(|grant| deny.contains(grant)) {
            return Err(de::Error::custom("a policy both allows and denies the same"));
        }
        Ok(Self { allow, deny })
    }
}

/// A set of grants, as a list of objects with one member each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Vec<BTreeMap<Grant, Object>>))]
pub struct GrantList(BTreeSet<Grant>);

/// Items that a list of grants may have.
const MAX_GRANTS: usize = 16;

impl GrantList {
    /// Whether a grant is among them.
    pub fn contains(&self, grant: Grant) -> bool {
        self.0.contains(&grant)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Grant> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Grant> for GrantList {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        Self(grants.into_iter().collect())
    }
}

impl Serialize for GrantList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `{}` under the name leaves room for conditions, of which there are none so far.
        let item = |grant| BTreeMap::from([(grant, BTreeMap::<String, String>::new())]);
        serializer.collect_seq(self.iter().map(item))
    }
}

impl<'de> Deserialize<'de> for GrantList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<BTreeMap<Grant, IgnoredAny>>::deserialize(deserializer)?;
        if items.len() > MAX_GRANTS {
            return Err(de::Error::custom(format_args!("a list of more than {MAX_GRANTS} grants")));
        }
        if items.iter().any(BTreeMap::is_empty) {
            return Err(de::Error::custom("an item of a list of grants names none"));
        }
        Ok(items.into_iter().flat_map(BTreeMap::into_keys).collect())
    }
}

/// A record type of the caller that another client may read: `GET /v1/storage/policy/outgoing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutgoingShare {
    /// Who may read it.
    pub reader_id: ClientId,
    /// The type.
    pub record_type: RecordType,
    /// Name of the reader.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reader_name: Option<String>,
}

/// A record type of another client that the caller may read: `GET /v1/storage/policy/incoming`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncomingShare {
    /// Who writes it.
    pub writer_id: ClientId,
    /// The type.
    pub record_type: RecordType,
    /// Name of the writer.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub writer_name: Option<String>,
}

/// A client that may share a record type on its writer's behalf: `GET /v1/storage/policy/proxies` lists those that the
/// caller made so, `GET /v1/storage/policy/granted` those writers that made the caller one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Authorization {
    /// Who may share it.
    pub authorizer_id: ClientId,
    /// Who writes it.
    pub writer_id: ClientId,
    /// Whom it is about.
    pub user_id: ClientId,
    /// The type.
    pub record_type: RecordType,
    /// Who allowed that: the writer.
    pub authorized_by: ClientId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PolicyChange, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn bodies_of_all_clients() {
        for (text, expected) in [
            (r#"{"allow":[{"read":{}}]}"#, PolicyChange::allow([Grant::Read])),
            (r#"{"deny":[{"read":{}}]}"#, PolicyChange::deny([Grant::Read])),
            (r#"{"allow":[{"authorizer":{}}]}"#, PolicyChange::allow([Grant::Authorizer])),
            (
                r#"{"allow":[{"authorizer":{}},{"edit":{}},{"read":{}}]}"#,
                PolicyChange::allow([Grant::Read, Grant::Edit, Grant::Authorizer]),
            ),
        ] {
            assert_eq!(parse(text).unwrap(), expected);
            assert_eq!(serde_json::to_string(&expected).unwrap(), text);
        }
        let spaced = parse("{ \"deny\" : [ { \"read\" : { } } ] , \"allow\" : null, \"other\": 1 }").unwrap();
        assert_eq!(spaced, PolicyChange::deny([Grant::Read]));
    }

    #[test]
    fn unclear_bodies_are_refused() {
        for text in [
            "{}",
            "null",
            r#"{"allow":[]}"#,
            r#"{"allow":[{}]}"#,
            r#"{"deny":[{"reed":{}}]}"#,
            r#"{"deny":["read"]}"#,
            r#"{"allow":[{"read":{}}],"deny":[{"read":{}}]}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let many = vec![r#"{"read":{}}"#; MAX_GRANTS + 1].join(",");
        assert!(parse(&format!(r#"{{"allow":[{many}]}}"#)).is_err());
    }
}

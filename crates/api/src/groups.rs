//! Groups of clients, their members, and what is shared with them: `/v2/storage/groups`.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use tozstore_crypto::{ClientId, GroupId, RecordId};

use crate::absent::null_as_default;
use crate::{KeySet, RecordData, RecordMeta, RecordType};

/// Bytes that the name of a group may have.
pub const MAX_GROUP_NAME_BYTES: usize = 1024;
/// Bytes that the description of a group may have.
pub const MAX_GROUP_DESCRIPTION_BYTES: usize = 64 * 1024;
/// Bytes that a group's public key may have as text.
pub const MAX_GROUP_PUBLIC_KEY_BYTES: usize = 1024;
/// Groups that one request may name.
pub const MAX_GROUP_LOOKUPS: usize = 1000;
/// Members that one request may name.
pub const MAX_MEMBERS_PER_REQUEST: usize = 1000;
/// Items on a page when the request does not say.
pub const DEFAULT_GROUP_PAGE: usize = 50;
/// Items that one page may have.
pub const MAX_GROUP_PAGE: usize = 1000;
/// How [`GroupRecord::sharing_model`] says that a record came through a group.
pub const GROUP_SHARING: &str = "GROUP";

/// What a member may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Change records, where the share allows it.
    EditContent,
    /// Change the group and its members.
    ManageMembership,
    /// Read records that are shared with the group.
    ReadContent,
    /// Share records with the group.
    ShareContent,
}

impl Capability {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 4] =
        [Self::EditContent, Self::ManageMembership, Self::ReadContent, Self::ShareContent];

    /// Its name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EditContent => "EDIT_CONTENT",
            Self::ManageMembership => "MANAGE_MEMBERSHIP",
            Self::ReadContent => "READ_CONTENT",
            Self::ShareContent => "SHARE_CONTENT",
        }
    }

    /// The capability of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }
}

/// A set of capabilities, as a list of names without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct CapabilitySet(BTreeSet<Capability>);

/// Items that a list of capabilities may have.
const MAX_CAPABILITIES: usize = 16;

impl CapabilitySet {
    /// Whether a capability is among them.
    pub fn contains(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Capability> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    pub fn insert(&mut self, capability: Capability) {
        self.0.insert(capability);
    }

    /// Adds those of another set.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.iter());
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for CapabilitySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Capability>::deserialize(deserializer)?;
        if items.len() > MAX_CAPABILITIES {
            return Err(de::Error::custom(format_args!("more than {MAX_CAPABILITIES} capabilities")));
        }
        Ok(items.into_iter().collect())
    }
}

/// Makes a group: `POST /v2/storage/groups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateGroup {
    /// Its name; not unique.
    pub group_name: String,
    /// The group's public key as text.
    pub public_key: String,
    /// Free text.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// The group's private key, wrapped for the creator.
    pub encrypted_group_key: String,
    /// What the creator may do besides managing members. One official client calls it `capabilities`.
    #[serde(default, alias = "capabilities", deserialize_with = "null_as_default")]
    pub capability: CapabilitySet,
}

/// A group as it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// Its id.
    pub group_id: GroupId,
    /// Its name.
    pub group_name: String,
    /// The account that it belongs to.
    pub account_id: tozstore_crypto::AccountId,
    /// Its public key.
    pub public_key: String,
    /// When it was made.
    pub created_at: crate::Timestamp,
    /// When its description or its members were changed last.
    pub last_modified: crate::Timestamp,
    /// The group's private key, wrapped for the caller if it is a member, else for the creator.
    pub encrypted_group_key: String,
    /// Free text; empty if none.
    pub description: String,
    /// How many members it has.
    pub member_count: u64,
}

/// Describes a group anew: `PUT /v2/storage/groups/{group_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DescribeGroup {
    /// The new description.
    pub group_description: String,
}

/// A page of groups, the oldest first: `GET /v2/storage/groups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupList {
    /// The groups; `[]` if there are none.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub groups: Vec<Group>,
    /// Where the next page begins; zero when this is the last one.
    pub next_token: u64,
}

/// Groups that a request names: the body of the bulk calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GroupIds {
    /// At most [`MAX_GROUP_LOOKUPS`].
    #[serde(deserialize_with = "null_as_default")]
    pub group_ids: Vec<GroupId>,
}

/// Those of the groups that there are: `POST /v2/storage/groups/bulk`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupsById {
    /// By id.
    pub results: BTreeMap<GroupId, Group>,
    /// Where the next page begins; zero when this is the last one.
    pub next_token: u64,
}

/// In which groups a client may do what: `GET /v2/storage/groups/client/{client_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupsByCapability {
    /// One entry for each capability that the client has somewhere, the names in descending order: one official client
    /// counts on that.
    pub groups: Vec<CapabilityGroups>,
    /// Always zero.
    pub next_token: u64,
}

/// The groups in which a client has one capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityGroups {
    /// The capability.
    pub capability: Capability,
    /// The groups, the oldest first.
    pub group_ids: Vec<GroupId>,
}

/// What a client may do in which groups: `GET /v2/storage/groups/capabilities/{client_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupCapabilities {
    /// By group, one entry for each that was asked for.
    pub results: BTreeMap<GroupId, CapabilitySet>,
    /// Always zero.
    pub next_token: u64,
}

/// The caller's key to a group: `GET /v2/storage/groups/{group_id}/membership_key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembershipKeyAnswer {
    /// The group.
    pub group_id: GroupId,
    /// The group's private key, wrapped for the caller.
    pub encrypted_membership_key: String,
    /// The caller.
    pub client_id: ClientId,
    /// Who wrapped the key.
    pub authorizer_id: ClientId,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMember {
    /// Who it is.
    pub client_id: ClientId,
    /// The group's private key, wrapped for the member.
    #[serde(default, deserialize_with = "null_as_default")]
    pub membership_key: String,
    /// What it may do.
    #[serde(default, deserialize_with = "null_as_default")]
    pub capability_names: CapabilitySet,
}

/// Adds members, or gives members more capabilities: `POST /v2/storage/groups/{group_id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddMembers {
    /// At most [`MAX_MEMBERS_PER_REQUEST`].
    pub group_members: Vec<GroupMember>,
}

/// What a member may do from now on, or may do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberCapabilities {
    /// The member.
    pub client_id: ClientId,
    /// All that it may do.
    #[serde(default, deserialize_with = "null_as_default")]
    pub capability_names: CapabilitySet,
}

/// Replaces what members may do: `PUT /v2/storage/groups/{group_id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateMembers {
    /// At most [`MAX_MEMBERS_PER_REQUEST`].
    pub group_members: Vec<MemberCapabilities>,
}

/// A member by its id. Some clients send all they know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberName {
    /// Who it is.
    pub client_id: ClientId,
}

/// Removes members: `DELETE /v2/storage/groups/{group_id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemoveMembers {
    /// At most [`MAX_MEMBERS_PER_REQUEST`].
    pub group_members: Vec<MemberName>,
}

/// A page of members, in the order in which they came: `GET /v2/storage/groups/{group_id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberList {
    /// The members.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub group_members: Vec<GroupMember>,
    /// Where the next page begins; zero when this is the last one.
    pub next_token: u64,
}

/// A page of the members of several groups: `POST /v2/storage/groups/bulk/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembersByGroup {
    /// By group.
    pub results: BTreeMap<GroupId, Vec<GroupMember>>,
    /// Where the next page begins; `"0"` when this is the last one.
    pub next_token: String,
}

/// Shares a record type of the caller's with a group: `POST /v2/storage/groups/{group_id}/share`. The answer has the
/// same form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareWithGroup {
    /// The group; that of the path counts.
    #[serde(default, deserialize_with = "null_as_default")]
    pub group_id: String,
    /// The type.
    pub record_type: RecordType,
    /// Empty: all records of the type are shared.
    #[serde(default, deserialize_with = "null_as_default")]
    pub record_id: String,
    /// The access key, wrapped for the group.
    pub encrypted_access_key: String,
    /// The group's public key, as the client sent it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub public_key: String,
    /// Whether members with [`Capability::EditContent`] may change the records.
    #[serde(default, deserialize_with = "null_as_default")]
    pub can_edit: bool,
}

/// Withdraws a record type from a group: `DELETE /v2/storage/groups/{group_id}/share`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnshareWithGroup {
    /// The type.
    pub record_type: RecordType,
    /// The writer: the caller. Absent, empty and zero stand for it too.
    #[serde(default, deserialize_with = "null_as_default")]
    pub writer_id: String,
}

/// What a member needs to open an access key that was shared with its group. The membership key opens with
/// `authorizer_public_key` to the group's private key, with which `eak` opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupAccessKey {
    /// The access key, wrapped for the group.
    pub eak: String,
    /// Who wrapped the member's key.
    pub authorizer_id: ClientId,
    /// Public keys of that client.
    pub authorizer_public_key: KeySet,
    /// One link.
    pub access_key_wrappers: Vec<AccessKeyWrapper>,
}

/// A link of the chain from a member to an access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessKeyWrapper {
    /// The group's private key, wrapped for the member.
    pub membership_key: String,
    /// Public key of who shared the access key: the writer.
    pub public_key: String,
    /// A UUID that is new with every key that is shared.
    pub access_key_id: String,
    /// The group's public key.
    pub group_public_key: String,
}

/// A record in a listing of what is shared with a group. The same key stands in two places: official clients differ in
/// where they look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRecord<D = RecordData> {
    /// Its metadata.
    pub meta: RecordMeta,
    /// Its sealed fields.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<RecordData>, required))]
    pub record_data: Option<D>,
    /// [`GROUP_SHARING`].
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sharing_model: String,
    /// The key to it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub access_key: Option<GroupAccessKey>,
    /// The key to it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub group_access_key: Option<GroupAccessKey>,
    /// The writer's signature.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rec_sig: Option<String>,
}

/// A page of what is shared with a group, the oldest first: `GET /v2/storage/groups/{group_id}/share`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRecords<D = RecordData> {
    /// The records; null if there are none, which one official client counts on.
    #[serde(
        serialize_with = "null_if_empty",
        deserialize_with = "null_as_default",
        bound(serialize = "D: Serialize", deserialize = "D: Deserialize<'de>")
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<GroupRecord>>, required))]
    pub results: Vec<GroupRecord<D>>,
    /// Where the next page begins; `"0"` when this is the last one.
    pub next_token: String,
}

/// A page of what is shared with several groups: `POST /v2/storage/groups/bulk/share`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordsByGroup<D = RecordData> {
    /// By group; groups without records on this page are left out.
    #[serde(deserialize_with = "null_as_default", bound(deserialize = "D: Deserialize<'de>"))]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<GroupId, Vec<GroupRecord>>))]
    pub results: BTreeMap<GroupId, Vec<GroupRecord<D>>>,
    /// Where the next page begins; `"0"` when this is the last one.
    pub next_token: String,
}

/// With which groups the caller shares its types: `GET /v2/storage/groups/allowed_readers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllowedReaders {
    /// By type; types that are not shared are left out.
    pub groups_shared_with: BTreeMap<RecordType, Vec<GroupId>>,
}

/// A group that the caller shares a type with: an item of `GET /v2/storage/groups/allowed_edit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllowedEdit {
    /// The group.
    pub group_id: GroupId,
    /// Whether its members may change the records.
    pub can_edit: bool,
}

/// Names of groups of one kind that a client alone manages: `GET /v2/storage/flow/groups/{client_id}/owned`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnedGroups {
    /// Their names, from their descriptions.
    pub results: Vec<String>,
    /// Where the next page begins; zero when this is the last one.
    pub next_token: u64,
}

impl ShareWithGroup {
    /// Whether it is about a single record, in whatever form clients say that it is not.
    pub fn is_of_one_record(&self) -> bool {
        !is_unset(&self.record_id)
    }
}

impl UnshareWithGroup {
    /// The writer, if one is named.
    ///
    /// # Errors
    /// The text is no id.
    pub fn writer(&self) -> Result<Option<ClientId>, tozstore_crypto::ParseError> {
        if is_unset(&self.writer_id) { Ok(None) } else { self.writer_id.parse().map(Some) }
    }
}

fn null_if_empty<S: Serializer, T: Serialize>(items: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if items.is_empty() { serializer.serialize_none() } else { items.serialize(serializer) }
}

/// One official client sends zero ids for those that it does not set.
fn is_unset(id: &str) -> bool {
    id.is_empty() || id.parse() == Ok(RecordId::from_bytes([0; 16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a1111111-1111-4111-8111-111111111111";
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";

    #[test]
    fn bodies_of_all_clients() {
        for rest in ["", r#","capability":null,"description":null"#, r#","capability":[],"description":"""#] {
            let text = format!(
                r#"{{"group_name":"g","public_key":"k","encrypted_group_key":"x.y"{rest},"created_at":"0001-01-01T00:00:00Z"}}"#
            );
            let body: CreateGroup = serde_json::from_str(&text).unwrap();
            assert!(body.capability.is_empty() && body.description.is_empty());
        }
        for name in ["capability", "capabilities"] {
            let text = format!(
                r#"{{"group_name":"g","public_key":"k","encrypted_group_key":"x.y","{name}":["READ_CONTENT"]}}"#
            );
            let body: CreateGroup = serde_json::from_str(&text).unwrap();
            assert!(body.capability.contains(Capability::ReadContent));
        }
        let member = format!(
            r#"{{"GroupID":"{ZERO}","group_members":[{{"client_id":"{ID}","membership_key":"","capability_names":["SHARE_CONTENT","READ_CONTENT","SHARE_CONTENT"]}}]}}"#
        );
        let body: AddMembers = serde_json::from_str(&member).unwrap();
        let text = serde_json::to_string(&body.group_members[0].capability_names).unwrap();
        assert_eq!(text, r#"["READ_CONTENT","SHARE_CONTENT"]"#);
        assert!(serde_json::from_str::<RemoveMembers>(&member).is_ok());
        assert!(serde_json::from_str::<UpdateMembers>(&member).is_ok());
        for (record_id, one) in [("", false), (ZERO, false), (ID, true), ("x", true)] {
            let text = format!(
                r#"{{"group_id":"{ID}","record_type":"t","record_id":"{record_id}","encrypted_access_key":"x.y","public_key":"k"}}"#
            );
            let body: ShareWithGroup = serde_json::from_str(&text).unwrap();
            assert_eq!((body.is_of_one_record(), body.can_edit), (one, false));
        }
        for writer in ["", ZERO] {
            let text = format!(r#"{{"record_type":"t","writer_id":"{writer}","authorizer_id":"{ZERO}"}}"#);
            assert_eq!(serde_json::from_str::<UnshareWithGroup>(&text).unwrap().writer(), Ok(None));
        }
    }

    #[test]
    fn unclear_bodies_are_refused() {
        for capabilities in [r#"["READ"]"#, r#"["read_content"]"#, r#"{"READ_CONTENT":true}"#, "[null]"] {
            assert!(serde_json::from_str::<CapabilitySet>(capabilities).is_err(), "{capabilities}");
        }
        let many = format!("[{}]", vec![r#""READ_CONTENT""#; MAX_CAPABILITIES + 1].join(","));
        assert!(serde_json::from_str::<CapabilitySet>(&many).is_err());
        assert!(serde_json::from_str::<GroupIds>(r#"{"group_ids":["all"]}"#).is_err());
        assert!(serde_json::from_str::<RemoveMembers>("{}").is_err());
    }

    #[test]
    fn no_records_are_null() {
        let page = GroupRecords::<RecordData> { results: Vec::new(), next_token: "0".to_owned() };
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(text, r#"{"results":null,"next_token":"0"}"#);
        assert_eq!(serde_json::from_str::<GroupRecords>(&text).unwrap(), page);
    }

    #[test]
    fn names_of_capabilities_are_those_of_the_protocol() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_string(&capability).unwrap(), format!("\"{}\"", capability.name()));
            assert_eq!(Capability::from_name(capability.name()), Some(capability));
        }
        assert_eq!(Capability::from_name("READ"), None);
    }
}

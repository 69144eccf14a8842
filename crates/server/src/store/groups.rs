//! Groups, their members, and what is shared with them.

use tozstore_api::{CapabilitySet, KeySet, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId};

use super::StoreError;

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its id.
    pub id: GroupId,
    /// The account that it belongs to.
    pub account_id: AccountId,
    /// Its name; not unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its public key as text.
    pub public_key: String,
    /// The group's private key, wrapped for the creator.
    pub creator_key: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its description or its members were changed last.
    pub last_modified: Timestamp,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMemberRow {
    /// The group.
    pub group: GroupId,
    /// Who it is.
    pub client: ClientId,
    /// Account of the group and of the member.
    pub account_id: AccountId,
    /// The group's private key, wrapped for the member. The server does not read it.
    pub membership_key: String,
    /// Who wrapped it.
    pub authorizer: ClientId,
    /// Public keys of that client: they outlast it, so that members stay when the one who let them in is deleted.
    pub authorizer_keys: KeySet,
    /// What the member may do.
    pub capabilities: CapabilitySet,
    /// When it became a member.
    pub created: Timestamp,
}

/// A record type that its writer shares with a group. The user of the records is the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupShareRow {
    /// The group.
    pub group: GroupId,
    /// Who writes the records.
    pub writer: ClientId,
    /// Their type.
    pub record_type: RecordType,
    /// Account of the writer.
    pub account_id: AccountId,
    /// A UUID, new with every key.
    pub key_id: [u8; 16],
    /// The access key, wrapped for the group. The server does not read it.
    pub eak: String,
    /// Whether members that may edit may change the records.
    pub can_edit: bool,
    /// When it was shared first.
    pub created: Timestamp,
}

/// Reading groups. Positions are above zero, grow, and never change.
pub trait GroupReads {
    /// The group with this id.
    fn group(&self, id: GroupId) -> Result<Option<GroupRow>, StoreError>;

    /// At most `limit` groups of an account, only those with this name if there is one, by age, those after position
    /// `after`.
    fn groups_of_account(
        &self,
        account: AccountId,
        name: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupRow)>, StoreError>;

    /// A member.
    fn group_member(&self, group: GroupId, client: ClientId) -> Result<Option<GroupMemberRow>, StoreError>;

    /// How many members a group has.
    fn group_member_count(&self, group: GroupId) -> Result<u64, StoreError>;

    /// At most `limit` members of a group in the order in which they came, those after position `after`.
    fn group_members(
        &self,
        group: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError>;

    /// How many record types are shared with a group.
    fn group_share_count(&self, group: GroupId) -> Result<u64, StoreError>;

    /// At most `limit` members of a group that may manage its members.
    fn group_managers(&self, group: GroupId, limit: usize) -> Result<Vec<ClientId>, StoreError>;

    /// At most `limit` memberships of a client, by age of the groups, whose positions come first; those after position
    /// `after`.
    fn memberships(
        &self,
        client: ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError>;

    /// What a writer shares with a group under one type.
    fn group_share(
        &self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<GroupShareRow>, StoreError>;

    /// At most `limit` record types that are shared with a group, in the order in which they were shared first.
    fn group_shares(&self, group: GroupId, limit: usize) -> Result<Vec<GroupShareRow>, StoreError>;

    /// At most `limit` shares of one record type of a writer, in the order in which they were made.
    fn shares_of_type(
        &self,
        writer: ClientId,
        record_type: &RecordType,
        limit: usize,
    ) -> Result<Vec<GroupShareRow>, StoreError>;

    /// A share of this record type with a group in which this client may read, the oldest if there are several, and its
    /// membership.
    fn share_for_reader(
        &self,
        reader: ClientId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<(GroupShareRow, GroupMemberRow)>, StoreError>;
}

/// Writing groups.
pub trait GroupWrites {
    /// Adds a group. [`StoreError::AlreadyExists`] if its id is taken.
    fn insert_group(&mut self, row: &GroupRow) -> Result<(), StoreError>;

    /// Replaces description and time of change of the group with this id. [`StoreError::Missing`] if there is none.
    fn update_group(&mut self, row: &GroupRow) -> Result<(), StoreError>;

    /// Removes a group with its members and shares. Returns whether it was there.
    fn delete_group(&mut self, id: GroupId) -> Result<bool, StoreError>;

    /// Adds a member to a group that is there, or replaces the key, authorizer and capabilities of one that is a member.
    /// [`StoreError::Missing`] if there is no such group.
    fn put_group_member(&mut self, row: &GroupMemberRow) -> Result<(), StoreError>;

    /// Removes a member. Returns whether it was one.
    fn delete_group_member(&mut self, group: GroupId, client: ClientId) -> Result<bool, StoreError>;

    /// Shares a record type, or replaces the key and rights of one that is shared. It keeps its place and `created`.
    fn put_group_share(&mut self, row: &GroupShareRow) -> Result<(), StoreError>;

    /// Withdraws a share. Returns whether it was there.
    fn delete_group_share(
        &mut self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<bool, StoreError>;
}

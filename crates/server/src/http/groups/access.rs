//! Access keys that reach a member through its group.

use std::collections::HashMap;

use tozstore_api::{AccessKeyWrapper, GroupAccessKey, RecordType};
use tozstore_crypto::{ClientId, GroupId};
use uuid::Uuid;

use crate::policy::living_client;
use crate::store::{GroupMemberRow, GroupRow, GroupShareRow, ReadTx, RecordTypeSlot, StoreError};

/// The key by which a client may read records of this type as a member of a group, if there is one.
pub(in crate::http) fn key_for_reader(
    tx: &dyn ReadTx,
    reader: ClientId,
    writer: ClientId,
    record_type: &RecordType,
) -> Result<Option<GroupAccessKey>, StoreError> {
    let Some((share, member)) = tx.share_for_reader(reader, writer, record_type)? else { return Ok(None) };
    let (Some(group), Some(writer)) = (tx.group(share.group)?, living_client(tx, writer)?) else {
        return Ok(None);
    };
    let sharer = writer.public_key.encryption_key().map(|key| key.to_string()).unwrap_or_default();
    Ok(Some(chain(&group, &member, share, sharer)))
}

/// Keys of one reader to what is shared with groups, each looked up once.
pub(in crate::http) struct GroupKeys {
    reader: ClientId,
    known: HashMap<(GroupId, ClientId, RecordType), Option<GroupAccessKey>>,
}

impl GroupKeys {
    /// Of this reader.
    pub(in crate::http) fn new(reader: ClientId) -> Self {
        Self { reader, known: HashMap::new() }
    }

    /// The key to a record type by way of a group.
    pub(in crate::http) fn of(
        &mut self,
        tx: &dyn ReadTx,
        group: GroupId,
        slot: &RecordTypeSlot,
    ) -> Result<Option<GroupAccessKey>, StoreError> {
        let place = (group, slot.writer, slot.record_type.clone());
        if let Some(key) = self.known.get(&place) {
            return Ok(key.clone());
        }
        let key = match (tx.group(group)?, tx.group_member(group, self.reader)?) {
            (Some(row), Some(member)) => {
                MemberKeys::new(&row, &member).of(tx, slot.writer, &slot.record_type)?
            }
            _ => None,
        };
        self.known.insert(place, key.clone());
        Ok(key)
    }
}

/// Keys of one member to what is shared with its group, each looked up once.
pub(super) struct MemberKeys<'a> {
    group: &'a GroupRow,
    member: &'a GroupMemberRow,
    known: HashMap<(ClientId, RecordType), Option<GroupAccessKey>>,
}

impl<'a> MemberKeys<'a> {
    /// Of this member.
    pub(super) fn new(group: &'a GroupRow, member: &'a GroupMemberRow) -> Self {
        Self { group, member, known: HashMap::new() }
    }

    /// The key to a record type.
    pub(super) fn of(
        &mut self,
        tx: &dyn ReadTx,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<GroupAccessKey>, StoreError> {
        let place = (writer, record_type.clone());
        if let Some(key) = self.known.get(&place) {
            return Ok(key.clone());
        }
        let key = self.load(tx, self.group.id, writer, record_type)?;
        self.known.insert(place, key.clone());
        Ok(key)
    }

    fn load(
        &self,
        tx: &dyn ReadTx,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<GroupAccessKey>, StoreError> {
        let Some(share) = tx.group_share(group, writer, record_type)? else { return Ok(None) };
        let Some(writer) = living_client(tx, writer)? else { return Ok(None) };
        let sharer = writer.public_key.encryption_key().map(|key| key.to_string()).unwrap_or_default();
        Ok(Some(chain(self.group, self.member, share, sharer)))
    }
}

fn chain(group: &GroupRow, member: &GroupMemberRow, share: GroupShareRow, sharer: String) -> GroupAccessKey {
    GroupAccessKey {
        eak: share.eak,
        authorizer_id: member.authorizer,
        authorizer_public_key: member.authorizer_keys.clone(),
        access_key_wrappers: vec![AccessKeyWrapper {
            membership_key: member.membership_key.clone(),
            public_key: sharer,
            access_key_id: Uuid::from_bytes(share.key_id).to_string(),
            group_public_key: group.public_key.clone(),
        }],
    }
}

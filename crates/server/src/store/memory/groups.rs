//! Groups in memory.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::{Capability, RecordType};
use tozstore_crypto::{AccountId, ClientId, GroupId};

use super::tx::{Tx, Writing};
use crate::store::{GroupMemberRow, GroupReads, GroupRow, GroupShareRow, GroupWrites, StoreError};

type ShareKey = (ClientId, RecordType, GroupId);

#[derive(Clone, Default)]
pub(super) struct GroupTable {
    rows: Map<GroupId, (u64, Arc<GroupRow>)>,
    by_account: Map<(AccountId, u64), GroupId>,
    members: Map<(GroupId, ClientId), (u64, Arc<GroupMemberRow>)>,
    members_in_order: Map<(GroupId, u64), ClientId>,
    /// By the position of the group.
    memberships: Map<(ClientId, u64), GroupId>,
    shares: Map<ShareKey, (u64, Arc<GroupShareRow>)>,
    shares_in_order: Map<(GroupId, u64), ShareKey>,
}

impl<R> GroupReads for Tx<R> {
    fn group(&self, id: GroupId) -> Result<Option<GroupRow>, StoreError> {
        Ok(self.tables.groups.rows.get(&id).map(|(_, row)| GroupRow::clone(row)))
    }

    fn groups_of_account(
        &self,
        account: AccountId,
        name: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupRow)>, StoreError> {
        let table = &self.tables.groups;
        let range = (Bound::Excluded((account, after)), Bound::Included((account, u64::MAX)));
        let rows = table.by_account.range(range).filter_map(|(_, id)| table.rows.get(id));
        let named = rows.filter(|(_, row)| name.is_none_or(|name| row.name == name));
        Ok(named.take(limit).map(|(at, row)| (*at, GroupRow::clone(row))).collect())
    }

    fn group_member(&self, group: GroupId, client: ClientId) -> Result<Option<GroupMemberRow>, StoreError> {
        Ok(self.tables.groups.member(group, client).cloned())
    }

    fn group_member_count(&self, group: GroupId) -> Result<u64, StoreError> {
        Ok(self.tables.groups.members_of(group, 0).count() as u64)
    }

    fn group_share_count(&self, group: GroupId) -> Result<u64, StoreError> {
        Ok(self.tables.groups.shares_in_order.range((group, 0)..=(group, u64::MAX)).count() as u64)
    }

    fn group_members(
        &self,
        group: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError> {
        Ok(self
            .tables
            .groups
            .members_of(group, after)
            .take(limit)
            .map(|(at, row)| (at, row.clone()))
            .collect())
    }

    fn group_managers(&self, group: GroupId, limit: usize) -> Result<Vec<ClientId>, StoreError> {
        let members = self.tables.groups.members_of(group, 0).map(|(_, row)| row);
        let managers = members.filter(|row| row.capabilities.contains(Capability::ManageMembership));
        Ok(managers.take(limit).map(|row| row.client).collect())
    }

    fn memberships(
        &self,
        client: ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError> {
        let table = &self.tables.groups;
        let range = (Bound::Excluded((client, after)), Bound::Included((client, u64::MAX)));
        let places = table.memberships.range(range).take(limit);
        let rows = places.filter_map(|((_, at), group)| Some((*at, table.member(*group, client)?.clone())));
        Ok(rows.collect())
    }

    fn group_share(
        &self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<GroupShareRow>, StoreError> {
        let share = self.tables.groups.shares.get(&(writer, record_type.clone(), group));
        Ok(share.map(|(_, row)| GroupShareRow::clone(row)))
    }

    fn group_shares(&self, group: GroupId, limit: usize) -> Result<Vec<GroupShareRow>, StoreError> {
        let table = &self.tables.groups;
        let keys = table.shares_in_order.range((group, 0)..=(group, u64::MAX)).map(|(_, key)| key);
        let rows = keys.filter_map(|key| table.shares.get(key));
        Ok(rows.take(limit).map(|(_, row)| GroupShareRow::clone(row)).collect())
    }

    fn shares_of_type(
        &self,
        writer: ClientId,
        record_type: &RecordType,
        limit: usize,
    ) -> Result<Vec<GroupShareRow>, StoreError> {
        let shares = self.tables.groups.shares_of_type(writer, record_type);
        Ok(shares.into_iter().take(limit).map(|row| GroupShareRow::clone(&row)).collect())
    }

    fn share_for_reader(
        &self,
        reader: ClientId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<(GroupShareRow, GroupMemberRow)>, StoreError> {
        let table = &self.tables.groups;
        let found = table.shares_of_type(writer, record_type).into_iter().find_map(|share| {
            let member = table.member(share.group, reader)?;
            let reads = member.capabilities.contains(Capability::ReadContent);
            reads.then(|| (GroupShareRow::clone(&share), member.clone()))
        });
        Ok(found)
    }
}

impl GroupWrites for Tx<Writing<'_>> {
    fn insert_group(&mut self, row: &GroupRow) -> Result<(), StoreError> {
        let position = self.next_position();
        let table = &mut self.tables.groups;
        if table.rows.contains_key(&row.id) {
            return Err(StoreError::AlreadyExists("the group"));
        }
        table.by_account.insert_mut((row.account_id, position), row.id);
        table.rows.insert_mut(row.id, (position, Arc::new(row.clone())));
        Ok(())
    }

    fn update_group(&mut self, row: &GroupRow) -> Result<(), StoreError> {
        let table = &mut self.tables.groups;
        let Some((position, mut changed)) = table.rows.get(&row.id).cloned() else {
            return Err(StoreError::Missing("the group"));
        };
        let group = Arc::make_mut(&mut changed);
        (group.description, group.last_modified) = (row.description.clone(), row.last_modified);
        table.rows.insert_mut(row.id, (position, changed));
        Ok(())
    }

    fn delete_group(&mut self, id: GroupId) -> Result<bool, StoreError> {
        let table = &mut self.tables.groups;
        let members: Vec<_> = table.members_of(id, 0).map(|(_, row)| row.client).collect();
        for client in members {
            table.remove_member(id, client);
        }
        Ok(table.remove_group(id))
    }

    fn put_group_member(&mut self, row: &GroupMemberRow) -> Result<(), StoreError> {
        let next = self.next_position();
        let table = &mut self.tables.groups;
        let Some((group_position, _)) = table.rows.get(&row.group).cloned() else {
            return Err(StoreError::Missing("the group"));
        };
        let older = table.members.get(&(row.group, row.client));
        let (position, created) = older.map_or((next, row.created), |(at, older)| (*at, older.created));
        table.members_in_order.insert_mut((row.group, position), row.client);
        table.memberships.insert_mut((row.client, group_position), row.group);
        let row = GroupMemberRow { created, ..row.clone() };
        table.members.insert_mut((row.group, row.client), (position, Arc::new(row)));
        Ok(())
    }

    fn delete_group_member(&mut self, group: GroupId, client: ClientId) -> Result<bool, StoreError> {
        Ok(self.tables.groups.remove_member(group, client))
    }

    fn put_group_share(&mut self, row: &GroupShareRow) -> Result<(), StoreError> {
        let next = self.next_position();
        let table = &mut self.tables.groups;
        let key = (row.writer, row.record_type.clone(), row.group);
        let older = table.shares.get(&key);
        let (position, created) = older.map_or((next, row.created), |(at, older)| (*at, older.created));
        table.shares_in_order.insert_mut((row.group, position), key.clone());
        table.shares.insert_mut(key, (position, Arc::new(GroupShareRow { created, ..row.clone() })));
        Ok(())
    }

    fn delete_group_share(
        &mut self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<bool, StoreError> {
        Ok(self.tables.groups.remove_share(&(writer, record_type.clone(), group)))
    }
}

impl GroupTable {
    fn member(&self, group: GroupId, client: ClientId) -> Option<&GroupMemberRow> {
        self.members.get(&(group, client)).map(|(_, row)| &**row)
    }

    fn members_of(&self, group: GroupId, after: u64) -> impl Iterator<Item = (u64, &GroupMemberRow)> {
        let range = (Bound::Excluded((group, after)), Bound::Included((group, u64::MAX)));
        let places = self.members_in_order.range(range);
        places.filter_map(move |((_, at), client)| Some((*at, self.member(group, *client)?)))
    }

    fn shares_of_type(&self, writer: ClientId, record_type: &RecordType) -> Vec<Arc<GroupShareRow>> {
        let first = (writer, record_type.clone(), GroupId::from_bytes([0; 16]));
        let last = (writer, record_type.clone(), GroupId::from_bytes([255; 16]));
        let mut shares: Vec<_> = self.shares.range(first..=last).map(|(_, share)| share.clone()).collect();
        shares.sort_unstable_by_key(|(position, _)| *position);
        shares.into_iter().map(|(_, row)| row).collect()
    }

    fn remove_member(&mut self, group: GroupId, client: ClientId) -> bool {
        let Some((position, _)) = self.members.get(&(group, client)).cloned() else { return false };
        self.members_in_order.remove_mut(&(group, position));
        if let Some((group_position, _)) = self.rows.get(&group) {
            self.memberships.remove_mut(&(client, *group_position));
        }
        self.members.remove_mut(&(group, client))
    }

    fn remove_share(&mut self, key: &ShareKey) -> bool {
        let Some((position, _)) = self.shares.get(key).cloned() else { return false };
        self.shares_in_order.remove_mut(&(key.2, position));
        self.shares.remove_mut(key)
    }

    /// Removes a group that has no members, with its shares.
    fn remove_group(&mut self, id: GroupId) -> bool {
        let keys = self.shares_in_order.range((id, 0)..=(id, u64::MAX)).map(|(_, key)| key.clone());
        for key in keys.collect::<Vec<_>>() {
            self.remove_share(&key);
        }
        let Some((position, row)) = self.rows.get(&id).cloned() else { return false };
        self.by_account.remove_mut(&(row.account_id, position));
        self.rows.remove_mut(&id)
    }

    /// Ends at most `limit` memberships and shares of a client; returns how many. A group that nobody is in any more
    /// goes with its last member.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let memberships = self.memberships.range((client, 0)..=(client, u64::MAX));
        let groups: Vec<_> = memberships.take(limit).map(|(_, group)| *group).collect();
        for &group in &groups {
            self.remove_member(group, client);
            if self.members_of(group, 0).next().is_none() {
                self.remove_group(group);
            }
        }
        let left = limit - groups.len();
        let own = self.shares.keys().filter(|(writer, _, _)| *writer == client);
        let own: Vec<_> = own.take(left).cloned().collect();
        groups.len() + own.iter().filter(|key| self.remove_share(key)).count()
    }
}

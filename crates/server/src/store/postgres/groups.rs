//! Groups in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::{Capability, CapabilitySet, RecordType};
use tozstore_crypto::{AccountId, ClientId, GroupId};

use super::columns::{column, integer, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::{
    GroupMemberRow, GroupReads, GroupRow, GroupShareRow, GroupWrites, LOCAL_REGION, StoreError,
};

macro_rules! group_columns {
    () => {
        "group_id, account_id, name, description, public_key, creator_key, created, last_modified"
    };
}

macro_rules! member_columns {
    () => {
        "group_id, client_id, account_id, membership_key, authorizer_id, authorizer_keys, can_edit, can_manage, \
         can_read, can_share, created"
    };
}

macro_rules! share_columns {
    () => {
        "group_id, writer_id, record_type, account_id, key_id, eak, can_edit, created"
    };
}

impl<R> GroupReads for Tx<'_, R> {
    fn group(&self, id: GroupId) -> Result<Option<GroupRow>, StoreError> {
        let sql = concat!("SELECT ", group_columns!(), " FROM groups WHERE group_id = $1");
        self.one(sql, params![id.as_bytes()], read_group)
    }

    fn groups_of_account(
        &self,
        account: AccountId,
        name: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupRow)>, StoreError> {
        let (after, limit) = (integer(after).unwrap_or(i64::MAX), row_limit(limit));
        let read = |row: &Row| Ok((column(row, 8)?, read_group(row)?));
        match name {
            None => self.list(
                concat!(
                    "SELECT ",
                    group_columns!(),
                    ", position FROM groups \
                     WHERE account_id = $1 AND position > $2 ORDER BY position LIMIT $3"
                ),
                params![account.as_bytes(), after, limit],
                read,
            ),
            Some(name) => self.list(
                concat!(
                    "SELECT ",
                    group_columns!(),
                    ", position FROM groups \
                     WHERE account_id = $1 AND name = $2 AND position > $3 ORDER BY position LIMIT $4"
                ),
                params![account.as_bytes(), name, after, limit],
                read,
            ),
        }
    }

    fn group_member(&self, group: GroupId, client: ClientId) -> Result<Option<GroupMemberRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            member_columns!(),
            " FROM group_members WHERE group_id = $1 AND client_id = $2"
        );
        self.one(sql, params![group.as_bytes(), client.as_bytes()], |row| read_member(row, 0))
    }

    fn group_member_count(&self, group: GroupId) -> Result<u64, StoreError> {
        let count = self.one(
            "SELECT count(*) FROM group_members WHERE group_id = $1",
            params![group.as_bytes()],
            |row| column(row, 0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn group_share_count(&self, group: GroupId) -> Result<u64, StoreError> {
        let count = self.one(
            "SELECT count(*) FROM group_shares WHERE group_id = $1",
            params![group.as_bytes()],
            |row| column(row, 0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn group_members(
        &self,
        group: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError> {
        let sql = concat!(
            "SELECT ",
            member_columns!(),
            ", position FROM group_members \
             WHERE group_id = $1 AND position > $2 ORDER BY position LIMIT $3"
        );
        let after = integer(after).unwrap_or(i64::MAX);
        self.list(sql, params![group.as_bytes(), after, row_limit(limit)], |row| {
            Ok((column(row, 11)?, read_member(row, 0)?))
        })
    }

    fn group_managers(&self, group: GroupId, limit: usize) -> Result<Vec<ClientId>, StoreError> {
        self.list(
            "SELECT client_id FROM group_members WHERE group_id = $1 AND can_manage = TRUE ORDER BY position LIMIT $2",
            params![group.as_bytes(), row_limit(limit)],
            |row| column(row, 0),
        )
    }

    fn memberships(
        &self,
        client: ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, GroupMemberRow)>, StoreError> {
        let sql = concat!(
            "SELECT ",
            member_columns!(),
            ", group_position FROM group_members WHERE client_id = $1 AND group_position > $2 \
             ORDER BY group_position LIMIT $3"
        );
        let after = integer(after).unwrap_or(i64::MAX);
        self.list(sql, params![client.as_bytes(), after, row_limit(limit)], |row| {
            Ok((column(row, 11)?, read_member(row, 0)?))
        })
    }

    fn group_share(
        &self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<GroupShareRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            share_columns!(),
            " FROM group_shares WHERE writer_id = $1 AND record_type = $2 AND group_id = $3"
        );
        self.one(sql, params![writer.as_bytes(), record_type.as_str(), group.as_bytes()], read_share)
    }

    fn group_shares(&self, group: GroupId, limit: usize) -> Result<Vec<GroupShareRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            share_columns!(),
            " FROM group_shares WHERE group_id = $1 ORDER BY position LIMIT $2"
        );
        self.list(sql, params![group.as_bytes(), row_limit(limit)], read_share)
    }

    fn shares_of_type(
        &self,
        writer: ClientId,
        record_type: &RecordType,
        limit: usize,
    ) -> Result<Vec<GroupShareRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            share_columns!(),
            " FROM group_shares WHERE writer_id = $1 AND record_type = $2 ORDER BY position LIMIT $3"
        );
        self.list(sql, params![writer.as_bytes(), record_type.as_str(), row_limit(limit)], read_share)
    }

    fn share_for_reader(
        &self,
        reader: ClientId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<Option<(GroupShareRow, GroupMemberRow)>, StoreError> {
        self.one(
            "SELECT s.group_id, s.writer_id, s.record_type, s.account_id, s.key_id, s.eak, s.can_edit, s.created, \
             m.group_id, m.client_id, m.account_id, m.membership_key, m.authorizer_id, m.authorizer_keys, m.can_edit, \
             m.can_manage, m.can_read, m.can_share, m.created \
             FROM group_shares s JOIN group_members m ON m.group_id = s.group_id AND m.client_id = $3 \
             WHERE s.writer_id = $1 AND s.record_type = $2 AND m.can_read = TRUE ORDER BY s.position LIMIT 1",
            params![writer.as_bytes(), record_type.as_str(), reader.as_bytes()],
            |row| Ok((read_share(row)?, read_member(row, 8)?)),
        )
    }
}

impl GroupWrites for Tx<'_, Writing<'_>> {
    fn insert_group(&mut self, row: &GroupRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO groups (",
            group_columns!(),
            ", position, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT DO NOTHING"
        );
        let position = self.next_position()?;
        self.insert(
            "the group",
            sql,
            params![
                row.id.as_bytes(),
                row.account_id.as_bytes(),
                row.name,
                row.description,
                row.public_key,
                row.creator_key,
                row.created.micros(),
                row.last_modified.micros(),
                position,
                LOCAL_REGION,
            ],
        )
    }

    fn update_group(&mut self, row: &GroupRow) -> Result<(), StoreError> {
        let updated = self.execute(
            "UPDATE groups SET description = $2, last_modified = $3 WHERE group_id = $1",
            params![row.id.as_bytes(), row.description, row.last_modified.micros()],
        )?;
        if updated == 0 { Err(StoreError::Missing("the group")) } else { Ok(()) }
    }

    fn delete_group(&mut self, id: GroupId) -> Result<bool, StoreError> {
        self.execute("DELETE FROM group_members WHERE group_id = $1", params![id.as_bytes()])?;
        self.execute("DELETE FROM group_shares WHERE group_id = $1", params![id.as_bytes()])?;
        Ok(self.execute("DELETE FROM groups WHERE group_id = $1", params![id.as_bytes()])? > 0)
    }

    fn put_group_member(&mut self, row: &GroupMemberRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO group_members (",
            member_columns!(),
            ", position, region, group_position) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, position FROM groups WHERE group_id = $1 \
             ON CONFLICT (group_id, client_id) DO UPDATE SET membership_key = excluded.membership_key, \
             authorizer_id = excluded.authorizer_id, authorizer_keys = excluded.authorizer_keys, \
             can_edit = excluded.can_edit, can_manage = excluded.can_manage, can_read = excluded.can_read, \
             can_share = excluded.can_share"
        );
        let position = self.next_position()?;
        let may = |capability| row.capabilities.contains(capability);
        let put = self.execute(
            sql,
            params![
                row.group.as_bytes(),
                row.client.as_bytes(),
                row.account_id.as_bytes(),
                row.membership_key,
                row.authorizer.as_bytes(),
                row.authorizer_keys.to_json(),
                may(Capability::EditContent),
                may(Capability::ManageMembership),
                may(Capability::ReadContent),
                may(Capability::ShareContent),
                row.created.micros(),
                position,
                LOCAL_REGION,
            ],
        )?;
        if put == 0 { Err(StoreError::Missing("the group")) } else { Ok(()) }
    }

    fn delete_group_member(&mut self, group: GroupId, client: ClientId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM group_members WHERE group_id = $1 AND client_id = $2";
        Ok(self.execute(sql, params![group.as_bytes(), client.as_bytes()])? > 0)
    }

    fn put_group_share(&mut self, row: &GroupShareRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO group_shares (",
            share_columns!(),
            ", position, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (writer_id, record_type, group_id) DO UPDATE SET \
             key_id = excluded.key_id, eak = excluded.eak, can_edit = excluded.can_edit"
        );
        let position = self.next_position()?;
        self.execute(
            sql,
            params![
                row.group.as_bytes(),
                row.writer.as_bytes(),
                row.record_type.as_str(),
                row.account_id.as_bytes(),
                row.key_id,
                row.eak,
                row.can_edit,
                row.created.micros(),
                position,
                LOCAL_REGION,
            ],
        )?;
        Ok(())
    }

    fn delete_group_share(
        &mut self,
        group: GroupId,
        writer: ClientId,
        record_type: &RecordType,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM group_shares WHERE writer_id = $1 AND record_type = $2 AND group_id = $3";
        Ok(self.execute(sql, params![writer.as_bytes(), record_type.as_str(), group.as_bytes()])? > 0)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Ends at most `limit` memberships of a deleted client; returns how many. A group that nobody is in any more goes
    /// with its last member.
    pub(super) fn erase_memberships(&mut self, client: ClientId, limit: usize) -> Result<usize, StoreError> {
        let groups: Vec<GroupId> = self.list(
            "SELECT group_id FROM group_members WHERE client_id = $1 ORDER BY group_position LIMIT $2",
            params![client.as_bytes(), row_limit(limit)],
            |row| column(row, 0),
        )?;
        for &group in &groups {
            self.execute(
                "DELETE FROM group_members WHERE group_id = $1 AND client_id = $2",
                params![group.as_bytes(), client.as_bytes()],
            )?;
            let left = self.one(
                "SELECT 1 FROM group_members WHERE group_id = $1 LIMIT 1",
                params![group.as_bytes()],
                |_| Ok(()),
            )?;
            if left.is_none() {
                self.execute("DELETE FROM group_shares WHERE group_id = $1", params![group.as_bytes()])?;
                self.execute("DELETE FROM groups WHERE group_id = $1", params![group.as_bytes()])?;
            }
        }
        Ok(groups.len())
    }
}

fn read_group(row: &Row) -> Result<GroupRow, StoreError> {
    Ok(GroupRow {
        id: column(row, 0)?,
        account_id: column(row, 1)?,
        name: column(row, 2)?,
        description: column(row, 3)?,
        public_key: column(row, 4)?,
        creator_key: column(row, 5)?,
        created: column(row, 6)?,
        last_modified: column(row, 7)?,
    })
}

fn read_member(row: &Row, at: usize) -> Result<GroupMemberRow, StoreError> {
    // In the order of the columns.
    let mut capabilities = CapabilitySet::default();
    for (offset, capability) in Capability::ALL.into_iter().enumerate() {
        if column(row, at + 6 + offset)? {
            capabilities.insert(capability);
        }
    }
    Ok(GroupMemberRow {
        group: column(row, at)?,
        client: column(row, at + 1)?,
        account_id: column(row, at + 2)?,
        membership_key: column(row, at + 3)?,
        authorizer: column(row, at + 4)?,
        authorizer_keys: column(row, at + 5)?,
        capabilities,
        created: column(row, at + 10)?,
    })
}

fn read_share(row: &Row) -> Result<GroupShareRow, StoreError> {
    Ok(GroupShareRow {
        group: column(row, 0)?,
        writer: column(row, 1)?,
        record_type: column(row, 2)?,
        account_id: column(row, 3)?,
        key_id: column(row, 4)?,
        eak: column(row, 5)?,
        can_edit: column(row, 6)?,
        created: column(row, 7)?,
    })
}

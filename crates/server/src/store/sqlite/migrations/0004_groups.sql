CREATE TABLE groups (
    position INTEGER PRIMARY KEY,
    group_id BLOB NOT NULL UNIQUE,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    public_key TEXT NOT NULL,
    creator_key TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_modified INTEGER NOT NULL
) STRICT;
CREATE INDEX groups_by_account ON groups (account_id, position);
CREATE INDEX groups_by_name ON groups (account_id, name, position);

-- The position of the group stands here too, so that a client's groups are found in the order of their age.
CREATE TABLE group_members (
    position INTEGER PRIMARY KEY,
    group_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    group_position INTEGER NOT NULL,
    membership_key TEXT NOT NULL,
    authorizer_id BLOB NOT NULL,
    authorizer_keys TEXT NOT NULL,
    can_edit INTEGER NOT NULL CHECK (can_edit IN (0, 1)),
    can_manage INTEGER NOT NULL CHECK (can_manage IN (0, 1)),
    can_read INTEGER NOT NULL CHECK (can_read IN (0, 1)),
    can_share INTEGER NOT NULL CHECK (can_share IN (0, 1)),
    created INTEGER NOT NULL,
    UNIQUE (group_id, client_id)
) STRICT;
CREATE INDEX group_members_in_order ON group_members (group_id, position);
CREATE INDEX group_members_by_client ON group_members (client_id, group_position);
CREATE INDEX group_managers ON group_members (group_id, position) WHERE can_manage = 1;

CREATE TABLE group_shares (
    position INTEGER PRIMARY KEY,
    group_id BLOB NOT NULL,
    writer_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    key_id BLOB NOT NULL,
    eak TEXT NOT NULL,
    can_edit INTEGER NOT NULL CHECK (can_edit IN (0, 1)),
    created INTEGER NOT NULL,
    UNIQUE (writer_id, record_type, group_id)
) STRICT;
CREATE INDEX group_shares_in_order ON group_shares (group_id, position);

ALTER TABLE changes ADD COLUMN group_id BLOB;

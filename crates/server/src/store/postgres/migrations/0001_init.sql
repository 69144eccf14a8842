-- Ids are 16 bytes, hashes 32, times microseconds since the Unix epoch. Text that callers send is BYTEA too: it may hold
-- the character U+0000, which TEXT refuses, and bytes have one order whatever the collation. Only words of our own and
-- JSON, which escapes that character, are TEXT.
--
-- A primary key begins with what places the row: the id of the account, client, group or note that it belongs to, whose
-- last 16 bits are the placement (docs/adr/0005). Spread over machines, that column is the distribution key, named with
-- each table. Rows of one writer then lie together; what looks up by another key asks all machines, or a global index.
--
-- No sequences, foreign keys, triggers, partial indexes or extensions: not every engine that speaks this protocol has
-- them. Statements are run one by one, and again if a start was cut short.

-- One row: read everywhere, written at each commit. It is the wall that is hit first; see docs/adr/0014.
CREATE TABLE IF NOT EXISTS meta (
    id BIGINT PRIMARY KEY,
    store_id BYTEA NOT NULL,
    last_stamp BIGINT NOT NULL,
    last_record_index BIGINT NOT NULL,
    last_position BIGINT NOT NULL
);

-- Distribution key: account_id.
CREATE TABLE IF NOT EXISTS accounts (
    account_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    region TEXT NOT NULL,
    email_key BYTEA NOT NULL UNIQUE,
    email BYTEA NOT NULL,
    name BYTEA NOT NULL,
    salt_auth BYTEA NOT NULL,
    salt_enc BYTEA NOT NULL,
    salt_paper_auth BYTEA NOT NULL,
    salt_paper_enc BYTEA NOT NULL,
    signing_key TEXT NOT NULL,
    paper_signing_key TEXT NOT NULL,
    company BYTEA NOT NULL,
    plan BYTEA NOT NULL,
    public_key TEXT NOT NULL,
    account_signing_key TEXT NOT NULL,
    queen_id BYTEA NOT NULL,
    meta BYTEA,
    created BIGINT NOT NULL,
    tokens_valid_after BIGINT NOT NULL,
    kept_token BIGINT
);

-- Distribution key: hash.
CREATE TABLE IF NOT EXISTS login_challenges (
    hash BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS login_challenges_by_account ON login_challenges (account_id);
CREATE INDEX IF NOT EXISTS login_challenges_by_expiry ON login_challenges (expires);

-- Distribution key: hash.
CREATE TABLE IF NOT EXISTS registration_tokens (
    hash BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    name BYTEA,
    permissions BYTEA NOT NULL,
    total_uses_allowed BIGINT,
    uses BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS registration_tokens_by_account ON registration_tokens (account_id, position);

-- Distribution key: client_id.
CREATE TABLE IF NOT EXISTS clients (
    client_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    api_key_id BYTEA NOT NULL UNIQUE,
    api_secret_hash BYTEA NOT NULL,
    name BYTEA NOT NULL,
    kind BYTEA NOT NULL,
    public_key TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    has_backup BOOLEAN NOT NULL,
    registered_with BYTEA,
    created BIGINT NOT NULL,
    tokens_valid_after BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS clients_by_account ON clients (account_id, position);

-- Distribution key: writer_id.
CREATE TABLE IF NOT EXISTS record_types (
    writer_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (writer_id, user_id, record_type)
);
CREATE INDEX IF NOT EXISTS record_types_by_user ON record_types (user_id);

-- Distribution key: writer_id.
CREATE TABLE IF NOT EXISTS access_keys (
    writer_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    reader_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    eak BYTEA NOT NULL,
    authorizer_id BYTEA NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (writer_id, user_id, record_type, reader_id)
);
-- For erasure: what names a client elsewhere than as the writer.
CREATE INDEX IF NOT EXISTS access_keys_by_reader ON access_keys (reader_id);
CREATE INDEX IF NOT EXISTS access_keys_by_user ON access_keys (user_id);
CREATE INDEX IF NOT EXISTS access_keys_by_authorizer ON access_keys (authorizer_id);

-- Distribution key: writer_id.
CREATE TABLE IF NOT EXISTS grants (
    writer_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    can_read BOOLEAN NOT NULL,
    can_edit BOOLEAN NOT NULL,
    can_authorize BOOLEAN NOT NULL,
    granted_by BYTEA NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (writer_id, user_id, record_type, client_id)
);
CREATE INDEX IF NOT EXISTS grants_by_writer ON grants (writer_id, position);
CREATE INDEX IF NOT EXISTS grants_by_client ON grants (client_id, position);
CREATE INDEX IF NOT EXISTS grants_by_client_and_writer ON grants (client_id, writer_id);
CREATE INDEX IF NOT EXISTS grants_by_user ON grants (user_id);
CREATE INDEX IF NOT EXISTS grants_by_granter ON grants (granted_by);

-- Distribution key: record_id, whose placement is that of the writer.
CREATE TABLE IF NOT EXISTS record_grants (
    record_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    writer_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    granted_by BYTEA NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (record_id, client_id)
);
CREATE INDEX IF NOT EXISTS record_grants_by_client ON record_grants (client_id, writer_id, record_type);
CREATE INDEX IF NOT EXISTS record_grants_by_granter ON record_grants (granted_by);

-- Distribution key: writer_id. Indexes are given out once for the whole store, so that the two constraints below hold
-- even where they can be checked on one machine alone.
CREATE TABLE IF NOT EXISTS records (
    writer_id BYTEA NOT NULL,
    record_index BIGINT NOT NULL UNIQUE,
    record_id BYTEA NOT NULL UNIQUE,
    version BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL,
    signature BYTEA,
    plain TEXT NOT NULL,
    data TEXT NOT NULL,
    file_key BYTEA,
    file_bytes BIGINT,
    file_checksum BYTEA,
    file_compression BYTEA,
    PRIMARY KEY (writer_id, record_index)
);
CREATE INDEX IF NOT EXISTS records_by_type ON records (writer_id, record_type, record_index);
CREATE INDEX IF NOT EXISTS records_by_modified ON records (writer_id, last_modified, record_index);
CREATE INDEX IF NOT EXISTS records_by_user ON records (user_id);

-- Terms of records (kind 1: an entry of the plain metadata; kind 2: the user, where it is not the writer), so that
-- searches run on indexes. Long values are cut and have a hash behind. Distribution key: writer_id.
CREATE TABLE IF NOT EXISTS record_terms (
    writer_id BYTEA NOT NULL,
    kind SMALLINT NOT NULL,
    name BYTEA NOT NULL,
    value BYTEA NOT NULL,
    record_index BIGINT NOT NULL,
    PRIMARY KEY (writer_id, kind, name, value, record_index)
);
CREATE INDEX IF NOT EXISTS record_terms_by_record ON record_terms (writer_id, kind, name, record_index);

-- Distribution key: account_id, with the sequence behind it.
CREATE TABLE IF NOT EXISTS changes (
    sequence BIGINT PRIMARY KEY,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_id BYTEA,
    client_id BYTEA,
    other_id BYTEA,
    record_type BYTEA,
    record_id BYTEA,
    version BYTEA,
    note_id BYTEA,
    group_id BYTEA
);

-- Deleted clients whose rows are still to be erased. changes_read is the last change that was looked at for this client.
-- Distribution key: client_id.
CREATE TABLE IF NOT EXISTS erasures (
    client_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    changes_read BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS erasures_in_order ON erasures (position);

-- Notes. What changes about a note lies in a table of its own: a view that is counted does not write the note again.
-- client_id and account_id are null if the writer is nobody that the server knows. Distribution key: note_id.
CREATE TABLE IF NOT EXISTS notes (
    note_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    name BYTEA UNIQUE,
    client_id BYTEA,
    account_id BYTEA,
    region TEXT NOT NULL,
    recipient_key BYTEA NOT NULL,
    writer_key BYTEA NOT NULL,
    mode BYTEA NOT NULL,
    note_type BYTEA NOT NULL,
    writer_encryption_key BYTEA NOT NULL,
    encrypted_access_key BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    plain TEXT NOT NULL,
    file_meta TEXT NOT NULL,
    policies TEXT NOT NULL,
    max_views BIGINT,
    expiration BIGINT,
    expires BOOLEAN NOT NULL,
    record_id BYTEA,
    is_secret BOOLEAN NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created BIGINT NOT NULL,
    data TEXT NOT NULL,
    file_key BYTEA,
    file_bytes BIGINT,
    file_checksum BYTEA,
    file_compression BYTEA
);
CREATE INDEX IF NOT EXISTS notes_by_writer ON notes (client_id, position);
CREATE INDEX IF NOT EXISTS notes_by_record ON notes (client_id, record_id, position);

-- Distribution key: note_id.
CREATE TABLE IF NOT EXISTS note_uses (
    note_id BYTEA PRIMARY KEY,
    views BIGINT NOT NULL,
    last_read BIGINT,
    gone BIGINT,
    code_hash BYTEA,
    code_expires BIGINT,
    mail_code_hash BYTEA,
    mail_code_expires BIGINT,
    wrong_mail_codes BIGINT NOT NULL,
    mails_sent BIGINT NOT NULL,
    last_mail BIGINT,
    strangers_bytes BIGINT
);
-- Those of notes that nobody whom the server knows has written; for the others it is null.
CREATE INDEX IF NOT EXISTS note_uses_by_strangers ON note_uses (strangers_bytes);
CREATE INDEX IF NOT EXISTS note_uses_by_gone ON note_uses (gone);

-- Files that were announced. Where a note has the file, the note stands here as it was sent; writer and user are then
-- the client, and what stands in the other columns of a record means nothing. Distribution key: pending_id.
CREATE TABLE IF NOT EXISTS pending_files (
    pending_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    client_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    writer_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    signature BYTEA,
    record_id BYTEA,
    version BYTEA,
    expires BIGINT NOT NULL,
    file_key BYTEA,
    file_bytes BIGINT NOT NULL,
    file_checksum BYTEA NOT NULL,
    file_compression BYTEA NOT NULL,
    plain TEXT NOT NULL,
    data TEXT NOT NULL,
    note TEXT
);
CREATE INDEX IF NOT EXISTS pending_files_by_expiry ON pending_files (expires);
CREATE INDEX IF NOT EXISTS pending_files_by_client ON pending_files (client_id);
CREATE INDEX IF NOT EXISTS pending_files_by_writer ON pending_files (writer_id);
CREATE INDEX IF NOT EXISTS pending_files_by_user ON pending_files (user_id);

-- Keys of bytes that neither a record nor a pending file has. Distribution key: file_key.
CREATE TABLE IF NOT EXISTS unclaimed_blobs (
    file_key BYTEA PRIMARY KEY,
    due BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS unclaimed_blobs_by_due ON unclaimed_blobs (due);

-- Distribution key: group_id.
CREATE TABLE IF NOT EXISTS groups (
    group_id BYTEA PRIMARY KEY,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    name BYTEA NOT NULL,
    description BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    creator_key BYTEA NOT NULL,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS groups_by_account ON groups (account_id, position);
CREATE INDEX IF NOT EXISTS groups_by_name ON groups (account_id, name, position);

-- The position of the group stands here too, so that a client's groups are found in the order of their age.
-- Distribution key: group_id.
CREATE TABLE IF NOT EXISTS group_members (
    group_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    group_position BIGINT NOT NULL,
    membership_key BYTEA NOT NULL,
    authorizer_id BYTEA NOT NULL,
    authorizer_keys TEXT NOT NULL,
    can_edit BOOLEAN NOT NULL,
    can_manage BOOLEAN NOT NULL,
    can_read BOOLEAN NOT NULL,
    can_share BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (group_id, client_id)
);
CREATE INDEX IF NOT EXISTS group_members_in_order ON group_members (group_id, position);
CREATE INDEX IF NOT EXISTS group_members_by_client ON group_members (client_id, group_position);
CREATE INDEX IF NOT EXISTS group_managers ON group_members (group_id, can_manage, position);

-- Distribution key: writer_id.
CREATE TABLE IF NOT EXISTS group_shares (
    writer_id BYTEA NOT NULL,
    record_type BYTEA NOT NULL,
    group_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    key_id BYTEA NOT NULL,
    eak BYTEA NOT NULL,
    can_edit BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (writer_id, record_type, group_id)
);
CREATE INDEX IF NOT EXISTS group_shares_in_order ON group_shares (group_id, position);

-- A hook's place is its id. wakes: when there is something to do for it. Distribution key: position.
CREATE TABLE IF NOT EXISTS hooks (
    position BIGINT PRIMARY KEY,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    url BYTEA NOT NULL,
    triggers BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    created BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    wakes BIGINT
);
CREATE INDEX IF NOT EXISTS hooks_by_account ON hooks (account_id, position);
CREATE INDEX IF NOT EXISTS hooks_by_wakes ON hooks (wakes);

-- Distribution key: hook.
CREATE TABLE IF NOT EXISTS hook_deliveries (
    position BIGINT PRIMARY KEY,
    delivery_id BYTEA NOT NULL UNIQUE,
    hook BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    body BYTEA NOT NULL,
    created BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS hook_deliveries_by_due ON hook_deliveries (hook, due, position);

-- The last change of the outbox for which deliveries were queued.
CREATE TABLE IF NOT EXISTS hook_cursor (
    id BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL
);

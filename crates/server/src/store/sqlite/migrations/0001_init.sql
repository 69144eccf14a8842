-- Ids are 16-byte blobs, hashes 32-byte blobs, times microseconds since the Unix epoch, flags 0 or 1.
-- Rows lie in the order in which they came (an integer key that grows), ids are unique beside it: random primary keys
-- would scatter writes over the whole file. No triggers, no foreign keys: other engines have neither at scale.

CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    store_id BLOB NOT NULL,
    last_stamp INTEGER NOT NULL,
    last_record_index INTEGER NOT NULL,
    last_position INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    position INTEGER PRIMARY KEY,
    account_id BLOB NOT NULL UNIQUE,
    region TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    salt_auth TEXT NOT NULL,
    salt_enc TEXT NOT NULL,
    salt_paper_auth TEXT NOT NULL,
    salt_paper_enc TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    paper_signing_key TEXT NOT NULL,
    company TEXT NOT NULL,
    plan TEXT NOT NULL,
    public_key TEXT NOT NULL,
    account_signing_key TEXT NOT NULL,
    queen_id BLOB NOT NULL,
    meta TEXT,
    created INTEGER NOT NULL,
    tokens_valid_after INTEGER NOT NULL,
    kept_token INTEGER
) STRICT;

CREATE TABLE login_challenges (
    position INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX login_challenges_by_account ON login_challenges (account_id);
CREATE INDEX login_challenges_by_expiry ON login_challenges (expires);

CREATE TABLE registration_tokens (
    position INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    sealed TEXT NOT NULL,
    name TEXT,
    permissions TEXT NOT NULL,
    total_uses_allowed INTEGER,
    uses INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX registration_tokens_by_account ON registration_tokens (account_id, position);

CREATE TABLE clients (
    position INTEGER PRIMARY KEY,
    client_id BLOB NOT NULL UNIQUE,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    api_key_id TEXT NOT NULL UNIQUE,
    api_secret_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    public_key TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    has_backup INTEGER NOT NULL CHECK (has_backup IN (0, 1)),
    registered_with BLOB,
    created INTEGER NOT NULL,
    tokens_valid_after INTEGER NOT NULL
) STRICT;
CREATE INDEX clients_by_account ON clients (account_id, position);

CREATE TABLE record_types (
    position INTEGER PRIMARY KEY,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (writer_id, user_id, record_type)
) STRICT;
CREATE INDEX record_types_by_user ON record_types (user_id) WHERE user_id <> writer_id;

CREATE TABLE access_keys (
    position INTEGER PRIMARY KEY,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    reader_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    eak TEXT NOT NULL,
    authorizer_id BLOB NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (writer_id, user_id, record_type, reader_id)
) STRICT;
-- For erasure: what names a client elsewhere than as the writer. Most rows name one client alone and are in none of these.
CREATE INDEX access_keys_by_reader ON access_keys (reader_id) WHERE reader_id <> writer_id;
CREATE INDEX access_keys_by_user ON access_keys (user_id) WHERE user_id <> writer_id;
CREATE INDEX access_keys_by_authorizer ON access_keys (authorizer_id) WHERE authorizer_id <> writer_id;

CREATE TABLE grants (
    position INTEGER PRIMARY KEY,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    client_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    can_read INTEGER NOT NULL CHECK (can_read IN (0, 1)),
    can_edit INTEGER NOT NULL CHECK (can_edit IN (0, 1)),
    can_authorize INTEGER NOT NULL CHECK (can_authorize IN (0, 1)),
    granted_by BLOB NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (writer_id, user_id, record_type, client_id)
) STRICT;
CREATE INDEX grants_by_writer ON grants (writer_id, position);
CREATE INDEX grants_by_client ON grants (client_id, position);
CREATE INDEX grants_by_client_and_writer ON grants (client_id, writer_id);
CREATE INDEX grants_by_user ON grants (user_id) WHERE user_id <> writer_id;
CREATE INDEX grants_by_granter ON grants (granted_by) WHERE granted_by <> writer_id;

-- The data comes last, so that reading all but the data does not walk through its pages.
CREATE TABLE records (
    record_index INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL UNIQUE,
    version BLOB NOT NULL,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    signature TEXT,
    plain TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_writer ON records (writer_id, record_index);
CREATE INDEX records_by_type ON records (writer_id, record_type, record_index);
CREATE INDEX records_by_user ON records (user_id) WHERE user_id <> writer_id;

CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor_id BLOB,
    client_id BLOB,
    other_id BLOB,
    record_type TEXT,
    record_id BLOB,
    version BLOB
) STRICT;

-- Deleted clients whose rows are still to be erased. changes_read is the last change that was looked at for this client.
CREATE TABLE erasures (
    position INTEGER PRIMARY KEY,
    client_id BLOB NOT NULL UNIQUE,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    changes_read INTEGER NOT NULL
) STRICT;

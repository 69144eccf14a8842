-- The sealed format: tables of one shape. Keys are ordered bytes, values encodings, and what stands in them is for the code to
-- say. Distribution key of all of them: owner_id, the client that a row belongs to; zeros where it belongs to none.
CREATE TABLE IF NOT EXISTS sealed_bundle_heads (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_bundles (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_entries (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_epochs (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_exposures (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_fields (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_grants (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_links (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_log_states (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_logs (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_named (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_record_order (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_records (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_shares (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_stage_wraps (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_stages (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE TABLE IF NOT EXISTS sealed_wraps (
    owner_id BYTEA NOT NULL,
    key BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
-- Whether a writer uses a type for anything, whoever the records are about.
CREATE INDEX IF NOT EXISTS record_types_by_name ON record_types (writer_id, record_type);

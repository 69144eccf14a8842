-- The sealed format: tables of one shape. Keys are ordered bytes, values encodings, and what stands in them is for the code to
-- say. Distribution key of all of them: owner_id, the client that a row belongs to; zeros where it belongs to none.
CREATE TABLE sealed_bundle_heads (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_bundles (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_entries (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_epochs (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_exposures (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_fields (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_grants (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_links (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_log_states (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_logs (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_named (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_record_order (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_records (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_shares (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_stage_wraps (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_stages (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE TABLE sealed_wraps (
    owner_id BLOB NOT NULL,
    key BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
-- Whether a writer uses a type for anything, whoever the records are about.
CREATE INDEX record_types_by_name ON record_types (writer_id, record_type);

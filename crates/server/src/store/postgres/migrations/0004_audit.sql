-- The audit log: entries are only ever added. Salts tie its pseudonyms to accounts (kind 1) and clients (kind 2), and are
-- removed with them.

CREATE TABLE IF NOT EXISTS audit_entries (
    position BIGINT PRIMARY KEY,
    region TEXT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    about TEXT NOT NULL,
    previous BYTEA NOT NULL,
    digest BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS audit_salts (
    kind BIGINT NOT NULL,
    subject_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    salt BYTEA NOT NULL,
    PRIMARY KEY (subject_id, kind)
);

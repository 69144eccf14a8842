-- The audit log: entries are only ever added. Salts tie its pseudonyms to accounts (kind 1) and clients (kind 2), and are
-- removed with them.

CREATE TABLE audit_entries (
    position INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    about TEXT NOT NULL,
    previous BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE audit_salts (
    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
    subject_id BLOB NOT NULL,
    region TEXT NOT NULL,
    salt BLOB NOT NULL,
    PRIMARY KEY (kind, subject_id)
) STRICT, WITHOUT ROWID;

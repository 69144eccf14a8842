-- Notes. What changes about a note lies in a table of its own: a view that is counted does not write the note again.
-- client_id and account_id are null if the writer is nobody that the server knows.
CREATE TABLE notes (
    position INTEGER PRIMARY KEY,
    note_id BLOB NOT NULL UNIQUE,
    name TEXT UNIQUE,
    client_id BLOB,
    account_id BLOB,
    region TEXT NOT NULL,
    recipient_key BLOB NOT NULL,
    writer_key BLOB NOT NULL,
    mode TEXT NOT NULL,
    note_type TEXT NOT NULL,
    writer_encryption_key TEXT NOT NULL,
    encrypted_access_key TEXT NOT NULL,
    signature TEXT NOT NULL,
    plain TEXT NOT NULL,
    file_meta TEXT NOT NULL,
    policies TEXT NOT NULL,
    max_views INTEGER,
    expiration INTEGER,
    expires INTEGER NOT NULL CHECK (expires IN (0, 1)),
    record_id BLOB,
    is_secret INTEGER NOT NULL CHECK (is_secret IN (0, 1)),
    format TEXT NOT NULL,
    suite TEXT NOT NULL,
    created INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX notes_by_writer ON notes (client_id, position) WHERE client_id IS NOT NULL;
CREATE INDEX notes_by_record ON notes (client_id, record_id, position) WHERE record_id IS NOT NULL;

CREATE TABLE note_uses (
    position INTEGER PRIMARY KEY,
    views INTEGER NOT NULL,
    last_read INTEGER,
    gone INTEGER,
    code_hash BLOB,
    code_expires INTEGER
) STRICT;
CREATE INDEX note_uses_by_gone ON note_uses (gone) WHERE gone IS NOT NULL;

ALTER TABLE changes ADD COLUMN note_id BLOB;

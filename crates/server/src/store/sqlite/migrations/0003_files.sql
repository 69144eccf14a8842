-- Only records with a file have these; null takes no room behind the data.
ALTER TABLE records ADD COLUMN file_key BLOB;
ALTER TABLE records ADD COLUMN file_bytes INTEGER;
ALTER TABLE records ADD COLUMN file_checksum BLOB;
ALTER TABLE records ADD COLUMN file_compression TEXT;

CREATE TABLE pending_files (
    position INTEGER PRIMARY KEY,
    pending_id BLOB NOT NULL UNIQUE,
    client_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    signature TEXT,
    record_id BLOB,
    version BLOB,
    expires INTEGER NOT NULL,
    file_key BLOB,
    file_bytes INTEGER NOT NULL,
    file_checksum BLOB NOT NULL,
    file_compression TEXT NOT NULL,
    plain TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX pending_files_by_expiry ON pending_files (expires);
CREATE INDEX pending_files_by_client ON pending_files (client_id);
CREATE INDEX pending_files_by_writer ON pending_files (writer_id) WHERE writer_id <> client_id;
CREATE INDEX pending_files_by_user ON pending_files (user_id) WHERE user_id <> client_id;

-- Keys of bytes that neither a record nor a pending file has.
CREATE TABLE unclaimed_blobs (
    file_key BLOB PRIMARY KEY,
    due INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unclaimed_blobs_by_due ON unclaimed_blobs (due);

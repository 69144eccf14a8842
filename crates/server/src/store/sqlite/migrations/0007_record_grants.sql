-- Grants for single records. They are read by record; the other indexes are for counting and for erasing.
CREATE TABLE record_grants (
    position INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    writer_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    record_type TEXT NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    granted_by BLOB NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (record_id, client_id)
) STRICT;
CREATE INDEX record_grants_by_client ON record_grants (client_id, writer_id, record_type);
CREATE INDEX record_grants_by_granter ON record_grants (granted_by) WHERE granted_by <> writer_id;

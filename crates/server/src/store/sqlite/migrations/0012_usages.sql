-- How much accounts (kind 1) and clients (kind 2) keep, and limits of their own, if the operator set any.

CREATE TABLE usages (
    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
    owner_id BLOB NOT NULL,
    region TEXT NOT NULL,
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    files INTEGER NOT NULL,
    most_records INTEGER,
    most_bytes INTEGER,
    most_files INTEGER,
    PRIMARY KEY (kind, owner_id)
) STRICT, WITHOUT ROWID;

-- Of records whose client or account is gone, the erasure has still to come: they count for nobody.
INSERT INTO usages (kind, owner_id, region, records, bytes, files)
SELECT 1, account_id, 'local', count(*),
    sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)),
    count(file_key)
FROM records WHERE account_id IN (SELECT account_id FROM accounts) GROUP BY account_id;

INSERT INTO usages (kind, owner_id, region, records, bytes, files)
SELECT 2, writer_id, 'local', count(*),
    sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)),
    count(file_key)
FROM records WHERE writer_id IN (SELECT client_id FROM clients) GROUP BY writer_id;

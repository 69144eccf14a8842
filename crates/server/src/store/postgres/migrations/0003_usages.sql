-- How much accounts (kind 1) and clients (kind 2) keep, and limits of their own, if the operator set any.

CREATE TABLE IF NOT EXISTS usages (
    kind BIGINT NOT NULL,
    owner_id BYTEA NOT NULL,
    region TEXT NOT NULL,
    records BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    files BIGINT NOT NULL,
    most_records BIGINT,
    most_bytes BIGINT,
    most_files BIGINT,
    PRIMARY KEY (owner_id, kind)
);

-- Of records whose client or account is gone, the erasure has still to come: they count for nobody.
INSERT INTO usages (kind, owner_id, region, records, bytes, files)
SELECT 1, account_id, 'local', count(*),
    CAST(sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)) AS BIGINT),
    count(file_key)
FROM records WHERE account_id IN (SELECT account_id FROM accounts) GROUP BY account_id
ON CONFLICT DO NOTHING;

INSERT INTO usages (kind, owner_id, region, records, bytes, files)
SELECT 2, writer_id, 'local', count(*),
    CAST(sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)) AS BIGINT),
    count(file_key)
FROM records WHERE writer_id IN (SELECT client_id FROM clients) GROUP BY writer_id
ON CONFLICT DO NOTHING;

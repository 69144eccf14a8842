-- What processes tell one another outside of the transactions of requests (store/shared.rs). None of it has to be kept
-- when the store is moved.

-- Signed requests of the last minutes: whose bound they count against, when they were signed (seconds), what each of them
-- alone has, and a mark of the process that noted it. Distribution key: signer.
CREATE TABLE IF NOT EXISTS signed_requests (
    signer BYTEA NOT NULL,
    signed BIGINT NOT NULL,
    name BYTEA NOT NULL,
    noted_by BYTEA NOT NULL,
    PRIMARY KEY (signer, signed, name)
);
CREATE INDEX IF NOT EXISTS signed_requests_by_signed ON signed_requests (signed);

-- Requests of a signer that were signed at this second or before are refused. Distribution key: signer.
CREATE TABLE IF NOT EXISTS signed_request_floors (
    signer BYTEA PRIMARY KEY,
    floor BIGINT NOT NULL
);

-- Attempts that failed of late, by places of which there is a fixed number. Distribution key: place.
CREATE TABLE IF NOT EXISTS attempts (
    place BIGINT PRIMARY KEY,
    attempts BIGINT NOT NULL,
    last BIGINT NOT NULL
);

-- What all processes must have in common; the first one says it.
CREATE TABLE IF NOT EXISTS agreements (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

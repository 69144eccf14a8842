-- A hook's place is its id. wakes: when there is something to do for it.
CREATE TABLE hooks (
    position INTEGER PRIMARY KEY,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    url TEXT NOT NULL,
    triggers TEXT NOT NULL,
    nonce BLOB NOT NULL,
    created INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    wakes INTEGER
) STRICT;
CREATE INDEX hooks_by_account ON hooks (account_id, position);
CREATE INDEX hooks_by_wakes ON hooks (wakes) WHERE wakes IS NOT NULL;

CREATE TABLE hook_deliveries (
    position INTEGER PRIMARY KEY,
    delivery_id BLOB NOT NULL UNIQUE,
    hook INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    region TEXT NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;
CREATE INDEX hook_deliveries_by_due ON hook_deliveries (hook, due, position);

-- The last change of the outbox for which deliveries were queued.
CREATE TABLE hook_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;

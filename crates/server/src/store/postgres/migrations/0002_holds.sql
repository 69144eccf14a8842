-- What keeps servers from doing something for a while: 'files' from removing bytes of files (a backup reads them),
-- 'read_only' from writing; 'moved' and 'restoring' from writing and from starting. expires: null for no end. A few rows
-- that every writer reads: a table that all machines have a copy of.
CREATE TABLE IF NOT EXISTS holds (
    hold_id BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    expires BIGINT
);

-- What keeps a server from doing something for a while: 'files' from removing bytes of files (a backup reads them),
-- 'read_only' from writing; 'moved' and 'restoring' from writing and from starting. expires: null for no end.
CREATE TABLE holds (
    hold_id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    expires INTEGER
) STRICT, WITHOUT ROWID;

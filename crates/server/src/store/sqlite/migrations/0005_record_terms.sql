-- Terms of records (kind 1: an entry of the plain metadata; kind 2: the user, where it is not the writer), so that
-- searches run on indexes. Long values are cut and have a hash behind. Each term stands there twice: in the order of
-- values, and in the order of records.

CREATE TABLE record_terms (
    writer_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    record_index INTEGER NOT NULL,
    PRIMARY KEY (writer_id, kind, name, value, record_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_terms_by_record ON record_terms (writer_id, kind, name, record_index);

CREATE INDEX records_by_modified ON records (writer_id, last_modified);

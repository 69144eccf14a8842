-- Record indexes of a listing, many to a row, so that a search need not walk an index entry by entry. They are made of
-- records and record_terms, and say nothing that is not there. A listing is named by its kind (1 and 2: a term of that
-- kind; 11 and 12: any term of kind 1 or 2 under the name; 3: the type that stands in value; 4: all records of the writer).
-- One row of kind 0 says that all listings were packed.
-- A row holds all of the listing from behind the row before up to last_index; what is behind the last row is not packed.

CREATE TABLE record_lists (
    id INTEGER PRIMARY KEY,
    writer_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    last_index INTEGER NOT NULL,
    packed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_lists_by_listing ON record_lists (writer_id, kind, name, value, last_index);

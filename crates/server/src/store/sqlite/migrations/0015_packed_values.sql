-- Values of the records of a packed row, in rows that list the records with a name (kinds 11 and 12), so that a search for a
-- prefix need not walk an index value by value. Without the row of kind 0 all listings are packed anew by the next server.

ALTER TABLE record_lists ADD COLUMN packed_values BLOB;
DELETE FROM record_lists WHERE kind = 0;

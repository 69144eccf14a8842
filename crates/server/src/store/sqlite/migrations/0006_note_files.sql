-- Only notes with a file have these; null takes no room behind the data.
ALTER TABLE notes ADD COLUMN file_key BLOB;
ALTER TABLE notes ADD COLUMN file_bytes INTEGER;
ALTER TABLE notes ADD COLUMN file_checksum BLOB;
ALTER TABLE notes ADD COLUMN file_compression TEXT;

-- A note that is announced with a file: the whole of it, as it was sent. Writer and user are then the client, and what
-- stands in the other columns of a record means nothing.
ALTER TABLE pending_files ADD COLUMN note TEXT;

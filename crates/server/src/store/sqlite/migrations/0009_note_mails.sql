-- Codes that were sent by e-mail.
ALTER TABLE note_uses ADD COLUMN mail_code_hash BLOB;
ALTER TABLE note_uses ADD COLUMN mail_code_expires INTEGER;
ALTER TABLE note_uses ADD COLUMN wrong_mail_codes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE note_uses ADD COLUMN mails_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE note_uses ADD COLUMN last_mail INTEGER;

-- How much those who are no clients have left here: null for notes by clients.
ALTER TABLE note_uses ADD COLUMN strangers_bytes INTEGER;
UPDATE note_uses SET strangers_bytes = (
    SELECT length(CAST(data AS BLOB)) + length(CAST(plain AS BLOB)) + length(CAST(file_meta AS BLOB))
    FROM notes WHERE notes.position = note_uses.position)
WHERE position IN (SELECT position FROM notes WHERE client_id IS NULL);
CREATE INDEX note_uses_by_strangers ON note_uses (strangers_bytes) WHERE strangers_bytes IS NOT NULL;

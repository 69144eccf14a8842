//! Notes in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::{ExtendedPolicies, Timestamp};
use tozstore_crypto::{AccountId, ClientId, NoteId, RecordId, SigningPublicKey};

use super::columns::{column, integer, malformed, optional_id, params, row_limit};
use super::files::read_stored_file;
use super::tx::{Tx, Writing};
use crate::store::{
    LOCAL_REGION, NoteHead, NoteMails, NoteReads, NoteRow, NoteTexts, NoteUses, NoteWrites, StoreError,
};

/// The columns that [`read_head`] reads, then the place.
macro_rules! select_head {
    ($more:literal) => {
        concat!(
            "SELECT notes.note_id, name, client_id, account_id, recipient_key, writer_key, mode, note_type, \
             writer_encryption_key, encrypted_access_key, signature, plain, file_meta, policies, max_views, \
             expiration, expires, record_id, is_secret, format, suite, created, views, last_read, gone, code_hash, \
             code_expires, file_key, file_bytes, file_checksum, file_compression, mail_code_hash, \
             mail_code_expires, wrong_mail_codes, mails_sent, last_mail, notes.position",
            $more,
            " FROM notes JOIN note_uses ON note_uses.note_id = notes.note_id "
        )
    };
}

impl<R> NoteReads for Tx<'_, R> {
    fn note(&self, id: NoteId) -> Result<Option<NoteRow>, StoreError> {
        let sql = concat!(select_head!(", data"), "WHERE notes.note_id = $1");
        self.one(sql, params![id.as_bytes()], |row| {
            Ok(NoteRow { head: read_head(row)?, data: column(row, 37)? })
        })
    }

    fn note_head(&self, id: NoteId) -> Result<Option<NoteHead>, StoreError> {
        let sql = concat!(select_head!(""), "WHERE notes.note_id = $1");
        self.one(sql, params![id.as_bytes()], read_head)
    }

    fn note_head_by_name(&self, name: &str) -> Result<Option<NoteHead>, StoreError> {
        self.one(concat!(select_head!(""), "WHERE name = $1"), params![name], read_head)
    }

    fn notes_of_record(
        &self,
        writer: ClientId,
        record: RecordId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, NoteHead)>, StoreError> {
        let sql = concat!(
            select_head!(""),
            "WHERE client_id = $1 AND record_id = $2 AND notes.position > $3 ORDER BY notes.position LIMIT $4"
        );
        let after = integer(after).unwrap_or(i64::MAX);
        self.list(sql, params![writer.as_bytes(), record.as_bytes(), after, row_limit(limit)], |row| {
            Ok((column(row, 36)?, read_head(row)?))
        })
    }

    fn strangers_notes(&self, limit: usize) -> Result<(usize, u64), StoreError> {
        let sql = "SELECT count(*), CAST(coalesce(sum(strangers_bytes), 0) AS BIGINT) FROM (SELECT strangers_bytes \
                   FROM note_uses WHERE strangers_bytes IS NOT NULL LIMIT $1) AS found";
        let found = self.one(sql, params![row_limit(limit)], |row| {
            Ok((column::<u64>(row, 0)?, column::<u64>(row, 1)?))
        })?;
        let (count, bytes) = found.unwrap_or_default();
        Ok((usize::try_from(count).unwrap_or(usize::MAX), bytes))
    }

    fn gone_notes(&self, now: Timestamp, limit: usize) -> Result<Vec<NoteHead>, StoreError> {
        let sql = concat!(select_head!(""), "WHERE gone <= $1 ORDER BY gone LIMIT $2");
        self.list(sql, params![now.micros(), row_limit(limit)], read_head)
    }
}

impl NoteWrites for Tx<'_, Writing<'_>> {
    fn insert_note(&mut self, row: &NoteRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        let NoteRow { head, data } = row;
        self.insert(
            "the note",
            "INSERT INTO notes (position, note_id, name, client_id, account_id, region, recipient_key, writer_key, \
             mode, note_type, writer_encryption_key, encrypted_access_key, signature, plain, file_meta, policies, \
             max_views, expiration, expires, record_id, is_secret, format, suite, created, data, file_key, file_bytes, file_checksum, file_compression) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
             $23, $24, $25, $26, $27, $28, $29) \
             ON CONFLICT DO NOTHING",
            params![
                position,
                head.id.as_bytes(),
                head.name,
                head.writer.as_ref().map(|(client, _)| client.as_bytes()),
                head.writer.as_ref().map(|(_, account)| account.as_bytes()),
                LOCAL_REGION,
                head.recipient_key.as_bytes(),
                head.writer_key.as_bytes(),
                head.texts.mode,
                head.texts.note_type,
                head.texts.writer_encryption_key,
                head.texts.encrypted_access_key,
                head.texts.signature,
                head.plain.to_json(),
                head.file_meta.to_json(),
                head.policies.to_json(),
                head.max_views.map(integer).transpose()?,
                head.expiration.map(Timestamp::micros),
                head.expires,
                head.record.as_ref().map(RecordId::as_bytes),
                head.is_secret,
                head.format,
                head.suite,
                head.created.micros(),
                data,
                head.file.as_ref().map(|file| file.key.as_bytes()),
                head.file.as_ref().map(|file| integer(file.content.len_bytes)).transpose()?,
                head.file.as_ref().map(|file| file.content.checksum.as_bytes()),
                head.file.as_ref().map(|file| file.content.compression.as_str()),
            ],
        )?;
        self.execute(
            "INSERT INTO note_uses (note_id, views, last_read, gone, code_hash, code_expires, mail_code_hash, \
             mail_code_expires, wrong_mail_codes, mails_sent, last_mail, strangers_bytes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT DO NOTHING",
            params![
                head.id.as_bytes(),
                integer(head.uses.views)?,
                head.uses.last_read.map(Timestamp::micros),
                head.uses.gone.map(Timestamp::micros),
                head.uses.code.map(|(hash, _)| hash),
                head.uses.code.map(|(_, expires)| expires.micros()),
                head.uses.mails.code.map(|(hash, _)| hash),
                head.uses.mails.code.map(|(_, expires)| expires.micros()),
                head.uses.mails.wrong_codes,
                head.uses.mails.sent,
                head.uses.mails.last_sent.map(Timestamp::micros),
                if head.writer.is_none() { Some(integer(row.sent_bytes())?) } else { None },
            ],
        )
        .map(drop)
    }

    fn put_note_uses(&mut self, id: NoteId, uses: &NoteUses) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE note_uses SET (views, last_read, gone, code_hash, code_expires, mail_code_hash, mail_code_expires, \
             wrong_mail_codes, mails_sent, last_mail) = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) WHERE note_id = $1",
            params![
                id.as_bytes(),
                integer(uses.views)?,
                uses.last_read.map(Timestamp::micros),
                uses.gone.map(Timestamp::micros),
                uses.code.map(|(hash, _)| hash),
                uses.code.map(|(_, expires)| expires.micros()),
                uses.mails.code.map(|(hash, _)| hash),
                uses.mails.code.map(|(_, expires)| expires.micros()),
                uses.mails.wrong_codes,
                uses.mails.sent,
                uses.mails.last_sent.map(Timestamp::micros),
            ],
        )?;
        if changed == 0 { Err(StoreError::Missing("the note")) } else { Ok(()) }
    }

    fn delete_note(&mut self, id: NoteId) -> Result<bool, StoreError> {
        self.execute("DELETE FROM note_uses WHERE note_id = $1", params![id.as_bytes()])?;
        let sql = "DELETE FROM notes WHERE note_id = $1 RETURNING file_key";
        Ok(self.delete_letting_go(sql, params![id.as_bytes()])? > 0)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Removes at most `limit` notes that the client wrote; returns how many.
    pub(super) fn erase_notes(&mut self, client: ClientId, limit: usize) -> Result<usize, StoreError> {
        let notes: Vec<NoteId> = self.list(
            "SELECT note_id FROM notes WHERE client_id = $1 ORDER BY position LIMIT $2",
            params![client.as_bytes(), row_limit(limit)],
            |row| column(row, 0),
        )?;
        for id in &notes {
            self.delete_note(*id)?;
        }
        Ok(notes.len())
    }
}

fn read_head(row: &Row) -> Result<NoteHead, StoreError> {
    let policies =
        ExtendedPolicies::from_json(&column::<String>(row, 13)?).map_err(|error| malformed(13, error))?;
    let time = |at| column::<Option<Timestamp>>(row, at);
    let client = optional_id(row, 2, ClientId::from_bytes)?;
    let account = optional_id(row, 3, AccountId::from_bytes)?;
    Ok(NoteHead {
        id: column(row, 0)?,
        name: column(row, 1)?,
        writer: client.zip(account),
        recipient_key: signing_key(row, 4)?,
        writer_key: signing_key(row, 5)?,
        texts: NoteTexts {
            mode: column(row, 6)?,
            note_type: column(row, 7)?,
            writer_encryption_key: column(row, 8)?,
            encrypted_access_key: column(row, 9)?,
            signature: column(row, 10)?,
        },
        plain: column(row, 11)?,
        file_meta: column(row, 12)?,
        file: read_stored_file(row, 27)?,
        policies,
        max_views: column(row, 14)?,
        expiration: time(15)?,
        expires: column(row, 16)?,
        record: optional_id(row, 17, RecordId::from_bytes)?,
        is_secret: column(row, 18)?,
        format: column(row, 19)?,
        suite: column(row, 20)?,
        created: column(row, 21)?,
        uses: NoteUses {
            views: column(row, 22)?,
            last_read: time(23)?,
            gone: time(24)?,
            code: column::<Option<[u8; 32]>>(row, 25)?.zip(time(26)?),
            mails: NoteMails {
                code: column::<Option<[u8; 32]>>(row, 31)?.zip(time(32)?),
                wrong_codes: column(row, 33)?,
                sent: column(row, 34)?,
                last_sent: time(35)?,
            },
        },
    })
}

fn signing_key(row: &Row, at: usize) -> Result<SigningPublicKey, StoreError> {
    SigningPublicKey::from_bytes(column(row, at)?).map_err(|error| malformed(at, error))
}

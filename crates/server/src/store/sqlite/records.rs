//! Records in SQLite.

use std::collections::BTreeMap;

use rusqlite::{Error, Row, params};
use tozstore_crypto::RecordId;

use super::columns::{column, integer, row_limit};
use super::files::read_stored_file;
use super::record_types::read_type_slot;
use super::tx::{Tx, Writing};
use crate::store::record_pages::{self, RecordPlace, RecordSource, Stretch};
use crate::store::{
    LOCAL_REGION, RecordHead, RecordIndex, RecordQuery, RecordReads, RecordRow, RecordWrites, SizedHead,
    StoreError, Usage, UsageReads,
};

macro_rules! head_columns {
    () => {
        "writer_id, user_id, record_type, record_id, version, account_id, format, suite, created, last_modified, \
         signature, plain, file_key, file_bytes, file_checksum, file_compression"
    };
}

impl<R> RecordReads for Tx<'_, R> {
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
        let sql =
            concat!("SELECT ", head_columns!(), ", record_index, data FROM records WHERE record_id = ?1");
        self.one(sql, [id.as_bytes()], |row| Ok(RecordRow { head: read_head(row)?, data: row.get(17)? }))
    }

    fn record_head(&self, id: RecordId) -> Result<Option<RecordHead>, StoreError> {
        let sql = concat!("SELECT ", head_columns!(), ", record_index FROM records WHERE record_id = ?1");
        self.one(sql, [id.as_bytes()], read_head)
    }

    fn record_heads(&self, ids: &[RecordId]) -> Result<Vec<SizedHead>, StoreError> {
        self.heads(&self.places(ids)?).map(|heads| heads.into_values().collect())
    }

    fn record_data(&self, heads: &[&RecordHead]) -> Result<BTreeMap<RecordIndex, String>, StoreError> {
        let places: Vec<_> = heads.iter().map(|head| (head.type_slot.writer, head.index)).collect();
        self.data(&places)
    }

    fn query_records(&self, query: &RecordQuery) -> Result<Vec<RecordRow>, StoreError> {
        record_pages::page(self, query)
    }
}

impl<R> RecordSource for Tx<'_, R> {
    fn indexes(&self, stretches: &[Stretch<'_>]) -> Result<Vec<Vec<RecordIndex>>, StoreError> {
        let indexes = stretches.iter().map(|stretch| {
            let after = integer(stretch.after.0).unwrap_or(i64::MAX);
            let (writer, limit) = (stretch.writer.as_bytes(), row_limit(stretch.limit));
            match stretch.record_type {
                None => self.list(
                    "SELECT record_index FROM records INDEXED BY records_by_writer \
                     WHERE writer_id = ?1 AND record_index > ?2 ORDER BY record_index LIMIT ?3",
                    params![writer, after, limit],
                    |row| column(row, 0).map(RecordIndex),
                ),
                Some(record_type) => self.list(
                    "SELECT record_index FROM records INDEXED BY records_by_type \
                     WHERE writer_id = ?1 AND record_type = ?2 AND record_index > ?3 ORDER BY record_index LIMIT ?4",
                    params![writer, record_type.as_str(), after, limit],
                    |row| column(row, 0).map(RecordIndex),
                ),
            }
        });
        indexes.collect()
    }

    fn places(&self, ids: &[RecordId]) -> Result<Vec<RecordPlace>, StoreError> {
        let sql = "SELECT writer_id, record_index FROM records WHERE record_id = ?1";
        let read = |row: &Row<'_>| Ok((column(row, 0)?, column(row, 1).map(RecordIndex)?));
        let places = ids.iter().map(|id| self.one(sql, [id.as_bytes()], read));
        places.filter_map(Result::transpose).collect()
    }

    fn heads(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, SizedHead>, StoreError> {
        let sql = concat!(
            "SELECT ",
            head_columns!(),
            ", record_index, octet_length(data) FROM records WHERE record_index = ?1"
        );
        let read = |row: &Row<'_>| {
            let data_bytes = usize::try_from(column::<u64>(row, 17)?).unwrap_or(usize::MAX);
            Ok(SizedHead { head: read_head(row)?, data_bytes })
        };
        let mut heads = BTreeMap::new();
        for (_, index) in places {
            heads.extend(self.one(sql, [integer(index.0)?], read)?.map(|found| (*index, found)));
        }
        Ok(heads)
    }

    fn data(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, String>, StoreError> {
        let sql = "SELECT data FROM records WHERE record_index = ?1";
        let mut data = BTreeMap::new();
        for (_, index) in places {
            let found = self.one(sql, [integer(index.0)?], |row| row.get(0))?;
            data.extend(found.map(|text| (*index, text)));
        }
        Ok(data)
    }
}

impl RecordWrites for Tx<'_, Writing<'_>> {
    fn insert_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO records (",
            head_columns!(),
            ", record_index, data, region) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
        );
        let (head, file) = (&row.head, row.head.file.as_ref());
        self.insert(
            "the record",
            sql,
            params![
                head.type_slot.writer.as_bytes(),
                head.type_slot.user.as_bytes(),
                head.type_slot.record_type.as_str(),
                head.id.as_bytes(),
                head.version.as_bytes(),
                head.account_id.as_bytes(),
                head.format,
                head.suite,
                head.created.micros(),
                head.last_modified.micros(),
                head.signature,
                head.plain.to_json(),
                file.map(|file| file.key.as_bytes()),
                file.map(|file| integer(file.content.len_bytes)).transpose()?,
                file.map(|file| file.content.checksum.as_bytes()),
                file.map(|file| &file.content.compression),
                integer(head.index.0)?,
                row.data,
                LOCAL_REGION,
            ],
        )?;
        self.change_usage(head, Usage::default(), Usage::of(row))?;
        self.change_terms(head.index, None, Some(head))
    }

    fn update_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let sql = concat!(
            "UPDATE records SET (",
            head_columns!(),
            ", data) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
             WHERE record_id = ?4"
        );
        let (head, file) = (&row.head, row.head.file.as_ref());
        let Some(old) = self.record_head(head.id)? else { return Err(StoreError::Missing("the record")) };
        let old_usage = self.record_usage(head.id)?.unwrap_or_default();
        self.execute(
            sql,
            params![
                head.type_slot.writer.as_bytes(),
                head.type_slot.user.as_bytes(),
                head.type_slot.record_type.as_str(),
                head.id.as_bytes(),
                head.version.as_bytes(),
                head.account_id.as_bytes(),
                head.format,
                head.suite,
                head.created.micros(),
                head.last_modified.micros(),
                head.signature,
                head.plain.to_json(),
                file.map(|file| file.key.as_bytes()),
                file.map(|file| integer(file.content.len_bytes)).transpose()?,
                file.map(|file| file.content.checksum.as_bytes()),
                file.map(|file| &file.content.compression),
                row.data,
            ],
        )?;
        self.change_usage(&old, old_usage, Usage::of(row))?;
        self.change_terms(old.index, Some(&old), Some(head))?;
        let old_key = old.file.as_ref().map(|file| file.key);
        self.let_go(old_key.filter(|old| file.is_none_or(|file| file.key != *old)))
    }

    fn delete_record(&mut self, id: RecordId) -> Result<bool, StoreError> {
        let Some(old) = self.record_head(id)? else { return Ok(false) };
        let old_usage = self.record_usage(id)?.unwrap_or_default();
        self.change_usage(&old, old_usage, Usage::default())?;
        self.change_terms(old.index, Some(&old), None)?;
        self.delete_record_readers(id)?;
        let sql = "DELETE FROM records WHERE record_id = ?1 RETURNING file_key";
        Ok(self.delete_letting_go(sql, [id.as_bytes()])? > 0)
    }
}

fn read_head(row: &Row<'_>) -> Result<RecordHead, Error> {
    Ok(RecordHead {
        type_slot: read_type_slot(row)?,
        id: column(row, 3)?,
        version: column(row, 4)?,
        account_id: column(row, 5)?,
        format: row.get(6)?,
        suite: row.get(7)?,
        created: column(row, 8)?,
        last_modified: column(row, 9)?,
        signature: row.get(10)?,
        plain: column(row, 11)?,
        file: read_stored_file(row, 12)?,
        index: RecordIndex(column(row, 16)?),
    })
}

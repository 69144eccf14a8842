//! Records in PostgreSQL.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use tokio_postgres::Row;
use tozstore_crypto::RecordId;

use super::columns::{Value, column, integer, params, row_limit};
use super::files::read_stored_file;
use super::place::{self, Keys, ListStatement, placed};
use super::record_types::read_type_slot;
use super::tx::{Tx, Writing};
use crate::ids::Placed as _;
use crate::store::record_pages::{self, HEADS_AT_A_TIME, RecordPlace, RecordSource, Stretch};
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

macro_rules! select_heads {
    ($condition:expr) => {
        concat!(
            "SELECT ",
            head_columns!(),
            ", record_index, CAST(octet_length(data) AS BIGINT) FROM records WHERE ",
            $condition
        )
    };
}

static PLACES: LazyLock<ListStatement> = LazyLock::new(|| {
    ListStatement::new(
        concat!("SELECT writer_id, record_index FROM records WHERE ", placed!("$1"), " AND record_id IN ("),
        2,
        ")",
    )
});
static PLACES_ANYWHERE: LazyLock<ListStatement> = LazyLock::new(|| {
    ListStatement::new("SELECT writer_id, record_index FROM records WHERE record_id IN (", 1, ")")
});
static HEADS: LazyLock<ListStatement> = LazyLock::new(|| {
    let condition = select_heads!(concat!("writer_id = $1 AND ", placed!("$2"), " AND record_index IN ("));
    ListStatement::new(condition, 3, ")")
});
static DATA: LazyLock<ListStatement> = LazyLock::new(|| {
    let select = concat!(
        "SELECT record_index, data FROM records WHERE writer_id = $1 AND ",
        placed!("$2"),
        " AND record_index IN ("
    );
    ListStatement::new(select, 3, ")")
});

impl<R> RecordReads for Tx<'_, R> {
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
        macro_rules! select {
            ($condition:expr) => {
                concat!(
                    "SELECT ",
                    head_columns!(),
                    ", record_index, data FROM records WHERE record_id = $1",
                    $condition
                )
            };
        }
        let read = |row: &Row| Ok(RecordRow { head: read_head(row)?, data: column(row, 17)? });
        let id_bytes = Value::Bytes(id.as_bytes());
        match place::of_record(&id) {
            Some(place) => self.one(select!(concat!(" AND ", placed!("$2"))), &[id_bytes, place], read),
            None => self.one(select!(""), &[id_bytes], read),
        }
    }

    fn record_head(&self, id: RecordId) -> Result<Option<RecordHead>, StoreError> {
        let id_bytes = Value::Bytes(id.as_bytes());
        match place::of_record(&id) {
            Some(place) => {
                let sql = select_heads!(concat!("record_id = $1 AND ", placed!("$2")));
                self.one(sql, &[id_bytes, place], read_head)
            }
            None => self.one(select_heads!("record_id = $1"), &[id_bytes], read_head),
        }
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
        let statements = stretches.iter().map(|stretch| {
            let after = integer(stretch.after.0).unwrap_or(i64::MAX);
            let fixed = [
                Value::Bytes(stretch.writer.as_bytes()),
                place::of_writer(&stretch.writer),
                Value::Integer(after),
                Value::Integer(row_limit(stretch.limit)),
            ];
            match stretch.record_type {
                None => {
                    let sql = concat!(
                        "SELECT record_index FROM records WHERE writer_id = $1 AND ",
                        placed!("$2"),
                        " AND record_index > $3 ORDER BY record_index LIMIT $4"
                    );
                    (sql, fixed.to_vec())
                }
                Some(record_type) => {
                    let sql = concat!(
                        "SELECT record_index FROM records WHERE writer_id = $1 AND ",
                        placed!("$2"),
                        " AND record_type = $5 AND record_index > $3 ORDER BY record_index LIMIT $4"
                    );
                    (sql, fixed.into_iter().chain([Value::Bytes(record_type.as_str().as_bytes())]).collect())
                }
            }
        });
        self.list_all(&statements.collect::<Vec<_>>(), |row| column(row, 0).map(RecordIndex))
    }

    fn places(&self, ids: &[RecordId]) -> Result<Vec<RecordPlace>, StoreError> {
        let (mut placed, mut anywhere) = (BTreeMap::<_, Keys<'_>>::new(), Vec::new());
        for id in ids {
            let key = Value::Bytes(id.as_bytes());
            match place::of_record(id) {
                Some(place) => {
                    let empty = || Keys { fixed: vec![place], keys: Vec::new() };
                    placed.entry(id.placement()).or_insert_with(empty).keys.push(key);
                }
                None => anywhere.push(key),
            }
        }
        let mut statements = PLACES.with(placed.into_values());
        statements.extend(PLACES_ANYWHERE.with([Keys { fixed: Vec::new(), keys: anywhere }]));
        let read = |row: &Row| Ok((column(row, 0)?, column(row, 1).map(RecordIndex)?));
        Ok(self.list_all(&statements, read)?.into_iter().flatten().collect())
    }

    fn heads(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, SizedHead>, StoreError> {
        let read = |row: &Row| {
            let data_bytes = usize::try_from(column::<u64>(row, 17)?).unwrap_or(usize::MAX);
            Ok(SizedHead { head: read_head(row)?, data_bytes })
        };
        let found = self.list_all(&HEADS.with(by_writer(places)?), read)?.into_iter().flatten();
        Ok(found.map(|found| (found.head.index, found)).collect())
    }

    fn data(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, String>, StoreError> {
        let read = |row: &Row| Ok((column(row, 0).map(RecordIndex)?, column(row, 1)?));
        Ok(self.list_all(&DATA.with(by_writer(places)?), read)?.into_iter().flatten().collect())
    }
}

/// The places of each writer together, as a statement takes them: the writer, its place, indexes.
pub(super) fn by_writer(places: &[RecordPlace]) -> Result<impl Iterator<Item = Keys<'_>>, StoreError> {
    let mut of_writers = BTreeMap::new();
    for (writer, index) in places {
        let fixed = || vec![Value::Bytes(writer.as_bytes()), place::of_writer(writer)];
        let of_writer =
            of_writers.entry(*writer).or_insert_with(|| Keys { fixed: fixed(), keys: Vec::new() });
        of_writer.keys.push(Value::Integer(integer(index.0)?));
    }
    Ok(of_writers.into_values())
}

impl RecordWrites for Tx<'_, Writing<'_>> {
    fn insert_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        self.insert_records(std::slice::from_ref(row))
    }

    fn insert_records(&mut self, rows: &[RecordRow]) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO records (",
            head_columns!(),
            ", record_index, data, region) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             ON CONFLICT DO NOTHING"
        );
        for rows in rows.chunks(HEADS_AT_A_TIME) {
            let plain: Vec<_> = rows.iter().map(|row| row.head.plain.to_json()).collect();
            let sets = rows.iter().zip(&plain).map(|(row, plain)| new_row(row, plain));
            let sets = sets.collect::<Result<Vec<_>, _>>()?;
            if self.execute_all(sql, &sets)? < rows.len() {
                return Err(StoreError::AlreadyExists("the record"));
            }
            for row in rows {
                self.change_usage(&row.head, Usage::default(), Usage::of(row))?;
                self.change_terms(row.head.index, None, Some(&row.head))?;
            }
        }
        Ok(())
    }

    fn update_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let sql = concat!(
            "UPDATE records SET (",
            head_columns!(),
            ", data) = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
             WHERE writer_id = $18 AND ",
            placed!("$19"),
            " AND record_index = $20"
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
                old.type_slot.writer.as_bytes(),
                place::of_writer(&old.type_slot.writer),
                integer(old.index.0)?,
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
        let sql = concat!(
            "DELETE FROM records WHERE writer_id = $1 AND ",
            placed!("$2"),
            " AND record_index = $3 RETURNING file_key"
        );
        let (writer, index) = (&old.type_slot.writer, integer(old.index.0)?);
        let removed =
            self.delete_letting_go(sql, params![writer.as_bytes(), place::of_writer(writer), index])?;
        Ok(removed > 0)
    }
}

fn new_row<'a>(row: &'a RecordRow, plain: &'a str) -> Result<Vec<Value<'a>>, StoreError> {
    let (head, file) = (&row.head, row.head.file.as_ref());
    let text = |text: &'a str| Value::Bytes(text.as_bytes());
    Ok(vec![
        Value::Bytes(head.type_slot.writer.as_bytes()),
        Value::Bytes(head.type_slot.user.as_bytes()),
        text(head.type_slot.record_type.as_str()),
        Value::Bytes(head.id.as_bytes()),
        Value::Bytes(head.version.as_bytes()),
        Value::Bytes(head.account_id.as_bytes()),
        text(&head.format),
        text(&head.suite),
        Value::Integer(head.created.micros()),
        Value::Integer(head.last_modified.micros()),
        head.signature.as_deref().map_or(Value::Null, text),
        text(plain),
        file.map_or(Value::Null, |file| Value::Bytes(file.key.as_bytes())),
        file.map_or(Ok(Value::Null), |file| integer(file.content.len_bytes).map(Value::Integer))?,
        file.map_or(Value::Null, |file| Value::Bytes(file.content.checksum.as_bytes())),
        file.map_or(Value::Null, |file| text(&file.content.compression)),
        Value::Integer(integer(head.index.0)?),
        text(&row.data),
        Value::Bytes(LOCAL_REGION.as_bytes()),
    ])
}

fn read_head(row: &Row) -> Result<RecordHead, StoreError> {
    Ok(RecordHead {
        type_slot: read_type_slot(row)?,
        id: column(row, 3)?,
        version: column(row, 4)?,
        account_id: column(row, 5)?,
        format: column(row, 6)?,
        suite: column(row, 7)?,
        created: column(row, 8)?,
        last_modified: column(row, 9)?,
        signature: column(row, 10)?,
        plain: column(row, 11)?,
        file: read_stored_file(row, 12)?,
        index: RecordIndex(column(row, 16)?),
    })
}

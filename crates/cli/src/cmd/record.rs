//! `record`: write, read, change, delete and list records.

use std::pin::pin;

use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use tozstore::{
    ClientId, Completeness, Fields, Plain, PlainExpression, Query, Record, RecordId, Records, Timestamp,
    Version,
};

use super::Context;
use crate::args::{
    ContentArguments, RecordCommand, RecordDeleteArguments, RecordListArguments, RecordReadArguments,
    RecordUpdateArguments, RecordWriteArguments,
};
use crate::exit::{Code, Failure, Outcome};
use crate::field::{Entry, collect_fields};
use crate::output::Output;

/// Runs one of the commands.
pub async fn run(command: RecordCommand, context: &Context) -> Outcome {
    match command {
        RecordCommand::Write(arguments) => write(arguments, context).await,
        RecordCommand::Read(arguments) => read(&arguments, context).await,
        RecordCommand::Update(arguments) => update(arguments, context).await,
        RecordCommand::Delete(arguments) => delete(&arguments, context).await,
        RecordCommand::List(arguments) => list(arguments, context).await,
        RecordCommand::Search(arguments) => super::record_search::run(arguments, context).await,
    }
}

async fn write(arguments: RecordWriteArguments, context: &Context) -> Outcome {
    let RecordWriteArguments { record_type, content } = arguments;
    let fields = fields_of(&content)?;
    if fields.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "a record needs at least one field",
            "give name=value, name=@file, name=- or --from-json FILE",
        ));
    }
    context
        .with_client(async |client| {
            let plain = content.plain.into_iter().map(|entry| (entry.name, entry.value));
            let record = client.write(&record_type, fields).plain_entries(plain).await?;
            let (id, version) = (record.id(), record.version());
            if context.output.is_json() {
                return context.output.document(&json!({ "record_id": id, "version": version }));
            }
            context.output.line(&id.to_string())
        })
        .await
}

async fn read(arguments: &RecordReadArguments, context: &Context) -> Outcome {
    if arguments.raw && arguments.field.len() != 1 {
        return Err(Failure::new(Code::Usage, "--raw prints one field", "give --field once"));
    }
    context
        .with_client(async |client| {
            let names: Vec<&str> = arguments.field.iter().map(String::as_str).collect();
            let record = match names[..] {
                [] => client.read(arguments.record).await?,
                _ => client.read_fields(arguments.record, &names).await?,
            };
            if let Some(name) = names.iter().find(|name| record.field(name).is_none()) {
                return Err(Failure::new(
                    Code::NotFound,
                    format!("the record has no field {name:?}"),
                    format!("see which it has: tozstore record read {}", arguments.record),
                ));
            }
            match (arguments.raw, names.first().and_then(|name| record.field(name))) {
                (true, Some(value)) => context.output.bytes(value.as_bytes()),
                _ => show(&record, context.output),
            }
        })
        .await
}

async fn update(arguments: RecordUpdateArguments, context: &Context) -> Outcome {
    let RecordUpdateArguments { record: id, content, remove, version, group } = arguments;
    let fields = fields_of(&content)?;
    if fields.is_empty() && content.plain.is_empty() && remove.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "there is nothing to change",
            "give fields, --plain, --from-json or --remove",
        ));
    }
    context
        .with_client(async |client| {
            let mut record = client.read(id).await?;
            if version.is_some_and(|version| version != record.version()) {
                return Err(tozstore::Error::Conflict.into());
            }
            for name in &remove {
                if !record.fields_mut().remove(name) {
                    let advice = format!("see which it has: tozstore record read {id}");
                    return Err(Failure::new(
                        Code::NotFound,
                        format!("the record has no field {name:?}"),
                        advice,
                    ));
                }
            }
            for (name, value) in fields.iter() {
                record.set(name, value);
            }
            for Entry { name, value } in content.plain {
                record.plain_mut().insert(name, value);
            }
            match group {
                Some(group) => client.update_in_group(group, &mut record).await?,
                None => client.update(&mut record).await?,
            }
            if context.output.is_json() {
                return context.output.document(&json!({ "record_id": id, "version": record.version() }));
            }
            context.output.line(&record.version().to_string())
        })
        .await
}

async fn delete(arguments: &RecordDeleteArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            match arguments.version {
                Some(version) => client.delete(arguments.record, version).await?,
                None => client.delete_any(arguments.record).await?,
            }
            if context.output.is_json() {
                return context.output.document(&json!({ "record_id": arguments.record, "deleted": true }));
            }
            context.output.remark("deleted");
            Ok(())
        })
        .await
}

async fn list(arguments: RecordListArguments, context: &Context) -> Outcome {
    let limit = arguments.limit as usize;
    // Private keys are shown to who asks for them by name, not to who asks for everything.
    let shows_key_backups = arguments.record_type.iter().any(|record_type| record_type == KEY_BACKUP_TYPE);
    let mut query = Query::new()
        .types(arguments.record_type)
        .writers(arguments.writer)
        .with_data(arguments.data)
        // One more than asked for tells whether there are more.
        .page_size(limit.saturating_add(1).min(PAGE_RECORDS));
    if arguments.all_writers {
        query = query.all_writers();
    }
    for Entry { name, value } in arguments.plain {
        query = query.plain(PlainExpression::Eq { name, value });
    }
    context
        .with_client(async |client| {
            let listing = Listing::new(context.output, arguments.data, shows_key_backups);
            listing.fill(client.query(query).records(), limit).await
        })
        .await
}

/// The type of records that hold the credentials of clients.
pub(super) const KEY_BACKUP_TYPE: &str = "tozny.key_backup";
/// Records that one request asks for.
pub(super) const PAGE_RECORDS: usize = 100;

/// Records on their way to the output: programs and blocks get them one by one, a table needs all of them.
pub(super) struct Listing {
    output: Output,
    with_data: bool,
    shows_key_backups: bool,
    count: usize,
    rows: Vec<[String; 5]>,
}

impl Listing {
    pub(super) fn new(output: Output, with_data: bool, shows_key_backups: bool) -> Self {
        Self { output, with_data, shows_key_backups, count: 0, rows: Vec::new() }
    }

    /// Prints at most `limit` records, and says if there are more.
    pub(super) async fn fill(mut self, records: Records, limit: usize) -> Outcome {
        let mut records = pin!(records);
        let mut unreadable = None;
        while let Some(found) = records.next().await {
            if self.count == limit {
                self.output.remark(&format!("there are more than {limit} records: raise --limit"));
                break;
            }
            match found {
                Ok(record) => self.add(&record)?,
                // Others may be sound; the exit code tells that not all are.
                Err(error @ tozstore::Error::Untrusted(_)) => {
                    self.output.remark(&format!("left out: {error}"));
                    unreadable = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.finish()?;
        unreadable.map_or(Ok(()), |error| Err(error.into()))
    }

    fn add(&mut self, record: &Record) -> Outcome {
        self.count += 1;
        if !self.output.is_json() && !self.with_data {
            self.rows.push([
                record.id().to_string(),
                record.record_type().to_owned(),
                record.writer().to_string(),
                record.last_modified().to_string(),
                plain_text(record.plain()),
            ]);
            return Ok(());
        }
        if !self.with_data {
            return show_meta(record, None, self.output);
        }
        if !self.output.is_json() && self.count > 1 {
            self.output.line("")?;
        }
        if record.record_type() == KEY_BACKUP_TYPE && !self.shows_key_backups {
            return show_without_data(record, self.output);
        }
        show(record, self.output)
    }

    fn finish(self) -> Outcome {
        if self.rows.is_empty() {
            if self.count == 0 {
                self.output.remark("no records");
            }
            return Ok(());
        }
        self.output.table(["RECORD", "TYPE", "WRITER", "CHANGED", "PLAIN"], &self.rows)
    }
}

/// A record for programs. Documented in `docs/cli.md`.
#[derive(Serialize)]
struct RecordDocument<'a> {
    record_id: RecordId,
    #[serde(rename = "type")]
    record_type: &'a str,
    writer_id: ClientId,
    user_id: ClientId,
    version: Version,
    created: Timestamp,
    last_modified: Timestamp,
    plain: &'a Plain,
    data: Option<FieldMap<'a>>,
}

pub(super) struct FieldMap<'a>(pub(super) &'a Fields);

impl Serialize for FieldMap<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

fn show(record: &Record, output: Output) -> Outcome {
    let has_data = record.completeness() != Completeness::NoFields;
    show_meta(record, has_data.then(|| FieldMap(record.fields())), output)?;
    if output.is_json() { Ok(()) } else { output.section("fields", record.fields().iter()) }
}

fn show_without_data(record: &Record, output: Output) -> Outcome {
    show_meta(record, None, output)?;
    output.remark(&format!("the fields are private keys: to see them, ask for --type {KEY_BACKUP_TYPE}"));
    Ok(())
}

/// All of a record for programs; for people, what stands above the fields.
fn show_meta(record: &Record, data: Option<FieldMap<'_>>, output: Output) -> Outcome {
    let document = RecordDocument {
        record_id: record.id(),
        record_type: record.record_type(),
        writer_id: record.writer(),
        user_id: record.user(),
        version: record.version(),
        created: record.created(),
        last_modified: record.last_modified(),
        plain: record.plain(),
        data,
    };
    let pairs = [
        ("record", record.id().to_string()),
        ("type", record.record_type().to_owned()),
        ("writer", record.writer().to_string()),
        ("version", record.version().to_string()),
        ("created", record.created().to_string()),
        ("changed", record.last_modified().to_string()),
        ("plain", plain_text(record.plain())),
    ];
    output.pairs(&document, &pairs)
}

pub(super) fn plain_text(plain: &Plain) -> String {
    let entries: Vec<String> = plain.entries().map(|(name, value)| format!("{name}={value}")).collect();
    entries.join(", ")
}

pub(super) fn fields_of(content: &ContentArguments) -> Outcome<Fields> {
    collect_fields(&content.fields, content.from_json.as_deref())
}

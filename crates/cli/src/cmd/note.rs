//! `note`: write, read and delete notes.

use serde::Serialize;
use serde_json::json;
use tozstore::{ClientId, ExpectedWriter, Note, NoteId, NoteMeta, Plain, Timestamp};

use super::Context;
use super::file::{self, Bar};
use super::record::{FieldMap, fields_of, plain_text};
use crate::args::{NoteCommand, NoteDeleteArguments, NoteReadArguments, NoteWriteArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Runs one of the commands.
pub async fn run(command: NoteCommand, context: &Context) -> Outcome {
    match command {
        NoteCommand::Write(arguments) => write(arguments, context).await,
        NoteCommand::Read(arguments) => read(&arguments, context).await,
        NoteCommand::Delete(arguments) => delete(&arguments, context).await,
    }
}

async fn write(arguments: NoteWriteArguments, context: &Context) -> Outcome {
    let NoteWriteArguments { recipient, content, name, replace, file, max_views, expires } = arguments;
    let fields = fields_of(&content)?;
    if fields.is_empty() && file.is_none() {
        return Err(Failure::new(
            Code::Usage,
            "a note needs at least one field, or a file",
            "give name=value, name=@file, name=-, --from-json FILE or --file PATH",
        ));
    }
    let file = match file {
        Some(path) => Some(file::content(&path).await?),
        None => None,
    };
    context
        .with_client(async |client| {
            let mut note = match (name, replace) {
                (Some(name), true) => client.replace_note(&name, recipient, fields),
                (Some(name), false) => client.write_note(recipient, fields).name(name),
                (None, _) => client.write_note(recipient, fields),
            };
            for entry in content.plain {
                note = note.plain(entry.name, entry.value);
            }
            if let Some(views) = max_views {
                note = note.max_views(views);
            }
            if let Some(time) = expires {
                note = note.expires(time);
            }
            if let Some(file) = file {
                let mut bar = Bar::new(context.output, "sent");
                note = note.file(file).progress(move |at| bar.show(at));
            }
            let written = note.await?;
            if context.output.is_json() {
                return context.output.document(&json!({ "note_id": written.id, "name": written.name }));
            }
            context.output.line(&written.id.to_string())
        })
        .await
}

async fn read(arguments: &NoteReadArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let writer = arguments.from.map_or(ExpectedWriter::Anyone, ExpectedWriter::Client);
            let note = match (arguments.note, &arguments.name) {
                (Some(id), _) => client.read_note(id, writer).await?,
                (None, Some(name)) => client.read_note_by_name(name, writer).await?,
                (None, None) => {
                    return Err(Failure::new(Code::Usage, "no note is named", "give its id, or --name NAME"));
                }
            };
            if arguments.from.is_none() {
                context
                    .output
                    .remark("the note may be by anybody: with --from CLIENT only that client's is taken");
            }
            let goes_to_output = match &arguments.file {
                Some(path) => {
                    fetch(&note, path, context.output).await?;
                    file::is_dash(path)
                }
                None => false,
            };
            if goes_to_output {
                return Ok(());
            }
            let Some(name) = arguments.field.as_deref() else { return show(&note, context.output) };
            match note.field(name) {
                Some(value) => context.output.bytes(value.as_bytes()),
                None => Err(Failure::new(
                    Code::NotFound,
                    format!("the note has no field {name:?}"),
                    "read it without --field to see which it has",
                )),
            }
        })
        .await
}

async fn delete(arguments: &NoteDeleteArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            client.delete_note(arguments.note).await?;
            if context.output.is_json() {
                return context.output.document(&json!({ "note_id": arguments.note, "deleted": true }));
            }
            context.output.remark("deleted");
            Ok(())
        })
        .await
}

async fn fetch(note: &Note, path: &std::path::Path, output: Output) -> Outcome {
    let Some(file) = note.file() else {
        return Err(Failure::new(
            Code::NotFound,
            "no file goes with the note",
            "read it without --file to see what it holds",
        ));
    };
    let mut bar = Bar::new(output, "fetched");
    let show = |at| bar.show(at);
    if file::is_dash(path) {
        file.read(tokio::io::stdout(), show).await?;
    } else {
        file.read_to(path, show).await?;
    }
    Ok(())
}

/// A note for programs. Documented in `docs/cli.md`.
#[derive(Serialize)]
struct NoteDocument<'a> {
    note_id: NoteId,
    name: Option<&'a str>,
    client_id: Option<ClientId>,
    created: Timestamp,
    views: u64,
    max_views: Option<u64>,
    expires: Option<Timestamp>,
    plain: &'a Plain,
    file_sealed_bytes: Option<u64>,
    data: FieldMap<'a>,
}

fn show(note: &Note, output: Output) -> Outcome {
    let NoteMeta { id, name, client_id, plain, created, max_views, views, expires, .. } = note.meta();
    let document = NoteDocument {
        note_id: *id,
        name: name.as_deref(),
        client_id: *client_id,
        created: *created,
        views: *views,
        max_views: *max_views,
        expires: *expires,
        plain,
        file_sealed_bytes: note.file().map(tozstore::NoteFile::sealed_len_bytes),
        data: FieldMap(note.fields()),
    };
    let limit = max_views.map_or_else(|| "any number".to_owned(), |most| most.to_string());
    let pairs = [
        ("note", id.to_string()),
        ("name", name.clone().unwrap_or_default()),
        ("writer", client_id.map(|id| id.to_string()).unwrap_or_default()),
        ("created", created.to_string()),
        ("views", format!("{views} of {limit}")),
        ("expires", expires.map_or_else(|| "never".to_owned(), |time| time.to_string())),
        ("plain", plain_text(plain)),
        (
            "file",
            document
                .file_sealed_bytes
                .map_or_else(|| "none".to_owned(), |bytes| format!("{bytes} bytes, encrypted")),
        ),
    ];
    output.pairs(&document, &pairs)?;
    if output.is_json() { Ok(()) } else { output.section("fields", note.fields().iter()) }
}

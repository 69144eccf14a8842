//! `file`: send, fetch, list and delete files.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tozstore::{File, Plain, Progress, Query};

use super::Context;
use crate::args::{FileCommand, FileDeleteArguments, FileGetArguments, FileListArguments, FilePutArguments};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Records that one request asks for.
const PAGE_RECORDS: usize = 100;

/// Runs one of the commands.
pub async fn run(command: FileCommand, context: &Context) -> Outcome {
    match command {
        FileCommand::Put(arguments) => put(arguments, context).await,
        FileCommand::Get(arguments) => get(arguments, context).await,
        FileCommand::List(arguments) => list(arguments, context).await,
        FileCommand::Delete(arguments) => delete(&arguments, context).await,
    }
}

async fn put(arguments: FilePutArguments, context: &Context) -> Outcome {
    let FilePutArguments { record_type, path, plain, replace } = arguments;
    let content = content(&path).await?;
    let plain: Plain = plain.into_iter().map(|entry| (entry.name, entry.value)).collect();
    context
        .with_client(async |client| {
            let older = match replace {
                Some(record) => Some(client.file(record).await?),
                None => None,
            };
            let mut bar = Bar::new(context.output, "sent");
            let show = |at| bar.show(at);
            let file = match &older {
                None => client.write_file(&record_type, content, plain, show).await,
                Some(older) if older.record_type() == record_type => {
                    let plain = if plain.is_empty() { older.plain().clone() } else { plain };
                    client.replace_file(older, content, plain, show).await
                }
                Some(older) => {
                    return Err(Failure::new(
                        Code::Usage,
                        format!("the file is of type {:?}", older.record_type()),
                        "the type of a file stays: give that one",
                    ));
                }
            };
            drop(bar);
            let file = file?;
            if context.output.is_json() {
                return context.output.document(&document(&file));
            }
            context.output.line(&file.id().to_string())
        })
        .await
}

async fn get(arguments: FileGetArguments, context: &Context) -> Outcome {
    let FileGetArguments { record, path } = arguments;
    context
        .with_client(async |client| {
            let mut bar = Bar::new(context.output, "fetched");
            let show = |at| bar.show(at);
            let fetched = if is_dash(&path) {
                client.read_file(record, tokio::io::stdout(), show).await
            } else {
                client.read_file_to(record, path, show).await
            };
            drop(bar);
            fetched.map(drop).map_err(Into::into)
        })
        .await
}

async fn list(arguments: FileListArguments, context: &Context) -> Outcome {
    let FileListArguments { record_type, all_writers } = arguments;
    let mut query = Query::new().with_data(false).page_size(PAGE_RECORDS).types(record_type);
    if all_writers {
        query = query.all_writers();
    }
    context
        .with_client(async |client| {
            let mut records = pin!(client.query(query).records());
            let mut rows = Vec::new();
            while let Some(record) = records.next().await {
                let Some(file) = record?.file() else { continue };
                if context.output.is_json() {
                    context.output.document(&document(&file))?;
                    continue;
                }
                let plain = file.plain().entries().map(|(name, value)| format!("{name}={value}"));
                rows.push([
                    file.id().to_string(),
                    file.record_type().to_owned(),
                    file.writer().to_string(),
                    file.sealed_len_bytes().to_string(),
                    file.last_modified().to_string(),
                    plain.collect::<Vec<_>>().join(", "),
                ]);
            }
            if context.output.is_json() {
                return Ok(());
            }
            if rows.is_empty() {
                context.output.remark("no files");
                return Ok(());
            }
            context.output.table(["FILE", "TYPE", "WRITER", "BYTES", "CHANGED", "PLAIN"], &rows)
        })
        .await
}

async fn delete(arguments: &FileDeleteArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            // A record without a file is not deleted by mistake.
            let file = client.file(arguments.record).await?;
            client.delete(file.id(), file.version()).await?;
            context.output.remark("deleted");
            Ok(())
        })
        .await
}

/// What a file on the command line holds.
pub(super) async fn content(path: &Path) -> std::io::Result<Box<dyn tokio::io::AsyncRead + Send + Unpin>> {
    if is_dash(path) {
        return Ok(Box::new(tokio::io::stdin()));
    }
    Ok(Box::new(tokio::fs::File::open(path).await?))
}

pub(super) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file for programs. Documented in `docs/cli.md`.
fn document(file: &File) -> Value {
    json!({
        "record_id": file.id(),
        "type": file.record_type(),
        "writer_id": file.writer(),
        "version": file.version(),
        "created": file.created(),
        "last_modified": file.last_modified(),
        "plain": file.plain(),
        "sealed_bytes": file.sealed_len_bytes(),
    })
}

/// How far a transfer is, on standard error if that is a terminal. Its line ends when it is dropped.
pub(super) struct Bar {
    what: &'static str,
    is_shown: bool,
    drawn: Option<Instant>,
}

impl Bar {
    const WIDTH: u64 = 30;
    const PAUSE: Duration = Duration::from_millis(100);

    pub(super) fn new(output: Output, what: &'static str) -> Self {
        let is_shown = !output.is_json() && !output.is_quiet() && std::io::stderr().is_terminal();
        Self { what, is_shown, drawn: None }
    }

    pub(super) fn show(&mut self, at: Progress) {
        let is_last = at.done_bytes >= at.total_bytes;
        if !self.is_shown || !is_last && self.drawn.is_some_and(|drawn| drawn.elapsed() < Self::PAUSE) {
            return;
        }
        self.drawn = Some(Instant::now());
        let _ = write!(std::io::stderr().lock(), "\r{}", draw(at, self.what));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

fn draw(at: Progress, what: &str) -> String {
    let Progress { done_bytes, total_bytes } = at;
    let of =
        |parts: u64| done_bytes.saturating_mul(parts).checked_div(total_bytes).unwrap_or(parts).min(parts);
    let full = usize::try_from(of(Bar::WIDTH)).unwrap_or(0);
    let width = usize::try_from(Bar::WIDTH).unwrap_or(0);
    let mib = |bytes: u64| bytes / (1024 * 1024);
    format!(
        "[{:width$}] {:3} %  {} of {} MiB {what}",
        "#".repeat(full),
        of(100),
        mib(done_bytes),
        mib(total_bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let at = |done_bytes, total_bytes| draw(Progress { done_bytes, total_bytes }, "sent");
        assert!(at(0, 100).starts_with("[                              ]   0 %"), "{}", at(0, 100));
        assert!(at(50, 100).starts_with("[###############               ]  50 %"));
        assert!(at(100, 100).starts_with("[##############################] 100 %"));
        assert!(at(0, 0).contains("100 %"));
    }
}

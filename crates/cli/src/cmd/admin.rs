//! `admin`: the data of a server, from one place to another.

mod archive_file;
mod audit;
mod quota;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tozstore_server::archive::{ArchiveError, ArchiveHeader, Totals};
use tozstore_server::clock::{Clock, SystemClock};
use tozstore_server::config::{Config, ConfigOverrides};
use tozstore_server::moving::{self, MovingError, Place, Progress};
use tozstore_server::store::HoldKind;

use self::archive_file::{ArchiveFile, open};
use crate::args::{
    AdminCommand, BackupArguments, MigrateArguments, ReadOnlyCommand, RestoreArguments, StoreArguments,
    VerifyArguments,
};
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Runs one of the commands.
pub async fn run(command: AdminCommand, output: Output) -> Outcome {
    match command {
        AdminCommand::Backup(arguments) => backup(arguments, output).await,
        AdminCommand::Verify(arguments) => verify(arguments, output).await,
        AdminCommand::Restore(arguments) => restore(arguments, output).await,
        AdminCommand::Migrate(arguments) => migrate(arguments, output).await,
        AdminCommand::ReadOnly(command) => read_only(command, output).await,
        AdminCommand::Quota(command) => quota::run(&command, output).await,
        AdminCommand::Audit(command) => audit::run(&command, output).await,
    }
}

async fn backup(arguments: BackupArguments, output: Output) -> Outcome {
    let place = served(&arguments.store)?;
    let (file, out) = ArchiveFile::create(&arguments.archive)?;
    let with_key = arguments.with_server_key;
    let made = work(output, move |runtime, watcher| {
        moving::backup(&place, out, with_key, &clock(), runtime, watcher).map(|(_, made)| made)
    });
    let made = made.await?;
    file.keep()?;
    if with_key {
        output.remark("warning: the archive holds the server's key; who reads it can forge tokens");
    }
    let facts = facts(&made.header, &made.totals, &made.digest);
    if is_dash(&arguments.archive) {
        // Standard output has the archive.
        for (name, value) in facts {
            output.remark(&format!("{name}: {value}"));
        }
        return Ok(());
    }
    output.pairs(&document(&facts), &facts)
}

async fn verify(arguments: VerifyArguments, output: Output) -> Outcome {
    let input = open(&arguments.archive)?;
    let found = work(output, move |_, watcher| moving::verify(input, watcher)).await?;
    let mut facts = facts(&found.header, &found.totals, &found.digest);
    facts.push(("server key", if found.has_server_key { "inside" } else { "not inside" }.to_owned()));
    if arguments.digest.is_some_and(|expected| !expected.trim().eq_ignore_ascii_case(&hex(&found.digest))) {
        return Err(Failure::new(
            Code::Untrusted,
            format!(
                "the archive is whole, but its digest is {}, not the one that was given",
                hex(&found.digest)
            ),
            "it is another archive, or somebody changed it: look where the digest was noted down",
        ));
    }
    output.pairs(&document(&facts), &facts)
}

async fn restore(arguments: RestoreArguments, output: Output) -> Outcome {
    let place = parse_place(&arguments.to, arguments.data.as_deref())?;
    let input = open(&arguments.archive)?;
    let made =
        work(output, move |runtime, watcher| moving::restore(&place, input, &clock(), runtime, watcher));
    let made = made.await?;
    if !made.has_server_key {
        output.remark(
            "the server's key was not in the archive. With another one, all sessions end, the secrets of hooks change, \
             and registration tokens are no longer listed; put the old server.key into the data folder before the \
             first start, if you have it",
        );
    }
    let facts = facts(&made.header, &made.totals, &made.digest);
    output.pairs(&document(&facts), &facts)
}

async fn migrate(arguments: MigrateArguments, output: Output) -> Outcome {
    let from = parse_place(&arguments.from, arguments.from_data.as_deref())?;
    let to = parse_place(&arguments.to, arguments.to_data.as_deref())?;
    let shown = to.shown();
    let made = work(output, move |runtime, watcher| moving::migrate(&from, &to, &clock(), runtime, watcher));
    let made = made.await?;
    output.remark(&format!("the data is at {shown} now; stop the old server, and start one there"));
    let facts = [
        ("store", made.store_id.to_string()),
        ("rows", made.rows.to_string()),
        ("files", made.files.to_string()),
        ("files there before", made.files_there.to_string()),
        ("file bytes", made.file_bytes.to_string()),
        ("seconds without writes", format!("{:.1}", made.window.as_secs_f64())),
    ];
    output.pairs(&document(&facts), &facts)
}

async fn read_only(command: ReadOnlyCommand, output: Output) -> Outcome {
    let (ReadOnlyCommand::On { store, .. }
    | ReadOnlyCommand::Off { store }
    | ReadOnlyCommand::Status { store }) = &command;
    let place = served(store)?;
    let now = clock().now();
    let holds = work(output, move |_, _| {
        match command {
            ReadOnlyCommand::On { seconds, .. } => {
                moving::read_only_on(&place, seconds.map(|seconds| now.plus_seconds(seconds.into())))?;
            }
            ReadOnlyCommand::Off { .. } => drop(moving::read_only_off(&place)?),
            ReadOnlyCommand::Status { .. } => {}
        }
        moving::read_only(&place, now)
    });
    let holds = holds.await?;
    let writes = !holds.iter().any(|hold| hold.kind != HoldKind::Files);
    let mut lines = vec![("writes", if writes { "taken" } else { "refused" }.to_owned())];
    for hold in &holds {
        let until = hold.expires.map_or_else(|| "it is taken away".to_owned(), |expires| expires.to_string());
        lines.push((hold.kind.name(), format!("{}, until {until}", hold.detail)));
    }
    let listed: Vec<_> = holds
        .iter()
        .map(|hold| json!({ "kind": hold.kind.name(), "detail": hold.detail, "expires": hold.expires }))
        .collect();
    output.pairs(&json!({ "writes": writes, "holds": listed }), &lines)
}

/// The store of a server that is told the same as `serve`.
fn served(arguments: &StoreArguments) -> Outcome<Place> {
    let overrides = ConfigOverrides { data_dir: arguments.data.clone(), ..ConfigOverrides::default() };
    load(arguments.config.as_deref(), variables(|_| true), overrides)
}

/// A place as it is written on the command line.
fn parse_place(text: &str, data: Option<&Path>) -> Outcome<Place> {
    let mut overrides = ConfigOverrides { data_dir: data.map(Path::to_owned), ..ConfigOverrides::default() };
    if let Some(file) = text.strip_prefix("config:") {
        // Those that say where would lead both places to one.
        let others = |name: &str| !matches!(name, "TOZSTORE_DATA_DIR" | "TOZSTORE_STORE_URL");
        return load(Some(Path::new(file)), variables(others), overrides);
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        if data.is_none() {
            return Err(usage(
                "a database needs the data folder of its server: for files, and for the server's key",
            ));
        }
        let url = [("TOZSTORE_STORE_URL".to_owned(), text.to_owned())];
        return load(None, url, overrides);
    }
    if let Some((scheme, _)) = text.split_once(':')
        && scheme != "sqlite"
    {
        return Err(usage("a place is sqlite:DIR, postgres://USER@HOST/DATABASE or config:FILE"));
    }
    if data.is_some() {
        return Err(usage("a data folder is the place already; leave out the other one"));
    }
    overrides.data_dir = Some(PathBuf::from(text.strip_prefix("sqlite:").unwrap_or(text)));
    load(None, [], overrides)
}

fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
    overrides: ConfigOverrides,
) -> Outcome<Place> {
    let config = Config::load(file, variables, overrides);
    config.map(Place::new).map_err(|error| {
        Failure::new(Code::Failed, error.to_string(), "check the settings (docs/configuration.md)")
    })
}

fn variables(wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let all = std::env::vars_os();
    let texts = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(|(name, _)| wanted(name)).collect()
}

/// Does the work, shows how far it is, and lets it end orderly when it is told to stop.
async fn work<T, F>(output: Output, act: F) -> Outcome<T>
where
    T: Send + 'static,
    F: FnOnce(&tokio::runtime::Handle, &mut moving::Watcher<'_>) -> Result<T, MovingError> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let mut working = std::pin::pin!(moving::run(move |runtime| {
        let mut line = ProgressLine::new(output);
        let done = act(runtime, &mut |progress| {
            line.show(progress);
            if stopped.load(Ordering::Relaxed) { Err(MovingError::Stopped) } else { Ok(()) }
        });
        line.end();
        done
    }));
    let outcome = tokio::select! {
        outcome = &mut working => outcome,
        _ = tokio::signal::ctrl_c() => {
            stop.store(true, Ordering::Relaxed);
            working.await
        }
    };
    outcome.map_err(failure)
}

/// One line on a terminal that tells how far the work is.
struct ProgressLine {
    output: Output,
    shown: Option<Instant>,
}

const BETWEEN: Duration = Duration::from_millis(200);

impl ProgressLine {
    const fn new(output: Output) -> Self {
        Self { output, shown: None }
    }

    fn show(&mut self, progress: &Progress) {
        if self.shown.is_some_and(|shown| shown.elapsed() < BETWEEN) {
            return;
        }
        self.shown = Some(Instant::now());
        let Progress { step, rows, files, file_bytes } = progress;
        let megabytes = file_bytes / 1_000_000;
        self.output.passing(&format!("{step}: {rows} rows, {files} files, {megabytes} MB"));
    }

    fn end(&self) {
        if self.shown.is_some() {
            self.output.passing("");
        }
    }
}

fn failure(error: MovingError) -> Failure {
    let (code, advice) = match &error {
        MovingError::Archive(ArchiveError::Io(_)) => {
            (Code::Failed, "check the path, and the room on the disk")
        }
        MovingError::Archive(ArchiveError::Newer) | MovingError::Unknown(_) => {
            (Code::Failed, "use a newer program")
        }
        MovingError::Archive(_) => {
            (Code::Untrusted, "use another copy of the archive, or an earlier one; this one is not whole")
        }
        MovingError::Blob { .. } => (
            Code::Untrusted,
            "look at the disk; bring the file back from an earlier backup, or delete what has it",
        ),
        MovingError::HoldLost => (Code::Failed, "run it again, and let it run"),
        MovingError::KeyThere(_) => (Code::Conflict, "move that key away, or use an empty data folder"),
        MovingError::Moved(_) => (Code::Conflict, "name that place, or see `tozstore admin read-only off`"),
        MovingError::NotEmpty(_) => (Code::Conflict, "name an empty folder or database"),
        MovingError::SamePlace => (Code::Usage, "name two places"),
        MovingError::Stopped => (Code::Failed, "run it again"),
        _ => (Code::Failed, "check the place, and that the program is of the version of the server"),
    };
    Failure::new(code, error.to_string(), advice)
}

fn facts(header: &ArchiveHeader, totals: &Totals, digest: &[u8; 32]) -> Vec<(&'static str, String)> {
    vec![
        ("store", header.store_id.to_string()),
        ("created", header.created.to_string()),
        ("engine", format!("{}, schema {}", header.engine, header.schema)),
        ("rows", totals.rows.to_string()),
        ("files", totals.blobs.to_string()),
        ("file bytes", totals.blob_bytes.to_string()),
        ("digest", hex(digest)),
    ]
}

fn document(facts: &[(&'static str, String)]) -> serde_json::Value {
    let number = |text: &str| text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
    facts.iter().map(|(name, value)| (name.replace(' ', "_"), number(value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn usage(what: &'static str) -> Failure {
    Failure::new(Code::Usage, what, "see `tozstore admin --help`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let shown = |text: &str, data| parse_place(text, data).map(|place| place.shown());
        let dir = Some(Path::new("/data"));
        assert_eq!(shown("sqlite:/a", None).unwrap(), "sqlite:/a");
        assert_eq!(shown("/a", None).unwrap(), "sqlite:/a");
        assert_eq!(shown("postgres://u@h/d", dir).unwrap(), "postgres://h/d");
        for (text, data) in [("postgres://u@h/d", None), ("mysql://h", None), ("sqlite:/a", dir)] {
            assert_eq!(shown(text, data).unwrap_err().code, Code::Usage, "{text}");
        }
        assert!(shown("config:/no/such/file", None).is_err());
    }
}

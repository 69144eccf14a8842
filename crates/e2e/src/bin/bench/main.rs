//! Figures for docs/benchmarks.md: the server under load, beside what it stands on, measured in one run.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bare_sqlite;
mod constant;
mod cpu;
mod files;
mod load;
mod local;
mod overhead;
mod overload;
mod plot;
mod revoke;
mod scale;
mod sealing;
mod server;

use std::time::Duration;

use load::{Outcome, Plan};

/// Connections of each round.
const CONNECTIONS: [usize; 3] = [1, 8, 64];

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "bench scale ..., bench revoke ...: see their --help
bench [overload] [--seconds N] [--only http|files|overhead|sealing] [--file-mebibytes N] [--server-bin PATH]

Measures reads and durable writes of 1 KB records over HTTP at 1, 8 and 64 connections, beside a handler that
answers with a constant and beside bare SQLite commits with the same batching and durability; one large file through the
command line and back, with the peak memory of client and server; sealed types beside interop and plaintext; and the
sealing and opening of a record of 10 fields of 100 bytes, and what a revocation computes. Prints Markdown.

  overload           instead: finds the peaks of writes and reads, and offers up to three times as much (2 to 3 minutes)

  --seconds N        length of each round (5)
  --only WHAT        http, files, overhead or sealing
  --file-mebibytes N size of the large file (2048); it takes three times as much of the temporary folder
  --server-bin PATH  the tozstore binary; by default the one beside this program";

fn main() -> Result<(), AnyError> {
    let mut seconds = 5;
    let mut only = None;
    let mut file_mebibytes = 2048;
    let mut server_bin: Option<std::path::PathBuf> = None;
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "scale").is_some() {
        return scale::run(args);
    }
    if args.next_if(|arg| arg == "revoke").is_some() {
        return revoke::run(args);
    }
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--seconds" => seconds = value()?.parse()?,
            "overload" => only = Some(arg),
            "--only" => only = Some(value()?),
            "--file-mebibytes" => file_mebibytes = value()?.parse()?,
            "--server-bin" => server_bin = Some(value()?.into()),
            // A child of this program, not for users: the constant handler, on a port that it prints.
            "constant" => return constant::run(),
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            _ => return Err(format!("unknown argument {arg}\n\n{HELP}").into()),
        }
    }
    let round = Duration::from_secs(seconds);
    let wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // Not without being asked for.
    if only.as_deref() == Some("overload") {
        return runtime.block_on(overload::run(round, server_bin));
    }
    if wanted("http") {
        runtime.block_on(http(round, server_bin.clone()))?;
    }
    if wanted("files") {
        runtime.block_on(files::run(file_mebibytes, server_bin))?;
    }
    if wanted("overhead") {
        overhead::run()?;
    }
    if wanted("sealing") {
        sealing::run(round)?;
    }
    Ok(())
}

async fn http(round: Duration, server_bin: Option<std::path::PathBuf>) -> Result<(), AnyError> {
    let constant = server::Child::constant()?;
    let server = server::Child::tozstore(server_bin)?;
    let subject = server::Subject::prepare(&server).await?;
    println!("## Over HTTP, {} s a round, one record of 1 KB a request\n", round.as_secs());
    println!(
        "| what | connections | per second | p50 ms | p99 ms | errors | of the constant handler | of bare SQLite | server's CPU | generator's CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for connections in CONNECTIONS {
        let bare = bare_sqlite::commits_per_second(connections, round)?;
        row("bare SQLite, batches of as many", connections, &format!("{bare:.0} | | | | | | |"));

        let base = load::run(Plan::constant(&constant, connections, round)).await?;
        row("constant handler", connections, &cells(&base, None, None));

        let writes = load::run(Plan::writes(&server, &subject, connections, round)).await?;
        row("durable writes", connections, &cells(&writes, Some(base.per_second()), Some(bare)));

        let reads = load::run(Plan::reads(&server, &subject, connections, round)).await?;
        row("reads", connections, &cells(&reads, Some(base.per_second()), None));
    }
    println!("\nCPU is in cores; the machine has {}.\n", std::thread::available_parallelism()?);
    Ok(())
}

fn row(what: &str, connections: usize, cells: &str) {
    println!("| {what} | {connections} | {cells}");
}

fn cells(outcome: &Outcome, constant: Option<f64>, bare: Option<f64>) -> String {
    let ratio = |base: Option<f64>| {
        base.map(|base| format!("{:.2}", outcome.per_second() / base)).unwrap_or_default()
    };
    format!(
        "{:.0} | {:.2} | {:.2} | {} | {} | {} | {:.2} | {:.2} |",
        outcome.per_second(),
        outcome.percentile_ms(0.50),
        outcome.percentile_ms(0.99),
        outcome.errors,
        ratio(constant),
        ratio(bare),
        outcome.server_cores,
        outcome.generator_cores,
    )
}

/// The middle one; not a number if there are none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! How latencies grow with the number of records: stores of several sizes, filled in bulk, asked over HTTP.

mod access;
mod data;
mod database;
mod load;
mod partitions;
mod writers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tozstore_server::clock::SystemClock;
use tozstore_server::config::Config;
use tozstore_server::store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};
use tozstore_server::{RunningServer, Server};

use self::access::{Access, Caller};
use self::data::Data;
use self::database::Database;
use crate::plot::{self, Line};
use crate::{AnyError, median};

const HELP: &str = "bench scale [--records N,N,...] [--engine sqlite|postgres] [--folder PATH] [--plots PATH]
            [--rounds N] [--partitions] [--load-only]

Fills stores with 100,000 and 1,000,000 records (or as many as given) and measures requests to them over HTTP, one at a
time: p50 and p99, medians of interleaved rounds. Prints Markdown and writes plots. PostgreSQL is started for it, with
fsync. Stores stay in the folder, and are used again by the next run: remove the folder when you are done.

  --records N,N,...  sizes of the stores (100000,1000000)
  --engine NAME      only this back end
  --folder PATH      where the stores lie (/tmp/tozstore-scale); about 1.7 GB for each million records and engine
  --plots PATH       where the plots go (the folder itself)
  --rounds N         rounds of each measurement (5)
  --load-only        fill the stores, and measure nothing
  --partitions       instead: spread a store over 8 partitions, and show which of them each request touches";

/// Requests of a round that are not counted, and those that are.
const WARM_UP: u64 = 30;
const REQUESTS: u64 = 300;
const CONNECTIONS: [u64; 3] = [1, 8, 64];
const WRITING: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

struct Options {
    sizes: Vec<u64>,
    engines: Vec<Engine>,
    folder: PathBuf,
    plots: Option<PathBuf>,
    rounds: usize,
    load_only: bool,
    partitions: bool,
}

/// Runs it with the arguments behind `scale`.
pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<(), AnyError> {
    let Some(options) = parse(args)? else {
        println!("{HELP}");
        return Ok(());
    };
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let database = if options.partitions || options.engines.contains(&Engine::Postgres) {
        Some(Database::start(&folder.join("postgres"))?)
    } else {
        None
    };
    match &database {
        Some(database) if options.partitions => runtime.block_on(partitions::run(database, &folder)),
        _ => runtime.block_on(measure_all(&options, &folder, database.as_ref())),
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, AnyError> {
    let mut options = Options {
        sizes: vec![100_000, 1_000_000],
        engines: vec![Engine::Sqlite, Engine::Postgres],
        folder: std::env::temp_dir().join("tozstore-scale"),
        plots: None,
        rounds: 5,
        load_only: false,
        partitions: false,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--records" => {
                options.sizes = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                options.sizes.sort_unstable();
            }
            "--engine" => {
                options.engines = match value()?.as_str() {
                    "sqlite" => vec![Engine::Sqlite],
                    "postgres" => vec![Engine::Postgres],
                    other => return Err(format!("no such engine: {other}").into()),
                }
            }
            "--folder" => options.folder = value()?.into(),
            "--plots" => options.plots = Some(value()?.into()),
            "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
            "--load-only" => options.load_only = true,
            "--partitions" => options.partitions = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {arg}\n\n{HELP}").into()),
        }
    }
    if options.sizes.iter().any(|size| *size < 1_000) || options.sizes.is_empty() {
        return Err("a store has at least 1000 records".into());
    }
    Ok(Some(options))
}

/// A store that is served, and who asks it.
struct Subject {
    engine: Engine,
    data: Data,
    server: RunningServer,
    caller: Caller,
}

async fn measure_all(options: &Options, folder: &Path, database: Option<&Database>) -> Result<(), AnyError> {
    let mut filled = Vec::new();
    for engine in &options.engines {
        for records in &options.sizes {
            let data = Data { records: *records };
            filled.push((*engine, data, fill(*engine, data, folder, database).await?));
        }
    }
    if options.load_only {
        return Ok(());
    }
    // Servers close connections on which nothing comes.
    let mut subjects = Vec::new();
    for (engine, data, config) in filled {
        subjects.push(start(engine, data, config).await?);
    }
    if let Some(database) = database {
        println!("PostgreSQL {}.", database.version()?);
    }
    let figures = measure(&mut subjects, options.rounds).await?;
    print(&subjects, &figures, options.rounds);
    draw(&subjects, &figures, options.plots.as_deref().unwrap_or(folder))?;
    many_writers(&subjects, options.rounds).await?;
    sizes(&subjects, folder, database)?;
    for subject in subjects {
        subject.server.shutdown().await;
    }
    Ok(())
}

/// Fills a store, and tells how to serve it.
async fn fill(
    engine: Engine,
    data: Data,
    folder: &Path,
    database: Option<&Database>,
) -> Result<Config, AnyError> {
    let name = store_name(engine, data);
    let mut config = Config { data_dir: folder.join(&name), ..Config::default() };
    config.listen.address = ([127, 0, 0, 1], 0).into();
    config.listen.drain_s = 0;
    // Who measures asks more than anybody may.
    (config.rates.client_per_s, config.rates.account_per_s, config.rates.address_per_s) = (0, 0, 0);
    std::fs::create_dir_all(&config.data_dir)?;
    let store: Arc<dyn Store> = match (engine, database) {
        (Engine::Postgres, Some(database)) => {
            let url = database.url(&name)?;
            config.store.url = url.clone().into();
            let open = move || PostgresStore::open(&url, Arc::new(SystemClock), PostgresOptions::default());
            Arc::new(tokio::task::spawn_blocking(open).await??)
        }
        _ => {
            let path = config.data_dir.join("tozstore.db");
            Arc::new(SqliteStore::open(&path, Arc::new(SystemClock), SqliteOptions::default())?)
        }
    };
    load::load(&store, data, &name).await?;
    store.close().await;
    if let (Engine::Postgres, Some(database)) = (engine, database) {
        // What happens by itself within minutes; measured is what comes after.
        database.ask(&name, "VACUUM ANALYZE")?;
        database.ask(&name, "CHECKPOINT")?;
    }
    Ok(config)
}

async fn start(engine: Engine, data: Data, config: Config) -> Result<Subject, AnyError> {
    let server = Server::start(config).await?;
    let caller = Caller::connect(server.local_addr(), data).await?;
    Ok(Subject { engine, data, server, caller })
}

/// Medians over the rounds of p50 and p99, in milliseconds.
type Figures = BTreeMap<(Access, usize), (f64, f64)>;

/// Each round asks every store for everything, in turns, so that what else the machine does falls on all of them.
async fn measure(subjects: &mut [Subject], rounds: usize) -> Result<Figures, AnyError> {
    let mut all: BTreeMap<(Access, usize), Vec<(f64, f64)>> = BTreeMap::new();
    let mut step = first_step();
    for _ in 0..rounds {
        for access in Access::ALL {
            for (number, subject) in subjects.iter_mut().enumerate() {
                let mut times = Vec::with_capacity(REQUESTS as usize);
                for count in 0..WARM_UP + REQUESTS {
                    let begun = Instant::now();
                    subject.caller.ask(access, step).await?;
                    if count >= WARM_UP {
                        times.push(begun.elapsed());
                    }
                    step += 1;
                }
                times.sort_unstable();
                let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1_000.0;
                all.entry((access, number)).or_default().push((at(50), at(99)));
            }
        }
    }
    Ok(all
        .into_iter()
        .map(|(key, rounds)| {
            (key, (median(rounds.iter().map(|one| one.0)), median(rounds.iter().map(|one| one.1))))
        })
        .collect())
}

/// A number that no run before has used: what is written is to be new in stores that are used again.
fn first_step() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_millis() as u64
}

fn print(subjects: &[Subject], figures: &Figures, rounds: usize) {
    println!(
        "\nMilliseconds, p50 / p99: medians of {rounds} rounds of {REQUESTS} requests, one at a time.\n"
    );
    let head: Vec<_> =
        subjects.iter().map(|one| format!("{} {}", one.engine.name(), one.data.records)).collect();
    println!("| access | {} | p50, largest to smallest |", head.join(" | "));
    println!("| --- |{}", " --- |".repeat(head.len() + 1));
    for access in Access::ALL {
        let cells: Vec<_> = (0..subjects.len()).filter_map(|number| figures.get(&(access, number))).collect();
        let shown: Vec<_> = cells.iter().map(|(p50, p99)| format!("{p50:.2} / {p99:.2}")).collect();
        let ratios: Vec<_> = engines(subjects)
            .into_iter()
            .map(|(engine, numbers)| {
                let p50 = |number: Option<&usize>| number.map_or(f64::NAN, |number| cells[*number].0);
                format!("{} {:.2}", engine.name(), p50(numbers.last()) / p50(numbers.first()))
            })
            .collect();
        println!("| {} | {} | {} |", access.name(), shown.join(" | "), ratios.join(", "));
    }
}

/// The numbers of each engine's subjects, by size.
fn engines(subjects: &[Subject]) -> BTreeMap<Engine, Vec<usize>> {
    let mut engines: BTreeMap<Engine, Vec<usize>> = BTreeMap::new();
    for (number, subject) in subjects.iter().enumerate() {
        engines.entry(subject.engine).or_default().push(number);
    }
    engines
}

fn draw(subjects: &[Subject], figures: &Figures, folder: &Path) -> Result<(), AnyError> {
    std::fs::create_dir_all(folder)?;
    type Pick = fn(&(f64, f64)) -> f64;
    let plots: [(&str, Pick); 2] = [("p50", |figure| figure.0), ("p99", |figure| figure.1)];
    for (name, pick) in plots {
        let panels: Vec<_> = engines(subjects)
            .into_iter()
            .map(|(engine, numbers)| {
                let line = |access: Access| Line {
                    name: access.name().to_owned(),
                    points: numbers
                        .iter()
                        .filter_map(|number| {
                            Some((
                                subjects[*number].data.records as f64,
                                pick(figures.get(&(access, *number))?),
                            ))
                        })
                        .collect(),
                };
                (engine.name().to_owned(), Access::ALL.into_iter().map(line).collect::<Vec<_>>())
            })
            .collect();
        let title = format!("{name} of requests over HTTP, one at a time");
        let path = folder.join(format!("scale-{name}.svg"));
        std::fs::write(&path, plot::svg(&title, &panels))?;
        eprintln!("{} was written.", path.display());
    }
    Ok(())
}

/// What a record takes on disk with all that belongs to it, and what that comes to.
fn sizes(subjects: &[Subject], folder: &Path, database: Option<&Database>) -> Result<(), AnyError> {
    println!("\n| store | bytes a record, with indexes, terms and outbox | a thousand million records, TB |");
    println!("| --- | --- | --- |");
    for Subject { engine, data, .. } in subjects {
        let name = store_name(*engine, *data);
        let bytes: u64 = match (engine, database) {
            (Engine::Postgres, Some(database)) => {
                database.ask(&name, "SELECT pg_database_size(current_database())")?.trim().parse()?
            }
            _ => std::fs::metadata(folder.join(&name).join("tozstore.db"))?.len(),
        };
        let each = bytes as f64 / data.records as f64;
        println!("| {} {} | {each:.0} | {:.2} |", engine.name(), data.records, each / 1_000.0);
    }
    Ok(())
}

fn store_name(engine: Engine, data: Data) -> String {
    format!("{}_{}", engine.name().to_lowercase(), data.records)
}

async fn many_writers(subjects: &[Subject], rounds: usize) -> Result<(), AnyError> {
    println!(
        "\nWrites a second with several connections: medians of {rounds} rounds of {} s.\n",
        WRITING.as_secs()
    );
    println!("| store | {} |", CONNECTIONS.map(|number| number.to_string()).join(" | "));
    println!("| --- |{}", " --- |".repeat(CONNECTIONS.len()));
    let mut rates: BTreeMap<(usize, u64), Vec<f64>> = BTreeMap::new();
    let last_of_engines: Vec<_> =
        engines(subjects).into_values().filter_map(|numbers| numbers.last().copied()).collect();
    for _ in 0..rounds {
        for connections in CONNECTIONS {
            for number in &last_of_engines {
                let caller = &subjects[*number].caller;
                let rate = writers::per_second(caller, connections, WRITING, first_step()).await?;
                rates.entry((*number, connections)).or_default().push(rate);
            }
        }
    }
    for number in last_of_engines {
        let rate = |connections| median(rates.get(&(number, connections)).into_iter().flatten().copied());
        let cells: Vec<_> = CONNECTIONS.iter().map(|one| format!("{:.0}", rate(*one))).collect();
        let Subject { engine, data, .. } = &subjects[number];
        println!("| {} {} | {} |", engine.name(), data.records, cells.join(" | "));
    }
    Ok(())
}

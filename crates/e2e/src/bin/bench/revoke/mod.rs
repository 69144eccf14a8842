//! How long a revocation takes until it is in effect: numbers of readers times numbers of records.

pub(crate) mod crypto;
mod data;
mod results;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tozstore::{
    Account, Client, Contact, Credentials, Error, FileStateStore, MemoryStateStore, NewAccount, SealedClient,
    Secret, ShareFrom, TokenOptions, fields,
};
use tozstore_server::clock::SystemClock;
use tozstore_server::store::{SqliteOptions, SqliteStore, Store};
use tozstore_server::{RunningServer, Server};

use self::results::Results;
use crate::local::{Relay, config, url_of};
use crate::plot::{self, Line};
use crate::{AnyError, median};

const HELP: &str = "bench revoke [--readers N,N,...] [--records N,N,...] [--folder PATH] [--plots PATH] [--rounds N]

Measures how long a revocation in a sealed type takes until it is in effect: from the call of the SDK's `revoke` until
it returns, which is after the commit from which on the server refuses what is written under the older key. The SDK
and the server talk over HTTP on the loopback interface; rows are in the embedded store. For each number of records
there is a type, which is shared with more and more readers; in each round one of them is revoked, and shared with again.
Prints Markdown, and draws a plot.

A run that was cut off goes on where it stopped, and what was measured is not measured again: remove the folder for that,
and when you are done.

  --readers N,N,...  how many read a type before one is revoked (10,100,1000,10000)
  --records N,N,...  how many records it has (1000,10000,100000,1000000)
  --folder PATH      where the store lies (/tmp/tozstore-revoke); about 1.2 GB for a million records
  --plots PATH       where the plot goes (the folder itself)
  --rounds N         revocations of each measurement (5)";

/// The most readers that a type can have.
const MAX_READERS: u64 = 10_000;
/// A field of each record, before it is sealed.
const FIELD_BYTES: usize = 160;
/// A place behind all records, to ask for none of them.
const BEHIND_ALL: u64 = 1 << 52;
/// How long each measurement of what is computed takes.
const COMPUTING: Duration = Duration::from_secs(1);

struct Options {
    readers: Vec<u64>,
    records: Vec<u64>,
    folder: PathBuf,
    plots: Option<PathBuf>,
    rounds: u64,
}

/// Runs it with the arguments behind `revoke`.
pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<(), AnyError> {
    let Some(options) = parse(args)? else {
        println!("{HELP}");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{}", runtime.block_on(measure(&options, COMPUTING))?);
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, AnyError> {
    let mut options = Options {
        readers: vec![10, 100, 1_000, 10_000],
        records: vec![1_000, 10_000, 100_000, 1_000_000],
        folder: std::env::temp_dir().join("tozstore-revoke"),
        plots: None,
        rounds: 5,
    };
    let numbers = |text: String| {
        let mut numbers = text.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        Ok::<_, AnyError>(numbers)
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--readers" => options.readers = numbers(value()?)?,
            "--records" => options.records = numbers(value()?)?,
            "--folder" => options.folder = value()?.into(),
            "--plots" => options.plots = Some(value()?.into()),
            "--rounds" => options.rounds = value()?.parse::<u64>()?.max(1),
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {arg}\n\n{HELP}").into()),
        }
    }
    if options.readers.iter().any(|readers| !(1..=MAX_READERS).contains(readers)) {
        return Err(format!("a type has 1 to {MAX_READERS} readers").into());
    }
    if options.records.contains(&0) {
        return Err("a type has a record at least".into());
    }
    Ok(Some(options))
}

/// Measures what was not measured yet, and tells all that was asked for.
async fn measure(options: &Options, computing: Duration) -> Result<String, AnyError> {
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let mut results = Results::open(&folder)?;
    let world = World::prepare(&folder, &options.records).await?;
    world.fill(options).await?;
    let server = world.start().await?;
    let owner = world.owner(&server).await?;
    for readers in &options.readers {
        let missing: Vec<_> =
            options.records.iter().copied().filter(|records| !results.has((*readers, *records))).collect();
        measure_readers(&world, &server, &owner, *readers, &missing, options.rounds, &mut results).await?;
    }
    let interop = world.interop(&server, options.rounds).await?;
    server.shutdown().await;
    draw(options, &results, options.plots.as_deref().unwrap_or(&folder))?;
    told(options, &results, interop, computing)
}

/// Each round revokes once for each number of records, so that what else the machine does falls on all of them.
async fn measure_readers(
    world: &World,
    server: &RunningServer,
    owner: &SealedClient,
    readers: u64,
    missing: &[u64],
    rounds: u64,
    results: &mut Results,
) -> Result<(), AnyError> {
    let Some(first) = missing.first() else { return Ok(()) };
    for records in missing {
        share_up_to(owner, &type_of(*records), readers).await?;
    }
    let mut times = vec![Vec::new(); missing.len()];
    for round in 0..rounds {
        for (records, times) in missing.iter().zip(&mut times) {
            let (name, reader) = (type_of(*records), data::reader_id(round % readers));
            let begun = Instant::now();
            let revoked = owner.revoke(&name, reader).await?;
            let elapsed = begun.elapsed();
            revoked.ok_or("the reader held no grant")?;
            owner.share(&name, &reader.into(), ShareFrom::Beginning).await?;
            times.push(elapsed.as_secs_f64() * 1_000.0);
        }
    }
    for (records, times) in missing.iter().zip(times) {
        results.insert((readers, *records), times)?;
    }
    // Another device of the owner does it once more, through a relay.
    let relay = Relay::start(server.local_addr()).await?;
    let credentials = world.owner.clone().with_api_url(&url_of(relay.address));
    let other = Client::new(credentials)?.sealed(MemoryStateStore::new()).await?;
    let name = type_of(*first);
    // It has read the log before that.
    other.grants(other.id(), &name).await?;
    relay.take();
    let reader = data::reader_id(0);
    other.revoke(&name, reader).await?.ok_or("the reader held no grant")?;
    results.insert_sent(readers, relay.take().sent)?;
    owner.share(&name, &reader.into(), ShareFrom::Beginning).await?;
    eprintln!("{readers} readers are measured.");
    Ok(())
}

async fn share_up_to(owner: &SealedClient, name: &str, readers: u64) -> Result<(), AnyError> {
    let held: BTreeSet<_> =
        owner.grants(owner.id(), name).await?.into_iter().map(|grant| grant.client).collect();
    if held.len() as u64 > readers {
        return Err(format!("type {name} has {} readers already: remove the folder", held.len()).into());
    }
    let missing = (0..readers).map(data::reader_id).filter(|reader| !held.contains(reader));
    let missing: Vec<Contact> = missing.map(Contact::from).collect();
    owner.share_all(name, &missing, ShareFrom::Beginning).await?;
    Ok(())
}

fn type_of(records: u64) -> String {
    format!("note-{records}")
}

/// The store with its owner, and a client that the owner shares an interop type with.
struct World {
    folder: PathBuf,
    owner: Credentials,
    reader: Credentials,
}

impl World {
    /// Makes what is not there: the clients, and each type with its first record.
    async fn prepare(folder: &Path, records: &[u64]) -> Result<Self, AnyError> {
        let (owner_file, reader_file) = (folder.join("owner.json"), folder.join("reader.json"));
        let server = Server::start(config(&folder.join("data"))).await?;
        if !reader_file.exists() {
            let url = url_of(server.local_addr());
            let password = Secret::new("a password for nothing but this run");
            // One that was cut off here leaves an account behind.
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            let email = format!("bench-{}@example.com", now.as_micros());
            let new = NewAccount { name: "bench", email: &email, password: &password };
            let (account, _paper_key) = Account::create(&url, new).await?;
            let token = account.create_token(TokenOptions::default()).await?.token;
            for (name, file) in [("owner", &owner_file), ("reader", &reader_file)] {
                let _ = std::fs::remove_file(file);
                Client::register(&url, token.expose(), name).await?.credentials.save(file)?;
            }
        }
        let (owner, reader) = (Credentials::load(owner_file)?, Credentials::load(reader_file)?);
        let world = Self { folder: folder.to_owned(), owner, reader };
        let owner = world.owner(&server).await?;
        for records in records {
            let (name, value) = (type_of(*records), "x".repeat(FIELD_BYTES));
            match owner.list(owner.id(), &name, BEHIND_ALL).await {
                Err(Error::NotFound(_)) => {
                    owner.write(&name, fields! { "text" => value.as_str() }).await?;
                }
                listed => drop(listed?),
            }
        }
        server.shutdown().await;
        Ok(world)
    }

    /// Through the store, while no server runs.
    async fn fill(&self, options: &Options) -> Result<(), AnyError> {
        let path = self.folder.join("data/tozstore.db");
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&path, Arc::new(SystemClock), SqliteOptions::default())?);
        let (writer, readers) = (self.owner.client_id(), options.readers.iter().max());
        data::add_readers(&store, writer, readers.copied().unwrap_or(0)).await?;
        for records in &options.records {
            data::add_records(&store, writer, &type_of(*records), *records).await?;
        }
        store.close().await;
        Ok(())
    }

    async fn start(&self) -> Result<RunningServer, AnyError> {
        Ok(Server::start(config(&self.folder.join("data"))).await?)
    }

    /// The owner, with what it remembers in a file, as the command line has it.
    async fn owner(&self, server: &RunningServer) -> Result<SealedClient, AnyError> {
        let credentials = self.owner.clone().with_api_url(&url_of(server.local_addr()));
        Ok(Client::new(credentials)?.sealed(FileStateStore::new(self.folder.join("owner.state"))).await?)
    }

    /// Milliseconds that `revoke` takes in an interop type.
    async fn interop(&self, server: &RunningServer, rounds: u64) -> Result<f64, AnyError> {
        let owner = Client::new(self.owner.clone().with_api_url(&url_of(server.local_addr())))?;
        let value = "x".repeat(FIELD_BYTES);
        owner.write("letter", fields! { "text" => value.as_str() }).await?;
        let mut times = Vec::new();
        // The first is not counted.
        for _ in 0..=rounds {
            owner.share("letter", self.reader.client_id()).await?;
            let begun = Instant::now();
            owner.revoke("letter", self.reader.client_id()).await?;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(median(times.into_iter().skip(1)))
    }
}

fn told(options: &Options, results: &Results, interop: f64, computing: Duration) -> Result<String, AnyError> {
    let head: Vec<_> =
        options.records.iter().map(|records| format!("{} records", thousands(*records))).collect();
    let mut text = format!(
        "Milliseconds from the call of `revoke` until it returns: median (longest) of {} rounds.\n\n\
         | readers | {} | most to fewest records | of it computed by the client | KB sent |\n| ---: |{}\n",
        options.rounds,
        head.join(" | "),
        " ---: |".repeat(head.len() + 3)
    );
    for readers in &options.readers {
        let of = |records: &u64| results.of((*readers, *records)).unwrap_or((f64::NAN, f64::NAN));
        let cells: Vec<_> = options
            .records
            .iter()
            .map(|records| {
                let (median, longest) = of(records);
                format!("{median:.1} ({longest:.1})")
            })
            .collect();
        let ends = options.records.last().zip(options.records.first());
        let ratio = ends.map_or(f64::NAN, |(most, fewest)| of(most).0 / of(fewest).0);
        let computed = crypto::time_of_revocation(readers - 1, computing)?.as_secs_f64() * 1_000.0;
        let sent = results.sent(*readers).unwrap_or_default() as f64 / 1_000.0;
        text += &format!(
            "| {} | {} | {ratio:.2} | {computed:.1} | {sent:.0} |\n",
            thousands(*readers),
            cells.join(" | ")
        );
    }
    let rate = crypto::rewraps_per_second(computing)?;
    let most = options.records.last().copied().unwrap_or(0);
    text += &format!(
        "\nInterop `revoke`, which does not take the key away: {interop:.1} ms.\n\n\
         Opening and wrapping data keys anew: {rate:.0} a second on one core, so all {} of the largest type take {:.1} s of \
         computing, while writes go on.",
        thousands(most),
        most as f64 / rate
    );
    Ok(text)
}

fn draw(options: &Options, results: &Results, folder: &Path) -> Result<(), AnyError> {
    std::fs::create_dir_all(folder)?;
    let line = |readers: &u64| {
        let point = |records: &u64| Some((*records as f64, results.of((*readers, *records))?.0));
        let points = options.records.iter().filter_map(point).collect();
        Line { name: format!("{} readers", thousands(*readers)), points }
    };
    let lines = options.readers.iter().rev().map(line).collect();
    let path = folder.join("revoke.svg");
    let title = "Revoking a reader of a sealed type: time until it is in effect";
    std::fs::write(&path, plot::svg(title, &[("embedded store".to_owned(), lines)]))?;
    eprintln!("{} was written.", path.display());
    Ok(())
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, readers: &str) -> Options {
        let args = ["--readers", readers, "--records", "20,60", "--rounds", "2", "--folder"];
        let args = args.into_iter().map(str::to_owned).chain([folder.display().to_string()]);
        parse(args).unwrap().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_measures_in_small_and_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let computing = Duration::from_millis(1);
        measure(&options(folder.path(), "2"), computing).await.unwrap();
        let kept = Results::open(folder.path()).unwrap();
        let text = measure(&options(folder.path(), "2,5"), computing).await.unwrap();
        let results = Results::open(folder.path()).unwrap();
        for records in [20, 60] {
            assert_eq!(results.of((2, records)), kept.of((2, records)));
            assert!(results.of((5, records)).unwrap().0 > 0.0);
        }
        // More wraps are more bytes: three of them, of more than a kilobyte each.
        assert!(results.sent(5).unwrap() > results.sent(2).unwrap() + 3_000);
        assert!(text.contains("| 20 records | 60 records |") && text.contains("\n| 5 | "), "{text}");
        let plot = std::fs::read_to_string(folder.path().join("revoke.svg")).unwrap();
        assert_eq!(plot.matches("<circle").count(), 4);
        // Readers do not become fewer.
        assert!(measure(&options(folder.path(), "3"), computing).await.is_err());
    }

    #[test]
    fn numbers_are_read_and_written() {
        assert_eq!([0, 999, 1_000, 1_000_000].map(thousands), ["0", "999", "1,000", "1,000,000"]);
        let parsed = |args: &[&str]| parse(args.iter().map(|arg| (*arg).to_owned()));
        let options = parsed(&["--records", "100,20,100"]).unwrap().unwrap();
        assert_eq!((options.records, options.readers.len()), (vec![20, 100], 4));
        assert!(parsed(&["--help"]).unwrap().is_none());
        for wrong in [&["--readers", "0"][..], &["--readers", "10001"], &["--records", "0"], &["--x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

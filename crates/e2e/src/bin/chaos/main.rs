//! Load for `tests/chaos`: clients that write, read, share and delete through a proxy while the servers behind it are
//! stopped, killed and cut off, and that know at each moment what must be there.
//!
//! Prints `ready`, works until standard input ends, reads everything back, and prints one line of JSON.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod counters;
mod ledger;
mod objects;
mod records;
mod retries;
mod shares;

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tozstore::{Account, Client, Limits, NewAccount, Secret, TokenOptions};
use tozstore_crypto::RequestNonce;

use ledger::Ledger;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "chaos --url URL [--tasks N] [--strict]
chaos objects FOLDER ACCESS_KEY SECRET_KEY

Works at URL until standard input ends, then reads everything back. `./dev chaos` runs it.

  --url URL    where the servers are, by way of a proxy as a rule
  --tasks N    tasks of each kind (4)
  --strict     no call may fail, not even for a moment

The second form serves an S3 bucket named bucket, with its bytes in FOLDER, and prints where.";

fn main() -> Result<(), AnyError> {
    let (mut url, mut tasks, mut strict) = (None, 4, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--url" => url = Some(value()?),
            "--tasks" => tasks = value()?.parse()?,
            "--strict" => strict = true,
            "objects" => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let (folder, access_key, secret_key) = (value()?, value()?, value()?);
                return runtime.block_on(objects::serve(folder.as_ref(), &access_key, &secret_key));
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            _ => return Err(format!("unknown argument {arg}\n\n{HELP}").into()),
        }
    }
    let url = url.ok_or("--url is missing")?;
    let retries = retries::count();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ledger = Arc::new(Ledger::new(strict));
    runtime.block_on(run(&url, tasks, &ledger))?;
    println!("{}", ledger.report(retries.load(Ordering::Relaxed)));
    Ok(())
}

async fn run(url: &str, tasks: usize, ledger: &Arc<Ledger>) -> Result<(), AnyError> {
    let (client, reader) = clients(url).await?;
    let shared = counters::shared_record(&client, tasks).await?;
    println!("ready");
    let stop = Arc::clone(ledger);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.stop();
    });
    let mut work = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let (ledger, client) = (Arc::clone(ledger), client.clone());
        work.spawn(counters::own(Arc::clone(&ledger), client.clone()));
        work.spawn(counters::shared(Arc::clone(&ledger), client.clone(), shared, task));
        work.spawn(records::write(Arc::clone(&ledger), client.clone(), task));
        work.spawn(records::files(Arc::clone(&ledger), client, task));
    }
    work.spawn(shares::share(Arc::clone(ledger), client.clone(), reader));
    work.spawn(shares::notes(Arc::clone(ledger), client.clone()));
    while let Some(done) = work.join_next().await {
        done?;
    }
    ledger.calm();
    records::check(ledger, &client).await;
    Ok(())
}

/// A writer and a reader in an account of their own.
async fn clients(url: &str) -> Result<(Client, Client), AnyError> {
    let email = format!("{}@example.com", RequestNonce::random().to_string().to_lowercase());
    let password = Secret::new("kP3v-9sXq-Lw2t-Zr8b");
    let new = NewAccount { name: "Chaos", email: &email, password: &password };
    let (account, _) = Account::create(url, new).await?;
    let token = account.create_token(TokenOptions::default()).await?;
    let register = async |name| {
        let credentials = Client::register(url, token.token.expose(), name).await?.credentials;
        let mut limits = Limits::default();
        // A database that fails over takes some seconds.
        (limits.max_tries, limits.max_wait_ms, limits.timeout_ms) = (12, 2000, 20_000);
        Ok::<_, AnyError>(Client::builder(credentials).limits(limits).build()?)
    };
    Ok((register("writer").await?, register("reader").await?))
}

//! Which parts of a store that is spread by placement a request touches: counted by the database itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tozstore_server::App;
use tozstore_server::blobs::Blobs;
use tozstore_server::clock::SystemClock;
use tozstore_server::config::Config;
use tozstore_server::http::router;
use tozstore_server::keys::ServerKeys;
use tozstore_server::store::{PostgresOptions, PostgresStore, Store, Traffic};

use super::access::{Access, Caller};
use super::data::Data;
use super::database::Database;
use super::load;
use crate::AnyError;

const DATA: Data = Data { records: 20_000 };
const NAME: &str = "partitioned";
const SPREAD: &str = include_str!("partitions.sql");
/// Of one client, for each access.
const REQUESTS: u64 = 40;

/// Fills a store, spreads it, and asks it.
pub(crate) async fn run(database: &Database, folder: &Path) -> Result<(), AnyError> {
    let url = database.url(NAME)?;
    let data_dir = folder.join(NAME);
    std::fs::create_dir_all(&data_dir)?;
    let is_spread = "SELECT count(*) FROM pg_class WHERE relname = 'records_p7'";
    if database.ask(NAME, is_spread)?.trim() == "0" {
        let store: Arc<dyn Store> = open(&url).await?;
        load::load(&store, DATA, NAME).await?;
        store.close().await;
        database.ask(NAME, SPREAD)?;
        database.ask(NAME, "VACUUM ANALYZE")?;
    }
    println!("PostgreSQL {}, {} records, 8 partitions of each table.", database.version()?, DATA.records);
    println!("\nPartitions with at least one scan or row for each of {REQUESTS} requests of one client:\n");
    println!(
        "| access | records | their terms | grants | keys | clients | outbox | numbers of partitions | round trips, statements a request |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let (address, _, stop) = serve(&url, &data_dir).await?;
    let mut caller = Caller::connect(address, DATA).await?;
    stop().await;
    for access in Access::ALL {
        settle(database).await?;
        database.ask(NAME, "SELECT pg_stat_reset()")?;
        let (address, store, stop) = serve(&url, &data_dir).await?;
        caller.reconnect(address).await?;
        for request in 0..REQUESTS {
            let step = caller.step_of_one_client(request);
            caller.ask(access, step).await?;
        }
        let Traffic { round_trips, statements } = store.traffic();
        let each = |count: u64| count as f64 / REQUESTS as f64;
        stop().await;
        settle(database).await?;
        let touched = touched(database)?;
        let of = |table: &str| touched.get(table).map_or(0, BTreeSet::len);
        let numbers: BTreeSet<_> = touched.values().flatten().copied().collect();
        let numbers: Vec<_> = numbers.into_iter().map(|number: u32| number.to_string()).collect();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.1}, {:.1} |",
            access.name(),
            of("records"),
            of("record_terms"),
            of("grants"),
            of("access_keys"),
            of("clients"),
            of("changes"),
            numbers.join(", "),
            each(round_trips),
            each(statements),
        );
    }
    for sql in PLANS {
        println!("\n```\n{sql}\n\n{}```", database.ask(NAME, &explain(sql))?);
    }
    Ok(())
}

/// Statements as the store sends them, but for what they select.
const PLANS: [&str; 2] = [
    "SELECT version FROM records WHERE record_id = $1 AND substring(writer_id FROM 15) = $2",
    "SELECT record_index FROM records WHERE writer_id = $1 AND substring(writer_id FROM 15) = $2 LIMIT 50",
];

/// The plan that serves for all values: partitions are left out as it runs.
fn explain(sql: &str) -> String {
    format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE statement (bytea, bytea) AS {sql}; \
         EXPLAIN (COSTS OFF) EXECUTE statement ('\\x00', '\\x0102')"
    )
}

async fn open(url: &str) -> Result<Arc<PostgresStore>, AnyError> {
    let url = url.to_owned();
    let open = move || PostgresStore::open(&url, Arc::new(SystemClock), PostgresOptions::default());
    Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
}

/// A server without the work that runs between requests; and what stops it.
async fn serve(
    url: &str,
    data_dir: &Path,
) -> Result<(std::net::SocketAddr, Arc<PostgresStore>, impl AsyncFnOnce()), AnyError> {
    let store = open(url).await?;
    let (keys, blobs) = (ServerKeys::open(data_dir)?, Blobs::in_memory());
    let mut config = Config::default();
    (config.rates.client_per_s, config.rates.account_per_s, config.rates.address_per_s) = (0, 0, 0);
    let app = App::new(config, Arc::clone(&store) as _, blobs, Arc::new(SystemClock), keys);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = router(app);
    let served = tokio::spawn(async move { axum::serve(listener, service).await });
    let kept = Arc::clone(&store);
    let stop = async move || {
        served.abort();
        kept.close().await;
    };
    Ok((address, store, stop))
}

/// Waits until the sessions of the store are gone: they tell what they did as they end.
async fn settle(database: &Database) -> Result<(), AnyError> {
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tozstore'";
    for _ in 0..200 {
        if database.ask(NAME, sessions)?.trim() == "0" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("sessions of the store stay open".into())
}

/// The numbers of the partitions of each table that were used by each request.
fn touched(database: &Database) -> Result<BTreeMap<String, BTreeSet<u32>>, AnyError> {
    let sql = format!(
        "SELECT substring(relname FROM '^(.*)_p[0-7]$'), substring(relname FROM '[0-7]$') FROM pg_stat_user_tables \
         WHERE relname ~ '_p[0-7]$' \
         AND coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd >= {REQUESTS}"
    );
    let mut touched: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for line in database.ask(NAME, &sql)?.lines() {
        if let Some((table, number)) = line.split_once('|') {
            touched.entry(table.to_owned()).or_default().insert(number.parse()?);
        }
    }
    Ok(touched)
}

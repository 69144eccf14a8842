//! One connection, driven by the thread that uses it: jobs are synchronous, so each needs a thread of its own anyway, and
//! answers then come without a change of threads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{join, join3, try_join_all};
use futures_util::{StreamExt as _, TryStreamExt as _};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::columns::{Value, params};
use super::error::Failure;
use crate::store::StoreError;

/// A connection that is made when it is needed, and made again when it is lost. Statements are prepared once for each.
pub(super) struct Session {
    runtime: Runtime,
    target: Arc<Target>,
    client: Option<Client>,
    statements: HashMap<&'static str, Statement>,
    traffic: Arc<TrafficCounters>,
    /// Opens a transaction with the next statement, in one round trip.
    begin: Option<&'static str>,
    /// Statements that go with the next one.
    late: Vec<(&'static str, Vec<Kept>)>,
    /// Whether a transaction is open.
    open: bool,
}

/// What all sessions of a store have sent.
#[derive(Debug, Default)]
pub(super) struct TrafficCounters {
    pub(super) round_trips: AtomicU64,
    pub(super) statements: AtomicU64,
}

impl TrafficCounters {
    /// Counts statements that are under way together.
    fn add(&self, statements: usize) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        self.statements.fetch_add(statements as u64, Ordering::Relaxed);
    }
}

/// Where to connect, and how.
pub(super) struct Target {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Whether statements and transactions that stall are ended by the server.
    timeouts: bool,
    traffic: Arc<TrafficCounters>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After which a peer that does not answer is given up.
const SILENCE: Duration = Duration::from_secs(20);
/// A process that hangs must not keep the others from writing, nor a query the server from anything.
const LIMITS: &str = "SET idle_in_transaction_session_timeout = '30s'; SET statement_timeout = '60s'";

impl Target {
    /// Parses an address, `postgres://user:password@host:port/database`. With certificates in a file, connections are
    /// encrypted, and the database must prove that its certificate comes from one of those and is for its name.
    ///
    /// # Errors
    /// The address is none (the error does not repeat it, since it may hold a password), or the file has no certificate.
    pub(super) fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, StoreError> {
        let mut config: Config = url.parse().map_err(|_: tokio_postgres::Error| {
            StoreError::Internal(
                "the address of the database cannot be read; write it as postgres://user:password@host:port/database"
                    .into(),
            )
        })?;
        if config.get_application_name().is_none() {
            config.application_name("tozstore");
        }
        config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let tls = ca_file.map(connector).transpose()?;
        if tls.is_some() {
            config.ssl_mode(SslMode::Require);
        }
        Ok(Self { config, tls, timeouts: true, traffic: Arc::default() })
    }

    /// What all sessions with this target have sent.
    pub(super) fn traffic(&self) -> Arc<TrafficCounters> {
        Arc::clone(&self.traffic)
    }

    /// The same for work that may take long.
    pub(super) fn without_timeouts(&self) -> Self {
        let (config, tls) = (self.config.clone(), self.tls.clone());
        Self { config, tls, timeouts: false, traffic: self.traffic() }
    }
}

impl Session {
    /// A session that is not connected yet. It must be used outside of any other runtime.
    pub(super) fn new(target: Arc<Target>) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Internal(error.into()))?;
        let (statements, traffic) = (HashMap::new(), target.traffic());
        Ok(Self {
            runtime,
            target,
            client: None,
            statements,
            traffic,
            begin: None,
            late: Vec::new(),
            open: false,
        })
    }

    /// Lets the next statement open a transaction.
    pub(super) fn begin_with_next(&mut self, begin: &'static str) {
        self.begin = Some(begin);
    }

    /// Opens a transaction, takes a lock, and reads a row that the lock guards: one round trip, in this order.
    pub(super) fn begin_locked(
        &mut self,
        begin: &'static str,
        lock: &'static str,
        read: &'static str,
    ) -> Result<Option<Row>, Failure> {
        let (lock, read) = (self.prepared(lock)?, self.prepared(read)?);
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        self.open = true;
        self.traffic.add(2);
        let (begun, locked, found) = self.runtime.block_on(join3(
            client.batch_execute(begin),
            client.query_opt(&lock, &[]),
            client.query_opt(&read, &[]),
        ));
        let failed = |error: tokio_postgres::Error| Failure::of(&error);
        begun.map_err(failed)?;
        if locked.map_err(failed)?.is_none() {
            return Ok(None);
        }
        found.map_err(failed)
    }

    /// The rows that a statement returns.
    pub(super) fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        let rows = self.query_all(&[(sql, values.to_vec())])?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// The rows that each of several statements returns, all under way at once.
    pub(super) fn query_all(
        &mut self,
        statements: &[(&'static str, Vec<Value<'_>>)],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let prepared = statements.iter().map(|(sql, values)| Ok((self.prepared(sql)?, values)));
        let prepared: Vec<_> = prepared.collect::<Result<_, _>>()?;
        let late = self.prepare_late()?;
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        self.traffic.add(late.len() + prepared.len());
        let begin = self.begin.take();
        self.open |= begin.is_some();
        let queries = try_join_all(prepared.iter().map(|(statement, values)| async move {
            client.query_raw(statement, values.iter()).await?.try_collect::<Vec<_>>().await
        }));
        let (begun, written, answer) =
            self.runtime.block_on(join3(run_begin(client, begin), run_late(client, &late), queries));
        begun.and(written).and(answer).map_err(|error| Failure::of(&error))
    }

    /// Runs a statement with the next one, or at the commit, whichever comes first: nobody asks what comes of it.
    pub(super) fn run_late(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), Failure> {
        self.late.push((sql, values.iter().map(Kept::from).collect()));
        if self.late.len() < MOST_LATE {
            return Ok(());
        }
        let late = self.prepare_late()?;
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        self.traffic.add(late.len());
        self.runtime.block_on(run_late(client, &late)).map_err(|error| Failure::of(&error))
    }

    fn prepare_late(&mut self) -> Result<Vec<(Statement, Vec<Kept>)>, Failure> {
        let late = std::mem::take(&mut self.late).into_iter();
        late.map(|(sql, values)| Ok((self.prepared(sql)?, values))).collect()
    }

    /// Runs a statement for each set of values, all under way at once; returns how many rows were changed.
    pub(super) fn execute(&mut self, sql: &'static str, sets: &[&[Value<'_>]]) -> Result<u64, Failure> {
        let (statement, late) = (&self.prepared(sql)?, self.prepare_late()?);
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        self.traffic.add(late.len() + sets.len());
        let all = try_join_all(sets.iter().map(|values| client.execute_raw(statement, values.iter())));
        let (written, changed) = self.runtime.block_on(join(run_late(client, &late), all));
        let changed = written.and(changed).map_err(|error| Failure::of(&error))?;
        Ok(changed.into_iter().sum())
    }

    /// In one transaction and one round trip: for each set of values a statement that writes, then one that looks for a
    /// row. Tells how many rows each wrote, and whether there was a row.
    pub(super) fn write_and_look<const W: usize, const L: usize>(
        &mut self,
        begin: &'static str,
        (write, written): (&'static str, &[[Value<'_>; W]]),
        (look, looked_for): (&'static str, &[[Value<'_>; L]]),
    ) -> Result<Vec<(u64, bool)>, Failure> {
        let (write, look) = (self.prepared(write)?, self.prepared(look)?);
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        let looked_for: Vec<Vec<&(dyn ToSql + Sync)>> =
            looked_for.iter().map(|values| values.iter().map(|value| value as _).collect()).collect();
        let (write, look) = (&write, &look);
        let both = written.iter().zip(&looked_for).map(|(written, looked_for)| async move {
            let (written, found) =
                join(client.execute_raw(write, written.iter()), client.query_opt(look, looked_for)).await;
            Ok::<_, tokio_postgres::Error>((written?, found?.is_some()))
        });
        self.open = true;
        let (begun, all, committed) = self.runtime.block_on(join3(
            client.batch_execute(begin),
            try_join_all(both),
            client.batch_execute("COMMIT"),
        ));
        let failed = |error: tokio_postgres::Error| Failure::of(&error);
        begun.map_err(failed)?;
        let all = all.map_err(failed)?;
        committed.map_err(failed)?;
        self.open = false;
        Ok(all)
    }

    /// Runs one statement that is not worth preparing.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.connect()?;
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        self.runtime.block_on(client.batch_execute(sql)).map_err(|error| Failure::of(&error))
    }

    /// Each row that a query without values returns, one after the other as they come.
    pub(super) fn each(
        &mut self,
        sql: &str,
        take: &mut dyn FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let told = |failure: Failure| failure.to_internal();
        self.connect().map_err(told)?;
        let client = self.client.as_ref().ok_or_else(Failure::unconnected).map_err(told)?;
        let failed = |error: tokio_postgres::Error| Failure::of(&error).to_internal();
        let rows = self.runtime.block_on(client.query_raw(sql, NONE)).map_err(failed)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = self.runtime.block_on(rows.next()) {
            take(&row.map_err(failed)?)?;
        }
        Ok(())
    }

    /// Adds rows by a `COPY` in binary form, all or none. `describe` is a query of the same columns.
    pub(super) fn copy_in<'a, R>(
        &mut self,
        describe: &str,
        copy: &str,
        rows: impl Iterator<Item = R>,
    ) -> Result<(), Failure>
    where
        R: ExactSizeIterator<Item = Value<'a>>,
    {
        self.connect()?;
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        let copied = self.runtime.block_on(async {
            let described = client.prepare(describe).await?;
            let types: Vec<_> = described.columns().iter().map(|column| column.type_().clone()).collect();
            let writer = BinaryCopyInWriter::new(client.copy_in(copy).await?, &types);
            let mut writer = std::pin::pin!(writer);
            for row in rows {
                writer.as_mut().write_raw(row).await?;
            }
            writer.finish().await
        });
        copied.map(drop).map_err(|error| Failure::of(&error))
    }

    /// Writes a last row and commits, in one round trip. If the row is not written, nothing is kept.
    pub(super) fn commit_with(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Result<(), Failure>, StoreError> {
        let prepared = self.prepared(sql).and_then(|statement| Ok((statement, self.prepare_late()?)));
        let (statement, late) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(client) = self.client.as_ref() else { return Ok(Err(Failure::unconnected())) };
        self.traffic.add(late.len() + 1);
        let (written_late, written, committed) = self.runtime.block_on(join3(
            run_late(client, &late),
            client.execute_raw(&statement, values.iter()),
            client.batch_execute("COMMIT"),
        ));
        match (written_late.and(written), committed) {
            (Ok(_), Ok(())) => {
                self.open = false;
                Ok(Ok(()))
            }
            // The server says that it refused the row: what follows in the transaction is nothing but its end.
            (Err(error), _) if error.as_db_error().is_some() => Ok(Err(Failure::of(&error))),
            (Err(error), _) | (Ok(_), Err(error)) => Failure::of_commit(&error).map(Err),
        }
    }

    /// Ends a transaction, if one is open, without keeping anything. A connection that cannot do that is given up.
    pub(super) fn end(&mut self) {
        self.begin = None;
        self.late.clear();
        if !std::mem::take(&mut self.open) {
            return;
        }
        let client = self.client.as_ref().filter(|client| !client.is_closed());
        if client.is_none_or(|client| self.runtime.block_on(client.batch_execute("ROLLBACK")).is_err()) {
            self.disconnect();
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.client = None;
        self.open = false;
        self.begin = None;
        self.late.clear();
        self.statements.clear();
    }

    fn connect(&mut self) -> Result<(), Failure> {
        if self.client.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        if self.open {
            // A transaction does not go on in another connection.
            return Err(Failure::unconnected());
        }
        self.statements.clear();
        self.client = None;
        let config = &self.target.config;
        // What ends the connection is told by the statement that needs it.
        let connected = self.runtime.block_on(async {
            match &self.target.tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    Ok(client)
                }
                Some(tls) => {
                    let (client, connection) = config.connect(tls.clone()).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    Ok(client)
                }
            }
        });
        let client = connected.map_err(|error| Failure::to_connect(&error))?;
        if self.target.timeouts {
            let limited = self.runtime.block_on(client.batch_execute(LIMITS));
            limited.map_err(|error| Failure::to_connect(&error))?;
        }
        self.client = Some(client);
        Ok(())
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        self.connect()?;
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let client = self.client.as_ref().ok_or_else(Failure::unconnected)?;
        let statement = self.runtime.block_on(client.prepare(sql)).map_err(|error| Failure::of(&error))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// A value that is kept until its statement runs.
enum Kept {
    Bytes(Vec<u8>),
    Plain(Value<'static>),
}

impl From<&Value<'_>> for Kept {
    fn from(value: &Value<'_>) -> Self {
        match *value {
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Flag(flag) => Self::Plain(Value::Flag(flag)),
            Value::Integer(number) => Self::Plain(Value::Integer(number)),
            Value::Null => Self::Plain(Value::Null),
        }
    }
}

impl Kept {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Plain(value) => *value,
        }
    }
}

/// Statements that are kept for later at most.
const MOST_LATE: usize = 256;

async fn run_begin(client: &Client, begin: Option<&str>) -> Result<(), Error> {
    match begin {
        Some(begin) => client.batch_execute(begin).await,
        None => Ok(()),
    }
}

async fn run_late(client: &Client, late: &[(Statement, Vec<Kept>)]) -> Result<(), Error> {
    try_join_all(late.iter().map(|(statement, values)| async move {
        let values: Vec<_> = values.iter().map(Kept::value).collect();
        client.execute_raw(statement, values).await.map(drop)
    }))
    .await
    .map(drop)
}

/// Encrypts connections to a database for which one of the certificates in a file vouches.
fn connector(ca_file: &Path) -> Result<MakeRustlsConnect, StoreError> {
    let unfit = |why: String| {
        StoreError::Internal(format!("{} cannot be used for store.ca_file: {why}", ca_file.display()).into())
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca_file).map_err(|error| unfit(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unfit(error.to_string()))?;
        roots.add(certificate).map_err(|error| unfit(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unfit("it holds no certificate in PEM".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// The parameters of a statement without any.
pub(super) const NONE: &[Value<'static>] = params![];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        for url in ["postgres://user:hunter2@host:nan/db", "hunter2 = ="] {
            let refused = Target::parse(url, None).map(drop).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}

//! How the server is set up: a TOML file, then `TOZSTORE_…` variables, then the command line. Later ones win.
//!
//! Every member can be set by a variable of its name: `limits.body_bytes` by `TOZSTORE_LIMITS_BODY_BYTES`, lists with
//! commas between their entries.

mod sources;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use sources::{ConfigError, ConfigOverrides};

/// The set-up of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Directory of the database and of the server's key. Made if it is not there.
    pub data_dir: PathBuf,
    /// File of the server's key. Where it is empty, it is `server.key` in the data directory, made if it is not there.
    pub server_key_file: PathBuf,
    /// Where to listen.
    pub listen: ListenConfig,
    /// TLS.
    pub tls: TlsConfig,
    /// What one request, or one connection, may ask for.
    pub limits: LimitsConfig,
    /// How often somebody may ask.
    pub rates: RatesConfig,
    /// How much somebody may keep.
    pub quotas: QuotasConfig,
    /// Tokens and signed requests.
    pub tokens: TokensConfig,
    /// Where rows lie.
    pub store: StoreConfig,
    /// Accounts.
    pub accounts: AccountsConfig,
    /// Files.
    pub files: FilesConfig,
    /// Notes.
    pub notes: NotesConfig,
    /// Mails.
    pub mail: MailConfig,
    /// Work between requests.
    pub jobs: JobsConfig,
    /// Hooks.
    pub hooks: HooksConfig,
    /// Figures for Prometheus.
    pub metrics: MetricsConfig,
    /// Traces.
    pub telemetry: TelemetryConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Web pages of other origins.
    pub cors: CorsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("tozstore-data"),
            server_key_file: PathBuf::new(),
            listen: ListenConfig::default(),
            tls: TlsConfig::default(),
            limits: LimitsConfig::default(),
            rates: RatesConfig::default(),
            quotas: QuotasConfig::default(),
            tokens: TokensConfig::default(),
            store: StoreConfig::default(),
            accounts: AccountsConfig::default(),
            files: FilesConfig::default(),
            notes: NotesConfig::default(),
            mail: MailConfig::default(),
            jobs: JobsConfig::default(),
            hooks: HooksConfig::default(),
            metrics: MetricsConfig::default(),
            telemetry: TelemetryConfig::default(),
            log: LogConfig::default(),
            cors: CorsConfig::default(),
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// Address and port. Port 0 takes any free one.
    pub address: SocketAddr,
    /// What the addresses begin with that clients are given for the bytes of files, such as `https://store.example`.
    /// Where it is empty, the `Host` of the request is taken.
    pub public_url: String,
    /// Seconds for which the server goes on, and says that it is not ready, once it is told to stop.
    pub drain_s: u64,
    /// Seconds that requests under way may take to finish after that.
    pub shutdown_wait_s: u64,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            drain_s: 0,
            shutdown_wait_s: 30,
        }
    }
}

/// TLS, on if both files are named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, then those that vouch for it, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
    /// Seconds between two looks at the files. Those that changed are read again.
    pub check_interval_s: u64,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { certificate_file: PathBuf::new(), key_file: PathBuf::new(), check_interval_s: 60 }
    }
}

impl TlsConfig {
    /// Whether connections are over TLS.
    pub fn is_on(&self) -> bool {
        !self.certificate_file.as_os_str().is_empty()
    }
}

/// What one request, or one connection, may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Requests under way at a time, the bytes of files not counted; more are refused for the moment.
    pub requests: usize,
    /// Milliseconds that a job of the store should wait at most. Requests that would wait for longer are refused for the moment.
    pub queue_delay_ms: u64,
    /// Seconds in which a request's body must come.
    pub body_read_timeout_s: u64,
    /// Seconds in which a request's headers must come.
    pub header_read_timeout_s: u64,
    /// Connections at a time. More of them wait.
    pub connections: usize,
    /// Seconds after which a connection is closed on which nothing is sent either way, whatever it waits for.
    pub connection_pause_s: u64,
    /// Bytes of bodies that are held at a time, over all requests; more are refused for the moment. With what is made of
    /// them, they take about three times as much memory.
    pub bodies_bytes: usize,
    /// Bytes of large answers that are on their way at a time, over all requests; more are refused for the moment.
    pub answers_bytes: usize,
    /// Registration tokens of one account.
    pub registration_tokens_per_account: usize,
    /// Signed requests that are kept in mind so that they are not taken twice. About 200 bytes each.
    pub replay_cache_requests: usize,
    /// Those of one client. Of one that signs more, those older than the ones that are kept are refused.
    pub replay_cache_requests_per_client: usize,
    /// The same for requests that are signed by those who are no clients, such as readers of notes.
    pub strangers_replay_cache_requests: usize,
    /// Records that one search may look at before it is refused.
    pub search_examined_records: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            requests: 4096,
            queue_delay_ms: 50,
            body_read_timeout_s: 60,
            header_read_timeout_s: 15,
            connections: 4096,
            connection_pause_s: 120,
            bodies_bytes: 256 * 1024 * 1024,
            answers_bytes: 512 * 1024 * 1024,
            registration_tokens_per_account: 1000,
            replay_cache_requests: 262_144,
            replay_cache_requests_per_client: 16_384,
            strangers_replay_cache_requests: 65_536,
            search_examined_records: 1_000_000,
        }
    }
}

/// How often somebody may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RatesConfig {
    /// Requests of one client in a second, over a longer time. 0 is no limit.
    pub client_per_s: u32,
    /// Requests of one client that may come at once.
    pub client_burst: u32,
    /// The same for all clients of an account together.
    pub account_per_s: u32,
    /// The same for all clients of an account together.
    pub account_burst: u32,
    /// The same for whoever proves nothing, by address.
    pub address_per_s: u32,
    /// The same for whoever proves nothing, by address.
    pub address_burst: u32,
    /// Proxies of the operator's own before the server, each of which adds to `X-Forwarded-For`.
    pub proxies: usize,
    /// Server processes that share the load. Each takes its part of the rates.
    pub processes: u32,
}

impl Default for RatesConfig {
    fn default() -> Self {
        Self {
            client_per_s: 1_000,
            client_burst: 5_000,
            account_per_s: 5_000,
            account_burst: 20_000,
            address_per_s: 100,
            address_burst: 1_000,
            proxies: 0,
            processes: 1,
        }
    }
}

/// How much an account, or a client of it, may keep, unless the operator gave it quotas of its own. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasConfig {
    /// Records of an account.
    pub account_records: u64,
    /// Bytes of its records and files.
    pub account_bytes: u64,
    /// Files of its records.
    pub account_files: u64,
    /// Records of a client.
    pub client_records: u64,
    /// Bytes of its records and files.
    pub client_bytes: u64,
    /// Files of its records.
    pub client_files: u64,
}

/// Tokens and signed requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensConfig {
    /// Seconds that a client's access token lives.
    pub access_token_lifetime_s: u32,
    /// Seconds that an account token lives. Clients log in again after an hour at the earliest.
    pub account_token_lifetime_s: u32,
    /// Seconds in which a login challenge must be answered.
    pub challenge_lifetime_s: u32,
    /// Seconds by which the clock of a client that signs its requests may differ from ours.
    pub clock_window_s: u64,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            access_token_lifetime_s: 900,
            account_token_lifetime_s: 7200,
            challenge_lifetime_s: 300,
            clock_window_s: 300,
        }
    }
}

/// Where rows lie.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The PostgreSQL database. Where it is empty, rows lie in a file in the data directory.
    pub url: StoreUrl,
    /// Certificates in PEM of those who vouch for the database. Where it is empty, connections to it are not encrypted.
    pub ca_file: PathBuf,
    /// Connections to that database for reading. Writing takes one more, and at times two.
    pub connections: usize,
    /// Whether this server's key takes the place of the one that servers on that database had, which is lost.
    pub new_server_key: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: StoreUrl::default(), ca_file: PathBuf::new(), connections: 8, new_server_key: false }
    }
}

/// Address of a database, `postgres://user:password@host:port/database`, or nothing. `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The address, if there is one.
    pub fn address(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|address| !address.is_empty())
    }
}

impl From<String> for StoreUrl {
    fn from(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "StoreUrl()" } else { "StoreUrl(..)" })
    }
}

/// Accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// Whether anyone who reaches the server may create an account.
    pub open: bool,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self { open: true }
    }
}

/// Files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// Sealed bytes that one file may have.
    pub max_bytes: u64,
    /// Seconds in which a file that was announced must be sent and committed.
    pub upload_lifetime_s: u32,
    /// Seconds in which the download of a file must begin once its address was asked for.
    pub download_lifetime_s: u32,
    /// The bucket of the bytes of files and what their names begin with, `s3://BUCKET/PREFIX`. Where it is empty, the
    /// bytes lie in a folder in the data directory.
    pub url: String,
    /// Where the S3 store is, such as `https://s3.example:9000`. Where it is empty, that of Amazon in the region.
    pub endpoint: String,
    /// Where clients find it, if they know it by another name.
    pub public_endpoint: String,
    /// Its region. Stores of one's own take any, or one that they are set up with.
    pub region: String,
    /// Whether the bucket's name is in the path of addresses, not in the host.
    pub path_style: bool,
    /// Who we are there. Where it is empty, `AWS_…` variables say so, or the machine we run on.
    pub access_key: String,
    /// File with the secret of that key, of one line.
    pub secret_key_file: PathBuf,
    /// Certificates in PEM of those who vouch for the store. Where it is empty, those that the system trusts.
    pub ca_file: PathBuf,
    /// Seconds in which the store must answer.
    pub timeout_s: u64,
    /// Whether clients send bytes to the store, and fetch them, themselves. Else they go through this server.
    pub presign: bool,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            max_bytes: tozstore_api::MAX_FILE_BYTES,
            upload_lifetime_s: 21_600,
            download_lifetime_s: 900,
            url: String::new(),
            endpoint: String::new(),
            public_endpoint: String::new(),
            region: "us-east-1".to_owned(),
            path_style: true,
            access_key: String::new(),
            secret_key_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            timeout_s: 30,
            presign: true,
        }
    }
}

/// Notes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotesConfig {
    /// Whether those who are no clients may write notes.
    pub strangers_may_write: bool,
    /// Days after which their notes are removed, whatever the notes say.
    pub strangers_lifetime_days: u32,
    /// Notes that they may have on this server at a time, all of them together.
    pub strangers_notes: usize,
    /// Bytes that these may have, all of them together.
    pub strangers_bytes: u64,
}

impl Default for NotesConfig {
    fn default() -> Self {
        Self {
            strangers_may_write: true,
            strangers_lifetime_days: 30,
            strangers_notes: 10_000,
            strangers_bytes: 256 * 1024 * 1024,
        }
    }
}

/// Mails: codes for notes that ask for one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The server that takes mails (SMTP). Where it is empty, no mails are sent.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection to it is kept secret.
    pub tls: MailTls,
    /// Name to log in with; empty for no login.
    pub user: String,
    /// File with the password, of one line.
    pub password_file: PathBuf,
    /// Who the mails are from, such as `TozStore <notes@store.example>`.
    pub from: String,
    /// What the links of notes must begin with to be put into mails. Others are left out: anybody could make this
    /// server send them.
    pub link_prefixes: Vec<String>,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            tls: MailTls::Starttls,
            user: String::new(),
            password_file: PathBuf::new(),
            from: String::new(),
            link_prefixes: Vec::new(),
        }
    }
}

/// How a connection to a mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Not at all: for a server on the same machine.
    None,
    /// TLS once both sides have greeted (RFC 3207), or no mail.
    Starttls,
    /// TLS from the beginning (RFC 8314).
    Tls,
}

/// Work between requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Seconds between two rounds.
    pub interval_s: u64,
    /// Rows that one step removes. Between steps, other writers have their turn.
    pub rows_per_step: usize,
    /// Days that the list of changes goes back.
    pub changes_kept_days: u32,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { interval_s: 10, rows_per_step: 500, changes_kept_days: 30 }
    }
}

/// Hooks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HooksConfig {
    /// Whether deliveries may go into private networks: to loopback, private and link-local addresses.
    pub allow_private_addresses: bool,
    /// Hooks that one account may have.
    pub per_account: usize,
    /// Deliveries that may wait for one hook. Of what changes beyond that, it is not told.
    pub queue_deliveries: usize,
    /// Hours after which a delivery that could not be made is given up.
    pub kept_hours: u32,
    /// Tries after which a delivery is given up.
    pub attempts: u32,
    /// Seconds in which the receiver must answer.
    pub timeout_s: u64,
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self {
            allow_private_addresses: false,
            per_account: 10,
            queue_deliveries: 5000,
            kept_hours: 24,
            attempts: 12,
            timeout_s: 10,
        }
    }
}

/// Figures for Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Address and port where they are told, to everybody who asks. An empty text, and nowhere, by default.
    #[serde(with = "address_or_empty")]
    pub listen: Option<SocketAddr>,
}

/// Traces: one span for each request, sent to a collector.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where a collector takes spans by OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`. Where it is empty, there
    /// are none.
    pub endpoint: String,
    /// What the spans say that they come from.
    pub service_name: String,
    /// One in so many requests is traced, of those that are not part of a trace already.
    pub one_in: u32,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { endpoint: String::new(), service_name: "tozstore".into(), one_in: 1 }
    }
}

/// An address as text, empty for none.
mod address_or_empty {
    use std::net::SocketAddr;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.map(|address| address.to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                de::Error::custom(format!("{text:?} is not an address and port, such as 127.0.0.1:9464"))
            }),
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Levels by module, such as `info` or `warn,tozstore_server=debug`.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object for each line.
    Json,
    /// Text.
    Text,
}

/// Web pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins whose pages may call, `*` for all. Credentials are never taken from cookies, so `*` gives nothing away.
    pub allowed_origins: Vec<String>,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self { allowed_origins: vec!["*".to_owned()] }
    }
}

//! How the server is set up: a TOML file, then `TOZSTORE_…` variables, then the command line. Later ones win.
//!
//! Every member can be set by a variable of its name: `limits.body_bytes` by `TOZSTORE_LIMITS_BODY_BYTES`, lists with
//! commas between their entries.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The set-up of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Directory of the database and of the server's key. Made if it is not there.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: ListenConfig,
    /// What one request, or one connection, may ask for.
    pub limits: LimitsConfig,
    /// Tokens and signed requests.
    pub tokens: TokensConfig,
    /// Accounts.
    pub accounts: AccountsConfig,
    /// Work between requests.
    pub jobs: JobsConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Web pages of other origins.
    pub cors: CorsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("tozstore-data"),
            listen: ListenConfig::default(),
            limits: LimitsConfig::default(),
            tokens: TokensConfig::default(),
            accounts: AccountsConfig::default(),
            jobs: JobsConfig::default(),
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
    /// Seconds that requests under way may take to finish once the server is told to stop.
    pub shutdown_wait_s: u64,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 8080)), shutdown_wait_s: 30 }
    }
}

/// What one request, or one connection, may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Seconds in which a request's body must come.
    pub body_read_timeout_s: u64,
    /// Seconds in which a request's headers must come.
    pub header_read_timeout_s: u64,
    /// Connections at a time. More of them wait.
    pub connections: usize,
    /// Registration tokens of one account.
    pub registration_tokens_per_account: usize,
    /// Signed requests that are kept in mind so that they are not taken twice. About 64 bytes each.
    pub replay_cache_requests: usize,
    /// Records that one search may look at before it is refused.
    pub search_examined_records: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            body_read_timeout_s: 60,
            header_read_timeout_s: 15,
            connections: 4096,
            registration_tokens_per_account: 1000,
            replay_cache_requests: 262_144,
            search_examined_records: 1_000_000,
        }
    }
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

/// What the command line may set. What is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigOverrides {
    /// [`Config::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// [`ListenConfig::address`].
    pub listen_address: Option<SocketAddr>,
    /// [`LogConfig::filter`].
    pub log_filter: Option<String>,
    /// [`LogConfig::format`].
    pub log_format: Option<LogFormat>,
}

/// Why a set-up cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file, or a variable, has a value that does not fit, or a name that there is not.
    #[error("the configuration does not fit: {0}")]
    Parse(#[from] toml::de::Error),
    /// A value is out of range.
    #[error("{name} must be at least {least}")]
    TooSmall {
        /// Which one.
        name: &'static str,
        /// Its least value.
        least: u64,
    },
    /// A variable has a value of another kind than its member.
    #[error("the variable {0} must be {1}")]
    Variable(String, &'static str),
}

impl Config {
    /// Reads a file if one is named, then variables, then the command line's wishes.
    ///
    /// # Errors
    /// The file cannot be read, something in it or in a variable does not fit, or a value is out of range.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
        overrides: ConfigOverrides,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| ConfigError::Io { path: path.into(), source })?;
                toml::from_str(&text)?
            }
            None => toml::Table::new(),
        };
        set_variables(&mut table, variables)?;
        let mut config: Self = table.try_into()?;
        let ConfigOverrides { data_dir, listen_address, log_filter, log_format } = overrides;
        config.data_dir = data_dir.unwrap_or(config.data_dir);
        config.listen.address = listen_address.unwrap_or(config.listen.address);
        config.log.filter = log_filter.unwrap_or(config.log.filter);
        config.log.format = log_format.unwrap_or(config.log.format);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let Self { limits, tokens, jobs, .. } = self;
        let least = [
            ("limits.body_bytes", limits.body_bytes as u64, 64 * 1024),
            ("limits.body_read_timeout_s", limits.body_read_timeout_s, 1),
            ("limits.header_read_timeout_s", limits.header_read_timeout_s, 1),
            ("limits.connections", limits.connections as u64, 1),
            ("limits.registration_tokens_per_account", limits.registration_tokens_per_account as u64, 1),
            ("limits.replay_cache_requests", limits.replay_cache_requests as u64, 1024),
            ("limits.search_examined_records", limits.search_examined_records as u64, 1000),
            // Clients wait for 60 seconds before they ask again, even if a token lives for less.
            ("tokens.access_token_lifetime_s", tokens.access_token_lifetime_s.into(), 60),
            ("tokens.account_token_lifetime_s", tokens.account_token_lifetime_s.into(), 60),
            ("tokens.challenge_lifetime_s", tokens.challenge_lifetime_s.into(), 10),
            ("tokens.clock_window_s", tokens.clock_window_s, 1),
            ("jobs.interval_s", jobs.interval_s, 1),
            ("jobs.rows_per_step", jobs.rows_per_step as u64, 1),
            ("jobs.changes_kept_days", jobs.changes_kept_days.into(), 1),
        ];
        match least.into_iter().find(|&(_, value, least)| value < least) {
            Some((name, _, least)) => Err(ConfigError::TooSmall { name, least }),
            None => Ok(()),
        }
    }
}

/// Puts the values of variables into a table. The defaults tell which variables there are, and of what kind.
fn set_variables(
    table: &mut toml::Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix("TOZSTORE_") else { continue };
        for (member, default) in &defaults {
            let Some(rest) = name.strip_prefix(&member.to_uppercase()) else { continue };
            let place = match default {
                toml::Value::Table(section) => {
                    let field =
                        section.iter().find(|(field, _)| rest == format!("_{}", field.to_uppercase()));
                    field.and_then(|(field, default)| {
                        let section =
                            table.entry(member.clone()).or_insert_with(|| toml::Table::new().into());
                        Some((section.as_table_mut()?, field, default))
                    })
                }
                _ if rest.is_empty() => Some((&mut *table, member, default)),
                _ => None,
            };
            if let Some((place, field, default)) = place {
                place.insert(field.clone(), value_like(default, &variable, &text)?);
            }
        }
    }
    Ok(())
}

fn value_like(default: &toml::Value, variable: &str, text: &str) -> Result<toml::Value, ConfigError> {
    let wrong = |kind| ConfigError::Variable(variable.to_owned(), kind);
    Ok(match default {
        toml::Value::Integer(_) => text.trim().parse::<i64>().map_err(|_| wrong("a number"))?.into(),
        toml::Value::Boolean(_) => text.trim().parse::<bool>().map_err(|_| wrong("true or false"))?.into(),
        toml::Value::Array(_) => {
            text.split(',').map(|entry| entry.trim().to_owned()).collect::<Vec<_>>().into()
        }
        _ => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../docs/tozstore.toml");

    fn load(
        text: &str,
        variables: &[(&str, &str)],
        overrides: ConfigOverrides,
    ) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tozstore.toml");
        fs::write(&path, text).unwrap();
        Config::load(Some(&path), variables.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())), overrides)
    }

    #[test]
    fn the_sample_shows_all_members_with_their_defaults() {
        assert_eq!(load(SAMPLE, &[], ConfigOverrides::default()).unwrap(), Config::default());
        let shown = toml::from_str::<toml::Table>(SAMPLE).unwrap();
        assert_eq!(shown, toml::Table::try_from(Config::default()).unwrap());
    }

    #[test]
    fn later_sources_win() {
        let variables = [
            ("TOZSTORE_LISTEN_ADDRESS", "127.0.0.1:2"),
            ("TOZSTORE_LIMITS_BODY_BYTES", "100000"),
            ("TOZSTORE_CORS_ALLOWED_ORIGINS", "https://a.example, https://b.example"),
            ("TOZSTORE_DATA_DIR", "/from/variable"),
            ("TOZSTORE_PROFILE", "not ours"),
        ];
        let overrides =
            ConfigOverrides { data_dir: Some("/from/command".into()), ..ConfigOverrides::default() };
        let config =
            load("[listen]\naddress = \"127.0.0.1:1\"\nshutdown_wait_s = 5", &variables, overrides).unwrap();
        assert_eq!(config.listen.address.port(), 2);
        assert_eq!(config.listen.shutdown_wait_s, 5);
        assert_eq!(config.limits.body_bytes, 100_000);
        assert_eq!(config.cors.allowed_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.data_dir, Path::new("/from/command"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let none = ConfigOverrides::default;
        assert!(matches!(load("[limits]\nbodybytes = 1", &[], none()), Err(ConfigError::Parse(_))));
        assert!(matches!(load("[limits]\nbody_bytes = 1", &[], none()), Err(ConfigError::TooSmall { .. })));
        let wrong = [("TOZSTORE_LIMITS_BODY_BYTES", "many")];
        assert!(matches!(load("", &wrong, none()), Err(ConfigError::Variable(..))));
    }
}

//! Where a set-up comes from: a file, variables, the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{Config, LogFormat};

/// What the command line may set. What is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigOverrides {
    /// [`Config::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// [`ListenConfig::address`](super::ListenConfig::address).
    pub listen_address: Option<SocketAddr>,
    /// [`LogConfig::filter`](super::LogConfig::filter).
    pub log_filter: Option<String>,
    /// [`LogConfig::format`](super::LogConfig::format).
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
        let Self { limits, rates, tokens, store, notes, jobs, hooks, files, .. } = self;
        let least = [
            ("tls.check_interval_s", self.tls.check_interval_s, 1),
            ("limits.body_bytes", limits.body_bytes as u64, 64 * 1024),
            ("limits.requests", limits.requests as u64, 1),
            ("limits.queue_delay_ms", limits.queue_delay_ms, 1),
            ("limits.body_read_timeout_s", limits.body_read_timeout_s, 1),
            ("limits.header_read_timeout_s", limits.header_read_timeout_s, 1),
            ("limits.connections", limits.connections as u64, 1),
            ("limits.connection_pause_s", limits.connection_pause_s, 1),
            ("limits.bodies_bytes", limits.bodies_bytes as u64, 2 * limits.body_bytes as u64),
            ("limits.answers_bytes", limits.answers_bytes as u64, 2 * limits.body_bytes as u64),
            ("limits.registration_tokens_per_account", limits.registration_tokens_per_account as u64, 1),
            ("limits.replay_cache_requests", limits.replay_cache_requests as u64, 1024),
            ("limits.replay_cache_requests_per_client", limits.replay_cache_requests_per_client as u64, 1024),
            ("limits.strangers_replay_cache_requests", limits.strangers_replay_cache_requests as u64, 1024),
            ("limits.search_examined_records", limits.search_examined_records as u64, 1000),
            ("rates.client_burst", rates.client_burst.into(), 1),
            ("rates.account_burst", rates.account_burst.into(), 1),
            ("rates.address_burst", rates.address_burst.into(), 1),
            ("rates.processes", rates.processes.into(), 1),
            // Clients wait for 60 seconds before they ask again, even if a token lives for less.
            ("tokens.access_token_lifetime_s", tokens.access_token_lifetime_s.into(), 60),
            ("tokens.account_token_lifetime_s", tokens.account_token_lifetime_s.into(), 60),
            ("tokens.challenge_lifetime_s", tokens.challenge_lifetime_s.into(), 10),
            ("tokens.clock_window_s", tokens.clock_window_s, 1),
            ("store.connections", store.connections as u64, 1),
            ("files.max_bytes", files.max_bytes, 64 * 1024),
            ("files.upload_lifetime_s", files.upload_lifetime_s.into(), 60),
            ("files.download_lifetime_s", files.download_lifetime_s.into(), 60),
            ("files.timeout_s", files.timeout_s, 1),
            ("notes.strangers_lifetime_days", notes.strangers_lifetime_days.into(), 1),
            ("notes.strangers_notes", notes.strangers_notes as u64, 1),
            ("notes.strangers_bytes", notes.strangers_bytes, 64 * 1024),
            ("jobs.interval_s", jobs.interval_s, 1),
            ("jobs.rows_per_step", jobs.rows_per_step as u64, 1),
            ("jobs.changes_kept_days", jobs.changes_kept_days.into(), 1),
            ("hooks.per_account", hooks.per_account as u64, 1),
            ("hooks.queue_deliveries", hooks.queue_deliveries as u64, 1),
            ("hooks.kept_hours", hooks.kept_hours.into(), 1),
            ("hooks.attempts", hooks.attempts.into(), 1),
            ("hooks.timeout_s", hooks.timeout_s, 1),
            ("telemetry.one_in", self.telemetry.one_in.into(), 1),
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

    const SAMPLE: &str = include_str!("../../../../docs/tozstore.toml");

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
            ("TOZSTORE_STORE_URL", "postgres://tozstore:hunter2@db/tozstore"),
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
        assert_eq!(config.store.url.address(), Some("postgres://tozstore:hunter2@db/tozstore"));
        assert!(!format!("{config:?}").contains("hunter2"));
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

//! `serve`: the server, with its log.

use std::fmt;

use tozstore_server::Server;
use tozstore_server::config::{Config, ConfigOverrides, LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;

use crate::args::ServeArguments;
use crate::exit::{Code, Failure, Outcome};
use crate::output::Output;

/// Runs a server until it is told to stop.
pub async fn run(arguments: &ServeArguments, output: Output) -> Outcome {
    let log_format = match arguments.log_format.as_deref() {
        Some("json") => Some(LogFormat::Json),
        Some(_) => Some(LogFormat::Text),
        None => None,
    };
    let overrides = ConfigOverrides {
        data_dir: arguments.data.clone(),
        listen_address: arguments.listen,
        log_format,
        ..ConfigOverrides::default()
    };
    let config = Config::load(arguments.config.as_deref(), variables(), overrides).map_err(not_started)?;
    start_log(&config.log)?;
    // Before the line that says "ready": who reads it may send the signal at once.
    let stop_asked = stop_asked()?;
    let mut reload_asked = ReloadAsked::listen()?;
    let server = Server::start(config).await.map_err(not_started)?;
    let scheme = if server.is_tls() { "https" } else { "http" };
    output.line(&format!("listening on {scheme}://{}", server.local_addr()))?;
    let mut stop_asked = std::pin::pin!(stop_asked);
    loop {
        tokio::select! {
            () = &mut stop_asked => break,
            () = reload_asked.next() => server.reload_certificates(),
        }
    }
    tracing::info!("stopping");
    server.shutdown().await;
    Ok(())
}

/// The variables that may set the server up. Those that are no text are none of ours.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Tells why a server did not start.
pub fn not_started(error: impl fmt::Display) -> Failure {
    Failure::new(
        Code::Failed,
        format!("the server does not run: {error}"),
        "check the settings (docs/configuration.md); another server may use the port or the folder",
    )
}

fn start_log(config: &LogConfig) -> Outcome {
    let filter =
        EnvFilter::try_new(&config.filter).map_err(|error| not_started(format!("log.filter: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => log.json().try_init(),
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    started.map_err(not_started)
}

/// Listens for the signals that stop the server: SIGTERM, and Ctrl-C.
#[cfg(unix)]
fn stop_asked() -> Outcome<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).map_err(not_started)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(not_started)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Listens for the signal that has certificates read again: SIGHUP.
#[cfg(unix)]
struct ReloadAsked(tokio::signal::unix::Signal);

#[cfg(unix)]
impl ReloadAsked {
    fn listen() -> Outcome<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self).map_err(not_started)
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// There is no such signal.
#[cfg(not(unix))]
struct ReloadAsked;

#[cfg(not(unix))]
impl ReloadAsked {
    fn listen() -> Outcome<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Listens for Ctrl-C.
#[cfg(not(unix))]
fn stop_asked() -> Outcome<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

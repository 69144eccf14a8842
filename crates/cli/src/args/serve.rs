//! Arguments for running a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(super) const SERVE_EXAMPLES: &str = "\
Examples:
  tozstore serve
  tozstore serve --data /var/lib/tozstore --listen 0.0.0.0:8080 --log-format json
  tozstore serve --config /etc/tozstore.toml
  tozstore serve --listen 127.0.0.1:0                 any free port; the first line of output names it

An option wins over its TOZSTORE_* variable, which wins over the file.";

/// How to run the server.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Folder that holds the data [default: tozstore-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Settings file, in TOML
    #[arg(long, value_name = "FILE", env = "TOZSTORE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Form of the log on standard error: text or json
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
}

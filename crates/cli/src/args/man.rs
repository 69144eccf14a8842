//! Arguments for the manual page.

use std::path::PathBuf;

use clap::Args;

/// Where to.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder into which one page for each command is written
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

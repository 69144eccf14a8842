//! Arguments of `whoami`.

use clap::Args;

/// What to show of oneself.
#[derive(Debug, Args)]
pub struct WhoamiArguments {
    /// Print the client's id alone
    #[arg(long, conflicts_with = "json")]
    pub id: bool,
}

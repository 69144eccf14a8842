//! Arguments of `whoami`.

use clap::Args;

/// What to show of oneself.
#[derive(Debug, Args)]
pub struct WhoamiArguments {
    /// Print the client's id alone
    #[arg(long, conflicts_with = "json")]
    pub id: bool,
    /// Print a contact card alone, for those who share sealed types with this client
    #[arg(long, conflicts_with_all = ["id", "json"])]
    pub card: bool,
}

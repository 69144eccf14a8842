//! Arguments of the commands on profiles.

use clap::{Args, Subcommand};

/// Commands on profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the profiles on this machine
    List,
    /// Show a profile without its secrets
    Show(ProfileShowArguments),
    /// Print where the profile's file is, or would be
    Path,
}

/// What to show.
#[derive(Debug, Args)]
pub struct ProfileShowArguments {
    /// Print the file itself, private keys and API secret included
    #[arg(long)]
    pub secrets: bool,
}

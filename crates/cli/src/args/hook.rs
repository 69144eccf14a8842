//! Arguments of the commands on hooks.

use clap::{Args, Subcommand};
use tozstore::HookEvent;

use super::PasswordArguments;

pub(super) const HOOK_EXAMPLES: &str = "\
Examples:
  tozstore hook create https://example.com/in --event record_written --event record_deleted
  tozstore hook list
  tozstore hook delete 7

The names of events, and how a receiver checks a delivery, are told in docs/hooks.md.";

/// Commands on hooks.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Let the server tell an address of what changes; prints the secret that deliveries are signed with
    Create(HookCreateArguments),
    /// List the hooks of the account
    List(PasswordArguments),
    /// Delete a hook of the account
    Delete(HookDeleteArguments),
}

/// The hook that is to be.
#[derive(Debug, Args)]
pub struct HookCreateArguments {
    /// Where deliveries go
    #[arg(value_name = "URL")]
    pub url: String,
    /// What is delivered, such as record_written; give it again for more
    #[arg(long = "event", required = true, value_name = "EVENT", value_parser = parse_event)]
    pub events: Vec<HookEvent>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which hook.
#[derive(Debug, Args)]
pub struct HookDeleteArguments {
    /// Id of the hook
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

fn parse_event(text: &str) -> Result<HookEvent, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

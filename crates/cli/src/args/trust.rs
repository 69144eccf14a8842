//! Arguments of the commands on what this client remembers of sealed types.

use clap::{Args, Subcommand};
use tozstore::{ClientId, Contact};

pub(super) const TRUST_EXAMPLES: &str = "\
Examples:
  tozstore trust verify CLIENT#FINGERPRINT       compared on the phone, or by a contact card
  tozstore trust accept CLIENT#FINGERPRINT       the client has new keys, and said so itself
  tozstore trust verify diary                    every record that was counted is there still
  tozstore trust reset diary                     the server was restored from a backup, and its operator said so

What was seen is remembered, so that a server which shows less or something else is found out. These are the only
ways on after that.";

/// Commands on what is remembered.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Compare the keys of a client with a fingerprint, or the records of a type with its newest census
    Verify(TrustVerifyArguments),
    /// Take other keys of a client than those that were seen before
    Accept(ContactArguments),
    /// Forget what was seen of a type, and take what the server shows next
    Reset(ResetArguments),
}

/// What to verify.
#[derive(Debug, Args)]
pub struct TrustVerifyArguments {
    /// ID#FINGERPRINT or a contact card, or the name of a sealed type
    #[arg(value_name = "CLIENT_OR_TYPE")]
    pub what: String,
    /// Whose type it is [default: this client's]
    #[arg(long, value_name = "CLIENT")]
    pub writer: Option<ClientId>,
}

/// Whose keys.
#[derive(Debug, Args)]
pub struct ContactArguments {
    /// ID#FINGERPRINT, or a contact card
    #[arg(value_name = "CLIENT")]
    pub contact: Contact,
}

/// What to forget.
#[derive(Debug, Args)]
pub struct ResetArguments {
    /// Name of the sealed type
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Whose type it is [default: this client's]
    #[arg(long, value_name = "CLIENT")]
    pub writer: Option<ClientId>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

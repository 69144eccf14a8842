//! Arguments of the commands on authorizers.

use clap::{Args, Subcommand};
use tozstore::ClientId;

pub(super) const AUTHORIZER_EXAMPLES: &str = "\
Examples:
  tozstore authorizer add note --client 1a2b3c4d-....
  tozstore authorizer list
  tozstore authorizer remove note --client 1a2b3c4d-....";

/// Commands on authorizers.
#[derive(Debug, Subcommand)]
pub enum AuthorizerCommand {
    /// Let a client share and revoke a record type on behalf of this one
    Add(AuthorizerArguments),
    /// Take that back
    Remove(AuthorizerArguments),
    /// List the authorizers of this client, and the writers that it is an authorizer of
    List,
}

/// Which authorizer, and for what.
#[derive(Debug, Args)]
pub struct AuthorizerArguments {
    /// Type of the records
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Id of the authorizer
    #[arg(long, value_name = "CLIENT")]
    pub client: ClientId,
}

//! Arguments of the commands on sharing and revoking.

use clap::Args;
use tozstore::ClientId;

pub(super) const SHARE_EXAMPLES: &str = "\
Examples:
  tozstore share note --with 1a2b3c4d-....
  tozstore revoke note --from 1a2b3c4d-....

A share covers every record of the type that this client has written or will write.";

/// What to share.
#[derive(Debug, Args)]
pub struct ShareArguments {
    /// Type of the records
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Id of the client who may read them
    #[arg(long, value_name = "CLIENT")]
    pub with: ClientId,
    /// Share the records of this writer, whose authorizer this client is
    #[arg(long, value_name = "WRITER")]
    pub on_behalf_of: Option<ClientId>,
}

/// What to take back.
#[derive(Debug, Args)]
pub struct RevokeArguments {
    /// Type of the records
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Id of the client who may read them no more
    #[arg(long, value_name = "CLIENT")]
    pub from: ClientId,
    /// Take back a share of this writer, whose authorizer this client is
    #[arg(long, value_name = "WRITER")]
    pub on_behalf_of: Option<ClientId>,
}

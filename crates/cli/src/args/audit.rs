//! Arguments of the commands on the audit log of a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tozstore_server::store::AuditHead;

use super::StoreArguments;

/// Commands on the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print the entries, one JSON object on each line; the head is told on standard error
    Export(AuditExportArguments),
    /// Check a log that was exported, without the server: that nothing was changed, moved or left out
    Verify(AuditVerifyArguments),
    /// Print what the log calls an account or a client
    Name(AuditNameArguments),
}

/// Which entries.
#[derive(Debug, Args)]
pub struct AuditExportArguments {
    /// Only entries behind this place
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub after: u64,
    /// Where the rows are.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// What to check.
#[derive(Debug, Args)]
pub struct AuditVerifyArguments {
    /// The log; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A head that was noted earlier: the log must hold it
    #[arg(long, value_name = "POSITION:DIGEST")]
    pub head: Option<AuditHead>,
}

/// Whom.
#[derive(Debug, Args)]
pub struct AuditNameArguments {
    /// Id of the account or the client
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where the rows are.
    #[command(flatten)]
    pub store: StoreArguments,
}

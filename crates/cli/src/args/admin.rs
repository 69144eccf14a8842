//! Arguments for looking after the data of a server: backups, restores, moves.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AuditCommand, QuotaCommand};

pub(super) const ADMIN_EXAMPLES: &str = "\
Examples:
  tozstore admin backup /backup/tozstore.archive --data /var/lib/tozstore        beside the server that runs
  tozstore admin backup - --config /etc/tozstore.toml | ssh elsewhere 'cat > tozstore.archive'
  tozstore admin verify /backup/tozstore.archive                                 needs no server and no data
  tozstore admin restore /backup/tozstore.archive --to sqlite:/var/lib/tozstore
  tozstore admin migrate --from sqlite:/var/lib/tozstore --to config:/etc/tozstore-new.toml
  tozstore admin read-only off --data /var/lib/tozstore
  tozstore admin quota set 1a2b3c4d-.... --records 1000000 --bytes 50000000000
  tozstore admin audit export > audit.jsonl
  tozstore admin audit verify audit.jsonl --head 812:5f0c....

A place is a data folder (sqlite:DIR, or DIR), a database (postgres://USER@HOST/DATABASE, with the data folder of that
server beside it), or the settings of a server (config:FILE). A password in an address can be seen by others on this
machine: with config:FILE it cannot.";

/// What to do with the data of a server.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Write all rows and files of a store, of one moment, into an archive; servers go on meanwhile
    Backup(BackupArguments),
    /// Check every byte of an archive, without a server
    Verify(VerifyArguments),
    /// Fill an empty store of either kind with what an archive holds
    Restore(RestoreArguments),
    /// Move a store to another place or engine; it takes no writes while its rows are copied
    Migrate(MigrateArguments),
    /// Keep servers from writing, or let them write again
    #[command(subcommand)]
    ReadOnly(ReadOnlyCommand),
    /// What accounts keep, and may keep
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// The audit log: who did what to which keys and policies
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// Which store: as `serve` is told.
#[derive(Debug, Args)]
pub struct StoreArguments {
    /// Folder that holds the data [default: tozstore-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Settings file of the server, in TOML
    #[arg(long, value_name = "FILE", env = "TOZSTORE_CONFIG")]
    pub config: Option<PathBuf>,
}

/// What to back up, and where to.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// File to write, which must not be there yet; `-` for standard output
    pub archive: PathBuf,
    /// Which store.
    #[command(flatten)]
    pub store: StoreArguments,
    /// Put the server's key into the archive too: who has it can forge tokens
    #[arg(long)]
    pub with_server_key: bool,
}

/// Which archive to check.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The archive; `-` for standard input
    pub archive: PathBuf,
    /// The digest that was shown when it was made: tells whether anybody changed it since
    #[arg(long, value_name = "HEX")]
    pub digest: Option<String>,
}

/// What to restore, and where to.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The archive; `-` for standard input
    pub archive: PathBuf,
    /// Place to fill, which must be empty
    #[arg(long, value_name = "PLACE")]
    pub to: String,
    /// Data folder for files and the server's key, where the place does not tell it
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// What to move, and where to.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// Place that has the data
    #[arg(long, value_name = "PLACE")]
    pub from: String,
    /// Data folder of that place, where it does not tell it
    #[arg(long, value_name = "DIR")]
    pub from_data: Option<PathBuf>,
    /// Place to move to, which must be empty
    #[arg(long, value_name = "PLACE")]
    pub to: String,
    /// Data folder of that place, where it does not tell it. The same folder as before: files stay where they are
    #[arg(long, value_name = "DIR")]
    pub to_data: Option<PathBuf>,
}

/// Whether servers may write.
#[derive(Debug, Subcommand)]
pub enum ReadOnlyCommand {
    /// Answer writes with 503 until told otherwise
    On {
        /// Which store.
        #[command(flatten)]
        store: StoreArguments,
        /// Seconds after which writes are taken again
        #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        seconds: Option<u32>,
    },
    /// Take writes again, also where the data has moved
    Off {
        /// Which store.
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Show what keeps servers from writing, or from removing files
    Status {
        /// Which store.
        #[command(flatten)]
        store: StoreArguments,
    },
}

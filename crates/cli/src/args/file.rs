//! Arguments of the commands on files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tozstore::RecordId;

use crate::field::Entry;

pub(super) const FILE_EXAMPLES: &str = "\
Examples:
  tozstore file put photo beach.jpg --plain name=beach.jpg
  tar c folder | tozstore file put backup -
  tozstore file put photo better.jpg --replace RECORD
  tozstore file get RECORD beach.jpg
  tozstore file get RECORD - | tar x
  tozstore file list --all-writers

The server sees the size of a file, its type and its --plain metadata. Its name is sent only as --plain.";

/// Commands on files.
#[derive(Debug, Subcommand)]
pub enum FileCommand {
    /// Encrypt a file and store it
    Put(FilePutArguments),
    /// Fetch a file and open it
    Get(FileGetArguments),
    /// List files, by default those that this client wrote
    List(FileListArguments),
    /// Delete a file
    Delete(FileDeleteArguments),
}

/// What to send.
#[derive(Debug, Args)]
pub struct FilePutArguments {
    /// Type of the file's record: what is shared and revoked as one
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// The file, or - for standard input
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Metadata that the server can read and search: name=value
    #[arg(long, value_name = "NAME=VALUE")]
    pub plain: Vec<Entry>,
    /// In place of what this file holds now; its metadata stays unless --plain is given
    #[arg(long, value_name = "RECORD")]
    pub replace: Option<RecordId>,
}

/// What to fetch.
#[derive(Debug, Args)]
pub struct FileGetArguments {
    /// Id of the file's record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
    /// Where to write it, or - for standard output. A file appears when all of it is there and checked; standard output
    /// gets it piece by piece, so look at the exit code
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
}

/// What to list.
#[derive(Debug, Args)]
pub struct FileListArguments {
    /// Files of this type; may be given more than once
    #[arg(long = "type", value_name = "TYPE")]
    pub record_type: Vec<String>,
    /// Files of every writer who shares with this client
    #[arg(long)]
    pub all_writers: bool,
}

/// What to delete.
#[derive(Debug, Args)]
pub struct FileDeleteArguments {
    /// Id of the file's record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
}

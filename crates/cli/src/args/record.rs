//! Arguments of the commands on records.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tozstore::{ClientId, GroupId, RecordId, Version};

use super::RecordSearchArguments;
use crate::field::{Entry, Field};

pub(super) const RECORD_EXAMPLES: &str = "\
Examples:
  tozstore record write note title=Shopping body=@list.txt --plain list=home
  pass show bank | tozstore record write password site=bank value=-
  tozstore record write contact --from-json contact.json
  tozstore record read RECORD
  tozstore record read RECORD --field body --raw > list.txt
  tozstore record update RECORD body=@list.txt
  tozstore record list --type note --plain list=home --data
  tozstore record list --all-writers --json

Fields:
  name=value    the value as typed        name=@file    the text in the file
  name=-        standard input            name=@@x      the text @x
Field names and --plain metadata are readable by the server; values of fields are not.";

/// Commands on records.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Encrypt a record and store it
    Write(RecordWriteArguments),
    /// Fetch a record and open it
    Read(RecordReadArguments),
    /// Change fields of a record; the others stay as they are
    Update(RecordUpdateArguments),
    /// Delete a record
    Delete(RecordDeleteArguments),
    /// List records, by default those that this client wrote
    List(RecordListArguments),
    /// Search records by terms: by type and plain metadata, exactly or by how they look
    Search(RecordSearchArguments),
}

/// What a record holds.
#[derive(Debug, Args)]
pub struct ContentArguments {
    /// Fields to encrypt: name=value, name=@file, name=-
    #[arg(value_name = "FIELD")]
    pub fields: Vec<Field>,
    /// Metadata that the server can read and search: name=value
    #[arg(long, value_name = "NAME=VALUE")]
    pub plain: Vec<Entry>,
    /// JSON object of texts that holds fields; a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub from_json: Option<PathBuf>,
}

/// What to write.
#[derive(Debug, Args)]
pub struct RecordWriteArguments {
    /// Type of the record: what is shared and revoked as one
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// What the record holds.
    #[command(flatten)]
    pub content: ContentArguments,
}

/// What to read.
#[derive(Debug, Args)]
pub struct RecordReadArguments {
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
    /// Fetch this field only; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub field: Vec<String>,
    /// Print the value of the one field exactly as it is, with no line end
    #[arg(long, requires = "field", conflicts_with = "json")]
    pub raw: bool,
}

/// What to change.
#[derive(Debug, Args)]
pub struct RecordUpdateArguments {
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
    /// What to change.
    #[command(flatten)]
    pub content: ContentArguments,
    /// Take this field away; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub remove: Vec<String>,
    /// Only if the record is still of this version [default: the version that the change is made from]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,
    /// As a member who may edit, of a group that the record is shared with
    #[arg(long, value_name = "GROUP")]
    pub group: Option<GroupId>,
}

/// What to delete.
#[derive(Debug, Args)]
pub struct RecordDeleteArguments {
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
    /// Only if the record is still of this version
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,
}

/// What to list.
#[derive(Debug, Args)]
pub struct RecordListArguments {
    /// Records of this type; may be given more than once
    #[arg(long = "type", value_name = "TYPE")]
    pub record_type: Vec<String>,
    /// Records that this client wrote; may be given more than once
    #[arg(long, value_name = "CLIENT", conflicts_with = "all_writers")]
    pub writer: Vec<ClientId>,
    /// Records of every writer who shares with this client
    #[arg(long)]
    pub all_writers: bool,
    /// Records whose plain metadata has this entry; may be given more than once, all must hold
    #[arg(long, value_name = "NAME=VALUE")]
    pub plain: Vec<Entry>,
    /// Records to print, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Fetch and open the fields as well
    #[arg(long)]
    pub data: bool,
}

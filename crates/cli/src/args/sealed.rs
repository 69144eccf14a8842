//! Arguments of the commands on sealed types and their records.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tozstore::{ClientId, Contact, RecordId};

use super::ContentArguments;
use crate::field::Field;

pub(super) const SEALED_EXAMPLES: &str = "\
Examples:
  tozstore sealed write diary day=Monday text=@monday.txt
  tozstore sealed share diary --with CLIENT#FINGERPRINT
  tozstore sealed share diary --with \"$(cat bob.card)\" --from-now
  tozstore sealed read diary RECORD
  tozstore sealed read diary RECORD --writer CLIENT --field text --raw
  tozstore sealed revoke diary --from CLIENT
  tozstore sealed rotate diary --complete

What is written after `revoke` opens with nothing that the client ever held, whatever it gets of the server.
A reader's fingerprint and contact card: tozstore whoami, on the reader's side. Without one of them the server
alone says whose keys they are.

A type is sealed for good once it is made, by `create` or by its first record. Types that have records written with
`tozstore record` stay as they are. Fields are given as for `tozstore record`.";

/// Commands on sealed types.
#[derive(Debug, Subcommand)]
pub enum SealedCommand {
    /// Make a sealed type; the first record makes it too
    Create(SealedCreateArguments),
    /// Encrypt a record of a sealed type and store it
    Write(SealedWriteArguments),
    /// Fetch a record, verify it and open it
    Read(SealedReadArguments),
    /// Change fields of a record; the others stay as they are
    Update(SealedUpdateArguments),
    /// Delete a record of a type of this client's own, for good
    Delete(SealedDeleteArguments),
    /// List records of a type
    List(SealedListArguments),
    /// Let another client read a type, or do more
    Share(SealedShareArguments),
    /// Take that back: what is written from then on stays closed to the client
    Revoke(SealedRevokeArguments),
    /// Take new keys for what is written from now on, or bring all under the newest
    Rotate(SealedRotateArguments),
    /// List who holds a grant in a type
    Readers(SealedTypeArguments),
}

/// A type.
#[derive(Debug, Args)]
pub struct SealedTypeArguments {
    /// Name of the type
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Whose type it is [default: this client's]
    #[arg(long, value_name = "CLIENT")]
    pub writer: Option<ClientId>,
}

/// A record.
#[derive(Debug, Args)]
pub struct SealedPlaceArguments {
    /// Its type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
}

/// What to make.
#[derive(Debug, Args)]
pub struct SealedCreateArguments {
    /// Name of the type
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Hide the names of fields from the server
    #[arg(long)]
    pub hide_names: bool,
    /// Refuse readers whose keys were not compared
    #[arg(long)]
    pub verified_only: bool,
}

/// What to write.
#[derive(Debug, Args)]
pub struct SealedWriteArguments {
    /// Its type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// What the record holds.
    #[command(flatten)]
    pub content: ContentArguments,
}

/// What to read.
#[derive(Debug, Args)]
pub struct SealedReadArguments {
    /// Which.
    #[command(flatten)]
    pub place: SealedPlaceArguments,
    /// Print this field only
    #[arg(long, value_name = "NAME")]
    pub field: Option<String>,
    /// Print the value of the field exactly as it is, with no line end
    #[arg(long, requires = "field", conflicts_with = "json")]
    pub raw: bool,
}

/// What to change.
#[derive(Debug, Args)]
pub struct SealedUpdateArguments {
    /// Which.
    #[command(flatten)]
    pub place: SealedPlaceArguments,
    /// Fields to encrypt: name=value, name=@file, name=-
    #[arg(value_name = "FIELD")]
    pub fields: Vec<Field>,
    /// JSON object of texts that holds fields; a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub from_json: Option<PathBuf>,
    /// Take this field away; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub remove: Vec<String>,
    /// Only if the record is still of this version [default: the version that the change is made from]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<u64>,
}

/// What to delete.
#[derive(Debug, Args)]
pub struct SealedDeleteArguments {
    /// Name of the type
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
}

/// What to list.
#[derive(Debug, Args)]
pub struct SealedListArguments {
    /// Which type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// Records to print, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print the fields as well
    #[arg(long)]
    pub data: bool,
}

/// What to share.
#[derive(Debug, Args)]
pub struct SealedShareArguments {
    /// Which type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// The client: its id, ID#FINGERPRINT, or its contact card
    #[arg(long, value_name = "CLIENT")]
    pub with: Contact,
    /// Only what is written from now on
    #[arg(long)]
    pub from_now: bool,
    /// What it may do besides reading; may be given more than once
    #[arg(long, value_name = "RIGHT")]
    pub can: Vec<SealedRight>,
}

/// What a client may do in a type besides reading it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SealedRight {
    /// Write and change records
    Edit,
    /// Share the type
    Share,
    /// Revoke shares
    Revoke,
    /// Take new keys
    Rotate,
}

/// What to rotate.
#[derive(Debug, Args)]
pub struct SealedRotateArguments {
    /// Which type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// Bring what was written before under the newest keys; may be stopped, and goes on when it is called again
    #[arg(long)]
    pub complete: bool,
    /// Records to bring under them in a second, at most
    #[arg(
        long, value_name = "N", requires = "complete", value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub keys_per_second: Option<u32>,
    /// Take what this author wrote, although it may not write any more; may be given more than once
    #[arg(long, value_name = "CLIENT", requires = "complete")]
    pub accept: Vec<ClientId>,
}

/// What to take back.
#[derive(Debug, Args)]
pub struct SealedRevokeArguments {
    /// Which type.
    #[command(flatten)]
    pub of: SealedTypeArguments,
    /// Id of the client
    #[arg(long, value_name = "CLIENT")]
    pub from: ClientId,
}

//! Arguments of the commands on notes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tozstore::{ClientId, NoteId, Timestamp};

use super::ContentArguments;

pub(super) const NOTE_EXAMPLES: &str = "\
Examples:
  tozstore note write CLIENT text=@letter.txt --max-views 1
  tozstore note write CLIENT text=hello --expires 2030-01-01T00:00:00Z
  tozstore note write CLIENT text=new --name reminder --replace
  tozstore note write CLIENT --file plan.pdf --plain name=plan.pdf --max-views 1
  tozstore note read NOTE --from CLIENT
  tozstore note read --name reminder --from CLIENT --field text --raw > letter.txt
  tozstore note read NOTE --from CLIENT --file plan.pdf
  tozstore note delete NOTE

Fields are given as for `tozstore record`. Without --from a note may be by anybody.";

/// Commands on notes.
#[derive(Debug, Subcommand)]
pub enum NoteCommand {
    /// Encrypt a note for a client and store it
    Write(NoteWriteArguments),
    /// Fetch a note for this client and open it; that counts as a view
    Read(NoteReadArguments),
    /// Delete a note that this client wrote
    Delete(NoteDeleteArguments),
}

/// What to write.
#[derive(Debug, Args)]
pub struct NoteWriteArguments {
    /// Id of the client that may read it
    #[arg(value_name = "CLIENT")]
    pub recipient: ClientId,
    /// What the note holds.
    #[command(flatten)]
    pub content: ContentArguments,
    /// Name by which it can be read; no other note on the server has it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// In place of this client's note of that name
    #[arg(long, requires = "name")]
    pub replace: bool,
    /// A file that goes with the note, encrypted too, or - for standard input. Its name is not sent
    #[arg(long, value_name = "PATH", conflicts_with = "replace")]
    pub file: Option<PathBuf>,
    /// How often it can be read [default: any number of times]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_views: Option<u32>,
    /// Until when it can be read, such as 2030-01-01T00:00:00Z [default: always]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<Timestamp>,
}

/// What to read.
#[derive(Debug, Args)]
pub struct NoteReadArguments {
    /// Id of the note
    #[arg(value_name = "NOTE", required_unless_present = "name", conflicts_with = "name")]
    pub note: Option<NoteId>,
    /// Name of the note, in place of its id
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only if this client wrote it
    #[arg(long, value_name = "CLIENT")]
    pub from: Option<ClientId>,
    /// Write the file that goes with the note there, or - for standard output, which then gets nothing else
    #[arg(long, value_name = "PATH", conflicts_with = "field")]
    pub file: Option<PathBuf>,
    /// Print this field only
    #[arg(long, value_name = "FIELD", requires = "raw")]
    pub field: Option<String>,
    /// Print the value of the one field exactly as it is, with no line end
    #[arg(long, requires = "field", conflicts_with = "json")]
    pub raw: bool,
}

/// What to delete.
#[derive(Debug, Args)]
pub struct NoteDeleteArguments {
    /// Id of the note
    #[arg(value_name = "NOTE")]
    pub note: NoteId,
}

//! The command line: every command, option and example that a user can type.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use tozstore::{ClientId, NoteId, RecordId, Timestamp, Version};

use crate::field::{Entry, Field};
use crate::profile::ProfileName;

const EXAMPLES: &str = "\
Examples:
  tozstore demo                                       the whole story in a few seconds
  tozstore serve --data ./data                        run a server on 127.0.0.1:8080
  tozstore account create --email me@example.org      an account on it
  tozstore token create > token                       a token with which clients register
  tozstore client register --token-file token         make keys, keep them as a profile
  tozstore record write note title=Shopping body=@list.txt
  tozstore record list --type note --data
  tozstore share note --with 1a2b3c4d-....            all records of this type, now and later
  tozstore explain RECORD                             who can read it, and what the server sees

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 conflict,
  6 server not reached, 7 data does not open or cannot be trusted";

/// TozStore: records that are encrypted before they leave this machine.
#[derive(Debug, Parser)]
#[command(name = "tozstore", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct GlobalArguments {
    /// Which client to be: the name of a profile on this machine
    #[arg(long, global = true, env = "TOZSTORE_PROFILE", default_value = "default", value_name = "NAME")]
    pub profile: ProfileName,
    /// Address of the server, in the place of the one that the profile names
    #[arg(long, global = true, env = "TOZSTORE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// Print JSON: one document, or one document per line for lists
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a server
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Watch the whole story: a server, two clients, a record, sharing, revoking; nothing is left behind
    Demo,
    /// Create an account, log in, delete it
    #[command(subcommand, after_help = ACCOUNT_EXAMPLES)]
    Account(AccountCommand),
    /// Registration tokens of the account: who holds one can register clients
    #[command(subcommand, after_help = TOKEN_EXAMPLES)]
    Token(TokenCommand),
    /// Register clients; list, disable and delete those of the account
    #[command(subcommand, after_help = CLIENT_EXAMPLES)]
    Client(ClientCommand),
    /// Write, read, change, delete and list records
    #[command(subcommand, after_help = RECORD_EXAMPLES)]
    Record(RecordCommand),
    /// Send, fetch, list and delete files of any size up to 5 GB
    #[command(subcommand, after_help = FILE_EXAMPLES)]
    File(FileCommand),
    /// Write, read and delete notes: sealed for one client, with a limit on views or time
    #[command(subcommand, after_help = NOTE_EXAMPLES)]
    Note(NoteCommand),
    /// Let another client read all records of a type
    #[command(after_help = SHARE_EXAMPLES)]
    Share(ShareArguments),
    /// Take that back
    Revoke(RevokeArguments),
    /// List what is shared with others, and by others
    Sharing,
    /// Let another client share a record type on behalf of this one
    #[command(subcommand, after_help = AUTHORIZER_EXAMPLES)]
    Authorizer(AuthorizerCommand),
    /// Show which client this is
    Whoami(WhoamiArguments),
    /// Show who can read a record and by which route, and what the server sees of it, byte by byte
    Explain(ExplainArguments),
    /// Profiles on this machine: list them, show one, find its file
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
    /// Print the manual page, or write one page for each command into a folder
    Man(ManArguments),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  tozstore serve
  tozstore serve --data /var/lib/tozstore --listen 0.0.0.0:8080 --log-format json
  tozstore serve --config /etc/tozstore.toml
  tozstore serve --listen 127.0.0.1:0                 any free port; the first line of output names it

An option wins over its TOZSTORE_* variable, which wins over the file.";

/// How to run the server.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Folder that holds the data [default: tozstore-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Settings file, in TOML
    #[arg(long, value_name = "FILE", env = "TOZSTORE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Form of the log on standard error: text or json
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
}

const ACCOUNT_EXAMPLES: &str = "\
Examples:
  tozstore account create --email me@example.org --api-url http://127.0.0.1:8080
  tozstore account login --email me@example.org --password-file password
  tozstore account delete

The password comes from --password-file, else from TOZSTORE_ACCOUNT_PASSWORD, else from a prompt.";

/// Commands on the account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account, and stay logged in
    Create(AccountCreateArguments),
    /// Log in to an account
    Login(AccountLoginArguments),
    /// Forget the account on this machine; nothing changes at the server
    Logout,
    /// Delete the account at the server, with its tokens and clients
    Delete(AccountDeleteArguments),
}

/// The account that is to be.
#[derive(Debug, Args)]
pub struct AccountCreateArguments {
    /// E-mail address to log in by; nothing is sent there
    #[arg(long)]
    pub email: String,
    /// Name of the owner [default: the e-mail address]
    #[arg(long)]
    pub name: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which account.
#[derive(Debug, Args)]
pub struct AccountLoginArguments {
    /// E-mail address of the account
    #[arg(long)]
    pub email: String,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Where the account password comes from: never from the command line, where all processes can read it.
#[derive(Debug, Args)]
pub struct PasswordArguments {
    /// File whose first line is the account password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// How to delete the account.
#[derive(Debug, Args)]
pub struct AccountDeleteArguments {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

const TOKEN_EXAMPLES: &str = "\
Examples:
  tozstore token create --name laptops --uses 10 > token
  tozstore token create --one-time | tozstore client register --profile alice
  tozstore token list
  tozstore token delete TOKEN-ID";

/// Commands on registration tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token; it is all that is printed
    Create(TokenCreateArguments),
    /// List the tokens, each by the first characters of its text
    List(PasswordArguments),
    /// Delete a token: it registers nobody from then on
    Delete(TokenDeleteArguments),
}

/// What the token allows.
#[derive(Debug, Args)]
pub struct TokenCreateArguments {
    /// A name to know it by
    #[arg(long)]
    pub name: Option<String>,
    /// The token registers one client, and is gone
    #[arg(long, conflicts_with = "uses")]
    pub one_time: bool,
    /// Clients that the token registers, at most [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which token.
#[derive(Debug, Args)]
pub struct TokenDeleteArguments {
    /// The first characters of the token, as `token list` shows them
    #[arg(value_name = "TOKEN-ID")]
    pub id: String,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

const CLIENT_EXAMPLES: &str = "\
Examples:
  tozstore client register --token-file token --api-url http://127.0.0.1:8080
  tozstore client register --profile bob --name 'Laptop of Bob' < token
  tozstore client list
  tozstore client disable 1a2b3c4d-....

The registration token comes from --token-file, else from TOZSTORE_REGISTRATION_TOKEN, else from
standard input. It is not taken from the command line, where every process can read it.";

/// Commands on clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make keys, register them at the server, keep them as the profile
    Register(RegisterArguments),
    /// List the clients of the account
    List(PasswordArguments),
    /// Let a disabled client of the account in again
    Enable(AdministeredClientArguments),
    /// Keep a client of the account out: it can do nothing until it is enabled
    Disable(AdministeredClientArguments),
    /// Delete a client of the account, with what it wrote
    Delete(ClientDeleteArguments),
    /// Show the public part of a client, this one by default
    Info(ClientInfoArguments),
}

/// How to register.
#[derive(Debug, Args)]
pub struct RegisterArguments {
    /// A name that other clients see [default: the profile's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Keep a copy of the credentials at the server, encrypted for the account: whoever logs in to the
    /// account can then read all that this client can
    #[arg(long)]
    pub backup: bool,
    /// File that holds the registration token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Which client of the account.
#[derive(Debug, Args)]
pub struct AdministeredClientArguments {
    /// Id of the client
    #[arg(value_name = "CLIENT")]
    pub client: ClientId,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Which client of the account, and whether to ask.
#[derive(Debug, Args)]
pub struct ClientDeleteArguments {
    /// Which client.
    #[command(flatten)]
    pub target: AdministeredClientArguments,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Which client.
#[derive(Debug, Args)]
pub struct ClientInfoArguments {
    /// Id of the client [default: the profile's own]
    #[arg(value_name = "CLIENT")]
    pub client: Option<ClientId>,
}

const NOTE_EXAMPLES: &str = "\
Examples:
  tozstore note write CLIENT text=@letter.txt --max-views 1
  tozstore note write CLIENT text=hello --expires 2030-01-01T00:00:00Z
  tozstore note write CLIENT text=new --name reminder --replace
  tozstore note read NOTE --from CLIENT
  tozstore note read --name reminder --from CLIENT --field text --raw > letter.txt
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

const RECORD_EXAMPLES: &str = "\
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

const FILE_EXAMPLES: &str = "\
Examples:
  tozstore file put photo beach.jpg --plain name=beach.jpg
  tar c folder | tozstore file put backup -
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

/// What to search for.
#[derive(Debug, Args)]
pub struct RecordSearchArguments {
    /// Term for the type of the record; may be given more than once, like all terms
    #[arg(long = "type", value_name = "TYPE")]
    pub record_type: Vec<String>,
    /// Term for the name of an entry of the plain metadata
    #[arg(long, value_name = "NAME")]
    pub key: Vec<String>,
    /// Term for the value of an entry of the plain metadata, whatever its name
    #[arg(long, value_name = "VALUE")]
    pub value: Vec<String>,
    /// Term for an entry of the plain metadata
    #[arg(long, value_name = "NAME=VALUE")]
    pub plain: Vec<Entry>,
    /// Term for the writer of the record
    #[arg(long, value_name = "CLIENT")]
    pub writer: Vec<ClientId>,
    /// One term is enough; without this all must hold
    #[arg(long)]
    pub any: bool,
    /// How terms are compared
    #[arg(long, value_enum, default_value_t = Comparison::Exact)]
    pub by: Comparison,
    /// Leave records of this type out; may be given more than once
    #[arg(long, value_name = "TYPE")]
    pub exclude_type: Vec<String>,
    /// Records written at this time (2024-01-31T12:00:00Z, or with an offset) or later
    #[arg(long, value_name = "TIME", value_parser = Timestamp::from_any_zone)]
    pub after: Option<Timestamp>,
    /// Records written at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = Timestamp::from_any_zone)]
    pub before: Option<Timestamp>,
    /// Take --after and --before for the time of the last change
    #[arg(long)]
    pub modified: bool,
    /// Records of every writer who shares with this client
    #[arg(long)]
    pub all_writers: bool,
    /// The newest first
    #[arg(long)]
    pub newest_first: bool,
    /// Records to print, at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Fetch and open the fields as well
    #[arg(long)]
    pub data: bool,
}

/// How terms are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Comparison {
    /// The same text
    Exact,
    /// The same text but for a few characters
    Fuzzy,
    /// A regular expression for the whole text
    Regexp,
    /// * for any text, ? for any character
    Wildcard,
}

const SHARE_EXAMPLES: &str = "\
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

const AUTHORIZER_EXAMPLES: &str = "\
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

/// What to show of oneself.
#[derive(Debug, Args)]
pub struct WhoamiArguments {
    /// Print the client's id alone
    #[arg(long, conflicts_with = "json")]
    pub id: bool,
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Id of the record
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
}

/// Commands on profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the profiles on this machine
    List,
    /// Show a profile without its secrets
    Show(ProfileShowArguments),
    /// Print where the profile's file is, or would be
    Path,
}

/// What to show.
#[derive(Debug, Args)]
pub struct ProfileShowArguments {
    /// Print the file itself, private keys and API secret included
    #[arg(long)]
    pub secrets: bool,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tozstore completions bash > ~/.local/share/bash-completion/completions/tozstore
  tozstore completions zsh > ~/.zfunc/_tozstore
  tozstore completions fish > ~/.config/fish/completions/tozstore.fish";

/// Which shell.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_parser = shells())]
    pub shell: clap_complete::Shell,
}

/// Where to.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder into which one page for each command is written
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

fn shells() -> impl TypedValueParser<Value = clap_complete::Shell> {
    PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"])
        .try_map(|name| name.parse::<clap_complete::Shell>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_secret_has_no_place_on_the_command_line() {
        for line in [
            "tozstore client register --token 00",
            "tozstore client register 00",
            "tozstore account login --email a@b.c --password x",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}

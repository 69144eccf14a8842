//! The command line: every command, option and example that a user can type. Each noun has a file of its own.

mod account;
mod admin;
mod audit;
mod authorizer;
mod client;
mod completions;
mod explain;
mod file;
mod group;
mod hook;
mod man;
mod note;
mod profile;
mod quota;
mod record;
mod record_search;
mod sealed;
mod serve;
mod sharing;
mod token;
mod trust;
mod whoami;

use clap::{Args, Parser, Subcommand};

pub use self::account::*;
pub use self::admin::*;
pub use self::audit::*;
pub use self::authorizer::*;
pub use self::client::*;
pub use self::completions::*;
pub use self::explain::*;
pub use self::file::*;
pub use self::group::*;
pub use self::hook::*;
pub use self::man::*;
pub use self::note::*;
pub use self::profile::*;
pub use self::quota::*;
pub use self::record::*;
pub use self::record_search::*;
pub use self::sealed::*;
pub use self::serve::*;
pub use self::sharing::*;
pub use self::token::*;
pub use self::trust::*;
pub use self::whoami::*;
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
    /// Look after a server: back up, check, restore and move its data; quotas, the audit log
    #[command(subcommand, after_help = ADMIN_EXAMPLES)]
    Admin(AdminCommand),
    /// Watch the whole story: a server, two clients, a record, sharing, revoking; nothing is left behind
    Demo,
    /// Create an account, log in, change its password, get back in, delete it
    #[command(subcommand, after_help = ACCOUNT_EXAMPLES)]
    Account(AccountCommand),
    /// Registration tokens of the account: who holds one can register clients
    #[command(subcommand, after_help = TOKEN_EXAMPLES)]
    Token(TokenCommand),
    /// Register clients; list, disable and delete those of the account
    #[command(subcommand, after_help = CLIENT_EXAMPLES)]
    Client(ClientCommand),
    /// Let the server tell an address of what changes in the account
    #[command(subcommand, after_help = HOOK_EXAMPLES)]
    Hook(HookCommand),
    /// Write, read, change, delete and list records
    #[command(subcommand, after_help = RECORD_EXAMPLES)]
    Record(RecordCommand),
    /// Records whose readers can be shut out for good: what is written after a revocation stays closed to them
    #[command(subcommand, after_help = SEALED_EXAMPLES)]
    Sealed(SealedCommand),
    /// What this client remembers of sealed types: compare keys, accept new ones, go on after a restore
    #[command(subcommand, after_help = TRUST_EXAMPLES)]
    Trust(TrustCommand),
    /// Send, fetch, list and delete files of any size up to 5 GB
    #[command(subcommand, after_help = FILE_EXAMPLES)]
    File(FileCommand),
    /// Groups of clients: let members in, share record types with all of them
    #[command(subcommand, after_help = GROUP_EXAMPLES)]
    Group(GroupCommand),
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

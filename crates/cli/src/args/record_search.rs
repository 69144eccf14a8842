//! Arguments of the search for records by terms.

use clap::Args;
use tozstore::{ClientId, GroupId, Timestamp};

use crate::field::Entry;

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
    /// Records of every writer who shares with this client or with a group in which it may read
    #[arg(long)]
    pub all_writers: bool,
    /// Records that are shared with this group, by whomever; may be given more than once
    #[arg(long, value_name = "GROUP", conflicts_with = "without_groups")]
    pub group: Vec<GroupId>,
    /// No records that come through groups alone
    #[arg(long)]
    pub without_groups: bool,
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

//! Arguments of the commands on groups.

use clap::{Args, Subcommand, ValueEnum};
use tozstore::{Capability, CapabilitySet, ClientId, GroupId};

pub(super) const GROUP_EXAMPLES: &str = "\
Examples:
  tozstore group create team
  tozstore group add GROUP 1a2b3c4d-.... --can read --can share
  tozstore group share GROUP note                     all records of this type, now and later
  tozstore --profile bob group records GROUP --data
  tozstore group add GROUP 1a2b3c4d-.... --can read --only
  tozstore group remove GROUP 1a2b3c4d-....

Members are clients of one account. What a member has read it may keep when it is removed.";

/// Commands on groups.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Make a group, with this client as its first member; prints its id
    Create(GroupCreateArguments),
    /// List the groups that this client is a member of
    List,
    /// Show a group; with --description describe it anew
    Describe(GroupDescribeArguments),
    /// Delete a group; the records that were shared with it stay with their writers
    Delete(GroupDeleteArguments),
    /// Let clients in, or give members more rights
    Add(GroupAddArguments),
    /// Remove members
    Remove(GroupRemoveArguments),
    /// List the members of a group, and what they may do
    Members(GroupArguments),
    /// Share all records of a type with the members who may read
    Share(GroupShareArguments),
    /// Take that back
    Unshare(GroupUnshareArguments),
    /// List what is shared with a group, by whomever
    Records(GroupRecordsArguments),
}

/// The group that is to be.
#[derive(Debug, Args)]
pub struct GroupCreateArguments {
    /// Its name; the server reads it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Free text; the server and every client of the account read it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
}

/// Which group.
#[derive(Debug, Args)]
pub struct GroupArguments {
    /// Id of the group
    #[arg(value_name = "GROUP")]
    pub group: GroupId,
}

/// Which group, and its new description.
#[derive(Debug, Args)]
pub struct GroupDescribeArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Its new description
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// Which group, and whether to ask.
#[derive(Debug, Args)]
pub struct GroupDeleteArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Whom to let in.
#[derive(Debug, Args)]
pub struct GroupAddArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Ids of the clients
    #[arg(value_name = "CLIENT", required = true)]
    pub clients: Vec<ClientId>,
    /// What they may do; may be given more than once
    #[arg(long, value_enum, value_name = "RIGHT", default_values_t = [Right::Read])]
    pub can: Vec<Right>,
    /// Take every other right from who is a member already
    #[arg(long)]
    pub only: bool,
}

/// What a member may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Right {
    /// Change records, where the share allows it
    Edit,
    /// Let others in and remove them, describe and delete the group
    Manage,
    /// Read what is shared with the group
    Read,
    /// Share records with the group
    Share,
}

impl Right {
    /// A set of rights as the protocol has it.
    pub fn capabilities(rights: &[Self]) -> CapabilitySet {
        let capabilities = rights.iter().map(|right| match right {
            Self::Edit => Capability::EditContent,
            Self::Manage => Capability::ManageMembership,
            Self::Read => Capability::ReadContent,
            Self::Share => Capability::ShareContent,
        });
        capabilities.collect()
    }

    /// The rights in a set, in words.
    pub fn words(capabilities: &CapabilitySet) -> Vec<&'static str> {
        let words = capabilities.iter().map(|capability| match capability {
            Capability::EditContent => "edit",
            Capability::ManageMembership => "manage",
            Capability::ReadContent => "read",
            Capability::ShareContent => "share",
        });
        words.collect()
    }
}

/// Whom to remove.
#[derive(Debug, Args)]
pub struct GroupRemoveArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Ids of the members
    #[arg(value_name = "CLIENT", required = true)]
    pub clients: Vec<ClientId>,
}

/// What to share.
#[derive(Debug, Args)]
pub struct GroupShareArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Type of the records
    #[arg(value_name = "TYPE")]
    pub record_type: String,
    /// Members who may edit may change the records
    #[arg(long)]
    pub editable: bool,
}

/// What to take back.
#[derive(Debug, Args)]
pub struct GroupUnshareArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Type of the records
    #[arg(value_name = "TYPE")]
    pub record_type: String,
}

/// What to list.
#[derive(Debug, Args)]
pub struct GroupRecordsArguments {
    /// Which group.
    #[command(flatten)]
    pub target: GroupArguments,
    /// Records to print, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print the fields as well
    #[arg(long)]
    pub data: bool,
}

//! `group`: groups of clients, their members, and what is shared with them.

use serde_json::json;
use tozstore::{Group, GroupId, GroupMember, GroupOptions};

use super::Context;
use super::record::Listing;
use crate::args::{
    GroupAddArguments, GroupCommand, GroupCreateArguments, GroupDeleteArguments, GroupDescribeArguments,
    GroupRecordsArguments, GroupRemoveArguments, GroupShareArguments, GroupUnshareArguments, Right,
};
use crate::exit::Outcome;

/// Runs one of the commands.
pub async fn run(command: GroupCommand, context: &Context) -> Outcome {
    match command {
        GroupCommand::Create(arguments) => create(arguments, context).await,
        GroupCommand::List => list(context).await,
        GroupCommand::Describe(arguments) => describe(&arguments, context).await,
        GroupCommand::Delete(arguments) => delete(&arguments, context).await,
        GroupCommand::Add(arguments) => add(&arguments, context).await,
        GroupCommand::Remove(arguments) => remove(&arguments, context).await,
        GroupCommand::Members(arguments) => members(arguments.group, context).await,
        GroupCommand::Share(arguments) => share(&arguments, context).await,
        GroupCommand::Unshare(arguments) => unshare(&arguments, context).await,
        GroupCommand::Records(arguments) => records(&arguments, context).await,
    }
}

async fn create(arguments: GroupCreateArguments, context: &Context) -> Outcome {
    let mut options = GroupOptions::default();
    options.description = arguments.description;
    context
        .with_client(async |client| {
            let group = client.create_group(&arguments.name, options).await?;
            if context.output.is_json() {
                return context.output.document(&document(&group));
            }
            context.output.line(&group.id.to_string())
        })
        .await
}

async fn list(context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let mut rows = Vec::new();
            for group in client.groups().await? {
                if context.output.is_json() {
                    context.output.document(&document(&group))?;
                } else {
                    let members = group.member_count.to_string();
                    rows.push([group.id.to_string(), group.name, members, group.description]);
                }
            }
            if rows.is_empty() {
                context.output.remark("this client is in no group");
                return Ok(());
            }
            context.output.table(["GROUP", "NAME", "MEMBERS", "DESCRIPTION"], &rows)
        })
        .await
}

async fn describe(arguments: &GroupDescribeArguments, context: &Context) -> Outcome {
    let id = arguments.target.group;
    context
        .with_client(async |client| {
            let group = match &arguments.description {
                Some(description) => client.describe_group(id, description).await?,
                None => client.group(id).await?,
            };
            let pairs = [
                ("group", group.id.to_string()),
                ("name", group.name.clone()),
                ("description", group.description.clone()),
                ("members", group.member_count.to_string()),
                ("created", group.created.to_string()),
                ("changed", group.last_modified.to_string()),
            ];
            context.output.pairs(&document(&group), &pairs)
        })
        .await
}

async fn delete(arguments: &GroupDeleteArguments, context: &Context) -> Outcome {
    let id = arguments.target.group;
    context.ask(arguments.yes, &format!("Delete the group {id}?"))?;
    context
        .with_client(async |client| {
            client.delete_group(id).await?;
            done(context, &json!({ "group_id": id, "deleted": true }), "deleted")
        })
        .await
}

async fn add(arguments: &GroupAddArguments, context: &Context) -> Outcome {
    let (id, capabilities) = (arguments.target.group, Right::capabilities(&arguments.can));
    context
        .with_client(async |client| {
            let members: Vec<_> = arguments.clients.iter().map(|one| (*one, capabilities.clone())).collect();
            client.add_group_members(id, &members).await?;
            if arguments.only {
                for member in &arguments.clients {
                    client.set_group_capabilities(id, *member, capabilities.clone()).await?;
                }
            }
            show_members(client.group_members(id).await?, context)
        })
        .await
}

async fn remove(arguments: &GroupRemoveArguments, context: &Context) -> Outcome {
    let id = arguments.target.group;
    context
        .with_client(async |client| {
            client.remove_group_members(id, &arguments.clients).await?;
            let document = json!({ "group_id": id, "removed": arguments.clients });
            done(context, &document, "removed: what they have read, and the key of the group, they may keep")
        })
        .await
}

async fn members(id: GroupId, context: &Context) -> Outcome {
    context.with_client(async |client| show_members(client.group_members(id).await?, context)).await
}

async fn share(arguments: &GroupShareArguments, context: &Context) -> Outcome {
    let GroupShareArguments { target, record_type, editable } = arguments;
    let id = target.group;
    context
        .with_client(async |client| {
            client.share_with_group(record_type, id, *editable).await?;
            let document =
                json!({ "shared": true, "type": record_type, "group_id": id, "editable": editable });
            let remark = format!("members of {id} who may read can read all records of type {record_type}");
            done(context, &document, &remark)
        })
        .await
}

async fn unshare(arguments: &GroupUnshareArguments, context: &Context) -> Outcome {
    let GroupUnshareArguments { target, record_type } = arguments;
    let id = target.group;
    context
        .with_client(async |client| {
            client.unshare_with_group(record_type, id).await?;
            let document = json!({ "shared": false, "type": record_type, "group_id": id });
            let remark = format!("members of {id} get no more records of type {record_type} by way of it");
            done(context, &document, &remark)
        })
        .await
}

async fn records(arguments: &GroupRecordsArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let listing = Listing::new(context.output, arguments.data, false);
            listing.fill(client.group_records(arguments.target.group), arguments.limit as usize).await
        })
        .await
}

fn show_members(members: Vec<GroupMember>, context: &Context) -> Outcome {
    let mut rows = Vec::with_capacity(members.len());
    for member in members {
        let can = Right::words(&member.capabilities);
        if context.output.is_json() {
            context.output.document(&json!({ "client_id": member.id, "can": can }))?;
        } else {
            rows.push([member.id.to_string(), can.join(", ")]);
        }
    }
    if context.output.is_json() { Ok(()) } else { context.output.table(["CLIENT", "MAY"], &rows) }
}

/// A group for programs. Documented in `docs/cli.md`.
fn document(group: &Group) -> serde_json::Value {
    json!({
        "group_id": group.id,
        "name": group.name,
        "description": group.description,
        "member_count": group.member_count,
        "created": group.created,
        "last_modified": group.last_modified,
    })
}

fn done(context: &Context, document: &serde_json::Value, remark: &str) -> Outcome {
    if context.output.is_json() {
        return context.output.document(document);
    }
    context.output.remark(remark);
    Ok(())
}

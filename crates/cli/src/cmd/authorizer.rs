//! `authorizer`: who may share on whose behalf.

use serde_json::json;

use super::Context;
use crate::args::{AuthorizerArguments, AuthorizerCommand};
use crate::exit::Outcome;

/// Runs one of the commands.
pub async fn run(command: AuthorizerCommand, context: &Context) -> Outcome {
    match command {
        AuthorizerCommand::Add(arguments) => set(&arguments, true, context).await,
        AuthorizerCommand::Remove(arguments) => set(&arguments, false, context).await,
        AuthorizerCommand::List => list(context).await,
    }
}

async fn set(arguments: &AuthorizerArguments, allowed: bool, context: &Context) -> Outcome {
    let AuthorizerArguments { record_type, client: authorizer } = arguments;
    context
        .with_client(async |client| {
            if allowed {
                client.add_authorizer(record_type, *authorizer).await?;
            } else {
                client.remove_authorizer(Some(record_type.as_str()), *authorizer).await?;
            }
            if context.output.is_json() {
                let document = json!({ "authorizer": allowed, "type": record_type, "client_id": authorizer });
                return context.output.document(&document);
            }
            let may = if allowed { "can now share" } else { "can no longer share" };
            context
                .output
                .remark(&format!("{authorizer} {may} records of type {record_type} on your behalf"));
            Ok(())
        })
        .await
}

async fn list(context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let (given, held) = (client.authorizers().await?, client.granted().await?);
            let given = given.into_iter().map(|one| ("authorizer", one.record_type, one.authorizer_id));
            let held = held.into_iter().map(|one| ("writer", one.record_type, one.writer_id));
            let mut rows = Vec::new();
            for (role, record_type, client_id) in given.chain(held) {
                if context.output.is_json() {
                    context
                        .output
                        .document(&json!({ "role": role, "type": record_type, "client_id": client_id }))?;
                } else {
                    let relation = if role == "authorizer" {
                        "shares for this client"
                    } else {
                        "is shared for by this client"
                    };
                    rows.push([record_type.to_string(), client_id.to_string(), relation.to_owned()]);
                }
            }
            if rows.is_empty() {
                context.output.remark("no authorizers");
                return Ok(());
            }
            context.output.table(["TYPE", "CLIENT", "RELATION"], &rows)
        })
        .await
}

//! `share`, `revoke`, `sharing`: who may read which record types.

use serde_json::json;

use super::Context;
use crate::args::{RevokeArguments, ShareArguments};
use crate::exit::Outcome;

/// Lets another client read a record type.
pub async fn share(arguments: &ShareArguments, context: &Context) -> Outcome {
    let ShareArguments { record_type, with: reader, on_behalf_of } = arguments;
    context
        .with_client(async |client| {
            match on_behalf_of {
                Some(writer) => client.share_on_behalf_of(*writer, record_type, *reader).await?,
                None => client.share(record_type, *reader).await?,
            }
            let writer = on_behalf_of.unwrap_or(client.id());
            let document =
                json!({ "shared": true, "type": record_type, "writer_id": writer, "reader_id": reader });
            done(
                context,
                &document,
                &format!("{reader} can read all records of type {record_type} of {writer}"),
            )
        })
        .await
}

/// Takes that back.
pub async fn revoke(arguments: &RevokeArguments, context: &Context) -> Outcome {
    let RevokeArguments { record_type, from: reader, on_behalf_of } = arguments;
    context
        .with_client(async |client| {
            match on_behalf_of {
                Some(writer) => client.revoke_on_behalf_of(*writer, record_type, *reader).await?,
                None => client.revoke(record_type, *reader).await?,
            }
            let writer = on_behalf_of.unwrap_or(client.id());
            let document =
                json!({ "shared": false, "type": record_type, "writer_id": writer, "reader_id": reader });
            done(
                context,
                &document,
                &format!("{reader} gets no more records of type {record_type} of {writer}"),
            )
        })
        .await
}

/// Lists what is shared with others, and by others.
pub async fn list(context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let (outgoing, incoming) = (client.outgoing().await?, client.incoming().await?);
            let outgoing = outgoing.into_iter().map(|one| ("outgoing", one.record_type, one.reader_id, one.reader_name));
            let incoming = incoming.into_iter().map(|one| ("incoming", one.record_type, one.writer_id, one.writer_name));
            let mut rows = Vec::new();
            for (direction, record_type, client_id, name) in outgoing.chain(incoming) {
                if context.output.is_json() {
                    let document =
                        json!({ "direction": direction, "type": record_type, "client_id": client_id, "name": name });
                    context.output.document(&document)?;
                } else {
                    let whom = if direction == "outgoing" { "with" } else { "by" };
                    let name = name.unwrap_or_default();
                    rows.push([record_type.to_string(), whom.to_owned(), client_id.to_string(), name]);
                }
            }
            if rows.is_empty() {
                context.output.remark("nothing is shared");
                return Ok(());
            }
            context.output.table(["TYPE", "SHARED", "CLIENT", "NAME"], &rows)
        })
        .await
}

fn done(context: &Context, document: &serde_json::Value, remark: &str) -> Outcome {
    if context.output.is_json() {
        return context.output.document(document);
    }
    context.output.remark(remark);
    Ok(())
}

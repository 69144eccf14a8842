//! `explain`: who can read a record and by which route, and what the server sees of it.

use serde_json::json;
use tozstore::{ClientId, Explanation, Route};

use super::Context;
use crate::args::ExplainArguments;
use crate::exit::Outcome;

/// Explains one record.
pub async fn run(arguments: &ExplainArguments, context: &Context) -> Outcome {
    context
        .with_client(async |client| {
            let explanation = client.explain(arguments.record).await?;
            if context.output.is_json() {
                document(&explanation, context)
            } else {
                text(&explanation, client.id(), context)
            }
        })
        .await
}

fn text(explanation: &Explanation, own_id: ClientId, context: &Context) -> Outcome {
    let output = context.output;
    output.line(&format!("Record {} of type {}", explanation.record, explanation.record_type))?;
    output.line("")?;
    output.line("Who can read it:")?;
    let mut readers = vec![[explanation.writer.to_string(), String::new(), "it wrote the record".to_owned()]];
    if let Route::Shared { authorizer } = explanation.route {
        let route = format!("the type is shared with this client; the key to it was wrapped by {authorizer}");
        readers.push([own_id.to_string(), context.profile.to_string(), route]);
    }
    if let Route::Group { authorizer } = explanation.route {
        let route = format!("the type is shared with a group that this client is in; {authorizer} let it in");
        readers.push([own_id.to_string(), context.profile.to_string(), route]);
    }
    for reader in explanation.readers.iter().flatten() {
        let route = "the writer's records of this type are shared with it".to_owned();
        readers.push([reader.id.to_string(), reader.name.clone().unwrap_or_default(), route]);
    }
    for group in explanation.groups.iter().flatten() {
        let route = format!("those who may read in group {group}: the type is shared with it");
        readers.push(["members".to_owned(), String::new(), route]);
    }
    for one in explanation.authorizers.iter().flatten() {
        let route =
            "may share the type for the writer: holds its key, gets no records unless shared".to_owned();
        readers.push([one.authorizer_id.to_string(), String::new(), route]);
    }
    output.table(["CLIENT", "NAME", "ROUTE"], &readers)?;
    if explanation.readers.is_none() {
        output.line("There may be others: only the writer is told whom its records are shared with.")?;
    }
    output.line("")?;
    output.line("What the server sees, in bytes:")?;
    let rows: Vec<[String; 4]> = explanation
        .server_sees
        .iter()
        .map(|member| {
            let seen = match (member.clear_bytes, member.sealed_bytes) {
                (_, 0) => "all of it",
                (0, _) => "its length",
                _ => "its name and its length",
            };
            [
                member.name.clone(),
                member.clear_bytes.to_string(),
                member.sealed_bytes.to_string(),
                seen.to_owned(),
            ]
        })
        .collect();
    output.table(["MEMBER", "CLEAR", "SEALED", "THE SERVER SEES"], &rows)?;
    let (clear, sealed) = explanation.totals();
    output.line(&format!("{clear} bytes can be read by the server, {sealed} bytes are sealed."))
}

fn document(explanation: &Explanation, context: &Context) -> Outcome {
    let (route, wrapped_by) = match explanation.route {
        Route::Group { authorizer } => ("group", Some(authorizer)),
        Route::Shared { authorizer } => ("shared", Some(authorizer)),
        _ => ("writer", None),
    };
    let readers = explanation.readers.as_ref().map(|readers| {
        let readers = readers.iter().map(|reader| json!({ "client_id": reader.id, "name": reader.name }));
        readers.collect::<Vec<_>>()
    });
    let authorizers = explanation.authorizers.as_ref();
    let authorizers = authorizers.map(|all| all.iter().map(|one| one.authorizer_id).collect::<Vec<_>>());
    let seen = explanation.server_sees.iter().map(|member| {
        json!({ "name": member.name, "clear_bytes": member.clear_bytes, "sealed_bytes": member.sealed_bytes })
    });
    let (clear, sealed) = explanation.totals();
    context.output.document(&json!({
        "record_id": explanation.record,
        "type": explanation.record_type,
        "writer_id": explanation.writer,
        "route": route,
        "key_wrapped_by": wrapped_by,
        "readers": readers,
        "groups": explanation.groups,
        "authorizers": authorizers,
        "server_sees": seen.collect::<Vec<_>>(),
        "clear_bytes": clear,
        "sealed_bytes": sealed,
    }))
}
